/*
 * cursor.c - plpy.cursor() in the backend. Runs in backends; all but the sweep inside a subtransaction of request.c.
 */
#include "handler/cursor.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/portal.h"

#include "handler/spi.h"

#define CURSORS_MAX 1000

typedef struct Cursor
{
	struct Cursor *next;
	uint32 number;
	uint64 lease;
	bool doomed;  /* nobody has it any more */
	bool dropped; /* is going: what ends with its query may let go of other cursors and sweep */
	Portal portal;
	MemoryContextCallback gone; /* called when the portal's memory goes, with this in it */
} Cursor;

static Cursor *cursors = NULL;
static int cursor_count = 0;
static uint32 last_cursor = 0;

static void
cursor_gone(void *arg)
{
	for (Cursor **link = &cursors; *link != NULL; link = &(*link)->next)
		if (*link == arg)
		{
			*link = (*link)->next;
			cursor_count--;
			return;
		}
}

static void
cursors_limit(void)
{
	if (cursor_count >= CURSORS_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many open cursors"),
						errdetail("This session's Python functions hold %d, the limit.", CURSORS_MAX),
						errhint("Close cursors that are not read to their end.")));
}

/*
 * Whose transaction ends may be somebody else than who opened a cursor: what ends it runs the queries of pinned portals to
 * their end, with its own rights. In a role that is only lent, by SECURITY DEFINER, SET ROLE or maintenance of a table, a
 * function that cannot end the transaction itself gets cursors that go with the transaction.
 */
static bool
call_may_pin(const Call *call)
{
	Oid role;
	int lent;

	GetUserIdAndSecContext(&role, &lent);
	return call->nonatomic || (lent == 0 && role == GetSessionUserId());
}

static void
cursor_add(Call *call, Portal portal, FrameOut *out)
{
	Cursor *cursor;

	if (portal == NULL)
		elog(ERROR, "SPI_cursor_open() failed: %s", SPI_result_code_string(SPI_result));
	cursor = MemoryContextAllocZero(portal->portalContext, sizeof(Cursor));
	cursor->number = ++last_cursor;
	cursor->lease = call->lease->id;
	cursor->portal = portal;
	cursor->gone = (MemoryContextCallback){.func = cursor_gone, .arg = cursor};
	cursor->next = cursors;
	MemoryContextRegisterResetCallback(portal->portalContext, &cursor->gone);
	cursors = cursor;
	cursor_count++;
	if (call_may_pin(call))
		PinPortal(portal);
	wire_put_u32(&out->writer, cursor->number);
}

void
cursor_open_query(Call *call, WireReader *reader, FrameOut *out)
{
	char *query = frame_get_cstring(reader);
	SPIPlanPtr plan;
	Portal portal;

	cursors_limit();
	plan = SPI_prepare(query, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, call->function->read_only);
	SPI_freeplan(plan);
	cursor_add(call, portal, out);
}

void
cursor_open_plan(Call *call, WireReader *reader, FrameOut *out)
{
	cursors_limit();
	cursor_add(call, spi_plan_cursor(call, reader), out);
}

static Cursor *
cursor_find(uint64 lease, uint32 number)
{
	for (Cursor *cursor = cursors; cursor != NULL; cursor = cursor->next)
		if (cursor->number == number && cursor->lease == lease && !cursor->doomed && !cursor->dropped)
			return cursor;
	return NULL;
}

void
cursor_fetch(Call *call, WireReader *reader, FrameOut *out)
{
	Cursor *cursor = cursor_find(call->lease->id, wire_get_u32(reader));
	int32 count = (int32) wire_get_u32(reader);

	wire_put_u8(&out->writer, cursor != NULL);
	if (cursor == NULL)
		return;
	SPI_cursor_fetch(cursor->portal, true, count);
	spi_rows_put(call, out, SPI_OK_FETCH);
}

static void
cursor_unpin(Cursor *cursor)
{
	if (cursor->portal->portalPinned)
		UnpinPortal(cursor->portal);
}

/* Refused, with SPI's words, while it is being fetched from. */
static void
cursor_drop(Cursor *cursor)
{
	cursor_unpin(cursor);
	cursor->dropped = cursor->portal->status != PORTAL_ACTIVE;
	SPI_cursor_close(cursor->portal);
}

void
cursor_close(Call *call, WireReader *reader, FrameOut *out)
{
	Cursor *cursor = cursor_find(call->lease->id, wire_get_u32(reader));

	wire_put_u8(&out->writer, cursor != NULL);
	if (cursor == NULL)
		return;
	cursor_drop(cursor);
}

void
cursor_doom(uint64 lease, uint32 number)
{
	Cursor *cursor = cursor_find(lease, number);

	if (cursor == NULL)
		return;
	cursor->doomed = true;
	cursor_unpin(cursor);
}

void
cursor_free(Call *call, WireReader *reader, FrameOut *out)
{
	cursor_doom(call->lease->id, wire_get_u32(reader));
}

void
cursors_unpin(void)
{
	for (Cursor *cursor = cursors; cursor != NULL; cursor = cursor->next)
		if (!cursor->doomed && lease_find(cursor->lease) == NULL)
		{
			cursor->doomed = true;
			cursor_unpin(cursor);
		}
}

/* One that may be dropped: a doomed one that is being fetched from waits for a later sweep. */
static Cursor *
cursors_find_doomed(void)
{
	for (Cursor *cursor = cursors; cursor != NULL; cursor = cursor->next)
		if (cursor->doomed && !cursor->dropped && cursor->portal->status != PORTAL_ACTIVE)
			return cursor;
	return NULL;
}

void
cursors_sweep(void)
{
	Cursor *cursor;

	cursors_unpin();
	while ((cursor = cursors_find_doomed()) != NULL)
		cursor_drop(cursor);
}
