# What is missing or wrong makes calls fail and say why; and what is put right works again.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

my $good = <<'YAML';
version: 1
node: {name: test, id: 1, slots: 4}
pools:
  standard: {limits: {memory: 256MB, wall: 2min}, spares: 1}
  broken: {preload: [json, no_such_module], spares: 0}
assign:
  - {role: unlucky, pool: broken}
  - {pool: standard}
YAML

# --- not loaded ---
my $plain = PostgreSQL::Test::Cluster->new('plain');
$plain->init;
$plain->start;
my ($status, $out, $err) = $plain->psql('postgres',
	"CREATE EXTENSION pybox; CREATE FUNCTION f() RETURNS int LANGUAGE pybox AS 'return 1'; SELECT f()");
like($err, qr/ERROR:  pybox must be loaded via shared_preload_libraries/, 'not loaded: error');
like($err, qr/HINT:  Add pybox to shared_preload_libraries in postgresql.conf and restart the server\./, 'not loaded: hint');
($status, $out, $err) = $plain->psql('postgres', 'SELECT * FROM pybox.activity');
like($err, qr/shared_preload_libraries/, 'not loaded: views say so too');
is(($plain->psql('postgres', q{SELECT pybox.check_policy(E'version: 1\npools: {a: {}}\n')}))[1], 't', 'not loaded: a policy can be checked');
is($plain->safe_psql('postgres', 'SELECT 1'), '1', 'not loaded: the server works');
$plain->stop;

# --- a file that cannot be trusted, at start ---
my $node = new_node('closed', policy => $good, start => 0);
my $path = policy_path($node);
my $log_from = 0;

# What the server has logged since it was asked last.
sub log_new
{
	my $log = slurp_file($node->logfile, $log_from);
	$log_from += length $log;
	return $log;
}

sub policy_source
{
	return $node->safe_psql('postgres', 'SELECT source FROM pybox.policy');
}

my %untrusted = (
	'missing' => [ sub { unlink $path }, qr/\Q$path\E: cannot open the file: No such file/ ],
	'unreadable' => [ sub { chmod 0000, $path }, qr/\Q$path\E: cannot open the file: Permission denied/ ],
	'group can write' => [ sub { chmod 0660, $path }, qr/\Q$path\E: the file has mode 0660, expected no write/ ],
	'broken' => [ sub { append_to_file($path, "pools: 3\n") }, qr/\Q$path\E:9:1: / ]);
my $created = 0;
for my $what (sort keys %untrusted)
{
	my ($spoil, $message) = @{ $untrusted{$what} };

	write_policy($node, $good);
	$spoil->();
	$node->start;
	$node->safe_psql('postgres', <<'SQL') unless $created++;
CREATE EXTENSION pybox;
SET check_function_bodies = off; -- to check them takes an interpreter, and there is no policy yet
CREATE ROLE unlucky LOGIN;
CREATE FUNCTION add(a int) RETURNS int LANGUAGE pybox AS $$ return a + 1 $$;
CREATE FUNCTION add_u(a int) RETURNS int LANGUAGE pyboxu AS $$ return a + 1 $$;
CREATE FUNCTION take(megabytes int) RETURNS int LANGUAGE pybox AS $$ return len(b'x' * (megabytes << 20)) >> 20 $$;
CREATE FUNCTION spin() RETURNS void LANGUAGE pybox AS $$
while True: pass
$$;
CREATE FUNCTION interpreter() RETURNS text LANGUAGE pybox AS $$
return plpy.execute('SELECT interpreter_pid FROM pybox.activity WHERE pid = pg_backend_pid()')[0]['interpreter_pid']
$$;
SQL
	is(policy_source(), '', "policy file $what at start: none is in force");
	ok(poll_until(sub { slurp_file($node->logfile, $log_from) =~ /pybox refuses all calls until it has a policy/ }),
		"policy file $what: log says what then");
	like(log_new(), $message, "policy file $what: log says why");
	for my $call ('add(1)', 'add_u(1)')
	{
		my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT $call");
		like($err, qr/F0000: pybox has no policy: its file could not be used/, "policy file $what: $call is refused");
	}
	is($node->safe_psql('postgres', 'SELECT count(*) FROM pybox.pools'), 0, "policy file $what: views work");
	write_policy($node, $good);
	is($node->safe_psql('postgres', 'SELECT pybox.reload_policy()'), 't', "policy file $what: put right, taken");
	is(policy_source(), $path, "policy file $what: and in force");
	is($node->safe_psql('postgres', 'SELECT add(1)'), 2, "policy file $what: calls work");
	$node->stop;
}

# --- reload of a broken file ---
write_policy($node, $good);
$node->start;
is(policy_source(), $path, 'a good file is in force from the start');
my $admin = PyboxSession->new($node);
my $generation = $admin->value('SELECT generation FROM pybox.policy');
write_policy($node, $good =~ s/256MB/256 apples/r);
my $answer = $admin->ask('SELECT pybox.reload_policy()');
is($answer->{sqlstate}, 'F0000', 'reload of a broken file: SQLSTATE') or diag($answer->{text});
like($answer->{text}, qr/invalid pybox policy: \Q$path\E:4:\d+: /, 'reload of a broken file: file, line and column');
log_new();
$node->reload;
ok(poll_until(sub { slurp_file($node->logfile, $log_from) =~ /invalid pybox policy: \Q$path\E:4:\d+: / }),
	'pg_reload_conf of a broken file: the log has file, line and column');
is($admin->value('SELECT generation FROM pybox.policy'), $generation, 'the old policy stays');
is($admin->value('SELECT add(1)'), 2, 'and calls work');

# --- other limits after a reload, in sessions that have an interpreter already ---
my $session = PyboxSession->new($node);
my $first = $session->value('SELECT interpreter()');
is($session->value('SELECT take(100)'), 100, '100 MB are within the limit');
write_policy($node, $good =~ s/wall: 2min/wall: 300ms/r);
$admin->value('SELECT pybox.reload_policy()');
$answer = $session->ask('SELECT spin()');
is($answer->{sqlstate}, '57014', 'new wall limit: SQLSTATE') or diag($answer->{text});
like($answer->{text}, qr/due to its pool's wall limit.*\n.*"standard".*300 ms/, 'new wall limit: message');
# Without a cgroup memory is capped by address space, which has to be larger.
my $is_capped = need(cgroup_of($node) ne '', 'a cgroup');
write_policy($node, $good =~ s/256MB/64MB/r);
$admin->value('SELECT pybox.reload_policy()');
$answer = $session->ask('SELECT take(100)') if $is_capped;
is($answer->{sqlstate}, '53200', 'new memory limit: SQLSTATE') or diag($answer->{text}) if $is_capped;
write_policy($node, $good);
$admin->value('SELECT pybox.reload_policy()');
is($session->value('SELECT take(100)'), 100, 'and the old limits again');

# A session may know of a policy before the launcher does, which has it from the scheduler: then it waits.
my $scheduler = scheduler_of($node);
stop_asleep($scheduler);
write_policy($node, $good =~ s/256MB/64MB/r);
$admin->value('SELECT pybox.reload_policy()');
$session->send($is_capped ? 'SELECT take(101)' : 'SELECT interpreter() /* take(101) */');
$admin->poll("SELECT query LIKE '%take(101)%' AND (state = 'idle' OR wait_event = 'PyboxInterpreter')
	FROM pg_stat_activity WHERE pid = " . $session->pid);
kill 'CONT', $scheduler;
$answer = $session->wait;
is($answer->{sqlstate}, '53200', 'a new memory limit that the launcher had yet to hear of') if $is_capped;
write_policy($node, $good);
$admin->value('SELECT pybox.reload_policy()');
$first = $session->value('SELECT interpreter()');
write_policy($node, "$good# another text of the same policy\n");
$admin->value('SELECT pybox.reload_policy()');
is($session->value('SELECT interpreter()'), $first, 'a reload that leaves the pool as it is leaves its interpreters alone');

# --- a module that is not there ---
my $unlucky = PyboxSession->new($node, role => 'unlucky');
$answer = $unlucky->ask('SELECT add(1)');
is($answer->{sqlstate}, '58000', 'preload that fails: SQLSTATE') or diag($answer->{text});
like($answer->{text}, qr/pool "broken".*\n.*No module named 'no_such_module'/, 'preload that fails: message');
is($session->value('SELECT add(1)'), 2, 'preload that fails: other pools work');
is($admin->value("SELECT trusted_zygote FROM pybox.pools WHERE pool = 'broken'"), 'broken', 'preload that fails: pybox.pools');
like($admin->value("SELECT trusted_zygote_reason FROM pybox.pools WHERE pool = 'broken'"), qr/no_such_module/,
	'preload that fails: pybox.pools says why');
write_policy($node, $good =~ s/, no_such_module//r);
$admin->value('SELECT pybox.reload_policy()');
is($unlucky->value('SELECT add(1)'), 2, 'preload put right: calls work');

# --- a module whose threads would not be confined ---
my $packages = $node->basedir . '/packages';
mkdir $packages or die "$packages: $!";
append_to_file("$packages/restless.py", <<'PYTHON');
import os, threading
def begin():
    threading.Thread(target=threading.Event().wait, daemon=True).start()
os.register_at_fork(after_in_child=begin)
PYTHON
write_policy($node, $good =~ s/preload: \[json, no_such_module\]/preload: [restless], packages: [$packages]/r);
$admin->value('SELECT pybox.reload_policy()');
$answer = $unlucky->ask('SELECT add(1)');
is($answer->{sqlstate}, '58000', 'threads in a new interpreter: SQLSTATE') or diag($answer->{text});
like($answer->{text}, qr/a preloaded module starts threads in new interpreters/, 'threads in a new interpreter: message');
is($session->value('SELECT add(1)'), 2, 'threads in a new interpreter: other pools work');
$unlucky->quit;

# --- DISCARD ALL, idle leases ---
write_policy($node, $good =~ s/spares: 1/spares: 1, idle_timeout: 1s/r);
$admin->value('SELECT pybox.reload_policy()');
$first = $session->value('SELECT interpreter()');
like($first, qr/^\d+$/, 'a session has an interpreter');
$session->value('DISCARD ALL');
my $second = $session->value('SELECT interpreter()');
isnt($second, $first, 'DISCARD ALL: another interpreter');
ok(poll_until(sub { !-e "/proc/$first" }), 'DISCARD ALL: the old one is gone');
ok(poll_until(sub { !-e "/proc/$second" }), 'idle_timeout: an idle one is gone');
my $third = $session->value('SELECT interpreter()');
isnt($third, $second, 'idle_timeout: the next call works');
$session->value('CREATE FUNCTION endless() RETURNS SETOF int LANGUAGE pybox AS $$
number = 0
while True:
    yield number
    number += 1
$$');
is($session->value('BEGIN; DECLARE c CURSOR FOR SELECT endless(); FETCH c'), 0, 'a set is open');
my $later = $admin->value('SELECT interpreter()');
like($later, qr/^\d+$/, 'another session has an interpreter');
ok(poll_until(sub { !-e "/proc/$later" }), 'idle_timeout: one that became idle later is gone');
is($session->value('FETCH c'), 1, 'idle_timeout: the set goes on');
$session->value('COMMIT');
$_->quit for $session, $admin;
$node->stop;

# --- a required layer that is not there ---
$node->append_conf('postgresql.conf', "pybox.cgroup = ''");
write_policy($node, $good =~ s/^pools:/require: [seccomp, cgroup_memory]\npools:/mr);
$node->start;
$admin = PyboxSession->new($node);
$answer = $admin->ask('SELECT add(1)');
is($answer->{sqlstate}, '55000', 'no cgroup but required: SQLSTATE') or diag($answer->{text});
like($answer->{text}, qr/required layer.*\n.*cgroup_memory/, 'no cgroup but required: message');
is($admin->value("SELECT required, available, reason <> '' FROM pybox.protection
	WHERE language = 'pybox' AND pool = 'standard' AND layer = 'cgroup_memory'"), 't|f|t', 'pybox.protection says so');
$answer = $admin->ask('SELECT add_u(1)');
note($answer->{text});
is($answer->{sqlstate}, '55000', 'pyboxu too');
write_policy($node, $good);
$admin->value('SELECT pybox.reload_policy()');
is($admin->value('SELECT add(1)'), 2, 'not required any more: calls work');
$admin->quit;
processes_of($node);
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');

done_testing();
