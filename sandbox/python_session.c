/* python_session.c - what WIRE_HELLO says. Runs in: child. */
#include "sandbox/python_session.h"

#include "sandbox/python_text.h"

static Session session;

const Session *
session_current(void)
{
	return &session;
}

int
session_read(WireReader *r)
{
	PyObject *pool, *packages;

	session.trusted = wire_get_u8(r) != 0;
	session.numpy = wire_get_u8(r) != 0;
	pool = text_get(r);
	packages = pool == NULL ? NULL : text_get(r);
	if (packages == NULL)
	{
		Py_XDECREF(pool);
		return -1;
	}
	Py_XSETREF(session.pool, pool);
	Py_XSETREF(session.packages, packages);
	return 0;
}
