"""Small projects that the engine tests build."""

from __future__ import annotations

from pathlib import Path

FLOW = '''\
from prefect import flow


@flow(log_prints=True)
def hello(name: str = "world", months: list[int] = [1, 2]) -> str:
    """Greet somebody."""
    print(f"hello {name}")
    return name
'''


def write(
    folder: Path, base_image: str, files: dict[str, str] | None = None, more: str = ""
) -> Path:
    """A project in `folder`: ``flow.py:hello``, plus `files`, plus `more` configuration."""
    wanted = {
        "flow.py": FLOW,
        "flowship.toml": f'name = "{folder.name}"\nentrypoint = "flow.py:hello"\n'
        f'base-image = "{base_image}"\n{more}',
        **(files or {}),
    }
    for name, text in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder
