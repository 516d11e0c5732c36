-- plpy.debug to plpy.fatal: what the client sees.
CREATE SCHEMA log;
SET search_path = log;

CREATE FUNCTION logged(call text) RETURNS text LANGUAGE pybox AS $$
eval(compile(call, "call", "eval"))
return "done"
$$;

-- Levels
SET client_min_messages = debug2;
SELECT logged('plpy.debug("debug")');
SELECT logged('plpy.log("log")');
RESET client_min_messages;
SELECT logged('plpy.debug("not shown")');
SELECT logged('plpy.log("not shown")');
SELECT logged('plpy.info("info")');
SELECT logged('plpy.notice("notice")');
SELECT logged('plpy.warning("warning")');
SET client_min_messages = warning;
SELECT logged('plpy.notice("not shown")');
RESET client_min_messages;

-- Messages: str() of one argument, of the tuple of several
SELECT logged('plpy.notice("Größe €")');
SELECT logged('plpy.notice(1.5)');
SELECT logged('plpy.notice(["a", None])');
SELECT logged('plpy.notice("a", 1)');
SELECT logged('plpy.notice()');
SELECT logged('plpy.notice("")');
SELECT logged('plpy.notice("100% %s %d")');
SELECT logged(E'plpy.notice("two\\nlines")');

-- Keywords
SELECT logged('plpy.notice("m", detail="d", hint="h")');
SELECT logged('plpy.warning(message="by name", sqlstate="XX001")');
SELECT logged('plpy.info("m", detail=1, hint=None)');
SELECT logged('plpy.info("m", "n", detail="d")');

-- plpy.error raises plpy.Error
SELECT logged('plpy.error("wrong")');
SELECT logged('plpy.error("wrong", detail="d", hint="h")');
SELECT logged('plpy.error(1, 2)');

-- plpy.fatal raises plpy.Fatal; the session lives on
SELECT logged('plpy.fatal("very wrong")');
SELECT logged('1');

-- All that an error can carry
CREATE FUNCTION carried() RETURNS void LANGUAGE pybox AS $$
plpy.error("message", detail="detail", hint="hint", sqlstate="P1234", schema_name="schema", table_name="table",
           column_name="column", datatype_name="datatype", constraint_name="constraint")
$$;
CREATE FUNCTION diagnosed(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    state text; message text; detail text; hint text; schema_of text; table_of text; column_of text; type_of text;
    constraint_of text; context_of text;
BEGIN
    EXECUTE query;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
        hint = PG_EXCEPTION_HINT, schema_of = SCHEMA_NAME, table_of = TABLE_NAME, column_of = COLUMN_NAME,
        type_of = PG_DATATYPE_NAME, constraint_of = CONSTRAINT_NAME, context_of = PG_EXCEPTION_CONTEXT;
    RETURN NEXT concat_ws(' | ', state, message, detail, hint);
    RETURN NEXT concat_ws(' | ', schema_of, table_of, column_of, type_of, constraint_of);
    RETURN NEXT split_part(context_of, E'\nSQL statement', 1);
END $$;
SELECT diagnosed('SELECT log.carried()');
SELECT diagnosed($$ SELECT log.logged('plpy.error("plain")') $$);

-- Raised by hand, with attributes
CREATE FUNCTION raised_plain() RETURNS void LANGUAGE pybox AS 'raise plpy.Error("plain")';
CREATE FUNCTION raised_with_attributes() RETURNS void LANGUAGE pybox AS $$
error = plpy.Error("by hand")
error.sqlstate, error.detail, error.table_name = "P9999", "detail", "table"
raise error
$$;
SELECT diagnosed('SELECT log.raised_plain()');
SELECT diagnosed('SELECT log.raised_with_attributes()');

-- Caught in Python
CREATE FUNCTION caught() RETURNS text LANGUAGE pybox AS $$
try:
    plpy.error("wrong", detail="d", sqlstate="P1234")
except plpy.Error as error:
    return f"{error} {error.detail} {error.sqlstate} {error.hint}"
$$;
CREATE FUNCTION fatal_caught() RETURNS text LANGUAGE pybox AS $$
try:
    plpy.fatal("very wrong")
except plpy.Fatal as error:
    return f"{type(error).__name__} {error}"
$$;
SELECT caught(), fatal_caught();

-- Wrong use
SELECT logged('plpy.notice("m", message="n")');
SELECT logged('plpy.notice("m", colour="red")');
SELECT logged('plpy.notice("m", sqlstate="123")');
SELECT logged('plpy.error("m", sqlstate="abcde")');
SELECT logged('plpy.notice(type("Bad", (), {"__str__": lambda self: 1/0})())');

-- In order with what SQL says, and from a generator
CREATE FUNCTION in_order() RETURNS SETOF int LANGUAGE pybox AS $$
plpy.notice("before")
plpy.execute("DO 'BEGIN RAISE NOTICE ''from SQL''; END'")
yield 1
plpy.notice("between")
yield 2
$$;
SELECT * FROM in_order();
