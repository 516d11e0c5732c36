"""Workload V1 of ops/bench: what the views cost those who read them, and those who call functions meanwhile.

One pgbench calls a short function all the time, so that all slots and cores are busy. First one session reads all views in turn,
again and again: the times of each. Then seconds with a watcher and without one follow each other in changing order. A block has one
of each kind, and one more without: what these two differ by is the noise.

On a busy machine a watcher costs calls at least the CPU time that it uses itself. That is told to a thousandth by the kernel's books.
What a pass costs beyond it (caches, locks, the launcher) is far below the noise of a second's calls: it is measured where the watcher reads
without a break, and divided by the passes. Both together make what calls lose at a given rate; ten passes a second are measured
directly, too.
"""
import math
import os
import re
import statistics
import subprocess
import threading
import time

from session import Session, environment

SESSIONS = 8
READS = 1000
LATENCY_BAR, EFFECT_BAR = 20, 1  # ms, % of the calls
BLOCKS = int(os.environ.get("BLOCKS", "44"))
WARM_SECONDS = 3
READING_SECONDS = 0.95  # of a second, so that the last pass is over when it is
MARK = "@@read"
ALONE, AGAIN, TEN, ALWAYS = "nobody reads", "nobody reads, again", "all views read ten times a second", "all views read without a break"
PASSES = {TEN: 10, ALWAYS: 1000}  # at most, in a second
KINDS = [ALONE, AGAIN, TEN, ALWAYS]


class Load:
    """Sessions that call a short function, and how many calls each second had."""

    def __init__(self):
        command = ["pgbench", "-n", "-M", "prepared", "-c", str(SESSIONS), "-j", "2", "-T", "900", "-P", "1", "-f", "/dev/stdin"]
        self.pgbench = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        text=True, env={**environment(), "PGUSER": "ana"})
        self.pgbench.stdin.write("SELECT ana.f(1);\n")
        self.pgbench.stdin.close()
        self.rates, self.ended = [], threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        for _ in range(WARM_SECONDS):
            self.second()

    def _read(self):
        for line in self.pgbench.stderr:
            found = re.match(r"progress: [0-9.]+ s, ([0-9.]+) tps", line)
            if found:
                with self.ended:
                    self.rates.append(float(found.group(1)))
                    self.ended.notify()

    def second(self):
        """Waits for the end of this second, and returns its rate."""
        with self.ended:
            before = len(self.rates)
            if not self.ended.wait_for(lambda: len(self.rates) > before, 10):
                raise RuntimeError("the load has ended")
            return self.rates[-1]

    def end(self):
        self.pgbench.terminate()
        self.pgbench.wait()


def cpu_of(pid):
    """Seconds that a process of one thread has used."""
    with open(f"/proc/{pid}/schedstat", encoding="utf-8") as stat:
        return int(stat.read().split()[0]) / 1e9


class Watcher:
    """A session that reads all views, as often as it is told."""

    def __init__(self, views):
        self.reads = "".join(f"SELECT * FROM pybox.{view};\n" for view in views) + f"\\echo {MARK}\n"
        self.session = Session()
        self.backend = int(self.session.value("SELECT pg_backend_pid();"))
        zygote = int(self.session.value("SELECT max(trusted_zygote_pid) FROM pybox.pools;"))
        with open(f"/proc/{zygote}/stat", encoding="utf-8") as stat:
            self.launcher = int(stat.read().rpartition(")")[2].split()[1])
        self.session.run("\\timing off\n\\pset format unaligned\n\\o /dev/null")
        self.passes, self.turn, self.most, self.changed = 0, 0, 0, threading.Condition()
        self._read()
        threading.Thread(target=self._work, daemon=True).start()

    def watch(self, most):
        """So often in the second that begins now, evenly."""
        with self.changed:
            self.turn, self.most = self.turn + 1, most
            self.changed.notify()

    def _read(self):
        self.session.psql.stdin.write(self.reads)
        self.session.psql.stdin.flush()
        while self.session.psql.stdout.readline().rstrip() != MARK:
            pass
        self.passes += 1

    def _work(self):
        turn = 0
        while True:
            with self.changed:
                self.changed.wait_for(lambda seen=turn: self.turn != seen)
                turn, most, began = self.turn, self.most, time.monotonic()
            for number in range(most):
                time.sleep(max(0, began + number / most - time.monotonic()))
                if time.monotonic() - began > READING_SECONDS:
                    break
                self._read()

    def used(self):
        """CPU seconds by whom, and passes."""
        return {"backend": cpu_of(self.backend), "client": cpu_of(self.session.psql.pid) + time.process_time(),
                "launcher": cpu_of(self.launcher), "passes": self.passes}


def read_views(views):
    """Milliseconds of READS queries of each view, all views in turn."""
    script = "\\pset format unaligned\n\\timing on\n\\o /dev/null\n"
    script += "".join(f"SELECT * FROM pybox.{view};\n" for view in views) * READS
    out = subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1"], input=script, check=True, stdout=subprocess.PIPE, text=True,
                         env={**environment(), "PGUSER": "postgres"}).stdout
    times = [float(ms) for ms in re.findall(r"^Time: ([0-9.]+) ms", out, re.M)]
    if len(times) != READS * len(views):
        raise RuntimeError(f"{len(times)} times of {READS * len(views)} queries")
    return {view: sorted(times[number::len(views)]) for number, view in enumerate(views)}


def bench_reads(report, views):
    began = time.monotonic()
    times = read_views(views)
    rate = READS / (time.monotonic() - began)
    for view, ordered in times.items():
        p50 = statistics.median(ordered)
        report.judge("V1", f"{view}: p99 of {READS} (p50 {p50:.2f}, longest {ordered[-1]:.1f})", "ms", [ordered[int(READS * 0.99)]],
                     at_most=LATENCY_BAR, p50=round(p50, 3), longest=ordered[-1])
    report.add("V1", f"reads of each view a second meanwhile, {SESSIONS} sessions calling", "1/s", [rate])


def watched_seconds(load, watcher):
    """For each kind of second: calls in each, and what the watcher used."""
    seconds = {kind: [] for kind in KINDS}
    load.second()
    for block in range(BLOCKS):
        turn = block % len(KINDS)
        order = KINDS[turn:] + KINDS[:turn]
        for kind in order if block // len(KINDS) % 2 == 0 else reversed(order):
            watcher.watch(PASSES.get(kind, 0))
            before, began = watcher.used(), time.monotonic()
            rate, spent = load.second(), time.monotonic() - began
            used = {name: (now - before[name]) / spent for name, now in watcher.used().items()}
            seconds[kind].append({"calls": rate, **used})
    return seconds


def percent_lost(seconds, kind):
    """Of each block, in %, beside its two seconds without a watcher; the noise is what these two differ by."""
    blocks = [(a["calls"], b["calls"], c["calls"]) for a, b, c in zip(seconds[ALONE], seconds[AGAIN], seconds[kind])]
    return [100 * (1 - (b / a if kind == AGAIN else 2 * c / (a + b))) for a, b, c in blocks]


def uncertainty(values):
    """Standard error of their median, by how far they lie from it."""
    median = statistics.median(values)
    return 1.25 * 1.4826 * statistics.median(abs(value - median) for value in values) / math.sqrt(len(values))


def percent_used(seconds, kind, process):
    """Of all cores, beyond what it uses while nobody reads."""
    idle = statistics.mean(second[process] for second in seconds[ALONE] + seconds[AGAIN])
    return [100 * (second[process] - idle) / os.cpu_count() for second in seconds[kind]]


def bench_effect(report, seconds):
    lost = {kind: percent_lost(seconds, kind) for kind in KINDS[1:]}
    used = {(kind, who): percent_used(seconds, kind, who) for kind in PASSES for who in ("backend", "client", "launcher")}
    own = {kind: [sum(parts) for parts in zip(used[kind, "backend"], used[kind, "client"])] for kind in PASSES}
    passes = [second["passes"] for second in seconds[ALWAYS]]
    beyond = [(all_lost - own_use) / count for all_lost, own_use, count in zip(lost[ALWAYS], own[ALWAYS], passes)]

    report.add("V1", f"calls a second of {SESSIONS} sessions, {ALONE}", "1/s", [second["calls"] for second in seconds[ALONE]])
    report.add("V1", f"calls lost, {AGAIN}: the noise, +- {uncertainty(lost[AGAIN]):.2f}", "%", lost[AGAIN])
    report.add("V1", f"passes a second, {ALWAYS}", "1/s", passes)
    for kind in PASSES:
        report.add("V1", f"calls lost, {kind}, +- {uncertainty(lost[kind]):.2f}", "%", lost[kind])
        for who in ("backend", "client", "launcher"):
            report.add("V1", f"... of all cores its {who} used", "%", used[kind, who])
    report.add("V1", f"calls lost by a pass a second beyond that, +- {uncertainty(beyond):.3f}", "%", beyond)
    for rate in (1, 10):
        own_each = statistics.median(own[TEN]) / PASSES[TEN]
        report.judge("V1", f"calls lost in all at {rate} a second ({READS} reads in {READS // rate} s)", "%",
                     [rate * (own_each + statistics.median(beyond))], at_most=EFFECT_BAR)
    report.judge("V1", "of that, at 10 a second, beyond what backend and client used", "%", [10 * statistics.median(beyond)],
                 at_most=EFFECT_BAR)


def bench_views(report):
    dba = Session()
    views = dba.value("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class "
                      "WHERE relkind = 'v' AND relnamespace = 'pybox'::regnamespace;").split()
    dba.close()
    load = Load()
    try:
        bench_reads(report, views)
        watcher = Watcher(views)
        bench_effect(report, watched_seconds(load, watcher))
        watcher.session.close()
    finally:
        load.end()
