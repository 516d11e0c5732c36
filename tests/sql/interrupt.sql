-- A cancel that a call hears leaves its interpreter as it was, GD included.
CREATE SCHEMA interrupt;
SET search_path = interrupt;
CREATE FUNCTION gd_put(key text, value text) RETURNS void LANGUAGE pybox AS 'GD[key] = value';
CREATE FUNCTION gd_get(key text) RETURNS text LANGUAGE pybox AS 'return GD.get(key)';
-- Whenever it comes: here most often between a request and its answer. Each of these runs for ever.
CREATE FUNCTION ask_forever() RETURNS void LANGUAGE pybox AS $$
while True:
    plpy.quote_literal("a")
$$;
CREATE FUNCTION enter_forever() RETURNS void LANGUAGE pybox AS $$
while True:
    with plpy.subtransaction():
        pass
$$;
CREATE FUNCTION fetch_forever() RETURNS void LANGUAGE pybox AS $$
while True:
    for row in plpy.cursor("SELECT generate_series(1, 3)"):
        pass
$$;
CREATE FUNCTION execute_forever() RETURNS void LANGUAGE pybox AS $$
while True:
    try:
        plpy.execute("SELECT 1")
    except plpy.SPIError:
        pass
$$;
SET pybox.cancel_grace_ms = '3s';
SELECT gd_put('a', 'fourth');
SET statement_timeout = '30ms';
\set SHOW_CONTEXT never
SELECT format('SELECT %s_forever()', verb) FROM unnest('{ask,enter,fetch,execute}'::text[]) verb, generate_series(1, 3) \gexec
\set SHOW_CONTEXT errors
RESET statement_timeout;
RESET pybox.cancel_grace_ms;
SELECT gd_get('a');
