-- Calls of a function within itself, within others, and to the limit.
CREATE SCHEMA recursion;
SET search_path = recursion;

-- Directly, in Python: no call for the server
CREATE FUNCTION in_python(n int) RETURNS int LANGUAGE pybox AS $$
def below(n):
    return 0 if n == 0 else 1 + below(n - 1)
return below(n)
$$;
SELECT in_python(100);

-- The arguments of the outer call come back after the inner one, however that ended
CREATE FUNCTION survives(n int, word text) RETURNS text LANGUAGE pybox AS $$
global word
before = (n, word, list(args))
word = word + "!"
if n > 0:
    try:
        plpy.execute(f"SELECT recursion.survives({n - 1}, 'inner')")
    except plpy.SPIError as error:
        plpy.notice(f"{n}: {error}")
    return f"{before} {(n, word, args)}"
raise ValueError("bottom")
$$;
SELECT survives(1, 'outer');
SELECT survives(2, 'outer');

-- Mutual, across the languages, an error through all of them
CREATE FUNCTION ping(n int) RETURNS text LANGUAGE pybox AS $$
if n == 0:
    plpy.error("enough", sqlstate="22012")
return "ping " + plpy.execute(f"SELECT recursion.pong({n - 1}) AS r")[0]["r"]
$$;
CREATE FUNCTION pong(n int) RETURNS text LANGUAGE pyboxu AS $$
try:
    return "pong " + plpy.execute(f"SELECT recursion.ping({n - 1}) AS r")[0]["r"]
except plpy.SPIError as error:
    if n > 1:
        raise
    return f"caught {error.sqlstate} {error}"
$$;
SELECT ping(2);
SELECT ping(6);
CREATE FUNCTION pong_raises(n int) RETURNS text LANGUAGE pyboxu AS $$
return plpy.execute(f"SELECT recursion.ping({n}) AS r")[0]["r"]
$$;
SELECT pong_raises(0);

-- Through PL/pgSQL and through SQL functions
CREATE FUNCTION by_plpgsql(n int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	RETURN recursion.by_python(n - 1) + 1;
EXCEPTION WHEN division_by_zero THEN
	RETURN 100;
END
$$;
CREATE FUNCTION by_sql(n int) RETURNS int LANGUAGE sql AS 'SELECT recursion.by_plpgsql(n) + 1000';
CREATE FUNCTION by_python(n int) RETURNS int LANGUAGE pybox AS $$
if n == 0:
    return plpy.execute("SELECT 1 / 0 AS r")[0]["r"]
return plpy.execute(f"SELECT recursion.by_sql({n}) AS r")[0]["r"]
$$;
SELECT by_python(1), by_python(3);

-- A set within itself, several of them at once, each in the middle of the other
CREATE FUNCTION hanoi(n int, a text, b text, c text) RETURNS SETOF text LANGUAGE pybox AS $$
if n > 0:
    for row in plpy.execute(plpy.prepare("SELECT hanoi($1, $2, $3, $4) AS m", ["int", "text", "text", "text"]), [n - 1, a, c, b]):
        yield row["m"]
    yield a + c
    for row in plpy.execute(plpy.prepare("SELECT hanoi($1, $2, $3, $4) AS m", ["int", "text", "text", "text"]), [n - 1, b, a, c]):
        yield row["m"]
$$;
SELECT string_agg(m, ' ') FROM hanoi(3, 'a', 'b', 'c') AS m;
CREATE FUNCTION halves(n int) RETURNS SETOF int LANGUAGE pybox AS $$
while n > 0:
    yield n
    n = n // 2
$$;
CREATE FUNCTION halves_global(n int) RETURNS SETOF int LANGUAGE pybox AS $$
def steps():
    global n
    while n > 0:
        yield n
        n = n // 2
return steps()
$$;
SELECT a, b, c FROM (SELECT halves_global(8) AS a, halves_global(5) AS b, halves(3) AS c) AS s;
SELECT halves_global(i), i FROM generate_series(1, 3) AS i;
WITH RECURSIVE tree(n) AS (SELECT 5 UNION ALL SELECT h FROM tree, LATERAL halves_global(n - 2) AS h WHERE n > 1)
SELECT count(*), sum(n) FROM tree;
