/*
 * policy_read_test.c - who may own and write a policy file, and what else may stand in its place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policies/policy.h"
#include "policies/policy_read.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Who may own and write a policy file. */
static void
test_read_check(void **state)
{
	static const char long_path[] =
		"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	static const struct
	{
		mode_t mode;
		uid_t owner, self;
		off_t size;
		const char *path, *message; /* NULL: none */
	} cases[] = {
		{S_IFREG | 0644, 0, 70, 10, "/p", NULL},
		{S_IFREG | 0600, 70, 70, 10, "/p", NULL},
		{S_IFREG | 0644, 70, 0, POLICY_TEXT_MAX, "/p", NULL},
		{S_IFREG | 0644, 71, 70, 10, "/p", "the file belongs to user 71, expected root or user 70; run: chown root /p"},
		{S_IFREG | 0664, 70, 70, 10, "/etc/p.yaml",
		 "the file has mode 0664, expected no write permission for group and others; run: chmod go-w /etc/p.yaml"},
		{S_IFREG | 0602, 0, 70, 10, "$(reboot)",
		 "the file has mode 0602, expected no write permission for group and others; run: chmod go-w FILE"},
		{S_IFREG | 0622, 0, 70, 10, "-R",
		 "the file has mode 0622, expected no write permission for group and others; run: chmod go-w FILE"},
		{S_IFREG | 0622, 0, 70, 10, long_path,
		 "the file has mode 0622, expected no write permission for group and others; run: chmod go-w FILE"},
		{S_IFREG | 0644, 0, 70, POLICY_TEXT_MAX + 1, "/p", "the file is 65537 bytes long, expected at most 65536"},
		{S_IFDIR | 0755, 0, 70, 10, "/p", "expected a regular file, found a directory"},
		{S_IFIFO | 0644, 0, 70, 0, "/p", "expected a regular file, found a FIFO"},
		{S_IFCHR | 0600, 0, 70, 0, "/p", "expected a regular file, found a device"},
	};

	(void) state;
	for (size_t i = 0; i < COUNT(cases); i++)
	{
		const struct stat status = {.st_mode = cases[i].mode, .st_uid = cases[i].owner, .st_size = cases[i].size};
		PolicyError error = {0};
		int result = policy_read_check(&status, cases[i].self, cases[i].path, &error);

		assert_int_equal(result, cases[i].message == NULL ? 0 : -1);
		assert_string_equal(error.message, cases[i].message == NULL ? "" : cases[i].message);
	}
}

static void
read_check(const char *folder, const char *name, const char *message)
{
	char path[64];
	char *text = malloc(POLICY_TEXT_MAX);
	PolicyError error = {0};
	size_t length = 0;

	assert_non_null(text);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (policy_read(path, text, &length, &error) == 0)
	{
		assert_int_equal(length, POLICY_TEXT_MAX);
		assert_memory_equal(text, "version: 1", 10);
	}
	assert_string_equal(error.message, message);
	free(text);
}

/* policy_read itself, in a directory of its own: a link to a file, a FIFO that must not block, nothing, bad mode. */
static void
test_read(void **state)
{
	char folder[] = "/tmp/policy_read_test.XXXXXX";
	int directory, file;

	(void) state;
	assert_non_null(mkdtemp(folder));
	directory = open(folder, O_RDONLY | O_DIRECTORY);
	file = openat(directory, "file", O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(file, "version: 1", 10), 10);
	assert_int_equal(ftruncate(file, POLICY_TEXT_MAX), 0);
	assert_int_equal(symlinkat("file", directory, "link"), 0);
	assert_int_equal(mkfifoat(directory, "fifo", 0600), 0);
	read_check(folder, "link", "");
	read_check(folder, "fifo", "expected a regular file, found a FIFO");
	read_check(folder, "none", "cannot open the file: No such file or directory");
	assert_int_equal(ftruncate(file, POLICY_TEXT_MAX + 1), 0);
	read_check(folder, "link", "the file is 65537 bytes long, expected at most 65536");
	close(file);
	unlinkat(directory, "file", 0);
	unlinkat(directory, "link", 0);
	unlinkat(directory, "fifo", 0);
	close(directory);
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_read_check), cmocka_unit_test(test_read)};

	return cmocka_run_group_tests_name("policy_read", tests, NULL, NULL);
}
