/*
 * stat_store.c - reads and writes the file of statistics. Runs in the scheduler.
 *
 * DESIGN. The file is written beside its place and renamed, so that there is always a whole one: that of the last clean shutdown,
 * or, when the server ended otherwise, of some minutes before. Its checksum tells a damaged one, which is as good as none.
 *
 *   "PYBOXST\n", CRC-32C of the rest, the rest as in stat_file.h
 */
#include "scheduler/stat_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/stringinfo.h"
#include "pgstat.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#include "scheduler/stat.h"
#include "scheduler/stat_file.h"

#define STORE_PATH PGSTAT_STAT_PERMANENT_DIRECTORY "/pybox.stat"
#define STORE_TEMPORARY STORE_PATH ".tmp"
#define STORE_MAGIC "PYBOXST\n"
#define STORE_HEADER (sizeof(STORE_MAGIC) - 1 + sizeof(pg_crc32c))
#define STORE_SIZE_MAX (512 * 1024 * 1024)
#define SAVE_MS (3 * 60 * 1000)

static TimestampTz save_at = 0;

static pg_crc32c
checksum(const void *data, size_t size)
{
	pg_crc32c crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, data, size);
	FIN_CRC32C(crc);
	return crc;
}

/* --- out -------------------------------------------------------------------------------------------------------------- */

static void
entries_put(StringInfo out)
{
	StatTableState state;
	StatEntry entry;

	for (int kind = 0; kind < STAT_KIND_COUNT; kind++)
	{
		stat_table_state((StatKind) kind, &state);
		for (int i = 0; i < state.seen; i++)
			if (stat_read((StatKind) kind, i, &entry))
			{
				enlargeStringInfo(out, STAT_FILE_ENTRY_MAX);
				out->len += (int) stat_file_put_entry((uint8_t *) out->data + out->len, kind, &entry);
			}
	}
}

static void
file_make(StringInfo out)
{
	pg_crc32c crc;

	initStringInfo(out);
	enlargeStringInfo(out, STORE_HEADER + STAT_FILE_START_MAX);
	out->len = STORE_HEADER;
	out->len += (int) stat_file_put_start((uint8_t *) out->data + out->len);
	entries_put(out);
	enlargeStringInfo(out, 1);
	out->len += (int) stat_file_put_end((uint8_t *) out->data + out->len);
	crc = checksum(out->data + STORE_HEADER, out->len - STORE_HEADER);
	memcpy(out->data, STORE_MAGIC, sizeof(STORE_MAGIC) - 1);
	memcpy(out->data + sizeof(STORE_MAGIC) - 1, &crc, sizeof(crc));
}

/* durable_rename() has both sides of it on disk. */
static bool
file_write(const StringInfoData *out)
{
	int fd = OpenTransientFile(STORE_TEMPORARY, O_WRONLY | O_CREAT | O_TRUNC | PG_BINARY);
	bool written;

	if (fd < 0)
		return false;
	errno = ENOSPC; /* unless the kernel says otherwise */
	written = write(fd, out->data, out->len) == out->len;
	return CloseTransientFile(fd) == 0 && written;
}

void
stat_store_save(void)
{
	MemoryContext memory = AllocSetContextCreate(TopMemoryContext, "pybox statistics", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	StringInfoData out;

	file_make(&out);
	if (file_write(&out))
		(void) durable_rename(STORE_TEMPORARY, STORE_PATH, LOG);
	else
	{
		ereport(LOG,
				(errcode_for_file_access(), errmsg("could not write pybox statistics to \"%s\": %m", STORE_TEMPORARY)));
		(void) unlink(STORE_TEMPORARY);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}

long
stat_store_tick(TimestampTz now)
{
	if (save_at == 0)
		save_at = now + SAVE_MS * INT64CONST(1000);
	if (now >= save_at)
	{
		if (stat_take_changed())
			stat_store_save();
		save_at = now + SAVE_MS * INT64CONST(1000);
	}
	return (long) ((save_at - now) / 1000) + 1;
}

/* --- in --------------------------------------------------------------------------------------------------------------- */

/* One of the future, since the clock was set back, would pass for one that was just used, for as long. */
static void
entry_take(void *arg, int kind, const StatEntry *entry)
{
	StatEntry kept = *entry;

	kept.since = Min(kept.since, GetCurrentTimestamp());
	stat_restore((StatKind) kind, &kept);
}

static const char *
file_load(const char *data, size_t size)
{
	pg_crc32c crc;
	int error;

	if (size < STORE_HEADER || memcmp(data, STORE_MAGIC, sizeof(STORE_MAGIC) - 1) != 0)
		return "it is no such file";
	memcpy(&crc, data + sizeof(STORE_MAGIC) - 1, sizeof(crc));
	if (!EQ_CRC32C(crc, checksum(data + STORE_HEADER, size - STORE_HEADER)))
		return "its checksum is wrong";
	error =
		stat_file_read((const uint8_t *) data + STORE_HEADER, size - STORE_HEADER, STAT_KIND_COUNT, entry_take, NULL);
	return error == STAT_FILE_OK ? NULL : stat_file_strerror(error);
}

/* Its bytes, in memory of the caller's context; NULL, with errno, when they cannot be had. */
static char *
file_read(size_t *size)
{
	int fd = OpenTransientFile(STORE_PATH, O_RDONLY | PG_BINARY);
	struct stat about;
	char *data = NULL;

	if (fd < 0)
		return NULL;
	errno = EFBIG;
	if (fstat(fd, &about) == 0 && about.st_size <= STORE_SIZE_MAX)
	{
		ssize_t got;

		data = palloc((Size) about.st_size + 1);
		got = read(fd, data, (size_t) about.st_size);
		*size = got < 0 ? 0 : (size_t) got;
	}
	(void) CloseTransientFile(fd);
	return data;
}

static void
file_take(void)
{
	size_t size = 0;
	char *data = file_read(&size);
	const char *fault;

	if (data == NULL)
	{
		if (errno != ENOENT)
			ereport(LOG,
					(errcode_for_file_access(), errmsg("could not read pybox statistics from \"%s\": %m", STORE_PATH)));
		return;
	}
	fault = file_load(data, size);
	if (fault != NULL)
		ereport(LOG,
				(errcode(ERRCODE_DATA_CORRUPTED), errmsg("ignored pybox statistics in \"%s\": %s", STORE_PATH, fault),
				 errdetail("Counting starts from nothing; the next shutdown replaces the file.")));
}

void
stat_store_load(void)
{
	MemoryContext memory, old;

	if (!stat_restore_once())
		return;
	memory = AllocSetContextCreate(TopMemoryContext, "pybox statistics", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(memory);
	file_take();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}
