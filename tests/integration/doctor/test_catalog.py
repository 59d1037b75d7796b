"""All checks in a healthy world, in which none may call anything broken."""

from __future__ import annotations

import pytest

from flowship.doctor.catalog import CHECKS
from support.commands import flowship, one_object

pytestmark = [pytest.mark.engine, pytest.mark.server, pytest.mark.xdist_group("doctor")]


def test_nothing_healthy_is_called_broken(healthy):
    found = healthy.doctor()
    found["engine-leftovers"]["severity"] = "ok"  # those of other tests
    assert {c: each for c, each in found.items() if each["severity"] != "ok"} == {}
    assert list(found) == [check.code for check in CHECKS]
    done = healthy.run("doctor")
    assert (done.code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert all(len(line) <= 80 for line in lines if "@sha256:" not in line), done.stdout
    assert "error" not in lines[-1]


def test_each_check_needs_only_checks_before_it_or_ones_that_do_not_need_it():
    known = {check.code: {*check.needs, *check.after} for check in CHECKS}

    def below(code: str, path: tuple[str, ...] = ()) -> None:
        assert code not in path, " → ".join([*path, code])
        for each in known[code]:
            below(each, (*path, code))

    for code in known:
        below(code)


def test_a_project_is_examined_in_any_folder(healthy, tmp_path):
    done = flowship("doctor", "--project", healthy.name, "--json", cwd=tmp_path, env=healthy.env)
    found = {each["code"]: each["severity"] for each in one_object(done.stdout)["checks"]}
    assert done.code == 0, done.stdout
    wanted = ("deployments", "block", "worker", "secrets", "scheduler")
    assert [found[code] for code in wanted] == ["ok"] * len(wanted)


def test_half_done_edits_are_one_result_and_the_server_is_examined_all_the_same(healthy):
    config = healthy.folder / "flowship.toml"
    text = config.read_text()
    try:
        config.write_text(text + 'color = "red"\n')
        assert healthy.problems() == {"configuration": "error"}
        assert healthy.found["worker"]["severity"] == "ok"
        config.write_text(text + "color = \n")
        assert healthy.problems() == {"configuration": "error"}
        assert "flowship.toml:" in healthy.says("configuration")
    finally:
        config.write_text(text)


def test_a_project_that_the_server_does_not_know_is_an_error(healthy, tmp_path):
    done = flowship("doctor", "--project", "nope", "--json", cwd=tmp_path, env=healthy.env)
    found = {each["code"]: each for each in one_object(done.stdout)["checks"]}
    assert done.code == 3
    assert found["deployments"]["severity"] == "error"
    assert 'no release of a project "nope"' in found["deployments"]["found"]
    assert found["block"]["severity"] == "skipped"
