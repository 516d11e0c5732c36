# pg_regress over tests/sql in the order of tests/schedule, on one server.
use strict;
use warnings;
use File::Basename qw(basename dirname);
use PostgreSQL::Test::Utils;
use PyboxTest;
use Test::More;

my $tests = dirname(dirname(__FILE__));
my $output = "$PostgreSQL::Test::Utils::tmp_check/regress";
my @scheduled = map { split ' ' } slurp_file("$tests/schedule") =~ /^test:(.*)$/mg;
my @written = map { basename($_, '.sql') } glob "$tests/sql/*.sql";

is_deeply([ sort @scheduled ], \@written, 'every file in tests/sql is in tests/schedule');

my $node = new_node('regress', conf => 'log_statement = none');
mkdir $output or die "$output: $!";
my $passed = 0 == system($ENV{PG_REGRESS}, '--bindir=', '--host=' . $node->host, '--port=' . $node->port,
	'--dbname=pybox_regress', "--inputdir=$tests", "--outputdir=$output", "--schedule=$tests/schedule");

diag(slurp_file("$output/regression.diffs")) if !$passed && -s "$output/regression.diffs";
ok($passed, 'regression tests');
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');

done_testing();
