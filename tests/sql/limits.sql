-- What happens at a limit, and to an interpreter that dies. tests/policy.yaml gives each function its pool.
CREATE SCHEMA limits;
SET search_path = limits;

-- All that the client is told, with N for numbers that vary
CREATE FUNCTION outcome(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE state text; message text; detail text; hint text; context_of text;
BEGIN
    EXECUTE query;
    RETURN NEXT 'no error';
EXCEPTION WHEN query_canceled OR OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
        hint = PG_EXCEPTION_HINT, context_of = PG_EXCEPTION_CONTEXT;
    detail = regexp_replace(detail, '(call|Call|pid) \d+', '\1 N', 'g');
    detail = regexp_replace(detail, '(ran|used|sent) [\d.]+', '\1 N', 'g');
    RETURN QUERY SELECT line FROM (VALUES
        (state || ': ' || message), ('detail: ' || nullif(detail, '')), ('hint: ' || nullif(hint, '')),
        ('context: ' || split_part(context_of, E'\nSQL statement', 1))) AS told(line)
        WHERE line IS NOT NULL;
END $$;
CREATE FUNCTION alive() RETURNS text LANGUAGE pybox AS 'return "alive"';

-- limits.output: 64kB for all that one call sends: result, rows, notices, queries
CREATE FUNCTION chatty(how text, size int) RETURNS text LANGUAGE pybox AS $$
if how == "notice":
    for i in range(size):
        plpy.debug("x" * 1000)
elif how == "query":
    plpy.execute("SELECT 1 /* " + "x" * size + " */")
elif how == "error":
    raise ValueError("x" * size)
else:
    return "x" * size
$$;
SELECT length(chatty('result', 60000)), chatty('notice', 10), chatty('query', 60000);
SELECT outcome($$ SELECT limits.chatty('result', 70000) $$);
SELECT outcome($$ SELECT limits.chatty('notice', 70) $$);
SELECT outcome($$ SELECT limits.chatty('query', 70000) $$);
SELECT outcome($$ SELECT limits.chatty('error', 70000) $$);
SELECT length(chatty('result', 60000));
-- a set is one call
CREATE FUNCTION chatty(rows int) RETURNS SETOF text LANGUAGE pybox AS $$
for i in range(rows):
    yield "x" * 1000
$$;
SELECT count(*) FROM chatty(60);
SELECT outcome($$ SELECT count(*) FROM limits.chatty(70) $$);

-- limits.wall: 1s, wherever the time goes
CREATE FUNCTION slow(how text) RETURNS text LANGUAGE pybox AS $$
import time
GD["calls"] = GD.get("calls", 0) + 1
if how == "busy":
    while True:
        pass
elif how == "asleep":
    time.sleep(600)
elif how == "in SQL":
    plpy.execute("SELECT pg_sleep(600)")
elif how == "deaf":
    while True:
        try:
            time.sleep(600)
        except BaseException:
            pass
elif how == "in C":
    return str(sum(range(10**12)))
return f"{GD['calls']} calls"
$$;
SET pybox.cancel_grace_ms = '60s';
SELECT slow('not');
SELECT outcome($$ SELECT limits.slow('busy') $$);
SELECT outcome($$ SELECT limits.slow('asleep') $$);
SELECT outcome($$ SELECT limits.slow('in SQL') $$);
SELECT slow('not') AS interpreter_kept;
-- what does not hear is killed when its grace is over
RESET pybox.cancel_grace_ms;
SELECT outcome($$ SELECT limits.slow('deaf') $$);
SELECT slow('not') AS new_interpreter;
SELECT outcome($$ SELECT limits.slow('in C') $$);
SELECT slow('not') AS new_interpreter;

-- a set is one call
CREATE FUNCTION slow(rows int) RETURNS SETOF int LANGUAGE pybox AS $$
import time
for i in range(rows):
    yield i
    time.sleep(0.3)
$$;
SELECT outcome($$ SELECT count(*) FROM limits.slow(8) $$);

-- statement_timeout
CREATE FUNCTION endless() RETURNS int LANGUAGE pybox AS $$
while True:
    pass
$$;
SET statement_timeout = '200ms';
SELECT endless();
RESET statement_timeout;
SELECT alive();

-- Interpreters that die
CREATE FUNCTION dies(how text) RETURNS text LANGUAGE pybox AS $$
import os
GD["here"] = True
if how == "exit":
    os._exit(3)
elif how == "abort":
    os.abort()
elif how == "segfault":
    import ctypes
    ctypes.string_at(0)
$$;
CREATE FUNCTION gd_here() RETURNS bool LANGUAGE pybox AS 'return GD.get("here", False)';
SELECT dies('not'), gd_here();
SELECT outcome($$ SELECT limits.dies('exit') $$);
SELECT gd_here();
SELECT outcome($$ SELECT limits.dies('abort') $$);
SELECT outcome($$ SELECT limits.dies('segfault') $$);
SELECT gd_here(), alive();
-- with a transaction and a set under way
CREATE FUNCTION counted(n int) RETURNS SETOF int LANGUAGE pybox AS $$
for i in range(n):
    yield i
$$;
BEGIN;
CREATE TABLE kept (i int);
DECLARE numbers CURSOR FOR SELECT counted(10);
FETCH 1 FROM numbers;
SELECT outcome($$ SELECT limits.dies('exit') $$);
SELECT alive();
SAVEPOINT before;
SELECT outcome('FETCH 1 FROM numbers');
ROLLBACK TO before;
COMMIT;
SELECT * FROM kept;
-- and while an outer call waits for SQL: the death of the inner one's interpreter is its own too
CREATE FUNCTION outlives() RETURNS text LANGUAGE pybox AS $$
try:
    plpy.execute("SELECT dies('exit')")
except BaseException as error:
    return "caught"
$$;
SELECT outcome('SELECT limits.outlives()');
-- unless it is another one's
CREATE FUNCTION outlives_other() RETURNS text LANGUAGE pyboxu AS $$
try:
    plpy.execute("SELECT dies('exit')")
except plpy.SPIError as error:
    return f"{error.sqlstate} {error}"
$$;
SELECT outlives_other(), alive();

-- pybox.cancel and pybox.kill of one's own call
CREATE FUNCTION ends_itself(how text) RETURNS text LANGUAGE pybox AS $$
id = plpy.execute("SELECT call_id FROM pybox.activity WHERE pid = pg_backend_pid() ORDER BY call_id LIMIT 1")[0]["call_id"]
try:
    plpy.execute(f"SELECT pybox.{how}({id})")
    plpy.execute("SELECT pg_sleep(600)")
except BaseException as error:
    return "caught"
$$;
SET pybox.cancel_grace_ms = '60s';
SELECT dies('not');
SELECT outcome($$ SELECT limits.ends_itself('cancel') $$);
SELECT gd_here();
SELECT outcome($$ SELECT limits.ends_itself('kill') $$);
SELECT gd_here();

-- Nothing of all this holds a slot
SELECT pool, running, waiting FROM pybox.pools ORDER BY pool;
