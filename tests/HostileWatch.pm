# What the hostile suite watches from outside while cases run on a node: canaries in files and memory, a neighbour's
# session, and everything that an attack could leave behind. All of it is looked at after each case, so each look is cheap.
package HostileWatch;

use strict;
use warnings;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest qw(poll_until processes_of zygotes_of interpreters_of launcher_of scheduler_of empty_cgroups cgroup_folders);

my $mark = 'pybox_was_here';
my $number = 1886548066; # the key of System V objects that cases make
my $settle_s = 2;        # what ends by itself has to be gone by then
my %check;               # name of `check:` => what it looks at

# A watch over a started node. Canaries are put down now.
sub new
{
	my ($class, $node) = @_;
	my $self = bless { node => $node, admin => PyboxSession->new($node) }, $class;

	$self->{data} = $node->data_dir;
	$self->{places} = [ $node->data_dir, $node->host, '/tmp', '/dev/shm', '/var/tmp', $ENV{HOME}, (getpwuid $<)[7], '/' ];
	$self->{sequence} = 0;
	$self->canaries_put;
	$self->{memory} = $self->memory;
	$self->{neighbour} = PyboxSession->new($node, role => 'neighbour', sql => 'CREATE TEMP TABLE mine AS SELECT 42 AS n');
	$self->{secret} = $self->neighbour_answer =~ s/^\d+//r;
	return $self;
}

sub admin { my ($self) = @_; return $self->{admin}; }

# Tells the cases whom they may aim at.
sub facts_put
{
	my ($self) = @_;
	my $node = $self->{node};
	my ($zygote) = zygotes_of($node);
	my %fact = (zygote => $zygote, launcher => launcher_of($node), scheduler => scheduler_of($node), sibling => $self->{neighbour}->pid,
		home => "'" . (getpwuid $<)[7] . "'");
	my $pairs = join ', ', map { "'$_', $fact{$_}" } sort keys %fact;

	$self->{admin}->value("UPDATE hostile.facts SET facts = (facts::jsonb || jsonb_build_object($pairs))::json");
	return;
}

# --- canaries -----------------------------------------------------------------------------------------------------------

sub canaries_put
{
	my ($self) = @_;

	for my $place (@{ $self->{places} })
	{
		my $path = "$place/pybox-canary-$$";
		next unless -d $place && open my $file, '>', $path;
		print {$file} "untouched\n";
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

sub canaries_check
{
	my ($self) = @_;
	my @faults;

	push @faults, 'a canary file was changed' if $self->files ne $self->{files};
	push @faults, "$_/$mark is there" for grep { -e "$_/$mark" || -l "$_/$mark" } @{ $self->{places} };
	my $memory = eval { $self->memory } // "no answer: $@";
	push @faults, "the server's memory: $memory" if $memory ne $self->{memory};
	my $neighbour = eval { $self->neighbour_answer } // "no answer: $@";
	push @faults, "the neighbour: $neighbour" if $neighbour ne ++$self->{calls_of_neighbour} + 1 . $self->{secret};
	return @faults;
}

# --- leftovers ----------------------------------------------------------------------------------------------------------

# Of the data directory a backend opens files as it needs them.
sub descriptors_of { my ($pid) = @_; return scalar grep { (readlink // '') !~ m{/pgdata/} } glob "/proc/$pid/fd/*"; }

sub slurp_or { my ($path) = @_; return eval { slurp_file($path) } // ''; }

# Of a machine-wide list the lines that a case has made.
sub marked_lines { my ($path, $column) = @_; return grep { /\Q$mark\E/ || (split)[$column] eq $number } split /\n/, slurp_or($path); }

# Objects that outlive a process, as far as the machine shows them.
sub objects
{
	my ($self) = @_;
	return ((map { marked_lines("/proc/sysvipc/$_", 0) } qw(shm sem msg)), marked_lines('/proc/net/unix', 0), marked_lines('/proc/keys', 0),
		glob("/dev/shm/*$mark* /dev/mqueue/*$mark*"));
}

# Every process has its place: the launcher, zygotes below it, interpreters below those, none beyond leases and spares.
sub process_faults
{
	my ($self) = @_;
	my %is_known = map { $_ => 1 } launcher_of($self->{node}), zygotes_of($self->{node}), interpreters_of($self->{node});
	my @strange = grep { !$is_known{$_} } processes_of($self->{node});

	return map { "process $_ " . slurp_or("/proc/$_/comm") =~ s/\n//r } @strange;
}

# Counts that have to come back to what they were.
sub counts
{
	my ($self) = @_;
	my %pids = (launcher => [ launcher_of($self->{node}) ], zygote => [ zygotes_of($self->{node}) ],
		session => [ map { $_->pid } @{ $self->{sessions} }, $self->{neighbour} ]);
	my %count = (interpreters => scalar interpreters_of($self->{node}));

	for my $who (keys %pids) { $count{"descriptors of $who $_"} = descriptors_of($_) for @{ $pids{$who} }; }
	$count{"mounts of the server"} = slurp_or("/proc/$self->{node}{_pid}/mountinfo") =~ tr/\n//;
	return \%count;
}

# From now on this is what is normal: sessions are those that run cases.
sub baseline
{
	my ($self, @sessions) = @_;

	$self->{sessions} = \@sessions;
	$self->{counts} = undef;
	poll_until(sub { my $before = $self->{counts}; $self->{counts} = $self->counts; return $before && same($before, $self->{counts}) && !empty_cgroups($self->{node}) });
	return;
}

sub text_of { my ($count) = @_; return join "\n", map { "$_: $count->{$_}" } sort keys %$count; }
sub same { my ($one, $other) = @_; return text_of($one) eq text_of($other); }

sub leftovers
{
	my ($self) = @_;
	my $counts = $self->counts;
	my @more = grep { ($counts->{$_} // 0) > ($self->{counts}{$_} // 0) && defined $self->{counts}{$_} } sort keys %$counts;

	return ((map { "$_: $counts->{$_}, before $self->{counts}{$_}" } @more), $self->process_faults, $self->objects,
		map { "empty cgroup $_" } empty_cgroups($self->{node}));
}

# All that is wrong after a case. What is on its way out has a moment to go.
sub faults
{
	my ($self, $case) = @_;
	my @left;
	my $deadline = PyboxSession::now() + $settle_s;

	Time::HiRes::sleep(0.01) while (@left = $self->leftovers) && PyboxSession::now() < $deadline;
	my @faults = map { split /\n/ } map { $check{$_} ? $check{$_}->($self) : "no such check: $_" } split /[ ,]+/, $case->{check};
	return ($self->canaries_check, @left, @faults);
}

sub quit
{
	my ($self) = @_;

	$_->quit for $self->{admin}, $self->{neighbour};
	unlink keys %{ $self->{canary} };
	return;
}

1;
