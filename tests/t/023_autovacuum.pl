# Expressions that autovacuum evaluates: as the table's owner, in a worker that can be cancelled, with nothing left behind.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use PyboxTest;
use Test::More;

my $node = new_node('autovacuum', conf => <<'CONF', policy => <<'YAML');
autovacuum_naptime = 1s
autovacuum_analyze_threshold = 0
autovacuum_analyze_scale_factor = 0
deadlock_timeout = 100ms
CONF
version: 1
node: {name: test, id: 1, slots: 4}
pools:
  standard: {limits: {memory: 512MB, wall: 2min}, spares: 0}
  owners: {limits: {memory: 512MB, wall: 2min}, spares: 0}
assign:
  - {role: owner, pool: owners}
  - {pool: standard}
YAML
my @languages = qw(pybox pyboxu);

sub value { return $node->safe_psql('postgres', $_[0]); }

sub analysed
{
	my ($table, $times) = @_;
	return $node->poll_query_until('postgres', "SELECT autoanalyze_count >= $times FROM pg_stat_user_tables WHERE relname = '$table'");
}

value('CREATE EXTENSION pybox; CREATE ROLE owner; GRANT ALL ON SCHEMA public TO owner');
for my $language (@languages)
{
	my $sql = <<'SQL';
CREATE FUNCTION LANG_key(word text) RETURNS text IMMUTABLE LANGUAGE LANG AS $$
if "said" not in GD:
    row = plpy.execute("SELECT current_user AS c, session_user AS s")[0]
    plpy.log(f"LANG key made as {row['c']} of {row['s']}")
    GD["said"] = True
return word[:1]
$$;
CREATE FUNCTION LANG_power(word text) RETURNS text IMMUTABLE LANGUAGE LANG AS $$
try:
    plpy.execute("SELECT set_config('role', 'postgres', false)")
except plpy.SPIError as error:
    if "tried" not in GD:
        plpy.log(f"LANG power: {error}")
        GD["tried"] = True
return word
$$;
CREATE TABLE LANG_words (word text) WITH (autovacuum_enabled = off);
CREATE INDEX LANG_words_key ON LANG_words (LANG_key(word), LANG_power(word));
CREATE STATISTICS LANG_words_both ON LANG_key(word), length(word) FROM LANG_words;
INSERT INTO LANG_words SELECT chr(97 + i % 26) || i FROM generate_series(1, 200) AS i;
ALTER TABLE LANG_words OWNER TO owner;
SQL
	$sql =~ s/LANG(?!UAGE)/$language/g;
	value($sql);
}

# The owner's rights, with expression statistics of the index and extended ones.
my $log = -s $node->logfile;
value("ALTER TABLE ${_}_words SET (autovacuum_enabled = on)") for @languages;
for my $language (@languages)
{
	ok(analysed("${language}_words", 1), "$language: a table with an expression index is analysed");
	is(value("SELECT count(*) FROM pg_stats WHERE tablename = '${language}_words_key' AND n_distinct IS NOT NULL"),
		'2', "$language: its expressions have statistics");
	is(value("SELECT count(*) FROM pg_stats_ext_exprs WHERE statistics_name = '${language}_words_both' AND n_distinct IS NOT NULL"),
		'2', "$language: so have extended ones");
	ok($node->wait_for_log(qr/$language key made as owner of postgres/, $log), "$language: as the owner");
	ok($node->wait_for_log(qr/$language power: cannot set parameter "role" within security-restricted operation/, $log),
		"$language: who cannot become another");
}

# One that fails does not keep others from being analysed.
$log = -s $node->logfile;
value(<<'SQL');
CREATE FUNCTION fails(word text) RETURNS text IMMUTABLE LANGUAGE pybox AS $$
if word == "fail":
    raise ValueError("no key")
return word
$$;
CREATE TABLE failing (word text);
ALTER TABLE failing OWNER TO owner;
INSERT INTO failing VALUES ('good');
CREATE INDEX ON failing (fails(word));
SQL
value(<<'SQL');
CREATE OR REPLACE FUNCTION fails(word text) RETURNS text IMMUTABLE LANGUAGE pybox AS 'raise ValueError("no key")';
CREATE TABLE next_one AS SELECT 1 AS i;
SQL
ok($node->wait_for_log(qr/ValueError: no key.*automatic analyze of table "postgres.public.failing"/s, $log), 'an error names the table');
ok(analysed('next_one', 1), 'and the next table has its turn');

# A worker that is in Python is listed with its role and pool, and gives way to who needs the table.
value(<<'SQL');
DROP TABLE failing;
CREATE FUNCTION endless(word text) RETURNS text IMMUTABLE LANGUAGE pybox AS 'return word';
CREATE TABLE held (word text) WITH (autovacuum_enabled = off);
ALTER TABLE held OWNER TO owner;
CREATE INDEX ON held (endless(word));
INSERT INTO held VALUES ('a');
CREATE OR REPLACE FUNCTION endless(word text) RETURNS text IMMUTABLE LANGUAGE pybox AS 'while True: pass';
ALTER TABLE held SET (autovacuum_enabled = on);
SQL
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pybox.activity JOIN pg_stat_activity AS s USING (pid)
	WHERE s.backend_type = 'autovacuum worker' AND role = 'owner' AND pool = 'owners' AND activity.state = 'running'
	AND activity.database = 'postgres' AND function = 'endless(text)'"), 'its call is listed, with role and pool');
$log = -s $node->logfile;
is(value("BEGIN; LOCK TABLE held; ALTER TABLE held SET (autovacuum_enabled = off); COMMIT; SELECT 'locked'"), 'locked',
	'who wants the table gets it');
ok($node->wait_for_log(qr/canceling autovacuum task/, $log), 'as the worker was cancelled');

# Where no worker is, nothing of theirs is.
value('ALTER SYSTEM SET autovacuum = off; SELECT pg_reload_conf()');
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'"),
	'the workers end');
ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM pybox.activity'), 'no call is left');
ok($node->poll_query_until('postgres', 'SELECT sum(running + waiting) = 0 FROM pybox.pools'), 'no slot');
ok(poll_until(sub { !interpreters_of($node) }), 'no interpreter');
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');

done_testing();
