-- plpy.cursor and plan.cursor: reading, closing, misuse, and that no portal outlives the Python object that stands for it.
CREATE SCHEMA cursor;
SET search_path = cursor;
CREATE FUNCTION doing(python text) RETURNS text LANGUAGE pybox AS $$
try:
    scope = {"plpy": plpy, "GD": GD}
    exec(python, scope)
    return str(scope.get("result"))
except Exception as error:
    return repr(error)
$$;
CREATE FUNCTION doing_untrusted(python text) RETURNS text LANGUAGE pyboxu AS $$
try:
    scope = {"plpy": plpy, "GD": GD}
    exec(python, scope)
    return str(scope.get("result"))
except Exception as error:
    return repr(error)
$$;
CREATE FUNCTION portals() RETURNS bigint LANGUAGE sql AS $$
SELECT count(*) FROM pg_cursors WHERE name LIKE '<unnamed portal%' AND statement NOT LIKE '%portals()%'
$$;

-- Rows one at a time, by iteration and by next
SELECT doing($$
result = [row for row in plpy.cursor("SELECT g, 'n' || g AS name FROM generate_series(1, 3) g")]
$$);
SELECT doing($$
c = plpy.cursor("SELECT 1 AS a UNION ALL SELECT 2 ORDER BY 1")
result = (iter(c) is c, next(c), next(c), next(c, "no more"), next(c, "nor now"))
$$);
-- Many at once: a result that knows nothing of its columns
SELECT doing($$
c = plpy.cursor("SELECT g FROM generate_series(1, 7) g")
result = [str(c.fetch(n)) for n in (3, 0, 2, 10, 10)]
$$);
SELECT doing('plpy.cursor("SELECT 1 AS a").fetch(1).colnames()');
SELECT doing($$
c = plpy.cursor("SELECT g FROM generate_series(1, 7) g")
result = [next(c), list(c.fetch(2)), next(c), list(c.fetch(100))]
$$);
SELECT doing('result = plpy.cursor("SELECT FROM generate_series(1, 2)").fetch(5)');
SELECT doing_untrusted($$
c = plpy.cursor("SELECT 1 AS a, ARRAY[1, NULL] AS b, ROW(1, 'x') AS c, NULL::int AS d, repeat('long', 100000) AS e")
row = next(c)
result = (row["a"], row["b"], row["c"], row["d"], len(row["e"]))
$$);

-- From a plan
SELECT doing($$
plan = plpy.prepare("SELECT $1 || g AS x FROM generate_series(1, $2) g", ["text", "int"])
result = [row["x"] for row in plpy.cursor(plan, ["a", 2])] + [row["x"] for row in plan.cursor(("b", 1))]
$$);
SELECT doing('result = list(plpy.prepare("SELECT 1 AS a").cursor())');
SELECT doing('plan = plpy.prepare("SELECT $1", ["int"]); c = plan.cursor([1]); del plan; result = list(c)');

-- In a function that may not write, and on its caller's snapshot
CREATE TABLE numbers (n int);
INSERT INTO numbers VALUES (1), (2);
CREATE FUNCTION reading(query text) RETURNS text STABLE LANGUAGE pybox AS 'return str(list(plpy.cursor(query)))';
SELECT reading('SELECT n FROM cursor.numbers ORDER BY n');
SELECT reading('INSERT INTO cursor.numbers VALUES (3) RETURNING n');
SELECT reading('SELECT nextval(''nosuch'')');
SELECT doing($$
c = plpy.cursor("SELECT n FROM cursor.numbers ORDER BY n")
plpy.execute("INSERT INTO cursor.numbers VALUES (3)")
result = [row["n"] for row in c]
$$);

-- Errors of the query
SELECT python, doing(python) FROM (VALUES
    ('plpy.cursor("bogus")'), ('plpy.cursor("")'), ('plpy.cursor("SELECT 1; SELECT 2")'),
    ('plpy.cursor("INSERT INTO cursor.numbers VALUES (4)")'), ('plpy.cursor("SELECT $1")'),
    ('plpy.cursor("SELECT 1 / 0").fetch(1)'),
    ('plpy.cursor("SELECT 1").fetch(-1)')) AS of (python);
-- one that fails while it is read cannot be read on
SELECT doing($$
c = plpy.cursor("SELECT 1 / (2 - g) AS a FROM generate_series(1, 3) g")
result = [next(c)]
for i in range(2):
    try:
        next(c)
    except plpy.SPIError as error:
        result.append(error.sqlstate)
$$);

-- Misuse
SELECT python, doing(python), doing(python) = doing_untrusted(python) AS as_untrusted FROM (VALUES
    ('plpy.cursor()'), ('plpy.cursor(1)'), ('plpy.cursor(None)'), ('plpy.cursor("SELECT 1", 1, 2)'),
    ('plpy.cursor(plpy.prepare("SELECT $1", ["int"]), "1")'),
    ('plpy.cursor(plpy.prepare("SELECT $1", ["int"]), [1, 2])'),
    ('plpy.cursor(plpy.prepare("SELECT $1", ["int"]))'),
    ('plpy.cursor(plpy.prepare("SELECT $1", ["int"]), ["x"])'),
    ('plpy.prepare("SELECT $1", ["int"]).cursor(5)'),
    ('plpy.cursor("SELECT 1").fetch()'), ('plpy.cursor("SELECT 1").fetch("x")'), ('plpy.cursor("SELECT 1").fetch(2**40)'),
    ('plpy.cursor("SELECT 1").close(1)'),
    ('c = plpy.cursor("SELECT 1"); c.close(); c.close(); c.fetch(1)'),
    ('c = plpy.cursor("SELECT 1"); c.close(); next(c)'),
    ('plpy.cursor("SELECT 1").nosuch')) AS of (python);

-- Closed with the object, by close(), and with the call
SELECT doing($$
count = plpy.prepare("SELECT cursor.portals() AS n")
c = plpy.cursor("SELECT 1")
d = plpy.cursor("SELECT 2")
result = [count.execute()[0]["n"]]
del c
result.append(count.execute()[0]["n"])
d.close()
result.append(count.execute()[0]["n"])
GD["e"] = plpy.cursor("SELECT 3")
GD["e"] = None
e = plpy.cursor("SELECT 4")
$$);
SELECT portals();
CREATE FUNCTION left_by_error() RETURNS void LANGUAGE pyboxu AS $$
c = plpy.cursor("SELECT 1")
raise ValueError
$$;
BEGIN;
SAVEPOINT s;
SELECT left_by_error();
ROLLBACK TO s;
SELECT portals();
COMMIT;

-- A subtransaction that is rolled back takes its cursors along, and only those
SELECT doing($$
outer = plpy.cursor("SELECT g FROM generate_series(1, 3) g")
result = [next(outer)]
try:
    with plpy.subtransaction():
        inner = plpy.cursor("SELECT g FROM generate_series(1, 3) g")
        result.append((next(inner), next(outer)))
        plpy.execute("bogus")
except plpy.SPIError:
    pass
for use in ("next(inner)", "inner.fetch(1)", "inner.close()", "next(outer)"):
    try:
        result.append(eval(use))
    except Exception as error:
        result.append(repr(error))
$$);
SELECT doing($$
with plpy.subtransaction():
    c = plpy.cursor("SELECT g FROM generate_series(1, 2) g")
result = list(c)
$$);

-- The rows of a set from a cursor; one that is given up half way lets go of it
CREATE FUNCTION streamed(n int) RETURNS SETOF int LANGUAGE pybox AS $$
for row in plpy.cursor(plpy.prepare("SELECT g FROM generate_series(1, $1) g", ["int"]), [n]):
    yield row["g"]
$$;
SELECT sum(s) FROM streamed(1000) s;
BEGIN;
SELECT s FROM streamed(1000) s LIMIT 2;
SELECT streamed(1000) LIMIT 2;
SELECT portals();
COMMIT;
-- a cursor over a set over a cursor, given up half way
BEGIN;
SELECT doing('c = plpy.cursor("SELECT cursor.streamed(10)"); result = next(c)');
SELECT doing('result = next(plpy.cursor("SELECT s FROM cursor.streamed(10) s"))');
SELECT portals();
COMMIT;
CREATE FUNCTION streamed_twice(n int) RETURNS SETOF int LANGUAGE pyboxu AS $$
for row in plpy.cursor(f"SELECT cursor.streamed({n}) AS g"):
    yield row["g"]
$$;
SELECT streamed_twice(100) LIMIT 2;
SELECT portals();

-- Kept over calls of a transaction; one that is kept at its end makes that fail, as in PL/Python
BEGIN;
SELECT doing('GD["c"] = plpy.cursor("SELECT g FROM generate_series(1, 3) g"); result = next(GD["c"])');
SELECT doing('result = next(GD["c"])');
SELECT doing('result = list(GD["c"]); del GD["c"]');
COMMIT;
SELECT doing('GD["c"] = plpy.cursor("SELECT 1")');
SELECT doing('next(GD["c"])'), doing('GD.pop("c").close()');
SELECT portals();

-- A cursor is its interpreter's: another language's has others of the same name
SELECT doing('c = plpy.cursor("SELECT cursor.doing_untrusted(''result = list(plpy.cursor(\"SELECT 1 AS a\"))'') AS d"); result = next(c)');

-- What is being read cannot be closed
SELECT doing($$
GD["c"] = plpy.cursor("""SELECT g, replace(cursor.doing('GD["d"].close()'), (SELECT name FROM pg_cursors LIMIT 1), 'NAME') AS d,
    replace(cursor.doing('next(GD["d"])'), (SELECT name FROM pg_cursors LIMIT 1), 'NAME') AS n FROM generate_series(1, 2) g""")
GD["d"] = GD["c"]
result = ["{0[g]}: {0[d]}, {0[n]}".format(row) for row in GD.pop("c")]; del GD["d"]
$$);

-- 1000 of a session, and no more
SELECT doing($$
open = [plpy.cursor("SELECT 1") for i in range(1000)]
try:
    plpy.cursor("SELECT 1")
except plpy.SPIError as error:
    result = (error.sqlstate, str(error), error.detail, error.hint)
$$);
SELECT doing('result = list(plpy.cursor("SELECT 1 AS a"))'), portals();

-- An interpreter that dies: its cursors go, those of others stay
CREATE FUNCTION dies() RETURNS int LANGUAGE pybox AS $$
import os
c = plpy.cursor("SELECT 1")
next(c)
os._exit(3)
$$;
CREATE FUNCTION dies_untrusted() RETURNS int LANGUAGE pyboxu AS $$
import os
c = plpy.cursor("SELECT 1")
os.kill(os.getpid(), 9)
$$;
CREATE FUNCTION outcome(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE query;
    RETURN 'no error';
EXCEPTION WHEN query_canceled OR OTHERS THEN
    RETURN SQLSTATE || ': ' || SQLERRM;
END $$;
BEGIN;
SELECT doing('GD["c"] = plpy.cursor("SELECT g FROM generate_series(1, 3) g"); result = next(GD["c"])');
SELECT doing_untrusted('GD["c"] = plpy.cursor("SELECT g FROM generate_series(1, 3) g"); result = next(GD["c"])');
SELECT outcome('SELECT cursor.dies()');
SELECT doing_untrusted('result = next(GD["c"])');
SELECT portals();
SELECT outcome('SELECT cursor.dies_untrusted()');
SELECT doing('result = "c" in GD'), portals();
COMMIT;
-- a cancel
CREATE FUNCTION reads_for_ever() RETURNS int LANGUAGE pybox AS $$
GD["r"] = plpy.cursor("SELECT pg_sleep(g) FROM generate_series(0, 600, 600) g")
return len(GD["r"].fetch(2))
$$;
BEGIN;
SET LOCAL statement_timeout = '300ms';
SELECT outcome('SELECT cursor.reads_for_ever()');
SET LOCAL statement_timeout = 0;
SELECT doing('next(GD["r"])');
SELECT portals();
COMMIT;
SELECT count(*) FROM pybox.activity WHERE pid = pg_backend_pid();
