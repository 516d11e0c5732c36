/*
 * init.c - what happens when the server loads pybox.so: settings, shared memory, the scheduler, DISCARD ALL.
 */
#include "postgres.h"

#include <limits.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/ipc.h"
#include "tcop/utility.h"
#include "utils/guc.h"

#include "handler/call.h"
#include "handler/channel.h"
#include "handler/cost.h"
#include "handler/lease.h"
#include "scheduler/policy_store.h"
#include "scheduler/recorder.h"
#include "scheduler/shared.h"
#include "scheduler/stat.h"
#include "scheduler/supervisor.h"
#include "scheduler/worker.h"

PG_MODULE_MAGIC;

void _PG_init(void);

static shmem_startup_hook_type previous_startup = NULL;
static ProcessUtility_hook_type previous_utility = NULL;
#if PG_VERSION_NUM >= 150000
static shmem_request_hook_type previous_request = NULL;
#endif

static void
settings_define(void)
{
	DefineCustomStringVariable(
		"pybox.policy_file", "File that says who may run Python with which limits.",
		"YAML; see pybox-policy check. Empty: the built-in default. Read at start, on reload and by "
		"pybox.reload_policy().",
		&policy_store_file, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomStringVariable("pybox.cgroup", "Folder below each cgroup controller that the server's user may write.",
							   "Such as \"/pybox\", made and handed over by root, or \"auto\": the cgroup v2 group "
							   "that the server was started in. "
							   "Empty: no cgroups; memory is then capped by address space alone.",
							   &supervisor_cgroup, "", PGC_POSTMASTER, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomIntVariable("pybox.spin_us", "How long backend and interpreter spin for each other before they sleep.",
							"0: never. They do not spin when more calls run than half the cores.", &channel_spin_us,
							200, 0, 10000, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"pybox.cancel_grace_ms", "How long a canceled call may take to unwind before its interpreter is killed.",
		"0: it is killed at once.", &call_cancel_grace_ms, 75, 0, 60000, PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("pybox.stat_functions_max", "How many functions pybox.stat_functions can count.",
							"When there are more, the one whose calls are longest ago makes room.", &stat_functions_max,
							2000, 100, 100000, PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("pybox.trace_calls_max", "How many calls pybox.trace_start() has room for.",
							"Each takes 160 bytes of shared memory.", &recorder_calls_max, 20000, 0, 4000000,
							PGC_POSTMASTER, 0, NULL, NULL, NULL);
#if PG_VERSION_NUM >= 150000
	MarkGUCPrefixReserved("pybox");
#else
	EmitWarningsOnPlaceholders("pybox");
#endif
}

static void
memory_request(void)
{
#if PG_VERSION_NUM >= 150000
	if (previous_request != NULL)
		previous_request();
#endif
	shared_request();
}

static void
memory_attach(void)
{
	if (previous_startup != NULL)
		previous_startup();
	shared_attach();
}

static void
utility_run(PlannedStmt *statement, const char *query, bool read_only_tree, ProcessUtilityContext context,
			ParamListInfo params, QueryEnvironment *environment, DestReceiver *receiver, QueryCompletion *completion)
{
	Node *node = statement->utilityStmt;
	bool discards_all = IsA(node, DiscardStmt) && ((DiscardStmt *) node)->target == DISCARD_ALL;

	if (previous_utility != NULL)
		previous_utility(statement, query, read_only_tree, context, params, environment, receiver, completion);
	else
		standard_ProcessUtility(statement, query, read_only_tree, context, params, environment, receiver, completion);
	if (discards_all)
		lease_drop_all();
}

void
_PG_init(void)
{
	/* Loaded late, it has no shared memory: shared_require() tells the user what to do. */
	if (!process_shared_preload_libraries_in_progress)
		return;
	settings_define();
#if PG_VERSION_NUM >= 150000
	previous_request = shmem_request_hook;
	shmem_request_hook = memory_request;
#else
	memory_request();
#endif
	previous_startup = shmem_startup_hook;
	shmem_startup_hook = memory_attach;
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = utility_run;
	cost_initialize();
	worker_register();
}
