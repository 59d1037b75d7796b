"""The ``flowship.toml`` that imports a ``prefect.yaml``."""

from __future__ import annotations

from flowship.config import loading
from flowship.project.prefect_yaml.translation import translate
from flowship.project.prefect_yaml.writing import configuration

WHOLE = """\
build:
- prefect_docker.deployments.steps.build_docker_image:
    image_name: acme/flows
    buildargs: {A: "1"}
deployments:
- name: nightly
  entrypoint: flows/a.py:nightly
  description: "two\\nlines and \\"quotes\\" \\u20ac"
  parameters: {when: 2024-01-02, "odd key": [1.5, true]}
  schedules: [{cron: "0 5 * * *"}, {interval: 60, parameters: {a: 1}}]
  work_pool: {name: docker, job_variables: {env: {A: b}}}
- name: big
  entrypoint: flows/b.py:load
  work_pool: {name: "other\\npool"}
"""


def loaded(folder, text):
    (folder / "prefect.yaml").write_text(text)
    taken = translate(folder / "prefect.yaml")
    written = configuration(taken, name="x", base_image="example/base:1")
    (folder / "flowship.toml").write_text(written)
    return loading.load(folder, environ={}), written


def test_the_file_is_a_configuration_with_all_values(tmp_path):
    settings, _text = loaded(tmp_path, WHOLE)
    assert (settings.name, settings.repo, settings.work_pool) == ("x", "acme/flows", "docker")
    assert settings.base_image == "example/base:1"
    assert settings.build_args == {"A": "1"}
    [nightly] = settings.deployments
    assert nightly.description == 'two\nlines and "quotes" €'
    assert nightly.parameters == {"when": "2024-01-02", "odd key": [1.5, True]}
    assert [s.cron or s.interval for s in nightly.all_schedules()] == ["0 5 * * *", 60]
    assert nightly.job_variables == {"env": {"A": "b"}}


def test_a_deployment_that_cannot_be_deployed_is_a_comment_with_its_reason(tmp_path):
    _, text = loaded(tmp_path, WHOLE)
    comment = text[text.index("# Not deployed") :].splitlines()
    assert 'its work pool is "other pool"' in comment[0]
    assert all(line.startswith("#") for line in comment)
    assert '# name = "big"' in comment


def test_one_common_entrypoint_is_the_projects(tmp_path):
    text = "deployments:\n- {name: a, entrypoint: f.py:m}\n- {name: b, entrypoint: f.py:m}\n"
    settings, written = loaded(tmp_path, text)
    assert settings.entrypoint == "f.py:m"
    assert written.count("entrypoint") == 1


def test_an_own_dockerfile_needs_no_base_image(tmp_path):
    step = "prefect_docker.deployments.steps.build_docker_image"
    text = f"build:\n- {step}: {{dockerfile: Dockerfile}}\ndeployments:\n- {{name: a, entrypoint: f.py:m}}\n"  # noqa: E501
    settings, written = loaded(tmp_path, text)
    assert settings.dockerfile == "Dockerfile"
    assert "base-image" not in written
