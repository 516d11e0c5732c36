# Every layer of the sandbox taken away in turn, and every one replaced by a lie: a server whose policy requires it refuses
# all trusted calls and says which layer, why and what to do; when it is back, they run.
use strict;
use warnings;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

# What is taken away, and whether pyboxu does without it where the policy leaves it the host's files and network.
my @layers = (
	[ user_namespace => 0 ],
	[ mount_namespace => 0 ],
	[ pid_namespace => 0 ],
	[ ipc_namespace => 0 ],
	[ uts_namespace => 0 ],
	[ net_namespace => 1 ],
	[ cgroup_namespace => 0 ],
	[ root => 1 ],
	[ capabilities => 0 ],
	[ no_new_privs => 0 ],
	[ rlimits => 0 ],
	[ landlock => 0 ],
	[ seccomp => 0 ],
	[ cgroup_memory => 0 ],
	[ cgroup_pids => 0 ],
	[ cgroup_cpu => 0 ]);

# What the kernel only seems to do, and the layer that is missed then; undef: no layer, no interpreter starts at all.
my @lies = (
	[ user_namespace_lies => 'user_namespace' ],
	[ mount_namespace_lies => 'mount_namespace' ],
	[ pid_namespace_lies => 'pid_namespace' ],
	[ ipc_namespace_lies => 'ipc_namespace' ],
	[ uts_namespace_lies => 'uts_namespace' ],
	[ net_namespace_lies => 'net_namespace' ],
	[ cgroup_namespace_lies => 'cgroup_namespace' ],
	[ root_lies => 'root' ],
	[ read_only_lies => 'root' ],
	[ capabilities_lies => 'capabilities' ],
	[ rlimits_lies => 'rlimits' ],
	[ landlock_lies => 'landlock' ],
	[ seccomp_lies => 'seccomp' ],
	[ close_range_lies => undef, qr/descriptors: Too many open files/ ],
	[ dumpable_lies => undef, qr/dumpable: Permission denied/ ]);

# Every way to get Python run; each is refused as a whole.
my @calls = (
	'SELECT one()',
	'SELECT sum(add(g)) FROM generate_series(1, 100) g',
	'SELECT * FROM numbers()',
	'INSERT INTO watched VALUES (1)',
	'DELETE FROM watched WHERE false',
	'CALL nothing()',
	'SELECT nested(2)',
	'SELECT one_definer()',
	"DO LANGUAGE pybox 'pass'",
	"CREATE OR REPLACE FUNCTION pg_temp.made() RETURNS int LANGUAGE pybox AS 'return 1'",
	'SELECT pybox_call_validator(\'one()\'::regprocedure)',
	'BEGIN; SAVEPOINT s; SELECT one(); ROLLBACK TO s; SELECT one()',
	'DECLARE c CURSOR WITH HOLD FOR SELECT * FROM numbers()');

my $good = <<'YAML';
version: 1
node: {name: test, id: 1, slots: 4}
require: [REQUIRED]
pools:
  standard: {limits: {memory: 256MB, wall: 2min}, spares: 0}
YAML

sub policy { my ($required) = @_; return $good =~ s/REQUIRED/$required/r; }

my $node = new_node('layers', policy => policy(''), without => '');
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pybox;
CREATE ROLE ana LOGIN;
CREATE ROLE ben LOGIN;
GRANT CREATE ON SCHEMA public TO PUBLIC;
CREATE FUNCTION one() RETURNS int LANGUAGE pybox AS 'return 1';
CREATE FUNCTION one_u() RETURNS int LANGUAGE pyboxu AS 'return 1';
CREATE FUNCTION add(a int) RETURNS int LANGUAGE pybox AS 'return a + 1';
CREATE FUNCTION numbers() RETURNS SETOF int LANGUAGE pybox AS 'return [1, 2, 3]';
CREATE FUNCTION nested(depth int) RETURNS int LANGUAGE pybox AS $$
return plpy.execute(f'SELECT nested({depth - 1})')[0]['nested'] if depth else 0
$$;
CREATE FUNCTION one_definer() RETURNS int SECURITY DEFINER LANGUAGE pybox AS 'return 1';
CREATE FUNCTION attempt(code text) RETURNS text LANGUAGE pybox AS $$
try:
    exec(code)
except Exception as error:
    return type(error).__name__
return 'allowed'
$$;
CREATE FUNCTION move_u() RETURNS text LANGUAGE pyboxu AS $$
import os, tempfile
with tempfile.TemporaryDirectory() as folder:
    os.mkdir(folder + '/to')
    open(folder + '/file', 'w').close()
    try:
        os.rename(folder + '/file', folder + '/to/file')
    except OSError as error:
        return type(error).__name__
    return 'moved'
$$;
CREATE PROCEDURE nothing() LANGUAGE pybox AS 'pass';
CREATE TABLE watched (a int);
GRANT ALL ON watched TO PUBLIC;
CREATE FUNCTION watch() RETURNS trigger LANGUAGE pybox AS 'return None';
CREATE TRIGGER each_row BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION watch();
CREATE TRIGGER statement AFTER DELETE ON watched FOR EACH STATEMENT EXECUTE FUNCTION watch();
SQL
my $validator = $node->safe_psql('postgres', "SELECT lanvalidator::regproc FROM pg_language WHERE lanname = 'pybox'");
s/pybox_call_validator/$validator/ for @calls;

sub restart_without
{
	my ($layers, $required) = @_;

	$node->stop if defined $node->{_pid};
	set_without($node, $layers);
	write_policy($node, policy($required));
	$node->start;
	return map { PyboxSession->new($node, role => $_) } qw(postgres ana ben);
}

# The first answer of each call in each session that is no refusal which names the layer; nothing when all are.
sub not_refused
{
	my ($layer, @sessions) = @_;
	my @wrong;
	for my $session (@sessions)
	{
		for my $call (@calls)
		{
			my $answer = $session->ask($call);
			push @wrong, "$call: $answer->{text}"
			  unless ($answer->{sqlstate} // '') eq '55000'
			  && $answer->{text} =~ /pool "standard" has no sandbox: a required layer is missing\nDETAIL:  (?:.*; )?$layer: \S.*\nHINT:  See pybox\.protection, or run pybox doctor/;
			$session->ask('ROLLBACK');
		}
	}
	return @wrong;
}

sub shown
{
	my ($session, $layer) = @_;
	return $session->value("SELECT available, required, in_force, reason <> '' FROM pybox.protection
		WHERE language = 'pybox' AND layer = '$layer'");
}

# What root of the server's user namespace may set. That is us: the namespace is a process's own to enter.
sub set_user_namespaces
{
	my ($node, $number) = @_;
	my $child = fork // die $!;

	if ($child == 0)
	{
		my ($namespace, $file);
		my $done = open($namespace, '<', '/proc/' . $node->{_pid} . '/ns/user')
		  && syscall(308, fileno($namespace), 0x10000000) == 0    # setns, CLONE_NEWUSER
		  && open($file, '>', '/proc/sys/user/max_user_namespaces')
		  && print($file $number)
		  && close($file);
		POSIX::_exit($done ? 0 : 1);
	}
	waitpid $child, 0;
	die "user.max_user_namespaces: $?" if $?;
	return;
}

# A call's result, or its SQLSTATE.
sub expect_call
{
	my ($session, $call, $expected, $name) = @_;
	my $answer = $session->ask($call);

	is($answer->{sqlstate} // $answer->{text}, $expected, $name) or diag($answer->{text});
	return;
}

my ($refused, $began) = (0, clock_gettime(CLOCK_MONOTONIC));
my $cgroup = cgroup_of($node);
for my $row (@layers)
{
	my ($layer, $untrusted_runs) = @$row;
	my $is_cgroup = $layer =~ /^cgroup_(?!namespace)/;

	$node->append_conf('postgresql.conf', "pybox.cgroup = ''") if $is_cgroup;
	my @sessions = restart_without($is_cgroup ? '' : $layer, $layer);
	is_deeply([ not_refused($layer, @sessions) ], [], "without $layer: every trusted call is refused and names it");
	$refused += @calls * @sessions;
	like(shown($sessions[0], $layer), qr/^f\|t\|f?\|t$/, "without $layer: pybox.protection");
	is($sessions[0]->value("SELECT protection, '$layer' = ANY (required_missing) FROM pybox.protection_summary
		WHERE language = 'pybox'"), 'refused|t', "without $layer: pybox.protection_summary");
	expect_call($sessions[0], 'SELECT one_u()', $untrusted_runs ? 1 : 55000, "without $layer: pyboxu");

	# Not required, trusted calls run on what is left; pyboxu only where it can hide the server's files. Of three layers
	# no policy can do without.
	my $must_stay = $layer =~ /^(?:seccomp|no_new_privs|rlimits)$/;
	my $hides = !$must_stay && $layer !~ /^(?:user|mount)_namespace$/;
	write_policy($node, policy(''));
	$sessions[0]->value('SELECT pybox.reload_policy()');
	expect_call($sessions[1], 'SELECT nested(2)', $must_stay ? 55000 : 0, "without $layer, not required: trusted calls");
	expect_call($sessions[0], 'SELECT one_u()', $hides ? 1 : 55000, "without $layer, not required: pyboxu");
	like(shown($sessions[0], $layer), $must_stay ? qr/^f\|t\|f?\|t$/ : qr/^f\|f\|f\|t$/, "without $layer, not required: pybox.protection");
	$_->quit for @sessions;

	$node->append_conf('postgresql.conf', "pybox.cgroup = '$cgroup'") if $is_cgroup;
	next if $is_cgroup && !need($cgroup ne '', 'a cgroup');
	@sessions = restart_without('', $layer);
	is($sessions[2]->value('SELECT nested(2)'), 0, "$layer is back: trusted calls run");
	is(shown($sessions[0], $layer), 't|t|t|', "$layer is back: pybox.protection");
	$_->quit for @sessions;
}
note(sprintf '%d calls without a required layer, all refused, in %.1f s', $refused, clock_gettime(CLOCK_MONOTONIC) - $began);

for my $row (@lies)
{
	my ($lie, $layer, $message) = @$row;
	my @sessions = restart_without($lie, $layer // '');

	if (defined $layer)
	{
		is_deeply([ not_refused($layer, @sessions) ], [], "$lie: every trusted call is refused and names $layer");
		next;
	}
	for my $call ('SELECT one()', "DO LANGUAGE pybox 'pass'", 'SELECT one_u()')
	{
		my $answer = $sessions[1]->ask($call);
		is($answer->{sqlstate}, '58000', "$lie: $call") or diag($answer->{text});
		like($answer->{text}, $message, "$lie: $call: message");
	}
}
continue { $node->stop }

# --- a policy may do without either fence around files, but not without both ---
{
	my @sessions = restart_without('user_namespace,landlock', '');

	is_deeply([ not_refused('landlock', @sessions) ], [], 'neither root nor landlock: every trusted call is refused');
	is($sessions[0]->value("SELECT required_missing FROM pybox.protection_summary WHERE language = 'pybox'"), '{root,landlock}',
		'neither root nor landlock: pybox.protection_summary');
	$_->quit for @sessions;
	$node->stop;
}

# --- older Landlocks, and nothing else against files ---
my @rights = (
	[ 1, 'OSError' ],
	[ 2, 'moved' ],
	[ 3, 'moved' ],
	[ 4, 'moved' ],
	[ 5, 'moved' ]);
for my $row (@rights)
{
	my ($version, $moved) = @$row;
	my ($admin, $ana) = restart_without("root,landlock_$version", 'landlock');

	is($ana->value('SELECT nested(2)'), 0, "Landlock $version: trusted calls run");
	is($admin->value("SELECT DISTINCT available, required, detail FROM pybox.protection WHERE layer = 'landlock'"),
		"t|t|rights of version $version", "Landlock $version: pybox.protection");
	is($ana->value("SELECT attempt('open(\"/etc/passwd\")')"), 'PermissionError', "Landlock $version: the machine's files are out of reach");
	is($ana->value("SELECT attempt('import fractions')"), 'allowed', "Landlock $version: Python's own are not");
	$_->quit for $admin, $ana;
	($admin) = restart_without("landlock_$version", 'landlock');
	is($admin->value('SELECT move_u()'), $moved, "Landlock $version: pyboxu moves a file to another folder");
	$admin->quit;
	$node->stop;
}

# --- a layer that goes while the server runs: a sysctl of the user namespace that this one is started in ---
{
	my $id = $<;
	my $program = $node->{_install_path} . '/bin/postgres';

	set_without($node, '');
	my $exec = slurp_file($program) =~ s/exec /exec unshare --user --map-user=$id --map-group=@{[ $( + 0 ]} /r;
	unlink $program;
	append_to_file($program, $exec);
	chmod 0755, $program or die "$program: $!";
	write_policy($node, policy('user_namespace'));
	$node->start;
	my ($admin, @others) = map { PyboxSession->new($node, role => $_) } qw(postgres ana ben);
	is($others[0]->value('SELECT nested(2)'), 0, 'a layer goes: calls run before');
	set_user_namespaces($node, 0);
	is($others[0]->value('SELECT nested(2)'), 0, 'a layer goes: who has an interpreter keeps it');
	kill 'KILL', zygotes_of($node);
	poll_until(sub { !zygotes_of($node) }) or die 'the zygote does not end';
	expect_call($others[0], 'SELECT one()', 38000, 'a layer goes: its zygote took an interpreter along');
	is_deeply([ not_refused('user_namespace', @others) ], [], 'a layer goes: every call that needs an interpreter is refused and names it');
	is(shown($admin, 'user_namespace'), 'f|t||t', 'a layer goes: pybox.protection');
	is($admin->value("SELECT DISTINCT reason FROM pybox.protection WHERE layer = 'user_namespace'"),
		'No space left on device: sysctl user.max_user_namespaces is used up', 'a layer goes: the reason');
	set_user_namespaces($node, 16384);
	$admin->value('SELECT pybox.reload_policy()');
	is($_->value('SELECT nested(2)'), 0, 'a layer comes back: calls run after a reload') for @others;
	is(shown($admin, 'user_namespace'), 't|t|t|', 'a layer comes back: pybox.protection');
	$_->quit for $admin, @others;
	$node->stop;
}

ok(wait_for_no_processes($node), 'nothing is left of the server');
done_testing();
