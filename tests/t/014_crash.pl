# Whatever dies, nothing of pybox is left behind, and calls work again where the server lives.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;
use Time::HiRes ();

my $bound_s = 2;

my $node = new_node('crash', conf => 'restart_after_crash = on', policy => <<'YAML');
version: 1
node: {name: test, id: 1, slots: 1}
pools:
  standard: {on_contention: yield, queue: {length: 10, timeout: 2min}, limits: {memory: 512MB, wall: 2min}, spares: 1}
YAML
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pybox;
CREATE ROLE other;
CREATE FUNCTION forever() RETURNS void LANGUAGE pybox AS $$
plpy.notice('inside')
while True: pass
$$;
CREATE FUNCTION sleep_in_sql() RETURNS void LANGUAGE pybox AS $$
plpy.notice('inside')
plpy.execute('SELECT pg_sleep(1000)')
$$;
CREATE FUNCTION add(a int) RETURNS int LANGUAGE pybox AS $$ return a + 1 $$;
CREATE FUNCTION add_later(a int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(14);
	RETURN add(a);
END $$;
CREATE FUNCTION add_in_sql() RETURNS int LANGUAGE pybox AS $$
plpy.notice('inside')
return plpy.execute('SELECT add_later(1) AS a')[0]['a']
$$;
CREATE FUNCTION leave(code int) RETURNS int LANGUAGE pybox AS $$
import os
os._exit(code)
$$;
CREATE FUNCTION crash() RETURNS int LANGUAGE pybox AS $$
import ctypes
ctypes.string_at(0)
$$;
CREATE FUNCTION leave_a_thread() RETURNS int LANGUAGE pybox AS $$
import ctypes, os, threading
left = threading.Event()
def stay():
    left.wait()
    os.closerange(3, 1024)
    while True: pass
threading.Thread(target=stay, daemon=True).start()
left.set()
ctypes.CDLL(None).syscall(60, 0)
$$;
SQL
my $shared_before = join "\n", shared_memory_of($node);

# A session with a call that runs for ever.
sub session_busy
{
	my ($function, $sql) = @_;
	my $session = PyboxSession->new($node, sql => $sql);

	$session->send('SELECT ' . ($function // 'forever') . '()');
	$session->wait_for(qr/inside/) or die 'the call never began';
	return $session;
}

# Whether the pids and the cgroups of dead processes are gone within the bound from start, which is what is required.
sub are_gone
{
	my ($what, $start, @pids) = @_;
	my @left;

	while ((@left = ((grep { -e "/proc/$_" && !is_zombie($_) } @pids), empty_cgroups($node)))
		&& PyboxSession::now() < $start + $bound_s)
	{
		Time::HiRes::sleep(0.01);
	}
	note(sprintf '%s: %d processes gone after %.0f ms', $what, scalar @pids, 1000 * (PyboxSession::now() - $start));
	cmp_ok(scalar @pids, '>=', 3, "$what: there were processes");
	is("@left", '', "$what: all processes and their cgroups are gone within $bound_s s")
	  or diag(map { eval { slurp_file("/proc/$_/stat") } // '' } @left);
	return;
}

# Kills and returns when.
sub kill_now
{
	my ($pid) = @_;
	my $now = PyboxSession::now();

	kill 'KILL', $pid or die "cannot kill $pid: $!";
	return $now;
}

sub is_zombie
{
	my ($pid) = @_;
	my $stat = eval { slurp_file("/proc/$pid/stat") } // '';
	return $stat eq '' || $stat =~ /\) [ZX] /;
}

# Calls work, and only living processes have a cgroup or memory.
sub works_again
{
	my ($what) = @_;

	ok($node->poll_query_until('postgres', 'SELECT add(41)', '42'), "$what: calls work again");
	ok(poll_until(sub { !empty_cgroups($node) }), "$what: no cgroup is left") or diag(join "\n", empty_cgroups($node));
	is(join("\n", shared_memory_of($node)), $shared_before, "$what: no shared memory is left");
	is($node->safe_psql('postgres', 'SELECT running, waiting FROM pybox.pools'), '0|0', "$what: no slot is lost");
	return;
}

# --- an interpreter ---
my $session = session_busy();
my $interpreter = $node->safe_psql('postgres', 'SELECT interpreter_pid FROM pybox.activity');
kill_now($interpreter);
my $answer = $session->wait;
is($answer->{sqlstate}, '38000', 'interpreter killed: SQLSTATE') or diag($answer->{text});
like($answer->{text}, qr/signal 9\b.*\n.*call \d+/, 'interpreter killed: message');
is($session->value('SELECT pg_backend_pid(), add(1)'), $session->pid . '|2', 'next call, same backend');
$answer = $session->ask('SELECT leave(3)');
is($answer->{sqlstate}, '38000', 'os._exit(3): SQLSTATE') or diag($answer->{text});
like($answer->{text}, qr/exited with code 3\b/, 'os._exit(3): message');
is($session->value('SELECT pg_backend_pid(), add(1)'), $session->pid . '|2', 'next call, same backend');
$answer = $session->ask('SELECT crash()');
is($answer->{sqlstate}, '38000', 'segmentation fault: SQLSTATE') or diag($answer->{text});
like($answer->{text}, qr/signal 11\b/, 'segmentation fault: message');
is($session->value('SELECT pg_backend_pid(), add(1)'), $session->pid . '|2', 'next call, same backend');
$answer = $session->ask('SELECT leave_a_thread()');
like($answer->{text}, qr/signal 9\b/, 'a thread that outlives the first, without its socket: it is ended, not waited for');
is($session->value('SELECT pg_backend_pid(), add(1)'), $session->pid . '|2', 'next call, same backend');

# One that dies while it is idle: its next call is told how, however many others of the session have died since.
$interpreter = $session->value('SELECT pid FROM pybox.interpreters WHERE backend_pid = pg_backend_pid()');
kill 'KILL', $interpreter;
ok(poll_until(sub { !-e "/proc/$interpreter" }), 'killed while idle: it is gone');
$session->value('SET ROLE other');
is(scalar(grep { $session->ask('SELECT leave(3)')->{text} =~ /exited with code 3/ } 1 .. 40), 40, 'killed while idle: 40 others end after it');
$session->value('RESET ROLE');
$answer = $session->ask('SELECT add(1)');
is($answer->{sqlstate}, '38000', 'killed while idle: SQLSTATE') or diag($answer->{text});
like($answer->{text}, qr/terminated by signal 9\b.*\n.*interpreter pid $interpreter/, 'killed while idle: message');
is($session->value('SELECT pg_backend_pid(), add(1)'), $session->pid . '|2', 'next call, same backend');
$session->quit;
works_again('interpreter');

# --- a zygote takes its interpreters along ---
$session = session_busy();
my ($zygote) = zygotes_of($node);
my @lost = ($zygote, interpreters_of($node));
are_gone('zygote', kill_now($zygote), @lost);
$answer = $session->wait;
is($answer->{sqlstate}, '38000', 'zygote: SQLSTATE') or diag($answer->{text});
like($answer->{text}, qr/interpreter was (?:lost with its zygote|terminated by signal 9)/, 'zygote: message');
is($session->value('SELECT pg_backend_pid(), add(1)'), $session->pid . '|2', 'zygote: next call, same backend');
$session->quit;
works_again('zygote');

# --- the launcher takes everything along, and comes back, later each time ---
for my $round (1 .. 3)
{
	$session = session_busy($round == 3 ? 'sleep_in_sql' : 'forever');
	@lost = processes_of($node);
	are_gone("launcher, round $round", kill_now(launcher_of($node)), @lost);
	if ($round < 3)
	{
		$answer = $session->wait;
		is($answer->{sqlstate}, '38000', "launcher, round $round: SQLSTATE") or diag($answer->{text});
		like($answer->{text}, qr/interpreter was lost with the pybox launcher/, "launcher, round $round: message");
		is($session->value('SELECT pg_backend_pid(), add(1)'), $session->pid . '|2', "launcher, round $round: next call");
	}
	$session->drop;
	works_again("launcher, round $round");
}
my @waits = slurp_file($node->logfile) =~ /pybox launcher \(pid \d+\).*\n.*It starts again in (\d+) ms/g;
is(scalar @waits, 3, 'the log tells of each launcher') or diag("@waits");
ok($waits[0] < $waits[1] && $waits[1] < $waits[2], "it waits longer each time: @waits ms");

# Of an interpreter that was lost with its launcher no word comes, and none is waited for: not of the next launcher either, which the
# session talks to by then.
my $holder = PyboxSession->new($node, sql => 'SELECT pg_advisory_lock(14)');
$session = session_busy('add_in_sql', "SET statement_timeout = '25s'");
ok($holder->poll("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted", 1), 'a call waits in SQL');
@lost = processes_of($node);
are_gone('launcher, a call in SQL', kill_now(launcher_of($node)), @lost);
works_again('launcher, a call in SQL');
$holder->value('SELECT pg_advisory_unlock(14)');
$answer = $session->wait;
is($answer->{sqlstate}, '38000', 'launcher, a call in SQL: SQLSTATE') or diag($answer->{text});
like($answer->{text}, qr/^ERROR: .*interpreter was lost with the pybox launcher/m, 'launcher, a call in SQL: message, after a call inside it');
is($session->value('SELECT pg_backend_pid(), add(1)'), $session->pid . '|2', 'launcher, a call in SQL: next call');
$_->quit for $session, $holder;

# --- a scheduler that is told to end starts again, and a launcher with it; dynamic_library_path need not lead to pybox ---
$node->safe_psql('postgres', q{ALTER SYSTEM SET dynamic_library_path = '/nonexistent'});
$node->reload;
$node->poll_query_until('postgres', 'SHOW dynamic_library_path', '/nonexistent') or die 'dynamic_library_path was not reloaded';
$session = session_busy();
my $scheduler = scheduler_of($node);
@lost = ($scheduler, processes_of($node));
my $told = PyboxSession::now();
kill 'TERM', $scheduler or die "cannot end $scheduler: $!";
are_gone('scheduler ended', $told, @lost);
is($session->wait->{sqlstate}, '38000', 'scheduler ended: SQLSTATE');
is($session->value('SELECT pg_backend_pid(), add(1)'), $session->pid . '|2', 'scheduler ended: next call, same backend');
$session->quit;
works_again('scheduler ended');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET dynamic_library_path');
$node->reload;

# --- a backend or the scheduler takes the server down by PostgreSQL's own rules ---
for my $victim ('client backend', 'pybox scheduler')
{
	$session = session_busy();
	@lost = processes_of($node);
	are_gone($victim, kill_now($victim eq 'client backend' ? $session->pid : scheduler_of($node)), @lost);
	ok($session->wait->{lost}, "$victim: the session is gone");
	ok($node->poll_query_until('postgres', 'SELECT true'), "$victim: the server is back");
	works_again($victim);
	$session->drop;
}

# --- shutdown with one call that runs and others that wait ---
for my $mode ('immediate', 'fast')
{
	my $busy = session_busy();
	my @queued = map { PyboxSession->new($node) } 1 .. 3;
	$_->send('SELECT add(1)') for @queued;
	ok($node->poll_query_until('postgres', 'SELECT waiting = 3 FROM pybox.pools'), "$mode: calls run and wait");
	@lost = processes_of($node);
	my $start = PyboxSession::now();
	$node->stop($mode);
	my $took = PyboxSession::now() - $start;
	note(sprintf '%s shutdown took %.2f s', $mode, $took);
	cmp_ok($took, '<', 5, "$mode: ends promptly");
	are_gone($mode, $start, @lost);
	is_deeply([ pybox_cgroups($node) ], [], "$mode: no cgroup is left");
	is(join("\n", shared_memory_of($node)), $shared_before, "$mode: no shared memory is left");
	$_->wait, $_->drop for $busy, @queued;
	$node->start;
	works_again($mode);
}

$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');

done_testing();
