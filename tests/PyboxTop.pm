# pybox-top in a terminal of its own: tmux types the keys and tells what stands on the screen.
package PyboxTop;

use strict;
use warnings;
use PostgreSQL::Test::Utils;
use PyboxTest;
use Test::More;

my $turn = 0;

# Options: rows, columns, environment => { TERM and the like }, arguments => of pybox-top. The database is postgres.
sub new
{
	my ($class, $node, %option) = @_;
	my $self = bless { node => $node, socket => PostgreSQL::Test::Utils::tempdir_short() . '/tmux' . $turn++ }, $class;
	my %environment = (LANG => 'C.UTF-8', TERM => 'screen-256color', %{ $option{environment} // {} });
	my @program = ($node->installed_command('pybox-top'), '-d', $node->connstr('postgres'), @{ $option{arguments} // ['-i', '0.3'] });
	my $script = PostgreSQL::Test::Utils::tempdir() . '/top.sh';

	# The shell goes on after it, so that what it leaves of the terminal can be seen, and how it ended.
	append_to_file($script, "trap : INT\n" . join(' ', map { s/'/'\\''/gr =~ s/^|$/'/gr } 'env', '-u', 'PGAPPNAME', map({ "$_=$environment{$_}" } sort keys %environment), @program)
		. qq(\necho "ended with \$?, \$(stty -a | grep -oE -- '-?(echo|icanon)\\b' | tr '\\n' ' ')"\nread line\necho "read <\$line>"\nsleep 1000\n));
	$self->tmux('new-session', '-d', '-x', $option{columns} // 80, '-y', $option{rows} // 24, "sh $script");
	return $self;
}

sub tmux
{
	my ($self, @command) = @_;
	return scalar `@{[ join ' ', map { s/'/'\\''/gr =~ s/^|$/'/gr } 'tmux', '-S', $self->{socket}, '-f', '/dev/null', @command ]} 2>&1`;
}

# What stands there, as lines; with colours and the like as escape sequences if asked for.
sub screen { my ($self, $how) = @_; return $self->tmux('capture-pane', '-p', $how ? '-e' : ()); }
sub line { my ($self, $number) = @_; return (split /\n/, $self->screen, -1)[$number]; }

# Keys by tmux's names: Enter, Down, PPage, or characters.
sub press { my ($self, @keys) = @_; $self->tmux('send-keys', '--', @keys); return; }
sub type { my ($self, $text) = @_; $self->tmux('send-keys', '-l', '--', $text); return; }
sub resize { my ($self, $columns, $rows) = @_; $self->tmux('resize-window', '-x', $columns, '-y', $rows); return; }

# Waits until the screen matches; else says what stands there.
sub shows
{
	my ($self, $pattern, $name) = @_;
	my $screen = '';

	return ok(1, $name) if poll_until(sub { ($screen = $self->screen) =~ $pattern });
	ok(0, $name);
	diag("wanted $pattern, and there stands:\n$screen");
	return 0;
}

# The call of a backend alone: what keys then act on.
sub select_call
{
	my ($self, $pid) = @_;

	$self->press('1', 'f');
	$self->tmux('send-keys', ('BSpace') x 30);
	$self->type("pid=$pid");
	$self->press('Enter');
	return $self->shows(qr/FUNCTION.*\n\s*$pid .*\n(?:\s*\n)*\s*AGO/, "the call of backend $pid is selected");
}

# The question that a key asks, and its answer.
sub confirm
{
	my ($self, $question, $answer) = @_;

	$self->shows($question, "it asks: $question");
	$self->press($answer);
	return;
}

sub quit
{
	my ($self) = @_;
	$self->tmux('kill-server');
	return;
}

sub DESTROY { my ($self) = @_; local ($?, $!, $@); $self->quit; return; }

1;
