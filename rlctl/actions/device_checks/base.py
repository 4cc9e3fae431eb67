"""List of the device checks, and their types.

A check is a function without arguments that does real work and returns a `Finding`, or raises. It
imports the packages it tests inside the function, so that a missing or broken package fails only
that check. Checks run in a separate process (`worker.py`), which may crash or hang.
"""

from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["pass", "warn", "fail", "skip"]


@dataclass(frozen=True)
class Finding:
    """Result of a check function.

    Attributes:
        status: `pass`; `warn` if it works but not well; `fail`; `skip` if it does not apply.
        value: The measured value, plain JSON.
        detail: The measured value as text.
        hint: What to do about a problem.
    """

    status: Status
    value: Any = None
    detail: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Check:
    """A finished check. Status, value, detail and hint are those of its `Finding`.

    Attributes:
        seconds: Its duration, including imports.
        needed: Whether its failure fails the command.
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
    """Entry of the list of checks.

    Attributes:
        name: Its name in the report.
        target: "module:attribute" below `rlctl.actions.device_checks`.
        needed: Whether training and evaluation need it; its failure then fails the command.
        bench: Whether it runs only with --bench.
        seconds: Timeout.
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
