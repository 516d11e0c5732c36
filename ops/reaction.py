"""RR1 of the bench: how soon a rule ends a call that has come to be above its threshold, for each metric, on an idle machine and with all
cores busy. Another call keeps the scheduler looking, and each waits for a moment, so that the looks have nothing to do with when
thresholds are passed. On a server of its own. Times are the machine's clock, which clients, functions and the server share.

From when: elapsed, run_time, queue_time: when the statement was sent, and the threshold more, which is never late. cpu_time: 1 ms before,
by the function's own CPU clock. memory, temp: the function comes near to the threshold, waits, and notes the time before the
allocation or the write that passes it. calls, rows: in the last call or row that is not too many. It is noted before, so that none of
these is late either.
Until when: its client has the error; and the time of the rule's event.
"""
import os
import random
import re
import statistics
import subprocess
import sys
import time

from contention import Node

BOUND_MS = 200
RUNS = 20
LOOK_SECONDS = 0.1  # what a moment is at most
MEGABYTE = 1 << 20
TIME_MS = 100
CPU_EARLY_MS = 1  # so long before, it tells
MEMORY, MEMORY_STEP = 64 * MEGABYTE, 16 * MEGABYTE  # each canceled call leaves some more pages of the zygote's copied
TEMP, TEMP_STEP = 8 * MEGABYTE, MEGABYTE
COUNT = 500
POLICY = """version: 1
node: {slots: 4}
pools:
  main: {queue: {length: 100, timeout: 1min}, limits: {memory: 512MB, wall: 1min, tmp: 64MB}, spares: 2}
  narrow: {slots: 1, on_contention: yield, queue: {length: 100, timeout: 1min}, limits: {memory: 512MB, wall: 1min}}
assign:
  - {function: public.in_line, pool: narrow}
  - {pool: main}
"""
TELL = "GD['at'] = at"  # a message would wake the scheduler, and so say when to look
FUNCTIONS = f"""
CREATE FUNCTION lasts() RETURNS int LANGUAGE pybox AS $$
import time
while True: time.sleep(0.1)
$$;
CREATE FUNCTION in_line() RETURNS int LANGUAGE pybox AS $$
import time
while True: time.sleep(0.1)
$$;
CREATE FUNCTION computes_past(ms float8) RETURNS int LANGUAGE pybox AS $$
import time
end = time.process_time() + (ms - {CPU_EARLY_MS}) / 1000
while time.process_time() < end: pass
at = time.monotonic()
{TELL}
while True: pass
$$;
CREATE FUNCTION holds_past(size bigint, step bigint, moment float8) RETURNS int LANGUAGE pybox AS $$
import mmap, time
with mmap.mmap(-1, size + step) as held:  # what malloc() gets, it may keep for the next call
    for page in range(0, size, mmap.PAGESIZE): held[page] = 1
    time.sleep(moment)
    at = time.monotonic()
    {TELL}
    for page in range(size, size + step, mmap.PAGESIZE): held[page] = 1
    while True: time.sleep(0.1)
$$;
CREATE FUNCTION fills_past(size bigint, step bigint, moment float8) RETURNS int LANGUAGE pybox AS $$
import os, time
try:
    with open('/tmp/f', 'wb', buffering=0) as file:
        file.write(b'x' * size)
        time.sleep(moment)
        at = time.monotonic()
        {TELL}
        file.write(b'x' * step)
        while True: time.sleep(0.1)
finally: os.unlink('/tmp/f')
$$;
CREATE FUNCTION yields_past(above int, moment float8) RETURNS SETOF int LANGUAGE pybox AS $$
import time
for i in range(1, 1 << 30):
    if i == above:
        time.sleep(moment)
        at = time.monotonic()
        {TELL}
    if i > above: time.sleep(0.001)
    yield i
$$;
CREATE FUNCTION called_past(above int, moment float8, i int) RETURNS int LANGUAGE pybox AS $$
import time
if i == above:
    time.sleep(moment)
    at = time.monotonic()
    {TELL}
if i > above: time.sleep(0.001)
return i
$$;
CREATE FUNCTION told() RETURNS float8 LANGUAGE pybox AS $$
return GD.pop('at')
$$;
CREATE FUNCTION idles() RETURNS int LANGUAGE pybox AS $$
import time
while True: time.sleep(0.1)
$$;
"""
# metric: its threshold in the policy, function, and statement; {moment} is what to wait, {base} what an interpreter has anyway
CASES = {
    "elapsed": (f"{TIME_MS}ms", "lasts", "SELECT lasts();"),
    "run_time": (f"{TIME_MS}ms", "lasts", "SELECT lasts();"),
    "queue_time": (f"{TIME_MS}ms", "in_line", "SELECT in_line();"),
    "cpu_time": (f"{TIME_MS}ms", "computes_past", f"SELECT computes_past({TIME_MS});"),
    "memory": (f"{MEMORY // MEGABYTE}MB", "holds_past", f"SELECT holds_past({MEMORY - MEMORY_STEP // 2} - {{base}}, {MEMORY_STEP}, {{moment}});"),
    "calls": (f"{COUNT}", "called_past", f"SELECT count(called_past({COUNT}, {{moment}}, g)) "
              "FROM (SELECT generate_series(1, 1000000000) AS g) s;"),
    "rows": (f"{COUNT}", "yields_past", f"SELECT count(*) FROM (SELECT yields_past({COUNT}, {{moment}})) s;"),
    "temp": (f"{TEMP // MEGABYTE}MB", "fills_past", f"SELECT fills_past({TEMP - TEMP_STEP // 2}, {TEMP_STEP}, {{moment}});"),
}
TIMES = ("elapsed", "run_time", "queue_time")
SPIN = "while True: pass"


class Busy:
    """Processes that keep all cores busy, or none."""

    def __init__(self, count):
        self.processes = [subprocess.Popen([sys.executable, "-I", "-c", SPIN]) for _ in range(count)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()


def moment():
    """So that thresholds are passed at any time between two looks."""
    return random.uniform(0, LOOK_SECONDS)


def above_since(metric, session, sent):
    return sent + TIME_MS / 1000 if metric in TIMES else float(session.value("SELECT told();"))


def event_at(node, metric):
    """When the rule's latest event was, by the clock of the others."""
    at = float(node.dba.value(f"SELECT extract(epoch FROM at) FROM pybox.events WHERE rule = 'by_{metric}' ORDER BY number DESC LIMIT 1;"))
    return at - time.time() + time.monotonic()


def react(node, session, metric, statement):
    """Milliseconds from the crossing to the client's error, and to the event."""
    time.sleep(moment())
    sent = time.monotonic()
    answer = session.run(statement.replace("{moment}", f"{LOOK_SECONDS + moment():.3f}"))
    ended = time.monotonic()
    if f'due to rule "by_{metric}"' not in answer.text:
        raise RuntimeError(answer.text)
    since = above_since(metric, session, sent)
    return (ended - since) * 1000, (event_at(node, metric) - since) * 1000


def call_start(node, session, call):
    """Leaves a call running in the session."""
    function = call.partition("(")[0]
    session.send(f"SELECT {call};")
    while node.dba.value(f"SELECT count(*) FROM pybox.activity WHERE function LIKE '{function}(%' AND state = 'running';") != "1":
        time.sleep(0.01)


def calls_end(node, function, session):
    node.dba.run(f"SELECT pybox.cancel(call_id) FROM pybox.activity WHERE function LIKE '{function}(%';")
    session.finish()


def policy_for(metric):
    threshold, function, _ = CASES[metric]
    return (POLICY + "rules:\n  - {name: idle, function: public.idles, when: {memory: 500MB}, action: log}\n"
            f"  - {{name: by_{metric}, function: public.{function}, when: {{{metric}: {threshold}}}, action: cancel}}\n")


def base_of(node, session):
    """Bytes that an interpreter has beside those that holds_past() holds, as rules see it, once calls of it have been canceled."""
    node.reload(policy_for("memory"))
    for _ in range(3):
        call_start(node, session, f"holds_past({MEMORY // 2}, 0, 0)")
        value = 0
        while value < MEMORY // 2:
            value = int(node.dba.value("SELECT coalesce(max(memory), 0) FROM pybox.activity WHERE function LIKE 'holds_past(%';"))
        calls_end(node, "holds_past", session)
    return value - MEMORY // 2


def samples(node, metric, sessions):
    session, holder, idle = sessions
    statement = CASES[metric][2]
    if metric == "memory":
        statement = statement.replace("{base}", str(base_of(node, session)))
    node.reload(policy_for(metric))
    call_start(node, idle, "idles()")
    if metric == "queue_time":
        call_start(node, holder, "in_line()")
    pairs = [react(node, session, metric, statement) for _ in range(RUNS)]
    if metric == "queue_time":
        calls_end(node, "in_line", holder)
    calls_end(node, "idles", idle)
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def row_add(report, name, times, events):
    """The bar is for the longest, which is the p99 of so few."""
    passed = max(times) <= BOUND_MS and max(events) <= BOUND_MS
    report.add("RR1", f"{name}: p99 {percentile_of(times):.0f}, longest {max(times):.0f}, event {max(events):.0f} "
               f"(at most {BOUND_MS}: {'ok' if passed else 'FAIL'})", "ms", times, at_most=BOUND_MS, passed=passed,
               p99=round(percentile_of(times), 3), longest=round(max(times), 3), event=round(statistics.median(events), 3),
               event_longest=round(max(events), 3))


def percentile_of(times):
    return statistics.quantiles(times, n=100, method="inclusive")[98]


def bench_reaction(report, settings):
    node = Node(POLICY, settings)
    try:
        node.dba.run(FUNCTIONS)
        sessions = [node.session() for _ in range(3)]
        for name, count in (("idle", 0), ("cores busy", os.cpu_count())):
            with Busy(count):
                for metric in CASES:
                    row_add(report, f"{metric}, {name}", *samples(node, metric, sessions))
        for session in sessions:
            session.close()
    finally:
        node.stop()
