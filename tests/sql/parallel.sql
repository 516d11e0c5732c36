-- PARALLEL SAFE functions in parallel workers.
CREATE SCHEMA parallel;
SET search_path = parallel;

CREATE TABLE numbers AS SELECT i FROM generate_series(1, 2000) AS i;
ALTER TABLE numbers SET (parallel_workers = 2);
ANALYZE numbers;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
-- so that every row is a worker's, whatever the machine does
SET parallel_leader_participation = off;

CREATE FUNCTION square(i int) RETURNS int PARALLEL SAFE LANGUAGE pybox AS 'return i % 100 * (i % 100)';
EXPLAIN (COSTS OFF) SELECT sum(square(i)) FROM numbers WHERE square(i) > 50;
SELECT sum(square(i)) FROM numbers WHERE square(i) > 50;
SELECT sum(i % 100 * (i % 100)) FROM numbers WHERE i % 100 * (i % 100) > 50;

-- RESTRICTED and UNSAFE ones stay with the leader
CREATE FUNCTION restricted(i int) RETURNS int PARALLEL RESTRICTED LANGUAGE pybox AS 'return i';
CREATE FUNCTION unsafe(i int) RETURNS int LANGUAGE pybox AS 'return i';
EXPLAIN (COSTS OFF) SELECT restricted(i) FROM numbers WHERE square(i) > 50;
EXPLAIN (COSTS OFF) SELECT unsafe(i) FROM numbers WHERE square(i) > 50;
SELECT sum(restricted(i)) FROM numbers WHERE square(i) = 4;

-- Aggregates with a combine function, sets, sorts
CREATE FUNCTION add(state int8, i int) RETURNS int8 STRICT PARALLEL SAFE LANGUAGE pybox AS 'return state + i';
CREATE FUNCTION combine(a int8, b int8) RETURNS int8 STRICT PARALLEL SAFE LANGUAGE pybox AS 'return a + b';
CREATE FUNCTION final(a int8) RETURNS text PARALLEL SAFE LANGUAGE pybox AS 'return f"total {a}"';
CREATE AGGREGATE total (int) (SFUNC = add, STYPE = int8, INITCOND = '0', COMBINEFUNC = combine, FINALFUNC = final, PARALLEL = SAFE);
EXPLAIN (COSTS OFF) SELECT total(i) FROM numbers;
SELECT total(i) FROM numbers;
SELECT i % 3, total(i) FROM numbers GROUP BY 1 ORDER BY 1;
CREATE FUNCTION pair(i int) RETURNS SETOF int PARALLEL SAFE LANGUAGE pybox AS 'return [i, -i]';
SELECT count(*), sum(p) FROM (SELECT pair(i) AS p FROM numbers OFFSET 0) AS s;
SELECT i FROM numbers ORDER BY square(i), i LIMIT 3;

-- SQL in a worker: what plpy needs for that, a subtransaction, a worker cannot have
CREATE FUNCTION asks(i int) RETURNS int PARALLEL SAFE LANGUAGE pybox AS 'return plpy.execute("SELECT 1 AS one")[0]["one"]';
SELECT sum(asks(i)) FROM numbers;
CREATE FUNCTION asks_and_catches(i int) RETURNS text PARALLEL SAFE LANGUAGE pybox AS $$
try:
    plpy.execute("SELECT 1")
except BaseException as error:
    return f"{type(error).__name__}: {error}"
$$;
SELECT DISTINCT asks_and_catches(i) FROM numbers;
CREATE FUNCTION prepares(i int) RETURNS int PARALLEL SAFE LANGUAGE pybox AS 'plpy.prepare("SELECT 1"); return 1';
SELECT sum(prepares(i)) FROM numbers;

-- Messages and errors of a worker reach the client, with both contexts
CREATE FUNCTION notices(i int) RETURNS int PARALLEL SAFE LANGUAGE pybox AS $$
if i == 1500:
    plpy.notice("1500", detail="a detail", hint="a hint")
return i
$$;
SELECT count(notices(i)) FROM numbers;
CREATE FUNCTION raises(i int) RETURNS int PARALLEL SAFE LANGUAGE pybox AS $$
if i == 1500:
    raise ValueError("1500")
return i
$$;
SELECT count(raises(i)) FROM numbers;
CREATE FUNCTION errors(i int) RETURNS int PARALLEL SAFE LANGUAGE pybox AS $$
if i == 1500:
    plpy.error("1500", detail="a detail", hint="a hint", sqlstate="22023")
return i
$$;
SELECT count(errors(i)) FROM numbers;
DO $$
BEGIN
	PERFORM count(parallel.errors(i)) FROM parallel.numbers;
EXCEPTION WHEN invalid_parameter_value THEN
	RAISE NOTICE 'caught %', SQLERRM;
END
$$;

-- GD and SD are a worker's own
CREATE FUNCTION remembers(i int) RETURNS bool PARALLEL SAFE LANGUAGE pybox AS $$
GD["worker"] = True
return "leader" in GD
$$;
CREATE FUNCTION leader() RETURNS text LANGUAGE pybox AS 'GD["leader"] = True; return repr(sorted(GD))';
SELECT leader();
SELECT DISTINCT remembers(i) FROM numbers;
SELECT leader();

-- Forced: a whole query in a worker
SET force_parallel_mode = on;
SELECT square(7);
SELECT final(3), pair(1);
SELECT raises(1500);
RESET force_parallel_mode;

-- A parallel index build and CREATE TABLE AS
SET min_parallel_index_scan_size = 0;
CREATE FUNCTION key(i int) RETURNS int IMMUTABLE PARALLEL SAFE LANGUAGE pybox AS 'return i % 1000';
CREATE INDEX numbers_key ON numbers (key(i));
SELECT count(*) FROM numbers WHERE key(i) = 17;
CREATE TABLE squares AS SELECT square(i) AS s FROM numbers;
SELECT count(*), sum(s) FROM squares;
CREATE INDEX numbers_raises ON numbers (raises(i));
