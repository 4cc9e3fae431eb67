"""What saving costs a training of Barkour with 4096 environments, and what loading takes."""

import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from proving.proof import Proof, quiet_jax

STALL = 0.050  # seconds
LOAD = 0.2  # seconds
SHARE = 0.01  # of the training's time
LOADING = """
import sys, time
began = time.perf_counter()
from rlctl import load_policy
imported = time.perf_counter()
load_policy(sys.argv[1])
print(time.perf_counter() - imported, time.perf_counter() - began)
assert not {"jax", "torch"} & set(sys.modules)
"""


def prove(count: int) -> Proof:
    """Save `count` times, every fourth update."""
    quiet_jax()
    from rlctl.actions.train import TrainRequest, train
    from rlctl.core.progress import Progress
    from rlctl.engines.async_checkpointer import AsyncCheckpointer
    from rlctl.engines.trainer import Trainer

    proof = Proof(f"a save stalls the training by at most {STALL * 1e3:.0f} ms; loading {LOAD} s")
    stalls: list[float] = []
    writes: list[float] = []
    began: list[float] = []
    save, write = Trainer.save, AsyncCheckpointer._write

    def timed(call, taken):  # noqa: ANN001, ANN202
        def method(*args):  # noqa: ANN002, ANN202
            start = time.perf_counter()
            result = call(*args)
            taken.append(time.perf_counter() - start)
            return result

        return method

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
            proof.check(stall <= STALL, f"a save stalled the training by {stall * 1e3:.0f} ms")
        size = sum(file.stat().st_size for file in report.result.checkpoint.iterdir())
        command = [sys.executable, "-c", LOADING, str(report.result.checkpoint)]
        loads = [
            [float(word) for word in subprocess.check_output(command, text=True).split()]
            for _ in range(7)
        ]
    updates = [after - before for before, after in pairwise(began)]
    load, whole = (median(column) for column in zip(*loads, strict=True))
    proof.check(load <= LOAD, f"loading took {load:.3f} s")
    every = 5_500_000 / 10_240 * median(updates)  # seconds between saves at default settings
    share = (median(stalls) + median(writes)) / every
    proof.check(share <= SHARE, f"saving takes {share:.2%} of a training")
    proof.figures = {
        "checkpoint": f"{size / 1e6:.1f} MB",
        "stall": f"{median(stalls) * 1e3:.1f} ms, at most {max(stalls[1:]) * 1e3:.1f}",
        "written beside it in": f"{median(writes) * 1e3:.0f} ms",
        "an update": f"{median(updates) * 1e3:.0f} ms",
        "share of a training's time": f"{share:.2%}",
        "verify and load": f"{load * 1e3:.0f} ms ({whole * 1e3:.0f} with imports)",
    }
    return proof
