"""W&B is optional and not installed for development: all of its names are Any."""

from typing import Any

def __getattr__(name: str) -> Any: ...
