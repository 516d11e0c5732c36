# plpy.fatal and plpy.Fatal: the end of the session in pyboxu, as in PL/Python; an error in pybox. Nothing stays behind.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use PyboxTest;
use Test::More;

my $node = new_node('fatal', policy => <<'YAML');
version: 1
node: {name: test, id: 1, slots: 1}
pools:
  standard: {limits: {memory: 512MB, wall: 2min}, spares: 0}
YAML

$node->safe_psql('postgres', 'CREATE EXTENSION pybox; CREATE TABLE done (what text)');

# What a session of its own says after "(x): " to a block; its last line tells whether it lived on.
sub outcome
{
	my ($language, $python) = @_;
	my ($code, $out, $err) = $node->psql('postgres', "DO LANGUAGE $language \$\$$python\$\$;\n\\echo alive",
		on_error_stop => 0, on_error_die => 0);
	my @said = grep { !/server closed|terminated abnormally|before or while|connection to server/ } split /\n/, $err;
	s/^psql:<stdin>:\d+: // for @said;
	return join "\n", @said, $out =~ /alive/ ? 'alive' : 'gone';
}

# [ what, block, what pyboxu says, what pybox says ]
my @cases = (
	[ 'plpy.fatal', q(plpy.fatal('bye', detail='d', hint='h')),
		"FATAL:  bye\nDETAIL:  d\nHINT:  h\nCONTEXT:  PL/Python anonymous code block\ngone",
		"ERROR:  plpy.Fatal: bye\nDETAIL:  d\nHINT:  h\nCONTEXT:  Traceback (most recent call last):\n"
		  . "  PL/Python anonymous code block, line 1, in <module>\n    plpy.fatal('bye', detail='d', hint='h')\n"
		  . "PL/Python anonymous code block\nalive" ],
	[ 'plpy.fatal below try', "try:\n  plpy.fatal('bye')\nexcept plpy.Fatal as error:\n  plpy.notice(repr(error))",
		"FATAL:  bye\nCONTEXT:  PL/Python anonymous code block\ngone", "NOTICE:  Fatal('bye')\nalive" ],
	[ 'plpy.Fatal', q(raise plpy.Fatal('bye')),
		"FATAL:  plpy.Fatal: bye\nCONTEXT:  Traceback (most recent call last):\n"
		  . "  PL/Python anonymous code block, line 1, in <module>\n    raise plpy.Fatal('bye')\n"
		  . "PL/Python anonymous code block\ngone",
		"ERROR:  plpy.Fatal: bye\nCONTEXT:  Traceback (most recent call last):\n"
		  . "  PL/Python anonymous code block, line 1, in <module>\n    raise plpy.Fatal('bye')\n"
		  . "PL/Python anonymous code block\nalive" ],
	[ 'plpy.Fatal that is caught', "try:\n  raise plpy.Fatal('bye')\nexcept plpy.Fatal:\n  pass", 'alive', 'alive' ],
);

for my $case (@cases)
{
	my ($what, $python, $untrusted, $trusted) = @$case;
	is(outcome('pyboxu', $python), $untrusted, "pyboxu: $what");
	is(outcome('pybox', $python), $trusted, "pybox: $what");
}

# With everything open that a session can have open
my $busy = <<'PYTHON';
plpy.execute("INSERT INTO done VALUES ('committed')")
plpy.commit()
c = plpy.cursor("SELECT g FROM generate_series(1, 9) g")
next(c)
plpy.commit()
plpy.subtransaction().enter()
plpy.execute("INSERT INTO done VALUES ('not committed')")
plpy.execute("DO LANGUAGE pyboxu 'plpy.subtransaction().enter(); plpy.fatal(''bye'')'")
PYTHON
like(outcome('pybox', $busy), qr/^FATAL:  bye\n.*^gone$/ms, 'an untrusted function ends the session of a trusted one');
is($node->safe_psql('postgres', 'TABLE done'), 'committed', 'what was committed stays');

# The only slot is free, and no interpreter is left
ok($node->poll_query_until('postgres', 'SELECT sum(running) = 0 AND sum(waiting) = 0 FROM pybox.pools'), 'no slot is held');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pybox.activity'), '0', 'no call is listed');
ok(poll_until(sub { !interpreters_of($node) }), 'no interpreter is left');
is(outcome('pybox', 'pass'), 'alive', 'calls go on');

$node->stop;
done_testing();
