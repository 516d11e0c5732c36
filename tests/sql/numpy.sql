-- A pool with arrays: numpy. Numbers without nulls come as read-only views; arrays and numpy's scalars go out.
CREATE SCHEMA numpy;
SET search_path = numpy;
CREATE ROLE regress_numpy;
GRANT USAGE ON SCHEMA numpy TO regress_numpy;
CREATE FUNCTION seen(list anyarray) RETURNS text LANGUAGE pybox AS $$
import numpy
if isinstance(list, numpy.ndarray):
    return f"{list.dtype} {list.shape} {list.tolist()}"
return repr(list)
$$;
CREATE FUNCTION made(python text, kind anyelement) RETURNS anyelement LANGUAGE pybox AS $$
import numpy as np
return eval(compile(python, "expression", "eval"))
$$;
CREATE FUNCTION made_array(python text, kind anyarray) RETURNS anyarray LANGUAGE pybox AS $$
import numpy as np
return eval(compile(python, "expression", "eval"))
$$;
CREATE FUNCTION tried(list float8[], python text) RETURNS text LANGUAGE pybox AS $$
import numpy as np
try:
    return repr(eval(python))
except Exception as error:
    return f"{type(error).__name__}: {error}"
$$;
SET ROLE regress_numpy;
SELECT pool FROM pybox.explain_policy();

-- In
SELECT seen('{t,f}'::bool[]), seen('{1,2}'::int2[]), seen('{1,2}'::int4[]), seen('{1,2}'::int8[]);
SELECT seen('{1.5,NaN}'::float4[]), seen('{1.5,-Infinity}'::float8[]);
SELECT seen('{{1,2},{3,4},{5,6}}'::int[]), seen('{{{1},{2}}}'::float8[]), seen('[3:4]={1,2}'::int[]),
    seen('{}'::float8[]);
-- what numpy has no room for stays a list
SELECT seen('{1,NULL}'::float8[]), seen('{1.5}'::numeric[]), seen('{a}'::text[]), seen(NULL::int[]);

-- Views cannot be written
SELECT tried('{3,1,2}', 'list.flags.writeable'), tried('{3,1,2}', 'list.sort()'), tried('{3,1,2}', 'np.sort(list).tolist()'),
    tried('{1,2,3}', 'float(list.mean())'), tried('{1,2,3}', 'list.setflags(write=True)');
SELECT tried(array_agg(i), 'float(list.sum()), list.flags.aligned, list.flags.writeable') FROM generate_series(1, 100000) AS i;

-- Arrays out, of the very type and of others
SELECT made_array('np.array([1.5, np.nan])', NULL::float8[]), made_array('np.arange(3)', NULL::int8[]),
    made_array('np.array([True, False])', NULL::bool[]), made_array('np.arange(3, dtype="i2")', NULL::int2[]),
    made_array('np.arange(2, dtype="f4")', NULL::float4[]);
SELECT made_array('np.arange(6).reshape(3, 2)', NULL::int8[]), made_array('np.zeros((2, 1, 2))', NULL::float8[]),
    made_array('np.arange(6).reshape(3, 2).T', NULL::int8[]), made_array('np.arange(6)[::2]', NULL::int8[]),
    made_array('np.array([])', NULL::float8[]), made_array('np.zeros((0, 3))', NULL::float8[]);
SELECT made_array('np.arange(3)', NULL::int4[]), made_array('np.arange(3)', NULL::float8[]),
    made_array('np.arange(3)', NULL::text[]), made_array('np.array(["a", None])', NULL::text[]),
    made_array('np.array([1.0, 2.5])', NULL::numeric[]);
SELECT made_array('np.array([1.5])', NULL::int4[]);
SELECT made_array('np.array([2**31])', NULL::int4[]);
SELECT made_array('np.zeros((1,) * 7)', NULL::float8[]);
SELECT made_array('np.array(7)', NULL::int4[]);
SELECT made_array('[np.arange(2), np.arange(2)]', NULL::int8[]);
SELECT count(*), sum(i) FROM unnest(made_array('np.arange(100000)', NULL::int8[])) AS i;

-- numpy's scalars
SELECT made('np.float64(0.1)', 0::float8), made('np.float32(0.5)', 0::float4), made('np.int64(7)', 0), made('np.int8(-1)', 0::int2),
    made('np.bool_(True)', false), made('np.str_("s")', ''::text), made('np.bytes_(b"b")', ''::bytea), made('np.nan', 0::float8);
SELECT made('np.float64(1.5)', 0);
SELECT made('np.mean([1, 2])', 0::numeric), made('np.float64(1e300)', ''::text), made('np.datetime64("2020-02-29")', date 'today');

-- A domain and a composite keep their say
RESET ROLE;
CREATE DOMAIN few AS float8[] CHECK (array_length(VALUE, 1) < 3);
CREATE FUNCTION few_made(n int) RETURNS few LANGUAGE pybox AS $$ import numpy; return numpy.ones(n) $$;
CREATE FUNCTION parts(list float8[], OUT low float8, OUT rest float8[]) LANGUAGE pybox AS 'return list.min(), list[list > list.min()]';
SET ROLE regress_numpy;
SELECT few_made(2);
SELECT few_made(3);
SELECT * FROM parts('{3,1,2}');

-- To SQL and back
RESET ROLE;
CREATE FUNCTION by_sql(list float8[]) RETURNS text LANGUAGE pybox AS $$
plan = plpy.prepare("SELECT $1 || 9::float8 AS a", ["float8[]"])
result = plpy.execute(plan, [list * 2])[0]["a"]
return f"{type(result).__name__} {result.tolist()}"
$$;
SET ROLE regress_numpy;
SELECT by_sql('{1,2}');

-- In a trigger's rows
RESET ROLE;
CREATE TABLE measured (name text, list float8[], flags bool[]);
GRANT INSERT, SELECT ON measured TO regress_numpy;
CREATE FUNCTION scaled() RETURNS trigger LANGUAGE pybox AS $$
new = TD["new"]
plpy.notice(*(f"{type(v).__name__} {v.tolist()}" for v in (new["list"], new["flags"])))
new["list"], new["flags"] = new["list"] * 2, ~new["flags"]
return "MODIFY"
$$;
CREATE TRIGGER scaled BEFORE INSERT ON measured FOR EACH ROW EXECUTE FUNCTION scaled();
SET ROLE regress_numpy;
INSERT INTO measured VALUES ('odd', '{1,2.5}', '{t,f}'), ('empty', '{}', '{{t},{t}}');
SELECT * FROM measured;

-- Without that, lists
RESET ROLE;
SELECT pool FROM pybox.explain_policy();
SELECT seen('{1.5,2}'::float8[]), made_array('np.arange(3)', NULL::int8[]), made('np.float64(0.5)', 0::float8);

DROP OWNED BY regress_numpy;
DROP ROLE regress_numpy;
