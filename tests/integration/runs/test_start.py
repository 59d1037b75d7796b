"""Runs are started on a real Prefect server, with parameters that were validated."""

from __future__ import annotations

import pytest

from flowship.errors import UsageError
from flowship.runs.find import find
from flowship.runs.start import start
from support.deploying import Project

pytestmark = pytest.mark.server


@pytest.fixture
def project(prefect_server: str) -> Project:
    return Project(prefect_server)


@pytest.mark.parametrize(
    ("given", "message"),
    [({"month": "1"}, 'no parameter "month"'), ({"year": "soon"}, "a whole number")],
)
def test_a_wrong_parameter_starts_no_run(project, given, message):
    project.deploy()
    deployment = {**project.stored(), "flow_name": f"flow-{project.tag}"}
    project.network.writes.clear()
    with pytest.raises(UsageError) as caught:
        start(project.api, deployment, given)
    assert message in caught.value.message
    assert project.network.writes == []


def test_a_run_starts_with_its_parameters_and_warns_that_no_worker_is_online(project):
    project.deploy()
    deployment = find(project.api, f"flow-{project.tag}/nightly")
    started = start(project.api, deployment, {"months": "[3]"})
    assert project.api.run(started.id)["parameters"]["months"] == [3]
    first = started.parameters[0]
    assert (first.name, first.value, first.source) == ("months", [3], "given")
    (warning,) = started.warnings
    assert f'prefect worker start --pool "pool-{project.tag}" --type docker' in warning
    assert any(f"flowship cancel {started.id}" in hint for hint in started.hints)
    assert set(started.to_json()) == {
        "id", "name", "deployment", "url", "parameters", "warnings", "hints",
    }  # fmt: skip
