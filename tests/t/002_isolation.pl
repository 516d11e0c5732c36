# pg_isolation_regress over tests/specs: those named deadlock_* on a server of their own, with what tests/deadlock.sql makes.
# PYBOX_TEST_ONLY: a pattern for names.
use strict;
use warnings;
use File::Basename qw(basename dirname);
use PostgreSQL::Test::Utils;
use PyboxTest;
use Test::More;

my $tests = dirname(dirname(__FILE__));
my $only = $ENV{PYBOX_TEST_ONLY} // '';
my @specs = grep { /$only/ } map { basename($_, '.spec') } glob "$tests/specs/*.spec";

die 'no specs' unless @specs;

# A hang is to be told by the tester, not by the runner.
$ENV{PGISOLATIONTIMEOUT} = $ENV{PYBOX_TEST_HANG} // 60;

sub isolation
{
	my ($name, $policy, $setup, @specs) = @_;
	my $output = "$PostgreSQL::Test::Utils::tmp_check/$name";
	my $node = new_node($name, policy => $policy);

	$node->safe_psql('postgres', 'CREATE DATABASE pybox_isolation');
	$node->safe_psql('pybox_isolation', $setup);
	mkdir $output or die "$output: $!";
	my $passed = 0 == system($ENV{PG_ISOLATION_REGRESS}, '--bindir=', '--host=' . $node->host, '--port=' . $node->port,
		'--dbname=pybox_isolation', '--use-existing', "--inputdir=$tests", "--outputdir=$output", @specs);

	diag(slurp_file("$output/regression.diffs")) if !$passed && -s "$output/regression.diffs";
	ok($passed, "$name tests");
	$node->stop;
	return;
}

my @deadlock = grep { /^deadlock_/ } @specs;
my @others = grep { !/^deadlock_/ } @specs;

isolation('isolation', 'isolation.yaml', 'CREATE EXTENSION pybox', @others) if @others;
isolation('deadlock', 'deadlock.yaml', slurp_file("$tests/deadlock.sql"), @deadlock) if @deadlock;

done_testing();
