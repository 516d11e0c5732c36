/* pybox 1.0: two languages, one schema of admin views and functions. */

\echo Use "CREATE EXTENSION pybox" to load this file. \quit

CREATE FUNCTION pybox_call_handler() RETURNS language_handler LANGUAGE c AS 'MODULE_PATHNAME';
CREATE FUNCTION pybox_inline_handler(internal) RETURNS void STRICT LANGUAGE c AS 'MODULE_PATHNAME';
CREATE FUNCTION pybox_validator(oid) RETURNS void STRICT LANGUAGE c AS 'MODULE_PATHNAME';
CREATE FUNCTION pyboxu_call_handler() RETURNS language_handler LANGUAGE c AS 'MODULE_PATHNAME';
CREATE FUNCTION pyboxu_inline_handler(internal) RETURNS void STRICT LANGUAGE c AS 'MODULE_PATHNAME';
CREATE FUNCTION pyboxu_validator(oid) RETURNS void STRICT LANGUAGE c AS 'MODULE_PATHNAME';

COMMENT ON FUNCTION pybox_call_handler() IS 'Calls functions in language pybox';
COMMENT ON FUNCTION pybox_inline_handler(internal) IS 'Runs DO blocks in language pybox';
COMMENT ON FUNCTION pybox_validator(oid) IS 'Checks the body of a function in language pybox, in a confined interpreter';
COMMENT ON FUNCTION pyboxu_call_handler() IS 'Calls functions in language pyboxu';
COMMENT ON FUNCTION pyboxu_inline_handler(internal) IS 'Runs DO blocks in language pyboxu';
COMMENT ON FUNCTION pyboxu_validator(oid) IS 'Checks the body of a function in language pyboxu, in a confined interpreter';

CREATE TRUSTED LANGUAGE pybox HANDLER pybox_call_handler INLINE pybox_inline_handler VALIDATOR pybox_validator;
CREATE LANGUAGE pyboxu HANDLER pyboxu_call_handler INLINE pyboxu_inline_handler VALIDATOR pyboxu_validator;

COMMENT ON LANGUAGE pybox IS 'Python in a confined interpreter: no files, no network, no other processes';
COMMENT ON LANGUAGE pyboxu IS 'Python outside the server, capped and scheduled, with the server''s view of files and network';

CREATE SCHEMA pybox;
GRANT USAGE ON SCHEMA pybox TO PUBLIC;
COMMENT ON SCHEMA pybox IS 'Workload management of Python functions: views and functions of the extension pybox';

CREATE FUNCTION pybox.activity_rows(
    OUT call_id bigint, OUT pid integer, OUT leader_pid integer, OUT node text, OUT role oid, OUT database oid,
    OUT function oid, OUT pool text, OUT priority integer, OUT state text, OUT queue_position integer,
    OUT queued_at timestamptz, OUT started_at timestamptz, OUT elapsed interval, OUT cpu interval, OUT memory bigint,
    OUT memory_peak bigint, OUT interpreter_pid integer, OUT trusted boolean)
RETURNS SETOF record STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_activity';
COMMENT ON FUNCTION pybox.activity_rows() IS 'The rows of pybox.activity with oids for role, database and function';

CREATE VIEW pybox.activity AS
SELECT a.call_id, a.pid, a.leader_pid, a.node, r.rolname AS role, d.datname AS database,
       CASE WHEN a.function IS NULL THEN 'DO'
            WHEN d.datname = current_database() THEN coalesce(a.function::regprocedure::text, a.function::text)
            ELSE a.function::text END AS function,
       CASE WHEN a.trusted THEN 'pybox' ELSE 'pyboxu' END AS language,
       a.pool, a.priority, a.state, a.queue_position, a.queued_at, a.started_at, a.elapsed, a.cpu, a.memory,
       a.memory_peak, a.interpreter_pid
FROM pybox.activity_rows() a
LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.role
LEFT JOIN pg_catalog.pg_database d ON d.oid = a.database;
COMMENT ON VIEW pybox.activity IS 'One row for each Python call that runs or waits: one''s own, or all for pg_monitor';
COMMENT ON COLUMN pybox.activity.call_id IS 'For pybox.cancel() and pybox.kill(); unique over nodes and restarts';
COMMENT ON COLUMN pybox.activity.pid IS 'Backend, as in pg_stat_activity';
COMMENT ON COLUMN pybox.activity.leader_pid IS 'Leader of the parallel group, for a parallel worker';
COMMENT ON COLUMN pybox.activity.node IS 'node.name of the policy';
COMMENT ON COLUMN pybox.activity.role IS 'Role the function runs as';
COMMENT ON COLUMN pybox.activity.database IS 'Database of the session';
COMMENT ON COLUMN pybox.activity.function IS 'Function with its argument types (its oid when of another database), or DO';
COMMENT ON COLUMN pybox.activity.language IS 'pybox or pyboxu';
COMMENT ON COLUMN pybox.activity.pool IS 'Pool the policy assigned';
COMMENT ON COLUMN pybox.activity.priority IS 'Tier of that pool; the higher goes first';
COMMENT ON COLUMN pybox.activity.state IS 'queued (waits for a slot), starting (for an interpreter), running, or sql (the backend runs SQL for it, without a slot)';
COMMENT ON COLUMN pybox.activity.queue_position IS 'Place in the pool''s queue, 1 is next; null unless queued';
COMMENT ON COLUMN pybox.activity.queued_at IS 'When the call came';
COMMENT ON COLUMN pybox.activity.started_at IS 'When it first had a slot';
COMMENT ON COLUMN pybox.activity.elapsed IS 'Time since queued_at';
COMMENT ON COLUMN pybox.activity.cpu IS 'CPU time of its interpreter so far, earlier calls of the session included; null without cgroups';
COMMENT ON COLUMN pybox.activity.memory IS 'Bytes its interpreter holds now; null without cgroups';
COMMENT ON COLUMN pybox.activity.memory_peak IS 'Most bytes its interpreter ever held; null without cgroups';
COMMENT ON COLUMN pybox.activity.interpreter_pid IS 'Process that runs the Python code';

CREATE FUNCTION pybox.pools_rows(
    OUT node text, OUT pool text, OUT priority integer, OUT weight integer, OUT slots integer, OUT running integer,
    OUT waiting integer, OUT queue_length integer, OUT oldest_wait interval, OUT memory_limit bigint, OUT spares integer,
    OUT trusted_zygote text, OUT trusted_zygote_pid integer, OUT trusted_zygote_reason text,
    OUT untrusted_zygote text, OUT untrusted_zygote_pid integer, OUT untrusted_zygote_reason text)
RETURNS SETOF record STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_pools';
COMMENT ON FUNCTION pybox.pools_rows() IS 'The rows of pybox.pools';

CREATE VIEW pybox.pools AS SELECT * FROM pybox.pools_rows();
COMMENT ON VIEW pybox.pools IS 'One row for each pool of the policy in force, with what runs and waits in it';
COMMENT ON COLUMN pybox.pools.node IS 'node.name of the policy';
COMMENT ON COLUMN pybox.pools.pool IS 'Name of the pool';
COMMENT ON COLUMN pybox.pools.priority IS 'Tier; the higher goes first';
COMMENT ON COLUMN pybox.pools.weight IS 'Share among pools of the same tier';
COMMENT ON COLUMN pybox.pools.slots IS 'Calls that may run Python at once';
COMMENT ON COLUMN pybox.pools.running IS 'Calls that hold a slot now';
COMMENT ON COLUMN pybox.pools.waiting IS 'Calls that wait for a slot now';
COMMENT ON COLUMN pybox.pools.queue_length IS 'Calls that may wait; one more is refused with 53400';
COMMENT ON COLUMN pybox.pools.oldest_wait IS 'How long the first in the queue has waited';
COMMENT ON COLUMN pybox.pools.memory_limit IS 'Bytes one interpreter may hold';
COMMENT ON COLUMN pybox.pools.spares IS 'Warm interpreters kept ready for each language in use';
COMMENT ON COLUMN pybox.pools.trusted_zygote IS 'State of the process that forks interpreters of language pybox: not started, starting, running, broken, gone';
COMMENT ON COLUMN pybox.pools.trusted_zygote_pid IS 'Its process id';
COMMENT ON COLUMN pybox.pools.trusted_zygote_reason IS 'Why it is broken, such as a preload that cannot be imported';
COMMENT ON COLUMN pybox.pools.untrusted_zygote IS 'The same for language pyboxu';
COMMENT ON COLUMN pybox.pools.untrusted_zygote_pid IS 'Its process id';
COMMENT ON COLUMN pybox.pools.untrusted_zygote_reason IS 'Why it is broken';

CREATE FUNCTION pybox.protection_rows(
    OUT node text, OUT pool text, OUT language text, OUT layer text, OUT available boolean, OUT required boolean,
    OUT in_force boolean, OUT reason text)
RETURNS SETOF record STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_protection';
COMMENT ON FUNCTION pybox.protection_rows() IS 'The rows of pybox.protection';

CREATE VIEW pybox.protection AS SELECT * FROM pybox.protection_rows();
COMMENT ON VIEW pybox.protection IS 'Each layer of the sandbox, by pool and language';
COMMENT ON COLUMN pybox.protection.node IS 'node.name of the policy';
COMMENT ON COLUMN pybox.protection.pool IS 'Name of the pool';
COMMENT ON COLUMN pybox.protection.language IS 'pybox or pyboxu';
COMMENT ON COLUMN pybox.protection.layer IS 'Name of the layer, as in the policy''s require';
COMMENT ON COLUMN pybox.protection.available IS 'Whether the launcher could do it on this machine; null before it tried';
COMMENT ON COLUMN pybox.protection.required IS 'Whether calls are refused without it';
COMMENT ON COLUMN pybox.protection.in_force IS 'Whether interpreters run under it; null while there is no zygote';
COMMENT ON COLUMN pybox.protection.reason IS 'Why it is not available';

CREATE FUNCTION pybox.policy_rows(
    OUT node text, OUT generation bigint, OUT source text, OUT loaded_at timestamptz, OUT yaml text)
RETURNS SETOF record STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_policy';
COMMENT ON FUNCTION pybox.policy_rows() IS 'The row of pybox.policy';

CREATE VIEW pybox.policy AS SELECT * FROM pybox.policy_rows();
COMMENT ON VIEW pybox.policy IS 'The policy in force';
COMMENT ON COLUMN pybox.policy.node IS 'node.name of the policy';
COMMENT ON COLUMN pybox.policy.generation IS 'Grows with each policy loaded since the server started';
COMMENT ON COLUMN pybox.policy.source IS 'File it was read from, or "built-in default"';
COMMENT ON COLUMN pybox.policy.loaded_at IS 'When it was loaded';
COMMENT ON COLUMN pybox.policy.yaml IS 'Its text';

CREATE FUNCTION pybox.cancel(call_id bigint) RETURNS boolean STRICT VOLATILE PARALLEL RESTRICTED
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_cancel';
COMMENT ON FUNCTION pybox.cancel(bigint) IS 'Cancels a call: KeyboardInterrupt, then SIGKILL after pybox.cancel_grace_ms. False, with a warning, when it is over. For its owner, members of pg_signal_backend (not on a superuser''s call), superusers: else 42501';

CREATE FUNCTION pybox.kill(call_id bigint) RETURNS boolean STRICT VOLATILE PARALLEL RESTRICTED
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_kill';
COMMENT ON FUNCTION pybox.kill(bigint) IS 'Ends a call and its interpreter at once; the session lives on. Rights as pybox.cancel()';

CREATE FUNCTION pybox.reload_policy() RETURNS boolean STRICT VOLATILE PARALLEL UNSAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_reload_policy';
REVOKE ALL ON FUNCTION pybox.reload_policy() FROM PUBLIC;
COMMENT ON FUNCTION pybox.reload_policy() IS 'Reads pybox.policy_file and puts it in force, all or nothing; F0000 with file:line:column if it is wrong, and the old policy stays. Superusers, or who is granted';

CREATE FUNCTION pybox.check_policy(yaml text) RETURNS boolean STRICT STABLE PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_check_policy';
COMMENT ON FUNCTION pybox.check_policy(text) IS 'True if the text is a valid policy, else F0000 with line and column; changes nothing. At most 64 KiB';

CREATE FUNCTION pybox.explain_policy(
    role text DEFAULT current_user, database text DEFAULT current_database(), function text DEFAULT NULL,
    OUT pool text, OUT why text, OUT line integer)
RETURNS SETOF record VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_explain_policy';
COMMENT ON FUNCTION pybox.explain_policy(text, text, text) IS 'Which pool a call by role (null: the current one) in database (null: this one) of function ("schema.name", null: any) gets, by which kind of assignment, on which line of the policy';

REVOKE ALL ON FUNCTION pybox.policy_rows() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pybox.policy_rows() TO pg_monitor;
GRANT SELECT ON pybox.activity, pybox.pools, pybox.protection TO PUBLIC;
GRANT SELECT ON pybox.policy TO pg_monitor;
