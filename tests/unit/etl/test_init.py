from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import flowship.etl

PACKAGE = Path(flowship.etl.__file__).parent


def _imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    return names


def test_importing_the_package_loads_neither_prefect_nor_arrow_nor_pandas():
    code = (
        "import sys, flowship.etl\n"
        "print([m for m in ('prefect', 'pyarrow', 'pandas', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_flow_loads_without_pandas_and_without_prefect_gcp(tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    code = (
        "import sys\nfrom flowship.etl import etl_parent_flow\n"
        "print(etl_parent_flow.name, [m for m in ('prefect_gcp', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "etl-parent-flow []"


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(flowship.etl, "etl_web_to_azure")


def test_the_folder_imports_nothing_of_flowship_that_does_not_ship_with_it():
    for path in PACKAGE.glob("*.py"):
        ours = {n for n in _imported(path) if n.startswith((".", "flowship"))}
        assert all(n.startswith("flowship.etl") for n in ours), (path.name, ours)


def test_the_requirements_hold_back_what_breaks_the_images_prefect():
    lines = (PACKAGE / "requirements.txt").read_text().splitlines()
    wanted = {line for line in lines if line and not line.startswith("#")}
    assert {"fastapi<0.151", "sqlalchemy<2.1"} <= wanted
