# Who is woken, and by what: on a busy machine each wake-up in vain takes a core from somebody who has something to do with it.
use strict;
use warnings;
use PyboxSession;
use PyboxTest;
use Test::More;

my $node = new_node('wakeups', policy => <<'YAML');
version: 1
node: {name: test, id: 1, slots: 4}
pools:
  standard: {limits: {memory: 256MB, wall: 2min}, spares: 0}
assign:
  - {pool: standard}
YAML
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pybox;
CREATE FUNCTION sleeps(ms float8) RETURNS void LANGUAGE pybox AS 'import time; time.sleep(ms / 1000)';
CREATE FUNCTION forever() RETURNS void LANGUAGE pybox AS $$
plpy.notice('inside')
while True: pass
$$;
SQL

my $admin = PyboxSession->new($node);
my $caller = PyboxSession->new($node, sql => 'SET pybox.spin_us = 0');

sub status_of
{
	my ($pid, $name) = @_;
	open my $file, '<', "/proc/$pid/status" or die "no process $pid: $!";
	my ($value) = map { /^\Q$name\E:\s+(\d+)/ ? $1 : () } <$file>;
	return $value;
}

sub sleeps_of { my ($pid) = @_; return status_of($pid, 'voluntary_ctxt_switches'); }

# A backend that does not spin sleeps once for an answer that takes its time, unless it is so long that limits are looked at.
my $calls = 50;
$caller->value('SELECT sleeps(1)');
my $before = sleeps_of($caller->pid);
$caller->value("SELECT count(sleeps(5)) FROM generate_series(1, $calls)");
my $slept = sleeps_of($caller->pid) - $before;
cmp_ok($slept, '>=', $calls, 'each call had its backend sleep');
cmp_ok($slept, '<', 1.5 * $calls, 'a backend is not woken because its request was read');

# Of pauses a zygote hears nothing.
my $pauses = 20;
$caller->send('SELECT forever()');
$caller->wait_for(qr/inside/);
my $mine = 'FROM pybox.activity WHERE pid = ' . $caller->pid;
die 'it does not run' unless $admin->poll("SELECT state $mine", 'running');
my $zygote = status_of($admin->value("SELECT interpreter_pid $mine"), 'PPid');
$before = sleeps_of($zygote);
for (1 .. $pauses)
{
	$admin->value("SELECT pybox.pause(call_id) $mine");
	die 'it is not paused' unless $admin->poll("SELECT state $mine", 'paused');
	$admin->value("SELECT pybox.resume(call_id) $mine");
	die 'it does not go on' unless $admin->poll("SELECT state $mine", 'running');
}
cmp_ok(sleeps_of($zygote) - $before, '<', $pauses / 2, 'a zygote is not woken because an interpreter was paused, or goes on');
$admin->value("SELECT pybox.cancel(call_id) $mine");
like($caller->wait->{text}, qr/canceling/, 'and the call can be canceled as ever');

done_testing();
