"""What docker-py raises, translated."""

from __future__ import annotations

import docker.errors
import pytest
import requests

from flowship.engine.errors import engine_errors, registry_errors
from flowship.errors import BuildError, EngineError
from flowship.registry import Fault, Reference, RegistryFailure


def api_error(text, status=500):
    response = requests.Response()
    response.status_code = status
    return docker.errors.APIError(text, response, explanation=text)


def raised(context, error):
    with (
        pytest.raises(type(error) if isinstance(error, BuildError) else Exception) as caught,
        context,
    ):
        raise error
    return caught.value


def test_an_error_of_the_engine_has_its_explanation():
    error = raised(engine_errors("building"), api_error("no space"))
    assert isinstance(error, EngineError)
    assert error.message == "the engine failed while building: no space"
    assert error.code == "engine-failed"


@pytest.mark.parametrize(
    "cause", [requests.exceptions.ConnectionError("gone"), docker.errors.DockerException("gone")]
)
def test_a_lost_connection_has_its_own_code(cause):
    error = raised(engine_errors("building"), cause)
    assert isinstance(error, EngineError)
    assert (error.code, error.details) == ("engine-connection-lost", "gone")
    assert error.hint


def test_our_own_errors_pass_through():
    own = BuildError("a step failed")
    assert raised(engine_errors("building"), own) is own


def test_a_refusal_of_a_registry_is_not_reported_as_the_engines_fault():
    target = Reference.parse("127.0.0.1:5000/x:1")
    error = raised(registry_errors(target, "pull", None), api_error("denied", 403))
    assert isinstance(error, RegistryFailure)
    assert error.fault is Fault.DENIED
    assert error.where == str(target)
