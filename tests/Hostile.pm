# The hostile suite's cases: read from the tables below tests/hostile, made into one SQL function for each way to try them,
# run and judged. What is looked at after each is HostileWatch's.
#
# A case is { id, group, why, role, expect, ..., ways => [...] }; a way is { kind, function, language, source }.
#
#   perl -Itests -MHostile=print_sql -e print_sql | ops/dev-server psql -q    loads them all for trying by hand
package Hostile;

use strict;
use warnings;
use Exporter 'import';
use File::Basename qw(basename dirname);

our @EXPORT_OK = qw(mark cases single_layers left_out setup_sql policy case_sql call_of verdict print_sql);

my $folder = dirname(__FILE__) . '/hostile';

# What cases make is called pybox_was_here in the tables, and so here: as long, since some say how long it is, and another
# one in every run, since the machine is everybody's.
my $mark = sprintf 'pybox_%08x', $$;
sub mark { return $mark; }

# Keys of a case: those that are given once, and those that are source, whose lines may be many.
my %is_key = map { $_ => 1 } qw(why expect errno raises untrusted second role check never session returns);
my %is_source = map { $_ => 1 } qw(python syscall body sql);
my %default = (returns => 'text', expect => 'refused', role => 'mallory', session => 'shared', errno => '', raises => '', check => '');

# What says no. Others, such as EINVAL and EFAULT, would as well come from a case that is written wrong: a case that means
# them says so in `errno:`.
my %is_refusal = map { $_ => 1 } qw(EPERM EACCES ENOENT ENOSYS ESRCH EROFS);
my $killed_by_filter = '42501';

sub slurp
{
	my ($path) = @_;
	open my $file, '<', $path or die "$path: $!";
	local $/;
	return scalar <$file>;
}

# Adds one line to a case. A line that starts with a tab continues the source above it.
sub add_line
{
	my ($case, $line, $where) = @_;

	if ($line =~ s/^\t//)
	{
		die "$where: nothing to continue\n" unless defined $case->{source};
		$case->{ $case->{source} } .= "$line\n";
		return;
	}
	my ($key, $text) = $line =~ /^(\w+):(?: (.*))?$/ or die "$where: not `key: text`: $line\n";
	die "$where: no such key: $key\n" unless $is_key{$key} || $is_source{$key};
	die "$where: $key twice\n" if $is_key{$key} && defined $case->{$key};
	$case->{source} = $is_source{$key} ? $key : undef;
	if ($is_source{$key}) { $case->{$key} .= defined $text ? "$text\n" : ''; }
	else { $case->{$key} = $text; }
	return;
}

sub ways_of
{
	my ($case) = @_;
	my $name = $case->{id} =~ tr/-/_/r;
	my @ways;

	for my $kind (grep { defined $case->{$_} } qw(python syscall))
	{
		my $function = $name . ($kind eq 'syscall' ? '_c' : '');
		push @ways, { kind => $kind, function => $function, language => 'pybox', source => $case->{$kind} };
		push @ways, { kind => "$kind, untrusted", function => $function . '_u', language => 'pyboxu', source => $case->{$kind} }
		  if defined $case->{untrusted};
	}
	push @ways, { kind => 'body', function => "${name}_b", language => 'pybox', source => $case->{body}, returns => $case->{returns} }
	  if defined $case->{body};
	push @ways, { kind => 'sql', source => $case->{sql} } if defined $case->{sql};
	return @ways;
}

sub cases_of_file
{
	my ($path) = @_;
	my ($case, @cases);
	my $number = 0;

	for my $line (split /\n/, slurp($path) =~ s/pybox_was_here/$mark/gr)
	{
		$number++;
		next if $line =~ /^(?:#.*)?$/;
		if (my ($id) = $line =~ /^\[([a-z0-9-]+)\]$/)
		{
			$case = { id => $id, group => basename($path, '.tbl') =~ s{_.*}{}r };
			push @cases, $case;
		}
		else
		{
			die "$path:$number: text before the first case\n" unless $case;
			add_line($case, $line, "$path:$number");
		}
	}
	for my $each (@cases)
	{
		die "$path: $each->{id} does not say why\n" unless $each->{why};
		$each->{$_} //= $default{$_} for keys %default;
		$each->{ways} = [ ways_of($each) ] or die;
		die "$path: $each->{id} tries nothing\n" unless @{ $each->{ways} };
	}
	return @cases;
}

# All cases, by group; ids are unique.
sub cases
{
	my @cases = map { cases_of_file($_) } grep { !/single_layer|left_out/ } sort glob "$folder/*.tbl";
	my %seen;

	$seen{ $_->{id} }++ && die "two cases are called $_->{id}\n" for @cases;
	return @cases;
}

# case id => { section => { why, may_hold } } of a table of exceptions.
sub exceptions
{
	my ($table) = @_;
	my ($section, %listed);

	for my $line (grep { !/^(?:#.*)?$/ } split /\n/, slurp("$folder/$table"))
	{
		if ($line =~ /^\[(\w+)\]$/) { $section = $1; next; }
		my ($id, $may_hold, $why) = $line =~ /^([a-z0-9-]+)(\?)?: (\S.*)$/ or die "$table: $line\n";
		die "$table: $id twice\n" if $listed{$id}{$section};
		$listed{$id}{$section} = { why => $why, may_hold => defined $may_hold };
	}
	return \%listed;
}

# case id => { layer => ... }: those that a single layer holds; with may_hold only on some kernels.
sub single_layers { return exceptions('single_layer.tbl'); }

# case id => { sanitized or valgrind => ... }: those that are not tried while that watches.
sub left_out { return exceptions('left_out.tbl'); }

# --- SQL ----------------------------------------------------------------------------------------------------------------

# name => number of this machine's system calls, from the C library's header.
sub call_numbers
{
	my (%text, %number);

	open my $macros, '-|', 'cc -E -dM -include sys/syscall.h -x c /dev/null' or die "cc: $!";
	while (<$macros>) { $text{$1} = $2 if /^#define (__NR\w+) (\w+)$/; }
	close $macros or die 'cc cannot read sys/syscall.h';
	for my $macro (keys %text)
	{
		my $value = $text{$macro};
		$value = $text{$value} while defined $value && $value !~ /^\d+$/;
		$number{$1} = $value if defined $value && $macro =~ /^__NR_(\w+)$/;
	}
	return \%number;
}

my $numbers;

# Names of system calls that are called stand for them; those that this machine lacks stay undefined.
sub names_for
{
	my ($source) = @_;
	my %used;

	$numbers //= call_numbers();
	$used{$_} = 1 for grep { defined $numbers->{$_} } $source =~ /(?<![.\w])(\w+)\(/g;
	return join '', map { "$_ = raw($numbers->{$_})\n" } sort keys %used;
}

sub function_sql
{
	my ($way) = @_;
	my $names = $way->{kind} =~ /^syscall/ ? names_for($way->{source}) : '';
	my $source = $way->{source} =~ s/^(?=.)/    /gmr;
	my $tools = $way->{source} =~ /\b(?:wire|word|say|wake)\(/ ? slurp("$folder/wire.py") : '';
	my $body = slurp("$folder/prelude.py") . $tools . $names
	  . ($way->{kind} eq 'body' ? $way->{source} : "def case():\n$source" . 'return attempt(case)');
	my $returns = $way->{returns} // 'text';

	return "CREATE FUNCTION hostile.$way->{function}() RETURNS $returns LANGUAGE $way->{language} AS \$hostile\$\n$body\n\$hostile\$;\n";
}

# Bodies are not checked, since that would need an interpreter.
sub setup_sql { return "SET check_function_bodies = off;\n" . slurp("$folder/setup.sql") . slurp("$folder/functions.sql"); }

sub case_sql { my @cases = @_; return join '', map { function_sql($_) } grep { $_->{function} } map { @{ $_->{ways} } } @cases; }

sub call_of { my ($way) = @_; return $way->{function} ? "SELECT hostile.$way->{function}()" : $way->{source}; }

sub print_sql { return print setup_sql(), case_sql(cases()); }

# The policy that requires the layers of a list.
sub policy
{
	my (@layers) = @_;
	my $require = 'require: [' . join(', ', @layers) . ']';
	my $policy = slurp("$folder/policy.yaml") =~ s/^\@require$/$require/mr;

	# Under valgrind what a backend does in SQL takes up to fifty times as long, and counts.
	$policy =~ s/wall: 20s/wall: 2min/g if ($ENV{PYBOX_TEST_WATCHED} // '') eq 'valgrind';
	return $policy;
}

# --- verdicts -----------------------------------------------------------------------------------------------------------

sub is_in { my ($word, $list) = @_; return scalar grep { $_ eq $word } split /[ ,]+/, $list; }

sub is_refused
{
	my ($case, $answer) = @_;
	my $sqlstate = $answer->{sqlstate} // '';

	return 1 if $sqlstate eq $killed_by_filter;
	return 0 if $sqlstate ne '';
	return $is_refusal{$1} || is_in($1, $case->{errno}) if $answer->{text} =~ /^refused (\S+):/;
	return is_in($1, $case->{raises}) if $answer->{text} =~ /^raised (\S+):/;
	return 0;
}

# The answer is there, whatever it is. A mistake in the case is none.
sub is_answered
{
	my ($answer) = @_;
	return $answer->{text} !~ /^raised (?:NameError|SyntaxError|AttributeError|TypeError)/ && ($answer->{sqlstate} // '') !~ /^(?:42601|42883)$/;
}

# A function's error that says that the case is written wrong.
sub is_mistake { my ($answer) = @_; return $answer->{text} =~ /^ERROR:  \w+: (?:NameError|UnboundLocalError)|^DETAIL:  (?:NameError|TabError)/m; }

# Whether an answer is what is expected. `expect` is "refused", "harmless", or SQLSTATEs, of which one has to come; "none" is that
# of success.
sub verdict
{
	my ($case, $expect, $answer) = @_;

	return 0 if defined $case->{never} && $answer->{text} =~ /$case->{never}/;
	return 0 if $answer->{lost} && $case->{session} ne 'ends';
	return is_refused($case, $answer) if $expect eq 'refused';
	return is_answered($answer) if $expect eq 'harmless';
	return !is_mistake($answer) && is_in($answer->{sqlstate} // 'none', $expect);
}

1;
