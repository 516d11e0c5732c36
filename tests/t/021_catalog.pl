# pybox in the catalog: dump and restore, update, drop, several databases, owners that are no superusers, PL/Python's own
# extension names, and a report on functions that do not survive being looked at.
use strict;
use warnings;
use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;
use Time::HiRes ();

my $root = dirname(dirname(dirname(__FILE__)));
my $packages = PostgreSQL::Test::Utils::tempdir() . '/packages';
mkdir $packages or die "$packages: $!";
chmod 0755, dirname($packages), $packages;
append_to_file("$packages/pybox_crash.py", "import ctypes\nctypes.string_at(0)\n");
append_to_file("$packages/pybox_leave.py", "import os\nos._exit(3)\n");
append_to_file("$packages/pybox_quit.py", "import sys\nsys.exit('no')\n");
append_to_file("$packages/pybox_eat.py", "eaten = b'x' * (1 << 30)\n");
append_to_file("$packages/pybox_endless.py", "while True: pass\n");
append_to_file("$packages/pybox_helper.py", <<'PYTHON');
import subprocess
def plain(x):
    return x
def outside(x):
    return inner(x)
def inner(x):
    return subprocess.run(x)
PYTHON

my $policy = <<"YAML";
version: 1
node: {name: test, id: 1, slots: 4}
pools:
  standard: {limits: {memory: 256MB, wall: 2min}, packages: ['$packages'], spares: 1}
  brief: {limits: {memory: 256MB, wall: 2s}, packages: ['$packages']}
assign:
  - {database: brief, pool: brief}
  - {pool: standard}
YAML
my $node = new_node('catalog', policy => $policy);

sub sql { my ($database, $sql) = @_; return $node->safe_psql($database, $sql); }

# What psql said on an error, as a role.
sub refusal
{
	my ($database, $role, $sql) = @_;
	my ($status, $out, $err) = $node->psql($database, $sql, extra_params => [ '-U', $role ]);
	return $status ? $err : "no error: $out";
}

# --- dump and restore ---
my $objects = <<'SQL';
CREATE EXTENSION pybox;
CREATE EXTENSION pybox_plpython3u;
CREATE FUNCTION trusted(a int, b text DEFAULT 'LANGUAGE pyboxu') RETURNS text IMMUTABLE PARALLEL SAFE COST 3
	SET work_mem = '1MB' LANGUAGE pybox AS $$ return "%s %s" % (a, b) $$;
CREATE FUNCTION untrusted() RETURNS SETOF int ROWS 2 LANGUAGE pyboxu AS $$ return [1, 2] $$;
CREATE FUNCTION by_old_name(x int) RETURNS int IMMUTABLE LANGUAGE plpython3u AS $$
# a body of
#   several lines
return x * 2
$$;
CREATE FUNCTION by_oldest_name() RETURNS int LANGUAGE plpythonu SECURITY DEFINER AS $$ return 5 $$;
CREATE PROCEDURE proc(INOUT x int) LANGUAGE plpython3u AS $$ return (x + 1,) $$;
COMMENT ON FUNCTION by_old_name(int) IS 'twice';
REVOKE ALL ON FUNCTION untrusted() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION untrusted() TO pg_monitor;
REVOKE ALL ON LANGUAGE pybox FROM PUBLIC;
GRANT USAGE ON LANGUAGE pybox TO pg_monitor;
GRANT EXECUTE ON FUNCTION pybox.reload_policy() TO pg_monitor;
CREATE FUNCTION add(a int, b int) RETURNS int IMMUTABLE LANGUAGE pybox AS $$ return (a or 0) + (b or 0) $$;
CREATE FUNCTION keys(x jsonb) RETURNS text[] TRANSFORM FOR TYPE jsonb LANGUAGE plpython3u AS $$ return sorted(x) $$;
CREATE FUNCTION nest(x jsonb) RETURNS jsonb TRANSFORM FOR TYPE jsonb IMMUTABLE LANGUAGE pybox AS $$ return {"of": x} $$;
CREATE AGGREGATE total(int) (SFUNC = add, STYPE = int, INITCOND = '0', COMBINEFUNC = add, PARALLEL = SAFE);
CREATE FUNCTION is_even(x int) RETURNS bool IMMUTABLE LANGUAGE plpython3u AS $$ return x % 2 == 0 $$;
CREATE DOMAIN even AS int CHECK (is_even(VALUE));
CREATE OPERATOR ## (LEFTARG = int, RIGHTARG = int, FUNCTION = add);
CREATE TABLE numbers (x even DEFAULT by_old_name(1), y int GENERATED ALWAYS AS (by_old_name(x::int)) STORED);
INSERT INTO numbers SELECT 2 * i FROM generate_series(1, 10) i;
CREATE FUNCTION sign() RETURNS trigger LANGUAGE plpython3u AS $$
TD["new"]["note"] = "by " + TD["name"]
return "MODIFY"
$$;
CREATE TABLE signed (x int, note text);
CREATE TRIGGER signer BEFORE INSERT ON signed FOR EACH ROW EXECUTE FUNCTION sign();
CREATE INDEX ON numbers (by_old_name(x::int));
CREATE VIEW seen AS SELECT total(x::int), trusted(max(x::int)) FROM numbers;
CREATE VIEW busy AS SELECT call_id, function, language FROM pybox.activity;
SQL
my $checks = <<'SQL';
SELECT total, trusted FROM seen;
SELECT array_agg(untrusted), 3 ## 4 FROM untrusted();
SELECT by_oldest_name(), by_old_name(4);
CALL proc(1);
INSERT INTO numbers DEFAULT VALUES RETURNING x, y;
SELECT count(*) FROM busy;
INSERT INTO signed VALUES (1) RETURNING note;
SELECT keys(nest('[1]'));
SQL
my $checked = "110|20 LANGUAGE pyboxu\n{1,2}|7\n5|8\n2\n2|4\n0\nby signer\n{of}";

sub dump_of
{
	my ($database, @options) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . '/dump';
	command_ok([ $node->installed_command('pg_dump'), '-d', $node->connstr($database), '-f', $file, @options ], "dump of $database");
	return slurp_file($file) =~ s/^\\(?:un)?restrict .*\n//gmr; # with a key that is another each time
}

sub restore
{
	my ($database, $dump, @options) = @_;
	my ($status, $out, $err) = $node->psql($database, $dump, on_error_stop => 1, @options);
	is($status, 0, "restore into $database") or diag($err);
	return;
}

sql('postgres', 'CREATE DATABASE source; CREATE DATABASE target');
sql('source', $objects);
my $dump = dump_of('source');
restore('target', $dump);
is(dump_of('target'), $dump, 'a database that was restored dumps the same');
is(sql('target', $checks), $checked, 'and its functions run');
is(sql('source', $checks), $checked, 'as they did where they came from');
is(sql('target', "SELECT has_language_privilege('pg_monitor', 'pybox', 'usage'), has_function_privilege('pg_monitor', 'pybox.reload_policy()', 'execute')"),
	't|t', 'privileges on what belongs to the extension came along');

# --- update ---
# Everything about the members of the extension that does not depend on when they were made.
my $members = <<'SQL';
SELECT pg_describe_object(d.classid, d.objid, 0) AS object, obj_description(d.objid, c.relname),
       CASE WHEN p.oid IS NOT NULL THEN concat_ws('|', l.lanname, p.prosrc, p.probin, p.proacl, p.proowner::regrole, p.provolatile, p.proparallel,
           p.proisstrict, p.proretset, p.proconfig, pg_get_function_result(p.oid), pg_get_function_arguments(p.oid)) END,
       CASE WHEN r.oid IS NOT NULL THEN concat_ws('|', pg_get_viewdef(r.oid), r.relacl, r.relowner::regrole,
           (SELECT string_agg(concat(attname, ' ', format_type(atttypid, atttypmod), ': ', col_description(r.oid, attnum)), E'\n' ORDER BY attnum)
            FROM pg_attribute WHERE attrelid = r.oid AND attnum > 0)) END,
       CASE WHEN g.oid IS NOT NULL THEN concat_ws('|', g.lanowner::regrole, g.lanacl, g.lanpltrusted) END,
       (SELECT string_agg(i.initprivs::text, ',') FROM pg_init_privs i WHERE i.objoid = d.objid)
FROM pg_depend d JOIN pg_class c ON c.oid = d.classid
LEFT JOIN pg_proc p ON p.oid = d.objid AND d.classid = 'pg_proc'::regclass LEFT JOIN pg_language l ON l.oid = p.prolang
LEFT JOIN pg_class r ON r.oid = d.objid AND d.classid = 'pg_class'::regclass
LEFT JOIN pg_language g ON g.oid = d.objid AND d.classid = 'pg_language'::regclass
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pybox')
ORDER BY 1
SQL
sql('postgres', 'CREATE DATABASE old; CREATE DATABASE new');
sql('old', "CREATE EXTENSION pybox VERSION '1.0'");
sql('old', 'CREATE VIEW busy AS SELECT call_id, function, language FROM pybox.activity; '
	  . 'CREATE VIEW bare AS SELECT pool, layer FROM pybox.protection WHERE NOT available');
sql('old', q{CREATE FUNCTION whoami() RETURNS text LANGUAGE pybox AS $$
rows = plpy.execute("SELECT function, language FROM busy")
return str([(row["function"], row["language"]) for row in rows])
$$});
is(sql('old', 'SELECT whoami()'), "[('whoami()', 'pybox')]", 'the first version works with this library');
my $session = PyboxSession->new($node, database => 'old');
is($session->value('SELECT whoami()'), "[('whoami()', 'pybox')]", 'a session has an interpreter');
sql('old', 'ALTER EXTENSION pybox UPDATE');
sql('new', 'CREATE EXTENSION pybox');
is(sql('old', "SELECT extversion = (SELECT default_version FROM pg_available_extensions WHERE name = 'pybox') FROM pg_extension WHERE extname = 'pybox'"),
	't', 'updated to the newest version');
is(sql('old', $members), sql('new', $members), 'updated or created: the same objects, privileges and comments');
is($session->value('SELECT whoami()'), "[('whoami()', 'pybox')]", 'a session and a view from before the update go on');
is($session->value('SELECT count(*) >= 0 FROM bare'), 't', 'and so does one of the layers');
is(sql('old', "SELECT count(*) FROM pg_extension_update_paths('pybox') WHERE path IS NULL AND source < target"), 0, 'every version leads to every later one');

# --- drop ---
# How many rows each catalog has; statistics come and go by themselves.
sub catalog_rows
{
	my ($database) = @_;
	return sql($database, <<'SQL');
SELECT string_agg(format('SELECT %L AS catalog, count(*) FROM pg_catalog.%I', relname, relname), ' UNION ALL ' ORDER BY relname) || ' ORDER BY 1'
FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' AND relname NOT LIKE 'pg_statistic%' \gexec
SQL
}
sql('postgres', 'CREATE DATABASE dropped');
my $before = catalog_rows('dropped');
for my $extensions ([ 'pybox' ], [ 'pybox_plpython3u' ], [ 'pybox', 'pybox_plpython3u' ])
{
	sql('dropped', "CREATE EXTENSION $_") for @$extensions;
	isnt(catalog_rows('dropped'), $before, "@$extensions: there is something to leave behind");
	sql('dropped', "DROP EXTENSION $_") for reverse @$extensions;
	is(catalog_rows('dropped'), $before, "@$extensions: nothing is left in any catalog");
}
sql('dropped', "CREATE EXTENSION pybox VERSION '1.0'; ALTER EXTENSION pybox UPDATE; DROP EXTENSION pybox");
is(catalog_rows('dropped'), $before, 'created, updated, dropped: nothing is left');

my $function = q{CREATE FUNCTION one() RETURNS int LANGUAGE pybox AS 'SD["n"] = SD.get("n", 0) + 1; return SD["n"]'};
$session = PyboxSession->new($node, database => 'dropped');
$session->value("CREATE EXTENSION pybox; $function");
is($session->value('SELECT one()'), 1, 'a session uses the extension');
sql('dropped', 'DROP EXTENSION pybox CASCADE');
like($session->ask('SELECT one()')->{text}, qr/function one\(\) does not exist/, 'it goes while a session has an interpreter: error');
is($session->value('SELECT 1'), 1, 'and that session lives');
sql('dropped', "CREATE EXTENSION pybox; $function");
is($session->value('SELECT one()'), 1, 'it comes again: a new function starts anew');
sql('dropped', 'DROP EXTENSION pybox CASCADE');
undef $session;

# --- databases ---
sql('template1', 'CREATE EXTENSION pybox');
sql('postgres', 'CREATE DATABASE child TEMPLATE template1');
is(sql('child', "$function; SELECT one()"), 1, 'from template1: works in a new database');
is(sql('child', $members), sql('new', $members), 'from template1: the same objects');
sql('template1', 'DROP EXTENSION pybox');

sql('postgres', "CREATE DATABASE race_$_") for 0 .. 2;
my @sessions = map { PyboxSession->new($node, database => "race_$_") } 0, 1, 2, 2;
$_->send('CREATE EXTENSION IF NOT EXISTS pybox') for @sessions;
my @answers = map { $_->wait } @sessions;
my @failed = grep { ($_->{sqlstate} // '') ne '' } @answers;
cmp_ok(scalar(@failed), '<=', 1, 'at once in several databases: all, and of two in the same one at least one');
like($_->{text}, qr/duplicate key value|already exists/, 'the other one is told why') for @failed;
is(sql("race_$_", $members), sql('new', $members), "race_$_: the same objects") for 0 .. 2;
@sessions = ();

# --- an owner that is no superuser ---
sql('postgres', <<'SQL');
CREATE ROLE owner LOGIN;
CREATE ROLE guest LOGIN;
CREATE DATABASE owned OWNER owner;
CREATE DATABASE trap OWNER owner;
SQL
like(refusal('owned', 'guest', 'CREATE EXTENSION pybox'), qr/permission denied to create extension "pybox"/, 'a guest may not create it');
like(refusal('owned', 'owner', 'CREATE SCHEMA pybox; CREATE EXTENSION pybox'), qr/schema "pybox" already exists/, 'not into a schema that somebody prepared');
sub as_owner { my ($database, $sql) = @_; return $node->safe_psql($database, $sql, extra_params => [ '-U', 'owner' ]); }
as_owner('owned', 'DROP SCHEMA pybox; CREATE EXTENSION pybox');
is(as_owner('owned', "$function; SELECT one()"), 1, 'the owner of a database creates the extension and a function');
is(sql('owned', "SELECT extowner::regrole FROM pg_extension WHERE extname = 'pybox'"), 'owner', 'and owns the extension');
is(sql('owned', "SELECT string_agg(lanname || ' ' || lanowner::regrole, ', ' ORDER BY lanname) FROM pg_language WHERE lanname LIKE 'pybox%'"),
	'pybox owner, pyboxu postgres', 'owns the trusted language, not the other');
is(sql('owned', "SELECT count(*) FROM pg_proc WHERE proowner = 'owner'::regrole AND proname <> 'one'"), 0, 'owns none of its functions');
as_owner('owned', 'REVOKE USAGE ON LANGUAGE pybox FROM PUBLIC; GRANT CREATE ON SCHEMA public TO guest');
like(refusal('owned', 'guest', $function), qr/permission denied for language pybox/, 'decides who writes functions');
my %refused = (
	q{CREATE FUNCTION u() RETURNS int LANGUAGE pyboxu AS 'return 1'} => qr/permission denied for language pyboxu/,
	q{DO LANGUAGE pyboxu 'pass'} => qr/permission denied for language pyboxu/,
	q{CREATE FUNCTION h() RETURNS language_handler LANGUAGE c AS '$libdir/pybox', 'pyboxu_call_handler'} => qr/permission denied for language c/,
	'GRANT USAGE ON LANGUAGE pyboxu TO owner' => qr/is not trusted|permission denied/,
	'ALTER LANGUAGE pyboxu OWNER TO owner' => qr/must be owner of language pyboxu/,
	'CREATE TRUSTED LANGUAGE mine HANDLER pyboxu_call_handler' => qr/must be superuser/,
	'CREATE OR REPLACE TRUSTED LANGUAGE pybox HANDLER pyboxu_call_handler' => qr/must be superuser/,
	'SELECT pybox.reload_policy()' => qr/permission denied for function reload_policy/,
	'GRANT EXECUTE ON FUNCTION pybox.reload_policy() TO owner' => qr/permission denied for function reload_policy/,
	'ALTER EXTENSION pybox DROP FUNCTION pybox.reload_policy()' => qr/must be owner of function/,
	'ALTER FUNCTION pybox.reload_policy() OWNER TO owner' => qr/must be owner of function/,
	'DROP FUNCTION pybox.reload_policy()' => qr/must be owner of function/,
	'CREATE OR REPLACE VIEW pybox.languages AS SELECT 1' => qr/permission denied for schema pybox/,
	'CREATE FUNCTION pybox.planted() RETURNS int LANGUAGE sql RETURN 1' => qr/permission denied for schema pybox/,
	'ALTER SCHEMA pybox RENAME TO mine' => qr/must be owner of schema pybox/,
	'SELECT * FROM pybox.policy' => qr/permission denied for view policy/,
	'SELECT * FROM pybox.port_report()' => qr/permission denied for function port_report/,
	q{SELECT pybox.port_probe_untrusted('[]')} => qr/permission denied for function port_probe_untrusted/,
	q{SELECT pybox.port('one()', 'pyboxu')} => qr/permission denied for language pyboxu/,
	'CREATE EXTENSION pybox_plpython3u' => qr/permission denied to create extension "pybox_plpython3u"/);
for my $statement (sort keys %refused)
{
	like(refusal('owned', 'owner', $statement), $refused{$statement}, "the owner may not: $statement");
}
my $other = PyboxSession->new($node, database => 'source');
$other->send(q{DO LANGUAGE pybox 'plpy.execute("SELECT pg_sleep(1000)")'});
my $call = q{SELECT call_id FROM pybox.activity WHERE state = 'sql'};
ok($node->poll_query_until('source', "SELECT count(*) = 1 FROM ($call) t"), 'a superuser\'s call runs');
my $call_id = sql('source', $call);
is(as_owner('owned', $call), '', 'the owner does not see it');
like(refusal('owned', 'owner', "SELECT pybox.cancel($call_id)"), qr/must be a superuser to act on a superuser's call/, 'and cannot end it');
sql('source', "SELECT pybox.kill($call_id)");
$other->wait;
as_owner('owned', 'DROP EXTENSION pybox CASCADE');
is(sql('owned', q{SELECT count(*) FROM pg_language WHERE lanname LIKE 'pybox%'}), 0, 'the owner drops it, with all that was the superuser\'s');

# a dump of a database without untrusted functions can be restored by its owner
sql('new', "$function; REVOKE ALL ON LANGUAGE pybox FROM PUBLIC");
restore('owned', dump_of('new', '--no-owner', '--no-privileges', '--no-comments'), extra_params => [ '-U', 'owner' ]);
is(as_owner('owned', 'SELECT one()'), 1, 'restored by the owner, it runs');

# what the owner plants where a superuser's search path goes is not met by what the extension runs
as_owner('trap', <<'SQL');
CREATE SCHEMA evil;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
CREATE FUNCTION evil.spring(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'sprung: %', $1; END $$;
CREATE FUNCTION evil.format_type(oid, integer) RETURNS text LANGUAGE sql AS $$ SELECT evil.spring('format_type') $$;
CREATE FUNCTION evil.quote_ident(name) RETURNS text LANGUAGE sql AS $$ SELECT evil.spring('quote_ident') $$;
CREATE FUNCTION evil.pg_get_functiondef(oid) RETURNS text LANGUAGE sql AS $$ SELECT evil.spring('functiondef') $$;
CREATE FUNCTION evil.same(name, name) RETURNS bool LANGUAGE sql AS $$ SELECT evil.spring('=')::bool $$;
CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = name, FUNCTION = evil.same);
CREATE VIEW evil.pg_proc AS SELECT evil.spring('pg_proc') AS oid;
CREATE VIEW evil.pg_language AS SELECT evil.spring('pg_language') AS oid;
ALTER DATABASE trap SET search_path = evil, public, pg_catalog;
SQL
as_owner('trap', 'CREATE EXTENSION pybox');
sql('trap', "CREATE FUNCTION public.u(x int) RETURNS int LANGUAGE pyboxu AS 'return 1'");
is(sql('trap', "SELECT verdict FROM pybox.port_report(true)"), 'pybox', 'nor by pybox.port_report()');
is(sql('trap', "SELECT pybox.port('public.u(int)'); SELECT count(*) FROM pybox.activity; SELECT count(*) FROM pybox.languages"), "pyboxu\n0\n2",
	'nor by pybox.port() and the views');

# --- the report survives what it looks at ---
sql('postgres', 'CREATE DATABASE report');
sql('report', <<'SQL');
CREATE EXTENSION pybox_plpython3u;
CREATE EXTENSION pybox;
CREATE FUNCTION crash() RETURNS int LANGUAGE plpython3u AS 'import pybox_crash';
CREATE FUNCTION leave() RETURNS int LANGUAGE plpython3u AS 'import pybox_leave';
CREATE FUNCTION quit() RETURNS int LANGUAGE plpython3u AS 'import pybox_quit';
CREATE FUNCTION eat() RETURNS int LANGUAGE plpython3u AS 'import pybox_eat';
CREATE FUNCTION helped() RETURNS int LANGUAGE plpython3u AS 'import pybox_helper; return pybox_helper.plain(1)';
CREATE FUNCTION through() RETURNS int LANGUAGE plpython3u AS 'from pybox_helper import outside; return outside(1)';
CREATE FUNCTION computed() RETURNS int LANGUAGE plpython3u AS $$
import sys
sys.path.append(str(SD))
import pybox_helper, pybox_nowhere
$$;
CREATE FUNCTION deep() RETURNS int LANGUAGE plpython3u AS 'return 1';
SET check_function_bodies = off;
SELECT format('CREATE OR REPLACE FUNCTION deep() RETURNS int LANGUAGE plpython3u AS %L', 'return ' || repeat('-', 50000) || '1') \gexec
SELECT format('CREATE FUNCTION f_%s(x int) RETURNS text LANGUAGE plpython3u AS %L', i,
	format(E'import json, os.path\nif x > %s:\n    return json.dumps(x)\nreturn os.path.join("a", str(x))', i)) FROM generate_series(1, 1000) i \gexec
SQL
my $start = Time::HiRes::time();
my $report = sql('report', "SELECT verdict, count(*) FROM pybox.port_report() WHERE function::text LIKE 'f\\_%' GROUP BY verdict");
note(sprintf '1,008 functions, four of which kill their interpreter or raise: %.1f s', Time::HiRes::time() - $start);
is($report, 'pybox|1000', 'a thousand functions beside some that kill interpreters');
$report = sql('report', "SELECT function, verdict, reasons FROM pybox.port_report() WHERE function::text NOT LIKE 'f\\_%'");
like($report, qr/^crash\(\)\|no\|\{"probe: Python interpreter was terminated by signal 11: Segmentation fault"\}$/m, 'an import that crashes');
like($report, qr/^leave\(\)\|no\|\{"probe: Python interpreter exited with code 3"\}$/m, 'an import that ends the process');
like($report, qr/^quit\(\)\|no\|\{"line 1: import pybox_quit: SystemExit: no"\}$/m, 'an import that exits');
like($report, qr/^eat\(\)\|no\|\{.*(?:MemoryError|exceeded the memory limit).*\}$/m, 'an import that takes all memory');
like($report, qr/^helped\(\)\|pybox\|\{\}$/m, 'a module of the packages');
like($report, qr/^through\(\)\|pyboxu\|\{"line 1: pybox_helper.outside: pybox_helper.inner: subprocess.run: PermissionError: [^"]*"\}$/m,
	'what a module of the packages does in the end');
like($report, qr/^computed\(\)\|no\|\{"line 4: import pybox_nowhere: ModuleNotFoundError: No module named 'pybox_nowhere'",/m,
	'a folder that is computed is taken for the packages');
like($report, qr/^deep\(\)\|no\|\{.*(?:MemoryError|RecursionError|SyntaxError|too many nested|s_push).*\}$/m, 'a body that is too deep');

# nor does a pool's wall limit end it
sql('postgres', 'CREATE DATABASE brief');
sql('brief', <<'SQL');
CREATE EXTENSION pybox;
CREATE FUNCTION endless() RETURNS int LANGUAGE pyboxu AS 'import pybox_endless';
CREATE FUNCTION quick() RETURNS int LANGUAGE pyboxu AS 'return 1';
SQL
is(sql('brief', 'SELECT function, verdict, reasons FROM pybox.port_report(true)'),
	qq(endless()|no|{"probe: canceling Python call due to its pool's wall limit"}\nquick()|pybox|{}), 'an import beyond the wall limit');
like(refusal('brief', 'postgres', "SET statement_timeout = '500ms'; SELECT * FROM pybox.port_report(true)"),
	qr/canceling statement due to statement timeout/, 'but a timeout of the statement does');

# --- PL/Python's own names, where its package is not installed ---
# A copy of PostgreSQL's folders below another prefix: the server finds its files from where its program is.
sub private_installation
{
	my $prefix = PostgreSQL::Test::Utils::tempdir_short();
	my %folder;
	for my $what (qw(bindir pkglibdir sharedir))
	{
		chomp($folder{$what} = `pg_config --$what`);
		system_or_bail('mkdir', '-p', dirname("$prefix$folder{$what}"));
		system_or_bail('cp', '-RL', $folder{$what}, "$prefix$folder{$what}");
	}
	chmod 0755, $prefix;
	return (dirname("$prefix$folder{bindir}"), "$prefix$folder{sharedir}/extension");
}
my ($install_path, $extensions) = private_installation();
unlink glob "$extensions/{,jsonb_,hstore_,ltree_}plpython*";
my @others = sort glob "$extensions/*";
my $tool = "$root/ops/plpython3u";
append_to_file("$extensions/plpythonu.control", "comment = 'somebody else''s'\n");
command_fails_like([ $tool, 'install', $extensions ],
	qr/not installed, since these files are not of pybox: \Q$extensions\E\/plpythonu\.control\n/, 'a file of somebody else: refused');
is_deeply([ sort glob "$extensions/*" ], [ sort @others, "$extensions/plpythonu.control" ], 'and nothing is written');
unlink "$extensions/plpythonu.control";
command_ok([ $tool, 'install', $extensions ], 'installed');
command_ok([ $tool, 'install', $extensions ], 'installed again, over itself');

append_to_file("$extensions/library.control", "default_version = '1'\nrequires = 'plpython3u'\nrelocatable = true\n");
append_to_file("$extensions/library--1.sql", "CREATE FUNCTION of_library() RETURNS int LANGUAGE plpython3u AS 'return 3';\n");
my $old = $node;
$node = new_node('names', policy => $policy, install_path => $install_path);
sql('postgres', <<'SQL');
CREATE EXTENSION IF NOT EXISTS plpython3u WITH SCHEMA pg_catalog;
COMMENT ON EXTENSION plpython3u IS 'PL/Python3U untrusted procedural language';
CREATE FUNCTION public.doubled(x integer) RETURNS integer LANGUAGE plpython3u AS $$ return x * 2 $$;
ALTER FUNCTION public.doubled(x integer) OWNER TO postgres;
CREATE OR REPLACE LANGUAGE plpythonu;
CREATE EXTENSION jsonb_plpython3u;
CREATE EXTENSION hstore_plpython3u CASCADE;
CREATE EXTENSION ltree_plpython3u CASCADE;
CREATE FUNCTION public.keys(x jsonb, y hstore, z ltree) RETURNS text TRANSFORM FOR TYPE jsonb, FOR TYPE hstore, FOR TYPE ltree LANGUAGE plpython3u AS $$ return str([x, y, z]) $$;
CREATE FUNCTION public.oldest() RETURNS integer LANGUAGE plpythonu AS $$ return 7 $$;
SQL
is(sql('postgres', 'SELECT doubled(4), oldest()'), '8|7', 'a dump that names plpython3u, and CREATE LANGUAGE plpythonu');
ok(scalar(interpreters_of($node)) > 0, 'run outside the server');
is(sql('postgres', q{SELECT keys('{"a": true}', 'b=>c', 'd.e')}), "[{'a': True}, {'b': 'c'}, ['d', 'e']]", 'transforms under their own names');
sql('postgres', 'CREATE DATABASE installer; CREATE DATABASE again');
is(sql('installer', 'CREATE EXTENSION library CASCADE; SELECT of_library()'), 3, 'an extension that requires plpython3u');
like(refusal('installer', 'postgres', 'CREATE EXTENSION pybox_plpython3u'),
	qr/language "plpython3u" exists already in this database\nDETAIL:  It belongs to extension "plpython3u"\./, 'one name, one provider');
$dump = dump_of('postgres');
restore('again', $dump);
is(dump_of('again'), $dump, 'dumped and restored under these names');
sql('again', 'CREATE EXTENSION pybox');
is(sql('again', q{SELECT pybox.port('doubled(int)'), pybox.port('oldest()', 'pyboxu'); DROP EXTENSION plpython3u CASCADE; DROP EXTENSION plpythonu; SELECT doubled(2), oldest()}),
	"plpython3u|plpythonu\n4|7", 'moved over, the old languages can go');
$node->stop;
append_to_file("$extensions/plpython3u--1.0.sql.dpkg-dist", "-- somebody else's\n");
command_ok([ $tool, 'uninstall', $extensions ], 'uninstalled');
is_deeply([ sort glob "$extensions/*" ], [ sort @others, map { "$extensions/$_" } 'library.control', 'library--1.sql', 'plpython3u--1.0.sql.dpkg-dist' ],
	'exactly what it installed is gone');
$node = $old;

# --- beside PL/Python itself ---
SKIP:
{
	skip 'PL/Python is not installed', 7
	  unless need(sql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'plpython3u' AND comment LIKE 'PL/Python3U%'}), 'PL/Python');
	sql('postgres', 'CREATE DATABASE beside; CREATE DATABASE after');
	sql('beside', <<'SQL');
CREATE EXTENSION plpython3u;
CREATE EXTENSION pybox;
CREATE FUNCTION inside() RETURNS int LANGUAGE plpython3u AS 'import os, json; return os.getpid()';
CREATE FUNCTION outside() RETURNS int LANGUAGE pyboxu AS 'import os, json; return os.getpid()';
SQL
	is(sql('beside', 'SELECT inside() = pg_backend_pid(), outside() = pg_backend_pid(), inside() = pg_backend_pid(), outside() <> inside()'),
		't|f|t|t', 'both in one session, PL/Python first');
	is(sql('beside', 'SELECT outside() = pg_backend_pid(), inside() = pg_backend_pid()'), 'f|t', 'and last');
	like(refusal('beside', 'postgres', 'CREATE EXTENSION pybox_plpython3u'),
		qr/language "plpython3u" exists already.*\n.*It belongs to extension "plpython3u".*\nHINT:  Move its functions with pybox\.port/, 'its name is not taken from it');
	is(sql('beside', q{SELECT language, provider FROM pybox.languages WHERE provider <> 'pybox'}), 'plpython3u|plpython', 'pybox.languages tells who provides it');
	is(sql('beside', q{SELECT function, language, verdict FROM pybox.port_report()}), 'inside()|plpython3u|pybox', 'pybox.port_report() sees its functions');
	is(sql('beside', q{SELECT pybox.port('inside()', 'pyboxu'); SELECT inside() = pg_backend_pid(); SELECT pybox.port('inside()', 'plpython3u'); SELECT inside() = pg_backend_pid()}),
		"plpython3u\nf\npyboxu\nt", 'a function leaves the server and comes back, in one session');
	sql('after', 'CREATE EXTENSION pybox_plpython3u');
	like(refusal('after', 'postgres', 'CREATE EXTENSION plpython3u'), qr/function "plpython3_call_handler" already exists/, 'nor does it take the name from us');
}

$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');
done_testing();
