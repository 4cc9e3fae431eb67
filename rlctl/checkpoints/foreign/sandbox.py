"""Reading a source in a process of its own, which can neither harm nor starve this one."""

import json
import os
import subprocess
import sys

import numpy as np
import safetensors.numpy

from rlctl.checkpoints.foreign import sandbox_child
from rlctl.checkpoints.foreign.base import Foreign
from rlctl.checkpoints.foreign.source import Source
from rlctl.core import errors, self_command
from rlctl.core.errors import Unsafe

_SECONDS = 600.0
_SPARING = {"MALLOC_ARENA_MAX": "2"}  # each thread's would take addresses


def read(source: Source, actor: str = "") -> Foreign:
    """The policy in a source.

    Args:
        source: What to read.
        actor: Of a state dict, the prefixes of the policy's layers; "" where their names tell.

    Raises:
        Unsafe: It would run code, or asks for more memory or time than a policy needs.
        Damaged: It is not whole.
        Diverged: It has values that are not finite.
        Incompatible: It is no policy that rlctl has words for.
        DeviceUnavailable: What reads it is not installed.
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
            env=self_command.variables(1) | _SPARING,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _broke_off(source, "took too long") from error
    if done.returncode == sandbox_child.FAILED:
        words = json.loads(done.stdout)
        kind = getattr(errors, words["error"])
        raise kind(f"{source.name}: {words['message']}", words["hint"])
    if done.returncode < 0:
        raise _broke_off(source, f"ended by signal {-done.returncode}, over its memory or its time")
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}")
    return Foreign.from_bytes(done.stdout)


def _broke_off(source: Source, what: str) -> Unsafe:
    return Unsafe(
        f"{source.name}: reading it {what}", "no policy needs that: do not open it elsewhere either"
    )
