"""Child process that parses untrusted files: bytes in, arrays out.

    python -P -m rlctl.checkpoints.foreign.sandbox_child KIND [ACTOR] < files.safetensors > arrays

It receives no path. Before parsing it gives up the right to write files, and limits its memory and
time, if the system supports that. An RlctlError is written as JSON, with exit code FAILED.
"""

import json
import os
import sys
from importlib import import_module
from typing import BinaryIO, NoReturn

import safetensors.numpy

from rlctl.core.errors import Damaged, PackageMissing, RlctlError, Unsafe

READERS = {  # each has read(files: name -> bytes, ...) -> ForeignPolicy; imported on demand
    "orbax": "rlctl.checkpoints.foreign.orbax",
    "pickle": "rlctl.checkpoints.foreign.pickles",
    "torch": "rlctl.checkpoints.foreign.torch_file",
    "sb3": "rlctl.checkpoints.foreign.sb3",
}
FAILED = 3
CPU_SECONDS = 60
MEMORY = 2**31  # bytes of address space, plus four times the size of the files


def main() -> None:
    """Read files from stdin, write the policy to stdout."""
    blob = sys.stdin.buffer.read()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # keep output of libraries out of the result
    try:
        reader = import_module(READERS[sys.argv[1]])
        limit(MEMORY + 4 * len(blob))
        files = {name: data.tobytes() for name, data in safetensors.numpy.load(blob).items()}
        result = reader.read(files, *sys.argv[2:]).to_bytes()
    except RlctlError as error:
        _fail(out, error)
    except ModuleNotFoundError as error:
        need = f"reading it needs {error.name}, which is not installed"
        _fail(out, PackageMissing(need, str(error.name)))
    except MemoryError:
        _fail(out, Unsafe("it needs more memory than a policy", "do not open it elsewhere"))
    except Exception as error:  # malformed input can raise anything
        if "RLCTL_DEBUG" in os.environ:
            raise
        _fail(out, Damaged(f"it cannot be read: {type(error).__name__}: {error}", "copy it again"))
    out.write(result)
    out.flush()
    os._exit(0)  # do not wait for library threads


def limit(memory: int) -> None:
    """Limit CPU time, written files and memory beyond what is used now."""
    try:
        import resource
    except ImportError:  # Windows
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(usage.ru_utime + usage.ru_stime) + CPU_SECONDS
    limits = {resource.RLIMIT_CPU: seconds, resource.RLIMIT_FSIZE: 0, resource.RLIMIT_CORE: 0}
    try:
        with open("/proc/self/statm", "rb") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        limits[resource.RLIMIT_AS] = used + memory
    except OSError:  # only Linux enforces RLIMIT_AS
        pass
    for kind, most in limits.items():
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def _fail(out: BinaryIO, error: RlctlError) -> NoReturn:
    failure = {"error": type(error).__name__, "message": error.message, "hint": error.hint}
    out.write(json.dumps(failure).encode())
    out.flush()
    os._exit(FAILED)


if __name__ == "__main__":
    main()
