-- Live control: see handler/admin_control.c and handler/admin_gate.c.
CREATE FUNCTION pybox.set_priority(call_id bigint, priority integer) RETURNS boolean STRICT VOLATILE PARALLEL RESTRICTED
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_set_priority';
COMMENT ON FUNCTION pybox.set_priority(bigint, integer) IS 'Gives a call a priority of its own, 0 to 100, for the rest of it, at once: queued, running or paused. False, with a warning, when it is over. Its owner may lower it, superusers and members of pg_signal_backend may raise it too; a superuser''s call is for superusers';

CREATE FUNCTION pybox.move(call_id bigint, pool text) RETURNS boolean STRICT VOLATILE PARALLEL RESTRICTED
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_move';
COMMENT ON FUNCTION pybox.move(bigint, text) IS 'Has a call wait and run in another pool for the rest of it: priority, weight, slots and memory budget of that pool, limits and interpreter of the one it began in. False, with a warning, when it is over. For superusers and members of pg_signal_backend; a superuser''s call is for superusers';

CREATE FUNCTION pybox.pause(call_id bigint) RETURNS boolean STRICT VOLATILE PARALLEL RESTRICTED
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_pause';
COMMENT ON FUNCTION pybox.pause(bigint) IS 'Stops a call where it is, without a slot, until pybox.resume(); one in SQL stops when that is done. It keeps its transaction and locks, can be cancelled and killed, and the time does not count for limits.wall. False, with a warning, when it is over. Rights as pybox.cancel()';

CREATE FUNCTION pybox.resume(call_id bigint) RETURNS boolean STRICT VOLATILE PARALLEL RESTRICTED
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_resume';
COMMENT ON FUNCTION pybox.resume(bigint) IS 'Lets a call that pybox.pause() or a rule has stopped go on: it waits for a slot again. False, with a warning, when it is over or was not paused. For the role that paused it, and for superusers and members of pg_signal_backend; a superuser''s call is for superusers';

CREATE FUNCTION pybox.cancel_where(pool text DEFAULT NULL, role name DEFAULT NULL, function regprocedure DEFAULT NULL, older_than interval DEFAULT NULL)
RETURNS integer VOLATILE PARALLEL RESTRICTED
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_cancel_where';
COMMENT ON FUNCTION pybox.cancel_where(text, name, regprocedure, interval) IS 'pybox.cancel() for all calls that match all that is given, of every database, but the session''s own; returns how many. older_than is time since they came, with queueing. Calls that are not one''s own to cancel are left alone, with a warning. One filter at least: older_than => ''0'' means all';

CREATE FUNCTION pybox.kill_where(pool text DEFAULT NULL, role name DEFAULT NULL, function regprocedure DEFAULT NULL, older_than interval DEFAULT NULL)
RETURNS integer VOLATILE PARALLEL RESTRICTED
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_kill_where';
COMMENT ON FUNCTION pybox.kill_where(text, name, regprocedure, interval) IS 'pybox.kill() for all calls that match, as pybox.cancel_where()';

CREATE FUNCTION pybox.drain(pool text) RETURNS boolean STRICT VOLATILE PARALLEL RESTRICTED
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_drain';
COMMENT ON FUNCTION pybox.drain(text) IS 'Lets no call of the pool start any more: new ones and those that wait for their first slot are refused with 53400, those that have begun end as ever, with what they call. Until pybox.undrain() or a restart, whatever is reloaded. False when it was drained. For superusers and members of pg_signal_backend';

CREATE FUNCTION pybox.undrain(pool text) RETURNS boolean STRICT VOLATILE PARALLEL RESTRICTED
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_undrain';
COMMENT ON FUNCTION pybox.undrain(text) IS 'Lets calls of a drained pool start again. False when it was not drained. Rights as pybox.drain()';

CREATE FUNCTION pybox.quarantine(function regprocedure, duration interval DEFAULT '1 hour') RETURNS boolean STRICT VOLATILE PARALLEL RESTRICTED
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_quarantine';
COMMENT ON FUNCTION pybox.quarantine(regprocedure, interval) IS 'Refuses the function with 53400, whatever its body becomes: new calls and those that wait for their first slot, for one second to 366 days, or until pybox.release() or a restart. Calls that run go on. For superusers and members of pg_signal_backend';

CREATE FUNCTION pybox.release(function regprocedure) RETURNS boolean STRICT VOLATILE PARALLEL RESTRICTED
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_release';
COMMENT ON FUNCTION pybox.release(regprocedure) IS 'Ends a quarantine, a rule''s too. False when there was none. Rights as pybox.quarantine()';

CREATE FUNCTION pybox.drained_rows(OUT pool text, OUT role oid, OUT since timestamptz)
RETURNS SETOF record STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_drained';
COMMENT ON FUNCTION pybox.drained_rows() IS 'The rows of pybox.drained with the oid of the role';

CREATE VIEW pybox.drained AS
SELECT g.pool, pybox.role_name(g.role) AS role, g.since
FROM pybox.drained_rows() g;
COMMENT ON VIEW pybox.drained IS 'One row for each pool that pybox.drain() has closed';
COMMENT ON COLUMN pybox.drained.pool IS 'Name of the pool; the policy may have lost it since';
COMMENT ON COLUMN pybox.drained.role IS 'Who did it';
COMMENT ON COLUMN pybox.drained.since IS 'When';

CREATE FUNCTION pybox.quarantine_rows(
    OUT database oid, OUT function oid, OUT body text, OUT since timestamptz, OUT until timestamptz, OUT reason text)
RETURNS SETOF record STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_quarantines';
COMMENT ON FUNCTION pybox.quarantine_rows() IS 'The rows of pybox.quarantines with oids for database and function';

CREATE VIEW pybox.quarantines AS
SELECT pybox.database_name(q.database) AS database, pybox.function_name(q.database, q.function) AS function,
       q.function AS function_oid, q.body, q.since, q.until, q.reason
FROM pybox.quarantine_rows() q;
COMMENT ON VIEW pybox.quarantines IS 'One row for each function under quarantine, by pybox.quarantine() or a rule';
COMMENT ON COLUMN pybox.quarantines.database IS 'Database of the function';
COMMENT ON COLUMN pybox.quarantines.function IS 'Function with its argument types (its oid when of another database)';
COMMENT ON COLUMN pybox.quarantines.function_oid IS 'Its oid, for pybox.release(oid) in its database';
COMMENT ON COLUMN pybox.quarantines.body IS 'Hash of the body that misbehaved: another body is free; null: whatever the body';
COMMENT ON COLUMN pybox.quarantines.since IS 'When it began';
COMMENT ON COLUMN pybox.quarantines.until IS 'When it ends';
COMMENT ON COLUMN pybox.quarantines.reason IS 'The rule, or the role that did it';

CREATE FUNCTION pybox.check_queue() RETURNS text VOLATILE PARALLEL RESTRICTED
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_check_queue';
COMMENT ON FUNCTION pybox.check_queue() IS 'What in the counts of slots, waiters and memory does not add up; null: nothing. True only while no call starts or ends. For superusers, or who is granted it';
REVOKE ALL ON FUNCTION pybox.check_queue() FROM PUBLIC;

GRANT SELECT ON pybox.drained, pybox.quarantines TO PUBLIC;
