# Calls where no client asks for them and where nothing can be written: logical apply, a hot standby, and its promotion.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

my $primary = new_node('primary', conf => <<'CONF');
wal_level = logical
max_wal_senders = 10
max_replication_slots = 10
wal_retrieve_retry_interval = 100ms
CONF
my $connection = $primary->connstr('publisher') =~ s{'}{''}gr;
my @languages = qw(pybox pyboxu);

sub value { return $primary->safe_psql('subscriber', $_[0]); }

# One logical subscription within the server: its slot is made beforehand, so that nothing waits for itself.
sub publish
{
	$primary->safe_psql('postgres', 'CREATE DATABASE publisher');
	$primary->safe_psql('postgres', 'CREATE DATABASE subscriber');
	$primary->safe_psql('publisher', "CREATE TABLE ${_}_rows (id int PRIMARY KEY, word text);
		INSERT INTO ${_}_rows VALUES (1, 'Copied')") for @languages;
	$primary->safe_psql('publisher', 'CREATE PUBLICATION words FOR ALL TABLES');
	$primary->safe_psql('publisher', "SELECT pg_create_logical_replication_slot('words', 'pgoutput')");
	return;
}

# A table whose default, check, generated column, index and trigger each call a function of this language.
sub subscribing_table
{
	my ($language) = @_;
	my $sql = <<'SQL';
-- A worker has an empty search path.
CREATE FUNCTION LANG_folded(word text) RETURNS text IMMUTABLE LANGUAGE LANG AS 'return word.casefold()';
CREATE FUNCTION LANG_allowed(word text) RETURNS bool LANGUAGE LANG AS 'return "refused" not in word';
CREATE FUNCTION LANG_who() RETURNS text LANGUAGE LANG AS $$
row = plpy.execute("SELECT current_user || ' of ' || session_user AS who, count(*) AS n FROM public.LANG_rows")[0]
return f"{row['who']}, {row['n']} rows"
$$;
CREATE TABLE LANG_rows (id int PRIMARY KEY, word text CHECK (LANG_allowed(word)), by text DEFAULT LANG_who(),
	folded text GENERATED ALWAYS AS (LANG_folded(word)) STORED);
CREATE UNIQUE INDEX ON LANG_rows (LANG_folded(word || '!'));
CREATE TABLE LANG_log (id int, who text);
CREATE FUNCTION LANG_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.LANG_log VALUES (NEW.id, public.LANG_who());
	RETURN NEW;
END
$$;
CREATE TRIGGER log AFTER INSERT OR UPDATE ON LANG_rows FOR EACH ROW EXECUTE FUNCTION LANG_log();
ALTER TABLE LANG_rows ENABLE ALWAYS TRIGGER log;
SQL
	$sql =~ s/LANG(?!UAGE)/$language/g;
	value($sql);
	return;
}

publish();
value('CREATE EXTENSION pybox; CREATE ROLE subscribing SUPERUSER LOGIN');
subscribing_table($_) for @languages;
value("SET ROLE subscribing; CREATE SUBSCRIPTION words CONNECTION '$connection' PUBLICATION words
	WITH (create_slot = false, slot_name = 'words')");
for my $language (@languages)
{
	ok($primary->poll_query_until('subscriber', "SELECT count(*) = 1 FROM ${language}_rows"), "$language: the first copy came");
	is(value("SELECT word, folded FROM ${language}_rows"), 'Copied|copied', "$language: with its generated column");
}

$primary->safe_psql('publisher', "INSERT INTO ${_}_rows VALUES (2, 'Applied');
	UPDATE ${_}_rows SET word = 'Changed' WHERE id = 1") for @languages;
for my $language (@languages)
{
	ok($primary->poll_query_until('subscriber', "SELECT count(*) = 1 FROM ${language}_rows WHERE word = 'Changed'"),
		"$language: changes were applied");
	is(value("SELECT id, word, by, folded FROM ${language}_rows ORDER BY id"),
		"1|Changed|subscribing of subscribing, 0 rows|changed\n2|Applied|subscribing of subscribing, 1 rows|applied",
		"$language: as the subscription's owner, with the snapshot of each change");
	is(value("SELECT id, who FROM ${language}_log ORDER BY who, id"),
		"1|subscribing of subscribing, 1 rows\n1|subscribing of subscribing, 2 rows\n2|subscribing of subscribing, 2 rows",
		"$language: a trigger sees what the change did");
	is(value("SET enable_seqscan = off; SELECT id FROM ${language}_rows WHERE ${language}_folded(word || '!') = 'changed!'"),
		'1', "$language: the index has it");
}

# What the function refuses, it refuses until it is mended; then nothing is missing.
for my $language (@languages)
{
	my $log = -s $primary->logfile;

	$primary->safe_psql('publisher', "INSERT INTO ${language}_rows VALUES (3, 'refused')");
	ok($primary->wait_for_log(qr/violates check constraint "${language}_rows_word_check"/, $log), "$language: the worker says why");
	value("CREATE OR REPLACE FUNCTION ${language}_allowed(word text) RETURNS bool LANGUAGE $language AS 'return True'");
	ok($primary->poll_query_until('subscriber', "SELECT count(*) = 3 FROM ${language}_rows"), "$language: and goes on");
}

# A call that does not end is seen with the worker's pid, and can be cancelled.
value("CREATE OR REPLACE FUNCTION pybox_allowed(word text) RETURNS bool LANGUAGE pybox AS \$\$
while word == 'endless': pass
return True
\$\$");
$primary->safe_psql('publisher', "INSERT INTO pybox_rows VALUES (4, 'endless')");
my $worker = "SELECT pid FROM pg_stat_subscription WHERE subname = 'words' AND relid IS NULL";
ok($primary->poll_query_until('subscriber', "SELECT count(*) = 1 FROM pybox.activity
	WHERE pid = ($worker) AND role = 'subscribing' AND state = 'running'"), 'a call of the worker is listed');
my $log = -s $primary->logfile;
value("SELECT count(pybox.cancel(call_id)) FROM pybox.activity WHERE pid = ($worker)");
ok($primary->wait_for_log(qr/canceling Python call due to pybox.cancel/, $log), 'and cancelled');
value("CREATE OR REPLACE FUNCTION pybox_allowed(word text) RETURNS bool LANGUAGE pybox AS 'return True'");
# The worker may be in the old function again, which goes on as it began.
ok($primary->poll_query_until('subscriber', "SELECT count(pybox.cancel(call_id)) IS NOT NULL
	AND (SELECT count(*) = 4 FROM pybox_rows) FROM pybox.activity WHERE pid = ($worker)"), 'and applied when mended');

ok(interpreters_of($primary) >= 2, 'the worker holds interpreters');
value('DROP SUBSCRIPTION words');
ok($primary->poll_query_until('subscriber', 'SELECT count(*) = 0 FROM pybox.activity'), 'no call is left of it');
ok(poll_until(sub { interpreters_of($primary) <= 2 }), 'nor an interpreter, but for spares');

# A hot standby: everything that only reads.
$primary->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pybox;
CREATE TABLE kept AS SELECT i FROM generate_series(1, 100) AS i;
CREATE TABLE locked (i int);
INSERT INTO locked VALUES (1);
SQL
for my $language (@languages)
{
	my $sql = <<'SQL';
CREATE FUNCTION LANG_sum(top int) RETURNS text LANGUAGE LANG AS $$
row = plpy.execute(plpy.prepare("SELECT sum(i) AS s, pg_is_in_recovery() AS r FROM kept WHERE i <= $1", ["int"]), [top])[0]
GD["calls"] = GD.get("calls", 0) + 1
return f"{row['s']} {row['r']} {GD['calls']}"
$$;
CREATE FUNCTION LANG_write() RETURNS text LANGUAGE LANG AS $$
try:
    return str(plpy.execute("INSERT INTO kept VALUES (0)").nrows())
except plpy.SPIError as error:
    return f"{error.sqlstate} {error}"
$$;
CREATE FUNCTION LANG_set(n int) RETURNS SETOF int LANGUAGE LANG AS 'yield from range(n)';
CREATE FUNCTION LANG_endless(i int) RETURNS int LANGUAGE LANG AS $$
plpy.notice("inside")
while True: pass
$$;
SQL
	$sql =~ s/LANG(?!UAGE)/$language/g;
	$primary->safe_psql('postgres', $sql);
}
my $standby = new_node('standby', standby_of => $primary, conf => "max_standby_streaming_delay = 0\nwal_retrieve_retry_interval = 100ms");
$primary->wait_for_catchup($standby);
my $session = PyboxSession->new($standby);

for my $language (@languages)
{
	is($session->value("SELECT ${language}_sum(10)"), '55 True 1', "$language: calls on a standby");
	is($session->value("SELECT ${language}_write()"), '25006 cannot execute INSERT in a read-only transaction',
		"$language: writes are refused, and can be caught");
	is($session->value("SELECT ${language}_set(1000000) LIMIT 2"), "0\n1", "$language: sets");
	is($session->ask("CREATE FUNCTION never() RETURNS int LANGUAGE $language AS 'return 1'")->{sqlstate}, '25006',
		"$language: no new function");
	is($session->value("DO LANGUAGE $language \$\$ plpy.execute('SELECT 1') \$\$"), '', "$language: DO");
}
$session->value('SET client_min_messages = error'); # the policy names functions that this database has not got
is($session->value('SELECT pybox.reload_policy()'), $primary->safe_psql('postgres', 'SELECT pybox.reload_policy()'),
	'the policy can be loaded anew');
$primary->safe_psql('postgres', "CREATE OR REPLACE FUNCTION pybox_set(n int) RETURNS SETOF int LANGUAGE pybox AS 'return [n]'");
$primary->wait_for_catchup($standby);
is($session->value('SELECT pybox_set(7)'), '7', 'a function that the primary replaced is the new one here');

# What replay needs, a call has to give up. The server repeats its demand until the transaction is over, and up to PostgreSQL
# 15 a second one that comes while the call is being ended also ends the session: so each has one of its own.
for my $language (@languages)
{
	my $holder = PyboxSession->new($standby);
	$holder->send("SELECT ${language}_endless(i) FROM locked");
	ok($holder->wait_for(qr/inside/), "$language: a call holds a lock");
	$primary->safe_psql('postgres', 'TRUNCATE locked; INSERT INTO locked VALUES (1)');
	my $answer = $holder->wait;
	is($answer->{sqlstate}, '40001', "$language: and is cancelled for replay");
	like($answer->{text}, qr/canceling statement due to conflict with recovery/, "$language: saying so");
	$primary->wait_for_catchup($standby);
	$holder->quit;
}
like($session->value('SELECT pybox_sum(1)'), qr/^1 True \d+$/, 'other sessions go on');

# Promoted, the same session writes.
$standby->promote;
$session->poll('SELECT NOT pg_is_in_recovery()');
for my $language (@languages)
{
	like($session->value("SELECT ${language}_sum(1)"), qr/^1 False \d+$/, "$language: calls after promotion");
	is($session->value("SELECT ${language}_write()"), '1', "$language: writes");
}
is($session->value("CREATE FUNCTION mine() RETURNS int LANGUAGE pybox AS 'return 1'; SELECT mine()"), '1', 'a new function');
$session->quit;

for my $node ($standby, $primary)
{
	ok($node->poll_query_until('postgres', 'SELECT sum(running + waiting) = 0 FROM pybox.pools'), 'no slot is left');
	processes_of($node);
	$node->stop;
	ok(wait_for_no_processes($node), 'nothing is left of ' . $node->name);
}
done_testing();
