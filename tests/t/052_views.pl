# What the views say of calls that wait, run and are over: why, of whom, how long; that rows are of one call each; who may see
# them; and that statistics outlive the server.
use strict;
use warnings;
use PyboxSession;
use PyboxTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $policy = <<'YAML';
version: 1
node: {name: test, id: 1, slots: 6, memory: 900MB}
pools:
  usual: {spares: 1, on_contention: yield, reserve: 8MB, limits: {memory: 256MB, wall: 2min}, queue: {timeout: 2min}}
  single: {slots: 1, reserve: 8MB, on_contention: yield, limits: {memory: 256MB, wall: 2min}, queue: {length: 100, timeout: 2min, ageing: 7s}}
  roomy: {memory: 300MB, reserve: 200MB, on_contention: yield, limits: {memory: 256MB, wall: 2min}, queue: {timeout: 2min}}
  heavy: {reserve: 600MB, on_contention: yield, limits: {memory: 800MB, wall: 2min}, queue: {timeout: 2min}}
  full: {slots: 1, reserve: 8MB, on_contention: yield, limits: {memory: 256MB, wall: 2min}, queue: {length: 0}}
  hasty: {slots: 1, reserve: 8MB, on_contention: yield, limits: {memory: 256MB, wall: 2min}, queue: {length: 9, timeout: 50ms}}
  brief: {reserve: 8MB, limits: {memory: 256MB, wall: 300ms}}
  frugal: {reserve: 8MB, limits: {memory: 256MB, wall: 2min, cpu_time: 100ms, log: 4kB}}
assign:
  - {role: in_single, pool: single}
  - {role: in_roomy, pool: roomy}
  - {role: in_heavy, pool: heavy}
  - {role: in_full, pool: full}
  - {role: in_hasty, pool: hasty}
  - {role: in_brief, pool: brief}
  - {role: in_frugal, pool: frugal}
  - {pool: usual}
caps:
  - {role: in_cap, slots: 1}
YAML
my ($cap_line) = grep { (split /\n/, $policy)[ $_ - 1 ] =~ /in_cap/ } 1 .. 40;
my @roles = qw(in_single in_roomy in_heavy in_full in_hasty in_brief in_frugal in_cap);

my $node = new_node('views', policy => $policy, conf => <<'CONF');
max_connections = 60
pybox.stat_functions_max = 100
pybox.cancel_grace_ms = 1000
CONF
$node->safe_psql('postgres', 'CREATE EXTENSION pybox; ' . join(' ', map { "CREATE ROLE $_ LOGIN;" } @roles) . <<'SQL');
CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
CREATE TABLE counted (id int PRIMARY KEY, n int);
INSERT INTO counted VALUES (1, 0);
GRANT ALL ON counted TO PUBLIC;
CREATE FUNCTION hold() RETURNS int LANGUAGE pybox AS $$
plpy.notice('inside')
import time
while True: time.sleep(0.01)
$$;
CREATE FUNCTION one() RETURNS int LANGUAGE pybox AS 'return 1';
CREATE FUNCTION rest(ms int) RETURNS int LANGUAGE pybox AS $$
import time
time.sleep(ms / 1000)
return ms
$$;
CREATE FUNCTION sleep_in_sql(ms int) RETURNS int LANGUAGE pybox AS $$
plpy.execute("SELECT pg_sleep(%d / 1000.0)" % ms)
return ms
$$;
CREATE FUNCTION burn() RETURNS int LANGUAGE pybox AS $$
while True: pass
$$;
CREATE FUNCTION fail() RETURNS int LANGUAGE pybox AS 'raise ValueError(1)';
CREATE FUNCTION die() RETURNS int LANGUAGE pybox AS $$
import os
os._exit(3)
$$;
CREATE FUNCTION take(mb int) RETURNS int LANGUAGE pybox AS $$
return len(bytearray(mb << 20))
$$;
CREATE FUNCTION chatter() RETURNS int LANGUAGE pybox AS $$
for i in range(1000): plpy.debug('x' * 100)
$$;
CREATE FUNCTION numbers(n int) RETURNS SETOF int LANGUAGE pybox AS 'return range(n)';
CREATE FUNCTION broken_numbers(n int) RETURNS SETOF int LANGUAGE pybox AS $$
for i in range(n): yield i
raise ValueError(1)
$$;
CREATE FUNCTION outer_one() RETURNS int LANGUAGE pybox AS $$
return plpy.execute('SELECT one() AS x')[0]['x']
$$;
CREATE FUNCTION echo(a text) RETURNS text LANGUAGE pybox AS 'return a + a';
SQL

my $admin = PyboxSession->new($node);

sub session { my ($role) = @_; return PyboxSession->new($node, role => $role); }

# A session whose call runs until it is cancelled.
sub holder
{
	my ($role) = @_;
	my $session = session($role);

	$session->send('SELECT hold()');
	ok($session->wait_for(qr/inside/), "a call of $role runs");
	return $session;
}

sub waiter
{
	my ($role) = @_;
	my $session = session($role);

	$session->send('SELECT one()');
	$admin->poll('SELECT count(*) FROM pybox.queue WHERE pid = ' . $session->pid, 1);
	return $session;
}

sub cancel
{
	for my $session (@_)
	{
		$admin->value('SELECT pg_cancel_backend(' . $session->pid . ')');
		$session->wait;
		$session->quit;
	}
	return;
}

sub queue_of { my ($session, $what) = @_; return $admin->value("SELECT $what FROM pybox.queue WHERE pid = " . $session->pid); }

# --- calls that wait ---
my $holder = holder('in_single');
my @waiters = map { waiter('in_single') } 1 .. 3;
is($admin->value("SELECT string_agg(concat_ws(' ', position, pid, role, database, function, pool, priority, state, waiting_for), ', ' ORDER BY position)
	FROM pybox.queue"),
	join(', ', map { $_ + 1 . ' ' . $waiters[$_]->pid . ' in_single postgres one() single 50 queued slot of the pool' } 0 .. 2),
	'the queue has a row for each call that waits, in its order, with what it lacks');
is($admin->value("SELECT string_agg(a.wait_event || ' ' || q.waiting_for, ', ') FROM pybox.queue q JOIN pg_stat_activity a USING (pid)"),
	join(', ', ('PyboxSlot slot of the pool') x 3), 'its rows join to those of pg_stat_activity');
is($admin->value("SELECT bool_and(waited > '0' AND call_id = a.call_id AND a.queue_position = q.position AND a.waiting_for = q.waiting_for)
	FROM pybox.queue q JOIN pybox.activity a USING (call_id)"), 't', 'and to those of pybox.activity, which says the same');
is($admin->value("SELECT concat_ws(' ', waiting, paused, drained, on_contention, ageing, memory_reserved > 0) FROM pybox.pools WHERE pool = 'single'"),
	'3 0 f yield 00:00:07 t', 'the pool has them, and what its policy says');
is($admin->value("SELECT concat_ws(' ', node, slots, running, waiting, paused, memory_budget, memory_reserved > 0) FROM pybox.node"),
	'test 6 1 3 0 ' . 900 * 1024 * 1024 . ' t', 'so has the node');

my $locker = session('in_single');
$locker->value('BEGIN');
$locker->value('UPDATE counted SET n = n + 1 WHERE id = 1');
$locker->send('SELECT one()');
$admin->poll('SELECT count(*) FROM pybox.queue WHERE pid = ' . $locker->pid, 1);
my $blocked = session();
$blocked->send('UPDATE counted SET n = n + 1 WHERE id = 1');
ok($admin->poll('SELECT blocks FROM pybox.queue WHERE pid = ' . $locker->pid, '{' . $blocked->pid . '}'), 'a call shows whom its transaction keeps waiting');
is($admin->value('SELECT count(*) FROM pybox.queue WHERE blocks <> \'{}\''), 1, 'the others keep nobody');
cancel($holder);
is($locker->wait->{text}, 1, 'it has its turn');
$locker->quit;
$blocked->wait;
$_->wait for @waiters;
is($admin->value('SELECT count(*) FROM pybox.queue'), 0, 'nobody waits any more');

$holder = holder('in_cap');
my $waiter = waiter('in_cap');
is(queue_of($waiter, 'waiting_for'), "cap line $cap_line", 'of a cap the line is told');
cancel($waiter, $holder);

$admin->value('SELECT pybox.stat_reset()'); # what was measured would be reserved, in place of the pool's reserve
$holder = holder('in_roomy');
$waiter = waiter('in_roomy');
is(queue_of($waiter, "concat_ws(' ', waiting_for, memory)"), 'memory of the pool ' . 200 * 1024 * 1024, 'a call that waits for memory says how much');
is($admin->value("SELECT concat_ws(' ', memory_budget, memory_reserved) FROM pybox.pools WHERE pool = 'roomy'"),
	300 * 1024 * 1024 . ' ' . 200 * 1024 * 1024, 'what there is and what is taken are told of the pool');
cancel($waiter, $holder);

$admin->value('SELECT pybox.stat_reset()');
$holder = holder('in_heavy');
$waiter = waiter('in_heavy');
is(queue_of($waiter, 'waiting_for'), 'memory of the node', 'the node may be the one that lacks it');
is($admin->value('SELECT wait_event FROM pg_stat_activity WHERE pid = ' . $waiter->pid), 'PyboxMemory', 'pg_stat_activity tells memory from slots');
cancel($waiter, $holder);

$holder = holder('in_single');
$admin->value('SELECT pybox.pause(call_id) FROM pybox.activity WHERE pid = ' . $holder->pid);
ok($admin->poll('SELECT state FROM pybox.queue WHERE pid = ' . $holder->pid, 'paused'), 'a call that is paused is in the queue too');
is(queue_of($holder, "concat_ws(' ', coalesce(position, 0), waiting_for)"), '0 pybox.resume()', 'out of its order, for whoever resumes it');
ok($admin->poll("SELECT concat_ws(' ', a.state, i.state, p.paused, s.wait_event) FROM pybox.activity a
	JOIN pybox.interpreters i ON i.pid = a.interpreter_pid JOIN pybox.pools p ON p.pool = a.pool JOIN pg_stat_activity s ON s.pid = a.pid",
	'paused paused 1 PyboxPaused'), 'as paused it is shown by all views');
$admin->value('SELECT pybox.resume(call_id) FROM pybox.activity WHERE pid = ' . $holder->pid);
ok($admin->poll('SELECT state FROM pybox.activity WHERE pid = ' . $holder->pid, 'running'), 'it goes on');
cancel($holder);

# --- interpreters ---
my $session = session('in_cap');
$session->value('SELECT one(), one()');
$holder = holder('in_single');
is($admin->value('SELECT concat_ws(\' \', node, pool, language, role, state, calls, age > \'0\', idle IS NOT NULL) FROM pybox.interpreters
	WHERE backend_pid = ' . $session->pid), 'test usual pybox in_cap idle 2 t t', 'an interpreter that is idle');
ok($admin->poll('SELECT concat_ws(\' \', i.pool, i.role, i.state, i.idle IS NULL, a.interpreter_pid = i.pid) FROM pybox.interpreters i
	JOIN pybox.activity a ON a.pid = i.backend_pid', 'single in_single running t t'), 'one that runs');
ok($admin->poll("SELECT concat_ws(' ', pool, state, calls, role IS NULL, backend_pid IS NULL) FROM pybox.interpreters WHERE state = 'spare' AND pool = 'usual'",
	'usual spare 0 t t'), 'and a spare one');
is($admin->value('SELECT count(*) FROM pybox.interpreters WHERE memory > 0 AND memory_peak >= memory AND cpu >= \'0\''),
	$admin->value('SELECT count(*) FROM pybox.interpreters'), 'what each uses is known');
is($admin->value('SELECT memory_used > 0 FROM pybox.pools WHERE pool = \'single\''), 't', 'and adds up in its pool');
cancel($holder);
my @many = map { session('in_cap') } 1 .. 20;
$_->value('SELECT one()') for @many;
is($admin->value('SELECT count(DISTINCT backend_pid) FROM pybox.interpreters WHERE backend_pid IN (' . join(', ', map { $_->pid } @many) . ')'),
	20, 'of more than fit into one answer of the launcher none is left out');
$_->quit for @many, $session;

# --- what is counted ---
sub reset_all { return $admin->value('SELECT pybox.stat_reset()'); }

sub stat_of
{
	my ($what, $function) = @_;

	return $admin->value("SELECT $what FROM pybox.stat_functions WHERE database = 'postgres' AND function = '$function'");
}

# Calls, and errors by cause.
my $causes = "concat_ws(' ', calls, (SELECT string_agg(key || '=' || value, ' ' ORDER BY key) FROM json_each_text(row_to_json(stat_functions))
	WHERE key LIKE 'errors\\_%' AND value <> '0'))";

reset_all();
is($admin->value('SELECT count(*) FROM pybox.stat_functions'), 0, 'after a reset nothing is counted');

# Each of these has one call that ends so.
my @ends = (
	['fail()', undef, 'SELECT fail()', '38000', 'python=1'],
	['burn()', 'in_brief', 'SELECT burn()', '57014', 'wall=1'],
	['burn()', 'in_frugal', 'SELECT burn()', '57014', 'cpu=1'],
	['take(integer)', 'in_brief', 'SELECT take(2000)', '53200', 'memory=1'],
	['chatter()', 'in_frugal', 'SELECT chatter()', '54000', 'resource=1'],
	['die()', undef, 'SELECT die()', '38000', 'crash=1'],
	['rest(integer)', undef, "SET statement_timeout = '50ms'; SELECT rest(60000)", '57014', 'cancel=1'],
	['one()', undef, 'SELECT one()', undef, ''],
);
for my $end (@ends)
{
	my ($function, $role, $sql, $sqlstate, $cause) = @$end;
	my $caller = session($role);

	reset_all();
	is($caller->ask($sql)->{sqlstate}, $sqlstate, "$sql: ends as it should");
	is(stat_of($causes, $function), join(' ', 1, map { "errors_$_" } grep { $_ ne '' } $cause), '... and is counted so');
	$caller->quit;
}

for my $refused (['in_full', '53400', 'refused=1'], ['in_hasty', '57014', 'timeout=1'])
{
	my ($role, $sqlstate, $cause) = @$refused;
	my $caller = session($role);

	$holder = holder($role);
	reset_all();
	is($caller->ask('SELECT one()')->{sqlstate}, $sqlstate, "$role: a call is not let in");
	is(stat_of($causes, 'one()'), "1 errors_$cause", '... and is counted so');
	is(stat_of('array_to_string(run_histogram, \'\')::numeric', 'one()'), 0, '... without a time it would have run');
	is(stat_of('queue_time >= 50', 'one()'), 't', '... but with the time it waited') if $role eq 'in_hasty';
	cancel($holder);
	is(stat_of($causes, 'hold()'), '1 errors_cancel=1', 'so is one that is cancelled');
	$caller->quit;
}

reset_all();
$holder = holder('in_cap');
$admin->value('SELECT pg_terminate_backend(' . $holder->pid . ')');
$holder->wait;
ok($admin->poll("SELECT $causes FROM pybox.stat_functions WHERE function = 'hold()'", '1 errors_cancel=1'), 'the end of a session ends its calls');

reset_all();
$session = session();
$session->value('SELECT sum(x) FROM (SELECT numbers(10) AS x) s');
$session->value('SELECT x FROM (SELECT numbers(10) AS x) s LIMIT 3');
$session->ask('SELECT x FROM (SELECT broken_numbers(5) AS x) s');
is(stat_of("concat_ws(' ', calls, errors, rows)", 'numbers(integer)'), '2 0 13', 'a set is one call, read to its end or not');
is(stat_of("concat_ws(' ', calls, errors_python, rows)", 'broken_numbers(integer)'), '1 1 5', 'a set that fails half through, too');
$session->value('SELECT outer_one()');
is(stat_of("concat_ws(' ', calls, rows)", 'outer_one()') . ', ' . stat_of("concat_ws(' ', calls, rows)", 'one()'), '1 1, 1 1', 'nested calls count each');
$session->value('DO LANGUAGE pybox $$pass$$');
is(stat_of("concat_ws(' ', calls, rows, function_oid)", 'DO'), '1 0 0', 'so do blocks');
$session->value("CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE pybox AS 'return 1'");
is(stat_of('calls', 'one()'), 1, 'the check of a new body is no call');
$session->value("SELECT echo(repeat('x', 10000))");
is(stat_of('bytes_in >= 10000 AND bytes_out >= 20000 AND bytes_in < 20000 AND bytes_out < 30000', 'echo(text)'), 't', 'bytes are counted both ways');
$session->value('SELECT take(50)') for 1 .. 8;
is(stat_of('memory_peak >= 50 * 1024 * 1024', 'take(integer)'), 't', 'memory is measured');
is(stat_of('predicted_memory >= 50 * 1024 * 1024', 'take(integer)'), 't', 'and foreseen');
is($admin->value("SELECT calls FROM pybox.stat_roles WHERE role = 'postgres'"),
	$admin->value("SELECT sum(calls) FROM pybox.stat_functions"), 'roles count the same calls');
is($admin->value("SELECT calls FROM pybox.stat_pools WHERE pool = 'usual'"),
	$admin->value("SELECT sum(calls) FROM pybox.stat_functions"), 'so do pools');

reset_all();
$session->value('SELECT rest(300)');
is(stat_of('run_time >= 300 AND cpu_time < run_time AND sql_time = 0 AND queue_time = 0', 'rest(integer)'), 't', 'a call that sleeps uses its slot but no CPU');
is(stat_of('run_p50 BETWEEN 262.144 AND 524.288 * 2 AND run_p99 >= run_p50', 'rest(integer)'), 't', 'percentiles lie in the bucket of the time');
is(stat_of("(SELECT sum(c) FROM unnest(run_histogram, pybox.histogram_bounds()) h(c, bound) WHERE bound >= 262144)", 'rest(integer)'), 1,
	'the histogram has the call in the bucket that its bounds name');
$session->value('SELECT sleep_in_sql(300)');
is(stat_of('sql_time >= 300 AND run_time < sql_time', 'sleep_in_sql(integer)'), 't', 'time in SQL is no run time');

# CPU time of calls inside of each other, which may share an interpreter and its clock: each its own, and none twice.
my $burn = 'import time
def burn(ms):
	end = time.process_time() + ms / 1000
	while time.process_time() < end: pass
start = time.process_time()
';
my $total = "\nreturn time.process_time() - start";
for my $function (
	['inner_burn()', 'float8', '', 'burn(200)'],
	['middle_burn(ms int)', 'float8', '', "burn(ms); plpy.execute('SELECT inner_burn()'); burn(ms)"],
	['outer_burn(ms int)', 'float8', '', "burn(ms); plpy.execute('SELECT middle_burn(%d)' % ms); burn(ms)"],
	['other_burn()', 'float8', 'SECURITY DEFINER', "plpy.execute('SELECT inner_burn()')"],
	['home_burn()', 'float8', '', "burn(30); plpy.execute('SELECT other_burn()'); burn(30)"],
	['set_burn(n int)', 'SETOF int', '', "for i in range(n):\n	burn(50)\n	yield i"],
	['reader_burn(ms int)', 'float8', '', "burn(ms)\nfor row in plpy.cursor('SELECT set_burn(4)'): pass\nburn(ms)"],
	['quitter_burn(ms int)', 'float8', '', "burn(ms)\nplpy.execute('SELECT set_burn(9) LIMIT 4')\nburn(ms)"],
)
{
	my ($name, $type, $how, $body) = @$function;

	$session->value("CREATE FUNCTION $name RETURNS $type LANGUAGE pybox $how AS \$\$$burn$body" . ($type eq 'float8' ? $total : '') . "\$\$");
}
$session->value('ALTER FUNCTION inner_burn() SECURITY DEFINER; ALTER FUNCTION other_burn() OWNER TO in_hasty');
for my $sql ('outer_burn(30)', 'outer_burn(1)', 'outer_burn(6)', 'reader_burn(30)', 'reader_burn(1)', 'quitter_burn(30)')
{
	reset_all();
	my $used = $session->value("SELECT 1000 * $sql");
	my $counted = $admin->value('SELECT sum(cpu_time) FROM pybox.stat_functions');

	# Of each of three calls at most 10 ms are taken to be its run time.
	ok(abs($used - $counted) <= 35, "$sql: the CPU time of all calls is what their interpreter used: $counted of $used ms");
}
reset_all();
$session->value('SELECT home_burn()');
is(stat_of('cpu_time >= 195', 'inner_burn()') . stat_of('cpu_time < 100', 'home_burn()') . stat_of('cpu_time < 100', 'other_burn()'), 'ttt',
	'also when there is a call in another interpreter between the two');

# --- what is foreseen ---
reset_all();
$session->value('SELECT rest(20)') for 1 .. 3;
is(stat_of('predicted_run IS NULL', 'rest(integer)'), 't', 'three calls foretell nothing');
$session->value('SELECT rest(20)');
is(stat_of('predicted_run >= 20', 'rest(integer)'), 't', 'four do');
$holder = session('in_single');
$holder->send('SELECT rest(60000)');
ok($admin->poll("SELECT predicted >= '20ms' AND attained > '0' FROM pybox.activity WHERE pid = " . $holder->pid), 'a call shows what is expected of it, and what it has had');
$waiter = waiter('in_single');
is(queue_of($waiter, "predicted IS NULL"), 't', 'a function without history shows nothing');
cancel($waiter, $holder);

# --- who may see what ---
reset_all();
my $single = session('in_single');
my $watcher = session('watcher');
$admin->value('CREATE SCHEMA mine AUTHORIZATION in_single');
$single->value("CREATE FUNCTION mine.own() RETURNS int LANGUAGE pybox AS 'return 1'");
$single->value('SELECT mine.own() + one()');
$session->value('SELECT one()');
is($single->value("SELECT string_agg(function, ' ') FROM pybox.stat_functions"), 'mine.own()', 'owners see their functions');
is($single->value("SELECT string_agg(role, ' ') FROM pybox.stat_roles"), 'in_single', 'roles see themselves');
is($single->value("SELECT string_agg(pool, ' ' ORDER BY pool) FROM pybox.stat_pools"), 'single usual', 'pools are seen by all');
is($watcher->value("SELECT string_agg(function, ' ' ORDER BY function) FROM pybox.stat_functions"), 'mine.own() one()', 'pg_monitor sees all functions');
is($watcher->value("SELECT string_agg(role, ' ' ORDER BY role) FROM pybox.stat_roles"), 'in_single postgres', 'and all roles');
$holder = holder('in_cap');
for my $view (qw(activity queue interpreters))
{
	my $whose = $view eq 'interpreters' ? "role = 'in_cap'" : 'true';
	$admin->value('SELECT pybox.pause(call_id) FROM pybox.activity WHERE pid = ' . $holder->pid) if $view eq 'queue';
	$admin->poll("SELECT count(*) FROM pybox.$view WHERE $whose", 1);
	is($single->value("SELECT count(*) FROM pybox.$view WHERE $whose"), 0, "$view: other roles' calls are hidden");
	is($watcher->value("SELECT count(*) FROM pybox.$view WHERE $whose"), 1, "$view: pg_monitor sees them");
}
cancel($holder);
for my $reset ("stat_reset()", "stat_reset_function('one()')", "stat_reset_role('in_single')", "stat_reset_pool('single')")
{
	is($watcher->ask("SELECT pybox.$reset")->{sqlstate}, '42501', "$reset is not for everybody");
}
is($admin->value("SELECT pybox.stat_reset_function('one()')"), 't', 'one function is reset');
is(stat_of('calls', 'one()') . stat_of('calls', 'mine.own()'), '01', '... and no other');
is($admin->value("SELECT pybox.stat_reset_function('fail()')"), 'f', '... which is not when it was not counted');
is($admin->value("SELECT pybox.stat_reset_role('in_single')"), 't', 'one role');
is($admin->value("SELECT string_agg(role || calls, ' ' ORDER BY role) FROM pybox.stat_roles WHERE role <> 'in_cap'"), 'in_single0 postgres1', '... and no other');
is($admin->value("SELECT pybox.stat_reset_pool('single')"), 't', 'one pool');
is($admin->value("SELECT calls FROM pybox.stat_pools WHERE pool = 'single'"), 0, '... as well');

# --- a row is of one call: each session's calls are in a pool of its own, of a role of its own ---
my %pool = (in_single => 'single', in_roomy => 'roomy', in_cap => 'usual', in_hasty => 'hasty');
my @busy = map { session($_) } sort keys %pool;
my $loop = 'DO $$ BEGIN LOOP PERFORM one(); PERFORM outer_one(); END LOOP; END $$';
$_->send($loop) for @busy;
my $truth = join ' OR ', map { "(role = '$_' AND pool = '$pool{$_}')" } keys %pool;
my ($rows, $mixed, $twice) = (0, 0, 0);
for (1 .. 300)
{
	my ($count, $wrong, $double) = split /\|/, $watcher->value("SELECT count(*), count(*) FILTER (WHERE NOT ($truth)
		OR function NOT IN ('one()', 'outer_one()') OR (state = 'queued') < (waiting_for IS NOT NULL)), count(*) - count(DISTINCT call_id) FROM pybox.activity");
	$rows += $count;
	$mixed += $wrong;
	$twice += $double;
	($wrong, $double) = split /\|/, $watcher->value("SELECT count(*) FILTER (WHERE NOT ($truth)), count(*) - count(DISTINCT call_id) FROM pybox.queue");
	$mixed += $wrong;
	$twice += $double;
}
ok($rows > 100, "calls were seen on their way: $rows");
is($mixed, 0, 'none with something of another');
is($twice, 0, 'none twice');
cancel(@busy);

# --- more functions than there is room for ---
$session->value("DO \$\$ BEGIN FOR i IN 1..120 LOOP EXECUTE format('CREATE FUNCTION f%s() RETURNS int LANGUAGE pybox AS ''return 1''', i); EXECUTE format('SELECT f%s()', i); END LOOP; END \$\$");
is($admin->value("SELECT concat_ws(' ', entries, entries_max, evicted >= 20) FROM pybox.stat_tables WHERE kind = 'functions'"), '100 100 t', 'functions that were not called for long make room');
is(stat_of('calls', 'f120()') . stat_of('calls', 'f1()'), '1', 'the latest are kept');
is($admin->value("SELECT calls >= 120 FROM pybox.stat_pools WHERE pool = 'usual'"), 't', 'their calls are still counted where they ran');

# --- restarts ---
$session->value('SELECT rest(20)') for 1 .. 8;
my $all = "SELECT md5(string_agg(s::text, ',' ORDER BY function_oid)) FROM pybox.stat_functions s";
my $kept = $admin->value($all);
my $file = $node->data_dir . '/pg_stat/pybox.stat';
$_->quit for $admin, $session, $single, $watcher;
$node->restart;
$admin = PyboxSession->new($node);
ok($admin->poll($all, $kept), 'a restart keeps all that was counted');
is($admin->value("SELECT predicted_run IS NOT NULL FROM pybox.stat_functions WHERE function = 'rest(integer)'"), 't', 'and what is foreseen');
$admin->value('SELECT one()');
isnt($admin->value($all), $kept, 'counting goes on');
$admin->quit;
$node->stop('immediate');
$node->start;
$admin = PyboxSession->new($node);
ok($admin->poll($all, $kept), 'after another end there is what was last written');
$admin->quit;
$node->stop;

# A file of the future, where the clock was set back: with its first entry counted since the end of time.
sub number { my ($number) = @_; my $bytes = ''; do { $bytes .= chr(($number & 0x7f) | ($number > 0x7f ? 0x80 : 0)); $number >>= 7 } while ($number); return $bytes; }
sub crc32c
{
	my ($bytes) = @_;
	my $crc = 0xffffffff;

	for my $byte (unpack 'C*', $bytes)
	{
		$crc ^= $byte;
		$crc = ($crc >> 1) ^ ($crc & 1 ? 0x82f63b78 : 0) for 1 .. 8;
	}
	return pack 'L', $crc ^ 0xffffffff;
}
my $old = slurp_file($file);
my $start = qr/(?:[\x80-\xff]*[\x00-\x7f]){6}\x01(?:[\x80-\xff]*[\x00-\x7f]){2}\x00/s; # shape, kind, database, function, no name
ok($old =~ /^PYBOXST\n.{4}($start)[\x80-\xff]+[\x00-\x7f](.*)$/s, 'the file begins with a function');
my $future = $1 . number(9223372036854775807) . $2;
open my $new, '>', $file or die $!;
binmode $new;
print $new "PYBOXST\n", crc32c($future), $future;
close $new;
$node->start;
is($node->safe_psql('postgres', 'SELECT count(*) > 0 AND max(stats_reset) <= now() FROM pybox.stat_functions'), 't', 'nothing was counted since later than now');
$node->stop;

# Each must be refused as a whole, told of, and not stop the server.
my $whole = slurp_file($file);
my %damage = (
	'its checksum is wrong' => sub { my $bytes = $whole; substr($bytes, 200, 1) ^= "\x01"; return $bytes; },
	'it is no such file' => sub { return "PYBOX\n"; },
);
for my $why (sort keys %damage)
{
	my $log = -s $node->logfile;

	open my $out, '>', $file or die $!;
	binmode $out;
	print $out $damage{$why}->();
	close $out;
	$node->start;
	ok($node->wait_for_log(qr{LOG:  ignored pybox statistics in "pg_stat/pybox.stat": $why}, $log), "a damaged file is told of: $why");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM pybox.stat_functions'), 0, '... and nothing of it is taken');
	is($node->safe_psql('postgres', 'SELECT one()'), 1, '... and calls run');
	$node->stop;
	isnt(slurp_file($file), $damage{$why}->(), '... and the next end replaces it');
}

done_testing();
