-- SQL cursors and prepared statements over functions.
CREATE SCHEMA cursor_context;
SET search_path = cursor_context;

CREATE FUNCTION numbers(n int) RETURNS SETOF int LANGUAGE pybox AS $$
for i in range(1, n + 1):
    GD["given"] = i
    yield i
$$;
CREATE FUNCTION given() RETURNS int LANGUAGE pybox AS 'return GD.get("given")';
CREATE FUNCTION square(i int) RETURNS int LANGUAGE pybox AS $$
GD["calls"] = GD.get("calls", 0) + 1
return i * i
$$;
CREATE FUNCTION calls() RETURNS int LANGUAGE pybox AS 'return GD.pop("calls", 0)';

-- Rows are made when they are fetched
BEGIN;
DECLARE c CURSOR FOR SELECT numbers(1000000);
FETCH 3 FROM c;
SELECT given();
MOVE 2 IN c;
FETCH c;
SELECT given();
FETCH BACKWARD c;
CLOSE c;
SELECT given();
COMMIT;

-- SCROLL: a row fetched again is made again, unless it is kept
BEGIN;
DECLARE s SCROLL CURSOR FOR SELECT i, square(i) FROM generate_series(1, 5) AS i;
FETCH ALL FROM s;
SELECT calls();
FETCH BACKWARD 2 FROM s;
FETCH ABSOLUTE 2 FROM s;
FETCH RELATIVE -1 FROM s;
MOVE LAST IN s;
FETCH PRIOR FROM s;
SELECT calls() > 0;
DECLARE t SCROLL CURSOR FOR SELECT numbers(5);
FETCH LAST FROM t;
FETCH FIRST FROM t;
FETCH BACKWARD ALL FROM t;
SELECT given();
COMMIT;

-- WITH HOLD: materialized at commit, from the first row
BEGIN;
DECLARE h CURSOR WITH HOLD FOR SELECT numbers(4) AS n;
FETCH 2 FROM h;
SELECT given();
COMMIT;
SELECT given();
FETCH ALL FROM h;
FETCH BACKWARD 1 FROM h;
CLOSE h;
BEGIN;
DECLARE h CURSOR WITH HOLD FOR SELECT square(i) FROM generate_series(1, 3) AS i;
ROLLBACK;
FETCH h;
-- an error at that commit
CREATE FUNCTION fails_at(n int) RETURNS SETOF int LANGUAGE pybox AS $$
for i in range(1, n):
    yield i
raise ValueError("at the end")
$$;
BEGIN;
DECLARE h CURSOR WITH HOLD FOR SELECT fails_at(4);
FETCH 1 FROM h;
COMMIT;
SELECT 1 AS goes_on;
SELECT name FROM pg_cursors;
-- which sees the snapshot of its declaration, and its role
CREATE TABLE seen (i int);
CREATE FUNCTION seen_rows() RETURNS SETOF text STABLE LANGUAGE pybox AS $$
for i in range(2):
    yield plpy.execute("SELECT count(*)::text || ' ' || current_user AS r FROM cursor_context.seen")[0]["r"]
$$;
CREATE FUNCTION seen_volatile() RETURNS SETOF text LANGUAGE pybox AS $$
for i in range(2):
    yield plpy.execute("SELECT count(*)::text || ' ' || current_user AS r FROM cursor_context.seen")[0]["r"]
$$;
BEGIN;
DECLARE stable_seen CURSOR WITH HOLD FOR SELECT seen_rows();
DECLARE volatile_seen CURSOR WITH HOLD FOR SELECT seen_volatile();
FETCH 1 FROM stable_seen;
FETCH 1 FROM volatile_seen;
INSERT INTO seen VALUES (1), (2);
FETCH 1 FROM stable_seen;
FETCH 1 FROM volatile_seen;
COMMIT;
FETCH BACKWARD ALL FROM volatile_seen;
CLOSE stable_seen;
CLOSE volatile_seen;

-- Through PL/pgSQL: bound cursors, refcursors, loops with an exit
CREATE FUNCTION through() RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	bound CURSOR (m int) FOR SELECT cursor_context.numbers(m) AS n;
	open_ended refcursor := 'given_away';
	total int := 0;
BEGIN
	FOR r IN bound(5) LOOP
		EXIT WHEN r.n = 4;
		total := total + r.n;
	END LOOP;
	OPEN open_ended FOR SELECT cursor_context.numbers(7);
	MOVE 3 IN open_ended;
	RETURN total;
END
$$;
BEGIN;
SELECT through();
FETCH 1 FROM given_away;
COMMIT;

-- WHERE CURRENT OF, with a function in the query
BEGIN;
DECLARE u CURSOR FOR SELECT i FROM seen WHERE square(i) = 4 FOR UPDATE;
FETCH u;
UPDATE seen SET i = square(i) + 1 WHERE CURRENT OF u;
COMMIT;
SELECT * FROM seen ORDER BY i;

-- Prepared statements: custom and generic plans, a function that is replaced, dropped, made anew
CREATE FUNCTION greet(word text) RETURNS text LANGUAGE pybox AS 'return "hello " + word';
PREPARE greeting (text) AS SELECT greet($1), square(length($1));
SET plan_cache_mode = force_custom_plan;
EXECUTE greeting('custom');
SET plan_cache_mode = force_generic_plan;
EXECUTE greeting('generic');
CREATE OR REPLACE FUNCTION greet(word text) RETURNS text LANGUAGE pybox AS 'return "bye " + word';
EXECUTE greeting('generic');
CREATE OR REPLACE FUNCTION greet(word text) RETURNS text IMMUTABLE LANGUAGE pybox AS 'return "ever " + word';
EXECUTE greeting('generic');
RESET plan_cache_mode;
EXECUTE greeting('auto');
DROP FUNCTION greet;
EXECUTE greeting('gone');
CREATE FUNCTION greet(word text) RETURNS text LANGUAGE pybox AS 'return "again " + word';
EXECUTE greeting('back');
CREATE OR REPLACE FUNCTION greet(word text) RETURNS text LANGUAGE sql AS 'SELECT ''by SQL '' || word';
EXECUTE greeting('other');
DISCARD PLANS;
EXECUTE greeting('discarded');
DEALLOCATE greeting;
EXECUTE greeting('deallocated');
-- a set that is replaced while it is read goes on as it began
BEGIN;
DECLARE r CURSOR FOR SELECT numbers(3);
FETCH 1 FROM r;
CREATE OR REPLACE FUNCTION numbers(n int) RETURNS SETOF int LANGUAGE pybox AS 'return [n * 100]';
FETCH ALL FROM r;
SELECT numbers(3);
ROLLBACK;
SELECT numbers(2);

-- PREPARE and EXECUTE from within a function
CREATE FUNCTION prepares() RETURNS text LANGUAGE pybox AS $$
plpy.execute("PREPARE within (int) AS SELECT cursor_context.square($1) AS s")
got = plpy.execute("EXECUTE within(7)")[0]["s"]
plpy.execute("DEALLOCATE within")
return str(got)
$$;
SELECT prepares();
SELECT name FROM pg_prepared_statements;
