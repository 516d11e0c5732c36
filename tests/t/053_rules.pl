# Rules for runaway calls: every action, every metric, and what they leave alone. Nothing is judged by how long it took; how
# soon rules acted is printed.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

my $head = <<'YAML';
version: 1
node: {name: test, id: 1, slots: 8}
pools:
  main: {priority: 50, queue: {length: 100, timeout: 5min}, limits: {memory: 512MB, wall: 5min, tmp: 64MB, output: 1GB}, spares: 1}
  batch: {priority: 10, queue: {length: 100, timeout: 5min}, limits: {memory: 512MB, wall: 5min}}
  narrow: {priority: 50, slots: 1, on_contention: yield, queue: {length: 100, timeout: 5min}, limits: {memory: 512MB, wall: 5min}}
assign:
  - {function: public.in_line, pool: narrow}
  - {pool: main}
YAML

my $node = new_node('rules', policy => $head);
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pybox;
CREATE ROLE analysts;
CREATE ROLE ana LOGIN IN ROLE analysts;
CREATE ROLE bob LOGIN;
CREATE FUNCTION nap(s float8) RETURNS text LANGUAGE pybox AS $$
import time
end = time.monotonic() + s
while time.monotonic() < end: time.sleep(0.01)
return 'rested'
$$;
CREATE FUNCTION spin(s float8) RETURNS text LANGUAGE pybox AS $$
import time
end = time.process_time() + s
while time.process_time() < end: pass
return 'spun'
$$;
CREATE FUNCTION hog(s float8) RETURNS text LANGUAGE pybox AS $$
import time
held = bytearray(200 << 20)
time.sleep(s)
return 'let go'
$$;
CREATE FUNCTION fill(s float8) RETURNS text LANGUAGE pybox AS $$
import os, time
with open('/tmp/f', 'wb') as file: file.write(b'x' * (16 << 20))
time.sleep(s)
os.unlink('/tmp/f')
return 'emptied'
$$;
CREATE FUNCTION rows(n int) RETURNS SETOF int LANGUAGE pybox AS $$
for i in range(n): yield i
$$;
CREATE FUNCTION one(i int) RETURNS int LANGUAGE pybox AS $$
return 1
$$;
CREATE FUNCTION query(s float8) RETURNS text LANGUAGE pybox AS $$
plpy.execute('SELECT pg_sleep(%f)' % s)
return 'asked'
$$;
CREATE FUNCTION lock_and_nap(key int) RETURNS text LANGUAGE pybox AS $$
import time
plpy.execute('SELECT pg_advisory_xact_lock(%d)' % key)
while True: time.sleep(0.01)
$$;
CREATE FUNCTION in_line(s float8) RETURNS text LANGUAGE pybox AS $$
import time
plpy.notice('inside')
time.sleep(s)
return 'served'
$$;
CREATE FUNCTION mark(value int) RETURNS void LANGUAGE pybox AS $$
GD['mark'] = value
$$;
CREATE FUNCTION marked() RETURNS int LANGUAGE pybox AS $$
return GD.get('mark')
$$;
CREATE FUNCTION offend(s float8) RETURNS text LANGUAGE pybox AS $$
import time
time.sleep(s)
return 'not caught'
$$;
CREATE FUNCTION children(s float8) RETURNS text LANGUAGE pyboxu AS $$
import subprocess, sys
subprocess.run(['/usr/bin/python3', '-c', 'import time\nend = time.monotonic() + %f\nwhile time.monotonic() < end: pass' % s])
return 'raised'
$$;
SQL

my $admin = PyboxSession->new($node);
my $session = PyboxSession->new($node);

sub reload
{
	my ($rules) = @_;

	write_policy($node, $head . ($rules ne '' ? "rules:\n$rules" : ''));
	return $admin->value('SELECT pybox.reload_policy()');
}

sub last_event { return $admin->value('SELECT coalesce(max(number), 0) FROM pybox.events'); }

# The events since one, as lines; columns as SQL. Who is told of a stop may be so before its event is there.
sub events_since
{
	my ($number, $columns, $where) = @_;
	$admin->poll("SELECT count(*) > 0 FROM pybox.events WHERE number > $number AND kind <> 'reload' AND " . ($where // 'true'));
	return $admin->value("SELECT string_agg(concat_ws(' ', $columns), E'\\n' ORDER BY number) FROM pybox.events
		WHERE number > $number AND kind <> 'reload' AND " . ($where // 'true'));
}

# --- every metric: the call is canceled, and the error says by which rule and why ---
my @metrics = (
	{ metric => 'elapsed', above => '300ms', unit => ' ms', least => 300, sql => 'SELECT nap(60)', function => 'nap' },
	{ metric => 'run_time', above => '300ms', unit => ' ms', least => 300, sql => 'SELECT nap(60)', function => 'nap' },
	{ metric => 'run_time', above => '300ms', unit => ' ms', least => 300, sql => 'SELECT query(60)', function => 'query' },
	{ metric => 'cpu_time', above => '300ms', unit => ' ms', least => 300, sql => 'SELECT spin(60)', function => 'spin' },
	{ metric => 'memory', above => '150MB', unit => ' bytes', least => 150 << 20, sql => 'SELECT hog(60)', function => 'hog' },
	{ metric => 'temp', above => '8MB', unit => ' bytes', least => 8 << 20, sql => 'SELECT fill(60)', function => 'fill' },
	{ metric => 'calls', above => '1000', unit => '', least => 1000,
		sql => 'SELECT sum(one(g)) FROM (SELECT generate_series(1, 1000000000) AS g) s', function => 'one' },
	{ metric => 'rows', above => '1000', unit => '', least => 1000,
		sql => 'SELECT count(*) FROM (SELECT rows(1000000000)) r', function => 'rows' },
);
my @late;

for my $case (@metrics)
{
	my ($metric, $unit) = ($case->{metric}, $case->{unit});

	reload("  - {name: by_$metric, function: public.$case->{function}, when: {$metric: $case->{above}}, action: cancel}\n");
	my $before = last_event();
	my $answer = $session->ask($case->{sql});

	is($answer->{sqlstate}, '57014', "$case->{function} by $metric is canceled");
	like($answer->{text}, qr/^ERROR:  57014: canceling Python call due to rule "by_$metric"
DETAIL:  Pool "main", call \d+: $metric was \d+$unit, more than the rule's $case->{least}$unit; its action is cancel[.]
HINT:  Do less in one call, or ask who keeps the policy about this rule; pg_monitor sees it in pybox[.]rules[.]
/,
		'... with metric, value and threshold');
	my ($value) = $answer->{text} =~ /$metric was (\d+)/;
	cmp_ok($value // 0, '>', $case->{least}, '... above it');
	push @late, $value - $case->{least} if $unit eq ' ms' && defined $value;
	is(events_since($before, 'kind, rule, dry_run, actor, pid, role, database, pool, metric, value, threshold'),
		"cancel by_$metric f " . $session->pid . " postgres postgres main $metric $value $case->{least}", '... and there is an event of it');
	is($admin->value("SELECT concat_ws(' ', name, action, dry_run, selectors, acted > 0, last_at IS NOT NULL) FROM pybox.rules"),
		"by_$metric cancel f function: public.$case->{function} t t", '... and it is counted');
}
note("later than the threshold, in ms: @late");

# The one that waits has no slot and no interpreter.
reload("  - {name: by_queue_time, function: public.in_line, when: {queue_time: 300ms}, action: cancel}\n");
$session->send('SELECT in_line(60)');
ok($session->wait_for(qr/inside/), 'a call has the only slot of its pool');
my $second = PyboxSession->new($node);
my $answer = $second->ask('SELECT in_line(60)');
like($answer->{text}, qr/rule "by_queue_time".*Pool "narrow".*queue_time was \d+ ms, more than the rule's 300 ms/s,
	'one that waits for it is canceled by queue_time');
is($admin->value("SELECT count(*) FROM pybox.activity WHERE function LIKE 'in_line%' AND state = 'running'"), 1, '... and no other');
$admin->value("SELECT pybox.cancel(call_id) FROM pybox.activity WHERE function LIKE 'in_line%'");
is($session->wait->{sqlstate}, '57014', '... which ends when it is told to');

SKIP:
{
	skip 'needs cgroups', 1 unless need($node->{pybox_cgroup} ne '', 'a cgroup');
	reload("  - {name: by_tree, function: public.children, when: {cpu_time: 300ms}, action: kill}\n");
	like($session->ask('SELECT children(60)')->{text}, qr/terminating Python call due to rule "by_tree"/,
		'CPU time of what an untrusted function starts counts');
}

# --- every action ---
reload("  - {name: tell, function: public.nap, when: {run_time: 200ms}, action: log, cooldown: 1h}\n");
my $before = last_event();
is($session->value('SELECT nap(1)'), 'rested', 'log leaves the call alone');
like(events_since($before, 'kind, rule, metric'), qr/^rule tell run_time$/, '... with an event');
like(slurp_file($node->logfile), qr/LOG:  pybox: rule met of call \d+ by "tell"\n.*DETAIL:  Event \d+, by process \d+, of backend \d+, .*pool "main", run_time \d+, threshold 200[.]\n/,
	'... which is in the log as well');

reload("  - {name: lower, function: public.nap, when: {run_time: 200ms}, action: demote, priority: 3, cooldown: 1h}\n");
$before = last_event();
$session->send('SELECT nap(60)');
ok($admin->poll("SELECT priority FROM pybox.activity WHERE function LIKE 'nap%'", 3), 'demote lowers the priority of the running call');
is(events_since($before, 'kind, rule, detail'), 'priority lower priority 50 to 3', '... with an event');
$admin->value('SELECT pybox.cancel(call_id) FROM pybox.activity');
$session->wait;

reload("  - {name: away, function: public.nap, when: {run_time: 200ms}, action: move, to: batch, cooldown: 1h}\n");
$before = last_event();
$session->send('SELECT nap(60)');
ok($admin->poll("SELECT pool || ' ' || priority FROM pybox.activity WHERE function LIKE 'nap%'", 'batch 10'), 'move puts the running call into another pool');
is(events_since($before, 'kind, rule, detail'), 'move away pool "main" to "batch"', '... with an event');
$admin->value('SELECT pybox.cancel(call_id) FROM pybox.activity');
$session->wait;

# Who is moved counts against the caps of the pool that it runs in now.
reload(<<'YAML');
  - {name: away, function: public.nap, when: {run_time: 200ms}, action: move, to: batch, cooldown: 1h}
  - {name: aside, function: public.in_line, when: {queue_time: 200ms}, action: move, to: batch, cooldown: 1h}
caps:
  - {pool: batch, slots: 1}
YAML
my $third = PyboxSession->new($node);
$session->send('SELECT nap(60)');
ok($admin->poll("SELECT pool FROM pybox.activity WHERE function LIKE 'nap%'", 'batch'), 'move puts a running call into a pool with a cap');
$second->send('SELECT in_line(60)');
ok($second->wait_for(qr/inside/), '... another pool has its only slot taken');
$third->send('SELECT in_line(0)');
ok($admin->poll('SELECT waiting_for ~ \'^cap line \' FROM pybox.queue WHERE pid = ' . $third->pid), '... who is moved from its queue waits for that cap');
$admin->value("SELECT pybox.cancel(call_id) FROM pybox.activity WHERE function LIKE 'nap%'");
$session->wait;
like($third->wait->{text}, qr/^served$/m, '... until the first is over');
$admin->value('SELECT pybox.cancel(call_id) FROM pybox.activity');
$second->wait;
$third->quit;

reload("  - {name: stay, function: public.nap, when: {run_time: 200ms}, action: pause, cooldown: 1h}\n");
$before = last_event();
$session->send('SELECT nap(1)');
ok($admin->poll("SELECT state FROM pybox.activity WHERE function LIKE 'nap%'", 'paused'), 'pause stops the call');
ok(!$session->is_answered, '... which does not go on by itself');
$admin->value("SELECT pybox.resume(call_id) FROM pybox.activity WHERE function LIKE 'nap%'");
is($session->wait->{text}, 'rested', '... until somebody resumes it');
is(events_since($before, 'kind, rule, detail', "rule = 'stay'"), 'pause stay until pybox.resume()', '... with an event');

reload("  - {name: wait, function: public.nap, when: {run_time: 200ms}, action: pause, duration: 300ms, cooldown: 1h}\n");
$before = last_event();
is($session->value('SELECT nap(1)'), 'rested', 'pause for a while lets the call go on then');
is(events_since($before, 'kind, detail'), "pause for 300 ms\nresume the pause of its rule is over", '... with an event each time');
is($admin->value("SELECT max(e.at) - min(e.at) >= '300ms' FROM pybox.events e WHERE e.number > $before AND kind IN ('pause', 'resume')"), 't',
	'... not before that time');

reload("  - {name: stop, function: public.nap, when: {run_time: 200ms}, action: cancel}\n");
$session->value('SELECT mark(1)');
is($session->ask('SELECT nap(60)')->{sqlstate}, '57014', 'cancel ends the call');
is($session->value('SELECT marked()'), '1', '... and leaves the interpreter');
reload("  - {name: finish, function: public.nap, when: {run_time: 200ms}, action: kill}\n");
like($session->ask('SELECT nap(60)')->{text}, qr/^ERROR:  57014: terminating Python call due to rule "finish"\n.*its action is kill[.]\n/,
	'kill ends the call');
is($session->value('SELECT marked()'), '', '... and the interpreter');

# --- quarantine of repeat offenders: by function and body ---
reload("  - {name: repeat, function: public.offend, when: {run_time: 200ms}, action: quarantine, after: 2, duration: 1h}\n");
$before = last_event();
like($session->ask('SELECT offend(60)')->{text}, qr/rule "repeat"/, 'a first offence is canceled');
is($second->value('SELECT offend(0)'), 'not caught', '... and the function is not under quarantine yet');
like($second->ask('SELECT offend(60)')->{text}, qr/rule "repeat"/, 'so is the second, in another session');
is(events_since($before, 'kind, rule, detail'),
	"cancel repeat offence 1 of 2, quarantine for 3600000 ms\nquarantine repeat offence 2 of 2, quarantine for 3600000 ms", '... and that was one too many');
for ($session, $second)
{
	like($_->ask('SELECT offend(0)')->{text}, qr/^ERROR:  53400: function "offend" is under quarantine\n/, 'then it is refused');
}
my $body = $admin->value("SELECT prosrc FROM pg_proc WHERE proname = 'offend'");
$admin->value("CREATE OR REPLACE FUNCTION offend(s float8) RETURNS text LANGUAGE pybox AS \$\$ return 'mended' \$\$");
is($session->value('SELECT offend(0)'), 'mended', 'another body is free');
$admin->value("CREATE OR REPLACE FUNCTION offend(s float8) RETURNS text LANGUAGE pybox AS \$\$$body\$\$");
is($session->ask('SELECT offend(0)')->{sqlstate}, '53400', '... the old one is not');
is($admin->value("SELECT pybox.release('offend(float8)')"), 't', 'released,');
is($session->value('SELECT offend(0)'), 'not caught', '... it may be called again');
like($session->ask("DO LANGUAGE pybox 'import time; time.sleep(0)'; SELECT offend(60)")->{text}, qr/rule "repeat"/, '... and its offences count from the start');
is($session->value('SELECT offend(0)'), 'not caught', '... so that one is not too many');

# What a trial counts is the trial's.
my $repeat = "  - {name: repeat, function: public.offend, when: {run_time: 200ms}, action: quarantine, after: %d, duration: 1h%s}\n";
reload(sprintf $repeat, 5, ', dry_run: true');
$before = last_event();
is($session->value('SELECT offend(0.6)'), 'not caught', 'on trial offences are counted') for 1 .. 2;
is(events_since($before, 'kind, detail'), join("\n", map { "cancel offence $_ of 5, quarantine for 3600000 ms" } 1, 2), '... as they would be');
reload(sprintf $repeat, 3, '');
$before = last_event();
$session->ask('SELECT offend(60)');
is(events_since($before, 'kind, detail'), 'cancel offence 2 of 3, quarantine for 3600000 ms', '... and count for no quarantine in force');

# Whoever replaces functions may have rules fill the table of quarantines.
my $others = 'pybox.quarantine(oid) FROM pg_proc WHERE proname ~ \'^other_\'';
$admin->value("SET check_function_bodies = off");
$admin->value("DO \$\$ BEGIN FOR i IN 1 .. 256 LOOP EXECUTE format('CREATE FUNCTION other_%s() RETURNS int LANGUAGE pybox AS %L', i, 'return 1'); END LOOP; END \$\$");
reload(sprintf $repeat, 1, '');
$session->ask('SELECT offend(60)');
is($admin->value('SELECT string_agg(reason, \' \') FROM pybox.quarantines'), 'repeat', 'a rule has put a function under quarantine');
is($admin->value("SELECT count(*) FROM (SELECT $others LIMIT 255) q"), 255, '... somebody all that there is room for');
is($admin->value("SELECT count(*) FROM (SELECT $others) q"), 256, '... and one more, for which the rule\'s makes room');
is($admin->value("SELECT count(*) FROM pybox.quarantines WHERE reason = 'repeat'"), 0, '... and no other');
like($admin->ask("SELECT pybox.quarantine('nap(float8)')")->{text}, qr/^ERROR:  53400: no more than 256 functions can be under quarantine\n/, 'then there is none');
$before = last_event();
like($session->ask('SELECT offend(60)')->{text}, qr/rule "repeat"/, 'a rule cancels the call all the same');
is(events_since($before, 'detail'), 'there is no room for another function under quarantine', '... and says so');
is($admin->value("SELECT count(pybox.release(oid)) FROM pg_proc WHERE proname ~ '^other_'"), 256, 'all are released');

# --- time and cool-down ---
reload(<<'YAML');
  - {name: never, function: public.nap, when: {run_time: 100ms}, for: 1h, action: kill}
  - {name: later, function: public.nap, when: {run_time: 100ms}, for: 600ms, action: log, cooldown: 1h}
  - {name: often, function: public.nap, when: {run_time: 100ms}, action: log, cooldown: 300ms}
YAML
$before = last_event();
$session->send('SELECT nap(60)');
ok($admin->poll("SELECT count(*) >= 4 FROM pybox.events WHERE number > $before AND rule = 'often'"), 'a rule acts again after its cool-down');
ok($admin->poll("SELECT count(*) FROM pybox.events WHERE number > $before AND rule = 'later'", 1), 'a rule with a time acts after it');
is($admin->value("SELECT min(value - before) >= 300 FROM (SELECT value, lag(value) OVER (ORDER BY number) AS before
	FROM pybox.events WHERE number > $before AND rule = 'often') o"), 't', 'between two actions the cool-down has passed');
is($admin->value("SELECT value >= 100 + 600 FROM pybox.events WHERE number > $before AND rule = 'later'"), 't', '... and before a first one the time');
is($admin->value("SELECT string_agg(concat_ws(' ', name, matched, acted), ', ' ORDER BY line) FROM pybox.rules WHERE name <> 'often'"),
	'never 1 0, later 1 1', 'what has not held for its time does nothing');
$admin->value('SELECT pybox.cancel(call_id) FROM pybox.activity');
$session->wait;

# --- who: by membership, and by the pool that the call is in now ---
reload(<<'YAML');
  - {name: members, role: analysts, when: {run_time: 200ms}, action: cancel}
  - {name: to_batch, role: bob, when: {run_time: 100ms}, action: move, to: batch, cooldown: 1h}
  - {name: of_batch, pool: batch, when: {run_time: 300ms}, action: cancel}
YAML
my $ana = PyboxSession->new($node, role => 'ana');
my $bob = PyboxSession->new($node, role => 'bob');
like($ana->ask('SELECT nap(60)')->{text}, qr/rule "members"/, 'a rule for a role is one for its members');
like($bob->ask('SELECT nap(60)')->{text}, qr/rule "of_batch"/, 'a rule for a pool is one for those moved into it');
is($session->value('SELECT nap(0.6)'), 'rested', '... and not for others');
is($ana->value("SELECT count(*) FROM pybox.events WHERE role IS DISTINCT FROM 'ana'"), 0, 'one sees the events of one\'s own calls');
cmp_ok($ana->value('SELECT count(*) FROM pybox.events'), '>', 0, '... all of them');

# --- a rule goes on with a call over a reload, by its name ---
reload("  - {name: patient, function: public.nap, when: {run_time: 1h}, action: cancel}\n");
$session->send('SELECT nap(60)');
ok($admin->poll("SELECT state FROM pybox.activity WHERE function LIKE 'nap%'", 'running'), 'a call runs');
reload(<<'YAML');
  - {name: first, function: public.hog, when: {run_time: 100ms}, action: kill}
  - {name: patient, function: public.nap, when: {run_time: 100ms}, action: cancel}
YAML
like($session->wait->{text}, qr/canceling Python call due to rule "patient".*more than the rule's 100 ms/s, 'what its rule has become holds for it');

# A rule is not lost however often the policy is loaded anew, nor with it what it does.
reload("  - {name: patient, function: public.nap, when: {run_time: 1h}, action: cancel}\n");
$session->send('SELECT nap(60)');
ok($admin->poll("SELECT state FROM pybox.activity WHERE function LIKE 'nap%'", 'running'), 'a call runs');
$admin->value('SELECT pybox.reload_policy()') for 1 .. 20;
reload("  - {name: patient, function: public.nap, when: {run_time: 100ms}, action: cancel}\n");
like($session->wait->{text}, qr/rule "patient".*more than the rule's 100 ms/s, '... over twenty of them');
reload("  - {name: watched, function: public.nap, when: {run_time: 100ms}, action: kill, dry_run: true}\n");
$before = last_event();
$session->send('SELECT nap(60)');
ok($admin->poll("SELECT count(*) FROM pybox.events WHERE number > $before AND rule = 'watched' AND dry_run", 1), 'a rule is tried out on a call');
reload("  - {name: watched, function: public.nap, when: {run_time: 100ms}, action: kill}\n");
like($session->wait->{text}, qr/terminating Python call due to rule "watched"/, '... and ends that very call when it is put in force');

# --- what a rule has done it has done, over a reload that gives it another number ---
reload("  - {name: once, function: public.nap, when: {run_time: 100ms}, action: log, cooldown: 1h}\n");
$session->send('SELECT nap(60)');
ok($admin->poll("SELECT acted FROM pybox.rules WHERE name = 'once'", 1), 'a rule acts');
reload(<<'YAML');
  - {name: another, function: public.nap, when: {run_time: 100ms}, action: log, cooldown: 1h}
  - {name: once, function: public.nap, when: {run_time: 100ms}, action: log, cooldown: 1h}
YAML
ok($admin->poll("SELECT acted FROM pybox.rules WHERE name = 'another'", 1), '... another one, new by a reload, too');
is($admin->value("SELECT acted FROM pybox.rules WHERE name = 'once'"), 1, '... and the first not again');
$admin->value('SELECT pybox.cancel(call_id) FROM pybox.activity');
$session->wait;

# --- what is measured of an interpreter is its own call's ---
reload(<<'YAML');
  - {name: by_temp, when: {temp: 8MB}, action: log, cooldown: 1h}
  - {name: by_memory, when: {memory: 150MB}, action: log, cooldown: 1h}
  - {name: by_cpu_time, when: {cpu_time: 400ms}, action: log, cooldown: 1h}
  - {name: by_rows, when: {rows: 1000}, action: log, cooldown: 1h}
YAML
for my $case (['temp', 'fill(0.7)', 'fill'], ['memory', 'hog(0.7)', 'hog'], ['cpu_time', 'spin(1)', 'spin'], ['rows', 'count(*) FROM (SELECT rows(200000)) r', 'rows'])
{
	my ($metric, $sql, $function) = @$case;

	$before = last_event();
	$bob->send('SELECT nap(60)');
	ok($admin->poll("SELECT state FROM pybox.activity WHERE function LIKE 'nap%'", 'running'), "$metric: another call runs");
	$session->ask("SELECT $sql");
	is(events_since($before, "function ~ '^$function', function ~ '^nap'", "rule = 'by_$metric'"), 't f', '... and is not taken for the one that is above');
	$admin->value("SELECT pybox.cancel(call_id) FROM pybox.activity WHERE function LIKE 'nap%'");
	$bob->wait;
}

# --- time in a pause is no run time ---
reload(<<'YAML');
  - {name: stay, function: public.nap, when: {run_time: 100ms}, action: pause, duration: 2s, cooldown: 1h}
  - {name: ran, function: public.nap, when: {run_time: 1500ms}, action: cancel}
YAML
is($session->value('SELECT nap(0.5)'), 'rested', 'a pause counts for no run time');

# --- a rule that counts calls ends those that its statement makes later, too ---
$admin->value(<<'SQL');
CREATE OR REPLACE FUNCTION insists(tries int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE ended int := 0; done int := 0;
BEGIN
	WHILE ended < tries LOOP
		BEGIN
			PERFORM one(1);
			done := done + 1;
		EXCEPTION WHEN query_canceled THEN
			IF ended = 0 THEN done := 0; END IF;
			ended := ended + 1;
		END;
	END LOOP;
	RETURN done || ' after the first that was ended';
END $$;
SQL
reload("  - {name: many, function: public.one, when: {calls: 1000}, action: cancel}\n");
is($session->value('SELECT insists(20)'), '0 after the first that was ended', 'a statement that goes on is given no more calls of the function');
is($session->value('SELECT one(1)'), '1', '... the next statement is');

# --- offences that are long ago do not count ---
reload("  - {name: repeat, function: public.offend, when: {run_time: 100ms}, action: quarantine, after: 2, duration: 300ms}\n");
$before = last_event();
$session->ask('SELECT offend(60)');
ok($admin->poll("SELECT now() - max(at) > '400ms' FROM pybox.events WHERE rule = 'repeat' AND number > $before", 't'), 'an offence, and more than its time');
$session->ask('SELECT offend(60)');
is(events_since($before, 'kind, detail'), join("\n", ('cancel offence 1 of 2, quarantine for 300 ms') x 2), '... so that the next one is a first one');

# --- rules that are new reach the calls that run ---
sub call_waits
{
	my ($one, $sql, $function, $state) = @_;
	$one->send($sql);
	return ok($admin->poll("SELECT state FROM pybox.activity WHERE function LIKE '$function(%'", $state // 'running'), "$sql runs");
}

my $two = "  - {name: other, function: public.hog, when: {run_time: 100ms}, action: kill}\n";
for my $case (['without rules before', ''], ['with others before', $two])
{
	my ($name, $old) = @$case;

	reload($old);
	call_waits($session, 'SELECT nap(60)', 'nap');
	reload("$two  - {name: new, function: public.nap, when: {elapsed: 100ms}, action: cancel}\n");
	like($session->wait->{text}, qr/rule "new".*elapsed was \d{3,} ms/s, "a new rule ends a call that sleeps, $name");
	reload($old);
	call_waits($session, 'SELECT spin(60)', 'spin');
	reload("  - {name: new, database: postgres, when: {cpu_time: 100ms}, action: cancel}\n$two");
	like($session->wait->{text}, qr/rule "new".*cpu_time was \d{3,} ms/s, "... one that computes, $name");
	reload($old);
	call_waits($ana, 'SELECT nap(60)', 'nap');
	reload("$two  - {name: new, role: analysts, when: {run_time: 100ms}, action: cancel}\n");
	like($ana->wait->{text}, qr/rule "new"/, "... one of a role's members, $name");
	reload($old);
	call_waits($bob, 'SELECT nap(1)', 'nap');
	reload("$two  - {name: new, role: analysts, when: {run_time: 100ms}, action: cancel}\n");
	is($bob->wait->{text}, 'rested', "... and nobody else's, $name");
	reload($old);
	call_waits($session, 'SELECT sum(one(g)) FROM (SELECT generate_series(1, 1000000000) AS g) s', 'one');
	reload("$two  - {name: new, function: public.one, when: {calls: 1000}, action: cancel}\n");
	like($session->wait->{text}, qr/rule "new".*calls was \d{4,}/s, "... a statement of many calls, $name");
	reload($old);
	call_waits($session, 'SELECT nap(60)', 'nap');
	reload("$two  - {name: new, function: public.nap, when: {run_time: 100ms}, action: kill, dry_run: true}\n");
	ok($admin->poll("SELECT acted FROM pybox.rules WHERE name = 'new'", 1), "... on trial too, $name");
	reload("$two  - {name: new, function: public.spin, when: {run_time: 100ms}, action: kill}\n"
		  . "  - {name: looked, function: public.nap, when: {run_time: 100ms}, action: log}\n");
	ok($admin->poll("SELECT acted FROM pybox.rules WHERE name = 'looked'", 1), "... and is looked at again, $name");
	is($admin->value("SELECT acted FROM pybox.rules WHERE name = 'new'"), 1, '... by one that is about others now no more');
	reload("$two  - {name: new, function: public.nap, when: {run_time: 100ms}, action: kill}\n");
	like($session->wait->{text}, qr/terminating Python call due to rule "new"/, '... until it is again');
}

# In SQL a call does not look, and does when that is over.
$admin->value('SELECT pg_advisory_lock(53)');
reload('');
call_waits($session, 'SELECT lock_and_nap(53)', 'lock_and_nap', 'sql');
reload("  - {name: new, function: public.lock_and_nap, when: {elapsed: 100ms}, action: cancel}\n");
$admin->value('SELECT pg_advisory_unlock(53)');
like($session->wait->{text}, qr/rule "new"/, 'a call that was in SQL meets a new rule after it');
is($session->value('SELECT pg_try_advisory_lock(53)'), 't', '... its transaction is over');
$session->value('SELECT pg_advisory_unlock(53)');

# --- what several want of a call ---
reload("  - {name: lower, function: public.nap, when: {run_time: 100ms}, action: demote, priority: 60}\n");
$before = last_event();
is($session->value('SELECT nap(0.7)'), 'rested', 'a call with less than the priority of demote');
is(events_since($before, 'kind, rule, detail'), 'priority lower priority is 50, not above 60', '... keeps its own');
my $held = "FROM pybox.activity WHERE function LIKE 'nap%'";
for my $case (['for a while', ', duration: 300ms'], ['until somebody resumes it', ''])
{
	my ($name, $how) = @$case;

	reload("  - {name: stay, function: public.nap, when: {elapsed: 1s}, action: pause$how}\n");
	my $owner = PyboxSession->new($node, role => 'bob');
	my $bobs = PyboxSession->new($node, role => 'bob');
	$before = last_event();
	$bobs->send('SELECT nap(1.2)');
	ok($admin->poll("SELECT count(*) $held", 1), "$name: a call of bob's");
	is($owner->value("SELECT pybox.pause(call_id) $held"), 't', '... which he pauses himself before a rule does');
	ok($admin->poll("SELECT count(*) FROM pybox.events WHERE number > $before AND rule = 'stay'", 1), '... and the rule does');
	if ($how eq '')
	{
		is($owner->ask("SELECT pybox.resume(call_id) $held")->{sqlstate}, '42501', '... cannot be resumed by him');
		is($admin->value("SELECT pybox.resume(call_id) $held"), 't', '... but by who governs');
	}
	else
	{
		ok($owner->poll("SELECT now() - max(at) > '400ms' FROM pybox.events WHERE rule = 'stay'", 't'), '... its time passes');
		is($admin->value("SELECT state $held"), 'paused', '... and he still wants it paused');
		is($owner->value("SELECT pybox.resume(call_id) $held"), 't', '... until he does not');
	}
	is($bobs->wait->{text}, 'rested', '... then it goes on');
	$_->quit for $owner, $bobs;
}
reload("  - {name: stay, function: public.nap, when: {run_time: 100ms}, action: pause, duration: 2s}\n");
$before = last_event();
$session->send('SELECT nap(0.5)');
ok($admin->poll("SELECT state $held", 'paused'), 'a rule pauses a call for a while');
is($admin->value("SELECT pybox.pause(call_id) $held"), 't', '... somebody until further notice');
ok($admin->poll("SELECT now() - max(at) > '2300ms' FROM pybox.events WHERE rule = 'stay'", 't'), '... the while is over');
is($admin->value("SELECT state $held"), 'paused', '... and the call stays');
is(events_since($before, 'kind, rule, actor'), "pause stay\npause postgres", '... and each is an event');
is($admin->value("SELECT pybox.resume(call_id) $held"), 't', '... until it is resumed');
is($session->wait->{text}, 'rested', '... and goes on');

reload("  - {name: stay, function: public.nap, when: {run_time: 100ms}, action: pause, duration: 1s}\n");
$before = last_event();
$session->send('SELECT nap(0.5)');
ok($admin->poll("SELECT state $held", 'paused'), 'a rule pauses a call for a while');
reload('');
is($session->wait->{text}, 'rested', '... which ends when the rule is gone by then');
is(events_since($before, 'kind, rule'), "pause stay\nresume", '... as it would have');

# --- a call that stands still is looked at as well ---
reload(<<'YAML');
  - {name: stay, function: public.nap, when: {run_time: 100ms}, action: pause, cooldown: 1h}
  - {name: enough, function: public.nap, when: {elapsed: 700ms}, action: cancel}
YAML
like($session->ask('SELECT nap(60)')->{text}, qr/rule "enough"/, 'a paused call is canceled by elapsed');

# --- a statement of many short calls: its later calls go by what a rule made of one ---
reload("  - {name: many, function: public.one, when: {calls: 1000}, action: demote, priority: 4}\n");
$before = last_event();
$session->send('SELECT sum(one(g)) FROM (SELECT generate_series(1, 1000000000) AS g) s');
ok($admin->poll("SELECT count(*) FROM pybox.events WHERE number > $before AND rule = 'many'", 1), 'a rule that counts calls acts on the statement');
ok($admin->poll("SELECT count(DISTINCT call_id) > 0 FROM pybox.activity WHERE priority = 4"), '... whose later calls are demoted too');
$admin->value('SELECT pg_cancel_backend(' . $session->pid . ')');
is($session->wait->{sqlstate}, '57014', '... until it ends');
is($admin->value("SELECT count(*) FROM pybox.events WHERE number > $before AND rule = 'many'"), 1, '... with one event');

# --- on trial: nothing changes but the events ---
my $trial = join '', map { "  - {name: try_$_->[0]_$_->[1], function: public.$_->[2], when: {$_->[1]: $_->[3]}, action: $_->[0]$_->[4], dry_run: DRY}\n" }
  (['log', 'elapsed', 'nap', '200ms', ''], ['demote', 'run_time', 'query', '200ms', ', priority: 1'], ['move', 'cpu_time', 'spin', '200ms', ', to: batch'],
	['pause', 'memory', 'hog', '150MB', ''], ['cancel', 'temp', 'fill', '8MB', ''], ['kill', 'rows', 'rows', '1000', ''],
	['quarantine', 'calls', 'one', '1000', ', after: 1, duration: 1h']);
my @calls = ('SELECT nap(0.7)', 'SELECT query(0.7)', 'SELECT spin(0.7)', 'SELECT hog(0.7)', 'SELECT fill(0.7)', 'SELECT count(*) FROM (SELECT rows(30000)) r',
	'SELECT sum(one(g)) FROM generate_series(1, 30000) g', 'SELECT one(1)', 'SELECT 1 / one(0) - 1', 'SELECT marked()');
my $watch = "SELECT count(*) FILTER (WHERE priority <> 50 OR pool <> 'main' OR state = 'paused') FROM pybox.activity";

my $resume = "SELECT pybox.resume(call_id) FROM pybox.activity WHERE state = 'paused'";

sub run_all
{
	my ($text, $odd) = ('', 0);
	$session->value('SELECT mark(7)');
	for my $sql (@calls)
	{
		$session->send($sql);
		until ($session->is_answered)
		{
			$odd += $admin->value($watch);
			$admin->value($resume);
		}
		my $answer = $session->wait;
		$text .= "$sql: " . ($answer->{sqlstate} // '') . " $answer->{text}\n";
	}
	return $text . ($odd > 0 ? 'some were demoted, moved or paused' : '');
}

reload('');
my $without = run_all();
reload($trial =~ s/DRY/true/gr);
$before = last_event();
my $with = run_all();
is($with, $without, 'on trial rules change no call');
is($admin->value("SELECT string_agg(DISTINCT rule || ' ' || dry_run, ', ') FROM pybox.events WHERE number > $before"),
	join(', ', map { "$_ true" } sort map { "try_$_" } qw(log_elapsed demote_run_time move_cpu_time pause_memory cancel_temp kill_rows quarantine_calls)),
	'... but leave an event each');
is($admin->value('SELECT count(*) FROM pybox.quarantines'), 0, '... and nothing under quarantine');
like(slurp_file($node->logfile), qr/LOG:  pybox: kill of call \d+ by "try_kill_rows" \(dry run: nothing was done\)\n/, '... as the log says');
is($admin->value('SELECT bool_and(dry_run AND acted > 0) FROM pybox.rules'), 't', '... and the counts');
reload($trial =~ s/DRY/false/gr);
$before = last_event();
isnt(run_all(), $without, 'in force they do');

$_->quit for $ana, $bob, $second, $session, $admin;
$node->stop;
done_testing();
