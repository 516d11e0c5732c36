-- Functions and children that overstep: what they break falls on them alone. tests/policy.yaml gives each its pool.
CREATE SCHEMA overstep;
SET search_path = overstep;
CREATE FUNCTION alive() RETURNS text LANGUAGE pybox AS 'return "alive"';
-- The error without what varies
CREATE FUNCTION outcome(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE query;
    RETURN 'no error';
EXCEPTION WHEN query_canceled OR OTHERS THEN
    RETURN SQLSTATE || ': ' || SQLERRM;
END $$;

-- A child that closes its socket looks dead, but would run on without slot, limit or cancel
CREATE FUNCTION plays_dead() RETURNS void LANGUAGE pybox AS $$
import os
for descriptor in range(3, 64):
    try:
        os.close(descriptor)
    except OSError:
        pass
while True:
    pass
$$;
SELECT outcome('SELECT overstep.plays_dead()'), alive();

-- A plan that is freed while it runs goes on to its end: both numbers are drawn
CREATE SEQUENCE steps;
CREATE FUNCTION drops_plan() RETURNS void LANGUAGE pybox AS $$
import ctypes
ctypes.pythonapi._Py_Dealloc(ctypes.py_object(GD["plan"]))
plpy.execute("SELECT 1")
$$;
CREATE FUNCTION runs_plan() RETURNS void LANGUAGE pybox AS $$
GD["plan"] = plpy.prepare("SELECT overstep.drops_plan(); SELECT nextval('steps'); SELECT nextval('steps')")
plpy.execute(GD["plan"])
$$;
SELECT outcome('SELECT overstep.runs_plan()') IS NOT NULL AS over;
SELECT last_value FROM steps;
DISCARD ALL; -- the interpreter's memory is spoilt
SET search_path = overstep;

-- The wall limit is for all rows of a set together, and for Python's time alone
CREATE FUNCTION endless() RETURNS SETOF int LANGUAGE pybox AS $$
import time
number = 0
while True:
    time.sleep(0.01)
    yield number
    number += 1
$$;
SELECT outcome('SELECT count(*) FROM overstep.endless()'), alive();
BEGIN;
DECLARE patient CURSOR FOR SELECT overstep.endless();
FETCH patient;
SELECT pg_sleep(1.2); -- longer than the limit, which must not count it
FETCH patient;
COMMIT;

-- The finalizer of a set that is given up has no slot, so it has no time either
CREATE FUNCTION lingers() RETURNS SETOF int LANGUAGE pybox AS $$
GD["here"] = True
try:
    yield 1
    yield 2
finally:
    while True:
        pass
$$;
CREATE FUNCTION here() RETURNS bool LANGUAGE pybox AS 'return "here" in GD';
SELECT lingers() LIMIT 1;
SELECT here();
CREATE FUNCTION tidies() RETURNS SETOF int LANGUAGE pybox AS $$
try:
    yield 1
    yield 2
finally:
    GD["here"] = True
$$;
SELECT tidies() LIMIT 1;
SELECT here();

-- The interpreter of a set serves the role that began it
CREATE ROLE regress_overstep;
GRANT USAGE ON SCHEMA overstep TO regress_overstep;
CREATE FUNCTION whose() RETURNS SETOF text LANGUAGE pybox AS $$
for round in range(3):
    yield plpy.execute("SELECT current_user AS me")[0]["me"]
$$;
BEGIN;
DECLARE shared CURSOR FOR SELECT overstep.whose() = session_user;
FETCH shared;
SET LOCAL ROLE regress_overstep;
SAVEPOINT before;
FETCH shared;
ROLLBACK TO before;
RESET ROLE;
COMMIT;
SELECT alive();

-- A DO block leaves nothing in the interpreter, whether it fails or not
CREATE FUNCTION objects() RETURNS int LANGUAGE pybox AS $$
import gc
gc.collect()
return sum(type(thing).__name__ == "code" or callable(thing) for thing in gc.get_objects())
$$;
SELECT objects() > 0 AS warm;
CREATE TEMP TABLE count_before AS SELECT objects() AS count;
DO $$
BEGIN
    FOR round IN 1..20 LOOP
        BEGIN
            EXECUTE 'DO LANGUAGE pybox ''def local(): pass' || E'\n' || 'raise ValueError(1)''';
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
END $$;
SELECT objects() - count < 10 AS forgotten FROM count_before;

-- More roles in one session than it may hold interpreters for: the one unused for longest ends
DO $$
BEGIN
    FOR number IN 1..40 LOOP
        EXECUTE format('CREATE ROLE regress_overstep_%s; GRANT USAGE ON SCHEMA overstep TO regress_overstep_%s', number, number);
        EXECUTE format('SET ROLE regress_overstep_%s', number);
        PERFORM overstep.alive();
        RESET ROLE;
    END LOOP;
    FOR number IN 1..40 LOOP
        EXECUTE format('DROP OWNED BY regress_overstep_%s; DROP ROLE regress_overstep_%s', number, number);
    END LOOP;
END $$;
SELECT alive();

-- Arguments that are missing
SELECT pool, why FROM pybox.explain_policy(NULL, NULL, NULL);
SELECT pybox.cancel(NULL), pybox.kill(NULL), pybox.check_policy(NULL);

-- The typmod under a domain over an array holds for values that come as an array
CREATE DOMAIN short AS varchar(3)[];
CREATE FUNCTION too_long() RETURNS short LANGUAGE pybox AS 'return ["abcdef", "x"]';
SELECT outcome('SELECT overstep.too_long()');

SELECT pool, running, waiting FROM pybox.pools WHERE running + waiting > 0;
