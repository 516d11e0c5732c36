-- Sets: any iterable, a row at a time.
CREATE SCHEMA "set";
SET search_path = "set";

-- Lists, tuples, generators, iterators, anything with __getitem__
CREATE FUNCTION made(python text) RETURNS SETOF text LANGUAGE pybox AS 'return eval(compile(python, "expression", "eval"))';
SELECT made('["a", None, 3]');
SELECT * FROM made('("a", "b")');
SELECT * FROM made('(c for c in "xyz")');
SELECT * FROM made('{"key": "value"}'), made('iter([1, 2])') AS iterator;
SELECT * FROM made('[]');
SELECT count(*) FROM made('None');
SELECT * FROM made('7');

CREATE FUNCTION counted(n int) RETURNS SETOF int LANGUAGE pybox AS $$
for i in range(n):
    yield i
$$;
CREATE FUNCTION by_class(n int) RETURNS SETOF int LANGUAGE pybox AS $$
class Countdown:
    def __init__(self, start):
        self.left = start
    def __iter__(self):
        return self
    def __next__(self):
        self.left -= 1
        if self.left < 0:
            raise StopIteration
        return self.left
return Countdown(n)
$$;
SELECT * FROM counted(3);
SELECT counted(2), by_class(3);
SELECT i, counted(i) FROM generate_series(0, 2) AS i;
SELECT a, b FROM counted(2) AS a, by_class(a + 1) AS b;
SELECT array_agg(c ORDER BY c) FROM (SELECT counted(3) AS c UNION ALL SELECT counted(2)) AS c;

-- Rows
CREATE TYPE pair AS (i int, word text);
CREATE FUNCTION pairs(python text) RETURNS SETOF pair LANGUAGE pybox AS 'return eval(compile(python, "expression", "eval"))';
CREATE FUNCTION records(python text) RETURNS SETOF record LANGUAGE pybox AS 'return eval(compile(python, "expression", "eval"))';
SELECT * FROM pairs('[(1, "a"), {"i": 2, "word": None}, "(3,c)", None]');
SELECT pairs('[(1, "a"), None]');
SELECT * FROM records('[(1, "a"), (2, "b")]') AS r(i int, word text);
SELECT * FROM pairs('[(1, "a"), (2,)]');
SELECT * FROM pairs('[(1, "a"), ("two", "b")]');

-- A set of nothing but nulls of type void
CREATE FUNCTION voids() RETURNS SETOF void LANGUAGE pybox AS 'return [None, None]';
SELECT count(*) FROM voids();

-- Arguments are each call's own, however the calls are interleaved
CREATE FUNCTION repeated(word text, n int) RETURNS SETOF text LANGUAGE pybox AS $$
for i in range(n):
    yield f"{word}{i}"
$$;
SELECT repeated('a', 2), repeated('b', 3);

-- Sets that are given up
SELECT * FROM counted(1000000000) LIMIT 0;
SELECT counted(1000000000) LIMIT 3;
SELECT EXISTS (SELECT counted(1000000000));
BEGIN;
DECLARE numbers CURSOR FOR SELECT counted(1000000000) AS n;
FETCH 2 FROM numbers;
FETCH 1 FROM numbers;
CLOSE numbers;
DECLARE more CURSOR FOR SELECT counted(1000000000) AS n;
FETCH 1 FROM more;
ROLLBACK;
-- a generator is told so
CREATE FUNCTION tidy() RETURNS SETOF int LANGUAGE pybox AS $$
try:
    yield 1
    yield 2
finally:
    GD["tidied"] = GD.get("tidied", 0) + 1
$$;
CREATE FUNCTION tidied() RETURNS int LANGUAGE pybox AS 'return GD.get("tidied", 0)';
SELECT tidy() LIMIT 1;
SELECT tidied();
SELECT tidy();
SELECT tidied();

-- Errors in the middle, in the iterable and before the first row
CREATE FUNCTION failing(n int) RETURNS SETOF int LANGUAGE pybox AS $$
for i in range(n):
    yield i
raise ValueError("no more")
$$;
SELECT * FROM failing(2);
SELECT failing(2) LIMIT 2;
SELECT * FROM failing(0);
SELECT * FROM made('1/0');
SELECT * FROM made('(1 / i for i in (1, 0))');

-- SQL between two rows
CREATE TABLE noted (i int);
CREATE FUNCTION noting(n int) RETURNS SETOF int LANGUAGE pybox AS $$
plan = plpy.prepare("INSERT INTO noted VALUES ($1) RETURNING i", ["int"])
for i in range(n):
    yield plpy.execute(plan, [i])[0]["i"]
$$;
SELECT * FROM noting(3);
SELECT * FROM noted;
CREATE FUNCTION rows_of(query text) RETURNS SETOF text LANGUAGE pybox AS 'return plpy.execute(query)';
SELECT * FROM rows_of('SELECT 1 AS one UNION ALL SELECT 2');

-- A set within a set of the same function
CREATE FUNCTION tree(depth int) RETURNS SETOF text LANGUAGE pybox AS $$
yield "." * depth
if depth > 1:
    for row in plpy.execute(f"SELECT tree({depth - 1}) AS line"):
        yield row["line"] + "/" + str(depth)
$$;
SELECT * FROM tree(3);

-- Only where a set is accepted
SELECT 1 WHERE counted(2) = 1;

-- A set larger than the interpreter may hold streams through it: 200 MB, a cap of 128 MB
CREATE FUNCTION stream(n int) RETURNS SETOF text LANGUAGE pybox AS $$
for i in range(n):
    yield f"{i:010000}"
$$;
SELECT pool FROM pybox.explain_policy(function => 'set.stream');
SELECT count(*), sum(length(line)) FROM stream(20000) AS line;
