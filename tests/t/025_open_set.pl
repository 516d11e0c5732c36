# Sessions that end while a set is open: however they end, its interpreter goes with them.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

my $node = new_node('open', policy => <<'YAML');
version: 1
node: {name: test, id: 1, slots: 1}
pools:
  standard: {limits: {memory: 512MB, wall: 2min}, spares: 0, idle_timeout: 1s}
YAML

$node->safe_psql('postgres', 'CREATE EXTENSION pybox');
my @ways = (
	[ 'its client leaves', sub { $_[0]->quit } ],
	[ 'its client is lost', sub { $_[0]->drop } ],
	[ 'it is terminated', sub { $node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . $_[0]->pid . ')') } ],
	[ 'it was idle for too long', sub { $_[0]->value("SET idle_in_transaction_session_timeout = '10ms'") } ],
);

for my $language (qw(pybox pyboxu))
{
	$node->safe_psql('postgres', <<"SQL");
CREATE FUNCTION ${language}_set() RETURNS SETOF int LANGUAGE $language AS \$\$
try:
    while True: yield 1
finally:
    while True: pass
\$\$;
CREATE FUNCTION ${language}_one() RETURNS int LANGUAGE $language AS 'return 1';
SQL
	for my $way (@ways)
	{
		my ($what, $end) = @$way;
		my $session = PyboxSession->new($node, sql => "BEGIN; DECLARE c CURSOR FOR SELECT ${language}_set()");

		is($session->value('FETCH 2 FROM c'), "1\n1", "$language: a set is open");
		is($node->safe_psql('postgres', "SELECT ${language}_one() + count(*) FROM pybox.activity WHERE pid = " . $session->pid), '1',
			"$language: without a slot, not listed");
		$end->($session);
		ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = ' . $session->pid),
			"$language: $what");
		ok(poll_until(sub { !interpreters_of($node) }), "$language: and no interpreter is left");
		$session->drop;
	}

	# An open set keeps its interpreter, also from the timeout of idle ones.
	my $session = PyboxSession->new($node, sql => "BEGIN; DECLARE c CURSOR FOR SELECT ${language}_set()");
	$session->value('FETCH 1 FROM c');
	my @before = interpreters_of($node);
	my $other = PyboxSession->new($node, sql => "SELECT ${language}_one()");
	ok(poll_until(sub { interpreters_of($node) == 1 }), "$language: another session's idle interpreter ends");
	is_deeply([ interpreters_of($node) ], \@before, "$language: that of the open set stays");
	is($session->value('FETCH 1 FROM c'), '1', "$language: and goes on");
	# Its generator never ends: closing it takes its time, and then the interpreter.
	is($session->value("ROLLBACK; SELECT ${language}_one()"), '1', "$language: the session goes on with another");
	$_->quit for $session, $other;
	ok(poll_until(sub { !interpreters_of($node) }), "$language: nothing is left of them");
}
ok($node->poll_query_until('postgres', 'SELECT sum(running + waiting) = 0 FROM pybox.pools'), 'no slot is left');
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');

done_testing();
