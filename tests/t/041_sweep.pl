# Every system call number, from real interpreters: what reaches the kernel is exactly what sweep/*.list say, with three
# patterns of arguments; nothing of x32 and nothing of i386 does.
#
# An error alone does not tell who gave it, so the launcher here is one whose filter programs refuse with an error that no
# kernel knows (sweep/sentinel_compile.c). A call that ends the interpreter, or that never returns, ends only its own.
use strict;
use warnings;
use File::Basename qw(basename dirname);
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

my $tests = dirname(__FILE__) . '/..';
my @patterns = qw(zero ones valid);
my $write = $ENV{PYBOX_TEST_SWEEP}; # a folder: write the lists as they are found into it, to be compared and reviewed

# The lists hold the numbers of one architecture; the programs themselves are compared on every one by unit/seccomp_test.
if (`uname -m` !~ /^x86_64$/)
{
	plan skip_all => 'the lists of calls are those of x86_64';
}

# Memory cannot be made executable, but files of a pool's packages are: this one makes a call of the 32-bit kind, with
# zeros for arguments: push rbx; mov eax, edi; xor ebx, ebx; ...; int 0x80; pop rbx; ret.
my $packages = PostgreSQL::Test::Utils::tempdir();
append_to_file("$packages/int80", pack('H*', '53' . '89f8' . '31db' . '31c9' . '31d2' . '31f6' . '31ff' . 'cd80' . '5b' . 'c3'));
chmod 0755, $packages or die $!;

my $node = new_node('sweep', install_path => install_with('sentinel'), conf => "pybox.cancel_grace_ms = 20\n", policy => <<"YAML");
version: 1
node: {name: test, id: 1, slots: 4}
pools:
  sweep:
    limits: {memory: 512MB, wall: 500ms, pids: 32}
    spares: 2
    fs: none
    net: none
    preload: [ctypes, mmap]
    packages: ['$packages']
  patient:
    limits: {memory: 512MB, wall: 1min, pids: 32}
    spares: 2
    fs: none
    net: none
    preload: [ctypes, mmap]
    packages: ['$packages']
assign:
  - {role: foreign_calls, pool: patient}
  - {pool: sweep}
YAML

# Makes the calls first to last in turn. A notice before each says what became of the one before.
my $body = <<'PYTHON';
import ctypes, mmap
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
buffer = ctypes.create_string_buffer(65536)
pointer = ctypes.addressof(buffer)
folder = ctypes.create_string_buffer(b"/usr/lib")
path, page = ctypes.addressof(folder), pointer + 4096 & ~4095
arguments = {"zero": (0,) * 6, "ones": (-1,) * 6, "valid": (1, pointer, 64, 0, 0, 0)}
# What a library would ask for, where arguments decide: clone as pthread_create, but for a stack that ends it at once.
sensible = {
    2: (path, 0x80000), 9: (0, 4096, 3, 0x22, -1), 10: (page, 4096, 3), 16: (1, 0x5401, pointer), 28: (page, 4096, 4),
    44: (1, pointer, 1, 0x4040), 45: (1, pointer, 1, 0x40), 56: (0x3d0f00, 8, pointer, pointer), 72: (1, 3),
    157: (16, pointer), 202: (pointer, 129, 1), 228: (1, pointer), 229: (1, pointer), 230: (1, 0, pointer),
    234: (libc.getpid(), libc.getpid(), 0), 257: (-100, path, 0x80000), 302: (0, 7, 0, pointer), 327: (1, pointer, 0),
}

def values_of(number, pattern):
    return sensible.get(number, arguments[pattern]) if pattern == "valid" else arguments[pattern]

def native(number, pattern):
    values = values_of(number, pattern)
    return libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, (*values, *(0,) * 6)[:6]))

def x32(number, pattern):
    return native(number | 0x40000000, pattern)

def i386(number, pattern):
    file = open(packages + "/int80", "rb")
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    code = libc.mmap(None, 4096, mmap.PROT_READ | mmap.PROT_EXEC, mmap.MAP_PRIVATE, file.fileno(), 0)
    if code == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "the code cannot be mapped")
    return ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_long)(code)(number)

def outcome(number):
    result = {"native": native, "x32": x32, "i386": i386}[kind](number, pattern)
    error = ctypes.get_errno()
    if number in (56, 57, 58) and result == 0:
        libc._exit(0)
    if number == 56 and values_of(number, pattern)[0] == 0x3d0f00 and result > 0:
        libc.pause()  # the thread's end is everybody's, and belongs to this number
    # Of clone3 the C library has to hear that it is not there; the kernel would not say so.
    refused = result == -1 and (error == 4000 or number == 435 and error == 38)
    return "filter" if refused else "kernel"

before = ""
for number in range(first, last + 1):
    plpy.notice("%s at %d" % (before, number))
    before = "%d %s" % (number, outcome(number))
    libc.alarm(0)
return before
PYTHON
$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION pybox;
CREATE ROLE foreign_calls;
CREATE FUNCTION sweep(kind text, pattern text, first int, last int, packages text) RETURNS text LANGUAGE pybox AS \$\$$body\$\$;
CREATE FUNCTION sweep_u(kind text, pattern text, first int, last int, packages text) RETURNS text LANGUAGE pyboxu AS \$\$$body\$\$;
SQL
my $started = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');
my $session = PyboxSession->new($node, sql => 'SET client_min_messages = notice');

# What the end of an interpreter, or of a call, says of the system call it was in.
my %ends = ('42501' => 'killed', '57014' => 'kernel', '38000' => 'kernel');

# number => filter, killed or kernel.
sub sweep
{
	my ($function, $kind, $pattern, $first, $last, $step) = @_;
	my %found;
	my $next = $first;

	# A call of this architecture may wait for ever, and the wall limit ends it; the others have all the time to be killed.
	$session->value($kind eq 'native' ? 'RESET ROLE' : 'SET ROLE foreign_calls');
	while ($next <= $last)
	{
		my $end = $next + $step - 1 < $last ? $next + $step - 1 : $last;
		my $answer = $session->ask("SELECT $function('$kind', '$pattern', $next, $end, '$packages')");
		my ($at) = $answer->{text} =~ /.* at (\d+)$/ms;

		$found{$1} = $2 while $answer->{text} =~ /(\d+) (filter|kernel)(?: at \d+)?$/mg;
		if (!defined $answer->{sqlstate})
		{
			$next = $end + 1;
			next;
		}
		die "sweep $kind $pattern $next: $answer->{text}\n" unless defined $at && $ends{ $answer->{sqlstate} };
		# Too slow, or blocked? Alone there is no doubt.
		if ($answer->{sqlstate} eq '57014' && $at != $next)
		{
			$next = $at;
			next;
		}
		$found{$at} = $ends{ $answer->{sqlstate} };
		$next = $at + 1;
	}
	return \%found;
}

# Lines "number name outcome-by-pattern", or "first-last name ...". An outcome "exempt" can be any.
sub list_read
{
	my ($file) = @_;
	my %list;
	for my $line (split /\n/, slurp_file($file))
	{
		next if $line =~ /^\s*(?:#|$)/;
		my ($first, $last, $outcomes) = $line =~ /^(\d+)(?:-(\d+))?\s+\w+\s+((?:(?:kernel|filter|killed)\s*){3}|exempt)$/ or die "$file: $line\n";
		$list{$_} = [ split ' ', $outcomes ] for $first .. $last // $first;
	}
	return \%list;
}

# The three patterns over 0..1023, held against a list; all that it does not name has the outcome `usual`.
sub sweep_all
{
	my ($function, $usual) = @_;
	my $file = "$tests/sweep/" . ($function eq 'sweep' ? 'trusted' : 'untrusted') . '.list';
	my $list = list_read($file);
	my %found = map { $_ => sweep($function, 'native', $_, 0, 1023, 64) } @patterns;
	my @differences;
	my $lines = '';

	for my $number (0 .. 1023)
	{
		my @outcomes = map { $found{$_}{$number} // 'nothing' } @patterns;
		my $wanted = $list->{$number} // [ ($usual) x 3 ];
		$lines .= "$number ? @outcomes\n" if grep { $_ ne $usual } @outcomes;
		push @differences, "$number: @outcomes instead of @$wanted" if "@outcomes" ne "@$wanted" && "@$wanted" ne 'exempt';
	}
	append_to_file("$write/" . basename($file), $lines) if $write;
	is(join("\n", @differences), '', "$function: exactly what the list says, for 0..1023 and three patterns");
	for my $outcome (qw(kernel filter killed))
	{
		note("$function: $outcome: " . join(', ', map { my $p = $_; "$p " . grep { $found{$p}{$_} eq $outcome } keys %{ $found{$p} } } @patterns));
	}
	return;
}

# Nothing but death, whatever the number.
sub sweep_foreign
{
	my ($function, $kind, $last) = @_;
	my $found = sweep($function, $kind, 'zero', 0, $last, 1);
	my @alive = grep { ($found->{$_} // 'nothing') ne 'killed' } 0 .. $last;

	is("@alive", '', "$function: every call of $kind, 0..$last, kills");
	return;
}

# --- what is allowed is what gets through ---
my %allowed = map { /^allow\s+(\w+)\s(?!.*\bwhen\b.* : )/ && $1 ne 'otherwise' ? ($1 => 1) : () } split /\n/, slurp_file("$tests/../sandbox/seccomp_trusted.list");
my %through = map { /^\d+\s+(\w+)\s.*\bkernel\b/ ? ($1 => 1) : () } split /\n/, slurp_file("$tests/sweep/trusted.list");
is(join(' ', sort keys %through), join(' ', sort keys %allowed), 'sweep/trusted.list names the calls that sandbox/seccomp_trusted.list allows');

# --- a list that is not right does not build ---
my $where = PostgreSQL::Test::Utils::tempdir() . '/seccomp_bad.list';
for my $case (
	[ 'allow read', 'no reason: expected ACTION CALL [if TEST [and TEST]] [when OPTION] : REASON' ],
	[ 'allow read : ', 'no reason after " : "' ],
	[ 'allow read : -', 'no reason after " : "' ],
	[ 'permit read : files', 'no such action: "permit"' ],
	[ 'allow : files', 'expected an action and a call' ],
	[ 'allow Read : files', 'no such call: "Read"' ],
	[ 'allow read when raining : files', 'no such option: "raining"' ],
	[ 'allow read when : files', '"when" without an option' ],
	[ 'allow read if : files', '"if" without a test' ],
	[ 'allow read always : files', 'expected if, when or the reason, found "always"' ],
	[ 'allow read if arg1 == 1 : files', 'expected int0 to int5 or long0 to long5, found "arg1"' ],
	[ 'allow read if int6 == 1 : files', 'expected int0 to int5 or long0 to long5, found "int6"' ],
	[ 'allow read if int1 > 1 : files', 'expected == or in, found ">"' ],
	[ 'allow read if int1 == : files', 'expected == or in, found "=="' ],
	[ 'allow read if int1 in : files', 'a test without a value' ],
	[ 'allow read if int1 == 1 or int2 == 2 : files', 'expected "and", found "or"' ],
	[ 'allow read if int1 == 1 and int1 == 2 : files', 'tests the same argument twice' ],
	[ 'allow read if int1 == 1 and int2 == 2 and int3 == 3 : files', 'at most two tests' ],
	[ 'allow read if int1 in 1 2 and int2 in 3 4 : files', 'only one test may have several values' ],
	[ 'allow read : "files"', 'a reason may not hold quotes or backslashes' ])
{
	append_to_file($where, "# a comment\n$case->[0]\n");
	my $said = `$tests/../ops/gen-seccomp '$where' 2>&1 >/dev/null`;
	is(($? != 0 ? 'fails: ' : 'succeeds: ') . $said, "fails: $where:2: $case->[1]\n", "list: $case->[0]");
	unlink $where;
}

# --- the sweeps ---
sweep_all('sweep', 'filter');
sweep_foreign('sweep', 'x32', 1023);
sweep_foreign('sweep', 'i386', 511);
sweep_all('sweep_u', 'kernel');
# The same prologue, which unit/seccomp_test holds against every number: a sample shows that it is loaded.
sweep_foreign('sweep_u', 'x32', 31);
sweep_foreign('sweep_u', 'i386', 31);

is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'), $started, 'the server was not restarted');
$session->quit;
processes_of($node);
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');

done_testing();
