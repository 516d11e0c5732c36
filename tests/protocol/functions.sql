-- Functions whose children lie: lie_NAME(seed) answers with what tests/protocol/liar.py makes up for a result called NAME.
CREATE EXTENSION pybox;
CREATE EXTENSION hstore;
CREATE EXTENSION hstore_pybox;
CREATE TABLE lies (seed bigint, note text);
CREATE TYPE colour AS ENUM ('red', 'green');
CREATE TYPE lie_row_type AS (a int, b text, c int[]);
CREATE TYPE nested_type AS (r lie_row_type, f float8);
CREATE TYPE row_type AS (a int, b text);
CREATE DOMAIN small AS int CHECK (VALUE < 50);
CREATE TYPE pair_type AS (a int, b int);
CREATE DOMAIN checked AS pair_type CHECK ((VALUE).a < 50);

DO $do$
DECLARE
    name text; type text;
BEGIN
    FOR name, type IN VALUES
        ('void', 'void'), ('bool', 'bool'), ('int2', 'int2'), ('int4', 'int4'), ('int8', 'int8'), ('float4', 'float4'),
        ('float8', 'float8'), ('bytea', 'bytea'), ('text', 'text'), ('numeric', 'numeric'), ('stamp', 'timestamptz'),
        ('enum', 'colour'), ('json', 'json'), ('int4s', 'int4[]'), ('float8s', 'float8[]'), ('texts', 'text[]'),
        ('bools', 'bool[]'), ('rows', 'row_type[]'), ('row', 'lie_row_type'), ('nested', 'nested_type'),
        ('small', 'small'), ('set', 'SETOF int4'), ('checked', 'checked'), ('trigger', 'trigger'),
        ('object', 'jsonb TRANSFORM FOR TYPE jsonb'), ('mapping', 'hstore TRANSFORM FOR TYPE hstore')
    LOOP
        EXECUTE format('CREATE FUNCTION %I(%s) RETURNS %s LANGUAGE pybox AS %L', 'lie_' || name,
            CASE WHEN name <> 'trigger' THEN 'seed bigint' ELSE '' END, type,
            format('import liar; liar.chaos(%L, %s)', name, CASE name WHEN 'trigger' THEN 'TD["new"]["seed"]' ELSE 'seed' END));
    END LOOP;
END
$do$;
CREATE PROCEDURE lie_procedure(seed bigint) LANGUAGE pybox AS $$ import liar; liar.chaos('void', seed) $$;
CREATE TRIGGER lie BEFORE INSERT OR UPDATE OR DELETE ON lies FOR EACH ROW EXECUTE FUNCTION lie_trigger();

-- One named lie, told by a child of its own.
CREATE FUNCTION lie(name text) RETURNS int LANGUAGE pybox AS $$ import liar; return liar.lie(name) $$;
CREATE FUNCTION lie_briefly(name text) RETURNS int LANGUAGE pybox AS $$ import liar; return liar.lie(name) $$;
CREATE FUNCTION lie_untrusted(name text) RETURNS int LANGUAGE pyboxu AS $$ import liar; return liar.lie(name) $$;
CREATE FUNCTION lie_as_object(name text) RETURNS jsonb LANGUAGE pybox TRANSFORM FOR TYPE jsonb AS $$ import liar; return liar.lie(name) $$;
CREATE FUNCTION honest(a int) RETURNS int LANGUAGE pybox AS $$ return a + 1 $$;

-- Whether a function that calls one with such an SQLSTATE may catch it.
CREATE FUNCTION catches(state text) RETURNS text LANGUAGE pybox AS $$
try:
    plpy.execute("SELECT lie_error('%s')" % state)
except plpy.SPIError as error:
    return "caught " + error.sqlstate
$$;
CREATE FUNCTION lie_error(state text) RETURNS int LANGUAGE pybox AS $$ plpy.error("made up", sqlstate=state) $$;

-- Calls that many functions that lie, of each kind in turn, and says how often each SQLSTATE came. No state: a result.
CREATE FUNCTION exchanges(count int, first bigint) RETURNS TABLE (state text, many bigint, message text) LANGUAGE plpgsql AS $$
DECLARE
    calls text[] := ARRAY(SELECT format('SELECT count(%I($1)::text)', proname) FROM pg_proc
                          WHERE proargtypes = '20' AND proname LIKE 'lie\_%' AND prokind = 'f' ORDER BY 1)
        || ARRAY['INSERT INTO lies VALUES ($1, $2)',
                 'SELECT count(*) FROM (SELECT lie_set($1) LIMIT 3) s', 'SELECT count(*) FROM lie_set($1)', 'CALL lie_procedure($1)',
                 'CREATE OR REPLACE FUNCTION pg_temp.made() RETURNS int LANGUAGE pybox AS ''return 1''',
                 'DO LANGUAGE pybox ''import liar; liar.chaos("void", 1)'''];
    seed bigint;
    seen jsonb := '{}';
    said jsonb := '{}';
BEGIN
    FOR seed IN first .. first + count - 1 LOOP
        BEGIN
            EXECUTE calls[1 + seed % array_length(calls, 1)] USING seed, 'note';
            state := '';
        EXCEPTION WHEN OTHERS OR query_canceled THEN
            state := SQLSTATE;
            message := SQLERRM;
            said := said || jsonb_build_object(state, left(message, 200));
        END;
        seen := seen || jsonb_build_object(state, coalesce((seen ->> state)::bigint, 0) + 1);
    END LOOP;
    RETURN QUERY SELECT key, value::bigint, said ->> key FROM jsonb_each_text(seen) ORDER BY key;
END
$$;
