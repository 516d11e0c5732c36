"""RR1 of the bench: how soon a rule ends a call that has come to be above its threshold, for each metric. The function says when that
was, by the machine's clock; the end is when its client has the error. Another call keeps the scheduler looking, so that the moments of its
looks have nothing to do with when calls begin. On a server of its own.
"""
import re
import time

from contention import Node

BOUND_MS = 200
RUNS = 20
STEP_SECONDS = 0.007  # between calls, so that they begin at other moments than the looks
MEGABYTE = 1 << 20
TIME_MS = 150
POLICY = """version: 1
node: {slots: 4}
pools:
  main: {queue: {length: 100, timeout: 1min}, limits: {memory: 512MB, wall: 1min, tmp: 64MB}, spares: 2}
  narrow: {slots: 1, on_contention: yield, queue: {length: 100, timeout: 1min}, limits: {memory: 512MB, wall: 1min}}
assign:
  - {function: public.in_line, pool: narrow}
  - {pool: main}
"""
TELL = "plpy.notice('above since %.6f' % time.monotonic())"
FUNCTIONS = f"""
CREATE FUNCTION computes_past(above float8) RETURNS int LANGUAGE pybox AS $$
import time
end = time.process_time() + above / 1000
while time.process_time() < end: pass
{TELL}
while True: pass
$$;
CREATE FUNCTION lasts_past(above float8) RETURNS int LANGUAGE pybox AS $$
import time
time.sleep(above / 1000)
{TELL}
while True: time.sleep(0.01)
$$;
CREATE FUNCTION holds_past(above float8) RETURNS int LANGUAGE pybox AS $$
import time
time.sleep(0.5)
held = bytearray(int(above) + (64 << 20))
{TELL}
while True: time.sleep(0.01)
$$;
CREATE FUNCTION fills_past(above float8) RETURNS int LANGUAGE pybox AS $$
import time
time.sleep(0.5)
with open('/tmp/f', 'wb') as file: file.write(bytes(int(above) + (1 << 20)))
{TELL}
while True: time.sleep(0.01)
$$;
CREATE FUNCTION yields_past(above float8) RETURNS SETOF int LANGUAGE pybox AS $$
import time
for i in range(1 << 30):
    if i == int(above) + 1: {TELL}
    if i > above: time.sleep(0.001)
    yield i
$$;
CREATE FUNCTION called_past(above float8, i int) RETURNS int LANGUAGE pybox AS $$
import time
if i == int(above) + 1: {TELL}
if i > above: time.sleep(0.001)
return i
$$;
CREATE FUNCTION idles() RETURNS int LANGUAGE pybox AS $$
import time
while True: time.sleep(0.1)
$$;
CREATE FUNCTION in_line(above float8) RETURNS int LANGUAGE pybox AS $$
import time
while True: time.sleep(0.01)
$$;
"""
# metric, threshold in the policy, the same as the function's argument, function, statement
CASES = [
    ("elapsed", f"{TIME_MS}ms", TIME_MS, "lasts_past", "SELECT lasts_past({});"),
    ("run_time", f"{TIME_MS}ms", TIME_MS, "lasts_past", "SELECT lasts_past({});"),
    ("queue_time", f"{TIME_MS}ms", TIME_MS, "in_line", "SELECT in_line({});"),
    ("cpu_time", f"{TIME_MS}ms", TIME_MS, "computes_past", "SELECT computes_past({});"),
    ("memory", "128MB", 128 * MEGABYTE, "holds_past", "SELECT holds_past({});"),
    ("temp", "8MB", 8 * MEGABYTE, "fills_past", "SELECT fills_past({});"),
    ("rows", "1000", 1000, "yields_past", "SELECT count(*) FROM (SELECT yields_past({})) s;"),
    ("calls", "1000", 1000, "called_past", "SELECT count(called_past({}, g)) FROM (SELECT generate_series(1, 1000000000) AS g) s;"),
]


def above_since(answer, sent, above):
    """What the function told; one in the queue tells nothing, and waits since it was sent."""
    told = re.search(r"above since ([0-9.]+)", answer.text)
    return float(told.group(1)) if told else sent + above / 1000


def react(session, metric, above, statement):
    """Milliseconds from the crossing to the client's error."""
    time.sleep(STEP_SECONDS)
    sent = time.monotonic()
    answer = session.run(statement.format(above))
    ended = time.monotonic()
    if f'due to rule "by_{metric}"' not in answer.text:
        raise RuntimeError(answer.text)
    return (ended - above_since(answer, sent, above)) * 1000


def call_start(node, session, function, arguments=""):
    """Leaves a call running in the session."""
    session.send(f"SELECT {function}({arguments});")
    while node.dba.value(f"SELECT count(*) FROM pybox.activity WHERE function LIKE '{function}%' AND state = 'running';") != "1":
        time.sleep(0.01)


def calls_end(node, function, session):
    node.dba.run(f"SELECT pybox.cancel(call_id) FROM pybox.activity WHERE function LIKE '{function}%';")
    session.finish()


def bench_reaction(report, settings):
    node = Node(POLICY, settings)
    try:
        node.dba.run(FUNCTIONS)
        session, holder, idle = node.session(), node.session(), node.session()
        for metric, threshold, above, function, arguments in CASES:
            node.reload(POLICY + "rules:\n  - {name: idle, function: public.idles, when: {elapsed: 1h}, action: log}\n"
                        f"  - {{name: by_{metric}, function: public.{function}, when: {{{metric}: {threshold}}}, action: cancel}}\n")
            call_start(node, idle, "idles")
            if metric == "queue_time":
                call_start(node, holder, "in_line", "0")
            times = [react(session, metric, above, arguments) for _ in range(RUNS)]
            if metric == "queue_time":
                calls_end(node, "in_line", holder)
            calls_end(node, "idles", idle)
            report.add("RR1", f"{metric}: from above its threshold to the error", "ms", times)
            report.add("RR1", f"... the longest of {RUNS}, aim {BOUND_MS}", "ms", [max(times)])
        for one in (session, holder, idle):
            one.close()
    finally:
        node.stop()
