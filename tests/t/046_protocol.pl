# Children that speak the protocol wrongly on purpose, against backends that must not mind: named lies, one wrong thing
# each, and exchanges made up from a seed. tests/protocol/liar.py is the child; nothing of what we ship is replaced.
# PYBOX_TEST_EXCHANGES is the number of exchanges (2000), PYBOX_TEST_SEED the first seed (1).
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

my $exchanges = $ENV{PYBOX_TEST_EXCHANGES} // 2000;
my $seed = $ENV{PYBOX_TEST_SEED} // 1;
my $SESSIONS = 2;
my $BATCH = 500;

# The child's program is a package of the pool, so that its zygote reads it once.
my $packages = PostgreSQL::Test::Utils::tempdir_short();
chmod 0755, $packages;
append_to_file("$packages/liar.py", slurp_file("$ENV{TESTDIR}/protocol/liar.py"));

my $pool = "preload: [liar], packages: [$packages]";
my $node = new_node('protocol', conf => "log_min_messages = fatal\nclient_min_messages = error", policy => <<"YAML");
version: 1
node: {name: test, id: 1, slots: 4}
pools:
  liars: {limits: {memory: 512MB, wall: 2s, output: 16MB}, spares: 4, $pool}
  patient: {limits: {memory: 512MB, wall: 2min, output: 16MB}, spares: 2, $pool}
  brief: {limits: {memory: 512MB, wall: 500ms, output: 1GB}, spares: 1, $pool}
assign:
  - {function: public.lie, pool: patient}
  - {function: public.honest, pool: patient}
  - {function: public.lie_briefly, pool: brief}
  - {pool: liars}
YAML
my $sql = slurp_file("$ENV{TESTDIR}/protocol/functions.sql");
$node->safe_psql('postgres', $sql);

my $VIOLATION = qr/Python interpreter broke the protocol: /;
my $WALL = qr/canceling Python call due to its pool's wall limit/;

# What a lie leads to: the function that tells it, its SQLSTATE, or a result, and words of the message.
my @lies = (
	[ 'length: the longest number', 'lie', '08P01', qr/impossible frame/ ],
	[ 'length: one over the maximum', 'lie', '08P01', qr/impossible frame/ ],
	[ 'length: the maximum', 'lie', '54000', qr/exceeded the output limit of pool "patient"\n.*sent 1073807360 bytes, the limit is 16777216/ ],
	[ 'kind: none', 'lie', '08P01', qr/a frame that is not allowed now/ ],
	[ 'kind: the first unknown', 'lie', '08P01', qr/a frame of another call or kind/ ],
	[ 'kind: the last number', 'lie', '08P01', qr/a frame of another call or kind/ ],
	[ 'kind: a call', 'lie', '08P01', qr/a frame that is not allowed now/ ],
	[ 'kind: a reply', 'lie', '08P01', qr/a frame that is not allowed now/ ],
	[ 'flags', 'lie', '08P01', qr/impossible frame/ ],
	[ 'call: another', 'lie', '08P01', qr/a frame of another call or kind/ ],
	[ 'call: none', 'lie', '08P01', qr/a frame of another call or kind/ ],
	[ 'request without a call', 'lie', '08P01', qr/a frame of another call or kind/ ],
	[ 'note with a call', 'lie', '08P01', qr/a frame of another call or kind/ ],
	[ 'position: more than a ring ahead', 'lie', '08P01', qr/ring position/ ],
	[ 'position: behind', 'lie', '08P01', qr/ring position/ ],
	[ 'position: the other half of all numbers', 'lie', '08P01', qr/ring position/ ],
	[ 'position: more taken than there was', 'lie', '08P01', qr/ring position/ ],
	[ 'answer: the end of no set', 'lie', '08P01', qr/a frame that is not allowed now/ ],
	[ 'answer: a row of no set', 'lie', '08P01', qr/a frame that is not allowed now/ ],
	[ 'answer: an iterator', 'lie', '08P01', qr/a frame that is not allowed now/ ],
	[ 'answer: nothing in it', 'lie', '08P01', qr/message is shorter than it says/ ],
	[ 'answer: something behind it', 'lie', '08P01', qr/a value with something behind it/ ],
	[ 'answer: to the outer call first', 'lie', '08P01', qr/a frame of another call or kind/ ],
	[ 'request: of the outer call', 'lie', '08P01', qr/a frame of another call or kind/ ],
	[ 'value: unknown', 'lie', '08P01', qr/a value of unknown kind/ ],
	[ 'value: a record', 'lie', '08P01', qr/a value of unknown kind/ ],
	[ 'value: a list', 'lie', '08P01', qr/a value of unknown kind/ ],
	[ 'value: a float', 'lie', '08P01', qr/a float for another type/ ],
	[ 'value: a boolean', 'lie', '08P01', qr/a boolean for another type/ ],
	[ 'value: bytes', 'lie', '08P01', qr/bytes for another type/ ],
	[ 'value: an array', 'lie', '08P01', qr/an array for another type/ ],
	[ 'value: a tuple', 'lie', '08P01', qr/a row for another type/ ],
	[ 'value: packed', 'lie', '08P01', qr/packed elements of another type/ ],
	[ 'value: out of range', 'lie', '08P01', qr/an integer that its type does not allow/ ],
	[ 'value: half a number', 'lie', '08P01', qr/message is shorter than it says/ ],
	[ 'text: longer than its frame', 'lie', '08P01', qr/message is shorter than it says/ ],
	[ 'text: no UTF-8', 'lie', '22021', qr/invalid byte sequence for encoding "UTF8": 0xff/ ],
	[ 'text: a surrogate', 'lie', '22021', qr/invalid byte sequence for encoding "UTF8": 0xed 0xa0 0x80/ ],
	[ 'text: a NUL', 'lie', '22021', qr/invalid byte sequence for encoding "UTF8": 0x00/ ],
	[ 'fault: too few fields', 'lie', '08P01', qr/an error without its fields/ ],
	[ 'error: no fields', 'lie', '08P01', qr/an error without its fields/ ],
	[ 'error: a field of another kind', 'lie', '08P01', qr/an error without its fields/ ],
	[ 'error: no UTF-8', 'lie', '22021', qr/invalid byte sequence/ ],
	[ 'error: a NUL', 'lie', '22021', qr/invalid byte sequence/ ],
	[ 'error: fatal', 'lie', '38000', qr/^(?:psql:.*?)?ERROR:  38000: made up/ ],
	[ 'error: odd SQLSTATE', 'lie', '38000', qr/made up/ ],
	[ 'error: odd position', 'lie', '38000', qr/made up/ ],
	[ 'error: 57014', 'lie', '57014', qr/made up/ ],
	[ 'error: 57P01', 'lie', '57P01', qr/made up/ ],
	[ 'error: 57P02', 'lie', '57P02', qr/made up/ ],
	[ 'error: 08P01', 'lie', '08P01', qr/made up/ ],
	[ 'log: a level out of range', 'lie', '08P01', qr/a log level out of range/ ],
	[ 'log: fatal', 'lie', '08P01', qr/a log level out of range/ ],
	[ 'quote: a kind out of range', 'lie', '08P01', qr/a kind of quoting out of range/ ],
	[ 'quote: something behind it', 'lie', '08P01', qr/a request with something behind it/ ],
	[ 'quote: no UTF-8', 'lie', '22021', qr/invalid byte sequence/ ],
	[ 'subtransaction: out of range', 'lie', '08P01', qr/an action on a subtransaction out of range/ ],
	[ 'transaction: out of range', 'lie', '08P01', qr/an end of a transaction out of range/ ],
	[ 'execute: nothing in it', 'lie', '08P01', qr/message is shorter than it says/ ],
	[ 'execute: half a query', 'lie', '08P01', qr/message is shorter than it says/ ],
	[ 'execute: a limit below zero', 'lie', undef, qr/^1$/ ],
	[ 'plan: of nobody', 'lie', '08P01', qr/a plan that is not its own/ ],
	[ 'plan: more types than there are', 'lie', '08P01', qr/a plan with more types than its message holds/ ],
	[ 'plan: a type that is none', 'lie', undef, qr/^1$/ ],
	[ 'cursor: of nobody', 'lie', undef, qr/^1$/ ],
	[ 'cursor: of nobody, closed', 'lie', undef, qr/^1$/ ],
	[ 'socket: closed', 'lie', '08P01', qr/it closed its socket and lives on/ ],
	[ 'socket: flooded', 'lie', undef, qr/^1$/ ],
	[ 'words', 'lie', undef, qr/^1$/ ],
	[ 'descriptors', 'lie_untrusted', undef, qr/^1$/ ],
	[ 'descriptors', 'lie', '38000', qr/exited|PermissionError/ ],
	[ 'stalls', 'lie_briefly', '57014', $WALL ],
	[ 'dribbles', 'lie_briefly', '57014', $WALL ],
	[ 'floods', 'lie_briefly', qr/^(?:57014|22021|08P01)$/, qr/./ ],
	[ 'never reads', 'lie_briefly', '57014', $WALL ],
	[ 'deep', 'lie_as_object', '54001', qr/stack depth limit exceeded/ ],
	[ 'count: of a list', 'lie_as_object', '08P01', qr/a list or dict longer than its message/ ],
	[ 'count: of a dictionary', 'lie_as_object', '08P01', qr/a list or dict longer than its message/ ],
	[ 'key: a number', 'lie_as_object', '08P01', qr/a key that is no text/ ],
	[ 'number: none', 'lie_as_object', '42804', qr/could not convert value "1e" to jsonb/ ],
	[ 'tag: an integer', 'lie_as_object', '08P01', qr/a value of unknown kind/ ],
);

my $started = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');
my $session = PyboxSession->new($node);

# Those that are no files: the server keeps files of tables open for a while.
sub descriptors
{
	my ($pid) = @_;
	return scalar grep { (readlink // '/') !~ m{^/(?!memfd)} } glob "/proc/$pid/fd/*";
}

# What a session holds when it has let go of its interpreters.
sub holdings
{
	my ($of) = @_;
	$of->value('DISCARD ALL');
	$of->value('SET client_min_messages = error');
	return ($of->value('SELECT sum(total_bytes) FROM pg_backend_memory_contexts'), descriptors($of->pid));
}

# A session that a lie was told to goes on: the child has no say any more. DISCARD ALL ends those that got away with it.
sub is_usable
{
	my ($of, $what) = @_;
	$of->value('DISCARD ALL');
	is($of->value('SELECT honest(1) || \'|\' || pg_backend_pid()'), '2|' . $of->pid, "$what: the session goes on");
	return;
}

# --- named lies ---
is_usable($session, 'at first');
for my $lie (@lies)
{
	my ($name, $function, $state, $words) = @$lie;
	my $answer = $session->ask("SELECT $function('$name')");
	my $is_as_told = ref $state ? ($answer->{sqlstate} // '') =~ $state : ($answer->{sqlstate} // 'none') eq ($state // 'none');

	ok($is_as_told, "$name ($function): " . (ref $state ? 'an error' : $state // 'a result')) or diag($answer->{text});
	like($answer->{text}, $words, "$name ($function): words") if $is_as_told;
	is_usable($session, $name);
}

# A result with a second one behind it: the first counts, and the child that sent the other is not used again.
is($session->value("SELECT lie('answer: twice')"), '1', 'an answer and a late one: the first counts');
my $late = $session->ask('SELECT honest(1)');
is($late->{sqlstate}, '08P01', 'the late one is a violation when it is met') or diag($late->{text});
is_usable($session, 'a late answer');

# A length that changes while it is read is one or the other.
for my $round (1 .. 10)
{
	my $answer = $session->ask("SELECT lie('double fetch')");
	like($answer->{sqlstate} // 'none', qr/^(?:none|08P01|54000)$/, "double fetch $round: one of two") or diag($answer->{text});
	is_usable($session, "double fetch $round");
}

# A function's own SQLSTATE is its author's business, and no cancel to those who call it.
is($session->value("SELECT catches('$_')"), "caught $_", "an error with SQLSTATE $_ is caught by Python") for qw(57014 57P01 08P01 22012);

# --- who does not wait for the wall limit cancels ---
for my $name ('stalls', 'dribbles', 'never reads')
{
	$session->send("SELECT lie('$name')");
	ok($node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM pybox.activity WHERE state = \'running\''), "$name: runs");
	my $start = PyboxSession::now();
	$node->safe_psql('postgres', 'SELECT pg_cancel_backend(' . $session->pid . ')');
	my $answer = $session->wait;
	note(sprintf '%s: canceled after %.0f ms', $name, 1000 * ($answer->{at} - $start));
	is($answer->{sqlstate}, '57014', "$name: canceled") or diag($answer->{text});
	like($answer->{text}, qr/canceling statement due to user request/, "$name: and not by the wall limit");
	is_usable($session, "$name, canceled");
}

# --- exchanges made up from a seed, in several sessions at once ---
my @sessions = map { PyboxSession->new($node) } 1 .. $SESSIONS;
$_->value('SET client_min_messages = error') for @sessions;
my %seen;
my %said;
my $begun = PyboxSession::now();
my $done = 0;

# Once to warm up: caches of the server, functions, types.
$_->value("SELECT count(*) FROM exchanges(40, $seed)") for @sessions;
my @before = map { [ holdings($_) ] } @sessions;

# Whoever holds an open cursor keeps its transaction from being committed, as with PL/Python.
while ($done < $exchanges)
{
	for my $of (@sessions)
	{
		$of->send("BEGIN;\nSELECT * FROM exchanges($BATCH, " . ($seed + $done) . ");\nCOMMIT");
		$done += $BATCH;
	}
	for my $of (@sessions)
	{
		my $answer = $of->wait;
		my $ending = $answer->{text} =~ s/^(?:psql:.*?)?ERROR:  XX000: cannot commit while a portal is pinned\n.*//ms;
		my $is_over = $ending || !defined $answer->{sqlstate};

		ok($is_over && !$answer->{lost}, 'a batch of exchanges') or diag($answer->{text});
		for (split /\n/, $answer->{text})
		{
			my ($state, $many, $message) = split /\|/, $_, 3 or next;
			next unless defined $many && $many =~ /^\d+$/;
			$seen{$state} += $many;
			$said{$state} = $message;
		}
	}
}
note(sprintf '%d exchanges in %.0f s', $done, PyboxSession::now() - $begun);
note(sprintf '%-6s %7d  %s', $_ eq '' ? 'result' : $_, $seen{$_}, substr($said{$_} // '', 0, 80)) for sort keys %seen;
my $counted = 0;
$counted += $_ for values %seen;
cmp_ok($counted, '>=', $exchanges, 'every exchange ended');
cmp_ok($seen{'08P01'} // 0, '>', 0, 'some broke the protocol');
is(join(' ', grep { /^XX/ } keys %seen), '', 'none met an internal error') or diag(map { "$_: $said{$_}\n" } grep { /^XX/ } keys %said);
for my $number (0 .. $#sessions)
{
	my $of = $sessions[$number];
	my ($memory, $fds) = holdings($of);

	is_usable($of, "session $number");
	note("session $number: $before[$number][0] bytes before, $memory after");
	cmp_ok($memory, '<', $before[$number][0] + 4 * 1024 * 1024, "session $number: its memory is flat");
	cmp_ok($fds, '<=', $before[$number][1], "session $number: no descriptors are left");
}

# --- nothing is left, and the server has not noticed ---
$_->quit for $session, @sessions;
is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'), $started, 'the server was not restarted');
is($node->safe_psql('postgres', 'SELECT sum(running), sum(waiting) FROM pybox.pools'), '0|0', 'no slot is lost');
ok(poll_until(sub { interpreters_of($node) <= 4 + 4 + 2 + 1 }), 'only spares are left, of both languages') or diag(join ' ', interpreters_of($node));
ok(poll_until(sub { !empty_cgroups($node) }), 'no cgroup is left');
processes_of($node);
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');

done_testing();
