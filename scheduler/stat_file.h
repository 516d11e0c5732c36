/*
 * stat_file.h - statistics as bytes, to be kept over a restart.
 *
 * DESIGN. Pure; files and checksums are the caller's. Numbers are in groups of seven bits, the low ones first; a bit more says that
 * there are more. What was written by a version that counts other things is refused as a whole, as is whatever makes no
 * sense: nothing in the bytes is believed before it was compared with what may be there.
 *
 *   start, then for each entry: kind + 1, key, counters, history; then 0 and nothing behind it
 */
#ifndef PYBOX_STAT_FILE_H
#define PYBOX_STAT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "scheduler/stat_table.h"

#define STAT_FILE_START_MAX 64
#define STAT_FILE_ENTRY_MAX 4096

enum
{
	STAT_FILE_OK = 0,
	STAT_FILE_SHORT = -1,	/* ends too early */
	STAT_FILE_OTHER = -2,	/* counts other things: of another version */
	STAT_FILE_DAMAGED = -3, /* holds what cannot have been written */
};

/* Each returns how many bytes it wrote to data, which has room for as many as its name says; the end takes one. */
size_t stat_file_put_start(uint8_t *data);
size_t stat_file_put_entry(uint8_t *data, int kind, const StatEntry *entry);
size_t stat_file_put_end(uint8_t *data);
/*
 * Calls take(arg, kind, entry) for each entry there is, kind below kinds: none, unless all of the bytes are right. Returns one of
 * the above.
 */
int stat_file_read(const uint8_t *data, size_t size, int kinds,
				   void (*take)(void *arg, int kind, const StatEntry *entry), void *arg);
const char *stat_file_strerror(int error);

#endif
