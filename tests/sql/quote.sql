-- plpy.quote_literal, quote_nullable and quote_ident.
CREATE SCHEMA quote;
SET search_path = quote;

CREATE FUNCTION quoted(value text, how text) RETURNS text LANGUAGE pybox AS 'return getattr(plpy, "quote_" + how)(value)';
SELECT how, quoted('abc', how), quoted('a''bc', how), quoted('', how), quoted(E'a\\b\n', how), quoted('Größe "€"', how)
FROM unnest('{literal,nullable,ident}'::text[]) AS how;
SELECT quoted('select', 'ident'), quoted('A', 'ident'), quoted('a1_', 'ident'), quoted('1a', 'ident');

-- None
SELECT quoted(NULL, 'nullable');
SELECT quoted(NULL, 'literal');
SELECT quoted(NULL, 'ident');

-- Wrong arguments
CREATE FUNCTION quote_wrongly(call text) RETURNS text LANGUAGE pybox AS 'return eval(compile(call, "call", "eval"))';
SELECT quote_wrongly('plpy.quote_literal()');
SELECT quote_wrongly('plpy.quote_literal("a", "b")');
SELECT quote_wrongly('plpy.quote_nullable([1])');
SELECT quote_wrongly('plpy.quote_ident(1.5)');
SELECT quote_wrongly('plpy.quote_literal("a\0b")');
SELECT quote_wrongly('plpy.quote_literal("\ud800")');

-- What is quoted comes back as it was
CREATE FUNCTION there_and_back(value text) RETURNS bool LANGUAGE pybox AS $$
literal, name = plpy.quote_literal(value), plpy.quote_ident("c" + value)
row = plpy.execute(f"SELECT {literal} AS {name}")[0]
return row["c" + value] == value
$$;
SELECT there_and_back(value) FROM (VALUES ('plain'), ('it''s'), ('"'), (E'\\'), (E'\n'), ('$$'), ('ß€')) AS v(value);
