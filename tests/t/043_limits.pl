# Every limit ends what exceeds it, says so with its SQLSTATE and its numbers, and costs nobody else anything.
# PYBOX_TEST_ROUNDS: how often each bomb, loop and cancel is tried (5).
use strict;
use warnings;
use POSIX ();
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

my $rounds = $ENV{PYBOX_TEST_ROUNDS} // 5;
my $packages = PostgreSQL::Test::Utils::tempdir();

append_to_file("$packages/$_.py", "data = bytearray(64 << 20)\n") for qw(hog hog_unseen);

my %pools = (
	small => '{limits: {memory: 256MB, wall: 2min, pids: 16, tmp: 4MB, log: 64kB}, preload: [numpy], spares: 2}',
	brief => '{limits: {memory: 256MB, wall: 300ms}, spares: 2}',
	worker => '{limits: {memory: 256MB, wall: 2min, cpu_time: 500ms}, spares: 1}',
	free => '{limits: {memory: 512MB, wall: 2min, pids: 16}, spares: 1}',
	watched => '{limits: {memory: 128MB, wall: 2min, cpu_time: 1min}, spares: 0}',
	narrow => '{slots: 1, on_contention: yield, spares: 1}',
	hog => "{packages: ['$packages'], preload: [hog], limits: {memory: 512MB}}",
	starved => "{packages: ['$packages'], preload: [hog_unseen], limits: {memory: 48MB}, spares: 0}");

sub policy
{
	my ($pools) = @_;
	my @names = sort keys %$pools;

	return join "\n", 'version: 1', 'node: {name: test, id: 1, slots: 4}', 'pools:',
	  (map { "  $_: $pools->{$_}" } @names), 'assign:', (map { "  - {role: $_, pool: $_}" } @names), "  - {pool: free}", '';
}

my $node = new_node('limits', policy => policy(\%pools));
need(cgroup_of($node) ne '', 'a cgroup') or plan skip_all => 'memory and processes are capped exactly only by cgroups';
$node->safe_psql('postgres', join ' ', 'CREATE EXTENSION pybox;', map { "CREATE ROLE $_ LOGIN SUPERUSER;" } sort keys %pools);

# Makes a function and returns its name.
my $functions = 0;
sub function
{
	my ($source, %option) = @_;
	my $name = 'f' . ++$functions;

	$node->safe_psql('postgres', "CREATE FUNCTION $name() RETURNS " . ($option{returns} // 'text') . ' LANGUAGE '
		  . ($option{language} // 'pybox') . " AS \$\$\n$source\n\$\$");
	return $name;
}

my $alive = function("GD['calls'] = GD.get('calls', 0) + 1\nreturn GD['calls']", returns => 'int');
my $admin = PyboxSession->new($node);
my $started = $admin->value('SELECT pg_postmaster_start_time()');
my %sessions = map { $_ => PyboxSession->new($node, role => $_) } sort keys %pools;

# The answer's text without the numbers that vary.
sub told
{
	my ($answer) = @_;
	my @lines = grep { !/^LOCATION/ } split /\n/, $answer->{text};

	s/\b([Cc]all|pid) \d+/$1 N/g, s/(sent|used|asked for|ran) [\d.]+/$1 N/g, s/of \d+ bytes/of N bytes/, s/\s+$//
	  for @lines;
	s/^psql:<stdin>:\d+: // for @lines;
	return join "\n", @lines;
}

# Notes the least, the median, the 99th of 100 and the most.
sub distribution
{
	my ($what, @values) = @_;
	my @sorted = sort { $a <=> $b } @values;

	note(sprintf '%s: %.1f ms at least, %.1f median, %.1f p99, %.1f at most, of %d', $what, $sorted[0],
		$sorted[@sorted / 2], $sorted[ $#sorted * 0.99 ], $sorted[-1], scalar @sorted);
	return;
}

sub ask_function { my ($role, $source, %option) = @_; return $sessions{$role}->ask('SELECT ' . function($source, %option) . '()'); }

#
# Memory
#
my %bombs = (
	fast => "a = bytearray(1 << 20)\nwhile True: a = a + a",
	slow => "import time\na = []\nwhile True:\n    a.append(bytes(8 << 20))\n    time.sleep(0.001)",
	numpy_lazy => "import numpy\na = [numpy.zeros(1 << 19) for i in range(400)]\nfor x in a: x[:] = 1",
	mmap => "import mmap\na = []\nwhile True:\n    a.append(mmap.mmap(-1, 1 << 24))\n    for i in range(0, 1 << 24, 4096): a[-1][i] = 1",
	many_small => "a = []\nwhile True: a.append(' ' * 1000 + str(len(a)))");
my %bomb = map { $_ => function($bombs{$_}) } keys %bombs;
my @next;

for my $name (sort keys %bombs)
{
	my $session = $sessions{small};
	my $backend = $session->pid;
	my $told = 0;

	for my $round (1 .. $rounds)
	{
		my $answer = $session->ask("SELECT $bomb{$name}()");
		my $is_told = ($answer->{sqlstate} // '') eq '53200' && $answer->{text} =~ /pool "small"/
		  && $answer->{text} =~ /limit is 256 MB/ && $answer->{text} =~ /[Cc]all \d+/;

		$told += $is_told;
		diag("$name, round $round: $answer->{text}") unless $is_told;
		note($answer->{text}) if $round == 1;
		my $at = $session->send("SELECT pg_backend_pid(), $alive() > 0");
		$answer = $session->wait;
		is($answer->{text}, "$backend|t", "$name: next call, same backend");
		push @next, 1000 * ($answer->{at} - $at);
	}
	is($told, $rounds, "memory, $name: $rounds of $rounds told by 53200 with pool, limit and call");
}
distribution('next call after a memory bomb', @next);

my $refused = <<'TOLD';
ERROR:  53200: Python function exceeded the memory limit of pool "small"
DETAIL:  Call N: Python asked for N MB in all, the limit is 256 MB with a reserve (limits.memory). MemoryError
HINT:  Work on less data at a time, or ask for a pool with a higher limit.
CONTEXT:  Traceback (most recent call last):
  PL/Python function "%s", line 3, in <module>
    while True: a.append(bytearray(1 << 20))
PL/Python function "%s"
TOLD
my $greedy = function("a = []\nwhile True: a.append(bytearray(1 << 20))");
my $calls = $sessions{small}->value("SELECT $alive()");
is(told($sessions{small}->ask("SELECT $greedy()")) . "\n", sprintf($refused, $greedy, $greedy), 'refused by MemoryError, in full');
is($sessions{small}->value("SELECT $alive()"), $calls + 1, 'the interpreter lives on, with its GD');

my $caught = function(<<'PYTHON');
a = []
try:
    while True: a.append(bytearray(1 << 20))
except MemoryError:
    n = len(a)
    del a
return 'caught' if n > 100 else n
PYTHON
is($sessions{small}->value("SELECT $caught()"), 'caught', 'a function may catch its MemoryError');
is(ask_function('small', "raise MemoryError('mine')")->{sqlstate}, '38000', "a function's own MemoryError is its own");

#
# An interpreter's end: by the OOM killer, after one of a subprocess, by a signal, by a crash, by the filter
#
my $subprocess = function(<<'PYTHON', language => 'pyboxu');
import subprocess
return subprocess.run(['/usr/bin/python3', '-c', 'a = bytearray(1 << 20)\nwhile True: a = a + a']).returncode
PYTHON
my $signal = function("import os\nos.kill(os.getpid(), 9)", language => 'pyboxu');
like($sessions{free}->value("SELECT $subprocess()"), qr/^(-9|1)$/, 'a subprocess that takes too much ends alone');
my $hungry = function(<<'PYTHON', language => 'pyboxu');
import ctypes, mmap
m = mmap.mmap(-1, 1 << 30)
ctypes.memset(ctypes.addressof(ctypes.c_char.from_buffer(m)), 1, 1 << 30)
PYTHON
is($sessions{free}->ask("SELECT $hungry()")->{sqlstate}, '53200', 'an interpreter killed for its memory');
my $subprocess_killed = function(<<'PYTHON', language => 'pyboxu');
import signal, subprocess
result = subprocess.run(['/usr/bin/python3', '-c', "b'x' * (1 << 30)"]).returncode
return 'killed' if result == -signal.SIGKILL else result
PYTHON
# The launcher takes note of it the second time that it looks, which is soon in this pool: give it more time until it has.
my $wait = function("import time\ntime.sleep(0.1)", language => 'pyboxu');
my $last;
for my $naps (8, 16, 32, 64)
{
	is($sessions{watched}->value("SELECT $subprocess_killed()"), 'killed', 'a subprocess killed for its memory');
	$sessions{watched}->value("SELECT $wait()") for 1 .. $naps;
	$last = told($sessions{watched}->ask("SELECT $signal()"));
	last if $last =~ /^ERROR:  38000: Python interpreter was terminated by signal 9/;
}
like($last, qr/^ERROR:  38000: Python interpreter was terminated by signal 9/, 'a later kill is not taken for the memory limit');
is(ask_function('free', "import ctypes\nctypes.string_at(1)")->{sqlstate}, '38000', 'a crash is a crash');
is(ask_function('free', "import ctypes\nctypes.CDLL(None).ptrace(0, 0, 0, 0)")->{sqlstate}, '42501',
	'a forbidden call is a forbidden call');

#
# Wall time: a loop in C, which hears no signal
#
my $loop_in_c = "import itertools\nsum(itertools.repeat(1))";
my $endless = function($loop_in_c);
my @over;
for my $round (1 .. $rounds)
{
	my $at = $sessions{brief}->send("SELECT $endless()");
	my $answer = $sessions{brief}->wait;

	is($answer->{sqlstate}, '57014', 'a loop in C is ended') or diag($answer->{text});
	push @over, 1000 * ($answer->{at} - $at) - 300;
}
distribution('loop in C beyond its wall limit of 300 ms', @over);

# The backend is stopped: the launcher steps in.
$sessions{brief}->send("SELECT $endless()");
ok($admin->poll("SELECT interpreter_pid > 0 FROM pybox.activity WHERE pid = " . $sessions{brief}->pid), 'a call runs');
my $victim = $admin->value('SELECT interpreter_pid FROM pybox.activity WHERE pid = ' . $sessions{brief}->pid);
kill 'STOP', $sessions{brief}->pid;
ok(poll_until(sub { !-e "/proc/$victim" }), 'the interpreter of a backend that is stopped ends all the same');
kill 'CONT', $sessions{brief}->pid;
like($sessions{brief}->wait->{text}, qr/ERROR:  57014: canceling Python call due to its pool's wall limit/, 'and the backend says why');
# On a slow machine a new interpreter may take longer than this pool's calls may.
ok(poll_until(sub { $sessions{brief}->ask("SELECT $alive()")->{text} eq '1' }), 'next call');

#
# CPU time
#
my $cpu = <<'TOLD';
ERROR:  57014: canceling Python call due to its pool's CPU limit
DETAIL:  Pool "worker", call N, used N s of CPU time; limits.cpu_time is 500 ms.
HINT:  Ask for a pool with a higher limits.cpu_time, or do less in one call.
TOLD
for my $source ("while True: pass", $loop_in_c, "import hashlib\nhashlib.pbkdf2_hmac('sha256', b'', b'', 1 << 30)",
	"import threading, hashlib\nt = threading.Thread(target=lambda: hashlib.pbkdf2_hmac('sha256', b'', b'', 1 << 30))\nt.start()\nt.join()")
{
	like(told(ask_function('worker', $source)), qr/^\Q$cpu\E/, 'CPU time, in full');
}
like(told(ask_function('worker', "import subprocess\nsubprocess.run(['sh', '-c', 'while :; do :; done'])", language => 'pyboxu')),
	qr/^\Q$cpu\E/, 'CPU time of a subprocess counts');
$sessions{worker}->value('DISCARD ALL'); # and with it the thread that goes on
is(ask_function('worker', "import time\ntime.sleep(1)\nreturn 1")->{text}, 1, 'time asleep does not');
is(ask_function('worker', "plpy.execute('SELECT pg_sleep(1)')\nreturn 1")->{text}, 1, 'nor that of SQL');
my $rows = function(<<'PYTHON', returns => 'SETOF int');
import time
for i in range(1000):
    end = time.process_time() + 0.004
    while time.process_time() < end: pass
    yield i
PYTHON
like(told($sessions{worker}->ask("SELECT count(*) FROM (SELECT $rows()) AS rows")), qr/^\Q$cpu\E/, 'a set is one call');
my $twice = function(<<'PYTHON', returns => 'SETOF int');
import time
def work():
    end = time.process_time() + 0.4
    while time.process_time() < end: pass
def rows():
    work()
    yield 1
work()
return rows()
PYTHON
like(told($sessions{worker}->ask("SELECT * FROM $twice()")), qr/^\Q$cpu\E/, 'from the body of its function on');

# Its caller's CPU time is due for a look while a call waits: for a slot, for its interpreter, or for room in the ring.
$admin->value("CREATE ROLE helper IN ROLE worker");
my $other = function('return 1', returns => 'int');
$admin->value("ALTER FUNCTION $other() SECURITY DEFINER; ALTER FUNCTION $other() OWNER TO helper");
is(ask_function('worker', "return plpy.execute('SELECT $other() FROM pg_sleep(0.05)')[0]['$other']")->{text}, 1,
	'a nested call waits for its interpreter when the caller is looked at');
is($admin->value('SELECT pg_postmaster_start_time()'), $started, 'and the server lives');

#
# Threads and processes
#
# Reads how many the groups of a pool hold until it is told to stop; returns a function that stops it and gives the most.
sub sample_pids
{
	my ($pool) = @_;
	pipe(my $answer, my $tell) or die $!;
	pipe(my $hear, my $stop) or die $!;
	my $sampler = fork() // die $!;

	if ($sampler == 0)
	{
		close $stop;
		my ($most, $stopped) = (0, 0);
		until ($stopped)
		{
			for my $folder (grep { m{/pools/$pool/\d+$} && -e "$_/pids.current" } cgroup_dirs($node))
			{
				my $now = eval { slurp_file("$folder/pids.current") } // 0;
				$most = $now if $now > $most;
			}
			vec(my $ready = '', fileno($hear), 1) = 1;
			$stopped = select($ready, undef, undef, 0.002);
		}
		print {$tell} "$most\n";
		close $tell;
		POSIX::_exit(0);
	}
	close $tell;
	close $hear;
	return sub { close $stop; my $most = <$answer>; waitpid $sampler, 0; return $most; };
}

my %processes = (
	threads => { source => "import threading, time\ntry:\n    while True: threading.Thread(target=lambda: time.sleep(1)).start()\nexcept RuntimeError:\n    time.sleep(0.2)\n    raise",
		text => "RuntimeError: can't start new thread" },
	forks => { language => 'pyboxu', text => 'BlockingIOError: [Errno 11] Resource temporarily unavailable',
		source => "import os, time\ntry:\n    while True:\n        if os.fork() == 0:\n            time.sleep(1)\n            os._exit(0)\nexcept BlockingIOError:\n    time.sleep(0.2)\n    raise" });
my $stop_sampling = sample_pids('small');
for my $name (sort keys %processes)
{
	my $bomb = function($processes{$name}{source}, language => $processes{$name}{language} // 'pybox');
	my $told = <<"TOLD";
ERROR:  53000: Python function exceeded the limit of threads and processes of pool "small"
DETAIL:  Call N: Python could start no more, the limit is 16 (limits.pids). $processes{$name}{text}
HINT:  Use fewer threads, or ask for a pool with a higher limit.
TOLD
	for my $round (1 .. $rounds)
	{
		my $session = PyboxSession->new($node, role => 'small');

		like(told($session->ask("SELECT $bomb()")), qr/^\Q$told\E/, "$name: told by 53000, in full");
		$session->quit;
	}
}
chomp(my $most = $stop_sampling->());
ok($most > 8 && $most <= 16, "never more than 16 at once: $most");
is(ask_function('small', <<'PYTHON')->{text}, 'caught', 'a function may catch that too');
import threading, time
try:
    while True: threading.Thread(target=lambda: time.sleep(0.1)).start()
except RuntimeError:
    return 'caught'
PYTHON

#
# /tmp and messages
#
my $full = <<'TOLD';
ERROR:  53100: Python function filled the private /tmp of pool "small"
DETAIL:  Call N: The limit is 4096 kB (limits.tmp). OSError: [Errno 28] No space left on device
HINT:  Remove files that are not needed, or ask for a pool with a higher limit.
TOLD
like(told(ask_function('small', "for i in range(9): open('/tmp/f%d' % i, 'wb').write(bytes(1 << 20))")), qr/^\Q$full\E/,
	'/tmp, in full');
is(ask_function('small', "open('/tmp/one', 'wb').write(bytes(8 << 20))")->{sqlstate}, '53100', 'one file that is too large');
my $chatty = <<'TOLD';
ERROR:  54000: Python function exceeded the log limit of pool "small"
DETAIL:  Call N sent N messages of N bytes, the limit is 65536 (limits.log).
HINT:  Say less, or ask for a pool with a higher limit.
TOLD
like(told(ask_function('small', "while True: plpy.log('')")), qr/^\Q$chatty\E/, 'messages, in full');
my $log_size = -s $node->logfile;
ask_function('small', "while True:\n    try: plpy.log('x' * 1000)\n    except BaseException: pass");
cmp_ok((-s $node->logfile) - $log_size, '<', 256 * 1024, 'the log is not flooded');

#
# What runs while no call does
#
sub state_of
{
	my ($pid) = @_;
	return ((eval { slurp_file("/proc/$pid/stat") } // '') =~ /^\d+ \(.*\) (.)/s)[0] // 'gone';
}

my $stray = function(<<'PYTHON');
import hashlib, threading
GD['calls'] = 0
threading.Thread(target=lambda: hashlib.pbkdf2_hmac('sha256', b'', b'', 1 << 31 - 1), daemon=True).start()
PYTHON
my $loner = PyboxSession->new($node, role => 'free');
my $pid_of = function("import time\nplpy.notice('inside')\ntime.sleep(0.2)");
$loner->send("SELECT $pid_of()");
ok($admin->poll('SELECT interpreter_pid > 0 FROM pybox.activity WHERE pid = ' . $loner->pid), 'a call runs');
my $interpreter = $admin->value('SELECT interpreter_pid FROM pybox.activity WHERE pid = ' . $loner->pid);
$loner->wait;
$loner->value("SELECT $stray()");
ok(poll_until(sub { state_of($interpreter) eq 'T' }), 'a thread left behind is stopped with its interpreter');
my $log = slurp_file($node->logfile);
like($log, qr/pool "free": interpreter $interpreter used \d+ ms of CPU time while no call of it ran/, 'and the log says so');
is($loner->value("SELECT $alive()"), 1, 'the next call finds it as it was');
ok(poll_until(sub { state_of($interpreter) eq 'T' }), 'after which it is stopped again');
my $in_sql = function("return plpy.execute('SELECT pg_sleep(1000) IS NULL')");
$loner->send("SELECT $in_sql()");
ok($admin->poll("SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = " . $loner->pid), 'its call is in SQL');
ok(poll_until(sub { state_of($interpreter) eq 'T' }), 'and it is stopped likewise');
my $call = $admin->value('SELECT call_id FROM pybox.activity WHERE pid = ' . $loner->pid);
$admin->value("SELECT pybox.cancel($call)");
is($loner->wait->{sqlstate}, '57014', 'which can be canceled');
is($loner->value("SELECT $alive()"), 2, 'and leaves it as it was');
$loner->quit;
ok(poll_until(sub { !-e "/proc/$interpreter" }), 'it ends with its session, though it is stopped');

#
# Cancel, in every state
#
my %waiting = (
	python => { source => "plpy.notice('inside')\nwhile True: pass" },
	c_loop => { source => "plpy.notice('inside')\n$loop_in_c" },
	sleep => { source => "import time\nplpy.notice('inside')\ntime.sleep(1000)" },
	sql => { source => "plpy.notice('inside')\nplpy.execute('SELECT pg_sleep(1000)')", event => 'PgSleep' },
	queued => { source => 'pass', role => 'narrow', event => 'PyboxSlot' });
my $holder = PyboxSession->new($node, role => 'narrow');
$holder->send('SELECT ' . function("while True: pass") . '()');
$admin->poll("SELECT state FROM pybox.activity WHERE pid = " . $holder->pid, 'running');
my @took;
for my $name (sort keys %waiting)
{
	my $session = $sessions{ $waiting{$name}{role} // 'free' };
	my $function = function($waiting{$name}{source});
	my $event = $waiting{$name}{event} // 'PyboxPython';
	my $ended = 0;

	for my $round (1 .. $rounds)
	{
		$session->send("SELECT $function()");
		$session->wait_for(qr/inside/) unless $name eq 'queued';
		$admin->poll("SELECT wait_event = '$event' FROM pg_stat_activity WHERE pid = " . $session->pid);
		my $id = $admin->value('SELECT call_id FROM pybox.activity WHERE pid = ' . $session->pid);
		my $due = $admin->send("SELECT pybox.cancel($id)");
		my $answer = $session->wait;
		$admin->wait;
		$ended += ($answer->{sqlstate} // '') eq '57014';
		push @took, 1000 * ($answer->{at} - $due);
	}
	is($ended, $rounds, "cancel, $name: $rounds of $rounds");
}
distribution('cancel', @took);
is($admin->value('SELECT pg_terminate_backend(' . $holder->pid . ')'), 't', 'the holder of a slot is ended');
$holder->drop;

#
# Memory that a pool's preload list needs
#
my $short = qr/its preload list needs \d+ MB, limits\.memory is 48 MB/;
$sessions{starved}->send("SELECT $alive()");
my $answer = $sessions{starved}->wait;
like($answer->{text}, $short, 'a pool with less memory than its preload list needs is broken, with the numbers');
is($sessions{hog}->value("SELECT $alive()"), 1, 'one with enough works');
my %less = (%pools, hog => "{packages: ['$packages'], preload: [hog], limits: {memory: 48MB}}");
my $reason = qr/pools\.hog\.limits\.memory: 48 MB is less than the \d+ MB that its preload list was seen to need/;
my $text = policy(\%less);
my $line = 1 + grep { /^/ } split /\n/, ($text =~ /(.*?)^  hog:/ms)[0];
my $path = policy_path($node);
write_policy($node, $text);
$answer = $admin->ask('SELECT pybox.reload_policy()');
is($answer->{sqlstate}, 'F0000', 'and is refused when a policy is loaded');
like($answer->{text}, qr/\Q$path\E:$line:\d+: $reason/, 'with file and line');
is($admin->ask("SELECT pybox.check_policy(\$\$$text\$\$)")->{text} =~ $reason, 1, 'or checked');
is($sessions{hog}->value("SELECT $alive()"), 2, 'the old one stays');

is($admin->value('SELECT pg_postmaster_start_time()'), $started, 'the server was not restarted');
$_->quit for values %sessions;
ok($admin->poll('SELECT sum(running) + sum(waiting) FROM pybox.pools', 0), 'no slot is lost');
ok(poll_until(sub { !empty_cgroups($node) }), 'no cgroup of a dead interpreter is left');
$admin->quit;
processes_of($node);
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');

#
# Without cgroups
#
$node = new_node('without', cgroup => 0, policy => policy({ free => '{limits: {memory: 256MB, wall: 2min}, preload: [numpy]}' }));
$node->safe_psql('postgres', 'CREATE EXTENSION pybox; CREATE ROLE free LOGIN SUPERUSER;');
$sessions{free} = PyboxSession->new($node, role => 'free');
for my $name (qw(fast many_small numpy_lazy))
{
	$answer = ask_function('free', $bombs{$name});
	is($answer->{sqlstate}, '53200', "without cgroups: memory, $name") or diag($answer->{text});
	like($answer->{text}, qr/pool "free".*limit is 256 MB/s, 'with the limit of the pool');
}
is($sessions{free}->value('SELECT ' . function("try: a = bytearray(1 << 30)\nexcept MemoryError: return 'caught'") . '()'),
	'caught', 'which may be caught');
$sessions{free}->quit;
$node->stop;

done_testing();
