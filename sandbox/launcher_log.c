/* launcher_log.c - the launcher's lines in the server's log. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/launcher.h"

/* In one write, so that lines of several processes do not mix. */
void
launcher_log(const char *format, ...)
{
	char line[1024] = "pybox-launcher: ";
	size_t used = strlen(line);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line + used, sizeof(line) - used - 1, format, arguments);
	va_end(arguments);
	strcat(line, "\n");
	(void) !write(STDERR_FILENO, line, strlen(line));
}
