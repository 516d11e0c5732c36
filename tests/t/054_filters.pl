# Filters, which refuse calls before they start, and budgets of CPU time. No time is judged but by what the server says.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

my $head = <<'YAML';
version: 1
node: {name: test, id: 1, slots: 4}
pools:
  main: {priority: 50, queue: {length: 100, timeout: 5min}, limits: {memory: 512MB, wall: 5min}, spares: 1}
  narrow: {slots: 1, on_contention: yield, queue: {length: 100, timeout: 5min}, limits: {memory: 512MB, wall: 5min}}
  side: {priority: 50, queue: {length: 100, timeout: 5min}, limits: {memory: 512MB, wall: 5min}}
assign:
  - {function: public.aside, pool: side}
  - {function: public.nap, pool: narrow}
  - {pool: main}
YAML

# Nobody can wait for a Monday: where a filter is about the time, the server's zone is moved, by the minute.
my $node = new_node('filters', policy => $head);
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pybox;
CREATE ROLE interns;
CREATE ROLE ivy LOGIN IN ROLE interns;
CREATE ROLE max LOGIN IN ROLE interns;
CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
CREATE DATABASE other;
CREATE TABLE big AS SELECT g FROM generate_series(1, 50000) g;
ANALYZE big;
GRANT SELECT ON big TO PUBLIC;
CREATE FUNCTION id(i int) RETURNS int LANGUAGE pybox AS $$
return i
$$;
CREATE FUNCTION size(t text) RETURNS int LANGUAGE pybox AS $$
return len(t)
$$;
CREATE FUNCTION aside() RETURNS int LANGUAGE pybox AS $$
return 1
$$;
CREATE FUNCTION nap(s float8) RETURNS int LANGUAGE pybox AS $$
import time
time.sleep(s)
return 1
$$;
CREATE FUNCTION outer_of(q text) RETURNS int LANGUAGE pybox AS $$
return plpy.execute(q)[0]['v']
$$;
CREATE FUNCTION series(n int) RETURNS SETOF int LANGUAGE pybox AS $$
return range(n)
$$;
CREATE FUNCTION burn(s float8) RETURNS float8 LANGUAGE pybox AS $$
import time
end = time.process_time() + s
while time.process_time() < end: pass
return s
$$;
CREATE FUNCTION in_loop(n int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE total bigint := 0;
BEGIN
	FOR i IN 1 .. n LOOP total := total + (SELECT id(i)); END LOOP;
	RETURN total;
END $$;
CREATE TABLE fired (i int);
CREATE FUNCTION fire() RETURNS trigger LANGUAGE pybox AS $$
return None
$$;
CREATE TRIGGER fire AFTER INSERT ON fired FOR EACH ROW EXECUTE FUNCTION fire();
SQL
$node->safe_psql('other', 'CREATE EXTENSION pybox; CREATE FUNCTION id(i int) RETURNS int LANGUAGE pybox AS $$ return i $$');

my $admin = PyboxSession->new($node);
my $ivy = PyboxSession->new($node, role => 'ivy');
my $max = PyboxSession->new($node, role => 'max');
my $watcher = PyboxSession->new($node, role => 'watcher');

sub reload
{
	my ($text) = @_;

	write_policy($node, $head . $text);
	return $admin->value('SELECT pybox.reload_policy()');
}

sub refused
{
	my ($session, $sql, $filter, $name) = @_;
	my $answer = $session->ask($sql);

	is($answer->{sqlstate}, '53400', $name) or diag($answer->{text});
	return like($answer->{text}, qr/^ERROR:  53400: (?:spiexceptions[.]\w+: )?Python call was refused by filter "$filter"\nDETAIL:  Pool "\w+", call \d+; the filter is about: /, '... by that filter');
}

sub passes
{
	my ($session, $sql, $result, $name) = @_;
	return is($session->ask($sql)->{text}, $result, $name);
}

# --- whose calls ---
reload(<<'YAML');
filters:
  - {name: no_interns, role: interns, function: public.size, message: "ask for a review first"}
  - {name: not_here, database: other}
  - {name: not_aside, pool: side}
YAML
my $before = $admin->value('SELECT coalesce(max(number), 0) FROM pybox.events');
is($ivy->ask("SELECT size('x')")->{text} =~ s/call \d+/call N/r =~ s/(filter[.]c:)\d+/$1LINE/r, <<'TEXT' =~ s/\n\z//r, 'a filter for a role is one for its members');
ERROR:  53400: Python call was refused by filter "no_interns"
DETAIL:  Pool "main", call N; the filter is about: function "public.size", role "interns".
HINT:  ask for a review first
CONTEXT:  PL/Python function "size"
LOCATION:  filter_refuse, filter.c:LINE
TEXT
passes($admin, "SELECT size('x')", '1', '... and not for others');
passes($ivy, 'SELECT id(1)', '1', '... nor for other functions');
refused(PyboxSession->new($node, database => 'other'), 'SELECT id(1)', 'not_here', 'a filter for a database');
refused($admin, 'SELECT aside()', 'not_aside', 'a filter for a pool');
refused($ivy, q{SELECT outer_of($$SELECT size('x') AS v$$)}, 'no_interns', 'a call inside another is refused as well');
passes($admin, 'CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE pybox AS $$ return 1 $$', '', 'the check of a source is no call');
is($admin->value("SELECT string_agg(concat_ws(' ', kind, rule, dry_run, actor, role, detail), E'\\n' ORDER BY number) FROM pybox.events
	WHERE number > $before AND rule = 'no_interns'"), <<'TEXT' =~ s/\n\z//r, 'each refusal is an event');
filter no_interns f ivy ivy function "public.size", role "interns"
filter no_interns f ivy ivy function "public.size", role "interns"
TEXT
like(slurp_file($node->logfile), qr/LOG:  pybox: refusal by filter of call \d+ by "no_interns"\n.*DETAIL:  Event \d+, by process \d+, of backend \d+, role "ivy", database "postgres", function "size", pool "main", done by role "ivy", function "public.size", role "interns"[.]\n/,
	'... in the log too');
is($admin->value("SELECT count(*) FROM pybox.activity WHERE state <> 'running'"), 0, 'nothing is left of refused calls');

# --- calls that wait are judged by a new policy ---
reload('');
$max->send('SELECT nap(60)');
ok($admin->poll("SELECT count(*) FROM pybox.activity WHERE state = 'running'", 1), 'a call has the only slot of its pool');
$ivy->send('SELECT nap(0)');
ok($admin->poll("SELECT count(*) FROM pybox.activity WHERE state = 'queued'", 1), '... another one waits');
reload("filters:\n  - {name: no_naps, function: public.nap, message: now}\n");
$admin->value("SELECT pybox.cancel(call_id) FROM pybox.activity WHERE state = 'running'");
is($max->wait->{sqlstate}, '57014', 'the one that runs is none of a new filter\'s');
like($ivy->wait->{text}, qr/^ERROR:  53400: Python call was refused by filter "no_naps"\n/, '... the one that waits is');

# --- the planner's cost of the statement ---
reload("filters:\n  - {name: costly, cost: 5000, function: public.id}\n  - {name: costly_trigger, cost: 500, function: public.fire}\n");
my $big = 'SELECT count(id(g)) AS v FROM big';
passes($admin, 'SELECT id(1)', '1', 'a cheap statement passes');
passes($admin, 'SELECT id(g) FROM big LIMIT 1', '1', '... and one that its LIMIT makes cheap');
refused($admin, $big, 'costly', 'an expensive one does not');
like($admin->ask($big)->{text}, qr/cost is \d+, more than 5000[.]\n/, '... with the cost');
refused($admin, "PREPARE p AS $big; EXECUTE p", 'costly', 'nor prepared');
$admin->value('SET plan_cache_mode = force_generic_plan');
refused($admin, 'EXECUTE p', 'costly', '... by a plan for any parameters');
refused($admin, "DO \$\$ BEGIN PERFORM v FROM ($big) s; END \$\$", 'costly', 'nor in DO');
refused($admin, "SELECT outer_of('$big')", 'costly', 'nor as a query of a cheap statement\'s function');
passes($admin, 'SELECT id(1)', '1', '... which leaves no cost behind');
refused($admin, 'SELECT max(in_loop(2)) FROM big', 'costly', 'a cheap query of an expensive statement\'s function is not cheap');
passes($admin, 'SELECT in_loop(3)', '6', 'PL/pgSQL of a cheap statement passes');
passes($admin, 'DO $$ BEGIN PERFORM in_loop(3); END $$', '', '... and in DO');
refused($admin, "BEGIN; DECLARE c CURSOR FOR SELECT id(g) FROM big ORDER BY random(); FETCH 1 FROM c", 'costly', 'a cursor has its statement\'s cost');
$admin->ask('ROLLBACK');
refused($admin, "CREATE TEMP TABLE t AS $big", 'costly', 'so has CREATE TABLE AS');
refused($admin, "EXPLAIN ANALYZE $big", 'costly', '... and EXPLAIN ANALYZE');
like($admin->ask("EXPLAIN $big")->{text}, qr/Seq Scan on big/, 'EXPLAIN calls nothing');
refused($admin, 'INSERT INTO fired SELECT g FROM big ORDER BY random() LIMIT 1', 'costly_trigger', 'an AFTER trigger has the cost of its statement');
passes($admin, 'INSERT INTO fired VALUES (1)', '', '... if that is cheap, none');
$admin->ask('SELECT 1 / 0 FROM big');
passes($admin, 'SELECT id(1)', '1', 'an error leaves no cost behind');

# --- the size of the arguments ---
reload("filters:\n  - {name: large, argument_size: 1kB}\n");
passes($admin, "SELECT size(repeat('x', 1000))", '1000', 'small arguments pass');
refused($admin, "SELECT size(repeat('x', 1100))", 'large', 'large ones do not');
like($admin->ask("SELECT size(repeat('x', 100000))")->{text}, qr/argument_size is 1000\d\d bytes, more than 1024 bytes[.]\nHINT:  Ask who keeps the policy when and how such calls may run[.]\n/, '... with their size');
$admin->value("CREATE TABLE packed AS SELECT repeat('x', 100000) AS t");
refused($admin, 'SELECT size(t) FROM packed', 'large', '... as they are when they are unpacked');
passes($admin, 'SELECT sum(s) FROM series(1000) s', '499500', 'what is returned has no part in it');
passes($admin, "DO LANGUAGE pybox 'x = 1'", '', 'nor has the source of DO');

# --- all of a filter has to hold ---
reload("filters:\n  - {name: both, role: interns, argument_size: 1kB, cost: 10000000}\n");
passes($ivy, "SELECT size(repeat('x', 2000))", '2000', 'a filter refuses what all of it is about');

# --- the time of day ---
my @days = qw(sun mon tue wed thu fri sat);

# Zones that are hours apart, so that a minute or an hour that passes changes nothing: which hour it is there is known.
sub in_zone
{
	my ($hour) = @_;
	my $now = $admin->value("SELECT extract(hour FROM now() AT TIME ZONE 'UTC')::int");
	my $west = ($now - $hour + 24) % 24;

	$admin->value(sprintf "ALTER SYSTEM SET log_timezone = '<T%02d>%d'", $west, $west);
	$admin->value('SELECT pg_reload_conf()');
	return $admin->poll('SHOW log_timezone', sprintf '<T%02d>%d', $west, $west);
}

sub today { return lc substr $admin->value("SELECT to_char(now() AT TIME ZONE current_setting('log_timezone'), 'Dy')"), 0, 3; }

for my $case ([12, '10:00-15:00', 1], [12, '15:00-23:00', 0], [12, '22:00-06:00', 0], [3, '22:00-06:00', 1], [20, '18:00-24:00', 1], [8, '18:00-24:00', 0])
{
	my ($hour, $hours, $refuses) = @$case;
	ok(in_zone($hour), "the server's clock is at $hour");
	reload("filters:\n  - {name: hours, hours: \"$hours\"}\n");
	$refuses ? refused($admin, 'SELECT id(1)', 'hours', "$hours refuses") : passes($admin, 'SELECT id(1)', '1', "$hours does not refuse");
}
ok(in_zone(12), 'noon');
my $today = today();
my @others = grep { $_ ne $today } @days;
reload("filters:\n  - {name: today, days: [$today]}\n");
refused($admin, 'SELECT id(1)', 'today', 'a filter for today refuses');
like($admin->ask('SELECT id(1)')->{text}, qr/the filter is about: it is \w+day 1[0-4]:\d\d \(<T\d\d>\d+\)[.]\n/, '... and says what time it is');
reload("filters:\n  - {name: others, days: [" . join(', ', @others) . "]}\n");
passes($admin, 'SELECT id(1)', '1', 'one for other days does not');
reload("filters:\n  - {name: now, days: [$today], hours: \"18:00-20:00\"}\n");
passes($admin, 'SELECT id(1)', '1', 'nor does one for other hours of it');
$admin->value("SET timezone = '+18'");
reload("filters:\n  - {name: hours, hours: \"10:00-15:00\"}\n");
refused($admin, 'SELECT id(1)', 'hours', 'a session\'s time zone does not matter');

# --- budgets: an account for each member of a role ---
reload(<<'YAML');
budgets:
  - {name: interns, role: interns, cpu_time: 500ms, window: 1h, action: refuse}
  - {name: everybody, function: public.burn, cpu_time: 1ms, window: 1h, action: log}
YAML
$before = $admin->value('SELECT coalesce(max(number), 0) FROM pybox.events');
passes($ivy, 'SELECT burn(0.1)', '0.1', 'what a budget allows passes');
is($admin->value("SELECT used BETWEEN '0.1 s' AND '0.3 s' AND NOT over FROM pybox.budgets WHERE role = 'ivy'"), 't', '... and is charged')
  or diag($admin->value('TABLE pybox.budgets'));
passes($ivy, 'SELECT burn(0.6)', '0.6', 'a call that began goes on');
my $answer = $ivy->ask('SELECT id(1)');
is($answer->{sqlstate}, '53400', 'the next one is refused');
like($answer->{text}, qr/^ERROR:  53400: Python call was refused: budget "interns" is used up
DETAIL:  Pool "main", call \d+: 0[.]\d{3} s of CPU time were used within 3600 s, the budget is 500 ms[.]
HINT:  It is free again in (?:35[4-9]\d|3600) s, if nothing is used meanwhile; see pybox[.]budgets[.]
/, '... with what was used, of what, and until when');
passes($max, 'SELECT burn(0.01)', '0.01', 'another member has an account of its own');
is($admin->value("SELECT string_agg(concat_ws(' ', name, role, action, over, refused), E'\\n' ORDER BY name, role) FROM pybox.budgets"),
	"everybody log t 0\ninterns ivy refuse t 1\ninterns max refuse f 0", 'pybox.budgets shows the accounts');
is($ivy->value("SELECT concat_ws(' ', name, role, cpu_time, over, selectors IS NULL, line IS NULL) FROM pybox.budgets"), 'interns ivy 00:00:00.5 t t t',
	'... to each the own ones, not whom else they are for');
is($watcher->value("SELECT string_agg(concat_ws(' ', name, role, over, selectors, line), ', ' ORDER BY name, role) FROM pybox.budgets"),
	$admin->value("SELECT string_agg(concat_ws(' ', name, role, over, selectors, line), ', ' ORDER BY name, role) FROM pybox.budgets"), '... and to pg_monitor all');
is($admin->value("SELECT string_agg(concat_ws(' ', kind, rule, role, metric, value > 0, threshold), E'\\n' ORDER BY rule) FROM pybox.events WHERE number > $before AND kind = 'budget'"),
	"budget everybody ivy cpu_time t 1\nbudget interns ivy cpu_time t 500", 'each overdraft is an event, once in a window');
reload(<<'YAML');
budgets:
  - {name: interns, role: interns, cpu_time: 10s, window: 1h, action: refuse}
YAML
passes($ivy, 'SELECT id(1)', '1', 'a larger budget is in force at once, with what was used before');
is($admin->value("SELECT used >= '0.7 s' FROM pybox.budgets WHERE role = 'ivy'"), 't', '... still there');

# --- a long call is charged while it runs, and loses its priority ---
reload(<<'YAML');
budgets:
  - {name: lower, role: interns, cpu_time: 200ms, window: 1h, action: demote, priority: 7}
YAML
$ivy->send('SELECT burn(60)');
ok($admin->poll("SELECT priority FROM pybox.activity WHERE function LIKE 'burn%'", 7), 'a running call whose budget is used up is demoted');
is($admin->value("SELECT concat_ws(' ', role, over, demoted) FROM pybox.budgets"), 'ivy t 1', '... which is counted');
$admin->value('SELECT pybox.cancel(call_id) FROM pybox.activity');
is($ivy->wait->{sqlstate}, '57014', 'it ends');
$ivy->send('SELECT burn(60)');
ok($admin->poll("SELECT priority FROM pybox.activity WHERE function LIKE 'burn%'", 7), 'later calls begin with that priority');
is($admin->value("SELECT count(*) FROM pybox.activity WHERE function LIKE 'burn%' AND priority = 7"), 1, '... at once');
$admin->value('SELECT pybox.cancel(call_id) FROM pybox.activity');
$ivy->wait;
is($max->value('SELECT burn(0.01)'), '0.01', 'other roles keep theirs');

# --- many short calls add up ---
reload(<<'YAML');
budgets:
  - {name: short, role: interns, cpu_time: 50ms, window: 1h, action: refuse}
YAML
is($max->ask('SELECT count(id(g)) FROM (SELECT generate_series(1, 100000000) AS g) s')->{sqlstate}, '53400', 'short calls use a budget up');
is($admin->value("SELECT over FROM pybox.budgets WHERE role = 'max'"), 't', '... in the account of their role');

# --- in one interpreter each pays its own: a function with a budget inside one without, or after one with another ---
reload(<<'YAML');
budgets:
  - {name: of_id, function: public.id, cpu_time: 1h, window: 1d, action: log}
  - {name: of_size, function: public.size, cpu_time: 1h, window: 1d, action: log}
YAML
sub used
{
	my ($budget) = @_;
	return $admin->value("SELECT coalesce(extract(epoch FROM used), 0) FROM pybox.budgets WHERE name = '$budget'");
}
$admin->value('CREATE FUNCTION burn_around(s float8) RETURNS float8 LANGUAGE pybox AS $$
import time
for half in 1, 2:
	plpy.execute("SELECT id(1)")
	end = time.process_time() + s / 2
	while time.process_time() < end: pass
return s
$$');
is($max->value('SELECT id(1)'), '1', 'a session with an interpreter');
my $of_id = used('of_id');
is($max->value('SELECT burn_around(1)'), '1', 'a function without a budget calls one with');
is($max->value('SELECT id(1)'), '1', '... which is called again');
cmp_ok(used('of_id') - $of_id, '<', 0.5, '... and has not used what the other one has');
is($max->value("SELECT sum(id(g) + size('x')) FROM generate_series(1, 10000) g"), '50015000', 'two functions with budgets of their own, turn and turn about');
cmp_ok(used($_), '>', 0, "... $_ adds up") for 'of_id', 'of_size';

$_->quit for $admin, $ivy, $max, $watcher;
$node->stop;
done_testing();
