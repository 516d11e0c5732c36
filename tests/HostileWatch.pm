# What the hostile suite watches from outside while cases run on a node: canaries in files and memory, a neighbour's
# session, and everything that an attack could leave behind. All of it is looked at after each case, so each look is cheap.
package HostileWatch;

use strict;
use warnings;
use Hostile;
use Sys::Hostname qw(hostname);
use IO::Socket::INET;
use IO::Socket::UNIX;
use List::Util qw(max sum0);
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest qw(policy_path poll_until processes_of zygotes_of launcher_of scheduler_of cgroup_folders);
use Time::HiRes ();

my $mark = Hostile::mark();
my $number = 0x70000000 + $$; # the key of System V objects that cases make
my $settle_s = 2;        # what ends by itself has to be gone by then

# What a case asks for by `check:`: what is wrong, a line each, or nothing.
my %check = (
	no_core => sub {
		my ($self) = @_;
		return map { "core file $_" } grep { -e } map { glob "$_/core $_/core.*" } @{ $self->{places} };
	});

# A watch over a started node. Canaries are put down now.
sub new
{
	my ($class, $node) = @_;
	my $self = bless { node => $node, admin => PyboxSession->new($node) }, $class;

	$self->{data} = $node->data_dir;
	$self->{places} = [ $node->data_dir, $node->host, '/tmp', '/dev/shm', '/var/tmp', $ENV{HOME}, (getpwuid $<)[7], '/' ];
	$self->{reported} = { map { $_ => 1 } $self->objects }; # somebody else's
	$self->canaries_put;
	$self->{memory} = $self->memory;
	$self->{tcp} = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die "a socket: $!";
	$self->{listener} = IO::Socket::UNIX->new(Local => "\0pybox-canary-$$", Listen => 1) or die "a socket: $!";
	$self->{neighbour} = PyboxSession->new($node, role => 'neighbour', sql => 'CREATE TEMP TABLE mine AS SELECT 42 AS n');
	$self->{secret} = $self->neighbour_answer =~ s/^\d+//r;
	$self->{scheduler} = scheduler_of($node);
	$self->{others} = { 'postmaster' => $node->{_pid}, 'scheduler' => $self->{scheduler}, 'neighbour' => $self->{neighbour}->pid,
		"neighbour's interpreter" => $self->sibling };
	$self->allowances_check;
	return $self;
}

sub admin { my ($self) = @_; return $self->{admin}; }

# Tells the cases whom they may aim at.
sub facts_put
{
	my ($self) = @_;
	my $node = $self->{node};
	my ($zygote) = zygotes_of($node);
	my %fact = (zygote => $zygote, launcher => launcher_of($node), scheduler => $self->{scheduler}, sibling => $self->sibling,
		home => "'" . (getpwuid $<)[7] . "'");
	$fact{canaries} = 'ARRAY[' . join(', ', map { "'$_'" } sort keys %{ $self->{canary} }) . ']';
	$fact{number} = $number;
	$fact{tcp} = $self->{tcp}->sockport;
	$fact{abstract} = "'pybox-canary-$$'";
	$fact{host} = "'" . hostname() . "'";
	my $pairs = join ', ', map { "'$_', $fact{$_}" } sort keys %fact;

	$self->{admin}->value("UPDATE hostile.facts SET facts = (facts::jsonb || jsonb_build_object($pairs))::json");
	return;
}

# The neighbour's interpreter.
sub sibling { my ($self) = @_; return $self->{neighbour}->value('SELECT hostile.interpreter()'); }

# --- canaries -----------------------------------------------------------------------------------------------------------

sub canaries_put
{
	my ($self) = @_;

	for my $place (@{ $self->{places} })
	{
		my $path = "$place/pybox_canary_$$.py";
		next unless -d $place && open my $file, '>', $path;
		print {$file} "state = 'untouched'\n";
		close $file;
		$self->{canary}{$path} = 1;
	}
	my @files = (keys %{ $self->{canary} }, map { "$self->{data}/$_" } qw(PG_VERSION postgresql.conf pg_hba.conf pg_ident.conf));
	$self->{watched} = \@files;
	$self->{files} = $self->files;
	return;
}

# What a file is and when it was last changed in any way, reading aside.
sub file_state { my ($path) = @_; return join ' ', $path, (lstat $path)[ 0, 1, 2, 3, 4, 5, 7, 9, 10 ]; }

sub files { my ($self) = @_; return join "\n", map { file_state($_) } @{ $self->{watched} }; }

# In shared buffers, in a setting, and that the server is the one it was.
sub memory
{
	my ($self) = @_;
	return $self->{admin}->value('SELECT (SELECT text FROM hostile.canary), current_setting(\'hostile.canary\'), pg_postmaster_start_time()');
}

sub neighbour_answer { my ($self) = @_; return $self->{neighbour}->value('SELECT hostile.neighbour_state() || (SELECT sum(n) FROM mine)'); }

# What the kernel gives to a process: priorities, cores, limits.
my $ioprio_get = 252;
my $ioprio_process = 1;
sub allowance
{
	my ($pid) = @_;
	my (undef, $numbers) = split /\) /, slurp_or("/proc/$pid/stat");
	my ($cores) = slurp_or("/proc/$pid/status") =~ /^Cpus_allowed_list:\t(.*)/m;

	return join ' ', (split ' ', $numbers // '')[ 16, 37, 38 ], $cores // '', syscall($ioprio_get, $ioprio_process, $pid + 0), slurp_or("/proc/$pid/limits");
}

# Whose has changed, each change told once.
sub allowances_check
{
	my ($self) = @_;
	my @faults;

	for my $who (sort keys %{ $self->{others} })
	{
		my $now = allowance($self->{others}{$who});
		push @faults, "what the kernel gives to the $who" if $now ne ($self->{allowance}{$who} // $now);
		$self->{allowance}{$who} = $now;
	}
	return @faults;
}

sub canaries_check
{
	my ($self) = @_;
	my @faults;

	push @faults, 'a canary file was changed' if $self->files ne $self->{files};
	push @faults, "$_/$mark is there" for grep { -e "$_/$mark" || -l "$_/$mark" } @{ $self->{places} };
	$self->sweep if @faults;
	my $memory = eval { $self->memory } // "no answer: $@";
	push @faults, "the server's memory: $memory" if $memory ne $self->{memory};
	my $neighbour = eval { $self->neighbour_answer } // "no answer: $@";
	push @faults, "the neighbour: $neighbour" if $neighbour ne ++$self->{calls_of_neighbour} + 1 . $self->{secret};
	return @faults;
}

# --- processes ----------------------------------------------------------------------------------------------------------

# { name, parent } of a process, or nothing.
sub process
{
	my ($pid) = @_;
	my ($name, $state, $parent) = slurp_or("/proc/$pid/stat") =~ /^\d+ \((.*)\) (\S) (\d+)/s or return;
	return $state eq 'Z' ? () : { name => $name, parent => $parent };
}

# All processes that may be the node's: those not known to be somebody else's.
sub candidates
{
	my ($self) = @_;
	my %candidate;

	opendir my $folder, '/proc' or die "/proc: $!";
	for my $pid (grep { /^\d+$/ && !$self->{foreign}{$_} } readdir $folder)
	{
		my $process = process($pid) or next;
		$candidate{$pid} = $process;
	}
	closedir $folder;
	return \%candidate;
}

sub is_below
{
	my ($candidates, $pid, $ancestor) = @_;
	$pid = $candidates->{$pid}{parent} while $candidates->{$pid} && $pid != $ancestor;
	return $pid == $ancestor;
}

# The launcher is below the scheduler, zygotes are below it, interpreters below those; the server's own processes are theirs.
my %place_below = (scheduler => 'launcher', launcher => 'zygote', zygote => 'interpreter', server => 'strange', postmaster => 'server');

sub place_of
{
	my ($self, $candidates, $pid, $place) = @_;
	my $known = { $self->{node}{_pid} => 'postmaster', $self->{scheduler} => 'scheduler' }->{$pid};

	return $place->{$pid} //= $known // $place_below{ $self->place_of($candidates, $candidates->{$pid}{parent}, $place) } // 'strange';
}

# Who is what of the node: { launcher, zygote, interpreter, strange } => pids. What is below the postmaster or in the cgroup
# and has no place is strange.
sub family
{
	my ($self) = @_;
	my $candidates = $self->candidates;
	my %family = map { $_ => [] } qw(launcher zygote interpreter strange);
	my %place;

	for my $pid (keys %$candidates)
	{
		if (is_below($candidates, $pid, $self->{node}{_pid})) { push @{ $family{ $self->place_of($candidates, $pid, \%place) } }, $pid; }
		elsif ($self->in_cgroup($pid)) { push @{ $family{strange} }, $pid; }
		else { $self->{foreign}{$pid} = 1; }
	}
	return \%family;
}

sub in_cgroup
{
	my ($self, $pid) = @_;
	my $cgroup = $self->{node}{pybox_cgroup};
	return $cgroup ne '' && slurp_or("/proc/$pid/cgroup") =~ m{\Q$cgroup\E/pools}m;
}

# --- leftovers ----------------------------------------------------------------------------------------------------------

# Of the data directory a backend opens files as it needs them.
sub descriptors_of { my ($pid) = @_; return scalar grep { (readlink // '') !~ m{/pgdata/} } glob "/proc/$pid/fd/*"; }

sub slurp_or { my ($path) = @_; return eval { slurp_file($path) } // ''; }

# Of a machine-wide list the lines that a case has made.
sub marked_lines { my ($path, $column) = @_; return grep { /\Q$mark\E/ || (split)[$column] eq $number } split /\n/, slurp_or($path); }

# Keys by number and name: the rest of a line changes with time.
sub marked_keys { return map { join ' ', 'key', (split)[0, 8] } marked_lines('/proc/keys', 0); }

# Objects that outlive a process, as far as the machine shows them.
sub objects
{
	my ($self) = @_;
	return ((map { marked_lines("/proc/sysvipc/$_", 0) } qw(shm sem msg)), marked_lines('/proc/net/unix', 0), marked_keys(),
		glob("/dev/shm/*$mark* /dev/mqueue/*$mark*"));
}

# Counts that have to come back to what they were, and processes that have no place.
sub counts
{
	my ($self) = @_;
	my $family = $self->family;
	my %pids = (launcher => $family->{launcher}, zygote => $family->{zygote}, session => [ map { $_->pid } @{ $self->{sessions} }, $self->{neighbour} ]);
	my $interpreters = @{ $family->{interpreter} };
	my %count = ('interpreters beyond leases and spares' => max(0, $interpreters - $self->interpreters_most($family)));

	for my $who (keys %pids) { $count{"descriptors of $who $_"} = descriptors_of($_) for @{ $pids{$who} }; }
	# It holds one of every interpreter, of which spares come and go.
	$count{"descriptors of launcher $_"} -= $interpreters for @{ $family->{launcher} };
	$count{"mounts of the server"} = slurp_or("/proc/$self->{node}{_pid}/mountinfo") =~ tr/\n//;
	return (\%count, map { "process $_ " . slurp_or("/proc/$_/comm") =~ s/\n//r } @{ $family->{strange} });
}

# Folders below one; control files have a dot in their names, or are known.
sub groups_below
{
	my ($folder) = @_;
	opendir my $open, $folder or return;
	return map { "$folder/$_" } grep { !/\./ && !/^(?:tasks|notify_on_release)$/ } readdir $open;
}

# Groups for single processes that hold none.
sub empty_groups
{
	my ($self) = @_;
	$self->{cgroups} //= [ cgroup_folders($self->{node}) ];
	return grep { slurp_or("$_/cgroup.procs") eq '' && -d } map { groups_below($_) } map { groups_below("$_/pools") } @{ $self->{cgroups} };
}

# How many interpreters there may be: every session's own, and every zygote's spares.
sub interpreters_most
{
	my ($self, $family) = @_;
	my %spares = slurp_file(policy_path($self->{node})) =~ /^  (\w+): \{.*spares: (\d+)\}/mg;
	my @pools = map { slurp_or("/proc/$_/cmdline") =~ /--pool\0([^\0]+)/ } @{ $family->{zygote} };

	return $self->{leases} + sum0(map { $spares{$_} } @pools);
}

# From now on this is what is normal: the sessions that run cases, and how many interpreters these may have between them.
sub baseline
{
	my ($self, $leases, @sessions) = @_;

	$self->{sessions} = \@sessions;
	$self->{leases} = $leases + 1; # the neighbour's
	$self->{counts} = {};
	poll_until(
		sub {
			my $before = $self->{counts};
			($self->{counts}) = $self->counts;
			return same($before, $self->{counts}) && !$self->empty_groups;
		});
	return;
}

sub text_of { my ($count) = @_; return join "\n", map { "$_: $count->{$_}" } sort keys %$count; }
sub same { my ($one, $other) = @_; return text_of($one) eq text_of($other); }

sub leftovers
{
	my ($self) = @_;
	my ($counts, @strange) = $self->counts;
	my @more = grep { defined $self->{counts}{$_} && $counts->{$_} > $self->{counts}{$_} } sort keys %$counts;
	my @left = ((map { "$_: $counts->{$_}, before $self->{counts}{$_}" } @more), @strange, $self->objects, map { "empty cgroup $_" } $self->empty_groups);

	$self->{last_counts} = $counts;
	return grep { !$self->{reported}{$_} } @left;
}

# All that is wrong after a case. What is on its way out has a moment to go; what stays is told once, of the case that left it.
sub faults
{
	my ($self, $case) = @_;
	my @left;
	my $deadline = PyboxSession::now() + $settle_s;

	Time::HiRes::sleep(0.01) while (@left = $self->leftovers) && PyboxSession::now() < $deadline;
	if (@left) { $self->{counts} = $self->{last_counts}; $self->{reported}{$_} = 1 for @left; }
	my @faults = map { $check{$_} ? $check{$_}->($self) : "no such check: $_" } split /[ ,]+/, $case->{check};
	return ($self->canaries_check, $self->allowances_check, @left, @faults);
}

# Takes away what a case has left, so that only that case is blamed.
sub sweep
{
	my ($self) = @_;
	my @left = map { glob "$_/*$mark*" } @{ $self->{places} };

	-d && !-l ? rmdir : unlink for @left;
	return;
}

sub quit
{
	my ($self) = @_;

	$_->quit for grep { defined } delete @$self{qw(admin neighbour)};
	unlink keys %{ delete $self->{canary} // {} };
	return;
}

# A test that died has to clean up as well.
sub DESTROY
{
	my ($self) = @_;
	local ($?, $!, $@);

	$self->sweep;
	$self->quit;
	return;
}

1;
