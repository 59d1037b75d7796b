"""httpx, imported without its command line and without HTTP/2.

Both are optional parts that httpx and httpcore import if their packages are installed. In a
flowship environment they are, because rich and Prefect bring them; flowship uses neither, and
they are a third of httpx's import (30 ms of each command that asks a server or a registry).
httpx must therefore be imported from here, except where Prefect's client runs in the same
process: inside the image.
"""

from __future__ import annotations

import sys

_UNUSED = ("httpx._main", "h2")

_hidden = [name for name in _UNUSED if name not in sys.modules]
for _name in _hidden:
    sys.modules[_name] = None  # type: ignore[assignment]  # makes its import an ImportError
try:
    import httpcore
    import httpx
finally:
    for _name in _hidden:
        del sys.modules[_name]

__all__ = ["httpcore", "httpx"]
