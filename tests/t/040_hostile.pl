# Every case of tests/hostile is contained, and leaves nothing, on a machine with all layers and on machines that lack one;
# and what one layer alone holds is listed. tests/README.md tells of the cases.
use strict;
use warnings;
use Hostile qw(cases single_layers setup_sql policy case_sql call_of verdict);
use HostileWatch;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

my $only = $ENV{PYBOX_TEST_ONLY};         # a regular expression: only cases with such an id, or of such a group
my $only_setup = $ENV{PYBOX_TEST_SETUP};  # names of set-ups, with commas
my $is_verbose = $ENV{PYBOX_TEST_VERBOSE}; # what became of every case

# A set-up: its name, the layer that it lacks, and how its node is made.
my @setups = (
	{ name => 'full', lacks => '', node => {} },
	{ name => 'no cgroup', lacks => 'cgroup', node => { cgroup => 0 } });

my @layers = qw(user_namespace mount_namespace pid_namespace ipc_namespace uts_namespace net_namespace root capabilities no_new_privs
  rlimits landlock seccomp);
my @cases = grep { !defined $only || $_->{id} =~ /$only/ || $_->{group} =~ /^(?:$only)$/ } cases();
@setups = grep { my $name = $_->{name}; grep { $_ eq $name } split /,/, $only_setup } @setups if defined $only_setup;

# A new session for a case's role, or the one that is there. With its interpreter.
sub session_for
{
	my ($run, $role) = @_;

	$run->{session}{$role} //= do {
		my $session = PyboxSession->new($run->{node}, role => $role);
		$session->value('SELECT hostile.alive()' . ($role eq 'postgres' ? ', hostile.alive_u()' : ''));
		$session;
	};
	return $run->{session}{$role};
}

sub session_end
{
	my ($run, $role) = @_;
	my $session = delete $run->{session}{$role};

	$session->quit if $session;
	$run->{watch}->baseline(values %{ $run->{session} });
	return;
}

# Runs one way of one case; returns { ok, text, faults }.
sub try_way
{
	my ($run, $case, $way) = @_;
	my $role = $way->{kind} =~ /untrusted/ ? 'postgres' : $case->{role};
	my $is_new = !$run->{session}{$role};
	my $session = session_for($run, $role);
	my $expect = $way->{kind} =~ /untrusted/ ? $case->{untrusted} : $case->{expect};
	my @faults;

	$run->{watch}->baseline(values %{ $run->{session} }) if $is_new;
	my $answer = $session->ask(call_of($way));
	my $is_as_expected = verdict($case, $expect, $answer);
	if ($answer->{lost}) { session_end($run, $role); }
	else
	{
		$session->ask('DISCARD ALL') if $case->{session} eq 'reset';
		my $usable = $session->ask('SELECT pg_backend_pid(), hostile.alive()');
		push @faults, "the session: $usable->{text}" if $usable->{text} ne $session->pid . '|42';
	}
	push @faults, $run->{watch}->faults($case);
	session_end($run, $role) if $case->{session} =~ /^(?:own|ends)$/;
	$answer->{text} = substr($answer->{text}, 0, 1000);
	my $name = "$run->{setup}{name}: $case->{id} ($way->{kind})";
	note("$name: $answer->{text}") if $is_verbose;
	return { is_contained => $is_as_expected && !@faults, name => $name, text => $answer->{text}, faults => \@faults };
}

sub start
{
	my ($setup) = @_;
	my $node = new_node($setup->{name} =~ tr/ /_/r, policy => policy(@layers), conf => "hostile.canary = 'untouched'", %{ $setup->{node} });
	my $run = { setup => $setup, node => $node, session => {} };

	$node->safe_psql('postgres', setup_sql() . "SET check_function_bodies = off;\n" . case_sql(@cases));
	$run->{watch} = HostileWatch->new($node);
	$run->{watch}->facts_put;
	return $run;
}

# case id => results of its ways.
sub run_setup
{
	my ($setup) = @_;
	my $run = start($setup);
	my $started = PyboxSession::now();
	my %result;

	for my $case (@cases)
	{
		push @{ $result{ $case->{id} } }, try_way($run, $case, $_) for @{ $case->{ways} };
	}
	note(sprintf '%s: %.1f s', $setup->{name}, PyboxSession::now() - $started);
	$_->quit for values %{ $run->{session} };
	$run->{watch}->quit;
	$run->{node}->stop;
	ok(wait_for_no_processes($run->{node}), "$setup->{name}: nothing is left of the server");
	return \%result;
}

my %results = map { $_->{name} => run_setup($_) } @setups;
for my $setup (@setups)
{
	my @failed = grep { !$_->{is_contained} } map { @$_ } map { $results{ $setup->{name} }{ $_->{id} } } @cases;
	is(scalar @failed, 0, "$setup->{name}: every case is contained");
	diag("$_->{name}: $_->{text}", map { "\n  $_" } @{ $_->{faults} }) for @failed;
}
done_testing();
