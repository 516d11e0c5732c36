-- Live control: what its functions take and refuse, who may do what, what a session does to its own calls, gates.
CREATE SCHEMA control;
SET search_path = control;
CREATE ROLE regress_co_user;
CREATE ROLE regress_co_admin IN ROLE pg_signal_backend, pg_read_all_stats;
GRANT ALL ON SCHEMA control TO regress_co_user, regress_co_admin;
CREATE FUNCTION one() RETURNS int LANGUAGE pybox AS 'return 1';
CREATE FUNCTION elsewhere() RETURNS int LANGUAGE sql AS 'SELECT 1';
-- Calls itself back: the query's $1 is the id of the call that runs it
CREATE FUNCTION acts(query text, type text DEFAULT 'bigint') RETURNS text LANGUAGE pybox AS $$
own = plpy.execute("SELECT max(call_id) AS id FROM pybox.activity WHERE pid = pg_backend_pid()")[0]["id"]
return str(plpy.execute(plpy.prepare(query, [type]), [own])[0])
$$;
CREATE FUNCTION inside(query text) RETURNS text LANGUAGE pybox AS 'return str(plpy.execute(query)[0])';
CREATE FUNCTION outcome(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE result text; detail text; hint text;
BEGIN
    EXECUTE query INTO result;
    RETURN NEXT result;
EXCEPTION WHEN query_canceled OR OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    detail = regexp_replace(regexp_replace(detail, 'ran [\d.]+ s', 'ran N s'), '(since|until) \d.*?(,)', '\1 T\2');
    detail = regexp_replace(detail, '([Cc])all \d+', '\1all N');
    RETURN QUERY SELECT line FROM (VALUES (SQLSTATE || ' ' || SQLERRM), (detail), (hint)) AS told(line) WHERE line <> '';
END $$;
CREATE TABLE last (number bigint);
INSERT INTO last SELECT coalesce(max(number), 0) FROM pybox.events;

-- What is over
SELECT pybox.set_priority(1, 1), pybox.move(1, 'small'), pybox.pause(1), pybox.resume(1);
SELECT pybox.set_priority(NULL, 1), pybox.move(1, NULL), pybox.pause(NULL), pybox.resume(NULL), pybox.drain(NULL),
    pybox.undrain(NULL), pybox.quarantine(NULL), pybox.release(NULL);

-- What makes no sense
SELECT outcome('SELECT pybox.set_priority(1, -1)');
SELECT outcome('SELECT pybox.set_priority(1, 101)');
SELECT outcome($$ SELECT pybox.move(1, 'nowhere') $$);
SELECT outcome('SELECT pybox.cancel_where()');
SELECT outcome('SELECT pybox.kill_where(NULL, NULL, NULL, NULL)');
SELECT outcome($$ SELECT pybox.cancel_where(pool => 'nowhere') $$);
SELECT outcome($$ SELECT pybox.cancel_where(role => 'nobody_of_that_name') $$);
SELECT outcome($$ SELECT pybox.cancel_where(older_than => '-1 s') $$);
SELECT outcome($$ SELECT pybox.cancel_where(older_than => '367 days') $$);
SELECT outcome($$ SELECT pybox.drain('nowhere') $$);
SELECT outcome($$ SELECT pybox.undrain('nowhere') $$);
SELECT outcome($$ SELECT pybox.quarantine('elsewhere()') $$);
SELECT outcome($$ SELECT pybox.quarantine('one()', '999 ms') $$);
SELECT outcome($$ SELECT pybox.quarantine('one()', '-1 day') $$);
SELECT outcome($$ SELECT pybox.quarantine('one()', '178000000 years') $$);

-- What matches nothing, the session's own among it
SELECT acts('SELECT $1 > 0 AS own, pybox.cancel_where(older_than => ''0'') AS n');
SELECT pybox.kill_where(pool => 'standard', role => 'regress_co_user', function => 'one()', older_than => '1 hour');
SELECT count(*) FROM pybox.events WHERE number > (SELECT number FROM last);

-- A call's own
SELECT acts('SELECT pybox.set_priority($1, 90)');
SELECT acts('SELECT pybox.move($1, ''small'')');
SET client_min_messages = error;
SELECT acts('SELECT pybox.resume($1)');
RESET client_min_messages;
SELECT acts('SELECT pybox.pause($1), pybox.pause($1) AS again, pybox.resume($1)');
SELECT outcome($$ SELECT acts('SELECT pybox.cancel($1)') $$);
SELECT outcome($$ SELECT acts('SELECT pybox.kill($1)') $$);
-- what one lowers one cannot raise
SET ROLE regress_co_user;
SELECT acts('SELECT pybox.set_priority($1, 40), pybox.set_priority($1, 40) AS again, pybox.set_priority($1, 0) AS less');
SELECT outcome($$ SELECT acts('SELECT pybox.set_priority($1, 40), pybox.set_priority($1, 41)') $$);
SELECT outcome($$ SELECT acts('SELECT pybox.set_priority($1, 100)') $$);
SELECT outcome($$ SELECT acts('SELECT pybox.move($1, ''small'')') $$);
SELECT acts('SELECT pybox.pause($1), pybox.resume($1)');
RESET ROLE;
SELECT kind, actor, actor_pid = pg_backend_pid() AS mine, pid = pg_backend_pid() AS own, role, function, pool, detail
FROM pybox.events WHERE number > (SELECT number FROM last) ORDER BY number;
UPDATE last SET number = (SELECT max(number) FROM pybox.events);

-- Pools as a whole, and functions, are for those who may signal every backend
SET ROLE regress_co_user;
SELECT outcome($$ SELECT pybox.drain('small') $$);
SELECT outcome($$ SELECT pybox.undrain('small') $$);
SELECT outcome($$ SELECT pybox.quarantine('one()') $$);
SELECT outcome($$ SELECT pybox.release('one()') $$);
SET ROLE regress_co_admin;
SELECT pybox.undrain('standard'), pybox.release('one()');
SELECT pybox.drain('standard'), pybox.drain('standard') AS again;
SELECT pool, role, since <= now() AS since FROM pybox.drained;
SELECT outcome('SELECT one()');
RESET ROLE;
-- the check of a source is no call
CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE pybox AS 'return 1';
SELECT pybox.undrain('standard'), pybox.undrain('standard') AS again;
SELECT one();
RESET ROLE;
-- what has begun goes on, with what it calls and what of a set is left
SELECT acts('SELECT $1 > 0, pybox.drain(''standard''), control.one()');
SELECT outcome('SELECT one()');
SELECT pybox.undrain('standard');
CREATE FUNCTION rows() RETURNS SETOF int LANGUAGE pybox AS 'return range(3)';
BEGIN;
DECLARE c CURSOR FOR SELECT rows();
FETCH 1 FROM c;
SELECT pybox.drain('standard');
FETCH 2 FROM c;
COMMIT;
SELECT outcome('SELECT * FROM rows()');
-- a reload opens nothing
SET client_min_messages = error; -- of roles that only other tests make
SELECT pybox.reload_policy();
RESET client_min_messages;
SELECT outcome('SELECT one()');
SELECT pybox.undrain('standard');
-- a call of another pool within
CREATE SCHEMA IF NOT EXISTS memory;
CREATE FUNCTION memory.hungry() RETURNS int LANGUAGE pybox AS 'return 2';
SELECT inside('SELECT memory.hungry()');
SELECT pybox.drain('small');
SELECT outcome('SELECT memory.hungry()');
SELECT inside('SELECT memory.hungry()');
SELECT pybox.undrain('small');
DROP FUNCTION memory.hungry();

-- Quarantine
SELECT pybox.quarantine('one()'), pybox.quarantine('rows()', '1 day');
SELECT database = current_database() AS here, function, function_oid = function::regprocedure AS oid, body, since <= now() AS since,
    date_trunc('minute', until - since), reason FROM pybox.quarantines ORDER BY function;
SELECT outcome('SELECT one()');
SELECT outcome($$ SELECT inside('SELECT control.one()') $$);
DO LANGUAGE pybox $$ pass $$;
-- whatever its body, and anew
CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE pybox AS 'return 10';
SELECT outcome('SELECT one()');
SELECT pybox.quarantine('one()', '2 hours');
SELECT function, date_trunc('minute', until - since) FROM pybox.quarantines ORDER BY function;
SELECT pybox.release('one()'), pybox.release('one()') AS again;
SELECT one();
SELECT outcome('SELECT rows()');
SELECT pybox.release('rows()');
SELECT count(*) FROM pybox.quarantines;
SELECT kind, actor, function, pool, detail FROM pybox.events WHERE number > (SELECT number FROM last) AND kind <> 'reload' ORDER BY number;

-- Where a function acts for its owner, the log knows the session's role
CREATE FUNCTION drains() RETURNS bool SECURITY DEFINER LANGUAGE sql AS $$ SELECT pybox.drain('small') $$;
SET ROLE regress_co_user;
SELECT drains();
RESET ROLE;
SELECT pybox.undrain('small');
SELECT kind, actor, detail FROM pybox.events ORDER BY number DESC LIMIT 2;

RESET search_path;
DROP SCHEMA control CASCADE;
DROP ROLE regress_co_user, regress_co_admin;
