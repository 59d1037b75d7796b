"""What the checks look at."""

from __future__ import annotations

import pytest

from flowship import scope
from flowship.doctor.world import World


def test_the_blocks_are_those_of_the_project_as_far_as_it_is_known(tmp_path):
    assert World(tmp_path, scope.Scope(None)).block_names == ()
    assert World(tmp_path, scope.Scope("trips")).block_names == ("trips-docker",)
    config = tmp_path / "flowship.toml"
    config.write_text('name = "trips"\nentrypoint = "flow.py:main"\n[block]\nname = "own"\n')
    assert World(tmp_path, scope.choose(tmp_path)).block_names == ("own",)
    config.write_text(config.read_text() + 'color = "red"\n')
    assert World(tmp_path, scope.choose(tmp_path)).block_names == ("own",)


def test_why_there_are_no_settings(tmp_path):
    def why(**more):
        return World(tmp_path, scope.choose(tmp_path, **more)).why_no_settings

    assert World(tmp_path, scope.Scope(None)).why_no_settings == "no project in this folder"
    elsewhere = "not known here: only the folder of trips has its configuration"
    assert why(project="trips") == elsewhere
    config = tmp_path / "flowship.toml"
    config.write_text('name = "taxi"\nentrypoint = "flow.py:main"\n')
    assert why() == ""
    assert why(project="trips") == elsewhere
    config.write_text(config.read_text() + 'color = "red"\n')
    assert why() == "not known: the configuration is not valid"


def test_a_check_that_did_not_wait_for_the_engine_is_a_bug(tmp_path):
    with pytest.raises(AssertionError, match="engine-reachable"):
        _ = World(tmp_path, scope.Scope(None)).engine
