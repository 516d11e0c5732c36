# Interpreters of pools that others go before have the kernel's longest slice (sandbox/launcher_slice.c), also after a reload.
use strict;
use warnings;
use PyboxSession;
use PyboxTest;
use Test::More;

my $LONGEST_NS = 100_000_000;
my $SCHED_GETATTR = 315; # x86-64

# Of the kernel's struct sched_attr: sched_runtime. Linux before 6.12 has none and says 0.
sub slice
{
	my ($pid) = @_;
	my $attributes = "\0" x 48;

	syscall($SCHED_GETATTR, $pid + 0, $attributes, 48, 0) == 0 or die "sched_getattr of $pid: $!";
	return unpack 'x24 Q', $attributes;
}

sub policy
{
	my ($day, $night) = @_;

	return "version: 1\npools: {day: {priority: $day}, night: {priority: $night}, even: {priority: $day}}\n"
		. "assign:\n  - {role: clerk, pool: day}\n  - {role: other, pool: even}\n  - {pool: night}\n";
}

my $node = new_node('slice', policy => policy(90, 10));
my %session;

$node->safe_psql('postgres', 'CREATE EXTENSION pybox; CREATE ROLE clerk LOGIN; CREATE ROLE other LOGIN;'
		. " CREATE FUNCTION one() RETURNS int LANGUAGE pybox AS 'return 1'; CREATE FUNCTION oneu() RETURNS int LANGUAGE pyboxu AS 'return 1'");
for my $pool (['day', 'clerk'], ['even', 'other'], ['night', 'postgres'])
{
	$session{$pool->[0]} = PyboxSession->new($node, role => $pool->[1]);
	$session{$pool->[0]}->value('SELECT one(), oneu()');
}

# By pool: the slices of all its interpreters, those in spare included.
sub slices
{
	my %slices;

	for (split /\n/, $session{night}->value('SELECT pool, pid FROM pybox.interpreters'))
	{
		my ($pool, $pid) = split /\|/;
		push @{ $slices{$pool} }, slice($pid);
	}
	return \%slices;
}

sub all_are
{
	my ($slices, $pool, $wanted) = @_;

	is_deeply($slices->{$pool}, [ ($wanted) x @{ $slices->{$pool} } ], "slices of $pool");
	return;
}

my $usual = slice($$);
my $long = $usual == 0 ? 0 : $LONGEST_NS;
my $slices = slices();

ok(@{ $slices->{$_} } >= 2, "interpreters of $_") for qw(day even night);
all_are($slices, 'day', $usual);
all_are($slices, 'even', $usual);
all_are($slices, 'night', $long);
write_policy($node, policy(10, 90));
$session{night}->value('SELECT pybox.reload_policy()');
$slices = slices();
all_are($slices, 'day', $long);
all_are($slices, 'even', $long);
all_are($slices, 'night', $usual);

$_->quit for values %session;
$node->stop;
done_testing();
