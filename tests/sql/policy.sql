-- The policy: checked, explained, loaded, shown.
CREATE SCHEMA policy;
SET search_path = policy;
CREATE ROLE regress_day;
CREATE ROLE regress_night;
CREATE ROLE regress_watch IN ROLE pg_monitor;
CREATE ROLE regress_stop IN ROLE pg_signal_backend;
CREATE ROLE regress_admin IN ROLE regress_day;

-- pybox.check_policy: true, or what is wrong and where
SELECT pybox.check_policy(E'version: 1\npools:\n  only: {}\n');
SELECT pybox.check_policy(NULL);
SELECT pybox.check_policy('');
SELECT pybox.check_policy('version: 1');
SELECT pybox.check_policy(E'version: 2\npools:\n  only: {}\n');
SELECT pybox.check_policy(E'version: 1\npools:\n  only: {}\n  only: {}\n');
SELECT pybox.check_policy(E'version: 1\npools:\n  only: {slot: 1}\n');
SELECT pybox.check_policy(E'version: 1\npools:\n  Only: {}\n');
SELECT pybox.check_policy(E'version: 1\npools:\n  only:\n    limits: {memory: 100}\n');
SELECT pybox.check_policy(E'version: 1\npools:\n  only:\n    limits: {wall: 1ms}\n');
SELECT pybox.check_policy(E'version: 1\nnode: {slots: 2}\npools:\n  only: {slots: 3}\n');
SELECT pybox.check_policy(E'version: 1\npools:\n  a: {}\nassign:\n  - {role: x, pool: a}\n  - {pool: b}\n');
SELECT pybox.check_policy(E'version: 1\npools:\n  a: {}\n  b: {}\nassign:\n  - {role: x, pool: a}\n');
SELECT pybox.check_policy(E'version: 1\npools:\n  a: {}\nassign:\n  - {function: f, pool: a}\n  - {pool: a}\n');
SELECT pybox.check_policy(E'version: 1\nrequire: [seccomp, moat]\npools:\n  a: {}\n');
SELECT pybox.check_policy(E'version: 1\npools:\n  a: &anchor {}\n');
SELECT pybox.check_policy(E'version: 1\npools: [\n');
SELECT pybox.check_policy(repeat('#', 70000));

-- What is in force
DO LANGUAGE pybox 'pass';
DO LANGUAGE pyboxu 'pass';
SELECT node, generation > 0 AS generation, source = current_setting('pybox.policy_file') AS source,
    loaded_at < now() AS loaded_at, split_part(yaml, E'\n', 3) AS yaml
FROM pybox.policy;
SELECT node, pool, priority, weight, slots, running, waiting, queue_length, oldest_wait, memory_limit, spares
FROM pybox.pools ORDER BY pool;
SELECT pool, trusted_zygote, trusted_zygote_pid > 0 AS pid, trusted_zygote_reason, untrusted_zygote
FROM pybox.pools WHERE pool = 'standard';
SELECT layer, required, in_force FROM pybox.protection
WHERE pool = 'standard' AND language = 'pybox' AND required;
SELECT DISTINCT node, pool, language, count(*) FROM pybox.protection GROUP BY node, pool, language ORDER BY pool, language;
SELECT layer, available, reason FROM pybox.protection WHERE required AND (available IS NOT TRUE OR in_force IS FALSE);
SELECT DISTINCT language, layer, reason FROM pybox.protection WHERE pool = 'standard' AND in_force IS NOT TRUE AND layer NOT LIKE 'cgroup%';
SELECT language, protection <> 'refused' AS works, required_missing FROM pybox.protection_summary WHERE pool = 'standard' ORDER BY language;
SELECT pool, why FROM pybox.explain_policy();

-- pybox.reload_policy: a wrong file is refused, and the old policy stays
SELECT yaml AS before, source AS file, generation FROM pybox.policy \gset
CREATE FUNCTION write_policy(yaml text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('COPY (SELECT regexp_split_to_table(%L, E''\n'')) TO %L', rtrim(yaml, E'\n'), current_setting('pybox.policy_file'));
END $$;
CREATE FUNCTION reload() RETURNS text LANGUAGE plpgsql SET client_min_messages = error AS $$
BEGIN
    PERFORM pybox.reload_policy();
    RETURN 'loaded';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ': ' || replace(SQLERRM, current_setting('pybox.policy_file'), 'FILE');
END $$;
SELECT write_policy(E'version: 1\npools:\n  day: {slots: many}');
SELECT reload();
SELECT generation = :generation AS same, yaml = :'before' AS same_text FROM pybox.policy;
SELECT write_policy('version: 1
node: {name: test, id: 1, slots: 2}
pools:
  day: {priority: 60}
  night: {priority: 10, weight: 5, slots: 1, queue: {length: 7, timeout: 1h}, limits: {memory: 64MB}, spares: 0}
  rare: {}
assign:
  - {database: elsewhere, pool: night}
  - {role: regress_night, pool: night}
  - {role: regress_day, pool: day}
  - {role: regress_night, database: elsewhere, pool: day}
  - {function: policy.special, pool: rare}
  - {pool: day}');
SELECT reload();
SELECT generation - :generation AS later FROM pybox.policy;
SELECT pool, priority, weight, slots, queue_length, memory_limit, spares FROM pybox.pools ORDER BY pool;

-- Which pool, and why
SELECT * FROM pybox.explain_policy('regress_night');
SELECT * FROM pybox.explain_policy('regress_night', 'elsewhere');
SELECT * FROM pybox.explain_policy('regress_admin');
SELECT * FROM pybox.explain_policy('regress_watch');
SELECT * FROM pybox.explain_policy('regress_watch', 'elsewhere');
SELECT * FROM pybox.explain_policy('regress_night', 'elsewhere', 'policy.special');
SELECT * FROM pybox.explain_policy(function => 'policy.other');
SELECT * FROM pybox.explain_policy('regress_nobody');
CREATE FUNCTION special() RETURNS text LANGUAGE pybox AS $$
return plpy.execute("SELECT pool FROM pybox.activity WHERE pid = pg_backend_pid() ORDER BY call_id DESC LIMIT 1")[0]["pool"]
$$;
CREATE FUNCTION plain() RETURNS text LANGUAGE pybox AS $$
return plpy.execute("SELECT pool FROM pybox.activity WHERE pid = pg_backend_pid() ORDER BY call_id DESC LIMIT 1")[0]["pool"]
$$;
GRANT USAGE ON SCHEMA policy TO PUBLIC;
SELECT special(), plain();
SET ROLE regress_night;
SELECT special(), plain();
RESET ROLE;
GRANT regress_night TO regress_watch;
SET ROLE regress_watch;
SELECT plain();
RESET ROLE;
REVOKE regress_night FROM regress_watch;
SET ROLE regress_watch;
SELECT plain();
RESET ROLE;
-- a pool that is gone, in the middle of a session
SELECT write_policy(:'before');
SELECT reload();
SELECT special(), plain();
SELECT yaml = :'before' AS as_before, generation - :generation AS later FROM pybox.policy;

-- Who sees what: a call of the superuser's looks at itself as others do
CREATE FUNCTION look(role text, query text) RETURNS text LANGUAGE pybox AS $$
plpy.execute(f"SET LOCAL ROLE {role}")
try:
    return repr([list(row.values()) for row in plpy.execute(query)])
except plpy.SPIError as error:
    return f"{error.sqlstate}: {error}"
$$;
SELECT look('postgres', $$ SELECT role, database, function, language, node, pool, priority, state, queue_position,
    started_at >= queued_at AS started, elapsed >= '0' AS elapsed, interpreter_pid > 0 AS interpreter, leader_pid FROM pybox.activity $$);
SELECT look('regress_day', 'SELECT function FROM pybox.activity');
SELECT look('regress_watch', 'SELECT function FROM pybox.activity');
SELECT look('regress_day', 'SELECT pool FROM pybox.pools WHERE running > 0');
SELECT look('regress_day', 'SELECT count(*) > 0 FROM pybox.protection');
SELECT look('regress_day', 'SELECT pool FROM pybox.explain_policy()');
SELECT look('regress_day', 'SELECT yaml FROM pybox.policy');
SELECT look('regress_watch', 'SELECT node FROM pybox.policy');
SELECT look('regress_day', 'SELECT pybox.reload_policy()');
SELECT look('regress_watch', 'SELECT pybox.reload_policy()');
SELECT look('regress_day', $$ SELECT pybox.check_policy('version: 1') $$);
DO LANGUAGE pybox $$
plpy.notice(list(plpy.execute("SELECT function, language FROM pybox.activity")))
$$;

-- Who may end what
CREATE FUNCTION try_end(role text, how text) RETURNS text LANGUAGE pybox AS $$
id = plpy.execute("SELECT call_id FROM pybox.activity WHERE pid = pg_backend_pid()")[0]["call_id"]
plpy.execute(f"SET LOCAL ROLE {role}")
try:
    plpy.execute(f"SELECT pybox.{how}({id})")
except plpy.SPIError as error:
    return f"{error.sqlstate}: {error}"
$$;
-- a superuser's call
SELECT try_end('regress_day', 'cancel');
SELECT try_end('regress_stop', 'cancel');
SELECT try_end('regress_watch', 'kill');
-- an ordinary role's call: by another, by a member, by who may signal all
SET ROLE regress_day;
SELECT try_end('regress_night', 'cancel');
SELECT try_end('regress_watch', 'kill');
\set VERBOSITY terse
SELECT try_end('regress_admin', 'cancel');
SELECT try_end('regress_stop', 'cancel');
SELECT try_end('regress_day', 'kill');
\set VERBOSITY default
RESET ROLE;
SELECT pybox.cancel(0), pybox.kill(-1), pybox.cancel(NULL);

DROP ROLE regress_day, regress_night, regress_watch, regress_stop, regress_admin;
