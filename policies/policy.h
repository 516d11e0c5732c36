/*
 * policy.h - the effective policy: who may use how much; a flat, pointer-free structure and what makes one from YAML.
 * Must not know: PostgreSQL, Python, processes. Runs in: scheduler, backends, launcher, pybox-policy, unit tests.
 */
#ifndef PYBOX_POLICY_H
#define PYBOX_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POLICY_TEXT_MAX (64 * 1024)
#define POLICY_DEPTH_MAX 16
#define POLICY_POOLS_MAX 32
#define POLICY_ASSIGNS_MAX 256
#define POLICY_PRELOADS_MAX 32
#define POLICY_PACKAGES_MAX 8
#define POLICY_READS_MAX 8
#define POLICY_NAME_SIZE 64	  /* bytes with the NUL, as NAMEDATALEN */
#define POLICY_MODULE_SIZE 64 /* a dotted Python module name */
#define POLICY_PATH_SIZE 256
#define POLICY_FUNCTION_SIZE 130 /* schema.name */
#define POLICY_CAPS_MAX 32
#define POLICY_FILTERS_MAX 64
#define POLICY_RULES_MAX 64
#define POLICY_BUDGETS_MAX 32
#define POLICY_TERMS_MAX 8 /* conditions of one rule */
#define POLICY_MESSAGE_SIZE 128
#define POLICY_NO_POOL (-1)
#define POLICY_HASH_SIZE 13 /* the first 12 hexadecimal digits of a text's SHA-256 sum, and NUL */

/* clang-format off */
typedef enum PolicyArrays { POLICY_ARRAYS_LIST, POLICY_ARRAYS_NUMPY } PolicyArrays;
typedef enum PolicyReach { POLICY_REACH_HOST, POLICY_REACH_NONE } PolicyReach;
typedef enum PolicyNull { POLICY_NULL_NONE, POLICY_NULL_WRITE } PolicyNull;
/* What a pool's calls do while better ones wait: QueueContention of scheduler/queue.h in the same order. */
typedef enum PolicyContention { POLICY_CONTENTION_PAUSE, POLICY_CONTENTION_YIELD, POLICY_CONTENTION_SHARE } PolicyContention;
/* clang-format on */

typedef struct PolicyLimits
{
	int64_t memory;		 /* bytes an interpreter may hold; cgroup memory.max */
	int64_t wall_ms;	 /* wall time of one call */
	int64_t cpu_ms;		 /* CPU time that one call's Python may use; 0: only as the others bound it */
	int64_t tmp;		 /* bytes of the private /tmp; 0: none */
	int64_t output;		 /* bytes one call may send back: results, SQL, log */
	int64_t log;		 /* bytes of messages by plpy.log and its kin, of one call */
	int32_t cpu_percent; /* 100 is one core, kept by the kernel's bandwidth quota */
	int32_t pids;		 /* threads and processes of one interpreter */
} PolicyLimits;

typedef struct PolicyPool
{
	char name[POLICY_NAME_SIZE];
	int32_t line;				 /* where the source declares it */
	int32_t priority;			 /* tier, 0..100, the higher goes first */
	int32_t weight;				 /* share inside the tier, 1..10000 */
	int32_t slots;				 /* calls that may run at once, 1..node.slots */
	int32_t queue_length;		 /* calls that may wait, 0..10000 */
	int32_t spares;				 /* warm interpreters kept ready, 0..64, per language used */
	int64_t queue_timeout_ms;	 /* longest wait for a slot */
	int64_t ageing_ms;			 /* queue.ageing: the longest waiter goes out of turn after this; 0: never */
	int64_t memory;				 /* bytes that all its calls together may reserve; 0: only as node.memory bounds it */
	int64_t reserve;			 /* bytes reserved for a call of a function without history */
	PolicyContention contention; /* on_contention */
	int64_t
		idle_timeout_ms; /* an unused lease ends after this; what follows is its interpreters', which live as long as it is */
	PolicyLimits limits;
	PolicyArrays arrays; /* how null-free fixed-width arrays reach Python */
	PolicyReach fs, net; /* pyboxu only: the host's files (data directory hidden) and network, or the jail's */
	PolicyNull dev_null; /* whether a private root's /dev/null can be opened, to read and to write */
	int32_t preload_count, package_count, read_count;
	char preload[POLICY_PRELOADS_MAX][POLICY_MODULE_SIZE]; /* imported by the zygote, in order */
	char packages[POLICY_PACKAGES_MAX][POLICY_PATH_SIZE];  /* read-only folders put on sys.path */
	char read[POLICY_READS_MAX][POLICY_PATH_SIZE]; /* folders a private root shows at their own place, to read */
} PolicyPool;

/* An assignment; empty strings do not constrain. All empty but pool: the default. */
typedef struct PolicyAssign
{
	char function[POLICY_FUNCTION_SIZE];
	char role[POLICY_NAME_SIZE], database[POLICY_NAME_SIZE];
	int32_t pool, line; /* index into pools; where the source says so, 0: implied */
} PolicyAssign;

/* Which calls an entry is about; empty strings and POLICY_NO_POOL do not constrain. */
typedef struct PolicySelector
{
	char function[POLICY_FUNCTION_SIZE];
	char role[POLICY_NAME_SIZE], database[POLICY_NAME_SIZE]; /* role: by membership */
	int32_t pool;
} PolicySelector;

/* All calls that it selects share these. */
typedef struct PolicyCap
{
	PolicySelector who;
	int32_t slots, line; /* slots 0: any */
	int64_t memory;		 /* bytes to reserve; 0: any */
} PolicyCap;

/* Calls that are refused before they start (53400): when all that is said here holds. */
typedef struct PolicyFilter
{
	char name[POLICY_NAME_SIZE];
	PolicySelector who;
	int32_t line;
	uint32_t days;					   /* bits 1 << weekday, Sunday 0; 0: all */
	int32_t from_min, until_min;	   /* minutes of the server's local day, until may be before from; both 0: always */
	double cost;					   /* planner's total cost of the statement is above; 0: any */
	int64_t argument_size;			   /* bytes of all arguments are above; 0: any */
	char message[POLICY_MESSAGE_SIZE]; /* for the error's hint; may be empty */
} PolicyFilter;

/* What rules look at, by the names of the file. */
typedef enum PolicyMetric
{
	POLICY_METRIC_ELAPSED,	  /* ms since the call was asked for, queue included */
	POLICY_METRIC_RUN_TIME,	  /* ms with a slot or in SQL, pauses excluded */
	POLICY_METRIC_QUEUE_TIME, /* ms waiting for its first slot */
	POLICY_METRIC_CPU_TIME,	  /* ms */
	POLICY_METRIC_MEMORY,	  /* bytes now */
	POLICY_METRIC_CALLS,	  /* calls of this function by the statement */
	POLICY_METRIC_ROWS,		  /* rows returned by the call's set so far */
	POLICY_METRIC_TEMP,		  /* bytes in the private /tmp */
	POLICY_METRIC_COUNT
} PolicyMetric;

/* From the mildest to the most severe. */
typedef enum PolicyAction
{
	POLICY_ACTION_LOG,
	POLICY_ACTION_DEMOTE, /* to priority */
	POLICY_ACTION_MOVE,	  /* to the pool to */
	POLICY_ACTION_PAUSE,
	POLICY_ACTION_CANCEL,
	POLICY_ACTION_KILL,
	POLICY_ACTION_QUARANTINE, /* cancels, and refuses the function until duration is over */
	POLICY_ACTION_COUNT
} PolicyAction;

typedef struct PolicyTerm
{
	PolicyMetric metric;
	int64_t above; /* holds while the metric is greater */
} PolicyTerm;

/* A runaway rule: all terms hold for some time. */
typedef struct PolicyRule
{
	char name[POLICY_NAME_SIZE];
	PolicySelector who;
	int32_t line, term_count;
	PolicyTerm terms[POLICY_TERMS_MAX];
	PolicyAction action;
	bool dry_run;
	int32_t priority;	 /* of DEMOTE, else -1 */
	int32_t to;			 /* of MOVE: a pool, else POLICY_NO_POOL */
	int32_t after;		 /* of QUARANTINE: with the how manieth call of that function and body; 1: the first */
	int64_t for_ms;		 /* the terms must have held for so long; 0: at once */
	int64_t cooldown_ms; /* to the next action of this rule on the same call */
	int64_t duration_ms; /* of QUARANTINE, and of PAUSE, 0: until somebody resumes it */
} PolicyRule;

/* CPU seconds that the selected calls may use together in a window of time. */
typedef enum PolicyOverdraft
{
	POLICY_OVERDRAFT_LOG,
	POLICY_OVERDRAFT_DEMOTE,
	POLICY_OVERDRAFT_REFUSE
} PolicyOverdraft;

typedef struct PolicyBudget
{
	char name[POLICY_NAME_SIZE];
	PolicySelector who; /* who.role: each role that is a member has its own account */
	int32_t line;
	int64_t cpu_ms, window_ms;
	PolicyOverdraft action;
	int32_t priority; /* of DEMOTE, else -1 */
} PolicyBudget;

typedef struct Policy
{
	int32_t node_id;	/* 0..16383, high bits of every call_id */
	int32_t node_slots; /* calls that may run at once on this node */
	char node_name[POLICY_NAME_SIZE];
	int64_t node_memory; /* bytes for all interpreters together, and what all calls may reserve; 0: not capped */
	int32_t node_weight; /* of all interpreters on the CPU, beside the server's processes, whose is 100 */
	int64_t quantum_ms;	 /* a holder keeps its slot for so long before another of its tier gets it */
	uint32_t require;	 /* bits 1 << LayerId: without them trusted calls are refused */
	int32_t pool_count, assign_count, cap_count, filter_count, rule_count, budget_count;
	PolicyPool pools[POLICY_POOLS_MAX];
	PolicyAssign assigns[POLICY_ASSIGNS_MAX];
	PolicyCap caps[POLICY_CAPS_MAX];
	PolicyFilter filters[POLICY_FILTERS_MAX];
	PolicyRule rules[POLICY_RULES_MAX];
	PolicyBudget budgets[POLICY_BUDGETS_MAX];
} Policy;

typedef struct PolicyError
{
	int line, column; /* from 1; 0 when no place in the text is meant */
	char message[256];
} PolicyError;

/* What is known of a call when its pool is looked up; is_member(arg, role) says whether the caller belongs to role. */
typedef struct PolicyCaller
{
	const char *function, *role, *database;			/* function: schema.name; NULL for DO blocks */
	bool (*is_member)(void *arg, const char *role); /* may be NULL */
	void *arg;
} PolicyCaller;

/* Which entries are about a call, whatever its pool: bits 1 << number. */
typedef struct PolicySelection
{
	uint64_t caps, filters, rules, budgets;
} PolicySelection;

const char *policy_default_text(void); /* YAML for one machine without cgroups */
/* Makes *out from YAML, which needs no NUL at its end. Returns 0, or -1 with *error filled in and *out untouched. */
int policy_parse(const char *text, size_t length, Policy *out, PolicyError *error);
/* Reads a file that only root or the effective user may write into POLICY_TEXT_MAX bytes, adding no NUL. 0 or -1. */
int policy_read(const char *path, char *text, size_t *length, PolicyError *error);
/* LAYER_BITs of sandbox/layer.h: what a pool's interpreters are given where the machine has it, ... */
uint32_t policy_layers_wanted(const PolicyPool *pool, bool trusted);
/* ... without which their calls are refused, ... */
uint32_t policy_layers_needed(const Policy *policy, const PolicyPool *pool, bool trusted);
/* ... and which of these a machine that has others lacks; of root and Landlock trusted pools need one in any case. */
uint32_t policy_layers_missing(const Policy *policy, const PolicyPool *pool, bool trusted, uint32_t have);
/* What there is in it; the rest of *to is left alone. */
void policy_copy(Policy *to, const Policy *from);
int policy_pool_find(const Policy *policy, const char *name); /* its index, or -1 */
/* Likewise, or of the pool that the default assigns: where the calls of a pool go that is no longer there. */
int policy_pool_heir(const Policy *policy, const char *name);
/* Whether calls get there by an assignment or a rule, without anybody's doing. */
bool policy_pool_is_reached(const Policy *policy, int pool);
/* The assignment a call falls under; *why is set to a constant. Never NULL for a Policy that policy_parse made. */
const PolicyAssign *policy_assign_find(const Policy *policy, const PolicyCaller *caller, const char **why);
/* Whether an entry is about the calls of such a caller in such a pool. */
bool policy_selector_holds(const PolicySelector *who, const PolicyCaller *caller, int32_t pool);
/* As the file names them. */
const char *policy_metric_name(PolicyMetric metric);
const char *policy_action_name(PolicyAction action);
const char *policy_overdraft_name(PolicyOverdraft action);

void policy_select(const Policy *policy, const PolicyCaller *caller, PolicySelection *selection);
/* Of these bits those that are about calls in a pool too. */
uint64_t policy_caps_of(const Policy *policy, uint64_t mask, int32_t pool);
uint64_t policy_filters_of(const Policy *policy, uint64_t mask, int32_t pool);
uint64_t policy_rules_of(const Policy *policy, uint64_t mask, int32_t pool);
uint64_t policy_budgets_of(const Policy *policy, uint64_t mask, int32_t pool);

#endif
