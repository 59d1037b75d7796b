"""`flowship up` and `flowship down` without a server."""

from __future__ import annotations

import pytest

from support.commands import one_object


@pytest.mark.parametrize("port", ["0", "70000", "x"])
def test_an_invalid_port_is_refused(cli, tmp_path, port):
    code, stdout, _ = cli("up", "--port", port)
    assert (code, stdout) == (2, "")


def test_down_is_safe_to_repeat(cli, tmp_path):
    env = {"FLOWSHIP_STATE_DIR": str(tmp_path / "state")}
    for _ in range(2):
        done = cli("down", "--json", env=env)
        assert done.code == 0, done.stderr
        one_object(done.stdout)
