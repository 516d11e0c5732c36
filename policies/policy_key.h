/*
 * policy_key.h - the keys of a policy as tables, and the kinds of values they take.
 *
 * To add a key: a field in policy.h and a row in policy_key.c. Parser, printer, differences, views, JSON Schema and the table in
 * README.md (pybox-policy keys) come from the rows.
 */
#ifndef PYBOX_POLICY_KEY_H
#define PYBOX_POLICY_KEY_H

#include "policies/policy.h"
#include "policies/policy_effect.h"

#define POLICY_KEYS_MAX 20 /* rows of one table */

typedef enum PolicyKind
{
	/* numbers: min to max; INTEGER and PERCENT are int32_t, SIZE (bytes), DURATION (ms) and AMOUNT int64_t, COST double */
	POLICY_KIND_INTEGER,
	POLICY_KIND_SIZE,
	POLICY_KIND_DURATION,
	POLICY_KIND_PERCENT,
	POLICY_KIND_AMOUNT,
	POLICY_KIND_COST,
	/* char arrays of max + 1 bytes */
	POLICY_KIND_IDENTIFIER, /* of a pool, rule, filter or budget */
	POLICY_KIND_LABEL,		/* of a node */
	POLICY_KIND_NAME,		/* of a role or database */
	POLICY_KIND_FUNCTION,	/* schema.name */
	POLICY_KIND_MODULE,		/* dotted Python name */
	POLICY_KIND_PATH,		/* absolute */
	POLICY_KIND_TEXT,		/* for people */
	/* an enum: index into words */
	POLICY_KIND_WORD,
	POLICY_KIND_SWITCH,	 /* bool: true or false */
	POLICY_KIND_HOURS,	 /* int32_t[2]: minutes of a day, from and until; both 0: not said */
	POLICY_KIND_SCALARS, /* the kinds above are read and printed one value at a time, by policy_value.c */
	/* structures */
	POLICY_KIND_VERSION = POLICY_KIND_SCALARS,
	POLICY_KIND_MAP,	 /* below: its keys, in the same struct */
	POLICY_KIND_NODE,	 /* below: likewise; checked as a whole */
	POLICY_KIND_LIST,	 /* below: one row that describes each entry; at most max of them */
	POLICY_KIND_LAYERS,	 /* uint32_t of LAYER_BITs */
	POLICY_KIND_POOLS,	 /* below: keys of PolicyPool */
	POLICY_KIND_ENTRIES, /* below: keys of the structs in an array; at most max of them */
	POLICY_KIND_ASSIGNS, /* below: likewise, of PolicyAssign; checked as a whole */
	POLICY_KIND_POOL,	 /* int32_t index of the pool named; -1: not said */
	POLICY_KIND_FLAGS,	 /* uint32_t of bits 1 << index into words; 0: not said */
	POLICY_KIND_TERMS,	 /* PolicyTerm[]; below: the metrics, a row for each PolicyMetric */
	POLICY_KIND_COUNT
} PolicyKind;

struct PolicyReader;

typedef struct PolicyKey
{
	const char *name; /* NULL ends a table */
	PolicyKind kind;
	bool required; /* only in mappings that cannot be left out */
	int64_t min, max;
	int64_t fallback;		   /* of a number or word left out; may lie outside the range: not said, or worked out */
	const char *fallback_text; /* of a text left out; NULL: empty */
	size_t offset;			   /* of the field in Policy, PolicyPool or the entry's struct */
	size_t count_offset;	   /* of a list's int32_t count */
	const char *const *words;  /* of a WORD or FLAGS; NULL ends them */
	const struct PolicyKey *below;
	/* of ENTRIES: their size, where their int32_t line is, and what must hold of one; node: its mapping */
	size_t stride, line_offset;
	int (*check)(struct PolicyReader *reader, const void *entry, int node);
	/* for people */
	const char *doc;	   /* what it means */
	const char *otherwise; /* what holds when it is left out, where that is not the fallback */
	PolicyEffect effect;   /* of a change */
} PolicyKey;

/* The keys at the top of a policy, in the order in which they are worked out. */
extern const PolicyKey policy_keys[];

#endif
