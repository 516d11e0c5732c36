# Calls that stand still in mid-run: for better ones, for their own kind, for somebody who says so; how they go on, and how they end.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

my $policy = <<'YAML';
version: 1
node: {name: test, id: 1, slots: 1, quantum: 20ms}
pools:
  low: {priority: 10, queue: {ageing: 0}, limits: {memory: 256MB, wall: 2min}, spares: 1}
  brief: {priority: 10, queue: {ageing: 0}, limits: {memory: 256MB, wall: 4s}, spares: 0}
  stubborn: {priority: 10, queue: {ageing: 0}, on_contention: yield, limits: {memory: 256MB, wall: 2min}, spares: 0}
  sharing: {priority: 10, queue: {ageing: 0}, on_contention: share, limits: {memory: 256MB, wall: 2min}, spares: 0}
  high: {priority: 90, queue: {ageing: 0}, limits: {memory: 256MB, wall: 2min}, spares: 1}
assign:
  - {role: urgent, pool: high}
  - {role: brief, pool: brief}
  - {role: stubborn, pool: stubborn}
  - {role: sharing, pool: sharing}
  - {pool: low}
YAML

my $functions = <<'SQL';
CREATE EXTENSION pybox;
CREATE ROLE urgent LOGIN;
CREATE ROLE brief LOGIN;
CREATE ROLE stubborn LOGIN;
CREATE ROLE sharing LOGIN;
CREATE FUNCTION forever() RETURNS void LANGUAGE pybox AS $$
plpy.notice('inside')
while True: pass
$$;
CREATE FUNCTION one() RETURNS int LANGUAGE pybox AS 'return 1';
-- Ends when it has stood still for so many seconds, and says what it had summed up by then and after.
CREATE FUNCTION pybox_until_paused(s float8) RETURNS text LANGUAGE pybox AS $$
import time
plpy.notice('inside')
total, last = sum(range(1000)), time.monotonic()
while True:
    now = time.monotonic()
    if now - last > s:
        return 'stood still, %d' % (total + sum(range(1000)))
    last = now
$$;
CREATE FUNCTION nested_until_paused(s float8) RETURNS text LANGUAGE pybox AS $$
return plpy.execute('SELECT pybox_until_paused(%f) AS said' % s)[0]['said']
$$;
-- Uses up its quantum and waits in SQL.
CREATE FUNCTION computes_and_waits() RETURNS int LANGUAGE pybox AS $$
import time
before = time.process_time()
while time.process_time() - before < 0.05: pass
plpy.execute('SELECT pg_advisory_xact_lock(1)')
return 2
$$;
-- A child in a session of its own has it go on whenever it is stopped.
CREATE FUNCTION pyboxu_undoes() RETURNS void LANGUAGE pyboxu AS $$
import os, signal, time
parent, child = os.getpid(), os.fork()
if child == 0:
    os.setsid()
    while os.getppid() == parent:
        os.kill(parent, signal.SIGCONT)
        time.sleep(0.001)
    os._exit(0)
plpy.notice('inside')
while True: pass
$$;
-- The same with a child that computes, in a session of its own: no signal to the process group reaches it.
CREATE FUNCTION pyboxu_until_paused(s float8) RETURNS text LANGUAGE pyboxu AS $$
import os, signal, time
child = os.fork()
if child == 0:
    os.setsid()
    while True: pass
try:
    plpy.notice('inside')
    total, last = sum(range(1000)), time.monotonic()
    while True:
        now = time.monotonic()
        if now - last > s:
            return 'stood still, %d' % (total + sum(range(1000)))
        last = now
finally:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
$$;
SQL

# A call stands still, with its children where that can be; what is frozen first takes the signal when it is thawed.
sub one_still
{
	my ($node, $language) = @_;
	return poll_until(sub { $language eq 'pyboxu' && cgroup_of($node) ne '' ? frozen_cgroups($node) == 1 : stopped_processes($node) == 1 });
}

sub parent_of { my ($pid) = @_; return slurp_file("/proc/$pid/stat") =~ /^\d+ \(.*\) \S (\d+)/s ? $1 : die "no process $pid"; }

sub state_sql { my ($session) = @_; return 'SELECT state FROM pybox.activity WHERE pid = ' . $session->pid; }

# CPU time of a process, in ticks.
sub cpu_of { my ($pid) = @_; my @field = split ' ', slurp_file("/proc/$pid/stat") =~ s/.*\) //sr; return $field[11] + $field[12]; }

# Starts a call that says so and computes then: after it has spoken it takes its slot again.
sub begin_call
{
	my ($admin, $session, $sql) = @_;
	$session->send($sql);
	$session->wait_for(qr/inside/) or die "$sql never began: $session->{text}";
	$admin->poll("SELECT bool_or(state = 'running') FROM pybox.activity WHERE pid = " . $session->pid);
	my $pid = $admin->value('SELECT max(interpreter_pid) FROM pybox.activity WHERE pid = ' . $session->pid);
	my $before = cpu_of($pid);
	poll_until(sub { cpu_of($pid) > $before + 1 });
	return $session;
}

# Lets so many seconds go by.
sub let_pass
{
	my ($admin, $seconds) = @_;
	my $until = $admin->value("SELECT clock_timestamp() + interval '$seconds s'");
	return $admin->poll("SELECT clock_timestamp() > '$until'");
}

sub cancel { my ($admin, $session) = @_; $admin->value('SELECT pg_cancel_backend(' . $session->pid . ')'); return $session->wait; }

# Ways in which a paused call may come to its end while somebody else has the slot: what its client hears, and whether the session lives.
my @ways = (
	[ 'pybox.cancel', sub { my ($admin, $pid) = @_; $admin->value("SELECT pybox.cancel(call_id) FROM pybox.activity WHERE pid = $pid") }, '57014', 1 ],
	[ 'pybox.kill', sub { my ($admin, $pid) = @_; $admin->value("SELECT pybox.kill(call_id) FROM pybox.activity WHERE pid = $pid") }, '57014', 1 ],
	[ 'pg_cancel_backend', sub { my ($admin, $pid) = @_; $admin->value("SELECT pg_cancel_backend($pid)") }, '57014', 1 ],
	[ 'pg_terminate_backend', sub { my ($admin, $pid) = @_; $admin->value("SELECT pg_terminate_backend($pid)") }, '57P01', 0 ],
	[ 'its interpreter is killed', sub { my ($admin, $pid) = @_; kill 'KILL', $admin->value("SELECT interpreter_pid FROM pybox.activity WHERE pid = $pid") }, '38000', 1 ],
	[ 'its zygote is killed', sub { my ($admin, $pid) = @_; kill 'KILL', parent_of($admin->value("SELECT interpreter_pid FROM pybox.activity WHERE pid = $pid")) }, '38000', 1 ],
);

for my $cgroup (1, 0)
{
	my $where = $cgroup ? 'with cgroups' : 'without';
	my $node = new_node("pause$cgroup", policy => $policy, cgroup => $cgroup, conf => "client_connection_check_interval = '20ms'\nrestart_after_crash = on\n");
	my ($admin, $high, $low);

	$node->safe_psql('postgres', $functions);
	$admin = PyboxSession->new($node);
	$high = PyboxSession->new($node, role => 'urgent');
	for my $language (qw(pybox pyboxu))
	{
		my $name = "$where, $language";

		$low = PyboxSession->new($node);
		begin_call($admin, $low, "SELECT ${language}_until_paused(0.5)");
		begin_call($admin, $high, 'SELECT forever()');
		ok($admin->poll(state_sql($low), 'paused'), "$name: a call makes room for a better one");
		ok($admin->poll('SELECT wait_event FROM pg_stat_activity WHERE pid = ' . $low->pid, 'PyboxPaused'), "$name: its wait event says so");
		is($admin->value("SELECT string_agg(pool || ' ' || running || ' ' || waiting, ', ' ORDER BY pool) FROM pybox.pools WHERE running + waiting > 0"),
			'high 1 0, low 0 1', "$name: its slot is the other's");
		ok(one_still($node, $language), "$name: its interpreter stands still, with its children where that can be");
		let_pass($admin, 1);
		is(cancel($admin, $high)->{sqlstate}, '57014', "$name: the better one ends");
		is($low->wait->{text} =~ s/.*\n//sr, 'stood still, 999000', "$name: the other goes on where it was");
		is(stopped_processes($node) + frozen_cgroups($node), 0, "$name: nothing stands still any more");

		for my $way (@ways)
		{
			my ($what, $end, $sqlstate, $lives) = @$way;
			my $answer;

			begin_call($admin, $low, "SELECT ${language}_until_paused(1000)");
			begin_call($admin, $high, 'SELECT forever()');
			ok($admin->poll(state_sql($low), 'paused') && one_still($node, $language), "$name: paused once more");
			$end->($admin, $low->pid);
			$answer = $low->wait;
			is($answer->{sqlstate}, $sqlstate, "$name: ended by $what") or diag($answer->{text});
			is($admin->value(state_sql($high)), 'running', "$name, $what: while the better one has the slot");
			ok(poll_until(sub { stopped_processes($node) + frozen_cgroups($node) == 0 }), "$name, $what: nothing is left that stands still");
			cancel($admin, $high);
			$low = PyboxSession->new($node) unless $lives;
			is($low->value('SELECT one()'), 1, "$name, $what: the next call works");
		}
		begin_call($admin, $low, "SELECT ${language}_until_paused(1000)");
		begin_call($admin, $high, 'SELECT forever()');
		ok($admin->poll(state_sql($low), 'paused') && one_still($node, $language), "$name: paused, to be left by its client");
		$low->drop;
		ok(poll_until(sub { stopped_processes($node) + frozen_cgroups($node) == 0 }), "$name: nothing stands still when the client is gone");
		cancel($admin, $high);
		$low = PyboxSession->new($node);

		begin_call($admin, $low, "SELECT ${language}_until_paused(1000)");
		begin_call($admin, $high, 'SELECT forever()');
		ok($admin->poll(state_sql($low), 'paused') && one_still($node, $language), "$name: paused, to lose the launcher");
		kill 'KILL', launcher_of($node);
		is($low->wait->{sqlstate}, '38000', "$name: the loss of the launcher ends a paused call, too");
		is($high->wait->{sqlstate}, '38000', "$name: as one that runs");
		ok(poll_until(sub { stopped_processes($node) + frozen_cgroups($node) == 0 }), "$name: and nothing is left that stands still");
		is($low->value('SELECT one()'), 1, "$name: the next launcher serves it");

		# PostgreSQL restarts all of itself then.
		begin_call($admin, $low, "SELECT ${language}_until_paused(1000)");
		begin_call($admin, $high, 'SELECT forever()');
		ok($admin->poll(state_sql($low), 'paused') && one_still($node, $language), "$name: paused, to lose the scheduler");
		my @lost = processes_of($node);
		kill 'KILL', scheduler_of($node);
		ok($_->wait->{lost}, "$name: the loss of the scheduler is that of the session") for $low, $high;
		$_->drop for $low, $high, $admin;
		ok(poll_until(sub { !grep { -e "/proc/$_" } @lost }), "$name: all processes are gone with it, whether they stood still or not");
		ok($node->poll_query_until('postgres', 'SELECT one()', 1), "$name: the server is back, and calls work");
		is(stopped_processes($node) + frozen_cgroups($node), 0, "$name: nothing that stands still has come back");
		$admin = PyboxSession->new($node);
		$high = PyboxSession->new($node, role => 'urgent');
		$low = PyboxSession->new($node);
		$low->quit;
	}

	unless ($cgroup)
	{
		$low = begin_call($admin, PyboxSession->new($node), 'SELECT pyboxu_undoes()');
		begin_call($admin, $high, 'SELECT forever()');
		ok($admin->poll(state_sql($low), 'paused'), "$where: a call is paused whose child has it go on");
		ok($node->wait_for_log(qr/of CPU time while its call was paused, and is stopped again/), "$where: the launcher sees it");
		is(cancel($admin, $_)->{sqlstate}, '57014', "$where: both end") for $high, $low;
		$low->quit;
	}

	is($admin->value('SELECT sum(running), sum(waiting) FROM pybox.pools'), '0|0', "$where: no slot is lost");
	$_->quit for $admin, $high;
	$node->stop;
	ok(wait_for_no_processes($node), "$where: nothing is left of the server");
	is_deeply([ pybox_cgroups($node) ], [], "$where: no cgroup is left");
}

my $node = new_node('order', policy => $policy);
$node->safe_psql('postgres', $functions);
my $admin = PyboxSession->new($node);
my $high = PyboxSession->new($node, role => 'urgent');

# --- time that it stood still counts for no limit ---
my $brief = PyboxSession->new($node, role => 'brief');
begin_call($admin, $brief, 'SELECT pybox_until_paused(2)');
begin_call($admin, $high, 'SELECT forever()');
ok($admin->poll(state_sql($brief), 'paused'), 'a call whose wall limit is 4 s is paused');
let_pass($admin, 6);
is($admin->value(state_sql($brief)), 'paused', 'and still is after 6 s');
cancel($admin, $high);
is($brief->wait->{text} =~ s/.*\n//sr, 'stood still, 999000', 'it goes on and is not over its limit');
begin_call($admin, $brief, 'SELECT nested_until_paused(2)');
begin_call($admin, $high, 'SELECT forever()');
ok($admin->poll("SELECT string_agg(state, ' ' ORDER BY call_id) FROM pybox.activity WHERE pid = " . $brief->pid, 'sql paused'),
	'a call inside another one is paused');
let_pass($admin, 6);
cancel($admin, $high);
is($brief->wait->{text} =~ s/.*\n//sr, 'stood still, 999000', 'that counts for the limit of its caller in SQL no more');
begin_call($admin, $brief, 'SELECT forever()');
like($brief->wait->{text}, qr/canceling Python call due to its pool's wall limit/, 'which holds for one that runs');
$brief->quit;

# --- equals take turns ---
my @equals = map { PyboxSession->new($node) } 1 .. 3;
$_->send('SELECT forever()') for @equals;
my %seen;
ok(poll_until(sub {
	$seen{$_}++ for split /\n/, $admin->value('SELECT pid || state FROM pybox.activity');
	return 6 == grep { /running|paused/ } keys %seen;
}), 'each of three equal calls has run and has made room for the others') or diag(join ' ', %seen);
is($admin->value('SELECT sum(running) FROM pybox.pools'), 1, 'one at a time');
is(cancel($admin, $_)->{sqlstate}, '57014', 'one of them ends') for @equals;
$_->quit for @equals;

# --- a call that is back from SQL goes first for its quantum alone ---
my ($heavy, $new) = map { PyboxSession->new($node) } 1 .. 2;
$admin->value('SELECT pg_advisory_lock(1)');
$heavy->send('SELECT computes_and_waits()');
ok($admin->poll(state_sql($heavy), 'sql'), 'a call waits in SQL, its quantum over');
begin_call($admin, $high, 'SELECT forever()');
$new->send('SELECT one()');
ok($admin->poll(state_sql($new), 'queued'), 'a new one waits for its first slot');
$admin->value('SELECT pg_advisory_unlock(1)');
ok($admin->poll(state_sql($heavy), 'queued'), 'the other is back');
is($admin->value('SELECT string_agg(function::text, $$, $$ ORDER BY queue_position) FROM pybox.activity WHERE queue_position > 0'),
	'one(), computes_and_waits()', 'and waits for its next turn, behind it');
cancel($admin, $high);
is($new->wait->{text}, 1, 'the new one runs');
is($heavy->wait->{text}, 2, 'and so does the other');
$_->quit for $heavy, $new;

# --- a pool whose calls keep their slots ---
my $stubborn = begin_call($admin, PyboxSession->new($node, role => 'stubborn'), 'SELECT forever()');
$high->send('SELECT one()');
ok($admin->poll(state_sql($high), 'queued'), 'on_contention: yield: the better call waits');
is($admin->value(state_sql($stubborn)), 'running', 'for one that runs on');
cancel($admin, $stubborn);
is($high->wait->{text}, 1, 'and runs when that has ended');
$stubborn->quit;

# --- a pool whose calls run on beside the better ones ---
my $sharing = begin_call($admin, PyboxSession->new($node, role => 'sharing'), 'SELECT forever()');
begin_call($admin, $high, 'SELECT forever()');
is($admin->value(state_sql($sharing)), 'running', 'on_contention: share: the call runs on');
is($admin->value("SELECT string_agg(pool || ' ' || running || ' ' || waiting, ', ' ORDER BY pool) FROM pybox.pools WHERE running + waiting > 0"),
	'high 1 0, sharing 0 1', 'without a slot');
is_deeply([ stopped_processes($node), frozen_cgroups($node) ], [], 'and nothing is stopped');
SKIP:
{
	my ($folder) = grep { m{/pools/sharing/\d+$} && (-e "$_/cpu.shares" || -e "$_/cpu.weight") } cgroup_dirs($node);
	skip 'no cgroup for cpu', 2 unless need(defined $folder, 'a cgroup for cpu');
	my ($file, $least, $usual) = -e "$folder/cpu.weight" ? ('cpu.weight', 1, 100) : ('cpu.shares', 10, 1024);

	ok(poll_until(sub { slurp_file("$folder/$file") == $least }), "$file is the least meanwhile");
	cancel($admin, $high);
	ok(poll_until(sub { slurp_file("$folder/$file") == $usual }), "$file is the usual one when it has its slot back");
	begin_call($admin, $high, 'SELECT forever()');
}
$admin->value("SELECT pybox.move(call_id, 'low') FROM pybox.activity WHERE pid = " . $sharing->pid);
ok($admin->poll(state_sql($sharing), 'paused'), 'moved to a pool whose calls do not, it stands still');
is(cancel($admin, $sharing)->{sqlstate}, '57014', 'it can be ended meanwhile');
is($admin->value("SELECT sum(waiting) FROM pybox.pools"), 0, 'and leaves the queue');
cancel($admin, $high);
$sharing->quit;

# --- somebody pauses a call ---
my $low = begin_call($admin, PyboxSession->new($node), 'SELECT pybox_until_paused(0.5)');
my $call = $admin->value('SELECT call_id FROM pybox.activity WHERE pid = ' . $low->pid);
is($admin->value("SELECT pybox.pause($call)"), 't', 'pybox.pause takes a call that runs');
ok($admin->poll(state_sql($low), 'paused'), 'it stands still');
is($admin->value('SELECT sum(running) + sum(waiting) FROM pybox.pools'), 0, 'out of the queue');
is($high->value('SELECT one()'), 1, 'its slot is free');
let_pass($admin, 1);
is($admin->value("SELECT pybox.resume($call)"), 't', 'pybox.resume');
is($low->wait->{text} =~ s/.*\n//sr, 'stood still, 999000', 'lets it go on');

begin_call($admin, $high, 'SELECT forever()');
$low->send('SELECT one()');
ok($admin->poll(state_sql($low), 'queued'), 'a call waits for its first slot');
$call = $admin->value('SELECT call_id FROM pybox.activity WHERE pid = ' . $low->pid);
$admin->value("SELECT pybox.pause($call)");
ok($admin->poll(state_sql($low), 'paused'), 'and is held up');
cancel($admin, $high);
is($high->value('SELECT one()'), 1, 'others pass it');
is($admin->value(state_sql($low)), 'paused', 'while it does not run');
$admin->value("SELECT pybox.resume($call)");
is($low->wait->{text}, 1, 'until it may');

# --- another priority, another pool ---
begin_call($admin, $low, 'SELECT forever()');
my $other = begin_call($admin, PyboxSession->new($node, role => 'urgent'), 'SELECT forever()');
ok($admin->poll(state_sql($low), 'paused'), 'a call is paused for a better one');
$admin->value('SELECT pybox.set_priority(call_id, 95) FROM pybox.activity WHERE pid = ' . $low->pid);
ok($admin->poll(state_sql($low), 'running'), 'with a priority above that one it runs');
ok($admin->poll(state_sql($other), 'paused'), 'and the other is paused');
$admin->value("SELECT pybox.move(call_id, 'high'), pybox.set_priority(call_id, 96) FROM pybox.activity WHERE pid = " . $other->pid);
ok($admin->poll(state_sql($low), 'paused'), 'and back');
is(cancel($admin, $_)->{sqlstate}, '57014', 'both end') for $low, $other;

# --- the scheduler is stopped ---
my $scheduler = scheduler_of($node);
begin_call($admin, $low, 'SELECT forever()');
stop_asleep($scheduler);
is($high->value('SELECT one()'), 1, 'a better call has its slot');
ok($admin->poll(state_sql($low), 'running'), 'and the paused one goes on after it');
is(cancel($admin, $low)->{sqlstate}, '57014', 'as ever');
kill 'CONT', $scheduler;

is($admin->value('SELECT sum(running), sum(waiting) FROM pybox.pools'), '0|0', 'no slot is lost');
ok(poll_until(sub { stopped_processes($node) + frozen_cgroups($node) == 0 }), 'nothing stands still');
$_->quit for $low, $other, $high, $admin;
$node->stop;

done_testing();
