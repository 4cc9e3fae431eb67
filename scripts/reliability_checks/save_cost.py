"""Cost of saving during a Barkour training with 4096 environments, and load time."""

import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from reliability_checks.result import CheckResult, setup_jax

STALL = 0.050  # seconds
LOAD = 0.2  # seconds
FRACTION = 0.01  # of the training's time
LOAD_SCRIPT = """
import sys, time
began = time.perf_counter()
from rlctl import load_policy
imported = time.perf_counter()
load_policy(sys.argv[1])
print(time.perf_counter() - imported, time.perf_counter() - began)
assert not {"jax", "torch"} & set(sys.modules)
"""


def timed(call: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
    """Wrap a method so that the duration of every call is appended to `seconds`."""

    def method(*args: Any) -> Any:
        start = time.perf_counter()
        returned = call(*args)
        seconds.append(time.perf_counter() - start)
        return returned

    return method


def run(count: int) -> CheckResult:
    """Train with `count` saves, one every fourth update, and time them."""
    setup_jax()
    from rlctl.actions.train import TrainRequest, train
    from rlctl.core.progress import Progress
    from rlctl.engines.async_checkpointer import AsyncCheckpointer
    from rlctl.engines.trainer import Trainer

    result = CheckResult(
        f"a save stalls the training by at most {STALL * 1e3:.0f} ms; loading {LOAD} s"
    )
    stalls: list[float] = []
    writes: list[float] = []
    began: list[float] = []
    save, write = Trainer.save, AsyncCheckpointer._write

    Trainer.save, AsyncCheckpointer._write = timed(save, stalls), timed(write, writes)

    def on_event(event: dict) -> None:
        if event["event"] == "progress":
            began.append(time.perf_counter())

    with TemporaryDirectory() as folder:
        steps = 10_240 * 4 * (count + 1)
        settings = ("train.num_evals=0", f"train.save_every={10_240 * 4}", "train.plot=false")
        request = TrainRequest(
            "barkour", out=Path(folder, "run"), overrides=settings, flags={"train.steps": steps}
        )
        report = train(request, Progress(on_event))
        for stall in stalls[1:]:
            result.record(stall <= STALL, f"a save stalled the training by {stall * 1e3:.0f} ms")
        size = sum(file.stat().st_size for file in report.result.checkpoint.iterdir())
        command = [sys.executable, "-c", LOAD_SCRIPT, str(report.result.checkpoint)]
        loads = [
            [float(word) for word in subprocess.check_output(command, text=True).split()]
            for _ in range(7)
        ]
    updates = [after - before for before, after in pairwise(began)]
    load, whole = (median(column) for column in zip(*loads, strict=True))
    result.record(load <= LOAD, f"loading took {load:.3f} s")
    every = 5_500_000 / 10_240 * median(updates)  # seconds between saves at default settings
    fraction = (median(stalls) + median(writes)) / every
    result.record(fraction <= FRACTION, f"saving takes {fraction:.2%} of a training")
    result.measurements = {
        "checkpoint": f"{size / 1e6:.1f} MB",
        "stall": f"{median(stalls) * 1e3:.1f} ms, at most {max(stalls[1:]) * 1e3:.1f}",
        "background write": f"{median(writes) * 1e3:.0f} ms",
        "an update": f"{median(updates) * 1e3:.0f} ms",
        "share of a training's time": f"{fraction:.2%}",
        "verify and load": f"{load * 1e3:.0f} ms ({whole * 1e3:.0f} with imports)",
    }
    return result
