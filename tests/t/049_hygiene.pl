# What an interpreter has from the server, its launcher and its zygote: nothing. How it ends, whatever its code would do then.
use strict;
use warnings;
use Fcntl;
use POSIX ();
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

my $node = new_node('hygiene', start => 0, conf => 'max_connections = 20', policy => <<'YAML');
version: 1
node: {name: test, id: 1, slots: 1}
pools:
  standard:
    limits: {memory: 512MB, wall: 2min}
    preload: [json]
    spares: 1
  brief:
    limits: {memory: 512MB, wall: 2min}
    spares: 0
    idle_timeout: 1s
  narrow:
    limits: {memory: 128MB, wall: 2min}
    spares: 0
assign:
  - {role: idle, pool: brief}
  - {role: keeper, pool: narrow}
  - {pool: standard}
YAML

sub parent_of
{
	my ($pid) = @_;
	my ($parent) = (eval { slurp_file("/proc/$pid/stat") } // '') =~ /\) . (\d+) /;
	return $parent // 0;
}

# --- a server that was started in an unusual way ---
# What it gets on its way is given to its parent, this process, and taken back below.
my $personality = { x86_64 => 135, aarch64 => 92 }->{ (POSIX::uname())[4] };
my $no_randomness = 0x0040000;
{
	local $ENV{PYBOX_LEAKED} = 'of the server';
	local $ENV{PYTHONPATH} = '/tmp/leaked';
	local $ENV{LC_ALL} = 'C.UTF-8';
	local @SIG{qw(USR2 WINCH CONT ALRM)} = ('IGNORE') x 4;
	local $^F = 1000; # what is opened here stays open in programs
	my $umask = umask 0;

	open my $leaked, '<', '/etc/hostname' or die "/etc/hostname: $!";
	fcntl $leaked, F_SETFD, 0 or die "fcntl: $!";
	syscall $personality, $no_randomness if $personality;
	$node->start;
	syscall $personality, 0 if $personality;
	umask $umask;
}
$node->safe_psql('postgres', 'CREATE EXTENSION pybox; CREATE ROLE idle LOGIN; CREATE ROLE keeper LOGIN');
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION inherits() RETURNS SETOF text LANGUAGE pyboxu AS $$
import locale, os, resource, signal, sys
def is_open(number):
    try:
        return os.fstat(number) is not None
    except OSError:
        return False
status = dict(line.rstrip("\n").split(":\t", 1) for line in open("/proc/self/status"))
said = {
    "arguments": [word for word in open("/proc/self/cmdline").read().split("\0") if word],
    "capabilities": [int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")],
    "descriptors": [number for number in range(1024) if is_open(number)],
    "close on exec": [number for number in range(4) if not os.get_inheritable(number)],
    "directory": os.getcwd(),
    "dumpable": os.stat("/proc/self/mem").st_uid != os.getuid(),
    "environment": sorted("%s=%s" % item for item in os.environ.items()),
    "locale": locale.setlocale(locale.LC_ALL),
    "niceness": os.nice(0),
    "no new privileges": status["NoNewPrivs"],
    "OOM score": open("/proc/self/oom_score_adj").read().strip(),
    "own process group": os.getpgid(0) == os.getpid(),
    "path": [folder for folder in sys.path if "leaked" in folder],
    "policy": os.sched_getscheduler(0) == os.SCHED_OTHER,
    "shared mappings": sorted({line.split(None, 5)[5].strip() for line in open("/proc/self/maps") if line.split()[1][3] == "s"}),
    "signals blocked": int(status["SigBlk"], 16) | int(status["SigPnd"], 16) | int(status["ShdPnd"], 16),
    "signals ignored": [number for number in range(1, 65) if int(status["SigIgn"], 16) >> number - 1 & 1],
    "signals caught": [number for number in range(1, 65) if int(status["SigCgt"], 16) >> number - 1 & 1],
    "stack": resource.getrlimit(resource.RLIMIT_STACK)[0],
    "stack's end": next(line.split("-")[1].split()[0] for line in open("/proc/self/maps") if line.endswith("[stack]\n")),
    "threads": status["Threads"],
    "timers": [signal.getitimer(which) for which in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)],
    "umask": status["Umask"],
}
return ["%s: %s" % item for item in said.items()]
$$
SQL
my %expected = (
	arguments => "['pybox-interpreter', '--pool', 'standard', '--untrusted', '--preload', 'json']",
	capabilities => '[0, 0, 0, 0]',
	descriptors => '[0, 1, 2, 3]',
	'close on exec' => '[3]',
	directory => '/',
	dumpable => 'True', # that is: its files in /proc are not its user's
	environment => "['HOME=/', 'LANG=C.UTF-8', 'OMP_WAIT_POLICY=passive', 'PATH=/usr/local/bin:/usr/bin:/bin']",
	locale => 'C',
	niceness => '0',
	'no new privileges' => '1',
	'OOM score' => '1000',
	'own process group' => 'True',
	path => '[]',
	policy => 'True',
	'shared mappings' => "['/memfd:pybox-wire (deleted)']",
	'signals blocked' => '0',
	'signals ignored' => '[13, 25]', # as Python has it: a broken pipe and a file that is too large are exceptions
	'signals caught' => '[2]',
	stack => 8 << 20,
	threads => '1',
	timers => '[(0.0, 0.0), (0.0, 0.0), (0.0, 0.0)]',
	umask => '0077');
my %said = map { /^([^:]+): (.*)$/ } split /\n/, $node->safe_psql('postgres', 'SELECT inherits()');
# The personality itself is a question that the filter refuses. What it does shows: the server's stack has no random place.
my ($server_end) = slurp_file("/proc/$node->{_pid}/maps") =~ /^\w+-(\w+) .*\[stack\]$/m;
my $stack_end = delete $said{"stack's end"};
SKIP: {
	skip 'addresses are random nowhere here', 2 unless need(slurp_file('/proc/sys/kernel/randomize_va_space') > 0, 'random addresses');
	is(hex(slurp_file("/proc/$node->{_pid}/personality")), $no_randomness, 'the server has an unusual personality');
	isnt($stack_end, $server_end, 'inherited: no personality');
}
is($said{$_}, $expected{$_}, "inherited: $_") for sort keys %expected;
is_deeply([ sort keys %said ], [ sort keys %expected ], 'nothing else was asked');

# --- numbers of modules that a function imports itself: those of preloaded ones are in t/044_leaks.pl ---
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION draws() RETURNS SETOF text LANGUAGE pybox AS $$
import numpy, random, secrets, ssl, sys, uuid
return ["random %d" % random.getrandbits(64), "numpy %d" % numpy.random.randint(0, 1 << 62), "generator %d" % numpy.random.default_rng().integers(1 << 62),
        "secrets %d" % secrets.randbits(64), "ssl %s" % ssl.RAND_bytes(8).hex(), "uuid %s" % uuid.uuid4(), "uuid %s" % uuid.uuid1()]
$$;
CREATE FUNCTION imported() RETURNS bool LANGUAGE pybox AS 'import sys; return "numpy" in sys.modules';
SQL
my %drawn;
for my $round (1 .. 3)
{
	my $session = PyboxSession->new($node);
	is($session->value('SELECT imported()'), 'f', 'numpy is not there before it is imported') if $round == 1;
	$drawn{$_}++ for map { split /\n/, $session->value($_) } 'SELECT draws()', 'SELECT draws()', 'DISCARD ALL; SELECT draws()';
	$session->quit;
}
is(keys %drawn, 3 * 3 * 7, 'no number is drawn twice');

# --- the end of an interpreter that does not want to end ---
my $clings = <<'PYTHON';
import atexit, signal, threading, weakref
def forever(*arguments):
    while True:
        pass
class Clings:
    def __del__(self):
        forever()
for state in (GD, SD):
    state["clings"] = Clings()
    state["circle"] = [Clings()]
    state["circle"].append(state["circle"])
atexit.register(forever)
threading._register_atexit(forever)
weakref.finalize(GD["clings"], forever)
threading.Thread(target=threading.Event().wait).start()
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
programs()
return plpy.execute("SELECT interpreter_pid AS pid FROM pybox.activity WHERE pid = pg_backend_pid()")[0]["pid"]
PYTHON
# In its own group of processes, out of it where cgroups find it, and a mere fork that has its descriptors still.
my $programs = <<"PYTHON";
def programs():
    import os, subprocess, time
    subprocess.Popen(["sleep", "10000"])
    subprocess.Popen(["sleep", "10000"], start_new_session=@{[ cgroup_of($node) eq '' ? 'False' : 'True' ]})
    if os.fork() == 0:
        while True:
            time.sleep(10000)
PYTHON
$node->safe_psql('postgres', "CREATE FUNCTION clings_pybox() RETURNS int LANGUAGE pybox AS \$\$\ndef programs():\n    pass\n$clings\$\$;
	CREATE FUNCTION clings_pyboxu() RETURNS int LANGUAGE pyboxu AS \$\$\n$programs$clings\$\$;
	CREATE FUNCTION next_pybox() RETURNS int LANGUAGE pybox AS 'return 1';
	CREATE FUNCTION next_pyboxu() RETURNS int LANGUAGE pyboxu AS 'return 1'");

my ($policy, $policies) = (slurp_file(policy_path($node)), 0);
my $admin = PyboxSession->new($node);
my $started = $admin->value('SELECT pg_postmaster_start_time()');
# [ what, role, how ]
my @ends = (
	[ 'its client leaves', 'postgres', sub { $_[0]->quit } ],
	[ 'its client is lost', 'postgres', sub { $_[0]->drop } ],
	[ 'DISCARD ALL', 'postgres', sub { $_[0]->value('DISCARD ALL') } ],
	[ 'its backend is terminated', 'postgres', sub { $admin->value('SELECT pg_terminate_backend(' . $_[0]->pid . ')') } ],
	[ 'it was idle for too long', 'idle', sub { } ],
	[ 'its pool is another', 'postgres', sub {
		write_policy($node, $policy =~ s/preload: \[json\]/'preload: [json, ' . (qw(decimal uuid))[ $policies++ ] . ']'/er);
		$admin->value('SELECT pybox.reload_policy()');
		$_[0]->value('SELECT next_pybox(), next_pyboxu()');
	} ]);

for my $language (qw(pybox pyboxu))
{
	for my $end (@ends)
	{
		my ($what, $role, $how) = @$end;
		my $session = PyboxSession->new($node, role => $role);
		my $pid = $session->value("SELECT clings_$language()");
		my @group = grep { $_ == $pid || parent_of($_) == $pid } processes_of($node);

		is(scalar @group, $language eq 'pybox' ? 1 : 4, "$language: it clings to life, until $what");
		$how->($session);
		is($admin->value("SELECT next_$language()"), 1, "$language, $what: the slot is free");
		ok(poll_until(sub { my %left = map { $_ => 1 } processes_of($node); !grep { $left{$_} } @group }), "$language, $what: no process is left")
		  or diag("@group of " . join ' ', processes_of($node));
		ok(poll_until(sub { !empty_cgroups($node) }), "$language, $what: no cgroup is left");
		is($session->value("SELECT next_$language()"), 1, "$language, $what: the session goes on") if $what =~ /DISCARD|idle|pool/;
		$session->drop;
	}
}
write_policy($node, $policy);
$admin->value('SELECT pybox.reload_policy()');

# --- what is kept counts ---
SKIP: {
	skip 'memory is counted only by cgroups', 7 unless cgroup_of($node) ne '' || need(0, 'a cgroup');
	$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION keeps(megabytes int) RETURNS int LANGUAGE pybox AS $$
GD.setdefault("kept", []).append(b"x" * (megabytes << 20))
return len(GD["kept"])
$$;
SQL
	my $keeper = PyboxSession->new($node, role => 'keeper');
	my ($answer, $count) = (undef, 0);

	for (1 .. 20)
	{
		$answer = $keeper->ask('SELECT keeps(16)');
		last if defined $answer->{sqlstate};
		$count = $answer->{text};
	}
	cmp_ok($count, '>=', 4, 'what GD keeps from call to call adds up');
	is($answer->{sqlstate}, '53200', 'to the memory limit');
	like($answer->{text}, qr/"narrow".*[Cc]all \d+: .*the limit is 128 MB/s, 'which is told with pool, limit and call');
	is($keeper->value('SELECT keeps(1)'), $count + 1, 'by a MemoryError, which leaves GD as it was');
	$keeper->value('DISCARD ALL');
	is($keeper->value('SELECT keeps(32)'), 1, 'after DISCARD ALL it is empty');
	is($admin->value('SELECT count(*) FROM pybox.activity'), 0, 'no call runs');
	my ($file) = grep { -e } map { ("$_/pools/memory.usage_in_bytes", "$_/pools/memory.current") } cgroup_folders($node);
	cmp_ok(slurp_file($file), '>', 32 << 20, 'what an idle interpreter keeps counts to the memory of the node');
	$keeper->quit;
}

# --- what a session makes and drops does not pile up, in its backend or in its interpreter ---
$node->safe_psql('postgres', <<'SQL');
CREATE PROCEDURE makes(number int) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. number LOOP
        EXECUTE format('CREATE FUNCTION made() RETURNS int LANGUAGE pybox AS %L', repeat('# ' || i || chr(10), 1000) || 'return 1');
        PERFORM made();
        DROP FUNCTION made();
    END LOOP;
END $$;
CREATE PROCEDURE blocks(number int) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. number LOOP
        EXECUTE 'DO LANGUAGE pybox $block$ pass $block$';
    END LOOP;
END $$;
CREATE FUNCTION fires() RETURNS trigger LANGUAGE pybox AS 'SD["fired"] = True';
CREATE PROCEDURE tables(number int) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. number LOOP
        CREATE TEMP TABLE made (i int);
        CREATE TRIGGER fires BEFORE INSERT ON made FOR EACH ROW EXECUTE FUNCTION fires();
        INSERT INTO made VALUES (1);
        DROP TABLE made;
        COMMIT;
    END LOOP;
END $$;
CREATE FUNCTION known() RETURNS int LANGUAGE pybox AS $$
import gc
gc.collect() # each is a circle: its globals have it
return sum(1 for known in gc.get_objects() if isinstance(known, dict) and "SD" in known and "GD" in known)
$$;
SQL
my $maker = PyboxSession->new($node, sql => 'CALL makes(10); CALL blocks(10)');
my $contexts = "SELECT count(*) FROM pg_backend_memory_contexts WHERE name = 'pybox function'";
my $top = "SELECT used_bytes FROM pg_backend_memory_contexts WHERE name = 'TopMemoryContext'";
$maker->value('CALL makes(1000)');
cmp_ok($maker->value($contexts), '<', 300, 'functions that were dropped: those of a backend are bounded');
cmp_ok($maker->value('SELECT known()'), '<', 300, 'and those of its interpreter');
$maker->value('CALL tables(600)');
cmp_ok($maker->value($contexts), '<', 300, 'triggers of tables that were dropped: those of a backend');
cmp_ok($maker->value('SELECT known()'), '<', 300, 'and those of its interpreter');
my $used = $maker->value($top);
$maker->value('CALL blocks(5000)');
cmp_ok($maker->value($top) - $used, '<', 4096, 'blocks leave nothing');
$maker->quit;

# --- the end of the server, with both still there ---
my @last = map { my $s = PyboxSession->new($node); $s->value("SELECT clings_$_()"); $s } qw(pybox pyboxu);
is($admin->value('SELECT pg_postmaster_start_time()'), $started, 'the server was not restarted');
processes_of($node);
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');
is_deeply([ pybox_cgroups($node) ], [], 'no cgroup is left');
$_->drop for @last, $admin;

# --- an interpreter that dies and leaves processes with its descriptors, where no cgroup finds them ---
my $bare = new_node('bare', cgroup => 0, policy => <<'YAML');
version: 1
node: {name: test, id: 1, slots: 1}
pools:
  standard: {limits: {memory: 512MB, wall: 1d}, spares: 0}
YAML
$bare->safe_psql('postgres', 'CREATE EXTENSION pybox');
$bare->safe_psql('postgres', <<'SQL');
CREATE FUNCTION leaves(how text) RETURNS int LANGUAGE pyboxu AS $$
import os, subprocess, time
if how == "program":
    subprocess.Popen(["sleep", "10000"])
else:
    told, tell = os.pipe()
    if os.fork() == 0:
        if how == "session":
            os.setsid()
        os.write(tell, b"x") # it is where it is to be
        while True:
            time.sleep(10000)
    os.read(told, 1)
os._exit(3)
$$;
CREATE FUNCTION next_call() RETURNS int LANGUAGE pyboxu AS 'return 1';
SQL
my $session = PyboxSession->new($bare);
for my $how ('program', 'process', 'session')
{
	my $answer = $session->ask("SELECT leaves('$how')");
	is($answer->{sqlstate}, '38000', "what is left is a $how: the end is noticed");
	like($answer->{text}, qr/Python interpreter exited with code 3/, 'and told');
	ok(poll_until(sub { !interpreters_of($bare) }), 'its process group goes along') if $how ne 'session';
	is($session->value('SELECT next_call()'), 1, 'the session goes on');
	$session->value('DISCARD ALL');
}
$session->quit;
processes_of($bare);
$bare->stop;
ok(wait_for_no_processes($bare), 'nothing is left of the server');

# --- memory that a zygote would share with all of its interpreters, whosever they are ---
# libffi's code is such memory where none may be writable and executable at once.
my $strict = new_node('strict', without => 'write_exec', policy => <<'YAML');
version: 1
node: {name: test, id: 1, slots: 1}
pools:
  standard:
    limits: {memory: 512MB, wall: 2min}
    preload: [ctypes]
    spares: 1
YAML
$strict->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pybox;
CREATE FUNCTION computes() RETURNS int LANGUAGE pybox AS 'import ctypes; return ctypes.CDLL(None).abs(-7)';
CREATE FUNCTION calls_back() RETURNS text LANGUAGE pybox AS $$
import ctypes
try:
    return "has one: %s" % ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 1)()
except MemoryError:
    return "MemoryError"
$$;
SQL
is($strict->safe_psql('postgres', 'SELECT computes(), calls_back()'), '7|MemoryError',
	'no page may be written and run: ctypes works, and has no callbacks');
unlike(slurp_file("/proc/$_/maps"), qr/ rw.s /, 'no page may be written and run: nothing is shared instead') for zygotes_of($strict);
$strict->stop;

my $packages = PostgreSQL::Test::Utils::tempdir();
chmod 0755, $packages;
append_to_file("$packages/sharing.py", "import mmap\nshared = mmap.mmap(-1, 4096)\n");
append_to_file("$packages/reading.py", <<'PYTHON');
import mmap
with open(__file__, "rb") as file:
    read = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
shared = mmap.mmap(-1, 4096)
shared.close()
PYTHON
my $sharing = new_node('sharing', policy => <<"YAML");
version: 1
node: {name: test, id: 1, slots: 1}
pools:
  standard: {limits: {memory: 512MB, wall: 2min}, packages: ['$packages'], preload: [sharing], spares: 0}
  reads: {limits: {memory: 512MB, wall: 2min}, packages: ['$packages'], preload: [reading], spares: 0}
assign:
  - {role: reader, pool: reads}
  - {pool: standard}
YAML
$sharing->safe_psql('postgres', 'CREATE EXTENSION pybox; CREATE ROLE reader LOGIN');
for my $language ('pybox', 'pyboxu')
{
	my ($result, $out, $error) = $sharing->psql('postgres', "DO LANGUAGE $language 'pass'");
	like($error, qr{its preload list makes memory that its interpreters would share: /dev/zero \(deleted\)}, "$language: refused, and said why");
}
is($sharing->psql('postgres', "DO LANGUAGE pybox 'pass'", connstr => $sharing->connstr('postgres') . ' user=reader'), 0,
	'what cannot be written may be shared');
$sharing->stop;
done_testing();
