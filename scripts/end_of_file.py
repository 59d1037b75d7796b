"""Make each text file named on the command line end with exactly one newline.

Exits with 1 if a file was changed, which stops the commit that pre-commit runs this for.
"""

from __future__ import annotations

import sys
from pathlib import Path


def fix(path: Path) -> bool:
    """Rewrite `path` if its end is wrong, and return whether it was."""
    content = path.read_bytes()
    wanted = content.rstrip(b"\n") + b"\n" if content.strip() else b""
    if content == wanted:
        return False
    path.write_bytes(wanted)
    return True


def main(names: list[str]) -> int:
    """Fix the files and print the names of those that were wrong."""
    changed = [name for name in names if fix(Path(name))]
    for name in changed:
        print(f"fixed the end of {name}")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
