-- Calls in transactions of every kind, in those that fail, and what they see.
CREATE SCHEMA transaction_context;
SET search_path = transaction_context;

CREATE TABLE notes (what text);
CREATE FUNCTION note(what text) RETURNS text LANGUAGE pybox AS $$
plpy.execute(plpy.prepare("INSERT INTO transaction_context.notes VALUES ($1)", ["text"]), [what])
return what
$$;
CREATE FUNCTION notes() RETURNS text LANGUAGE pybox AS $$
return " ".join(row["what"] for row in plpy.execute("SELECT what FROM transaction_context.notes ORDER BY ctid"))
$$;
CREATE FUNCTION fails() RETURNS void LANGUAGE pybox AS 'raise ValueError("failed")';
CREATE FUNCTION counts_volatile() RETURNS bigint LANGUAGE pybox AS 'return plpy.execute("SELECT count(*) AS c FROM transaction_context.notes")[0]["c"]';
CREATE FUNCTION counts_stable() RETURNS bigint STABLE LANGUAGE pybox AS 'return plpy.execute("SELECT count(*) AS c FROM transaction_context.notes")[0]["c"]';

-- Aborted and goes on: savepoints, implicit blocks, an error at each depth
BEGIN;
SELECT note('a');
SAVEPOINT s;
SELECT note('b');
SELECT fails();
SELECT notes();
ROLLBACK TO s;
SELECT notes();
SELECT note('c');
RELEASE s;
COMMIT;
SELECT notes();
BEGIN;
SELECT note('gone');
ROLLBACK;
SELECT note('gone'), fails();
SELECT notes();
DO $$
BEGIN
	BEGIN
		PERFORM transaction_context.note('x');
		PERFORM transaction_context.fails();
	EXCEPTION WHEN external_routine_exception THEN
		PERFORM transaction_context.note('d');
	END;
END
$$;
SELECT notes();
CREATE FUNCTION tries() RETURNS text LANGUAGE pybox AS $$
said = []
for query in ("SELECT transaction_context.note('e')", "SELECT transaction_context.fails()", "SELECT 1/0", "SELECT transaction_context.note('f')",
              "SELECT transaction_context.note('x'), transaction_context.fails()", "no SQL"):
    try:
        plpy.execute(query)
        said.append("done")
    except plpy.SPIError as error:
        said.append(type(error).__name__)
return " ".join(said)
$$;
SELECT tries();
SELECT notes();

-- Transaction control by SQL is refused inside functions
CREATE FUNCTION runs(query text) RETURNS text LANGUAGE pybox AS 'return str(plpy.execute(query).status())';
SELECT runs('COMMIT');
SELECT runs('SAVEPOINT s');
SELECT runs('ROLLBACK');
SELECT runs('BEGIN');
SELECT runs('PREPARE TRANSACTION ''x''');
SELECT runs('VACUUM');
SELECT runs('CREATE DATABASE regress_never');
SELECT runs('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE');

-- What a function sees: VOLATILE what was done before each statement of it, STABLE what the calling query sees
TRUNCATE notes;
SELECT note('one'), counts_volatile(), counts_stable();
SELECT counts_volatile(), counts_stable();
WITH written AS (INSERT INTO notes VALUES ('two'), ('three') RETURNING what)
SELECT what, counts_volatile(), counts_stable() FROM written;
INSERT INTO notes SELECT 'row ' || counts_volatile() || counts_stable() FROM generate_series(1, 3);
SELECT notes();
UPDATE notes SET what = what || counts_volatile() WHERE what LIKE 'row%' RETURNING what, counts_stable();
CREATE FUNCTION counts_inside() RETURNS text LANGUAGE pybox AS $$
before = plpy.execute("SELECT count(*) AS c FROM notes")[0]["c"]
plpy.execute("INSERT INTO notes VALUES ('inside')")
return str((before, plpy.execute("SELECT count(*) AS c FROM notes")[0]["c"], plpy.execute("SELECT transaction_context.counts_stable() AS c")[0]["c"]))
$$;
SELECT counts_inside();
-- a cursor's query keeps its snapshot for STABLE functions
BEGIN;
DECLARE c CURSOR FOR SELECT counts_stable(), counts_volatile() FROM generate_series(1, 2);
FETCH 1 FROM c;
INSERT INTO notes VALUES ('later');
FETCH 1 FROM c;
COMMIT;

-- Read-only: what is not VOLATILE, and transactions that are
CREATE FUNCTION stable_runs(query text) RETURNS text STABLE LANGUAGE pybox AS 'return str(plpy.execute(query).nrows())';
CREATE FUNCTION immutable_runs(query text) RETURNS text IMMUTABLE LANGUAGE pybox AS 'return str(plpy.execute(query, 1).nrows())';
CREATE FUNCTION stable_set(query text) RETURNS SETOF text STABLE LANGUAGE pybox AS $$
yield "first"
yield plpy.execute(query).nrows()
$$;
SELECT stable_runs('SELECT 1 UNION SELECT 2'), immutable_runs('SELECT 1 UNION SELECT 2');
SELECT stable_runs('CREATE TABLE never (i int)');
SELECT stable_runs('INSERT INTO notes VALUES (1)');
SELECT immutable_runs('UPDATE notes SET what = NULL');
SELECT stable_runs('SELECT * FROM notes FOR UPDATE');
SELECT stable_runs('LOCK TABLE notes IN EXCLUSIVE MODE');
SELECT stable_runs('SELECT transaction_context.note(''by a volatile one'')');
SELECT stable_runs('WITH w AS (DELETE FROM notes RETURNING 1) SELECT * FROM w');
SELECT stable_runs('NOTIFY x');
SELECT stable_runs('SHOW transaction_read_only');
SELECT stable_runs('EXPLAIN ANALYZE DELETE FROM notes');
SELECT * FROM stable_set('DELETE FROM notes');
SELECT count(*) FROM notes WHERE what = 'by a volatile one';
BEGIN TRANSACTION READ ONLY;
SELECT counts_volatile() > 0;
SAVEPOINT s;
SELECT note('never');
ROLLBACK TO s;
SELECT runs('SET TRANSACTION READ WRITE');
ROLLBACK TO s;
SELECT runs('CREATE TEMP TABLE never (i int)');
ROLLBACK;
BEGIN;
SELECT runs('SET TRANSACTION READ ONLY');
SELECT note('never');
ROLLBACK;

-- Isolation levels
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT runs('SHOW transaction_isolation');
SELECT note('repeatable'), counts_volatile() - counts_stable() AS own;
SELECT counts_volatile() - counts_stable() AS own;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT note('serializable'), counts_volatile() - counts_stable() AS own;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE;
SELECT counts_stable() > 0;
COMMIT;

-- Two phases: calls and an open set before it, the effects after it
TRUNCATE notes;
CREATE FUNCTION endless() RETURNS SETOF int LANGUAGE pybox AS $$
try:
    n = 0
    while True:
        n += 1
        yield n
finally:
    GD["ended"] = GD.get("ended", 0) + 1
$$;
CREATE FUNCTION ended() RETURNS int LANGUAGE pybox AS 'return GD.pop("ended", 0)';
BEGIN;
SELECT note('first phase');
DECLARE c CURSOR FOR SELECT endless();
FETCH 2 FROM c;
PREPARE TRANSACTION 'regress_pybox';
SELECT ended(), notes();
SELECT gid FROM pg_prepared_xacts;
COMMIT PREPARED 'regress_pybox';
SELECT notes();
BEGIN;
SELECT note('rolled back');
PREPARE TRANSACTION 'regress_pybox';
ROLLBACK PREPARED 'regress_pybox';
SELECT notes();
BEGIN;
SELECT note('x'), fails();
PREPARE TRANSACTION 'regress_pybox';
SELECT notes();

-- Sets open across savepoints that are rolled back
BEGIN;
DECLARE c CURSOR FOR SELECT endless();
FETCH 1 FROM c;
SAVEPOINT s;
FETCH 1 FROM c;
DECLARE d CURSOR FOR SELECT endless();
FETCH 1 FROM d;
SELECT fails();
ROLLBACK TO s;
FETCH 1 FROM c;
FETCH 1 FROM d;
ROLLBACK TO s;
SELECT ended();
FETCH 1 FROM c;
ROLLBACK;
SELECT ended();

-- An error in the middle of a set that a cursor reads
CREATE FUNCTION fails_later() RETURNS SETOF int LANGUAGE pybox AS $$
yield 1
plpy.execute("INSERT INTO transaction_context.notes VALUES ('by a set')")
yield 2
raise ValueError("later")
$$;
BEGIN;
DECLARE c CURSOR FOR SELECT fails_later();
FETCH 2 FROM c;
SAVEPOINT s;
FETCH 1 FROM c;
ROLLBACK TO s;
FETCH 1 FROM c;
ROLLBACK TO s;
SELECT notes();
COMMIT;

-- Deferred constraints, whose check calls a function of a CHECK's table; exclusion by an expression
CREATE FUNCTION folded(word text) RETURNS text IMMUTABLE LANGUAGE pybox AS 'return word.lower()';
CREATE TABLE deferred (word text, EXCLUDE USING hash (folded(word) WITH =) DEFERRABLE INITIALLY DEFERRED);
BEGIN;
INSERT INTO deferred VALUES ('a'), ('A');
DELETE FROM deferred WHERE word = 'A';
COMMIT;
BEGIN;
INSERT INTO deferred VALUES ('A');
COMMIT;
SELECT * FROM deferred;

-- Timeouts: as everywhere, a cancel is not a Python exception
CREATE FUNCTION sleeps_in_sql() RETURNS text LANGUAGE pybox AS 'plpy.execute("SELECT pg_sleep(600)")';
BEGIN;
SAVEPOINT s;
SET LOCAL statement_timeout = '100ms';
SELECT sleeps_in_sql();
ROLLBACK TO s;
SHOW statement_timeout;
SELECT notes();
COMMIT;

-- Where nothing is left
SELECT count(*) FROM pg_prepared_xacts;
SELECT count(*) FROM pg_cursors;
SELECT count(*) FROM pg_locks WHERE locktype = 'relation' AND relation::regclass::text LIKE 'transaction_context.%' AND pid = pg_backend_pid();
