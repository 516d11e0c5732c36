# The load, the controller and the judge of t/055_stress.pl.
package PyboxStress;

use strict;
use warnings;
use List::Util qw(sum);
use PyboxSession;

my $batch = 20;       # statements that a worker is sent at once
my $held_max = 6;     # calls that the controller keeps paused at a time
my $drain_ticks = 2;  # how many of its acts a pool stays drained

# What is called: how often of a hundred, SQL with N for the number of the call, and its right result.
my %kinds = (
	quick => [ 30, 'quick(N)', sub { $_[0] } ],
	spin => [ 20, 'spin(2, N)', sub { $_[0] } ],
	long => [ 1, 'spin(100, N)', sub { $_[0] } ],
	ask => [ 12, 'ask(N)', sub { $_[0] } ],
	pay => [ 10, 'pay(N)', sub { $_[0] } ],
	nest => [ 8, 'nest(N)', sub { $_[0] } ],
	series => [ 6, '(SELECT sum(s) FROM series(N % 50) AS s)', sub { my $n = $_[0] % 50; $n ? $n * ($n - 1) / 2 : '' } ],
	host => [ 4, 'host(N)', sub { $_[0] } ],
	lend => [ 3, 'lend(N)', sub { $_[0] } ],
	borrow => [ 2, 'borrow(N)', sub { $_[0] } ],
	catch => [ 3, 'catch(N)', sub { $_[0] } ],
	fail => [ 2, 'fail(N)', undef ],
	die => [ 1, 'die(N)', undef ]);

# What a call may be told instead of its result, and when somebody asked for that.
my @allowed = (
	[ '57014', qr/^(?:canceling|terminating) Python call due to pybox\.(?:cancel|kill)$/ ],
	[ '57014', qr/^canceling statement due to user request$/ ],
	[ '53400', qr/^(?:spiexceptions\.ConfigurationLimitExceeded: )?pool "\w+" is drained$/ ],
	[ '53400', qr/^spiexceptions\.ConfigurationLimitExceeded: no memory is free for a call inside another one in pool "\w+"$/, 'borrow' ],
	[ '38000', qr/^ValueError: stress$/, 'fail' ],
	[ '38000', qr/^Python interpreter exited/, 'die' ]);

# node.slots, and what pools say, by number of the policy. Roles and functions are the same in all of them.
my @policies = (
	{ slots => 6, memory => '2GB', fast => 'priority: 60', even => 'weight: 100, slots: 3', slow => 'priority: 10, on_contention: share' },
	{ slots => 3, memory => '2GB', fast => 'priority: 60, slots: 2', even => 'weight: 300', slow => 'priority: 10, slots: 2' },
	{ slots => 8, memory => '1GB', fast => 'priority: 50', even => 'weight: 100, memory: 300MB', slow => 'priority: 50, on_contention: yield' },
	{ slots => 1, memory => '2GB', fast => 'priority: 90', even => 'slots: 1', slow => 'priority: 0' },
	{ slots => 4, memory => '0', fast => 'priority: 60', even => 'on_contention: share', slow => undef });

sub policy
{
	my ($number) = @_;
	my $policy = $policies[$number];
	my $queue = 'queue: {length: 1000, timeout: 20min, ageing: 500ms}, limits: {memory: 256MB, wall: 20min}, reserve: 40MB, spares: 1';
	my $slow = defined $policy->{slow} ? "  slow: {$policy->{slow}, $queue}\n" : '';
	my $cap = $policy->{slots} > 2 ? $policy->{slots} - 1 : $policy->{slots};
	my $place = defined $policy->{slow} ? 'slow' : 'even';

	return <<"YAML";
version: 1
node: {name: test, id: 1, slots: $policy->{slots}, memory: $policy->{memory}, quantum: 20ms}
pools:
  fast: {$policy->{fast}, $queue}
  even: {$policy->{even}, $queue}
$slow  odd: {weight: 50, $queue}
caps:
  - {role: worker_odd, slots: $cap}
  - {function: public.spin, slots: $cap}
assign:
  - {role: worker_fast, pool: fast}
  - {role: worker_even, pool: even}
  - {role: worker_slow, pool: $place}
  - {pool: odd}
YAML
}

sub role { my ($number) = @_; return 'worker_' . (qw(fast even slow odd))[ $number % 4 ]; }

sub setup
{
	return <<'SQL';
CREATE EXTENSION pybox;
CREATE ROLE worker_fast LOGIN; CREATE ROLE worker_even LOGIN; CREATE ROLE worker_slow LOGIN; CREATE ROLE worker_odd LOGIN;
CREATE TABLE account (id int PRIMARY KEY, paid int DEFAULT 0);
INSERT INTO account SELECT generate_series(0, 9);
GRANT ALL ON account TO PUBLIC;
CREATE FUNCTION quick(n int) RETURNS int LANGUAGE pybox AS 'return n';
CREATE FUNCTION spin(ms int, n int) RETURNS int LANGUAGE pybox AS $$
import time
end = time.thread_time() + ms / 1000
while time.thread_time() < end: pass
return n
$$;
CREATE FUNCTION ask(n int) RETURNS int LANGUAGE pybox AS $$
plan = SD.setdefault("plan", plpy.prepare("SELECT $1 AS n", ["int"]))
return [plan.execute([n])[0]["n"] for i in range(3)][-1]
$$;
-- holds a row's lock while it computes; others wait for it in SQL, without a slot
CREATE FUNCTION pay(n int) RETURNS int LANGUAGE pybox AS $$
plan = SD.setdefault("plan", plpy.prepare("UPDATE account SET paid = paid + 1 WHERE id = $1", ["int"]))
plan.execute([n % 10])
return sum(i == n % 1000 for i in range(1000)) - 1 + n
$$;
CREATE FUNCTION nest(n int) RETURNS int LANGUAGE pybox AS $$
return plpy.execute("SELECT ask(%d) + quick(0) AS n" % n)[0]["n"]
$$;
CREATE FUNCTION series(n int) RETURNS SETOF int LANGUAGE pybox AS 'return range(n)';
CREATE FUNCTION host(n int) RETURNS int LANGUAGE pyboxu AS 'return n';
CREATE FUNCTION lend(n int) RETURNS int SECURITY DEFINER LANGUAGE pybox AS $$
return plpy.execute("SELECT quick(%d) AS n" % n)[0]["n"]
$$;
-- its caller's interpreter is another role's, with memory of its own
CREATE FUNCTION borrow(n int) RETURNS int LANGUAGE pybox AS $$
return plpy.execute("SELECT lend(%d) AS n" % n)[0]["n"]
$$;
CREATE FUNCTION fail(n int) RETURNS int LANGUAGE pybox AS 'raise ValueError("stress")';
CREATE FUNCTION catch(n int) RETURNS int LANGUAGE pybox AS $$
try:
    with plpy.subtransaction():
        plpy.execute("SELECT fail(1)")
except plpy.SPIError:
    return n
$$;
CREATE FUNCTION die(n int) RETURNS int LANGUAGE pybox AS $$
import os
os._exit(3)
$$;
-- What does not add up while nothing is under way: a count that is raised or lowered just now makes it wrong for a moment, and
-- one that is lost for ever.
CREATE FUNCTION queue_wrong() RETURNS text LANGUAGE plpgsql AS $$
DECLARE wrong text;
BEGIN
    FOR look IN 1 .. 2000 LOOP
        wrong := pybox.check_queue();
        EXIT WHEN wrong IS NULL;
        PERFORM pg_sleep(0.001);
    END LOOP;
    RETURN wrong;
END $$;
SQL
}

# What the controller does: how often of a hundred, and how.
my %acts = (
	cancel => [ 12, sub { one('cancel(call_id)') } ],
	kill => [ 6, sub { one('kill(call_id)') } ],
	backend => [ 5, sub { 'SELECT pg_cancel_backend(pid) FROM pybox.activity WHERE pid <> pg_backend_pid() ORDER BY random() LIMIT 1' } ],
	pause => [ 16, sub { one('pause(call_id)') } ],
	move => [ 16, sub { one('move(call_id, pool), pool', '(SELECT pool FROM pybox.pools ORDER BY random() LIMIT 1) p') } ],
	priority => [ 20, sub { one('set_priority(call_id, ' . int(rand 101) . ')') } ],
	filter => [ 2, sub { "SELECT 0, pybox.cancel_where(older_than => '3s', role => 'worker_even')" } ],
	drain => [ 1, sub { "SELECT 0, pybox.drain(pool) FROM pybox.pools ORDER BY random() LIMIT 1" } ],
	reload => [ 10, undef ]);

sub acts { return sort keys %acts; }

sub one
{
	my ($what, @from) = @_;
	my $call = '(SELECT call_id FROM pybox.activity WHERE pid <> pg_backend_pid() ORDER BY random() LIMIT 1) c';

	return "SELECT call_id, pybox.$what FROM " . join ', ', $call, @from;
}

# A key of a table, by the weights in it.
sub draw
{
	my ($table) = @_;
	my $sum = 0;
	$sum += $_->[0] for values %$table;
	my $dice = rand $sum;

	for my $key (sort keys %$table)
	{
		return $key if ($dice -= $table->{$key}[0]) < 0;
	}
	die 'no such side of the dice';
}

sub new
{
	my ($class, %option) = @_;

	return bless {
		%option, acts => {}, ended => {}, right => {}, wrong => [], held => [], moved => {}, samples => 0, judged => 0,
		over => {}, calls => 0, number => 0, drained => 0, ticks => 0, sent => {} }, $class;
}

sub sessions { my ($self) = @_; return (@{ $self->{workers} }, $self->{controller}, $self->{sampler}); }
sub wrong { my ($self) = @_; my @some = @{ $self->{wrong} }; return join "\n", @some[ 0 .. ($#some < 9 ? $#some : 9) ]; }
sub samples { my ($self) = @_; return $self->{samples}; }
sub judged { my ($self) = @_; return $self->{judged}; }
sub did { my ($self, $act) = @_; return $self->{acts}{$act} // 0; }
sub ended { my ($self, $how) = @_; return $self->{ended}{$how} // 0; }
sub right { my ($self, $kind) = @_; return $self->{right}{$kind} // 0; }

sub figures
{
	my ($self) = @_;
	my $list = sub { my ($of) = @_; join ', ', map { "$_ $of->{$_}" } sort keys %$of };

	return sprintf "%d calls of %d sessions in %.0f s, ended with: %s\nresults: %s\n%d acts: %s\n%d samples, %d of them of the policy of the one before; "
	  . 'over a lowered limit: %s', $self->{calls}, scalar @{ $self->{workers} }, $self->{took}, $list->($self->{ended}),
	  $list->($self->{right}), sum(values %{ $self->{acts} }), $list->($self->{acts}), $self->{samples}, $self->{judged},
	  $list->($self->{over}) || 'none';
}

# --- workers --------------------------------------------------------------------------------------------------------------

sub worker_send
{
	my ($self, $worker) = @_;
	my %sent;
	my @sql;

	for (1 .. $batch)
	{
		my $kind = draw(\%kinds);
		my $number = ++$self->{number};
		push @sql, "SELECT '#$number', " . ($kinds{$kind}[1] =~ s/\bN\b/$number/r);
		$sent{$number} = $kind;
	}
	$self->{sent}{$worker} = \%sent;
	$worker->send(join ";\n", @sql);
	return;
}

sub error_judge
{
	my ($self, $sqlstate, $message, $kinds) = @_;

	for my $row (@allowed)
	{
		my ($state, $pattern, $kind) = @$row;
		return 1 if $sqlstate eq $state && $message =~ $pattern && (!defined $kind || $kinds->{$kind});
	}
	return 0;
}

# Each statement has its result or one error.
sub worker_judge
{
	my ($self, $worker) = @_;
	my $answer = $worker->wait;
	my $text = $answer->{text};
	my $sent = delete $self->{sent}{$worker};
	my %left = %$sent;
	my $errors = 0;
	my $refused = 0; # costs nothing, so does not count

	push @{ $self->{wrong} }, "a session was lost: $text" if $answer->{lost};
	while ($text =~ /^#(\d+)\|(.*)$/mg)
	{
		my ($number, $got) = ($1, $2);
		my $kind = delete $left{$number} // 'none';
		my $wanted = $kinds{$kind}[2] && $kinds{$kind}[2]->($number);

		$self->{ended}{ok}++;
		$self->{right}{$kind}++;
		push @{ $self->{wrong} }, "$kind($number) gave '$got'" unless defined $wanted && $got eq $wanted;
	}
	my %kinds_left = map { $_ => 1 } values %left;
	while ($text =~ /^(?:psql:[^\n]*? )?(?:ERROR|FATAL|PANIC):  ([0-9A-Z]{5}): (.*)$/mg)
	{
		my ($sqlstate, $message) = ($1, $2);

		$errors++;
		$refused++ if $sqlstate eq '53400';
		$self->{ended}{$sqlstate}++;
		push @{ $self->{wrong} }, "$sqlstate $message, one of " . join(', ', sort keys %kinds_left)
		  unless $self->error_judge($sqlstate, $message, \%kinds_left);
	}
	push @{ $self->{wrong} }, "$errors errors for " . keys(%left) . " statements without a result: $text" if $errors != keys %left;
	$self->{calls} += keys(%$sent) - $refused;
	return;
}

# --- controller -----------------------------------------------------------------------------------------------------------

sub control_send
{
	my ($self) = @_;
	my $controller = $self->{controller};
	my $act = draw(\%acts);

	$self->{ticks}++;
	if (@{ $self->{held} } > $held_max || (@{ $self->{held} } && $self->{ticks} % 7 == 0))
	{
		$self->{act} = 'resume';
		return $controller->send('SELECT 0, pybox.resume(' . shift(@{ $self->{held} }) . ')');
	}
	if ($self->{drained} && $self->{ticks} > $self->{drained} + $drain_ticks)
	{
		$self->{drained} = 0;
		$self->{act} = 'undrain';
		return $controller->send('SELECT 0, pybox.undrain(pool) FROM pybox.drained');
	}
	$self->{act} = $act;
	return $controller->send($acts{$act}[1]->()) if $act ne 'reload';
	$self->{reload}->(int rand @policies);
	return $controller->send('SELECT 0, pybox.reload_policy()');
}

sub control_judge
{
	my ($self) = @_;
	my $answer = $self->{controller}->wait;
	my $act = $self->{act};
	my ($call, $pool) = $answer->{text} =~ /^(\d+)\|t(?:\|(\w+))?$/m;

	# A pool may be gone by the time that it is named.
	push @{ $self->{wrong} }, "$act: $answer->{text}" if defined $answer->{sqlstate} && $answer->{sqlstate} ne '42704';
	$self->{acts}{$act}++;
	push @{ $self->{held} }, $call if $act eq 'pause' && defined $call;
	$self->{moved}{$call} = $pool if defined $pool;
	$self->{drained} ||= $self->{ticks} if $act eq 'drain';
	return;
}

# Nothing that was asked for stays so.
sub control_undo
{
	my ($self) = @_;

	$self->{controller}->value('SELECT count(pybox.undrain(pool)) FROM pybox.drained');
	$self->{controller}->value("SELECT pybox.resume($_)") for @{ $self->{held} };
	$self->{held} = [];
	return;
}

# --- sampler --------------------------------------------------------------------------------------------------------------

# Each gives rows only where a view does not agree with itself. Two views are two moments, so that they are not held against each
# other: who waits by pybox.pools may have its turn before pybox.queue is read.
my @checks = (
	"SELECT 'a call twice in activity', call_id FROM pybox.activity GROUP BY call_id HAVING count(*) > 1",
	"SELECT 'two calls of a backend run', pid FROM pybox.activity WHERE state IN ('running', 'starting') GROUP BY pid HAVING count(*) > 1",
	"SELECT 'a call twice in queue', call_id FROM pybox.queue GROUP BY call_id HAVING count(*) > 1",
	"SELECT 'positions', pool, array_agg(position ORDER BY position) FROM pybox.queue WHERE position IS NOT NULL GROUP BY pool
		HAVING min(position) <> 1 OR max(position) <> count(*) OR count(DISTINCT position) <> count(*)",
	"SELECT 'waits for nothing', call_id, state FROM pybox.queue WHERE waiting_for IS NULL OR position IS NULL AND state <> 'paused'",
	"SELECT 'oldest wait of nobody', pool, waiting, oldest_wait FROM pybox.pools WHERE (waiting = 0) <> (oldest_wait IS NULL)",
	"SELECT 'the queue is wrong', wrong FROM queue_wrong() wrong WHERE wrong IS NOT NULL");

# What is held against limits: the node and its pools between two looks at the number of the policy; then the calls.
my $generation = "SELECT '=', generation FROM pybox.node";
my @figures = (
	$generation,
	"SELECT '+', 'node', slots, running, waiting, memory_budget, memory_reserved FROM pybox.node",
	"SELECT '+', 'pool ' || pool, slots, running, waiting, memory_budget, memory_reserved FROM pybox.pools",
	$generation,
	"SELECT '.', call_id FROM pybox.activity");

sub sample_send { my ($self) = @_; $self->{sampler}->send(join ";\n", @figures, @checks); return; }

# What one may have: as much as its limit says; but where a new policy has lowered that, what it had before, until it is given back.
sub limit_judge
{
	my ($self, $what, $name, $now, $before, $limit, $more) = @_;

	push @{ $self->{wrong} }, "$name: $what $now" if $now < 0;
	return if $limit eq '' || $now <= $limit + $more;
	$self->{over}{"$name $what"}++;
	push @{ $self->{wrong} }, "$name: $what $now, was " . ($before // 'not seen') . ", limit $limit, $more were moved there"
	  if defined $before && $now > $before + $more;
	return;
}

# Rows of a sample by name, unless the policy has changed amid them, and ids of calls.
sub sample_read
{
	my ($text) = @_;
	my @generations = $text =~ /^=\|(\d+)$/mg;
	my %rows;

	while ($text =~ /^\+\|([^|]+)\|(.*)$/mg)
	{
		my ($name, $row) = ($1, $2);
		@{ $rows{$name} }{qw(slots running waiting budget reserved)} = split /\|/, $row, -1;
	}
	return {
		generation => $generations[0] == $generations[1] ? $generations[0] : 0,
		rows => \%rows, calls => { map { $_ => 1 } $text =~ /^\.\|(\d+)$/mg } };
}

# A call that is moved takes its slot along, whether or not there is room, and may still have it.
sub limits_judge
{
	my ($self, $sample) = @_;
	my $last = $self->{last};
	my $same = $last && $last->{generation} && $last->{generation} == $sample->{generation};
	my %movers;

	$movers{"pool $_"}++ for values %{ $self->{moved} };
	$movers{$_}++ for $self->{act} eq 'move' ? keys %{ $sample->{rows} } : (); # under way: may be to any of them
	for my $name ($sample->{generation} ? sort keys %{ $sample->{rows} } : ())
	{
		my ($row, $before) = ($sample->{rows}{$name}, $same ? $last->{rows}{$name} : undef);

		push @{ $self->{wrong} }, "$name: waiting $row->{waiting}" if $row->{waiting} < 0;
		$self->limit_judge('running', $name, $row->{running}, $before->{running}, $row->{slots}, $movers{$name} // 0);
		$self->limit_judge('reserved', $name, $row->{reserved}, $before->{reserved}, $row->{budget}, 0);
	}
	$self->{judged}++ if $same;
	$self->{last} = $sample;
	delete $self->{moved}{$_} for grep { !$sample->{calls}{$_} } keys %{ $self->{moved} };
	return;
}

sub sample_judge
{
	my ($self) = @_;
	my $text = $self->{sampler}->wait->{text};

	$self->{samples}++;
	$self->limits_judge(sample_read($text));
	$text =~ s/^[=+.]\|.*\n?//mg;
	push @{ $self->{wrong} }, $text if $text ne '';
	return;
}

# After the end: all of these are to be 0.
sub totals { return 'SELECT sum(running), sum(waiting), sum(paused), sum(memory_reserved) FROM pybox.pools'; }
sub nothing { return '0|0|0|0'; }

# --- the run --------------------------------------------------------------------------------------------------------------

sub run
{
	my ($self, $calls, $seconds) = @_;
	my $began = PyboxSession::now();
	my $going = sub { $self->{calls} < $calls || PyboxSession::now() < $began + $seconds };
	my $deadline;

	$self->worker_send($_) for @{ $self->{workers} };
	$self->control_send;
	$self->sample_send;
	while ($going->() && @{ $self->{wrong} } < 10)
	{
		PyboxSession::wait_any(0.1, $self->sessions);
		for my $worker (grep { $_->is_answered } @{ $self->{workers} })
		{
			$self->worker_judge($worker);
			$self->worker_send($worker);
		}
		$self->control_judge, $self->control_send if $self->{controller}->is_answered;
		$self->sample_judge, $self->sample_send if $self->{sampler}->is_answered;
	}
	$self->control_judge;
	$self->control_undo;
	$self->worker_judge($_) for @{ $self->{workers} };
	$self->sample_judge;
	$self->{took} = PyboxSession::now() - $began;
	return;
}

1;
