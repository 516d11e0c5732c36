# Looks at the views of a server under load, for t/055_stress.pl. Each look is held against what views promise of themselves and
# against the limits; while the load stands still, all views must also agree with each other.
package PyboxStressViews;

use strict;
use warnings;
use List::Util qw(max);

# Each gives rows only where a view does not agree with itself. Two views are two moments, so that they are not held against each
# other here: who waits by pybox.pools may have its turn before pybox.queue is read.
my @checks = (
	"SELECT 'a call twice in activity', call_id FROM pybox.activity GROUP BY call_id HAVING count(*) > 1",
	"SELECT 'two calls of a backend run', pid FROM pybox.activity WHERE state IN ('running', 'starting') GROUP BY pid HAVING count(*) > 1",
	"SELECT 'in two states', call_id, state FROM pybox.activity WHERE queue_position IS NOT NULL AND state IN ('starting', 'sql')
		OR waiting_for IS NOT NULL AND state IN ('starting', 'sql') AND waiting_for <> 'pybox.resume()'",
	"SELECT 'ran before it began', call_id, state FROM pybox.activity WHERE started_at IS NULL AND state IN ('starting', 'running', 'sql')",
	"SELECT 'a call twice in queue', call_id FROM pybox.queue GROUP BY call_id HAVING count(*) > 1",
	"SELECT 'positions', pool, array_agg(position ORDER BY position) FROM pybox.queue WHERE position IS NOT NULL GROUP BY pool
		HAVING min(position) <> 1 OR max(position) <> count(*) OR count(DISTINCT position) <> count(*)",
	"SELECT 'positions in activity', pool, array_agg(queue_position ORDER BY queue_position) FROM pybox.activity WHERE queue_position IS NOT NULL
		GROUP BY pool HAVING min(queue_position) <> 1 OR max(queue_position) <> count(*) OR count(DISTINCT queue_position) <> count(*)",
	"SELECT 'waits for nothing', call_id, state FROM pybox.queue WHERE waiting_for IS NULL OR position IS NULL AND state <> 'paused'",
	"SELECT 'waits amid its work', call_id, state FROM pybox.queue WHERE state NOT IN ('queued', 'paused', 'running')",
	"SELECT 'oldest wait of nobody', pool, waiting, oldest_wait FROM pybox.pools WHERE (waiting = 0) <> (oldest_wait IS NULL)",
	"SELECT 'an interpreter twice', pid FROM pybox.interpreters GROUP BY pid HAVING count(*) > 1",
	"SELECT 'an interpreter of nobody', pid, state FROM pybox.interpreters WHERE (backend_pid IS NULL) <> (state = 'spare')",
	"SELECT 'the queue is wrong', wrong FROM queue_wrong() wrong WHERE wrong IS NOT NULL");

# What is held against limits. The rows of a view are of one moment, limit and count alike.
my @figures = (
	"SELECT '+', 'node', slots, running, waiting, memory_budget, memory_reserved FROM pybox.node",
	"SELECT '+', 'pool ' || pool, slots, running, waiting, memory_budget, memory_reserved FROM pybox.pools",
	"SELECT '.', call_id FROM pybox.activity");

# While nothing moves: where views do not agree with each other. A call that shares runs, and waits.
my $disagreement = <<'SQL';
WITH a AS MATERIALIZED (SELECT * FROM pybox.activity), q AS MATERIALIZED (SELECT * FROM pybox.queue),
	p AS MATERIALIZED (SELECT * FROM pybox.pools), n AS MATERIALIZED (SELECT * FROM pybox.node),
	i AS MATERIALIZED (SELECT * FROM pybox.interpreters),
	counts AS (
		SELECT p.pool AS who, 'running' AS what, p.running AS said,
			(SELECT count(*) FROM a WHERE a.pool = p.pool AND state IN ('running', 'starting') AND queue_position IS NULL) AS found FROM p
		UNION ALL SELECT p.pool, 'waiting', p.waiting, (SELECT count(queue_position) FROM a WHERE a.pool = p.pool) FROM p
		UNION ALL SELECT p.pool, 'waiting in queue', p.waiting, (SELECT count(position) FROM q WHERE q.pool = p.pool) FROM p
		UNION ALL SELECT p.pool, 'paused', p.paused, (SELECT count(*) FROM a WHERE a.pool = p.pool AND state = 'paused') FROM p
		UNION ALL SELECT 'node', 'running', running, (SELECT sum(running) FROM p) FROM n
		UNION ALL SELECT 'node', 'waiting', waiting, (SELECT sum(waiting) FROM p) FROM n
		UNION ALL SELECT 'node', 'paused', paused, (SELECT sum(paused) FROM p) FROM n
		UNION ALL SELECT 'node', 'reserved', memory_reserved, (SELECT sum(memory_reserved) FROM p) FROM n
		UNION ALL SELECT 'node', 'slots', slots, running FROM n WHERE waiting > 0
		UNION ALL SELECT 'interpreters', 'running', (SELECT count(*) FROM i WHERE state = 'running'),
			(SELECT count(*) FROM a WHERE state = 'running')
		UNION ALL SELECT 'interpreters', 'paused', (SELECT count(*) FROM i WHERE state = 'paused'),
			(SELECT count(*) FROM a WHERE state = 'paused' AND interpreter_pid IS NOT NULL))
SELECT coalesce(string_agg(format('%s: %s %s, found %s', who, what, said, found), E'\n'), '') FROM counts WHERE said IS DISTINCT FROM found
SQL

# Options: session, which looks; policy => the limits in force, see limits_add().
sub new
{
	my ($class, %option) = @_;

	return bless { %option, limits => [ $option{policy} ], coming => [], wrong => [], samples => 0, steady => 0, over => {} }, $class;
}

sub session { my ($self) = @_; return $self->{session}; }
sub samples { my ($self) = @_; return $self->{samples}; }
sub steady { my ($self) = @_; return $self->{steady}; }
sub over { my ($self) = @_; return $self->{over}; }
sub disagreement { return $disagreement; }

# From now on these limits may be in force: { node => { slots, memory }, 'pool NAME' => ... }; undefined: no limit.
sub limits_add { my ($self, $limits) = @_; push @{ $self->{$_} }, $limits for qw(limits coming); return; }

# in_force: the limits now, of two policies while one is being taken.
sub sample_send
{
	my ($self, $in_force) = @_;

	$self->{coming} = [@$in_force];
	$self->{session}->send(join ";\n", @figures, @checks);
	return;
}

# The highest that this limit has been since the last sample was asked for.
sub ceiling
{
	my ($self, $name, $what) = @_;
	my @limits = map { $_->{$name}{$what} // 'inf' } grep { exists $_->{$name} } @{ $self->{limits} };

	return @limits ? max(@limits) : 0;
}

# What one may have: as much as its limit says; but where a new policy has lowered that, what it had before, until it is given
# back; and what calls that were moved there have brought along.
sub limit_judge
{
	my ($self, $name, $what, $now, $before, $limit, $ceiling, $brought) = @_;

	push @{ $self->{wrong} }, "$name: $what $now" if $now < 0;
	return if $limit eq '' || $now <= $limit;
	$self->{over}{"$name $what"}++;
	push @{ $self->{wrong} }, "$name: $what $now, before $before, limit $limit, of late $ceiling, $brought were moved there"
	  if $now > max($before, $ceiling) + $brought;
	return;
}

# Rows of a sample by name, and ids of calls.
sub sample_read
{
	my ($text) = @_;
	my %rows;

	while ($text =~ /^\+\|([^|]+)\|(.*)$/mg)
	{
		my ($name, $row) = ($1, $2);
		@{ $rows{$name} }{qw(slots running waiting budget reserved)} = split /\|/, $row, -1;
	}
	return { rows => \%rows, calls => { map { $_ => 1 } $text =~ /^\.\|(\d+)$/mg } };
}

# moved: of calls, the pools that they were moved to; moving: one may be under way to any pool.
sub limits_judge
{
	my ($self, $sample, $moved, $moving) = @_;
	my $last = $self->{last} // { rows => {} };
	my %brought;

	$brought{"pool $_"}++ for values %$moved;
	for my $name (sort keys %{ $sample->{rows} })
	{
		my ($row, $before) = ($sample->{rows}{$name}, $last->{rows}{$name} // {});
		my $brought = $name eq 'node' ? 0 : ($brought{$name} // 0) + $moving;

		push @{ $self->{wrong} }, "$name: waiting $row->{waiting}" if $row->{waiting} < 0;
		$self->limit_judge($name, 'running', $row->{running}, $before->{running} // 0, $row->{slots}, $self->ceiling($name, 'slots'), $brought);
		$self->limit_judge($name, 'reserved', $row->{reserved}, $before->{reserved} // 0, $row->{budget}, $self->ceiling($name, 'memory'), 0);
	}
	push @{ $self->{wrong} }, 'a sample without figures' unless exists $sample->{rows}{node} && keys %{ $sample->{rows} } > 1;
	$self->{last} = $sample;
	return;
}

# Judges the sample that has come. Returns which calls there were.
sub sample_judge
{
	my ($self, $moved, $moving) = @_;
	my $text = $self->{session}->wait->{text};
	my $sample = sample_read($text);

	$self->{samples}++;
	$self->{steady}++ if @{ $self->{limits} } == 1;
	$self->limits_judge($sample, $moved, $moving);
	$self->{limits} = $self->{coming};
	$text =~ s/^[+.]\|.*\n?//mg;
	push @{ $self->{wrong} }, $text if $text ne '';
	return $sample->{calls};
}

# What was wrong since this was asked last.
sub wrong { my ($self) = @_; return splice @{ $self->{wrong} }; }

1;
