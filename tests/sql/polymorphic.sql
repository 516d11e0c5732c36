-- Functions of any type, of any number of arguments, of one name.
CREATE SCHEMA polymorphic;
SET search_path = polymorphic;

CREATE FUNCTION same(value anyelement) RETURNS anyelement LANGUAGE pybox AS 'return value';
CREATE FUNCTION wrapped(value anyelement) RETURNS anyarray LANGUAGE pybox AS 'return [value, value]';
CREATE FUNCTION last(list anyarray) RETURNS anyelement LANGUAGE pybox AS 'return list[-1] if list else None';
CREATE FUNCTION each(list anyarray) RETURNS SETOF anyelement LANGUAGE pybox AS 'return list';
CREATE FUNCTION larger(a anycompatible, b anycompatible) RETURNS anycompatible LANGUAGE pybox AS 'return max(a, b)';
CREATE FUNCTION doubly(value anyelement, OUT one anyelement, OUT list anyarray) LANGUAGE pybox AS 'return value, [value]';
CREATE TYPE pair AS (i int, word text);

-- The same function for one type after the other
SELECT same(1), same('a'::text), same(1.50), same(true), same('\x00'::bytea), same(NULL::int);
SELECT same('{1,2}'::int[]), same((1, 'a')::pair), same('2020-02-29'::date);
SELECT wrapped(1), wrapped('a'::text), wrapped((1, 'a')::pair);
SELECT last('{1,2}'::int[]), last('{a,b}'::text[]), last('{}'::float8[]);
SELECT pg_typeof(same(1::int8)), pg_typeof(last('{1}'::numeric[])), pg_typeof(larger(1, 1.5));
SELECT larger(1, 1.5), larger('a'::text, 'b');
SELECT * FROM each('{1,2}'::int[]);
SELECT each('{a,NULL}'::text[]);
SELECT * FROM doubly(1), doubly('a'::text) AS b;
SELECT same('unknown');
SELECT wrapped(same(ARRAY[1]));

-- Ranges
CREATE FUNCTION range_seen(r anyrange) RETURNS text LANGUAGE pybox AS 'return repr(r)';
SELECT range_seen(int4range(1, 3)), range_seen(numrange(NULL, 1.5));

-- VARIADIC
CREATE FUNCTION joined(separator text, VARIADIC words text[]) RETURNS text LANGUAGE pybox AS $$
return separator.join(words)
$$;
CREATE FUNCTION listed(VARIADIC list anyarray) RETURNS text LANGUAGE pybox AS 'return repr(list)';
SELECT joined('-', 'a'), joined('-', 'a', 'b', 'c'), joined('-', VARIADIC '{x,y}');
SELECT listed(1, 2), listed('a'::text), listed(VARIADIC '{}'::int[]);
CREATE FUNCTION anything(VARIADIC "any") RETURNS text LANGUAGE pybox AS 'return repr(args)';

-- args holds all arguments, with or without names
CREATE FUNCTION unnamed(int, text) RETURNS text LANGUAGE pybox AS 'return repr(args)';
CREATE FUNCTION half_named(a int, text) RETURNS text LANGUAGE pybox AS 'return repr((a, args[1], len(args)))';
CREATE FUNCTION no_arguments() RETURNS text LANGUAGE pybox AS 'return repr(args)';
CREATE FUNCTION args_named(args int) RETURNS text LANGUAGE pybox AS 'return repr(args)';
SELECT unnamed(1, 'a'), half_named(1, 'b'), no_arguments(), args_named(7);

-- Only IN, INOUT and VARIADIC come in
CREATE FUNCTION modes(a int, OUT b int, INOUT c int) LANGUAGE pybox AS $$
return {"b": len(args), "c": a + c}
$$;
SELECT * FROM modes(1, 2);

-- Defaults and named notation
CREATE FUNCTION with_default(a int, b int DEFAULT 10) RETURNS int LANGUAGE pybox AS 'return a - b';
SELECT with_default(1), with_default(1, 2), with_default(b => 1, a => 2);

-- Overloads
CREATE FUNCTION named(i int) RETURNS text LANGUAGE pybox AS 'return "int"';
CREATE FUNCTION named(t text) RETURNS text LANGUAGE pybox AS 'return "text"';
CREATE FUNCTION named(i int, t text) RETURNS text LANGUAGE pybox AS 'return "both"';
SELECT named(1), named('a'::text), named(1, 'a');

-- Arguments are local to a call, and assigning to them is no news to the next
CREATE FUNCTION shadowed(a int) RETURNS int LANGUAGE pybox AS $$
global a
a = a + 1
return a
$$;
SELECT shadowed(1), shadowed(1), shadowed(5);
CREATE FUNCTION unbound(a int) RETURNS int LANGUAGE pybox AS $$
a = a + 1
return a
$$;
SELECT unbound(1);

-- Types that no function can take or give
CREATE FUNCTION from_internal(a internal) RETURNS int LANGUAGE pybox AS 'return 1';
CREATE FUNCTION to_internal(int) RETURNS internal LANGUAGE pybox AS 'return 1';
CREATE FUNCTION to_cstring(int) RETURNS cstring LANGUAGE pybox AS 'return 1';
CREATE FUNCTION from_cstring(cstring) RETURNS int LANGUAGE pybox AS 'return 1';
