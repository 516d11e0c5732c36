/*
 * fault.c - points at which tests stop processes or make them fail. Linked into builds with FAULTS=1 alone, everywhere.
 *
 * DESIGN. The test writes a table of records into the file pybox_faults in the data directory, where server processes and the
 * launcher stand; each process maps it when it comes to its first point. A zygote has no data directory and gets the file
 * as its standard output; its children inherit the mapping, so that a point in them needs no file and no system call but
 * the one that sleeps. To kill a process at a point a test stops it there and sends SIGKILL.
 */
#include "sandbox/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FAULT_PATH "pybox_faults"
#define FAULT_RECORDS 64
#define FAULT_TICK_NS 1000000
#define FAULT_TICKS_MAX 60000 /* a test that is gone tells nobody to go on */

enum
{
	FAULT_OFF,
	FAULT_ERROR,
	FAULT_PAUSE
};

/* As tests/PyboxFault.pm packs it. All but pid and hits are the test's to write. */
typedef struct FaultRecord
{
	char name[40];
	uint32_t action;
	uint32_t left; /* how many more processes it concerns */
	uint32_t hits;
	int32_t pid; /* of who stands there, in its own namespace; 0: nobody */
	uint64_t unused;
} FaultRecord;

static FaultRecord *records = NULL;

static void
fault_map(int fd)
{
	struct stat status;
	void *map = MAP_FAILED;

	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == FAULT_RECORDS * sizeof(FaultRecord))
		map = mmap(NULL, FAULT_RECORDS * sizeof(FaultRecord), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED)
		records = map;
}

bool
fault_is_file(const char *path)
{
	const char *name = strrchr(path, '/');

	return name != NULL && strcmp(name + 1, FAULT_PATH) == 0;
}

static void
fault_open(void)
{
	static bool tried = false;
	int fd;

	if (records != NULL || tried)
		return;
	tried = true;
	fd = open(FAULT_PATH, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	fault_map(fd);
	close(fd);
}

int
fault_file(int otherwise)
{
	int fd = open(FAULT_PATH, O_RDWR | O_CLOEXEC);

	return fd < 0 ? otherwise : fd;
}

void
fault_inherit(void)
{
	fault_map(STDOUT_FILENO);
	if (records != NULL)
		(void) dup2(STDERR_FILENO, STDOUT_FILENO);
}

static FaultRecord *
fault_find(const char *name)
{
	for (int i = 0; i < FAULT_RECORDS && records != NULL; i++)
		if (strcmp(records[i].name, name) == 0)
			return &records[i];
	return NULL;
}

static bool
fault_concerns_us(FaultRecord *record)
{
	uint32_t left = __atomic_load_n(&record->left, __ATOMIC_SEQ_CST);

	while (left > 0)
		if (__atomic_compare_exchange_n(&record->left, &left, left - 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return true;
	return false;
}

static void
fault_stand(FaultRecord *record)
{
	const struct timespec tick = {.tv_nsec = FAULT_TICK_NS};

	__atomic_store_n(&record->pid, getpid(), __ATOMIC_SEQ_CST);
	for (int i = 0; i < FAULT_TICKS_MAX && __atomic_load_n(&record->action, __ATOMIC_SEQ_CST) == FAULT_PAUSE; i++)
		(void) nanosleep(&tick, NULL);
	__atomic_store_n(&record->pid, 0, __ATOMIC_SEQ_CST);
}

int
fault_reached(const char *name)
{
	int error = errno;
	FaultRecord *record;
	int result = 0;

	fault_open();
	record = fault_find(name);
	if (record != NULL)
	{
		uint32_t action = __atomic_load_n(&record->action, __ATOMIC_SEQ_CST);

		__atomic_fetch_add(&record->hits, 1, __ATOMIC_SEQ_CST);
		if (action != FAULT_OFF && fault_concerns_us(record))
		{
			if (action == FAULT_PAUSE)
				fault_stand(record);
			result = action == FAULT_ERROR ? -EIO : 0;
		}
	}
	errno = error;
	return result;
}
