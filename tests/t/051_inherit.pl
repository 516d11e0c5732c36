# Priority inheritance: who holds what a better one waits for runs with that one's priority; and the deadlock over memory.
use strict;
use warnings;
use PyboxSession;
use PyboxTest;
use Test::More;

my $node = new_node('inherit', policy => <<'YAML', conf => "deadlock_timeout = '1min'\n");
version: 1
node: {name: test, id: 1, slots: 1, memory: 300MB}
pools:
  low: {priority: 10, queue: {ageing: 1h, timeout: 2min}, reserve: 16MB, limits: {memory: 256MB, wall: 2min}, spares: 1}
  middle: {priority: 50, queue: {ageing: 1h, timeout: 2min}, reserve: 16MB, limits: {memory: 256MB, wall: 2min}, spares: 1}
  high: {priority: 90, queue: {ageing: 1h, timeout: 2min}, reserve: 16MB, limits: {memory: 256MB, wall: 2min}, spares: 1}
  large: {priority: 90, on_contention: yield, reserve: 200MB, limits: {memory: 256MB, wall: 2min}, spares: 0}
  huge: {priority: 90, limits: {memory: 256MB, wall: 2min}, spares: 0}
caps:
  - {role: huge, memory: 100MB}
assign:
  - {role: middle, pool: middle}
  - {role: high, pool: high}
  - {role: large, pool: large}
  - {role: huge, pool: huge}
  - {pool: low}
YAML
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pybox;
CREATE ROLE middle LOGIN;
CREATE ROLE high LOGIN;
CREATE ROLE large LOGIN;
CREATE ROLE huge LOGIN;
CREATE TABLE paid (id int PRIMARY KEY, amount int);
INSERT INTO paid VALUES (1, 0), (2, 0), (3, 0);
GRANT ALL ON paid TO PUBLIC;
CREATE FUNCTION forever() RETURNS void LANGUAGE pybox AS $$
plpy.notice('inside')
while True: pass
$$;
CREATE FUNCTION pay(n int) RETURNS int LANGUAGE pybox AS $$
plpy.notice('inside')
return plpy.execute('UPDATE paid SET amount = amount + 1 WHERE id = %d' % n).nrows()
$$;
CREATE FUNCTION one() RETURNS int LANGUAGE pybox AS 'return 1';
-- Without a history, which would tell how little they need.
CREATE FUNCTION one_huge() RETURNS int LANGUAGE pybox AS 'return 1';
CREATE FUNCTION one_large() RETURNS int LANGUAGE pybox AS 'return 1';
CREATE FUNCTION pay_large(n int) RETURNS int LANGUAGE pybox AS $$
return plpy.execute('UPDATE paid SET amount = amount + 1 WHERE id = %d' % n).nrows()
$$;
-- Calls outer_one as another role, so in another pool, while it keeps what it has reserved.
CREATE FUNCTION inner_one() RETURNS int LANGUAGE pybox SECURITY DEFINER AS 'return 1';
ALTER FUNCTION inner_one() OWNER TO large;
CREATE FUNCTION inner_large() RETURNS int LANGUAGE pybox SECURITY DEFINER AS 'return 1';
ALTER FUNCTION inner_large() OWNER TO large;
CREATE FUNCTION outer_one_later() RETURNS int LANGUAGE pybox AS $$
return plpy.execute('SELECT inner_large() AS one FROM (SELECT pg_advisory_xact_lock_shared(7) OFFSET 0) AS locked')[0]['one']
$$;
CREATE FUNCTION outer_one() RETURNS int LANGUAGE pybox AS $$
return plpy.execute('SELECT inner_one() AS one')[0]['one']
$$;
SQL

my $admin = PyboxSession->new($node);
my %session = map { $_ => PyboxSession->new($node, $_ eq 'low' ? () : (role => $_)) } qw(low middle high large huge);
my $plain = PyboxSession->new($node);

sub state_sql { my ($name) = @_; return 'SELECT state FROM pybox.activity WHERE pid = ' . $session{$name}->pid . ' ORDER BY call_id LIMIT 1'; }

sub begin_call
{
	my ($name, $sql) = @_;
	$session{$name}->send($sql);
	$session{$name}->wait_for(qr/inside/) or die "$sql never began: $session{$name}{text}";
	return;
}

sub cancel
{
	my ($session) = @_;
	$admin->value('SELECT pg_cancel_backend(' . $session->pid . ')');
	return $session->wait->{sqlstate};
}

# --- a paused call that holds a row ---
$session{low}->value('BEGIN; UPDATE paid SET amount = 1 WHERE id = 1');
begin_call('low', 'SELECT forever()');
$admin->poll(state_sql('low'), 'running');
begin_call('middle', 'SELECT forever()');
ok($admin->poll(state_sql('low'), 'paused'), 'a better call pauses one that holds a row');
$session{high}->send('SELECT pay(1)');
ok($admin->poll(state_sql('low'), 'running'), 'it runs again as soon as the best call waits for that row')
  or diag($admin->value('SELECT pid, pool, state, priority FROM pybox.activity'));
ok($admin->poll(state_sql('middle'), 'paused'), 'in place of the one in between');
is($admin->value(state_sql('high')), 'sql', 'which the best one is not');
$admin->value('SELECT pg_cancel_backend(' . $session{high}->pid . ')');
$session{high}->wait;
ok($admin->poll(state_sql('middle'), 'running'), 'when nobody waits for it any more, its own priority counts');
ok($admin->poll(state_sql('low'), 'paused'), 'and it makes room');

# --- plain SQL that waits counts as the best pool's ---
$plain->send('UPDATE paid SET amount = 2 WHERE id = 1');
ok($admin->poll(state_sql('low'), 'running'), 'a session without a call lends the best priority there is');

# --- through another session ---
$admin->value('SELECT pg_cancel_backend(' . $plain->pid . ')');
$plain->wait;
ok($admin->poll(state_sql('low'), 'paused'), 'it is paused again');
$plain->value('BEGIN; UPDATE paid SET amount = 2 WHERE id = 2');
$session{high}->send('SELECT pay(2)');
$admin->poll(state_sql('high'), 'sql');
$plain->send('UPDATE paid SET amount = 2 WHERE id = 1');
$admin->poll(state_sql('low'), 'running');
$admin->value("SELECT pybox.set_priority(call_id, 95) FROM pybox.activity WHERE pid = " . $session{middle}->pid);
ok($admin->poll(state_sql('middle'), 'running'), 'a priority above that takes the slot back');
$admin->value("SELECT pybox.set_priority(call_id, 97) FROM pybox.activity WHERE pid = " . $session{high}->pid);
ok($admin->poll(state_sql('low'), 'running'), 'what waits for a session that waits for it counts, too');
is(cancel($_), '57014', 'one of them ends') for @session{qw(low middle)};
$session{low}->value('ROLLBACK');
$plain->wait;
$plain->value('ROLLBACK');
like($session{high}->wait->{text}, qr/^1$/m, 'and the others got what they waited for');

# --- a call that waits for its first slot ---
$session{low}->value('BEGIN; UPDATE paid SET amount = 1 WHERE id = 3');
begin_call('middle', 'SELECT forever()');
$admin->poll(state_sql('middle'), 'running');
$session{low}->send('SELECT one()');
ok($admin->poll(state_sql('low'), 'queued'), 'a call waits for its first slot');
$session{high}->send('SELECT pay(3)');
is($session{low}->wait->{text}, 1, 'and has it when its transaction blocks a better one');
$session{low}->value('COMMIT');
like($session{high}->wait->{text}, qr/^1$/m, 'which goes on then');
is(cancel($session{middle}), '57014', 'while the one in between waits for both');

# --- memory: too large, nested, deadlock ---
my $answer = $session{huge}->ask('SELECT one_huge()');
is($answer->{sqlstate}, '53200', 'a claim above the whole budget is refused');
like($answer->{text}, qr/^ERROR:  53200: call needs more memory than pool "huge" may ever have
DETAIL:  Call \d+ would reserve 256 MB; memory of the cap at line 10 is 100 MB\.
HINT:  Raise that budget, or lower pools\.huge\.reserve or limits\.memory in the policy\.$/m, 'in words');

$plain->value('BEGIN; UPDATE paid SET amount = 1 WHERE id = 1');
$session{large}->send('SELECT pay_large(1)');
ok($admin->poll(state_sql('large'), 'sql'), 'a call keeps 200 MB of 300 while it waits for a row');
$answer = $session{low}->ask('SELECT outer_one()');
is($answer->{sqlstate}, '53400', 'a call inside another one never waits for memory');
like($answer->{text}, qr/^ERROR:  53400: .*no memory is free for a call inside another one in pool "large"/m, 'in words');
like($answer->{text}, qr/would reserve 200 MB more of node\.memory, 300 MB; it cannot wait for that, since its caller keeps what it has\./, 'in detail');

$plain->send('SET ROLE large; SELECT one_large()');
$answer = $plain->wait;
is($answer->{sqlstate}, '40P01', 'memory that waits for a row of who waits for the memory is a deadlock');
like($answer->{text}, qr/^ERROR:  40P01: deadlock detected
DETAIL:  Call \d+ waits in pool "large" for memory of the budget, which is reserved by calls that wait for locks of its transaction\.$/m, 'in words');
$plain->value('ROLLBACK');
like($session{large}->wait->{text}, qr/^1$/m, 'and the other one goes on');

# --- a claim that is made anew reserves its memory once ---
my $inner = "pybox.activity WHERE state = 'queued' AND pid = " . $session{low}->pid;
$admin->value('SELECT pg_advisory_lock(7)');
$session{low}->send('SELECT outer_one_later()');
ok($admin->poll(state_sql('low'), 'sql'), 'a call is in SQL, about to call another one');
begin_call('high', 'SELECT forever()');
$admin->value('SELECT pybox.set_priority(call_id, 100) FROM pybox.activity WHERE pid = ' . $session{high}->pid);
$admin->value('SELECT pg_advisory_unlock(7)');
ok($admin->poll("SELECT count(*) FROM $inner", 1), 'which waits for a slot');
my $reserved = $admin->value("SELECT memory_reserved FROM pybox.pools WHERE pool = 'large'");
cmp_ok($reserved, '>=', 200 << 20, 'with its memory');
for my $priority (91 .. 93)
{
	$admin->value("SELECT pybox.set_priority(call_id, $priority) FROM $inner");
	ok($admin->poll("SELECT priority FROM $inner", $priority), "it gets in line anew, with priority $priority");
	is($admin->value("SELECT memory_reserved FROM pybox.pools WHERE pool = 'large'"), $reserved, 'and has reserved no more');
}
is(cancel($session{high}), '57014', 'the slot is free');
is($session{low}->wait->{text}, 1, 'and it runs');
is($admin->value('SELECT sum(running), sum(waiting), sum(memory_reserved) FROM pybox.pools'), '0|0|0', 'no slot and no memory is lost');

$_->quit for values %session, $plain, $admin;
$node->stop;
done_testing();
