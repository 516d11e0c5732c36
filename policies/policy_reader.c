/*
 * policy_reader.c - path, place and wording of what is wrong in a policy.
 */
#include "policies/policy_reader.h"
#include "policies/policy_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const kind_words[] = {
	[POLICY_NODE_NOTHING] = "nothing",
	[POLICY_NODE_TEXT] = "a single value",
	[POLICY_NODE_LIST] = "a list",
	[POLICY_NODE_MAP] = "a mapping of keys to values",
};

size_t
policy_reader_enter(PolicyReader *reader, const char *format, ...)
{
	size_t mark = reader->path_used;
	size_t room = sizeof(reader->path) - mark;
	va_list arguments;
	int length;

	if (mark > 0 && *format != '[' && room > 1)
	{
		reader->path[reader->path_used++] = '.';
		room--;
	}
	va_start(arguments, format);
	length = vsnprintf(reader->path + reader->path_used, room, format, arguments);
	va_end(arguments);
	reader->path_used += length < 0 ? 0 : (size_t) length < room ? (size_t) length : room - 1;
	return mark;
}

void
policy_reader_leave(PolicyReader *reader, size_t mark)
{
	reader->path_used = mark;
	reader->path[mark] = '\0';
}

int
policy_reader_fail(PolicyReader *reader, int node, const char *format, ...)
{
	const PolicyNode *place = &reader->tree.nodes[node];
	char message[sizeof(reader->error->message)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	return policy_error_set(reader->error, place->line, place->column, "%s%s%s", reader->path,
							reader->path_used > 0 ? ": " : "", message);
}

int
policy_reader_expect(PolicyReader *reader, int node, PolicyNodeKind kind)
{
	char quote[POLICY_QUOTE_SIZE];

	if (reader->tree.nodes[node].kind == kind)
		return 0;
	return policy_reader_fail(reader, node, "expected %s, found %s", kind_words[kind],
							  policy_reader_found(reader, node, quote));
}

const char *
policy_reader_text(const PolicyReader *reader, int node)
{
	return reader->tree.text + reader->tree.nodes[node].text;
}

const char *
policy_reader_found(const PolicyReader *reader, int node, char quote[POLICY_QUOTE_SIZE])
{
	if (reader->tree.nodes[node].kind == POLICY_NODE_TEXT)
		return policy_text_quote(policy_reader_text(reader, node), quote);
	return kind_words[reader->tree.nodes[node].kind];
}

int
policy_reader_find(const PolicyReader *reader, int map, const char *key)
{
	const PolicyNode *nodes = reader->tree.nodes;

	for (int name = map + 1; name < nodes[map].end; name = nodes[name + 1].end)
		if (strcmp(policy_reader_text(reader, name), key) == 0)
			return name + 1;
	return POLICY_NODE_ABSENT;
}

int
policy_reader_descend(PolicyReader *reader, int map, const char *key)
{
	int value = policy_reader_find(reader, map, key);

	policy_reader_enter(reader, "%s", key);
	return value == POLICY_NODE_ABSENT ? map : value;
}
