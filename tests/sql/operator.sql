-- Functions behind operators, operator classes, casts and ranges: where the server calls them on its own.
CREATE SCHEMA operator;
SET search_path = operator, public;

-- A row type that a Python function compares, with a btree and a hash operator class
CREATE TYPE version AS (major int, minor int);
CREATE FUNCTION version_cmp(a version, b version) RETURNS int IMMUTABLE STRICT LANGUAGE pybox AS $$
left, right = ((v["major"], v["minor"]) for v in (a, b))
return (left > right) - (left < right)
$$;
CREATE FUNCTION version_lt(a version, b version) RETURNS bool IMMUTABLE STRICT LANGUAGE pybox AS 'return (a["major"], a["minor"]) < (b["major"], b["minor"])';
CREATE FUNCTION version_le(a version, b version) RETURNS bool IMMUTABLE STRICT LANGUAGE pybox AS 'return (a["major"], a["minor"]) <= (b["major"], b["minor"])';
CREATE FUNCTION version_eq(a version, b version) RETURNS bool IMMUTABLE STRICT LANGUAGE pybox AS 'return a == b';
CREATE FUNCTION version_ge(a version, b version) RETURNS bool IMMUTABLE STRICT LANGUAGE pybox AS 'return (a["major"], a["minor"]) >= (b["major"], b["minor"])';
CREATE FUNCTION version_gt(a version, b version) RETURNS bool IMMUTABLE STRICT LANGUAGE pybox AS 'return (a["major"], a["minor"]) > (b["major"], b["minor"])';
CREATE FUNCTION version_hash(a version) RETURNS int IMMUTABLE STRICT LANGUAGE pybox AS 'return a["major"] * 1000 + a["minor"]';
CREATE OPERATOR <% (LEFTARG = version, RIGHTARG = version, FUNCTION = version_lt, COMMUTATOR = >%);
CREATE OPERATOR <=% (LEFTARG = version, RIGHTARG = version, FUNCTION = version_le, COMMUTATOR = >=%);
CREATE OPERATOR =% (LEFTARG = version, RIGHTARG = version, FUNCTION = version_eq, COMMUTATOR = =%, HASHES, MERGES, RESTRICT = eqsel, JOIN = eqjoinsel);
CREATE OPERATOR >=% (LEFTARG = version, RIGHTARG = version, FUNCTION = version_ge, COMMUTATOR = <=%);
CREATE OPERATOR >% (LEFTARG = version, RIGHTARG = version, FUNCTION = version_gt, COMMUTATOR = <%);
CREATE OPERATOR CLASS version_ops FOR TYPE version USING btree AS
	OPERATOR 1 <%, OPERATOR 2 <=%, OPERATOR 3 =%, OPERATOR 4 >=%, OPERATOR 5 >%, FUNCTION 1 version_cmp(version, version);
CREATE OPERATOR CLASS version_hash_ops FOR TYPE version USING hash AS OPERATOR 1 =%, FUNCTION 1 version_hash(version);
CREATE TABLE releases (v version);
INSERT INTO releases SELECT (i % 7, i)::version FROM generate_series(1, 50) AS i;
CREATE INDEX releases_v ON releases USING btree (v version_ops);
CREATE INDEX releases_hash ON releases USING hash (v version_hash_ops);
ANALYZE releases;
SELECT v FROM releases ORDER BY v USING <% LIMIT 3;
SELECT v FROM releases ORDER BY v USING >% LIMIT 2;
SET jit = off; SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT v FROM releases WHERE v <% (1, 9)::version ORDER BY v USING <%;
SELECT v FROM releases WHERE v <% (1, 9)::version ORDER BY v USING <%;
SELECT count(*) FROM releases WHERE v =% (3, 10)::version;
SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off;
SET enable_hashjoin = off; SET enable_nestloop = off;
SELECT count(*) FROM releases AS a JOIN releases AS b ON a.v =% b.v;
SET enable_hashjoin = on; SET enable_mergejoin = off;
SELECT count(*) FROM releases AS a JOIN releases AS b ON a.v =% b.v;
RESET ALL;
SET search_path = operator, public;
CREATE TABLE unique_versions (v version);
CREATE UNIQUE INDEX ON unique_versions (v version_ops);
INSERT INTO unique_versions VALUES ((1, 2)), ((1, 3));
INSERT INTO unique_versions VALUES ((1, 2));
-- an error while the index is searched or built
CREATE OR REPLACE FUNCTION version_cmp(a version, b version) RETURNS int IMMUTABLE STRICT LANGUAGE pybox AS 'raise ValueError("cannot compare")';
INSERT INTO unique_versions VALUES ((1, 4));
SELECT v FROM releases ORDER BY v USING <% LIMIT 1;
REINDEX INDEX releases_v;

-- Casts, explicit and by assignment
CREATE FUNCTION to_version(t text) RETURNS version IMMUTABLE LANGUAGE pybox AS 'return [int(n) for n in t.split(".")]';
CREATE CAST (text AS version) WITH FUNCTION to_version(text) AS ASSIGNMENT;
CREATE FUNCTION from_version(v version) RETURNS text IMMUTABLE LANGUAGE pybox AS 'return "{major}.{minor}".format(**v)';
CREATE CAST (version AS text) WITH FUNCTION from_version(version) AS IMPLICIT;
SELECT ('3.11'::text::version).minor, (ROW(3, 12)::version)::text, upper((3, 13)::version);
CREATE TABLE assigned (v version);
INSERT INTO assigned SELECT '1.' || i FROM generate_series(1, 2) AS i RETURNING v;
INSERT INTO assigned SELECT 'one' || i FROM generate_series(1, 2) AS i;

-- A range type with functions of its own
CREATE FUNCTION hours_diff(a interval, b interval) RETURNS float8 IMMUTABLE LANGUAGE pybox AS $$
plan = SD.get("plan") or SD.setdefault("plan", plpy.prepare("SELECT extract(epoch FROM $1 - $2) / 3600 AS h", ["interval", "interval"]))
return plan.execute([a, b])[0]["h"]
$$;
CREATE TYPE hours AS RANGE (subtype = interval, subtype_diff = hours_diff);
CREATE TABLE shifts (h hours, EXCLUDE USING gist (h WITH &&));
INSERT INTO shifts SELECT hours(make_interval(hours => i), make_interval(hours => i + 1)) FROM generate_series(1, 300) AS i;
INSERT INTO shifts VALUES ('[2:30, 3:00)');
SELECT count(*) FROM shifts WHERE h && '[10:30, 12:30)'::hours;

-- An operator as support of ANY, ALL, IN, DISTINCT FROM, ORDER BY ... USING, and in an aggregate with SORTOP
CREATE FUNCTION near(a float8, b float8) RETURNS bool IMMUTABLE LANGUAGE pybox AS 'return abs(a - b) < 0.5';
CREATE OPERATOR ~~~ (LEFTARG = float8, RIGHTARG = float8, FUNCTION = near);
SELECT 1.2 ~~~ ANY (ARRAY[3, 1]::float8[]), 1.2 ~~~ ALL (ARRAY[3, 1]::float8[]), 2 OPERATOR(operator.~~~) 2.4;
CREATE FUNCTION minus(a float8) RETURNS float8 IMMUTABLE LANGUAGE pybox AS 'return -a';
CREATE OPERATOR !- (RIGHTARG = float8, FUNCTION = minus);
SELECT !- 3, !- !- 3;
