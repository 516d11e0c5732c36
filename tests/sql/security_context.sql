-- Whose rights a function has, wherever it is called from.
CREATE SCHEMA security_context;
SET search_path = security_context;
CREATE ROLE regress_sc_ann;
CREATE ROLE regress_sc_ben;
CREATE ROLE regress_sc_own;
GRANT ALL ON SCHEMA security_context TO regress_sc_ann, regress_sc_ben, regress_sc_own;

CREATE FUNCTION who() RETURNS text LANGUAGE pybox AS $$
row = plpy.execute("SELECT current_user AS c, session_user AS s")[0]
return f"{row['c']} of {row['s']}"
$$;
CREATE FUNCTION who_definer() RETURNS text SECURITY DEFINER LANGUAGE pybox AS $$
row = plpy.execute("SELECT current_user AS c, security_context.who() AS w")[0]
return f"definer {row['c']}, within {row['w']}"
$$;
ALTER FUNCTION who_definer OWNER TO regress_sc_own;
CREATE FUNCTION runs(query text) RETURNS text LANGUAGE pybox AS 'return str(list(plpy.execute(query)[0].values())[0])';
CREATE FUNCTION runs_definer(query text) RETURNS text SECURITY DEFINER LANGUAGE pybox AS 'return str(list(plpy.execute(query)[0].values())[0])';
ALTER FUNCTION runs_definer OWNER TO regress_sc_own;

-- SET ROLE, SET SESSION AUTHORIZATION, SECURITY DEFINER and back
SELECT who(), who_definer();
SET ROLE regress_sc_ann;
SELECT who(), who_definer();
RESET ROLE;
SET SESSION AUTHORIZATION regress_sc_ben;
SELECT who(), who_definer();
SELECT runs_definer('SELECT security_context.runs(''SELECT security_context.who_definer()'')');
RESET SESSION AUTHORIZATION;
SELECT who();
BEGIN;
SET LOCAL ROLE regress_sc_ann;
SELECT who();
SAVEPOINT s;
SET LOCAL ROLE regress_sc_ben;
SELECT who();
ROLLBACK TO s;
SELECT who();
COMMIT;
SELECT who();
-- by the function itself
SELECT runs('SELECT set_config(''role'', ''regress_sc_ann'', false)');
SELECT who();
RESET ROLE;
CREATE FUNCTION sets_role() RETURNS text LANGUAGE pybox AS $$
said = [plpy.execute("SELECT security_context.who() AS w")[0]["w"]]
plpy.execute("SET LOCAL ROLE regress_sc_ben")
said.append(plpy.execute("SELECT security_context.who() AS w")[0]["w"])
plpy.execute("RESET ROLE")
said.append(plpy.execute("SELECT security_context.who() AS w")[0]["w"])
return ", ".join(said)
$$;
SELECT sets_role();
SELECT runs_definer('SELECT set_config(''role'', ''postgres'', false)');
SELECT who();

-- Rights are looked at each time
CREATE TABLE secrets (what text);
INSERT INTO secrets VALUES ('a secret');
ALTER TABLE secrets OWNER TO regress_sc_own;
SET ROLE regress_sc_ann;
SELECT runs('SELECT what FROM security_context.secrets');
SELECT runs_definer('SELECT what FROM security_context.secrets');
RESET ROLE;
GRANT SELECT ON secrets TO regress_sc_ann;
SET ROLE regress_sc_ann;
SELECT runs('SELECT what FROM security_context.secrets');
SET ROLE regress_sc_ben;
SELECT runs('SELECT what FROM security_context.secrets');
RESET ROLE;
-- also of a plan that another call prepared
CREATE FUNCTION by_plan() RETURNS text LANGUAGE pybox AS $$
if "plan" not in SD:
    SD["plan"] = plpy.prepare("SELECT what FROM security_context.secrets")
return SD["plan"].execute()[0]["what"]
$$;
SELECT by_plan();
SET ROLE regress_sc_ann;
SELECT by_plan();
SET ROLE regress_sc_ben;
SELECT by_plan();
RESET ROLE;
SELECT by_plan();
REVOKE EXECUTE ON FUNCTION who() FROM PUBLIC;
SET ROLE regress_sc_ann;
SELECT who();
SELECT runs('SELECT security_context.who()');
RESET ROLE;
GRANT EXECUTE ON FUNCTION who() TO PUBLIC;

-- Views: relations with the owner's rights, functions with the caller's
CREATE VIEW secret_view AS SELECT what, who() AS by FROM secrets;
ALTER VIEW secret_view OWNER TO regress_sc_own;
CREATE VIEW invoker_view WITH (security_invoker = true) AS SELECT what, who() AS by FROM secrets;
CREATE VIEW barrier_view WITH (security_barrier = true) AS SELECT what FROM secrets WHERE what NOT LIKE 'hidden%';
ALTER VIEW barrier_view OWNER TO regress_sc_own;
CREATE VIEW open_view AS SELECT what FROM secrets WHERE what NOT LIKE 'hidden%';
ALTER VIEW open_view OWNER TO regress_sc_own;
GRANT SELECT ON secret_view, invoker_view, barrier_view, open_view TO regress_sc_ann, regress_sc_ben;
INSERT INTO secrets VALUES ('hidden');
CREATE FUNCTION peeks(what text) RETURNS bool COST 0.0001 LANGUAGE pybox AS $$
plpy.notice(f"peeked at {what}")
return True
$$;
SET ROLE regress_sc_ben;
SELECT * FROM secret_view WHERE what = 'a secret';
SELECT * FROM invoker_view;
SELECT * FROM barrier_view WHERE peeks(what);
SELECT * FROM open_view WHERE peeks(what);
RESET ROLE;

-- Row security: policies made of functions, and leaky functions on what they hide
CREATE TABLE rows (owner name, what text);
INSERT INTO rows VALUES ('regress_sc_ann', 'of ann'), ('regress_sc_ben', 'of ben'), ('regress_sc_own', 'of the owner');
ALTER TABLE rows OWNER TO regress_sc_own;
ALTER TABLE rows ENABLE ROW LEVEL SECURITY;
GRANT ALL ON rows TO regress_sc_ann, regress_sc_ben;
CREATE FUNCTION may_see(owner name) RETURNS bool STABLE LANGUAGE pybox AS $$
return plpy.execute("SELECT current_user AS u")[0]["u"] == owner
$$;
CREATE FUNCTION may_write(what text) RETURNS bool LANGUAGE pybox AS 'return "bad" not in what';
CREATE POLICY reads ON rows USING (may_see(owner)) WITH CHECK (may_see(owner) AND may_write(what));
SET ROLE regress_sc_ann;
SELECT * FROM rows;
SELECT * FROM rows WHERE peeks(what);
INSERT INTO rows VALUES ('regress_sc_ann', 'more of ann');
INSERT INTO rows VALUES ('regress_sc_ben', 'not of ann');
INSERT INTO rows VALUES ('regress_sc_ann', 'bad');
UPDATE rows SET what = 'changed' || what RETURNING what;
DELETE FROM rows WHERE owner <> 'regress_sc_ann';
SELECT runs('SELECT string_agg(what, '', '' ORDER BY what) FROM security_context.rows');
SELECT runs_definer('SELECT count(*) FROM security_context.rows');
SET ROLE regress_sc_ben;
SELECT * FROM rows;
RESET ROLE;
SELECT count(*) FROM rows;
SET ROLE regress_sc_ann;
SET row_security = off;
SELECT runs('SELECT count(*) FROM security_context.rows');
RESET row_security;
RESET ROLE;

-- Materialized views are filled by their owner, with nothing that could stay
CREATE FUNCTION fills() RETURNS text LANGUAGE pybox AS $$
said = [plpy.execute("SELECT current_user AS u")[0]["u"]]
for query in ("CREATE TEMP TABLE never (i int)", "SET ROLE postgres", "LISTEN x", "DECLARE c CURSOR WITH HOLD FOR SELECT 1"):
    try:
        plpy.execute(query)
        said.append("done")
    except plpy.SPIError as error:
        said.append(str(error))
return "; ".join(said)
$$;
CREATE MATERIALIZED VIEW filled AS SELECT who() AS w, fills() AS f WITH NO DATA;
ALTER MATERIALIZED VIEW filled OWNER TO regress_sc_own;
REFRESH MATERIALIZED VIEW filled;
SELECT * FROM filled;
CREATE UNIQUE INDEX filled_once ON filled (w);
REFRESH MATERIALIZED VIEW CONCURRENTLY filled;
SELECT w FROM filled;

-- SET clauses of functions: in force inside, gone after it, also after an error and between the rows of a set
CREATE FUNCTION shows(name text) RETURNS text LANGUAGE pybox AS 'return plpy.execute(f"SHOW {name}")[0][name]';
CREATE FUNCTION shows_set(name text) RETURNS text SET work_mem = '7MB' SET search_path = security_context, pg_temp LANGUAGE pybox AS $$
return plpy.execute(f"SELECT shows({plpy.quote_literal(name)}) AS s")[0]["s"]
$$;
SELECT shows_set('work_mem'), shows_set('search_path');
SELECT shows('work_mem'), shows('search_path');
CREATE FUNCTION set_of() RETURNS SETOF text SET work_mem = '8MB' LANGUAGE pybox AS $$
for i in range(2):
    yield plpy.execute("SHOW work_mem")[0]["work_mem"]
$$;
SELECT set_of(), shows('work_mem');
CREATE FUNCTION set_fails() RETURNS text SET work_mem = '9MB' LANGUAGE pybox AS 'raise ValueError("with work_mem set")';
SELECT set_fails();
SHOW work_mem;
CREATE FUNCTION set_role() RETURNS text SET role = regress_sc_ann LANGUAGE pybox AS $$
return plpy.execute("SELECT security_context.who() AS w")[0]["w"]
$$;
SELECT set_role(), who();
CREATE FUNCTION set_changes() RETURNS text SET work_mem = '7MB' LANGUAGE pybox AS $$
plpy.execute("SET LOCAL work_mem = '3MB'")
plpy.execute("SET LOCAL random_page_cost = 5")
return plpy.execute("SHOW work_mem")[0]["work_mem"]
$$;
BEGIN;
SELECT set_changes(), shows('work_mem'), shows('random_page_cost');
COMMIT;
SHOW random_page_cost;
CREATE FUNCTION set_timeout() RETURNS text SET statement_timeout = '10s' LANGUAGE pybox AS 'return plpy.execute("SHOW statement_timeout")[0]["statement_timeout"]';
SELECT set_timeout();

-- A set's role is the definer's for each row
CREATE FUNCTION slowly_definer() RETURNS SETOF text SECURITY DEFINER LANGUAGE pybox AS $$
for i in range(3):
    yield plpy.execute("SELECT current_user AS u")[0]["u"]
$$;
ALTER FUNCTION slowly_definer OWNER TO regress_sc_own;
BEGIN;
DECLARE c CURSOR FOR SELECT slowly_definer(), who();
FETCH 1 FROM c;
SET LOCAL ROLE regress_sc_ann;
FETCH 1 FROM c;
ROLLBACK;
SELECT slowly_definer(), who() LIMIT 2;

-- A cursor that is left behind is not read to its end with the rights of whoever ends the transaction
CREATE FUNCTION tells() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'read as %', current_user; RETURN current_user; END $$;
CREATE FUNCTION leaves() RETURNS text LANGUAGE pybox AS $$
GD["left"] = plpy.cursor("SELECT security_context.tells() AS t")
return "left"
$$;
CREATE FUNCTION leaves_definer() RETURNS text SECURITY DEFINER LANGUAGE pybox AS $$
GD["left"] = plpy.cursor("SELECT security_context.tells() AS t")
return "left"
$$;
CREATE FUNCTION reads_definer() RETURNS text SECURITY DEFINER LANGUAGE pybox AS 'return next(GD["left"])["t"]';
ALTER FUNCTION leaves_definer OWNER TO regress_sc_own;
ALTER FUNCTION reads_definer OWNER TO regress_sc_own;
CREATE MATERIALIZED VIEW left_by_view AS SELECT security_context.leaves() WITH NO DATA;
ALTER MATERIALIZED VIEW left_by_view OWNER TO regress_sc_own;
CREATE PROCEDURE refreshes() LANGUAGE plpgsql AS $$ BEGIN REFRESH MATERIALIZED VIEW security_context.left_by_view; COMMIT; END $$;
CREATE PROCEDURE calls_definer() LANGUAGE pybox AS $$
plpy.execute("SELECT security_context.leaves_definer()")
plpy.commit()
$$;
CREATE PROCEDURE changes_role() LANGUAGE plpgsql AS $$
BEGIN
    SET ROLE regress_sc_own;
    PERFORM security_context.leaves();
    RESET ROLE;
    COMMIT;
END $$;
CALL refreshes();
CALL calls_definer();
CALL changes_role();
SELECT leaves_definer();
BEGIN;
SELECT leaves_definer();
SELECT reads_definer();
COMMIT;

DROP SCHEMA security_context CASCADE;
DROP ROLE regress_sc_ann, regress_sc_ben, regress_sc_own;
