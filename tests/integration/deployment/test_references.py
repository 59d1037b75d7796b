"""References to a Secret block and to a variable, against a real server."""

from __future__ import annotations

import pytest

from flowship.errors import ConfigError
from support.deploying import Project

pytestmark = pytest.mark.server


def test_what_the_configuration_refers_to_must_exist_before_a_deploy(prefect_server):
    project = Project(prefect_server)
    secret, variable = f"key-{project.tag}", f"memory-{project.tag}"
    project.values["block"] = {"env": {"KEY": f"{{{{ prefect.blocks.secret.{secret} }}}}"}}
    project.configure(**{"job-variables": {"mem_limit": f"{{{{ prefect.variables.{variable} }}}}"}})
    for missing, create in (
        (secret, lambda: project.create_block("secret", secret, {"value": "hunter2"})),
        (variable, lambda: project.api.create_variable(variable, "1g")),
    ):
        with pytest.raises(ConfigError) as caught:
            project.deploy()
        assert caught.value.code == "reference-not-found"
        assert missing in caught.value.message
        assert project.network.writes == []
        create()
    project.deploy()
    asked = [r for r in project.network.requests if secret in r or variable in r]
    assert len(asked) == 2
    variables = project.stored()["job_variables"]
    assert variables["mem_limit"] == f"{{{{ prefect.variables.{variable} }}}}"
