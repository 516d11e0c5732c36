/*
 * spi.h - SQL on behalf of a function: each statement in a subtransaction of its own, as the current user.
 */
#ifndef PYBOX_HANDLER_SPI_H
#define PYBOX_HANDLER_SPI_H

#include "postgres.h"

#include "utils/portal.h"

#include "handler/call.h"

/* Each takes its request's payload, appends its reply, and may raise. */
void spi_execute(Call *call, WireReader *reader, FrameOut *out);
void spi_prepare(Call *call, WireReader *reader, FrameOut *out);
void spi_execute_plan(Call *call, WireReader *reader, FrameOut *out);
void spi_free_plan(Call *call, WireReader *reader, FrameOut *out);
/* Takes plan, count and values and opens a cursor on them; NULL as SPI_cursor_open(). */
Portal spi_plan_cursor(Call *call, WireReader *reader);
/* The interpreter of this lease has let go of a plan: the next to prepare or execute one frees it. Raises nothing. */
void spi_plan_doom(uint64 lease, uint32 number);
/* Appends SPI's result as a WireRows and frees it. */
void spi_rows_put(Call *call, FrameOut *out, int status);
/* Finds out what became of the types of all plans' arguments. */
void spi_plans_look_up(void);
/* Has the interpreter know what became of the types of its plans' arguments; false: not of all. */
bool spi_plans_renew(Call *call);

#endif
