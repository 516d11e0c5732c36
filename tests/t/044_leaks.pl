# What one tenant leaves, another does not find. A tenant is a role of a session in a language: it has an interpreter of its own,
# which is new after DISCARD ALL. Each call leaves its mark wherever a function can leave something, and reports every mark of
# another tenant. PYBOX_TEST_CALLS is the number of calls, 1,000 unless told.
use strict;
use warnings;
use JSON::PP qw(decode_json);
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

my $calls = $ENV{PYBOX_TEST_CALLS} // 1000;
my @roles = qw(ann ben cas dee);
my @languages = qw(pybox pyboxu);
my $node = new_node('leaks', policy => <<'YAML');
version: 1
node: {name: test, id: 1, slots: 4}
pools:
  standard:
    limits: {memory: 512MB, wall: 2min, tmp: 4MB}
    preload: [numpy, ssl, uuid, tempfile, secrets, decimal, locale]
    spares: 2
YAML

# A mark is "MARK-", 16 letters and digits, "-", the tenant; "MARK-" does not stand in the source as such.
my $probe = <<'PYTHON';
import builtins, ctypes, decimal, gc, hashlib, json, locale, os, random, re, secrets, signal, ssl, stat, sys, tempfile, threading
import types, uuid, warnings
import numpy as np

pattern = re.compile(b"MA" + b"RK-[0-9a-f]{16}-[a-z0-9.]+")
leaks = []

def look(place, found):
    if found is not None and str(found) != mark:
        leaks.append("%s: %s" % (place, found))

# by name: [ place, what is there, what leaves the mark there ]
def attribute(place, owner):
    look(place, getattr(owner, "pybox_mark", None))
    setattr(owner, "pybox_mark", mark)

for place, owner in (("module", json), ("builtins", builtins), ("function of a library", json.dumps), ("plpy", plpy),
                     ("numpy", np), ("class", json.JSONEncoder),
                     ("thread", threading.main_thread())):
    attribute(place, owner)
for place, mapping in (("GD", GD), ("SD", SD), ("globals", globals()), ("environment", os.environ), ("__main__", vars(sys.modules["__main__"]))):
    look(place, mapping.get("pybox_mark"))
    mapping["pybox_mark"] = mark
look("sys.modules", vars(sys.modules["pybox_mark"]).get("mark") if "pybox_mark" in sys.modules else None)
sys.modules["pybox_mark"] = types.ModuleType("pybox_mark")
sys.modules["pybox_mark"].mark = mark
look("monkeypatched function", json.loads("null"))
json.loads = lambda *arguments, mark=mark, **options: mark
if "local" not in GD:
    GD["local"] = getattr(threading, "pybox_local", None) or threading.local()
    threading.pybox_local = GD["local"]
attribute("thread-local", threading.pybox_local)

# what has one value: it is as at the start, or as this tenant left it
def setting(place, now, wanted, change):
    known = GD.setdefault("settings", {})
    if now != (known[place] if place in known else wanted):
        leaks.append("%s: %s" % (place, now))
    known[place] = change()

def changed(change, now):
    change()
    return now()

def another_locale(): # a jail without host files has only C
    try:
        return locale.setlocale(locale.LC_ALL, "C.UTF-8")
    except locale.Error:
        return locale.setlocale(locale.LC_ALL)

setting("decimal context", decimal.getcontext().prec, 28, lambda: changed(lambda: setattr(decimal.getcontext(), "prec", number + 5), lambda: decimal.getcontext().prec))
setting("numpy errors", np.geterr()["over"], "warn", lambda: changed(lambda: np.seterr(over="ignore"), lambda: np.geterr()["over"]))
setting("locale", locale.setlocale(locale.LC_ALL), "C", another_locale)
setting("umask", os.umask(0o77), 0o77, lambda: changed(lambda: os.umask(0o27), lambda: os.umask(0o27)))
setting("recursion limit", sys.getrecursionlimit(), 1000, lambda: changed(lambda: sys.setrecursionlimit(900 + number % 50), sys.getrecursionlimit))
setting("collector", gc.get_threshold(), (700, 10, 10), lambda: changed(lambda: gc.set_threshold(600 + number % 50), gc.get_threshold))
setting("switch interval", sys.getswitchinterval(), 0.005, lambda: changed(lambda: sys.setswitchinterval(0.001), sys.getswitchinterval))
setting("signal handler", signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL, True, lambda: changed(lambda: signal.signal(signal.SIGUSR1, lambda *a: None), lambda: False))
setting("signal mask", sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])), [], lambda: changed(lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2]), lambda: sorted(signal.pthread_sigmask(signal.SIG_BLOCK, []))))
setting("timer", signal.getitimer(signal.ITIMER_VIRTUAL)[0] > 0, False, lambda: changed(lambda: signal.setitimer(signal.ITIMER_VIRTUAL, 3600), lambda: True))
setting("profiler", sys.getprofile() is None, True, lambda: changed(lambda: sys.setprofile(lambda *a: None), lambda: False))
setting("path", any("pybox_mark" in p for p in sys.path), False, lambda: changed(lambda: sys.path.append("/pybox_mark"), lambda: True))
setting("warnings", any(f[1] is not None and "pybox" in f[1].pattern for f in warnings.filters if hasattr(f[1], "pattern")), False, lambda: changed(lambda: warnings.filterwarnings("ignore", message="pybox"), lambda: True))
setting("working directory", os.getcwd(), "/tmp", lambda: changed(lambda: (os.makedirs("/tmp/below", exist_ok=True), os.chdir("/tmp/below")), os.getcwd))
setting("threads", threading.active_count(), 1, lambda: changed(lambda: threading.active_count() > 1 or threading.Thread(target=threading.Event().wait, daemon=True).start(), threading.active_count))
sys.setprofile(None)
GD["settings"]["profiler"] = True

# files and descriptors
for name in os.listdir("/tmp"):
    if name not in ("below", "mark"):
        leaks.append("file: %s" % name)
if os.path.exists("/tmp/mark"):
    look("file", open("/tmp/mark").read())
with open("/tmp/mark", "w") as file:
    file.write(mark)
def descriptors():
    found = []
    for number in range(256):
        try:
            os.fstat(number)
            found.append(number)
        except OSError:
            pass
    return found
if "file" not in GD:
    if descriptors() != [0, 1, 2, 3]:
        leaks.append("descriptors: %s" % descriptors())
    GD["file"] = open("/tmp/mark")

# memory that nobody has written to yet
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
for size in (64, 1024, 8000, 65536, 1 << 20):
    memory = libc.malloc(size)
    for place, raw in (("malloc", ctypes.string_at(memory, size)), ("numpy.empty", np.empty(size, np.uint8).tobytes())):
        for found in pattern.findall(raw):
            look(place, found.decode())
    libc.free(ctypes.c_void_p(memory))

# all memory, the rings to the backend included: what can be read is found by a system call that says when it cannot
def readable(page):
    if libc.access(ctypes.c_void_p(page), 0) == 0:
        return True
    return ctypes.get_errno() != 14
def runs(start, step, gap):
    page, hole, run = start, 0, []
    while hole < gap and page > 0:
        hole = 0 if readable(page) else hole + 1
        if hole == 0:
            run.append(page)
        if run and (hole > 0 or len(run) == 512):
            yield min(run), len(run)
            run = []
        page += step
pages, rings = 0, 0
if scans:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.sbrk.restype = ctypes.c_void_p
    heap = libc.sbrk(0) & ~4095
    middle = ctypes.cast(libc.access, ctypes.c_void_p).value & ~4095 # not malloc, which is the interpreter's own
    for start, step, gap in ((heap - 4096, -4096, 16), (middle, 4096, 32768), (middle - 4096, -4096, 32768)):
        for page, count in runs(start, step, gap):
            raw = ctypes.string_at(page, 4096 * count)
            pages += count
            rings += any(raw.startswith(b"xbyp\1\0\0\0", at) for at in range(0, len(raw), 4096))
            for found in pattern.findall(raw):
                look("memory", found.decode())

drawn = {
    "random": random.getrandbits(64), "numpy.random": int(np.random.randint(0, 1 << 62)), "default_rng": int(np.random.default_rng().integers(1 << 62)),
    "RandomState": int(np.random.RandomState().randint(0, 1 << 62)), "Random": random.Random().getrandbits(64), "SystemRandom": random.SystemRandom().getrandbits(64),
    "secrets": secrets.token_hex(8), "uuid1": str(uuid.uuid1()), "uuid4": str(uuid.uuid4()), "ssl": ssl.RAND_bytes(8).hex(),
    "urandom": os.urandom(8).hex(), "tempfile": next(tempfile._get_candidate_names()), "shuffle": str(np.random.permutation(20)),
}
return json.dumps({"leaks": leaks, "drawn": drawn, "pages": pages, "rings": rings, "pid": plpy.execute("SELECT max(interpreter_pid) AS p FROM pybox.activity WHERE pid = pg_backend_pid()")[0]["p"]})
PYTHON

$node->safe_psql('postgres', join ";\n", 'CREATE EXTENSION pybox', map { "CREATE ROLE $_" } @roles);
for my $language (@languages)
{
	my $body = $probe =~ s/\bnumber\b(?= [+%])/len(mark + str(serial))/gr;
	$node->safe_psql('postgres', "CREATE FUNCTION probe_$language(mark text, serial int, scans bool) RETURNS text LANGUAGE $language AS \$\$\nglobal mark, serial, scans\n$body\$\$");
	$node->safe_psql('postgres', "CREATE FUNCTION probe_${language}_as_$_(mark text, serial int, scans bool) RETURNS text SECURITY DEFINER
		LANGUAGE sql AS 'SELECT probe_$language(mark, serial, scans)';
		ALTER FUNCTION probe_${language}_as_$_(text, int, bool) OWNER TO $_") for @roles;
}

my @sessions = map { PyboxSession->new($node) } 1 .. 3;
my (%mark, %pid, %drawn, %tenants, @leaks, @same);
my ($made, $scans, $pages, $rings) = (0, 0, 0, 0);

# Tenant's mark: new whenever its interpreter is.
sub mark_of
{
	my ($tenant) = @_;
	return $mark{$tenant} //= sprintf 'MARK-%08x%08x-%s.%d', rand(2**32), rand(2**32), $tenant, ++$made;
}

sub probe
{
	my ($serial, $number, $role, $language, $as_definer) = @_;
	my $tenant = "$number$role$language";
	my $session = $sessions[$number];
	my $is_new = !$mark{$tenant};
	my $mark = mark_of($tenant);
	my $scan = ($is_new && $made % 8 == 1) || $serial >= $calls - 4;
	my ($caller, $function) = $as_definer ? ($roles[ ($serial + 1) % @roles ], "probe_${language}_as_$role") : ($role, "probe_$language");

	$session->value("SET ROLE $caller");
	my $said = decode_json($session->value("SELECT $function('$mark', $serial, " . ($scan ? 'true' : 'false') . ')'));
	push @leaks, map { "call $serial, $tenant: $_" } @{ $said->{leaks} };
	push @leaks, "call $serial, $tenant: interpreter $said->{pid} was $pid{$said->{pid}}'s"
	  if ($pid{ $said->{pid} } //= $mark) ne $mark;
	for my $source (sort keys %{ $said->{drawn} })
	{
		my $value = "$source $said->{drawn}{$source}";
		push @same, "call $serial, $tenant: $value, as in $drawn{$value}" if defined $drawn{$value};
		$drawn{$value} = "call $serial, $tenant";
	}
	$scans += $scan;
	$pages += $said->{pages};
	$rings += $said->{rings};
	return;
}

for my $serial (0 .. $calls - 1)
{
	my $number = $serial % @sessions;

	if ($serial % 101 == 100)
	{
		$sessions[$number]->value('RESET ROLE');
		$sessions[$number]->value('DISCARD ALL');
		delete @mark{ grep { /^$number/ } keys %mark };
	}
	probe($serial, $number, $roles[ ($number + int($serial / @sessions)) % @roles ], $languages[ $serial % 5 == 0 ], $serial % 11 == 0);
	$tenants{ "$number " . ($number + int($serial / @sessions)) % @roles . ($serial % 5 == 0) } = 1;
}
is(keys %tenants, @roles * @sessions * @languages, 'every role of every session in both languages') if $calls >= 60;
is(join("\n", @leaks), '', "$calls calls of " . keys(%pid) . ' interpreters leak nothing');
is(join("\n", @same), '', 'and draw no number twice: ' . keys(%drawn) . ' drawn');
cmp_ok($pages, '>', 1000 * $scans, 'memory was looked through');
is($rings, $scans, 'the rings too: one in each interpreter');
note(sprintf '%d leaks in %d calls by %d roles in %d sessions; %d scans of %d pages each', scalar @leaks, $calls, scalar @roles, scalar @sessions, $scans, $pages / $scans);

# A probe that finds nothing where there is something would prove nothing.
my $found = decode_json($sessions[0]->value("RESET ROLE; DISCARD ALL; SELECT probe_pybox('MARK-0123456789abcdef-a', 1, true);
	SELECT probe_pybox('MARK-0123456789abcdef-b', 2, true)") =~ s/.*\n//sr);
my %places = map { (split /:/)[0] => 1 } @{ $found->{leaks} };
is_deeply([ grep { !$places{$_} } 'GD', 'SD', '__main__', 'builtins', 'environment', 'file', 'function of a library', 'globals', 'memory', 'module',
	'monkeypatched function', 'numpy', 'plpy', 'sys.modules', 'thread', 'thread-local' ], [], 'the probe finds what was left');

$_->quit for @sessions;
ok(poll_until(sub { interpreters_of($node) == 4 || interpreters_of($node) == 2 }), 'only spares are left');
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');
done_testing();
