-- Where a plan evaluates functions, when it does not, and what changes between two calls.
CREATE SCHEMA plan_context;
SET search_path = plan_context;

CREATE FUNCTION noisy(word text) RETURNS bool LANGUAGE pybox AS $$
plpy.notice(f"evaluated {word}")
return True
$$;
CREATE FUNCTION raises() RETURNS bool LANGUAGE pybox AS 'raise ValueError("reached")';
CREATE FUNCTION raises_immutable() RETURNS bool IMMUTABLE LANGUAGE pybox AS 'raise ValueError("reached")';

-- What is not reached
SELECT CASE WHEN true THEN noisy('then') ELSE raises() END;
SELECT CASE WHEN i = 1 THEN noisy('case') WHEN i = 2 THEN raises() END FROM generate_series(1, 1) AS i;
SELECT coalesce(noisy('first'), raises());
SELECT true OR raises(), false AND raises();
SELECT CASE WHEN noisy('when') THEN 1 ELSE 2 END;
SELECT nullif(noisy('left'), noisy('right'));
SELECT raises() WHERE false;
SELECT count(*) FROM generate_series(1, 3) WHERE false AND raises_immutable();
SELECT raises();
SELECT greatest(1, 2), raises_immutable() FROM generate_series(1, 0);
SELECT 1 FROM generate_series(1, 3) AS i LIMIT 0;

-- Strict functions are not called for nulls
CREATE FUNCTION strict_raises(i int) RETURNS text STRICT LANGUAGE pybox AS 'raise ValueError(i)';
SELECT strict_raises(NULL) IS NULL;
SELECT strict_raises(1);
CREATE FUNCTION strict_set(i int) RETURNS SETOF int STRICT LANGUAGE pybox AS 'return [i]';
SELECT strict_set(NULL);
SELECT * FROM strict_set(NULL);

-- Folded when planned: IMMUTABLE once, STABLE for each execution or estimate, VOLATILE for each row
CREATE FUNCTION count_calls(OUT immutable int, OUT stable int, OUT volatile int) LANGUAGE pybox AS $$
return [GD.pop(kind, 0) for kind in ("immutable", "stable", "volatile")]
$$;
CREATE FUNCTION immutable() RETURNS int IMMUTABLE LANGUAGE pybox AS 'GD["immutable"] = GD.get("immutable", 0) + 1; return 1';
CREATE FUNCTION stable() RETURNS int STABLE LANGUAGE pybox AS 'GD["stable"] = GD.get("stable", 0) + 1; return 1';
CREATE FUNCTION volatile() RETURNS int LANGUAGE pybox AS 'GD["volatile"] = GD.get("volatile", 0) + 1; return 1';
SELECT immutable() + stable() + volatile() AS sum FROM generate_series(1, 3);
SELECT * FROM count_calls();
EXPLAIN (COSTS OFF, VERBOSE) SELECT immutable(), stable(), volatile();
SELECT * FROM count_calls();
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT volatile() FROM generate_series(1, 3);
SELECT * FROM count_calls();
SELECT count(*) FROM generate_series(1, 4) AS i WHERE i > volatile() ;
SELECT * FROM count_calls();

-- ORDER BY, GROUP BY, joins, LATERAL, set operations, DISTINCT, subplans
CREATE FUNCTION negative(i int) RETURNS int IMMUTABLE LANGUAGE pybox AS 'return -i';
SELECT i FROM generate_series(1, 4) AS i ORDER BY negative(i) LIMIT 2;
SELECT negative(i % 2), count(*) FROM generate_series(1, 4) AS i GROUP BY 1 ORDER BY 1;
SELECT a, b FROM generate_series(-2, 2) AS a JOIN generate_series(1, 2) AS b ON negative(a) = b ORDER BY a;
SELECT a, b FROM generate_series(1, 2) AS a LEFT JOIN LATERAL (SELECT negative(a) AS b WHERE negative(a) < -1) AS s ON true;
SELECT negative(1) UNION SELECT -1 UNION ALL SELECT negative(2) ORDER BY 1;
SELECT i FROM generate_series(1, 3) AS i WHERE negative(i) IN (SELECT negative(j) FROM generate_series(2, 3) AS j) ORDER BY i;
WITH once AS MATERIALIZED (SELECT volatile() AS v) SELECT a.v + b.v AS v FROM once AS a, once AS b;
SELECT volatile FROM count_calls();
SELECT * FROM (VALUES (negative(1)), (negative(2))) AS v(n);
SELECT (SELECT negative(i)) FROM generate_series(1, 2) AS i;
SELECT ARRAY[negative(1), negative(2)], ROW(negative(3)), negative(4) BETWEEN negative(5) AND 0;
SET enable_memoize = on;
SELECT count(*) FROM generate_series(1, 100) AS i, LATERAL (SELECT negative(i % 3)) AS n(n) WHERE n < 0;

-- Temporary tables that come and go between calls, and the search path
CREATE FUNCTION look() RETURNS text LANGUAGE pybox AS $$
return plpy.execute("SELECT what FROM looked_at")[0]["what"]
$$;
CREATE FUNCTION look_prepared() RETURNS text LANGUAGE pybox AS $$
if "plan" not in SD:
    SD["plan"] = plpy.prepare("SELECT * FROM looked_at")
return str(SD["plan"].execute()[0])
$$;
CREATE SCHEMA plan_other;
CREATE TABLE plan_context.looked_at AS SELECT text 'the first' AS what;
CREATE TABLE plan_other.looked_at AS SELECT text 'the other' AS what;
SELECT look(), look_prepared();
SET search_path = plan_other, plan_context;
SELECT look(), look_prepared();
CREATE TEMP TABLE looked_at AS SELECT text 'temporary' AS what, 1 AS more;
SELECT look(), look_prepared();
DROP TABLE looked_at;
SELECT look(), look_prepared();
CREATE TEMP TABLE looked_at (n int, what varchar);
INSERT INTO looked_at VALUES (2, 'with other columns');
SELECT look(), look_prepared();
DISCARD TEMP;
SET search_path = plan_context;
SELECT look(), look_prepared();
DROP TABLE looked_at;
SELECT look();
SELECT look_prepared();
CREATE TABLE looked_at AS SELECT text 'made anew' AS what;
SELECT look(), look_prepared();
DISCARD PLANS;
SELECT look_prepared();

-- A temporary table of the function's own, at each call
CREATE FUNCTION uses_temp(n int) RETURNS bigint LANGUAGE pybox AS $$
plpy.execute("CREATE TEMP TABLE mine (i int) ON COMMIT DROP")
plpy.execute(f"INSERT INTO mine SELECT generate_series(1, {n})")
found = plpy.execute("SELECT count(*) AS c FROM mine")[0]["c"]
plpy.execute("DROP TABLE mine")
return found
$$;
SELECT uses_temp(3), uses_temp(4);
CREATE FUNCTION keeps_temp(n int) RETURNS bigint LANGUAGE pybox AS $$
plpy.execute("CREATE TEMP TABLE IF NOT EXISTS kept (i int) ON COMMIT DELETE ROWS")
plpy.execute(f"INSERT INTO kept SELECT generate_series(1, {n})")
return plpy.execute("SELECT count(*) AS c FROM kept")[0]["c"]
$$;
SELECT keeps_temp(1);
BEGIN;
SELECT keeps_temp(1), keeps_temp(1);
COMMIT;
SELECT count(*) FROM kept;

-- From PL/pgSQL: expressions, loops, PERFORM, EXECUTE, ASSERT; a procedure in blocks with exceptions
CREATE PROCEDURE adds(INOUT n int, fails bool DEFAULT false) LANGUAGE pybox AS $$
if fails:
    plpy.error("asked to fail", sqlstate="22023")
return n + 1,
$$;
DO $$
DECLARE
	n int := plan_context.negative(-3);
	found int;
BEGIN
	FOR i IN 1 .. 300 LOOP
		n := plan_context.negative(n);
	END LOOP;
	WHILE plan_context.negative(n) < 0 LOOP
		n := n - 1;
	END LOOP;
	EXECUTE 'SELECT plan_context.negative($1)' INTO found USING 5;
	ASSERT plan_context.negative(1) = -1;
	CALL plan_context.adds(n);
	RAISE NOTICE 'n %, found %', n, found;
	FOR i IN 1 .. 2 LOOP
		BEGIN
			CALL plan_context.adds(n, true);
		EXCEPTION WHEN invalid_parameter_value THEN
			RAISE NOTICE 'caught % %', SQLSTATE, SQLERRM;
		END;
		CALL plan_context.adds(n);
	END LOOP;
	RAISE NOTICE 'n %', n;
END
$$;
CALL adds(1);
CALL adds(1, true);

-- In a PL/pgSQL event trigger
CREATE FUNCTION tells() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM plan_context.noisy(TG_EVENT || ' ' || TG_TAG);
END
$$;
CREATE EVENT TRIGGER regress_tells ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION tells();
CREATE TABLE told (i int);
DROP EVENT TRIGGER regress_tells;

-- DISCARD ALL ends the interpreter, and with it GD
SELECT volatile();
DISCARD ALL;
SELECT * FROM plan_context.count_calls();
