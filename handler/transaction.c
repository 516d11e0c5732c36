/*
 * transaction.c - ends transactions on behalf of procedures and DO blocks. Runs in backends.
 *
 * DESIGN. Only the outermost call of a session can do so: SPI makes everything that SQL of a function calls atomic. What
 * that call needs afterwards lives in its caller's memory context, which is the portal's when it is not atomic, or longer.
 */
#include "handler/transaction.h"

#include "executor/spi.h"

static bool is_ending = false;

static void (*const ends[WIRE_TRANSACTION_COUNT])(void) = {
	[WIRE_TRANSACTION_COMMIT] = SPI_commit,
	[WIRE_TRANSACTION_ROLLBACK] = SPI_rollback,
};

void
transaction_serve(Call *call, WireReader *reader, FrameOut *out)
{
	uint8 how = wire_get_u8(reader);

	if (how >= WIRE_TRANSACTION_COUNT)
		value_malformed("an end of a transaction out of range");
	is_ending = true;
	PG_TRY();
	{
		ends[how]();
	}
	PG_FINALLY();
	{
		is_ending = false;
	}
	PG_END_TRY();
}

bool
transaction_is_ending(void)
{
	return is_ending;
}
