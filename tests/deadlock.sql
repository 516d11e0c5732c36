-- What the specs deadlock_* have in common. acts() and its kin, one for each pool, run SQL step by step; the step "wait X" is
-- Python that keeps its slot until a session calls go('X').
CREATE EXTENSION pybox;
CREATE ROLE regress_capped;
CREATE TABLE account (id int PRIMARY KEY, amount int);
GRANT ALL ON account TO PUBLIC;

CREATE FUNCTION go_path(flag text) RETURNS text LANGUAGE sql AS
$$ SELECT '/tmp/pybox_go_' || current_setting('port') || '_' || flag $$;
CREATE FUNCTION go(flag text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('COPY (SELECT 1) TO %L', go_path(flag));
    RETURN 'go ' || flag;
END $$;
CREATE PROCEDURE go_none() LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('COPY (SELECT 1) TO PROGRAM %L', 'cat > /dev/null; rm -f ' || go_path('*'));
END $$;

DO $do$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['acts', 'lefts', 'rights', 'pauses', 'weighs', 'capped'] LOOP
        EXECUTE format($sql$
CREATE FUNCTION %I(VARIADIC steps text[]) RETURNS text LANGUAGE pyboxu AS $py$
import os
import time
found = None
path = %L
at = path + "at_" + str(plpy.execute("SELECT pg_backend_pid() AS pid")[0]["pid"])
for step in steps:
    if step.startswith("wait "):
        try:
            with open(at, "w") as file:
                file.write(step[5:])
            while not os.path.exists(path + step[5:]):
                time.sleep(0.001)
        finally:
            os.unlink(at)
    else:
        result = plpy.execute(step)
        found = list(result[0].values())[0] if result.status() in (5, 8, 9, 10, 11, 12) and len(result) else None
return "done" if found is None else str(found)
$py$ $sql$, name, go_path(''));
    END LOOP;
END $do$;
-- The same with the rights of a role of which one call may run at a time.
ALTER FUNCTION capped(text[]) SECURITY DEFINER;
ALTER FUNCTION capped(text[]) OWNER TO regress_capped;

-- Waits until the innermost call of a session of the tester is in a state, or "locked": in SQL that waits for a lock.
CREATE FUNCTION await(session text, wanted text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE seen text;
BEGIN
    FOR round IN 1 .. 6000 LOOP
        SELECT CASE WHEN wanted = 'locked' AND s.wait_event_type = 'Lock' THEN 'locked' ELSE a.state END INTO seen
        FROM pybox.activity a JOIN pg_stat_activity s ON s.pid = coalesce(a.leader_pid, a.pid)
        WHERE s.application_name LIKE '%/' || session ORDER BY a.call_id DESC LIMIT 1;
        IF seen = wanted THEN
            RETURN session || ' is ' || wanted;
        END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RETURN session || ' is ' || coalesce(seen, 'not there');
END $$;
-- The id of the outermost call of a session.
CREATE FUNCTION call_of(session text) RETURNS bigint LANGUAGE sql VOLATILE AS $$
SELECT min(a.call_id) FROM pybox.activity a JOIN pg_stat_activity s USING (pid) WHERE s.application_name LIKE '%/' || session $$;

-- At "wait X", and nobody has called go('X'). Its file tells X, so that one who is about to see X is not taken for one at rest.
CREATE FUNCTION is_at_wait(pid int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE flag text := nullif(pg_read_file(go_path('at_' || pid), 0, 100, true), '');
BEGIN
    RETURN flag IS NOT NULL AND (pg_stat_file(go_path(flag), true)).size IS NULL;
END $$;
CREATE FUNCTION in_queue() RETURNS bigint[] LANGUAGE sql VOLATILE AS
$$ SELECT coalesce(array_agg(call_id ORDER BY call_id), '{}') FROM pybox.queue $$;

-- The tester goes on when a session waits for a lock of another one. Here it also goes on when a session waits in the queue, for
-- somebody's pybox.resume() or at "wait", and every call does that or waits for a lock of a session of the tester: nothing happens
-- then before somebody acts. The queue is read before and after the calls, since a call may go on between two looks.
ALTER FUNCTION pg_catalog.pg_isolation_test_session_is_blocked(int, int[]) RENAME TO pg_isolation_test_locks_block;
CREATE FUNCTION pg_catalog.pg_isolation_test_session_is_blocked(session int, sessions int[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT SET search_path = public, pg_catalog AS $$
DECLARE queue bigint[] := in_queue(); at_rest boolean; is_call boolean;
BEGIN
    IF pg_isolation_test_locks_block(session, sessions) THEN
        RETURN true;
    END IF;
    SELECT bool_and(CASE state WHEN 'sql' THEN pg_isolation_test_locks_block(pid, sessions)
                               WHEN 'running' THEN is_at_wait(pid) ELSE call_id = ANY (queue) END),
        bool_or(session IN (pid, leader_pid)) INTO at_rest, is_call
        FROM (SELECT DISTINCT ON (pid) * FROM pybox.activity ORDER BY pid, call_id DESC) innermost;
    RETURN at_rest AND is_call AND queue = in_queue();
END $$;
