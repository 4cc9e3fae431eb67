"""MuJoCo's classes and functions are made by C++ bindings that have no stubs: all of them are Any."""

from typing import Any

def __getattr__(name: str) -> Any: ...
