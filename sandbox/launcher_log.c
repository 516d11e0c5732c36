/* launcher_log.c - the launcher's lines in the server's log. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/launcher.h"

/* What zygotes and interpreters have worded may be in it: it must not look like lines of others, or move a terminal. */
static void
line_clean(char *line)
{
	for (; *line != '\0'; line++)
		if ((unsigned char) *line < ' ' || *line == 0x7f)
			*line = '?';
}

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
	line_clean(line);
	strcat(line, "\n");
	(void) !write(STDERR_FILENO, line, strlen(line));
}
