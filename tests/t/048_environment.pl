# What the machine may do to a server with pybox: processes that are stopped or killed in any order, too few descriptors and
# processes, cgroups that go, policy files that are swapped, programs that do not start, two servers for one cgroup, single-user
# mode. PYBOX_TEST_KILLS is how many processes die at random (PYBOX_TEST_SEED);
# PYBOX_TEST_FAULTS=all waits for the longest timeout too.
use strict;
use warnings;
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PyboxFault;
use PyboxSession;
use PyboxTest;
use Socket;
use Test::More;
use Time::HiRes ();

my $policy = <<'YAML';
version: 1
node: {name: test, id: 1, slots: 4}
pools:
  standard: {queue: {length: 20, timeout: 2min}, limits: {memory: 512MB, wall: 2min, tmp: 1MB}, spares: 0}
  wide: {limits: {memory: 512MB, wall: 2min}, spares: 0}
assign:
  - {function: public.names, pool: wide}
  - {pool: standard}
YAML
my $functions = <<'SQL';
CREATE EXTENSION pybox;
CREATE FUNCTION add(a int) RETURNS int LANGUAGE pybox AS $$ return a + 1 $$;
CREATE FUNCTION forever() RETURNS void LANGUAGE pybox AS $$
plpy.notice('inside')
while True: pass
$$;
CREATE FUNCTION fill_tmp() RETURNS text LANGUAGE pybox AS $$
try:
    for i in range(1000):
        with open(f'/tmp/{i}', 'wb') as f: f.write(b'x' * 65536)
except OSError as e:
    return e.strerror
$$;
CREATE FUNCTION names(folder text) RETURNS text LANGUAGE pyboxu AS $$
import os
return ' '.join(sorted(os.listdir(folder)))
$$;
SQL

my $node = new_node('environment', policy => $policy);
$node->safe_psql('postgres', $functions);
my $admin = PyboxSession->new($node, sql => 'SET client_min_messages = error');

sub busy
{
	my $session = PyboxSession->new($node);
	$session->send('SELECT forever()');
	$session->wait_for(qr/inside/) or die 'the call never began';
	return $session;
}

sub call_of { my ($session) = @_; return $admin->value('SELECT call_id FROM pybox.activity WHERE pid = ' . $session->pid); }

# A session whose call waits for an interpreter, as it says itself.
sub waiting
{
	my ($what) = @_;
	my $session = PyboxSession->new($node);
	$session->send('SELECT add(1)');
	ok($admin->poll('SELECT state FROM pybox.activity WHERE pid = ' . $session->pid, 'starting'), "$what: a new session waits");
	is($admin->value('SELECT wait_event FROM pg_stat_activity WHERE pid = ' . $session->pid),
		'PyboxInterpreter', "$what: with a wait event");
	return $session;
}

sub cancelled
{
	my ($what, $session) = @_;
	$admin->value('SELECT pg_cancel_backend(' . $session->pid . ')');
	return is($session->wait->{sqlstate}, '57014', "$what: the waiting session can be cancelled");
}

# Nothing runs, nothing is left, and calls work.
sub at_rest
{
	my ($what) = @_;
	$admin->poll("SELECT add(41) = 42");
	$admin->value('DISCARD ALL');
	ok(poll_until(sub { !interpreters_of($node) && !empty_cgroups($node) }), "$what: nothing is left")
	  or diag(join ' ', interpreters_of($node), empty_cgroups($node));
	is($admin->value('SELECT sum(running), sum(waiting) FROM pybox.pools'), '0|0', "$what: no slot is lost");
	$admin->value('SET client_min_messages = error');
	return;
}

sub refused
{
	my ($what, $sqlstate, $pattern, $session) = @_;
	my $answer = $session->ask('SELECT add(1)');
	is($answer->{sqlstate}, $sqlstate, "$what: SQLSTATE");
	like($answer->{text}, $pattern, "$what: message");
	return;
}

# The only trusted one, once those of former policies are gone.
sub the_zygote
{
	my @zygotes;
	poll_until(sub { @zygotes = grep { slurp_file("/proc/$_/cmdline") =~ /--trusted/ } zygotes_of($node); @zygotes == 1 }) or die "zygotes: @zygotes";
	return $zygotes[0];
}

sub ticks { my ($pid) = @_; my @field = split ' ', slurp_file("/proc/$pid/stat") =~ s/^.*\)//r; return $field[11] + $field[12]; }

sub prlimit { my ($pid, $limit) = @_; return system_or_bail('prlimit', '--pid', $pid, $limit); }

sub test_stopped_launcher
{
	my $running = busy();
	my $launcher = launcher_of($node);
	kill 'STOP', $launcher;
	my $what = 'launcher stopped';
	my $waiting = waiting($what);
	is($admin->value('SELECT count(*) > 0 FROM pybox.pools; SELECT count(*) > 0 FROM pybox.protection; SELECT pybox.reload_policy()'),
		"t\nt\nt", "$what: the views and reload work");
	cancelled($what, $waiting);
	$admin->value('SELECT pybox.cancel(' . call_of($running) . ')');
	is($running->wait->{sqlstate}, '57014', "$what: a running call can be cancelled");
	is($running->value('SELECT add(1)'), 2, "$what: who has an interpreter goes on");
	$running->send('SELECT forever()');
	$running->wait_for(qr/inside/);
	my ($pid) = $admin->value('SELECT interpreter_pid FROM pybox.activity WHERE pid = ' . $running->pid);
	$admin->value('SELECT pybox.kill(' . call_of($running) . ')');
	is($running->wait->{sqlstate}, '57014', "$what: a running call can be killed");
	ok(poll_until(sub { (eval { slurp_file("/proc/$pid/stat") } // ') Z') =~ /\) [ZX]/ }), "$what: its interpreter is dead");
	my $again = waiting($what);
	if (($ENV{PYBOX_TEST_FAULTS} // '') eq 'all')
	{
		my $answer = $again->wait;
		is($answer->{sqlstate}, '58000', "$what: who waits is refused after a minute");
		like($answer->{text}, qr/no Python interpreter for pool "standard" within 60 s\nDETAIL:  The pybox launcher \(pid $launcher\) runs but has not answered\.\n/, "$what: message");
		$again->send('SELECT add(1)');
	}
	kill 'CONT', $launcher;
	is($again->wait->{text}, 2, "$what: who waits is served when it goes on");
	is($waiting->value('SELECT add(1)'), 2, "$what: who was cancelled too");
	$_->quit for $running, $waiting, $again;
	return at_rest($what);
}

sub test_stopped_zygote
{
	my $what = 'zygote stopped';
	$admin->value('SELECT add(1)');
	my $zygote = the_zygote();
	kill 'STOP', $zygote;
	is($admin->value('SELECT add(1)'), 2, "$what: who has an interpreter goes on");
	my $waiting = waiting($what);
	cancelled($what, $waiting);
	my $again = waiting($what);
	kill 'CONT', $zygote;
	is($again->wait->{text}, 2, "$what: who waits is served when it goes on");
	$_->quit for $waiting, $again;
	return at_rest($what);
}

sub test_stopped_scheduler
{
	my $what = 'scheduler stopped';
	my $running = busy();
	my $scheduler = scheduler_of($node);
	stop_asleep($scheduler);
	my $new = PyboxSession->new($node);
	is($new->value('SELECT add(1)'), 2, "$what: calls work");
	$admin->value('SELECT pybox.cancel(' . call_of($running) . ')');
	is($running->wait->{sqlstate}, '57014', "$what: a running call can be cancelled");
	write_policy($node, $policy =~ s/512MB/256MB/r);
	is($admin->value('SELECT pybox.reload_policy()'), 't', "$what: a policy is taken");
	kill 'CONT', $scheduler;
	is($new->value('SELECT add(1)'), 2, "$what: and comes into force when it goes on");
	write_policy($node, $policy);
	$admin->value('SELECT pybox.reload_policy()');
	$_->quit for $running, $new;
	return at_rest($what);
}

# As many connections as the kernel and the launcher take.
sub connections
{
	my $path = $node->data_dir . '/pg_stat_tmp/pybox.sock';
	my @connections;
	die 'no socket' unless -S $path;
	for (1 .. 200)
	{
		socket my $socket, AF_UNIX, SOCK_SEQPACKET, 0 or last;
		fcntl $socket, F_SETFL, fcntl($socket, F_GETFL, 0) | O_NONBLOCK;
		push @connections, $socket;
		connect $socket, pack_sockaddr_un($path) or last;
	}
	return @connections;
}

sub test_descriptors_of_launcher
{
	my $what = 'launcher without descriptors';
	my $launcher = launcher_of($node);
	my $holder = PyboxSession->new($node, sql => 'SELECT add(1); DISCARD ALL');
	my @taken;
	my $logged = -s $node->logfile;
	my ($soft, $hard) = slurp_file("/proc/$launcher/limits") =~ /^Max open files\s+(\d+)\s+(\d+)/m;

	prlimit($launcher, "--nofile=100:$hard");

	# The kernel queues some and the launcher takes them one by one: until it takes no more.
	ok(poll_until(sub { push @taken, connections() if @taken < 400; slurp_file($node->logfile, $logged) =~ /too many open files/ }),
		"$what: it says so");
	is($holder->value('SELECT add(1)'), 2, "$what: who is connected is served");
	my $new = PyboxSession->new($node);
	$new->send('SELECT add(1)');
	ok($admin->poll('SELECT state FROM pybox.activity WHERE pid = ' . $new->pid, 'starting'), "$what: a new session waits");
	my ($before, $start) = (ticks($launcher), PyboxSession::now());
	Time::HiRes::sleep(0.1) while PyboxSession::now() < $start + 1;
	my $share = (ticks($launcher) - $before) / 100 / (PyboxSession::now() - $start);
	note(sprintf '%s: it uses %.0f %% of a core', $what, 100 * $share);
	cmp_ok($share, '<', 0.5, "$what: it does not spin");
	cancelled($what, $new);
	$new->send('SELECT add(1)');
	close $_ for @taken;
	is($new->wait->{text}, 2, "$what: who waits is served when others have gone");
	prlimit($launcher, "--nofile=$soft:$hard");
	is(launcher_of($node), $launcher, "$what: it is the same launcher");
	$_->quit for $holder, $new;
	return at_rest($what);
}

sub test_descriptors_of_others
{
	my $session = PyboxSession->new($node, sql => 'SELECT add(1); DISCARD ALL');
	my %open = map { m{(\d+)$} ? ($1 => 1) : () } glob '/proc/' . $session->pid . '/fd/*';
	my ($free) = grep { !$open{$_} } 0 .. 1000;
	my ($soft, $hard) = slurp_file('/proc/' . $session->pid . '/limits') =~ /^Max open files\s+(\d+)\s+(\d+)/m;

	prlimit($session->pid, '--nofile=' . ($free + 1) . ":$hard");
	refused('backend without descriptors', '53000', qr/too many open files in this session for a Python interpreter/, $session);
	prlimit($session->pid, "--nofile=$soft:$hard");
	is($session->value('SELECT add(1)'), 2, 'backend without descriptors: with some it works again');
	$session->value('DISCARD ALL');

	my $zygote = the_zygote();
	($soft, $hard) = slurp_file("/proc/$zygote/limits") =~ /^Max open files\s+(\d+)\s+(\d+)/m;
	prlimit($zygote, "--nofile=7:$hard");
	refused('zygote without descriptors', '58000', qr/DETAIL:  fork: Too many open files/, $session);
	prlimit($zygote, "--nofile=$soft:$hard");
	is(the_zygote(), $zygote, 'zygote without descriptors: it lives on');
	$session->quit;
	return at_rest('descriptors');
}

# The limit of file sizes stands for a full disk: what the launcher writes goes to memory files.
sub test_disk
{
	my $launcher = launcher_of($node);
	my $session = PyboxSession->new($node);

	like($session->value('SELECT fill_tmp()'), qr/No space left on device/, 'the private /tmp is full: Python is told');
	$session->value('DISCARD ALL');
	prlimit($launcher, '--fsize=4096:');
	refused('the launcher cannot write', '58000', qr/DETAIL:  the launcher cannot ask for one: File too large/, $session);
	prlimit($launcher, '--fsize=unlimited:');
	is(launcher_of($node), $launcher, 'the launcher cannot write: it lives on');
	$session->quit;
	return at_rest('disk');
}

sub test_processes
{
	my ($pids) = grep { -e "$_/pids.max" } cgroup_folders($node);
	return need($pids, 'a pids controller') unless $pids;
	my $running = busy();
	my $now = slurp_file("$pids/pids.current");
	chomp $now;

	append_to_file("$pids/pids.max", $now);
	my $session = PyboxSession->new($node);
	refused('no more processes', '58000', qr/DETAIL:  fork: Resource temporarily unavailable/, $session);
	is($admin->value('SELECT count(*) FROM pybox.activity'), 1, 'no more processes: who runs goes on');
	append_to_file("$pids/pids.max", 'max');
	$admin->value('SELECT pybox.cancel(' . call_of($running) . ')');
	$_->quit for $running, $session;
	return at_rest('processes');
}

sub test_cgroups
{
	my @pools = grep { m{/pools/standard$} } pybox_cgroups($node);
	return need(scalar @pools, 'cgroups') unless @pools;
	my $session = PyboxSession->new($node);

	chmod 0555, $_ or die "$_: $!" for @pools;
	refused('cgroups cannot be made', '58000', qr/DETAIL:  cgroup: /, $session);
	chmod 0755, $_ for @pools;
	$session->poll('SELECT add(1)', 2);
	my ($interpreter) = interpreters_of($node);
	# Version 2 has no other place for a process, and lets nobody remove a group that holds one.
	for my $leaf (grep { m{/pools/standard/\d+$} && !-e "$_/cgroup.controllers" } pybox_cgroups($node))
	{
		append_to_file($leaf =~ s{/pools/.*}{/}r . 'cgroup.procs', $interpreter);
		ok(rmdir $leaf, "$leaf is removed") or diag($!);
	}
	is($session->value('SELECT add(1)'), 2, 'a cgroup is removed: its interpreter goes on');
	$session->send('SELECT forever()');
	$session->wait_for(qr/inside/);
	$admin->value('SELECT pybox.kill(' . call_of($session) . ')');
	is($session->wait->{sqlstate}, '57014', 'a cgroup is removed: a call can be killed');
	$session->quit;
	return at_rest('cgroups');
}

# Whatever stands in the policy file's place, the old policy stays; nothing waits for it.
sub test_policy_files
{
	my $path = policy_path($node);
	my $folder = $node->basedir;
	my %swaps = (
		'a FIFO' => sub { system_or_bail('mkfifo', $path) },
		'a folder' => sub { mkdir $path },
		'a device' => sub { symlink '/dev/zero', $path },
		'a huge file' => sub { append_to_file($path, 'x' x 3_000_000); chmod 0600, $path; },
		'half a file' => sub { append_to_file($path, substr $policy, 0, 90); chmod 0600, $path; },
		'a link to itself' => sub { symlink $path, $path },
		'no file' => sub { },
	);
	for my $what (sort keys %swaps)
	{
		unlink $path;
		$swaps{$what}->();
		is($admin->ask('SELECT pybox.reload_policy()')->{sqlstate}, 'F0000', "$what for a policy");
		my $logged = -s $node->logfile;
		$node->reload;
		ok(poll_until(sub { slurp_file($node->logfile, $logged) =~ /invalid pybox policy/ }), "$what: the scheduler goes on");
		is($admin->value('SELECT add(1)'), 2, "$what: calls too");
		-d $path && !-l $path ? rmdir $path : unlink $path;
	}
	write_policy($node, $policy);
	# One policy or the other, never a mixture, while they are swapped all the time.
	append_to_file("$folder/one.yaml", $policy);
	append_to_file("$folder/other.yaml", $policy =~ s/slots: 4/slots: 3/r);
	chmod 0600, "$folder/one.yaml", "$folder/other.yaml";
	for my $turn (1 .. 50)
	{
		symlink $turn % 2 ? "$folder/other.yaml" : "$folder/one.yaml", "$path.new";
		rename "$path.new", $path;
		$node->reload if $turn % 10 == 0;
		$admin->ask('SELECT pybox.reload_policy()')->{sqlstate} and fail("turn $turn");
	}
	is($admin->value('SELECT add(1)'), 2, 'a policy that is swapped all the time');
	unlink $path;
	write_policy($node, $policy);
	$admin->value('SELECT pybox.reload_policy()');
	return at_rest('policy files');
}

sub test_tablespaces
{
	my $session = PyboxSession->new($node);
	my $space = PostgreSQL::Test::Utils::tempdir_short();
	like($session->value("SELECT 'names: ' || names('$space')"), qr/^names: $/, 'an untrusted function sees a folder');
	$session->value('DISCARD ALL');
	$session->value("CREATE TABLESPACE late LOCATION '$space'");
	ok(-d (glob "$space/PG_*")[0], 'which becomes a tablespace');
	is($session->value("SELECT 'names: ' || names('$space')"), 'names: ', 'and is hidden from then on');
	$session->value('DROP TABLESPACE late; DISCARD ALL');
	$session->quit;
	return at_rest('tablespaces');
}

# The other server's launcher must not take ours for its own leftovers, and the other way round.
sub test_two_servers
{
	return need(cgroup_of($node) ne '', 'a cgroup') if cgroup_of($node) eq '';
	my $running = busy();
	my $other = new_node('other', policy => $policy, cgroup => 0, conf => "pybox.cgroup = '" . cgroup_of($node) . "'");
	$other->safe_psql('postgres', 'CREATE EXTENSION pybox; CREATE FUNCTION one() RETURNS int LANGUAGE pybox AS $$ return 1 $$');
	is($other->safe_psql('postgres', 'SELECT one()'), 1, 'a second server for the cgroup works');
	like($other->safe_psql('postgres', "SELECT reason FROM pybox.protection WHERE layer = 'cgroup_memory' LIMIT 1"),
		qr/another server uses .*each needs a pybox\.cgroup of its own/, 'but without it, and says why');
	is($admin->value('SELECT count(*) FROM pybox.activity'), 1, "the first server's call goes on");
	$other->stop;
	is($admin->value('SELECT count(*) FROM pybox.activity'), 1, "and outlives the second server");
	my $twice = PostgreSQL::Test::Utils::run_log([ 'pg_ctl', '-D', $node->data_dir, '-w', '-l', $node->logfile . '.twice', 'start' ]);
	ok(!$twice, 'a second server for the data directory is refused');
	is($admin->value('SELECT count(*) FROM pybox.activity'), 1, "and the first server's call goes on");
	kill 'KILL', launcher_of($node);
	is($running->wait->{sqlstate}, '38000', 'the first launcher is killed');
	$running->quit;
	ok($admin->poll(q{SELECT available FROM pybox.protection WHERE layer = 'cgroup_memory' LIMIT 1}), 'the next has the cgroup again');
	return at_rest('two servers');
}

sub test_without_postmaster
{
	$admin->quit;
	$node->stop;
	my ($out, $error) = ('', '');
	IPC::Run::run([ $node->installed_command('postgres'), '--single', '-D', $node->data_dir, 'postgres' ],
		'<', \"SELECT add(1);\nSELECT 6 * 7 AS answer;\n", '>', \$out, '2>', \$error);
	like($error, qr/ERROR:  pybox functions cannot run in single-user mode\n.*HINT:  They need the pybox scheduler/s, 'single-user mode');
	like($out, qr/answer = "42"/, 'single-user mode: it goes on');
	is(system($node->installed_command('pg_ctl'), '-D', $node->data_dir, '-w', '-l', $node->logfile, '-o',
		"-b --cluster-name=upgrade", 'start'), 0, 'binary upgrade mode: it starts');
	($out, $error) = ('', '');
	$node->psql('postgres', 'SELECT add(1)', stderr => \$error, on_error_stop => 0);
	like($error, qr/pybox functions cannot run in binary upgrade mode/, 'binary upgrade mode: calls are refused');
	is($node->safe_psql('postgres', "SET check_function_bodies = off; LOAD 'pybox';
		CREATE FUNCTION later() RETURNS int LANGUAGE pybox AS 'return 7'; SELECT 1"), 1, 'binary upgrade mode: what pg_upgrade does works');
	system_or_bail($node->installed_command('pg_ctl'), '-D', $node->data_dir, '-w', 'stop');
	$node->start;
	$admin = PyboxSession->new($node, sql => 'SET client_min_messages = error');
	is($admin->value('SELECT later()'), 7, 'and is of use afterwards');
	return;
}

test_stopped_launcher();
test_stopped_zygote();
test_stopped_scheduler();
test_descriptors_of_launcher();
test_descriptors_of_others();
test_disk();
test_processes();
test_cgroups();
test_policy_files();
test_tablespaces();
test_two_servers();
test_without_postmaster();
at_rest('the end');
$admin->quit;
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');

# --- programs that do not start, and random deaths: a build whose launcher's back-off starts over each time ---
my $tree   = PostgreSQL::Test::Utils::tempdir_short();
my $prefix = fault_install($tree);
$node = new_node('programs', policy => $policy, install_path => $prefix, conf => 'restart_after_crash = on');
$node->safe_psql('postgres', $functions);
$admin = PyboxSession->new($node);

sub test_program
{
	my ($name, $mode, $text, $kill, $sqlstate, $pattern) = @_;
	my $path = "$prefix/bin/pybox-$name";

	rename $path, "$path.kept";
	append_to_file($path, $text);
	chmod $mode, $path;
	kill 'KILL', $kill->();
	poll_until(sub { !$kill->() }) if $name eq 'interpreter';
	my $session = PyboxSession->new($node);
	$session->value("SET statement_timeout = '30s'");
	refused("pybox-$name with mode " . sprintf('%o', $mode), $sqlstate, $pattern, $session);
	unlink $path;
	rename "$path.kept", $path;
	ok($session->poll("SELECT add(1) FROM (SELECT set_config('statement_timeout', '60s', false)) s", 2), "pybox-$name is back") if $name eq 'launcher';
	$node->poll_query_until('postgres', 'SELECT add(1)', '2');
	$session->quit;
	return at_rest("pybox-$name");
}

test_program('interpreter', 0755, "#!/bin/false\n", sub { zygotes_of($node) }, '58000', qr/DETAIL:  (?:jail: execve: |its zygote ended)/);
test_program('interpreter', 0644, "", sub { zygotes_of($node) }, '58000', qr/DETAIL:  jail: execve: Permission denied/);
test_program('launcher', 0644, "", sub { launcher_of($node) }, '58000', qr/pybox launcher is not running\nDETAIL:  It did not come up within 10 s/);

# The pids of a kind, as they are now.
my %victims = (
	interpreter => sub { interpreters_of($node) },
	zygote => sub { zygotes_of($node) },
	launcher => sub { launcher_of($node) },
	scheduler => sub { scheduler_of($node) },
	backend => sub { split /\n/, eval { $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE application_name = 'victim'") } // '' },
);

# A psql that finds no server may be gone before it has read its query, which poll_query_until does not expect.
sub answers { my ($query, $answer) = @_; return (eval { $node->safe_psql('postgres', $query) } // '') eq $answer; }

sub test_random_deaths
{
	my $count = $ENV{PYBOX_TEST_KILLS} // 25;
	my $seed = $ENV{PYBOX_TEST_SEED} // 1;
	my @kinds = (('interpreter') x 6, ('zygote') x 6, ('launcher') x 6, 'scheduler', 'backend');
	my (@sessions, %died);

	srand $seed;
	for (1 .. $count)
	{
		poll_until(sub { answers('SELECT true', 't') }) or die 'the server is not back';
		while (@sessions < 3)
		{
			my $session = eval { PyboxSession->new($node, sql => "SET application_name = 'victim'") } or next;
			$session->send('SELECT add(1); SELECT forever()');
			push @sessions, $session;
		}
		my ($kind, @pids);
		until (@pids)
		{
			$kind = $kinds[ rand @kinds ];
			@pids = eval { grep { defined } $victims{$kind}->() };
		}
		$died{$kind} += kill 'KILL', $pids[ rand @pids ];
		my $session = shift @sessions;
		$session->drop;
	}
	$_->drop for @sessions;
	note("seed $seed, died: " . join ', ', map { "$died{$_} $_" } sort keys %died);
	cmp_ok(scalar keys %died, '>=', 3, 'processes die in random order');
	poll_until(sub { answers('SELECT add(41)', '42') }) or fail('calls work again');
	$admin = PyboxSession->new($node);
	return at_rest('random deaths');
}

test_random_deaths();
$admin->quit;
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the second server');
done_testing();
