# A cluster of Debian's as a service of systemd: first as it comes, then with the drop-in that the README tells.
use strict;
use warnings;
use JSON::PP;
use Test::More;
use Time::HiRes ();

my ($version, $cluster, $port) = (15, 'pyboxvm', 54999);
my $unit = "postgresql\@$version-$cluster.service";
my $group = "/sys/fs/cgroup/system.slice/system-postgresql.slice/$unit";

sub run
{
	my ($command) = @_;
	my $output = qx{($command) 2>&1};
	return wantarray ? ($? >> 8, $output) : $output;
}

sub works
{
	my ($command, $name) = @_;
	my ($status, $output) = run($command);
	is($status, 0, $name) or diag($output);
	return;
}

sub sql
{
	my ($statement) = @_;
	open my $psql, '|-', "setpriv --reuid=postgres --regid=postgres --init-groups psql -XAtq -v VERBOSITY=verbose -p $port postgres >/tmp/service.out 2>&1"
	  or die $!;
	print $psql $statement;
	close $psql;
	return text('/tmp/service.out');
}

sub text
{
	my ($path) = @_;
	open my $file, '<', $path or return '';
	local $/;
	return scalar readline $file;
}

my $in_force = "SELECT string_agg(layer, ' ' ORDER BY layer) FROM pybox.protection WHERE language = 'pybox' AND layer IN
	('cgroup_cpu', 'cgroup_memory', 'cgroup_pids') AND in_force";

is(text('/proc/1/comm'), "systemd\n", 'systemd is the first process');
unlike(text('/proc/mounts'), qr/ cgroup /, 'cgroup version 2 alone');
works("install -d -o postgres -g postgres /run/postgresql && pg_createcluster $version $cluster -p $port", 'a cluster');
open my $conf, '>>', "/etc/postgresql/$version/$cluster/postgresql.conf" or die $!;
print $conf "shared_preload_libraries = 'pybox'\npybox.cgroup = 'auto'\n";
close $conf;

# --- as it comes ---
works("systemctl daemon-reload && systemctl start $unit", 'started');
sql(q{CREATE EXTENSION pybox; CREATE FUNCTION take(megabytes int) RETURNS int LANGUAGE pybox AS 'return len(bytearray(megabytes << 20)) >> 20'});
is(sql('SELECT take(1)'), "1\n", 'without delegation: calls work');
is(sql($in_force), "\n", 'without delegation: no cgroup is in force');
like(sql("SELECT DISTINCT reason FROM pybox.protection WHERE layer = 'cgroup_memory'"), qr{\Q$unit\E: Permission denied},
	'without delegation: the reason');

# --- with what the doctor prints ---
chomp(my $bindir = run('pg_config --bindir'));
my $doctor = "$bindir/pybox doctor --unit $unit --json";
my %found = map { $_->{name} => $_ } @{ decode_json(scalar run($doctor))->{findings} };
is($found{cgroup_memory}{cause}, 'cgroup_unit', 'the doctor knows the cause');
works("export PGPORT=$port; set -e\n$found{cgroup_memory}{mend}\n", 'its commands, as they are printed');
is(sql('SELECT take(1)'), "1\n", 'the doctor: calls work');
is(sql($in_force), "cgroup_cpu cgroup_memory cgroup_pids\n", 'the doctor: all cgroups are in force');
my ($status, $json) = run($doctor);
is($status, 0, 'the doctor is content');
is(join(' ', map { $_->{works} ? () : $_->{name} } @{ decode_json($json)->{findings} }), '', 'the doctor: nothing is missing');
is(sql('SELECT take(1)'), "1\n", 'the doctor does not disturb the server');
works("rm -r /etc/systemd/system/$unit.d && systemctl daemon-reload && systemctl stop $unit", 'and back');

# --- with the README's drop-in ---
my ($drop_in) = text('README.md') =~ /^```ini\n(\[Service\]\n.*?)^```$/ms or die 'the README has no drop-in';
mkdir "/etc/systemd/system/$unit.d" or die $!;
open my $file, '>', "/etc/systemd/system/$unit.d/override.conf" or die $!;
print $file $drop_in;
close $file;
works("systemctl daemon-reload && systemctl restart $unit", 'restarted');
is(sql('SELECT take(1)'), "1\n", 'with delegation: calls work');
is(sql($in_force), "cgroup_cpu cgroup_memory cgroup_pids\n", 'with delegation: all cgroups are in force');
is(text("$group/cgroup.procs"), '', 'with delegation: nothing lives in the delegated group');
my $main = run("systemctl show -P MainPID $unit") + 0;
like(text("/proc/$main/cgroup"), qr{/\Q$unit\E/server$}m, 'with delegation: the server lives in its child');
like(sql('SELECT take(3000)'), qr/53200/, 'with delegation: the memory cap holds');
is(sql('SELECT take(1)'), "1\n", 'with delegation: and the next call works');

# --- what an administrator does meanwhile ---
works('systemctl daemon-reload', 'daemon-reload');
like(text("$group/cgroup.subtree_control"), qr/\bmemory\b/, 'daemon-reload leaves the controllers');
like(sql('SELECT take(3000)'), qr/53200/, 'daemon-reload: the memory cap holds');
works("systemctl reload $unit", 'reload');
is(sql('SELECT take(1)'), "1\n", 'reload: calls work');
works("systemctl restart $unit", 'restart');
is(sql($in_force =~ s/^/SELECT take(1); /r), "1\ncgroup_cpu cgroup_memory cgroup_pids\n", 'restart: all cgroups are in force')
  or diag(sql("SELECT DISTINCT reason FROM pybox.protection WHERE layer = 'cgroup_memory'"),
	text("$group/cgroup.procs"), run("tail -n 30 /var/log/postgresql/postgresql-$version-$cluster.log"));
works("systemctl stop $unit", 'stop');
is(run('pgrep -c pybox-'), "0\n", 'stop: no process is left');
ok(!-e $group, 'stop: no group is left');

done_testing();
