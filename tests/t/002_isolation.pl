# pg_isolation_regress over tests/specs, on one server.
use strict;
use warnings;
use File::Basename qw(basename dirname);
use PostgreSQL::Test::Utils;
use PyboxTest;
use Test::More;

my $tests = dirname(dirname(__FILE__));
my $output = "$PostgreSQL::Test::Utils::tmp_check/isolation";
my @specs = map { basename($_, '.spec') } glob "$tests/specs/*.spec";

die 'no specs' unless @specs;

my $node = new_node('isolation', policy => 'isolation.yaml');
$node->safe_psql('postgres', 'CREATE DATABASE pybox_isolation');
$node->safe_psql('pybox_isolation', 'CREATE EXTENSION pybox');
mkdir $output or die "$output: $!";
my $passed = 0 == system($ENV{PG_ISOLATION_REGRESS}, '--bindir=', '--host=' . $node->host, '--port=' . $node->port,
	'--dbname=pybox_isolation', '--use-existing', "--inputdir=$tests", "--outputdir=$output", @specs);

diag(slurp_file("$output/regression.diffs")) if !$passed && -s "$output/regression.diffs";
ok($passed, 'isolation tests');
$node->stop;

done_testing();
