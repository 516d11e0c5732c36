"""Workload V1 of ops/bench: what the views cost those who read them, and those who call functions meanwhile."""
import os
import re
import statistics
import subprocess
import tempfile
import time

from session import Session, environment

SESSIONS = 16
READS = 1000
SECONDS = 4
ROUNDS = 9
# Passes over all views a second: a monitoring system and pybox-top together make no more than one.
WATCHERS = {1: "all views read once a second", 10: "all views read ten times a second"}


def pgbench(script, *arguments, role="ana"):
    """The start of a pgbench that reads its script from a file."""
    command = ["pgbench", "-n", "-M", "prepared", "-f", script, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                            env={**environment(), "PGUSER": role})


def written(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def rate(process):
    return float(re.search(r"tps = ([0-9.]+) \(without", process.communicate()[0]).group(1))


def read_view(folder, view):
    """Milliseconds of each of READS queries of a view."""
    prefix = os.path.join(folder, f"log_{view}")
    script = written(folder, f"{view}.sql", f"SELECT * FROM pybox.{view};\n")
    pgbench(script, "-c", "1", "-t", str(READS), "-l", f"--log-prefix={prefix}", role="postgres").communicate()
    logs = [name for name in os.listdir(folder) if name.startswith(f"log_{view}.")]
    with open(os.path.join(folder, logs[0]), encoding="utf-8") as log:
        return sorted(int(line.split()[2]) / 1000 for line in log)


def bench_view_reads(report, folder, call, views):
    """Each view, while SESSIONS sessions call a short function."""
    load = pgbench(call, "-c", str(SESSIONS), "-j", "2", "-T", "600")
    try:
        for view in views:
            times = read_view(folder, view)
            report.add("V1", f"{view}: p99 of {len(times)} reads under load", "ms", [times[int(len(times) * 0.99)]],
                       p50=round(statistics.median(times), 3), longest=round(times[-1], 3))
    finally:
        load.terminate()
        load.wait()


def bench_view_effect(report, folder, call, views):
    """Calls a second with somebody who reads all views, and without: in turn, so that whatever else happens hits both."""
    everything = written(folder, "all.sql", "".join(f"SELECT * FROM pybox.{view};\n" for view in views))

    def calls_a_second(passes):
        watcher = None
        if passes:
            watcher = pgbench(everything, "-M", "simple", "-c", "1", "-R", str(passes), "-T", str(SECONDS + 2), role="postgres")
            time.sleep(1)  # it connects, and reads them for the first time, before anything is measured
        tps = rate(pgbench(call, "-c", str(SESSIONS), "-j", "2", "-T", str(SECONDS)))
        if watcher:
            watcher.communicate()
        return tps

    runs = {passes: [] for passes in (0, *WATCHERS)}
    for _ in range(ROUNDS):
        for passes, rates in runs.items():
            rates.append(calls_a_second(passes))
    report.add("V1", f"calls a second, {SESSIONS} sessions", "1/s", runs[0])
    for passes, who in WATCHERS.items():
        report.add("V1", f"the same, {who}", "1/s", runs[passes])
        report.add("V1", f"share of the calls left, {who}", "ratio",
                   [watched / alone for watched, alone in zip(runs[passes], runs[0])])


def bench_views(report):
    warm = Session("ana")
    warm.run("SELECT ana.f(1);")
    views = warm.value("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class "
                       "WHERE relkind = 'v' AND relnamespace = 'pybox'::regnamespace;").split()
    with tempfile.TemporaryDirectory() as folder:
        call = written(folder, "call.sql", "SELECT ana.f(1);\n")
        bench_view_reads(report, folder, call, views)
        bench_view_effect(report, folder, call, views)
    warm.close()
