# What the views show of what is no longer there: a pool that the policy has lost while its calls run, wait and are paused, dropped
# roles, functions and databases; and that the counts of different views agree.
use strict;
use warnings;
use PyboxSession;
use PyboxTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $limits = 'reserve: 8MB, on_contention: yield, limits: {memory: 256MB, wall: 2min}, queue: {length: 100, timeout: 2min}';
my $with = <<"YAML";
version: 1
node: {name: test, id: 1, slots: 4}
pools:
  usual: {spares: 1, $limits}
  leaving: {slots: 2, $limits}
assign:
  - {role: in_leaving, pool: leaving}
  - {pool: usual}
YAML
my $without = $with =~ s/^.*leaving.*\n//gmr =~ s/usual: \{spares/usual: {slots: 2, spares/r;

my $node = new_node('views_gone', policy => $with, conf => "pybox.cancel_grace_ms = 1000\n");
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pybox;
CREATE ROLE in_leaving LOGIN; CREATE ROLE passing LOGIN; CREATE ROLE other LOGIN; CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
CREATE FUNCTION hold() RETURNS int LANGUAGE pybox AS $$
plpy.notice('inside')
import time
while True: time.sleep(0.01)
$$;
CREATE FUNCTION one() RETURNS int LANGUAGE pybox AS 'return 1';
CREATE FUNCTION passing() RETURNS int LANGUAGE pybox AS 'return 1';
SQL
my $admin = PyboxSession->new($node);
my $watcher = PyboxSession->new($node, role => 'watcher');
my $other = PyboxSession->new($node, role => 'other');

sub holder
{
	my ($role) = @_;
	my $session = PyboxSession->new($node, role => $role);

	$session->send('SELECT hold()');
	ok($session->wait_for(qr/inside/), "a call of $role runs");
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

# Each a count by activity or queue, by the pools together, and by the node.
sub counts
{
	return $watcher->value(<<'SQL');
SELECT concat_ws(' ', 'running', (SELECT count(*) FROM pybox.activity WHERE state = 'running'), (SELECT sum(running) FROM pybox.pools), running,
	'waiting', (SELECT count(*) FROM pybox.queue WHERE position > 0), (SELECT sum(waiting) FROM pybox.pools), waiting,
	'paused', (SELECT count(*) FROM pybox.activity WHERE state = 'paused'), paused) FROM pybox.node
SQL
}

# --- a pool that goes ---
is(counts(), 'running 0 0 0 waiting 0 0 0 paused 0 0', 'nothing runs');
my ($paused, @running) = map { holder('in_leaving') } 1 .. 2;
$admin->value('SELECT pybox.pause(call_id) FROM pybox.activity WHERE pid = ' . $paused->pid);
ok($admin->poll('SELECT state FROM pybox.activity WHERE pid = ' . $paused->pid, 'paused'), 'one is paused');
push @running, holder('in_leaving');
my $waiter = PyboxSession->new($node, role => 'in_leaving');
$waiter->send('SELECT one()');
ok($admin->poll('SELECT count(*) FROM pybox.queue WHERE pid = ' . $waiter->pid, 1), 'and one waits');
is(counts(), 'running 2 2 2 waiting 1 1 1 paused 1 1', 'all views agree');
is($admin->value("SELECT concat_ws(' ', running, waiting, paused) FROM pybox.pools WHERE pool = 'leaving'"), '2 1 1', 'that they are in their pool');

write_policy($node, $without);
is($admin->value('SELECT pybox.reload_policy()'), 't', 'the pool is gone');
# The waiter looks at what has become of its pool when it is told, and may then go on at once.
ok($admin->poll('SELECT pool FROM pybox.queue WHERE pid = ' . $waiter->pid, 'usual'), 'its waiter waits in the one that is left');
is(counts(), 'running 2 2 2 waiting 1 1 1 paused 1 1', 'all views agree, without the pool too');
is($admin->value("SELECT concat_ws(' ', running, waiting, paused) FROM pybox.pools"), '2 1 0', 'calls that run or wait count where they are now');
is($admin->value('SELECT memory_used >= (SELECT sum(memory_used) FROM pybox.pools) FROM pybox.node'), 't', 'what their interpreters hold counts for the node');
is($admin->value("SELECT string_agg(DISTINCT pool, ' ') FROM pybox.interpreters WHERE state IN ('running', 'paused')"), 'leaving', 'which were made for the pool that was');
cancel(@running);
$waiter->wait;
$waiter->quit;
$admin->value('SELECT pybox.resume(call_id) FROM pybox.activity WHERE pid = ' . $paused->pid);
ok($admin->poll('SELECT state FROM pybox.activity WHERE pid = ' . $paused->pid, 'running'), 'the paused one goes on');
is(counts(), 'running 1 1 1 waiting 0 0 0 paused 0 0', 'and all views agree');
cancel($paused);
is(counts(), 'running 0 0 0 waiting 0 0 0 paused 0 0', 'as they do when all is over');
is($watcher->value("SELECT count(*) FROM pybox.stat_pools WHERE pool = 'leaving'"), 1, 'what the pool used stays counted');

# --- roles, functions and databases that go ---
$admin->value('SELECT pybox.stat_reset()');
my $passing = PyboxSession->new($node, role => 'passing');
$passing->value('SELECT passing()');
$passing->send('SELECT hold()');
ok($passing->wait_for(qr/inside/), 'a call runs');
$admin->value('SELECT pybox.set_priority(call_id, 10) FROM pybox.activity');
my $oid = $admin->value("SELECT 'passing()'::regprocedure::oid");
$node->safe_psql('postgres', 'CREATE DATABASE passing');
$node->safe_psql('passing', "CREATE EXTENSION pybox; CREATE FUNCTION there() RETURNS int LANGUAGE pybox AS 'return 1'; SELECT there()");
my $there = $node->safe_psql('passing', "SELECT 'there()'::regprocedure::oid");
my $functions = "SELECT string_agg(concat_ws(' ', coalesce(database::text, 'none'), function), ', ' ORDER BY function_oid) FROM pybox.stat_functions WHERE function_oid IN ($oid, $there)";
is($watcher->value($functions), "postgres passing(), passing $there", 'a function is told by its name, that of another database by its number');
is($watcher->value("SELECT string_agg(coalesce(role::text, 'none'), ' ' ORDER BY role) FROM pybox.stat_roles"), 'passing postgres', 'roles by their names');
my $call = "SELECT concat_ws(' ', coalesce(role::text, 'none'), database, function, state) FROM pybox";
is($watcher->value("$call.activity"), 'passing postgres hold() running', 'so are those of a call');
$admin->value('DROP FUNCTION passing()');
$admin->value('DROP ROLE passing');
$node->safe_psql('postgres', 'DROP DATABASE passing');

is($watcher->value($functions), "postgres $oid, none $there", 'then functions are numbers, and the database is none');
is($watcher->value("SELECT string_agg(coalesce(role::text, 'none'), ' ' ORDER BY role) FROM pybox.stat_roles"), 'postgres none', 'the role has no name');
is($watcher->value("$call.activity"), 'none postgres hold() running', 'its call is shown without one');
is($watcher->value("SELECT concat_ws(' ', coalesce(role::text, 'none'), state) FROM pybox.interpreters WHERE backend_pid = " . $passing->pid), 'none running', 'so is its interpreter');
is($watcher->value("SELECT concat_ws(' ', kind, actor, coalesce(role::text, 'none'), function) FROM pybox.events WHERE kind = 'priority'"),
	'priority postgres none hold()', 'and what was done to it');
for my $view (qw(activity events stat_functions stat_roles))
{
	is($other->value("SELECT count(*) FROM pybox.$view"), 0, "$view: others see nothing of what is gone");
}
is($other->value("SELECT count(*) FROM pybox.interpreters WHERE state <> 'spare'"), 0, 'interpreters: nor of it');
cancel($passing);

# --- names of nothing ---
is($other->value("SELECT concat_ws(' ', pybox.role_name(0) IS NULL, pybox.database_name(0) IS NULL, pybox.function_name(0, 0) IS NULL,
	pybox.function_name(0, 7), pybox.role_name(NULL) IS NULL, pybox.function_name(NULL, 1) IS NULL)"), 't t t 7 t t', 'what is no object has no name');
is($other->value("SELECT pybox.role_name(oid) = rolname FROM pg_roles WHERE rolname = 'watcher'"), 't', 'what is one has its own');
is($other->value("SELECT bool_and(pybox.database_name(oid) = datname) FROM pg_database"), 't', 'each');

done_testing();
