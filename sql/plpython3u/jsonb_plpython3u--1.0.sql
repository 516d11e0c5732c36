/* jsonb_plpython3u 1.0 of pybox, in place of PL/Python's own: see sql/README.md. */

\echo Use "CREATE EXTENSION jsonb_plpython3u" to load this file. \quit

CREATE FUNCTION jsonb_to_plpython3(val internal) RETURNS internal STRICT IMMUTABLE
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_jsonb_from_sql';
CREATE FUNCTION plpython3_to_jsonb(val internal) RETURNS jsonb STRICT IMMUTABLE
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_jsonb_to_sql';

CREATE TRANSFORM FOR jsonb LANGUAGE plpython3u (
    FROM SQL WITH FUNCTION jsonb_to_plpython3(internal),
    TO SQL WITH FUNCTION plpython3_to_jsonb(internal)
);

COMMENT ON TRANSFORM FOR jsonb LANGUAGE plpython3u IS 'transform between jsonb and Python';
