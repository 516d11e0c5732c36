-- What the hostile suite needs beside its cases: the attacker's roles, a neighbour with a long-lived state, canaries in
-- the server's memory, and the facts about this server that cases aim at.
CREATE EXTENSION pybox;
CREATE ROLE mallory LOGIN;
CREATE ROLE mallory_brief LOGIN IN ROLE mallory;
CREATE ROLE mallory_small LOGIN IN ROLE mallory;
CREATE ROLE mallory_terse LOGIN IN ROLE mallory;
CREATE ROLE mallory_files LOGIN IN ROLE mallory;
CREATE ROLE neighbour LOGIN;
GRANT CREATE ON SCHEMA public TO mallory;
CREATE SCHEMA hostile;
GRANT USAGE ON SCHEMA hostile TO PUBLIC;
CREATE TABLE hostile.canary (text text);
INSERT INTO hostile.canary VALUES ('untouched');
CREATE TABLE hostile.facts AS
	SELECT json_build_object('data', current_setting('data_directory'), 'postmaster', line[1]::int, 'port', line[4]::int,
		'socket', line[5] || '/.s.PGSQL.' || line[4], 'key', (regexp_split_to_array(trim(line[7]), '\s+'))[1]::bigint,
		'segment', (regexp_split_to_array(trim(line[7]), '\s+'))[2]::bigint, 'sibling', 0, 'zygote', 0, 'launcher', 0,
		'scheduler', 0, 'home', '/nonexistent', 'host', '', 'abstract', 'none', 'tcp', 1, 'canaries', ARRAY['/tmp/pybox_canary.py'], 'number', 1886548066) AS facts
	FROM regexp_split_to_array(pg_read_file('postmaster.pid'), '\n') AS line;
GRANT SELECT ON hostile.facts TO PUBLIC;
CREATE FUNCTION hostile.alive() RETURNS int LANGUAGE pybox AS $$ return 42 $$;
CREATE FUNCTION hostile.alive_u() RETURNS int LANGUAGE pyboxu AS $$ return 42 $$;
CREATE FUNCTION hostile.neighbour_state() RETURNS text LANGUAGE pybox AS $$
GD["calls"] = GD.get("calls", 0) + 1
GD.setdefault("secret", "only the neighbour knows: " + "x" * 100000)
import statistics, sys
return "%d %s %s %s" % (GD["calls"], hash(GD["secret"]), sys.path, statistics.mean([1, 2]))
$$;
CREATE FUNCTION hostile.interpreter() RETURNS int LANGUAGE pybox AS $$
return plpy.execute("SELECT interpreter_pid FROM pybox.activity WHERE pid = pg_backend_pid()")[0]["interpreter_pid"]
$$;
