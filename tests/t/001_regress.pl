# pg_regress over tests/sql in the order of tests/schedule, on one server.
use strict;
use warnings;
use File::Basename qw(basename dirname);
use File::Path qw(make_path);
use PostgreSQL::Test::Utils;
use PyboxTest;
use Test::More;

my $tests = dirname(dirname(__FILE__));
my $output = "$PostgreSQL::Test::Utils::tmp_check/regress";
my $schedule = "$tests/schedule";
my @scheduled = map { split ' ' } slurp_file("$tests/schedule") =~ /^test:(.*)$/mg;
my @written = map { basename($_, '.sql') } glob "$tests/sql/*.sql";

is_deeply([ sort @scheduled ], \@written, 'every file in tests/sql is in tests/schedule');

my $node = new_node('regress', conf => "log_statement = none\nmax_prepared_transactions = 2");
# What runs a second time, below: all of it is the same in both languages.
my @both = qw(recursion set_context index_expression column_expression aggregate cursor_context plan_context parallel
  transaction_context security_context deferred operator clause plpy_context depth);

# Runs pg_regress and shows what differs; every run makes its database anew.
sub regress
{
	my ($input, $output, @what) = @_;
	my $passed = 0 == system($ENV{PG_REGRESS}, '--bindir=', '--host=' . $node->host, '--port=' . $node->port,
		'--dbname=pybox_regress', "--inputdir=$input", "--outputdir=$output", @what);

	diag(slurp_file("$output/regression.diffs")) if !$passed && -s "$output/regression.diffs";
	return $passed;
}

mkdir $output or die "$output: $!";
# Under the sanitizers shadow memory counts, so that a memory limit is met before Python can raise MemoryError.
if (($ENV{PYBOX_TEST_WATCHED} // '') eq 'sanitized')
{
	$schedule = "$output/schedule";
	append_to_file($schedule, slurp_file("$tests/schedule") =~ s/^(test:.*) memory$/$1/mr);
	note('the theme memory is not tried');
}
ok(regress($tests, $output, "--schedule=$schedule"), 'regression tests');

# Contexts of calls, once more with the languages in each other's place: sources and expected output alike.
my $swapped = "$output/swapped";
make_path("$swapped/sql", "$swapped/expected", "$swapped/results");
for my $file (map { ("sql/$_.sql", "expected/$_.out") } @both)
{
	my $text = slurp_file("$tests/$file");
	$text =~ s/\bLANGUAGE pybox(u?)\b/'LANGUAGE pybox' . ($1 ? '' : 'u')/ge;
	append_to_file("$swapped/$file", $text);
}
ok(regress($swapped, $swapped, '--load-extension=pybox', @both), 'the same of both languages');

# The last sessions, and the parallel workers, may still be on their way out.
ok($node->poll_query_until('pybox_regress', 'SELECT count(*) = 0 FROM pybox.activity'), 'no call is left');
ok($node->poll_query_until('pybox_regress', 'SELECT sum(running + waiting) = 0 FROM pybox.pools'),
	'no slot is left');
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');

done_testing();
