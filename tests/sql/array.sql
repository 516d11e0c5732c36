-- Arrays are lists, of any depth, both ways.
CREATE SCHEMA "array";
SET search_path = "array";

-- For each type: seen() says what Python sees, made() gives what SQL gets for a Python expression
DO $$
DECLARE type text;
BEGIN
    FOREACH type IN ARRAY '{bool, int2, int4, int8, float4, float8, numeric, text, bytea, date, bpchar}'::text[]
    LOOP
        EXECUTE format('CREATE FUNCTION seen(value %s[]) RETURNS text LANGUAGE pybox AS %L', type, 'return repr(value)');
        EXECUTE format('CREATE FUNCTION made(python text, type %1$s[]) RETURNS %1$s[] LANGUAGE pybox AS %2$L', type,
            E'from decimal import Decimal\nreturn eval(compile(python, "expression", "eval"))');
    END LOOP;
END $$;

-- In: with nulls, empty, of several dimensions; lower bounds are lost
SELECT seen('{1,NULL,3}'::int[]), seen('{}'::int[]), seen(NULL::int[]), seen('{NULL}'::text[]);
SELECT seen('{{1,2},{3,4},{5,6}}'::int[]), seen('{{{a},{b}}}'::text[]), seen('[5:6]={1,2}'::int[]);
SELECT seen('{t,f}'::bool[]), seen('{1,2}'::int2[]), seen('{9223372036854775807}'::int8[]),
    seen('{1.5,NaN}'::float4[]), seen('{0.1,-Infinity}'::float8[]);
SELECT seen('{1.10,NULL}'::numeric[]), seen('{"a b","c,d",""}'::text[]), seen('{"\\x00ff"}'::bytea[]),
    seen('{2020-02-29}'::date[]), seen('{ab}'::char(3)[]);

-- Out: lists, tuples, any sequence
SELECT made('[1, None, 3]', NULL::int[]), made('(1, 2)', NULL::int[]), made('range(3)', NULL::int[]),
    made('[]', NULL::int[]), made('None', NULL::int[]), made('["1", 2, Decimal(3)]', NULL::int[]);
SELECT made('[[1, 2], [3, None]]', NULL::int[]), made('[[["a"]], [["b"]]]', NULL::text[]), made('[[], []]', NULL::int[]);
SELECT made('[True, 0, "x", None]', NULL::bool[]), made('[0.1, float("nan")]', NULL::float8[]),
    made('[Decimal("1.10"), 2]', NULL::numeric[]), made('[b"\0A"]', NULL::bytea[]);
SELECT made('"abc"', NULL::text[]) AS string, made('b"ab"', NULL::int[]) AS bytes;
SELECT made('[(1, 2), "x y", {"k": 1}]', NULL::text[]) AS strings_of_anything;

-- Vectors of the catalogs, an empty one too; bounds that are not 1
CREATE FUNCTION vectors(a int2vector, b oidvector, c int[]) RETURNS text LANGUAGE pybox AS 'return repr(args)';
SELECT vectors('1 2', '3', '[0:1][5:6]={{1,2},{3,NULL}}'), vectors('', '', '[7:7]={1}');

-- Lists that are no array
SELECT made('[[1, 2], [3]]', NULL::int[]);
SELECT made('[[1, 2], 3]', NULL::int[]);
SELECT made('[1, [2, 3]]', NULL::int[]);
SELECT made('[[1], None]', NULL::int[]);
SELECT made('[[[[[[[1]]]]]]]', NULL::int[]);
SELECT made('[[[[[[1]]]]]]', NULL::int[]);
SELECT made('{1: 2}', NULL::int[]);
SELECT made('{1, 2}', NULL::int[]);
SELECT made('7', NULL::int[]);
SELECT made('(i for i in [1])', NULL::int[]);
SELECT made('"{1,2}"', NULL::int[]);
SELECT made('[1, "two"]', NULL::int[]);
SELECT made('[2**31]', NULL::int[]);

-- A sequence that fails
CREATE FUNCTION broken() RETURNS int[] LANGUAGE pybox AS $$
class Broken:
    def __len__(self):
        return 3
    def __getitem__(self, index):
        return [1, 2][index]
return Broken()
$$;
SELECT broken();
CREATE FUNCTION endless() RETURNS int[] LANGUAGE pybox AS $$
items = []
items.append(items)
return items
$$;
SELECT endless();

-- Domains over arrays, arrays of domains
CREATE DOMAIN pair AS int[] CHECK (array_length(VALUE, 1) = 2);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE FUNCTION pair_swap(p pair) RETURNS pair LANGUAGE pybox AS 'return p[::-1]';
CREATE FUNCTION pair_cut(p pair) RETURNS pair LANGUAGE pybox AS 'return p[1:]';
CREATE FUNCTION positives(n int[]) RETURNS positive[] LANGUAGE pybox AS 'return n';
SELECT pair_swap('{1,2}'), positives('{1,2}'), positives('{1,NULL}');
SELECT pair_cut('{1,2}');
SELECT positives('{1,-2}');

-- What comes in can be changed without a trace, and go out again
CREATE FUNCTION sorted_copy(n int[]) RETURNS int[] LANGUAGE pybox AS $$
n.sort()
n.append(n[0])
return n
$$;
SELECT sorted_copy(a), a FROM (VALUES ('{3,1,2}'::int[])) AS v(a);

-- Long arrays
CREATE FUNCTION total(n float8[]) RETURNS float8 LANGUAGE pybox AS 'return sum(n)';
CREATE FUNCTION squares(n int) RETURNS int8[] LANGUAGE pybox AS 'return [i * i for i in range(n)]';
SELECT total(array_agg(i)) FROM generate_series(1, 100000) AS i;
SELECT count(*), sum(i) FROM unnest(squares(100000)) AS i;

-- A kind of list is as long as it says, at any depth
CREATE FUNCTION short_lists() RETURNS int[] LANGUAGE pybox AS $$
class Short(list):
    def __len__(self):
        return 1
return [Short([1, 2]), [3], Short([4, 5, 6])]
$$;
SELECT short_lists();
CREATE FUNCTION negative_lists() RETURNS int[] LANGUAGE pybox AS $$
class Negative(list):
    def __len__(self):
        return -1
return [Negative([1]), Negative([2])]
$$;
SELECT negative_lists();
