-- A database whose encoding is not UTF-8: Python sees the same characters.
CREATE DATABASE pybox_latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0;
\c pybox_latin1
SET client_encoding = 'UTF8';
CREATE EXTENSION pybox;

CREATE FUNCTION describe(word text) RETURNS text LANGUAGE pybox AS $$
return f"{word} {len(word)} {ascii(word)} {word == 'Größe'}"
$$;
SELECT describe('Größe'), octet_length('Größe'::text);
CREATE FUNCTION "größer"("größe" int) RETURNS text LANGUAGE pybox AS $$
return plpy.quote_literal("é%d" % größe) + plpy.execute("SELECT 'ü' AS ü")[0]["ü"]
$$;
SELECT "größer"(1);

-- What the database cannot hold is an error, wherever it comes from
CREATE FUNCTION euro() RETURNS text LANGUAGE pybox AS $$ return "\u20ac" $$;
SELECT euro();
CREATE FUNCTION notice_euro() RETURNS void LANGUAGE pybox AS $$ plpy.notice("\u20ac") $$;
SELECT notice_euro();
CREATE FUNCTION raise_euro() RETURNS void LANGUAGE pybox AS $$ raise ValueError("\u20ac") $$;
SELECT raise_euro();
CREATE FUNCTION query_euro() RETURNS text LANGUAGE pybox AS $$
try:
    plpy.execute("SELECT '\u20ac'")
except plpy.SPIError as error:
    return f"{error.sqlstate} {error}"
$$;
SELECT query_euro();
SELECT describe('still here');

-- Also inside arrays, rows, and what a transform makes
CREATE FUNCTION words(python text) RETURNS text[] LANGUAGE pybox AS 'return eval(python)';
CREATE FUNCTION document(python text) RETURNS jsonb LANGUAGE pybox TRANSFORM FOR TYPE jsonb AS 'return eval(python)';
CREATE FUNCTION document_seen(j jsonb) RETURNS text LANGUAGE pybox TRANSFORM FOR TYPE jsonb AS 'return ascii(j)';
SELECT words('["\xe9", "\xfc"]'), document('{"\xe9": ["\xfc"]}'), document_seen('{"é": "ü"}');
SELECT words('["\xe9", "\u20ac"]');
SELECT document('{"\u20ac": 1}');

-- Several bytes for a character, and bytes of no encoding at all
CREATE DATABASE pybox_euc_jp ENCODING 'EUC_JP' LOCALE 'C' TEMPLATE template0;
\c pybox_euc_jp
SET client_encoding = 'UTF8';
CREATE EXTENSION pybox;
CREATE FUNCTION seen(word text) RETURNS text LANGUAGE pybox AS 'return ascii(word)';
CREATE FUNCTION made(python text) RETURNS text LANGUAGE pybox AS 'return eval(python)';
SELECT seen('あä'), made('"\u3042"'), octet_length(made('"\u3042"'));
SELECT made('"\U0001f600"');
CREATE DATABASE pybox_sql_ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0;
\c pybox_sql_ascii
CREATE EXTENSION pybox;
CREATE FUNCTION seen(word text) RETURNS text LANGUAGE pybox AS 'return ascii(word)';
CREATE FUNCTION made(python text) RETURNS text LANGUAGE pybox AS 'return eval(python)';
SELECT seen('plain'), made('"plain"'), made('"\xe9"')::bytea;
SELECT seen(convert_from('\xff', 'SQL_ASCII'));

\c pybox_regress
DROP DATABASE pybox_latin1;
DROP DATABASE pybox_euc_jp;
DROP DATABASE pybox_sql_ascii;
