-- plpy.commit and plpy.rollback: in procedures and DO blocks, and refused everywhere else.
CREATE SCHEMA transaction;
SET search_path = transaction;
CREATE TABLE done (n int, what text);

-- A procedure, a DO block, of both languages
CREATE PROCEDURE alternating(n int) LANGUAGE pybox AS $$
for i in range(n):
    plpy.execute(f"INSERT INTO transaction.done VALUES ({i}, 'alternating')")
    if i % 2 == 0:
        plpy.commit()
    else:
        plpy.rollback()
$$;
CALL alternating(6);
TABLE done;
TRUNCATE done;
DO LANGUAGE pyboxu $$
plan = plpy.prepare("INSERT INTO transaction.done VALUES ($1, $2)", ["int", "text"])
for i in range(4):
    plan.execute([i, "block"])
    plpy.notice(plpy.commit() if i < 2 else plpy.rollback())
plan.execute([9, "at the end"])
$$;
TABLE done;
TRUNCATE done;
-- without any SQL
DO LANGUAGE pybox 'plpy.commit(); plpy.rollback(); plpy.commit()';

-- The call goes on as it was: arguments, globals, what was read before; one call, with its slot
CREATE FUNCTION nested(text) RETURNS text LANGUAGE pybox AS 'return args[0] + args[0]';
CREATE PROCEDURE goes_on(INOUT big text, INOUT list int[]) LANGUAGE pybox AS $$
GD["seen"] = 1
me = plpy.prepare("SELECT call_id, transaction.nested(state) AS s FROM pybox.activity WHERE pid = pg_backend_pid()")
before = plpy.execute("SELECT repeat('x', 100000) AS a")
seen = [me.execute()[0]]
for end in (plpy.commit, plpy.rollback, plpy.commit):
    end()
    seen += me.execute()
plpy.notice((GD["seen"], len(before[0]["a"]), len(seen), all(row == seen[0] for row in seen), seen[0]["s"], plpy.quote_ident("A b")))
return big + "!", list + [len(big)]
$$;
CALL goes_on(repeat('y', 10), ARRAY[1]);

-- Values that are stored out of line, when the snapshot of the query is gone
CREATE TABLE wide (w text);
ALTER TABLE wide ALTER w SET STORAGE EXTERNAL;
INSERT INTO wide VALUES (repeat('w', 100000));
CREATE FUNCTION changes_catalog() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    CREATE TEMP TABLE short_lived ();
    DROP TABLE short_lived;
    RETURN 1;
END $$;
DO LANGUAGE pybox $$
query = "SELECT w, transaction.changes_catalog() FROM transaction.wide"
plpy.notice(len(plpy.execute(query)[0]["w"]))
plpy.commit()
plpy.notice(len(plpy.execute(query)[0]["w"]))
$$;

-- Refused in a function, in a transaction block, below SQL, in a subtransaction; the function goes on
CREATE FUNCTION refused() RETURNS text LANGUAGE pybox AS $$
told = []
for end in (plpy.commit, plpy.rollback):
    try:
        end()
    except plpy.spiexceptions.InvalidTransactionTermination as error:
        told.append((str(error), error.sqlstate))
    try:
        with plpy.subtransaction():
            end()
    except plpy.SPIError as error:
        told.append(str(error))
return str(told)
$$;
SELECT refused();
CREATE PROCEDURE ending(how text) LANGUAGE pybox AS $$
plpy.execute(plpy.prepare("INSERT INTO transaction.done VALUES (1, $1)", ["text"]), [how])
try:
    getattr(plpy, how)()
except plpy.SPIError as error:
    plpy.notice(repr(error))
    plpy.execute("INSERT INTO transaction.done VALUES (2, 'after')")
$$;
BEGIN;
CALL ending('commit');
CALL ending('rollback');
COMMIT;
TABLE done;
TRUNCATE done;
CREATE FUNCTION uncaught() RETURNS int LANGUAGE pyboxu AS $$
plpy.commit()
$$;
SELECT uncaught();
DO LANGUAGE pybox $$
plpy.execute("CALL transaction.ending('commit')")
plpy.rollback()
with plpy.subtransaction():
    plpy.commit()
$$;
DO LANGUAGE pyboxu $$
s = plpy.subtransaction().enter()
plpy.rollback()
$$;
DO LANGUAGE pybox 'plpy.commit(1)';
TABLE done;

-- Called by procedures of PL/pgSQL, which may end it too; but not below a block with an exception clause
CREATE PROCEDURE from_plpgsql() LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO transaction.done VALUES (0, 'plpgsql');
    CALL transaction.ending('commit');
    CALL transaction.ending('rollback');
    COMMIT;
    CALL transaction.alternating(3);
    BEGIN
        CALL transaction.ending('commit');
    EXCEPTION WHEN division_by_zero THEN
        NULL;
    END;
END $$;
CALL from_plpgsql();
TABLE done;
TRUNCATE done;

-- Loops over cursors, which are held
INSERT INTO done SELECT g, 'given' FROM generate_series(1, 4) g;
DO LANGUAGE pybox $$
for row in plpy.cursor("SELECT n FROM transaction.done ORDER BY n"):
    plpy.execute(f"UPDATE transaction.done SET what = 'taken' WHERE n = {row['n']}")
    plpy.commit() if row["n"] % 2 else plpy.rollback()
plpy.notice(plpy.execute("SELECT count(*) FROM pg_cursors WHERE name LIKE '<unn%'")[0]["count"])
$$;
SELECT * FROM done ORDER BY n;
SELECT count(*) FROM pg_cursors WHERE name LIKE '<unn%';
DO LANGUAGE pyboxu $$
c = plpy.cursor("SELECT g FROM generate_series(1, 5) g")
first = list(c.fetch(2))
plpy.commit()
then = list(c.fetch(2))
plpy.rollback()
plpy.notice((first, then, list(c), list(c)))
c.close()
d = plpy.cursor("SELECT 1")
plpy.commit()
$$;
SELECT count(*) FROM pg_cursors WHERE name LIKE '<unn%';
-- the rest of the query runs at the commit, functions of the same interpreter included
CREATE FUNCTION counted(n int) RETURNS int LANGUAGE pybox AS $$
GD["counted"] = GD.get("counted", 0) + 1
return 10 // (4 - n)
$$;
DO LANGUAGE pybox $$
c = plpy.cursor("SELECT transaction.counted(g) AS c FROM generate_series(1, 3) g")
row = next(c)
before = GD["counted"]
plpy.commit()
plpy.notice((row, before, GD["counted"], list(c)))
$$;
DO LANGUAGE pybox $$
plpy.execute("INSERT INTO transaction.done VALUES (7, 'lost')")
c = plpy.cursor("SELECT transaction.counted(g) FROM generate_series(1, 9) g")
next(c)
try:
    plpy.commit()
except plpy.SPIError as error:
    plpy.notice(repr(error))
plpy.execute("INSERT INTO transaction.done VALUES (8, 'kept')")
try:
    next(c)
except ValueError as error:
    plpy.notice(error)
$$;
DO LANGUAGE pybox $$
for row in plpy.cursor("DELETE FROM transaction.done WHERE n = 1 RETURNING n"):
    plpy.commit()
$$;
SELECT * FROM done ORDER BY n;
TRUNCATE done;
-- a set that PL/pgSQL reads when it ends the transaction, or has our procedure do so
CREATE FUNCTION numbered(n int) RETURNS SETOF int LANGUAGE pybox AS $$
for i in range(n):
    yield i
$$;
DO $$
DECLARE i int; BEGIN
    FOR i IN SELECT transaction.numbered(4) LOOP
        INSERT INTO transaction.done VALUES (i, 'in loop');
        IF i < 2 THEN COMMIT; ELSE CALL transaction.ending('rollback'); END IF;
    END LOOP;
END $$;
TABLE done;
TRUNCATE done;

-- A commit that fails can be caught; a new transaction has begun
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
CREATE PROCEDURE orphan(caught bool) LANGUAGE pybox AS $$
plpy.execute("INSERT INTO transaction.child VALUES (1)")
try:
    plpy.commit()
except plpy.spiexceptions.ForeignKeyViolation as error:
    if not caught:
        raise
    plpy.notice((error.sqlstate, error.detail, error.table_name))
plpy.execute("INSERT INTO transaction.parent VALUES (1)")
plpy.execute("INSERT INTO transaction.child VALUES (1)")
plpy.commit()
$$;
CALL orphan(false);
CALL orphan(true);
SELECT * FROM parent NATURAL JOIN child;

-- Errors, deaths and cancels after a commit: what was committed stays, nothing else does
CREATE PROCEDURE ends_badly(how text) LANGUAGE pybox AS $$
import os
GD["c"] = plpy.cursor("SELECT g FROM generate_series(1, 9) g")
plpy.execute("INSERT INTO transaction.done VALUES (1, 'committed')")
plpy.commit()
s = plpy.subtransaction().enter()
plpy.execute("INSERT INTO transaction.done VALUES (2, 'not committed')")
next(GD["c"])
if how == "busy":
    while True:
        pass
elif how == "in SQL":
    plpy.execute("SELECT pg_sleep(600)")
elif how == "raise":
    raise ValueError("mine")
os._exit(3)
$$;
CALL ends_badly('raise');
\set VERBOSITY terse
CALL ends_badly('exit');
\set VERBOSITY default
SET statement_timeout = '300ms';
CALL ends_badly('busy');
CALL ends_badly('in SQL');
RESET statement_timeout;
CALL ending('commit');
TABLE done;
DO LANGUAGE pybox 'GD.clear()';
SELECT count(*) FROM pg_cursors WHERE name LIKE '<unn%';
SELECT count(*) FROM pybox.activity WHERE pid = pg_backend_pid();
TRUNCATE done;

-- What belongs to a transaction goes with it
DO LANGUAGE pybox $$
plpy.execute("SET LOCAL work_mem = '1MB'")
plpy.execute("CREATE TEMP TABLE passing (i int) ON COMMIT DROP")
plpy.commit()
plpy.notice(plpy.execute("SELECT current_setting('work_mem') <> '1MB' AS a, to_regclass('passing') IS NULL AS b")[0])
$$;
-- a procedure with a SET clause or of another's rights is atomic
CREATE PROCEDURE with_set() LANGUAGE pybox SET work_mem = '1MB' AS 'plpy.commit()';
CALL with_set();
CREATE PROCEDURE with_definer() LANGUAGE pybox SECURITY DEFINER AS 'plpy.rollback()';
CALL with_definer();

-- Many
DO LANGUAGE pybox $$
for i in range(300):
    plpy.execute("INSERT INTO transaction.done VALUES (1, 'many')")
    plpy.commit() if i % 3 else plpy.rollback()
$$;
SELECT count(*) FROM done;
