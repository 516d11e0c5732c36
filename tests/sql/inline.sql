-- DO blocks and procedures.
CREATE SCHEMA inline;
SET search_path = inline;

DO LANGUAGE pybox $$ plpy.notice("trusted") $$;
DO LANGUAGE pyboxu $$ plpy.notice("untrusted") $$;
DO LANGUAGE pybox '';
DO LANGUAGE pybox $$ return None $$;
DO LANGUAGE pybox $$ return 1 $$;
DO LANGUAGE pybox $$
def inner():
    raise KeyError("deep")
inner()
$$;
DO LANGUAGE pybox $$ plpy.notice(repr(args)) $$;
DO LANGUAGE pybox $$
x = 1
  y = 2
$$;

-- What a block leaves behind
CREATE TABLE kept (i int);
DO LANGUAGE pybox $$ plpy.execute("INSERT INTO kept VALUES (1)") $$;
DO LANGUAGE pybox $$
plpy.execute("INSERT INTO kept VALUES (2)")
raise ValueError("undone")
$$;
SELECT * FROM kept;
DO LANGUAGE pybox $$ SD["x"] = 1; GD["x"] = 1 $$;
DO LANGUAGE pybox $$ plpy.notice(f"{SD} {'x' in GD}") $$;

-- Procedures
CREATE PROCEDURE insert_one(i int) LANGUAGE pybox AS $$
plpy.execute(plpy.prepare("INSERT INTO kept VALUES ($1)", ["int"]), [i])
$$;
CALL insert_one(3);
CALL insert_one(NULL);
SELECT * FROM kept;
CREATE PROCEDURE returns_one() LANGUAGE pybox AS 'return 1';
CALL returns_one();
CREATE PROCEDURE fails() LANGUAGE pybox AS 'return 1/0';
CALL fails();
CREATE PROCEDURE doubled(INOUT a int, INOUT b text) LANGUAGE pybox AS 'return a * 2, b * 2';
CALL doubled(4, 'ab');
CREATE PROCEDURE one_out(a int, INOUT b int) LANGUAGE pybox AS 'return (a + b,)';
CALL one_out(1, 2);
CREATE PROCEDURE only_out(OUT a int) LANGUAGE pybox AS 'return [args and 1 or 2]';
CALL only_out(NULL);
CREATE PROCEDURE wrong_out(INOUT a int, INOUT b int) LANGUAGE pybox AS 'return 7';
CALL wrong_out(1, 2);
DO $$
DECLARE a int := 21; b text := 'x';
BEGIN
    CALL doubled(a, b);
    RAISE NOTICE '% %', a, b;
END $$;

-- A procedure is not a function
SELECT insert_one(1);
