"""D2 and D3 of the bench: what better calls wait for while worse ones have all slots, and how exactly weights share them. On a server
of their own with two slots.

D2: latencies are pgbench's, from query to answer, of calls that come at a given rate; idle and loaded in turn, so that both meet the
same machine. FIFO is the same queue with one pool that asks nobody to give way and goes by age alone.
D3: each call notes when it ran; stretches between such notes are the slot time that pools have had, whatever the server's own books say.
"""
import glob
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time

from session import Session, environment, server

SECONDS = float(os.environ.get("SECONDS_EACH", "30"))
ROUNDS = 5  # of idle and loaded
RATE = int(os.environ.get("RATE", "50"))  # calls a second
SHORT_MS = 0.2
LONG_MS = 2000
SESSIONS = 8
FIFO_CLIENTS = 4  # in step they would wait for the same slots; so few add little to the queue that they stand in
IDLE_BAR, FIFO_BAR, SHARE_BAR = 5, 10, 2
NODE = "version: 1\nnode: {slots: 2}\n"
LIMITS = "limits: {memory: 512MB, wall: 10min}, spares: 1"
QUEUE = "queue: {length: 1000, timeout: 10min}, " + LIMITS
PAUSED = NODE.replace("slots: 2", "slots: 2, weight: 12") + f"""pools:
  clerks: {{priority: 90, {QUEUE}}}
  night: {{priority: 10, {QUEUE}}}
assign:
  - {{role: clerk, pool: clerks}}
  - {{pool: night}}
"""
FIFO = NODE + f"""pools:
  all: {{on_contention: yield, queue: {{length: 1000, timeout: 10min, ageing: 1ms}}, {LIMITS}}}
assign:
  - {{pool: all}}
"""
WEIGHTS = {"a": 1, "b": 2, "c": 5}
OTHER_WEIGHTS = {"a": 5, "b": 2, "c": 1}
SESSIONS_EACH = 8
CALL_MS = 20
BREAK_MS = 15  # a call that did not run for so long was paused
RELOADS = 20
RELOAD_SECONDS = 1.5
SETTLE_SECONDS = 0.2  # in which a reload has to be in force
FUNCTIONS = """CREATE EXTENSION pybox;
CREATE ROLE clerk LOGIN; CREATE ROLE a LOGIN; CREATE ROLE b LOGIN; CREATE ROLE c LOGIN;
CREATE FUNCTION busy(ms float8) RETURNS int LANGUAGE pybox AS $$
import time
end = time.perf_counter() + ms / 1000
while time.perf_counter() < end: pass
return 1
$$;
CREATE FUNCTION computes(ms float8) RETURNS int LANGUAGE pybox AS $$
import time
end = time.process_time() + ms / 1000
while time.process_time() < end: pass
return 1
$$;
CREATE FUNCTION traced(ms float8, break_ms float8, until float8) RETURNS text LANGUAGE pybox AS $$
import time
first = last = now = time.monotonic()
if now > until: return None
end = time.process_time() + ms / 1000
stretches = []
while time.process_time() < end:
    now = time.monotonic()
    if now - last > break_ms / 1000:
        stretches.append('%.6f-%.6f' % (first, last))
        first = now
    last = now
return ' '.join(stretches + ['%.6f-%.6f' % (first, last)])
$$;
"""


def weights_policy(weights):
    pools = "".join(f"  {name}: {{weight: {weight}, {QUEUE}}}\n" for name, weight in weights.items())
    assign = "".join(f"  - {{role: {name}, pool: {name}}}\n" for name in weights)
    return f"{NODE}pools:\n{pools}assign:\n{assign}  - {{pool: a}}\n"


class Node:
    """A server of its own beside the bench's, whose policy changes."""

    def __init__(self, policy, settings):
        self.state = os.environ["PYBOX_DEV_DIR"] + "-contention"
        self.folder = tempfile.mkdtemp(prefix="pybox-bench.")
        os.chmod(self.folder, 0o755)
        self.path = os.path.join(self.folder, "policy.yaml")
        self.write(policy)
        arguments = [word for setting in settings for word in ("--set", setting)]
        self.use(server, "start", "--policy", self.path, *arguments)
        self.environment = self.use(environment)
        self.dba = self.session()
        self.dba.run(FUNCTIONS)
        self.path = self.dba.value("SHOW pybox.policy_file;")  # the server has a copy

    def use(self, what, *arguments):
        usual = os.environ["PYBOX_DEV_DIR"]
        os.environ["PYBOX_DEV_DIR"] = self.state
        try:
            return what(*arguments)
        finally:
            os.environ["PYBOX_DEV_DIR"] = usual

    def session(self, role="postgres"):
        return self.use(Session, role)

    def write(self, policy):
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            file.write(policy)
        os.rename(self.path + ".new", self.path)

    def reload(self, policy):
        """Returns when it was asked for."""
        self.write(policy)
        at = time.monotonic()
        answer = self.dba.run("SELECT pybox.reload_policy();")
        if answer.sqlstate != "00000":
            raise RuntimeError(answer.text)
        return at

    def latencies(self, role, seconds, clients=1, rate=0):
        """Of short calls, in ms, from the query to its answer: when the client came to send it is not the server's matter."""
        log = os.path.join(self.folder, "latency")
        command = ["pgbench", "-n", "-c", str(clients), "-T", str(int(seconds)), "-l", f"--log-prefix={log}", "-f", "/dev/stdin"]
        command += ["-R", str(rate)] if rate else []
        subprocess.run(command, input=f"SELECT busy({SHORT_MS});\n", check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, text=True, env={**self.environment, "PGUSER": role})
        times = []
        for path in glob.glob(log + ".*"):
            with open(path, encoding="utf-8") as file:
                rows = [line.split() for line in file]
            times += [(float(row[2]) - float(row[6] if rate else 0)) / 1000 for row in rows]
            os.unlink(path)
        return times

    def latencies_warm(self, role, seconds, rate):
        """Without the first ones, which wait for an interpreter."""
        times = self.latencies(role, seconds, rate=rate)
        return times[max(2, len(times) // 20):]

    def stop(self):
        self.dba.close()
        self.use(server, "stop")
        shutil.rmtree(self.folder)


class Load:
    """Sessions that make long calls, one after the other, from start to stop."""

    def __init__(self, node, role="postgres"):
        self.node = node
        self.sessions = [node.session(role) for _ in range(SESSIONS)]

    def start(self):
        self.stopping = False
        self.threads = [threading.Thread(target=self.work, args=(session,)) for session in self.sessions]
        for thread in self.threads:
            thread.start()
        time.sleep(1)

    def work(self, session):
        while not self.stopping:
            session.run(f"SELECT computes({LONG_MS});")

    def stop(self):
        self.stopping = True
        while any(thread.is_alive() for thread in self.threads):
            self.node.dba.run("SELECT pybox.cancel(call_id) FROM pybox.activity;")
            time.sleep(0.1)

    def close(self):
        for session in self.sessions:
            session.close()


def percentile(values, percent):
    return sorted(values)[min(len(values) - 1, int(len(values) * percent / 100))]


def bench_pause(report, settings):
    """D2: short calls while long ones have both slots."""
    node = Node(PAUSED, settings)
    idle, loaded = [], []
    try:
        load = Load(node)
        for _ in range(ROUNDS):
            idle.append(node.latencies_warm("clerk", SECONDS / ROUNDS, RATE))
            load.start()
            loaded.append(node.latencies_warm("clerk", SECONDS / ROUNDS, RATE))
            load.stop()
        node.reload(FIFO)
        load.start()
        fifo = node.latencies("clerk", SECONDS, clients=FIFO_CLIENTS)
        load.stop()
        load.close()
    finally:
        node.stop()
    report_pause(report, idle, loaded, fifo)


def report_pause(report, idle, loaded, fifo):
    def of_rounds(rounds, percent):
        return [percentile(times, percent) for times in rounds]

    calls, busy = sum(len(times) for times in loaded), f"while {SESSIONS} sessions compute on 2 slots"
    p50, p99 = of_rounds(idle, 50), of_rounds(loaded, 99)
    report.add("D2", "short call, idle: p50", "ms", p50, calls=sum(len(times) for times in idle))
    report.add("D2", "short call, idle: p99", "ms", of_rounds(idle, 99))
    report.add("D2", f"{busy}: p50", "ms", of_rounds(loaded, 50), calls=calls)
    report.add("D2", "the same: p99", "ms", p99)
    report.judge("D2", "the same: p99, in idle p50 of its round", "x", [high / low for low, high in zip(p50, p99)],
                 at_most=IDLE_BAR)
    report.add("D2", "the same in one pool, FIFO: p50", "ms", [percentile(fifo, 50)], calls=len(fifo))
    report.add("D2", "that: p99", "ms", [percentile(fifo, 99)])
    report.judge("D2", "that, in p99 with pauses", "x", [percentile(fifo, 99) / value for value in p99], at_least=FIFO_BAR)


def trace_start(node, seconds):
    """Sessions of each pool that make short calls without a break, for so long."""
    until = time.monotonic() + seconds
    count = int(seconds * 1000 / CALL_MS) * 2
    sessions = []
    for name in WEIGHTS:
        for _ in range(SESSIONS_EACH):
            session = node.session(name)
            session.run("\\pset tuples_only on\n\\pset format unaligned")
            session.send(f"SELECT 'ran=' || t FROM (SELECT traced({CALL_MS}, {BREAK_MS}, {until}) AS t FROM "
                         f"generate_series(1, {count}) OFFSET 0) AS calls WHERE t IS NOT NULL;")
            sessions.append((name, session))
    return sessions


def trace_finish(sessions):
    """(pool, first, last) of each stretch of time in which a call ran."""
    stretches = []
    for name, session in sessions:
        answer = session.finish(600)
        if answer.sqlstate != "00000":
            raise RuntimeError(answer.text)
        for word in re.findall(r"[0-9.]+-[0-9.]+", answer.text):
            first, last = word.split("-")
            stretches.append((name, float(first), float(last)))
        session.close()
    return stretches


def share_error(stretches, windows, weights):
    """How far a pool's share of the slot time within the windows is from its weight's, in percent of that share; the greatest."""
    used = dict.fromkeys(weights, 0.0)
    for name, first, last in stretches:
        used[name] += sum(max(0.0, min(last, end) - max(first, start)) for start, end in windows)
    total, all_weights = sum(used.values()), sum(weights.values())
    return max(abs(100 * used[name] / total * all_weights / weight - 100) for name, weight in weights.items())


def share_errors_after_reloads(node):
    """Of each reload to other weights and back, from SETTLE_SECONDS after it to the next: the greatest errors over all of a kind."""
    sessions = trace_start(node, RELOADS * RELOAD_SECONDS + 4)
    windows = {"first": [], "other": []}
    time.sleep(2)
    for turn in range(RELOADS):
        at = node.reload(weights_policy(WEIGHTS if turn % 2 else OTHER_WEIGHTS))
        windows["first" if turn % 2 else "other"].append((at + SETTLE_SECONDS, at + RELOAD_SECONDS))
        time.sleep(max(0.0, at + RELOAD_SECONDS - time.monotonic()))
    stretches = trace_finish(sessions)
    return [share_error(stretches, windows["first"], WEIGHTS), share_error(stretches, windows["other"], OTHER_WEIGHTS)]


def bench_weights(report, settings):
    """D3: three pools that always have more calls than slots."""
    node = Node(weights_policy(WEIGHTS), settings)
    try:
        sessions = trace_start(node, SECONDS + 4)
        start = time.monotonic() + 2
        steady = share_error(trace_finish(sessions), [(start, start + SECONDS)], WEIGHTS)
        after = share_errors_after_reloads(node)
    finally:
        node.stop()
    report.judge("D3", f"weights 1:2:5 saturated for {SECONDS:.0f} s: greatest error of a share", "%", [steady], at_most=SHARE_BAR)
    report.judge("D3", f"from {SETTLE_SECONDS * 1000:.0f} ms after each of {RELOADS} reloads of 5:2:1 and 1:2:5 on", "%", after,
                 at_most=SHARE_BAR)
