# The differential test's cases: read from the tables below tests/differential, run under one language, told apart again.
#
# A case is { name, sql }. All languages run the same cases, one after another, in the schema of the same name in one
# database, so that everything that a client sees can be compared as it is.
package Differential;

use strict;
use warnings;
use Exporter 'import';
use File::Basename qw(basename dirname);
use PostgreSQL::Test::Utils;

our @EXPORT_OK = qw(types generated_cases written_cases allowed_differences setup_of preamble normalized run_cases);

my $folder = dirname(__FILE__) . '/differential';

# What every session starts with. A pyboxu or pybox call that does not end is a failure, not a hang.
my $preamble = <<'SQL';
\set VERBOSITY verbose
\set SHOW_CONTEXT always
\pset null <NULL>
SET search_path = differential, public;
SET statement_timeout = '60s';
SET client_min_messages = notice;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET lc_monetary = 'C';
SQL

sub preamble { return $preamble; }

# [name, text] of each section of a table; before the first, '#' starts a line that says something to the reader. In a section of SQL
# nothing is special.
sub sections
{
	my ($file) = @_;
	my @sections;

	for my $line (split /^/, slurp_file("$folder/$file"))
	{
		if ($line =~ /^\[(.+)\]$/) { push @sections, [ $1, '' ]; }
		elsif (@sections) { $sections[-1][1] .= $line; }
		elsif ($line !~ /^(?:#.*)?$/) { die "$file: text before the first section: $line"; }
	}
	return @sections;
}

# A type: { name, setup => [...], value => [...], python => [...], skip => [...] }.
sub types
{
	my @types;

	for my $section (sections('types.tbl'))
	{
		my %type = (name => $section->[0], setup => [], value => [], python => [], skip => []);
		for my $line (grep { !/^(?:#|$)/ } split /\n/, $section->[1])
		{
			my ($key, $text) = $line =~ /^(setup|value|python|skip): (.*)$/ or die "types.tbl: $line";
			push @{ $type{$key} }, $text;
		}
		push @types, \%type;
	}
	my ($all) = grep { $_->{name} eq '*' } @types;
	@types = grep { $_ != $all } @types;
	for my $type (@types)
	{
		push @{ $type->{$_} }, @{ $all->{$_} } for qw(value python);
	}
	return @types;
}

# The SQL of one context for one type; lines that name a value or an expression once for each.
sub instance
{
	my ($template, $type, $prefix) = @_;
	my $sql = '';
	my @values = map { "CAST($_ AS $type->{name})" } @{ $type->{value} };
	my @python = map { "\$e\$$_\$e\$" } @{ $type->{python} };

	$template =~ s/\@type/$type->{name}/g;
	$template =~ s/\@first/$values[0]/g;
	$template =~ s/\@f/$prefix/g;
	for my $line (split /^/, $template)
	{
		my ($mark, $texts) = $line =~ /\@value/ ? ('@value', \@values) : ('@python', \@python);
		if (index($line, $mark) < 0) { $sql .= $line; next; }
		for my $text (@$texts)
		{
			my $filled = $line;
			$filled =~ s/\Q$mark\E/$text/g;
			$sql .= $filled;
		}
	}
	return $sql;
}

# Every type in every context, grouped by type.
sub generated_cases
{
	my @contexts = sections('contexts.tbl');
	my ($type_number, @cases) = (0);

	for my $type (types())
	{
		my $context_number = 0;
		$type_number++;
		for my $context (@contexts)
		{
			my $prefix = sprintf 'f%d_%d', $type_number, ++$context_number;
			next if grep { $_ eq $context->[0] } @{ $type->{skip} };
			push @cases, { name => "$type->{name}, $context->[0]", sql => instance($context->[1], $type, $prefix) };
		}
	}
	return @cases;
}

# The cases of a table in which each section is one. @f is a prefix that no other case uses.
sub written_cases
{
	my ($file) = @_;
	my ($number, @cases) = (0);
	my $theme = basename($file, '.tbl');

	for my $section (sections($file))
	{
		my ($name, $sql) = @$section;
		my $prefix = sprintf '%s_%d', $theme, ++$number;
		$sql =~ s/\@f/$prefix/g;
		push @cases, { name => "$theme, $name", sql => $sql };
	}
	return @cases;
}

# SQL that makes the types, once for each language.
sub setup_of { my @setup = map { @{ $_->{setup} } } types(); return join "\n", @setup; }

# Of a language: regular expression for the case's name => cause. A section names the cause, its lines the cases.
sub allowed_differences
{
	my ($language) = @_;
	my $file = "allowed_$language.tbl";
	my %cause_of;

	for my $section (-e "$folder/$file" ? sections($file) : ())
	{
		$cause_of{$_} = $section->[0] for grep { /\S/ && !/^#/ } split /\n/, $section->[1];
	}
	return %cause_of;
}

# As long as the name of plpython3u.
sub padded { my ($language) = @_; return sprintf '%-10s', $language; }

# Away goes what no client can count on: where in the server's source an error was raised, and oids in the names that Python
# has for functions, and where an object lies. The language's name is padded so that psql's excerpts of a statement are alike.
sub normalized
{
	my ($text, $language) = @_;

	$text =~ s/^LOCATION:  .*\n//mg;
	$text =~ s/(__plpython_procedure_\w+_)\d+\b/$1oid/g;
	$text =~ s/ (at|Snapshot) 0x[0-9a-f]+\b/ $1 0xaddress/g;
	$text =~ s/\Q@{[padded($language)]}\E|\b\Q$language\E\b/plpython3u/g;
	return $text;
}

# What the client saw of each case in one session of psql; of those that the session did not live to see, nothing.
sub run_session
{
	my ($node, $database, $language, @cases) = @_;
	my $path = PostgreSQL::Test::Utils::tempdir() . "/$language";
	my $sql = $preamble;
	my $number = 0;

	for my $case (@cases)
	{
		my $text = $case->{sql};
		$text =~ s/\@lang/padded($language)/ge;
		$sql .= sprintf "\\echo === case %d\n%s", $number++, $text;
	}
	unlink "$path.sql", "$path.out";
	append_to_file("$path.sql", $sql . "\\echo === case $number\n");
	my $connection = $node->connstr($database);
	system "psql -X -q -A -d '$connection' < $path.sql > $path.out 2>&1";
	my ($start, @outputs) = split /^=== case \d+\n/m, slurp_file("$path.out"), -1;
	return @outputs;
}

# Runs the cases one after another; returns name => what the client saw. Where a session ends, a new one goes on with the
# next case, as soon as ready() says that the server is there.
sub run_cases
{
	my ($node, $database, $language, $ready, @cases) = @_;
	my %output;

	while (@cases)
	{
		my @outputs = run_session($node, $database, $language, @cases);
		die "$language: no session for $cases[0]{name}\n" unless @outputs;
		for my $output (@outputs)
		{
			my $case = shift @cases or last;
			$output{ $case->{name} } = normalized($output, $language);
		}
		$ready->();
	}
	return \%output;
}

1;
