# Calls in parallel workers as others see them: listed with their leader, cancelled with it, gone when the workers are.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

my $node = new_node('parallel', policy => <<'YAML');
version: 1
node: {name: test, id: 1, slots: 4}
pools:
  standard: {limits: {memory: 512MB, wall: 2min}, spares: 0}
  narrow: {slots: 1, on_contention: yield, limits: {memory: 512MB, wall: 2min}, spares: 0}
assign:
  - {role: narrow, pool: narrow}
  - {pool: standard}
YAML
my @languages = qw(pybox pyboxu);
my $workers_only = <<'SQL';
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = off
SQL

sub value { return $node->safe_psql('postgres', $_[0]); }

# Nothing of calls that are over but the interpreters that sessions keep.
sub nothing_left
{
	my ($what, $interpreters) = @_;

	ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM pybox.activity'), "$what: no call is left");
	ok($node->poll_query_until('postgres', 'SELECT sum(running + waiting) = 0 FROM pybox.pools'), "$what: no slot");
	ok(poll_until(sub { interpreters_of($node) == $interpreters }), "$what: no interpreter of a worker");
	return;
}

value(<<'SQL');
CREATE EXTENSION pybox;
CREATE ROLE narrow;
CREATE TABLE numbers AS SELECT i FROM generate_series(1, 2000) AS i;
ALTER TABLE numbers SET (parallel_workers = 2);
ANALYZE numbers;
GRANT SELECT ON numbers TO PUBLIC;
SQL
for my $language (@languages)
{
	my $sql = <<'SQL';
CREATE FUNCTION LANG_square(i int) RETURNS int PARALLEL SAFE LANGUAGE LANG AS 'return i * i';
CREATE FUNCTION LANG_endless(i int) RETURNS int PARALLEL SAFE LANGUAGE LANG AS 'while True: pass';
CREATE FUNCTION LANG_stubborn(i int) RETURNS int PARALLEL SAFE LANGUAGE LANG AS $$
while True:
    try:
        while True: pass
    except KeyboardInterrupt:
        pass
$$;
CREATE FUNCTION LANG_dies(i int) RETURNS int PARALLEL SAFE LANGUAGE LANG AS $$
if i == 1500:
    import os
    os._exit(3)
return i
$$;
SQL
	$sql =~ s/LANG(?!UAGE)/$language/g;
	value($sql);
}

my $session = PyboxSession->new($node, sql => $workers_only);
my $listed = 'SELECT count(*) = 2 AND count(DISTINCT pid) = 2 AND count(DISTINCT interpreter_pid) = 2 FROM pybox.activity
	WHERE leader_pid = ' . $session->pid . " AND pid <> leader_pid AND state = 'running'";

for my $language (@languages)
{
	is($session->value("SELECT sum(${language}_square(i)) FROM numbers"), '2668667000', "$language: workers compute");
	nothing_left("$language, done", 0);

	$session->send("SELECT count(${language}_endless(i)) FROM numbers");
	ok($node->poll_query_until('postgres', $listed), "$language: two workers are listed, with their leader");
	value('SELECT pg_cancel_backend(' . $session->pid . ')');
	is($session->wait->{sqlstate}, '57014', "$language: a cancel of the leader ends them");
	nothing_left("$language, cancelled", 0);

	$session->send("SELECT count(${language}_stubborn(i)) FROM numbers");
	ok($node->poll_query_until('postgres', $listed), "$language: two that do not hear");
	value('SELECT pg_cancel_backend(' . $session->pid . ')');
	is($session->wait->{sqlstate}, '57014', "$language: are ended too");
	nothing_left("$language, killed", 0);

	$session->send("SELECT count(${language}_endless(i)) FROM numbers");
	ok($node->poll_query_until('postgres', $listed), "$language: and two more");
	value('SELECT pybox.cancel(min(call_id)) FROM pybox.activity');
	my $answer = $session->wait;
	is($answer->{sqlstate}, '57014', "$language: one call's end is the query's");
	like($answer->{text}, qr/canceling Python call due to pybox.cancel.*parallel worker/s, "$language: which says where");
	nothing_left("$language, one cancelled", 0);

	$answer = $session->ask("SELECT count(${language}_dies(i)) FROM numbers");
	is($answer->{sqlstate}, '38000', "$language: an interpreter's death is the query's error");
	like($answer->{text}, qr/Python interpreter exited with code 3.*parallel worker/s, "$language: with its cause");
	nothing_left("$language, died", 0);

	my $gone = PyboxSession->new($node, sql => $workers_only);
	$gone->send("SELECT count(${language}_endless(i)) FROM numbers");
	ok($node->poll_query_until('postgres', 'SELECT count(*) = 2 FROM pybox.activity WHERE leader_pid = ' . $gone->pid),
		"$language: a session with workers");
	value('SELECT pg_terminate_backend(' . $gone->pid . ')');
	ok($gone->wait->{lost}, "$language: is terminated");
	nothing_left("$language, terminated", 0);

	is($session->value("SELECT sum(${language}_square(i)) FROM numbers"), '2668667000', "$language: the other goes on");
}

# More workers than slots: they take turns, as calls of one session would not have to.
for my $language (@languages)
{
	is($session->value("SET ROLE narrow; SELECT sum(${language}_square(i)) FROM numbers"), '2668667000',
		"$language: two workers share one slot");
	$session->send("SELECT count(${language}_endless(i)) FROM numbers");
	ok($node->poll_query_until('postgres', "SELECT array_agg(state ORDER BY state) = '{queued,running}' AND min(role) = 'narrow'
		AND max(pool) = 'narrow' FROM pybox.activity"), "$language: one runs, the other waits, as the leader's role");
	value('SELECT pg_cancel_backend(' . $session->pid . ')');
	is($session->wait->{sqlstate}, '57014', "$language: both can be cancelled");
	$session->value('RESET ROLE');
	nothing_left("$language, narrow", 0);
}
$session->quit;
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');

done_testing();
