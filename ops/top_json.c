/*
 * top_json.c - see top_json.h. Bytes and seconds are plain numbers; ids of 64 bits are strings, since many readers of JSON
 * would round them.
 */
#include "ops/top_json.h"

#include <string.h>

static void
json_character(FILE *out, int32_t character, const char *bytes, int length)
{
	if (character == TEXT_BAD)
		fputs("\\ufffd", out);
	else if (character == '"' || character == '\\')
		fprintf(out, "\\%c", (char) character);
	else if (character < 0x20 || (character >= 0x7F && character < 0xA0))
		fprintf(out, "\\u%04x", (unsigned) character);
	else
		fwrite(bytes, 1, length, out);
}

void
json_string(FILE *out, const char *text)
{
	if (text == NULL)
	{
		fputs("null", out);
		return;
	}
	fputc('"', out);
	while (*text != '\0')
	{
		const char *start = text;
		int32_t character = text_next(&text);

		json_character(out, character, start, (int) (text - start));
	}
	fputc('"', out);
}

/* An array of the server's, or as text when it is something else. */
static void
json_list(FILE *out, const char *text)
{
	size_t length = strlen(text);

	if (text[0] != '{' || strspn(text + 1, "0123456789,-") != length - 2 || text[length - 1] != '}')
		json_string(out, text);
	else
		fprintf(out, "[%.*s]", (int) length - 2, text + 1);
}

/* A number as the server wrote it; what JSON knows no number for is null. */
static void
json_number(FILE *out, const char *text)
{
	fputs(strspn(text, "0123456789+-.eE") == strlen(text) ? text : "null", out);
}

static void
json_cell(FILE *out, TopKind kind, const char *text)
{
	if (text == NULL)
		fputs("null", out);
	else if (kind == TOP_LIST)
		json_list(out, text);
	else if (kind == TOP_FLAG)
		fputs(text[0] == 't' ? "true" : "false", out);
	else if (kind_is_number(kind))
		json_number(out, text);
	else
		json_string(out, text);
}

static void
json_row(FILE *out, const TopSet *set, int row)
{
	fputc('{', out);
	for (int column = 0; column < set->column_count; column++)
	{
		fprintf(out, "%s\"%s\": ", column > 0 ? ", " : "", set->columns[column].name);
		json_cell(out, set->columns[column].kind, set_cell(set, row, column)->text);
	}
	fputc('}', out);
}

static void
json_set(FILE *out, const TopStatement *statement, const TopSet *set)
{
	fprintf(out, "  \"%s\": ", statement->name);
	if (statement->is_single)
	{
		if (set->row_count > 0)
			json_row(out, set, 0);
		else
			fputs("null", out);
	}
	else
	{
		for (int row = 0; row < set->row_count; row++)
		{
			fputs(row > 0 ? ",\n    " : "[\n    ", out);
			json_row(out, set, row);
		}
		fputs(set->row_count > 0 ? "\n  ]" : "[]", out);
	}
	fputs(",\n", out);
}

void
json_snapshot(FILE *out, const TopSnapshot *snapshot)
{
	const char *comma = "";

	fputs("{\n", out);
	for (int i = 0; i < SOURCE_COUNT; i++)
		if (!top_statements[i].is_of_call)
			json_set(out, &top_statements[i], &snapshot->sets[i]);
	fputs("  \"faults\": {", out);
	for (int i = 0; i < SOURCE_COUNT; i++)
	{
		if (snapshot->sets[i].fault == NULL)
			continue;
		fprintf(out, "%s\"%s\": ", comma, top_statements[i].name);
		json_string(out, snapshot->sets[i].fault);
		comma = ", ";
	}
	fputs("}\n}\n", out);
}
