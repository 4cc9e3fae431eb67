"""The process that opens files nobody vouches for: bytes in, arrays out, and nothing else.

    python -P -m rlctl.checkpoints.foreign.sandbox_child KIND [ACTOR] < files.safetensors > arrays

It gets no path. Before it looks at anything it gives up writing files, and memory and time beyond
what a policy needs, where the system can. An error of rlctl goes out as JSON with exit code FAILED.
"""

import json
import os
import sys
from importlib import import_module
from typing import BinaryIO, NoReturn

import safetensors.numpy

from rlctl.core.errors import Damaged, PackageMissing, RlctlError, Unsafe

READERS = {  # each has read(files: name -> bytes, ...) -> Foreign; only they import what they need
    "orbax": "rlctl.checkpoints.foreign.orbax",
    "pickle": "rlctl.checkpoints.foreign.pickles",
    "torch": "rlctl.checkpoints.foreign.torch_file",
    "sb3": "rlctl.checkpoints.foreign.sb3",
}
FAILED = 3
CPU_SECONDS = 60
MEMORY = 2**31  # bytes of addresses, beside four times the files


def main() -> None:
    """Read stdin, write stdout."""
    blob = sys.stdin.buffer.read()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no result
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
        _fail(out, Unsafe("it asks for more memory than a policy has", "do not open it elsewhere"))
    except Exception as error:  # there is no end to what nonsense can run into
        if "RLCTL_DEBUG" in os.environ:
            raise
        _fail(out, Damaged(f"it cannot be read: {type(error).__name__}: {error}", "copy it again"))
    out.write(result)
    out.flush()
    os._exit(0)  # no waiting for anybody's threads


def limit(memory: int) -> None:
    """Give up what reading needs no more of: files, memory beyond what is used now, time."""
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
    except OSError:  # only Linux keeps to a limit of addresses
        pass
    for kind, most in limits.items():
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def _fail(out: BinaryIO, error: RlctlError) -> NoReturn:
    words = {"error": type(error).__name__, "message": error.message, "hint": error.hint}
    out.write(json.dumps(words).encode())
    out.flush()
    os._exit(FAILED)


if __name__ == "__main__":
    main()
