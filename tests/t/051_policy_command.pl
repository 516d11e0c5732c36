# pybox-policy: its commands, the JSON Schema that it makes, and that README and examples are as they say.
use strict;
use warnings;
use File::Basename qw(dirname);
use IPC::Run;
use PostgreSQL::Test::Utils;
use PyboxTest;
use Test::More;

my $root = dirname(__FILE__) . '/../..';
chomp(my $program = `pg_config --bindir`);
$program .= '/pybox-policy';
my $work = PostgreSQL::Test::Utils::tempdir_short();

sub policy
{
	my (@arguments) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ $program, @arguments ], '<', \undef, '>', \$out, '2>', \$err);
	return { status => $? >> 8, out => $out, err => $err };
}

sub file
{
	my ($name, $text) = @_;
	my $path = "$work/$name";

	unlink $path;
	append_to_file($path, $text);
	chmod 0600, $path or die "$path: $!";
	return $path;
}

sub answers
{
	my ($got, $status, $out, $err, $what) = @_;
	is_deeply([ @$got{qw(status out err)} ], [ $status, $out, $err ], $what);
	return;
}

# --- check and show ---
my $small = file('small.yaml', "version: 1\nnode: {slots: 4}\npools: {a: {}, b: {}, c: {}}\nassign: [{role: r, pool: b}, {pool: a}]\n" .
	"caps: [{role: r, slots: 1}]\nrules: [{name: x, pool: a, when: {rows: 1}, action: log}]\n");
my ($hash) = map { substr $_, 0, 12 } `sha256sum $small`;
answers(policy('check', $small), 0,
	"$small: ok, hash $hash, 3 pools, 2 assignments, 1 cap, 1 rule\n$small:3: note: no assignment or rule leads to pool \"c\"\n",
	'', 'a policy that is right, and a pool that nothing leads to');
my $bad = file('bad.yaml', "version: 1\npools:\n  a: {}\nrules:\n  - {name: x, when: {elapsed: 5}, action: log}\n");
answers(policy('check', $bad, $small), 1, policy('check', $small)->{out},
	"$bad:5:31: rules[1].when.elapsed: expected a duration from 1ms to 30d such as 30s, found \"5\"\n", 'one is wrong, one is right');
answers(policy('check', "$work/none"), 1, '', "$work/none: cannot open the file: No such file or directory\n", 'a file that is not there');
chmod 0666, $bad;
like(policy('check', $bad)->{err}, qr/\Q$bad\E: the file has mode 0666, .* run: chmod go-w/, 'a file that others can write');
my $shown = file('shown.yaml', policy('show', $small)->{out});
is(policy('show', $shown)->{out}, slurp_file($shown), 'what show prints is a policy that shows the same');
answers(policy('diff', $small, $shown), 0, '', '', 'and the same by diff');

# --- diff ---
my $large = file('large.yaml', "version: 1\nnode: {slots: 4}\npools: {a: {slots: 2}, b: {limits: {wall: 1s}}}\nassign: [{role: r, pool: b}, {pool: a}]\n" .
	"caps: [{role: r, slots: 1}]\nbudgets: [{name: y, cpu_time: 1s, window: 1h, action: log}]\n");
answers(policy('diff', $small, $large), 3, <<'OUT', '', 'what differs, and what that does');
  pools.a.slots: 4 -> 2
        calls that run beyond the new cap run until they end
  pools.b.limits.wall: 10min -> 1s
        running calls keep the old limit; idle interpreters of the pool end, sessions get new ones
- pools.c: {}
        its calls go on in pool a; its interpreters end when they are idle
- rules.x: {pool: a, when: {rows: 1}, action: log}
        a new rule is for calls that come from now on, one that is gone judges none
+ budgets.y: {cpu_time: 1s, window: 1h, action: log}
        for calls that start from now on; what was used under that name counts
OUT
is(policy('diff', $small, $bad)->{status}, 1, 'diff with one that is wrong');

# --- explain ---
answers(policy('explain', $small, '--role', 'r', '--database', 'd'), 0,
	"pool: b\nwhy: role, line 4\ncap, line 5: role: r, slots: 1\n", '', 'explain: by role');
answers(policy('explain', '--role', 'x', '--member-of', 'q', '--member-of', 'r', $small), 0,
	"pool: b\nwhy: role by membership, line 4\ncap, line 5: role: r, slots: 1\n", '', 'explain: by membership');
answers(policy('explain', $small, '--function', 's.f'), 0,
	"pool: a\nwhy: default, line 4\nrule, line 6: name: x, pool: a, when: {rows: 1}, action: log\n", '', 'explain: by default');

# --- wrong usage, help ---
for my $case ([], ['nonsense'], ['check'], [ 'show', $small, $small ], [ 'diff', $small ], ['explain'], [ 'schema', $small ], [ 'keys', '--nonsense' ], ['--nonsense'])
{
	my $got = policy(@$case);
	is("$got->{status} $got->{out}", '2 ', "usage: pybox-policy @$case");
	isnt($got->{err}, '', 'says why');
}
my $help = policy('--help');
is($help->{status}, 0, '--help');
my @commands = $help->{out} =~ /^  pybox-policy (\w+)/mg;
cmp_ok(scalar @commands, '>=', 6, "commands: @commands");
for my $command (@commands)
{
	my $got = policy($command, '--help');
	is($got->{status}, 0, "$command --help");
	like($got->{out}, qr/^Usage: pybox-policy $command\b.*\n\n\S/, 'says how');
}
is(system("$program --help >/dev/full 2>/dev/null") >> 8, 1, 'a disk that is full');

# --- README: the table of keys, and examples ---
my $readme = slurp_file("$root/policies/README.md");
my $keys = policy('keys')->{out};
cmp_ok($keys =~ tr/\n//, '>', 60, 'the table of keys');
ok(index($readme, $keys) >= 0, 'is in README.md as it is printed: pybox-policy keys');
my @examples = $readme =~ /^```yaml\n(.*?)^```$/msg;
cmp_ok(scalar @examples, '>=', 11, 'examples in README.md');
my @files = (glob("$root/policies/*.yaml"), "$root/tests/policy.yaml", "$root/tests/isolation.yaml");
push @files, file("example$_.yaml", $examples[$_]) for 0 .. $#examples;
push @files, map { file('first.yaml', $_) } slurp_file("$root/README.md") =~ /^```yaml\n(version: 1\n.*?)^```$/msg;
for my $file (@files)
{
	my ($out, $err) = ('', '');

	IPC::Run::run([ $program, 'check', '-' ], '<', $file, '>', \$out, '2>', \$err);
	is($err, '', "$file is right");
}
# Every key of the table is shown by some example.
my $all = join '', map { slurp_file($_) } @files;
my @unused = grep { $all !~ /\b\Q$_\E:/ } map { /(\w+)$/ } $keys =~ /^\| `([^`]+)` /mg;
is("@unused", '', 'each key is in some example');

# --- the JSON Schema, by a validator of others' making ---
my $validator = file('validate.py', <<'PYTHON');
import json, sys, jsonschema, yaml
schema = json.load(open(sys.argv[1]))
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
for path in sys.argv[2:]:
    errors = sorted(validator.iter_errors(yaml.safe_load(open(path))), key=str)
    print("ok" if not errors else "/".join(map(str, errors[0].absolute_path)) + ": " + errors[0].validator)
PYTHON

sub validate
{
	my (@paths) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'python3', $validator, "$work/schema.json", @paths ], '>', \$out, '2>', \$err);
	is($err, '', 'the validator has nothing to say');
	return split /\n/, $out;
}

my $schema = policy('schema');
is($schema->{status}, 0, 'schema');
file('schema.json', $schema->{out});
my @defaults = map { file("shown$_.yaml", policy('show', $files[$_])->{out}) } 0 .. $#files;
is_deeply([ validate(@files, @defaults) ], [ ('ok') x (2 * @files) ], 'all examples are right by the schema, with every default written out too');

# What the schema has to refuse as the parser does: a kind of key a line.
my $head = "version: 1\npools: {a: {}}\n";
my @wrong = (
	[ "pools: {a: {}}\n", ': required' ],
	[ "version: 2\npools: {a: {}}\n", 'version: const' ],
	[ "version: 1\npools: {}\n", 'pools: minProperties' ],
	[ "version: 1\npools: {A: {}}\n", 'pools: additionalProperties' ],
	[ "version: 1\npools: {a: {slot: 1}}\n", 'pools/a: additionalProperties' ],
	[ "version: 1\npools: {a: {priority: 101}}\n", 'pools/a/priority: maximum' ],
	[ "version: 1\npools: {a: {priority: high}}\n", 'pools/a/priority: type' ],
	[ "version: 1\npools: {a: {arrays: tuple}}\n", 'pools/a/arrays: enum' ],
	[ "version: 1\npools: {a: {preload: [a..b]}}\n", 'pools/a/preload/0: pattern' ],
	[ "version: 1\npools: {a: {limits: {memory: 5}}}\n", 'pools/a/limits/memory: type' ],
	[ "version: 1\npools: {a: {limits: {memory: 5GiB}}}\n", 'pools/a/limits/memory: pattern' ],
	[ "version: 1\npools: {a: {limits: {cpu: 200}}}\n", 'pools/a/limits/cpu: type' ],
	[ "version: 1\npools: {a: {queue: {ageing: 5}}}\n", 'pools/a/queue/ageing: anyOf' ],
	[ "${head}require: [moat]\n", 'require: anyOf' ],
	[ "${head}assign: [{role: r}]\n", 'assign/0: required' ],
	[ "${head}assign: [{function: f, pool: a}]\n", 'assign/0/function: pattern' ],
	[ "${head}filters: [{name: f, days: [monday]}]\n", 'filters/0/days: anyOf' ],
	[ "${head}filters: [{name: f, hours: 25:00-26:00}]\n", 'filters/0/hours: pattern' ],
	[ "${head}rules: [{name: x, when: {}, action: log}]\n", 'rules/0/when: minProperties' ],
	[ "${head}rules: [{name: x, when: {rows: 0}, action: log}]\n", 'rules/0/when/rows: minimum' ],
	[ "${head}rules: [{name: x, when: {rows: 1}, action: stop}]\n", 'rules/0/action: enum' ],
	[ "${head}rules: [{name: x, when: {rows: 1}, action: log, dry_run: 1}]\n", 'rules/0/dry_run: type' ],
	[ "${head}budgets: [{name: x, cpu_time: 1s, window: 1h}]\n", 'budgets/0: required' ],
);
my @paths = map { file("wrong$_.yaml", $wrong[$_][0]) } 0 .. $#wrong;
is_deeply([ validate(@paths) ], [ map { $_->[1] } @wrong ], 'what is wrong by the schema, and where');
is_deeply([ map { policy('check', $_)->{status} } @paths ], [ (1) x @paths ], 'is wrong by the parser');

done_testing();
