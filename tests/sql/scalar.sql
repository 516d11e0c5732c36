-- One value in, one value out: every kind of scalar type, both ways.
CREATE SCHEMA scalar;
SET search_path = scalar;

-- For each type: seen() says what Python sees, made() gives what SQL gets for a Python expression
CREATE TYPE mood AS ENUM ('sad', 'glad');
DO $$
DECLARE type text;
BEGIN
    FOREACH type IN ARRAY '{bool, int2, int4, int8, oid, float4, float8, numeric, text, varchar, bpchar, name, "\"char\"",
        bytea, date, time, timestamp, timestamptz, interval, json, jsonb, inet, point, int4range, bit, money, uuid, regproc, mood}'::text[]
    LOOP
        EXECUTE format('CREATE FUNCTION seen(value %s) RETURNS text LANGUAGE pybox AS %L', type,
            'return f"{type(value).__name__} {value!r}"');
        EXECUTE format('CREATE FUNCTION made(python text, kind %1$s) RETURNS %1$s LANGUAGE pybox AS %2$L', type,
            E'from decimal import Decimal\nreturn eval(compile(python, "expression", "eval"))');
    END LOOP;
END $$;

-- boolean: in as bool, out by truth
SELECT seen(true), seen(false), seen(NULL::bool);
SELECT made('True', NULL::bool) AS true, made('0', NULL::bool) AS zero, made('"f"', NULL::bool) AS string,
    made('[]', NULL::bool) AS empty, made('None', NULL::bool) AS none;

-- integers: in as int; out, all that str() makes an integer
SELECT seen((-32768)::int2), seen(2147483647), seen(-9223372036854775808), seen(4294967295::oid);
SELECT made('-32768', 0::int2), made('2147483647', 0), made('-2**63', 0::int8), made('4294967295', 0::oid);
SELECT made('" 7 "', 0) AS string, made('Decimal("7")', 0) AS decimal;
SELECT made('32768', 0::int2);
SELECT made('2**31', 0);
SELECT made('-2**63 - 1', 0::int8);
SELECT made('-1', 0::oid);
SELECT made('2**32', 0::oid);
SELECT made('1.5', 0);
SELECT made('True', 0);
SELECT made('"seven"', 0::int8);

-- floating point: in as float, out by repr(), nothing lost
SELECT seen(1.5::float4), seen(0.1::float8), seen('-0'::float8), seen('NaN'::float8), seen('-Infinity'::float4),
    seen(5e-324::float8);
SELECT made('0.1', 0::float8), made('1/3', 0::float8), made('1/3', 0::float4), made('float("nan")', 0::float8),
    made('-float("inf")', 0::float4), made('-0.0', 0::float8), made('5e-324', 0::float8);
SELECT made('7', 0::float8) AS int, made('"1e10"', 0::float8) AS string, made('Decimal("0.25")', 0::float4) AS decimal;
SELECT made('1e39', 0::float4);
SELECT made('1e-50', 0::float4);
SELECT made('10**400', 0::float8);
SELECT made('"many"', 0::float8);

-- numeric: Decimal both ways, its scale kept
SELECT seen(1.10), seen(-0.00), seen(1e30), seen('NaN'::numeric), seen('Infinity'::numeric);
SELECT made('Decimal("1.10")', 0.0), made('10**40', 0.0), made('0.1', 0.0), made('"1e3"', 0.0),
    made('Decimal("NaN")', 0.0), made('float("inf")', 0.0);
SELECT made('"1,5"', 0.0);
SELECT made('Decimal("sNaN")', 0.0);

-- text and its kind: str both ways; out, str() of anything
SELECT seen('word'::text), seen(''::text), seen('word'::varchar(3)), seen('ab'::char(4)), seen('n'::name),
    seen('c'::"char");
SELECT seen(E'Zeile\n\t"Größe" € 𝄞'::text);
SELECT made('"Größe € 𝄞"', ''::text), made('chr(0x1D11E)', ''::text);
SELECT made('""', ''::text) AS empty, made('None', ''::text) IS NULL AS none, made('1.0', ''::text) AS float,
    made('[1, "a"]', ''::text) AS list, made('b"ab"', ''::text) AS bytes, made('True', ''::text) AS bool;
SELECT made('"a\0b"', ''::text);
SELECT made('"\ud800"', ''::text);
SELECT made('type("Bad", (), {"__str__": lambda self: 1/0})()', ''::text);

-- bytea: bytes both ways
SELECT seen('\x00ff41'::bytea), seen(''::bytea);
SELECT made('b"\0\xffA"', ''::bytea), made('bytearray(2)', ''::bytea), made('[65, 66]', ''::bytea),
    made('memoryview(b"view")', ''::bytea);
SELECT made('"text"', ''::bytea);

-- All other types pass as text
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SELECT seen(date '2020-02-29'), seen(time '12:30'), seen(timestamptz '2020-02-29 12:30+02'), seen(interval '1 day 2h');
SELECT made('__import__("datetime").date(2020, 2, 29)', date 'today'),
    made('__import__("datetime").timedelta(days=1, hours=2)', interval '0'),
    made('"infinity"', timestamp 'now');
SELECT seen('{"a": [1, null]}'::json), seen('{"b":1, "a":2}'::jsonb);
SELECT made('__import__("json").dumps({"b": 1, "a": None})', '0'::jsonb), made('{"a": 1}', '0'::text);
SELECT made('{"a": 1}', '0'::jsonb);
SELECT seen('10.0.0.1/8'::inet), seen('(1,2)'::point), seen('[1,3)'::int4range), seen(B'101'), seen('12.5'::money),
    seen('00000000-0000-0000-0000-00000000000a'::uuid), seen('now'::regproc);
SELECT made('__import__("uuid").UUID(int=10)', NULL::uuid), made('"(1, 2)"', NULL::point), made('"[1,2]"', NULL::int4range);
SELECT made('"not a date"', date 'today');

-- Enumerations and domains
SELECT seen('glad'::mood), made('"sad"', NULL::mood);
SELECT made('"angry"', NULL::mood);
CREATE DOMAIN even AS int CHECK (VALUE % 2 = 0);
CREATE DOMAIN word AS text NOT NULL;
CREATE FUNCTION even_of(python text, before even DEFAULT 2) RETURNS even LANGUAGE pybox AS 'return eval(python)';
CREATE FUNCTION word_of(python text, before word DEFAULT 'w') RETURNS word LANGUAGE pybox AS 'return eval(python)';
SELECT even_of('4'), even_of('"6"'), even_of('None'), even_of('before * 3', 8), word_of('before + "x"');
SELECT even_of('3');
SELECT even_of('"5"');
SELECT even_of('before', 7);
SELECT word_of('None');
SELECT word_of('"x"', NULL);

-- NULL and STRICT
CREATE FUNCTION is_none(value int, other text) RETURNS bool LANGUAGE pybox AS 'return value is None and other is None';
CREATE FUNCTION strict_one(value int) RETURNS int STRICT LANGUAGE pybox AS 'return value.bit_length()';
CREATE FUNCTION nothing() RETURNS int LANGUAGE pybox AS 'pass';
CREATE FUNCTION empty_body() RETURNS int LANGUAGE pybox AS '';
SELECT is_none(NULL, NULL), is_none(1, NULL), strict_one(255), strict_one(NULL), nothing();

-- void
CREATE FUNCTION void_none() RETURNS void LANGUAGE pybox AS 'return None';
CREATE FUNCTION void_one() RETURNS void LANGUAGE pybox AS 'return 1';
SELECT void_none(), void_none() IS NULL AS is_null;
SELECT void_one();

-- Long values, longer than the rings between server and interpreter
SELECT length(made('"x" * 1000000', ''::text)), length(made('b"x" * 1000000', ''::bytea));
SELECT length(seen(repeat('ä', 1000000))), md5(made('"ä" * 1000000', ''::text)) = md5(repeat('ä', 1000000)) AS same;
