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

\c pybox_regress
DROP DATABASE pybox_latin1;
