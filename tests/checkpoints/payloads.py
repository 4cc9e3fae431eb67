"""Malicious pickles: unpickling one would run code, e.g. create the file `canary`."""

import builtins
import ctypes
import functools
import importlib
import operator
import os
import pickle
import runpy
import shutil
import socket
import subprocess
import timeit
import webbrowser
from pathlib import Path

TOUCH = "touch canary"
CODE = "open('canary', 'w')"


class Call:
    """Object that pickles as a function call."""

    def __init__(self, function, *args):
        self.made = function, args

    def __reduce__(self):
        return self.made


def named(module, name):
    """Return a pickle of one global."""
    words = [b"\x8c" + bytes([len(word)]) + word.encode() for word in (module, name)]
    return b"\x80\x04" + b"".join(words) + b"\x93."


def calling(module, name, *args):
    """Return a pickle that calls a global."""
    inner = b"".join(pickle.dumps(arg, 4)[2:-1] for arg in args)
    return named(module, name)[:-1] + b"(" + inner + b"tR."


CALLS = {
    "os.system": Call(os.system, TOUCH),
    "eval": Call(eval, CODE),
    "exec": Call(exec, CODE),
    "getattr chain": Call(getattr, Call(importlib.import_module, "os"), "system"),
    "partial": Call(functools.partial, os.system, TOUCH),
    "Popen": Call(subprocess.Popen, ["touch", "canary"]),
    "check_output": Call(subprocess.check_output, ["touch", "canary"]),
    "__import__": Call(builtins.__import__, "os"),
    "open": Call(open, "canary", "w"),
    "attrgetter": Call(operator.attrgetter, "system"),
    "methodcaller": Call(operator.methodcaller, "system", TOUCH),
    "import_module": Call(importlib.import_module, "antigravity"),
    "compile": Call(compile, CODE, "x", "exec"),
    "run_path": Call(runpy.run_path, "canary"),
    "rmtree": Call(shutil.rmtree, "."),
    "CDLL": Call(ctypes.CDLL, "libc.so.6"),
    "timeit": Call(timeit.timeit, CODE),
    "loads": Call(pickle.loads, pickle.dumps(Call(os.system, TOUCH))),
    "socket": Call(socket.socket),
    "browser": Call(webbrowser.open, "file:///canary"),
    "Path.touch": Call(Path.touch, Path("canary")),
    "mkdir": Call(os.mkdir, "canary"),
}
PICKLES = {
    **{name: pickle.dumps((call, call), 4) for name, call in CALLS.items()},
    "jax calls it": calling("jax._src.array", "_reconstruct_array", Call(os.system, TOUCH)),
    "an attribute of a name": named("numpy", "ndarray.tofile"),
    "a module's globals": named("numpy", "os"),
    "our own names": named("rlctl.checkpoints.foreign.pickles", "Unpickler"),
    "protocol 0": pickle.dumps(Call(os.system, TOUCH), 0),
    "protocol 1": pickle.dumps([Call(os.system, TOUCH)], 1),
    "protocol 2": pickle.dumps(Call(os.system, TOUCH), 2),
    "protocol 5": pickle.dumps(Call(os.system, TOUCH), 5),
    "outside": b"\x80\x04\x8c\x01xQ.",
}
