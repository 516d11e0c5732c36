-- What lives from one call to the next, SD and GD, and when it goes.
CREATE SCHEMA state;
SET search_path = state;

CREATE FUNCTION sd_count() RETURNS int LANGUAGE pybox AS $$
SD["count"] = SD.get("count", 0) + 1
return SD["count"]
$$;
CREATE FUNCTION sd_other() RETURNS text LANGUAGE pybox AS 'return repr(SD)';
CREATE FUNCTION gd_put(key text, value text) RETURNS void LANGUAGE pybox AS 'GD[key] = value';
CREATE FUNCTION gd_get(key text) RETURNS text LANGUAGE pybox AS 'return GD.get(key)';

-- SD is a function's own, GD everybody's
SELECT sd_count(), sd_count(), sd_other();
SELECT sd_count(), gd_put('a', 'first'), gd_get('a');
SELECT gd_get('a'), gd_get('b');

-- Both outlive errors, rollbacks and transactions
CREATE FUNCTION gd_put_fail(key text, value text) RETURNS void LANGUAGE pybox AS $$
GD[key] = value
raise ValueError("after")
$$;
SELECT gd_put_fail('b', 'kept');
BEGIN;
SELECT gd_put('c', 'kept too');
ROLLBACK;
SELECT gd_get('b'), gd_get('c'), sd_count();

-- A generator and a DO block see the same GD
DO LANGUAGE pybox $$ GD["do"] = "done" $$;
SELECT gd_get('do');

-- The function's globals are its own too
CREATE FUNCTION global_count() RETURNS int LANGUAGE pybox AS $$
global n
try:
    n += 1
except NameError:
    n = 1
return n
$$;
SELECT global_count(), global_count();
CREATE FUNCTION global_other() RETURNS bool LANGUAGE pybox AS 'return "n" in globals()';
SELECT global_other();

-- CREATE OR REPLACE takes effect at once, and SD starts anew
CREATE OR REPLACE FUNCTION sd_count() RETURNS int LANGUAGE pybox AS $$
SD["count"] = SD.get("count", 100) + 1
return SD["count"]
$$;
SELECT sd_count(), sd_count();
PREPARE counting AS SELECT sd_count();
EXECUTE counting;
CREATE OR REPLACE FUNCTION sd_count() RETURNS int LANGUAGE pybox AS 'return -1';
EXECUTE counting;
-- even from within, for the next call
CREATE FUNCTION replace_me() RETURNS text LANGUAGE pybox AS $$
plpy.execute("""CREATE OR REPLACE FUNCTION replace_me() RETURNS text LANGUAGE pybox AS 'return "new"'""")
return "old"
$$;
SELECT replace_me(), replace_me();
SELECT replace_me();
-- a rename changes nothing but the name
CREATE FUNCTION renamed() RETURNS int LANGUAGE pybox AS $$
SD["n"] = SD.get("n", 0) + 1
if SD["n"] > 1:
    raise ValueError("second")
return SD["n"]
$$;
SELECT renamed();
ALTER FUNCTION renamed() RENAME TO other_name;
SELECT other_name();
SELECT other_name();
-- dropped and made again
DROP FUNCTION gd_get;
CREATE FUNCTION gd_get(key text) RETURNS text LANGUAGE pybox AS 'return "again " + GD.get(key)';
SELECT gd_get('a');

-- The two languages share nothing
CREATE FUNCTION gd_get_u(key text) RETURNS text LANGUAGE pyboxu AS 'return GD.get(key)';
SELECT gd_get('a'), gd_get_u('a');

-- DISCARD ALL ends the session's interpreters; lesser ones do not
DISCARD PLANS;
SELECT gd_get('a');
DISCARD ALL;
SET search_path = state;
CREATE OR REPLACE FUNCTION gd_get(key text) RETURNS text LANGUAGE pybox AS 'return GD.get(key)';
SELECT gd_get('a'), sd_count();

-- A new connection starts with nothing
SELECT gd_put('a', 'third');
\c -
SET search_path = state;
SELECT gd_get('a');
