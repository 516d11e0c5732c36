# cgroup version 2, handed to the server as a service manager does it: where the server lives, what it was given, what is missing.
use strict;
use warnings;
use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

my $policy = <<'YAML';
version: 1
node: {name: test, id: 1, slots: 2}
pools:
  standard: {limits: {memory: 128MB, wall: 2min, pids: 8, cpu: 20%}, spares: 0}
YAML

my $mount = '/sys/fs/cgroup';
my @layers = qw(cgroup_cpu cgroup_memory cgroup_pids);

like(slurp_file("$mount/cgroup.controllers"), qr/\bmemory\b/, 'version 2 has the controllers');
unlike(slurp_file('/proc/mounts'), qr/ cgroup /, 'and version 1 is not there');

# The tests' own place is a delegated directory: what the server gets are directories below it.
my $own = "$mount$ENV{PYBOX_TEST_CGROUP}";
like($own, qr{^$mount/system\.slice/}, 'the delegated directory lies in a slice, as a service does');
is((stat dirname($own))[4], 0, 'the slice is root\'s');
ok(!-w dirname($own) . '/cgroup.procs', 'and not ours to write');

sub group_make
{
	my ($name, $controllers) = @_;
	mkdir "$own/$name" or die "$own/$name: $!";
	append_to_file("$own/$name/cgroup.subtree_control", $controllers) if $controllers ne '';
	return "$own/$name";
}

sub group_enter
{
	my ($folder) = @_;
	append_to_file("$folder/cgroup.procs", $$);
	return;
}

# A server that was started in a group and told of a group; what pybox.protection says of its cgroups.
sub server_in
{
	my ($name, $folder, $setting) = @_;
	my $node = new_node($name, policy => $policy, cgroup => 0, start => 0, conf => "pybox.cgroup = '$setting'");

	# Whatever is in it is the server's, but where the tests live too.
	$node->{pybox_cgroup} = $folder eq "$own/server" ? '' : $folder =~ s/^\Q$mount\E//r;
	group_enter($folder);
	$node->start;
	group_enter("$own/server");
	$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pybox;
CREATE FUNCTION add(a int) RETURNS int LANGUAGE pybox AS 'return a + 1';
CREATE FUNCTION take(megabytes int) RETURNS int LANGUAGE pybox AS 'return len(bytearray(megabytes << 20)) >> 20';
CREATE FUNCTION spin() RETURNS void LANGUAGE pybox AS $$
while True: pass
$$;
CREATE FUNCTION threads() RETURNS int LANGUAGE pybox AS $$
import threading
done = threading.Event()
count = 0
try:
    while count < 100:
        threading.Thread(target=done.wait).start()
        count += 1
finally:
    done.set()
return count
$$;
CREATE FUNCTION interpreter() RETURNS int LANGUAGE pybox AS $$
return plpy.execute('SELECT interpreter_pid FROM pybox.activity WHERE pid = pg_backend_pid()')[0]['interpreter_pid']
$$;
SQL
	return $node;
}

sub in_force
{
	my ($node) = @_;
	return $node->safe_psql('postgres', "SELECT add(1); SELECT string_agg(layer, ' ' ORDER BY layer) FROM pybox.protection
		WHERE language = 'pybox' AND layer LIKE 'cgroup!_%' ESCAPE '!' AND layer <> 'cgroup_namespace' AND in_force") =~ s/^2\n//r;
}

sub reason
{
	my ($node) = @_;
	return $node->safe_psql('postgres', "SELECT reason FROM pybox.protection WHERE language = 'pybox' AND layer = 'cgroup_memory'");
}

sub stop
{
	my ($node) = @_;
	processes_of($node);
	$node->stop;
	ok(wait_for_no_processes($node), $node->name . ': nothing is left of the server');
	return;
}

# --- Delegate=yes alone: the server is started in the delegated directory itself ---
my $service = group_make('service', '');
my $node = server_in('service', $service, $service =~ s/^\Q$mount\E//r);
is(in_force($node), "@layers", 'started in the directory itself: all is in force');
is(slurp_file("$service/cgroup.procs"), '', 'nothing lives in the directory');
my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
like(slurp_file("/proc/$postmaster/cgroup"), qr{/service/server$}m, 'the server was moved on into its child');
like(slurp_file('/proc/' . launcher_of($node) . '/cgroup'), qr{/service/server$}m, 'and the launcher');

# --- limits and kills ---
my $session = PyboxSession->new($node);
my $answer = $session->ask('SELECT take(300)');
is($answer->{sqlstate}, '53200', 'memory: SQLSTATE') or diag($answer->{text});
like($answer->{text}, qr/128 MB/, 'memory: the cap is named');
is($session->value('SELECT add(1)'), 2, 'memory: the session goes on');
$answer = $session->ask('SELECT threads()');
isnt($answer->{sqlstate} // '', '', 'pids: an error') or diag($answer->{text});
is($session->value('SELECT add(1)'), 2, 'pids: the session goes on');

my $interpreter = $session->value('SELECT interpreter()');
my ($leaf) = slurp_file("/proc/$interpreter/cgroup") =~ /^0::(.*)$/m;
like($leaf, qr{/service/pools/standard/\d+$}, 'the interpreter has a group of its own');
is(slurp_file("$mount$leaf/memory.max"), (128 << 20) . "\n", 'its memory.max');
is(slurp_file("$mount$leaf/pids.max"), "8\n", 'its pids.max');
is(slurp_file("$mount$leaf/cpu.max"), "20000 100000\n", 'its cpu.max');
like(slurp_file("$mount$leaf/cgroup.controllers"), qr/\bmemory\b/, 'its controllers');

my $admin = PyboxSession->new($node);
$session->send('SELECT spin()');
$admin->poll("SELECT count(*) = 1 FROM pybox.activity WHERE function LIKE '%spin%' AND state = 'running'");
ok(poll_until(sub { slurp_file("$mount$leaf/cpu.stat") =~ /^nr_throttled [1-9]/m }), 'cpu: the kernel throttles a loop');
append_to_file("$mount$leaf/cgroup.freeze", '1');
ok(poll_until(sub { slurp_file("$mount$leaf/cgroup.events") =~ /^frozen 1$/m }), 'a frozen interpreter');
$admin->value("SELECT pybox.kill(call_id) FROM pybox.activity WHERE function LIKE '%spin%'");
$answer = $session->wait;
isnt($answer->{sqlstate} // '', '', 'kill of a frozen interpreter: its call ends') or diag($answer->{text});
ok(poll_until(sub { !-e "/proc/$interpreter" }), 'kill of a frozen interpreter: it is gone');
ok(poll_until(sub { !-e "$mount$leaf" }), 'kill of a frozen interpreter: its group is gone');
is($session->value('SELECT add(1)'), 2, 'kill of a frozen interpreter: the session goes on');
$_->quit for $session, $admin;

# --- a launcher that was killed leaves groups behind, the next one removes them ---
my $launcher = launcher_of($node);
kill 'KILL', $launcher;
ok(poll_until(sub { my $now = launcher_of($node); defined $now && $now != $launcher && eval { in_force($node) eq "@layers" } }),
	'launcher killed: the next one has all cgroups');
stop($node);
ok(!-e "$service/pools", 'no group is left');

# --- again in the same place: the child is there already ---
$node->start;
stop($node);

# --- found by itself ---
my $auto = group_make('auto', '');
$node = server_in('auto', $auto, 'auto');
is(in_force($node), "@layers", 'pybox.cgroup = auto: all is in force');
like(slurp_file('/proc/' . launcher_of($node) . '/cgroup'), qr{/auto/server$}m, 'pybox.cgroup = auto: the server has its child');
$node->stop;
group_enter("$auto/server");
$node->start;
group_enter("$own/server");
is(in_force($node), "@layers", 'pybox.cgroup = auto, started in the child: all is in force');
stop($node);

# --- what may be missing ---
my $poor = group_make('poor', '+pids');
mkdir "$poor/service" or die "$poor/service: $!";
$node = server_in('poor', "$poor/service", "$ENV{PYBOX_TEST_CGROUP}/poor/service");
is(in_force($node), 'cgroup_pids', 'a directory with one controller: its layer is in force');
like(reason($node), qr{^controllers not given to it: memory, cpu \(/sys/fs/cgroup/.*/poor/service\)},
	'a directory with one controller: the reason names the others');
stop($node);

$node = server_in('nowhere', "$own/server", "$ENV{PYBOX_TEST_CGROUP}/nowhere");
is(in_force($node), '', 'no such directory: none is in force');
like(reason($node), qr{/nowhere: No such file or directory}, 'no such directory: the reason');
stop($node);

my $locked = group_make('locked', '');
chmod 0500, $locked or die "$locked: $!";
$node = server_in('locked', "$own/server", "$ENV{PYBOX_TEST_CGROUP}/locked");
is(in_force($node), '', 'a directory that may not be written: none is in force');
like(reason($node), qr{/locked: Permission denied}, 'a directory that may not be written: the reason');
stop($node);

# A slice is root's: the server may not even move into it.
$node = server_in('slice', "$own/server", '/system.slice');
is(in_force($node), '', 'a directory of root: none is in force');
like(reason($node), qr{/system\.slice: Permission denied}, 'a directory of root: the reason');
stop($node);

done_testing();
