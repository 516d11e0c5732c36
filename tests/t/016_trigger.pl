# A trigger whose function is ended, or whose interpreter dies: the statement fails as a whole, the session goes on.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

my $node = new_node('trigger', policy => <<'YAML');
version: 1
node: {name: test, id: 1, slots: 2}
pools:
  standard: {limits: {memory: 512MB, wall: 2min}, spares: 1}
YAML
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pybox;
CREATE TABLE item (id int, done text);
CREATE FUNCTION runs() RETURNS trigger LANGUAGE pyboxu AS $$
import ctypes, os
end = TD["new"]["done"]
if end == "forever":
    plpy.notice("inside")
    while True: pass
elif end == "sql":
    plpy.notice("inside")
    plpy.execute("SELECT pg_sleep(1000)")
elif end == "exit":
    os._exit(3)
elif end == "crash":
    ctypes.string_at(0)
TD["new"]["done"] = "yes"
return "MODIFY" if TD["when"] == "BEFORE" else None
$$;
SQL

my %triggers = (
	'before row' => 'CREATE TRIGGER runs BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION runs()',
	'after row' => 'CREATE TRIGGER runs AFTER INSERT ON item FOR EACH ROW EXECUTE FUNCTION runs()',
	'deferred' => 'CREATE CONSTRAINT TRIGGER runs AFTER INSERT ON item DEFERRABLE INITIALLY DEFERRED '
	  . 'FOR EACH ROW EXECUTE FUNCTION runs()');

# How the call ends: what the row says, what another session does meanwhile, and what the caller is told.
my @ends = (
	{ done => 'exit', sqlstate => '38000', message => qr/exited with code 3\b/ },
	{ done => 'crash', sqlstate => '38000', message => qr/signal 11\b/ },
	{ done => 'forever', order => 'pybox.kill(call_id)', sqlstate => '57014', message => qr/due to pybox\.kill/ },
	{ done => 'forever', order => 'pybox.cancel(call_id)', sqlstate => '57014', message => qr/due to pybox\.cancel/ },
	{ done => 'forever', order => 'pg_cancel_backend(pid)', sqlstate => '57014', message => qr/due to user request/ },
	{ done => 'sql', order => 'pybox.kill(call_id)', sqlstate => '57014', message => qr/due to (?:pybox\.kill|user request)/ },
	{ done => 'sql', order => 'pg_cancel_backend(pid)', sqlstate => '57014', message => qr/due to user request/ });

my $admin = PyboxSession->new($node);
my $session = PyboxSession->new($node);
my $backend = $session->pid;

# The row before the one that ends it goes with it.
sub end_once
{
	my ($when, $end) = @_;
	my $what = "$when, $end->{done}, " . ($end->{order} // 'by itself');

	$session->send("INSERT INTO item VALUES (1, 'no'), (2, '$end->{done}')");
	if (defined $end->{order})
	{
		my $place = $end->{done} eq 'sql' ? 'PgSleep' : 'PyboxPython';
		$session->wait_for(qr/inside/) or die "$what: never began";
		$admin->poll("SELECT wait_event = '$place' FROM pg_stat_activity WHERE pid = $backend") or die "$what: is lost";
		is($admin->value("SELECT $end->{order} FROM pybox.activity WHERE pid = $backend"), 't', "$what: ordered");
	}
	my $answer = $session->wait;
	is($answer->{sqlstate}, $end->{sqlstate}, "$what: SQLSTATE") or diag($answer->{text});
	like($answer->{text}, $end->{message}, "$what: message");
	like($answer->{text}, qr/PL\/Python function "runs"/, "$what: context");
	is($session->value('SELECT pg_backend_pid(), count(*) FROM item'), "$backend|0", "$what: no row, same backend");
	is($session->value("INSERT INTO item VALUES (3, 'no') RETURNING done"), $when eq 'before row' ? 'yes' : 'no',
		"$what: the next one fires");
	$session->value('DELETE FROM item');
	return;
}

for my $when (sort keys %triggers)
{
	$session->value($triggers{$when});
	end_once($when, $_) for @ends;
	$session->value('DROP TRIGGER runs ON item');
}

ok($admin->poll('SELECT sum(running) + sum(waiting) FROM pybox.pools', 0), 'no slot is lost');
$_->quit for $admin, $session;
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');

done_testing();
