-- Where sets are called from, and how they end.
CREATE SCHEMA set_context;
SET search_path = set_context;

CREATE FUNCTION trace(word text) RETURNS void LANGUAGE pybox AS 'GD.setdefault("trace", []).append(word)';
CREATE FUNCTION traced() RETURNS text LANGUAGE pybox AS $$
trace = GD.setdefault("trace", [])
words = " ".join(trace)
trace.clear()
return words
$$;
-- Says what becomes of it
CREATE FUNCTION told(name text, n int) RETURNS SETOF int LANGUAGE pybox AS $$
trace = GD.setdefault("trace", [])
mine = name
trace.append(f"{mine}:begins")
try:
    for i in range(1, n + 1):
        trace.append(f"{mine}:{i}")
        yield i
    trace.append(f"{mine}:exhausted")
except GeneratorExit:
    trace.append(f"{mine}:told")
    raise
finally:
    trace.append(f"{mine}:finally")
$$;

-- In FROM the whole set is read, in the target list only as much as is wanted
SELECT * FROM told('from', 3) LIMIT 1;
SELECT traced();
SELECT told('list', 3) LIMIT 1;
SELECT traced();
SELECT told('a', 1), told('b', 2);
SELECT traced();
SELECT EXISTS (SELECT told('exists', 3));
SELECT traced();
SELECT EXISTS (SELECT FROM told('exists', 3));
SELECT traced();
SELECT (SELECT told('one', 1)), ARRAY(SELECT told('array', 2));
SELECT traced();
SELECT (SELECT told('too many', 3));
SELECT traced();
SELECT * FROM ROWS FROM (told('r', 1), told('s', 2)) WITH ORDINALITY;
SELECT traced();
SELECT coalesce(max(t), 0) FROM told('none', 0) AS t;
SELECT traced();

-- Rescans: nested loops, LATERAL, correlated subqueries
SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off; SET enable_memoize = off;
SELECT i, t FROM generate_series(1, 2) AS i, told('same', 2) AS t ORDER BY 1, 2;
SELECT traced();
SELECT i, t FROM generate_series(1, 2) AS i, LATERAL told('lateral' || i, i) AS t;
SELECT traced();
SELECT i, t FROM generate_series(1, 2) AS i, LATERAL (SELECT told('limit' || i, 3) AS t LIMIT 1) AS t;
SELECT traced();
SELECT i, (SELECT told('sub' || i, 3) LIMIT 1) FROM generate_series(1, 2) AS i;
SELECT traced();
SELECT i, (SELECT sum(t) FROM (SELECT told('inner' || i, i) AS t) AS s) FROM generate_series(1, 2) AS i;
SELECT traced();
RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_material; RESET enable_memoize;

-- Nested in arguments of itself
SELECT told('outer', told('inner', 2));
SELECT traced();

-- The consumer fails
SELECT 1 / (told('consumer', 3) - 2);
SELECT traced();
DO $$
BEGIN
	PERFORM 1 / (set_context.told('block', 3) - 2);
EXCEPTION WHEN division_by_zero THEN
	RAISE NOTICE 'caught: %', set_context.traced();
END
$$;
SELECT traced();
DO $$
DECLARE
	i int;
BEGIN
	FOR i IN SELECT set_context.told('loop', 1000) LOOP
		EXIT WHEN i = 2;
	END LOOP;
	RAISE NOTICE 'left after %', i;
END
$$;
SELECT traced() LIKE '%loop:told loop:finally';
CREATE FUNCTION consumer() RETURNS text LANGUAGE pybox AS $$
try:
    plpy.execute("SELECT 1 / (set_context.told('python', 3) - 2)")
except plpy.SPIError as error:
    return f"{error} {GD['trace']}"
$$;
SELECT consumer();
SELECT traced();
BEGIN;
SAVEPOINT s;
SELECT 1 / (told('savepoint', 3) - 2);
ROLLBACK TO s;
SELECT traced();
SELECT traced();
COMMIT;
SELECT traced();
DO $$
BEGIN
	BEGIN
		PERFORM 1 / (set_context.told('in block', 3) - 2);
	EXCEPTION WHEN division_by_zero THEN
		NULL;
	END;
	FOR i IN 1 .. 2 LOOP
		RAISE NOTICE 'after the block: %', set_context.traced();
	END LOOP;
END
$$;
SELECT traced();
BEGIN;
DECLARE outside CURSOR FOR SELECT told('outside', 9);
SAVEPOINT s;
DECLARE inside CURSOR FOR SELECT told('inside', 9);
FETCH 2 FROM outside;
FETCH 2 FROM inside;
ROLLBACK TO s;
SELECT traced();
FETCH 1 FROM outside;
CLOSE outside;
SELECT traced();
SAVEPOINT t;
DECLARE released CURSOR FOR SELECT told('released', 9);
FETCH 1 FROM released;
RELEASE t;
FETCH 1 FROM released;
SELECT traced();
COMMIT;
SELECT traced();
BEGIN;
SAVEPOINT s;
SELECT told('rolled back whole', 3) LIMIT 1;
DECLARE left_open CURSOR FOR SELECT told('left open', 9);
FETCH 1 FROM left_open;
ROLLBACK;
SELECT traced();

-- The set itself fails: in its code, at a conversion, in SQL between its rows
CREATE FUNCTION fails(how text) RETURNS SETOF int LANGUAGE pybox AS $$
try:
    yield 1
    if how == "code":
        raise ValueError("in code")
    if how == "value":
        yield "no number"
    if how == "sql":
        plpy.execute("SELECT 1 / 0")
    yield 2
finally:
    GD.setdefault("trace", []).append(how)
$$;
SELECT fails('code');
SELECT traced();
SELECT * FROM fails('value');
SELECT traced();
SELECT fails('sql');
SELECT traced();
SELECT fails('nothing');
SELECT traced();

-- What a generator does when it is told to end, is over
CREATE FUNCTION stubborn() RETURNS SETOF int LANGUAGE pybox AS $$
try:
    yield 1
    yield 2
finally:
    raise ValueError("I do not want to end")
$$;
SELECT stubborn() LIMIT 1;
SELECT stubborn();

-- Plans, results and other sets are held between rows
CREATE TABLE numbers AS SELECT i FROM generate_series(1, 3) AS i;
CREATE FUNCTION holds() RETURNS SETOF text LANGUAGE pybox AS $$
plan = plpy.prepare("SELECT i FROM numbers WHERE i >= $1 ORDER BY i", ["int"])
rows = plan.execute([2])
for row in rows:
    yield f"{row['i']} of {rows.nrows()}"
    yield "again " + str([r["i"] for r in plan.execute([row["i"]])])
$$;
SELECT * FROM holds();
SELECT holds(), holds() LIMIT 3;

-- Each row sees what was done before it
CREATE FUNCTION inserts(n int) RETURNS SETOF bigint LANGUAGE pybox AS $$
for i in range(n):
    plpy.execute(f"INSERT INTO numbers VALUES ({10 + i})")
    yield plpy.execute("SELECT count(*) AS c FROM numbers")[0]["c"]
$$;
SELECT inserts(2), inserts(2);
SELECT count(*) FROM numbers;

-- As the source of INSERT, UPDATE, DELETE, MERGE and COPY
INSERT INTO numbers SELECT told('insert', 2) + 100;
UPDATE numbers SET i = -i FROM told('update', 1) AS t WHERE i = 100 + t;
DELETE FROM numbers WHERE i IN (SELECT told('delete', 200)) RETURNING i > 0;
MERGE INTO numbers USING told('merge', 2) AS t ON i = t WHEN NOT MATCHED THEN INSERT VALUES (t);
COPY (SELECT told('copy', 2)) TO STDOUT;
SELECT * FROM numbers ORDER BY i;
SELECT traced() <> '';

-- Functions of SQL and PL/pgSQL around them
CREATE FUNCTION sql_around(n int) RETURNS SETOF int LANGUAGE sql AS 'SELECT set_context.told(''sql'', n)';
SELECT sql_around(3) LIMIT 1;
SELECT traced();
CREATE FUNCTION plpgsql_around(n int) RETURNS SETOF int LANGUAGE plpgsql AS
	'BEGIN RETURN QUERY SELECT set_context.told(''plpgsql'', n); END';
SELECT plpgsql_around(2) LIMIT 1;
SELECT traced();
