/*
 * trace_fuzz.c - a trace of anybody's making: refused with a place and a reason, or one that is written and read again and that
 * the simulator comes to the end of.
 */
#include "tests/fuzz/fuzz.h"

#include "policies/simulate_figures.h"

#define CALLS_MOST 200

static const char policy_text[] =
	"version: 1\n"
	"node: {name: n, id: 1, slots: 2, quantum: 10s, memory: 1GB}\n"
	"pools:\n"
	"  a: {priority: 90, weight: 3, slots: 1, queue: {length: 5, ageing: 100ms}, reserve: 128MB, limits: {memory: "
	"256MB}}\n"
	"  b: {priority: 90, weight: 1, on_contention: share, queue: {ageing: 0}, limits: {memory: 512MB, wall: 1h}}\n"
	"  c: {priority: 10, memory: 512MB, on_contention: yield, limits: {memory: 512MB}}\n"
	"caps: [{role: a, slots: 1}, {database: db, memory: 600MB}]\n"
	"assign: [{role: a, pool: a}, {role: b, pool: b}, {pool: c}]\n";

static int
bytes_read(const void *data, size_t size, Trace *trace, PolicyError *error)
{
	FILE *file = fmemopen((void *) data, size, "r");
	int result;

	FUZZ_CHECK(file != NULL);
	trace_init(trace);
	result = trace_read(file, trace, error);
	fclose(file);
	return result;
}

static void
written_check(const Trace *trace)
{
	Trace again;
	PolicyError error;
	char *text;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	FUZZ_CHECK(file != NULL);
	trace_write(file, trace);
	fclose(file);
	FUZZ_CHECK(bytes_read(text, length, &again, &error) == 0);
	FUZZ_CHECK(again.call_count == trace->call_count);
	for (uint32_t i = 0; i < trace->call_count; i++)
		FUZZ_CHECK(again.calls[i].run_us == trace->calls[i].run_us && again.calls[i].at_us == trace->calls[i].at_us);
	trace_free(&again);
	free(text);
}

/* Times as they stand would take a quantum of 10 s to 30 days: they are cut. */
static void
simulated_check(Trace *trace)
{
	static Policy policy;
	SimulateSetup setup;
	SimulateRun run;
	PolicyError error;
	SimulateFigures figures;

	FUZZ_CHECK(policy_parse(policy_text, sizeof(policy_text) - 1, &policy, &error) == 0);
	simulate_setup_init(&setup, &policy);
	for (uint32_t i = 0; i < trace->call_count; i++)
		trace->calls[i].run_us %= 100000000;
	FUZZ_CHECK(simulate_run(&setup, trace, &run, &error) == 0);
	FUZZ_CHECK(simulate_figures(&run, trace, NULL, -1, &figures) == 0);
	FUZZ_CHECK(figures.calls == trace->call_count && simulate_utilisation(&run) < 1.0001);
	simulate_free(&run);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Trace trace;
	PolicyError error = {0};

	if (size == 0)
		return 0;
	if (bytes_read(data, size, &trace, &error) == 0)
	{
		written_check(&trace);
		if (trace.call_count <= CALLS_MOST)
			simulated_check(&trace);
	}
	else
		FUZZ_CHECK(error.message[0] != '\0' && error.line > 0);
	trace_free(&trace);
	return 0;
}

static const char *const words[] = {
	"at_us",
	"run_us",
	",",
	"\n",
	"\r\n",
	"\"",
	"\"\"",
	"role",
	"database",
	"function",
	"pool",
	"sql_us",
	"queries",
	"memory",
	"a",
	"b",
	"9223372036854775808",
	"1000000",
	"-1",
	"1e9",
	"priority",
	"99",
	"db",
	"0",
	"nan",
	"\xff",
	"2592000000000",
	"100000000",
};

static const char *const seeds[] = {
	"at_us,run_us\n0,5\n3,1\n1,2\n",
	"at_us,database,role,function,pool,priority,run_us,sql_us,queries,memory,queue_us\n"
	"0,db,a,\"x,\"\"y\"\"\",a,,5000000,900000,3,200000000,\n10,db,b,f,b,95,7000000,0,0,,\n20,db,c,f,c,,1000,5,1,"
	"600000000,7\n",
	"role,run_us,at_us\na,100000000,0\na,1,1\na,1,1\na,1,1\na,1,1\na,1,1\na,1,1\na,1,1\nb,1,1\nb,99999999,1\n",
};

size_t
fuzz_seed(unsigned number, uint8_t *data, size_t capacity)
{
	size_t size;

	if (number >= sizeof(seeds) / sizeof(seeds[0]))
		return 0;
	size = strlen(seeds[number]) < capacity ? strlen(seeds[number]) : capacity;
	memcpy(data, seeds[number], size);
	return size;
}

const char *
fuzz_word(unsigned number)
{
	return number < sizeof(words) / sizeof(words[0]) ? words[number] : NULL;
}
