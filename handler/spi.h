/*
 * spi.h - SQL on behalf of a function: each statement in a subtransaction of its own, as the current user.
 */
#ifndef PYBOX_HANDLER_SPI_H
#define PYBOX_HANDLER_SPI_H

#include "postgres.h"

#include "handler/call.h"

/* Each takes its request's payload, appends its reply, and may raise. */
void spi_execute(Call *call, WireReader *reader, FrameOut *out);
void spi_prepare(Call *call, WireReader *reader, FrameOut *out);
void spi_execute_plan(Call *call, WireReader *reader, FrameOut *out);
void spi_free_plan(Call *call, WireReader *reader, FrameOut *out);

#endif
