# What the kernel is told, also after a reload: interpreters of pools that others go before have its longest slice
# (sandbox/launcher_slice.c), and all together the policy's weight beside the server (sandbox/launcher_weight.c).
use strict;
use warnings;
use PyboxSession;
use PostgreSQL::Test::Utils;
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
	my ($day, $night, $weight) = @_;

	return "version: 1\nnode: {weight: $weight}\npools: {day: {priority: $day}, night: {priority: $night}, even: {priority: $day}}\n"
		. "assign:\n  - {role: clerk, pool: day}\n  - {role: other, pool: even}\n  - {pool: night}\n";
}

my $node = new_node('slice', policy => policy(90, 10, 25));
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

# Version 1 has 1024 for what version 2 calls 100.
sub weight_is
{
	my ($weight) = @_;
	my ($file) = grep { -e } map { ("$_/pools/cpu.weight", "$_/cpu.shares") } cgroup_folders($node);

	need('a cgroup with the cpu controller', defined $file) or return;
	my $wanted = $file =~ /shares/ ? $weight * 1024 / 100 : $weight;
	is(slurp_file($file) + 0, $wanted, "$weight beside the server");
	return;
}

my $usual = slice($$);
my $long = $usual == 0 ? 0 : $LONGEST_NS;
my $slices = slices();

ok(@{ $slices->{$_} } >= 2, "interpreters of $_") for qw(day even night);
all_are($slices, 'day', $usual);
all_are($slices, 'even', $usual);
all_are($slices, 'night', $long);
weight_is(25);
write_policy($node, policy(10, 90, 300));
$session{night}->value('SELECT pybox.reload_policy()');
$slices = slices();
all_are($slices, 'day', $long);
all_are($slices, 'even', $long);
all_are($slices, 'night', $usual);
weight_is(300);

$_->quit for values %session;
$node->stop;
done_testing();
