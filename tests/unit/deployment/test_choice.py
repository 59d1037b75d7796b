"""Which of the configured deployments a command is about."""

from __future__ import annotations

import pytest

from flowship.deployment.choice import chosen
from flowship.deployment.desired import Flags
from flowship.errors import UsageError
from support.deploying import settings


def test_the_default_deployment_may_be_given_another_name():
    project = settings(default_deployment="prefect-docker-flow")
    assert [d.name for d in chosen(project, Flags())] == ["prefect-docker-flow"]
    assert [d.name for d in chosen(project, Flags(name="mine"))] == ["mine"]


def test_a_name_that_is_not_configured_suggests_the_nearest():
    project = settings(deployments=[{"name": "nightly"}, {"name": "hourly"}])
    assert [d.name for d in chosen(project, Flags(name="hourly"))] == ["hourly"]
    with pytest.raises(UsageError) as caught:
        chosen(project, Flags(name="nigthly"))
    assert caught.value.hint == 'did you mean "nightly"?'
