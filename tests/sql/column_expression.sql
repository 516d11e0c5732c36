-- Functions in what a table says of its columns: defaults, checks, generated columns, domains, rules.
CREATE SCHEMA column_expression;
SET search_path = column_expression;

CREATE FUNCTION doubled(i int) RETURNS int IMMUTABLE LANGUAGE pybox AS 'return None if i is None else 2 * i';
CREATE FUNCTION small(i int) RETURNS bool IMMUTABLE LANGUAGE pybox AS 'return None if i is None else i < 10';
CREATE FUNCTION next_id() RETURNS int LANGUAGE pybox AS $$
SD["last"] = SD.get("last", 0) + 1
return SD["last"]
$$;
CREATE TABLE things (
	id int DEFAULT next_id(),
	n int CONSTRAINT small_n CHECK (small(n)),
	twice int GENERATED ALWAYS AS (doubled(n)) STORED);
INSERT INTO things (n) VALUES (1), (2), (NULL) RETURNING *;
INSERT INTO things (n) VALUES (10);
UPDATE things SET n = n + 5 WHERE n = 2 RETURNING twice;
UPDATE things SET n = 11 WHERE n = 7;
COPY things (n) FROM STDIN;
4
5
\.
COPY things (n) FROM STDIN;
6
12
\.
SELECT * FROM things ORDER BY id;
CREATE TABLE volatile_generated (n int, m int GENERATED ALWAYS AS (next_id()) STORED);
ALTER TABLE things ADD COLUMN later int DEFAULT next_id();
SELECT count(DISTINCT later) FROM things;
ALTER TABLE things ADD CONSTRAINT doubled_n CHECK (doubled(n) <> 8);
ALTER TABLE things ADD CONSTRAINT doubled_n CHECK (doubled(n) <> 8) NOT VALID;
INSERT INTO things (n) VALUES (4);
ALTER TABLE things ALTER COLUMN id TYPE bigint USING doubled(id::int);
SELECT id FROM things ORDER BY id LIMIT 2;

-- Error in the middle of COPY: its context has both
CREATE FUNCTION refuses(i int) RETURNS bool LANGUAGE pybox AS $$
if i == 3:
    plpy.error("three is refused", detail="by the check", sqlstate="P3333", column_name="n")
return True
$$;
CREATE TABLE refusing (n int CHECK (refuses(n)));
\set SHOW_CONTEXT always
COPY refusing FROM STDIN;
1
3
\.
\set SHOW_CONTEXT errors
SELECT count(*) FROM refusing;

-- Domains
CREATE DOMAIN small_int AS int CHECK (small(VALUE)) DEFAULT doubled(3);
SELECT 5::small_int, NULL::small_int;
SELECT 12::small_int;
CREATE TABLE domains (n small_int, list int[]);
INSERT INTO domains DEFAULT VALUES RETURNING *;
INSERT INTO domains VALUES (30);
SELECT '{1,2,30}'::small_int[];
CREATE FUNCTION returns_domain(i int) RETURNS small_int LANGUAGE pybox AS 'return i';
SELECT returns_domain(3);
SELECT returns_domain(30);
CREATE FUNCTION takes_domain(i small_int) RETURNS text LANGUAGE pybox AS 'return repr(i)';
SELECT takes_domain(3);
SELECT takes_domain(30);
ALTER DOMAIN small_int ADD CONSTRAINT positive CHECK (doubled(VALUE) > 0);
SELECT returns_domain(-3);

-- Foreign keys, whose checks look at keys that a function makes
CREATE TABLE parents (id int PRIMARY KEY CHECK (small(id)));
CREATE TABLE children (parent int DEFAULT doubled(2) REFERENCES parents ON DELETE SET DEFAULT ON UPDATE CASCADE CHECK (small(parent)));
INSERT INTO parents VALUES (1), (4);
INSERT INTO children VALUES (1);
DELETE FROM parents WHERE id = 1;
SELECT * FROM children;
UPDATE parents SET id = 9;
SELECT * FROM children;
UPDATE parents SET id = 10;

-- Rules
CREATE TABLE log (what text);
CREATE FUNCTION logged(i int) RETURNS text LANGUAGE pybox AS $$
plpy.execute(plpy.prepare("INSERT INTO log VALUES ($1)", ["text"]), [f"saw {i}"])
return f"rule {i}"
$$;
CREATE VIEW view AS SELECT n, doubled(n) AS twice FROM things WHERE small(n);
CREATE RULE view_insert AS ON INSERT TO view DO INSTEAD INSERT INTO log VALUES (logged(NEW.n));
CREATE RULE things_also AS ON DELETE TO things WHERE doubled(OLD.n) > 9 DO ALSO INSERT INTO log VALUES (logged(OLD.n));
INSERT INTO view VALUES (1), (2);
DELETE FROM things;
SELECT * FROM log ORDER BY what COLLATE "C";

-- Partitions by an expression and their pruning
CREATE TABLE parts (n int) PARTITION BY LIST (doubled(n));
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2);
CREATE TABLE parts_4 PARTITION OF parts FOR VALUES IN (4);
INSERT INTO parts VALUES (1), (2) RETURNING tableoid::regclass, n;
INSERT INTO parts VALUES (3);
EXPLAIN (COSTS OFF) SELECT * FROM parts WHERE doubled(n) = 4;
UPDATE parts SET n = 2 WHERE n = 1;
SELECT tableoid::regclass, n FROM parts;
