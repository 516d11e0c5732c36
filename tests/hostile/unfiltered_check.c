/*
 * unfiltered_check.c - stands for sandbox/lockdown_check.c in the interpreter that the hostile suite runs without a filter:
 * what the filter refuses is not asked for. Never installed.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "sandbox/lockdown_check.h"

int
lockdown_check(const LockdownPlan *plan, const char **name)
{
	int fd;

	*name = "no_new_privs";
	if ((plan->wanted & LAYER_BIT(LAYER_NO_NEW_PRIVS)) != 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return -EACCES;
	if (!plan->fences_files || (plan->wanted & LAYER_BIT(LAYER_LANDLOCK)) == 0)
		return 0;
	*name = "open /";
	fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd >= 0 ? -EACCES : 0;
}
