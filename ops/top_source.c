/*
 * top_source.c - see top_source.h. Statements name everything by its schema: they run with an empty search path.
 */
#include "ops/top_source.h"

#define LENGTH(array) ((int) (sizeof(array) / sizeof((array)[0])))
#define SECONDS(interval) "extract(epoch FROM " interval ")::float8"
#define ISO(time) "to_char(" time " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

/* name, title, label, kind, least, most, rank */
static const TopColumn server_columns[] = {
	{"at", NULL, "at", TOP_TIME, 0, 0, 0},
	{"clock", NULL, NULL, TOP_SECONDS, 0, 0, 0},
	{"version", NULL, "server version", TOP_TEXT, 0, 0, 0},
	{"extension_version", NULL, "extension version", TOP_TEXT, 0, 0, 0},
	{"uptime", NULL, "server up", TOP_SECONDS, 0, 0, 0},
	{"database", NULL, "database", TOP_TEXT, 0, 0, 0},
	{"role", NULL, "role", TOP_TEXT, 0, 0, 0},
	{"standby", NULL, "standby", TOP_FLAG, 0, 0, 0},
	{"sees_all", NULL, "sees all calls", TOP_FLAG, 0, 0, 0},
};
static const char server_sql[] = "SELECT " ISO("now()") ", " SECONDS(
	"clock_timestamp()") ", current_setting('server_version'),"
						 " (SELECT extversion FROM pg_extension WHERE extname = 'pybox'), " SECONDS(
							 "now() - pg_postmaster_start_time()") ","
																   " current_database(), current_user, "
																   "pg_is_in_recovery(), "
																   "pg_has_role('pg_read_all_stats', 'USAGE')";

static const TopColumn node_columns[] = {
	{"node", NULL, "node", TOP_TEXT, 0, 0, 0},
	{"slots", NULL, "slots", TOP_INTEGER, 0, 0, 0},
	{"running", NULL, "running", TOP_INTEGER, 0, 0, 0},
	{"waiting", NULL, "waiting", TOP_INTEGER, 0, 0, 0},
	{"paused", NULL, "paused", TOP_INTEGER, 0, 0, 0},
	{"memory_budget", NULL, "memory budget", TOP_BYTES, 0, 0, 0},
	{"memory_reserved", NULL, "memory reserved", TOP_BYTES, 0, 0, 0},
	{"memory_used", NULL, "memory used", TOP_BYTES, 0, 0, 0},
	{"quantum", NULL, "quantum", TOP_SECONDS, 0, 0, 0},
	{"generation", NULL, "policy generation", TOP_INTEGER, 0, 0, 0},
	{"hash", NULL, "policy hash", TOP_TEXT, 0, 0, 0},
	{"loaded_at", NULL, "policy loaded at", TOP_TIME, 0, 0, 0},
	{"policy_age", NULL, "policy in force for", TOP_SECONDS, 0, 0, 0},
};
static const char node_sql[] =
	"SELECT n.node, n.slots, n.running, n.waiting, n.paused, n.memory_budget, n.memory_reserved, n.memory_used,"
	" " SECONDS("n.quantum") ", n.generation, n.hash, " ISO("n.loaded_at") ", " SECONDS(
		"now() - n.loaded_at") " FROM pybox.node n";

static const TopColumn pool_columns[] = {
	{"pool", "POOL", "pool", TOP_TEXT, 8, 24, 1},
	{"priority", "PRI", "priority", TOP_INTEGER, 3, 3, 5},
	{"weight", "WGT", "weight", TOP_INTEGER, 3, 5, 10},
	{"running", "RUN", "running", TOP_INTEGER, 3, 5, 2},
	{"slots", "SLOTS", "slots", TOP_INTEGER, 5, 5, 3},
	{"waiting", "WAIT", "waiting", TOP_INTEGER, 4, 5, 4},
	{"queue_length", "QUEUE", "queue length", TOP_INTEGER, 5, 5, 16},
	{"paused", "PAUSED", "paused", TOP_INTEGER, 6, 6, 6},
	{"oldest_wait", "OLDEST", "oldest wait", TOP_SECONDS, 6, 6, 7},
	{"memory_used", "USED", "memory used", TOP_BYTES, 5, 5, 8},
	{"memory_reserved", "RESERVED", "memory reserved", TOP_BYTES, 8, 8, 9},
	{"memory_budget", "BUDGET", "memory budget", TOP_BYTES, 6, 6, 11},
	{"memory_limit", "LIMIT", "memory limit of a call", TOP_BYTES, 5, 5, 15},
	{"on_contention", "CONTENTION", "on contention", TOP_TEXT, 5, 10, 12},
	{"drained", "DRAINED", "drained", TOP_FLAG, 7, 7, 13},
	{"ageing", "AGEING", "ageing", TOP_SECONDS, 6, 6, 14},
	{"spares", "SPARES", "spares", TOP_INTEGER, 6, 6, 17},
	{"trusted_zygote", "ZYGOTE", "zygote", TOP_TEXT, 7, 11, 18},
	{"trusted_zygote_reason", NULL, "why broken", TOP_TEXT, 0, 0, 0},
	{"untrusted_zygote", "UNTRUSTED", "untrusted zygote", TOP_TEXT, 9, 11, 19},
	{"untrusted_zygote_reason", NULL, "why broken", TOP_TEXT, 0, 0, 0},
};
static const char pool_sql[] =
	"SELECT p.pool, p.priority, p.weight, p.running, p.slots, p.waiting, p.queue_length, p.paused,"
	" " SECONDS(
		"p.oldest_wait") ", p.memory_used, p.memory_reserved, p.memory_budget, p.memory_limit, p.on_contention,"
						 " p.drained, " SECONDS(
							 "p.ageing") ", p.spares, p.trusted_zygote, p.trusted_zygote_reason, p.untrusted_zygote,"
										 " p.untrusted_zygote_reason"
										 " FROM pybox.pools p ORDER BY p.priority DESC, p.pool";

static const TopColumn call_columns[] = {
	{"call_id", "CALL", "call", TOP_ID, 19, 19, 13},
	{"pid", "PID", "backend", TOP_INTEGER, 5, 7, 3},
	{"leader_pid", NULL, "leader of its parallel group", TOP_INTEGER, 0, 0, 0},
	{"state", "STATE", "state", TOP_TEXT, 7, 8, 1},
	{"pool", "POOL", "pool", TOP_TEXT, 6, 20, 4},
	{"priority", "PRI", "priority", TOP_INTEGER, 3, 3, 6},
	{"role", "ROLE", "role", TOP_TEXT, 6, 16, 9},
	{"database", "DATABASE", "database", TOP_TEXT, 8, 16, 14},
	{"function", "FUNCTION", "function", TOP_TEXT, 12, 60, 2},
	{"language", "LANGUAGE", "language", TOP_TEXT, 8, 10, 19},
	{"elapsed", "TIME", "elapsed", TOP_SECONDS, 6, 6, 5},
	{"cpu_percent", "CPU%", "cpu now", TOP_PERCENT, 4, 5, 10},
	{"cpu", "CPU", "cpu time", TOP_SECONDS, 6, 6, 12},
	{"memory", "MEM", "memory", TOP_BYTES, 5, 5, 8},
	{"memory_peak", "PEAK", "memory at its peak", TOP_BYTES, 5, 5, 17},
	{"position", "POS", "position", TOP_INTEGER, 3, 4, 11},
	{"waiting_for", "WAITS FOR", "waits for", TOP_TEXT, 16, 30, 7},
	{"waited", NULL, "waited", TOP_SECONDS, 0, 0, 0},
	{"estimate", "EST", "estimate", TOP_SECONDS, 6, 6, 15},
	{"predicted", "PREDICT", "predicted", TOP_SECONDS, 7, 7, 16},
	{"attained", "HAD", "attained", TOP_SECONDS, 6, 6, 18},
	{"claimed", NULL, "memory claimed", TOP_BYTES, 0, 0, 0},
	{"blocks", "BLOCKS", "blocks", TOP_LIST, 6, 12, 20},
	{"rows", "ROWS", "rows", TOP_COUNT, 5, 5, 21},
	{"queued_at", NULL, "asked for at", TOP_TIME, 0, 0, 0},
	{"started_at", NULL, "started at", TOP_TIME, 0, 0, 0},
	{"interpreter_pid", NULL, "interpreter", TOP_INTEGER, 0, 0, 0},
	{"application", NULL, "application", TOP_TEXT, 0, 0, 0},
	{"client", NULL, "client", TOP_TEXT, 0, 0, 0},
	{"query", NULL, "statement", TOP_TEXT, 0, 0, 0},
};
static const char call_sql[] =
	"SELECT a.call_id, a.pid, a.leader_pid, a.state, a.pool, a.priority, a.role, a.database, a.function, a.language,"
	" " SECONDS("a.elapsed") ", NULL::float8, " SECONDS(
		"a.cpu") ", a.memory, a.memory_peak, q.position, a.waiting_for,"
				 " " SECONDS("q.waited") ", " SECONDS("q.estimate") ", " SECONDS("a.predicted") ", " SECONDS(
					 "a.attained") ", q.memory,"
								   " q.blocks, a.rows, " ISO("a.queued_at") ", " ISO(
									   "a.started_at") ", a.interpreter_pid, s.application_name,"
													   " coalesce(host(s.client_addr), CASE WHEN s.client_port = -1 "
													   "THEN 'local' END), left(s.query, 500)"
													   " FROM pybox.activity a LEFT JOIN pybox.queue q USING (call_id) "
													   "LEFT JOIN pg_stat_activity s ON s.pid = a.pid"
													   " ORDER BY a.queued_at, a.call_id";

static const TopColumn interpreter_columns[] = {
	{"pid", "PID", "process", TOP_INTEGER, 5, 7, 1},
	{"pool", "POOL", "pool", TOP_TEXT, 8, 20, 2},
	{"language", "LANGUAGE", "language", TOP_TEXT, 8, 8, 10},
	{"state", "STATE", "state", TOP_TEXT, 7, 8, 3},
	{"backend_pid", "BACKEND", "backend", TOP_INTEGER, 7, 7, 4},
	{"role", "ROLE", "role", TOP_TEXT, 6, 16, 7},
	{"age", "AGE", "age", TOP_SECONDS, 6, 6, 9},
	{"idle", "IDLE", "idle", TOP_SECONDS, 6, 6, 8},
	{"calls", "CALLS", "calls", TOP_COUNT, 5, 5, 11},
	{"cpu_percent", "CPU%", "cpu now", TOP_PERCENT, 4, 5, 12},
	{"cpu", "CPU", "cpu time", TOP_SECONDS, 6, 6, 5},
	{"memory", "MEM", "memory", TOP_BYTES, 5, 5, 6},
	{"memory_peak", "PEAK", "memory at its peak", TOP_BYTES, 5, 5, 13},
};
static const char interpreter_sql[] =
	"SELECT i.pid, i.pool, i.language, i.state, i.backend_pid, i.role, " SECONDS("i.age") ", " SECONDS(
		"i.idle") ", i.calls,"
				  " NULL::float8, " SECONDS(
					  "i.cpu") ", i.memory, i.memory_peak FROM pybox.interpreters i ORDER BY i.pool, i.pid";

static const TopColumn event_columns[] = {
	{"number", "EVENT", "event", TOP_ID, 5, 8, 11},
	{"age", "AGO", "ago", TOP_SECONDS, 6, 6, 1},
	{"at", "AT", "at", TOP_TIME, 24, 24, 12},
	{"kind", "KIND", "kind", TOP_TEXT, 8, 12, 2},
	{"rule", "RULE", "rule", TOP_TEXT, 6, 20, 6},
	{"dry_run", "DRY", "dry run", TOP_FLAG, 3, 3, 8},
	{"actor", "BY", "by", TOP_TEXT, 8, 16, 4},
	{"call_id", "CALL", "call", TOP_ID, 19, 19, 13},
	{"pid", "PID", "backend", TOP_INTEGER, 5, 7, 5},
	{"role", "ROLE", "role", TOP_TEXT, 6, 16, 10},
	{"database", NULL, "database", TOP_TEXT, 0, 0, 0},
	{"function", "FUNCTION", "function", TOP_TEXT, 12, 40, 7},
	{"pool", "POOL", "pool", TOP_TEXT, 6, 16, 9},
	{"metric", NULL, "metric", TOP_TEXT, 0, 0, 0},
	{"value", NULL, "value", TOP_COUNT, 0, 0, 0},
	{"threshold", NULL, "threshold", TOP_COUNT, 0, 0, 0},
	{"detail", "DETAIL", "detail", TOP_TEXT, 24, 60, 3},
};
static const char event_sql[] = "SELECT e.number, " SECONDS("now() - e.at") ", " ISO(
	"e.at") ", e.kind, e.rule, e.dry_run, e.actor, e.call_id, e.pid,"
			" e.role, e.database, e.function, e.pool, e.metric, e.value, e.threshold, e.detail"
			" FROM (SELECT *, row_number() OVER (ORDER BY number DESC) AS turn FROM pybox.events) e"
			" WHERE e.turn <= 100 OR e.call_id = $1 ORDER BY e.number DESC";

static const TopColumn history_columns[] = {
	{"calls", NULL, "calls", TOP_COUNT, 0, 0, 0},
	{"errors", NULL, "errors", TOP_COUNT, 0, 0, 0},
	{"run_p50", NULL, "run time, median", TOP_SECONDS, 0, 0, 0},
	{"run_p95", NULL, "run time, 95 of 100 below", TOP_SECONDS, 0, 0, 0},
	{"queue_p50", NULL, "wait, median", TOP_SECONDS, 0, 0, 0},
	{"queue_p95", NULL, "wait, 95 of 100 below", TOP_SECONDS, 0, 0, 0},
	{"memory_peak", NULL, "memory at its peak", TOP_BYTES, 0, 0, 0},
};
static const char history_sql[] =
	"SELECT s.calls, s.errors, s.run_p50 / 1000, s.run_p95 / 1000, s.queue_p50 / 1000, s.queue_p95 / 1000, "
	"s.memory_peak"
	" FROM pybox.activity a JOIN pybox.stat_functions s ON s.database = a.database AND s.function = a.function"
	" WHERE a.call_id = $1 LIMIT 1";

static const TopColumn limit_columns[] = {
	{"path", "SETTING", "setting", TOP_TEXT, 16, 40, 1},
	{"value", "VALUE", "value", TOP_TEXT, 8, 60, 2},
	{"line", "LINE", "line", TOP_INTEGER, 4, 4, 3},
};
static const char limit_sql[] = "SELECT s.path, s.value, s.line FROM pybox.activity a"
								" JOIN pybox.policy_settings s ON starts_with(s.path, 'pools.' || a.pool || '.')"
								" WHERE a.call_id = $1 AND s.value IS NOT NULL ORDER BY s.path";

const TopStatement top_statements[SOURCE_COUNT] = {
	[SOURCE_SERVER] = {"server", server_sql, server_columns, LENGTH(server_columns), true, false, false},
	[SOURCE_NODE] = {"node", node_sql, node_columns, LENGTH(node_columns), true, false, false},
	[SOURCE_POOLS] = {"pools", pool_sql, pool_columns, LENGTH(pool_columns), false, false, false},
	[SOURCE_CALLS] = {"calls", call_sql, call_columns, LENGTH(call_columns), false, false, false},
	[SOURCE_INTERPRETERS] = {"interpreters", interpreter_sql, interpreter_columns, LENGTH(interpreter_columns), false,
							 false},
	[SOURCE_EVENTS] = {"events", event_sql, event_columns, LENGTH(event_columns), false, true, false},
	[SOURCE_HISTORY] = {"history", history_sql, history_columns, LENGTH(history_columns), true, true, true},
	[SOURCE_LIMITS] = {"limits", limit_sql, limit_columns, LENGTH(limit_columns), false, true, true},
};

void
snapshot_open(TopSnapshot *snapshot)
{
	for (int i = 0; i < SOURCE_COUNT; i++)
		set_open(&snapshot->sets[i], top_statements[i].columns, top_statements[i].column_count, 0);
}

void
snapshot_close(TopSnapshot *snapshot)
{
	for (int i = 0; i < SOURCE_COUNT; i++)
		set_close(&snapshot->sets[i]);
}
