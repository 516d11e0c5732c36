/*
 * trace_read.c - a trace from and to CSV. Runs in pybox-policy, fuzzers and unit tests.
 *
 * DESIGN. CSV as COPY reads and writes it: commas, quotes doubled inside quotes, line ends inside quotes. A record is read
 * into a buffer of fixed size; the header says which column stands where. Lines are counted from 1, columns of the error
 * are fields.
 */
#include "policies/trace.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "policies/policy_text.h"

typedef enum ColumnKind
{
	COLUMN_NUMBER,
	COLUMN_SMALL, /* a number of 32 bits */
	COLUMN_TEXT,
	COLUMN_OTHER /* told for the reader; not read */
} ColumnKind;

/* The columns of a trace, as pybox.record_trace() has them. An empty field, or no such column, is the default. */
typedef struct Column
{
	const char *name;
	ColumnKind kind;
	bool required;
	size_t offset; /* into TraceCall, of a text into TraceClass */
	int64_t least, most, otherwise;
} Column;

static const Column columns[] = {
	{"at_us", COLUMN_NUMBER, true, offsetof(TraceCall, at_us), 0, TRACE_AT_MAX, 0},
	{"database", COLUMN_TEXT, false, offsetof(TraceClass, database), 0, POLICY_NAME_SIZE - 1, 0},
	{"role", COLUMN_TEXT, false, offsetof(TraceClass, role), 0, POLICY_NAME_SIZE - 1, 0},
	{"function", COLUMN_TEXT, false, offsetof(TraceClass, function), 0, POLICY_FUNCTION_SIZE - 1, 0},
	{"pool", COLUMN_TEXT, false, offsetof(TraceClass, pool), 0, POLICY_NAME_SIZE - 1, 0},
	{"priority", COLUMN_SMALL, false, offsetof(TraceCall, priority), 0, 100, -1},
	{"run_us", COLUMN_NUMBER, true, offsetof(TraceCall, run_us), 0, TRACE_TIME_MAX, 0},
	{"sql_us", COLUMN_NUMBER, false, offsetof(TraceCall, sql_us), 0, TRACE_TIME_MAX, 0},
	{"queries", COLUMN_SMALL, false, offsetof(TraceCall, queries), 0, TRACE_QUERIES_MAX, 0},
	{"memory", COLUMN_NUMBER, false, offsetof(TraceCall, memory), 0, TRACE_MEMORY_MAX, 0},
	{"queue_us", COLUMN_NUMBER, false, offsetof(TraceCall, queue_us), 0, TRACE_TIME_MAX, -1},
	{"paused_us", COLUMN_OTHER, false, 0, 0, 0, 0},
	{"outcome", COLUMN_OTHER, false, 0, 0, 0, 0},
};

#define COLUMN_COUNT ((int) (sizeof(columns) / sizeof(columns[0])))

typedef struct Reader
{
	FILE *file;
	PolicyError *error;
	int line, next_line;		   /* of the record, and behind it */
	char record[TRACE_RECORD_MAX]; /* its fields, each with a NUL */
	char *fields[COLUMN_COUNT];	   /* of the record */
	int field_count;
	int place[COLUMN_COUNT]; /* of each column, -1: not there */
	int width;				 /* fields that the header has */
} Reader;

static int
field_begin(Reader *reader, size_t used)
{
	if (reader->field_count == COLUMN_COUNT)
		return policy_error_set(reader->error, reader->line, 0, "more than %d fields", COLUMN_COUNT);
	reader->fields[reader->field_count++] = reader->record + used;
	return 0;
}

typedef enum Quote
{
	QUOTE_OUTSIDE,
	QUOTE_INSIDE,
	QUOTE_SEEN /* inside, behind one: another one makes it a character, all else is outside */
} Quote;

/* What the character is: 0 a part of the text, ',' and '\n' an end, '"' nothing. */
static int
character_sort(int next, Quote *quote)
{
	if (*quote == QUOTE_INSIDE)
	{
		*quote = next == '"' ? QUOTE_SEEN : QUOTE_INSIDE;
		return next == '"' ? '"' : 0;
	}
	if (next == '"')
	{
		int what = *quote == QUOTE_SEEN ? 0 : '"';

		*quote = QUOTE_INSIDE;
		return what;
	}
	*quote = QUOTE_OUTSIDE;
	return next == ',' || next == '\n' ? next : 0;
}

static int
record_fault(Reader *reader, const char *what)
{
	return policy_error_set(reader->error, reader->line, 0, "%s", what);
}

/* Takes the record's text and cuts it into fields. Returns the last character, '\n' or EOF, or -2. */
static int
record_take(Reader *reader, size_t *used)
{
	Quote quote = QUOTE_OUTSIDE;
	int next;

	while ((next = getc_unlocked(reader->file)) != EOF)
	{
		int what = character_sort(next, &quote);

		reader->next_line += next == '\n';
		if (what == '\n')
			return next;
		if (next == '\0')
			return record_fault(reader, "expected text, found the byte 0x00") - 1;
		if (what == '"')
			continue;
		if (*used + 2 > sizeof(reader->record))
			return record_fault(reader, "the record is longer than 4095 bytes") - 1;
		reader->record[(*used)++] = what == ',' ? '\0' : (char) next;
		if (what == ',' && field_begin(reader, *used) < 0)
			return -2;
	}
	if (ferror(reader->file))
		return record_fault(reader, "the file cannot be read") - 1;
	return quote == QUOTE_INSIDE ? record_fault(reader, "a quote is not closed") - 1 : EOF;
}

/* Returns 1, 0 at the end of the file, or -1. */
static int
record_read(Reader *reader)
{
	size_t used = 0;
	int last;

	reader->line = reader->next_line;
	reader->field_count = 0;
	(void) field_begin(reader, 0);
	last = record_take(reader, &used);
	if (last == -2)
		return -1;
	if (used > 0 && reader->record[used - 1] == '\r')
		used--;
	reader->record[used] = '\0';
	return last == EOF && used == 0 && reader->field_count == 1 ? 0 : 1;
}

static int
column_find(const char *name)
{
	for (int i = 0; i < COLUMN_COUNT; i++)
		if (strcmp(columns[i].name, name) == 0)
			return i;
	return -1;
}

static int
header_place(Reader *reader, int field)
{
	char quote[POLICY_QUOTE_SIZE];
	int column = column_find(reader->fields[field]);

	if (column < 0)
		return policy_error_set(reader->error, reader->line, field + 1, "a trace has no column %s",
								policy_text_quote(reader->fields[field], quote));
	if (reader->place[column] >= 0)
		return policy_error_set(reader->error, reader->line, field + 1, "the column \"%s\" stands there twice",
								columns[column].name);
	reader->place[column] = field;
	return 0;
}

static int
header_read(Reader *reader)
{
	int got = record_read(reader);

	if (got < 0)
		return -1;
	if (got == 0)
		return record_fault(reader, "expected a header, found nothing");
	memset(reader->place, -1, sizeof(reader->place));
	for (int field = 0; field < reader->field_count; field++)
		if (header_place(reader, field) < 0)
			return -1;
	for (int i = 0; i < COLUMN_COUNT; i++)
		if (columns[i].required && reader->place[i] < 0)
			return policy_error_set(reader->error, reader->line, 0, "the column \"%s\" is missing", columns[i].name);
	reader->width = reader->field_count;
	return 0;
}

static int
value_fault(Reader *reader, const Column *column, const char *text)
{
	char quote[POLICY_QUOTE_SIZE];

	return policy_error_set(reader->error, reader->line, reader->place[column - columns] + 1,
							"%s: expected a whole number from %" PRId64 " to %" PRId64 ", found %s", column->name,
							column->least, column->most, policy_text_quote(text, quote));
}

static int
number_read(Reader *reader, const Column *column, const char *text, int64_t *value)
{
	const char *digit = text;

	if (*text == '\0' && !column->required)
	{
		*value = column->otherwise;
		return 0;
	}
	for (*value = 0; *digit >= '0' && *digit <= '9' && *value <= column->most; digit++)
		*value = *value * 10 + (*digit - '0');
	if (digit == text || *digit != '\0' || *value > column->most || *value < column->least)
		return value_fault(reader, column, text);
	return 0;
}

static int
text_read(Reader *reader, const Column *column, const char *text, char *to)
{
	size_t length = strlen(text);

	if (length > (size_t) column->most)
		return policy_error_set(reader->error, reader->line, reader->place[column - columns] + 1,
								"%s: expected at most %" PRId64 " bytes, found %zu", column->name, column->most,
								length);
	memcpy(to, text, length + 1);
	return 0;
}

static int
column_read(Reader *reader, const Column *column, TraceCall *call, TraceClass *class)
{
	int place = reader->place[column - columns];
	const char *text = place < 0 ? "" : reader->fields[place];
	int64_t value = column->otherwise;

	if (column->kind == COLUMN_OTHER)
		return 0;
	if (column->kind == COLUMN_TEXT)
		return text_read(reader, column, text, (char *) class + column->offset);
	if (number_read(reader, column, text, &value) < 0)
		return -1;
	if (column->kind == COLUMN_SMALL)
		*(int32_t *) ((char *) call + column->offset) = (int32_t) value;
	else
		*(int64_t *) ((char *) call + column->offset) = value;
	return 0;
}

/* A blank line is nothing. */
static int
call_read(Reader *reader, Trace *trace)
{
	TraceCall call = {0};
	TraceClass class = {0};

	if (reader->field_count == 1 && reader->fields[0][0] == '\0' && reader->width > 1)
		return 0;
	if (reader->field_count != reader->width)
		return policy_error_set(reader->error, reader->line, 0, "expected %d fields as in the header, found %d",
								reader->width, reader->field_count);
	for (int i = 0; i < COLUMN_COUNT; i++)
		if (column_read(reader, &columns[i], &call, &class) < 0)
			return -1;
	if (call.sql_us > 0 && call.queries == 0)
		call.queries = 1;
	if (trace_class_add(trace, &class, &call.class, reader->error) < 0 ||
		trace_call_add(trace, &call, reader->error) < 0)
	{
		reader->error->line = reader->line;
		return -1;
	}
	return 0;
}

int
trace_read(FILE *file, Trace *trace, PolicyError *error)
{
	Reader reader = {.file = file, .error = error, .line = 1, .next_line = 1};
	int got;

	if (header_read(&reader) < 0)
		return -1;
	while ((got = record_read(&reader)) > 0)
		if (call_read(&reader, trace) < 0)
			return -1;
	if (got == 0)
		trace_sort(trace);
	return got;
}

static void
text_write(FILE *file, const char *text)
{
	if (strpbrk(text, ",\"\r\n") == NULL)
	{
		fputs(text, file);
		return;
	}
	putc('"', file);
	for (; *text != '\0'; text++)
	{
		if (*text == '"')
			putc('"', file);
		putc(*text, file);
	}
	putc('"', file);
}

/* The default of a number is an empty field. */
static void
column_write(FILE *file, const Column *column, const TraceCall *call, const TraceClass *class)
{
	int64_t value;

	if (column->kind == COLUMN_TEXT)
	{
		text_write(file, (const char *) class + column->offset);
		return;
	}
	value = column->kind == COLUMN_SMALL ? *(const int32_t *) ((const char *) call + column->offset)
										 : *(const int64_t *) ((const char *) call + column->offset);
	if (column->required || value != column->otherwise)
		fprintf(file, "%" PRId64, value);
}

void
trace_write(FILE *file, const Trace *trace)
{
	for (int i = 0; i < COLUMN_COUNT; i++)
		if (columns[i].kind != COLUMN_OTHER)
			fprintf(file, "%s%s", i > 0 ? "," : "", columns[i].name);
	putc('\n', file);
	for (uint32_t n = 0; n < trace->call_count; n++)
	{
		for (int i = 0; i < COLUMN_COUNT; i++)
		{
			if (columns[i].kind == COLUMN_OTHER)
				continue;
			if (i > 0)
				putc(',', file);
			column_write(file, &columns[i], &trace->calls[n], &trace->classes[trace->calls[n].class]);
		}
		putc('\n', file);
	}
}
