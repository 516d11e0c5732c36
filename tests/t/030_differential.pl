# Every case of tests/differential gives under pyboxu what it gives under plpython3u, to the byte: rows, messages with all
# their fields, SQLSTATE. Under pybox what the sandbox refuses may differ, and is listed.
use strict;
use warnings;
use Differential qw(generated_cases written_cases allowed_differences setup_of run_cases);
use File::Basename qw(basename dirname);
use PostgreSQL::Test::Utils;
use PyboxTest;
use Test::More;

my $shown = 20;            # differences whose text is printed
my $cases_a_session = 300; # of the generated ones
my $sound_since = 150020;  # before it, plpython3u crashes on a sequence that fails to give an element
my $cause_page = dirname(__FILE__) . '/../../sql/DIFFERENCES.md';
my $only = $ENV{PYBOX_TEST_ONLY}; # a regular expression: only cases with such a name
my $keep = $ENV{PYBOX_TEST_KEEP}; # a folder for the texts that are compared

my @generated = generated_cases();
my @sessions;
push @sessions, [ splice @generated, 0, $cases_a_session ] while @generated;
push @sessions, map { [ written_cases(basename($_)) ] } grep { !/(?:types|contexts|allowed_\w+)\.tbl$/ }
  sort glob dirname(__FILE__) . '/../differential/*.tbl';
@$_ = grep { !defined $only || $_->{name} =~ /$only/ } @$_ for @sessions;
@sessions = grep { @$_ } @sessions;

my $node = new_node('differential', conf => "restart_after_crash = on\nmax_locks_per_transaction = 1024\nmax_prepared_transactions = 2");
my $database = 'differential';
my $version = $node->safe_psql('postgres', 'SHOW server_version_num');
$node->safe_psql('postgres', "CREATE DATABASE $database");
$node->safe_psql($database, "CREATE EXTENSION $_") for qw(plpython3u pybox hstore);
$node->safe_psql($database, "CREATE ROLE differential_role");

# name => output, of all cases under one language.
sub outputs_of
{
	my ($language) = @_;
	my %output;
	my $started = time;

	$node->safe_psql($database, 'CREATE SCHEMA differential; GRANT USAGE ON SCHEMA differential TO differential_role; SET search_path = differential; ' . setup_of());
	my $ready = sub { poll_until(sub { return eval { $node->safe_psql($database, 'SELECT 1') } }) };
	%output = (%output, %{ run_cases($node, $database, $language, $ready, @$_) }) for @sessions;
	$node->safe_psql($database, 'SET client_min_messages = warning; DROP SCHEMA differential CASCADE');
	note("$language: " . keys(%output) . ' cases in ' . (time - $started) . ' s');
	return \%output;
}

# A session that ended without a word.
sub crashed
{
	my ($text) = @_;
	return $text =~ /server closed the connection/ && $text !~ /^FATAL:/m;
}

# The first lines in which two texts differ.
sub first_difference
{
	my ($wanted, $got) = @_;
	my @wanted = split /\n/, $wanted, -1;
	my @got = split /\n/, $got, -1;
	my $line = 0;

	$line++ while $line < @wanted && $line < @got && $wanted[$line] eq $got[$line];
	my $show = sub { my @lines = @_; return join '', map { '    ' . substr($_ // '', 0, 300) . "\n" } grep { defined } @lines[ $line .. $line + 3 ] };
	return "  expected:\n" . $show->(@wanted) . "  got:\n" . $show->(@got);
}

# Tells the differences that are not allowed; and that those which are do occur.
sub compare
{
	my ($language, $wanted, $got) = @_;
	my %cause_of = allowed_differences($language);
	my %used;
	my $unexpected = 0;

	for my $case (map { @$_ } @sessions)
	{
		my $name = $case->{name};
		next if $wanted->{$name} eq $got->{$name} || crashed($wanted->{$name});
		my ($allowed) = grep { $name =~ /^(?:$_)$/ } sort keys %cause_of;
		$used{$allowed}++ if defined $allowed;
		next if defined $allowed || $unexpected++ >= $shown;
		diag("$language, $name\n" . first_difference($wanted->{$name}, $got->{$name}));
	}
	my $allowed = 0;
	$allowed += $_ for values %used;
	is($unexpected, 0, "$language: no difference but $allowed that are documented");
	return if defined $only;
	ok($used{$_}, "$language: still a difference: $_") for sort keys %cause_of;
	my $page = eval { slurp_file($cause_page) } // '';
	my %causes = map { $_ => 1 } values %cause_of;
	like($page, qr{^#+ (?:\d+\. )?\Q$_\E}m, "$language: documented: $_") for sort keys %causes;
	return;
}

# Both texts of each case, for a closer look.
sub keep
{
	my ($language, $wanted, $got) = @_;

	unlink glob "$keep/$language.*";
	for my $name (sort keys %$got)
	{
		append_to_file("$keep/$language.expected", "=== $name\n$wanted->{$name}");
		append_to_file("$keep/$language.got", "=== $name\n$got->{$name}");
	}
	return;
}

my $expected = outputs_of('plpython3u');
my @crashes = grep { crashed($expected->{$_}) } sort keys %$expected;
if ($version >= $sound_since) { is("@crashes", '', 'plpython3u got through all cases'); }
else { diag('plpython3u of this server crashed in ' . @crashes . ' cases: they are not compared'); }
note(scalar(keys %$expected) . ' cases');
cmp_ok(scalar(keys %$expected), '>=', 300, 'enough cases') unless defined $only;
for my $language (qw(pyboxu pybox))
{
	my $got = outputs_of($language);
	keep($language, $expected, $got) if defined $keep;
	compare($language, $expected, $got);
	my @broken = grep { crashed($got->{$_}) } sort keys %$got;
	is("@broken", '', "$language: no session was lost");
}

$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');
done_testing();
