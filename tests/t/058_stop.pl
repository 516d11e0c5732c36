# Who asks for the end of a call, and what is told of it, whatever moment that comes at: the error names who stopped the call,
# even when SQL or a message meets the interrupt first, and nothing but that call ends. Who wishes something else of a call, and
# comes too late, does as little. Processes stand at fault points meanwhile.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use PyboxFault;
use PyboxSession;
use PyboxTest;
use Test::More;

my $head = <<'YAML';
version: 1
node: {name: test, id: 1, slots: 8}
pools:
  main: {queue: {length: 100, timeout: 5min}, limits: {memory: 512MB, wall: 5min}, spares: 1}
  brief: {queue: {length: 100, timeout: 5min}, limits: {memory: 512MB, wall: 4s}, spares: 1}
assign:
  - {function: public.brief, pool: brief}
  - {pool: main}
YAML

my $tree = PostgreSQL::Test::Utils::tempdir_short();
my $node = new_node('stop', start => 0, install_path => fault_install($tree), policy => $head);
my $faults = fault_open($node, map { $_->{point} } fault_table());
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pybox;
CREATE FUNCTION tell() RETURNS text LANGUAGE pybox AS $$
plpy.notice('told')
return 'done'
$$;
CREATE FUNCTION brief() RETURNS text LANGUAGE pybox AS $$
plpy.notice('told')
return 'done'
$$;
CREATE FUNCTION rows(n int) RETURNS SETOF int LANGUAGE pybox AS $$
for i in range(n):
    yield i
    if i == 9: plpy.notice('ten')
$$;
CREATE FUNCTION outside() RETURNS text LANGUAGE pybox AS $$
return plpy.execute('SELECT tell() AS t')[0]['t']
$$;
CREATE FUNCTION tell_later() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(3);
	RETURN tell();
EXCEPTION WHEN query_canceled THEN
	RAISE NOTICE 'caught: %', sqlerrm;
	RAISE;
END $$;
CREATE FUNCTION around() RETURNS text LANGUAGE pybox AS $$
return plpy.execute('SELECT tell_later() AS t')[0]['t']
$$;
CREATE FUNCTION asks() RETURNS text LANGUAGE pybox AS $$
plpy.execute('SELECT 1')
return 'done'
$$;
CREATE FUNCTION lies(key int) RETURNS text LANGUAGE pybox AS $$
plpy.execute('SELECT pg_advisory_xact_lock(%d)' % key)
return 'done'
$$;
SQL

my $admin = PyboxSession->new($node);
my $holder = PyboxSession->new($node);
my $session = PyboxSession->new($node);
my $stopper = PyboxSession->new($node);

sub reload
{
	my ($rules) = @_;

	write_policy($node, $head . ($rules ne '' ? "rules:\n$rules" : ''));
	$admin->value('SELECT pybox.reload_policy()');
	return;
}

sub stands_at { my ($point) = @_; return ok(poll_until(sub { fault_pid($faults, $node, $point) }), "... somebody stands at $point"); }

# The call of a function, as the views have it.
sub call_of { my ($function) = @_; return "(SELECT call_id FROM pybox.activity WHERE function LIKE '$function(%')"; }

# Whether a backend has taken the interrupt that was sent to it: no signal waits for it.
sub took_signal
{
	my ($pid) = @_;
	return poll_until(sub { slurp_file("/proc/$pid/status") !~ /^(?:Sig|Shd)Pnd:\s*0*[1-9a-f]/m });
}

# Runs SQL until it stands at the point, does something, and returns the answer.
sub stopped_at
{
	my ($point, $sql, $stop) = @_;
	my $answer;

	fault_arm($faults, $point, 'pause');
	$session->send($sql);
	stands_at($point);
	$stop->();
	ok(took_signal($session->pid), '... the interrupt has come');
	fault_disarm($faults, $point);
	$answer = $session->wait;
	is($session->value('SELECT pg_sleep(0), 41 + 1'), '|42', '... and what comes after it is not hit');
	return $answer;
}

sub rule_acted
{
	my ($rule) = @_;
	return ok($admin->poll("SELECT acted FROM pybox.rules WHERE name = '$rule'", 1), "... rule $rule acts");
}

sub admin_says { my ($sql) = @_; return is($admin->value($sql), 't', "... $sql"); }

# A rule that the call began under, and that is met from now on.
my $turn = 0;
sub rule_text { my ($action, $above) = @_; return "  - {name: enough_$turn, when: {elapsed: $above}, action: $action}\n"; }

# --- SQL and messages meet the interrupt first; the error says who sent it all the same ---
my @ends = (
	{ name => 'a rule', action => 'cancel', stop => sub { rule_acted("enough_$turn") },
		says => qr/^ERROR:  57014: canceling Python call due to rule "enough_\d+"\nDETAIL:  Pool "main", call \d+: elapsed was \d+ ms, more than the rule's 1 ms; its action is cancel[.]\n/m },
	{ name => 'a rule that kills', action => 'kill', stop => sub { rule_acted("enough_$turn") },
		says => qr/^ERROR:  57014: terminating Python call due to rule "enough_\d+"\nDETAIL:  .*its action is kill[.]\n/m },
	{ name => 'pybox.cancel', stop => sub { my ($function) = @_; admin_says('SELECT pybox.cancel(' . call_of($function) . ')') },
		says => qr/^ERROR:  57014: canceling Python call due to pybox[.]cancel\n/m },
	{ name => 'pybox.kill', stop => sub { my ($function) = @_; admin_says('SELECT pybox.kill(' . call_of($function) . ')') },
		says => qr/^ERROR:  57014: terminating Python call due to pybox[.]kill\n/m },
	{ name => 'pybox.cancel_where', stop => sub { admin_says("SELECT pybox.cancel_where(pool => 'main') > 0") },
		says => qr/^ERROR:  57014: canceling Python call due to pybox[.]cancel\n/m },
);

# While the call stands there, has that end come to it.
sub end_by
{
	my ($end, $function) = @_;
	reload(rule_text($end->{action}, '1ms')) if defined $end->{action};
	$end->{stop}->($function);
	return;
}

for my $end (@ends)
{
	for my $function ('tell', 'asks', 'outside')
	{
		$turn++;
		reload(defined $end->{action} ? rule_text($end->{action}, '1h') : '');
		like(stopped_at('backend.sql_run', "SELECT $function()", sub { end_by($end, $function) })->{text}, $end->{says},
			"$end->{name} stops $function()");
	}
	$turn++;
	reload(defined $end->{action} ? rule_text($end->{action}, '1h') : '');
	like(stopped_at('backend.sql_resume', 'SELECT tell()', sub { end_by($end, 'tell') })->{text}, qr/$end->{says}|^done$/m,
		"$end->{name} when SQL is over stops the call, or comes too late");
}
reload('');
my $stops = fault_hits($faults, 'backend.stop');
like(stopped_at('backend.sql_run', 'SELECT brief()', sub {
		ok(poll_until(sub { fault_hits($faults, 'backend.stop') > $stops + 1 }), '... the scheduler ends it') })->{text},
	qr/^ERROR:  57014: canceling Python call due to its pool's wall limit\nDETAIL:  Pool "brief"/m, 'the wall limit stops brief()');

# A call inside one that is stopped meets the interrupt; what it raises says already who stopped that one.
$holder->value('SELECT pg_advisory_lock(3)');
$session->send('SELECT around()');
ok($admin->poll("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted", 1), 'a call in SQL waits for a lock');
fault_arm($faults, 'backend.sql_run', 'pause');
$holder->value('SELECT pg_advisory_unlock(3)');
stands_at('backend.sql_run');
admin_says('SELECT pybox.cancel(' . call_of('around') . ')');
ok(took_signal($session->pid), '... the interrupt has come to the call inside it');
fault_disarm($faults, 'backend.sql_run');
like($session->wait->{text}, qr/^NOTICE:  00000: caught: canceling Python call due to pybox[.]cancel\n.*^ERROR:  57014: canceling Python call due to pybox[.]cancel\n/ms,
	'... which says who has stopped its caller');

# Rows of a set that were told of: the message is met, the error is the rule's.
reload("  - {name: many, function: public.rows, when: {rows: 9}, action: cancel}\n");
like(stopped_at('backend.sql_run', 'SELECT count(*) FROM (SELECT rows(1000)) r', sub { rule_acted('many') })->{text},
	qr/^ERROR:  57014: canceling Python call due to rule "many"\nDETAIL:  Pool "main", call \d+: rows was \d+, more than the rule's 9;/m, 'a rule by rows stops a set');


# --- of several who ask, the first is told of, and a kill before all ---
reload(rule_text('cancel', '1h'));
my $before = $admin->value("SELECT acted FROM pybox.rules");
like(stopped_at('backend.sql_run', 'SELECT tell()', sub {
			admin_says('SELECT pybox.cancel(' . call_of('tell') . ')');
			reload(rule_text('cancel', '1ms'));
			ok($admin->poll("SELECT matched > 0 FROM pybox.rules", 't'), '... a rule is met too');
		})->{text},
	qr/^ERROR:  57014: canceling Python call due to pybox[.]cancel\n/m, 'a rule does not take the place of pybox.cancel');
is($admin->value("SELECT acted FROM pybox.rules"), $before, '... nor says that it did anything');
reload('');
like(stopped_at('backend.sql_run', 'SELECT tell()', sub { admin_says("SELECT pybox.$_(" . call_of('tell') . ')') for qw(cancel kill cancel) })->{text},
	qr/^ERROR:  57014: terminating Python call due to pybox[.]kill\n/m, 'pybox.kill takes the place of pybox.cancel, and keeps it');

# --- who asks too late, when the next call of that session is there: it is neither ended nor is what others asked of it undone ---
for my $case (['and is left alone', 0], ['and somebody has asked for its end', 1])
{
	my ($name, $asked) = @$case;

	$holder->value('SELECT pg_advisory_lock(1), pg_advisory_lock(2)');
	$session->send('SELECT lies(1)');
	ok($admin->poll("SELECT count(*) FROM pybox.activity WHERE function LIKE 'lies%' AND state = 'sql'", 1), 'a call');
	my $first = $admin->value('SELECT ' . call_of('lies'));
	fault_arm($faults, 'backend.stop', 'pause');
	$stopper->send("SELECT pybox.kill($first)");
	stands_at('backend.stop');
	$holder->value('SELECT pg_advisory_unlock(1)');
	is($session->wait->{text}, 'done', '... is over before it is stopped');
	fault_arm($faults, 'backend.sql_run', 'pause') if $asked;
	$session->send('SELECT lies(2)');
	if ($asked)
	{
		stands_at('backend.sql_run');
		admin_says('SELECT pybox.cancel(' . call_of('lies') . ')');
	}
	ok($admin->poll("SELECT count(*) FROM pybox.activity WHERE function LIKE 'lies%' AND state = 'sql' AND call_id <> $first", 1), '... and another has begun');
	fault_disarm($faults, 'backend.stop');
	is($stopper->wait->{text}, 'f', "who asks too late is told so: the next call runs $name");
	$holder->value('SELECT pg_advisory_unlock_all()');
	fault_disarm($faults, 'backend.sql_run');
	my $answer = $session->wait;
	if ($asked)
	{
		like($answer->{text}, qr/^ERROR:  57014: canceling Python call due to pybox[.]cancel\n/, '... which ends as it was asked to');
	}
	else
	{
		is($answer->{text}, 'done', '... and does its work');
	}
	is($session->value('SELECT pg_sleep(0), 41 + 1'), '|42', '... and what comes after it is not hit');
}

# The same of wishes: what somebody wished of the call that is over takes the place of nothing that was wished of the next.
for my $late ('pybox.set_priority(%s, 7)', "pybox.move(%s, 'brief')", 'pybox.pause(%s)', 'pybox.resume(%s)')
{
	my $lies = "SELECT call_id FROM pybox.activity WHERE function LIKE 'lies%' AND state = 'sql'";

	$holder->value('SELECT pg_advisory_lock(1), pg_advisory_lock(2)');
	$session->send('SELECT lies(1)');
	ok($admin->poll("SELECT count(*) FROM ($lies) l", 1), 'a call');
	my $first = $admin->value($lies);
	fault_arm($faults, 'backend.wish', 'pause');
	$stopper->send('SELECT ' . sprintf $late, $first);
	stands_at('backend.wish');
	$holder->value('SELECT pg_advisory_unlock(1)');
	is($session->wait->{text}, 'done', '... is over before anything is wished of it');
	$session->send('SELECT lies(2)');
	ok($admin->poll("SELECT count(*) FROM ($lies AND call_id <> $first) l", 1), '... and another has begun');
	my $second = $admin->value($lies);
	admin_says("SELECT pybox.$_") for "set_priority($second, 20)", "pause($second)";
	fault_disarm($faults, 'backend.wish');
	like($stopper->wait->{text}, qr/^WARNING:  01000: call $first is not running\n.*^f$/ms, "$late comes too late, and says so");
	$holder->value('SELECT pg_advisory_unlock_all()');
	ok($admin->poll("SELECT concat_ws(' ', state, pool, priority) FROM pybox.activity WHERE call_id = $second", 'paused main 20'),
		'... and the next call is what was wished of it');
	admin_says("SELECT pybox.resume($second)");
	is($session->wait->{text}, 'done', '... and goes on');
}

$_->quit for $admin, $holder, $session, $stopper;
$node->stop;
done_testing();
