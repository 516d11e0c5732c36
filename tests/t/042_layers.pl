# Every layer of the sandbox taken away in turn: who requires it refuses trusted calls and says why.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PyboxSession;
use PyboxTest;
use Test::More;

my $node = new_node('landlock', without => 'landlock');
$node->safe_psql('postgres', "CREATE EXTENSION pybox; SET check_function_bodies = off;
	CREATE FUNCTION one() RETURNS int LANGUAGE pybox AS 'return 1'");
my $answer = PyboxSession->new($node)->ask('SELECT one()');
is($answer->{sqlstate}, '55000', 'landlock');
$node->stop;
set_without($node, '');
$node->start;
is($node->safe_psql('postgres', 'SELECT one()'), 1, 'landlock is back');
$node->stop;
done_testing();
