-- The life of a policy: what is in force, from which line, and what a file would change. See handler/admin_settings.c.
CREATE FUNCTION pybox.policy_rows_1_2(
    OUT node text, OUT generation bigint, OUT source text, OUT loaded_at timestamptz, OUT yaml text, OUT hash text)
RETURNS SETOF record STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_policy';
COMMENT ON FUNCTION pybox.policy_rows_1_2() IS 'The row of pybox.policy';

CREATE OR REPLACE VIEW pybox.policy AS SELECT * FROM pybox.policy_rows_1_2();
DROP FUNCTION pybox.policy_rows();
ALTER FUNCTION pybox.policy_rows_1_2() RENAME TO policy_rows;
REVOKE ALL ON FUNCTION pybox.policy_rows() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pybox.policy_rows() TO pg_monitor;
COMMENT ON COLUMN pybox.policy.hash IS 'The first 12 digits of the SHA-256 sum of its text, as sha256sum and pybox-policy check have it';

CREATE FUNCTION pybox.policy_settings_rows(OUT path text, OUT value text, OUT line integer)
RETURNS SETOF record STRICT VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_policy_settings';
COMMENT ON FUNCTION pybox.policy_settings_rows() IS 'The rows of pybox.policy_settings';
REVOKE ALL ON FUNCTION pybox.policy_settings_rows() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pybox.policy_settings_rows() TO pg_monitor;

CREATE VIEW pybox.policy_settings AS SELECT * FROM pybox.policy_settings_rows();
COMMENT ON VIEW pybox.policy_settings IS 'What is in force by the policy, a row for each key, with every default';
COMMENT ON COLUMN pybox.policy_settings.path IS 'Key with what it is of: pools.NAME.slots, rules.NAME.when, assign[role: NAME].pool';
COMMENT ON COLUMN pybox.policy_settings.value IS 'As in the file';
COMMENT ON COLUMN pybox.policy_settings.line IS 'Line of the file that says so; null: a default';
GRANT SELECT ON pybox.policy_settings TO pg_monitor;

CREATE FUNCTION pybox.diff_policy(yaml text DEFAULT NULL, OUT path text, OUT old text, OUT new text, OUT effect text)
RETURNS SETOF record VOLATILE PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_diff_policy';
REVOKE ALL ON FUNCTION pybox.diff_policy(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pybox.diff_policy(text) TO pg_monitor;
COMMENT ON FUNCTION pybox.diff_policy(text) IS 'What pybox.reload_policy() would change now, or this text in its place: a row for each setting, and for each pool or entry that is new (old is null) or gone (new is null), with what that does to the calls there are. Changes nothing; F0000 with line and column if the policy is wrong. Superusers, members of pg_monitor, or who is granted';

COMMENT ON FUNCTION pybox.reload_policy() IS 'Reads pybox.policy_file and puts it in force, all or nothing; F0000 with file:line:column if it is wrong, and the old policy stays. Running calls keep their limits, queued ones are judged anew, no call ends for it; pybox.diff_policy() tells before. A warning for each role, database, and function of this database that it names and that is not there. Recorded in pybox.events. Superusers, or who is granted';
COMMENT ON FUNCTION pybox.check_policy(text) IS 'True if the text is a valid policy, else F0000 with line and column; changes nothing. A warning for each role, database, and function of this database that it names and that is not there. At most 64 KiB';
