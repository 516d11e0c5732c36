-- Cursors, subtransactions and ends of transactions in sets, triggers, workers and functions that are not VOLATILE.
CREATE SCHEMA plpy_context;
SET search_path = plpy_context;
CREATE TABLE t AS SELECT i FROM generate_series(1, 5) AS i;

-- A set that reads a cursor, given up in every way: the cursor goes with it
CREATE FUNCTION by_cursor() RETURNS SETOF int LANGUAGE pybox AS $$
for row in plpy.cursor("SELECT i FROM plpy_context.t ORDER BY i"):
    yield row["i"]
$$;
SELECT by_cursor() LIMIT 2;
SELECT by_cursor(), by_cursor() LIMIT 3;
SELECT name FROM pg_cursors;
BEGIN;
DECLARE c CURSOR FOR SELECT by_cursor();
FETCH 2 FROM c;
SAVEPOINT s;
FETCH 1 FROM c;
ROLLBACK TO s;
FETCH 1 FROM c;
SELECT count(*) FROM pg_cursors;
CLOSE c;
SELECT count(*) FROM pg_cursors;
COMMIT;
BEGIN;
SAVEPOINT s;
SELECT 1/(by_cursor() - 2);
ROLLBACK TO s;
SELECT count(*) FROM pg_cursors;
COMMIT;
DO $$
BEGIN
  BEGIN
    PERFORM 1/(plpy_context.by_cursor() - 2);
  EXCEPTION WHEN division_by_zero THEN NULL;
  END;
  RAISE NOTICE '%', (SELECT count(*) FROM pg_cursors);
  PERFORM plpy_context.by_cursor() LIMIT 1;
  RAISE NOTICE '%', (SELECT count(*) FROM pg_cursors);
END $$;

-- A subtransaction for a row
CREATE FUNCTION sub_per_row() RETURNS SETOF int LANGUAGE pybox AS $$
for i in range(3):
    try:
        with plpy.subtransaction():
            plpy.execute(f"INSERT INTO plpy_context.t VALUES ({100+i})")
            if i == 1:
                raise ValueError("no")
    except ValueError:
        pass
    yield i
$$;
SELECT sub_per_row() LIMIT 2;
SELECT array_agg(i ORDER BY i) FROM t;

-- Ends of transactions, where they are allowed and where not
CREATE PROCEDURE commits() LANGUAGE pybox AS $$
for row in plpy.cursor("SELECT i FROM plpy_context.t WHERE i < 4 ORDER BY i"):
    plpy.execute(f"INSERT INTO plpy_context.t VALUES ({row['i'] + 1000})")
    if row["i"] == 2:
        plpy.rollback()
    else:
        plpy.commit()
$$;
CALL commits();
SELECT array_agg(i ORDER BY i) FROM t WHERE i > 1000;
DO $$ BEGIN FOR i IN 1..2 LOOP CALL plpy_context.commits(); COMMIT; END LOOP; END $$;
CREATE FUNCTION calls_it() RETURNS void LANGUAGE pybox AS 'plpy.execute("CALL plpy_context.commits()")';
SELECT calls_it();
CREATE PROCEDURE calls_it_too() LANGUAGE pybox AS 'plpy.execute("CALL plpy_context.commits()")';
CALL calls_it_too();
BEGIN; CALL commits(); ROLLBACK;
CREATE PROCEDURE commits_set() LANGUAGE plpgsql AS $$
DECLARE i int; BEGIN
FOR i IN SELECT plpy_context.by_cursor() LOOP CALL plpy_context.commits(); RAISE NOTICE '%', i; END LOOP; END $$;
CALL commits_set();
SELECT count(*) FROM pg_cursors;

-- In a trigger
CREATE FUNCTION tg() RETURNS trigger LANGUAGE pybox AS $$
with plpy.subtransaction():
    for row in plpy.cursor("SELECT i FROM plpy_context.t ORDER BY i LIMIT 1"):
        TD["new"]["i"] = TD["new"]["i"] + row["i"]
return "MODIFY"
$$;
CREATE TABLE tt (i int);
CREATE TRIGGER tg BEFORE INSERT ON tt FOR EACH ROW EXECUTE FUNCTION tg();
INSERT INTO tt SELECT by_cursor() RETURNING i;

-- In a parallel worker: none of it
CREATE FUNCTION par(i int) RETURNS int PARALLEL SAFE LANGUAGE pybox AS $$
with plpy.subtransaction():
    return i
$$;
CREATE FUNCTION parc(i int) RETURNS int PARALLEL SAFE LANGUAGE pybox AS 'return len(list(plpy.cursor("SELECT 1")))';
CREATE FUNCTION parcommit(i int) RETURNS int PARALLEL SAFE LANGUAGE pybox AS 'plpy.commit()';
SET force_parallel_mode = on;
SELECT par(1);
SELECT parc(1);
SELECT parcommit(1);
RESET force_parallel_mode;

-- Read-only, all of it
CREATE FUNCTION st() RETURNS int STABLE LANGUAGE pybox AS $$
with plpy.subtransaction():
    plpy.execute("INSERT INTO plpy_context.t VALUES (1)")
$$;
SELECT st();
CREATE FUNCTION stc() RETURNS int STABLE LANGUAGE pybox AS $$
return len(list(plpy.cursor("DELETE FROM plpy_context.t RETURNING 1")))
$$;
SELECT stc();
