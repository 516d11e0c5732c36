/* hstore_plpython3u 1.0 of pybox, in place of PL/Python's own: see sql/README.md. */

\echo Use "CREATE EXTENSION hstore_plpython3u" to load this file. \quit

CREATE FUNCTION hstore_to_plpython3(val internal) RETURNS internal STRICT IMMUTABLE
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_hstore_from_sql';
CREATE FUNCTION plpython3_to_hstore(val internal) RETURNS hstore STRICT IMMUTABLE
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_hstore_to_sql';

CREATE TRANSFORM FOR hstore LANGUAGE plpython3u (
    FROM SQL WITH FUNCTION hstore_to_plpython3(internal),
    TO SQL WITH FUNCTION plpython3_to_hstore(internal)
);

COMMENT ON TRANSFORM FOR hstore LANGUAGE plpython3u IS 'transform between hstore and Python';
