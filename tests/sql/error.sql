-- What goes wrong in Python, as the client is told.
CREATE SCHEMA error;
SET search_path = error;

-- Tracebacks: line numbers are those of the body
CREATE FUNCTION shallow() RETURNS int LANGUAGE pybox AS $$
x = {}
return x["missing"]
$$;
SELECT shallow();
CREATE FUNCTION deep(n int) RETURNS int LANGUAGE pybox AS $$
def outer(i):
    return inner(i)

def inner(i):
    if i == 0:
        raise ValueError("at the bottom")
    return outer(i - 1)

return outer(n)
$$;
SELECT deep(1);
CREATE FUNCTION through_library() RETURNS int LANGUAGE pybox AS $$
import json
return json.loads("[1, }")
$$;
\set SHOW_CONTEXT never
SELECT through_library();
\set SHOW_CONTEXT errors
CREATE FUNCTION one_line() RETURNS int LANGUAGE pybox AS 'return 1/0';
SELECT one_line();
CREATE FUNCTION in_lambda() RETURNS int LANGUAGE pybox AS $$
return max([1, 2], key=lambda i: i.bit_count)
$$;
SELECT in_lambda();
CREATE FUNCTION in_query() RETURNS int LANGUAGE pybox AS $$
def ask():
    return plpy.execute("SELECT 1/0")
ask()
$$;
SELECT in_query();

-- All kinds of exceptions
CREATE FUNCTION raised(python text) RETURNS void LANGUAGE pybox AS $$
exec(compile(python, "statement", "exec"))
$$;
SELECT raised('raise ValueError');
SELECT raised('raise ValueError("a", 1)');
SELECT raised('raise Exception("Größe €")');
SELECT raised('raise Exception("")');
SELECT raised('raise OSError(2, "nothing there", "file")');
SELECT raised('assert 1 > 2, "one is not more"');
SELECT raised('nowhere');
SELECT raised('None.lower()');
SELECT raised('raise "a string"');
SELECT raised(E'class Own(Exception):\n  pass\nraise Own("mine")');
SELECT raised(E'class Mute(Exception):\n  def __str__(self):\n    raise ValueError("no words")\nraise Mute');
SELECT raised('raise Exception("first line\nsecond line")');
SELECT raised(E'raise Exception("a\\0b")');
SELECT raised(E'raise Exception("\\ud800")');
SELECT raised('raise KeyboardInterrupt');
SELECT raised('raise StopIteration(1)');
SELECT raised('raise ExceptionGroup("both", [ValueError(1), TypeError(2)])');
SELECT raised(E'e = ValueError("noted")\ne.add_note("a note")\nraise e');

-- Chained exceptions: the last one counts
SELECT raised(E'try:\n  1/0\nexcept ZeroDivisionError as e:\n  raise ValueError("wrapped") from e');
SELECT raised(E'try:\n  1/0\nexcept ZeroDivisionError:\n  raise ValueError("meanwhile")');
CREATE FUNCTION chained_query() RETURNS void LANGUAGE pybox AS $$
try:
    plpy.execute("SELECT 1/0")
except plpy.SPIError as error:
    raise RuntimeError("query failed") from error
$$;
SELECT chained_query();

-- Leaving Python leaves the function, not the session
SELECT raised('import sys; sys.exit()');
SELECT raised('import sys; sys.exit(3)');
SELECT raised('raise SystemExit("bye")');
\set SHOW_CONTEXT never
SELECT raised('exit()');
\set SHOW_CONTEXT errors

-- Too deep, too much
CREATE FUNCTION endless(n int) RETURNS int LANGUAGE pybox AS $$
def down(i):
    return down(i + 1)
try:
    return down(n)
except RecursionError as error:
    return len(str(error)) > 0 and -1
$$;
SELECT endless(0);
SELECT raised('raise MemoryError');

-- Modules that are not there
CREATE FUNCTION imports_none() RETURNS int LANGUAGE pybox AS $$
import no_such_module
$$;
SELECT imports_none();
DO LANGUAGE pyboxu 'import no_such_module';
CREATE FUNCTION imports_name() RETURNS int LANGUAGE pybox AS $$
from math import no_such_name
$$;
SELECT imports_name();

-- Source that does not compile is refused when it comes
CREATE FUNCTION syntax_one() RETURNS int LANGUAGE pybox AS $$
x = 1
return 1 +
$$;
CREATE FUNCTION syntax_two() RETURNS int LANGUAGE pybox AS $$
if True:
return 1
$$;
CREATE FUNCTION syntax_three() RETURNS int LANGUAGE pyboxu AS 'return (';
CREATE FUNCTION syntax_four() RETURNS int LANGUAGE pybox AS $$
x = "not closed
$$;
CREATE FUNCTION syntax_five() RETURNS int LANGUAGE pybox AS $$
	x = 1
    y = 2
$$;
CREATE FUNCTION syntax_six(a int) RETURNS int LANGUAGE pybox AS $$
global a
nonlocal b
$$;
CREATE PROCEDURE syntax_seven() LANGUAGE pybox AS 'a b';
DO LANGUAGE pybox 'a b';
-- unless bodies are not checked: then by the first call
SET check_function_bodies = off;
CREATE FUNCTION syntax_late() RETURNS int LANGUAGE pybox AS 'return 1 +';
RESET check_function_bodies;
SELECT syntax_late();
-- a refused replacement leaves the old one
CREATE OR REPLACE FUNCTION one_line() RETURNS int LANGUAGE pybox AS 'return +';
SELECT one_line();
-- names that are found out only when they are used
CREATE FUNCTION undefined_name() RETURNS int LANGUAGE pybox AS 'return nowhere';
SELECT undefined_name();

-- Results of the wrong type
CREATE FUNCTION int_of(python text) RETURNS int LANGUAGE pybox AS 'return eval(compile(python, "expression", "eval"))';
SELECT int_of('[1]');
SELECT int_of('int');
SELECT int_of('"seven"');
SELECT int_of('print');

-- Where the error is seen from SQL
CREATE FUNCTION plpgsql_caught(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE context text;
BEGIN
    EXECUTE query;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
    RETURN concat_ws(E'\n', SQLSTATE, SQLERRM, context);
END $$;
SELECT plpgsql_caught('SELECT error.one_line()'), plpgsql_caught('SELECT 1');

-- After all this
SELECT raised('1');

-- Line ends of any system; tabs and empty lines
CREATE FUNCTION line_ends() RETURNS int LANGUAGE pybox AS E'x = 1\r\nif x:\r\n\tx = 2\r\rreturn x + y\r\n';
SELECT line_ends();
CREATE FUNCTION blank_lines() RETURNS text LANGUAGE pybox AS $$

text = """a

 b"""

return repr(text)

$$;
SELECT blank_lines();
