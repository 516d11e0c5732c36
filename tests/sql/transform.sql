-- TRANSFORM FOR TYPE: jsonb, hstore and ltree as Python objects.
CREATE SCHEMA transform;
SET search_path = transform;
SET client_min_messages = warning;
CREATE EXTENSION hstore_pybox CASCADE;
CREATE EXTENSION ltree_pybox CASCADE;
RESET client_min_messages;

-- jsonb: only for functions that say so
CREATE FUNCTION plain(j jsonb) RETURNS text LANGUAGE pybox AS 'return repr(j)';
CREATE FUNCTION seen(j jsonb) RETURNS text LANGUAGE pybox TRANSFORM FOR TYPE jsonb AS 'return repr(j)';
CREATE FUNCTION made(python text) RETURNS jsonb LANGUAGE pybox TRANSFORM FOR TYPE jsonb AS $$
from collections import OrderedDict
from decimal import Decimal
class Few:
    def __len__(self): return 3
    def __getitem__(self, i): return [1, 2][i]
class Liar(dict):
    def __len__(self): return 3
class Pairless(dict):
    def items(self): return [7]
return eval(compile(python, "expression", "eval"), globals(), locals())
$$;
SELECT plain('[1]'), seen('[1]'), seen(NULL), seen('null'), seen('"s"'), seen('true'), seen('1.50'), seen('[]'), seen('{}');
SELECT seen('{"a": [1, -0.0, 1e30, null, false, "é\"\n"], "b": {"c": [[], [{}]]}, "": 0}');
SELECT made('None') IS NULL AS none, made('"s"'), made('True'), made('1.5'), made('10**30'), made('Decimal("1.50")'),
    made('[]'), made('{}');
SELECT made('{"a": [1, None, False, "é"], None: (1, range(2)), 1: b"ab", 2.5: OrderedDict(z=1, y=2), "1": "again"}');
SELECT made('object()');
SELECT made('[{"a": {1}}]');
SELECT made('1j');
SELECT made('float("nan")');
SELECT made('-Decimal("Infinity")');
SELECT made('Decimal("1e200000")');
SELECT made('"a\0b"');
SELECT made('{"\udcff": 1}');
SELECT made('Few()');
SELECT made('Liar(a=1)');
SELECT made('[Pairless(a=1)]');
CREATE FUNCTION endless() RETURNS jsonb LANGUAGE pybox TRANSFORM FOR TYPE jsonb AS $$
inside = []
inside.append({"a": inside})
return inside
$$;
SELECT endless();

-- The other language, and a long value
CREATE FUNCTION back(j jsonb) RETURNS jsonb LANGUAGE pyboxu TRANSFORM FOR TYPE jsonb AS 'return {"back": j, "number": len(j)}';
SELECT back('[1, {"a": 2}]'), back('{}');
SELECT (back(jsonb_agg(jsonb_build_object('i', i, 'text', repeat('ä', 100))))) ->> 'number' AS number
    FROM generate_series(1, 10000) AS i;

-- In arrays, domains and rows, both ways; what an array takes for a dimension is none of jsonb's
CREATE DOMAIN document AS jsonb CHECK (VALUE <> '{}') NOT NULL;
CREATE TYPE entry AS (id int, j jsonb, all_of jsonb[]);
CREATE FUNCTION entries(e entry[]) RETURNS entry[] LANGUAGE pybox TRANSFORM FOR TYPE jsonb AS $$
plpy.notice([sorted(row.items()) for row in e])
return e
$$;
CREATE FUNCTION documents(d document, OUT one document, OUT all_of jsonb[]) LANGUAGE pybox TRANSFORM FOR TYPE jsonb AS
    'return [d.pop("one"), [d, None, (1, 2)]]';
CREATE FUNCTION as_array(python text) RETURNS jsonb[] LANGUAGE pybox TRANSFORM FOR TYPE jsonb AS 'return eval(python)';
SELECT entries(ARRAY[(1, '{"a": [1]}', '{null,"{\"b\": 2}"}'), (2, NULL, NULL)]::entry[]);
SELECT as_array('[{"a": 1}, None, "s", ([1], 2)]'), as_array('[[1, 2], [{}, "s"]]'), as_array('[]');
SELECT as_array('[1, [2]]');
SELECT * FROM documents('{"one": 1}');
CREATE FUNCTION as_document(python text) RETURNS document LANGUAGE pybox TRANSFORM FOR TYPE jsonb AS 'return eval(python)';
SELECT as_document('"text"'), as_document('[{}]');
SELECT as_document('{}');
SELECT as_document('None');
CREATE FUNCTION lines() RETURNS TABLE (i int, j jsonb) LANGUAGE pybox TRANSFORM FOR TYPE jsonb AS 'return [(1, {}), {"i": 2, "j": [2]}]';
SELECT * FROM lines();

-- In SQL of the function: arguments of plans and rows of results
CREATE FUNCTION asked(j jsonb) RETURNS text LANGUAGE pybox TRANSFORM FOR TYPE jsonb AS $$
plan = plpy.prepare("SELECT $1 AS one, $2 AS many", ["jsonb", "jsonb[]"])
rows = [plan.execute([j, [j, {"n": None}]])[0], plpy.execute("""SELECT '[1]'::jsonb AS j, '[1]'::json AS plain""")[0]]
try:
    plan.execute([object, []])
except plpy.SPIError as error:
    rows.append((type(error).__name__, error.sqlstate, str(error)))
return repr(rows)
$$;
SELECT asked('{"a": []}');

-- hstore
CREATE FUNCTION hstore_seen(h hstore) RETURNS text LANGUAGE pybox TRANSFORM FOR TYPE hstore AS 'return repr(h)';
CREATE FUNCTION hstore_made(python text) RETURNS hstore LANGUAGE pybox TRANSFORM FOR TYPE hstore AS 'return eval(python)';
SELECT hstore_seen('a=>1, b=>NULL, "é \"q\""=>""'), hstore_seen(''), hstore_seen(NULL);
SELECT hstore_made('{"a": 1, "b": None, 2: 2.5, None: [1, "x"], "é": b"b"}'), hstore_made('{}'), hstore_made('None');
SELECT hstore_made('[("a", 1)]');
SELECT hstore_made('"a=>1"');
SELECT hstore_made('{"a": "\0"}');
CREATE TABLE thing (id int, attributes hstore, doc jsonb);
CREATE FUNCTION thing_next(t thing) RETURNS thing LANGUAGE pyboxu TRANSFORM FOR TYPE hstore, FOR TYPE jsonb AS $$
t["attributes"]["id"] = t["id"]
t["doc"].append(t["id"])
t["id"] += 1
return t
$$;
SELECT thing_next((1, 'a=>b', '[0]')::thing);

-- In triggers
CREATE FUNCTION thing_count() RETURNS trigger LANGUAGE pybox TRANSFORM FOR TYPE jsonb AS $$
plpy.notice(TD["new"]["doc"], TD["new"]["attributes"])
TD["new"]["doc"] = {"was": TD["new"]["doc"], "number": len(TD["new"]["doc"])}
return "MODIFY"
$$;
CREATE TRIGGER thing_count BEFORE INSERT ON thing FOR EACH ROW EXECUTE FUNCTION thing_count();
INSERT INTO thing VALUES (1, 'a=>b', '[true, {"k": 1}]') RETURNING *;

-- ltree: to Python only
CREATE FUNCTION ltree_seen(l ltree, more ltree[]) RETURNS text LANGUAGE pybox TRANSFORM FOR TYPE ltree AS 'return repr([l, more])';
CREATE FUNCTION ltree_made(python text) RETURNS ltree LANGUAGE pybox TRANSFORM FOR TYPE ltree AS 'return eval(python)';
SELECT ltree_seen('a.b_2.c', '{x.y,NULL,""}'), ltree_made('"a.b"');
SELECT ltree_made('["a", "b"]');

-- What is not ours is neither loaded nor called; nor are ours for others
CREATE FUNCTION of_python(internal) RETURNS internal LANGUAGE c STRICT IMMUTABLE AS '$libdir/hstore', 'hstore_in';
UPDATE pg_proc SET probin = '$libdir/pgxs/src/makefiles/pgxs.mk' WHERE oid = 'of_python'::regproc; -- to load it is an error
CREATE FUNCTION of_nobody(internal) RETURNS xml LANGUAGE c STRICT IMMUTABLE AS '$libdir/pybox', 'pybox_activity';
CREATE FUNCTION wrong_way(internal) RETURNS uuid LANGUAGE c STRICT IMMUTABLE AS '$libdir/pybox', 'pybox_jsonb_from_sql';
CREATE TRANSFORM FOR json LANGUAGE pybox (FROM SQL WITH FUNCTION of_python(internal));
CREATE TRANSFORM FOR xml LANGUAGE pybox (TO SQL WITH FUNCTION of_nobody(internal));
CREATE TRANSFORM FOR uuid LANGUAGE pybox (TO SQL WITH FUNCTION wrong_way(internal));
CREATE FUNCTION foreign_json(j json) RETURNS text LANGUAGE pybox TRANSFORM FOR TYPE json AS 'return "called"';
CREATE FUNCTION foreign_xml() RETURNS xml LANGUAGE pybox TRANSFORM FOR TYPE xml AS 'return "<called/>"';
CREATE FUNCTION foreign_uuid() RETURNS uuid LANGUAGE pybox TRANSFORM FOR TYPE uuid AS 'return "called"';
SELECT foreign_json('{}');
SELECT foreign_xml();
SELECT foreign_uuid();
SELECT seen('"still here"');

-- A transform that comes and goes under a live session
CREATE OR REPLACE FUNCTION plain(j jsonb) RETURNS text LANGUAGE pybox TRANSFORM FOR TYPE jsonb AS 'return repr(j)';
SELECT plain('[1]');
CREATE OR REPLACE FUNCTION plain(j jsonb) RETURNS text LANGUAGE pybox AS 'return repr(j)';
SELECT plain('[1]');
DROP FUNCTION foreign_json;
DROP TRANSFORM FOR json LANGUAGE pybox;
CREATE FUNCTION any_json(j json) RETURNS text LANGUAGE pybox AS 'return repr(j)';
SELECT any_json('[1]');
DROP EXTENSION ltree_pybox CASCADE;
SELECT ltree_seen('a', '{}');
