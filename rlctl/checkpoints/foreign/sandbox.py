"""Reading untrusted files in a child process with limited rights, memory and time."""

import json
import os
import subprocess
import sys

import numpy as np
import safetensors.numpy

from rlctl.checkpoints.foreign import sandbox_child
from rlctl.checkpoints.foreign.base import ForeignPolicy
from rlctl.checkpoints.foreign.source import Source
from rlctl.core import errors, self_command
from rlctl.core.errors import Unsafe

_TIMEOUT_S = 600.0
_ALLOCATOR = {"MALLOC_ARENA_MAX": "2"}  # one arena per thread would exhaust the address space limit


def read(source: Source, actor: str = "") -> ForeignPolicy:
    """Read the policy in a source.

    Args:
        source: The source.
        actor: For a state dict, the prefixes of the policy's layers; "" to use their names.

    Raises:
        Unsafe: It would run code, or needs more memory or time than a policy.
        Damaged: It is incomplete.
        Diverged: It has non-finite values.
        Incompatible: rlctl cannot represent the policy.
        DeviceUnavailable: The package that reads it is not installed.
    """
    files = {name: np.frombuffer(data, np.uint8) for name, data in source.files.items()}
    command = [sys.executable, "-P", "-m", sandbox_child.__name__, source.kind]
    if actor:
        command.append(actor)
    try:
        done = subprocess.run(
            command,
            input=safetensors.numpy.save(files),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if "RLCTL_DEBUG" not in os.environ else None,
            env=self_command.environment(1) | _ALLOCATOR,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _aborted(source, "took too long") from error
    if done.returncode == sandbox_child.FAILED:
        failure = json.loads(done.stdout)
        kind = getattr(errors, failure["error"])
        raise kind(f"{source.name}: {failure['message']}", failure["hint"])
    # A negative code is a signal: the system enforces the limits with SIGKILL and SIGXCPU.
    if done.returncode < 0:
        raise _aborted(
            source, f"ended by signal {-done.returncode}, beyond its memory or time limit"
        )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}")
    return ForeignPolicy.from_bytes(done.stdout)


def _aborted(source: Source, what: str) -> Unsafe:
    return Unsafe(
        f"{source.name}: reading it {what}", "it is not a policy: do not open it elsewhere either"
    )
