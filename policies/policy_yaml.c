/*
 * policy_yaml.c - text to tree, with libyaml's event interface.
 *
 * The event interface and not yaml_parser_load, which would build any depth, follow aliases and accept duplicate keys.
 * Refused here: anchors, aliases, tags, directives, a second document, NUL in an escape, depth. Knows nothing of pools.
 */
#include "policies/policy_yaml.h"
#include "policies/policy_text.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* One pass over the events. */
typedef struct Builder
{
	PolicyTree *tree;
	PolicyError *error;
	int open[POLICY_DEPTH_MAX]; /* lists and mappings not yet ended, outermost first */
	int depth;
	int documents;
} Builder;

typedef int (*EventHandler)(Builder *builder, const yaml_event_t *event);

static int
refuse(Builder *builder, const yaml_event_t *event, const char *reason)
{
	const yaml_mark_t *mark = &event->start_mark;

	return policy_error_set(builder->error, (int) mark->line + 1, (int) mark->column + 1, "%s", reason);
}

static int
out_of_memory(PolicyError *error)
{
	return policy_error_set(error, 0, 0, "out of memory");
}

static int
node_add(Builder *builder, const yaml_event_t *event, PolicyNodeKind kind)
{
	PolicyTree *tree = builder->tree;

	if (tree->node_count == tree->node_room)
	{
		int room = tree->node_room == 0 ? 256 : 2 * tree->node_room;
		PolicyNode *grown = realloc(tree->nodes, (size_t) room * sizeof(*grown));

		if (grown == NULL)
			return out_of_memory(builder->error);
		tree->nodes = grown;
		tree->node_room = room;
	}
	tree->nodes[tree->node_count] = (PolicyNode){
		.kind = kind,
		.line = (int) event->start_mark.line + 1,
		.column = (int) event->start_mark.column + 1,
		.end = tree->node_count + 1,
	};
	tree->node_count++;
	return 0;
}

/* Copies a scalar's value behind the others, with a NUL; offsets, because the buffer moves when it grows. */
static int
text_add(Builder *builder, const char *value, size_t length)
{
	PolicyTree *tree = builder->tree;
	size_t wanted = tree->text_used + length + 1;

	if (wanted > tree->text_room)
	{
		size_t room = 2 * wanted + 1024;
		char *grown = realloc(tree->text, room);

		if (grown == NULL)
			return out_of_memory(builder->error);
		tree->text = grown;
		tree->text_room = room;
	}
	memcpy(tree->text + tree->text_used, value, length);
	tree->text[wanted - 1] = '\0';
	tree->nodes[tree->node_count - 1].text = tree->text_used;
	tree->text_used = wanted;
	return 0;
}

static int
attributes_check(Builder *builder, const yaml_event_t *event, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor != NULL)
		return refuse(builder, event, "anchors (&name) are not allowed: write the value out where it is wanted");
	if (tag != NULL)
		return refuse(builder, event, "tags (!name) are not allowed: each key has one type");
	return 0;
}

static int
on_nothing(Builder *builder, const yaml_event_t *event)
{
	(void) builder;
	(void) event;
	return 0;
}

static int
on_document(Builder *builder, const yaml_event_t *event)
{
	if (builder->documents++ > 0)
		return refuse(builder, event, "expected one document, found a second one");
	if (event->data.document_start.version_directive != NULL ||
		event->data.document_start.tag_directives.start != event->data.document_start.tag_directives.end)
		return refuse(builder, event, "directives (%NAME) are not allowed");
	return 0;
}

static int
on_alias(Builder *builder, const yaml_event_t *event)
{
	return refuse(builder, event, "aliases (*name) are not allowed: write the value out");
}

static int
on_scalar(Builder *builder, const yaml_event_t *event)
{
	const char *value = (const char *) event->data.scalar.value;
	size_t length = event->data.scalar.length;
	bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	if (attributes_check(builder, event, event->data.scalar.anchor, event->data.scalar.tag) < 0)
		return -1;
	if (memchr(value, '\0', length) != NULL)
		return refuse(builder, event, "expected text, found the character U+0000");
	if (node_add(builder, event, plain && policy_text_is_null(value) ? POLICY_NODE_NOTHING : POLICY_NODE_TEXT) < 0)
		return -1;
	return text_add(builder, value, length);
}

static int
node_open(Builder *builder, const yaml_event_t *event, PolicyNodeKind kind)
{
	if (builder->depth == POLICY_DEPTH_MAX)
		return refuse(builder, event, "lists and mappings are nested too deep");
	if (node_add(builder, event, kind) < 0)
		return -1;
	builder->open[builder->depth++] = builder->tree->node_count - 1;
	return 0;
}

static int
on_list(Builder *builder, const yaml_event_t *event)
{
	if (attributes_check(builder, event, event->data.sequence_start.anchor, event->data.sequence_start.tag) < 0)
		return -1;
	return node_open(builder, event, POLICY_NODE_LIST);
}

static int
on_map(Builder *builder, const yaml_event_t *event)
{
	if (attributes_check(builder, event, event->data.mapping_start.anchor, event->data.mapping_start.tag) < 0)
		return -1;
	return node_open(builder, event, POLICY_NODE_MAP);
}

static int
on_end(Builder *builder, const yaml_event_t *event)
{
	PolicyTree *tree = builder->tree;

	(void) event;
	tree->nodes[builder->open[--builder->depth]].end = tree->node_count;
	return 0;
}

static const EventHandler handlers[] = {
	[YAML_NO_EVENT] = on_nothing,			[YAML_STREAM_START_EVENT] = on_nothing,
	[YAML_STREAM_END_EVENT] = on_nothing,	[YAML_DOCUMENT_START_EVENT] = on_document,
	[YAML_DOCUMENT_END_EVENT] = on_nothing, [YAML_ALIAS_EVENT] = on_alias,
	[YAML_SCALAR_EVENT] = on_scalar,		[YAML_SEQUENCE_START_EVENT] = on_list,
	[YAML_SEQUENCE_END_EVENT] = on_end,		[YAML_MAPPING_START_EVENT] = on_map,
	[YAML_MAPPING_END_EVENT] = on_end,
};

static int
parser_error(const yaml_parser_t *parser, PolicyError *error)
{
	const char *context = parser->context != NULL ? parser->context : "";
	const char *problem = parser->problem != NULL ? parser->problem : "unreadable";

	if (parser->error == YAML_MEMORY_ERROR)
		return out_of_memory(error);
	return policy_error_set(error, (int) parser->problem_mark.line + 1, (int) parser->problem_mark.column + 1,
							"not YAML: %s%s%s", context, *context != '\0' ? ", " : "", problem);
}

static int
events_read(Builder *builder, yaml_parser_t *parser)
{
	yaml_event_type_t type;

	do
	{
		yaml_event_t event;
		int result;

		if (!yaml_parser_parse(parser, &event))
			return parser_error(parser, builder->error);
		type = event.type;
		result = handlers[type](builder, &event);
		yaml_event_delete(&event);
		if (result < 0)
			return result;
	} while (type != YAML_STREAM_END_EVENT);
	if (builder->tree->node_count == 0)
		return policy_error_set(builder->error, 1, 1,
								"expected a policy that begins with \"version: 1\", found an empty text");
	return 0;
}

int
policy_tree_read(PolicyTree *tree, const char *text, size_t length, PolicyError *error)
{
	static const char byte_order_mark[] = "\357\273\277";
	Builder builder = {.tree = tree, .error = error};
	yaml_parser_t parser;
	int result;

	*tree = (PolicyTree){0};
	if (policy_text_check(text, length, error) < 0)
		return -1;
	if (length >= 3 && memcmp(text, byte_order_mark, 3) == 0)
	{
		text += 3;
		length -= 3;
	}
	if (!yaml_parser_initialize(&parser))
		return out_of_memory(error);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *) text, length);
	result = events_read(&builder, &parser);
	yaml_parser_delete(&parser);
	return result;
}

void
policy_tree_free(PolicyTree *tree)
{
	free(tree->nodes);
	free(tree->text);
	*tree = (PolicyTree){0};
}
