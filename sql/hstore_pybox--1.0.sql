/* hstore_pybox 1.0: hstore as a Python dict. */

\echo Use "CREATE EXTENSION hstore_pybox" to load this file. \quit

CREATE FUNCTION hstore_to_pybox(internal) RETURNS internal STRICT IMMUTABLE
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_hstore_from_sql';
CREATE FUNCTION pybox_to_hstore(internal) RETURNS hstore STRICT IMMUTABLE
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_hstore_to_sql';

CREATE TRANSFORM FOR hstore LANGUAGE pybox (
    FROM SQL WITH FUNCTION hstore_to_pybox(internal),
    TO SQL WITH FUNCTION pybox_to_hstore(internal)
);
CREATE TRANSFORM FOR hstore LANGUAGE pyboxu (
    FROM SQL WITH FUNCTION hstore_to_pybox(internal),
    TO SQL WITH FUNCTION pybox_to_hstore(internal)
);

COMMENT ON TRANSFORM FOR hstore LANGUAGE pybox IS 'hstore as a Python dict';
COMMENT ON TRANSFORM FOR hstore LANGUAGE pyboxu IS 'hstore as a Python dict';
