/*
 * launcher_cause.c - the table of what stands in the way of layers: how it is recognised, and what mends it.
 *
 * DESIGN. The probes say that a layer does not work; a row says why, when what it reads (a sysctl, the list of security
 * modules, the mounts) shows its cause to be there. The first row that applies is told, so that the certain come before the
 * likely. Runs in the launcher and in `pybox doctor`, as the server's user.
 */
#include "sandbox/launcher_cause.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/launcher_machine.h"
#include "sandbox/launcher_probe.h"

#define BIT(layer) LAYER_BIT(LAYER_##layer)
#define NAMESPACES                                                                                                     \
	(BIT(MOUNT_NAMESPACE) | BIT(PID_NAMESPACE) | BIT(IPC_NAMESPACE) | BIT(UTS_NAMESPACE) | BIT(NET_NAMESPACE) |        \
	 BIT(CGROUP_NAMESPACE) | BIT(ROOT))
#define CGROUPS (BIT(CGROUP_MEMORY) | BIT(CGROUP_PIDS) | BIT(CGROUP_CPU))
#define ANY 0

#define SYSCTL_CLONE "/proc/sys/kernel/unprivileged_userns_clone"
#define SYSCTL_APPARMOR "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
#define SYSCTL_MAX "/proc/sys/user/max_user_namespaces"

static bool
cause_user_namespace(const Launcher *launcher, int layer, const LauncherCauseFor *what)
{
	(void) layer, (void) what;
	return launcher->layer_errors[LAYER_USER_NAMESPACE] != 0;
}

static bool
cause_clone(const Launcher *launcher, int layer, const LauncherCauseFor *what)
{
	(void) launcher, (void) layer, (void) what;
	return machine_number(SYSCTL_CLONE) == 0;
}

static bool
cause_max(const Launcher *launcher, int layer, const LauncherCauseFor *what)
{
	(void) layer, (void) what;
	return machine_number(SYSCTL_MAX) == 0 || launcher->layer_errors[LAYER_USER_NAMESPACE] == ENOSPC;
}

static bool
cause_apparmor_userns(const Launcher *launcher, int layer, const LauncherCauseFor *what)
{
	(void) launcher, (void) layer, (void) what;
	return machine_number(SYSCTL_APPARMOR) > 0;
}

static bool
cause_apparmor_profile(const Launcher *launcher, int layer, const LauncherCauseFor *what)
{
	(void) launcher, (void) layer, (void) what;
	return machine_is_enforced("/proc/self/attr/current");
}

static bool
cause_no_user_namespaces(const Launcher *launcher, int layer, const LauncherCauseFor *what)
{
	(void) launcher, (void) layer, (void) what;
	return access("/proc/self/ns/user", F_OK) < 0;
}

static bool
cause_chroot(const Launcher *launcher, int layer, const LauncherCauseFor *what)
{
	(void) launcher, (void) layer, (void) what;
	return !machine_is_mounted("/");
}

static bool
cause_filter(const Launcher *launcher, int layer, const LauncherCauseFor *what)
{
	(void) launcher, (void) layer, (void) what;
	return machine_has_filter();
}

static bool
cause_interpreter(const Launcher *launcher, int layer, const LauncherCauseFor *what)
{
	(void) layer, (void) what;
	return access(launcher->interpreter_path, X_OK) < 0;
}

static bool
cause_landlock_off(const Launcher *launcher, int layer, const LauncherCauseFor *what)
{
	char modules[MACHINE_TEXT_SIZE];

	(void) launcher, (void) layer, (void) what;
	return machine_text("/sys/kernel/security/lsm", modules, sizeof(modules)) && strstr(modules, "landlock") == NULL;
}

static bool
cause_cgroup_unnamed(const Launcher *launcher, int layer, const LauncherCauseFor *what)
{
	(void) layer, (void) what;
	return launcher->cgroup.name[0] == '\0';
}

static bool
cause_cgroup_disabled(const Launcher *launcher, int layer, const LauncherCauseFor *what)
{
	(void) launcher, (void) layer, (void) what;
	return machine_cgroup_version() == 0;
}

static bool
cause_cgroup_v1(const Launcher *launcher, int layer, const LauncherCauseFor *what)
{
	(void) launcher, (void) layer, (void) what;
	return machine_cgroup_version() == 1;
}

/* The group is there and takes limits, but the server does not run below it, so that nobody may move in. */
static bool
cause_cgroup_outside(const Launcher *launcher, int layer, const LauncherCauseFor *what)
{
	(void) what;
	return machine_cgroup_version() == 2 && (launcher->cgroup.layers & LAYER_BIT(layer)) != 0;
}

static bool
cause_cgroup_unit(const Launcher *launcher, int layer, const LauncherCauseFor *what)
{
	(void) launcher, (void) layer;
	return machine_cgroup_version() == 2 && what != NULL && what->unit != NULL;
}

static bool
cause_cgroup_v2(const Launcher *launcher, int layer, const LauncherCauseFor *what)
{
	(void) launcher, (void) layer, (void) what;
	return machine_cgroup_version() == 2;
}

static bool
cause_always(const Launcher *launcher, int layer, const LauncherCauseFor *what)
{
	(void) launcher, (void) layer, (void) what;
	return true;
}

#define SETTING(name, value) "sysctl -w " name "=" value "\necho '" name " = " value "' >/etc/sysctl.d/60-pybox.conf"

/* Debian's service has no User=: systemd leaves the group that it delegates to root. */
#define UNIT_DROP_IN                                                                                                   \
	"mkdir -p '/etc/systemd/system/@UNIT@.service.d'\n"                                                                \
	"cat >'/etc/systemd/system/@UNIT@.service.d/pybox.conf' <<'END'\n"                                                 \
	"[Service]\n"                                                                                                      \
	"Delegate=memory pids cpu\n"                                                                                       \
	"ExecStartPre=+/bin/sh -c 'cd @MOUNT@@CGROUP@ && "                                                                 \
	"chown @USER@ . cgroup.procs cgroup.subtree_control cgroup.threads'\n"                                             \
	"END\n"                                                                                                            \
	"su @USER@ -c \"psql -c \\\"ALTER SYSTEM SET pybox.cgroup = 'auto'\\\"\"\n"                                        \
	"systemctl daemon-reload && systemctl restart '@UNIT@'"

#define FOLDER_V2                                                                                                      \
	"c='@MOUNT@@CGROUP@' && mkdir -p \"$c\"\n"                                                                         \
	"echo '+cpu +memory +pids' >\"$(dirname \"$c\")/cgroup.subtree_control\"\n"                                        \
	"chown @USER@ \"$c\" \"$c/cgroup.procs\" \"$c/cgroup.subtree_control\" \"$c/cgroup.threads\"\n"                    \
	"echo $$ >\"$c/cgroup.procs\"  # in the shell that starts the server, before it does"

#define APPARMOR_PROFILE                                                                                               \
	"cat >/etc/apparmor.d/pybox <<'END'\n"                                                                             \
	"abi <abi/4.0>,\n"                                                                                                 \
	"include <tunables/global>\n"                                                                                      \
	"profile pybox @FOLDER@/pybox{,-launcher} flags=(unconfined) {\n"                                                  \
	"  userns,\n"                                                                                                      \
	"}\n"                                                                                                              \
	"END\n"                                                                                                            \
	"apparmor_parser -r /etc/apparmor.d/pybox"

static const LauncherCause causes[] = {
	{"not_held", ~0U, PROBE_NOT_HELD, cause_always,
	 "the kernel grants it, but what it should forbid works: a filter or security module around the server stands in",
	 NULL},
	{"userns_clone", BIT(USER_NAMESPACE), ANY, cause_clone, "@ERROR@: sysctl kernel.unprivileged_userns_clone is 0",
	 SETTING("kernel.unprivileged_userns_clone", "1")},
	{"userns_max", BIT(USER_NAMESPACE), ANY, cause_max, "@ERROR@: sysctl user.max_user_namespaces is used up",
	 SETTING("user.max_user_namespaces", "16384")},
	{"userns_apparmor", BIT(USER_NAMESPACE), ANY, cause_apparmor_userns,
	 "@ERROR@: sysctl kernel.apparmor_restrict_unprivileged_userns is 1, and no profile lets pybox have them",
	 APPARMOR_PROFILE},
	{"userns_kernel", BIT(USER_NAMESPACE), ANY, cause_no_user_namespaces,
	 "@ERROR@: the kernel was built without CONFIG_USER_NS", "apt-get install linux-image-amd64 && reboot"},
	{"chroot", BIT(USER_NAMESPACE), EPERM, cause_chroot, "@ERROR@: the server runs in a chroot, where there are none",
	 "systemd-nspawn -D FOLDER COMMAND  # in place of: chroot FOLDER COMMAND"},
	{"needs_user_namespace", NAMESPACES, ANY, cause_user_namespace, "needs user_namespace", NULL},
	{"interpreter", BIT(ROOT), ANY, cause_interpreter, "@ERROR@: @INTERPRETER@ is missing or not executable",
	 "make install  # of pybox\nchmod 755 '@INTERPRETER@'"},
	{"landlock_off", BIT(LANDLOCK), ANY, cause_landlock_off,
	 "@ERROR@: Landlock is not among the kernel's security modules (lsm=)",
	 "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&lsm=landlock,@MODULES@ /' /etc/default/grub\nupdate-grub && reboot"},
	{"filter", ~CGROUPS, ANY, cause_filter,
	 "@ERROR@: a seccomp filter around the server, most likely a container's, refuses it",
	 "docker run --security-opt seccomp=unconfined ...  # or a profile that lets unshare, mount, mount_setattr, "
	 "umount2, "
	 "pivot_root, sethostname, capset, seccomp and landlock_* through"},
	{"landlock_kernel", BIT(LANDLOCK), ENOSYS, cause_always, "@ERROR@: the kernel is older than Landlock (Linux 5.13)",
	 "apt-get install linux-image-amd64 && reboot"},
	{"landlock_off", BIT(LANDLOCK), EOPNOTSUPP, cause_always,
	 "@ERROR@: Landlock was turned off when the kernel started",
	 "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&lsm=landlock,@MODULES@ /' /etc/default/grub\nupdate-grub && reboot"},
	{"apparmor_profile", ~CGROUPS, ANY, cause_apparmor_profile,
	 "@ERROR@: the AppArmor profile \"@PROFILE@\" is around the server",
	 "docker run --security-opt apparmor=unconfined ...  # or add to the profile: userns, mount, umount, pivot_root,"},
	{"cgroup_unnamed", CGROUPS, ANY, cause_cgroup_unnamed, "@WHY@",
	 "@FOLDER@/pybox doctor --cgroup /pybox  # or --unit with the server's systemd unit; do as it says, then\n"
	 "su @USER@ -c \"psql -c \\\"ALTER SYSTEM SET pybox.cgroup = '/pybox'\\\"\"  # and restart the server"},
	{"cgroup_disabled", CGROUPS, ANY, cause_cgroup_disabled, "no memory controller is mounted",
	 "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&cgroup_enable=memory /' /etc/default/grub\nupdate-grub && reboot"},
	{"cgroup_v1_folder", CGROUPS, ANY, cause_cgroup_v1, "@WHY@: @CGROUP@ is not user @USER@'s below every controller",
	 "mkdir -p @FOLDERS@ && chown -R @USER@ @FOLDERS@  # again after each boot, before the server starts"},
	{"cgroup_unit", CGROUPS, ANY, cause_cgroup_unit, "@WHY@: systemd does not delegate @CGROUP@ to user @USER@",
	 UNIT_DROP_IN},
	{"cgroup_outside", CGROUPS, EACCES, cause_cgroup_outside, "@ERROR@: the server does not run inside @CGROUP@",
	 "echo $$ >'@MOUNT@@CGROUP@/cgroup.procs'  # in the shell that starts the server, before it does"},
	{"cgroup_v2_folder", CGROUPS, ANY, cause_cgroup_v2, "@WHY@: @CGROUP@ is not delegated to user @USER@", FOLDER_V2},
	{"unknown", ~0U, ANY, cause_always, "@ERROR@", NULL},
};

const LauncherCause *
launcher_cause_find(const Launcher *launcher, int layer, const LauncherCauseFor *what)
{
	const LauncherCause *cause = causes;

	while ((cause->layers & LAYER_BIT(layer)) == 0 ||
		   (cause->error != ANY && cause->error != launcher->layer_errors[layer]) ||
		   !cause->applies(launcher, layer, what))
		cause++;
	return cause;
}

/* What stands for each @WORD@. */
static void
word_error(const Launcher *launcher, int layer, const LauncherCauseFor *what, char *text, size_t size)
{
	(void) what;
	snprintf(text, size, "%s", strerror(launcher->layer_errors[layer]));
}

static void
word_why(const Launcher *launcher, int layer, const LauncherCauseFor *what, char *text, size_t size)
{
	if (launcher->cgroup.why[0] != '\0')
		snprintf(text, size, "%s", launcher->cgroup.why);
	else
		word_error(launcher, layer, what, text, size);
}

static void
word_user(const Launcher *launcher, int layer, const LauncherCauseFor *what, char *text, size_t size)
{
	(void) launcher, (void) layer;
	if (what != NULL)
		snprintf(text, size, "%s", what->user);
	else
		snprintf(text, size, "%u", geteuid());
}

static void
word_unit(const Launcher *launcher, int layer, const LauncherCauseFor *what, char *text, size_t size)
{
	(void) launcher, (void) layer;
	snprintf(text, size, "%s", what->unit);
}

static void
word_cgroup(const Launcher *launcher, int layer, const LauncherCauseFor *what, char *text, size_t size)
{
	(void) layer, (void) what;
	snprintf(text, size, "/%s", launcher->cgroup.name);
}

static void
word_mount(const Launcher *launcher, int layer, const LauncherCauseFor *what, char *text, size_t size)
{
	(void) launcher, (void) layer, (void) what;
	machine_cgroup_mount(text, size);
}

static void
word_folders(const Launcher *launcher, int layer, const LauncherCauseFor *what, char *text, size_t size)
{
	(void) layer, (void) what;
	machine_cgroup_folders(launcher->cgroup.name, text, size);
}

static void
word_interpreter(const Launcher *launcher, int layer, const LauncherCauseFor *what, char *text, size_t size)
{
	(void) layer, (void) what;
	snprintf(text, size, "%s", launcher->interpreter_path);
}

static void
word_folder(const Launcher *launcher, int layer, const LauncherCauseFor *what, char *text, size_t size)
{
	const char *slash = strrchr(launcher->interpreter_path, '/');

	(void) layer, (void) what;
	snprintf(text, size, "%.*s", slash == NULL ? 0 : (int) (slash - launcher->interpreter_path),
			 launcher->interpreter_path);
}

static void
word_modules(const Launcher *launcher, int layer, const LauncherCauseFor *what, char *text, size_t size)
{
	(void) launcher, (void) layer, (void) what;
	if (!machine_text("/sys/kernel/security/lsm", text, size) || text[0] == '\0')
		snprintf(text, size, "lockdown,yama,integrity,apparmor,bpf");
}

static void
word_profile(const Launcher *launcher, int layer, const LauncherCauseFor *what, char *text, size_t size)
{
	(void) launcher, (void) layer, (void) what;
	(void) machine_text("/proc/self/attr/current", text, size);
}

static const struct
{
	const char *name;
	void (*put)(const Launcher *launcher, int layer, const LauncherCauseFor *what, char *text, size_t size);
} words_known[] = {
	{"@ERROR@", word_error},
	{"@WHY@", word_why},
	{"@USER@", word_user},
	{"@UNIT@", word_unit},
	{"@CGROUP@", word_cgroup},
	{"@MOUNT@", word_mount},
	{"@FOLDERS@", word_folders},
	{"@MODULES@", word_modules},
	{"@FOLDER@", word_folder},
	{"@PROFILE@", word_profile},
	{"@INTERPRETER@", word_interpreter},
};

#define WORDS_KNOWN (sizeof(words_known) / sizeof(words_known[0]))

void
launcher_cause_word(const Launcher *launcher, const char *words, int layer, const LauncherCauseFor *what, char *text,
					size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	while (*words != '\0' && used + 1 < size)
	{
		size_t word = 0;

		while (word < WORDS_KNOWN && strncmp(words, words_known[word].name, strlen(words_known[word].name)) != 0)
			word++;
		if (word < WORDS_KNOWN)
		{
			words_known[word].put(launcher, layer, what, text + used, size - used);
			used += strlen(text + used);
			words += strlen(words_known[word].name);
		}
		else
		{
			text[used++] = *words++;
			text[used] = '\0';
		}
	}
}
