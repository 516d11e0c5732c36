-- Rows: dictionaries in; mappings, sequences, objects and strings out.
CREATE SCHEMA composite;
SET search_path = composite;
CREATE TYPE place AS (x int, label text);
CREATE TABLE person (id int, gone text, name text, tags text[], at place);
INSERT INTO person VALUES (1, 'x', 'Ada', '{a,b}', (7, 'home')), (2, 'y', NULL, NULL, NULL);
ALTER TABLE person DROP COLUMN gone;

-- In
CREATE FUNCTION seen(value record) RETURNS text LANGUAGE pybox AS 'return repr(value)';
CREATE FUNCTION person_seen(p person) RETURNS text LANGUAGE pybox AS 'return repr(p)';
CREATE FUNCTION places_seen(p place[]) RETURNS text LANGUAGE pybox AS 'return repr(p)';
SELECT person_seen(p) FROM person p ORDER BY id;
SELECT person_seen(NULL);
SELECT seen((1, 'a')::place), seen(ROW(1, NULL, 'x'));
SELECT places_seen(ARRAY[(1, 'a'), NULL, (NULL, NULL)]::place[]);

-- Out, as whatever the expression is
CREATE FUNCTION made(python text) RETURNS place LANGUAGE pybox AS $$
from collections import namedtuple
from types import SimpleNamespace
return eval(compile(python, "expression", "eval"))
$$;
SELECT made('{"x": 1, "label": "dict"}'), made('{"label": None, "x": "2", "more": 3}'), made('(3, "tuple")'),
    made('[4, None]');
SELECT made('SimpleNamespace(x=5, label="object")'), made('namedtuple("P", "label x")(6, "by place")'),
    made('"(7,string)"'), made('None');
SELECT (made('{"x": 1, "label": "a"}')).label, made('(None, None)') IS NULL AS all_null, made('None') IS NULL AS none;
SELECT * FROM made('(8, "from")');
SELECT * FROM made('None');
SELECT made('{"x": 1}');
SELECT made('SimpleNamespace(x=1)');
SELECT made('(1, "a", 2)');
SELECT made('[1]');
SELECT made('"(1"');
SELECT made('{"x": "one", "label": "a"}');
SELECT made('7');

-- Rows in rows, in arrays, arrays in rows
CREATE FUNCTION person_made(python text) RETURNS person LANGUAGE pybox AS 'return eval(compile(python, "expression", "eval"))';
SELECT person_made('{"id": 1, "name": "Ada", "tags": ["a", None], "at": (7, "home")}');
SELECT person_made('(1, "Ada", None, {"x": 7, "label": None})');
SELECT person_made('(1, "Ada", "x", "(7,home)")');
SELECT person_made('(1, "Ada", [["a"]], {"x": 7})');
CREATE FUNCTION places_made(python text) RETURNS place[] LANGUAGE pybox AS 'return eval(compile(python, "expression", "eval"))';
SELECT places_made('[(1, "a"), {"x": 2, "label": "b"}, None, "(3,c)"]'), places_made('[[(1, "a")], [(2, "b")]]');
SELECT places_made('[[1, "a"]]');
SELECT places_made('["a"]');
CREATE DOMAIN right_place AS place CHECK ((VALUE).x > 0);
CREATE FUNCTION right_made(python text) RETURNS right_place LANGUAGE pybox AS 'return eval(compile(python, "expression", "eval"))';
SELECT right_made('(1, "right")'), right_made('"(2,string)"');
SELECT right_made('(-1, "left")');

-- OUT, INOUT and TABLE
CREATE FUNCTION out_one(i int, OUT doubled int) LANGUAGE pybox AS 'return 2 * i';
CREATE FUNCTION out_two(i int, OUT doubled int, OUT word text) LANGUAGE pybox AS 'return 2 * i, str(i)';
CREATE FUNCTION inout_one(INOUT i int) LANGUAGE pybox AS 'return i + 1';
CREATE FUNCTION inout_two(INOUT i int, OUT word text) LANGUAGE pybox AS 'return {"i": i + 1, "word": str(i)}';
CREATE FUNCTION as_table(n int) RETURNS TABLE (i int, square int) LANGUAGE pybox AS 'return [(i, i * i) for i in range(n)]';
CREATE FUNCTION as_table_one(n int) RETURNS TABLE (i int) LANGUAGE pybox AS 'return range(n)';
SELECT out_one(2), out_two(2), inout_one(2), inout_two(2);
SELECT * FROM out_two(3);
SELECT * FROM as_table(3);
SELECT * FROM as_table_one(2);
SELECT as_table(2);

-- record: the caller says what is in it
CREATE FUNCTION as_record(python text) RETURNS record LANGUAGE pybox AS 'return eval(compile(python, "expression", "eval"))';
SELECT * FROM as_record('(1, "a")') AS r(i int, word text);
SELECT * FROM as_record('{"n": 1.5, "flag": True}') AS r(flag bool, n numeric);
SELECT * FROM as_record('(1, 2)') AS r(one int);
SELECT as_record('(1, 2)');

-- The type changes between two calls
SELECT made('(1, "before")');
ALTER TYPE place ADD ATTRIBUTE z float8;
SELECT made('(1, "after", 0.5)'), seen((1, 'a', 2)::place), places_seen(ARRAY[(1, 'a', 2)]::place[]);
SELECT made('(1, "after")');
ALTER TYPE place DROP ATTRIBUTE label;
SELECT made('(1, 0.5)'), seen((1, 2)::place), person_made('(1, "Ada", None, (7, 8))');
ALTER TYPE place RENAME ATTRIBUTE z TO y;
SELECT made('{"x": 1, "y": 2}'), seen((1, 2)::place);
SELECT made('{"x": 1, "z": 2}');
ALTER TYPE place ALTER ATTRIBUTE x TYPE numeric;
ALTER TABLE person DROP COLUMN at;
ALTER TYPE place ALTER ATTRIBUTE x TYPE numeric;
SELECT made('(1.5, 2)'), seen((1.50, 2)::place);
ALTER TABLE person ADD COLUMN born date DEFAULT '1815-12-10';
SELECT person_seen(p) FROM person p WHERE id = 1;
SELECT person_made('{"id": 3, "name": "Bo", "tags": [], "born": "1900-01-01"}');
-- also within one query and its plan
PREPARE person_all AS SELECT person_seen(p) FROM person p WHERE id = 1;
EXECUTE person_all;
ALTER TABLE person DROP COLUMN tags;
EXECUTE person_all;

-- A type that changes under a prepared plan, or under the call that returns it
CREATE TYPE shape AS (a int, b int);
CREATE FUNCTION planned() RETURNS text LANGUAGE pybox AS $$
plan = SD.setdefault("plan", plpy.prepare("SELECT $1 AS one, $2 AS all", ["composite.shape", "composite.shape[]"]))
shape = {"a": 1, "b": 2, "c": 3}
return repr(plan.execute([shape, [shape]])[0])
$$;
CREATE FUNCTION changing(change text) RETURNS shape LANGUAGE pybox AS $$
plpy.execute("ALTER TYPE shape " + change)
return {"a": 1, "b": 2, "c": 3}
$$;
CREATE FUNCTION changing_all(change text) RETURNS SETOF shape LANGUAGE pybox AS $$
yield {"a": 1, "b": 2, "c": 3}
plpy.execute("ALTER TYPE shape " + change)
yield {"a": 1, "b": 2, "c": 3}
$$;
SELECT planned();
ALTER TYPE shape ADD ATTRIBUTE c int;
SELECT planned();
ALTER TYPE shape ALTER ATTRIBUTE b TYPE text;
SELECT planned();
ALTER TYPE shape DROP ATTRIBUTE a;
SELECT planned();
SELECT changing('ALTER ATTRIBUTE c TYPE text'), changing('ADD ATTRIBUTE a text');
SELECT changing_all('ALTER ATTRIBUTE a TYPE int');
SELECT planned();

-- A value that changes its own type while it is made is refused, and costs the interpreter nothing
CREATE TYPE growing AS (a int, b text);
CREATE FUNCTION grower(column_name text) RETURNS text LANGUAGE pybox AS $$
class Grower:
    def __str__(self):
        plpy.execute("ALTER TYPE growing ADD ATTRIBUTE " + column_name + " int")
        return "1"
GD["grower"] = Grower()
return column_name
$$;
CREATE FUNCTION grow() RETURNS growing LANGUAGE pybox AS 'return [GD["grower"], "x"]';
CREATE FUNCTION grow_plan() RETURNS text LANGUAGE pybox AS $$
plan = plpy.prepare("SELECT $1, $2", ["growing", "int"])
try:
    plan.execute([[GD["grower"], "x"], 1])
except plpy.SPIError as error:
    return f"{error.sqlstate} {error}"
$$;
SELECT grower('c');
SELECT grow();
SELECT grow_plan();
CREATE FUNCTION grower_lives() RETURNS bool LANGUAGE pybox AS 'return "grower" in GD';
SELECT grower_lives();
