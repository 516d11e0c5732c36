# What the filter alone has to answer, tried as Python and past it; what an interpreter has from the server; one interpreter for
# one role. Attacks are cases of tests/hostile.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

my $node = new_node('confined', policy => <<'YAML');
version: 1
node: {name: test, id: 1, slots: 4}
pools:
  standard: {limits: {memory: 512MB, wall: 2min, pids: 16}, spares: 1}
YAML

# Each attempt is Python source that raises if it is refused. here: what it may know; system() raises OSError for -1.
my @in_python = (
	[ 'connect by TCP', 'socket.create_connection(("127.0.0.1", here["port"]), 5)' ],
	[ 'send by UDP', 'socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 53))' ],
	[ 'netlink', 'socket.socket(16, socket.SOCK_RAW)' ],
	[ 'socketpair', 'socket.socketpair()' ],
	[ 'pipe', 'os.pipe()' ],
	[ 'fork', 'os.fork() or os._exit(0)' ],
	[ 'forkpty', 'os.forkpty()[0] or os._exit(0)' ],
	[ 'execve', 'os.execv("/lib64/ld-linux-x86-64.so.2", ["ld.so"])' ],
	[ 'posix_spawn', 'os.posix_spawn("/lib64/ld-linux-x86-64.so.2", ["ld.so"], {})' ],
	[ 'subprocess', 'subprocess.run(["/lib64/ld-linux-x86-64.so.2"])' ],
	[ 'system', 'if os.system("true") != 0: raise OSError("no shell")' ],
	[ 'signal the postmaster', 'os.kill(here["postmaster"], 0)' ],
	[ 'signal the zygote', 'os.kill(os.getppid() or 1, 0)' ],
	[ 'signal everybody', 'os.kill(-1, 0)' ],
	[ 'memfd_create', 'os.memfd_create("x")' ],
	[ 'higher limits', 'resource.setrlimit(resource.RLIMIT_CORE, (1, 1))' ],
	[ 'another root', 'os.chroot("/")' ]);
my @in_c = (
	[ 'C: socket', 'system("socket", 1, 1, 0)' ],
	[ 'C: TCP', 'system("socket", 2, 1, 0)' ],
	[ 'C: UDP', 'system("socket", 2, 2, 0)' ],
	[ 'C: fork', 'system("fork") or os._exit(0)' ],
	[ 'C: clone', 'number("clone", 17, 0, 0, 0, 0) or os._exit(0)' ],
	[ 'C: vfork', 'number("vfork") or os._exit(0)' ],
	[ 'C: execve', 'system("execve", b"/lib64/ld-linux-x86-64.so.2", None, None)' ],
	[ 'C: kill', 'system("kill", here["postmaster"], 0)' ],
	[ 'C: tgkill', 'number("tgkill", here["postmaster"], here["postmaster"], 0)' ],
	[ 'C: pidfd_open', 'number("pidfd_open", here["postmaster"], 0)' ],
	[ 'C: shmget', 'system("shmget", 0, 4096, 0o1600)' ],
	[ 'C: memfd_create', 'system("memfd_create", b"x", 0)' ],
	[ 'C: semget', 'system("semget", 0, 1, 0o1600)' ],
	[ 'C: socketpair', 'system("socketpair", 1, 1, 0, (ctypes.c_int * 2)())' ],
	[ 'C: bpf', 'number("bpf", 0, None, 0)' ],
	[ 'C: io_uring', 'number("io_uring_setup", 1, ctypes.create_string_buffer(256))' ],
	[ 'C: userfaultfd', 'number("userfaultfd", 0)' ],
	[ 'C: perf_event_open', 'number("perf_event_open", ctypes.create_string_buffer(128), 0, -1, -1, 0)' ],
	[ 'C: keyctl', 'number("keyctl", 0, -3, 0)' ],
	[ 'C: personality', 'number("personality", 0x40000)' ],
	[ 'C: not dumpable stays', 'system("prctl", 4, 1, 0, 0, 0)' ],
	[ 'C: a number nobody knows', 'number("unknown")' ],
	[ 'memory to write and run', 'mmap.mmap(-1, 4096, prot=7)' ],
	[ 'memory to run', 'mmap.mmap(-1, 4096, prot=5)' ],
	[ 'C: memory made executable', 'page = pointer("mmap", None, 4096, 3, 0x22, -1, 0); system("mprotect", page, 4096, 5)' ],
	[ "C: a library's code made writable", 'page = ctypes.cast(libc.getpid, ctypes.c_void_p).value & ~4095; system("mprotect", ctypes.c_void_p(page), 4096, 7)' ],
	[ 'C: huge pages', 'pointer("mmap", None, 2 << 20, 3, 0x40022, -1, 0)' ],
	[ 'C: a hole in shared memory', 'page = pointer("mmap", None, 4096, 3, 0x21, -1, 0); system("madvise", page, 4096, 9)' ],
	[ "the clock of another process", 'time.clock_gettime(~1 << 3 | 2)' ],
	[ 'C: a futex of others', 'number("futex", ctypes.create_string_buffer(8), 1, 1)' ]);

# What confined code still does, without an import by the zygote.
my @innocent = (
	[ 'a callback of ctypes', 'assert ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 5)() == 5' ],
	[ 'a thousand callbacks', 'k = list(map(ctypes.CFUNCTYPE(ctypes.c_int), [lambda: 5] * 1000)); assert k[999]() == 5' ],
	[ 'qsort with a callback', 'a = (ctypes.c_int * 4)(4, 2, 3, 1); p = ctypes.POINTER(ctypes.c_int); '
		  . 'libc.qsort(a, 4, 4, ctypes.CFUNCTYPE(ctypes.c_int, p, p)(lambda x, y: x[0] - y[0])); assert list(a) == [1, 2, 3, 4]' ],
	[ 'numpy', 'import numpy; assert numpy.dot(numpy.ones((300, 300)), numpy.ones((300, 300)))[0, 0] == 300' ],
	[ 'scipy', 'import math, scipy.integrate, scipy.stats; scipy.stats.norm.cdf(1.0); assert scipy.integrate.quad(math.sin, 0, 1)[0] > 0' ],
	[ 'pandas', 'import pandas; assert int(pandas.DataFrame({"a": [1, 1], "b": [2, 3]}).groupby("a").sum()["b"][1]) == 5' ],
	[ 'scikit-learn', 'import numpy, sklearn.linear_model; sklearn.linear_model.LinearRegression().fit(numpy.eye(3), numpy.ones(3))' ],
	[ 'threads', 'import threading; t = list(map(threading.Timer, [0] * 6, [sum] * 6, [[[1]]] * 6)); list(map(threading.Thread.start, t)); list(map(threading.Thread.join, t))' ],
	[ 'a pool of threads', 'import concurrent.futures as c; e = c.ThreadPoolExecutor(4); assert list(e.map(abs, [-1, -2])) == [1, 2]; e.shutdown()' ],
	[ 'sqlite in memory', 'import sqlite3; sqlite3.connect(":memory:").execute("select 1")' ],
	[ 'sleep, clocks, limits, timers', 'import signal; time.sleep(0.001); time.thread_time(); time.process_time(); resource.getrlimit(0); signal.alarm(0); os.sched_getaffinity(0); os.urandom(3)' ]);

$node->safe_psql('postgres', 'CREATE EXTENSION pybox; CREATE ROLE ana LOGIN; CREATE ROLE ben LOGIN; GRANT ben TO ana');

# Says "refused: exception" or "allowed". System calls by number are those of this machine.
my $tools = <<'PYTHON';
import ctypes, json, mmap, os, resource, socket, subprocess, time
here = json.loads(facts)
libc = ctypes.CDLL(None, use_errno=True)
numbers = {"clone": 56, "vfork": 58, "tgkill": 234, "pidfd_open": 434, "mq_open": 240, "bpf": 321,
           "io_uring_setup": 425, "userfaultfd": 323, "perf_event_open": 298, "keyctl": 250, "personality": 135,
           "futex": 202, "unknown": 999} if os.uname().machine == "x86_64" else \
          {"clone": 220, "vfork": 1079, "tgkill": 131, "pidfd_open": 434, "mq_open": 180, "bpf": 280,
           "io_uring_setup": 425, "userfaultfd": 282, "perf_event_open": 241, "keyctl": 219, "personality": 92,
           "futex": 98, "unknown": 999}
def checked(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
def system(name, *arguments):
    return checked(getattr(libc, name)(*arguments))
def number(name, *arguments):
    return checked(libc.syscall(numbers[name], *arguments))
def pointer(name, *arguments):
    function = getattr(libc, name)
    function.restype = ctypes.c_ssize_t
    return checked(function(*arguments))
try:
    exec(source)
    return "allowed"
except Exception as e:
    return "refused: %s: %s" % (type(e).__name__, e)
PYTHON
$node->safe_psql('postgres', "CREATE FUNCTION attempt(source text, facts text) RETURNS text LANGUAGE pybox AS \$\$\n$tools\$\$;
	CREATE FUNCTION attempt_u(source text, facts text) RETURNS text LANGUAGE pyboxu AS \$\$\n$tools\$\$;");

my $data = $node->data_dir;
my @pid_file = split /\n/, slurp_file("$data/postmaster.pid");
my ($key, $segment) = $pid_file[6] =~ /(\d+)\s+(\d+)/;
my $facts = sprintf '{"data": "%s", "postmaster": %d, "socket": "%s", "port": %d, "key": %d, "segment": %d}', $data,
  $pid_file[0], $node->host . '/.s.PGSQL.' . $node->port, $node->port, $key, $segment;
my $admin = PyboxSession->new($node);
my $session = PyboxSession->new($node, role => 'ana');
my $backend = $session->pid;
my $started = $admin->value('SELECT pg_postmaster_start_time()');

# What the filter itself has to refuse, whatever else would: its answer is EPERM.
my %is_filtered = map { $_ => 1 } 'connect by TCP', 'send by UDP', 'netlink', 'socketpair', 'pipe', 'fork', 'execve',
  'posix_spawn', 'subprocess', 'signal the postmaster', 'signal everybody', 'memfd_create', 'C: socket', 'C: TCP', 'C: UDP',
  'C: fork', 'C: clone', 'C: vfork', 'C: execve', 'C: kill', 'C: tgkill', 'C: pidfd_open', 'C: shmget', 'C: memfd_create',
  'C: semget', 'C: socketpair', 'memory to write and run', 'memory to run', 'C: memory made executable',
  "C: a library's code made writable", 'C: huge pages', 'C: a hole in shared memory', 'the clock of another process', 'C: a futex of others';

# A refusal is an exception of the kinds that say so, or the end of the interpreter with 42501.
sub is_refused
{
	my ($who, $function, $attempt) = @_;
	my ($name, $source) = @$attempt;
	my $answer = $who->ask("SELECT $function(\$source\$$source\$source\$, '$facts')");
	my $is_refused = $answer->{text} =~ /^refused: (?:PermissionError|FileNotFoundError|OSError|ProcessLookupError|ValueError: not allowed to raise)/
	  || ($answer->{sqlstate} // '') eq '42501';

	ok($is_refused, "$function: $name") or diag($answer->{text});
	like($answer->{text}, qr/Operation not permitted/, "$function: $name: by the filter")
	  if $function eq 'attempt' && $is_filtered{$name};
	note($answer->{text});
	return if $answer->{lost};
	is($who->value("SELECT pg_backend_pid(), $function('1', '{}')"), $who->pid . '|allowed', "$function: $name: next call");
	return;
}

is($session->value("SELECT attempt('here', '$facts')"), 'allowed', 'what is tried is tried');
is_refused($session, 'attempt', $_) for @in_python, @in_c;

# --- what an interpreter has from the server ---
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION environment() RETURNS text LANGUAGE pybox AS $$
import os
return ' '.join(sorted(name + '=' + value for name, value in os.environ.items()))
$$;
CREATE FUNCTION descriptors() RETURNS text LANGUAGE pybox AS $$
import os, stat
found = []
for number in range(0, 1024):
    try:
        mode = os.fstat(number).st_mode
    except OSError:
        continue
    found.append('%d:%s' % (number, 'socket' if stat.S_ISSOCK(mode) else 'device' if stat.S_ISCHR(mode) else oct(mode)))
return ' '.join(found)
$$;
CREATE FUNCTION interpreter() RETURNS text LANGUAGE pybox AS $$
return plpy.execute('SELECT interpreter_pid FROM pybox.activity WHERE pid = pg_backend_pid()')[0]['interpreter_pid']
$$;
CREATE FUNCTION remember(what text) RETURNS text LANGUAGE pybox AS $$
before = GD.get('what')
GD['what'] = what
return before
$$;
CREATE FUNCTION interpreter_of_definer() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT interpreter()';
SQL
is($session->value('SELECT environment()'), 'HOME=/ LANG=C.UTF-8 OMP_WAIT_POLICY=passive'
	  . ' PATH=/usr/local/bin:/usr/bin:/bin', 'the environment holds nothing of the server');
# A sanitized one keeps a standard error, the log's pipe, to report by.
my $errors = ($ENV{PYBOX_TEST_WATCHED} // '') eq 'sanitized' ? '0o10600' : 'device';
is($session->value('SELECT descriptors()'), "0:device 1:device 2:$errors 3:socket",
	'no descriptor but its socket and /dev/null');

# --- one interpreter, one role ---
my $own = $session->value('SELECT interpreter()');
like($own, qr/^\d+$/, 'a session has an interpreter');
is($session->value('SELECT interpreter()'), $own, 'and keeps it');
$session->value("SELECT remember('secret of ana')");
isnt($session->value('SELECT interpreter_of_definer()'), $own, 'SECURITY DEFINER has another one');
$session->value('SET ROLE ben');
isnt($session->value('SELECT interpreter()'), $own, 'SET ROLE has another one');
is($session->value("SELECT remember('secret of ben') IS NULL"), 't', 'which knows nothing of the first');
$session->value('RESET ROLE');

# --- layers ---
my $missing = $admin->value("SELECT string_agg(layer, ' ') FROM pybox.protection
	WHERE language = 'pybox' AND required AND (in_force IS NOT TRUE OR available IS NOT TRUE)");
is($missing, '', 'every required layer is in force');
my $required = $admin->value("SELECT string_agg(layer, ' ' ORDER BY layer) FROM pybox.protection
	WHERE language = 'pybox' AND required");
is($required, 'capabilities ipc_namespace landlock mount_namespace net_namespace no_new_privs pid_namespace rlimits root'
	  . ' seccomp user_namespace uts_namespace', 'what is required');

# --- the untrusted language: the machine, but not the server ---
is($admin->value("SELECT attempt_u('open(\"/etc/passwd\").read()', '$facts')"), 'allowed', 'pyboxu: reads /etc/passwd');
is($admin->value("SELECT attempt_u('os.mkdir(\"$data/../pybox_dir\"); os.rmdir(\"$data/../pybox_dir\")', '$facts')"),
	'allowed', 'pyboxu: writes files');
is($session->ask("CREATE FUNCTION mine() RETURNS int LANGUAGE pyboxu AS 'return 1'")->{sqlstate}, '42501',
	'pyboxu: for superusers only');

# --- what has nothing to do with the outside works ---
is($session->value("SELECT attempt(\$source\$$_->[1]\$source\$, '$facts')"), 'allowed', "attempt: $_->[0]") for @innocent;

is($admin->value('SELECT pg_postmaster_start_time()'), $started, 'the server was not restarted');

$_->quit for $admin, $session;
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');

done_testing();
