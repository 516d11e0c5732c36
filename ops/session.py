"""A psql session kept open, for demo and bench: send SQL, get what psql shows, the SQLSTATE and the time."""
import collections
import os
import re
import subprocess
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MARK = "@@done"
TIME = re.compile(r"^Time: ([0-9.]+) ms.*\n", re.M)

Answer = collections.namedtuple("Answer", "text sqlstate ms")


def server(*arguments):
    """Runs ops/dev-server and returns what it says; its failure is ours."""
    command = [os.path.join(ROOT, "ops", "dev-server"), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def environment():
    """The environment in which psql and pgbench find the server."""
    pairs = dict(word.split("=", 1) for word in server("env").split()[1:])
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **pairs}


class Session:
    """One psql and its backend. An answer is read by a thread, so that a call can be left running."""

    def __init__(self, role="postgres", setup="", **variables):
        command = ["psql", "-X", "-q", "-P", "pager=off", "-v", "SHOW_CONTEXT=never"]
        for name, value in variables.items():
            command += ["-v", f"{name}={value}"]
        self.psql = subprocess.Popen(command, env={**environment(), "PGUSER": role}, text=True, bufsize=1,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.reader = None
        self.run(r"\set SHOW_CONTEXT never" + "\n\\timing on\n" + setup)

    def send(self, sql):
        """Starts SQL; finish() gets its answer."""
        self.psql.stdin.write(f"{sql}\n\\echo {MARK} :SQLSTATE\n")
        self.psql.stdin.flush()
        self.answer = None
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        lines = []
        for line in self.psql.stdout:
            if line.startswith(MARK):
                text = "".join(lines)
                spent = sum(float(ms) for ms in TIME.findall(text))
                self.answer = Answer(TIME.sub("", text).rstrip("\n"), line.split()[1], spent)
                return
            lines.append(line)
        self.answer = Answer("".join(lines) + "(the session is gone)", "none", 0.0)

    def busy(self):
        return self.reader.is_alive()

    def finish(self, seconds=120):
        self.reader.join(seconds)
        return self.answer or Answer(f"(no answer in {seconds} s)", "none", seconds * 1000.0)

    def run(self, sql, seconds=120):
        self.send(sql)
        return self.finish(seconds)

    def value(self, sql):
        """The only field of the only row."""
        answer = self.run("\\pset tuples_only on\n\\pset format unaligned\n" + sql
                          + "\n\\pset tuples_only off\n\\pset format aligned")
        if answer.sqlstate != "00000":
            raise RuntimeError(f"{sql}: {answer.text}")
        return answer.text.strip()

    def close(self):
        self.psql.stdin.close()
        self.psql.wait(10)
