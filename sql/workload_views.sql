-- Views of the workload: pools, queue, interpreters, statistics.

CREATE FUNCTION pybox.stat_rows(
    kind text, OUT database oid, OUT oid oid, OUT name text,
    OUT calls bigint, OUT errors bigint, OUT errors_python bigint, OUT errors_cancel bigint, OUT errors_wall bigint,
    OUT errors_cpu bigint, OUT errors_memory bigint, OUT errors_resource bigint, OUT errors_crash bigint,
    OUT errors_refused bigint, OUT errors_timeout bigint, OUT errors_rule bigint, OUT rows bigint,
    OUT bytes_in bigint, OUT bytes_out bigint, OUT queue_time double precision, OUT run_time double precision,
    OUT sql_time double precision, OUT paused_time double precision, OUT cpu_time double precision,
    OUT run_histogram bigint[], OUT queue_histogram bigint[], OUT run_p50 double precision,
    OUT run_p95 double precision, OUT run_p99 double precision, OUT queue_p50 double precision,
    OUT queue_p95 double precision, OUT queue_p99 double precision, OUT memory_peak bigint, OUT cold_starts bigint,
    OUT stats_reset timestamptz, OUT predicted_run double precision, OUT predicted_memory bigint)
RETURNS SETOF record STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_stat_rows';
COMMENT ON FUNCTION pybox.stat_rows(text) IS 'The rows of pybox.stat_functions, pybox.stat_roles and pybox.stat_pools';

CREATE VIEW pybox.stat_pools AS
SELECT s.name AS pool,
       s.calls, s.errors, s.errors_python, s.errors_cancel, s.errors_wall, s.errors_cpu, s.errors_memory,
       s.errors_resource, s.errors_crash, s.errors_refused, s.errors_timeout, s.errors_rule, s.rows, s.bytes_in,
       s.bytes_out, s.queue_time, s.run_time, s.sql_time, s.paused_time, s.cpu_time, s.run_histogram,
       s.queue_histogram, s.run_p50, s.run_p95, s.run_p99, s.queue_p50, s.queue_p95, s.queue_p99, s.memory_peak,
       s.cold_starts, s.stats_reset
FROM pybox.stat_rows('pools') s;
COMMENT ON VIEW pybox.stat_pools IS 'What calls have used and how they ended, a row for each pool that had any';
COMMENT ON COLUMN pybox.stat_pools.pool IS 'Name of the pool';

CREATE VIEW pybox.stat_functions AS
SELECT pybox.database_name(s.database) AS database, coalesce(pybox.function_name(s.database, s.oid), 'DO') AS function,
       s.oid AS function_oid,
       s.calls, s.errors, s.errors_python, s.errors_cancel, s.errors_wall, s.errors_cpu, s.errors_memory,
       s.errors_resource, s.errors_crash, s.errors_refused, s.errors_timeout, s.errors_rule, s.rows, s.bytes_in,
       s.bytes_out, s.queue_time, s.run_time, s.sql_time, s.paused_time, s.cpu_time, s.run_histogram,
       s.queue_histogram, s.run_p50, s.run_p95, s.run_p99, s.queue_p50, s.queue_p95, s.queue_p99, s.memory_peak,
       s.cold_starts, s.stats_reset,
       s.predicted_run, s.predicted_memory
FROM pybox.stat_rows('functions') s;
COMMENT ON VIEW pybox.stat_functions IS 'What calls have used and how they ended, a row for each function that had any: those one owns, or all for pg_monitor';
COMMENT ON COLUMN pybox.stat_functions.database IS 'Database of the function; null when it is gone';
COMMENT ON COLUMN pybox.stat_functions.function IS 'Function with its argument types (its oid when of another database, or gone), or DO for the blocks of a database';
COMMENT ON COLUMN pybox.stat_functions.function_oid IS 'Its oid in that database; 0 for DO';
COMMENT ON COLUMN pybox.stat_functions.predicted_run IS 'Run time that the queue expects of the next call, in ms; null: fewer than 4 calls, or too different ones';
COMMENT ON COLUMN pybox.stat_functions.predicted_memory IS 'Bytes that the queue reserves for the next call where there is a budget of memory: what 95 of 100 calls stayed within and an eighth; null: measured fewer than 4 times';

CREATE VIEW pybox.stat_roles AS
SELECT pybox.role_name(s.oid) AS role,
       s.calls, s.errors, s.errors_python, s.errors_cancel, s.errors_wall, s.errors_cpu, s.errors_memory,
       s.errors_resource, s.errors_crash, s.errors_refused, s.errors_timeout, s.errors_rule, s.rows, s.bytes_in,
       s.bytes_out, s.queue_time, s.run_time, s.sql_time, s.paused_time, s.cpu_time, s.run_histogram,
       s.queue_histogram, s.run_p50, s.run_p95, s.run_p99, s.queue_p50, s.queue_p95, s.queue_p99, s.memory_peak,
       s.cold_starts, s.stats_reset
FROM pybox.stat_rows('roles') s;
COMMENT ON VIEW pybox.stat_roles IS 'What calls have used and how they ended, a row for each role that functions ran as: oneself, or all for pg_monitor';
COMMENT ON COLUMN pybox.stat_roles.role IS 'Role; null when it is gone';

-- The three have these in common.
DO $comments$
DECLARE
    item record;
BEGIN
    FOR item IN SELECT v.view, c.name, c.text FROM (VALUES ('stat_pools'), ('stat_functions'), ('stat_roles')) v(view), (VALUES
        ('calls', 'Calls that ended, however; a set counts as one'),
        ('errors', 'Calls that ended by an error, whoever caught it'),
        ('errors_python', '... by an exception of the function itself'),
        ('errors_cancel', '... by pybox.cancel(), pybox.kill(), a cancel request, a statement timeout or the end of the session'),
        ('errors_wall', '... by limits.wall'),
        ('errors_cpu', '... by limits.cpu_time'),
        ('errors_memory', '... by limits.memory'),
        ('errors_resource', '... by limits.pids, tmp, output or log'),
        ('errors_crash', '... because the interpreter died or broke the protocol'),
        ('errors_refused', '... before they started: full queue, filter, drained pool, quarantine, no interpreter to be had'),
        ('errors_timeout', '... by queue.timeout'),
        ('errors_rule', '... by a rule'),
        ('rows', 'Rows returned: of sets as many as were read, else one'),
        ('bytes_in', 'Bytes sent to interpreters: arguments, results of SQL'),
        ('bytes_out', 'Bytes received from interpreters: results, SQL, messages'),
        ('queue_time', 'Time spent waiting for a slot, in ms'),
        ('run_time', 'Time with a slot, in ms'),
        ('sql_time', 'Time in SQL for the functions, in ms'),
        ('paused_time', 'Time stopped for other calls or by pybox.pause(), in ms'),
        ('cpu_time', 'CPU time of interpreters, in ms; what ran for less than 10 ms counts as having used all of that'),
        ('run_histogram', 'Calls by the time they had a slot; pybox.histogram_bounds() has the least time of each bucket'),
        ('queue_histogram', 'Calls that had a slot by the time they waited for one'),
        ('run_p50', 'Half of the calls ran no longer, in ms, within a factor of two'),
        ('run_p95', '95 of 100 calls ran no longer, in ms'),
        ('run_p99', '99 of 100 calls ran no longer, in ms'),
        ('queue_p50', 'Half of the calls waited no longer for a slot, in ms'),
        ('queue_p95', '95 of 100 calls waited no longer, in ms'),
        ('queue_p99', '99 of 100 calls waited no longer, in ms'),
        ('memory_peak', 'Most bytes that an interpreter was seen to hold for one of these calls; null: never measured'),
        ('cold_starts', 'Calls that waited for an interpreter to be made'),
        ('stats_reset', 'Since when is counted')) c(name, text)
    LOOP
        EXECUTE format('COMMENT ON COLUMN pybox.%I.%I IS %L', item.view, item.name, item.text);
    END LOOP;
END
$comments$;

CREATE FUNCTION pybox.histogram_bounds() RETURNS bigint[] STRICT IMMUTABLE PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_histogram_bounds';
COMMENT ON FUNCTION pybox.histogram_bounds() IS 'The least time, in microseconds, of each bucket of run_histogram and queue_histogram in pybox.stat_*';

CREATE FUNCTION pybox.stat_tables_rows(
    OUT kind text, OUT entries integer, OUT entries_max integer, OUT evicted bigint, OUT stats_reset timestamptz)
RETURNS SETOF record STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_stat_tables';
COMMENT ON FUNCTION pybox.stat_tables_rows() IS 'The rows of pybox.stat_tables';
CREATE VIEW pybox.stat_tables AS SELECT * FROM pybox.stat_tables_rows();
COMMENT ON VIEW pybox.stat_tables IS 'How full the tables of pybox.stat_* are';
COMMENT ON COLUMN pybox.stat_tables.kind IS 'functions, roles or pools';
COMMENT ON COLUMN pybox.stat_tables.entries IS 'How many are counted';
COMMENT ON COLUMN pybox.stat_tables.entries_max IS 'How many can be; of functions pybox.stat_functions_max';
COMMENT ON COLUMN pybox.stat_tables.evicted IS 'How many were forgotten because more were called: those whose calls were longest ago';
COMMENT ON COLUMN pybox.stat_tables.stats_reset IS 'When the table was last empty';

CREATE FUNCTION pybox.stat_reset() RETURNS void STRICT VOLATILE PARALLEL RESTRICTED
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_stat_reset';
COMMENT ON FUNCTION pybox.stat_reset() IS 'Empties pybox.stat_functions, pybox.stat_roles and pybox.stat_pools; what the queue predicts from goes with them. Superusers, or who is granted';
CREATE FUNCTION pybox.stat_reset_function(function regprocedure) RETURNS boolean STRICT VOLATILE PARALLEL RESTRICTED
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_stat_reset_function';
COMMENT ON FUNCTION pybox.stat_reset_function(regprocedure) IS 'Counts one function from nothing again; false when it was not counted. What the queue predicts of it goes too. Superusers, or who is granted';
CREATE FUNCTION pybox.stat_reset_role(role regrole) RETURNS boolean STRICT VOLATILE PARALLEL RESTRICTED
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_stat_reset_role';
COMMENT ON FUNCTION pybox.stat_reset_role(regrole) IS 'Counts one role from nothing again; false when it was not counted. Superusers, or who is granted';
CREATE FUNCTION pybox.stat_reset_pool(pool text) RETURNS boolean STRICT VOLATILE PARALLEL RESTRICTED
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_stat_reset_pool';
COMMENT ON FUNCTION pybox.stat_reset_pool(text) IS 'Counts one pool from nothing again; false when it was not counted. Superusers, or who is granted';
REVOKE ALL ON FUNCTION pybox.stat_reset(), pybox.stat_reset_function(regprocedure), pybox.stat_reset_role(regrole),
    pybox.stat_reset_pool(text) FROM PUBLIC;
GRANT SELECT ON pybox.stat_pools, pybox.stat_functions, pybox.stat_roles, pybox.stat_tables TO PUBLIC;

-- The views stay, for the sake of what was built on them; only what they read from is made anew.
CREATE FUNCTION pybox.activity_rows_1_2(
    OUT call_id bigint, OUT pid integer, OUT leader_pid integer, OUT node text, OUT role oid, OUT database oid,
    OUT function oid, OUT pool text, OUT priority integer, OUT state text, OUT queue_position integer,
    OUT queued_at timestamptz, OUT started_at timestamptz, OUT elapsed interval, OUT cpu interval, OUT memory bigint,
    OUT memory_peak bigint, OUT interpreter_pid integer, OUT trusted boolean, OUT language text,
    OUT waiting_for text, OUT predicted interval, OUT attained interval, OUT rows bigint)
RETURNS SETOF record STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_activity';
COMMENT ON FUNCTION pybox.activity_rows_1_2() IS 'The rows of pybox.activity with oids for role, database and function';

CREATE OR REPLACE VIEW pybox.activity AS
SELECT a.call_id, a.pid, a.leader_pid, a.node, pybox.role_name(a.role) AS role, pybox.database_name(a.database) AS database,
       coalesce(pybox.function_name(a.database, a.function), 'DO') AS function,
       a.language,
       a.pool, a.priority, a.state, a.queue_position, a.queued_at, a.started_at, a.elapsed, a.cpu, a.memory,
       a.memory_peak, a.interpreter_pid, a.waiting_for, a.predicted, a.attained, a.rows
FROM pybox.activity_rows_1_2() a;
COMMENT ON COLUMN pybox.activity.state IS 'queued (waits for a slot), starting (for an interpreter), running, paused (stopped for others or by pybox.pause()), or sql (the backend runs SQL for it, without a slot)';
COMMENT ON COLUMN pybox.activity.waiting_for IS 'What it lacks while it is queued or paused, as in pybox.queue';
COMMENT ON COLUMN pybox.activity.predicted IS 'Run time that the queue expects of the whole call; null: not known, or in SQL';
COMMENT ON COLUMN pybox.activity.attained IS 'Run time that it has had; null: none, or in SQL';
COMMENT ON COLUMN pybox.activity.rows IS 'Rows that a set has returned so far';
DROP FUNCTION pybox.activity_rows();
ALTER FUNCTION pybox.activity_rows_1_2() RENAME TO activity_rows;

CREATE FUNCTION pybox.queue_rows(
    OUT "position" integer, OUT call_id bigint, OUT pid integer, OUT role oid, OUT database oid, OUT function oid,
    OUT pool text, OUT priority integer, OUT state text, OUT waiting_for text, OUT waited interval,
    OUT estimate interval, OUT predicted interval, OUT memory bigint, OUT blocks integer[])
RETURNS SETOF record STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_queue';
COMMENT ON FUNCTION pybox.queue_rows() IS 'The rows of pybox.queue with oids for role, database and function';

CREATE VIEW pybox.queue AS
SELECT q.position, q.call_id, q.pid, pybox.role_name(q.role) AS role, pybox.database_name(q.database) AS database,
       coalesce(pybox.function_name(q.database, q.function), 'DO') AS function,
       q.pool, q.priority, q.state, q.waiting_for, q.waited, q.estimate, q.predicted, q.memory, q.blocks
FROM pybox.queue_rows() q;
COMMENT ON VIEW pybox.queue IS 'One row for each Python call that waits for a slot or is paused: one''s own, or all for pg_monitor';
COMMENT ON COLUMN pybox.queue.position IS 'Place in the pool''s queue, 1 is next; null: does not stand in it';
COMMENT ON COLUMN pybox.queue.call_id IS 'As in pybox.activity';
COMMENT ON COLUMN pybox.queue.pid IS 'Backend, as in pg_stat_activity';
COMMENT ON COLUMN pybox.queue.role IS 'Role the function runs as';
COMMENT ON COLUMN pybox.queue.database IS 'Database of the session';
COMMENT ON COLUMN pybox.queue.function IS 'Function with its argument types (its oid when of another database), or DO';
COMMENT ON COLUMN pybox.queue.pool IS 'Pool it began in';
COMMENT ON COLUMN pybox.queue.priority IS 'By which it waits: its pool''s, one it was given, or one lent by a call that waits for its locks';
COMMENT ON COLUMN pybox.queue.state IS 'queued; paused; or running, at the lowest weight and without a slot, where on_contention is share';
COMMENT ON COLUMN pybox.queue.waiting_for IS 'What it lacks: slot of the node, slot of the pool, cap line N (of the policy), memory of the node, memory of the pool, its turn (there is room, others go first), pybox.resume()';
COMMENT ON COLUMN pybox.queue.waited IS 'Since when it waits for its first slot, or for the next one';
COMMENT ON COLUMN pybox.queue.estimate IS 'How long it may still wait, if calls take as long as predicted; null: not known';
COMMENT ON COLUMN pybox.queue.predicted IS 'Run time that the queue expects of the whole call; null: not known';
COMMENT ON COLUMN pybox.queue.memory IS 'Bytes that it wants to reserve or has reserved; null: none';
COMMENT ON COLUMN pybox.queue.blocks IS 'Backends that wait for locks that its transaction holds, or waits for before them';

CREATE FUNCTION pybox.interpreters_rows(
    OUT node text, OUT pool text, OUT language text, OUT pid integer, OUT backend_pid integer, OUT role oid, OUT state text,
    OUT age interval, OUT idle interval, OUT calls bigint, OUT cpu interval, OUT memory bigint, OUT memory_peak bigint)
RETURNS SETOF record STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_interpreters';
COMMENT ON FUNCTION pybox.interpreters_rows() IS 'The rows of pybox.interpreters with the oid of the role';

CREATE VIEW pybox.interpreters AS
SELECT i.node, i.pool, i.language, i.pid, i.backend_pid, pybox.role_name(i.role) AS role, i.state, i.age, i.idle, i.calls, i.cpu,
       i.memory, i.memory_peak
FROM pybox.interpreters_rows() i;
COMMENT ON VIEW pybox.interpreters IS 'One row for each process that can run Python: one''s own and spares, or all for pg_monitor; none while the launcher does not answer';
COMMENT ON COLUMN pybox.interpreters.node IS 'node.name of the policy';
COMMENT ON COLUMN pybox.interpreters.pool IS 'Pool it was made for';
COMMENT ON COLUMN pybox.interpreters.language IS 'pybox or pyboxu';
COMMENT ON COLUMN pybox.interpreters.pid IS 'Process, as the server''s machine numbers it';
COMMENT ON COLUMN pybox.interpreters.backend_pid IS 'Backend whose session has it, as in pg_stat_activity; null: a spare';
COMMENT ON COLUMN pybox.interpreters.role IS 'Role it serves; null: a spare';
COMMENT ON COLUMN pybox.interpreters.state IS 'spare, idle (no call, or one in SQL or in the queue), running, paused (with its call), stopped (something in it ran on without a call)';
COMMENT ON COLUMN pybox.interpreters.age IS 'Time since it was made';
COMMENT ON COLUMN pybox.interpreters.idle IS 'Time since its last call; null while it runs, and of spares';
COMMENT ON COLUMN pybox.interpreters.calls IS 'Calls that it has served';
COMMENT ON COLUMN pybox.interpreters.cpu IS 'CPU time it has used; null without cgroups';
COMMENT ON COLUMN pybox.interpreters.memory IS 'Bytes it holds, as of a moment ago; null without cgroups';
COMMENT ON COLUMN pybox.interpreters.memory_peak IS 'Most bytes it ever held; null without cgroups';

CREATE FUNCTION pybox.pools_rows_1_2(
    OUT node text, OUT pool text, OUT priority integer, OUT weight integer, OUT slots integer, OUT running integer,
    OUT waiting integer, OUT queue_length integer, OUT oldest_wait interval, OUT memory_limit bigint, OUT spares integer,
    OUT trusted_zygote text, OUT trusted_zygote_pid integer, OUT trusted_zygote_reason text,
    OUT untrusted_zygote text, OUT untrusted_zygote_pid integer, OUT untrusted_zygote_reason text,
    OUT on_contention text, OUT paused integer, OUT drained boolean, OUT memory_budget bigint,
    OUT memory_reserved bigint, OUT memory_used bigint, OUT ageing interval)
RETURNS SETOF record STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_pools';
COMMENT ON FUNCTION pybox.pools_rows_1_2() IS 'The rows of pybox.pools';
CREATE OR REPLACE VIEW pybox.pools AS SELECT * FROM pybox.pools_rows_1_2();
COMMENT ON COLUMN pybox.pools.on_contention IS 'What its calls do while better ones wait: pause, yield or share';
COMMENT ON COLUMN pybox.pools.paused IS 'Calls that began in it and are stopped, for others or by pybox.pause()';
COMMENT ON COLUMN pybox.pools.drained IS 'Whether pybox.drain() has closed it';
COMMENT ON COLUMN pybox.pools.memory_budget IS 'Bytes that its calls may reserve together; null: only as the node''s budget bounds it';
COMMENT ON COLUMN pybox.pools.memory_reserved IS 'Bytes that its calls have reserved';
COMMENT ON COLUMN pybox.pools.memory_used IS 'Bytes that its interpreters hold, spares included; null while the launcher does not answer';
COMMENT ON COLUMN pybox.pools.ageing IS 'After how long its longest waiter goes out of turn; null: never';
DROP FUNCTION pybox.pools_rows();
ALTER FUNCTION pybox.pools_rows_1_2() RENAME TO pools_rows;

CREATE FUNCTION pybox.node_rows(
    OUT node text, OUT slots integer, OUT running integer, OUT waiting integer, OUT paused integer,
    OUT memory_budget bigint, OUT memory_reserved bigint, OUT memory_used bigint, OUT quantum interval,
    OUT generation bigint, OUT hash text, OUT loaded_at timestamptz)
RETURNS SETOF record STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_node';
COMMENT ON FUNCTION pybox.node_rows() IS 'The row of pybox.node';
CREATE VIEW pybox.node AS SELECT * FROM pybox.node_rows();
COMMENT ON VIEW pybox.node IS 'One row: what this node has, and what all pools together use of it';
COMMENT ON COLUMN pybox.node.node IS 'node.name of the policy';
COMMENT ON COLUMN pybox.node.slots IS 'Calls that may run Python at once';
COMMENT ON COLUMN pybox.node.running IS 'Calls that hold a slot now';
COMMENT ON COLUMN pybox.node.waiting IS 'Calls that wait for a slot now, those that have given way included';
COMMENT ON COLUMN pybox.node.paused IS 'Calls that are stopped, for others or by pybox.pause()';
COMMENT ON COLUMN pybox.node.memory_budget IS 'Bytes that all calls may reserve together; null: any';
COMMENT ON COLUMN pybox.node.memory_reserved IS 'Bytes that calls have reserved';
COMMENT ON COLUMN pybox.node.memory_used IS 'Bytes that all interpreters hold, spares included; null while the launcher does not answer';
COMMENT ON COLUMN pybox.node.quantum IS 'For how long a call has its slot before another of its priority gets it; one of its pool that history says is far shorter may sooner';
COMMENT ON COLUMN pybox.node.generation IS 'Grows with each policy loaded since the server started';
COMMENT ON COLUMN pybox.node.hash IS 'As pybox.policy.hash';
COMMENT ON COLUMN pybox.node.loaded_at IS 'When the policy was loaded';

GRANT SELECT ON pybox.queue, pybox.interpreters, pybox.node TO PUBLIC;
