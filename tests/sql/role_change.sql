-- What one role's calls leave for another's: nothing. Each role of a session has interpreters of its own.
CREATE SCHEMA role_change;
SET search_path = role_change;
CREATE ROLE regress_rc_ann;
CREATE ROLE regress_rc_own;
GRANT USAGE ON SCHEMA role_change TO regress_rc_ann, regress_rc_own;

CREATE FUNCTION leaves(what text) RETURNS text LANGUAGE pybox AS $$
found = GD.get("left")
GD["left"] = what
return found
$$;
CREATE FUNCTION leaves_definer(what text) RETURNS text SECURITY DEFINER LANGUAGE pybox AS $$
found = GD.get("left")
GD["left"] = what
return f"{found}, {plpy.execute('SELECT role_change.leaves(NULL) AS l')[0]['l']}"
$$;
ALTER FUNCTION leaves_definer OWNER TO regress_rc_own;
SELECT leaves('by postgres');
SELECT leaves_definer('by the owner');
SET ROLE regress_rc_ann;
SELECT leaves('by ann');
SELECT leaves_definer('by the owner for ann');
RESET ROLE;
SELECT leaves('by postgres again');

CREATE FUNCTION leaves_untrusted(what text) RETURNS text LANGUAGE pyboxu AS $$
found = GD.get("left")
GD["left"] = what
return found
$$;
CREATE FUNCTION leaves_untrusted_definer(what text) RETURNS text SECURITY DEFINER LANGUAGE pyboxu AS $$
found = GD.get("left")
GD["left"] = what
return f"{found}, {plpy.execute('SELECT role_change.leaves_untrusted(NULL) AS l')[0]['l']}"
$$;
ALTER FUNCTION leaves_untrusted_definer OWNER TO regress_rc_own;
SELECT leaves_untrusted('by postgres');
SELECT leaves_untrusted_definer('by the owner');
SET ROLE regress_rc_ann;
SELECT leaves_untrusted('by ann');
SELECT leaves_untrusted_definer('by the owner for ann');
RESET ROLE;
SELECT leaves_untrusted('by postgres again');

-- A set that one role begins, another cannot go on with, but in the untrusted language
CREATE FUNCTION slowly() RETURNS SETOF text LANGUAGE pybox AS $$
for i in range(3):
    yield plpy.execute("SELECT current_user AS u")[0]["u"]
$$;
BEGIN;
DECLARE c CURSOR FOR SELECT slowly();
FETCH 1 FROM c;
SET LOCAL ROLE regress_rc_ann;
FETCH 1 FROM c;
ROLLBACK;
CREATE FUNCTION slowly_untrusted() RETURNS SETOF text LANGUAGE pyboxu AS $$
for i in range(3):
    yield plpy.execute("SELECT current_user AS u")[0]["u"]
$$;
BEGIN;
DECLARE c CURSOR FOR SELECT slowly_untrusted();
FETCH 1 FROM c;
SET LOCAL ROLE regress_rc_ann;
FETCH 1 FROM c;
RESET ROLE;
FETCH ALL FROM c;
COMMIT;

DROP SCHEMA role_change CASCADE;
DROP ROLE regress_rc_ann, regress_rc_own;
