# A function that takes too much memory ends its own interpreter and nothing else.
use strict;
use warnings;
use PyboxSession;
use PyboxTest;
use Test::More;

my $node = new_node('memory', policy => <<'YAML');
version: 1
node: {name: test, id: 1, slots: 4}
pools:
  small: {limits: {memory: 256MB, wall: 2min}, preload: [numpy], spares: 1}
  standard: {limits: {memory: 512MB, wall: 2min}, spares: 1}
assign:
  - {role: greedy, pool: small}
  - {pool: standard}
YAML

if (cgroup_of($node) eq '')
{
	plan skip_all => 'memory is capped exactly only by cgroups: run as root, see ops/cgroup' unless $ENV{PYBOX_MUST_WORK};
	need(0, 'a cgroup');
	done_testing();
	exit;
}

my %bombs = (
	bytearray_doubling => "a = bytearray(1 << 20)\nwhile True: a = a + a",
	list_append => "a = []\nwhile True: a.append(' ' * 1000 + str(len(a)))",
	numpy_ones => "import numpy\na = []\nwhile True: a.append(numpy.ones(1 << 20))");

$node->safe_psql('postgres', 'CREATE EXTENSION pybox; CREATE ROLE greedy LOGIN; CREATE ROLE neighbour LOGIN;
	CREATE TABLE enough (since timestamptz); GRANT ALL ON enough TO neighbour;');
$node->safe_psql('postgres', "CREATE FUNCTION $_() RETURNS void LANGUAGE pybox AS \$\$\n$bombs{$_}\n\$\$")
  for sort keys %bombs;
$node->safe_psql('postgres', 'CREATE FUNCTION next_call(a int) RETURNS int LANGUAGE pybox AS $$ return a + 1 $$');

# Works on memory of its own until the test says that it is enough; returns how often the result was right and wrong.
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION work() RETURNS text LANGUAGE pybox AS $$
numbers = list(range(100000))
right = wrong = 0
plpy.notice('inside')
while len(plpy.execute('SELECT FROM enough')) == 0:
    if sum(numbers) == 4999950000 and sorted(numbers, reverse=True)[0] == 99999:
        right += 1
    else:
        wrong += 1
return '%s %d' % ('some' if right > 0 else 'none', wrong)
$$
SQL

my $admin = PyboxSession->new($node);
my $neighbour = PyboxSession->new($node, role => 'neighbour');
my $greedy = PyboxSession->new($node, role => 'greedy');
my $interpreter_of = 'SELECT interpreter_pid FROM pybox.activity WHERE pid = ' . $neighbour->pid;
my $started = $admin->value('SELECT pg_postmaster_start_time()');

$neighbour->send('SELECT work()');
ok($neighbour->wait_for(qr/inside/), 'a neighbour works');
my $interpreter = $admin->value($interpreter_of);

my $told = 0;
my @rounds = map { $_ % 3 } 0 .. 19;
for my $round (0 .. $#rounds)
{
	my $name = (sort keys %bombs)[ $rounds[$round] ];

	$greedy->send("SELECT $name()");
	my $answer = $greedy->wait;
	my $is_told = ($answer->{sqlstate} // '') eq '53200' && $answer->{text} =~ /"small"/ && $answer->{text} =~ /256 MB/
	  && $answer->{text} =~ /[Cc]all \d+/;
	$told += $is_told;
	diag("round $round, $name:\n$answer->{text}") unless $is_told;
	note($answer->{text}) if $round < 3;
	is($greedy->value('SELECT pg_backend_pid(), next_call(1)'), $greedy->pid . '|2', 'next call, same backend');
}
is($told, 20, '20 of 20 told by 53200 with pool, limit and call');

is($admin->value($interpreter_of), $interpreter, 'the neighbour has its interpreter still');
$admin->value('INSERT INTO enough VALUES (now())');
like($neighbour->wait->{text}, qr/^some 0$/m, 'and its work was right all the time');
is($admin->value('SELECT pg_postmaster_start_time()'), $started, 'the server was not restarted');

$_->quit for $greedy, $neighbour;
# What is left are interpreters that stand ready: a group with no process in it is a leak.
ok(poll_until(sub { !empty_cgroups($node) }), 'no cgroup of a dead interpreter is left')
  or diag(join "\n", empty_cgroups($node));
is($admin->value('SELECT sum(running), sum(waiting) FROM pybox.pools'), '0|0', 'no slot is lost');

$admin->quit;
processes_of($node);
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');
is_deeply([ pybox_cgroups($node) ], [], 'no cgroup is left');

done_testing();
