# A client that stays connected: psql behind a pipe, so that a test can start a query, do something else, and then read
# the answer. Times are seconds of the monotonic clock, taken when the client has the answer and may send the next query.
package PyboxSession;

use strict;
use warnings;
use IPC::Open3 qw(open3);
use PostgreSQL::Test::Utils;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $limit = $PostgreSQL::Test::Utils::timeout_default;

# Options: role, database; sql => what to run first.
sub new
{
	my ($class, $node, %option) = @_;
	my $database = $option{database} // 'postgres';
	my $where = $node->connstr($database) . (defined $option{role} ? " user=$option{role}" : '');
	my $self = bless { text => '', count => 0, lost => 0 }, $class;
	my @command = ($node->installed_command('psql'), '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $where);

	local $ENV{PGCLIENTENCODING} = 'UTF8';
	$self->{psql} = open3($self->{in}, $self->{out}, undef, @command);
	$self->{in}->autoflush(1);
	$self->{pid} = $self->value('SELECT pg_backend_pid()');
	$self->value($option{sql}) if defined $option{sql};
	return $self;
}

# The backend's process id.
sub pid { my ($self) = @_; return $self->{pid}; }

sub now { return clock_gettime(CLOCK_MONOTONIC); }

# Starts a query and returns the time; wait() brings its answer.
sub send
{
	my ($self, $sql) = @_;
	my $mark = '=' . ++$self->{count} . '=';
	my $at = now();

	local $SIG{PIPE} = 'IGNORE';
	print { $self->{in} } "$sql\n;\n\\echo $mark\n";
	$self->{mark} = "$mark\n";
	return $at;
}

# One read with a bound; at the end of the pipe the client is gone.
sub take
{
	my ($self, $deadline) = @_;
	my $ready = '';
	my $got;

	vec($ready, fileno($self->{out}), 1) = 1;
	die "no answer within $limit s; so far: $self->{text}\n"
	  unless select($ready, undef, undef, $deadline - now());
	$got = sysread($self->{out}, $self->{text}, 65536, length $self->{text});
	$self->{lost} = 1 unless $got;
	return;
}

# Waits until what the running query has said matches, such as a notice; returns whether it came before its end.
sub wait_for
{
	my ($self, $pattern) = @_;
	my $deadline = now() + $limit;

	$self->take($deadline) until $self->{text} =~ $pattern || $self->{lost} || index($self->{text}, $self->{mark}) >= 0;
	return $self->{text} =~ $pattern;
}

# Whether the running query's answer has come; does not wait for it.
sub is_answered
{
	my ($self) = @_;
	my $ready = '';

	vec($ready, fileno($self->{out}), 1) = 1;
	$self->take(now() + $limit) if select($ready, undef, undef, 0);
	return $self->{lost} || index($self->{text}, $self->{mark}) >= 0;
}

# Waits until one of these sessions has said something, or so many seconds are over.
sub wait_any
{
	my ($seconds, @sessions) = @_;
	my $ready = '';

	vec($ready, fileno($_->{out}), 1) = 1 for @sessions;
	select($ready, undef, undef, $seconds);
	return;
}

# The running query's answer: { text, sqlstate, at, lost }. sqlstate is that of its first error, undefined without one.
sub wait
{
	my ($self) = @_;
	my $deadline = now() + $limit;
	my %answer;

	$self->take($deadline) until $self->{lost} || index($self->{text}, $self->{mark}) >= 0;
	%answer = (at => now(), text => $self->{text}, lost => $self->{lost});
	$answer{text} =~ s/\Q$self->{mark}\E.*//s;
	chomp $answer{text};
	$self->{text} = '';
	($answer{sqlstate}) = $answer{text} =~ /^(?:psql:[^\n]*? )?(?:ERROR|FATAL):  ([0-9A-Z]{5}):/m;
	return \%answer;
}

sub ask
{
	my ($self, $sql) = @_;

	$self->send($sql);
	return $self->wait;
}

# The text of an answer that may not be an error.
sub value
{
	my ($self, $sql) = @_;
	my $answer = $self->ask($sql);

	die "$sql\n$answer->{text}\n" if defined $answer->{sqlstate} || $answer->{lost};
	return $answer->{text};
}

# Asks until the answer is the wanted one ("t" by default); the bound is the one of poll_query_until.
sub poll
{
	my ($self, $sql, $wanted) = @_;
	my $deadline = now() + $limit;
	my $got;

	$wanted //= 't';
	while (($got = $self->value($sql)) ne $wanted)
	{
		return 0 * warn "$sql\nlast answer: $got, wanted: $wanted\n" if now() > $deadline;
		Time::HiRes::sleep(0.005);
	}
	return 1;
}

# Ends the client as a user does, which also ends the session when its query is over.
sub quit
{
	my ($self) = @_;

	return unless $self->{psql};
	close $self->{in};
	close $self->{out};
	waitpid $self->{psql}, 0;
	delete $self->{psql};
	return;
}

# The client is gone without a word.
sub drop
{
	my ($self) = @_;

	kill 'KILL', $self->{psql} if $self->{psql};
	$self->quit;
	return;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $!, $@);

	$self->drop;
	return;
}

1;
