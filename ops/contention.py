"""D2 and D3 of the bench: what better calls wait for while worse ones have all slots, and how exactly weights share them. On a server
of their own with two slots. Latencies are pgbench's, of calls that come at a fixed rate; shares are of slot time, by a trace of calls.
"""
import glob
import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time

from session import Session, environment, server

SECONDS = float(os.environ.get("SECONDS_EACH", "30"))
RATE = int(os.environ.get("RATE", "50"))  # calls a second
SHORT_MS = 0.2
LONG_MS = 2000
SESSIONS = 8
NODE = "version: 1\nnode: {slots: 2}\n"
LIMITS = "queue: {length: 1000, timeout: 10min}, limits: {memory: 512MB, wall: 10min}, spares: 1"
PAUSED = NODE + f"""pools:
  clerks: {{priority: 90, {LIMITS}}}
  night: {{priority: 10, {LIMITS}}}
assign:
  - {{role: clerk, pool: clerks}}
  - {{pool: night}}
"""
FIFO = NODE + f"""pools:
  all: {{on_contention: yield, {LIMITS}}}
assign:
  - {{pool: all}}
"""
WEIGHTS = {"a": 1, "b": 2, "c": 5}
OTHER_WEIGHTS = {"a": 5, "b": 2, "c": 1}
SESSIONS_EACH = 8
CALL_MS = 20
RELOADS = 10
RELOAD_SECONDS = 3
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
CREATE FUNCTION traced(ms float8, until float8) RETURNS float8 LANGUAGE pybox AS $$
import time
if time.monotonic() > until: return None
end = time.process_time() + ms / 1000
while time.process_time() < end: pass
return time.monotonic()
$$;
"""


def weights_policy(weights):
    pools = "".join(f"  {name}: {{weight: {weight}, {LIMITS}}}\n" for name, weight in weights.items())
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
        self.write(policy)
        answer = self.dba.run("SELECT pybox.reload_policy();")
        if answer.sqlstate != "00000":
            raise RuntimeError(answer.text)
        return time.monotonic()

    def latencies(self, role, seconds, rate):
        """Of short calls, in ms."""
        log = os.path.join(self.folder, "latency")
        command = ["pgbench", "-n", "-c", "1", "-T", str(int(seconds)), "-l", f"--log-prefix={log}", "-f", "/dev/stdin"]
        command += ["-R", str(rate)] if rate else []
        subprocess.run(command, input=f"SELECT busy({SHORT_MS});\n", check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, text=True, env={**self.environment, "PGUSER": role})
        times = []
        for path in glob.glob(log + ".*"):
            with open(path, encoding="utf-8") as file:
                times += [float(line.split()[2]) / 1000 for line in file]
            os.unlink(path)
        return times[len(times) // 20:]

    def stop(self):
        self.dba.close()
        self.use(server, "stop")
        shutil.rmtree(self.folder)


class Load:
    """Sessions that make long calls, one after the other, until they are stopped."""

    def __init__(self, node, role="postgres"):
        self.stopping = False
        self.sessions = [node.session(role) for _ in range(SESSIONS)]
        self.threads = [threading.Thread(target=self.work, args=(session,)) for session in self.sessions]
        for thread in self.threads:
            thread.start()
        time.sleep(1)

    def work(self, session):
        while not self.stopping:
            session.run(f"SELECT computes({LONG_MS});")

    def stop(self, node):
        self.stopping = True
        while any(thread.is_alive() for thread in self.threads):
            node.dba.run("SELECT pg_cancel_backend(pid) FROM pybox.activity;")
            time.sleep(0.1)
        for session in self.sessions:
            session.close()


def percentile(values, percent):
    return sorted(values)[min(len(values) - 1, int(len(values) * percent / 100))]


def bench_pause(report, settings):
    """D2: short calls while long ones have both slots."""
    node = Node(PAUSED, settings)
    try:
        idle = node.latencies("clerk", SECONDS, RATE)
        load = Load(node)
        loaded = node.latencies("clerk", SECONDS, RATE)
        load.stop(node)
        node.reload(FIFO)
        load = Load(node)
        fifo = node.latencies("clerk", SECONDS, 0)
        load.stop(node)
    finally:
        node.stop()
    p50 = percentile(idle, 50)
    report.add("D2", "short call, idle: p50", "ms", [p50], calls=len(idle))
    report.add("D2", "short call, idle: p99", "ms", [percentile(idle, 99)])
    report.add("D2", f"while {SESSIONS} sessions compute on 2 slots: p50", "ms", [percentile(loaded, 50)], calls=len(loaded))
    report.add("D2", "the same: p99", "ms", [percentile(loaded, 99)])
    report.add("D2", "the same: p99, in idle p50 (5 at most)", "x", [percentile(loaded, 99) / p50])
    report.add("D2", "the same in one pool that gives way to nobody: p50", "ms", [percentile(fifo, 50)], calls=len(fifo))
    report.add("D2", "that, in p99 with pauses (10 at least)", "x", [percentile(fifo, 50) / percentile(loaded, 99)])


def trace_start(node, seconds):
    """Sessions of each pool that make short calls without a break, and until when they do."""
    until = time.monotonic() + seconds
    count = int(seconds * 1000 / CALL_MS) * 2
    sessions = []
    for name in WEIGHTS:
        for _ in range(SESSIONS_EACH):
            session = node.session(name)
            session.run("\\pset tuples_only on\n\\pset format unaligned")
            session.send(f"SELECT 'end=' || t FROM (SELECT traced({CALL_MS}, {until}) AS t FROM "
                         f"generate_series(1, {count}) OFFSET 0) AS calls WHERE t IS NOT NULL;")
            sessions.append((name, session))
    return sessions


def trace_finish(sessions):
    """(pool, end) of each call."""
    calls = []
    for name, session in sessions:
        answer = session.finish(600)
        if answer.sqlstate != "00000":
            raise RuntimeError(answer.text)
        calls += [(name, float(line.strip()[4:])) for line in answer.text.split("\n") if line.strip().startswith("end=")]
        session.close()
    return calls


def share_error(used, weights):
    """The greatest difference between a pool's share of what all have used and its weight's, in percent of all."""
    total, all_weights = sum(used.values()), sum(weights.values())
    return max(abs(100 * used[name] / total - 100 * weight / all_weights) for name, weight in weights.items())


def calls_within(calls, windows):
    """How many calls of each pool ended within the windows: each has the same CPU time."""
    used = dict.fromkeys(WEIGHTS, 0)
    for name, end in calls:
        used[name] += any(first <= end < last for first, last in windows)
    return used


def slot_times(node):
    """Of each pool so far, in ms; what calls of a transaction that goes on have used is there a moment later."""
    text = node.dba.value("SELECT string_agg(pool || ' ' || run_time, ',') FROM pybox.stat_pools;")
    return {name: float(ms) for name, ms in (pair.split() for pair in text.split(",") if pair)}


def slot_times_between(earlier, later):
    return {name: later[name] - earlier.get(name, 0.0) for name in WEIGHTS}


def bench_weights(report, settings):
    """D3: three pools that always have more calls than slots."""
    node = Node(weights_policy(WEIGHTS), settings)
    try:
        sessions = trace_start(node, SECONDS + 4)
        time.sleep(2)
        earlier = slot_times(node)
        time.sleep(SECONDS)
        steady = share_error(slot_times_between(earlier, slot_times(node)), WEIGHTS)
        trace_finish(sessions)
        sessions = trace_start(node, RELOADS * RELOAD_SECONDS + 3)
        windows = {"first": [], "other": []}
        time.sleep(2)
        for turn in range(RELOADS):
            at = node.reload(weights_policy(WEIGHTS if turn % 2 else OTHER_WEIGHTS))
            windows["first" if turn % 2 else "other"].append((at + SETTLE_SECONDS, at + RELOAD_SECONDS - SETTLE_SECONDS))
            time.sleep(RELOAD_SECONDS)
        calls = trace_finish(sessions)
    finally:
        node.stop()
    report.add("D3", f"weights 1:2:5 saturated for {SECONDS:.0f} s: greatest error of a share (2 at most)", "%", [steady])
    report.add("D3", f"from {SETTLE_SECONDS * 1000:.0f} ms after each of {RELOADS} reloads of 5:2:1 and 1:2:5 on", "%",
               [statistics.mean([share_error(calls_within(calls, windows["first"]), WEIGHTS),
                                 share_error(calls_within(calls, windows["other"]), OTHER_WEIGHTS)])])
