# pybox doctor: without a layer it says so, why, and what mends it; where that can be done here, it is done, and helps.
use strict;
use warnings;
use File::Basename qw(dirname);
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PyboxTest;
use Test::More;

my $without = dirname(__FILE__) . '/../../build/without';
chomp(my $bindir = `pg_config --bindir`);
our $doctor = "$bindir/pybox";
my $work = PostgreSQL::Test::Utils::tempdir_short();
chmod 0755, $work;

# Exit status and findings by name of `pybox doctor --json`, run by a command in front and with further options.
sub examine
{
	my ($front, @options) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ @$front, $doctor, 'doctor', '--json', @options ], '>', \$out, '2>', \$err);
	my $status = $? >> 8;
	my $answer = eval { decode_json($out) } or diag("status $status: $out$err");
	return ($status, { map { $_->{name} => $_ } @{ $answer->{findings} } }, $answer);
}

# Commands are run as they are printed.
sub mend { my ($commands) = @_; return run_log([ 'sh', '-ec', "PATH=\$PATH:/usr/sbin:/sbin\n$commands" ]); }

# A delegated cgroup's folders: one for each controller, or one for all.
sub folders_of { my ($cgroup) = @_; return grep { -d } glob "/sys/fs/cgroup$cgroup /sys/fs/cgroup/*$cgroup"; }

sub missing { my ($findings) = @_; return join ' ', sort grep { !$findings->{$_}{works} } keys %$findings; }

# --- all is there ---
my ($status, $found, $answer) = examine([], '--cgroup', $ENV{PYBOX_TEST_CGROUP} // '');
my $no_cgroup = need(($ENV{PYBOX_TEST_CGROUP} // '') ne '', 'a cgroup') ? '' : 'cgroup_cpu cgroup_memory cgroup_pids';
is($status, 0, 'all is there: exit status');
is(missing($found), $no_cgroup, 'all is there');
like($found->{landlock}{detail}, qr/^rights of version [1-9]/, 'which Landlock');
like($found->{seccomp}{detail}, qr/^[1-9]\d+ instructions for pybox, [1-9]\d+ for pyboxu$/, 'how long the filters are');
like($found->{cgroup_memory}{detail}, qr/^v[12], \Q$ENV{PYBOX_TEST_CGROUP}\E$/, 'which cgroup') unless $no_cgroup;
note("tried in $answer->{milliseconds} ms");
like(slurp_output($doctor, 'doctor'), qr/^layer .*\nuser_namespace +yes .*\nTried as user .*: all that the policy requires is there\.\n\z/s, 'as text');

sub slurp_output { my @command = @_; my $out = ''; IPC::Run::run(\@command, '>', \$out); return $out; }

# --- a layer is missing ---
my $namespaces = 'cgroup_namespace ipc_namespace mount_namespace net_namespace pid_namespace root user_namespace uts_namespace';
my %missing = (
	user_namespace => $namespaces,
	mount_namespace => 'mount_namespace root',
	(map { $_ => $_ } qw(pid_namespace ipc_namespace uts_namespace net_namespace root capabilities rlimits landlock seccomp)),
	no_new_privs => 'landlock no_new_privs seccomp',
	mounts => 'mount_namespace root');
for my $layer (sort keys %missing)
{
	my ($name) = split / /, $missing{$layer};
	$name = $layer if $missing{$layer} =~ /\b$layer\b/;

	($status, $found) = examine([ $without, $layer ], '--cgroup', $ENV{PYBOX_TEST_CGROUP} // '');
	is($status, 1, "without $layer: exit status");
	is(missing($found), join(' ', sort split(/ /, $missing{$layer}), split(/ /, $no_cgroup)), "without $layer: what is missing");
	is($found->{$name}{cause}, 'filter', "without $layer: the cause");
	like($found->{$name}{mend}, qr/^docker run --security-opt seccomp=/, "without $layer: the command");
}
($status, $found) = examine([ $without, 'cgroup_namespace' ]);
is($status, 0, 'a layer is missing that nobody requires: exit status');
ok(!$found->{cgroup_namespace}{works}, 'and it is told');

# --- causes, made by root of a user namespace: real ones, or what shows them put in their place ---
# Of each: the layer that is taken away besides, what is done before, the layer asked for, and its command, where that
# cannot be run here; else it is, and nothing is missing any more.
my $kernel = 'mount -t tmpfs none /proc/sys/kernel && echo';
my $chroot = 'mount -t tmpfs none /mnt && cd /mnt && mkdir -p root/tmp root/proc root/usr root/etc && cd root'
  . ' && for f in bin lib lib64; do [ ! -e /$f ] || ln -s usr/$f $f; done'
  . ' && for f in proc usr etc; do mount --rbind /$f $f; done && run="chroot . $run"';
my $version_2 = 'file=$(sed -n "s|^[^ ]* \([^ ]*\) cgroup2 .*|\1/cgroup.controllers|p" /proc/mounts | head -n 1)'
  . ' && echo cpu memory pids >"$work/controllers" && mount --bind "$work/controllers" "$file"';
my @causes = (
	[ 'userns_max', '', 'echo 0 >/proc/sys/user/max_user_namespaces', 'user_namespace' ],
	[ 'userns_clone', 'user_namespace', "$kernel 0 >/proc/sys/kernel/unprivileged_userns_clone", 'user_namespace' ],
	[ 'userns_apparmor', 'user_namespace', "$kernel 1 >/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 'user_namespace',
		qr{^profile pybox \Q$bindir\E/pybox\{,-launcher\} flags=\(unconfined\) \{\n  userns,\n\}\nEND\napparmor_parser -r /etc/apparmor.d/pybox$}m ],
	[ 'landlock_off', 'landlock', 'mount -t tmpfs none /sys/kernel && mkdir /sys/kernel/security && echo capability,yama >/sys/kernel/security/lsm',
		'landlock', qr{^sed -i .*lsm=landlock,capability,yama .*/etc/default/grub\nupdate-grub && reboot$} ],
	[ 'cgroup_unit', '', "$version_2 && run=\"\$run --unit postgresql\@15-main.service\"", 'cgroup_memory',
		qr{^Delegate=memory pids cpu\nExecStartPre=\+/bin/sh -c 'cd /sys/fs/cgroup\S*/system\.slice/system-postgresql\.slice/postgresql\@15-main\.service && chown root \. cgroup\.procs cgroup\.subtree_control cgroup\.threads'\nEND\n.*'auto'.*\nsystemctl daemon-reload && systemctl restart 'postgresql\@15-main'$}m ],
	[ 'cgroup_v2_folder', '', "$version_2 && run=\"\$run --cgroup /pybox\"", 'cgroup_cpu',
		qr{^c='/sys/fs/cgroup.*/pybox' && mkdir -p "\$c"\n.*cgroup\.subtree_control"\nchown root "\$c"}s ],
	[ 'chroot', '', $chroot, 'user_namespace', qr/^systemd-nspawn / ]);

# As root of namespaces of its own. What takes a layer away besides would take it away again: the mended is run without.
sub examine_as_root
{
	my ($layers, $prepare, $layer, $mends) = @_;
	my $script = <<~'SHELL';
		PATH=$PATH:/usr/sbin:/sbin work=$1 layers=$2 prepare=$3 layer=$4 mends=$5 run="$6 doctor --json --user root"
		eval "$prepare" || exit 99
		${layers:+"$7" "$layers"} $run >"$work/before"
		echo $? >>"$work/before"
		[ -n "$mends" ] || exit 0
		eval "$(sed -n "s/.*\"name\": \"$layer\".*\"mend\": \"\(.*\)\"}.*/\1/p" "$work/before" | sed "s|\\\\u000a|\n|g; s|/etc/sysctl.d|$work|")"
		$run >/dev/null
		echo $? >"$work/after"
		SHELL
	unlink "$work/before", "$work/after";
	run_log([ 'unshare', '--map-root-user', '--mount', 'sh', '-c', $script, '-', $work, $layers, $prepare, $layer, $mends, $doctor, $without ])
	  or diag('it did not run');
	my ($json, $status) = slurp_file("$work/before") =~ /\A(.*\n)(\d+)\n\z/s;
	return ($status, map { $_->{name} => $_ } @{ decode_json($json)->{findings} });
}

my %mend_of;
for my $row (@causes)
{
	my ($cause, $layers, $prepare, $layer, $command) = @$row;
	my ($status, %found) = examine_as_root($layers, $prepare, $layer, defined $command ? '' : 'yes');

	is($status, $layer =~ /^cgroup/ ? 0 : 1, "$cause: exit status");
	is($found{$layer}{cause}, $cause, "$cause: recognised") or diag(explain($found{$layer}));
	like($found{$layer}{mend}, $command, "$cause: the command") if defined $command;
	$mend_of{$cause} = $found{$layer}{mend};
	is(slurp_file("$work/after"), "0\n", "$cause: the command was run, and it is mended") unless defined $command;
}

# The kernel's command line, in a copy of its file.
append_to_file("$work/grub", qq(GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX="quiet"\n));
my ($edit) = $mend_of{landlock_off} =~ /\A(.*)\n/;
ok(mend($edit =~ s{/etc/default/grub}{$work/grub}r), 'landlock_off: the first command');
is(slurp_file("$work/grub"), qq(GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX="lsm=landlock,capability,yama quiet"\n), 'landlock_off: what it does');

# --- cgroups: the commands are run here and now ---
my $top = $ENV{PYBOX_TEST_CGROUP} // '';
if ($no_cgroup eq '')
{
	my $policy = "$work/policy.yaml";
	append_to_file($policy, "version: 1\nrequire: [cgroup_memory, cgroup_pids, cgroup_cpu]\npools: {standard: {}}\n");
	chmod 0600, $policy;
	($status, $found) = examine([], '--policy', $policy);
	is($status, 1, 'no cgroup named: exit status');
	is($found->{cgroup_memory}{cause}, 'cgroup_unnamed', 'no cgroup named: cause');
	like($found->{cgroup_memory}{mend}, qr{^\Q$doctor\E doctor --cgroup /pybox .*--unit .*\n.*ALTER SYSTEM SET pybox.cgroup = '/pybox'}, 'no cgroup named: command');
	($status, $found) = examine([], '--policy', $policy, '--cgroup', "$top/doctor");
	is($status, 1, 'no such cgroup: exit status');
	like($found->{cgroup_memory}{cause}, qr/^cgroup_v[12]_folder$/, 'no such cgroup: cause');
	is($found->{cgroup_cpu}{mend}, $found->{cgroup_memory}{mend}, 'no such cgroup: one command for all');
	ok(mend($found->{cgroup_memory}{mend}), 'no such cgroup: the command works');
	($status, $found) = examine([], '--policy', $policy, '--cgroup', "$top/doctor");
	is($status, 0, 'no such cgroup: and mends it') or diag(explain($found));
	is(missing($found), '', 'no such cgroup: nothing is missing any more');
	is_deeply([ grep { -d } map { glob "$_/pools $_/claim" } folders_of("$top/doctor") ], [], 'and the doctor leaves nothing in it');
}

# --- Python ---
my $policy = "$work/python.yaml";
append_to_file($policy, "version: 1\npools: {standard: {preload: [json, no_such_module.part], packages: [$work/packages]}}\n");
chmod 0600, $policy;
($status, $found) = examine([], '--policy', $policy);
is($status, 1, 'Python: exit status');
is(missing($found) =~ s/cgroup_\w+ //gr, "module no_such_module.part package $work/packages", 'Python: what is missing');
is($found->{'module no_such_module.part'}{mend}, 'apt-get install python3-no_such_module', 'Python: a module');
ok(mend($found->{"package $work/packages"}{mend}), 'Python: packages, mended');
($status, $found) = examine([], '--policy', $policy);
ok($found->{"package $work/packages"}{works}, 'Python: packages');
mkdir "$work/bin" or die "$work/bin: $!";
system_or_bail('cp', $doctor, "$work/bin");
{
	local $doctor = "$work/bin/pybox";
	($status, $found) = examine([]);
}
is($status, 1, 'no interpreter: exit status');
is($found->{root}{cause}, 'interpreter', 'no interpreter: cause');
ok(!$found->{interpreter}{works}, 'no interpreter: told');

# --- usage ---
for my $usage ([ 'doctor', '--nonsense' ], [ 'doctor', '--cgroup', 'auto' ], [], ['dentist'], [ 'doctor', 'twice' ], [ 'doctor', '--user', 'nobody at all' ])
{
	command_exit_is([ $doctor, @$usage ], 2, "usage: @$usage");
}
command_like([ $doctor, '--help' ], qr/^pybox tells whether .*\nUsage:\n  pybox doctor \[OPTION\]/s, '--help');
command_exit_is([ $doctor, 'doctor', '--policy', '/nonexistent' ], 1, 'a policy that is not there');
done_testing();
