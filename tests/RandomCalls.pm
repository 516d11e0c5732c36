# Random calls for the test of parity and leaks: functions that interpret programs, and a generator of programs from a seed.
#
# A program is a Python literal, a tree of operations; function run_a interprets it in the language under test, run_b in the
# other one (the same, where there is no other). The same seed gives the same calls.
package RandomCalls;

use strict;
use warnings;
use Differential qw(types);
use Exporter 'import';

our @EXPORT_OK = qw(functions_of random_call);

# What run_a, run_b, the procedures and the DO blocks have in common.
my $interpreter = <<'PYTHON';
def call(op):
    return getattr(Operations, op[0])(*op[1:])

class Operations:
    def value(v): return v
    def text(n, c): return c * n
    def seq(*ops): return [call(op) for op in ops]
    def notice(text): plpy.notice(text)
    def sql(text, limit=0):
        rv = plpy.execute(text, limit)
        return (rv.nrows(), [list(r.values()) for r in rv])
    def plan(text, types, values):
        if text not in SD:
            SD[text] = plpy.prepare(text, types)
        return [list(r.values()) for r in SD[text].execute(values)]
    def below(to, op):
        return plpy.execute('SELECT run_%s(%s) AS r' % (to, plpy.quote_literal(repr(op))))[0]['r']
    def attempt(op):
        try:
            return call(op)
        except Exception as error:
            return (type(error).__name__, str(error), getattr(error, 'spidata', None))
    def finish(op, last):
        try:
            return call(op)
        finally:
            call(last)
    def sub(op):
        with plpy.subtransaction():
            return call(op)
    def cursor(n, fetch, stop):
        seen = []
        cursor = plpy.cursor('SELECT g, repeat(chr(65 + g % 26), g % 50) AS t FROM generate_series(1, %d) g' % n)
        while len(seen) < stop:
            rows = cursor.fetch(fetch)
            if not rows:
                break
            seen.extend(len(r['t']) + r['g'] for r in rows)
        if stop % 2:
            cursor.close()
        return sum(seen)
    def iterate(n, stop):
        total = 0
        for row in plpy.cursor('SELECT g FROM generate_series(1, %d) g' % n):
            total += row['g']
            if row['g'] == stop:
                break
        return total
    def fail(how):
        exec(how)
    def nested(n):
        def down(n):
            if n == 0:
                raise LookupError('bottom')
            down(n - 1)
        down(n)
    def big(n): return len(plpy.execute('SELECT repeat($$x$$, %d) AS t' % n)[0]['t'])
    def cycle(n):
        class Node: pass
        for i in range(n):
            a, b = Node(), Node()
            a.other, b.other, a.rows = b, a, plpy.execute('SELECT %d AS i' % i)
        return n
PYTHON

my @kinds_of_failure = (
	'1 / 0', 'undefined', 'raise ValueError("words")', 'plpy.error("words", detail="more", hint="try", sqlstate="22023")',
	'raise plpy.Error("mine")', 'raise plpy.spiexceptions.UniqueViolation("mine")', 'plpy.execute("SELECT 1 / 0")',
	'plpy.execute("SELECT nothing")', 'plpy.execute("INSERT INTO r_table VALUES (NULL)")', 'int("x")', '[][3]',
	'plpy.prepare("SELECT $1", ["no_type"])', 'plpy.execute(plpy.prepare("SELECT $1", ["int"]), ["x"])', 'raise KeyError',
	'plpy.cursor("selct")', 'def f(): f()' . "\\n" . 'f()', 'plpy.execute("SELECT 1", -1)', 'raise SystemExit(3)');

my @queries = (
	'SELECT 1 AS a, NULL AS b', 'SELECT g FROM generate_series(1, 20) g', 'SELECT count(*) FROM r_table',
	'SELECT 1.5::float8, 2.50::numeric, true, $$text$$', 'SELECT ARRAY[1, 2, 3], ROW(1, $$x$$)', 'VALUES (1, 2), (3, 4)',
	'UPDATE r_table SET a = a + 1 WHERE a = 3', 'DELETE FROM r_table WHERE a > 40 RETURNING a', 'SELECT a FROM r_table ORDER BY a',
	'SELECT md5(g::text) FROM generate_series(1, 5) g', 'SELECT ($${"a": [1, 2]}$$)::jsonb', 'SELECT $$\x00ff$$::bytea',
	'SET LOCAL work_mem = 128', 'SELECT sum(a) FROM r_table WHERE a < 10', 'SELECT set_a(5)', 'SELECT set_b(9) LIMIT 3');

my @plans = (
	[ 'SELECT $1 + 1 AS r', "['int']", '[%d]' ], [ 'SELECT $1 || $2 AS r', "['text', 'text']", "['%d', 'x']" ],
	[ 'INSERT INTO r_table VALUES ($1)', "['int']", '[%d]' ], [ 'SELECT $1 AS r', "['float8[]']", '[[%d, 1.5, None]]' ],
	[ 'SELECT $1 AS r', "['bytea']", '[b"%d"]' ], [ 'SELECT a FROM r_table WHERE a = $1', "['int']", '[%d]' ]);

my @types;

sub pick { my ($count) = @_; return int(rand($count)); }

sub one_of { return $_[ pick(scalar @_) ]; }

sub leaf
{
	my $plan = one_of(@plans);

	return one_of(
		sub { "('value', " . one_of('None', '1', '2.5', "'x'", '[1, 2]', "{'a': 1}", 'True', "b'ab'", '-3', '10 ** 30', '1j', '()') . ')' },
		sub { sprintf "('text', %d, '%s')", pick(3000), one_of('a', 'ä', '€') },
		sub { sprintf "('notice', 'notice %d')", pick(100) },
		sub { sprintf "('sql', '%s', %d)", one_of(@queries), pick(3) },
		sub { sprintf "('plan', '%s', %s, $plan->[2])", $plan->[0], $plan->[1], pick(50) },
		sub { sprintf "('cursor', %d, %d, %d)", pick(60), 1 + pick(20), 1 + pick(60) },
		sub { sprintf "('iterate', %d, %d)", pick(120), pick(120) },
		sub { sprintf "('big', %d)", pick(20000) },
		sub { sprintf "('cycle', %d)", pick(5) })->();
}

# A program of at most depth levels; failures as leaves where they may be.
sub program
{
	my ($depth) = @_;
	my $next = sub { return program($depth - 1) };

	return leaf() if $depth == 0;
	return one_of(
		\&leaf,
		sub { my $to = one_of('a', 'b'); "('below', '$to', " . $next->() . ')' },
		sub { my $to = one_of('a', 'b'); "('below', '$to', " . $next->() . ')' },
		sub { "('attempt', " . $next->() . ')' },
		sub { "('attempt', " . $next->() . ')' },
		sub { "('sub', " . $next->() . ')' },
		sub { "('seq', " . join(', ', map { $next->() } 0 .. 1 + pick(2)) . ')' },
		sub { "('finish', " . $next->() . ', ' . leaf() . ')' },
		sub { sprintf "('attempt', ('below', '%s', ('fail', '%s')))", one_of('a', 'b'), one_of(@kinds_of_failure) },
		sub { sprintf "('fail', '%s')", one_of(@kinds_of_failure) },
		sub { sprintf "('nested', %d)", pick(20) })->();
}

sub quoted { my ($text) = @_; $text =~ s/'/''/g; return "'$text'"; }

# Where every level hands on what happens below. A cancel that is caught is a difference that is documented.
sub canceled
{
	my ($way) = @_;
	my $program = "('sql', '$way')";

	for (1 .. pick(4))
	{
		my $to = one_of('a', 'b');
		$program = one_of("('below', '$to', $program)", "('sub', $program)", "('seq', ('sql', 'SELECT 1'), $program)");
	}
	return $program;
}

sub call_of_type
{
	my $number = pick(scalar @types);
	my $type = $types[$number];
	my $to = one_of('a', 'b');

	return sprintf 'SELECT id_%s_%d(CAST(%s AS %s));', $to, $number, one_of(@{ $type->{value} }), $type->{name} if pick(2);
	return sprintf 'SELECT make_%s_%d($e$%s$e$);', $to, $number, one_of(@{ $type->{python} });
}

my @calls = (
	(sub { 'SELECT run_a(' . quoted(program(3 + pick(5))) . ');' }) x 5,
	(sub { 'SELECT run_b(' . quoted(program(3 + pick(4))) . ');' }) x 3,
	sub { 'SELECT g, run_a(' . quoted(program(1)) . ') FROM generate_series(1, 3) g;' },
	sub { 'CALL commit_a(' . quoted(program(2)) . ', ' . pick(4) . ');' },
	sub { "DO LANGUAGE \@lang \$py\$\n$interpreter\nplpy.notice(repr(call(" . program(2) . ")))\n\$py\$;" },
	\&call_of_type, \&call_of_type, \&call_of_type,
	sub { sprintf 'SELECT set_%s(%d) LIMIT %d;', one_of('a', 'b'), pick(20), pick(10) },
	sub { sprintf 'SELECT * FROM set_%s(%d) LIMIT %d;', one_of('a', 'b'), pick(20), pick(10) },
	sub { sprintf 'SELECT set_a(set_b(%d)) LIMIT %d;', pick(6), pick(10) },
	sub { sprintf 'SELECT sum_a(g) FROM generate_series(1, %d) g;', pick(20) },
	sub { sprintf 'INSERT INTO r_fired VALUES (%d) RETURNING a;', pick(20) },
	sub { sprintf 'UPDATE r_fired SET a = a + 1 WHERE a < %d;', pick(10) },
	sub { 'BEGIN; SAVEPOINT s; SELECT run_a(' . quoted(program(3)) . '); ROLLBACK TO s; SELECT run_b(' . quoted(program(1)) . '); ' . one_of('COMMIT;', 'ROLLBACK;') },
	sub { 'DELETE FROM r_table; DELETE FROM r_fired;' });

# SQL of one call. of: its number, so that the few that take long are spread evenly.
sub random_call
{
	my ($seed, $number) = @_;

	srand($seed * 100003 + $number);
	@types = grep { $_->{name} !~ /\[\]$|^d_/ } types() unless @types;
	return "SET statement_timeout = '50ms'; SELECT run_a(" . quoted(canceled('SELECT pg_sleep(100)')) . '); RESET statement_timeout;'
	  if $number % 500 == 77;
	return 'SELECT run_a(' . quoted(canceled('SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(100)')) . ');' if $number % 100 == 33;
	return one_of(@calls)->();
}

# DDL: everything twice, in @lang and in @other.
sub functions_of
{
	my $sql = "CREATE TABLE r_table (a int NOT NULL); CREATE TABLE r_fired (a int);\n";

	@types = grep { $_->{name} !~ /\[\]$|^d_/ } types();
	for my $pair ([ 'a', '@lang' ], [ 'b', '@other' ])
	{
		my ($to, $language) = @$pair;
		my $end = "LANGUAGE $language AS \$py\$";
		$sql .= "CREATE FUNCTION run_$to(p text) RETURNS text $end\n$interpreter\nreturn repr(call(eval(p)))\n\$py\$;\n";
		$sql .= "CREATE FUNCTION set_$to(n int) RETURNS SETOF int $end\nfor i in range(n):\n    if i == 15:\n        1 / 0\n    yield i * n\n\$py\$;\n";
		$sql .= "CREATE FUNCTION add_$to(s int, v int) RETURNS int $end\nreturn (s or 0) + v\n\$py\$;\n";
		$sql .= "CREATE AGGREGATE sum_$to(int) (sfunc = add_$to, stype = int);\n";
		$sql .= "CREATE FUNCTION fired_$to() RETURNS trigger $end\nnew = TD['new']\nif new['a'] == 13:\n    return 'SKIP'\nif new['a'] == 17:\n    raise ValueError('seventeen')\nnew['a'] += 1\nplpy.notice(repr(TD['old']))\nreturn 'MODIFY'\n\$py\$;\n";
		$sql .= "CREATE TRIGGER fired_$to BEFORE INSERT OR UPDATE ON r_fired FOR EACH ROW EXECUTE FUNCTION fired_$to();\n";
		$sql .= "CREATE PROCEDURE commit_$to(p text, n int) $end\n$interpreter\nfor i in range(n):\n    plpy.notice(repr(call(eval(p))))\n    plpy.commit() if i % 2 else plpy.rollback()\n\$py\$;\n";
		for my $number (0 .. $#types)
		{
			my $type = $types[$number]{name};
			$sql .= "CREATE FUNCTION id_${to}_$number(v $type) RETURNS $type $end\nplpy.notice(repr(v))\nreturn v\n\$py\$;\n";
			$sql .= "CREATE FUNCTION make_${to}_$number(e text) RETURNS $type $end return eval(e) \$py\$;\n";
		}
	}
	return $sql;
}

1;
