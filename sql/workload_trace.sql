-- Traces for pybox-policy simulate.

CREATE FUNCTION pybox.trace_start() RETURNS integer
STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_trace_start';
COMMENT ON FUNCTION pybox.trace_start() IS 'Forgets the trace there is and records each call that ends from now on, of all databases; returns how many there is room for, pybox.trace_calls_max';

CREATE FUNCTION pybox.trace_stop() RETURNS bigint
STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_trace_stop';
COMMENT ON FUNCTION pybox.trace_stop() IS 'Stops recording and returns how many calls were recorded; they are kept until the next pybox.trace_start() or a restart';

CREATE FUNCTION pybox.trace_state(
    OUT recording boolean, OUT since timestamptz, OUT calls bigint, OUT room bigint, OUT missed bigint)
RETURNS SETOF record STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_trace_state';
COMMENT ON FUNCTION pybox.trace_state() IS 'Whether a trace is being recorded, since when, how many calls it has, how many it can have, and how many ended when there was no room any more';

CREATE FUNCTION pybox.trace_rows(
    OUT at_us bigint, OUT database oid, OUT role oid, OUT function oid, OUT pool text, OUT run_us bigint,
    OUT sql_us bigint, OUT queries integer, OUT memory bigint, OUT queue_us bigint, OUT paused_us bigint,
    OUT outcome text)
RETURNS SETOF record STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_trace_rows';
COMMENT ON FUNCTION pybox.trace_rows() IS 'The rows of pybox.record_trace() with oids for database, role and function';

CREATE FUNCTION pybox.record_trace(
    OUT at_us bigint, OUT database text, OUT role text, OUT function text, OUT pool text, OUT run_us bigint,
    OUT sql_us bigint, OUT queries integer, OUT memory bigint, OUT queue_us bigint, OUT paused_us bigint,
    OUT outcome text)
RETURNS SETOF record STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
SELECT t.at_us, d.datname::text, r.rolname::text,
       CASE WHEN d.datname = pg_catalog.current_database()
            THEN coalesce(n.nspname || '.' || p.proname, t.function::text) ELSE t.function::text END,
       t.pool, t.run_us, t.sql_us, t.queries, t.memory, t.queue_us, t.paused_us, t.outcome
FROM pybox.trace_rows() t
LEFT JOIN pg_catalog.pg_database d ON d.oid = t.database
LEFT JOIN pg_catalog.pg_roles r ON r.oid = t.role
LEFT JOIN pg_catalog.pg_proc p ON p.oid = t.function
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
ORDER BY t.at_us
$$;
COMMENT ON FUNCTION pybox.record_trace() IS 'The calls that ended since pybox.trace_start(), in the order in which they came, as pybox-policy simulate reads them: \copy (SELECT * FROM pybox.record_trace()) TO trace.csv CSV HEADER. Functions of other databases by oid';

REVOKE ALL ON FUNCTION pybox.trace_start(), pybox.trace_stop(), pybox.trace_state(), pybox.trace_rows(),
    pybox.record_trace() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pybox.trace_start(), pybox.trace_stop(), pybox.trace_state(), pybox.trace_rows(),
    pybox.record_trace() TO pg_monitor;
