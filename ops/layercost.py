"""R3 of the bench: what the sandbox costs. When an interpreter starts: its last layers and their self-test, as the process
itself measures them, and the first call on a new interpreter of a warm zygote, as a session sees it. With each call: the same
calls, turn and turn about, on a server as it is and on one whose interpreters have no filter, no Landlock, no limits and no
cgroups: programs of the bench's own, never installed. Namespaces and the private root are on both: no call passes through them.
"""
import os
import re
import shutil
import statistics
import subprocess
import tempfile

from session import ROOT, Session, environment, server

PROGRAMS = ("pybox-launcher", "pybox-interpreter")
CHILDREN = int(os.environ.get("CHILDREN", "50"))
POLICY = """version: 1
pools:
  standard:
    spares: {spares}
    preload: [numpy, scipy.stats]
    limits: {{memory: 2GB, wall: 5min}}
"""


def pg_config(name):
    return subprocess.run(["pg_config", f"--{name}"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


class Peer:
    """A server of its own beside the bench's. programs: a folder of build/, whose files stand for the installed ones."""

    def __init__(self, name, programs, spares, settings):
        self.state = os.environ["PYBOX_DEV_DIR"] + "-" + name
        self.folder = tempfile.mkdtemp(prefix="pybox-bench.")
        os.chmod(self.folder, 0o755)
        policy = os.path.join(self.folder, "policy.yaml")
        with open(policy, "w", encoding="utf-8") as file:
            file.write(POLICY.format(spares=spares))
        arguments = [word for setting in settings for word in ("--set", setting)]
        try:
            self.use(server, "start", "--policy", policy, "--program", self.install(programs), *arguments)
        except Exception:
            shutil.rmtree(self.folder)
            raise
        dba = self.session()
        dba.run("CREATE EXTENSION pybox; CREATE FUNCTION f(x int) RETURNS int LANGUAGE pybox AS 'return x + 1';"
                "CREATE FUNCTION pid() RETURNS int LANGUAGE pybox AS $$return plpy.execute('SELECT interpreter_pid AS pid "
                "FROM pybox.activity WHERE pid = pg_backend_pid()')[0]['pid']$$;")
        dba.close()

    def install(self, programs):
        """A copy of the server with our programs beside it; it finds its other files by its own place."""
        bindir = pg_config("bindir")
        for name in ("sharedir", "pkglibdir"):
            link = self.folder + pg_config(name)
            os.makedirs(os.path.dirname(link), exist_ok=True)
            os.symlink(pg_config(name), link)
        os.makedirs(self.folder + bindir)
        shutil.copy(os.path.join(bindir, "postgres"), self.folder + bindir)
        for name in PROGRAMS:
            own = os.path.join(ROOT, "build", programs, name)
            shutil.copy(own if os.path.exists(own) else os.path.join(bindir, name), self.folder + bindir)
        return os.path.join(self.folder + bindir, "postgres")

    def use(self, function, *arguments, **named):
        """Calls a function of session.py for this server instead of the bench's own."""
        before = os.environ["PYBOX_DEV_DIR"]
        os.environ["PYBOX_DEV_DIR"] = self.state
        try:
            return function(*arguments, **named)
        finally:
            os.environ["PYBOX_DEV_DIR"] = before

    def session(self):
        return self.use(Session, "postgres")

    def stop(self):
        self.use(server, "stop")
        shutil.rmtree(self.folder)


def measure_children(report, settings):
    """The last layers' own time, and a session's first call on a new interpreter less its next."""
    peer = Peer("timed", "timed", 0, settings)
    try:
        session = peer.session()
        locked, cold = [], []
        for turn in range(CHILDREN + 1):
            session.run("DISCARD ALL;")
            first, next_one = session.run("SELECT f(1);").ms, session.run("SELECT f(1);").ms
            with open(f"/proc/{session.value('SELECT pid();')}/comm", encoding="utf-8") as file:
                ns = int(re.fullmatch(r"ns (\d+)\n", file.read()).group(1))
            if turn:
                locked.append(ns / 1e6)
                cold.append(first - next_one)
        session.close()
    finally:
        peer.stop()
    report.add("R3", "lock-down of a new interpreter, with its self-test", "ms", locked, worst=round(max(locked), 3))
    report.add("R3", "first call on a cold interpreter of a warm zygote, less the next", "ms", cold, worst=round(max(cold), 3))


def measure_tax(report, alternate, settings):
    """L1 and T1, confined and bare: pairs of runs, and the median of their ratios."""
    peers = {"ours": Peer("confined", "confined", 1, settings), "peer": None}
    try:
        peers["peer"] = Peer("bare", "bare", 1, [*settings, "pybox.cgroup = ''"])
        places = {name: peer.use(environment) for name, peer in peers.items()}
        sessions = {name: peer.session() for name, peer in peers.items()}

        def latency(name):
            command = ["pgbench", "-n", "-M", "prepared", "-c", "1", "-T", "2", "-f", "/dev/stdin"]
            out = subprocess.run(command, input="SELECT f(1);", check=True, stdout=subprocess.PIPE, text=True, env=places[name]).stdout
            return 1e6 / float(re.search(r"tps = ([0-9.]+)", out).group(1))

        def rows(name):
            return sessions[name].run("SELECT sum(f(g)) FROM generate_series(1, 1000000) g;").ms

        for workload, unit, measure in (("L1, one warm call", "us", latency), ("T1, a million rows", "ms", rows)):
            runs = alternate(measure, peers)
            pairs = [ours / peer for ours, peer in zip(runs["ours"], runs["peer"])]
            report.add("R3", f"{workload}: confined, and bare instead of plpython3u", unit, runs["ours"], runs["peer"],
                       tax_percent=round(100 * (statistics.median(pairs) - 1), 2))
            print(f"    the sandbox's tax on {workload}: {100 * (statistics.median(pairs) - 1):+.1f} % (median of pairs)")
        for session in sessions.values():
            session.close()
    finally:
        for peer in peers.values():
            if peer is not None:
                peer.stop()


def bench_layers(report, alternate, settings):
    """R3: see the top of this file."""
    subprocess.run(["make", "-s", "-C", ROOT, "layercost"], check=True)
    measure_children(report, settings)
    measure_tax(report, alternate, settings)
