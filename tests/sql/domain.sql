-- Domains over types of every kind: constraints hold for results, columns, elements, and arguments of plans.
CREATE SCHEMA domain;
SET search_path = domain;
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN digit AS positive CHECK (VALUE < 10);
CREATE DOMAIN given AS text NOT NULL;
CREATE DOMAIN code AS varchar(3) CHECK (VALUE <> 'no');
CREATE TYPE color AS ENUM ('red', 'green');
CREATE DOMAIN calm AS color CHECK (VALUE <> 'red');
CREATE TYPE spot AS (x int, y numeric(3,1));
CREATE DOMAIN right_spot AS spot CHECK ((VALUE).x > 0);
CREATE DOMAIN pair AS int[] CHECK (array_length(VALUE, 1) = 2);
CREATE DOMAIN route AS right_spot[] CHECK (array_length(VALUE, 1) < 3);
CREATE TYPE mixed AS (p positive, g given, c calm, r right_spot, d digit[]);

-- For each: what Python sees, what it makes, as a column, and as an argument of a plan
DO LANGUAGE plpgsql $$
DECLARE type text;
BEGIN
    FOREACH type IN ARRAY '{positive,digit,given,code,calm,right_spot,pair,route,mixed}'::text[]
    LOOP
        EXECUTE format('CREATE FUNCTION seen(value %s) RETURNS text LANGUAGE pybox AS %L', type, 'return repr(value)');
        EXECUTE format('CREATE FUNCTION %1$s_made(python text) RETURNS %1$s LANGUAGE pybox AS %2$L', type, 'return eval(python)');
        EXECUTE format('CREATE FUNCTION %1$s_asked(python text) RETURNS text LANGUAGE pybox AS %2$L', type, format($f$
try:
    return repr(plpy.prepare("SELECT $1 AS it", ["%s"]).execute([eval(python)])[0]["it"])
except plpy.SPIError as error:
    return f"{type(error).__name__} {error.sqlstate}: {error}"
$f$, type));
    END LOOP;
END $$;
SELECT seen(5::positive), seen(5::digit), seen('g'::given), seen('abc'::code), seen('green'::calm);
SELECT seen((1, 2.5)::right_spot), seen('{1,2}'::pair), seen(ARRAY[(1, 2)]::route),
    seen((1, 'g', 'green', (2, 3), '{4}')::mixed), seen(NULL::positive);
SELECT positive_made('"12"'), digit_made('9'), given_made('""'), code_made('"abc"'), calm_made('"green"'),
    right_spot_made('(1, 2.25)'), right_spot_made('"(2,3)"'), pair_made('(1, None)'), route_made('[(1, 2), {"x": 3, "y": None}]');
SELECT positive_made('None') IS NULL AS null, mixed_made('(1, "g", "green", {"x": 1, "y": 2}, [1, None, 9])');
SELECT positive_made('0');
SELECT positive_made('"one"');
SELECT digit_made('-1');
SELECT digit_made('10');
SELECT given_made('None');
SELECT code_made('"no"');
SELECT code_made('"long"');
SELECT calm_made('"red"');
SELECT calm_made('"blue"');
SELECT right_spot_made('(0, 1)');
SELECT right_spot_made('(1, 100)');
SELECT pair_made('[1]');
SELECT pair_made('["one", 2]');
SELECT route_made('[(1, 1), (0, 1)]');
SELECT route_made('[(1, 1)] * 3');
SELECT mixed_made('(1, None, "green", None, [])');
SELECT mixed_made('(1, "g", "red", None, [])');
SELECT mixed_made('(1, "g", "green", None, [1, 10])');
SELECT positive_asked('7'), given_asked('"x"'), pair_asked('[1, 2]'), right_spot_asked('(1, 1)');
SELECT positive_asked('0'), given_asked('None'), pair_asked('[1]'), right_spot_asked('(0, 1)'), calm_asked('"blue"');

-- A value that is wrong in two ways: the first counts, whether Python or the server finds it
SELECT mixed_made('(0, "\udcff", None, None, None)');
SELECT mixed_made('(1, "\udcff", "red", None, None)');
SELECT mixed_made('(1, "g", "red", 5, [[1], 2])');
SELECT route_made('[(0, 1), 5]');
SELECT pair_made('[["one"], 2]');
CREATE FUNCTION asked_both(a text, b text) RETURNS text LANGUAGE pybox AS $$
try:
    plpy.prepare("SELECT $1, $2", ["domain.positive", "domain.right_spot"]).execute([eval(a), eval(b)])
except plpy.SPIError as error:
    return f"{type(error).__name__} {error.sqlstate}: {error}"
$$;
SELECT asked_both('0', '5'), asked_both('1', '5'), asked_both('1', '(0, 1)');

-- OUT, TABLE, sets
CREATE FUNCTION both_made(python text, OUT p positive, OUT g given) LANGUAGE pybox AS 'return eval(python)';
CREATE FUNCTION all_made(python text) RETURNS TABLE (d digit, c calm) LANGUAGE pybox AS 'return eval(python)';
CREATE FUNCTION digits_made(python text) RETURNS SETOF digit LANGUAGE pybox AS 'return eval(python)';
SELECT both_made('(1, "x")');
SELECT both_made('(1, None)');
SELECT * FROM all_made('[(1, "green"), (None, None)]');
SELECT * FROM all_made('[(1, "green"), (10, None)]');
SELECT digits_made('[1, None, 9]');
SELECT digits_made('[1, 11]');

-- Constraints that come and go while functions are known
ALTER DOMAIN positive ADD CONSTRAINT small CHECK (VALUE < 100);
SELECT positive_made('100');
ALTER DOMAIN positive DROP CONSTRAINT small;
ALTER DOMAIN positive SET NOT NULL;
SELECT positive_made('100');
SELECT positive_made('None');
ALTER DOMAIN positive DROP NOT NULL;
ALTER TYPE color ADD VALUE 'blue';
SELECT calm_made('"blue"');
ALTER TYPE color RENAME VALUE 'blue' TO 'navy';
SELECT calm_made('"blue"');
SELECT calm_made('"navy"'), seen('navy'::calm);

-- A CHECK that calls a function that makes another value of the same domain, by the input function and without it
CREATE FUNCTION checks_shorter(t text) RETURNS text LANGUAGE pybox AS $$
if len(t) > 2:
    plpy.execute("SELECT domain.nested_made(" + plpy.quote_literal(t[:-1]) + ")")
return t
$$;
CREATE DOMAIN nested AS text CHECK (repeat(VALUE, 100000) || '.' = repeat(domain.checks_shorter(VALUE), 100000) || '.');
CREATE FUNCTION nested_made(t text) RETURNS nested LANGUAGE pybox AS 'return t';
SELECT nested_made('ab'), nested_made('abcdef'), nested_made('xyz');
CREATE FUNCTION checks_less(n int) RETURNS int LANGUAGE pybox AS $$
if n > 2:
    plpy.execute(f"SELECT domain.nested_int_made({n - 1})")
elif n < 0:
    raise ValueError(n)
return n
$$;
CREATE DOMAIN nested_int AS int CHECK (repeat(VALUE::text, 100000) || '.' = repeat(domain.checks_less(VALUE)::text, 100000) || '.');
CREATE FUNCTION nested_int_made(n int) RETURNS nested_int LANGUAGE pybox AS 'return n';
SELECT nested_int_made(2), nested_int_made(8);
SELECT nested_int_made(-1);
SELECT nested_int_made(8), nested_int_made(3);
