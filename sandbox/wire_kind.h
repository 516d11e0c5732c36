/*
 * wire_kind.h - the closed sets of the wire: frames, values, target types, error fields.
 *
 * "value" below is a tag (WireTag) and its payload; "type" a WireType tree; "texts" optional strings, each a value
 * that is WIRE_NULL or WIRE_TEXT.
 */
#ifndef PYBOX_WIRE_KIND_H
#define PYBOX_WIRE_KIND_H

typedef enum WireKind
{
	/* backend to child */
	WIRE_HELLO = 1, /* u8 trusted, u8 arrays (PolicyArrays), text pool, text packages ("numpy, scipy"; for hints) */
	/* u32 handle, u32 oid (0: none), u8 flags (WireFunctionFlag), text name, text source, u16 n, n texts: argument names */
	WIRE_FUNCTION,
	WIRE_TYPE, /* u32 handle, type; replaces what the handle stood for */
	WIRE_FORGET, /* u32 function handle: it is not called any more. WIRE_FREE_*, then WIRE_END of call 0 when it is gone */
	WIRE_CALL,		  /* u32 function handle, u32 type handle, u16 n, n values */
	WIRE_TRIGGER,	  /* a WireTrigger, below; answered by WIRE_RESULT with a WireTriggerAnswer, or WIRE_ERROR */
	WIRE_NEXT,		  /* u32 iterator: give the next row */
	WIRE_CLOSE,		  /* u32 iterator: drop it. WIRE_FREE_*, then WIRE_END of call 0 when it is gone */
	WIRE_CHECK,		  /* as WIRE_FUNCTION: only compile; answered by WIRE_RESULT with WIRE_NULL or WIRE_ERROR */
	WIRE_REPLY,		  /* answer to a request; payload by request, below */
	WIRE_REPLY_ERROR, /* a request failed: as WIRE_ERROR */
	/* child to backend: answers */
	WIRE_RESULT,   /* value */
	WIRE_ITERATOR, /* u32 iterator: a set-returning call gave an iterable */
	WIRE_ROW,	   /* value: the next row */
	WIRE_END,	   /* the iterator is exhausted and dropped */
	WIRE_ERROR, /* WIRE_FIELD_COUNT texts, in the order of WireField; no context, not even an empty one: it did not run */
	WIRE_FATAL, /* as WIRE_ERROR, of a plpy.Fatal */
	/* child to backend: requests */
	WIRE_EXECUTE,	   /* u64 limit (0: all), text query. REPLY: a WireRows */
	WIRE_PREPARE,	   /* text query, u16 n, n texts: type names. REPLY: u32 plan, u16 n, n WIRE_TYPEs */
	WIRE_EXECUTE_PLAN, /* u32 plan, u64 limit, u16 n, n values. REPLY: a WireRows */
	WIRE_FREE_PLAN,	   /* u32 plan; names no call; no answer */
	WIRE_LOG,		   /* u8 WireLogLevel, WIRE_FIELD_COUNT texts. REPLY: empty; fatal comes from untrusted ones only */
	WIRE_QUOTE,		   /* u8 WireQuote, text. REPLY: text */
	WIRE_SUBTRANSACTION, /* u8 WireSubtransaction. REPLY: u8 whether there was one to exit from */
	WIRE_TRANSACTION,	 /* u8 WireTransaction. REPLY: empty */
	WIRE_CURSOR,		 /* text query. REPLY: u32 cursor */
	WIRE_CURSOR_PLAN,	 /* u32 plan, u16 n, n values. REPLY: u32 cursor */
	WIRE_FETCH,			 /* u32 cursor, i32 count. REPLY: u8 whether it is open, and a WireRows if it is */
	WIRE_CLOSE_CURSOR,	 /* u32 cursor. REPLY: u8 whether it was open */
	WIRE_FREE_CURSOR,	 /* u32 cursor; names no call; no answer */
	WIRE_KIND_COUNT
} WireKind;

/*
 * WireRows, the answer to WIRE_EXECUTE and WIRE_EXECUTE_PLAN: i32 SPI status, u64 rows processed, u8 has result set;
 * if it has: u16 n columns, n of {text name, u32 type oid, i32 typmod}, u64 rows, rows * n values.
 */

/*
 * WireTrigger: u32 function handle, u32 handle of the type of the table's rows, u8 whether there is a new row to modify,
 * u16 n, n u16: generated columns, ascending; value: TD, a WIRE_RECORD in the order of the dictionary to be.
 * WireTriggerAnswer: u8 WireTriggerAction; with MODIFY and a row to modify: any number of {u8 WIRE_TRIGGER_COLUMN, u16 column,
 * value}, of which the last one for a column counts, then u8 WIRE_TRIGGER_END, or u8 WIRE_TRIGGER_FAULT and what WIRE_ERROR has:
 * the fault comes after the columns, since PL/Python would meet one of theirs first. Columns are counted from 0 as in the row's
 * type, which has no dropped ones.
 */
typedef enum WireTriggerAction
{
	WIRE_TRIGGER_OK,
	WIRE_TRIGGER_SKIP,
	WIRE_TRIGGER_MODIFY,
	WIRE_TRIGGER_ACTION_COUNT
} WireTriggerAction;

typedef enum WireTriggerItem
{
	WIRE_TRIGGER_END,
	WIRE_TRIGGER_COLUMN,
	WIRE_TRIGGER_FAULT
} WireTriggerItem;

typedef enum WireFunctionFlag
{
	WIRE_FUNCTION_SET = 1,		 /* returns an iterator */
	WIRE_FUNCTION_PROCEDURE = 2, /* called by CALL */
	WIRE_FUNCTION_INLINE = 4,	 /* DO block */
	WIRE_FUNCTION_TRIGGER = 8	 /* fired for one table; has TD */
} WireFunctionFlag;

typedef enum WireTag
{
	WIRE_NULL,
	WIRE_BOOL,	  /* u8 */
	WIRE_INT,	  /* u64, two's complement */
	WIRE_FLOAT,	  /* f64 */
	WIRE_DECIMAL, /* text; from the child: str() of a number, in a WIRE_TYPE_OBJECT only */
	WIRE_TEXT,	  /* text; from the child: for the target type's input function */
	WIRE_BYTES,	  /* text, any bytes */
	WIRE_ARRAY,	  /* u8 ndim (0: empty), ndim * u32, values in row-major order */
	WIRE_PACKED,  /* u8 WirePacked, u8 ndim (>= 1), ndim * u32, raw elements; no nulls */
	WIRE_RECORD,  /* u16 n, n of {text name, value}; backend to child only */
	WIRE_TUPLE,	  /* u16 n, n values in column order; child to backend only */
	WIRE_LIST,	  /* u32 n, n values; of transforms only, as is the next */
	WIRE_DICT,	  /* u32 n, n of {value: key, from the child WIRE_TEXT; value} */
	WIRE_FAULT,	  /* WIRE_FIELD_COUNT texts: no value could be made; ends the frame; child to backend only */
	WIRE_TAG_COUNT
} WireTag;

typedef enum WirePacked
{
	WIRE_PACKED_BOOL,
	WIRE_PACKED_INT16,
	WIRE_PACKED_INT32,
	WIRE_PACKED_INT64,
	WIRE_PACKED_FLOAT32,
	WIRE_PACKED_FLOAT64,
	WIRE_PACKED_COUNT
} WirePacked;

/* What the child must turn a Python object into. Every type starts: u8 WireType, text SQL type name, u8 nothing (0). */
typedef enum WireType
{
	WIRE_TYPE_VOID,	 /* WIRE_NULL; anything but None is an error */
	WIRE_TYPE_BOOL,	 /* WIRE_BOOL by truth */
	WIRE_TYPE_INT16, /* WIRE_INT for an exact int in range, else WIRE_TEXT of str() */
	WIRE_TYPE_INT32,
	WIRE_TYPE_INT64,
	WIRE_TYPE_FLOAT32, /* WIRE_FLOAT for an exact float, else WIRE_TEXT */
	WIRE_TYPE_FLOAT64,
	WIRE_TYPE_BYTES,   /* WIRE_BYTES */
	WIRE_TYPE_TEXT,	   /* WIRE_TEXT of str(); float by repr() */
	WIRE_TYPE_ARRAY,   /* + element type. WIRE_ARRAY, or WIRE_PACKED from a numpy array */
	WIRE_TYPE_TUPLE,   /* + u16 n, n of {text name, type}. WIRE_TUPLE, or WIRE_TEXT from a str */
	WIRE_TYPE_OBJECT,  /* any nesting of WIRE_LIST, WIRE_DICT, WIRE_NULL, WIRE_BOOL, WIRE_DECIMAL, WIRE_TEXT */
	WIRE_TYPE_MAPPING, /* WIRE_DICT of WIRE_TEXT to WIRE_TEXT or WIRE_NULL */
	WIRE_TYPE_COUNT
} WireType;

typedef enum WireField
{
	WIRE_FIELD_MESSAGE,
	WIRE_FIELD_DETAIL,
	WIRE_FIELD_HINT,
	WIRE_FIELD_SQLSTATE,
	WIRE_FIELD_CONTEXT, /* the traceback */
	WIRE_FIELD_SCHEMA,
	WIRE_FIELD_TABLE,
	WIRE_FIELD_COLUMN,
	WIRE_FIELD_DATATYPE,
	WIRE_FIELD_CONSTRAINT,
	WIRE_FIELD_QUERY,
	WIRE_FIELD_POSITION, /* of an SPI error; position in decimal */
	WIRE_FIELD_LIMIT,	 /* of the child's errors: a limit of the pool it comes from, "memory BYTES", "pids", "tmp" */
	WIRE_FIELD_COUNT
} WireField;

typedef enum WireLogLevel
{
	WIRE_LOG_DEBUG,
	WIRE_LOG_LOG,
	WIRE_LOG_INFO,
	WIRE_LOG_NOTICE,
	WIRE_LOG_WARNING,
	WIRE_LOG_FATAL,
	WIRE_LOG_COUNT
} WireLogLevel;

typedef enum WireQuote
{
	WIRE_QUOTE_LITERAL,
	WIRE_QUOTE_NULLABLE,
	WIRE_QUOTE_IDENT,
	WIRE_QUOTE_COUNT
} WireQuote;

typedef enum WireSubtransaction
{
	WIRE_SUBTRANSACTION_ENTER,
	WIRE_SUBTRANSACTION_COMMIT,
	WIRE_SUBTRANSACTION_ROLLBACK,
	WIRE_SUBTRANSACTION_COUNT
} WireSubtransaction;

typedef enum WireTransaction
{
	WIRE_TRANSACTION_COMMIT,
	WIRE_TRANSACTION_ROLLBACK,
	WIRE_TRANSACTION_COUNT
} WireTransaction;

typedef enum WireLeaseState
{
	WIRE_LEASE_IDLE,
	WIRE_LEASE_BUSY,
	WIRE_LEASE_RECLAIMED
} WireLeaseState;

#endif
