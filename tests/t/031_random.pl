# Random calls give under pyboxu, with pybox below it, what they give under plpython3u, and leak nothing.
#
# A leak of 100 bytes a call makes a process 49 kB larger in every 500 calls, while what only grows to the most that a call
# ever needed, or by an arena of an allocator, does so in steps that become rare. So the second half is looked at in ten
# parts: of the differences from one part's highest to the next one's, the median must stay below the bound.
# PYBOX_TEST_SEED makes another sequence; with fewer calls than 10,000 (PYBOX_TEST_CALLS) only larger leaks are seen.
use strict;
use warnings;
use Differential qw(normalized preamble);
use PostgreSQL::Test::Utils;
use PyboxTest;
use RandomCalls qw(functions_of random_call);
use Test::More;
use Time::HiRes ();

my $calls = $ENV{PYBOX_TEST_CALLS} // 10000;
my $seed = $ENV{PYBOX_TEST_SEED} // 20231122;
my $steps = 40; # how often memory is looked at
my $parts = 20; # in which it is compared
my $bound_kb = 32;
my $shown = 5;
note("PYBOX_TEST_SEED=$seed PYBOX_TEST_CALLS=$calls");

my $node = new_node('random', conf => 'log_min_messages = panic');
my $database = 'random';
$node->safe_psql('postgres', "CREATE DATABASE $database");
$node->safe_psql($database, "CREATE EXTENSION $_") for qw(plpython3u pybox);
my $folder = PostgreSQL::Test::Utils::tempdir();

my @calls = map { random_call($seed, $_) } 0 .. $calls - 1;

# kB of memory of its own that a process has, or nothing if it is gone.
sub memory_of
{
	my ($pid) = @_;
	my ($kb) = (eval { slurp_file("/proc/$pid/status") } // '') =~ /^RssAnon:\s+(\d+) kB/m;
	return $kb;
}

# Waits until the output has a line; the session that writes it may end before.
sub wait_for_line
{
	my ($path, $line, $psql) = @_;
	my $deadline = Time::HiRes::time() + $PostgreSQL::Test::Utils::timeout_default;

	while (Time::HiRes::time() < $deadline)
	{
		open my $in, '<', $path or die "$path: $!";
		seek $in, -200, 2 if -s $path > 200;
		my $end = do { local $/ = undef; <$in> };
		return 1 if $end =~ /^\Q$line\E$/m;
		Time::HiRes::sleep(0.01);
	}
	return 0;
}

# Runs all calls; returns what the client saw of each, and samples of memory: a list of { pid => kB } by step.
sub run_all
{
	my ($language, $other) = @_;
	my ($path, @samples) = ("$folder/$language");
	my $connection = $node->connstr($database);
	my $started = Time::HiRes::time();

	local $SIG{PIPE} = 'IGNORE';
	append_to_file($path, '');
	open my $psql, '|-', "psql -X -q -A -d '$connection' > $path 2>&1" or die $!;
	$psql->autoflush(1);
	my $ask = sub { my ($sql) = @_; $sql =~ s/\@lang/$language/g; $sql =~ s/\@other/$other/g; print $psql $sql; };
	$ask->("CREATE SCHEMA differential;\n" . preamble() . functions_of() . "SELECT 'pid ' || pg_backend_pid() AS pid;\n\\echo === begun\n");
	wait_for_line($path, '=== begun') or diag("$language did not begin");
	my ($backend) = slurp_file($path) =~ /^pid (\d+)$/m;
	for my $step (0 .. $steps - 1)
	{
		my ($from, $to) = map { int($_ * $calls / $steps) } $step, $step + 1;
		$ask->(join '', map { "\\echo === call $_\n$calls[$_]\nROLLBACK;\n" } $from .. $to - 1);
		$ask->("\\echo === step $step\n");
		last unless wait_for_line($path, "=== step $step");
		push @samples, { map { $_ => memory_of($_) } $backend, interpreters_of($node) };
	}
	$ask->("ROLLBACK; SET client_min_messages = warning; DROP SCHEMA differential CASCADE;\n");
	close $psql;
	note(sprintf '%s: %d calls in %.1f s', $language, $calls, Time::HiRes::time() - $started);
	my $all = slurp_file($path) =~ s/^=== step \d+\n//mgr;
	my (undef, @output) = split /^=== call \d+\n/m, $all, -1;
	@output = map { normalized($_, $language) } @output;
	return (\@output, \@samples, $backend);
}

# A cancel cannot be caught in pybox, so that it reaches the client as the server worded it.
sub comparable
{
	my ($text) = @_;

	$text =~ s/^(?:WARNING:  25P01: there is no transaction in progress\n)//mg;
	return $text =~ /^ERROR:  57014: .*canceling statement due to (.*)$/m ? "canceled due to $1" : $text;
}

sub compare
{
	my ($wanted, $got) = @_;
	my $differences = 0;

	for my $number (0 .. $#$wanted)
	{
		my ($want, $have) = map { comparable($_->[$number] // 'nothing') } $wanted, $got;
		next if $want eq $have || $differences++ >= $shown;
		diag(substr("$calls[$number]", -400) . "\n  expected:\n" . substr($want, 0, 600) . "\n  got:\n" . substr($have, 0, 600));
	}
	is($differences, 0, 'the same results');
	return;
}

# kB by which each part of the second half is above the one before it, at their highest.
sub growth_of
{
	my ($pid, @samples) = @_;
	my $length = $steps / $parts;
	my $highest = sub {
		my ($part) = @_;
		return (sort { $b <=> $a } map { $_->{$pid} } @samples[ $part * $length .. ($part + 1) * $length - 1 ])[0];
	};

	return map { $highest->($_) - $highest->($_ - 1) } $parts / 2 .. $parts - 1;
}

sub median { my @sorted = sort { $a <=> $b } @_; return $sorted[ @sorted / 2 ]; }

my ($wanted) = run_all('plpython3u', 'plpython3u');
my ($got, $samples, $backend) = run_all('pyboxu', 'pybox');
is(scalar(@$samples), $steps, 'all calls came to an end');
compare($wanted, $got);

# Those that lived through the second half and the part before; a spare has nothing to do.
my @compared = @$samples[ $steps / 2 - $steps / $parts .. $#$samples ];
my @pids = grep { my $pid = $_; !grep { !defined $_->{$pid} } @compared } keys %{ $compared[0] };
cmp_ok(scalar(@pids), '>=', 3, 'the backend and two interpreters lived through the second half');
for my $pid (sort { $a <=> $b } @pids)
{
	my $what = $pid == $backend ? 'backend' : 'interpreter';
	my @growth = growth_of($pid, @$samples);
	cmp_ok(median(@growth), '<', $bound_kb, "$what: flat over the second half")
	  or diag("$what, kB: " . join ' ', map { $_->{$pid} // '-' } @$samples);
	note("$what: from part to part @growth kB more, at the end $samples->[-1]{$pid} kB");
}

$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');
done_testing();
