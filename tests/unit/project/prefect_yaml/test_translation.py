"""A whole ``prefect.yaml``."""

from __future__ import annotations

import pytest

from flowship.errors import ConfigError
from flowship.project.prefect_yaml.translation import translate

WHOLE = """\
name: My Flows
prefect-version: 2.14.20
build:
- prefect_docker.deployments.steps.build_docker_image:
    image_name: acme/flows
extra: 1
deployments:
- name: nightly
  entrypoint: flows/a.py:nightly
  work_pool: {name: docker}
- name: nightly
  entrypoint: flows/b.py:load_all
  work_pool: {name: docker}
- name: big
  entrypoint: flows/b.py:load_all
  work_pool: {name: kubernetes}
- name: other-image
  entrypoint: flows/b.py:load_all
  work_pool: {name: docker}
  build:
  - prefect_docker.deployments.steps.build_docker_image:
      image_name: acme/other
"""


def written(folder, text):
    path = folder / "prefect.yaml"
    path.write_text(text)
    return path


@pytest.fixture
def whole(tmp_path):
    return translate(written(tmp_path, WHOLE))


def test_the_project_gets_the_name_the_pool_and_the_repository(whole):
    assert whole.name == "my-flows"
    assert whole.settings["work-pool"] == "docker"
    assert whole.settings["repo"] == "acme/flows"


def test_a_deployment_with_another_build_gets_an_image_of_its_own(whole):
    assert whole.settings["images"] == {"other-image": {"repo": "acme/other"}}
    assert whole.deployments[-1]["image"] == "other-image"
    assert "image" not in whole.deployments[0]


def test_a_build_that_has_less_than_the_projects_cannot_be_an_image(tmp_path):
    step = "prefect_docker.deployments.steps.build_docker_image"
    text = (
        f"build:\n- {step}: {{image_name: a/b, dockerfile: D}}\n"
        "deployments:\n- {name: a, entrypoint: f.py:m}\n"
        f"- name: b\n  entrypoint: f.py:m\n  build: [{{{step}: {{image_name: a/c}}}}]\n"
    )
    taken = translate(written(tmp_path, text))
    assert taken.settings["dockerfile"] == "D"
    [unusable] = taken.unusable
    assert "no dockerfile" in unusable.reason


def test_of_two_entries_of_one_name_and_flow_the_later_one_counts(tmp_path):
    text = (
        "deployments:\n- {name: a, entrypoint: f.py:m, tags: [one]}\n"
        "- {name: a, entrypoint: f.py:m, tags: [two]}\n"
    )
    taken = translate(written(tmp_path, text))
    assert [each["tags"] for each in taken.deployments] == [["two"]]
    assert "a later entry" in taken.unusable[0].reason


def test_a_second_deployment_of_a_name_gets_its_functions_name_before_it(whole):
    names = [each["name"] for each in whole.deployments]
    assert names == ["nightly", "load-all-nightly", "other-image"]
    assert any('it is now "load-all-nightly"' in left.reason for left in whole.left)


def test_a_deployment_in_another_work_pool_is_not_deployed(whole):
    [unusable] = whole.unusable
    assert unusable.table["name"] == "big"
    assert '"kubernetes"' in unusable.reason


def test_what_is_left_is_in_the_order_of_the_lines(whole):
    assert [left.line for left in whole.left] == sorted(left.line for left in whole.left)
    reasons = {left.key: (left.line, left.reason) for left in whole.left}
    assert reasons["prefect-version"][0] == 2
    assert reasons["extra"] == (6, "Prefect does not read this key")


def test_steps_of_the_only_deployment_are_the_projects(tmp_path):
    taken = translate(
        written(
            tmp_path,
            "deployments:\n- name: a\n  entrypoint: f.py:m\n  build:\n"
            "  - prefect_docker.deployments.steps.build_docker_image: {image_name: a/b}\n",
        )
    )
    assert taken.settings == {"repo": "a/b"}
    assert taken.left == ()


@pytest.mark.parametrize("text", ["name: x\n", "deployments: []\n", "deployments:\n- null\n"])
def test_a_file_without_deployments_is_refused(tmp_path, text):
    with pytest.raises(ConfigError, match="no deployments"):
        translate(written(tmp_path, text))


STEP = "prefect_docker.deployments.steps.build_docker_image"
OWN = f"build: [{{{STEP}: {{image_name: acme/own, dockerfile: docker/Own.Dockerfile}}}}]"
BAD = f"- name: bad\n  entrypoint: f.py:m\n  concurrency_limit: 0\n  {OWN}\n"


@pytest.mark.parametrize("shared", ["", f"build: [{{{STEP}: {{image_name: acme/all}}}}]\n"])
@pytest.mark.parametrize("bad_first", [True, False])
def test_the_build_of_a_deployment_that_is_refused_stays_with_it(tmp_path, shared, bad_first):
    entries = ["- {name: good, entrypoint: f.py:m}\n", BAD]
    text = "".join([shared, "deployments:\n", *sorted(entries, reverse=not bad_first)])
    taken = translate(written(tmp_path, text))
    assert taken.settings == ({"repo": "acme/all"} if shared else {})
    assert [each["name"] for each in taken.deployments] == ["good"]
    [unusable] = taken.unusable
    assert unusable.table["image"] == "bad"
    assert unusable.images == {"bad": {"repo": "acme/own", "dockerfile": "docker/Own.Dockerfile"}}


def test_the_build_of_one_deployment_is_not_that_of_one_without_a_build(tmp_path):
    text = (
        f"deployments:\n- name: own\n  entrypoint: f.py:m\n  {OWN}\n"
        "- {name: good, entrypoint: f.py:m}\n"
    )
    taken = translate(written(tmp_path, text))
    assert list(taken.settings) == ["images"]
    assert [each.get("image") for each in taken.deployments] == ["own", None]


def test_two_deployments_of_one_name_keep_their_images(tmp_path):
    entry = "- name: a\n  entrypoint: f.py:{0}\n  build: [{{{1}: {{image_name: acme/{0}}}}}]\n"
    text = "deployments:\n" + "".join(entry.format(name, STEP) for name in ("one", "two", "three"))
    taken = translate(written(tmp_path, text))
    assert [each.get("image") for each in taken.deployments] == [None, "two-a", "three-a"]
    repos = [taken.settings["repo"], *(i["repo"] for i in taken.settings["images"].values())]
    assert repos == ["acme/one", "acme/two", "acme/three"]


def test_a_section_of_steps_of_a_deployment_leaves_the_other_sections_as_they_are(tmp_path):
    install = "prefect.deployments.steps.pip_install_requirements"
    text = (
        f"build: [{{{STEP}: {{image_name: acme/all, dockerfile: D}}}}]\n"
        "deployments:\n- {name: a, entrypoint: f.py:m}\n- name: b\n  entrypoint: f.py:m\n"
        f"  pull: [{{{install}: {{requirements_file: b.txt}}}}]\n"
    )
    taken = translate(written(tmp_path, text))
    assert taken.unusable == ()
    assert taken.settings["images"] == {
        "b": {"repo": "acme/all", "dockerfile": "D", "requirements": "b.txt"}
    }


def test_items_of_the_list_that_are_not_deployments_are_listed(tmp_path):
    text = "deployments:\n- {name: a, entrypoint: f.py:m}\n- null\n- just text\n- {}\n"
    taken = translate(written(tmp_path, text))
    assert [(left.line, left.key, left.reason) for left in taken.left] == [
        (3, "deployments.2", "it is empty"),
        (4, "deployments.3", "it is not a deployment"),
        (5, "deployments.4", "it is empty"),
    ]


def test_what_a_refused_deployment_loses_is_listed(tmp_path):
    text = (
        "deployments:\n- {name: a, entrypoint: f.py:m}\n"
        "- name: bad\n  entrypoint: f.py:m\n  concurrency_limit: 0\n  bogus: 1\n"
        "  build: [text]\n"
    )
    taken = translate(written(tmp_path, text))
    assert [(left.line, left.key) for left in taken.left] == [
        (3, "deployments.bad"),
        (6, "deployments.bad.bogus"),
        (7, "deployments.bad.build"),
    ]


def test_a_refused_deployment_in_another_pool_names_that_too(tmp_path):
    text = (
        "deployments:\n- {name: a, entrypoint: f.py:m, work_pool: {name: docker}}\n"
        "- {name: b, entrypoint: f.py:m, concurrency_limit: 0, work_pool: {name: k8s}}\n"
        "- {name: c, entrypoint: f.py:m, concurrency_limit: 0, work_pool: {name: k8s}}\n"
    )
    taken = translate(written(tmp_path, text))
    assert taken.settings["work-pool"] == "docker"
    reason = 'concurrency.limit must be greater than 0; its work pool is "k8s"'
    assert [each.reason.partition("; a project")[0] for each in taken.unusable] == [reason] * 2


def test_a_long_name_of_the_file_is_cut_to_one_that_a_project_can_have(tmp_path):
    text = f"name: {'Prøve ' * 30}\ndeployments:\n- {{name: a, entrypoint: f.py:m}}\n"
    name = translate(written(tmp_path, text)).name
    assert name == ("prove-" * 17)[:100].strip("-")
