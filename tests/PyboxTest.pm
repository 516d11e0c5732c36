# What the TAP tests share: a server with pybox, and what of it can be seen from outside: processes and cgroups.
package PyboxTest;

use strict;
use warnings;
use Exporter 'import';
use File::Basename qw(dirname basename);
use File::Path qw(make_path);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

our @EXPORT = qw(new_node install_with set_without need policy_path write_policy poll_until processes_of stop_asleep scheduler_of launcher_of zygotes_of interpreters_of
  wait_for_no_processes stopped_processes cgroup_of cgroup_folders cgroup_dirs pybox_cgroups empty_cgroups frozen_cgroups shared_memory_of);

my $tests = dirname(__FILE__);
my @controllers = qw(memory cpu cpuacct pids freezer);

# A started server with pybox. Options: policy => text or the name of a file below tests/ (policy.yaml), cgroup => 0 for
# none, conf => further lines of postgresql.conf, start => 0 to leave it stopped, install_path => PostgreSQL's programs,
# standby_of => a node, whose standby it is, without => layers of the sandbox, as ops/without names them, that it lacks.
sub new_node
{
	my ($name, %option) = @_;
	$option{install_path} = install_without($option{without}) if defined $option{without};
	my $install_path = $option{install_path} // $ENV{PYBOX_TEST_TREE};
	my $node = PostgreSQL::Test::Cluster->new($name, $install_path ? (install_path => $install_path) : ());

	if (my $primary = $option{standby_of})
	{
		$primary->backup($name);
		$node->init_from_backup($primary, $name, has_streaming => 1);
	}
	else
	{
		$node->init;
	}
	write_policy($node, $option{policy} // 'policy.yaml');
	my $cgroup = ($option{cgroup} // 1) ? make_cgroup($name) : '';
	$node->{pybox_cgroup} = $cgroup;
	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pybox'");
	$node->append_conf('postgresql.conf', "pybox.policy_file = '" . policy_path($node) . "'");
	$node->append_conf('postgresql.conf', "pybox.cgroup = '$cgroup'") if $cgroup ne '';
	$node->append_conf('postgresql.conf', $option{conf}) if defined $option{conf};
	$node->start if $option{start} // 1;
	return $node;
}

# Where PostgreSQL's programs are: those of the watched tree, if the tests run watched.
sub bindir
{
	return "$ENV{PYBOX_TEST_TREE}/bin" if $ENV{PYBOX_TEST_TREE};
	chomp(my $bindir = `pg_config --bindir`);
	return $bindir;
}

# PostgreSQL's programs with a server among them that runs as on a machine without these layers. pg_ctl looks for the
# server next to where it really is, so that one is a copy.
sub install_without
{
	my ($layers) = @_;
	my $prefix = PostgreSQL::Test::Utils::tempdir_short();
	my $bindir = bindir();

	mkdir "$prefix/bin" or die "$prefix/bin: $!";
	symlink $_, "$prefix/bin/" . basename($_) or die "$_: $!" for grep { !m{/(?:pg_ctl|postgres)$} } glob "$bindir/*";
	PostgreSQL::Test::Utils::system_or_bail('cp', "$bindir/pg_ctl", "$prefix/bin");
	chmod 0755, $prefix or die "$prefix: $!";
	write_without("$prefix/bin/postgres", $layers);
	return $prefix;
}

# A tree of PostgreSQL's programs in which a server finds other programs of ours next to itself: those of a folder below
# build/, which are copied. Where its other files are the server knows by its own place.
sub install_with
{
	my ($build) = @_;
	my $prefix = PostgreSQL::Test::Utils::tempdir();
	my %folder = map { $_ => `pg_config --$_` =~ s/\n//r } qw(bindir sharedir pkglibdir);

	make_path("$prefix$folder{bindir}", map { dirname("$prefix$folder{$_}") } qw(sharedir pkglibdir));
	symlink $folder{$_}, "$prefix$folder{$_}" or die "$_: $!" for qw(sharedir pkglibdir);
	symlink $_, "$prefix$_" or die "$_: $!" for grep { !m{/(?:pg_ctl|postgres|pybox-launcher|pybox-interpreter)$} } glob "$folder{bindir}/*";
	system_or_bail('cp', map({ "$folder{bindir}/$_" } qw(pg_ctl postgres)), glob("$tests/../build/$build/*"), "$prefix$folder{bindir}");
	chmod 0755, $prefix or die "$prefix: $!";
	return dirname("$prefix$folder{bindir}");
}

sub write_without
{
	my ($program, $layers) = @_;
	my $without = $layers eq '' ? '' : "'$tests/../build/without' '$layers' ";
	my $bindir = bindir();

	unlink $program;
	append_to_file($program, qq(#!/bin/sh\nexec $without'$bindir/postgres' "\$@"\n));
	chmod 0755, $program or die "$program: $!";
	return;
}

# From its next start on, a node made with `without` lacks these layers instead; '' gives them all back.
sub set_without { my ($node, $layers) = @_; return write_without($node->{_install_path} . '/bin/postgres', $layers); }

sub policy_path { my ($node) = @_; return $node->basedir . '/policy.yaml'; }

# Puts a policy in place; the server takes it at its start or by pybox.reload_policy().
sub write_policy
{
	my ($node, $policy) = @_;
	my $path = policy_path($node);
	my $text = $policy =~ /\n/ ? $policy : slurp_file("$tests/$policy");

	unlink $path;
	append_to_file($path, $text);
	chmod 0600, $path or die "$path: $!";
	return;
}

# True when a condition for tests holds. When it does not, skips are reasons to fail where everything has to work.
sub need
{
	my ($holds, $what) = @_;
	return 1 if $holds;
	fail("$what is needed because PYBOX_MUST_WORK is set") if $ENV{PYBOX_MUST_WORK};
	return 0;
}

# Calls code until it returns true; the bound is the one of poll_query_until.
sub poll_until
{
	my ($code) = @_;
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return 1 if $code->();
		Time::HiRes::sleep(0.1);
	}
	return 0;
}

# pid => { name, parent, start, cgroup } of every process that can be seen.
sub all_processes
{
	my %found;
	for my $folder (glob '/proc/[0-9]*')
	{
		my $stat = eval { slurp_file("$folder/stat") } // next;
		my ($pid, $name, $rest) = $stat =~ /^(\d+) \((.*)\) (.*)$/s or next;
		my @field = split ' ', $rest;
		next if $field[0] eq 'Z';
		my $cgroup = eval { slurp_file("$folder/cgroup") } // '';
		$found{$pid} = { name => $name, parent => $field[1], start => $field[19], cgroup => $cgroup };
	}
	return \%found;
}

sub descends
{
	my ($all, $pid, $ancestor) = @_;
	while (defined $pid && $all->{$pid})
	{
		return 1 if $pid == $ancestor;
		$pid = $all->{$pid}{parent};
	}
	return 0;
}

# The pids of a node's launcher, zygotes and interpreters: those below its postmaster, those in its cgroup, and those seen
# before that still live. The name can be cut off: the kernel keeps 15 bytes.
sub processes_of
{
	my ($node) = @_;
	my $all = all_processes();
	my $seen = $node->{pybox_seen} //= {};
	my $cgroup = $node->{pybox_cgroup};
	my $postmaster = $node->{_pid} // $node->{pybox_postmaster};
	my @pids;

	$node->{pybox_postmaster} = $postmaster;
	for my $pid (sort { $a <=> $b } keys %$all)
	{
		my $process = $all->{$pid};
		my $is_ours = ($seen->{$pid} // '') eq $process->{start};
		$is_ours ||= $process->{name} =~ /^pybox-/ && defined $postmaster && descends($all, $pid, $postmaster);
		$is_ours ||= $cgroup ne '' && $process->{cgroup} =~ m{\Q$cgroup\E(?:/(?!server$)|$)}m;
		next unless $is_ours;
		$seen->{$pid} = $process->{start};
		push @pids, $pid;
	}
	return @pids;
}

# The pids among processes_of whose own and parent's names match.
sub processes_named
{
	my ($node, $name, $parent_name) = @_;
	my %ours = map { $_ => 1 } processes_of($node);
	my $all = all_processes();

	return grep {
		my $parent = $all->{ $all->{$_}{parent} };
		$ours{$_} && $all->{$_}{name} =~ $name && $parent && $parent->{name} =~ $parent_name;
	} sort { $a <=> $b } keys %$all;
}

# The launcher's children that try a layer have its name too.
sub launcher_of { my ($node) = @_; return (processes_named($node, qr/^pybox-launch/, qr/^(?!pybox-)/))[0]; }
sub scheduler_of { my ($node) = @_; return all_processes()->{ launcher_of($node) }{parent}; }

# Stops processes while they sleep: one that is stopped with a lock held would hold up everybody.
sub stop_asleep
{
	my (@pids) = @_;

	for my $pid (@pids)
	{
		poll_until(sub { stop_sleeper($pid) }) or die "process $pid is never idle";
	}
	return;
}

# False: it woke up before it was stopped, and goes on. What it waits in stays the same while it is stopped there.
sub stop_sleeper
{
	my ($pid) = @_;
	my $waits_in = system_call_of($pid);

	return 0 unless process_state($pid) eq 'S';
	kill 'STOP', $pid;
	poll_until(sub { process_state($pid) eq 'T' }) or die "process $pid does not stop";
	return 1 if system_call_of($pid) eq $waits_in;
	kill 'CONT', $pid;
	return 0;
}

# Which system call a process is in, and its arguments; empty where that is not told.
sub system_call_of { my ($pid) = @_; return eval { slurp_file("/proc/$pid/syscall") } // ''; }

# One letter; empty when there is no such process.
sub process_state { my ($pid) = @_; return (eval { slurp_file("/proc/$pid/stat") } // '') =~ /^\d+ \(.*\) (\S)/s ? $1 : ''; }

sub zygotes_of { my ($node) = @_; return processes_named($node, qr/^pybox-interp/, qr/^pybox-launch/); }
sub interpreters_of { my ($node) = @_; return processes_named($node, qr/^pybox-interp/, qr/^pybox-interp/); }

# Those that a signal has stopped.
sub stopped_processes { my ($node) = @_; return grep { process_state($_) eq 'T' } processes_of($node); }

# Waits until a node that was stopped, or its launcher, has left nothing behind. Call processes_of while it still lived.
sub wait_for_no_processes
{
	my ($node) = @_;
	return 1 if poll_until(sub { !processes_of($node) });
	diag('still there: ' . join(' ', processes_of($node)));
	return 0;
}

# Where the controllers are mounted: version 1 has a place for each, version 2 one for all. The same may be mounted
# again elsewhere, as for a container: the first place counts.
sub cgroup_mounts
{
	my %mounts;
	my %known;
	for my $line (split /\n/, slurp_file('/proc/mounts'))
	{
		my (undef, $place, $type, $options) = split ' ', $line;
		my %option = map { $_ => 1 } split /,/, $options;
		my $what = $type eq 'cgroup' ? join(',', grep { $option{$_} } @controllers) : $type;
		next unless $type =~ /^cgroup2?$/ && $what ne '' && !$known{$what}++;
		$mounts{$place} = 1 if $type eq 'cgroup' || slurp_file("$place/cgroup.controllers") =~ /\bmemory\b/;
	}
	return sort keys %mounts;
}

sub make_cgroup
{
	my ($name) = @_;
	return '' unless $ENV{PYBOX_TEST_CGROUP};
	my $cgroup = "$ENV{PYBOX_TEST_CGROUP}/" . basename($0, '.pl') . "-$name";

	for my $mount (cgroup_mounts())
	{
		mkdir "$mount$cgroup" or die "$mount$cgroup: $!";
		append_to_file("$mount$cgroup/cgroup.subtree_control", '+memory +cpu +pids')
		  if -e "$mount$cgroup/cgroup.subtree_control";
	}
	return $cgroup;
}

sub cgroup_of { my ($node) = @_; return $node->{pybox_cgroup}; }

# The node's directory under every controller.
sub cgroup_folders
{
	my ($node) = @_;
	return () if $node->{pybox_cgroup} eq '';
	return grep { -d } map { $_ . $node->{pybox_cgroup} } cgroup_mounts();
}

# What pybox has made below them.
sub cgroup_dirs
{
	my ($node) = @_;
	my @dirs;
	my @open = cgroup_folders($node);
	while (defined(my $folder = shift @open))
	{
		my @below = grep { -d } glob "$folder/*";
		push @dirs, @below;
		push @open, @below;
	}
	return sort @dirs;
}

# What the launcher has made: it keeps to a directory of its own.
sub pybox_cgroups { my ($node) = @_; return grep { m{\Q$node->{pybox_cgroup}\E/pools(?:/|$)} } cgroup_dirs($node); }

# Of these the ones that are frozen.
sub frozen_cgroups
{
	my ($node) = @_;
	return grep { (eval { slurp_file("$_/freezer.state") } // '') =~ /FR/ || (eval { slurp_file("$_/cgroup.freeze") } // '') eq "1\n" }
	  pybox_cgroups($node);
}

# Of the launcher's the groups for single processes that hold none.
sub empty_cgroups
{
	my ($node) = @_;
	return grep { m{/pools/[^/]+/[^/]+$} && (eval { slurp_file("$_/cgroup.procs") } // 'gone') eq '' } cgroup_dirs($node);
}

# System V segments that processes of pybox have made, and POSIX ones that no server makes and no other test (HostileWatch.pm).
sub shared_memory_of
{
	my ($node) = @_;
	my $seen = $node->{pybox_seen} // {};
	my @segments = grep { my @field = split; $seen->{ $field[4] } } split /\n/, slurp_file('/proc/sysvipc/shm');

	return (@segments, grep { !m{/(?:PostgreSQL\.\d+|pybox_canary_\d+\.py|pybox_[0-9a-f]{8})$} } glob '/dev/shm/*');
}

1;
