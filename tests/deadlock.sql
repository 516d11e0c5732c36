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
            open(at, "w").close()
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

-- The tester goes on when a session waits for a lock of another one. Here it also goes on when a session waits for a slot, for
-- somebody's pybox.resume() or at "wait", and nobody else can do anything: each slot is held by a call at "wait".
CREATE FUNCTION call_is_at_wait(pid int) RETURNS boolean LANGUAGE sql VOLATILE AS
$$ SELECT (pg_stat_file(go_path('at_' || pid), true)).size IS NOT NULL $$;
ALTER FUNCTION pg_catalog.pg_isolation_test_session_is_blocked(int, int[]) RENAME TO pg_isolation_test_locks_block;
CREATE FUNCTION pg_catalog.pg_isolation_test_session_is_blocked(session int, sessions int[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT SET search_path = public, pg_catalog AS $$
DECLARE own text; own_at_wait boolean; goes_on boolean; at_wait bigint; holders bigint;
BEGIN
    IF pg_isolation_test_locks_block(session, sessions) THEN
        RETURN true;
    END IF;
    CREATE TEMP TABLE IF NOT EXISTS call (pid int, state text, at_wait boolean, in_lock boolean);
    TRUNCATE call;
    INSERT INTO call SELECT DISTINCT ON (a.pid) a.pid, a.state, call_is_at_wait(a.pid), s.wait_event_type = 'Lock'
        FROM pybox.activity a JOIN pg_stat_activity s USING (pid) ORDER BY a.pid, a.call_id DESC;
    SELECT state, call.at_wait INTO own, own_at_wait FROM call WHERE pid = session OR pid IN
        (SELECT s.pid FROM pg_stat_activity s WHERE s.leader_pid = session) ORDER BY pid <> session LIMIT 1;
    SELECT bool_or(CASE state WHEN 'sql' THEN NOT in_lock WHEN 'queued' THEN false WHEN 'paused' THEN false ELSE NOT call.at_wait END),
        count(*) FILTER (WHERE call.at_wait AND state = 'running') INTO goes_on, at_wait FROM call;
    SELECT sum(running) INTO holders FROM pybox.pools;
    RETURN NOT goes_on AND holders = at_wait AND (own IN ('queued', 'paused') OR own = 'running' AND own_at_wait);
END $$;
