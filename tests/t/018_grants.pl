# What a pool may give beside computing: folders to read, /dev/null, a private /tmp of a size; and what no pool gives.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

# Folders that the server's user may read, and somebody may have put links into.
my $base = PostgreSQL::Test::Utils::tempdir_short();
chmod 0755, $base or die $!;
mkdir "$base/$_" or die "$_: $!" for qw(models models/deep secret socket);
append_to_file("$base/models/weights", '42');
append_to_file("$base/models/deep/weights", '43');
append_to_file("$base/secret/key", 'secret');
system_or_bail('cp', '/usr/lib/' . (`uname -m` =~ s/\n//r) . '-linux-gnu/libz.so.1', "$base/models/libz.so");
symlink "$base/secret/key", "$base/models/link" or die $!;
symlink '../../../../../../etc/passwd', "$base/models/up" or die $!;
symlink "$base/models", "$base/alias" or die $!;

sub policy
{
	my ($pool, $more) = @_;
	return "version: 1\nnode: {name: test, id: 1, slots: 4}\npools:\n"
	  . "  plain: {limits: {memory: 512MB, wall: 1min}, fs: none, net: none, spares: 0}\n"
	  . "  granted: {limits: {memory: 512MB, wall: 1min$more}, fs: none, net: none, spares: 0, $pool}\n"
	  . "assign:\n  - {role: granted, pool: granted}\n  - {pool: plain}\n";
}

my $node = new_node('grants', policy => policy("read: ['$base/models'], dev_null: write", ''));

$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pybox;
CREATE ROLE granted SUPERUSER LOGIN;
CREATE FUNCTION attempt(source text) RETURNS text LANGUAGE pybox AS $$
import ctypes, os, shutil, sqlite3, mmap
try:
    return str(eval(source))
except Exception as error:
    return '%s: %s' % (type(error).__name__, getattr(error, 'strerror', None) or error)
$$;
CREATE FUNCTION attempt_u(source text) RETURNS text LANGUAGE pyboxu AS $$
import ctypes, mmap, os, subprocess
try:
    return str(eval(source))
except Exception as error:
    return '%s: %s' % (type(error).__name__, getattr(error, 'strerror', None) or error)
$$;
SQL
my $started = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');
my %session = map { $_ => PyboxSession->new($node, role => $_) } qw(granted postgres);

sub gives
{
	my ($role, $source, $wanted, $function) = @_;
	$function //= 'attempt';
	my $got = $session{$role}->value("SELECT $function(\$source\$$source\$source\$)");
	ref $wanted ? like($got, $wanted, "$role: $function: $source") : is($got, $wanted, "$role: $function: $source");
	return;
}

# --- a folder to read ---
my $models = "$base/models";
for my $function (qw(attempt attempt_u))
{
	gives('granted', "open('$models/weights').read()", '42', $function);
	gives('granted', "open('$models/deep/weights').read()", '43', $function);
	gives('granted', "sorted(os.listdir('$models'))", "['deep', 'libz.so', 'link', 'up', 'weights']", $function);
	gives('granted', "os.listdir('$base')", $function eq 'attempt' ? 'PermissionError: Permission denied' : qr/^PermissionError|^\['models'\]$/, $function);
	gives('granted', "open('$models/link').read()", 'FileNotFoundError: No such file or directory', $function);
	gives('granted', "open('$models/up').read()", qr/^(?:FileNotFoundError: No such file or directory|PermissionError: Permission denied)$/, $function);
	gives('granted', "open('$base/secret/key').read()", 'FileNotFoundError: No such file or directory', $function);
	gives('granted', "ctypes.CDLL('$models/libz.so')", qr/^OSError: .*failed to map segment from shared object/, $function);
	gives('granted', "mmap.mmap(os.open('$models/libz.so', 0), 4096, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_EXEC)",
		'PermissionError: Operation not permitted', $function);
	gives('postgres', "open('$models/weights').read()", 'FileNotFoundError: No such file or directory', $function);
}
gives('granted', "os.remove('$models/weights')", 'PermissionError: Operation not permitted');
gives('granted', "os.remove('$models/weights')", qr/^(?:OSError: Read-only file system|PermissionError: Permission denied)$/, 'attempt_u');
gives('granted', "subprocess.run(['$models/libz.so'])", 'PermissionError: Permission denied', 'attempt_u');

# --- /dev/null, and nothing else ---
for my $flags (qw(w a r+ r wb+))
{
	gives('granted', "open('/dev/null', '$flags').close()", 'None');
	gives('postgres', "open('/dev/null', '$flags').close()", qr/^PermissionError: (?:Operation not permitted|Permission denied)$/);
}
gives('granted', "open('/dev/null', 'w').write('x')", '1');
gives('granted', "open('$models/weights', 'w')", 'OSError: Read-only file system');
gives('granted', "open('$models/weights', 'a')", 'OSError: Read-only file system');
gives('granted', "open('$models/new', 'w')", 'OSError: Read-only file system');
gives('granted', "open(os.__file__, 'r+')", 'PermissionError: Permission denied');
gives('granted', "open('/dev/urandom', 'w')", 'PermissionError: Permission denied');
gives('granted', "open('/new', 'x')", 'OSError: Read-only file system');
gives('granted', "os.open('/', os.O_TMPFILE | os.O_RDWR)", 'PermissionError: Operation not permitted');
gives('granted', "os.open('/dev/null', os.O_PATH)", 'PermissionError: Operation not permitted');
gives('granted', "os.mkdir('/new')", 'PermissionError: Operation not permitted');
gives('granted', "os.memfd_create('new')", 'PermissionError: Operation not permitted');

# --- a private /tmp ---
sub reload
{
	my ($policy) = @_;
	write_policy($node, $policy);
	$session{postgres}->value('SELECT pybox.reload_policy()');
	$session{granted}->quit;
	$session{granted} = PyboxSession->new($node, role => 'granted');
	return;
}

reload(policy('weight: 100', ', tmp: 4MB'));
gives('granted', q{open('/tmp/a', 'w').write('text')}, '4');
gives('granted', q{shutil.copy2('/tmp/a', '/tmp/b')}, '/tmp/b');
gives('granted', q{shutil.move('/tmp/b', '/tmp/c')}, '/tmp/c');
gives('granted', q{__import__('tempfile').TemporaryFile().write(b'x')}, '1');
gives('granted', q{sqlite3.connect('/tmp/base').execute('create table t as select 1').connection.commit()}, 'None');
gives('granted', q{mmap.mmap(os.open('/tmp/a', os.O_RDWR), 4).flush()}, 'None');
gives('granted', q{mmap.mmap(os.open('/tmp/a', os.O_RDWR), 4, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_EXEC)},
	'PermissionError: Operation not permitted');
gives('granted', q{open('/tmp/big', 'wb').write(bytes(3 << 20))}, 3 << 20);
gives('granted', q{open('/tmp/bigger', 'wb').write(bytes(3 << 20))}, qr/^OSError: No space left on device$|^\d+$/);
gives('granted', q{sum(map(os.path.getsize, map('/tmp/'.__add__, os.listdir('/tmp')))) <= 4 << 20}, 'True');
gives('granted', q{os.open('/tmp/a', os.O_RDWR | os.O_DIRECT)}, 'PermissionError: Operation not permitted');
gives('granted', q{open('/etc/passwd', 'w')}, 'OSError: Read-only file system');
gives('postgres', q{open('/tmp/a')}, qr/^(?:FileNotFoundError: No such file or directory|PermissionError: Permission denied)$/);

# --- folders that only the machine shows to be wrong: the pool says which and why ---
socket(my $socket, 1, 1, 0) or die $!;
bind $socket, pack('Sa*', 1, "$base/socket/s\0") or die $!;
for my $case (
	[ "$base/nothing", 'No such file or directory' ],
	[ "$base/models/weights", 'Not a directory' ],
	[ "$base/alias", 'symbolic links are not followed' ],
	[ "$base/alias/deep", 'symbolic links are not followed' ],
	[ "$base/socket", 'a socket is there' ],
	[ $node->data_dir, "the server's own files are there" ],
	[ $node->data_dir . '/base', "the server's own files are there" ],
	[ $node->basedir, "the server's own files are there" ])
{
	my ($folder, $why) = @$case;
	reload(policy("read: ['$folder']", ''));
	my $answer = $session{granted}->ask('SELECT attempt($$1$$)');
	is($answer->{sqlstate}, '58000', "$folder: refused") or diag($answer->{text});
	like($answer->{text}, qr/read: \Q$folder\E: \Q$why\E/, "$folder: $why");
	gives('postgres', '1 + 1', '2');
}
reload(policy("packages: ['" . $node->data_dir . "']", ''));
like($session{granted}->ask('SELECT attempt($$1$$)')->{text}, qr/packages: \S+: the server's own files are there/, 'nor are they packages');

# --- what no pool gives ---
for my $key ('exec: true', 'network: host', 'write: [/srv]')
{
	write_policy($node, policy($key, ''));
	my $answer = $session{postgres}->ask('SELECT pybox.reload_policy()');
	my ($name) = split /:/, $key;
	is($answer->{sqlstate}, 'F0000', "$key: refused");
	like($answer->{text}, qr/unknown key "$name": no pool gives functions in language pybox the network, other programs or the machine's files to write/, $key);
}

is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'), $started, 'the server was not restarted');
$_->quit for values %session;
processes_of($node);
$node->stop;
ok(wait_for_no_processes($node), 'nothing is left of the server');

done_testing();
