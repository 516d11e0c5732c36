/* pybox_plpython3u 1.0: PL/Python's languages under their own names, on pybox's handlers. The extension pybox, with its own
 * languages and views, may stand beside it in the same database or not. */

\echo Use "CREATE EXTENSION pybox_plpython3u" to load this file. \quit

-- Said before the server says it in words that do not tell what to do.
DO LANGUAGE plpgsql $claim$
DECLARE
    taken name;
    provider name;
BEGIN
    SELECT l.lanname, e.extname INTO taken, provider
    FROM pg_language l
    LEFT JOIN pg_depend d ON d.classid = 'pg_language'::regclass AND d.objid = l.oid
        AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
    LEFT JOIN pg_extension e ON e.oid = d.refobjid
    WHERE l.lanname IN ('plpython3u', 'plpythonu') ORDER BY l.lanname LIMIT 1;
    IF FOUND THEN
        RAISE duplicate_object USING MESSAGE = format('language "%s" exists already in this database', taken),
            DETAIL = coalesce('It belongs to extension "' || provider || '".', 'It belongs to no extension.'),
            HINT = 'Move its functions with pybox.port(function, ''pyboxu''), or drop them, and drop what provides it; then the name is free.';
    END IF;
END
$claim$;

CREATE FUNCTION plpython3_call_handler() RETURNS language_handler LANGUAGE c AS 'MODULE_PATHNAME', 'pyboxu_call_handler';
CREATE FUNCTION plpython3_inline_handler(internal) RETURNS void STRICT LANGUAGE c AS 'MODULE_PATHNAME', 'pyboxu_inline_handler';
CREATE FUNCTION plpython3_validator(oid) RETURNS void STRICT LANGUAGE c AS 'MODULE_PATHNAME', 'pyboxu_validator';

COMMENT ON FUNCTION plpython3_call_handler() IS 'Calls functions in language plpython3u, as pyboxu does';
COMMENT ON FUNCTION plpython3_inline_handler(internal) IS 'Runs DO blocks in language plpython3u, as pyboxu does';
COMMENT ON FUNCTION plpython3_validator(oid) IS 'Checks the body of a function in language plpython3u, as pyboxu does';

CREATE LANGUAGE plpython3u HANDLER plpython3_call_handler INLINE plpython3_inline_handler VALIDATOR plpython3_validator;

COMMENT ON LANGUAGE plpython3u IS 'PL/Python outside the server: another name of pyboxu';

CREATE FUNCTION plpython_call_handler() RETURNS language_handler LANGUAGE c AS 'MODULE_PATHNAME', 'pyboxu_call_handler';
CREATE FUNCTION plpython_inline_handler(internal) RETURNS void STRICT LANGUAGE c AS 'MODULE_PATHNAME', 'pyboxu_inline_handler';
CREATE FUNCTION plpython_validator(oid) RETURNS void STRICT LANGUAGE c AS 'MODULE_PATHNAME', 'pyboxu_validator';

COMMENT ON FUNCTION plpython_call_handler() IS 'Calls functions in language plpythonu, as pyboxu does';
COMMENT ON FUNCTION plpython_inline_handler(internal) IS 'Runs DO blocks in language plpythonu, as pyboxu does';
COMMENT ON FUNCTION plpython_validator(oid) IS 'Checks the body of a function in language plpythonu, as pyboxu does';

CREATE LANGUAGE plpythonu HANDLER plpython_call_handler INLINE plpython_inline_handler VALIDATOR plpython_validator;

COMMENT ON LANGUAGE plpythonu IS 'PL/Python outside the server: another name of pyboxu';

CREATE FUNCTION jsonb_to_plpython3(internal) RETURNS internal STRICT IMMUTABLE
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_jsonb_from_sql';
CREATE FUNCTION plpython3_to_jsonb(internal) RETURNS jsonb STRICT IMMUTABLE
LANGUAGE c AS 'MODULE_PATHNAME', 'pybox_jsonb_to_sql';

COMMENT ON FUNCTION jsonb_to_plpython3(internal) IS 'Of the transforms for jsonb';
COMMENT ON FUNCTION plpython3_to_jsonb(internal) IS 'Of the transforms for jsonb';

CREATE TRANSFORM FOR jsonb LANGUAGE plpython3u (
    FROM SQL WITH FUNCTION jsonb_to_plpython3(internal),
    TO SQL WITH FUNCTION plpython3_to_jsonb(internal)
);
CREATE TRANSFORM FOR jsonb LANGUAGE plpythonu (
    FROM SQL WITH FUNCTION jsonb_to_plpython3(internal),
    TO SQL WITH FUNCTION plpython3_to_jsonb(internal)
);

COMMENT ON TRANSFORM FOR jsonb LANGUAGE plpython3u IS 'jsonb as Python dict, list, str, Decimal, bool and None';
COMMENT ON TRANSFORM FOR jsonb LANGUAGE plpythonu IS 'jsonb as Python dict, list, str, Decimal, bool and None';
