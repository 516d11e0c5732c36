# pybox-top on a terminal, with real calls: every key does to a real call what it says, and what it asks is what it does;
# other terminals; a server that goes and comes; what scripts get. PYBOX_TEST_SCREENS=FOLDER keeps the screens for ops/top.md.
use strict;
use warnings;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use PyboxTop;
use Test::More;

plan skip_all => 'tmux is not installed' unless need(!system('tmux -V >/dev/null 2>&1'), 'tmux');

my $policy = <<'YAML';
version: 1
node: {name: prod, id: 1, slots: 2}
pools:
  web: {priority: 90, queue: {length: 100, timeout: 10min}, limits: {memory: 256MB, wall: 10min}, spares: 0}
  etl: {priority: 10, slots: 2, on_contention: yield, queue: {length: 100, timeout: 10min}, limits: {memory: 256MB, wall: 10min}, spares: 0}
  night: {priority: 5, queue: {length: 100, timeout: 10min}, limits: {memory: 256MB, wall: 10min}, spares: 0}
assign:
  - {role: web, pool: web}
  - {role: night, pool: night}
  - {pool: etl}
YAML
my $hostile = "e\x{1b}[31mvil";
my $wide = "\x{65e5}\x{672c}\x{8a9e}";
my $node = new_node('top', policy => $policy);
{
	local $ENV{PGCLIENTENCODING} = 'UTF8';
	my $sql = <<"SQL";
CREATE EXTENSION pybox;
CREATE ROLE ana LOGIN; CREATE ROLE web LOGIN; CREATE ROLE night LOGIN; CREATE ROLE monitor LOGIN IN ROLE pg_monitor;
CREATE FUNCTION train() RETURNS void LANGUAGE pybox AS 'while True: pass';
CREATE FUNCTION score() RETURNS int LANGUAGE pybox AS 'return 1';
CREATE FUNCTION "$hostile"() RETURNS void LANGUAGE pybox AS 'while True: pass';
CREATE FUNCTION "$wide"() RETURNS void LANGUAGE pybox AS 'while True: pass';
CREATE DATABASE bare;
SQL
	utf8::encode($sql);
	$node->safe_psql('postgres', $_) for split /;\n/, $sql;
}

my $admin = PyboxSession->new($node);
my $top_program = $node->installed_command('pybox-top');

# A session with a call in a state.
sub call_in
{
	my ($state, $sql, %option) = @_;
	my $session = PyboxSession->new($node, %option);

	$session->send($sql);
	$admin->poll("SELECT state FROM pybox.activity WHERE pid = " . $session->pid, $state);
	return $session;
}

sub state_of { my ($session, $column) = @_; return $admin->value("SELECT $column FROM pybox.activity WHERE pid = " . $session->pid); }
sub becomes { my ($session, $column, $value, $name) = @_; return ok($admin->poll("SELECT $column FROM pybox.activity WHERE pid = " . $session->pid, $value), $name); }

sub end_call
{
	my ($session) = @_;
	$admin->value('SELECT pg_cancel_backend(' . $session->pid . ')');
	$session->wait;
	$session->quit;
	return;
}

sub keep_screen
{
	my ($top, $name) = @_;
	return unless $ENV{PYBOX_TEST_SCREENS};
	my $file = "$ENV{PYBOX_TEST_SCREENS}/$name";
	unlink $file;
	append_to_file($file, $top->screen =~ s/\s+\z/\n/r =~ s{socket "/\K\S*~}{var/run/postgresql/~}r); # not where the test ran
	return;
}

# What a run of the program says and how it ends, without a terminal.
sub run_top
{
	my ($environment, @arguments) = @_;
	my ($out, $err) = ('', '');
	local %ENV = (%ENV, %$environment);
	my $status = IPC::Run::run([ $top_program, @arguments ], '<', '/dev/null', '>', \$out, '2>', \$err) ? 0 : $? >> 8;
	return ($status, $out, $err);
}

my $connection = $node->connstr('postgres');

# --- two run, two wait; 80 columns ---
my $first = call_in('running', 'SELECT train()', role => 'ana');
my $second = call_in('running', 'SELECT score() FROM (SELECT train()) x', role => 'ana');
my $third = call_in('queued', 'SELECT train()', role => 'ana');
my $night = call_in('queued', 'SELECT score()', role => 'night');
my $top = PyboxTop->new($node);

$top->shows(qr/^prod  local:\d+\/postgres as \w+  up /m, 'the header names node, server, database and role');
$top->shows(qr/^slots 2 of 2 \[##########\]  waiting 2  paused 0  interpreters \d+  cpu \d\.\d cores/m, 'slots, queue and cpu');
$top->shows(qr/^memory \S+ used, \S+ reserved of any  policy [0-9a-f]{8} in force for \d/m, 'memory and policy');
$top->shows(qr/^etl +10 +\d+ +2 +2 +1 +0 +\d/m, 'a pool with what runs and waits in it');
for ([ $first, 'running', '-' ], [ $third, 'queued', 'slot of the (?:node|pool)' ])
{
	my ($session, $state, $why) = @$_;
	my $pid = $session->pid;
	$top->shows(qr/^ *$pid $state +etl +10 \S+ +public\.tra\S+ +\S+ +(?:\d+%|-) +\S+.* $why$/m, "a call that is $state");
}
is(scalar(grep { length > 80 } split /\n/, $top->screen), 0, 'no line is longer than the terminal');
keep_screen($top, 'overview');

# --- Enter, Esc, ? ---
$top->select_call($third->pid);
$top->shows(qr/^only pid=${\$third->pid} \(Esc: all\)  /m, 'and that others are left out is said');
$top->press('Enter');
my $id = state_of($third, 'call_id');
$top->shows(qr/^call $id$/m, 'Enter shows the details of the selected call');
$top->shows(qr/^Waits for slot of the (?:node|pool) since \S+, as number 1 of its pool; /m, 'why it waits, in a sentence');
$top->shows(qr/\bfunction +public\.train\(\)/m, 'its function');
$top->shows(qr/^Its pool, as the policy says$/m, 'its limits');
keep_screen($top, 'details');
$top->resize(80, 12);
$top->shows(qr/ more$/m, 'that there is more is said');
$top->press('Down', 'Down');
$top->shows(qr/\A.*\n.*\n.*\n(?!call \d)/, 'the details can be scrolled');
$top->resize(80, 24);
$top->press('?');
$top->shows(qr/^Keys$/m, '? shows the keys');
keep_screen($top, 'help');
$top->press('Escape');
$top->shows(qr/^call $id$/m, 'Esc leads back to the details');
$top->press('Escape');
$top->shows(qr/^ *PID STATE/m, 'and to the overview');

# --- cancel, not confirmed and confirmed ---
$top->select_call($third->pid);
$top->press('c');
$top->confirm(qr/^Cancel\? \[y\/N\] public\.train\(\) of \w+, backend ${\$third->pid}, call $id$/m, 'n');
$top->shows(qr/^Nothing was done\.$/m, 'what is not confirmed');
is(state_of($third, 'state'), 'queued', 'is not done');
$top->press('c');
$top->shows(qr/^Cancel\? /m, 'it asks again');
keep_screen($top, 'confirm');
$top->confirm(qr/^Cancel\? /m, 'y');
is($third->wait->{sqlstate}, '57014', 'c cancels the selected call');
is(state_of($first, 'state'), 'running', 'and no other');
$top->shows(qr/^Done/m, 'the answer is shown');
$third->quit;

# --- kill ---
$top->select_call($second->pid);
$top->press('k');
$top->confirm(qr/^Kill\? \[y\/N\] .*backend ${\$second->pid}/m, 'y');
isnt($second->wait->{sqlstate}, undef, 'k kills the selected call');
is($second->value('SELECT 1'), 1, 'its session lives');
$night->wait;
$second->send('SELECT train()');
becomes($second, 'state', 'running', 'it runs another call');

# --- pause and resume ---
$top->select_call($first->pid);
$top->press('p');
$top->confirm(qr/^Pause\? \[y\/N\] .*backend ${\$first->pid}/m, 'y');
becomes($first, 'state', 'paused', 'p pauses it');
$top->shows(qr/^ *${\$first->pid} paused /m, 'and that is seen');
$top->press('r');
$top->confirm(qr/^Resume\? \[y\/N\] .*backend ${\$first->pid}/m, 'y');
becomes($first, 'state', 'running', 'r resumes it');
$top->press('r');
$top->confirm(qr/^Resume\? /m, 'y');
$top->shows(qr/^Not done: /m, 'what the server does not do is said');

# --- priority ---
$third = call_in('queued', 'SELECT train()', role => 'ana');
$top->select_call($third->pid);
$top->press('n');
$top->shows(qr/^New priority, 0 to 100:$/m, 'n asks for a priority');
$top->type('700');
$top->press('Enter');
$top->shows(qr/^A priority is a whole number from 0 to 100\.$/m, 'one that is none is refused');
$top->press('n');
$top->type('98');
$top->press('BSpace');
$top->type('7');
$top->press('Enter');
$top->confirm(qr/^Set priority to 97\? \[y\/N\] .*backend ${\$third->pid}/m, 'y');
becomes($third, 'priority', '97', 'n changes the priority');
$top->shows(qr/^ *${\$third->pid} \w+ +etl +97 /m, 'and that is seen');

# --- move ---
my $fourth = call_in('queued', 'SELECT train()', role => 'night');
$top->select_call($fourth->pid);
$top->press('m');
$top->type(q{x'); DROP TABLE pg_class; --});
$top->press('Enter');
$top->shows(qr/^There is no pool of that name\.$/m, 'm takes names of pools alone');
$top->press('m');
$top->type('etl');
$top->press('Enter');
$top->confirm(qr/^Move to pool etl\? \[y\/N\] .*backend ${\$fourth->pid}/m, 'y');
becomes($fourth, 'pool', 'etl', 'm moves the call');

# --- pools: drain and open again ---
$top->press('2', 'Home');
$top->shows(qr/^POOL +PRI WGT RUN SLOTS WAIT/m, '2 shows the pools');
keep_screen($top, 'pools');
$top->press('f');
$top->type('pool=night');
$top->press('Enter', 'd');
$top->confirm(qr/^Drain\? \[y\/N\] pool night$/m, 'y');
ok($admin->poll("SELECT drained FROM pybox.pools WHERE pool = 'night'", 't'), 'd drains the pool');
is($night->ask('SELECT score()')->{sqlstate}, '53400', 'no call of it starts');
$top->press('u');
$top->confirm(qr/^Open again\? \[y\/N\] pool night$/m, 'y');
ok($admin->poll("SELECT drained FROM pybox.pools WHERE pool = 'night'", 'f'), 'u opens it');
$top->press('Escape', 'Home', 'Down', 'Enter');
$top->shows(qr/^pool etl$/m, 'Enter shows the details of a pool');
$top->press('Escape');

# --- interpreters, events, Tab ---
$top->press('3');
$top->shows(qr/^ *PID POOL +LANGUAGE STATE +BACKEND .*\n(?: *\d+ .*\n)* *\d+ etl +pybox +running +${\$first->pid} /m, '3 shows the interpreters');
keep_screen($top, 'interpreters');
$top->press('4');
$top->shows(qr/^ *AGO KIND .*\n *\S+ +undrain /m, '4 shows the events, the last first');
keep_screen($top, 'events');
$top->press('Tab');
$top->shows(qr/^POOL .*\n(?:.*\n)* *PID STATE/m, 'Tab leads on, and around');

# --- order, filter, selection ---
$top->press('Escape');
sub pids { return [ $top->screen =~ /^ *(\d+) (?:running|queued|paused|sql) /mg ]; }
my $before;
ok(poll_until(sub { $before = pids(); @$before == 4 }), 'four calls are listed');
is($before->[0], $first->pid, 'the longest stands first');
$top->press('R');
ok(poll_until(sub { pids()->[-1] == $first->pid }), 'R reverses the order');
$top->press('R', ('S') x 5);
ok(poll_until(sub { pids()->[0] == $third->pid }), 'S sorts by columns before: by priority');
$top->press(('s') x 5);
ok(poll_until(sub { pids()->[0] == $first->pid }), 's goes on to the next ones');
$top->press('Home', 'Down', 'Enter');
my ($looked) = (poll_until(sub { $top->screen =~ /^call \d+$/m }) ? $top->screen : '') =~ /^call (\d+)$/m;
is($looked, $admin->value('SELECT call_id FROM pybox.activity WHERE pid = ' . $before->[1]), 'Down selects the row below');
$top->press('Escape', 'R', 'Enter');
$top->shows(qr/^call $looked$/m, 'the selected row stays selected where it goes');
$top->press('Escape', 'R', 'End', 'Enter');
$top->shows(qr/^call (?!$looked)\d+$/m, 'End selects the last one');
$top->press('Escape', 'Home', 'NPage', 'PPage', 'Up', 'Enter');
$top->shows(qr/^call ${\state_of($first, 'call_id')}$/m, 'Home, pages and Up lead to the first one');
$top->press('Escape', 'f');
$top->type('nothing-like-it');
$top->press('Enter');
$top->shows(qr/^no calls with nothing-like-it$/m, 'f shows what it finds alone');
$top->press('c');
$top->shows(qr/^No call is selected\.$/m, 'without a row there is nothing to cancel');
$top->press('Escape');
ok(poll_until(sub { @{ pids() } == 4 }), 'Esc shows all again');

# --- how often ---
$top->press('+');
$top->shows(qr/^Every 0\.6 seconds\.$/m, '+ refreshes half as often');
$top->press('-');
$top->shows(qr/^Every 0\.3 seconds\.$/m, '- twice as often');

# --- names of strangers ---
$top->press('R');
end_call($_) for $third, $fourth;
$third = call_in('queued', qq{SELECT "$hostile"()});
$fourth = call_in('queued', do { my $sql = qq{SELECT "$wide"()}; utf8::encode($sql); $sql });
$top->shows(qr/public\."e\?\[3/, 'a control character in a name is shown as a question mark');
unlike($top->screen(1) =~ s/.*?public\."e//sr, qr/^\e/, 'and does nothing to the terminal');
{
	my $bytes = 'public."' . substr $wide, 0, 2;
	utf8::encode($bytes);
	$top->shows(qr/\Q$bytes\E~/, 'wide characters are shown');
}

# --- size ---
$top->resize(120, 40);
$top->shows(qr/^CALL +PID STATE .* DATABASE /m, 'a wider terminal shows more columns');
$top->press('R', 'Escape');
keep_screen($top, 'wide');
$top->resize(40, 10);
$top->shows(qr/\Aprod .*\n(?:.*\n){7,}\? help/, 'a small one shows what it can');
is(scalar(grep { length > 80 } split /\n/, $top->screen), 0, 'and no more');
$top->resize(80, 24);
$top->shows(qr/^ *PID STATE /m, 'and again all');

# --- it holds no transaction, and waits for no lock ---
ok($admin->poll("SELECT string_agg(state, ' ') FROM pg_stat_activity WHERE application_name = 'pybox-top'", 'idle'),
	'no transaction is open between two refreshes');
my $locker = PyboxSession->new($node, sql => 'BEGIN');
$locker->value('LOCK TABLE pybox.pools IN ACCESS EXCLUSIVE MODE');
$top->shows(qr/^canceling statement due to (?:lock|statement) timeout\b/m, 'what is locked is said to be so');
$top->shows(qr/^ *${\$first->pid} running /m, 'and the rest is shown');
$locker->value('ROLLBACK');
$top->shows(qr/^web +90 /m, 'when it is free it is shown');

# --- a session of it that is ended, a server that is away ---
$admin->value("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pybox-top'");
ok($admin->poll("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pybox-top'", '1'), 'it connects again');
$_->drop for $first, $second, $third, $fourth, $night, $locker;
$admin->quit;
$node->stop('immediate');
$top->shows(qr/^No connection, trying again: connection to server on socket /m, 'a server that is away is said to be so');
keep_screen($top, 'lost');
$node->start;
$top->shows(qr/^memory .*\n.*POOL/m, 'when it is back it is shown');
$admin = PyboxSession->new($node);

# --- the end: the terminal is as before ---
$top->press('q');
$top->shows(qr/^ended with 0, icanon echo/m, 'q ends it and gives the terminal back');
for my $signal (qw(INT TERM))
{
	$top = PyboxTop->new($node);
	$top->shows(qr/^slots /m, 'it runs');
	if ($signal eq 'INT')
	{
		$top->press('C-c');
	}
	else
	{
		my ($shell) = $top->tmux('display-message', '-p', '#{pane_pid}') =~ /(\d+)/;
		chomp(my $child = `ps -o pid= --ppid $shell`);
		kill 'TERM', $child;
	}
	$top->shows(qr/^ended with \d+, icanon echo/m, "SIG$signal ends it and gives the terminal back");
	$top->press('x', 'Enter');
	$top->shows(qr/^read <x>$/m, 'which works');
}

# --- other terminals ---
$second = call_in('running', qq{SELECT "$hostile"()});
$third = call_in('running', do { my $sql = qq{SELECT "$wide"()}; utf8::encode($sql); $sql });
$top = PyboxTop->new($node, environment => { LANG => 'C', TERM => 'vt100' });
$top->shows(qr/public\."\?\?\?/, 'where there is no UTF-8, question marks stand for what there is not');
unlike($top->screen(1), qr/\e\[(?:\d+;)*3[0-7]/, 'a terminal without colours gets none');
$top->press('q');
$top = PyboxTop->new($node, environment => { NO_COLOR => '1' });
$top->shows(qr/^slots /m, 'with NO_COLOR');
unlike($top->screen(1), qr/\e\[(?:\d+;)*3[0-7]m/, 'there are none, either');
$top->press('q');
$top = PyboxTop->new($node);
$top->shows(qr/^slots /m, 'with colours');
like($top->screen(1), qr/\e\[(?:\d+;)*3[0-7]m/, 'there are some');
$top->press('q');
$top = PyboxTop->new($node, environment => { TERM => 'unheard-of' }, columns => 120);
$top->shows(qr/^pybox-top: a terminal of type "unheard-of" is not known here\. Set TERM, or use --once\.$/m, 'an unknown terminal is said to be so');

# --- rights ---
$first = call_in('queued', 'SELECT train()', role => 'night');
$top = PyboxTop->new($node, arguments => [ '-U', 'night' ]);
$top->shows(qr/ own calls only .*\n(?:.*\n)+ *${\$first->pid} queued .*\n\s*\n/, 'others see their own calls, and that these are all');
$top->press('c');
$top->confirm(qr/^Cancel\? /m, 'y');
is($first->wait->{sqlstate}, '57014', 'and may cancel them');
$top->press('q');
$top = PyboxTop->new($node, arguments => [ '-U', 'monitor' ]);
$top->shows(qr/^ *${\$second->pid} running /m, 'a member of pg_monitor sees the calls of others');
$top->select_call($second->pid);
$top->press('c');
$top->confirm(qr/^Cancel\? /m, 'y');
$top->shows(qr/^Not done: .*(?:permission|must|denied)/m, 'who may see may not act');
is(state_of($second, 'state'), 'running', 'the call goes on');
$top->press('q');

# --- a password ---
{
	my $rules = $node->data_dir . '/pg_hba.conf';
	my $before = slurp_file($rules);
	unlink $rules;
	append_to_file($rules, "local all night scram-sha-256\n$before");
	$admin->value("ALTER ROLE night PASSWORD 'sesame'");
	$node->reload;
	ok($admin->poll("SELECT count(*) FROM pg_hba_file_rules WHERE user_name = '{night}'", 1), 'a role needs a password');
	my ($status, $out, $err) = run_top({}, '--once', '-w', '-U', 'night', $connection);
	is($status, 1, 'without one');
	like($err, qr/no password supplied$/, 'it says so');
	$top = PyboxTop->new($node, arguments => [ '-U', 'night' ]);
	$top->shows(qr/^Password:$/m, 'it asks for the password');
	$top->type('sesame');
	$top->press('Enter');
	$top->shows(qr/ as night /, 'and takes it');
	$admin->value("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pybox-top' AND usename = 'night'");
	ok($admin->poll("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pybox-top' AND usename = 'night'", 1), 'for further connections, too');
	$top->press('q');
	$top->shows(qr/^ended with 0/m, 'it ends');
	unlike($top->screen, qr/sesame/, 'the password was never shown');
}

# --- once ---
{
	my ($status, $out, $err) = run_top({ COLUMNS => 200, LANG => 'C.UTF-8' }, '--once', $connection);
	is($status, 0, '--once');
	is($err, '', 'says nothing else');
	like($out, qr/^slots 2 of 2 .*\n.*\nPOOL .*\nweb .*\netl .*\nnight .*\nCALL .*\n(?:\d+ .*\n){2} *PID POOL .*\n(?: *\d+ .*\n)+EVENT /m, 'prints everything as text');
	unlike($out, qr/[^\n\x20-\x7e\x80-\xff]/, 'without control characters');

	($status, $out, $err) = run_top({}, '--once', '--json', '-d', $connection);
	my $all = eval { JSON::PP->new->utf8->decode($out) } // {};
	is($status, 0, '--once --json');
	is_deeply([ sort keys %$all ], [ sort qw(server node pools calls interpreters events faults) ], 'is JSON of these parts');
	is_deeply($all->{faults}, {}, 'of which none was at fault');
	is_deeply([ map { $_->{pool} } @{ $all->{pools} } ], [qw(web etl night)], 'the pools');
	is_deeply([ sort map { $_->{function} } @{ $all->{calls} } ], [ sort qq{public."$hostile"()}, qq{public."$wide"()} ], 'the calls, by names as they are');
	is_deeply([ sort map { $_->{call_id} } @{ $all->{calls} } ], [ split /\n/, $admin->value('SELECT call_id FROM pybox.activity ORDER BY call_id::text COLLATE "C"') ], 'ids as strings');
	is($all->{node}{slots}, 2, 'the node');
	is($all->{server}{sees_all}, JSON::PP::true, 'and who asked');
}

# --- words for what goes wrong ---
$node->safe_psql('postgres', 'CREATE DATABASE old');
$node->safe_psql('old', "CREATE EXTENSION pybox VERSION '1.1'");
my @faults = (
	[ [ '-d', $node->connstr('bare') ], 1, qr/^pybox-top: Database "bare" has no extension pybox\. Name one that has it with -d, or run CREATE EXTENSION pybox there\.$/ ],
	[ [ '-d', $node->connstr('old') ], 1, qr/^pybox-top: Database "old" has extension pybox 1\.1, and pybox-top needs 1\.2\. Run ALTER EXTENSION pybox UPDATE there\.$/ ],
	[ [ '-d', $node->connstr('none') ], 1, qr/^pybox-top: connection to server on socket .* failed: FATAL:  database "none" does not exist$/ ],
	[ [ '-h', '/nowhere' ], 1, qr/^pybox-top: connection to server on socket "\/nowhere\// ],
	[ [ '-d', $connection, '-U', 'nobody at all' ], 1, qr/role "nobody at all" does not exist$/ ],
	[ [ $connection ], 1, qr/^pybox-top: standard input and output are not a terminal\. Use --once or --json\.$/ ],
	[ [ '--interval', '0.1' ], 2, qr/^pybox-top: an interval is 0\.2 to 3600 seconds, not 0\.1$/m ],
	[ ['--nonsense'], 2, qr/^pybox-top: unknown option, or one without its value: --nonsense$/m ],
	[ [qw(one two three)], 2, qr/^pybox-top: one argument too many: three$/m ],
);
for (@faults)
{
	my ($arguments, $wanted, $words) = @$_;
	my ($status, $out, $err) = run_top({}, ('--once') x ($arguments->[0] ne $connection), @$arguments);
	is($status, $wanted, "exit status of @$arguments");
	like($err, $words, 'and its words');
	is($out, '', 'and nothing else');
}

# --- the documentation ---
my $manual = slurp_file("$ENV{TESTDIR}/../ops/top.md");
my ($status, $help) = run_top({}, '--help');
is($status, 0, '--help');
like($manual, qr/^```\n\Q$help\E```$/m, 'ops/top.md has it');
like((run_top({}, '-V'))[1], qr/^pybox-top \d+\.\d+$/, '--version');
$top = PyboxTop->new($node, rows => 60);
$top->shows(qr/^slots /m, 'a long terminal');
$top->press('?');
$top->shows(qr/^Keys$/m, 'shows all keys');
my %keys = $top->screen =~ /^  (\S+) +(\S.*\S)$/mg;
my ($section) = $manual =~ /^## Keys$(.*?)^## /ms;
my %written = $section =~ /^\| `(\S+)` \| (.*) \|$/mg;
cmp_ok(scalar keys %keys, '>', 20, 'there are many');
is_deeply(\%written, \%keys, 'ops/top.md has the same ones, with the same words');
for my $name (qw(overview details help pools interpreters events confirm wide lost))
{
	my ($drawn) = $manual =~ /^<!-- screen $name -->\n```\n(.*?)^```$/ms;
	ok(defined $drawn, "ops/top.md has the screen $name");
	next if !defined $drawn || $name =~ /^(?:lost|details|confirm)$/;
	$top->resize($name eq 'wide' ? (120, 40) : (80, 24));
	$top->press($name eq 'pools' ? '2' : $name eq 'interpreters' ? '3' : $name eq 'events' ? '4' : $name eq 'help' ? '?' : '1');
	my @titles = grep { /^ *(?:CALL|PID|POOL|AGO|Keys)\b.*$/ } split /\n/, $drawn;
	$top->shows(qr/^${\($titles[0] =~ s{\s+}{\\s+}gr)}\s*$/m, 'with the columns of today') if ok(@titles > 0, 'a screen');
}

$top->quit;
end_call($_) for $second, $third;
$_->quit for $first, $admin;
$node->stop;
done_testing();
