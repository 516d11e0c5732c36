"""D4 and D5 of ops/bench: slowdowns and waits in simulated time, by pybox-policy simulate on generated traces. Measures nothing of
the machine.

D4: all calls together are bounded Pareto distributed from 10 ms to 100 s. They are those of one function, of which no history tells
a call's size; of 60 functions whose own calls are log-normal with sigma 0.5 or 1.0; or of 60 of which six, with a tenth of the
calls, may take any time. History begins with nothing. One pool, a quantum of 5 ms, a pause costs 200 us.
"""
import concurrent.futures
import itertools
import json
import os
import random
import statistics
import subprocess
import tempfile

from session import ROOT

PROGRAM = os.path.join(ROOT, "build", "pybox-policy")
SEEDS = range(1, 6)
CALLS = 20000
SIZES = "low=10ms,high=100s"
WORKLOADS = {
    "one function": ("",),
    "functions, sigma 0.5": ("functions=60,sigma=0.5",),
    "functions, sigma 1.0": ("functions=60,sigma=1.0",),
    "mixture": ("share=9,functions=54,sigma=0.5", "share=1,functions=6,sigma=50,function=app.any"),
}
SLOWDOWNS = """version: 1
node: {{name: bench, id: 1, slots: {slots}, quantum: {quantum}}}
pools: {{all: {{queue: {{length: 10000, timeout: 1d}}, limits: {{wall: 30d}}}}}}
"""
STUDENT = 2.776  # 97.5 % of the t distribution for five seeds


def run(*arguments, **more):
    return subprocess.run([PROGRAM, *arguments], check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def simulate(policy, trace, *options):
    """The program's JSON; policy and trace are texts."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        file.write(policy)
        file.flush()
        return json.loads(run("simulate", "--format", "json", *options, file.name, "-", input=trace))


def slowdowns(setting):
    """Mean slowdowns by the policy and the ideals."""
    workload, alpha, slots, load, quantum, seed = setting
    kinds = [f"alpha={alpha},{SIZES},{kind}".rstrip(",") for kind in WORKLOADS[workload]]
    trace = run("generate", "--slots", str(slots), "--load", str(load), "--calls", str(CALLS), "--seed", str(seed), *kinds)
    runs = simulate(SLOWDOWNS.format(slots=slots, quantum=quantum), trace, "--compare")["runs"]
    if runs["policy"]["bound_exceeded"] != 0:
        raise RuntimeError(f"a wait exceeded the ageing bound: {setting}")
    return {name: of["slowdown"]["mean"] for name, of in runs.items()}


def spread(values):
    return f"{statistics.mean(values):.2f} +-{STUDENT * statistics.stdev(values) / len(values) ** 0.5:.2f}"


def ratios(all_runs, ours, other):
    return [runs[ours] / runs[other] for runs in all_runs]


def slowdown_rows(report, what, of):
    """Two bars; beside the second, what the best order comes to that knows how a function's calls are distributed, but no call's size."""
    report.judge("D4", f"{what}: to sharing", "ratio", ratios(of, "policy", "processor_sharing"), at_most=1.0)
    ours, best = ratios(of, "policy", "oracle"), ratios(of, "expected", "oracle")
    report.judge("D4", f"{what}: to SRPT {spread(ours)}, best without sizes {spread(best)}", "ratio", ours, at_most=1.5,
                 without_sizes=[round(value, 3) for value in best],
                 **{name: [round(runs[name], 3) for runs in of] for name in of[0]})


def bench_slowdowns(report):
    """D4: mean slowdown beside that of ideal processor sharing (bar: less) and of an SRPT oracle (bar: 1.5 times)."""
    settings = list(itertools.product(WORKLOADS, (1.1, 1.5, 1.9), (1, 2, 8), (0.7, 0.9), ("5ms",)))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = pool.map(slowdowns, [(*setting, seed) for setting in settings for seed in SEEDS])
        for workload, alpha, slots, load, _ in settings:
            slowdown_rows(report, f"{workload}, alpha {alpha}, {slots} slots, load {load}",
                          list(itertools.islice(runs, len(SEEDS))))


# --- D5 -----------------------------------------------------------------------------------------------------------------

LIMITS = "limits: {wall: 1d}"
TWO_POOLS = ("  top: {priority: 90, queue: {length: 10000, timeout: 1d, ageing: 10s}, " + LIMITS + "}\n"
             "  low: {priority: 10, queue: {length: 10000, timeout: 1d, ageing: 2s}, " + LIMITS + "}\n")


def flood_above(slots, _):
    """Half again as much as there are slots, of the best priority, and long calls at the bottom."""
    return ([(i * 13333 // slots, 20000, "top") for i in range(5000)] +
            [(100000 + i, 3000000, "low") for i in range(20)])


def flood_of_short(slots, _):
    """Short calls without end, and long ones that would never be the shortest."""
    return ([(i * 2000, slots * 2000, "top") for i in range(40000)] +
            [(i * 20000000, 5000000, "top") for i in range(4)])


def flood_of_pools(slots, chance):
    """32 pools, each with more waiting than its turns out of turn are worth."""
    return ([(chance.randrange(60000000), chance.choice((1000, 5000, 100000, 1000000)), f"p{chance.randrange(32)}")
             for _ in range(400 * slots)] + [(i * 10000, slots * 11000, "p31") for i in range(8000)])


def burst(slots, _):
    """All at one moment."""
    return [(0, (i % 50 + 1) * 10000, "low" if i % 3 else "top") for i in range(300 * slots)]


FLOODS = {"flood above": flood_above, "flood of short calls": flood_of_short, "32 pools": flood_of_pools, "burst": burst}


def flood_policy(slots, pools):
    text = f"version: 1\nnode: {{name: bench, id: 1, slots: {slots}, quantum: 50ms}}\npools:\n"
    if "p31" in pools:
        text += "".join(f"  p{i}: {{priority: {i * 3}, queue: {{length: 10000, timeout: 1d, ageing: 1s}}, {LIMITS}}}\n"
                        for i in range(32))
    else:
        text += TWO_POOLS
    return text + "assign: [" + ", ".join(f"{{role: {pool}, pool: {pool}}}" for pool in pools) + f", {{pool: {pools[0]}}}]\n"


def flood_run(name, slots, seed):
    calls = FLOODS[name](slots, random.Random(seed))
    pools = sorted({pool for _, _, pool in calls})
    trace = "at_us,run_us,database,role,function\n" + "".join(f"{at},{size},db,{pool},f_{size}\n" for at, size, pool in calls)
    return simulate(flood_policy(slots, pools), trace)


def bench_waits(report):
    """D5: waits above the ageing bound. The k-th longest waiter of a pool: k x (its ageing time + pools that age x quantum)."""
    for name, slots in itertools.product(FLOODS, (1, 2, 4)):
        runs = [flood_run(name, slots, seed) for seed in SEEDS]
        waits = [of["runs"]["policy"]["wait"]["longest"] / 1e6 for of in runs]
        exceeded = [of["runs"]["policy"]["bound_exceeded"] for of in runs]
        report.judge("D5", f"{name}, {slots} slots, longest wait {max(waits):.1f} s: above the bound", "calls",
                     [max(exceeded)], at_most=0, longest_wait_s=waits, bound_s=[of["ageing_bound_us"] / 1e6 for of in runs])
