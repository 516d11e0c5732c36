-- plpy.subtransaction(): what it keeps and undoes, misuse, and that it is closed whatever ends the call.
CREATE SCHEMA subtransaction;
SET search_path = subtransaction;
CREATE TABLE done (what text);

-- As a context manager: kept without an exception, undone with one, which goes on
CREATE FUNCTION doing(python text) RETURNS text LANGUAGE pybox AS $$
global do, doing
def do(what):
    plpy.execute(plpy.prepare("INSERT INTO subtransaction.done VALUES ($1)", ["text"]), [what])
try:
    exec(python, globals())
    return "through"
except Exception as error:
    return repr(error)
$$;
CREATE FUNCTION doing_untrusted(python text) RETURNS text LANGUAGE pyboxu AS $$
global do
def do(what):
    plpy.execute(plpy.prepare("INSERT INTO subtransaction.done VALUES ($1)", ["text"]), [what])
try:
    exec(python, globals())
    return "through"
except Exception as error:
    return repr(error)
$$;
SELECT doing($$
with plpy.subtransaction():
    do("kept")
$$);
SELECT doing($$
with plpy.subtransaction():
    do("undone by Python")
    raise ValueError("mine")
$$);
SELECT doing_untrusted($$
do("before, untrusted")
with plpy.subtransaction():
    do("undone by SQL")
    plpy.execute("SELECT 1 / 0")
$$);
TABLE done;
TRUNCATE done;

-- Nested; an error that is caught within the outer one
SELECT doing($$
with plpy.subtransaction():
    do("outer before")
    try:
        with plpy.subtransaction():
            do("inner")
            with plpy.subtransaction():
                do("innermost")
            plpy.execute("bogus")
    except plpy.SPIError as error:
        plpy.notice(repr(error))
    do("outer after")
$$);
TABLE done;
TRUNCATE done;

-- An error of plpy.execute undoes its own statement alone
SELECT doing($$
with plpy.subtransaction():
    do("first")
    try:
        plpy.execute("INSERT INTO subtransaction.done SELECT (1 / (g - 2))::text FROM generate_series(1, 3) g")
    except plpy.SPIError:
        do("second")
$$);
TABLE done;
TRUNCATE done;

-- By hand
SELECT doing($$
s = plpy.subtransaction()
plpy.notice(s.enter() is s)
do("kept")
plpy.notice(s.exit(None, None, None))
s = plpy.subtransaction()
s.__enter__()
do("undone")
s.__exit__(1, 2, 3)
$$);
TABLE done;
TRUNCATE done;

-- Misuse
SELECT misuse, doing(misuse), doing_untrusted(misuse) = doing(misuse) AS as_untrusted FROM (VALUES
    ('plpy.subtransaction().exit(None, None, None)'),
    ('s = plpy.subtransaction(); s.enter(); s.enter()'),
    ('s = plpy.subtransaction(); s.enter(); s.exit(None, None, None); s.exit(None, None, None)'),
    ('s = plpy.subtransaction(); s.enter(); s.exit(None, None, None); s.enter()'),
    ('plpy.subtransaction().exit()'),
    ('plpy.subtransaction(1)'),
    ('plpy.subtransaction().nosuch')) AS of (misuse);

-- What is left open is undone with a warning, innermost first; so too before an error is reported
SELECT doing($$
do("before")
plpy.subtransaction().enter()
do("left open")
plpy.subtransaction().enter()
do("left open too")
$$);
TABLE done;
CREATE FUNCTION left_open() RETURNS void LANGUAGE pyboxu AS $$
plpy.subtransaction().enter()
raise ValueError("and an error")
$$;
SELECT left_open();
CREATE FUNCTION left_open_value() RETURNS int LANGUAGE pybox AS $$
plpy.subtransaction().enter()
return "no number"
$$;
SELECT left_open_value();
DO LANGUAGE pybox $$plpy.subtransaction().enter()$$;
TRUNCATE done;

-- A nested call has a stack of its own: it can end nothing of its caller's, and what it leaves open is its own
CREATE FUNCTION ends_other() RETURNS text LANGUAGE pybox AS $$
try:
    GD["open"].exit(1, 2, 3)
except ValueError as error:
    return str(error)
$$;
CREATE FUNCTION leaves_open(depth int) RETURNS text LANGUAGE pybox AS $$
plpy.subtransaction().enter()
plpy.execute(f"INSERT INTO subtransaction.done VALUES ('inner {depth}')")
if depth > 1:
    plpy.execute(f"SELECT subtransaction.leaves_open({depth - 1})")
return plpy.execute("SELECT subtransaction.ends_other() AS e")[0]["e"]
$$;
SELECT doing($$
with plpy.subtransaction() as GD["open"]:
    do("outer")
    plpy.notice(plpy.execute("SELECT subtransaction.ends_other() AS e")[0]["e"])
    plpy.notice(plpy.execute("SELECT subtransaction.leaves_open(2) AS e")[0]["e"])
    do("outer still")
$$);
TABLE done;
TRUNCATE done;

-- Within a step of a set it works as anywhere; it cannot stay open while the executor has the row
CREATE FUNCTION steps(across bool) RETURNS SETOF text LANGUAGE pybox AS $$
for i in range(3):
    try:
        with plpy.subtransaction():
            plpy.execute(f"INSERT INTO subtransaction.done VALUES ('{i}')")
            if across:
                yield "within"
            elif i == 1:
                raise ValueError
    except ValueError as error:
        yield "undone: " + str(error)
    else:
        yield "kept"
$$;
SELECT steps(false);
SELECT steps(true) LIMIT 2;
TABLE done;
TRUNCATE done;

-- 1000 of a call, and no more
CREATE FUNCTION deep(n int) RETURNS text LANGUAGE pybox AS $$
open = [plpy.subtransaction().enter() for i in range(n)]
plpy.execute("INSERT INTO subtransaction.done VALUES ('deep')")
for s in reversed(open):
    s.exit(None, None, None)
return f"{n} levels"
$$;
SELECT deep(1000);
SELECT deep(1001);
TABLE done;
TRUNCATE done;

-- Errors that go on: the block that catches them is in the transaction that it began
CREATE FUNCTION outcome(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO subtransaction.done VALUES ('before');
    BEGIN
        EXECUTE query;
        RETURN 'no error';
    EXCEPTION WHEN query_canceled OR OTHERS THEN
        INSERT INTO subtransaction.done VALUES ('caught');
        RETURN SQLSTATE || ': ' || SQLERRM;
    END;
END $$;
CREATE FUNCTION ends_badly(how text) RETURNS void LANGUAGE pybox AS $$
import os
with plpy.subtransaction():
    plpy.execute("INSERT INTO subtransaction.done VALUES ('undone')")
    with plpy.subtransaction():
        plpy.execute("INSERT INTO subtransaction.done VALUES ('undone')")
        if how == "busy":
            while True:
                pass
        elif how == "in SQL":
            plpy.execute("SELECT pg_sleep(600)")
        elif how == "killed":
            plpy.execute("SELECT pybox.kill(call_id) FROM pybox.activity WHERE pid = pg_backend_pid()")
        elif how == "raise":
            raise ValueError
        os._exit(3)
$$;
CREATE FUNCTION ends_badly_untrusted() RETURNS void LANGUAGE pyboxu AS $$
import os
with plpy.subtransaction():
    plpy.execute("INSERT INTO subtransaction.done VALUES ('undone')")
    os.kill(os.getpid(), 9)
$$;
CREATE FUNCTION ends_badly_below(how text) RETURNS text LANGUAGE pyboxu AS $$
with plpy.subtransaction():
    plpy.execute("INSERT INTO subtransaction.done VALUES ('below kept')")
    try:
        with plpy.subtransaction():
            plpy.execute(plpy.prepare("SELECT subtransaction.ends_badly($1)", ["text"]), [how])
    except plpy.SPIError as error:
        return str(error)
$$;
SELECT outcome('SELECT subtransaction.ends_badly(''exit'')');
SELECT outcome('SELECT subtransaction.ends_badly(''killed'')');
SELECT outcome('SELECT subtransaction.ends_badly_untrusted()');
SELECT outcome('SELECT subtransaction.ends_badly(''raise'')');
SELECT ends_badly_below('exit');
SELECT ends_badly_below('raise');
SET statement_timeout = '300ms';
SELECT outcome('SELECT subtransaction.ends_badly(''busy'')');
SELECT outcome('SELECT subtransaction.ends_badly(''in SQL'')');
SELECT outcome('SELECT subtransaction.ends_badly_below(''in SQL'')');
SELECT ends_badly('busy');
RESET statement_timeout;
TABLE done;
-- and nothing is held afterwards
SELECT count(*) FROM pybox.activity WHERE pid = pg_backend_pid();
SELECT doing('with plpy.subtransaction(): pass');
BEGIN;
SELECT doing('with plpy.subtransaction(): do("in a transaction")');
SAVEPOINT s;
\set VERBOSITY terse
SELECT ends_badly('exit');
\set VERBOSITY default
ROLLBACK TO s;
SELECT doing('with plpy.subtransaction(): do("after the savepoint")');
COMMIT;
TABLE done;
