"""Race rlctl against its peers: same machine, one run.

    .venv/bin/python scripts/bench_peers.py --json peers.json
    .venv/bin/python scripts/bench_peers.py --only sb3 --repeats 5

PPO against Brax and Stable-Baselines3 on the inverted pendulum, TRPO against Stable-Baselines3
contrib on the hopper (speed alone, the same networks and steps per update).

Makes a virtual environment for the peers (--venv) on first use; Brax 0.14.2 needs jax 0.9. Every
time is wall time from the start of the process, as the user waits for it, to the evaluation that
reached the return. `cold` has an empty compile cache, `warm` the one that `cold` filled. Leave the
machine alone meanwhile: the whole of it takes about ten minutes on two cores.
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
PEERS = ROOT / "scripts" / "peers"
PACKAGES = (
    "torch==2.13.0",  # first: so that nothing below picks another build of it
    "brax==0.14.2",
    "jax==0.9.2",
    "jaxlib==0.9.2",
    "mujoco==3.17.0",
    "mujoco-mjx==3.17.0",
    "gymnasium[mujoco]==1.4.0",
    "stable-baselines3==2.9.2",
    "sb3-contrib==2.9.2",
    "safetensors>=0.6",  # of rlctl, for check_sb3.py
)
GOALS = (942.0, 950.0, 1000.0)  # evaluation returns, of 1000

# Brax's own shapes, networks included: what peers/brax_ppo.py runs.
BRAX_SHAPES = {
    "train.num_envs": 2048,
    "ppo.batch_size": 1024,
    "ppo.num_minibatches": 32,
    "ppo.num_updates_per_batch": 4,
    "ppo.unroll_length": 5,
    "ppo.policy_hidden_layer_sizes": "32,32,32,32",
    "ppo.value_hidden_layer_sizes": "256,256,256,256,256",
}

TRPO_UPDATE = 2048  # steps of an update, of all environments together
TRPO_NUM_ENVS = 8  # of the peer
TRPO_NETWORK = "64,64"  # of the policy and of the value function

Event = dict
Figures = dict[str, float | None]


def main() -> None:
    """Run what was asked for, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv-peers", help="of the peers")
    parser.add_argument("--only", choices=("rlctl", "brax", "sb3", "trpo"), help="one race")
    parser.add_argument("--repeats", type=int, default=3, help="seeds of the short races")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--smoke", action="store_true", help="seconds of training: does it run?")
    options = parser.parse_args()

    python = peers_python(options.venv) if options.only != "rlctl" else None
    figures: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory(prefix="bench-peers-") as scratch:
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


def bench_rlctl(scratch: Path, repeats: int, smoke: bool) -> Figures:
    """Steady speed in Brax's shapes and in the preset's, seconds to the goal cold and warm."""

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

    figures: Figures = {
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


def bench_rlctl_trpo(scratch: Path, smoke: bool) -> Figures:
    """TRPO's steady speed on the hopper: the preset's environments, the peer's, and Gymnasium's."""

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

    as_peer = {"train.num_envs": TRPO_NUM_ENVS}
    return {
        "trpo_steps_per_second": speed("trpo", "hopper", {}),
        "trpo_steps_per_second_8_envs": speed("trpo-8", "hopper", as_peer),
        "trpo_steps_per_second_gym": speed("trpo-gym", "gym:Hopper-v5", as_peer),
    }


def bench_sb3_trpo(python: Path, smoke: bool) -> Figures:
    """Steady speed in the ways there are to run it; the fastest counts."""
    ways = {
        "sync": ["--vector", "sync"],
        "sync_1_thread": ["--vector", "sync", "--threads", "1"],
        "processes": ["--vector", "processes"],
    }
    speeds = {}
    for name, options in ways.items():
        command = [str(python), str(PEERS / "sb3_trpo.py"), *options]
        command += ["--num-envs", str(TRPO_NUM_ENVS), "--update", str(TRPO_UPDATE)]
        command += ["--steps", "2048" if smoke else "100000"]
        speeds[name] = watch(f"sb3 trpo {name}", command, {})[-1]["steps_per_second"]
    return {f"steps_per_second_{name}": speed for name, speed in speeds.items()} | {
        "steps_per_second": max(speeds.values())
    }


def bench_brax(python: Path, smoke: bool) -> Figures:
    """Speed of the first epoch (which compiles) and of the others, seconds to each goal."""
    command = [str(python), str(PEERS / "brax_ppo.py")]
    command += ["--steps", "300000", "--evals", "3"] if smoke else []
    events = watch("brax", command, {}, until=lambda event: reached(event, GOALS[-1]))
    speeds = [e["steps_per_second"] for e in events if e["event"] == "eval" and e["steps"]]
    return {
        "steps_per_second_first_epoch": speeds[0],
        "steps_per_second": middle(speeds[1:]),
        **{f"seconds_to_{goal:.0f}": seconds_to(goal, events) for goal in GOALS},
    }


def bench_sb3(python: Path, repeats: int, smoke: bool) -> Figures:
    """Seconds and steps to the goal."""
    seconds, steps = [], []
    for seed in range(repeats):
        command = [str(python), str(PEERS / "sb3_ppo.py"), "--seed", str(seed)]
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
    """Run a trainer; its JSON lines, each with `wall`, seconds since the start of the process.

    Raises:
        SystemExit: It failed; its last words are printed.
    """
    inherited = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}
    environment = inherited | {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""} | environment
    events: list[Event] = []
    with tempfile.TemporaryFile("w+") as words:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=words, text=True, cwd=ROOT, env=environment
        )
        stopped = False
        for line in process.stdout:
            if not line.startswith("{"):
                continue  # a library's word
            events.append(json.loads(line) | {"wall": time.perf_counter() - start})
            if events[-1].get("event", "end") in ("start", "eval", "end"):
                say(f"{name}: {summary(events[-1])}")
            if until(events[-1]):
                process.kill()
                stopped = True
                break
        if process.wait() and not stopped:
            words.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{words.read()[-2000:]}")
    return events


def reached(event: Event, goal: float) -> bool:
    """Whether this is an evaluation at or above the goal."""
    return event.get("event") == "eval" and (event["return"]["mean"] or 0.0) >= goal


def seconds_to(goal: float, events: list[Event]) -> float | None:
    """Wall time of the first evaluation at or above the goal, None when there is none."""
    return next((event["wall"] for event in events if reached(event, goal)), None)


def middle(values: list[float | None]) -> float | None:
    """Median; None when any value is missing or there are none."""
    return None if not values or None in values else median(values)


def rows(figures: dict[str, Figures]) -> list[dict]:
    """The ratios that matter, with what each must reach."""
    far = float("inf")

    def row(what: str, own: str, peer: str, key: str, at_least: float, at_most: float) -> dict:
        ours, theirs = figures["rlctl"].get(own), figures.get(peer, {}).get(key)
        ratio = ours / theirs if ours and theirs else None
        barless = not at_least and at_most == far
        met = None if ratio is None or barless else at_least <= ratio <= at_most
        bar = "" if barless else f">= {at_least:g}" if at_least else f"<= {at_most:.3g}"
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
    races = [("brax", "Brax PPO on MJX", *race) for race in brax]
    races += [("sb3", "Stable-Baselines3 PPO", *race) for race in sb3]
    races += [("sb3_trpo", "Stable-Baselines3 contrib", *race) for race in trpo]
    return [
        row(f"{what}, against {title}", own, peer, key, low, high)
        for peer, title, what, own, key, low, high in races
        if peer in figures
    ]


def table(report: dict) -> str:
    """The rows and the other figures as Markdown."""
    lines = [f"Machine: {report['machine']}", ""]
    lines += ["| what | rlctl | peer | ratio | must reach | met |", "|---|---|---|---|---|---|"]
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
    lines += ["", "| who | figure | value |", "|---|---|---|"]
    for who, values in report["figures"].items():
        lines += [f"| {who} | {name} | {number(value)} |" for name, value in values.items()]
    return "\n".join(lines)


def number(value: float | None) -> str:
    """Three digits, thousands separated."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def machine() -> str:
    """Processor, cores, system."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = models[0].partition(":")[2].strip() if models else cpu
    return f"{cpu}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def peers_python(venv: Path) -> Path:
    """The interpreter of the peers' virtual environment, which is made when missing."""
    python, done = venv / "bin" / "python", venv / "installed"
    wanted = "\n".join(PACKAGES)
    if not done.exists() or done.read_text() != wanted:
        say(f"making {venv}")
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", *PACKAGES]
        subprocess.run(install, check=True, stdout=sys.stderr)
        done.write_text(wanted)
    return python


def summary(event: Event) -> str:
    """An event in a few words."""
    words = [f"{event['wall']:.1f} s", str(event.get("event", "end"))]
    words += [f"{event['steps']:,} steps"] if "steps" in event else []
    words += [f"return {event['return']['mean']}"] if event.get("event") == "eval" else []
    return ", ".join(words)


def say(words: str) -> None:
    """To stderr: the table alone is the result."""
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
