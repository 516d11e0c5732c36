"""D1 of the bench: what the queue itself costs a call, in nanoseconds of CPU time, measured by ops/queue_cost.c in a process of
its own: the figures are of this run. A pair is a call that begins to wait and one that is granted; the lock is a pthread mutex,
and nobody is woken. Once without looks at who should give way, once with the two that the server takes for each pair while somebody waits, and
once with these while one of the holders has been asked already.
"""
import os
import subprocess

from session import ROOT

WAITING = (1, 8, 64)
PAIR_BAR, FAST_BAR = 300, 60


def bench_dispatch(report):
    """D1: see the top of this file."""
    program = os.path.join("build", "queue_cost")
    subprocess.run(["make", "-s", "-C", ROOT, program], check=True)
    out = subprocess.run([os.path.join(ROOT, program)], check=True, stdout=subprocess.PIPE, text=True).stdout
    runs = {}
    for line in out.splitlines():
        name, _, value = line.split()
        runs.setdefault(name, []).append(float(value))
    add(report, "slot taken and given back without the lock", runs["fast"], FAST_BAR)
    for waiting in WAITING:
        add(report, f"enqueue and grant, {waiting} waiting", runs[f"pair{waiting}"], PAIR_BAR)
        add(report, f"the same, asking who is to give way, {waiting} waiting", runs[f"ask{waiting}"], PAIR_BAR)
        add(report, f"the same, one having been asked, {waiting} waiting", runs[f"asked{waiting}"], PAIR_BAR)


def add(report, workload, values, bar):
    report.add("D1", f"{workload} (bar {bar})", "ns", values, bar=bar)
