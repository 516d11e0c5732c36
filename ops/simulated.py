"""D4 of ops/bench: slowdowns in simulated time, by pybox-policy simulate on generated traces. Takes no measure of the machine.

Bounded Pareto sizes from 10 ms to 100 s. Functions: each of 50 has a size of its own, which history learns; alike: calls of one
function, of which no history tells. The policy has one pool and a quantum of 5 ms; a pause costs 200 us.
"""
import itertools
import json
import os
import subprocess
import tempfile

from session import ROOT

PROGRAM = os.path.join(ROOT, "build", "pybox-policy")
SEEDS = (1, 2, 3)
POLICY = """version: 1
node: {{name: bench, id: 1, slots: {slots}, quantum: 5ms}}
pools: {{all: {{queue: {{length: 10000, timeout: 1d}}, limits: {{wall: 30d}}}}}}
"""


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def slowdowns(folder, kind, slots, load, seed):
    """Mean slowdown by the policy, ideal processor sharing and the oracle."""
    policy, trace = os.path.join(folder, "policy.yaml"), os.path.join(folder, "trace.csv")
    with open(policy, "w", encoding="utf-8") as file:
        file.write(POLICY.format(slots=slots))
    with open(trace, "w", encoding="utf-8") as file:
        file.write(run("generate", "--slots", str(slots), "--load", str(load), "--calls", "20000", "--seed", str(seed), kind))
    runs = json.loads(run("simulate", "--compare", "--format", "json", policy, trace))["runs"]
    return [runs[name]["slowdown"]["mean"] for name in ("policy", "processor_sharing", "oracle")]


def bench_slowdowns(report):
    """D4: mean slowdown; beside it those of ideal processor sharing and of an oracle that knows sizes, and the ratio to it."""
    os.umask(0o022)
    with tempfile.TemporaryDirectory() as folder:
        for (what, functions), alpha, slots, load in itertools.product((("functions", 50), ("alike", 0)), (1.1, 1.5, 1.9),
                                                                      (1, 2, 8), (0.7, 0.9)):
            kind = f"alpha={alpha},low=10ms,high=100s,functions={functions}"
            ours, sharing, oracle = zip(*(slowdowns(folder, kind, slots, load, seed) for seed in SEEDS))
            worst = max(mine / best for mine, best in zip(ours, oracle))
            report.add("D4", f"mean slowdown, {what}, alpha {alpha}, {slots} slots, load {load}: x {worst:.2f} of the oracle",
                       "ratio", list(ours), sharing=[round(value, 3) for value in sharing],
                       oracle=[round(value, 3) for value in oracle], worst_to_oracle=round(worst, 3))
