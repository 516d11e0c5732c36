-- What happens at commit: deferred constraint triggers, their role, snapshot and errors.
CREATE SCHEMA deferred;
SET search_path = deferred;
CREATE ROLE regress_deferred;
GRANT ALL ON SCHEMA deferred TO regress_deferred;

CREATE TABLE parts (id int, whole int);
CREATE TABLE seen (what text);
GRANT ALL ON parts, seen TO regress_deferred;
CREATE FUNCTION adds_up() RETURNS trigger LANGUAGE pybox AS $$
row = plpy.execute("SELECT count(*) AS n, current_user AS u FROM deferred.parts")[0]
plpy.notice(f"{TD['name']} {TD['event']} {TD['when']} {TD['level']}: {row['n']} rows, {row['u']}")
if row["n"] % 2:
    plpy.error("parts come in pairs", sqlstate="23000", table_name="parts")
$$;
CREATE CONSTRAINT TRIGGER pairs AFTER INSERT OR UPDATE OR DELETE ON parts DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION adds_up();

-- Each event waits for the end, and sees all of them
BEGIN;
INSERT INTO parts VALUES (1, 1);
SELECT 'nothing yet';
INSERT INTO parts VALUES (2, 1);
COMMIT;
BEGIN;
INSERT INTO parts VALUES (3, 1);
COMMIT;
SELECT count(*) FROM parts;
INSERT INTO parts VALUES (3, 1);
INSERT INTO parts VALUES (3, 1), (4, 1);

-- Made immediate, in the middle of the transaction; and rolled back with their savepoint
BEGIN;
INSERT INTO parts VALUES (5, 2);
SAVEPOINT s;
SET CONSTRAINTS pairs IMMEDIATE;
ROLLBACK TO s;
INSERT INTO parts VALUES (6, 2);
SET CONSTRAINTS pairs IMMEDIATE;
DELETE FROM parts WHERE id = 6;
ROLLBACK;
BEGIN;
SAVEPOINT s;
INSERT INTO parts VALUES (7, 3);
ROLLBACK TO s;
COMMIT;

-- As the role at commit, not that of the statement
BEGIN;
SET LOCAL ROLE regress_deferred;
INSERT INTO parts VALUES (8, 4), (9, 4);
COMMIT;
BEGIN;
SET LOCAL ROLE regress_deferred;
INSERT INTO parts VALUES (10, 4), (11, 4);
RESET ROLE;
COMMIT;

-- A trigger whose own changes defer others, which call functions in turn
CREATE FUNCTION notes_it() RETURNS trigger LANGUAGE pybox AS $$
plpy.execute(plpy.prepare("INSERT INTO deferred.seen VALUES ($1)", ["text"]), [f"{TD['event']} {TD['new']['id']}"])
$$;
CREATE FUNCTION tells_it() RETURNS trigger LANGUAGE pybox AS 'plpy.notice("seen: " + TD["new"]["what"])';
CREATE CONSTRAINT TRIGGER notes AFTER INSERT ON parts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION notes_it();
CREATE CONSTRAINT TRIGGER tells AFTER INSERT ON seen DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tells_it();
BEGIN;
INSERT INTO parts VALUES (12, 5), (13, 5);
COMMIT;
SELECT * FROM seen;

-- From within a function: not before the transaction that it is called in ends
CREATE FUNCTION inserts(n int) RETURNS text LANGUAGE pybox AS $$
for i in range(n):
    plpy.execute(f"INSERT INTO deferred.parts VALUES ({100 + i}, 6)")
plpy.notice("inserted")
return "done"
$$;
SELECT inserts(2);
CREATE FUNCTION inserts_now() RETURNS text LANGUAGE pybox AS $$
plpy.execute("SET CONSTRAINTS ALL IMMEDIATE")
try:
    plpy.execute("INSERT INTO deferred.parts VALUES (200, 7)")
except plpy.SPIError as error:
    return f"{error.sqlstate} {error}"
$$;
SELECT inserts_now();
SELECT inserts(1);

-- With an open set, a cursor that is held, and in two phases
CREATE FUNCTION counts_up() RETURNS SETOF int LANGUAGE pybox AS 'yield from range(1, 4)';
BEGIN;
DECLARE open_set CURSOR FOR SELECT counts_up();
DECLARE held CURSOR WITH HOLD FOR SELECT counts_up(), (SELECT count(*) FROM parts);
FETCH 1 FROM open_set;
FETCH 1 FROM held;
INSERT INTO parts VALUES (14, 8), (15, 8);
COMMIT;
FETCH ALL FROM held;
CLOSE held;
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT counts_up();
FETCH 1 FROM held;
INSERT INTO parts VALUES (16, 8);
COMMIT;
FETCH ALL FROM held;
BEGIN;
INSERT INTO parts VALUES (17, 9), (18, 9);
PREPARE TRANSACTION 'regress_deferred';
COMMIT PREPARED 'regress_deferred';
BEGIN;
INSERT INTO parts VALUES (19, 9);
PREPARE TRANSACTION 'regress_deferred';
SELECT count(*) FROM pg_prepared_xacts WHERE gid = 'regress_deferred';

-- From PL/pgSQL with COMMIT in a loop
CREATE PROCEDURE in_pairs() LANGUAGE plpgsql AS $$
DECLARE
	i int;
BEGIN
	FOR i IN SELECT deferred.counts_up() LOOP
		INSERT INTO deferred.parts VALUES (300 + i, 10), (400 + i, 10);
		COMMIT;
	END LOOP;
END
$$;
CALL in_pairs();
SELECT count(*) FROM parts WHERE whole = 10;

SET client_min_messages = warning;
DROP SCHEMA deferred CASCADE;
DROP ROLE regress_deferred;
