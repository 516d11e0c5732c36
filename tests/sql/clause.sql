-- Functions in each clause that takes an expression.
CREATE SCHEMA clause;
SET search_path = clause;
CREATE FUNCTION two() RETURNS int STABLE LANGUAGE pybox AS 'return 2';
CREATE FUNCTION plus(a int, b int) RETURNS int IMMUTABLE LANGUAGE pybox AS 'return a + b';
CREATE FUNCTION odd(i int) RETURNS bool LANGUAGE pybox AS 'return i % 2 == 1';
CREATE FUNCTION day(i int) RETURNS date STABLE LANGUAGE pybox AS 'return f"2024-01-{i:02}"';
CREATE TABLE n AS SELECT i FROM generate_series(1, 10) AS i;

SELECT i FROM n ORDER BY i LIMIT two() OFFSET plus(1, two());
SELECT i FROM n ORDER BY plus(-i, 0) FETCH FIRST (two()) ROWS WITH TIES;
SELECT i, sum(i) OVER (ORDER BY i ROWS BETWEEN two() PRECEDING AND CURRENT ROW) FROM n ORDER BY i LIMIT 4;
SELECT count(*) > 0 FROM n TABLESAMPLE SYSTEM (plus(98, two())) REPEATABLE (two());
SELECT day(i) + two() AS later FROM n WHERE day(i) BETWEEN day(2) AND day(3);
SELECT odd(i), count(*) FILTER (WHERE odd(plus(i, 1)) OR i > two()) FROM n GROUP BY GROUPING SETS ((odd(i)), ()) ORDER BY 1;
SELECT i FROM n WHERE (i, plus(i, 1)) = (two(), 3) OR i IN (plus(4, 4), 9) OR i = ANY (ARRAY[plus(5, 5)]);
SELECT string_agg(plus(i, 100)::text, ',' ORDER BY plus(-i, 0)) FROM n WHERE odd(i);
VALUES (two()), (plus(3, 4));
TABLE n ORDER BY odd(i), i LIMIT 3;
WITH RECURSIVE r(i) AS (SELECT two() UNION ALL SELECT plus(i, i) FROM r WHERE i < 20) SELECT * FROM r;
SELECT (plus(i, 1), odd(i)) FROM n WHERE NOT odd(i) AND i < plus(two(), two());
SELECT two() IS DISTINCT FROM 2, two() IS NULL;
SELECT CASE two() WHEN plus(1, 1) THEN 'same' ELSE 'other' END;
SELECT (ARRAY[10, 20, 30])[two()], (ARRAY[10, 20, 30])[two():plus(two(), 1)];
SELECT format('%s', two()), two()::text || plus(1, 2)::text COLLATE "C";

-- What writes
CREATE TABLE w (id int PRIMARY KEY, v int);
INSERT INTO w SELECT plus(i, 0), two() FROM n WHERE odd(i) RETURNING plus(id, v), odd(id);
INSERT INTO w VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET v = plus(w.v, excluded.v) WHERE odd(w.id) RETURNING v;
UPDATE w SET v = plus(v, n.i) FROM n WHERE plus(n.i, 0) = w.id AND n.i < 4 RETURNING *;
UPDATE w SET (v, id) = (SELECT plus(w.v, 1), w.id) WHERE id = 5 RETURNING v;
DELETE FROM w USING n WHERE plus(n.i, two()) = w.id AND NOT odd(n.i) RETURNING w.id;
MERGE INTO w USING n ON w.id = plus(n.i, 0)
	WHEN MATCHED AND odd(plus(w.id, 1)) THEN DELETE
	WHEN MATCHED AND w.id < plus(two(), two()) THEN UPDATE SET v = plus(w.v, 1000)
	WHEN NOT MATCHED AND n.i < 5 THEN INSERT VALUES (n.i, plus(n.i, 100));
SELECT * FROM w ORDER BY id;
COPY n FROM STDIN WHERE odd(i);
11
12
13
\.
SELECT i FROM n WHERE i > 10;
CREATE TABLE copied AS SELECT plus(i, 1) AS p FROM n WITH NO DATA;
SELECT plus(i, 1) AS p INTO into_table FROM n WHERE odd(i);
SELECT count(*) FROM into_table;

-- Partition bounds and defaults are computed once, when they are declared
CREATE TABLE parts (i int) PARTITION BY RANGE (i);
CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (plus(0, 0)) TO (plus(5, 5));
SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = 'parts_low'::regclass;
SELECT count(*) FROM parts WHERE i = two();

-- SQL functions with an inlined and with a standard body
CREATE FUNCTION inlined(i int) RETURNS int STABLE LANGUAGE sql AS 'SELECT clause.plus(i, clause.two())';
CREATE FUNCTION standard(i int) RETURNS int STABLE LANGUAGE sql BEGIN ATOMIC SELECT plus(i, two()); END;
EXPLAIN (COSTS OFF, VERBOSE) SELECT inlined(i), standard(i) FROM n;
SELECT inlined(1), standard(1);
CREATE FUNCTION inlined_set(top int) RETURNS SETOF int STABLE LANGUAGE sql AS 'SELECT i FROM clause.n WHERE clause.odd(i) AND i < top';
SELECT * FROM inlined_set(4);
DROP FUNCTION two();

-- Named and default arguments, VARIADIC
CREATE FUNCTION named(a int, b int DEFAULT plus(1, 1), VARIADIC rest int[] DEFAULT '{}') RETURNS text LANGUAGE pybox AS 'return repr((a, b, rest))';
SELECT named(1), named(1, 2, 3, 4), named(1, 2, VARIADIC ARRAY[5]), named(a => 4, VARIADIC rest => '{7}');

-- Row types of tables that change between two calls
CREATE FUNCTION shows(r n) RETURNS text LANGUAGE pybox AS 'return repr(r)';
SELECT shows(n) FROM n WHERE i = 1;
ALTER TABLE n ADD COLUMN more text DEFAULT 'm';
SELECT shows(n) FROM n WHERE i = 1;
ALTER TABLE n DROP COLUMN more;
SELECT n.shows FROM n WHERE i = 1;
