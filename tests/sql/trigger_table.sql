-- Triggers on every kind of table and column, and in every way that rows come into a table.
CREATE SCHEMA trigger_table;
SET search_path = trigger_table;
CREATE FUNCTION told() RETURNS trigger LANGUAGE pybox AS $$
plpy.notice(f"{TD['table_name']} {TD['when']} {TD['event']}: {TD['old']} -> {TD['new']}")
$$;

-- Types: each goes there and back
CREATE DOMAIN small AS int CHECK (VALUE < 100);
CREATE DOMAIN needed AS text NOT NULL;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TYPE point_named AS (x int, label text);
CREATE TYPE segment AS (a point_named, b point_named);
CREATE TABLE typed (
    b bool, i2 int2, i8 int8, f4 float4, f8 float8, n numeric(8, 3), t text, v varchar(5), c char(3), bytes bytea,
    d date, ts timestamptz, u uuid, j jsonb, m mood, r int4range, ii int[], tt text[][], s small, ss small[], nn needed DEFAULT '',
    p point_named, pp point_named[], g segment, o oid);
CREATE FUNCTION typed() RETURNS trigger LANGUAGE pybox AS $$
plpy.notice({k: v for k, v in TD["new"].items() if v is not None})
if TD["args"]:
    exec(TD["args"][0], {"new": TD["new"]})
return "MODIFY"
$$;
CREATE TRIGGER typed BEFORE INSERT ON typed FOR EACH ROW EXECUTE FUNCTION typed();
SET timezone = 'UTC';
INSERT INTO typed VALUES (true, 1, 2^62, 1.5, 0.1, 3.14159, 'täxt', 'vär', 'c', '\x00ff', '2024-02-29', '2024-02-29 12:00+01',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a": [1, null]}', 'bad', '[1,5)', '{{1,2},{3,4}}', '{{a,NULL}}', 7, '{1,99}', 'x',
    (1, 'p'), ARRAY[(1, 'q'), NULL, (NULL, NULL)]::point_named[], ((1, 'r'), NULL), 4294967295);
INSERT INTO typed DEFAULT VALUES;
INSERT INTO typed (f4, f8, n, t) VALUES ('nan', '-inf', 'nan', repeat('x', 3));
SELECT * FROM typed \gx
SELECT b, i2, s, ss, n FROM typed;
-- whatever is not that type is refused by the type
CREATE FUNCTION type_fails(change text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE TRIGGER typed BEFORE INSERT ON trigger_table.typed FOR EACH ROW '
        'EXECUTE FUNCTION trigger_table.typed(%L)', change);
    INSERT INTO trigger_table.typed DEFAULT VALUES;
END $$;
\set VERBOSITY terse
SELECT type_fails('new["s"] = 100');
SELECT type_fails('new["ss"] = [1, 100]');
SELECT type_fails('new["nn"] = None');
SELECT type_fails('new["m"] = "ugly"');
SELECT type_fails('new["v"] = "longer"');
SELECT type_fails('new["n"] = 123456');
SELECT type_fails('new["ii"] = 1');
SELECT type_fails('new["ii"] = [[1], [1, 2]]');
SELECT type_fails('new["p"] = {"x": 1}');
SELECT type_fails('new["p"] = (1,)');
SELECT type_fails('new["pp"] = [1]');
SELECT type_fails('new["j"] = {"a"}');
SELECT type_fails('new["f4"] = 1e300');
\set VERBOSITY default
SELECT type_fails('new["g"] = {"a": {"x": "one", "label": None}, "b": None}');
-- and what converts, does
TRUNCATE typed;
SELECT type_fails('new.update(p=(1, 2), pp=[(3, 4)], g={"a": {"x": 1, "label": "l"}, "b": "(5,6)"}, ii=(1, 2), tt=[["a"], [None]], '
    'n="1.23456", j="[1]", b="false", s="42", bytes=b"\x01", f8=10**20, u="A0EEBC999C0B4EF8BB6D6BB9BD380A11")');
SELECT p, pp, g, ii, tt, n, j, b, s, bytes, f8, u FROM typed;
-- a composite type that gains an attribute is asked anew
DROP TABLE typed;
CREATE TABLE pointed (id int, p point_named);
CREATE FUNCTION pointed() RETURNS trigger LANGUAGE pybox AS $$
TD["new"]["p"] = {"x": TD["new"]["id"], "label": str(TD["new"]["p"]), "z": 3}
return "MODIFY"
$$;
CREATE TRIGGER pointed BEFORE INSERT ON pointed FOR EACH ROW EXECUTE FUNCTION pointed();
INSERT INTO pointed VALUES (1, (5, 'five'));
ALTER TYPE point_named ADD ATTRIBUTE z int CASCADE;
INSERT INTO pointed VALUES (2, (5, 'five', 5));
SELECT * FROM pointed;
DROP TABLE pointed;

-- Generated columns: unknown before, known after and in the old row
CREATE TABLE generated (a int, g int GENERATED ALWAYS AS (a * 2) STORED, i int GENERATED ALWAYS AS IDENTITY, b text);
CREATE TRIGGER told_before BEFORE INSERT OR UPDATE OR DELETE ON generated FOR EACH ROW EXECUTE FUNCTION told();
CREATE TRIGGER told_after AFTER INSERT OR UPDATE OR DELETE ON generated FOR EACH ROW EXECUTE FUNCTION told();
INSERT INTO generated (a) VALUES (1);
UPDATE generated SET a = 2;
DELETE FROM generated;
CREATE FUNCTION modifies() RETURNS trigger LANGUAGE pybox AS $$
TD["new"]["a"] += 1
return "MODIFY"
$$;
CREATE TRIGGER a_modifies BEFORE INSERT ON generated FOR EACH ROW EXECUTE FUNCTION modifies();
INSERT INTO generated (a) VALUES (1);
CREATE TRIGGER z_modifies AFTER INSERT ON generated FOR EACH ROW EXECUTE FUNCTION modifies();
INSERT INTO generated (a) VALUES (5);
TABLE generated;
DROP TABLE generated;

-- Partitions: the row's own table fires; a row that moves is deleted and inserted
CREATE TABLE part (k int, v text) PARTITION BY LIST (k);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
CREATE TABLE part_2 (v text, gone int, k int);
ALTER TABLE part_2 DROP COLUMN gone;
ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES IN (2);
CREATE FUNCTION marks() RETURNS trigger LANGUAGE pybox AS $$
SD["n"] = SD.get("n", 0) + 1
plpy.notice(f"{TD['table_name']} {TD['event']} {SD['n']}: {TD['old']} -> {TD['new']}")
if TD["new"]:
    TD["new"]["v"] += "!"
    return "MODIFY"
$$;
CREATE TRIGGER marks BEFORE INSERT OR UPDATE OR DELETE ON part FOR EACH ROW EXECUTE FUNCTION marks();
CREATE TRIGGER told_after AFTER INSERT OR UPDATE OR DELETE ON part FOR EACH ROW EXECUTE FUNCTION told();
INSERT INTO part VALUES (1, 'one'), (2, 'two');
UPDATE part SET v = 'uno' WHERE k = 1;
UPDATE part SET k = 2 WHERE k = 1;
SELECT tableoid::regclass, * FROM part ORDER BY v;
-- the key itself may not be changed to another partition's
CREATE FUNCTION moves() RETURNS trigger LANGUAGE pybox AS $$
TD["new"]["k"] = 2
return "MODIFY"
$$;
CREATE TRIGGER moves BEFORE INSERT ON part FOR EACH ROW EXECUTE FUNCTION moves();
INSERT INTO part VALUES (1, 'one');
DROP TABLE part;
-- inheritance
CREATE TABLE parent (a int);
CREATE TABLE child (b int) INHERITS (parent);
CREATE TRIGGER told BEFORE UPDATE ON parent FOR EACH ROW EXECUTE FUNCTION told();
CREATE TRIGGER told BEFORE UPDATE ON child FOR EACH ROW EXECUTE FUNCTION told();
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (2, 3);
UPDATE parent SET a = a + 1;
DROP TABLE parent CASCADE;

-- Views
CREATE TABLE base (id int, name text);
CREATE VIEW shown AS SELECT id, name FROM base WHERE id > 0;
CREATE FUNCTION writes() RETURNS trigger LANGUAGE pybox AS $$
if TD["event"] == "INSERT":
    plpy.execute(plpy.prepare("INSERT INTO base VALUES ($1, $2)", ["int", "text"]), [TD["new"]["id"], TD["new"]["name"]])
    TD["new"]["name"] = TD["new"]["name"].upper()
    return "MODIFY" if TD["new"]["id"] else "SKIP"
if TD["event"] == "DELETE":
    return "SKIP" if TD["old"]["id"] == 1 else "OK"
$$;
CREATE TRIGGER writes INSTEAD OF INSERT OR DELETE ON shown FOR EACH ROW EXECUTE FUNCTION writes();
INSERT INTO shown VALUES (1, 'one'), (2, 'two'), (0, 'none') RETURNING *;
DELETE FROM shown RETURNING *;
TABLE base;
DROP TABLE base CASCADE;

-- Transition tables, seen by SQL of the function
CREATE TABLE moved (id int, n int);
CREATE FUNCTION compares() RETURNS trigger LANGUAGE pybox AS $$
def sums(name):
    try:
        return plpy.execute(f"SELECT count(*) AS c, sum(n) AS s FROM {name}")[0]
    except plpy.spiexceptions.UndefinedTable as error:
        return error.sqlstate
plpy.notice(f"{TD['event']}: {sums('was')} -> {sums('is_now')}")
plpy.notice(plpy.execute("SELECT count(*) AS c FROM moved")[0]["c"])
$$;
CREATE TRIGGER inserted AFTER INSERT ON moved REFERENCING NEW TABLE AS is_now EXECUTE FUNCTION compares();
CREATE TRIGGER updated AFTER UPDATE ON moved REFERENCING OLD TABLE AS was NEW TABLE AS is_now EXECUTE FUNCTION compares();
CREATE TRIGGER deleted AFTER DELETE ON moved REFERENCING OLD TABLE AS was EXECUTE FUNCTION compares();
INSERT INTO moved SELECT i, i * 10 FROM generate_series(1, 4) AS i;
UPDATE moved SET n = n + 1 WHERE id < 3;
DELETE FROM moved WHERE id = 1;
-- of a row trigger, and not seen by what the function calls
CREATE FUNCTION looks() RETURNS text LANGUAGE pybox AS $$
try:
    return str(plpy.execute("SELECT count(*) AS c FROM is_now")[0]["c"])
except plpy.SPIError as error:
    return str(error)
$$;
CREATE FUNCTION looks_row() RETURNS trigger LANGUAGE pybox AS $$
plpy.notice(TD["new"]["id"], plpy.execute("SELECT count(*) AS c, looks() AS l FROM is_now")[0])
$$;
CREATE TRIGGER looks AFTER INSERT ON moved REFERENCING NEW TABLE AS is_now FOR EACH ROW EXECUTE FUNCTION looks_row();
INSERT INTO moved VALUES (5, 5), (6, 6);
DROP TABLE moved;

-- Deferred to the end of the transaction
CREATE TABLE balance (id int, amount int);
CREATE FUNCTION balances() RETURNS trigger LANGUAGE pybox AS $$
total = plpy.execute("SELECT sum(amount) AS s FROM balance")[0]["s"]
plpy.notice(f"{TD['new']['id']}: {total}")
if total:
    plpy.error(f"out of balance by {total}", sqlstate="23514", table_name=TD["table_name"])
$$;
CREATE CONSTRAINT TRIGGER balances AFTER INSERT ON balance DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION balances();
BEGIN;
INSERT INTO balance VALUES (1, 5);
INSERT INTO balance VALUES (2, -5);
COMMIT;
BEGIN;
INSERT INTO balance VALUES (3, 7);
SELECT 'still in';
COMMIT;
\echo :LAST_ERROR_SQLSTATE
BEGIN;
INSERT INTO balance VALUES (4, 1);
SET CONSTRAINTS balances IMMEDIATE;
ROLLBACK;
BEGIN;
SAVEPOINT s;
INSERT INTO balance VALUES (5, 1);
ROLLBACK TO s;
COMMIT;
SELECT * FROM balance;
DROP TABLE balance;

-- Every way in: COPY, ON CONFLICT, MERGE, foreign keys, CREATE TABLE AS is none
CREATE TABLE kept (id int PRIMARY KEY, v text);
CREATE TRIGGER told BEFORE INSERT OR UPDATE OR DELETE ON kept FOR EACH ROW EXECUTE FUNCTION told();
COPY kept FROM stdin;
1	one
2	\N
\.
INSERT INTO kept VALUES (1, 'again') ON CONFLICT (id) DO UPDATE SET v = excluded.v;
INSERT INTO kept VALUES (1, 'again') ON CONFLICT DO NOTHING;
MERGE INTO kept USING (VALUES (2, 'two'), (3, 'three')) AS s (id, v) ON kept.id = s.id
    WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v);
CREATE TABLE referring (id int REFERENCES kept ON DELETE CASCADE);
CREATE TRIGGER told BEFORE DELETE ON referring FOR EACH ROW EXECUTE FUNCTION told();
INSERT INTO referring VALUES (3);
DELETE FROM kept WHERE id = 3;
CREATE FUNCTION skips_even() RETURNS trigger LANGUAGE pybox AS $$ return "SKIP" if TD["new"]["id"] % 2 == 0 else None $$;
CREATE TABLE copied (id int);
CREATE TRIGGER skips_even BEFORE INSERT ON copied FOR EACH ROW EXECUTE FUNCTION skips_even();
COPY copied FROM stdin;
1
2
3
\.
SELECT * FROM copied;
COPY kept (id) FROM stdin;
4
x
\.
DROP TABLE referring, kept, copied;

-- Replication roles
CREATE TABLE replicated (id int);
CREATE FUNCTION named() RETURNS trigger LANGUAGE pybox AS $$ plpy.notice(TD["name"]) $$;
CREATE TRIGGER origin BEFORE INSERT ON replicated FOR EACH ROW EXECUTE FUNCTION named();
CREATE TRIGGER replica BEFORE INSERT ON replicated FOR EACH ROW EXECUTE FUNCTION named();
CREATE TRIGGER always BEFORE INSERT ON replicated FOR EACH ROW EXECUTE FUNCTION named();
CREATE TRIGGER never BEFORE INSERT ON replicated FOR EACH ROW EXECUTE FUNCTION named();
ALTER TABLE replicated ENABLE REPLICA TRIGGER replica;
ALTER TABLE replicated ENABLE ALWAYS TRIGGER always;
ALTER TABLE replicated DISABLE TRIGGER never;
INSERT INTO replicated VALUES (1);
SET session_replication_role = replica;
INSERT INTO replicated VALUES (2);
RESET session_replication_role;
DROP TABLE replicated;

-- Whose rights: the role that writes, or the function's owner
CREATE ROLE regress_trigger_writer;
GRANT USAGE ON SCHEMA trigger_table TO regress_trigger_writer;
CREATE TABLE written (by name, session name);
GRANT INSERT ON written TO regress_trigger_writer;
CREATE FUNCTION signs() RETURNS trigger LANGUAGE pybox AS $$
who = plpy.execute("SELECT current_user AS c, session_user AS s")[0]
TD["new"] = {"by": who["c"], "session": "same" if who["c"] == who["s"] else "other"}
return "MODIFY"
$$;
CREATE TRIGGER signs BEFORE INSERT ON written FOR EACH ROW EXECUTE FUNCTION signs();
SET ROLE regress_trigger_writer;
INSERT INTO written DEFAULT VALUES;
RESET ROLE;
ALTER FUNCTION signs SECURITY DEFINER;
SET ROLE regress_trigger_writer;
INSERT INTO written DEFAULT VALUES;
RESET ROLE;
SELECT by = current_user AS owner, session FROM written;
DROP TABLE written;
-- A function that is not volatile may not write
CREATE TABLE item (id int);
CREATE FUNCTION stable_writes() RETURNS trigger STABLE LANGUAGE pybox AS $$ plpy.execute("INSERT INTO item VALUES (2)") $$;
CREATE TABLE other (id int);
CREATE TRIGGER stable_writes BEFORE INSERT ON other FOR EACH ROW EXECUTE FUNCTION stable_writes();
INSERT INTO other VALUES (1);
-- Many columns and a long row
DO $$
BEGIN
    EXECUTE format('CREATE TABLE trigger_table.wide (%s)',
        (SELECT string_agg(format('c%s int DEFAULT %s', i, i), ', ') FROM generate_series(1, 600) AS i));
END $$;
CREATE FUNCTION adds() RETURNS trigger LANGUAGE pybox AS $$
TD["new"] = {name: value + 1 for name, value in reversed(TD["new"].items())}
return "MODIFY"
$$;
CREATE TRIGGER adds BEFORE INSERT ON wide FOR EACH ROW EXECUTE FUNCTION adds();
INSERT INTO wide DEFAULT VALUES;
SELECT c1, c300, c600 FROM wide;
CREATE TABLE long (t text, a float8[], b bytea);
CREATE FUNCTION turns() RETURNS trigger LANGUAGE pybox AS $$
new = TD["new"]
new["t"], new["a"], new["b"] = new["t"][::-1], new["a"][::-1], new["b"][::-1]
return "MODIFY"
$$;
CREATE TRIGGER turns BEFORE INSERT OR UPDATE ON long FOR EACH ROW EXECUTE FUNCTION turns();
INSERT INTO long SELECT string_agg(i::text, ','), array_agg(i), decode(string_agg(to_hex(i % 15 + 16), ''), 'hex')
    FROM generate_series(1, 200000) AS i;
SELECT left(t, 20), a[1:2], length(t), array_length(a, 1), length(b), substr(b, 1, 3) FROM long;
UPDATE long SET t = t;
SELECT right(t, 20), a[1:2], substr(b, 1, 3) FROM long;
DROP OWNED BY regress_trigger_writer;
DROP ROLE regress_trigger_writer;
