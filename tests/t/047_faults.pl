# At every fault point of faults.tbl, under traffic: the process that comes there is killed, fails, or stands still, with and
# without a cancel meanwhile. Afterwards slots, leases, processes, cgroups, shared memory and descriptors are back at zero, and
# the sessions work. PYBOX_TEST_FAULTS selects: `all` (the default), a pattern for "point action", or a number of cells (a
# sample of PYBOX_TEST_SEED).
use strict;
use warnings;
use List::Util qw(max shuffle);
use PostgreSQL::Test::Utils;
use PyboxFault;
use PyboxSession;
use PyboxTest;
use Test::More;
use Time::HiRes ();

my $SESSIONS = 3;
my $BOUND_S  = 2;
my $LIMIT_S  = 30;

my @table  = fault_table();
my $tree   = PostgreSQL::Test::Utils::tempdir_short();
my $prefix = fault_install($tree);
my $node   = new_node('faults', start => 0, install_path => $prefix, conf => "restart_after_crash = on\nlog_min_messages = log",
	policy => <<'YAML');
version: 1
node: {name: test, id: 1, slots: 2}
pools:
  standard: {queue: {length: 10, timeout: 2min}, limits: {memory: 512MB, wall: 2min}, spares: 0}
YAML
my $faults = fault_open($node, map { $_->{point} } @table);
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pybox;
CREATE FUNCTION work(a int) RETURNS int LANGUAGE pybox AS $$
return plpy.execute('SELECT 42 AS x')[0]['x'] + a
$$;
CREATE FUNCTION fail() RETURNS void LANGUAGE pybox AS $$ 1 / 0 $$;
CREATE FUNCTION turns() RETURNS void LANGUAGE pybox AS $$
import time
while time.process_time() < 1: pass
$$;
CREATE FUNCTION fails() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fail();
EXCEPTION WHEN external_routine_exception THEN
	IF sqlerrm NOT LIKE '%division%' THEN RAISE; END IF;
END $$;
SQL

# What each session does, again and again; the last makes its interpreters end.
my $traffic = 'SELECT work(1); SELECT fails(); DISCARD ALL';
my (@sessions, $admin, %baseline, %took);
my $restarts = 0;

sub started { my ($session) = @_; return $session->value('SELECT pg_postmaster_start_time()'); }

# A psql that finds no server may be gone before it has read its query, which poll_query_until does not expect.
sub answers { my ($query, $answer) = @_; return (eval { $node->safe_psql('postgres', $query) } // '') eq $answer; }

sub server_start
{
	poll_until(sub { answers('SELECT true', 't') }) or die 'the server is not back';
	$admin    = PyboxSession->new($node, sql => "SET statement_timeout = '20s'");
	@sessions = map { PyboxSession->new($node) } 1 .. $SESSIONS;
	$_->value($traffic) for @sessions;
	poll_until(sub { left_behind() eq '' }) or die 'it never came to rest: ' . left_behind();
	%baseline = (shared => shared_memory(), %{ descriptors() });
	return;
}

sub descriptor_count { my ($pid) = @_; my @open = glob "/proc/$pid/fd/*"; return scalar @open; }

# Of each session; the launcher's are one for each session that has talked to it, which comes and goes.
sub descriptors { return { map { ($_->pid => descriptor_count($_->pid)) } @sessions }; }

# POSIX ones are files of a folder that the interpreters do not have.
sub shared_memory { return join "\n", grep { !m{^/dev/shm/} } shared_memory_of($node); }

# What is not at zero.
sub left_behind
{
	my @left;
	my $slots = $admin->value('SELECT running, waiting FROM pybox.pools');
	push @left, "slots $slots" if $slots ne '0|0';
	push @left, map { "interpreter $_" } interpreters_of($node);
	push @left, map { "cgroup $_" } empty_cgroups($node);
	my $shared = shared_memory();
	push @left, "shared memory $shared" if defined $baseline{shared} && $shared ne $baseline{shared};
	my $open = descriptors();
	push @left, map { "descriptors of $_: $open->{$_}" } grep { $open->{$_} > ($baseline{$_} // 1000) } keys %$open;
	return join ', ', @left;
}

sub poll_fast
{
	my ($code) = @_;
	my $limit = PyboxSession::now() + $LIMIT_S;
	my $value;
	Time::HiRes::sleep(0.002) until ($value = $code->()) || PyboxSession::now() > $limit;
	return $value;
}

# A session that calls, and one that does something about its call.
sub meddle
{
	my ($sql) = @_;
	my ($one, $other) = map { PyboxSession->new($node) } 1 .. 2;

	$one->send('SELECT turns(); DISCARD ALL');
	poll_fast(sub { $admin->value("SELECT count(*) FROM pybox.activity WHERE function LIKE 'turns%'") });
	$other->send($sql);
	return ($one, $other);
}

# Each gets somebody to the points that name it; returns further sessions whose answers count, if it made some.
my %provoke = (
	call     => sub { },
	release  => sub { },
	fail     => sub { },
	connect  => sub { my $new = PyboxSession->new($node); $new->send($traffic); return $new; },
	contend  => sub { my @new = map { PyboxSession->new($node) } 1 .. 3; $_->send('SELECT turns(); DISCARD ALL') for @new; return @new; },
	stop     => sub { return meddle("SELECT pybox.cancel_where(function => 'turns()')"); },
	wish     => sub { return meddle("SELECT pybox.set_priority(call_id, 20) FROM pybox.activity WHERE function LIKE 'turns%'"); },
	zygote   => sub { kill 'KILL', zygotes_of($node); return; },
	launcher => sub { kill 'KILL', launcher_of($node); return; },
	hangup   => sub { $node->reload; return; },
	reload   => sub { my $new = PyboxSession->new($node); $new->send('SELECT pybox.reload_policy()'); return $new; },
);

# Lists, cancels, kills and reloads while somebody stands at the point: no slot, no interpreter.
sub admin_works
{
	my ($what) = @_;
	my $answer = $admin->ask('SELECT count(*) >= 0 FROM pybox.activity; SELECT count(*) FROM pybox.pools;'
		  . 'SELECT count(*) > 0 FROM pybox.protection; SET client_min_messages = error; SELECT pybox.cancel(0), pybox.kill(0); SELECT pybox.reload_policy()');
	return is($answer->{text}, "t\n1\nt\nf|f\nt", "$what: the admin lane works");
}

# Until every session has its answer; who has none yet is cancelled again, as a user would.
sub cancel_all
{
	my (@waiting) = @_;
	my %answer;

	for my $session (@waiting)
	{
		my $pid = $session->pid;
		poll_fast(sub {
			$admin->value("SELECT pg_cancel_backend($pid)");
			return $session->is_answered;
		}) or diag("session $pid cannot be cancelled");
		$answer{$pid} = $session->wait;
	}
	return map { $answer{ $_->pid } } @waiting;
}

sub told { my ($answer) = @_; return $answer->{lost} ? 'lost' : $answer->{sqlstate} // 'ok'; }

# Every answer is one of those that the row allows, and says what happened in words.
sub check_answers
{
	my ($what, $allowed, @answers) = @_;
	my %allowed = map { $_ => 1 } 'ok', split /,/, $allowed;
	my %told = map { told($_) => $_->{text} } @answers;
	my @wrong = grep { !$allowed{$_} } keys %told;
	my %words = (
		'38000' => qr/Python interpreter (?:was|exited|is)/,
		'58000' => qr/could not start a Python interpreter in pool "standard"\nDETAIL:  \S/,
		'58030' => qr/fault at /,
		'57014' => qr/canceling/,
		'08P01' => qr/broke the protocol/,
	);

	is("@wrong", '', "$what: sessions are told " . join(' ', sort keys %told)) or diag($told{ $wrong[0] });
	like($told{$_}, $words{$_}, "$what: $_ in words") for grep { $words{$_} } sort keys %told;
	ok($allowed =~ /\bok\b/ || grep({ $told{$_} } split /,/, $allowed), "$what: somebody is told")
	  or diag(join ' ', sort keys %told);
	return;
}

# All at zero, and from when to when that took.
sub check_zero
{
	my ($what, $since) = @_;
	my $left;

	poll_fast(sub { ($left = left_behind()) eq '' });
	$took{$what} = PyboxSession::now() - $since;
	is($left, '', "$what: back to zero");
	note(sprintf '%s: after %.0f ms', $what, 1000 * $took{$what});
	return;
}

# A zygote that could not start is tried again after a while, and until then the calls are told at once that it cannot.
sub check_sessions
{
	my ($what) = @_;
	for my $session (@sessions)
	{
		my $pid = $session->pid;
		my $answer;
		poll_fast(sub { $answer = $session->ask('SELECT pg_backend_pid(), work(1); DISCARD ALL'); told($answer) ne '58000' });
		is($answer->{text}, "$pid|43", "$what: session $pid goes on");
	}
	return;
}

# What is done to who comes to the point; returns the sessions' answers, or nothing when they are yet to come.
my %actions = (
	error => sub {
		my ($row) = @_;
		poll_fast(sub { !fault_left($faults, $row->{point}) }) or return fail("somebody comes to $row->{point}");
		return;
	},
	kill => sub {
		my ($row) = @_;
		my $pid = poll_fast(sub { fault_pid($faults, $node, $row->{point}) }) or return fail("somebody comes to $row->{point}");
		kill 'KILL', $pid;
		return;
	},
	pause => sub {
		my ($row) = @_;
		poll_fast(sub { fault_pid($faults, $node, $row->{point}) }) or return fail("somebody comes to $row->{point}");
		admin_works("$row->{point} pause");
		return;
	},
	cancel => sub {
		my ($row, @waiting) = @_;
		poll_fast(sub { fault_pid($faults, $node, $row->{point}) }) or return fail("somebody comes to $row->{point}");
		return cancel_all(@waiting) if $row->{process} ne 'backend';
		$admin->value('SELECT pg_cancel_backend(' . $_->pid . ')') for @waiting;
		return;
	},
);

sub run_cell
{
	my ($row, $action) = @_;
	my $what = "$row->{point} $action";
	my $allowed = $action eq 'cancel' ? 'ok,57014,38000' : $row->{$action};
	my $before = started($admin);

	fault_arm($faults, $row->{point}, $action eq 'error' ? 'error' : 'pause');
	my @all = (@sessions, grep { defined } $provoke{ $row->{provoke} }->());
	$_->send($action eq 'cancel' ? 'SELECT work(1)' : $traffic) for @sessions;
	my @answers = grep { ref } $actions{$action}->($row, @all);
	my $since = PyboxSession::now();
	fault_disarm($faults, $row->{point});
	@answers = map { $_->wait } @all unless @answers;
	check_answers($what, $allowed, @answers);
	if ($action eq 'kill' && $row->{process} =~ /^(?:backend|scheduler)$/)
	{
		$restarts++;
		server_start();
	}
	else
	{
		is(started($admin), $before, "$what: the server lives on");
		$_->ask('DISCARD ALL') for @sessions;
	}
	check_zero($what, $since);
	check_sessions($what);
	return;
}

# The cells to run: [row, action].
sub cells
{
	my $wanted = $ENV{PYBOX_TEST_FAULTS} // 'all';
	my @cells;

	for my $row (@table)
	{
		my @actions = grep { $row->{$_} ne '-' } qw(kill error pause);
		push @actions, 'cancel' if $row->{provoke} !~ /release|reload|hangup|fail/;
		push @cells, map { [ $row, $_ ] } @actions;
	}
	return @cells if $wanted eq 'all';
	return grep { "$_->[0]{point} $_->[1]" =~ /$wanted/ } @cells unless $wanted =~ /^\d+$/;
	srand $ENV{PYBOX_TEST_SEED} // 1;
	return (shuffle @cells)[ 0 .. $wanted - 1 ];
}

# The product has no point, but the build under test has all.
for my $point (map { $_->{point} } @table)
{
	chomp(my ($bindir, $pkglibdir) = map { scalar `pg_config --$_` } qw(bindir pkglibdir));
	my @product = ("$pkglibdir/pybox.so", map { "$bindir/pybox-$_" } qw(launcher interpreter));
	my $names = sub { scalar grep { slurp_file($_) =~ /\Q$point\E\0/ } @_ };
	is($names->(@product), 0, "$point is not in the product");
	is($names->(map { s/^(?=\Q$bindir\E|\Q$pkglibdir\E)/$tree/r } @product), 1, "$point is in the build with fault points");
}
server_start();
my @cells = cells();
run_cell(@$_) for @cells;
my @slow = grep { $took{$_} > $BOUND_S } sort keys %took;
note(sprintf '%d cells, %d of them by restart of the server; the slowest was back at zero after %.2f s', scalar @cells, $restarts,
	max(values %took));
note("later than $BOUND_S s: $_") for map { sprintf '%s %.2f s', $_, $took{$_} } @slow;
# After all that the launcher has no descriptor that one which has just started would not have.
sub launcher_descriptors
{
	poll_fast(sub { left_behind() eq '' });
	return descriptor_count(launcher_of($node));
}
$_->quit for @sessions, $admin;
@sessions = ();
$admin = PyboxSession->new($node);
my $served = PyboxSession->new($node, sql => 'SELECT work(1); DISCARD ALL');
my $launcher = launcher_of($node);
my $old = launcher_descriptors();
kill 'KILL', $launcher;
$served->value('SELECT work(1); DISCARD ALL');
is($old, launcher_descriptors(), 'the launcher has lost no descriptor');
isnt(launcher_of($node), $launcher, 'compared with a new one');
$_->quit for $served, $admin;
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');

done_testing();
