"""What the import of `flowship.registry` costs."""

from __future__ import annotations

import subprocess
import sys


def test_importing_the_folder_loads_neither_docker_nor_httpx_nor_a_console():
    code = (
        "import sys, flowship.registry; heavy = {'docker', 'prefect', 'typer', 'rich', 'httpx',"
        " 'pandas'}; print(sorted(heavy & sys.modules.keys()))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"
