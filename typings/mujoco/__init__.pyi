"""MuJoCo has no stubs for its C++ bindings: all of its names are Any."""

from typing import Any

def __getattr__(name: str) -> Any: ...
