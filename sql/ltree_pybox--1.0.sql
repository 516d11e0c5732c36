/* ltree_pybox 1.0: ltree as a Python list. */

\echo Use "CREATE EXTENSION ltree_pybox" to load this file. \quit

CREATE FUNCTION ltree_to_pybox(internal) RETURNS internal STRICT IMMUTABLE
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_ltree_from_sql';

CREATE TRANSFORM FOR ltree LANGUAGE pybox (
    FROM SQL WITH FUNCTION ltree_to_pybox(internal)
);
CREATE TRANSFORM FOR ltree LANGUAGE pyboxu (
    FROM SQL WITH FUNCTION ltree_to_pybox(internal)
);

COMMENT ON TRANSFORM FOR ltree LANGUAGE pybox IS 'ltree as a Python list, from SQL only';
COMMENT ON TRANSFORM FOR ltree LANGUAGE pyboxu IS 'ltree as a Python list, from SQL only';
