"""The renderer of templates, and that it runs as a script without flowship."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from flowship.dockerfile import templates


def request(root: Path, text: str) -> dict[str, object]:
    (root / "my.j2").write_text(text)
    return {"name": "my.j2", "variables": {"x": 1}, "root": str(root), "shipped": str(root / "no")}


def test_an_answer_is_the_text_or_the_error_with_its_place(tmp_path):
    assert templates.render(request(tmp_path, "a{{ x }}\n")) == {"text": "a1\n"}
    assert templates.render(request(tmp_path, "\n{{ y }}")) == {
        "error": "'y' is undefined",
        "file": str(tmp_path / "my.j2"),
        "line": 2,
    }


def test_the_words_of_a_copy_are_quoted_where_needed(tmp_path):
    asked = request(tmp_path, "{% for c in copies %}{{ c | copy }};{% endfor %}")
    copies = [{"source": "a", "destination": "/b"}, {"source": "a b", "destination": "/$c"}]
    answer = templates.render({**asked, "variables": {"copies": copies}})
    assert answer == {"text": 'a /b;["a b", "/\\\\$c"];'}


def test_the_script_runs_isolated_and_imports_nothing_from_its_folder(tmp_path):
    (tmp_path / "jinja2.py").write_text("raise SystemExit('ran')")
    asked = {**request(tmp_path, "{{ x }}"), "path": ["", "relative"]}
    done = subprocess.run(
        [sys.executable, "-I", templates.__file__],
        input=json.dumps(asked),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == {"text": "1"}
