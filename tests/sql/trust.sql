-- Who may write functions, and whose interpreter runs them.
CREATE SCHEMA trust;
GRANT ALL ON SCHEMA trust TO PUBLIC;
SET search_path = trust;
CREATE ROLE regress_ana;
CREATE ROLE regress_ben;

-- pybox is for everybody, pyboxu is not
SET ROLE regress_ana;
CREATE FUNCTION ana_one() RETURNS int LANGUAGE pybox AS 'return 1';
CREATE FUNCTION ana_two() RETURNS int LANGUAGE pyboxu AS 'return 1';
DO LANGUAGE pybox $$ plpy.notice("may") $$;
DO LANGUAGE pyboxu $$ plpy.notice("may not") $$;
SELECT ana_one();
RESET ROLE;
GRANT USAGE ON LANGUAGE pyboxu TO regress_ana;
REVOKE USAGE ON LANGUAGE pybox FROM PUBLIC;
SET ROLE regress_ana;
CREATE FUNCTION ana_three() RETURNS int LANGUAGE pybox AS 'return 1';
DO LANGUAGE pybox $$ pass $$;
RESET ROLE;
GRANT USAGE ON LANGUAGE pybox TO PUBLIC;

-- The validator is not a way to compile what one may not call
CREATE FUNCTION private(secret int) RETURNS int LANGUAGE pybox AS 'return secret';
REVOKE ALL ON FUNCTION private(int) FROM PUBLIC;
CREATE SCHEMA trust_private;
CREATE FUNCTION trust_private.hidden() RETURNS int LANGUAGE pyboxu AS 'return 1';
SET ROLE regress_ana;
SELECT pybox_validator('ana_one()'::regprocedure);
SELECT pybox_validator('private(int)'::regprocedure);
SELECT pyboxu_validator((SELECT oid FROM pg_proc WHERE proname = 'hidden'));
SELECT pybox_validator(0);
SELECT pybox_call_handler();
-- (with numbers in their messages that vary)
\set VERBOSITY sqlstate
SELECT pybox_validator((SELECT oid FROM pg_proc WHERE proname = 'hidden'));
SELECT pybox_validator('lower(text)'::regprocedure);
\set VERBOSITY default
RESET ROLE;

-- Which interpreter a call runs in
CREATE FUNCTION interpreter() RETURNS int LANGUAGE plpgsql AS $$
DECLARE pid int;
BEGIN
    EXECUTE 'SELECT trust.interpreter_of()' INTO pid;
    RETURN pid;
END $$;
CREATE FUNCTION interpreter_of() RETURNS int LANGUAGE pybox AS $$
return plpy.execute("""SELECT interpreter_pid AS pid FROM pybox.activity
    WHERE pid = pg_backend_pid() AND interpreter_pid IS NOT NULL ORDER BY call_id DESC LIMIT 1""")[0]["pid"]
$$;
CREATE FUNCTION interpreter_of_u() RETURNS int LANGUAGE pyboxu AS $$
return plpy.execute("""SELECT interpreter_pid AS pid FROM pybox.activity
    WHERE pid = pg_backend_pid() AND interpreter_pid IS NOT NULL ORDER BY call_id DESC LIMIT 1""")[0]["pid"]
$$;
CREATE FUNCTION interpreter_of_ben() RETURNS int LANGUAGE pybox SECURITY DEFINER AS $$
return plpy.execute("""SELECT interpreter_pid AS pid FROM pybox.activity
    WHERE pid = pg_backend_pid() AND interpreter_pid IS NOT NULL ORDER BY call_id DESC LIMIT 1""")[0]["pid"]
$$;
ALTER FUNCTION interpreter_of_ben() OWNER TO regress_ben;

-- the same for all calls of one role
SELECT interpreter_of() AS me \gset
SELECT interpreter_of() = :me AS again, interpreter() = :me AS through_plpgsql;
-- another for another role: by SET ROLE, by SECURITY DEFINER, by SET SESSION AUTHORIZATION
SET ROLE regress_ana;
SELECT interpreter_of() AS ana \gset
SELECT interpreter_of() = :ana AS again, :ana = :me AS mine;
SELECT interpreter_of_ben() AS ben \gset
SELECT :ben = :ana AS ana, :ben = :me AS mine, interpreter_of() = :ana AS still_ana;
RESET ROLE;
SET ROLE regress_ben;
SELECT interpreter_of() = :ben AS as_by_security_definer;
RESET ROLE;
SET SESSION AUTHORIZATION regress_ana;
SELECT interpreter_of() = :ana AS as_by_set_role;
RESET SESSION AUTHORIZATION;
SELECT interpreter_of() = :me AS me_again;
-- and for the other language
SELECT interpreter_of_u() = :me AS mine, interpreter_of_u() = interpreter_of_u() AS its_own;

-- So GD and SD are a role's own
CREATE FUNCTION gd(value text) RETURNS text LANGUAGE pybox AS $$
before = GD.get("value")
GD["value"] = value
return before
$$;
SELECT gd('of the superuser');
SET ROLE regress_ana;
SELECT gd('of ana');
RESET ROLE;
SELECT gd(NULL);
SET ROLE regress_ana;
SELECT gd(NULL);
RESET ROLE;

-- SQL runs with the rights of the role the function runs as
CREATE TABLE secret (word text);
INSERT INTO secret VALUES ('swordfish');
CREATE FUNCTION peek() RETURNS text LANGUAGE pybox AS $$ return plpy.execute("SELECT word FROM secret")[0]["word"] $$;
CREATE FUNCTION peek_definer() RETURNS text LANGUAGE pybox SECURITY DEFINER AS $$
return plpy.execute("SELECT current_user || ': ' || word AS word FROM trust.secret")[0]["word"].split(": ")[1]
$$;
CREATE FUNCTION who() RETURNS text LANGUAGE pybox AS $$
row = plpy.execute("SELECT current_user, session_user = current_user AS same")[0]
return f"{row['current_user']} {row['same']}"
$$;
SET ROLE regress_ana;
SELECT peek();
SELECT peek_definer(), who();
RESET ROLE;
-- a change of role within a function is for SQL alone; the interpreter stays
CREATE FUNCTION become() RETURNS text LANGUAGE pybox AS $$
plpy.execute("SET LOCAL ROLE regress_ana")
try:
    plpy.execute("SELECT word FROM secret")
except plpy.spiexceptions.InsufficientPrivilege as error:
    return str(error)
$$;
SELECT become();
CREATE FUNCTION become_definer() RETURNS text LANGUAGE pybox SECURITY DEFINER AS $$
try:
    plpy.execute("SET LOCAL ROLE regress_ana")
except plpy.SPIError as error:
    return str(error)
$$;
SELECT become_definer();

-- The outside is out of reach
CREATE FUNCTION reach(python text) RETURNS text LANGUAGE pybox AS $$
try:
    return repr(eval(python))
except Exception as error:
    return type(error).__name__
$$;
SELECT reach('open("/etc/passwd")') AS passwd, reach('__import__("os").listdir("/proc")') AS proc,
    reach('open("/tmp/new", "w")') AS new_file, reach('__import__("os").fork()') AS fork,
    reach('__import__("subprocess").run(["true"])') AS program, reach('__import__("socket").socket()') AS socket,
    reach('__import__("os").kill(1, 9)') AS kill;
SELECT reach('sorted(__import__("os").environ)') AS environment, reach('__import__("os").getpid() > 0') AS pid;

DROP SCHEMA trust_private CASCADE;
DROP OWNED BY regress_ana, regress_ben;
DROP ROLE regress_ana, regress_ben;
