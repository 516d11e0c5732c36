# How prove prints for tests/run: as always, and just before its summary what the files that failed have said, cut short. Whoever
# keeps only the end of a long run's output keeps that.
package PyboxFormatter;

use strict;
use warnings;
use parent 'TAP::Formatter::Console';
use File::Temp ();

my $MOST  = 16;    # lines for all files, as long as each has
my $LEAST = 4;

# What tests say on standard error goes to a file, and on from there when each is over: only so it is known who said it.
sub prepare
{
	my ($self, @tests) = @_;

	$self->{pybox_said} = File::Temp->new;
	open $self->{pybox_stderr}, '>&', \*STDERR or die "stderr: $!";
	open STDERR, '>>', $self->{pybox_said}->filename or die $self->{pybox_said}->filename . ": $!";
	return $self->SUPER::prepare(@tests);
}

sub open_test
{
	my ($self, $name, $parser) = @_;
	my @failures;
	my $failed = 0;

	# cmocka comments on a failure after it, on standard output.
	$parser->callback(test => sub { $failed = !$_[0]->is_ok; push @failures, $_[0]->raw if $failed });
	$parser->callback(comment => sub { push @failures, $_[0]->raw if $failed });
	$parser->callback(EOF => sub {
		my @said = $self->said;
		$self->{pybox_lines}{$name} = @said ? \@said : \@failures;
	});
	return $self->SUPER::open_test($name, $parser);
}

# What was said since the last call.
sub said
{
	my ($self) = @_;
	my $file = $self->{pybox_said} or return;

	seek $file, 0, 1;    # clears the end of file
	my @lines = readline $file;
	print { $self->{pybox_stderr} } @lines;
	chomp @lines;
	return @lines;
}

sub summary
{
	my ($self, $aggregate, @options) = @_;
	my %failed = map { $_ => 1 } map { $aggregate->$_ } qw(failed parse_errors exit wait);
	my @names = sort keys %failed;
	my $each = @names ? int($MOST / @names) : 0;

	$self->said;
	open STDERR, '>&', $self->{pybox_stderr} or die "stderr: $!";
	$each = $LEAST if $each < $LEAST;
	for my $name (splice @names, 0, $MOST)
	{
		my @lines = grep { !/^#?\s*$|^# (?:---|\+\+\+) / } @{ $self->{pybox_lines}{$name} // [] };

		$self->_failure_output("\n$name said:\n");
		$self->_failure_output("$_\n") for splice @lines, 0, $each;
		$self->_failure_output('... and ' . @lines . " lines\n") if @lines;
	}
	return $self->SUPER::summary($aggregate, @options);
}

1;
