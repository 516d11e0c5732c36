-- Ranges and multiranges: text both ways, alone, in arrays and rows, and where a function takes any.
CREATE SCHEMA range;
SET search_path = range;
CREATE TYPE float_range AS RANGE (subtype = float8, multirange_type_name = float_ranges);
CREATE TYPE stay AS (room text, days daterange, pauses int4multirange);
DO LANGUAGE plpgsql $$
DECLARE type text;
BEGIN
    FOREACH type IN ARRAY '{int4range, numrange, daterange, tstzrange, float_range, int4multirange, float_ranges, int4range[], stay}'::text[]
    LOOP
        EXECUTE format('CREATE FUNCTION seen(value %s) RETURNS text LANGUAGE pybox AS %L', type, 'return repr(value)');
        EXECUTE format('CREATE FUNCTION made(python text, type %1$s) RETURNS %1$s LANGUAGE pybox AS %2$L', type, 'return eval(python)');
    END LOOP;
END $$;
SET timezone = 'UTC';
SELECT seen('[1,3]'::int4range), seen('(,2.50]'::numrange), seen('empty'::daterange), seen('[0.5,Infinity)'::float_range);
SELECT seen('[2020-01-01,)'::tstzrange), seen('{[1,2),[5,7)}'::int4multirange), seen('{}'::float_ranges), seen(NULL::int4range);
SELECT seen('{"[1,2)",empty,NULL}'::int4range[]), seen(('a', '[2020-01-01,2020-01-02]', '{[1,3)}')::stay);
SELECT made('"[1,3]"', NULL::int4range), made('"(,)"', NULL::numrange), made('"empty"', NULL::daterange), made('None', NULL::int4range),
    made('"{[1,2],[2,5)}"', NULL::int4multirange), made('["[1,2)", None]', NULL::int4range[]),
    made('{"room": 1, "days": "[2020-01-01,2020-01-01]", "pauses": "{}"}', NULL::stay);
SELECT made('"[3,1]"', NULL::int4range);
SELECT made('"[a,b]"', NULL::int4range);
SELECT made('(1, 3)', NULL::int4range);
SELECT made('range(1, 3)', NULL::int4range);
SELECT made('"{[1,2)"', NULL::int4multirange);
SELECT made('["[1,2)", 5]', NULL::int4range[]);
SELECT made('("a", "[2020-01-02,2020-01-01]", None)', NULL::stay);
CREATE FUNCTION any_seen(value anyrange, bound anyelement) RETURNS text LANGUAGE pybox AS 'return repr((value, bound))';
CREATE FUNCTION any_seen(value anymultirange) RETURNS text LANGUAGE pybox AS 'return repr(value)';
CREATE FUNCTION one_of(value anymultirange) RETURNS anyrange LANGUAGE pybox AS 'return value[1:-1]';
SELECT any_seen('[1,2)'::int4range, 7), any_seen('{[1.5,2)}'::nummultirange), one_of('{[1,2)}'::int4multirange);
SELECT one_of('{[1,2),[5,6)}'::int4multirange);
CREATE FUNCTION asked() RETURNS text LANGUAGE pybox AS $$
plan = plpy.prepare("SELECT $1 * '[2,9)' AS r, $2 AS m", ["int4range", "int4multirange"])
return repr(plan.execute(["[1,5]", "{[1,1]}"])[0])
$$;
SELECT asked();
