# Slots and the queue: priority, and that nothing is lost however calls end.
use strict;
use warnings;
use PyboxSession;
use PyboxTest;
use Test::More;

my $seed = 20231122;
my $calls = 1000;
my $waiting = 20;

my $policy = <<'YAML';
version: 1
node: {name: test, id: 1, slots: SLOTS}
pools:
  low: {priority: 10, on_contention: yield, queue: {length: 100, timeout: 2min}, limits: {memory: 256MB, wall: 2min}, spares: 1}
  high: {priority: 90, queue: {length: 100, timeout: 2min}, limits: {memory: 256MB, wall: 2min}, spares: 2}
assign:
  - {role: urgent, pool: high}
  - {pool: low}
YAML

my $node = new_node('queue', policy => $policy =~ s/SLOTS/1/r, conf => <<'CONF');
client_connection_check_interval = '20ms'
max_connections = 60
CONF
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pybox;
CREATE ROLE urgent LOGIN;
CREATE TABLE run (who text, at bigint);
GRANT ALL ON run TO urgent;
CREATE FUNCTION started() RETURNS bigint LANGUAGE pybox AS $$
import time
return time.monotonic_ns()
$$;
CREATE FUNCTION forever() RETURNS void LANGUAGE pybox AS $$
plpy.notice('inside')
while True: pass
$$;
CREATE FUNCTION spin(ms int) RETURNS int LANGUAGE pybox AS $$
import time
end = time.monotonic() + ms / 1000
while time.monotonic() < end: pass
return ms
$$;
CREATE FUNCTION spin_in_sql(ms int) RETURNS int LANGUAGE pybox AS $$
plpy.execute("SELECT pg_sleep(%d / 1000.0)" % ms)
return ms
$$;
CREATE FUNCTION fail(ms int) RETURNS int LANGUAGE pybox AS $$
raise ValueError(str(ms))
$$;
CREATE FUNCTION die(ms int) RETURNS int LANGUAGE pybox AS $$
import os
os._exit(3)
$$;
SQL

my $admin = PyboxSession->new($node);
my $started = $admin->value('SELECT pg_postmaster_start_time()');

# To speak it gives its slot up, and has it again when it runs after that.
sub holds
{
	my ($session) = @_;
	return $session->wait_for(qr/inside/) && $admin->poll('SELECT state FROM pybox.activity WHERE pid = ' . $session->pid, 'running');
}

# --- priority: one slot, many wait, the urgent one is next ---
my $holder = PyboxSession->new($node);
$holder->send('SELECT forever()');
ok(holds($holder), 'one call holds the only slot');

my @low;
for my $number (1 .. $waiting)
{
	push @low, PyboxSession->new($node);
	$low[-1]->send("INSERT INTO run SELECT 'low $number', started()");
	$admin->poll("SELECT waiting FROM pybox.pools WHERE pool = 'low'", $number) or last;
}
is($admin->value("SELECT string_agg(queue_position::text, ' ' ORDER BY queued_at) FROM pybox.activity
	WHERE state = 'queued'"), join(' ', 1 .. $waiting), "$waiting calls wait in order");
is($admin->value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PyboxSlot'"), $waiting,
	'pg_stat_activity shows what they wait for');

my $high = PyboxSession->new($node, role => 'urgent');
$high->send("INSERT INTO run SELECT 'high', started()");
ok($admin->poll("SELECT waiting FROM pybox.pools WHERE pool = 'high'", 1), 'an urgent one comes last');

$admin->value('SELECT pg_cancel_backend(' . $holder->pid . ')');
is($holder->wait->{sqlstate}, '57014', 'the slot is given up');
is($_->wait->{sqlstate}, undef, 'a waiting call ran') for $high, @low;
is($admin->value("SELECT string_agg(who, ', ' ORDER BY at) FROM run"),
	join(', ', 'high', map { "low $_" } 1 .. $waiting), 'the urgent one ran next, the others in the order they came');
$_->quit for $holder, $high, @low;

# --- a reload that adds slots wakes those who wait ---
$holder = PyboxSession->new($node);
$holder->send('SELECT forever()');
ok(holds($holder), 'one call holds the only slot again');
my $waiter = PyboxSession->new($node);
$waiter->send('SELECT started() > 0');
ok($admin->poll("SELECT waiting FROM pybox.pools WHERE pool = 'low'", 1), 'another waits');
write_policy($node, $policy =~ s/SLOTS/2/r);
$admin->value('SELECT pybox.reload_policy()');
is($waiter->wait->{text}, "t", 'it runs as soon as there is a second slot');
is($admin->value("SELECT running FROM pybox.pools WHERE pool = 'low'"), 1, 'while the first one still runs');
$admin->value('SELECT pg_cancel_backend(' . $holder->pid . ')');
$holder->wait;
$_->quit for $holder, $waiter;

# --- many calls that end in every way ---
write_policy($node, $policy =~ s/SLOTS/2/r);
$admin->value('SELECT pybox.reload_policy()');
is($admin->value("SELECT sum(slots) FROM pybox.pools"), 4, 'a policy with two slots is in force');

srand($seed);
note("seed $seed");
my @roles = map { $_ % 2 ? 'urgent' : undef } 0 .. 7;
my @sessions = map { PyboxSession->new($node, role => $_) } @roles;
my @open = map { 0 } @sessions;
my %ended;

sub body_random
{
	my $dice = rand;
	return $dice < 0.55 ? 'spin' : $dice < 0.85 ? 'spin_in_sql' : $dice < 0.95 ? 'fail' : 'die';
}

# Takes the answer of the call that a session runs, whatever it is.
sub finish
{
	my ($number) = @_;
	my $answer = $sessions[$number]->wait;

	$open[$number] = 0;
	$ended{ $answer->{lost} ? 'lost' : $answer->{sqlstate} // 'done' }++;
	return;
}

sub stop_call
{
	my ($number, $how) = @_;
	my $pid = $sessions[$number]->pid;

	$admin->value("SELECT pybox.$how(call_id) FROM pybox.activity WHERE pid = $pid");
	return;
}

# What may happen to the call of a session: by number of sides of the dice. Nothing is the most frequent.
my @events = (
	sub { $admin->value('SELECT pg_cancel_backend(' . $sessions[ $_[0] ]->pid . ')') },
	sub { stop_call($_[0], 'cancel') },
	sub { stop_call($_[0], 'kill') },
	sub {
		my ($number) = @_;
		$sessions[$number]->drop;
		$open[$number] = 0;
		$ended{dropped}++;
		$sessions[$number] = PyboxSession->new($node, role => $roles[$number]);
	});

for my $call (1 .. $calls)
{
	my $number = int rand @sessions;

	finish($number) if $open[$number];
	$sessions[$number]->send('SELECT ' . body_random() . '(' . int(rand 25) . ')');
	$open[$number] = 1;
	my $other = int rand @sessions;
	my $event = int rand 2 * @events;
	# Clients that leave are dear: each needs a new session.
	$event = 0 if $event == 3 && rand() < 0.5;
	$events[$event]->($other) if $event < @events && $open[$other];
}
finish($_) for grep { $open[$_] } 0 .. $#sessions;
note(join ', ', map { "$_: $ended{$_}" } sort keys %ended);
cmp_ok($ended{$_} // 0, '>', 10, "many calls ended by $_") for qw(done 57014 38000 dropped);
is_deeply([ grep { !/^(?:done|57014|38000|dropped)$/ } keys %ended ], [], 'and none in another way');

is($admin->value('SELECT sum(running), sum(waiting) FROM pybox.pools'), '0|0', 'no slot is lost')
  if ok($admin->poll('SELECT sum(running) + sum(waiting) FROM pybox.pools', 0), 'all is quiet');
is($_->value('SELECT spin(1)'), 1, 'every session can call') for @sessions;

# Each session has an interpreter of its own now, and each pool its spares.
my $spares = $admin->value("SELECT sum(spares) FROM pybox.pools");
my $wanted = @sessions + $spares;
ok(poll_until(sub { interpreters_of($node) == $wanted }), "$wanted interpreters: leases and spares")
  or diag('there are ' . interpreters_of($node));
$_->quit for @sessions;
ok(poll_until(sub { interpreters_of($node) == $spares }), "$spares when all sessions have ended")
  or diag('there are ' . interpreters_of($node));
ok(poll_until(sub { !empty_cgroups($node) }), 'no cgroup of a dead interpreter is left');

for my $role (undef, 'urgent')
{
	my $session = PyboxSession->new($node, role => $role);
	is($session->value('SELECT spin(1)'), 1, 'a call works in pool ' . ($role ? 'high' : 'low'));
	$session->quit;
}
is($admin->value('SELECT pg_postmaster_start_time()'), $started, 'the server was not restarted');

$admin->quit;
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');
is_deeply([ pybox_cgroups($node) ], [], 'no cgroup is left');

done_testing();
