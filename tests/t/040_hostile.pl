# Every case of tests/hostile is contained, and leaves nothing, on a machine with all layers and on machines that lack one;
# and what one layer alone holds is listed. tests/README.md tells of the cases.
use strict;
use warnings;
use Hostile qw(cases single_layers left_out setup_sql policy case_sql call_of verdict);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use HostileWatch;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

my $only = $ENV{PYBOX_TEST_ONLY};         # a regular expression: only cases with such an id, or of such a group
my $only_setup = $ENV{PYBOX_TEST_SETUP};  # names of set-ups, with commas
my $is_verbose = $ENV{PYBOX_TEST_VERBOSE}; # what became of every case

# A set-up: its name, the layers that it lacks as single_layer.tbl calls them, which the policy then does not require, and
# how its node is made. Without a user namespace there is none of the others, no private root, nothing to drop, and no call
# in an untrusted language, since its mount namespace is owed. No server can be without
# the filter: that one has programs of the suite's own.
my @namespaces = qw(user_namespace mount_namespace pid_namespace ipc_namespace uts_namespace net_namespace root);
my @setups = (
	{ name => 'full', lacks => '', without => [], node => {} },
	{ name => 'no user namespaces', lacks => 'namespaces', without => [ @namespaces, 'capabilities' ], no_untrusted => 1, node => { without => 'user_namespace' } },
	{ name => 'no landlock', lacks => 'landlock', without => ['landlock'], node => { without => 'landlock' } },
	{ name => 'no cgroup', lacks => 'cgroup', without => [], node => { cgroup => 0 } },
	{ name => 'no seccomp', lacks => 'seccomp', without => [], node => { install_path => \&install_unfiltered } });
my @layers = (@namespaces, qw(capabilities no_new_privs rlimits landlock seccomp));
my %has_layers = map { $_ => 1 } qw(reads writes network); # groups that run without the filter too

my $watched = $ENV{PYBOX_TEST_WATCHED} // ''; # by what the servers are watched (tests/run)
my $left_out = left_out();
my @cases = grep { !defined $only || $_->{id} =~ /$only/ || $_->{group} =~ /^(?:$only)$/ } cases();
my @untried = grep { $left_out->{ $_->{id} }{$watched} } @cases;
@cases = grep { !$left_out->{ $_->{id} }{$watched} } @cases;
note("$_->{id} is not tried, $watched: $left_out->{ $_->{id} }{$watched}{why}") for @untried;
# The programs without the filter are none of those that are watched. Without cgroups address space is the memory limit, and
# the address sanitizer's shadow is more than that.
my %is_unwatched = ('' => qr/^$/, sanitized => qr/^(?:seccomp|cgroup)$/, 'sanitized-server' => qr/^seccomp$/, valgrind => qr/^seccomp$/);
@setups = grep { $_->{lacks} eq '' || $_->{lacks} !~ $is_unwatched{$watched} } @setups;
@setups = grep { my $name = $_->{name}; grep { $_ eq $name } split /,/, $only_setup } @setups if defined $only_setup;
die "no such case or set-up\n" unless @setups && @cases;

# What takes every interpreter that a role's session may have.
sub warm_of { my ($run, $role) = @_; return $run->{warm}{$role} // 'hostile.alive()'; }

# A new session for a case's role, or the one that is there. With its interpreter.
sub session_for
{
	my ($run, $role) = @_;

	$run->{session}{$role} //= do {
		my $session = PyboxSession->new($run->{node}, role => $role);
		$session->value('SELECT ' . warm_of($run, $role));
		$session;
	};
	return $run->{session}{$role};
}

# The superuser's session has an interpreter of each language.
sub baseline
{
	my ($run) = @_;
	my $more = $run->{session}{postgres} && !$run->{setup}{no_untrusted} ? 1 : 0;

	return $run->{watch}->baseline($more + keys %{ $run->{session} }, values %{ $run->{session} });
}

sub session_end
{
	my ($run, $role) = @_;
	my $session = delete $run->{session}{$role} or return;

	$session->quit;
	baseline($run);
	return;
}

# What a way is expected to come to. Without the filter it is enough that another layer keeps it harmless, if the case says so.
sub expectation
{
	my ($setup, $case, $way) = @_;

	return $case->{untrusted} if $way->{kind} =~ /untrusted/;
	return 'harmless' if defined $case->{second} && $setup->{lacks} eq 'seccomp';
	return $case->{expect};
}

# Runs one way of one case; returns { is_expected, is_refused, name, text, faults }.
sub try_way
{
	my ($run, $case, $way) = @_;
	my $role = $way->{kind} =~ /untrusted/ ? 'postgres' : $case->{role};
	session_end($run, $role) if $case->{session} =~ /^(?:own|ends)$/;
	my $is_new = !$run->{session}{$role};
	my $session = session_for($run, $role);
	my @faults;

	baseline($run) if $is_new;
	my $answer = $session->ask(call_of($way));
	if ($answer->{lost}) { session_end($run, $role); }
	else
	{
		$session->ask('DISCARD ALL') if $case->{session} eq 'reset';
		my $usable = $session->ask('SELECT pg_backend_pid(), ' . warm_of($run, $role));
		push @faults, "the session: $usable->{text}" if $usable->{text} !~ /^@{[$session->pid]}(?:\|42)+$/;
	}
	push @faults, $run->{watch}->faults($case);
	session_end($run, $role) if $case->{session} =~ /^(?:own|ends)$/;
	$answer->{text} = substr($answer->{text}, 0, 1000);
	my %result = (name => "$case->{id} ($way->{kind})", text => $answer->{text}, faults => \@faults,
		is_expected => verdict($case, expectation($run->{setup}, $case, $way), $answer), is_refused => verdict($case, 'refused', $answer));
	note("$run->{setup}{name}: $result{name}: $answer->{text}") if $is_verbose;
	return \%result;
}

# A tree of PostgreSQL's programs in which a server finds the suite's launcher and interpreter next to itself. Where its other
# files are it knows by its own place.
sub install_unfiltered
{
	my $prefix = PostgreSQL::Test::Utils::tempdir();
	my %folder = map { $_ => `pg_config --$_` =~ s/\n//r } qw(bindir sharedir pkglibdir);

	make_path("$prefix$folder{bindir}", map { dirname("$prefix$folder{$_}") } qw(sharedir pkglibdir));
	symlink $folder{$_}, "$prefix$folder{$_}" or die "$_: $!" for qw(sharedir pkglibdir);
	symlink $_, "$prefix$_" or die "$_: $!" for grep { !m{/(?:pg_ctl|postgres|pybox-launcher|pybox-interpreter)$} } glob "$folder{bindir}/*";
	system_or_bail('cp', map({ "$folder{bindir}/$_" } qw(pg_ctl postgres)), glob(dirname(__FILE__) . '/../../build/unfiltered/*'), "$prefix$folder{bindir}");
	return dirname("$prefix$folder{bindir}");
}

sub start
{
	my ($setup) = @_;
	my %is_missing = map { $_ => 1 } @{ $setup->{without} };
	my %option = map { $_ => ref $setup->{node}{$_} ? $setup->{node}{$_}->() : $setup->{node}{$_} } keys %{ $setup->{node} };
	my $node = new_node($setup->{name} =~ tr/ /_/r, policy => policy(grep { !$is_missing{$_} } @layers),
		conf => "hostile.canary = 'untouched'", %option);
	my $run = { setup => $setup, node => $node, session => {}, warm => { postgres => $setup->{no_untrusted} ? 'hostile.alive()' : 'hostile.alive(), hostile.alive_u()' } };

	$node->safe_psql('postgres', setup_sql() . case_sql(@cases));
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

	for my $case (cases_of($setup))
	{
		my @ways = grep { !$setup->{no_untrusted} || $_->{kind} !~ /untrusted/ } @{ $case->{ways} };
		push @{ $result{ $case->{id} } }, try_way($run, $case, $_) for @ways;
	}
	is($run->{watch}->admin->ask('SELECT hostile.alive_u()')->{sqlstate}, '55000', "$setup->{name}: no untrusted call")
	  if $setup->{no_untrusted};
	$setup->{seconds} = PyboxSession::now() - $started;
	$_->quit for values %{ $run->{session} };
	$run->{watch}->quit;
	$run->{node}->stop;
	ok(wait_for_no_processes($run->{node}), "$setup->{name}: nothing is left of the server");
	return \%result;
}

# No server of ours runs without the filter: that set-up is there to see which cases have a second layer.
sub cases_of { my ($setup) = @_; return grep { $setup->{lacks} ne 'seccomp' || $has_layers{ $_->{group} } } @cases; }

my $listed = single_layers();
my %results = map { $_->{name} => run_setup($_) } @setups;

sub results_of { my ($setup, $id) = @_; return @{ $results{ $setup->{name} }{$id} // [] }; }
sub is_contained { my ($setup, $id) = @_; return !grep { !$_->{is_expected} } results_of($setup, $id); }
sub is_exception { my ($setup, $id) = @_; return defined $listed->{$id} && defined $listed->{$id}{ $setup->{lacks} }; }

# --- every set-up: what gets through is listed, what is listed gets through, and nothing ever leaves a trace ---
for my $setup (@setups)
{
	my @ids = map { $_->{id} } cases_of($setup);
	my @through = grep { !is_contained($setup, $_) && !is_exception($setup, $_) } @ids;
	is("@through", '', "$setup->{name}: every case is contained that is not listed");
	for my $id (@through) { diag("$setup->{name}: $_->{name}: $_->{text}") for grep { !$_->{is_expected} } results_of($setup, $id); }

	my @held = grep { is_contained($setup, $_) && is_exception($setup, $_) && !$listed->{$_}{ $setup->{lacks} }{may_hold} } @ids;
	is("@held", '', "$setup->{name}: no case is listed in single_layer.tbl that another layer holds too");

	my @unclean = grep { @{ $_->{faults} } } map { results_of($setup, $_) } @ids;
	is(scalar @unclean, 0, "$setup->{name}: no restart, no leftover, no neighbour disturbed");
	diag("$setup->{name}: $_->{name}: $_->{text}", map { "\n  $_" } @{ $_->{faults} }) for @unclean;
}

# --- `second:` is for what the filter alone refuses ---
for my $setup (grep { $_->{lacks} eq 'seccomp' } @setups)
{
	my @idle = grep { my $id = $_->{id}; defined $_->{second} && !grep { !$_->{is_refused} } results_of($setup, $id) } cases_of($setup);
	is(join(' ', map { $_->{id} } @idle), '', 'no case names a second layer that is refused without the filter too');
}

# --- the report ---
my %is_case = map { $_->{id} => 1 } cases();
is(join(' ', grep { !$is_case{$_} } sort keys %$listed), '', 'single_layer.tbl lists cases only');
is(join(' ', grep { !$is_case{$_} } sort keys %$left_out), '', 'left_out.tbl lists cases only');

sub report_row { my ($first, @others) = @_; return sprintf('%-11s', $first) . join('', map { sprintf '%20s', $_ } @others) . "\n"; }

sub report
{
	my %group = map { $_->{group} => 1 } @cases;
	my $text = report_row('group', 'cases', map { $_->{name} } @setups);
	my $faults = grep { @{ $_->{faults} } } map { @$_ } map { values %$_ } values %results;
	my $contained = grep { my $id = $_->{id}; !grep { !is_contained($_, $id) && !is_exception($_, $id) } @setups } @cases;

	for my $name (sort keys %group)
	{
		my @ids = map { $_->{id} } grep { $_->{group} eq $name } @cases;
		my @columns = map { my $setup = $_; my @ran = grep { results_of($setup, $_) } @ids; @ran ? grep({ is_contained($setup, $_) } @ran) . ' contained' : '-' } @setups;
		$text .= report_row($name, scalar @ids, @columns);
	}
	$text .= report_row('seconds', '', map { sprintf '%.1f', $_->{seconds} } @setups);
	my $attempts = map { @$_ } map { values %$_ } values %results;
	my @layered = grep { $has_layers{ $_->{group} } } @cases;
	my $single = grep { $listed->{ $_->{id} } } @layered;
	$text .= sprintf "%d of the %d cases about files and networks are stopped by two layers, %d by the one that single_layer.tbl names\n",
	  @layered - $single, scalar @layered, $single;
	return $text . @cases . " cases, $contained contained but for those listed, $attempts attempts; $faults with a restart, a leftover or a neighbour disturbed\n";
}

$ENV{PYBOX_TEST_REPORT} ? diag(report()) : note(report());
done_testing();
