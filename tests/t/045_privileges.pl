# Rights between sessions: what one session's user changes while another session's query runs, and who may see and end whose
# calls. The rest of what nobody gains is in sql/privileges.sql and sql/security_context.sql.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

my $node = new_node('privileges', policy => <<'YAML');
version: 1
node: {name: test, id: 1, slots: 4}
pools:
  standard: {limits: {memory: 512MB, wall: 2min}, spares: 0}
YAML

$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pybox;
CREATE ROLE ann LOGIN;
CREATE ROLE ben LOGIN;
CREATE ROLE own LOGIN;
CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
GRANT ALL ON SCHEMA public TO ann, own;
CREATE TABLE gate (open bool);
GRANT SELECT ON gate TO PUBLIC;
CREATE FUNCTION waits() RETURNS int LANGUAGE pybox AS $$
plpy.notice("waits")
while not plpy.execute("SELECT FROM public.gate"):
    pass
return 1
$$;
CREATE FUNCTION waits_definer() RETURNS int SECURITY DEFINER LANGUAGE pybox AS $$
plpy.notice("waits")
while not plpy.execute("SELECT FROM public.gate"):
    pass
return 1
$$;
ALTER FUNCTION waits_definer() OWNER TO own;
CREATE FUNCTION reads() RETURNS text LANGUAGE pyboxu AS 'return "of the superuser"';
ALTER FUNCTION reads() OWNER TO ann;
SQL
my $admin = PyboxSession->new($node);
my $ann = PyboxSession->new($node, role => 'ann');
my $ben = PyboxSession->new($node, role => 'ben');
my $own = PyboxSession->new($node, role => 'own');
my $watcher = PyboxSession->new($node, role => 'watcher');
my $listed = 'SELECT count(*) FROM pybox.activity';

# --- a superuser's query uses a function of ann's, who gives it another body and language meanwhile ---
for my $case ([ 'pybox', '38000', qr/FileNotFoundError/ ], [ 'plpgsql', '42809', qr/function "reads" is written in language "plpgsql", which pybox does not run/ ])
{
	my ($language, $sqlstate, $message) = @$case;

	$admin->value('TRUNCATE gate');
	$admin->send("SELECT CASE g WHEN 2 THEN waits() END, reads() FROM generate_series(1, 3) g");
	ok($admin->wait_for(qr/waits/), 'a query is in its middle');
	$ann->value("SET check_function_bodies = off; CREATE OR REPLACE FUNCTION reads() RETURNS text LANGUAGE $language AS
		'return open(\"/etc/passwd\").readline()'");
	$node->safe_psql('postgres', 'INSERT INTO gate VALUES (true)');
	my $answer = $admin->wait;
	is($answer->{sqlstate}, $sqlstate, "$language: the new body is not run as the old one was") or diag($answer->{text});
	like($answer->{text}, $message, "$language: which is told");
	$admin->value("CREATE OR REPLACE FUNCTION reads() RETURNS text LANGUAGE pyboxu AS 'return \"of the superuser\"'");
}

# --- calls of others: neither seen nor ended ---
$admin->value('TRUNCATE gate');
$ann->send('SELECT waits()');
ok($ann->wait_for(qr/waits/), 'ann has a call');
my $call = $admin->value('SELECT call_id FROM pybox.activity');
is($ben->value("$listed; SELECT count(*) FROM pybox.activity_rows()"), "0\n0", 'ben does not see it');
is($watcher->value($listed), '1', 'who may watch all sees it');
for my $how (qw(cancel kill))
{
	is($_->[1]->ask("SELECT pybox.$how($call)")->{sqlstate}, '42501', "$_->[0] may not $how it") for [ ben => $ben ], [ watcher => $watcher ];
}
$node->safe_psql('postgres', 'INSERT INTO gate VALUES (true)');
like($ann->wait->{text}, qr/^1$/m, 'and it ends as it would have');

# --- a call in a role that is lent belongs to that role ---
$admin->value('TRUNCATE gate');
$ann->send('SELECT waits_definer()');
ok($ann->wait_for(qr/waits/), 'ann calls a function that runs as its owner');
is($own->value('SELECT role FROM pybox.activity'), 'own', 'whose call it is');
my $other = PyboxSession->new($node, role => 'ann');
is($other->value($listed), '0', 'in other sessions ann does not see it');
is($other->ask('SELECT pybox.cancel(' . $admin->value('SELECT call_id FROM pybox.activity') . ')')->{sqlstate}, '42501', 'nor may cancel it');
is($other->value('SELECT pg_cancel_backend(' . $ann->pid . ')'), 't', 'but the query that it is part of');
is($ann->wait->{sqlstate}, '57014', 'which ends with it');

# --- settings: by grant, and by whoever has the right for others ---
is($ann->ask('SET pybox.spin_us = 7')->{sqlstate}, '42501', 'a setting of superusers');
$admin->value('GRANT SET ON PARAMETER pybox.spin_us TO ann; ALTER ROLE ben SET pybox.cancel_grace_ms = 7');
is($ann->value("SET pybox.spin_us = 7; SHOW pybox.spin_us"), '7', 'is for whom it is granted to');
is($ann->ask("CREATE FUNCTION sets() RETURNS int SET pybox.cancel_grace_ms = '1min' LANGUAGE pybox AS 'return 1'")->{sqlstate}, '42501', 'and not the other one');
is(PyboxSession->new($node, role => 'ben')->value('SHOW pybox.cancel_grace_ms'), '7ms', 'and what is set for ben');
is($ben->ask('ALTER ROLE ben SET pybox.cancel_grace_ms = 8')->{sqlstate}, '42501', 'ben does not change');

$_->quit for $admin, $ann, $ben, $own, $watcher, $other;
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');
done_testing();
