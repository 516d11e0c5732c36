# Live control by other sessions: all of it works on calls that run, wait or are in SQL, while every slot is taken and while
# scheduler and launcher are stopped; each act leaves an event and a line in the server's log.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

my $policy = <<'YAML';
version: 1
node: {name: test, id: 1, slots: 1}
pools:
  standard: {on_contention: yield, queue: {length: 100, timeout: 2min}, limits: {memory: 256MB, wall: 2min}, spares: 1}
  batch: {priority: 10, on_contention: yield, queue: {length: 100, timeout: 2min}, limits: {memory: 256MB, wall: 2min}, spares: 0}
  urgent: {priority: 90, on_contention: yield, queue: {length: 100, timeout: 2min}, limits: {memory: 256MB, wall: 2min}, spares: 0}
assign:
  - {role: ann, pool: batch}
  - {role: bob, pool: urgent}
  - {pool: standard}
YAML

my $node = new_node('control', policy => $policy);
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pybox;
CREATE ROLE ann LOGIN;
CREATE ROLE bob LOGIN;
CREATE ROLE warden LOGIN IN ROLE pg_signal_backend, pg_read_all_stats;
CREATE TABLE run (number int GENERATED ALWAYS AS IDENTITY, who text);
GRANT ALL ON run TO PUBLIC;
CREATE FUNCTION one() RETURNS int LANGUAGE pybox AS 'return 1';
CREATE FUNCTION note(who text) RETURNS text LANGUAGE pybox AS $$
plpy.execute(plpy.prepare("INSERT INTO run (who) VALUES ($1)", ["text"]), [who])
return who
$$;
CREATE FUNCTION forever() RETURNS void LANGUAGE pybox AS $$
plpy.notice('inside')
while True: pass
$$;
CREATE FUNCTION in_sql() RETURNS text LANGUAGE pybox AS $$
plpy.execute("SELECT pg_advisory_xact_lock(1)")
return "through"
$$;
SQL

my $admin = PyboxSession->new($node, sql => 'SET client_min_messages = error');
my @open;

sub session
{
	my ($role) = @_;
	push @open, PyboxSession->new($node, role => $role);
	return $open[-1];
}

# A session whose call has come to a state. One that speaks gives its slot up for that, and has it again when it runs then.
sub calling
{
	my ($sql, $state, $role) = @_;
	my $session = session($role);

	$session->send($sql);
	$session->wait_for(qr/inside/) if $sql =~ /forever/;
	die "$sql is not $state" unless $admin->poll('SELECT state FROM pybox.activity WHERE pid = ' . $session->pid, $state);
	return $session;
}

sub call_of { my ($session) = @_; return $admin->value('SELECT max(call_id) FROM pybox.activity WHERE pid = ' . $session->pid); }
sub control { my ($session, $what, @more) = @_; return $admin->value("SELECT pybox.$what(" . join(', ', call_of($session), @more) . ')'); }
sub last_event { return $admin->value("SELECT concat_ws(' ', kind, actor, actor_pid, call_id, pid, role, function, pool, detail) FROM pybox.events ORDER BY number DESC LIMIT 1"); }

sub refused
{
	my ($what, $session, $sqlstate, $pattern) = @_;
	my $answer = $session->wait;

	is($answer->{sqlstate}, $sqlstate, "$what: SQLSTATE") or diag($answer->{text});
	like($answer->{text}, $pattern, "$what: message");
	return;
}

# Ends all sessions; nothing is left of their calls.
sub at_rest
{
	my ($what) = @_;

	$admin->value("SELECT pybox.kill_where(older_than => '0')");
	$_->quit for @open;
	@open = ();
	ok($admin->poll('SELECT sum(running) + sum(waiting) FROM pybox.pools', 0), "$what: no slot is lost");
	is($admin->value('SELECT count(*) FROM pybox.activity'), 0, "$what: no call is left");
	return;
}

sub test_events
{
	my $holder = calling('SELECT forever()', 'running', 'ann');
	my $call = call_of($holder);

	is(control($holder, 'cancel'), 't', 'cancel');
	refused('cancel', $holder, '57014', qr/due to pybox\.cancel/);
	is(last_event(), join(' ', 'cancel postgres', $admin->pid, $call, $holder->pid, 'ann forever() batch'), 'its event');
	like(slurp_file($node->logfile),
		qr/LOG:  pybox: cancel of call $call\n.*DETAIL:  Event \d+, by process ${\$admin->pid}, of backend ${\$holder->pid}, role "ann", database "postgres", function "forever", pool "batch", done by role "postgres"\.\n/,
		'and its line in the log');
	$holder->send('SELECT forever()');
	$admin->poll('SELECT state FROM pybox.activity WHERE pid = ' . $holder->pid, 'running');
	$call = call_of($holder);
	is(control($holder, 'kill'), 't', 'kill');
	refused('kill', $holder, '57014', qr/due to pybox\.kill/);
	is(last_event(), join(' ', 'kill postgres', $admin->pid, $call, $holder->pid, 'ann forever() batch'), 'its event');
	at_rest('ends');
	return;
}

# Who may end calls of whom.
sub test_rights
{
	my $holder = calling('SELECT forever()', 'running', 'ann');
	my $super = calling('SELECT one()', 'queued');
	my $call = call_of($holder);
	my $of_super = call_of($super);
	my ($ann, $bob, $warden) = map { session($_) } qw(ann bob warden);

	for my $act ('cancel(%d)', 'kill(%d)', 'pause(%d)', 'resume(%d)', 'set_priority(%d, 0)')
	{
		my $sql = 'SELECT pybox.' . sprintf($act, $call);
		is($bob->ask($sql)->{sqlstate}, '42501', "$act of another role's call");
		$sql = 'SELECT pybox.' . sprintf($act, $of_super);
		is($_->ask($sql)->{sqlstate}, '42501', "$act of a superuser's call") for $bob, $warden;
	}
	is($_->ask("SELECT pybox.move($call, 'urgent')")->{sqlstate}, '42501', 'own calls are not moved') for $ann, $bob;
	is($warden->ask("SELECT pybox.move($of_super, 'urgent')")->{sqlstate}, '42501', 'nor a superuser\'s');
	is($ann->ask("SELECT pybox.set_priority($call, 11)")->{sqlstate}, '42501', 'own calls are not raised');
	is($ann->value("SELECT pybox.set_priority($call, 10)"), 't', 'but lowered');
	is($ann->value("SELECT pybox.set_priority($call, 5)"), 't', 'and further');
	is($ann->ask("SELECT pybox.set_priority($call, 6)")->{sqlstate}, '42501', 'and not up again');
	is($warden->value("SELECT pybox.set_priority($call, 99)"), 't', 'pg_signal_backend raises');
	like($bob->ask("SELECT pybox.cancel_where(older_than => '0')")->{text}, qr/^0$/, 'what one may not see is not told of');
	like($warden->ask("SELECT pybox.cancel_where(pool => 'standard')")->{text},
		qr/WARNING:  .*1 call that was meant is not yours to end\n.*^0$/ms, 'what one may not end is');
	is($warden->value('SELECT pybox.kill_where(role => \'ann\')'), 1, 'pg_signal_backend kills');
	refused('ended', $holder, '57014', qr/due to pybox\.kill/);
	is($super->wait->{text}, 1, 'a superuser\'s call was left alone');
	at_rest('rights');
	return;
}

sub test_filters
{
	my $holder = calling('SELECT forever()', 'running');
	my @ann = map { calling("SELECT note('ann $_')", 'queued', 'ann') } 1 .. 3;
	my $bob = calling("SELECT note('bob')", 'queued', 'bob');
	my $other = calling('SELECT one()', 'queued', 'bob');

	is($admin->value("SELECT pybox.cancel_where(pool => 'batch', role => 'bob')"), 0, 'all that is given has to match');
	is($admin->value("SELECT pybox.cancel_where(older_than => '1 day')"), 0, 'none is so old');
	is($admin->value("SELECT pybox.cancel_where(pool => 'urgent', function => 'one()')"), 1, 'one by pool and function');
	refused('by function', $other, '57014', qr/due to pybox\.cancel/);
	is($admin->value("SELECT pybox.cancel_where(role => 'ann', older_than => '0')"), 3, 'three by role');
	refused('by role', $_, '57014', qr/due to pybox\.cancel/) for @ann;
	is($admin->value("SELECT string_agg(kind || ' ' || role, ', ') FROM (SELECT * FROM pybox.events ORDER BY number DESC LIMIT 4) e"),
		join(', ', ('cancel ann') x 3, 'cancel bob'), 'an event each');
	is($admin->value("SELECT pybox.kill_where(pool => 'standard')"), 1, 'one by pool');
	refused('by pool', $holder, '57014', qr/due to pybox\.kill/);
	is($bob->wait->{text}, 'bob', 'the one that was not meant runs');
	at_rest('filters');
	return;
}

# What is closed while calls wait is closed for them too; those that have begun go on.
sub test_gates
{
	my $holder = calling('SELECT forever()', 'running', 'ann');
	my @ann = map { calling("SELECT note('ann')", 'queued', 'ann') } 1 .. 2;
	my $bob = calling("SELECT note('bob')", 'queued', 'bob');
	my $one = calling('SELECT one()', 'queued', 'bob');

	$admin->value("SELECT pg_advisory_lock(1)");
	is($admin->value("SELECT pybox.drain('batch')"), 't', 'a pool is drained');
	refused('drained', $_, '53400', qr/pool "batch" is drained/) for @ann;
	is($admin->value("SELECT running || ' ' || waiting FROM pybox.pools WHERE pool = 'batch'"), '1 0', 'nobody of it waits');
	is(last_event(), 'drain postgres ' . $admin->pid . ' batch', 'its event');
	is($admin->value("SELECT pybox.quarantine('one()')"), 't', 'a function is put under quarantine');
	refused('quarantined', $one, '53400', qr/function "one" is under quarantine/);
	ok(!$holder->is_answered, 'the call that runs goes on');
	control($holder, 'cancel');
	$holder->wait;
	is($bob->wait->{text}, 'bob', 'those of other pools run');
	is($admin->value("SELECT pybox.undrain('batch'), pybox.release('one()')"), 't|t', 'both are undone');
	is($holder->value('SELECT one()'), 1, 'and the calls run');

	my $waits = calling('SELECT in_sql()', 'sql', 'ann');
	$admin->value("SELECT pybox.drain('batch'), pybox.quarantine('in_sql()')");
	$admin->value('SELECT pg_advisory_unlock(1)');
	is($waits->wait->{text}, 'through', 'a call that is in SQL comes to its end');
	$admin->value("SELECT pybox.undrain('batch'), pybox.release('in_sql()')");
	at_rest('gates');
	return;
}

# Nobody is needed for it but the two backends.
sub test_stopped
{
	my ($what, @pids) = @_;
	my $holder = calling('SELECT forever()', 'running', 'ann');
	my $queued = calling('SELECT one()', 'queued', 'bob');
	my $drained = calling('SELECT one()', 'queued');

	stop_asleep(@pids);
	is(control($queued, 'set_priority', 0), 't', "$what: set_priority");
	is(control($queued, 'move', "'batch'"), 't', "$what: move");
	is(control($queued, 'pause'), 't', "$what: pause");
	is($admin->value("SELECT pybox.drain('standard')"), 't', "$what: drain");
	refused("$what: drain", $drained, '53400', qr/is drained/);
	is(control($queued, 'resume'), 't', "$what: resume");
	is($admin->value("SELECT pybox.cancel_where(role => 'bob')"), 1, "$what: cancel_where");
	refused("$what: cancel", $queued, '57014', qr/due to pybox\.cancel/);
	is($admin->value("SELECT pybox.quarantine('one()')"), 't', "$what: quarantine");
	is($admin->value("SELECT count(*) FROM pybox.quarantines, pybox.drained"), 1, "$what: views");
	is($admin->value("SELECT pybox.release('one()'), pybox.undrain('standard')"), 't|t', "$what: release, undrain");
	is(control($holder, 'kill'), 't', "$what: kill");
	refused("$what: kill", $holder, '57014', qr/due to pybox\.kill/);
	kill 'CONT', $_ for @pids;
	at_rest($what);
	return;
}

test_events();
test_rights();
test_filters();
test_gates();
test_stopped('scheduler stopped', scheduler_of($node));
test_stopped('launcher stopped', launcher_of($node));
test_stopped('both stopped', scheduler_of($node), launcher_of($node));

$admin->quit;
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');

done_testing();
