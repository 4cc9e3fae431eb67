"""Benchmark rlctl against Brax and Stable-Baselines3 on the same machine in one run.

    .venv/bin/python scripts/bench_baselines.py --json baselines.json
    .venv/bin/python scripts/bench_baselines.py --only sb3 --repeats 5

PPO against Brax and Stable-Baselines3 on the inverted pendulum, TRPO against Stable-Baselines3
contrib on the hopper (speed only; same networks and steps per update).

Makes a virtual environment for the baselines (--venv) on first use; Brax 0.14.2 needs jax 0.9.
Times are wall time from the start of the process to the first evaluation that reached the return.
`cold` starts with an empty compile cache, `warm` with the one that `cold` filled. Run it on an idle
machine: about ten minutes on two cores.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
BASELINES = ROOT / "scripts" / "baselines"
PACKAGES = (
    "torch==2.13.0",  # first, so that no package below installs another build
    "brax==0.14.2",
    "jax==0.9.2",
    "jaxlib==0.9.2",
    "mujoco==3.17.0",
    "mujoco-mjx==3.17.0",
    "gymnasium[mujoco]==1.4.0",
    "stable-baselines3==2.9.2",
    "sb3-contrib==2.9.2",
    "safetensors>=0.6",  # needed by rlctl, for check_sb3.py
)
GOALS = (942.0, 950.0, 1000.0)  # evaluation returns, of 1000

# Batch and network sizes of baselines/brax_ppo.py.
BRAX_SHAPES = {
    "train.num_envs": 2048,
    "ppo.batch_size": 1024,
    "ppo.num_minibatches": 32,
    "ppo.num_updates_per_batch": 4,
    "ppo.unroll_length": 5,
    "ppo.policy_hidden_layer_sizes": "32,32,32,32",
    "ppo.value_hidden_layer_sizes": "256,256,256,256,256",
}

TRPO_UPDATE = 2048  # steps per update, over all environments
TRPO_NUM_ENVS = 8  # of the baseline
TRPO_NETWORK = "64,64"  # of the policy and of the value function

Event = dict
Measurements = dict[str, float | None]


def main() -> None:
    """Run the benchmarks, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--venv",
        type=Path,
        default=ROOT / ".venv-baselines",
        help="virtual environment of the baselines",
    )
    parser.add_argument("--only", choices=("rlctl", "brax", "sb3", "trpo"), help="one benchmark")
    parser.add_argument("--repeats", type=int, default=3, help="seeds of the short trainings")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers to FILE")
    parser.add_argument(
        "--smoke", action="store_true", help="train for seconds only, to test this script"
    )
    options = parser.parse_args()

    python = baselines_python(options.venv) if options.only != "rlctl" else None
    figures: dict[str, Measurements] = {}
    with tempfile.TemporaryDirectory(prefix="bench-baselines-") as scratch:
        figures["rlctl"] = {}
        if options.only != "trpo":
            figures["rlctl"] |= bench_rlctl(Path(scratch), options.repeats, options.smoke)
        if options.only in (None, "rlctl", "trpo"):
            figures["rlctl"] |= bench_rlctl_trpo(Path(scratch), options.smoke)
    if options.only in (None, "brax"):
        figures["brax"] = bench_brax(python, options.smoke)
    if options.only in (None, "sb3"):
        figures["sb3"] = bench_sb3(python, options.repeats, options.smoke)

    if options.only in (None, "trpo"):
        figures["sb3_trpo"] = bench_sb3_trpo(python, options.smoke)

    report = {"machine": machine(), "figures": figures, "rows": rows(figures)}
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    print(table(report))


def bench_rlctl(scratch: Path, repeats: int, smoke: bool) -> Measurements:
    """Measure speed with Brax's sizes and the preset, and seconds to the goal."""

    def train(name: str, cache: Path, seed: int, settings: dict) -> list[Event]:
        command = [sys.executable, "-m", "rlctl", "train", "inverted-pendulum", "--json", "--cpu"]
        command += ["--seed", str(seed), "--out", str(scratch / name)]
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        return watch(f"rlctl {name}", command, {"JAX_COMPILATION_CACHE_DIR": str(cache)})

    def speed(name: str, steps: int, settings: dict) -> float | None:
        steps = 200_000 if smoke else steps
        settings = {"train.steps": steps, "train.num_evals": 0, **settings}
        return train(name, scratch / "cache", 0, settings)[-1]["data"]["steps_per_second"]

    figures: Measurements = {
        "steps_per_second_brax_shapes": speed("brax-shapes", 1_200_000, BRAX_SHAPES),
        "steps_per_second": speed("preset", 2_000_000, {}),
    }
    race = {"train.target_return": GOALS[1]} | ({"train.steps": 60_000} if smoke else {})
    cold, warm = [], []
    for seed in range(repeats):
        cache = scratch / f"cache-{seed}"
        cold.append(seconds_to(GOALS[1], train(f"cold-{seed}", cache, seed, race)))
        warm.append(seconds_to(GOALS[1], train(f"warm-{seed}", cache, seed, race)))
    return figures | {"seconds_to_950_cold": middle(cold), "seconds_to_950_warm": middle(warm)}


def bench_rlctl_trpo(scratch: Path, smoke: bool) -> Measurements:
    """Measure TRPO's speed on hopper: preset, the baseline's num_envs, and gym:Hopper-v5."""

    def speed(name: str, env: str, settings: dict) -> float:
        settings = {
            "train.steps": 20_000 if smoke else 400_000,
            "train.num_evals": 0,
            "trpo.steps_per_update": TRPO_UPDATE,
            "trpo.policy_hidden_layer_sizes": TRPO_NETWORK,
            "trpo.value_hidden_layer_sizes": TRPO_NETWORK,
            **settings,
        }
        command = [sys.executable, "-m", "rlctl", "train", env, "--algo", "trpo", "--json", "--cpu"]
        command += ["--out", str(scratch / name)]
        command += [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        events = watch(f"rlctl {name}", command, {})
        return events[-1]["data"]["steps_per_second"]

    same_envs = {"train.num_envs": TRPO_NUM_ENVS}
    return {
        "trpo_steps_per_second": speed("trpo", "hopper", {}),
        "trpo_steps_per_second_8_envs": speed("trpo-8", "hopper", same_envs),
        "trpo_steps_per_second_gym": speed("trpo-gym", "gym:Hopper-v5", same_envs),
    }


def bench_sb3_trpo(python: Path, smoke: bool) -> Measurements:
    """Measure the speed of sb3-contrib's TRPO with each vectorisation; the fastest counts."""
    variants = {
        "sync": ["--vector", "sync"],
        "sync_1_thread": ["--vector", "sync", "--threads", "1"],
        "processes": ["--vector", "processes"],
    }
    speeds = {}
    for name, options in variants.items():
        command = [str(python), str(BASELINES / "sb3_trpo.py"), *options]
        command += ["--num-envs", str(TRPO_NUM_ENVS), "--update", str(TRPO_UPDATE)]
        command += ["--steps", "2048" if smoke else "100000"]
        speeds[name] = watch(f"sb3 trpo {name}", command, {})[-1]["steps_per_second"]
    return {f"steps_per_second_{name}": speed for name, speed in speeds.items()} | {
        "steps_per_second": max(speeds.values())
    }


def bench_brax(python: Path, smoke: bool) -> Measurements:
    """Measure Brax: speed of the first epoch (compiles) and later ones, time to each goal."""
    command = [str(python), str(BASELINES / "brax_ppo.py")]
    command += ["--steps", "300000", "--evals", "3"] if smoke else []
    events = watch("brax", command, {}, until=lambda event: reached(event, GOALS[-1]))
    speeds = [e["steps_per_second"] for e in events if e["event"] == "eval" and e["steps"]]
    return {
        "steps_per_second_first_epoch": speeds[0],
        "steps_per_second": middle(speeds[1:]),
        **{f"seconds_to_{goal:.0f}": seconds_to(goal, events) for goal in GOALS},
    }


def bench_sb3(python: Path, repeats: int, smoke: bool) -> Measurements:
    """Measure seconds and steps of Stable-Baselines3's PPO to the goal."""
    seconds, steps = [], []
    for seed in range(repeats):
        command = [str(python), str(BASELINES / "sb3_ppo.py"), "--seed", str(seed)]
        command += ["--steps", "8192"] if smoke else []
        events = watch(f"sb3 {seed}", command, {}, until=lambda e: reached(e, GOALS[1]))
        seconds.append(seconds_to(GOALS[1], events))
        steps.append(next((e["steps"] for e in events if reached(e, GOALS[1])), None))
    return {"seconds_to_950": middle(seconds), "steps_to_950": middle(steps)}


def watch(
    name: str,
    command: list[str],
    environment: dict[str, str],
    until: Callable[[Event], bool] = lambda event: False,
) -> list[Event]:
    """Run a training process; return its JSON lines.

    Each line gets `wall`, the seconds since the start of the process. The process is killed when
    `until` returns true.

    Raises:
        SystemExit: The process failed. The message has the end of its stderr.
    """
    inherited = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}
    environment = inherited | {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""} | environment
    events: list[Event] = []
    with tempfile.TemporaryFile("w+") as log:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT, env=environment
        )
        stopped = False
        for line in process.stdout:
            if not line.startswith("{"):
                continue  # printed by a library
            events.append(json.loads(line) | {"wall": time.perf_counter() - start})
            if events[-1].get("event", "end") in ("start", "eval", "end"):
                log_line(f"{name}: {summary(events[-1])}")
            if until(events[-1]):
                process.kill()
                stopped = True
                break
        if process.wait() and not stopped:
            log.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{log.read()[-2000:]}")
    return events


def reached(event: Event, goal: float) -> bool:
    """Return True for an evaluation at or above the goal."""
    return event.get("event") == "eval" and (event["return"]["mean"] or 0.0) >= goal


def seconds_to(goal: float, events: list[Event]) -> float | None:
    """Return the wall time of the first evaluation at or above the goal, or None."""
    return next((event["wall"] for event in events if reached(event, goal)), None)


def middle(values: list[float | None]) -> float | None:
    """Return the median, or None if `values` is empty or any value is missing."""
    return None if not values or None in values else median(values)


def rows(figures: dict[str, Measurements]) -> list[dict]:
    """Return the ratios rlctl / baseline with their limits."""
    far = float("inf")

    def row(what: str, own: str, baseline: str, key: str, low: float, high: float) -> dict:
        ours, theirs = figures["rlctl"].get(own), figures.get(baseline, {}).get(key)
        ratio = ours / theirs if ours and theirs else None
        unlimited = not low and high == far
        met = None if ratio is None or unlimited else low <= ratio <= high
        bar = "" if unlimited else f">= {low:g}" if low else f"<= {high:.3g}"
        return {
            "what": what, "rlctl": ours, "peer": theirs, "ratio": ratio, "bar": bar, "met": met
        }  # fmt: skip

    speed, seconds = "training steps/s", "seconds to a return of 950"
    brax = [
        (f"{speed}, Brax's shapes", "steps_per_second_brax_shapes", "steps_per_second", 1.1, far),
        (f"{speed}, our preset", "steps_per_second", "steps_per_second", 3.5, far),
        (f"{seconds}, cold", "seconds_to_950_cold", "seconds_to_950", 0.0, 1 / 6),
        (f"{seconds}, warm", "seconds_to_950_warm", "seconds_to_950", 0.0, 1 / 10),
    ]
    sb3 = [
        (f"{seconds}, cold", "seconds_to_950_cold", "seconds_to_950", 0.0, 1.3),
        (f"{seconds}, warm", "seconds_to_950_warm", "seconds_to_950", 0.0, 0.7),
    ]
    trpo = [
        (f"TRPO {speed} on hopper", "trpo_steps_per_second", "steps_per_second", 4.0, far),
        (f"TRPO {speed} on hopper, 8 environments each", "trpo_steps_per_second_8_envs",
         "steps_per_second", 0.0, far),
        (f"TRPO {speed} on gym:Hopper-v5, 8 environments each", "trpo_steps_per_second_gym",
         "steps_per_second", 1.5, far),
    ]  # fmt: skip
    comparisons = [("brax", "Brax PPO on MJX", *row_) for row_ in brax]
    comparisons += [("sb3", "Stable-Baselines3 PPO", *row_) for row_ in sb3]
    comparisons += [("sb3_trpo", "Stable-Baselines3 contrib", *row_) for row_ in trpo]
    return [
        row(f"{what}, against {title}", own, baseline, key, low, high)
        for baseline, title, what, own, key, low, high in comparisons
        if baseline in figures
    ]


def table(report: dict) -> str:
    """Format the rows and all other numbers as Markdown."""
    lines = [f"Machine: {report['machine']}", ""]
    lines += ["| what | rlctl | baseline | ratio | must reach | met |", "|---|---|---|---|---|---|"]
    for r in report["rows"]:
        met = {True: "yes", False: "no", None: "-"}[r["met"]]
        cells = (
            r["what"],
            number(r["rlctl"]),
            number(r["peer"]),
            number(r["ratio"]),
            r["bar"],
            met,
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "| tool | measurement | value |", "|---|---|---|"]
    for tool, values in report["figures"].items():
        lines += [f"| {tool} | {name} | {number(value)} |" for name, value in values.items()]
    return "\n".join(lines)


def number(value: float | None) -> str:
    """Format with three digits and a thousands separator."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def machine() -> str:
    """Describe processor, cores, system and Python version."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = models[0].partition(":")[2].strip() if models else cpu
    return f"{cpu}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def baselines_python(venv: Path) -> Path:
    """Return the interpreter of the baselines' virtual environment; create it if missing."""
    python, done = venv / "bin" / "python", venv / "installed"
    wanted = "\n".join(PACKAGES)
    if not done.exists() or done.read_text() != wanted:
        log_line(f"making {venv}")
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", *PACKAGES]
        subprocess.run(install, check=True, stdout=sys.stderr)
        done.write_text(wanted)
    return python


def summary(event: Event) -> str:
    """Format an event as a short line."""
    words = [f"{event['wall']:.1f} s", str(event.get("event", "end"))]
    words += [f"{event['steps']:,} steps"] if "steps" in event else []
    words += [f"return {event['return']['mean']}"] if event.get("event") == "eval" else []
    return ", ".join(words)


def log_line(text: str) -> None:
    """Print to stderr; stdout has the table only."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
