-- Names for the oids of rows: views that join to the catalogs cost several times as much to plan as to run.
CREATE FUNCTION pybox.role_name(role oid) RETURNS name STRICT STABLE PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_role_name';
COMMENT ON FUNCTION pybox.role_name(oid) IS 'Name of a role; null when it is gone';
CREATE FUNCTION pybox.database_name(database oid) RETURNS name STRICT STABLE PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_database_name';
COMMENT ON FUNCTION pybox.database_name(oid) IS 'Name of a database; null when it is gone';
CREATE FUNCTION pybox.function_name(database oid, function oid) RETURNS text STRICT STABLE PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_function_name';
COMMENT ON FUNCTION pybox.function_name(oid, oid) IS 'Function with its argument types; its oid when of another database, or gone; null: none';
