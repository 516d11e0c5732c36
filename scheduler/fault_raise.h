/*
 * fault_raise.h - fault points of server processes: to fail is to raise an error.
 */
#ifndef PYBOX_FAULT_RAISE_H
#define PYBOX_FAULT_RAISE_H

#include "postgres.h"

#include "sandbox/fault.h"

#ifdef PYBOX_FAULTS
#define FAULT_RAISE(name)                                                                                              \
	do                                                                                                                 \
	{                                                                                                                  \
		if (FAULT_POINT(name) < 0)                                                                                     \
			ereport(ERROR, (errcode(ERRCODE_IO_ERROR), errmsg("fault at %s", name)));                                  \
	} while (0)
#else
#define FAULT_RAISE(name) ((void) 0)
#endif

#endif
