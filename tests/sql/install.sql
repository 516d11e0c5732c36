-- The extension, its two languages, and what its objects say of themselves.
CREATE EXTENSION pybox;
SELECT extname, extversion, extrelocatable, extnamespace::regnamespace FROM pg_extension WHERE extname = 'pybox';

SELECT lanname, lanpltrusted, lanplcallfoid::regproc, laninline::regproc, lanvalidator::regproc
FROM pg_language WHERE lanname LIKE 'pybox%' ORDER BY lanname;

-- Everything that belongs to it
CREATE VIEW members AS
SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS object, c.relname AS catalog
FROM pg_depend d JOIN pg_class c ON c.oid = d.classid
WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
    AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pybox');
SELECT object FROM members ORDER BY object COLLATE "C";

-- Objects and columns without a comment: none
SELECT object FROM members WHERE obj_description(objid, catalog) IS NULL;
SELECT attrelid::regclass, attname FROM pg_attribute
WHERE attrelid IN (SELECT objid FROM members WHERE object LIKE 'view %') AND attnum > 0
    AND col_description(attrelid, attnum) IS NULL;

-- What everybody may do, and what not
CREATE ROLE regress_install;
SELECT relname, has_table_privilege('regress_install', oid, 'select') FROM pg_class
WHERE relnamespace = 'pybox'::regnamespace AND relkind = 'v' ORDER BY relname;
SELECT oid::regprocedure, has_function_privilege('regress_install', oid, 'execute') FROM pg_proc
WHERE pronamespace = 'pybox'::regnamespace ORDER BY proname;
GRANT pg_monitor TO regress_install;
SELECT has_table_privilege('regress_install', 'pybox.policy', 'select') AS policy,
    has_function_privilege('regress_install', 'pybox.policy_rows()', 'execute') AS policy_rows;
DROP ROLE regress_install;

-- Both languages work
DO LANGUAGE pybox $$ plpy.info("in a box") $$;
DO LANGUAGE pyboxu $$ plpy.info("in the open") $$;

-- Settings
SELECT name, boot_val, unit, context, min_val, max_val FROM pg_settings WHERE name LIKE 'pybox.%' ORDER BY name;
SET pybox.patience = 1;

-- It goes only with what depends on it, and can come again
CREATE FUNCTION dependent() RETURNS int LANGUAGE pybox AS 'return 1';
DROP EXTENSION pybox;
DROP EXTENSION pybox CASCADE;
SELECT count(*) FROM pg_namespace WHERE nspname = 'pybox';
CREATE EXTENSION pybox;
DO LANGUAGE pybox $$ plpy.info("in a box again") $$;
SELECT 'dependent'::regproc;
DROP VIEW members;
