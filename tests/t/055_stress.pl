# Many sessions call everything at once while a controller cancels, kills, pauses, resumes, moves, drains, reloads, sets
# priorities and ends sessions and processes at random. Whatever it does: each call gives the right result or one of the errors
# that somebody asked for, each look at the views finds them consistent, and whenever all stand still no slot, no memory and no
# call is lost, and all views agree.
# PYBOX_TEST_STRESS_CALLS and PYBOX_TEST_STRESS_SECONDS: how many calls, and how long, at least; PYBOX_TEST_SEED.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxStress;
use PyboxTest;
use Test::More;

my $calls = $ENV{PYBOX_TEST_STRESS_CALLS} // 2000;
my $seconds = $ENV{PYBOX_TEST_STRESS_SECONDS} // 15;
my $seed = $ENV{PYBOX_TEST_SEED} // 20231123;
my $count = 64;

my $node;

srand($seed);
note("seed $seed, $calls calls, $seconds s");

# Its number tells which place it has, and gives up when it is lost.
sub worker
{
	my ($number) = @_;
	my $worker = PyboxSession->new($node, role => PyboxStress::role($number));

	$worker->{number} = $number;
	return $worker;
}

$node = new_node('stress', policy => PyboxStress::policy(0), conf => "max_connections = 100\nlog_statement = none\n");
$node->safe_psql('postgres', PyboxStress::setup());

my $admin = PyboxSession->new($node, sql => 'SET client_min_messages = error');
my $started = $admin->value('SELECT pg_postmaster_start_time()');
my $stress = PyboxStress->new(
	workers => [ map { worker($_) } 0 .. $count - 1 ],
	connect => \&worker,
	controller => PyboxSession->new($node, sql => 'SET client_min_messages = error'),
	sampler => PyboxSession->new($node),
	progress => sub { note($_[0]) },
	reload => sub { write_policy($node, $_[0]) });

# What there still is but spare interpreters, when it does not go.
sub left
{
	my $found;

	poll_until(sub { ($found = left_now()) eq '' });
	return $found;
}

sub left_now
{
	my $spares = $admin->value('SELECT count(*) FROM pybox.interpreters');
	my @interpreters = interpreters_of($node);
	my $leased = $admin->value("SELECT count(*) FROM pybox.interpreters WHERE state <> 'spare'");
	my @found = (map({ "stopped: $_" } stopped_processes($node)), map({ "frozen: $_" } frozen_cgroups($node)), map { "empty: $_" } empty_cgroups($node));

	push @found, "$leased leased interpreters" if $leased;
	push @found, scalar(@interpreters) . " interpreters where there are $spares" if @interpreters != $spares;
	return join ', ', @found;
}

$stress->run($calls, $seconds);
note($stress->figures);
is($stress->wrong, '', 'every call ended as it should, and every sample of the views was consistent');
cmp_ok($stress->views->steady, '>', 0, 'there were samples, and of one policy');
cmp_ok($stress->stood, '>', 0, 'all stood still, and all views agreed');
# What is rare has come for certain only in a long run.
my $rare = $calls > 50000 ? qr/^$/ : qr/^(?:zygote|terminate|drain|53400)$/;
cmp_ok($stress->did($_), '>', 0, "there was $_") for grep { !/$rare/ } PyboxStress::acts();
cmp_ok($stress->ended($_), '>', 0, "calls ended with $_") for grep { !/$rare/ } qw(ok 57014 38000 53400);

ok($admin->poll('SELECT count(*) FROM pybox.activity', 0), 'no call is stuck');
is($admin->value(PyboxStress::totals()), PyboxStress::nothing(), 'no slot and no memory is lost, and the queue adds up');
is($admin->value('SELECT sum(paid) FROM account'), $stress->right('pay'), 'each payment was made once');
is(scalar(grep { $stress->is_alive($_) } $stress->workers), $count, 'every session can call');
is($admin->value('SELECT pg_postmaster_start_time()'), $started, 'the server was not restarted');

$_->quit for $stress->sessions;
is(left(), '', 'nothing is left of the sessions');
$admin->quit;
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');
is(join(' ', pybox_cgroups($node), shared_memory_of($node)), '', 'no cgroup and no shared memory either');

done_testing();
