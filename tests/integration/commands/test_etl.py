"""`flowship etl run`: what it refuses before it loads a month."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 2),
        (["--to", "out", "--months", "x"], 2),
        (["--to", "out", "--max-rejects", "-1"], 2),
        (["--to", "out", "--concurrency", "0"], 2),
        (["--to", "out", "--source", "./nowhere"], 3),
    ],
    ids=str,
)
def test_an_invalid_option_is_refused_before_anything_is_written(cli, tmp_path, arguments, code):
    done = cli("etl", "run", *arguments)
    assert (done.code, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
