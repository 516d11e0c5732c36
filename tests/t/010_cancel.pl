# Whatever a function does, every way to end its call works, and the session goes on. How long that takes is noted.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

my $timeout_ms = 150;

# Each says that it is inside, then never ends by itself. rounds: how often for each way to end it. Others wait for ever
# before they run: state names where, role whose pool makes them wait.
my %bodies = (
	loop => { rounds => 20, source => "plpy.notice('inside')\nwhile True: pass" },
	loop_in_c => { rounds => 20, source => "import itertools\nplpy.notice('inside')\nsum(itertools.repeat(1))" },
	swallow => { rounds => 5, source => <<'PYTHON' },
told = False
while True:
    try:
        if not told:
            told = True
            plpy.notice('inside')
        while True: pass
    except BaseException: pass
PYTHON
	sleep => { rounds => 5, source => "import time\nplpy.notice('inside')\ntime.sleep(1000)" },
	sql => { rounds => 5, source => "plpy.notice('inside')\nplpy.execute('select pg_sleep(1000)')", in_sql => 1 },
	starting => { rounds => 5, source => 'pass', state => 'starting', role => 'slow' },
	queued => { rounds => 5, source => 'pass', state => 'queued', role => 'narrow' });

# How it is ended, and what the caller is told; in SQL the message may be the server's own.
my %ways = (
	'pybox.cancel' => { sql => 'SELECT pybox.cancel(%call%)', message => qr/due to pybox\.cancel/ },
	'pybox.kill' => { sql => 'SELECT pybox.kill(%call%)', message => qr/due to pybox\.kill/ },
	'pg_cancel_backend' => { sql => 'SELECT pg_cancel_backend(%pid%)', message => qr/due to user request/ },
	'statement_timeout' => { message => qr/due to statement timeout/ });

my $packages = PostgreSQL::Test::Utils::tempdir();
append_to_file("$packages/never_ready.py", "import time\ntime.sleep(1000)\n");
my $node = new_node('cancel', policy => <<"YAML");
version: 1
node: {name: test, id: 1, slots: 4}
pools:
  standard: {limits: {memory: 512MB, wall: 2min}, spares: 2}
  slow: {packages: ['$packages'], preload: [never_ready], spares: 0}
  narrow: {slots: 1, on_contention: yield}
assign:
  - {role: slow, pool: slow}
  - {role: narrow, pool: narrow}
  - {pool: standard}
YAML
$node->safe_psql('postgres', 'CREATE EXTENSION pybox; CREATE ROLE slow; CREATE ROLE narrow;');
$node->safe_psql('postgres', "CREATE FUNCTION $_() RETURNS void LANGUAGE pybox AS \$\$\n$bodies{$_}{source}\n\$\$")
  for sort keys %bodies;
$node->safe_psql('postgres', 'CREATE FUNCTION next_call(a int) RETURNS int LANGUAGE pybox AS $$ return a + 1 $$');

my $admin = PyboxSession->new($node);
my $session = PyboxSession->new($node);
my $backend = $session->pid;
my $started = $admin->value('SELECT pg_postmaster_start_time()');

# The call is where it stays for ever, as far as that can be seen from outside.
sub wait_until_inside
{
	my ($name) = @_;
	my $state = $bodies{$name}{state};

	return $admin->poll("SELECT state FROM pybox.activity WHERE pid = $backend", $state) if defined $state;
	my $place = $bodies{$name}{in_sql} ? "wait_event = 'PgSleep'" : "wait_event = 'PyboxPython'";

	return $session->wait_for(qr/inside/)
	  && $admin->poll("SELECT $place FROM pg_stat_activity WHERE pid = $backend");
}

# Starts the call and ends it by an order from another session. Returns the answer and when it was due.
sub end_by_order
{
	my ($name, $sql) = @_;

	$session->send("SELECT $name()");
	die "$name never began" unless wait_until_inside($name);
	my $call = $admin->value("SELECT call_id FROM pybox.activity WHERE pid = $backend");
	$sql =~ s/%call%/$call/;
	$sql =~ s/%pid%/$backend/;
	my $due = $admin->send($sql);
	my $answer = $session->wait;
	is($admin->wait->{text}, 't', "$name: the order was taken");
	return ($answer, $due);
}

sub end_by_timeout
{
	my ($name) = @_;

	$session->value("SET statement_timeout = '${timeout_ms}ms'");
	my $due = $session->send("SELECT $name()") + $timeout_ms / 1000;
	my $answer = $session->wait;
	$session->value('RESET statement_timeout');
	return ($answer, $due);
}

# One round; returns how many milliseconds after it was due the session could go on.
sub end_once
{
	my ($name, $way) = @_;
	my $order = $ways{$way}{sql};
	my ($answer, $due) = defined $order ? end_by_order($name, $order) : end_by_timeout($name);
	my $took = 1000 * ($answer->{at} - $due);
	my $message = $ways{$way}{message};
	my $next = $bodies{$name}{state} ? "'2'" : 'next_call(1)';

	$message = qr/$message|due to user request/ if $bodies{$name}{in_sql};
	is($answer->{sqlstate}, '57014', "$name, $way: SQLSTATE") or diag($answer->{text});
	like($answer->{text}, $message, "$name, $way: message");
	is($session->value("SELECT pg_backend_pid(), $next"), "$backend|2", "$name, $way: next call, same backend");
	return $took;
}

my $holder = PyboxSession->new($node, sql => 'SET ROLE narrow');
$holder->send('SELECT loop()');
$holder->wait_for(qr/inside/);

for my $name (sort keys %bodies)
{
	$session->value('SET ROLE ' . ($bodies{$name}{role} // 'NONE'));
	for my $way (sort keys %ways)
	{
		my $rounds = $bodies{$name}{rounds};
		my @took = sort { $a <=> $b } map { end_once($name, $way) } 1 .. $rounds;

		note(sprintf '%s by %s: %.1f ms at least, %.1f median, %.1f at most', $name, $way, $took[0], $took[@took / 2],
			$took[-1]);
	}
}

$holder->drop;
$session->value('RESET ROLE');
$session->send('SELECT loop()');
$session->wait_for(qr/inside/);
my $call = $admin->value("SELECT call_id FROM pybox.activity WHERE pid = $backend");
$admin->value("SELECT pybox.cancel($call)");
$session->wait;
like($admin->value("SELECT pybox.cancel($call)"), qr/WARNING:.*call $call is not running.*\nf$/s, 'too late is a warning');

is($admin->value('SELECT pg_terminate_backend(' . $holder->pid . ')'), 't', 'the holder of a slot is ended');
ok($admin->poll('SELECT sum(running) + sum(waiting) FROM pybox.pools', 0), 'no slot is lost');
is($admin->value('SELECT pg_postmaster_start_time()'), $started, 'the server was not restarted');

$_->quit for $admin, $session;
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');

done_testing();
