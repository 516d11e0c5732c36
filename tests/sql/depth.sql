-- Calls nested too deeply: the limits of Python and of the server.
CREATE SCHEMA depth;
SET search_path = depth;

-- To Python's limit, which calls through SQL count for too
CREATE FUNCTION deep(n int) RETURNS int LANGUAGE pybox AS $$
GD["deepest"] = n
return plpy.execute(f"SELECT depth.deep({n + 1}) AS d")[0]["d"]
$$;
CREATE FUNCTION deepest() RETURNS int LANGUAGE pybox AS 'return GD.pop("deepest")';
DO $$
BEGIN
	PERFORM depth.deep(1);
EXCEPTION WHEN external_routine_exception THEN
	RAISE NOTICE '% % at %', SQLSTATE, replace(SQLERRM, 'spiexceptions.ExternalRoutineException: ', ''), depth.deepest();
END
$$;
CREATE FUNCTION deep_set(n int) RETURNS SETOF int LANGUAGE pybox AS $$
GD["deepest"] = n
for row in plpy.execute(f"SELECT depth.deep_set({n + 1}) AS d"):
    yield row["d"]
$$;
DO $$
BEGIN
	PERFORM depth.deep_set(1);
EXCEPTION WHEN external_routine_exception THEN
	RAISE NOTICE '% % at %', SQLSTATE, SQLERRM, depth.deepest();
END
$$;
CREATE FUNCTION deep_python(n int) RETURNS int LANGUAGE pybox AS $$
def below(n):
    GD["deepest"] = n
    return below(n + 1)
return below(n)
$$;
DO $$
BEGIN
	PERFORM depth.deep_python(1);
EXCEPTION WHEN external_routine_exception THEN
	RAISE NOTICE '% % at %', SQLSTATE, SQLERRM, depth.deepest();
END
$$;

-- To the server's limit
SET max_stack_depth = '300kB';
CREATE FUNCTION deep_top() RETURNS text LANGUAGE pybox AS $$
try:
    plpy.execute("SELECT depth.deep(1)")
except plpy.SPIError as error:
    return str(error).replace("spiexceptions.StatementTooComplex: ", "")
$$;
SELECT deep_top();
RESET max_stack_depth;
SELECT deepest() < 300;
