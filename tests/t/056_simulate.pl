# Traces and the simulator: real calls recorded and simulated, who may record, the command, and the document's example.
use strict;
use warnings;
use File::Basename qw(dirname);
use FindBin;
use JSON::PP;
use PostgreSQL::Test::Utils;
use PyboxTest;
use PyboxSession;
use Test::More;

my $root = dirname(dirname($FindBin::RealBin));
my $folder = PostgreSQL::Test::Utils::tempdir();
chomp(my $bindir = `pg_config --bindir`);
my $command = -x "$root/build/pybox-policy" ? "$root/build/pybox-policy" : "$bindir/pybox-policy";
$ENV{PATH} = dirname($command) . ":$ENV{PATH}";
umask 022;

# Output, errors and exit status of a command.
sub policy
{
	my ($out, $err);
	my $ok = IPC::Run::run([ $command, @_ ], '>', \$out, '2>', \$err);
	return ($out, $err, $? >> 8);
}

sub simulated { my ($out) = policy('simulate', '--format', 'json', @_); return decode_json($out); }

# --- a real trace -----------------------------------------------------------------------------------------------------------
my $node = new_node('simulate', conf => "pybox.trace_calls_max = 40\n");
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pybox;
CREATE ROLE monitor LOGIN IN ROLE pg_monitor;
CREATE ROLE nobody LOGIN;
CREATE ROLE eve LOGIN;
CREATE SCHEMA trap AUTHORIZATION eve;
CREATE FUNCTION asks(n int) RETURNS int LANGUAGE pybox AS $$
for i in range(n): plpy.execute('SELECT 1')
return n
$$;
CREATE FUNCTION "fails, ""badly""" () RETURNS int LANGUAGE pybox AS 'raise ValueError("no")';
CREATE FUNCTION series(n int) RETURNS SETOF int LANGUAGE pybox AS 'yield from range(n)';
SQL
sub sql { return $node->safe_psql('postgres', $_[0], @_[ 1 .. $#_ ]); }

is(sql('SELECT * FROM pybox.trace_state()'), 'f||0|40|0', 'nothing is recorded until somebody asks');
sql('SELECT asks(1)');
is(sql('SELECT pybox.trace_start()'), '40', 'there is room for so many');
sql('SELECT asks(g % 3) FROM generate_series(1, 9) g');
$node->psql('postgres', 'SELECT "fails, ""badly""" ()');
sql('SELECT count(*) FROM series(5)');
sql('DO LANGUAGE pybox $$ pass $$');
is(sql('SELECT recording, since IS NOT NULL, calls FROM pybox.trace_state()'), 't|t|12', 'each call that ended is recorded');
is(sql('SELECT pybox.trace_stop()'), '12', 'and counted');
sql('SELECT asks(1)');
is(sql('SELECT calls FROM pybox.trace_state()'), '12', 'none is recorded any more');
is(sql(<<'SQL'), <<'TEXT' =~ s/\n\z//r, 'function, queries and outcome of each');
SELECT function, role, database, pool, queries, outcome, count(*), bool_and(run_us > 0 AND at_us >= 0 AND queue_us >= 0)
FROM pybox.record_trace() GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 5
SQL
public.asks|postgres|postgres|standard|0|done|3|t
public.asks|postgres|postgres|standard|1|done|3|t
public.asks|postgres|postgres|standard|2|done|3|t
public.fails, "badly"|postgres|postgres|standard|0|python|1|t
public.series|postgres|postgres|standard|0|done|1|t
|postgres|postgres|standard|0|done|1|t
TEXT
is(sql('SELECT min(at_us), bool_and(at_us >= before) FROM (SELECT at_us, lag(at_us, 1, 0::bigint) OVER () AS before FROM pybox.record_trace()) t'),
	'0|t', 'in the order in which they came, from zero');

my $trace = "$folder/real.csv";
sql("\\copy (SELECT * FROM pybox.record_trace()) TO '$trace' CSV HEADER");
my $policy = "$folder/one.yaml";
append_to_file($policy, "version: 1\nnode: {name: n, id: 1, slots: 2}\npools: {one: {limits: {wall: 1h}}}\n");
my $simulated = simulated($policy, $trace);
is($simulated->{calls}, 12, 'the simulator reads what was recorded');
is($simulated->{runs}{policy}{done}, 12, 'and all calls end');
is($simulated->{pools}{one}{shares}[0]{slot_us} + 0, sql('SELECT sum(run_us) FROM pybox.record_trace()') + 0,
	'slot time is what was recorded');

sql('SELECT pybox.trace_start()');
sql('SELECT asks(0) FROM generate_series(1, 50)');
is(sql('SELECT calls, room, missed FROM pybox.trace_state()'), '40|40|10', 'what there is no room for is counted');
is(sql('SELECT count(*) FROM pybox.record_trace()'), '40', 'and the others are there');

my $elsewhere = PyboxSession->new($node);
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', "CREATE EXTENSION pybox; CREATE FUNCTION there() RETURNS int LANGUAGE pybox AS 'return 1'");
sql('SELECT pybox.trace_start()');
$node->safe_psql('other', 'SELECT there()');
like(sql('SELECT database, function FROM pybox.record_trace()'), qr/^other\|\d+$/, "another database's function has its oid");

# --- rights -----------------------------------------------------------------------------------------------------------------
for my $call (qw(trace_start trace_stop trace_state trace_rows record_trace))
{
	my ($code, $out, $err) = $node->psql('postgres', "SELECT pybox.$call()", extra_params => [ '-U', 'nobody' ]);
	like($err, qr/permission denied for function $call/, "not everybody may $call()");
}
is(sql('SELECT pybox.trace_start(), pybox.trace_stop(), (SELECT count(*) FROM pybox.record_trace())', extra_params => [ '-U', 'monitor' ]),
	'40|0|0', 'a member of pg_monitor may');

# Others may make operators that fit better than the server's, in schemas that one's path names.
$node->safe_psql('postgres', <<'SQL', extra_params => [ '-U', 'eve' ]);
CREATE FUNCTION trap.sprung(name, name) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''sprung''; END';
CREATE OPERATOR trap.|| (LEFTARG = name, RIGHTARG = name, FUNCTION = trap.sprung);
SQL
sql('SELECT pybox.trace_start()');
sql('SELECT asks(1)');
is(sql('SET search_path = trap, public; SELECT function FROM pybox.record_trace()'), 'public.asks', '... and runs nobody\'s code for it');
$elsewhere->close if $elsewhere->can('close');
$node->append_conf('postgresql.conf', "pybox.trace_calls_max = 0\n");
$node->restart;
my ($code, $out, $err) = $node->psql('postgres', 'SELECT pybox.trace_start()');
is($err =~ s/^psql:<stdin>:\d+: //r, <<'TEXT' =~ s/\n\z//r, 'no room at all');
ERROR:  there is no room for a trace
DETAIL:  pybox.trace_calls_max is 0.
HINT:  Set pybox.trace_calls_max to how many calls to keep, and restart the server.
TEXT
$node->stop;

# --- the command ------------------------------------------------------------------------------------------------------------
my ($first) = policy('generate', '--seed', '7', '--calls', '300');
my ($again) = policy('generate', '--seed', '7', '--calls', '300');
my ($other) = policy('generate', '--seed', '8', '--calls', '300');
is($first, $again, 'the same seed gives the same trace');
isnt($first, $other, 'another one another');
append_to_file("$folder/seven.csv", $first);
is((policy('simulate', '--compare', $policy, "$folder/seven.csv"))[0], (policy('simulate', $policy, "$folder/seven.csv", '--compare'))[0],
	'the same trace gives the same figures, wherever options stand');

append_to_file("$folder/bad.csv", "at_us,run_us\n1,2\n2,soon\n");
append_to_file("$folder/empty.csv", "at_us,run_us\n");
append_to_file("$folder/two.yaml", "version: 1\npools: {two: {}}\n");
my $seven = "$folder/seven.csv";
for my $case (
	[ [ $policy, "$folder/bad.csv" ], 1, "$folder/bad.csv:3:2: run_us: expected a whole number from 0 to 2592000000000, found \"soon\"" ],
	[ [ $policy, "$folder/empty.csv" ], 1, "$folder/empty.csv: there are no calls in it" ],
	[ [ $policy, "$folder/none.csv" ], 1, "$folder/none.csv: No such file or directory" ],
	[ [ $policy, $seven, '--reload', "$folder/two.yaml" ], 1, 'pybox-policy: the policy to reload must have the same pools in the same order' ],
	[ [$policy], 2, 'pybox-policy: expected a policy and a trace for simulate' ],
	[ [ $policy, $seven, '--slots', '0' ], 2, 'pybox-policy: slots: expected a whole number from 1 to 1024, found "0"' ],
	[ [ $policy, $seven, '--speed', 'nan' ], 2, 'pybox-policy: speed: expected a number from 0.01 to 100, found "nan"' ],
	[ [ $policy, $seven, '--quantum', '5' ], 2, 'pybox-policy: quantum: expected a time such as 500us, 20ms or 3s, found "5"' ],
	[ [ $policy, $seven, '--format', 'xml' ], 2, 'pybox-policy: format: expected text or json, found xml' ],
	[ [ $policy, $seven, '--pools', 'all' ], 2, 'pybox-policy: pools: expected policy or recorded, found all' ],
	[ [ $policy, $seven, '--prediction', 'luck' ], 2, 'pybox-policy: prediction: expected history, none or sizes, found luck' ])
{
	my ($arguments, $status, $message) = @$case;
	my ($said, $errors, $exit) = policy('simulate', @$arguments);
	is((split /\n/, $errors)[0], $message, "refused: " . $message =~ s{^$folder/}{}r);
	is($exit, $status, 'with its status');
}

# What is printed, with the document's figures where they are within half of ours: they move with each rule of the queue.
sub like_document
{
	my ($printed, $document) = @_;
	my @theirs = $document =~ /(\d+(?:[.]\d+)?)/g;

	return $printed =~ s{(\d+(?:[.]\d+)?)}{
		my ($ours, $theirs) = ($1, shift(@theirs) // -1);
		abs($ours - $theirs) <= 0.5 * $theirs + 5 ? $theirs : $ours }ger =~ s/ +/ /gr eq $document =~ s/ +/ /gr ? $document : $printed;
}

# --- the document's example: each "$ " line is run, and prints what stands below it; PYBOX_TEST_REWRITE=FILE writes it anew ---
my $text = slurp_file("$root/policies/simulate.md");
my ($before) = $text =~ /^```yaml\n(.*?)^```\n/ms;
append_to_file("$folder/before.yaml", $before);
my @blocks = grep { /^\$ / } $text =~ /^```\w*\n(.*?)^```\n/msg;
is(scalar @blocks, 2, 'the document shows two sessions');
for my $step (map { split /^(?=\$ )/m } @blocks)
{
	my ($line, $printed) = $step =~ /\A\$ ([^\n]*\n(?:> [^\n]*\n)*)(.*)\z/s or die $step;
	$line =~ s/^> //mg;
	my ($out, $err);
	IPC::Run::run([ 'bash', '-c', "cd $folder && $line" ], '>', \$out, '2>', \$err);
	is($err, '', 'without errors: ' . (split /\n/, $line)[0]);
	is(like_document($out, $printed), $printed, 'prints what the document says') unless $ENV{PYBOX_TEST_REWRITE};
	substr($text, index($text, $step) + length($step) - length($printed), length $printed) = $out;
}

if ($ENV{PYBOX_TEST_REWRITE})
{
	open my $file, '>', $ENV{PYBOX_TEST_REWRITE} or die $!;
	print $file $text;
	close $file;
}

done_testing();
