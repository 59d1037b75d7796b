"""The ``flowship.toml`` that imports a ``prefect.yaml``."""

from __future__ import annotations

from flowship.config import images, loading
from flowship.deployment.schedules import problem
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
    taken = translate(folder / "prefect.yaml", problem)
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


REFUSED = """\
deployments:
- name: good
  entrypoint: flows/a.py:nightly
- name: bad
  entrypoint: flows/b.py:load
  concurrency_limit: 0
  triggers: [{type: event}]
  schedule: {interval: 900, timezone: Mars/Phobos}
  build:
  - prefect_docker.deployments.steps.build_docker_image:
      image_name: acme/own
      dockerfile: docker/Own.Dockerfile
      buildargs: {A: 1}
"""


def test_a_comment_that_becomes_a_deployment_has_all_that_translates(tmp_path):
    settings, text = loaded(tmp_path, REFUSED)
    assert (settings.repo, settings.dockerfile, dict(settings.images)) == (None, None, {})
    comment = text[text.index("# Not deployed") :]
    assert comment.splitlines()[:3] == [
        "# Not deployed: concurrency.limit must be greater than 0.",
        "# Not imported, prefect.yaml:7  deployments.bad.triggers: only alerts become automations"
        " ([[alerts]]): keep others in the UI or in a script",
        '# Not imported, prefect.yaml:8  deployments.bad.schedule: "Mars/Phobos" is not a timezone;'
        " use an IANA name such as Europe/Paris or Pacific/Auckland",
    ]
    lines = [line.removeprefix("#").removeprefix(" ") for line in comment.splitlines()[3:]]
    mended = "\n".join(lines).replace("concurrency = 0", "concurrency = 2")
    (tmp_path / "flowship.toml").write_text(text.replace(comment, mended))
    settings = loading.load(tmp_path, environ={})
    bad = settings.deployments[1]
    assert (bad.name, bad.entrypoint, bad.image) == ("bad", "flows/b.py:load", "bad")
    assert [(s.interval, s.timezone) for s in bad.all_schedules()] == [(900, "Mars/Phobos")]
    image = images.of_image(settings, "bad")
    assert (image.repo, image.dockerfile) == ("acme/own", "docker/Own.Dockerfile")
    assert image.build_args == {"A": "1"}


def test_a_comment_without_an_entrypoint_does_not_become_a_run_of_another_flow(tmp_path):
    text = "deployments:\n- {name: a, entrypoint: f.py:m}\n- {name: b, entrypoint: [f.py]}\n"
    _, written = loaded(tmp_path, text)
    assert '# name = "b"\n# entrypoint = ""\n' in written
