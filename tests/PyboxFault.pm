# Fault points: a server of the build that has them, and the file by which a test stops processes there or makes them fail.
package PyboxFault;

use strict;
use warnings;
use Exporter 'import';
use File::Basename qw(basename dirname);
use PostgreSQL::Test::Utils;
use PyboxTest;
use Time::HiRes ();

our @EXPORT = qw(fault_table fault_install fault_open fault_arm fault_disarm fault_left fault_hits fault_pid);

my $tests = dirname(__FILE__);

# As in sandbox/fault.c.
my $RECORDS = 64;
my $RECORD  = 64;
my %actions = (off => 0, error => 1, pause => 2);
my %field   = (action => 40, left => 44, hits => 48, pid => 52);

# The rows of faults.tbl: { point, process, provoke, kill, error, pause }.
sub fault_table
{
	my @rows;
	for my $line (split /\n/, slurp_file("$tests/faults.tbl"))
	{
		next if $line =~ /^\s*(?:#|$)/;
		my %row;
		@row{qw(point process provoke kill error pause)} = split ' ', $line;
		push @rows, \%row;
	}
	return @rows;
}

# A tree in which PostgreSQL finds everything at its own places but pybox, which is the build with fault points.
sub fault_install
{
	my ($tree) = @_;
	my $build = "$tests/../build/faults";
	my %place = map { chomp(my $path = `pg_config --$_`); $_ => $path } qw(bindir pkglibdir sharedir);

	system_or_bail('mkdir', '-p', "$tree$place{pkglibdir}", dirname("$tree$place{sharedir}"), dirname("$tree$place{bindir}"));
	system_or_bail('cp', '-a', $place{bindir}, dirname("$tree$place{bindir}"));
	system_or_bail('sh', '-c', "ln -s $place{pkglibdir}/* $tree$place{pkglibdir}");
	symlink $place{sharedir}, "$tree$place{sharedir}" or die "$tree$place{sharedir}: $!";
	unlink "$tree$place{pkglibdir}/pybox.so";
	system_or_bail('cp', "$build/pybox.so", "$tree$place{pkglibdir}");
	system_or_bail('cp', '-f', "$build/pybox-launcher", "$build/pybox-interpreter", "$tree$place{bindir}");
	return dirname("$tree$place{bindir}");
}

# Before the server starts: the control file with a record for each point.
sub fault_open
{
	my ($node, @points) = @_;
	my $path = $node->data_dir . '/pybox_faults';

	die 'too many fault points' if @points > $RECORDS;
	open my $file, '+>', $path or die "$path: $!";
	binmode $file;
	syswrite $file, pack("(a$RECORD)$RECORDS", map { $_ // '' } @points[ 0 .. $RECORDS - 1 ]);
	return { file => $file, number => { map { $points[$_] => $_ } 0 .. $#points } };
}

sub seek_to
{
	my ($faults, $point, $what) = @_;
	sysseek $faults->{file}, $faults->{number}{$point} * $RECORD + $field{$what}, 0 or die $!;
	return;
}

sub get
{
	my ($faults, $point, $what) = @_;
	seek_to($faults, $point, $what);
	sysread($faults->{file}, my $bytes, 4) == 4 or die $!;
	return unpack 'l', $bytes;
}

sub put
{
	my ($faults, $point, $what, $value) = @_;
	seek_to($faults, $point, $what);
	syswrite($faults->{file}, pack('l', $value)) == 4 or die $!;
	return;
}

# The next process that comes to the point fails there (error) or stands still (pause).
sub fault_arm
{
	my ($faults, $point, $action) = @_;
	put($faults, $point, action => $actions{$action});
	put($faults, $point, left   => 1);
	return;
}

# Who stands there goes on.
sub fault_disarm { my ($faults, $point) = @_; put($faults, $point, left => 0); return put($faults, $point, action => 0); }
sub fault_left { my ($faults, $point) = @_; return get($faults, $point, 'left'); }
sub fault_hits { my ($faults, $point) = @_; return get($faults, $point, 'hits'); }

# Who stands there, as the machine numbers it: a process below a zygote knows its number in a namespace only. 0: nobody.
sub fault_pid
{
	my ($faults, $node, $point) = @_;
	my $inner = get($faults, $point, 'pid') or return 0;

	return $inner if $point !~ /^(?:zygote|child)/;
	for my $pid (zygotes_of($node), interpreters_of($node))
	{
		my $status = eval { slurp_file("/proc/$pid/status") } // '';
		return $pid if $status =~ /^NSpid:\s+\d+\s+$inner$/m;
	}
	return 0;
}

1;
