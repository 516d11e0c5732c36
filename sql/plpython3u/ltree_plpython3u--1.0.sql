/* ltree_plpython3u 1.0 of pybox, in place of PL/Python's own: see sql/README.md. */

\echo Use "CREATE EXTENSION ltree_plpython3u" to load this file. \quit

CREATE FUNCTION ltree_to_plpython3(val internal) RETURNS internal STRICT IMMUTABLE
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_ltree_from_sql';

CREATE TRANSFORM FOR ltree LANGUAGE plpython3u (
    FROM SQL WITH FUNCTION ltree_to_plpython3(internal)
);

COMMENT ON TRANSFORM FOR ltree LANGUAGE plpython3u IS 'transform between ltree and Python';
