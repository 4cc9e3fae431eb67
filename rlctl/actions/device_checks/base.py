"""What a check of the device check is, and the list of them.

A check is a function without arguments that does something real and returns a `Finding`, or
raises. It imports what it looks at inside itself, so that what is missing or broken fails that
check alone. Checks run in a process of their own (`worker.py`), which may crash or hang.
"""

from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["pass", "warn", "fail", "skip"]


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        status: `pass`; `warn`, it works but not well; `fail`; `skip`, there is nothing to check.
        value: The figure, plain JSON.
        detail: The figure in words.
        hint: What to do about it.
    """

    status: Status
    value: Any = None
    detail: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Check:
    """One check, done. Status, value, detail and hint are those of its `Finding`.

    Attributes:
        seconds: How long it took, imports included.
        needed: Whether its failure fails the device check.
    """

    name: str
    status: Status
    seconds: float
    value: Any
    detail: str
    hint: str
    needed: bool


@dataclass(frozen=True)
class Row:
    """A check in the list.

    Attributes:
        name: What the report calls it.
        target: "module:attribute" below `rlctl.actions.device_checks`.
        needed: Whether training and evaluating need it: then its failure fails the command.
        bench: Whether it only runs with --bench.
        seconds: How long it may take before it counts as hung.
    """

    name: str
    target: str
    needed: bool = False
    bench: bool = False
    seconds: float = 120.0


ROWS = (
    Row("python", "machine:python", needed=True),
    Row("packages", "machine:packages", needed=True),
    Row("memory", "machine:memory"),
    Row("gpu", "machine:gpu"),
    Row("jax", "frameworks:jax_devices", needed=True),
    Row("jax-matmul", "frameworks:jax_matmul", needed=True),
    Row("jax-gradient", "frameworks:jax_gradient", needed=True),
    Row("jax-jit", "frameworks:jax_jit"),
    Row("torch", "frameworks:torch_devices", needed=True),
    Row("torch-matmul", "frameworks:torch_matmul", needed=True),
    Row("physics-native", "simulation:native", needed=True),
    Row("physics-jax", "simulation:jax"),
    Row("physics-warp", "simulation:warp", seconds=300.0),
    Row("throughput", "simulation:throughput"),
    Row("throughput-bench", "simulation:throughput_bench", bench=True, seconds=600.0),
    Row("checkpoint", "output:checkpoint", needed=True),
    Row("compile-cache", "output:compile_cache"),
    Row("render", "output:render"),
    Row("video", "output:video"),
)
