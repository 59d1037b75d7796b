"""Make each text file named on the command line end with exactly one newline.

Exit code 1 if a file was changed; pre-commit then stops the commit.
"""

from __future__ import annotations

import sys
from pathlib import Path


def fix(path: Path) -> bool:
    """Fix the end of `path`, and return whether that changed the file."""
    content = path.read_bytes()
    fixed = content.rstrip(b"\n") + b"\n" if content.strip() else b""
    if content == fixed:
        return False
    path.write_bytes(fixed)
    return True


def main(names: list[str]) -> int:
    """Fix the files and print the names of those that changed."""
    changed = [name for name in names if fix(Path(name))]
    for name in changed:
        print(f"fixed the end of {name}")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
