# The life of a policy in the server: what would change, what is in force from which line, names that are not there, reloads
# under load. The command pybox-policy is in 051_policy_command.pl.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

my $base = <<'YAML';
version: 1
node: {name: test, id: 1, slots: 4}
pools:
  day:
    limits: {wall: 2min}
    spares: 0
  night: {slots: 3, priority: 10, queue: {timeout: 2min}, spares: 0}
assign:
  - {role: ann, pool: night}
  - {pool: day}
rules:
  - {name: runaway, when: {run_time: 10min}, action: cancel}
YAML

my $node = new_node('policy', policy => $base);
my $path = policy_path($node);

sub hash_of { my ($text) = @_; my ($out) = ''; IPC::Run::run(['sha256sum'], '<', \$text, '>', \$out); return substr $out, 0, 12; }

$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pybox;
CREATE ROLE ann LOGIN;
CREATE ROLE ben LOGIN;
CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
CREATE TABLE gate (open bool);
GRANT SELECT ON gate TO PUBLIC;
CREATE FUNCTION one() RETURNS int LANGUAGE pybox AS 'return 1';
CREATE FUNCTION two(a int) RETURNS int LANGUAGE pybox AS 'return 2';
CREATE FUNCTION until_told() RETURNS text LANGUAGE pybox AS $$
import time
plpy.notice("runs")
while not plpy.execute("SELECT FROM public.gate"):
    end = time.monotonic() + 0.002
    while time.monotonic() < end: pass
return "done"
$$;
SQL
my $admin = PyboxSession->new($node);

sub diff { my ($text) = @_; return $admin->value('SELECT path, old, new, effect FROM pybox.diff_policy(' . (defined $text ? "\$yaml\$$text\$yaml\$" : '') . ')'); }

# --- what is in force, and from where ---
is($admin->value('SELECT hash FROM pybox.policy'), hash_of($base), 'the hash is that of sha256sum');
like(slurp_output('pybox-policy', 'check', $path), qr/: ok, hash @{[ hash_of($base) ]}, /, 'and of pybox-policy check');

sub slurp_output
{
	my ($program, @arguments) = @_;
	my ($out, $err) = ('', '');

	chomp(my $bindir = `pg_config --bindir`);
	IPC::Run::run([ "$bindir/$program", @arguments ], '>', \$out, '2>', \$err);
	return $out . $err;
}

is($admin->value(<<'SQL'), <<'ROWS' =~ s/\n\z//r, 'settings with the lines that say so');
SELECT path, value, line FROM pybox.policy_settings WHERE line IS NOT NULL
SQL
version|1|1
node.name|test|2
node.id|1|2
node.slots|4|2
pools.day.limits.wall|2min|5
pools.day.spares|0|6
pools.night.priority|10|7
pools.night.slots|3|7
pools.night.queue.timeout|2min|7
pools.night.spares|0|7
assign[role: ann].pool|night|9
assign[any].pool|day|10
rules.runaway.name|runaway|12
rules.runaway.when|{run_time: 10min}|12
rules.runaway.action|cancel|12
ROWS
is($admin->value("SELECT path, value FROM pybox.policy_settings WHERE line IS NULL AND path ~ '^(node|rules|pools.day.(slots|queue|on|limits.memory))'"),
	<<'ROWS' =~ s/\n\z//r, 'and the defaults');
node.memory|0
node.weight|100
node.quantum|50ms
pools.day.slots|4
pools.day.on_contention|pause
pools.day.queue.length|100
pools.day.queue.timeout|1min
pools.day.queue.ageing|10s
pools.day.limits.memory|512MB
rules.runaway.for|0
rules.runaway.after|1
rules.runaway.cooldown|1min
rules.runaway.dry_run|false
ROWS
is($admin->value('SELECT count(*), count(DISTINCT path), count(value) FROM pybox.policy_settings') =~ s/^(\d+)\|\1\|\1$/same/r, 'same', 'no setting comes twice');

# --- what would change ---
is(diff(), '', 'the file is what is in force');
my $next = $base =~ s/slots: 3, priority: 10/slots: 1, priority: 20/r =~ s/wall: 2min/wall: 1min/r;
write_policy($node, $next);
is(diff(), <<'ROWS' =~ s/\n\z//r, 'the file has changed');
pools.day.limits.wall|2min|1min|running calls keep the old limit; idle interpreters of the pool end, sessions get new ones
pools.night.priority|10|20|queued calls are judged anew
pools.night.slots|3|1|in force at once
ROWS
is($admin->value('SELECT hash FROM pybox.policy'), hash_of($base), 'nothing has been put in force');
is(diff($base), '', 'a text instead of the file');
is(diff($base . "budgets:\n  - {name: b, cpu_time: 1s, window: 1h, action: log}\n"),
	'budgets.b||{cpu_time: 1s, window: 1h, action: log}|for calls that start from now on; what was used under that name counts', 'something new: no old value');
is($admin->value("SELECT old IS NULL, new IS NULL FROM pybox.diff_policy(\$\$$base" . "caps: [{role: ann, slots: 1}]\n\$\$)"), 't|f', 'which is null');
my $wrong = $admin->ask("SELECT * FROM pybox.diff_policy('version: 2')");
is($wrong->{sqlstate}, 'F0000', 'a text that is wrong');
like($wrong->{text}, qr/invalid pybox policy: text:1:10: version: expected 1/, 'says where');
write_policy($node, "version: 1\npools: {day: {slots: many}}\n");
$wrong = $admin->ask('SELECT * FROM pybox.diff_policy()');
like($wrong->{text}, qr/invalid pybox policy: \Q$path\E:2:22: pools.day.slots: expected/, 'a file that is wrong');

# --- a lower cap: who runs is counted, and ends as ever ---
my @running = map { PyboxSession->new($node, role => 'ann') } 1 .. 3;
$_->send('SELECT until_told()') for @running;
ok($_->wait_for(qr/runs/), 'a call is under way') for @running;
# A call between two slots, in SQL, does not count; all three are seen with one soon.
is($admin->value("SELECT count(*) FROM pybox.activity WHERE pool = 'night'"), 3, 'three calls run');
$admin->poll("SELECT EXISTS (SELECT FROM pybox.diff_policy(\$\$$next\$\$) WHERE path = 'pools.night.slots' AND effect = '2 calls run beyond the new cap until they end')");
pass('two of them would run beyond a cap of one');
my $gone = "version: 1\nnode: {name: test, id: 1, slots: 4}\npools: {day: {}}\n";
ok($admin->poll("SELECT EXISTS (SELECT FROM pybox.diff_policy(\$\$$gone\$\$) WHERE path = 'pools.night' AND new IS NULL
	AND effect ~ '^its calls, \\d running and \\d queued, go on in pool day')"), 'where they would go without their pool');
write_policy($node, $next);
is($admin->value('SELECT pybox.reload_policy()'), 't', 'the lower cap is put in force');
is($admin->value("SELECT count(*) FROM pybox.activity WHERE pool = 'night'"), 3, 'all three run on');
is($admin->value('SELECT slots FROM pybox.pools WHERE pool = $$night$$'), 1, 'under the cap of one');
write_policy($node, $gone);
is($admin->value('SELECT pybox.reload_policy()'), 't', 'their pool is gone');
$admin->value('INSERT INTO gate VALUES (true)');
like($_->wait->{text}, qr/^done$/m, 'a call ends as ever') for @running;
is($admin->value('SELECT sum(running), sum(waiting) FROM pybox.pools'), '0|0', 'and no slot is lost');

# --- who reloaded what, in the ring and in the log ---
is($admin->value("SELECT detail, actor FROM pybox.events WHERE kind = 'reload' ORDER BY number"),
	"hash @{[ hash_of($base) ]} to @{[ hash_of($next) ]}, from $path|postgres\nhash @{[ hash_of($next) ]} to @{[ hash_of($gone) ]}, from $path|postgres" =~ s/postgres/$_/gr,
	'each reload is an event') for $admin->value('SELECT current_user');
write_policy($node, $base);
$node->reload;
ok($admin->poll("SELECT hash = '@{[ hash_of($base) ]}' FROM pybox.policy"), 'a reload of the server takes the file too');
ok($admin->poll("SELECT actor IS NULL AND detail LIKE 'hash @{[ hash_of($gone) ]} to %' FROM pybox.events WHERE kind = 'reload' ORDER BY number DESC LIMIT 1"),
	'an event that nobody did');
like(slurp_file($node->logfile), qr/LOG:  pybox: reload of the policy\n.*DETAIL:  Event \d+, .*hash [0-9a-f]{12} to [0-9a-f]{12}/, 'in the log');
my $events = $admin->value("SELECT count(*) FROM pybox.events WHERE kind = 'reload'");
write_policy($node, "version: 1\n");
is($admin->ask('SELECT pybox.reload_policy()')->{sqlstate}, 'F0000', 'a file that is wrong is refused');
is($admin->value("SELECT count(*) FROM pybox.events WHERE kind = 'reload'"), $events, 'and is no reload');
is($admin->value('SELECT hash FROM pybox.policy'), hash_of($base), 'the old one stays');

# --- names that are not there: a warning each, and no more ---
my $names = <<'YAML';
version: 1
node: {name: test, id: 1, slots: 4}
pools: {day: {spares: 0}, night: {spares: 0}}
assign:
  - {role: ann, pool: night}
  - {role: nobody, pool: night}
  - {database: nowhere, pool: night}
  - {function: public.one, pool: night}
  - {function: public.two, database: postgres, pool: night}
  - {function: public.three, pool: night}
  - {function: information_schema.one, database: postgres, pool: night}
  - {function: app.f, database: template1, pool: night}
  - {pool: day}
caps:
  - {role: no_cap, slots: 1}
filters:
  - {name: f, database: no_filter}
rules:
  - {name: r, function: nowhere.no_rule, when: {rows: 1}, action: log}
budgets:
  - {name: b, role: no_budget, cpu_time: 1s, window: 1h, action: log}
YAML
my @warnings = (
	'6: role "nobody" does not exist',
	'7: database "nowhere" does not exist',
	'10: function "public.three" does not exist in database "postgres"',
	'11: function "information_schema.one" does not exist in database "postgres"',
	'15: role "no_cap" does not exist',
	'17: database "no_filter" does not exist',
	'19: function "nowhere.no_rule" does not exist in database "postgres"',
	'21: role "no_budget" does not exist');
write_policy($node, $names);
for my $case ([ 'pybox.reload_policy()', $path ], [ "pybox.check_policy(\$\$$names\$\$)", 'text' ])
{
	my $answer = $admin->ask("SELECT $case->[0]");
	my $sqlstate = '(?:42704|42883)';

	is_deeply([ $answer->{text} =~ /^.*WARNING:  $sqlstate: pybox policy \Q$case->[1]\E:(.*)$/mg ], \@warnings, "warnings of $case->[0]" =~ s/\(.*//r);
	like($answer->{text}, qr/^t$/m, 'and it is done');
}
is($admin->value('SELECT hash FROM pybox.policy'), hash_of($names), 'put in force all the same');
my ($status, $out, $err) = $node->psql('template1', 'SET client_min_messages = notice; SELECT pybox.reload_policy()');
isnt($status, 0, 'another database has no such function without the extension');

# --- rights ---
for my $session (map { PyboxSession->new($node, role => $_) } 'ben')
{
	is($session->ask($_)->{sqlstate}, '42501', "nobody's business: $_")
	  for 'SELECT * FROM pybox.policy', 'SELECT * FROM pybox.policy_settings', 'SELECT * FROM pybox.rules', 'SELECT * FROM pybox.rules_rows()',
	  'SELECT * FROM pybox.diff_policy()', 'SELECT pybox.reload_policy()';
}
for my $session (map { PyboxSession->new($node, role => $_) } 'watcher')
{
	cmp_ok($session->value('SELECT count(*) FROM pybox.policy_settings'), '>', 50, 'pg_monitor sees the settings');
	is($session->value('SELECT count(*) FROM pybox.diff_policy()'), 0, 'and differences');
	is($session->value('SELECT name, selectors FROM pybox.rules'), 'r|function: nowhere.no_rule', 'and rules');
	is($session->ask('SELECT pybox.reload_policy()')->{sqlstate}, '42501', 'but reloads nothing');
}

# --- a reload is atomic: whoever looks sees all of one policy, and no call fails for it ---
my @pair = map { my $n = $_; <<"YAML" } 1, 2;
version: 1
node: {name: test, id: 1, slots: 4}
pools:
  day: {weight: 1$n, slots: $n, memory: ${n}GB, queue: {length: 10$n, timeout: 2min}, limits: {wall: ${n}00s, output: ${n}00MB}, spares: 0}
  pool_$n: {weight: 1$n, spares: 0}
assign: [{role: nobody, pool: pool_$n}, {pool: day}]
caps: [{role: ann, slots: $n, memory: ${n}GB}]
rules: [{name: rule_$n, when: {run_time: ${n}0min}, action: log}]
YAML
my $turns = 61; # from the first to the second, in the end
my @callers = map { PyboxSession->new($node, role => $_) } qw(ann ben ann);
my $looker = PyboxSession->new($node);
my $loader = PyboxSession->new($node, sql => 'SET client_min_messages = error');
$looker->value(<<'SQL');
CREATE TABLE told (enough bool);
GRANT SELECT ON told TO PUBLIC;
CREATE FUNCTION call_on() RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
	RAISE NOTICE 'begins';
	LOOP
		PERFORM one() FROM generate_series(1, 50);
		EXIT WHEN EXISTS (SELECT FROM told);
	END LOOP;
	RETURN true;
END $$;
CREATE FUNCTION look_on(OUT mixed int, OUT seen text) LANGUAGE plpgsql AS $$
DECLARE digits text[]; lines bool; last bool := false; all_seen text[] := '{}';
BEGIN
	mixed := 0;
	WHILE NOT last LOOP
		last := EXISTS (SELECT FROM told);
		SELECT array_agg(DISTINCT substring(path || ' ' || value FROM '(?:pool_|rule_|weight 1|slots |memory |length 10|wall |output )([12])')), bool_and(line IS NOT NULL) INTO digits, lines
		FROM pybox.policy_settings
		WHERE path ~ '^(pools.day.(weight|slots|memory|queue.length|limits.(wall|output))|pools.pool_..weight|caps.*(slots|memory)|rules.*when)';
		mixed := mixed + (cardinality(digits) <> 1 OR digits[1] IS NULL OR NOT lines)::int;
		IF all_seen = '{}' THEN
			RAISE NOTICE 'begins';
		END IF;
		all_seen := ARRAY(SELECT DISTINCT unnest(all_seen || digits) ORDER BY 1);
	END LOOP;
	seen := array_to_string(all_seen, ' ');
END $$;
SQL
write_policy($node, $pair[0]);
$loader->value('SELECT pybox.reload_policy()');
$_->send('SELECT call_on()') for @callers;
$looker->send('SELECT * FROM look_on()');
ok($_->wait_for(qr/begins/), 'begins') for @callers, $looker;
for my $turn (1 .. $turns)
{
	write_policy($node, $pair[ $turn % 2 ]);
	$loader->value('SELECT pybox.reload_policy()');
}
$loader->value('INSERT INTO told VALUES (true)');
like($looker->wait->{text}, qr/^0\|1 2$/m, 'both policies are seen, and never something of each');
like($_->wait->{text}, qr/^t$/m, 'calls go on through reloads') for @callers;
is($admin->value('SELECT sum(running), sum(waiting) FROM pybox.pools'), '0|0', 'and no slot is lost');
is($admin->value("SELECT count(*) FROM pybox.events WHERE kind = 'reload' AND detail LIKE 'hash %'") >= $turns, 1, 'all of them in the ring');

$node->stop;
done_testing();
