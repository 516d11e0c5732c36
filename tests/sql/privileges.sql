-- What nobody gains: by other handlers, other languages' rows, settings, names in the way, and work that others' rights do.
CREATE SCHEMA privileges;
SET search_path = privileges;
CREATE ROLE regress_pr_ann;
CREATE ROLE regress_pr_own;
GRANT ALL ON SCHEMA privileges TO regress_pr_ann, regress_pr_own;

-- A function that gets another language while a query uses it runs as that language does, whatever the query's handler
CREATE FUNCTION reaches() RETURNS text LANGUAGE pyboxu AS 'return "of the superuser"';
ALTER FUNCTION reaches() OWNER TO regress_pr_ann;
CREATE FUNCTION replaces(language text, body text DEFAULT 'return open("/etc/passwd").readline()') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL check_function_bodies = off;
    EXECUTE format('CREATE OR REPLACE FUNCTION privileges.reaches() RETURNS text LANGUAGE %s AS %L', language, body);
    RETURN 'replaced';
END $$;
SET ROLE regress_pr_ann;
SELECT reaches();
SELECT CASE WHEN g = 2 THEN replaces('pybox') END, reaches() FROM generate_series(1, 3) g;
SELECT CASE WHEN g = 2 THEN replaces('plpgsql') END, reaches() FROM generate_series(1, 3) g;
SELECT CASE WHEN g = 2 THEN replaces('pyboxu') END, reaches() FROM generate_series(1, 3) g;
SELECT CASE WHEN g = 2 THEN replaces('pybox', 'return "of ann, confined"') END, reaches() FROM generate_series(1, 3) g;
SELECT reaches();
SELECT replaces('pybox');
SELECT reaches();
SELECT CASE WHEN g = 2 THEN replaces('plpgsql') END, reaches() FROM generate_series(2, 3) g;
SELECT replaces('pybox');
RESET ROLE;
CREATE OR REPLACE FUNCTION reaches() RETURNS text LANGUAGE pyboxu AS 'return "of the superuser again"';
SELECT reaches();
-- the same of a trigger
CREATE TABLE watched (i int);
ALTER TABLE watched OWNER TO regress_pr_ann;
CREATE FUNCTION watches() RETURNS trigger LANGUAGE pyboxu AS 'return None';
ALTER FUNCTION watches() OWNER TO regress_pr_ann;
CREATE TRIGGER watches BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION watches();
CREATE FUNCTION replaces_trigger() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    CREATE OR REPLACE FUNCTION privileges.watches() RETURNS trigger LANGUAGE pybox AS 'plpy.notice(open("/etc/passwd").readline())';
    RETURN 2;
END $$;
SET ROLE regress_pr_ann;
INSERT INTO watched SELECT CASE WHEN g = 2 THEN replaces_trigger() ELSE g END FROM generate_series(1, 3) g;
RESET ROLE;

-- Languages on our handlers are for superusers, and one that everybody may use gets no handler of pyboxu
CREATE FUNCTION c_handler() RETURNS int LANGUAGE c AS '$libdir/pybox', 'pyboxu_call_handler';
SELECT c_handler();
CREATE TRUSTED LANGUAGE pr_mixed HANDLER pyboxu_call_handler INLINE pyboxu_inline_handler VALIDATOR pyboxu_validator;
CREATE TRUSTED LANGUAGE pr_half HANDLER pybox_call_handler INLINE pyboxu_inline_handler VALIDATOR pyboxu_validator;
CREATE LANGUAGE pr_strict HANDLER pybox_call_handler INLINE pybox_inline_handler VALIDATOR pybox_validator;
SET ROLE regress_pr_ann;
CREATE LANGUAGE pr_own HANDLER pyboxu_call_handler;
CREATE FUNCTION c_own() RETURNS int LANGUAGE c AS '$libdir/pybox', 'pyboxu_call_handler';
CREATE FUNCTION mixed() RETURNS text LANGUAGE pr_mixed AS 'return open("/etc/passwd").readline()';
SET check_function_bodies = off;
CREATE FUNCTION mixed() RETURNS text LANGUAGE pr_mixed AS 'return open("/etc/passwd").readline()';
SELECT mixed();
RESET check_function_bodies;
DO LANGUAGE pr_mixed $$ plpy.notice(open("/etc/passwd").readline()) $$;
CREATE FUNCTION half() RETURNS int LANGUAGE pr_half AS 'return 1';
DO LANGUAGE pr_half $$ plpy.notice(open("/etc/passwd").readline()) $$;
CREATE FUNCTION strict() RETURNS int LANGUAGE pr_strict AS 'return 1';
RESET ROLE;
CREATE FUNCTION strict(path text) RETURNS text LANGUAGE pr_strict AS $$
try:
    return open(path).readline()
except OSError as error:
    return type(error).__name__
$$;
SELECT strict('/etc/passwd');
SELECT pybox_inline_handler(NULL);
SELECT pyboxu_call_handler();
DROP FUNCTION mixed(), half(), strict(text), c_handler();
DROP LANGUAGE pr_mixed;
DROP LANGUAGE pr_half;
DROP LANGUAGE pr_strict;
-- Validators look at nothing that one may not execute or that is not theirs
CREATE FUNCTION closed() RETURNS int LANGUAGE pybox AS 'return 1';
REVOKE ALL ON FUNCTION closed() FROM PUBLIC;
CREATE PROCEDURE validates(validator text, function text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT %s(%L::regprocedure)', validator, function);
    RAISE NOTICE '% of %: valid', validator, function;
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE '% of %: %', validator, function, regexp_replace(SQLERRM, '\d+', 'N', 'g');
END $$;
SET ROLE regress_pr_ann;
CALL validates('pybox_validator', 'privileges.closed()');
CALL validates('pyboxu_validator', 'privileges.closed()');
CALL validates('pybox_validator', 'lower(text)');
CALL validates('pybox_validator', 'pybox_validator(oid)');
CALL validates('pyboxu_validator', 'privileges.reaches()');
CALL validates('pybox_validator', '4294967295');
RESET ROLE;

-- Settings: the server's are nobody else's, whichever way
GRANT CREATE ON DATABASE :DBNAME TO regress_pr_ann;
SET ROLE regress_pr_ann;
SET pybox.spin_us = 1;
SET pybox.cancel_grace_ms = 60000;
SET pybox.policy_file = '/tmp/mine.yaml';
SET pybox.cgroup = '/';
SET pybox.of_mine = 1;
SELECT set_config('pybox.spin_us', '1', true);
SHOW pybox.policy_file;
SHOW pybox.cgroup;
CREATE FUNCTION sets() RETURNS int SET pybox.cancel_grace_ms = 60000 LANGUAGE pybox AS 'return 1';
CREATE FUNCTION sets() RETURNS int LANGUAGE pybox AS 'plpy.execute("SET LOCAL pybox.cancel_grace_ms = 60000")';
ALTER FUNCTION sets() SET pybox.spin_us = 1;
SELECT sets();
ALTER ROLE regress_pr_ann SET pybox.cancel_grace_ms = 60000;
ALTER SYSTEM SET pybox.policy_file = '/tmp/mine.yaml';
RESET ROLE;
SET pybox.policy_file = '/tmp/mine.yaml';
SET pybox.cgroup = '/';
REVOKE CREATE ON DATABASE :DBNAME FROM regress_pr_ann;

-- Names in the way of what the extension itself says in SQL
CREATE SCHEMA pr_evil;
GRANT ALL ON SCHEMA pr_evil TO regress_pr_ann;
SET ROLE regress_pr_ann;
CREATE FUNCTION pr_evil.gotcha(anyelement, anyelement) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'ran as %', current_user; END $$;
CREATE FUNCTION pr_evil.gotcha(name, text) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'ran as %', current_user; END $$;
CREATE OPERATOR pr_evil.= (LEFTARG = anyelement, RIGHTARG = anyelement, FUNCTION = pr_evil.gotcha);
CREATE OPERATOR pr_evil.= (LEFTARG = name, RIGHTARG = text, FUNCTION = pr_evil.gotcha);
CREATE OPERATOR pr_evil.<> (LEFTARG = anyelement, RIGHTARG = anyelement, FUNCTION = pr_evil.gotcha);
CREATE OPERATOR pr_evil.<> (LEFTARG = name, RIGHTARG = text, FUNCTION = pr_evil.gotcha);
CREATE FUNCTION pr_evil.format(text, VARIADIC text[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'ran as %', current_user; END $$;
CREATE FUNCTION pr_evil.pg_get_functiondef(oid) RETURNS text LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'ran as %', current_user; END $$;
CREATE FUNCTION pr_evil.current_database() RETURNS name LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'ran as %', current_user; END $$;
CREATE VIEW pr_evil.pg_proc AS SELECT pr_evil.gotcha(1, 1);
CREATE VIEW pr_evil.pg_language AS SELECT pr_evil.gotcha(1, 1);
CREATE VIEW pr_evil.pg_roles AS SELECT pr_evil.gotcha(1, 1);
CREATE FUNCTION pr_evil.moved(OUT i int) LANGUAGE pybox AS 'return 1';
SET search_path = pr_evil, pg_catalog;
SELECT 'in the'::name = 'way'::text;
RESET ROLE;
SELECT count(*) > 0 FROM pybox.languages;
SELECT count(*) FROM pybox.activity;
SELECT count(*) > 0 FROM pybox.pools;
SELECT count(*) > 0 FROM pybox.protection;
SELECT pool FROM pybox.explain_policy();
SELECT pybox.port('pr_evil.moved()', 'pyboxu'), pybox.port('pr_evil.moved()', 'pybox');
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 FROM pybox.port_report(true) WHERE verdict OPERATOR(pg_catalog.=) 'none'::text;
SELECT pr_evil.moved();
DO LANGUAGE pybox $$ plpy.notice(plpy.execute("SELECT 5 AS five")[0]["five"]) $$;
SET search_path = privileges;
-- and of types, which PostgreSQL looks for in pg_temp first
SET ROLE regress_pr_ann;
CREATE DOMAIN pg_temp.int4 AS text CHECK (length(VALUE) > 100);
CREATE DOMAIN pg_temp.text AS int;
CREATE FUNCTION adds(i pg_catalog.int4) RETURNS pg_catalog.text LANGUAGE pybox AS $$
plan = plpy.prepare("SELECT $1 + 1 AS sum", ["int"])
return str(plan.execute([i])[0]["sum"])
$$;
SELECT adds(41);
DROP DOMAIN pg_temp.int4;
DROP DOMAIN pg_temp.text;
RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA pr_evil CASCADE;
RESET client_min_messages;

-- Maintenance by a superuser runs others' functions with their owner's rights, and lets nothing stay
CREATE TABLE seen (what text);
GRANT ALL ON seen TO PUBLIC;
SET ROLE regress_pr_ann;
CREATE TABLE bait (i int);
INSERT INTO bait VALUES (1), (2);
CREATE FUNCTION looks_harmless(i int) RETURNS int IMMUTABLE LANGUAGE pybox AS 'return i';
CREATE INDEX bait_index ON bait (looks_harmless(i));
CREATE TABLE fires (i int);
CREATE FUNCTION fires() RETURNS trigger LANGUAGE pybox AS $$
plpy.execute("INSERT INTO privileges.seen SELECT 'deferred as ' || current_user")
$$;
CREATE CONSTRAINT TRIGGER fires AFTER INSERT ON fires DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fires();
CREATE OR REPLACE FUNCTION looks_harmless(i int) RETURNS int LANGUAGE pybox AS $$
if "said" in GD:
    return i
GD["said"] = True
who = plpy.execute("SELECT current_user AS c, session_user = current_user AS s")[0]
plpy.notice(f"runs as {who['c']}, the session's: {who['s']}")
for query in ("INSERT INTO privileges.fires VALUES (1)", "SET ROLE postgres", "RESET ROLE", "SET SESSION AUTHORIZATION DEFAULT",
              "RESET SESSION AUTHORIZATION", "SELECT set_config('role', 'none', false)", "CREATE TEMP TABLE stays (i int)",
              "SELECT set_config('search_path', 'pg_temp', false)", "LISTEN x", "DISCARD ALL", "PREPARE p AS SELECT 1",
              "GRANT regress_pr_ann TO regress_pr_own", "ALTER ROLE regress_pr_ann SUPERUSER", "COPY (SELECT 1) TO PROGRAM 'id'",
              "SELECT pg_read_file('PG_VERSION')", "SELECT lo_import('/etc/passwd')", "SELECT pybox.reload_policy()"):
    try:
        plpy.execute(query)
        plpy.notice(f"{query}: done")
    except plpy.SPIError as error:
        plpy.notice(f"{query}: {error}")
    except plpy.Error as error:
        plpy.notice(f"{query}: {error}")
return i
$$;
RESET ROLE;
SHOW search_path;
ANALYZE bait;
SHOW search_path;
SELECT current_user = session_user AS me, count(*) AS seen FROM seen;
-- its interpreter is the owner's, which no call of mine has
CREATE FUNCTION said() RETURNS bool LANGUAGE pybox AS 'return "said" in GD';
SELECT said();
SET ROLE regress_pr_ann;
SELECT said();
RESET ROLE;
SET client_min_messages = warning; -- the same words
REINDEX TABLE bait;
CLUSTER bait USING bait_index;
DISCARD ALL;
SET search_path = privileges;
SET client_min_messages = warning;
REINDEX TABLE bait;
DISCARD ALL;
SET search_path = privileges;
SET client_min_messages = warning;
VACUUM ANALYZE bait;
RESET client_min_messages;
SELECT * FROM seen;
SELECT rolsuper FROM pg_roles WHERE rolname = 'regress_pr_ann';
DROP TABLE bait, fires;

-- Deferred work of a definer's function runs for whoever ends the transaction, as in every language: in whose interpreter
CREATE TABLE later (i int);
GRANT ALL ON later TO PUBLIC;
CREATE FUNCTION later() RETURNS trigger LANGUAGE pybox AS $$
GD["later"] = GD.get("later", 0) + 1
plpy.notice("deferred as %s, number %d here" % (plpy.execute("SELECT current_user AS u")[0]["u"], GD["later"]))
$$;
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON later DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION later();
CREATE FUNCTION defers() RETURNS text SECURITY DEFINER LANGUAGE pybox AS $$
plpy.execute("INSERT INTO privileges.later VALUES (1)")
return plpy.execute("SELECT current_user AS u")[0]["u"]
$$;
ALTER FUNCTION defers() OWNER TO regress_pr_own;
SET SESSION AUTHORIZATION regress_pr_ann;
SELECT defers();
CREATE FUNCTION defers_now() RETURNS text SECURITY DEFINER LANGUAGE pybox AS $$
plpy.execute("SET CONSTRAINTS ALL IMMEDIATE")
return plpy.execute("SELECT privileges.defers() AS d")[0]["d"]
$$;
SELECT defers_now();
RESET SESSION AUTHORIZATION;

-- Another session user: for a session of a superuser's only, and for SQL alone
CREATE FUNCTION becomes() RETURNS text LANGUAGE pybox AS $$
said = []
for query in ("SET SESSION AUTHORIZATION regress_pr_ann", "SET SESSION AUTHORIZATION regress_pr_own", "SET SESSION AUTHORIZATION DEFAULT"):
    try:
        plpy.execute(query)
        row = plpy.execute("SELECT CASE WHEN current_user LIKE 'regress%' THEN current_user ELSE 'me' END AS c, current_user = session_user AS s")[0]
        said.append(f"{row['c']}, session's {row['s']}")
    except plpy.SPIError as error:
        said.append(str(error))
return "; ".join(said)
$$;
CREATE FUNCTION becomes_definer() RETURNS text SECURITY DEFINER LANGUAGE sql AS 'SELECT privileges.becomes()';
ALTER FUNCTION becomes_definer() OWNER TO regress_pr_own;
SELECT becomes();
SELECT becomes_definer();
SET SESSION AUTHORIZATION regress_pr_ann;
SELECT becomes_definer();
RESET SESSION AUTHORIZATION;
CREATE FUNCTION stays_another() RETURNS text LANGUAGE pybox AS $$
GD["mine"] = "of the superuser"
plpy.execute("SET SESSION AUTHORIZATION regress_pr_ann")
return plpy.execute("SELECT privileges.has_mine()::text AS h")[0]["h"]
$$;
CREATE FUNCTION has_mine() RETURNS bool LANGUAGE pybox AS 'return "mine" in GD';
SELECT stays_another();
SELECT current_user, has_mine();
RESET SESSION AUTHORIZATION;
SELECT has_mine();

-- What one role prepared or opened, another may go on with only as far as its own rights go
CREATE TABLE rows (owner name, what text);
INSERT INTO rows VALUES ('regress_pr_ann', 'of ann'), ('regress_pr_own', 'of own');
ALTER TABLE rows ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON rows USING (owner = current_user);
GRANT SELECT ON rows TO regress_pr_ann, regress_pr_own;
CREATE TABLE hidden (open text, closed text);
INSERT INTO hidden VALUES ('open', 'closed');
GRANT SELECT (open) ON hidden TO regress_pr_ann;
CREATE FUNCTION goes_on() RETURNS text LANGUAGE pybox AS $$
rows, closed = (plpy.prepare(f"SELECT {what} AS w FROM privileges.{table}") for what, table in
                (("string_agg(what, ', ' ORDER BY what)", "rows"), ("closed", "hidden")))
cursor = plpy.cursor("SELECT closed FROM privileges.hidden")
said = []
for role in ("NONE", "regress_pr_ann", "regress_pr_own", "NONE"):
    plpy.execute(f"SET LOCAL ROLE {role}")
    said.append(str(rows.execute()[0]["w"]))
    try:
        said.append(closed.execute()[0]["w"])
    except plpy.spiexceptions.InsufficientPrivilege as error:
        said.append(str(error))
    try:
        said.append(plpy.cursor(closed).fetch(1)[0]["w"])
    except plpy.spiexceptions.InsufficientPrivilege as error:
        said.append("no cursor either")
plpy.execute("SET LOCAL ROLE regress_pr_ann")
said.append("opened before: %s" % next(cursor)["closed"])
return "; ".join(said)
$$;
BEGIN;
SELECT goes_on();
SELECT current_user;
ROLLBACK;
SET ROLE regress_pr_ann;
CREATE FUNCTION looks(query text) RETURNS text LANGUAGE pybox AS 'return ", ".join(str(v) for v in plpy.execute(query)[0].values())';
SELECT looks('SELECT open FROM privileges.hidden');
SELECT looks('SELECT closed FROM privileges.hidden');
SELECT looks('SELECT hidden FROM privileges.hidden');
RESET ROLE;

-- A function whose owner changes between calls
CREATE FUNCTION remembers() RETURNS text SECURITY DEFINER LANGUAGE pybox AS $$
SD["calls"] = GD["owned"] = SD.get("calls", 0) + 1
return "%s, call %d" % (plpy.execute("SELECT current_user AS u")[0]["u"], SD["calls"])
$$;
ALTER FUNCTION remembers() OWNER TO regress_pr_ann;
SELECT remembers();
SELECT remembers();
ALTER FUNCTION remembers() OWNER TO regress_pr_own;
SELECT remembers();
ALTER FUNCTION remembers() SECURITY INVOKER;
SELECT regexp_replace(remembers(), '^.*,', 'me,');

-- A pool that goes by a function's name goes with the name
CREATE SCHEMA overstep; -- as the policy has it
CREATE FUNCTION overstep.endless() RETURNS text LANGUAGE pybox AS $$
return plpy.execute("SELECT pool FROM pybox.activity WHERE pid = pg_backend_pid()")[0]["pool"]
$$;
SELECT overstep.endless();
ALTER SCHEMA overstep RENAME TO pr_overstep;
SELECT pr_overstep.endless();
ALTER SCHEMA pr_overstep RENAME TO overstep;
SELECT overstep.endless();
SET client_min_messages = warning;
DROP SCHEMA overstep CASCADE;
RESET client_min_messages;

-- Administration is not everybody's
SET ROLE regress_pr_ann;
SELECT pybox.reload_policy();
SELECT * FROM pybox.policy;
SELECT * FROM pybox.policy_rows();
SELECT * FROM pybox.port_report();
SELECT pybox.port_probe_untrusted('[]');
SELECT pybox.port('privileges.remembers()', 'pyboxu');
CREATE FUNCTION mine() RETURNS int LANGUAGE pybox AS 'return 1';
SELECT pybox.port('privileges.mine()', 'pyboxu');
RESET ROLE;

SET client_min_messages = warning;
DROP SCHEMA privileges CASCADE;
DROP OWNED BY regress_pr_ann, regress_pr_own;
DROP ROLE regress_pr_ann, regress_pr_own;
