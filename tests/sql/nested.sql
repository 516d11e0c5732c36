-- Calls within calls, through SQL.
CREATE SCHEMA nested;
SET search_path = nested;

-- A function that calls itself; its arguments are each call's own
CREATE FUNCTION factorial(n int) RETURNS numeric LANGUAGE pybox AS $$
if n < 2:
    return 1
below = plpy.execute(plpy.prepare("SELECT factorial($1) AS f", ["int"]), [n - 1])[0]["f"]
return n * below
$$;
SELECT factorial(5);
CREATE FUNCTION argument_kept(a text, depth int) RETURNS text LANGUAGE pybox AS $$
global a
inner = "" if depth == 0 else plpy.execute(f"SELECT argument_kept('{a}+', {depth - 1}) AS a")[0]["a"]
return f"{a} {inner} {args[0]}"
$$;
SELECT argument_kept('x', 2);

-- Deeper than pybox.activity shows
CREATE FUNCTION depth_of(n int) RETURNS int LANGUAGE pybox AS $$
return 0 if n == 0 else 1 + plpy.execute(f"SELECT depth_of({n - 1}) AS d")[0]["d"]
$$;
SELECT depth_of(20);

-- Two that call each other
CREATE FUNCTION is_even(n int) RETURNS bool LANGUAGE pybox AS $$
return True if n == 0 else plpy.execute(f"SELECT is_odd({n - 1}) AS r")[0]["r"]
$$;
CREATE FUNCTION is_odd(n int) RETURNS bool LANGUAGE pybox AS $$
return False if n == 0 else plpy.execute(f"SELECT is_even({n - 1}) AS r")[0]["r"]
$$;
SELECT is_even(6), is_odd(6);

-- From one language to the other: two interpreters at once
CREATE FUNCTION trusted_down(n int) RETURNS text LANGUAGE pybox AS $$
GD["depth"] = GD.get("depth", 0) + 1
return "t" if n == 0 else "t" + plpy.execute(f"SELECT untrusted_down({n - 1}) AS r")[0]["r"] + str(GD["depth"])
$$;
CREATE FUNCTION untrusted_down(n int) RETURNS text LANGUAGE pyboxu AS $$
GD["depth"] = GD.get("depth", 0) + 1
return "u" if n == 0 else "u" + plpy.execute(f"SELECT trusted_down({n - 1}) AS r")[0]["r"] + str(GD["depth"])
$$;
SELECT trusted_down(3);
SELECT untrusted_down(1);

-- Through PL/pgSQL, a view, a default and a check
CREATE FUNCTION doubled(i int) RETURNS int LANGUAGE pybox AS 'return 2 * i';
CREATE FUNCTION doubled_plpgsql(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN nested.doubled(i); END';
CREATE VIEW doubles AS SELECT i, doubled(i) AS d FROM generate_series(1, 2) AS i;
CREATE TABLE even (n int CHECK (nested.doubled(n) < 10), twice int DEFAULT nested.doubled(4));
CREATE FUNCTION all_ways() RETURNS text LANGUAGE pybox AS $$
rows = [plpy.execute(query)[0] for query in (
    "SELECT doubled_plpgsql(3) AS a", "SELECT sum(d) AS b FROM doubles", "INSERT INTO even VALUES (1) RETURNING twice")]
try:
    plpy.execute("INSERT INTO even VALUES (5)")
except plpy.SPIError as error:
    rows.append(error.sqlstate)
return repr(rows)
$$;
SELECT all_ways();

-- An error goes up through every level, or is caught at one
CREATE FUNCTION fails(n int) RETURNS int LANGUAGE pybox AS $$
if n == 0:
    raise ValueError("innermost")
return plpy.execute(f"SELECT fails({n - 1}) AS r")[0]["r"]
$$;
SELECT fails(2);
CREATE FUNCTION catches(n int) RETURNS text LANGUAGE pybox AS $$
try:
    plpy.execute(f"SELECT fails({n})")
except plpy.SPIError as error:
    return f"{error.sqlstate} {error}"
$$;
SELECT catches(0), catches(2);
CREATE FUNCTION fails_plainly() RETURNS void LANGUAGE pybox AS $$
plpy.error("told", detail="detail", hint="hint", sqlstate="P4321", table_name="table")
$$;
CREATE FUNCTION catches_plainly() RETURNS text LANGUAGE pybox AS $$
try:
    plpy.execute("SELECT fails_plainly()")
except plpy.SPIError as error:
    return f"{error.sqlstate} {error} {error.detail} {error.hint} {error.table_name}"
$$;
SELECT catches_plainly();

-- Set within set, each in the middle of the other
CREATE FUNCTION numbers(n int) RETURNS SETOF int LANGUAGE pybox AS $$
for i in range(n):
    yield i + plpy.execute(f"SELECT count(*) AS c FROM numbers({n - 1})")[0]["c"] if n > 1 else i
$$;
SELECT * FROM numbers(3);

-- A cancel is not to be caught, at any level
CREATE FUNCTION never_ends() RETURNS text LANGUAGE pybox AS $$
try:
    plpy.execute("SELECT pg_sleep(600)")
except BaseException as error:
    return "caught"
$$;
CREATE FUNCTION catches_all() RETURNS text LANGUAGE pybox AS $$
try:
    plpy.execute("SELECT never_ends()")
except BaseException as error:
    return "caught"
$$;
SET statement_timeout = '200ms';
SELECT catches_all();
RESET statement_timeout;
SELECT factorial(3);

-- The inner call ends the session's interpreters; the outer goes on
CREATE FUNCTION discards() RETURNS text LANGUAGE pybox AS $$
try:
    plpy.execute("DISCARD ALL")
except plpy.SPIError as error:
    return str(error)
$$;
SELECT discards();
