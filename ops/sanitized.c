/*
 * sanitized.c - linked into launcher and interpreter under the sanitizers: their options, since their environment is empty.
 *
 * No leak detection: it would stop and trace the process, which a confined one may not, and CPython keeps memory at its end.
 * Little is kept of what was freed, so that memory limits are met by what is in use. Signals stay as they are: what a
 * function does to itself is no finding. A trusted interpreter keeps its standard error, which it gives up otherwise: reports
 * have to get out.
 */
#include <unistd.h>

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
int __real_dup2(int old, int new);
int __wrap_dup2(int old, int new);

const char *
__asan_default_options(void)
{
	return "quarantine_size_mb=8:thread_local_quarantine_size_kb=64:detect_leaks=0:detect_stack_use_after_return=0:"
		   "abort_on_error=1:handle_segv=0:handle_sigbus=0:handle_abort=0:"
		   "handle_sigill=0:handle_sigfpe=0";
}

const char *
__ubsan_default_options(void)
{
	return "print_stacktrace=1";
}

int
__wrap_dup2(int old, int new)
{
	return new == STDERR_FILENO ? new : __real_dup2(old, new);
}
