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
for step in steps:
    if step.startswith("wait "):
        while not os.path.exists(%L + step[5:]):
            time.sleep(0.001)
    else:
        result = plpy.execute(step)
        found = list(result[0].values())[0] if result.status() in (5, 8, 9, 10, 11, 12) and len(result) else None
return "done" if found is None else str(found)
$py$ $sql$, name, go_path(''));
    END LOOP;
END $do$;
-- The same with the rights of a role of which one call may run at a time.
ALTER FUNCTION capped(text[]) SECURITY DEFINER;

-- Waits until the innermost call of a session of the tester is in a state.
CREATE FUNCTION await(session text, wanted text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE seen text;
BEGIN
    FOR round IN 1 .. 6000 LOOP
        SELECT a.state INTO seen FROM pybox.activity a JOIN pg_stat_activity s ON s.pid = coalesce(a.leader_pid, a.pid)
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
