# The load of t/055_stress.pl, what is done to it, and the run; PyboxStressViews.pm judges the views.
package PyboxStress;

use strict;
use warnings;
use List::Util qw(sum);
use PyboxSession;
use PyboxStressViews;
use PostgreSQL::Test::Utils;

my $batch = 20;       # statements that a worker is sent at once
my $held_max = 6;     # calls that the controller keeps paused at a time
my $drain_ticks = 2;  # how many of its acts a pool stays drained
my $stand_every = 20; # seconds from one time that all stand still to the next

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
	die => [ 1, 'die(N)', undef ],
	stand => [ 0, 'stand(N)', undef ]); # when all stand still

# How an error of a call inside is passed on by the one outside.
my $inner = qr/(?:spiexceptions\.\w+: )*/;

# What a call may be told instead of its result, and when somebody asked for that.
my @allowed = (
	[ '57014', qr/^(?:canceling|terminating) Python call due to pybox\.(?:cancel|kill)$/ ],
	[ '57014', qr/^canceling statement due to user request$/ ],
	[ '53400', qr/^${inner}pool "\w+" is drained$/ ],
	[ '53400', qr/^spiexceptions\.ConfigurationLimitExceeded: no memory is free for a call inside another one in pool "\w+"$/, 'borrow' ],
	[ '38000', qr/^ValueError: stress$/, 'fail' ],
	[ '38000', qr/^Python interpreter exited/, 'die' ],
	[ '38000', qr/^${inner}Python interpreter was terminated by signal 9: Killed$/ ],
	[ '38000', qr/^${inner}Python interpreter was lost with its zygote$/ ],
	[ '57P01', qr/^terminating connection due to administrator command$/ ]);

# node.slots, and what pools say, by number of the policy. Roles and functions are the same in all of them. Calls of a pool that
# is gone go on in another one, and come back: so that pool "slow" and its heir, "odd", have no slots of their own.
my @policies = (
	{ slots => 6, memory => '2GB', fast => 'priority: 60', even => 'weight: 100, slots: 3', slow => 'priority: 10, on_contention: share' },
	{ slots => 3, memory => '2GB', fast => 'priority: 60, slots: 2', even => 'weight: 300', slow => 'priority: 10' },
	{ slots => 8, memory => '1GB', fast => 'priority: 50', even => 'weight: 100, memory: 300MB', slow => 'priority: 50, on_contention: yield', cap => '400MB' },
	{ slots => 1, memory => '2GB', fast => 'priority: 90', even => 'slots: 1', slow => 'priority: 0' },
	{ slots => 4, memory => '0', fast => 'priority: 60', even => 'on_contention: share', slow => undef });
# Under this one all stand still: nobody's time is over, and nothing but the number of slots stands in the way.
my %stand_policy = (slots => 5, memory => '4GB', quantum => '10s', fast => 'weight: 100', even => 'on_contention: share', slow => 'on_contention: yield');

sub policy { my ($number) = @_; return policy_text($policies[$number]); }

sub policy_text
{
	my ($policy) = @_;
	my $quantum = $policy->{quantum} // '20ms';
	my $queue = 'queue: {length: 1000, timeout: 20min, ageing: 500ms}, limits: {memory: 256MB, wall: 20min}, reserve: 40MB, spares: 1';
	my $slow = defined $policy->{slow} ? "  slow: {$policy->{slow}, $queue}\n" : '';
	my $cap = $policy->{slots} > 2 && !defined $policy->{quantum} ? $policy->{slots} - 1 : $policy->{slots};
	my $cap_memory = defined $policy->{cap} ? ", memory: $policy->{cap}" : '';
	my $place = defined $policy->{slow} ? 'slow' : 'even';

	return <<"YAML";
version: 1
node: {name: test, id: 1, slots: $policy->{slots}, memory: $policy->{memory}, quantum: $quantum}
pools:
  fast: {$policy->{fast}, $queue}
  even: {$policy->{even}, $queue}
$slow  odd: {weight: 50, $queue}
caps:
  - {role: worker_odd, slots: $cap$cap_memory}
  - {function: public.spin, slots: $cap}
assign:
  - {role: worker_fast, pool: fast}
  - {role: worker_even, pool: even}
  - {role: worker_slow, pool: $place}
  - {pool: odd}
YAML
}

# The limits that a policy sets, for PyboxStressViews.
sub policy_limits
{
	my ($policy) = @_;
	my %limits = (node => { slots => $policy->{slots}, memory => bytes($policy->{memory}) });

	for my $pool (grep { defined $policy->{$_} || $_ eq 'odd' } qw(fast even slow odd))
	{
		my $says = $policy->{$pool} // '';

		$limits{"pool $pool"} = {
			slots => $says =~ /\bslots: (\d+)/ ? $1 : $policy->{slots},
			memory => $says =~ /\bmemory: (\w+)/ ? bytes($1) : undef };
	}
	return \%limits;
}

sub bytes
{
	my ($size) = @_;
	my ($number, $unit) = $size =~ /^(\d+)(MB|GB)?$/ or die $size;

	return $number == 0 ? undef : $number * ($unit eq 'GB' ? 2**30 : 2**20);
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
-- has its slot, and does nothing, until somebody ends it
CREATE FUNCTION stand(n int) RETURNS int LANGUAGE pybox AS $$
import time
time.sleep(3600)
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
	drain => [ 0.4, sub { "SELECT 0, pybox.drain(pool) FROM pybox.pools ORDER BY random() LIMIT 1" } ],
	end => [ 4, sub { "SELECT 'end', pid FROM pybox.interpreters ORDER BY random() LIMIT 1" } ],
	zygote => [ 0.3, sub { "SELECT 'end', trusted_zygote_pid FROM pybox.pools WHERE trusted_zygote = 'running' ORDER BY random() LIMIT 1" } ],
	terminate => [ 0.5, sub { "SELECT 0, pg_terminate_backend(pid) FROM pybox.activity WHERE pid <> pg_backend_pid() ORDER BY random() LIMIT 1" } ],
	reload => [ 5, undef ]);

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
	my $in_force = policy_limits($policies[0]);

	return bless {
		%option, in_force => $in_force, views => PyboxStressViews->new(session => $option{sampler}, policy => $in_force),
		acts => {}, ended => {}, right => {}, wrong => [], held => [], moved => {}, stood => 0, calls => 0, number => 0, drained => 0, ticks => 0, sent => {} }, $class;
}

# As they are now: one that is lost is replaced.
sub workers { my ($self) = @_; return @{ $self->{workers} }; }
sub sessions { my ($self) = @_; return ($self->workers, $self->{controller}, $self->{sampler}); }
sub wrong { my ($self) = @_; my @some = @{ $self->{wrong} }; return join "\n", @some[ 0 .. ($#some < 9 ? $#some : 9) ]; }
sub views { my ($self) = @_; return $self->{views}; }
sub stood { my ($self) = @_; return $self->{stood}; }
sub did { my ($self, $act) = @_; return $self->{acts}{$act} // 0; }
sub ended { my ($self, $how) = @_; return $self->{ended}{$how} // 0; }
sub right { my ($self, $kind) = @_; return $self->{right}{$kind} // 0; }

sub note_wrong { my ($self, @what) = @_; push @{ $self->{wrong} }, grep { $_ ne '' } @what; return; }

sub figures
{
	my ($self) = @_;
	my $views = $self->{views};
	my $list = sub { my ($of) = @_; join ', ', map { "$_ $of->{$_}" } sort keys %$of };

	return sprintf "%d calls of %d sessions in %.0f s, ended with: %s\nresults: %s\n%d acts: %s\n%d samples, all held against limits, %d of them with one policy "
	  . 'since the one before; over a lowered limit: %s; stood still %d times', $self->{calls}, scalar @{ $self->{workers} }, $self->{took},
	  $list->($self->{ended}), $list->($self->{right}), sum(values %{ $self->{acts} }), $list->($self->{acts}), $views->samples, $views->steady,
	  $list->($views->over) || 'none', $self->{stood};
}

# --- workers --------------------------------------------------------------------------------------------------------------

sub worker_send
{
	my ($self, $worker, @which) = @_;
	my %sent;
	my @sql;

	@which = map { draw(\%kinds) } 1 .. $batch unless @which;
	for my $kind (@which)
	{
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

	while ($text =~ /^#(\d+)\|(.*)$/mg)
	{
		my ($number, $got) = ($1, $2);
		my $kind = delete $left{$number} // 'none';
		my $wanted = $kinds{$kind}[2] && $kinds{$kind}[2]->($number);

		$self->{ended}{ok}++;
		$self->{right}{$kind}++;
		$self->note_wrong("$kind($number) gave '$got'") unless defined $wanted && $got eq $wanted;
	}
	my %kinds_left = map { $_ => 1 } values %left;
	while ($text =~ /^(?:psql:[^\n]*? )?(?:ERROR|FATAL|PANIC):  ([0-9A-Z]{5}): (.*)$/mg)
	{
		my ($sqlstate, $message) = ($1, $2);

		$errors++;
		$refused++ if $message =~ /is drained$/;
		$self->{ended}{$sqlstate}++;
		$self->note_wrong("$sqlstate $message, one of " . join(', ', sort keys %kinds_left))
		  unless $self->error_judge($sqlstate, $message, \%kinds_left);
	}
	my $without = keys %left;
	my $lost = $answer->{lost} && $text =~ /^(?:psql:[^\n]*? )?FATAL:  57P01:/m; # what it was yet to send has no answer
	$self->note_wrong("a session was lost: $text") if $answer->{lost} && !$lost;
	$self->note_wrong("$errors errors for $without statements without a result: $text") if $lost ? $errors > $without : $errors != $without;
	$self->{calls} += keys(%$sent) - $refused - ($without - $errors);
	$self->{workers}[ $worker->{number} ] = $self->{connect}->($worker->{number}) if $lost;
	return;
}

# --- controller -----------------------------------------------------------------------------------------------------------

# Puts a policy in place and returns the SQL that has it taken.
sub reload
{
	my ($self, $policy) = @_;

	$self->{reload}->(policy_text($policy));
	$self->{coming} = policy_limits($policy);
	$self->{views}->limits_add($self->{coming});
	return 'SELECT 0, pybox.reload_policy()';
}

sub policy_take
{
	my ($self, $policy) = @_;

	$self->{controller}->value($self->reload($policy));
	$self->{in_force} = delete $self->{coming};
	return;
}

sub control_choose
{
	my ($self) = @_;

	if (@{ $self->{held} } > $held_max || (@{ $self->{held} } && $self->{ticks} % 7 == 0))
	{
		return ('resume', 'SELECT 0, pybox.resume(' . shift(@{ $self->{held} }) . ')');
	}
	if ($self->{drained} && $self->{ticks} > $self->{drained} + $drain_ticks)
	{
		$self->{drained} = 0;
		return ('undrain', 'SELECT 0, pybox.undrain(pool) FROM pybox.drained');
	}
	my $act = draw(\%acts);
	return ($act, $act eq 'reload' ? $self->reload($policies[ int rand @policies ]) : $acts{$act}[1]->());
}

sub control_send
{
	my ($self) = @_;

	$self->{ticks}++;
	($self->{act}, my $sql) = $self->control_choose;
	$self->{controller}->send($sql);
	return;
}

# Ends a process that the views called an interpreter, if it still is one.
sub process_end
{
	my ($pid) = @_;
	my $name = eval { slurp_file("/proc/$pid/comm") } // '';

	kill 'KILL', $pid if $name =~ /^pybox-interp/;
	return;
}

sub control_judge
{
	my ($self) = @_;
	my $answer = $self->{controller}->wait;
	my $act = $self->{act};
	my ($call, $pool) = $answer->{text} =~ /^(\d+)\|t(?:\|(\w+))?$/m;

	# A pool may be gone by the time that it is named.
	$self->note_wrong("$act: $answer->{text}") if $answer->{lost} || (defined $answer->{sqlstate} && $answer->{sqlstate} ne '42704');
	$self->{acts}{$act}++;
	$self->{act} = 'none';
	$self->{in_force} = delete $self->{coming} if $self->{coming};
	process_end($1) if $answer->{text} =~ /^end\|(\d+)$/m;
	push @{ $self->{held} }, $call if $act eq 'pause' && defined $call;
	$self->{moved}{$call} = $pool if defined $pool;
	$self->{drained} ||= $self->{ticks} if $act eq 'drain';
	return;
}

# Nothing that was asked for stays so.
sub control_undo
{
	my ($self) = @_;

	$self->control_judge if $self->{act} ne 'none';
	$self->{controller}->value('SELECT count(pybox.undrain(pool)) FROM pybox.drained');
	$self->{controller}->value("SELECT pybox.resume($_)") for @{ $self->{held} };
	$self->{held} = [];
	$self->{drained} = 0;
	return;
}

# --- the run --------------------------------------------------------------------------------------------------------------

sub sample_send { my ($self) = @_; $self->{views}->sample_send([ grep { defined } @{$self}{qw(in_force coming)} ]); return; }

sub sample_judge
{
	my ($self) = @_;
	my $calls = $self->{views}->sample_judge($self->{moved}, $self->{act} eq 'move' ? 1 : 0);

	delete $self->{moved}{$_} for grep { !$calls->{$_} } keys %{ $self->{moved} };
	$self->note_wrong($self->{views}->wrong);
	return;
}

# All of these are 0 when nothing is under way.
sub totals
{
	return 'SELECT sum(running), sum(waiting), sum(paused), sum(memory_reserved), (SELECT running + waiting + paused + memory_reserved FROM pybox.node), '
	  . '(SELECT count(*) FROM pybox.activity), (SELECT count(*) FROM pybox.queue), (SELECT pybox.check_queue()) FROM pybox.pools';
}
sub nothing { return '0|0|0|0|0|0|0|'; }

# Every call ends, and nothing is left of any. Sends no more until that is so.
sub rest
{
	my ($self) = @_;

	$self->control_undo;
	for my $worker ($self->workers)
	{
		$self->worker_judge($worker) if $self->{sent}{$worker};
	}
	$self->sample_judge;
	$self->note_wrong("at rest: " . $self->{controller}->value(totals())) unless $self->{controller}->poll(totals(), nothing());
	return;
}

# Whether the session can call; its last call's interpreter may be gone, as the first call after says.
sub is_alive
{
	my ($self, $worker) = @_;
	my $answer = $worker->ask('SELECT quick(1)');
	my ($message) = $answer->{text} =~ /^(?:ERROR|FATAL):  \w+: (.*)$/m;

	$answer = $worker->ask('SELECT quick(1)') if defined $message && $self->error_judge($answer->{sqlstate}, $message, {});
	return $answer->{text} eq '1';
}

# All have a call that waits or holds a slot and goes no further, some of them paused, moved or of another priority: then all
# views are to agree. Ends with the end of them all.
sub stand
{
	my ($self) = @_;
	my $controller = $self->{controller};
	my $count = $self->workers;

	$self->policy_take(\%stand_policy);
	for my $calls (['quick', 'quick'], ['stand']) # the first may be told that its interpreter was ended meanwhile
	{
		$self->worker_judge($_) for grep { $self->{sent}{$_} } $self->workers;
		$self->worker_send($_, @$calls) for $self->workers;
	}
	$self->note_wrong("not all of $count calls came") unless $controller->poll('SELECT count(*) FROM pybox.activity', $count);
	for my $act (qw(pause move priority) x 3)
	{
		my $answer = $controller->ask($acts{$act}[1]->());
		$self->note_wrong("$act: $answer->{text}") if defined $answer->{sqlstate};
	}
	$self->note_wrong('the views disagree: ' . $controller->value($self->{views}->disagreement))
	  unless $controller->poll($self->{views}->disagreement, '');
	$controller->value("SELECT pybox.cancel_where(older_than => '0s')");
	$self->worker_judge($_) for $self->workers;
	$self->policy_take($policies[ int rand @policies ]);
	$self->{stood}++;
	return;
}

sub start
{
	my ($self) = @_;

	$self->worker_send($_) for $self->workers;
	$self->control_send;
	$self->sample_send;
	return;
}

# Until $going says no: who has answered is judged and goes on.
sub go
{
	my ($self, $going) = @_;

	while ($going->())
	{
		PyboxSession::wait_any(0.1, $self->sessions);
		for my $worker (grep { $_->is_answered } $self->workers)
		{
			$self->worker_judge($worker);
			$self->worker_send($self->{workers}[ $worker->{number} ]);
		}
		$self->control_judge, $self->control_send if $self->{controller}->is_answered;
		$self->sample_judge, $self->sample_send if $self->{sampler}->is_answered;
	}
	return;
}

sub run
{
	my ($self, $calls, $seconds) = @_;
	my $began = PyboxSession::now();
	my $well = sub { @{ $self->{wrong} } < 10 };
	my $going = sub { $well->() && ($self->{calls} < $calls || PyboxSession::now() < $began + $seconds) };

	while ($going->())
	{
		my $stands_at = PyboxSession::now() + $stand_every;

		$self->start;
		$self->go(sub { $going->() && PyboxSession::now() < $stands_at });
		$self->rest;
		$self->stand if $well->();
		$self->{progress}->(sprintf '%d calls in %.0f s', $self->{calls}, PyboxSession::now() - $began);
	}
	$self->{took} = PyboxSession::now() - $began;
	return;
}

1;
