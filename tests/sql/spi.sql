-- plpy.execute and plpy.prepare: queries, results, errors.
CREATE SCHEMA spi;
SET search_path = spi;
CREATE TABLE fruit (id int PRIMARY KEY, name text NOT NULL, price numeric, tags text[]);
INSERT INTO fruit VALUES (1, 'apple', 1.50, '{red,round}'), (2, 'banana', 0.25, NULL), (3, 'cherry', NULL, '{}');

-- A query, and what Python makes of an expression on its result
CREATE FUNCTION queried(query text, python text DEFAULT 'list(result)', row_limit int DEFAULT 0)
RETURNS text LANGUAGE pybox AS $$
result = plpy.execute(query, row_limit)
return repr(eval(compile(python, "expression", "eval")))
$$;

-- Rows are dictionaries
SELECT queried('SELECT * FROM fruit ORDER BY id');
SELECT queried('SELECT 1 AS a, NULL AS b, true AS c, ''x''::text AS "D e", ARRAY[1,2] AS f, ROW(1, ''r'') AS g');
SELECT queried('SELECT id FROM fruit WHERE false');
SELECT queried('SELECT 1 AS a, 2 AS a');
SELECT queried('SELECT FROM fruit');

-- The result object
SELECT queried('SELECT id, name FROM fruit ORDER BY id', '(len(result), result.nrows(), result.status(), result[0], result[-1])');
SELECT queried('SELECT id FROM fruit ORDER BY id', 'result[1:]');
SELECT queried('SELECT id FROM fruit ORDER BY id', '[row["id"] for row in reversed(result)]');
SELECT queried('SELECT id, name::varchar(7) FROM fruit', '(result.colnames(), result.coltypes(), result.coltypmods())');
SELECT queried('SELECT 1', 'type(result).__name__');
SELECT queried('SELECT id FROM fruit', 'str(result)');
SELECT queried('SELECT id FROM fruit', 'result[3]');
SELECT queried('SELECT id FROM fruit', 'result["id"]');
SELECT queried('SELECT id FROM fruit ORDER BY id', '(result.__setitem__(0, 7), result[0])');
SELECT queried('SELECT id FROM fruit ORDER BY id', '(result.__delitem__(0), result[0])');
SELECT queried('UPDATE fruit SET price = 0.5 WHERE id > 1', '(len(result), result.nrows(), result.status())');
SELECT queried('UPDATE fruit SET price = 0.75 WHERE id > 1', 'result.colnames()');
SELECT queried('UPDATE fruit SET price = 1 WHERE id = 3 RETURNING id, price', '(list(result), result.status())');
SELECT queried('CREATE TABLE made (i int)', '(result.nrows(), result.status())');
SELECT queried('INSERT INTO made VALUES (1); INSERT INTO made VALUES (2), (3)', 'result.nrows()');
SELECT queried('', 'result.status()');

-- Types that no function could take: what is in a row of its own, what the catalogs hold
SELECT queried('SELECT ROW(''literal'', 1) AS r, NULL::void IS NULL AS v, int4out(7) AS c');
CREATE TABLE measured AS SELECT i FROM generate_series(1, 100) AS i;
ANALYZE measured;
SELECT queried('SELECT histogram_bounds AS bounds FROM pg_stats WHERE tablename = ''measured''', 'result[0]["bounds"][:8]');

-- Limits
SELECT queried('SELECT generate_series(1, 10) AS i', 'len(result)', 3), queried('SELECT 1', 'len(result)', 10);
SELECT queried('SELECT generate_series(1, 10) AS i', 'len(result)', 0);
SELECT queried('SELECT 1', 'len(result)', -1);
SELECT queried('SELECT generate_series(1, 100000) AS i', '(len(result), sum(row["i"] for row in result))');

-- Plans
CREATE FUNCTION planned(query text, types text[], value text, row_limit int DEFAULT 0) RETURNS text LANGUAGE pybox AS $$
from decimal import Decimal
plan = plpy.prepare(query, types)
return repr(list(plpy.execute(plan, eval(value), row_limit)))
$$;
SELECT planned('SELECT name FROM fruit WHERE id = $1', '{int}', '[1]');
SELECT planned('SELECT $1 + 1 AS a, $2 || ''x'' AS b', '{numeric,text}', '(Decimal("1.50"), "y")');
SELECT planned('SELECT $1 AS a', '{text}', '[None]'), planned('SELECT $1 AS a', '{int[]}', '[[1, None]]'),
    planned('SELECT $1 AS a', '{bytea}', '[b"\0"]'), planned('SELECT $1 AS a', '{bool}', '["false"]');
SELECT planned('SELECT $1 AS a', '{fruit}', '[{"id": 1, "name": "n", "price": 2, "tags": []}]');
SELECT planned('SELECT 1 AS a', '{}', '[]'), planned('SELECT generate_series(1, 10) AS i', '{}', '[]', 2);
SELECT planned('SELECT $1 AS a', '{character varying(2)}', '["abc"]');
CREATE FUNCTION plan_used(call text) RETURNS text LANGUAGE pybox AS $$
plan = plpy.prepare("SELECT $1 + $2 AS sum", ["int", "int"])
return repr(eval(compile(call, "call", "eval")))
$$;
SELECT plan_used('list(plan.execute([1, 2]))'), plan_used('list(plpy.execute(plan, (1, "2")))'), plan_used('plan.status()');
SELECT plan_used('type(plan).__name__');
SELECT plan_used('plpy.execute(plan, [1])');
SELECT plan_used('plpy.execute(plan, [1, 2, 3])');
SELECT plan_used('plpy.execute(plan)');
SELECT plan_used('plpy.execute(plan, "12")');
SELECT plan_used('plpy.execute(plan, 12)');
SELECT plan_used('plpy.execute(plan, [1, "two"])');
SELECT plan_used('plpy.execute(plan, [2147483647, 1])');
SELECT planned('SELECT $1', '{no_type}', '[1]');
SELECT planned('SELECT $1 FROM nowhere', '{int}', '[1]');
SELECT planned('SELECT $2', '{int}', '[1]');

-- A plan in SD is prepared once, and follows the tables
CREATE FUNCTION name_of(id int) RETURNS text LANGUAGE pybox AS $$
plan = SD.setdefault("plan", SD.get("plan") or plpy.prepare("SELECT * FROM fruit WHERE id = $1", ["int"]))
row = plpy.execute(plan, [id])[0]
return ",".join(row)
$$;
SELECT name_of(1);
ALTER TABLE fruit ADD COLUMN origin text;
SELECT name_of(1);
ALTER TABLE fruit DROP COLUMN origin;
SELECT name_of(1);

-- Wrong calls
CREATE FUNCTION called(call text) RETURNS text LANGUAGE pybox AS 'return repr(eval(compile(call, "call", "eval")))';
SELECT called('plpy.execute()');
SELECT called('plpy.execute(1)');
SELECT called('plpy.execute("SELECT 1", "many")');
SELECT called('plpy.prepare()');
SELECT called('plpy.prepare("SELECT 1", 1)');
SELECT called('plpy.prepare("SELECT 1", [1])');
SELECT called('plpy.execute("SELECT \0")');

-- Errors of SQL are exceptions
SELECT queried('SELECT 1/0');
SELECT queried('SELEC 1');
SELECT queried('SELECT * FROM nowhere');
SELECT queried('INSERT INTO fruit VALUES (1)');
CREATE FUNCTION caught(query text) RETURNS text LANGUAGE pybox AS $$
try:
    plpy.execute(query)
except plpy.SPIError as error:
    kind = type(error)
    return f"{kind.__module__}.{kind.__name__} {error.sqlstate}: {error}"
return "no error"
$$;
SELECT caught('SELECT 1/0'), caught('SELECT 1');
SELECT caught('SELEC 1'), caught('SELECT * FROM nowhere');
SELECT caught('INSERT INTO fruit VALUES (1, ''again'')'), caught('INSERT INTO fruit VALUES (4, NULL)');
SELECT caught('DO $q$ BEGIN RAISE EXCEPTION ''own'' USING ERRCODE = ''P7777'', DETAIL = ''d''; END $q$');
CREATE FUNCTION caught_class() RETURNS text LANGUAGE pybox AS $$
try:
    plpy.execute("INSERT INTO fruit VALUES (1, 'again')")
except plpy.spiexceptions.UniqueViolation as error:
    return " | ".join(str(getattr(error, name)) for name in (
        "sqlstate", "detail", "hint", "schema_name", "table_name", "column_name", "datatype_name", "constraint_name"))
$$;
SELECT caught_class();
CREATE FUNCTION raised_class() RETURNS void LANGUAGE pybox AS 'raise plpy.spiexceptions.DivisionByZero("by hand")';
SELECT raised_class();
SELECT caught('SELECT spi.raised_class()');
-- re-raised it is what it was
CREATE FUNCTION reraised(query text) RETURNS void LANGUAGE pybox AS $$
try:
    plpy.execute(query)
except plpy.SPIError:
    raise
$$;
SELECT reraised('SELECT 1/0');

-- A failed query is undone alone; the function's other work stays or goes with it
CREATE TABLE note (n int);
CREATE FUNCTION note_all() RETURNS text LANGUAGE pybox AS $$
plpy.execute("INSERT INTO note VALUES (1)")
try:
    plpy.execute("INSERT INTO note VALUES (2); INSERT INTO note VALUES (1/0)")
except plpy.SPIError:
    pass
plpy.execute("INSERT INTO note VALUES (3)")
return repr([row["n"] for row in plpy.execute("SELECT n FROM note ORDER BY n")])
$$;
SELECT note_all();
SELECT * FROM note ORDER BY n;
CREATE FUNCTION note_and_fail() RETURNS void LANGUAGE pybox AS $$
plpy.execute("INSERT INTO note VALUES (4)")
raise ValueError("after the insert")
$$;
SELECT note_and_fail();
SELECT * FROM note ORDER BY n;

-- Functions that are not volatile only read, and see what the query sees
CREATE FUNCTION stable_insert() RETURNS text STABLE LANGUAGE pybox AS 'return plpy.execute("INSERT INTO note VALUES (5)")';
CREATE FUNCTION immutable_insert() RETURNS text IMMUTABLE LANGUAGE pybox AS $$
return plpy.execute(plpy.prepare("INSERT INTO note VALUES (5)"))
$$;
CREATE FUNCTION stable_count() RETURNS int STABLE LANGUAGE pybox AS 'return plpy.execute("SELECT count(*) AS n FROM note")[0]["n"]';
CREATE FUNCTION volatile_count() RETURNS int LANGUAGE pybox AS 'return plpy.execute("SELECT count(*) AS n FROM note")[0]["n"]';
SELECT stable_insert();
SELECT immutable_insert();
INSERT INTO note SELECT 10 + i FROM generate_series(1, 2) AS i WHERE stable_count() = 2;
INSERT INTO note SELECT volatile_count() FROM generate_series(1, 3);
SELECT * FROM note ORDER BY n;

-- What a transaction block does not allow
SELECT queried('COMMIT');
SELECT queried('SAVEPOINT s');
SELECT queried('VACUUM fruit');
SELECT queried('COPY fruit TO STDOUT');
BEGIN READ ONLY;
SELECT queried('DELETE FROM fruit');
ROLLBACK;
SELECT count(*) FROM fruit;

-- Statements that change the session
SELECT queried('SET LOCAL work_mem = ''1MB''', 'plpy.execute("SHOW work_mem")[0]');
SELECT queried('CREATE TEMP TABLE passing (i int)', 'plpy.execute("INSERT INTO passing VALUES (1)").nrows()');

-- plpy belongs to the thread and time of a call
CREATE FUNCTION in_thread() RETURNS text LANGUAGE pybox AS $$
import threading
outcome = []
def work():
    try:
        plpy.execute("SELECT 1")
    except Exception as error:
        outcome.append(f"{type(error).__name__}: {error}")
thread = threading.Thread(target=work)
thread.start()
thread.join()
return outcome[0]
$$;
SELECT in_thread();
