-- Events, rules, filters and budgets.

CREATE FUNCTION pybox.events_rows(
    OUT number bigint, OUT at timestamptz, OUT node text, OUT kind text, OUT rule text, OUT dry_run boolean,
    OUT actor oid, OUT actor_pid integer, OUT call_id bigint, OUT pid integer, OUT role oid, OUT database oid,
    OUT function oid, OUT pool text, OUT metric text, OUT value double precision, OUT threshold double precision,
    OUT detail text)
RETURNS SETOF record STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_events';
COMMENT ON FUNCTION pybox.events_rows() IS 'The rows of pybox.events with oids for roles, database and function';

CREATE VIEW pybox.events AS
SELECT e.number, e.at, e.node, e.kind, e.rule, e.dry_run, pybox.role_name(e.actor) AS actor, e.actor_pid, e.call_id, e.pid,
       pybox.role_name(e.role) AS role, pybox.database_name(e.database) AS database,
       pybox.function_name(e.database, e.function) AS function,
       e.pool, e.metric, e.value, e.threshold, e.detail
FROM pybox.events_rows() e;
COMMENT ON VIEW pybox.events IS 'The last 1024 things done to calls, functions, pools and the policy since the server started, as in its log: about or by one''s own roles, or all for pg_read_all_stats';
COMMENT ON COLUMN pybox.events.number IS 'From 1, without gaps: what is missing at the start was longer ago';
COMMENT ON COLUMN pybox.events.at IS 'When';
COMMENT ON COLUMN pybox.events.node IS 'node.name of the policy';
COMMENT ON COLUMN pybox.events.kind IS 'cancel, kill, priority, move, pause, resume, drain, undrain, quarantine, release, rule (a rule that logs), filter (a call was refused), budget or reload';
COMMENT ON COLUMN pybox.events.rule IS 'Rule, filter or budget of the policy that did it; null: somebody';
COMMENT ON COLUMN pybox.events.dry_run IS 'Whether nothing was done: what a rule with dry_run would have done';
COMMENT ON COLUMN pybox.events.actor IS 'Role that did it; null: the scheduler';
COMMENT ON COLUMN pybox.events.actor_pid IS 'Its backend, or the scheduler''s process';
COMMENT ON COLUMN pybox.events.call_id IS 'Call it was done to; null: to none, or to many';
COMMENT ON COLUMN pybox.events.pid IS 'Backend of that call';
COMMENT ON COLUMN pybox.events.role IS 'Role of that call';
COMMENT ON COLUMN pybox.events.database IS 'Database of that call';
COMMENT ON COLUMN pybox.events.function IS 'Its function, with argument types (the oid when of another database)';
COMMENT ON COLUMN pybox.events.pool IS 'Pool of the call, or the one it was done to';
COMMENT ON COLUMN pybox.events.metric IS 'What a rule, filter or budget measured';
COMMENT ON COLUMN pybox.events.value IS 'Its value: milliseconds, bytes, rows, calls or cost';
COMMENT ON COLUMN pybox.events.threshold IS 'What it may be';
COMMENT ON COLUMN pybox.events.detail IS 'What else there is to say';
GRANT SELECT ON pybox.events TO PUBLIC;

CREATE FUNCTION pybox.rules_rows(
    OUT name text, OUT action text, OUT dry_run boolean, OUT selectors text, OUT terms text, OUT line integer,
    OUT matched bigint, OUT acted bigint, OUT last_at timestamptz)
RETURNS SETOF record STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_rules';
COMMENT ON FUNCTION pybox.rules_rows() IS 'The rows of pybox.rules';
REVOKE ALL ON FUNCTION pybox.rules_rows() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pybox.rules_rows() TO pg_monitor;

CREATE VIEW pybox.rules AS SELECT * FROM pybox.rules_rows();
COMMENT ON VIEW pybox.rules IS 'One row for each rule of the policy in force, with how often it acted; counts go by the name and start with the server';
COMMENT ON COLUMN pybox.rules.name IS 'Its name, as in pybox.events.rule and in errors';
COMMENT ON COLUMN pybox.rules.action IS 'log, demote, move, pause, cancel, kill or quarantine';
COMMENT ON COLUMN pybox.rules.dry_run IS 'Whether it only leaves events';
COMMENT ON COLUMN pybox.rules.selectors IS 'Whose calls it is about; empty: all';
COMMENT ON COLUMN pybox.rules.terms IS 'What has to hold, in ms, bytes, rows and calls';
COMMENT ON COLUMN pybox.rules.line IS 'Where the policy file declares it';
COMMENT ON COLUMN pybox.rules.matched IS 'How often its terms came to hold for a call';
COMMENT ON COLUMN pybox.rules.acted IS 'How often it acted, or with dry_run would have';
COMMENT ON COLUMN pybox.rules.last_at IS 'When it did last';

CREATE FUNCTION pybox.budgets_rows(
    OUT name text, OUT role oid, OUT "window" interval, OUT used interval, OUT cpu_time interval, OUT action text,
    OUT over boolean, OUT selectors text, OUT line integer, OUT demoted bigint, OUT refused bigint)
RETURNS SETOF record STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_budgets';
COMMENT ON FUNCTION pybox.budgets_rows() IS 'The rows of pybox.budgets with the oid of the role';

CREATE VIEW pybox.budgets AS
SELECT b.name, pybox.role_name(b.role) AS role, b."window", b.used, b.cpu_time, b.action, b.over, b.selectors, b.line, b.demoted, b.refused
FROM pybox.budgets_rows() b;
COMMENT ON VIEW pybox.budgets IS 'One row for each account of each budget of the policy in force: of one''s own roles, or all for pg_read_all_stats; for pg_monitor a budget without one has a row with nulls';
COMMENT ON COLUMN pybox.budgets.name IS 'Name of the budget';
COMMENT ON COLUMN pybox.budgets.role IS 'Whose account it is; null: of all calls together';
COMMENT ON COLUMN pybox.budgets."window" IS 'How far back use counts; it slides by sixtieths';
COMMENT ON COLUMN pybox.budgets.used IS 'CPU time used within the window';
COMMENT ON COLUMN pybox.budgets.cpu_time IS 'What may be used';
COMMENT ON COLUMN pybox.budgets.action IS 'What happens when it is used up: log, demote or refuse';
COMMENT ON COLUMN pybox.budgets.over IS 'Whether it is used up';
COMMENT ON COLUMN pybox.budgets.selectors IS 'Whose calls it is about; empty: all; null: for pg_monitor';
COMMENT ON COLUMN pybox.budgets.line IS 'Where the policy file declares it; null: for pg_monitor';
COMMENT ON COLUMN pybox.budgets.demoted IS 'Calls under way that lost their priority for it';
COMMENT ON COLUMN pybox.budgets.refused IS 'Calls that were refused for it';
GRANT SELECT ON pybox.budgets TO PUBLIC;
GRANT SELECT ON pybox.rules TO pg_monitor;
