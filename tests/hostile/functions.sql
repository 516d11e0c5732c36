-- What cases call in SQL: functions that define others, and functions that lie or that keep what they should not.
CREATE TYPE hostile.pair AS (a int, b text);
CREATE FUNCTION hostile.recurse(n int) RETURNS int LANGUAGE pybox AS $$
return plpy.execute("SELECT hostile.recurse(%d) AS r" % (n + 1))[0]["r"]
$$;
CREATE FUNCTION hostile.endless() RETURNS SETOF text LANGUAGE pybox AS $$
while True:
    yield "x" * 10000
$$;
CREATE FUNCTION hostile.define(source text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE FUNCTION pg_temp.defined() RETURNS text LANGUAGE pybox AS %L', source);
	DROP FUNCTION pg_temp.defined();
	RETURN 'defined';
END $$;
CREATE FUNCTION hostile.define_and_call(source text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	EXECUTE format('CREATE FUNCTION pg_temp.defined() RETURNS text LANGUAGE pybox AS %L', source);
	EXECUTE 'SELECT pg_temp.defined()' INTO result;
	DROP FUNCTION pg_temp.defined();
	RETURN result;
END $$;
CREATE FUNCTION hostile.define_named(name text, source text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	EXECUTE format('CREATE FUNCTION pg_temp.%I() RETURNS text LANGUAGE pybox AS %L', name, source);
	EXECUTE format('SELECT pg_temp.%I()', name) INTO result;
	EXECUTE format('DROP FUNCTION pg_temp.%I()', name);
	RETURN result;
END $$;
CREATE FUNCTION hostile.define_argument(name text, source text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	EXECUTE format('CREATE FUNCTION pg_temp.defined(%I text) RETURNS text LANGUAGE pybox AS %L', name, source);
	EXECUTE 'SELECT pg_temp.defined(''value'')' INTO result;
	DROP FUNCTION pg_temp.defined(text);
	RETURN result;
END $$;
CREATE FUNCTION hostile.lie() RETURNS trigger LANGUAGE pybox AS $$
class Lie(dict):
    def __getitem__(self, k): raise SystemExit
    def keys(self): return [5, None, "a"]
TD["new"] = Lie(a="nonsense", b=5)
return "MODIFY"
$$;
CREATE TABLE hostile.watched (a int, b text);
GRANT INSERT ON hostile.watched TO public;
CREATE TRIGGER lie BEFORE INSERT ON hostile.watched FOR EACH ROW EXECUTE FUNCTION hostile.lie();
CREATE FUNCTION hostile.keep_subtransaction() RETURNS void LANGUAGE pybox AS $$
GD["s"] = plpy.subtransaction()
GD["s"].__enter__()
$$;
CREATE FUNCTION hostile.use_subtransaction() RETURNS void LANGUAGE pybox AS $$ GD["s"].__exit__(None, None, None) $$;
CREATE FUNCTION hostile.keep_cursor() RETURNS int LANGUAGE pybox AS $$
GD["c"] = plpy.cursor("SELECT 1")
return 1
$$;
CREATE FUNCTION hostile.use_cursor() RETURNS text LANGUAGE pybox AS $$
if "c" not in GD:
    plpy.execute("SELECT hostile.keep_cursor()")
return str(GD["c"].fetch(1))
$$;
CREATE FUNCTION hostile.keep_plan() RETURNS int LANGUAGE pybox AS $$
GD["p"] = plpy.prepare("SELECT 1")
return 1
$$;
CREATE FUNCTION hostile.use_plan() RETURNS text LANGUAGE pybox AS $$
if "p" not in GD:
    plpy.execute("SELECT hostile.keep_plan()")
return str(GD["p"].execute())
$$;
