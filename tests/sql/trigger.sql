-- Triggers: what the function is told, what it answers, and what is wrong with the answer. Kinds of tables: trigger_table.
CREATE SCHEMA trigger;
SET search_path = trigger;

-- TD, for each event, level and time, in the order of its members
CREATE FUNCTION told() RETURNS trigger LANGUAGE pybox AS $$
plpy.notice(", ".join(f"{k}={v!r}" for k, v in TD.items() if k != "relid"))
plpy.notice(TD["relid"] == str(plpy.execute(f"SELECT 'trigger.{TD['table_name']}'::regclass::oid AS o")[0]["o"]))
$$;
CREATE TABLE item (id int, name text);
CREATE TRIGGER row_before BEFORE INSERT OR UPDATE OR DELETE ON item FOR EACH ROW EXECUTE FUNCTION told();
CREATE TRIGGER row_after AFTER INSERT OR UPDATE OR DELETE ON item FOR EACH ROW EXECUTE FUNCTION told('a', '', 'ü', 'it''s', 'NULL');
CREATE TRIGGER statement_before BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON item EXECUTE FUNCTION told(1, 2.5);
CREATE TRIGGER statement_after AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON item EXECUTE FUNCTION told();
INSERT INTO item VALUES (1, 'one'), (2, NULL);
UPDATE item SET name = 'two' WHERE id = 2;
DELETE FROM item WHERE id = 2;
UPDATE item SET name = 'none' WHERE false;
TRUNCATE item;
DROP TABLE item;
-- through a view, there is no before and after
CREATE TABLE item (id int, name text);
CREATE VIEW item_shown AS SELECT id, upper(name) AS name FROM item;
CREATE TRIGGER "In Stead" INSTEAD OF INSERT OR UPDATE OR DELETE ON item_shown FOR EACH ROW EXECUTE FUNCTION told();
INSERT INTO item VALUES (1, 'one');
INSERT INTO item_shown VALUES (2, 'two');
UPDATE item_shown SET name = 'eins';
DELETE FROM item_shown;
DROP VIEW item_shown;

-- WHEN, UPDATE OF: the function is not called at all
CREATE TRIGGER big BEFORE INSERT ON item FOR EACH ROW WHEN (NEW.id > 10) EXECUTE FUNCTION told();
CREATE TRIGGER named BEFORE UPDATE OF name ON item FOR EACH ROW EXECUTE FUNCTION told();
INSERT INTO item VALUES (9, 'small'), (11, 'big');
UPDATE item SET id = 10 WHERE id = 9;
UPDATE item SET name = 'ten' WHERE id = 10;
DROP TABLE item;

-- Answers
CREATE TABLE answer (id serial, how text, changed text);
CREATE FUNCTION answers() RETURNS trigger LANGUAGE pybox AS $$
row = TD["new"] or TD["old"]
if TD["new"]:
    TD["new"]["changed"] = "yes"
return eval(row["how"])
$$;
CREATE TRIGGER answers BEFORE INSERT OR UPDATE OR DELETE ON answer FOR EACH ROW EXECUTE FUNCTION answers();
INSERT INTO answer (how) VALUES ('None'), ('"OK"'), ('"SKIP"'), ('"MODIFY"'), ('"ok"'), ('"sKip"'), ('"Modify"'),
    ('type("Text", (str,), {})("MODIFY")'), ('"MODIFY\0 and so on"');
INSERT INTO answer (how) VALUES ('"KEEP"');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO answer (how) VALUES ('""');
INSERT INTO answer (how) VALUES ('" OK"');
INSERT INTO answer (how) VALUES ('b"OK"');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO answer (how) VALUES ('True');
INSERT INTO answer (how) VALUES ('TD["new"]');
INSERT INTO answer (how) VALUES ('"\ud800"');
SELECT * FROM answer;
UPDATE answer SET changed = 'no';
SELECT * FROM answer;
UPDATE answer SET changed = 'no', how = '3';
-- MODIFY has no meaning here, and SKIP spares the row
DELETE FROM answer RETURNING how;
DROP TABLE answer;

-- What SKIP and MODIFY are worth for statements, and after the event
CREATE FUNCTION says() RETURNS trigger LANGUAGE pybox AS $$
if len(TD["args"]) > 1:
    TD["new"] = eval(TD["args"][1])
return TD["args"][0]
$$;
CREATE TABLE item (id int);
CREATE TRIGGER says BEFORE INSERT ON item EXECUTE FUNCTION says('SKIP');
INSERT INTO item VALUES (1);
CREATE OR REPLACE TRIGGER says BEFORE INSERT ON item EXECUTE FUNCTION says('MODIFY');
INSERT INTO item VALUES (2);
-- (PL/Python ends the server here)
CREATE OR REPLACE TRIGGER says BEFORE INSERT ON item EXECUTE FUNCTION says('MODIFY', '{"id": 2}');
INSERT INTO item VALUES (2);
\echo :LAST_ERROR_SQLSTATE
CREATE OR REPLACE TRIGGER says AFTER INSERT ON item EXECUTE FUNCTION says('OK');
INSERT INTO item VALUES (3);
CREATE OR REPLACE TRIGGER says AFTER DELETE ON item EXECUTE FUNCTION says('MODIFY');
DELETE FROM item WHERE id = 3;
CREATE OR REPLACE TRIGGER says BEFORE TRUNCATE ON item EXECUTE FUNCTION says('MODIFY');
TRUNCATE item;
DROP TRIGGER says ON item;
CREATE TRIGGER says_row AFTER INSERT ON item FOR EACH ROW EXECUTE FUNCTION says('SKIP');
INSERT INTO item VALUES (4);
CREATE OR REPLACE TRIGGER says_row AFTER INSERT ON item FOR EACH ROW EXECUTE FUNCTION says('MODIFY', '{"id": 6}');
INSERT INTO item VALUES (5);
SELECT * FROM item;
DROP TABLE item;

-- What may be wrong with TD["new"]
CREATE TABLE wrong (how text, id int, gone int, twice int GENERATED ALWAYS AS (2 * id) STORED, stamp date, "Upper Key" text);
ALTER TABLE wrong DROP COLUMN gone;
CREATE FUNCTION wrong() RETURNS trigger LANGUAGE pybox AS $$
exec(TD["new"]["how"])
return "MODIFY"
$$;
CREATE TRIGGER wrong BEFORE INSERT OR UPDATE ON wrong FOR EACH ROW EXECUTE FUNCTION wrong();
INSERT INTO wrong VALUES ('del TD["new"]');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO wrong VALUES ('TD["new"] = None');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO wrong VALUES ('TD["new"] = [("id", 1)]');
INSERT INTO wrong VALUES ('TD["new"] = "id"');
INSERT INTO wrong VALUES ('TD["new"][1] = 1');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO wrong VALUES ('TD["new"] = {"id": 1, b"id": 2}');
INSERT INTO wrong VALUES ('TD["new"]["other"] = 1');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO wrong VALUES ('TD["new"]["gone"] = 1');
INSERT INTO wrong VALUES ('TD["new"]["ID"] = 1');
INSERT INTO wrong VALUES ('TD["new"]["........pg.dropped.3........"] = 1');
INSERT INTO wrong VALUES ('TD["new"]["ctid"] = "(0,1)"');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO wrong VALUES ('TD["new"]["tableoid"] = 1');
INSERT INTO wrong VALUES ('TD["new"]["twice"] = 1');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO wrong VALUES ('TD["new"] = {"twice": 1, "other": 2}');
INSERT INTO wrong VALUES ('TD["new"]["\udc80"] = 1');
INSERT INTO wrong VALUES ('TD["new"]["id"] = "one"');
\echo :LAST_ERROR_SQLSTATE
-- the first fault counts, whoever finds it
INSERT INTO wrong VALUES ('TD["new"] = {"id": "two", "other": 1}');
INSERT INTO wrong VALUES ('TD["new"] = {"id": 1, "other": 1, "stamp": "x"}');
INSERT INTO wrong VALUES ('TD["new"]["id"] = 2**31');
INSERT INTO wrong VALUES ('TD["new"]["stamp"] = "yesteryear"');
-- (and here)
INSERT INTO wrong VALUES ('TD["new"]["stamp"] = type("Mute", (), {"__str__": lambda self: 1 / 0})()');
INSERT INTO wrong VALUES ('TD["new"]["stamp"] = "\udc80"');
-- and what is right
INSERT INTO wrong VALUES ('TD["new"] = {}', 1);
INSERT INTO wrong VALUES ('TD["new"] = {"id": 2}', 1);
INSERT INTO wrong VALUES ('TD["new"] = type("Dictionary", (dict,), {})(id=3)', 1);
INSERT INTO wrong VALUES ('TD["new"]["id"] = "4"', 1);
INSERT INTO wrong VALUES ('TD["new"]["id"] = None', 1);
INSERT INTO wrong VALUES ('TD["new"].update({"Upper Key": 6, "id": True + 5})', 1);
INSERT INTO wrong VALUES ('TD["new"] = {"stamp": "2024-02-29", "how": "short", "id": 7}', 1);
INSERT INTO wrong VALUES ('TD["extra"] = TD["new"]["id"] = 8; TD["old"] = 1; del TD["when"]', 1);
INSERT INTO wrong VALUES ('global TD; new = TD["new"]; new["id"] = 9; TD = {}', 1);
INSERT INTO wrong VALUES ('TD["new"]["id\0after"] = 10', 1);
SELECT * FROM wrong;
DROP TABLE wrong;

-- One function on two tables is two: SD is the table's own, GD is not; a column that the other has
CREATE FUNCTION counted() RETURNS trigger LANGUAGE pybox AS $$
SD["n"] = SD.get("n", 0) + 1
GD["n"] = GD.get("n", 0) + 1
plpy.notice(f"{TD['table_name']}: {SD['n']} of {GD['n']}, {sorted(TD['new'])}")
$$;
CREATE TABLE one (a int);
CREATE TABLE other (b text);
CREATE TRIGGER counted BEFORE INSERT ON one FOR EACH ROW EXECUTE FUNCTION counted();
CREATE TRIGGER counted BEFORE INSERT ON other FOR EACH ROW EXECUTE FUNCTION counted();
-- a second trigger of the table shares it
CREATE TRIGGER counted_after AFTER INSERT ON one FOR EACH ROW EXECUTE FUNCTION counted();
INSERT INTO one VALUES (1);
INSERT INTO other VALUES ('x'), ('y');
INSERT INTO one VALUES (2);
CREATE OR REPLACE FUNCTION counted() RETURNS trigger LANGUAGE pybox AS $$
plpy.notice(f"{TD['table_name']}: anew, {SD}, {GD}")
$$;
INSERT INTO one VALUES (3);
INSERT INTO other VALUES ('z');
DROP TABLE one, other;

-- A table that changes between two firings
CREATE TABLE changing (a int, b text);
CREATE FUNCTION changed() RETURNS trigger LANGUAGE pybox AS $$
plpy.notice(TD["new"])
for column in TD["new"]:
    TD["new"][column] = 7
return "MODIFY"
$$;
CREATE TRIGGER changed BEFORE INSERT OR UPDATE ON changing FOR EACH ROW EXECUTE FUNCTION changed();
INSERT INTO changing VALUES (1, 'x');
ALTER TABLE changing ADD COLUMN c numeric DEFAULT 1.5;
UPDATE changing SET b = 'y';
ALTER TABLE changing DROP COLUMN a;
UPDATE changing SET b = 'z';
ALTER TABLE changing RENAME COLUMN b TO bb;
ALTER TABLE changing ALTER COLUMN c TYPE text;
UPDATE changing SET bb = 'z';
SELECT * FROM changing;
ALTER TABLE changing RENAME TO changed;
ALTER TABLE changed DROP COLUMN bb, DROP COLUMN c;
INSERT INTO changed DEFAULT VALUES;
SELECT count(*) FROM changed;
DROP TABLE changed;

-- SQL within: sees the rows so far, and fires other triggers
CREATE TABLE stock (item text, n int);
CREATE TABLE stock_log (what text);
CREATE FUNCTION stocked() RETURNS trigger LANGUAGE pybox AS $$
before = plpy.execute("SELECT count(*) AS c FROM stock")[0]["c"]
plan = SD.setdefault("plan", plpy.prepare("INSERT INTO stock_log VALUES ($1)", ["text"]))
plan.execute([f"{TD['when']} {TD['level']}: {before} rows"])
$$;
CREATE FUNCTION logged() RETURNS trigger LANGUAGE pyboxu AS $$
TD["new"]["what"] += "!"
return "MODIFY"
$$;
CREATE TRIGGER before_row BEFORE INSERT ON stock FOR EACH ROW EXECUTE FUNCTION stocked();
CREATE TRIGGER after_row AFTER INSERT ON stock FOR EACH ROW EXECUTE FUNCTION stocked();
CREATE TRIGGER after_statement AFTER INSERT ON stock EXECUTE FUNCTION stocked();
CREATE TRIGGER logged BEFORE INSERT ON stock_log FOR EACH ROW EXECUTE FUNCTION logged();
INSERT INTO stock VALUES ('apple', 1), ('pear', 2);
SELECT * FROM stock_log;
-- fired by SQL in a function, whose error can be caught there
CREATE FUNCTION insert_caught(query text) RETURNS text LANGUAGE pybox AS $$
try:
    plpy.execute(query)
except plpy.SPIError as error:
    return f"{type(error).__name__} {error.sqlstate} {error}"
return "inserted"
$$;
CREATE FUNCTION refused() RETURNS trigger LANGUAGE pybox AS $$
plpy.error("no " + TD["new"]["item"], sqlstate="22023", detail="not today", hint="tomorrow")
$$;
CREATE TRIGGER refused BEFORE INSERT ON stock FOR EACH ROW WHEN (NEW.n < 0) EXECUTE FUNCTION refused();
SELECT insert_caught($$INSERT INTO stock VALUES ('plum', 3)$$);
SELECT insert_caught($$INSERT INTO stock VALUES ('fig', -1)$$);
INSERT INTO stock VALUES ('fig', -1);
SELECT item FROM stock ORDER BY n;
DROP TABLE stock, stock_log;

-- Recursion: each firing has its own TD, the outer one finds its own again
CREATE TABLE countdown (n int, note text);
CREATE FUNCTION counts_down() RETURNS trigger LANGUAGE pybox AS $$
n = TD["new"]["n"]
if n > 0:
    plpy.execute(f"INSERT INTO countdown VALUES ({n - 1})")
TD["new"]["note"] = f"after {n - 1}" if TD["new"]["n"] else "last"
return "MODIFY"
$$;
CREATE TRIGGER counts_down BEFORE INSERT ON countdown FOR EACH ROW EXECUTE FUNCTION counts_down();
INSERT INTO countdown VALUES (3);
SELECT * FROM countdown;
-- what is in the globals after an inner firing failed
CREATE OR REPLACE FUNCTION counts_down() RETURNS trigger LANGUAGE pybox AS $$
n = TD["new"]["n"]
if n == 0:
    raise ValueError("bottom")
try:
    plpy.execute(f"INSERT INTO countdown VALUES ({n - 1})")
except plpy.SPIError as error:
    TD["new"]["note"] = str(error)
    return "MODIFY"
$$;
TRUNCATE countdown;
INSERT INTO countdown VALUES (3);
SELECT * FROM countdown;
DROP TABLE countdown;

-- Errors and where they come from
CREATE TABLE item (id int);
CREATE FUNCTION fails() RETURNS trigger LANGUAGE pybox AS $$
def inner():
    return TD["new"]["no such"]
inner()
$$;
CREATE TRIGGER fails BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION fails();
INSERT INTO item VALUES (1);
\echo :LAST_ERROR_SQLSTATE
CREATE OR REPLACE FUNCTION fails() RETURNS trigger LANGUAGE pybox AS $$ plpy.execute("SELECT no_such") $$;
INSERT INTO item VALUES (1);
\echo :LAST_ERROR_SQLSTATE
CREATE OR REPLACE FUNCTION fails() RETURNS trigger LANGUAGE pybox AS $$ return args $$;
INSERT INTO item VALUES (1);
SET check_function_bodies = off;
CREATE OR REPLACE FUNCTION fails() RETURNS trigger LANGUAGE pybox AS $$ return ) $$;
RESET check_function_bodies;
INSERT INTO item VALUES (1);
\echo :LAST_ERROR_SQLSTATE
\set SHOW_CONTEXT always
CREATE OR REPLACE FUNCTION fails() RETURNS trigger LANGUAGE pybox AS $$ plpy.warning("told"); return "MODIFY" $$;
INSERT INTO item VALUES (1);
CREATE TRIGGER fails_too BEFORE DELETE ON item FOR EACH ROW EXECUTE FUNCTION fails();
DELETE FROM item;
\set SHOW_CONTEXT errors
DROP TABLE item;

-- In no other way; the event of an event trigger is none of ours
SELECT told();
\echo :LAST_ERROR_SQLSTATE
CREATE FUNCTION on_event() RETURNS event_trigger LANGUAGE pybox AS 'pass';
\echo :LAST_ERROR_SQLSTATE
SET check_function_bodies = off;
CREATE FUNCTION on_event() RETURNS event_trigger LANGUAGE pybox AS 'pass';
RESET check_function_bodies;
CREATE EVENT TRIGGER on_event ON ddl_command_start EXECUTE FUNCTION on_event();
CREATE TABLE item (id int);
DROP EVENT TRIGGER on_event;
DROP FUNCTION on_event;
CREATE FUNCTION broken() RETURNS trigger LANGUAGE pybox AS 'return )';
-- The function's name in Python
CREATE FUNCTION "na me"() RETURNS trigger LANGUAGE pybox AS $$
import sys
oid = plpy.execute("""SELECT '"na me"()'::regprocedure::oid AS o""")[0]["o"]
plpy.notice(sys._getframe().f_code.co_name.replace(str(oid), "OID"), "TD" in globals())
$$;
CREATE TABLE item (id int);
CREATE TRIGGER named BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION "na me"();
INSERT INTO item VALUES (1);
DROP TABLE item;

-- Both languages on one table, in the order of their names
CREATE TABLE passed (by text);
CREATE FUNCTION passes_u() RETURNS trigger LANGUAGE pyboxu AS $$
TD["new"]["by"] += " u" + TD["args"][0]
return "MODIFY"
$$;
CREATE FUNCTION passes() RETURNS trigger LANGUAGE pybox AS $$
TD["new"]["by"] += " t" + TD["args"][0]
return "MODIFY"
$$;
CREATE TRIGGER a BEFORE INSERT ON passed FOR EACH ROW EXECUTE FUNCTION passes('1');
CREATE TRIGGER b BEFORE INSERT ON passed FOR EACH ROW EXECUTE FUNCTION passes_u('2');
CREATE TRIGGER c BEFORE INSERT ON passed FOR EACH ROW EXECUTE FUNCTION passes('3');
INSERT INTO passed VALUES ('row');
SELECT * FROM passed;
DROP TABLE passed;
