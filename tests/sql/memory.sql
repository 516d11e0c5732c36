-- limits.memory: 128MB for one interpreter. Python is refused more, with cgroups or without.
CREATE SCHEMA memory;
SET search_path = memory;

-- All that the client is told, with N for numbers that vary
CREATE FUNCTION outcome(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE state text; message text; detail text; hint text; context_of text;
BEGIN
    EXECUTE query;
    RETURN NEXT 'no error';
EXCEPTION WHEN query_canceled OR OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
        hint = PG_EXCEPTION_HINT, context_of = PG_EXCEPTION_CONTEXT;
    detail = regexp_replace(detail, '(call|Call|pid) \d+', '\1 N', 'g');
    detail = regexp_replace(detail, '(ran|used|sent|asked for) [\d.]+', '\1 N', 'g');
    RETURN QUERY SELECT line FROM (VALUES
        (state || ': ' || message), ('detail: ' || nullif(detail, '')), ('hint: ' || nullif(hint, '')),
        ('context: ' || split_part(context_of, E'\nSQL statement', 1))) AS told(line)
        WHERE line IS NOT NULL;
END $$;

CREATE FUNCTION hungry(size text) RETURNS int LANGUAGE pybox AS $$
if size == "at once":
    return len(bytearray(3 * 2**30))
if size == "little by little":
    return len([bytearray(2**20) for i in range(3 * 2**10)])
return len(bytearray(8 * 2**20))
$$;
SELECT pool FROM pybox.explain_policy(function => 'memory.hungry');
SELECT hungry('modest');
SELECT outcome($$ SELECT memory.hungry('at once') $$);
SELECT outcome($$ SELECT memory.hungry('little by little') $$);
SELECT hungry('modest');

