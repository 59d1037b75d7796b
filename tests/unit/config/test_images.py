"""Named images: the settings of each, where its keys are, and what is refused."""

from __future__ import annotations

import pytest

from flowship.config import images, loading
from flowship.config.settings import Settings
from flowship.errors import ConfigError
from support.configuring import failure, load

PROJECT = """\
name = "taxi"
entrypoint = "flows/a.py:a"
base-image = "prefecthq/prefect:3.8.8-python3.11"
requirements = "requirements/light.txt"
apt = ["libpq5"]
repo = "user/de-repo:v1"
build-args = { TEAM = "data", LEVEL = "1" }
work-pool = "etl"

[packages]
index-url = "https://packages.example.com/simple"

[block]
mem-limit = "1g"
secrets = ["API_TOKEN"]

[images.gpu]
base-image = "registry.example.com/cuda:12"
requirements = "requirements/gpu.txt"
build-args = { LEVEL = "2" }

[images.gpu.packages]
constraints = "gpu-constraints.txt"

[[deployments]]
name = "light"

[[deployments]]
name = "train"
entrypoint = "flows/train.py:train"
image = "gpu"
cron = "0 5 * * *"

[[deployments]]
name = "report"
cron = "0 7 * * *"
"""


def line_of(settings: Settings, *key: str | int) -> str:
    """The line of the file that a place names."""
    place = settings.place(*key)
    name, number, _ = place.rsplit(":", 2)
    assert name == str(settings.source)
    return settings.source.read_text().splitlines()[int(number) - 1]


@pytest.fixture
def both(tmp_path):
    own, gpu = load(tmp_path, PROJECT).per_image()
    return own, gpu


def test_a_project_without_named_images_has_its_own_one(tmp_path):
    settings = load(tmp_path, 'entrypoint = "a.py:f"\n[[deployments]]\nname = "x"\n')
    assert settings.per_image() == (settings,)
    assert settings.project is settings


def test_a_named_image_is_nearly_a_project_of_its_own(both):
    own, gpu = both
    assert (own.label, gpu.label) == ("taxi", "gpu")
    assert (own.name, gpu.name) == ("taxi", "taxi-gpu")
    assert (own.block_name, gpu.block_name) == ("taxi-docker", "taxi-docker-gpu")
    assert (own.repo, gpu.repo) == ("user/de-repo:v1", "user/de-repo-gpu:v1")
    assert (own.deployment_names, gpu.deployment_names) == (("light", "report"), ("train",))
    assert (own.entrypoints, gpu.entrypoints) == (("flows/a.py:a",), ("flows/train.py:train",))
    assert gpu.base_image == "registry.example.com/cuda:12"
    assert (own.requirements, gpu.requirements) == (
        "requirements/light.txt",
        "requirements/gpu.txt",
    )


def test_everything_else_is_the_projects(both):
    own, gpu = both
    assert gpu.apt == own.apt == ("libpq5",)
    assert (gpu.work_pool, gpu.block.mem_limit) == ("etl", "1g")
    assert gpu.secret_block("API_TOKEN") == own.secret_block("API_TOKEN") == "taxi-api-token"
    assert gpu.project.block_name == own.project.block_name == "taxi-docker"
    assert gpu.project.deployment_names == ("light", "train", "report")


def test_tables_merge_key_by_key_as_in_an_environment(both):
    own, gpu = both
    assert gpu.build_args == {"TEAM": "data", "LEVEL": "2"}
    assert own.build_args == {"TEAM": "data", "LEVEL": "1"}
    assert gpu.packages.index_url == "https://packages.example.com/simple"
    assert gpu.packages.constraints == "gpu-constraints.txt"
    assert own.packages.constraints is None


def test_a_key_of_an_image_has_its_own_place(both):
    own, gpu = both
    assert line_of(gpu, "requirements") == 'requirements = "requirements/gpu.txt"'
    assert line_of(own, "requirements") == 'requirements = "requirements/light.txt"'
    assert line_of(gpu, "apt") == line_of(own, "apt") == 'apt = ["libpq5"]'
    assert line_of(gpu, "packages", "constraints") == 'constraints = "gpu-constraints.txt"'
    assert "index-url" in line_of(gpu, "packages", "index-url")
    assert line_of(gpu, "deployments", 0, "cron") == 'cron = "0 5 * * *"'
    assert line_of(own, "deployments", 1, "cron") == 'cron = "0 7 * * *"'
    assert line_of(own, "deployments", 1, "name") == 'name = "report"'


def test_the_projects_own_image_is_left_out_if_no_deployment_uses_it(tmp_path):
    text = (
        'name = "t"\nentrypoint = "a.py:f"\n[images.x]\n[images.y]\n'
        '[[deployments]]\nname = "b"\nimage = "y"\n[[deployments]]\nname = "a"\nimage = "x"\n'
    )
    settings = load(tmp_path, text)
    assert [each.label for each in settings.per_image()] == ["y", "x"]
    assert settings.warnings == ()
    assert settings.for_deployment("a").name == "t-x"
    assert settings.for_deployment("not one").name == "t"


def test_an_image_that_no_deployment_uses_is_a_warning(tmp_path):
    settings = load(tmp_path, 'name = "t"\nentrypoint = "a.py:f"\n[images.gpu]\n')
    (warning,) = settings.warnings
    assert 'no deployment uses the image "gpu"' in warning
    assert [each.label for each in settings.per_image()] == ["t"]


@pytest.mark.parametrize(
    ("repo", "named"),
    [
        ("user/de-repo", "user/de-repo-gpu"),
        ("user/de-repo:v1", "user/de-repo-gpu:v1"),
        ("localhost:5000/team/repo", "localhost:5000/team/repo-gpu"),
        ("localhost:5000/repo:v1", "localhost:5000/repo-gpu:v1"),
        ("r.io/repo@sha256:ab", "r.io/repo-gpu@sha256:ab"),
        ("r.io/repo:v1@sha256:ab", "r.io/repo-gpu:v1@sha256:ab"),
        ("repo:v1", "repo-gpu:v1"),
    ],
)
def test_the_repository_has_the_name_before_tag_and_digest(repo, named):
    assert images.repository_of(repo, "gpu") == named


def test_an_image_has_its_own_repository_if_it_says_so(tmp_path):
    text = PROJECT.replace("[images.gpu]\n", '[images.gpu]\nrepo = "user/other"\n')
    own, gpu = load(tmp_path, text).per_image()
    assert (own.repo, gpu.repo) == ("user/de-repo:v1", "user/other")
    assert line_of(gpu, "repo") == 'repo = "user/other"'


@pytest.mark.parametrize(
    ("project", "image", "expected"),
    [
        ('requirements = "r.txt"', 'lock = "uv.lock"', {"requirements": None, "lock": "uv.lock"}),
        ('lock = "uv.lock"', 'requirements = "r.txt"', {"requirements": "r.txt", "lock": "auto"}),
        ('dockerfile = "D"', 'template = "t.j2"', {"dockerfile": None, "template": "t.j2"}),
        ('template = "t.j2"', 'dockerfile = "D"', {"dockerfile": "D", "template": None}),
        ('include = ["../x"]', 'dockerfile = "D"', {"dockerfile": "D", "include": ()}),
    ],
)
def test_of_keys_that_cannot_be_combined_the_images_counts(tmp_path, project, image, expected):
    text = (
        f'entrypoint = "a.py:f"\n{project}\n[images.gpu]\n{image}\n'
        '[[deployments]]\nname = "x"\nimage = "gpu"\n'
    )
    [gpu] = load(tmp_path, text).per_image()
    assert {key: getattr(gpu, key) for key in expected} == expected


# --- environments and variables ------------------------------------------------------------------

OVERLAYS = (
    PROJECT
    + """
[env.staging]
repo = "user/staging"
[env.staging.images.gpu]
base-image = "registry.example.com/cuda:13"
[env.staging.images.gpu.packages]
constraints = "staging.txt"
[env.staging.deployments.report]
image = "gpu"
[env.other.images.new]
apt = ["git"]
[env.other.deployments.light]
image = "new"
cron = "0 9 * * *"
"""
)


def test_an_environment_changes_an_image_and_who_uses_it(tmp_path):
    (tmp_path / "flowship.toml").write_text(OVERLAYS)
    own, gpu = loading.load(tmp_path, environment="staging", environ={}).per_image()
    assert (own.repo, gpu.repo) == ("user/staging", "user/staging-gpu")
    assert gpu.base_image == "registry.example.com/cuda:13"
    assert gpu.requirements == "requirements/gpu.txt"
    assert (own.deployment_names, gpu.deployment_names) == (("light",), ("train", "report"))
    assert "cuda:13" in line_of(gpu, "base-image")
    assert "staging.txt" in line_of(gpu, "packages", "constraints")
    assert line_of(gpu, "requirements") == 'requirements = "requirements/gpu.txt"'
    assert line_of(gpu, "deployments", 1, "cron") == 'cron = "0 7 * * *"'


def test_an_environment_can_have_an_image_of_its_own(tmp_path):
    (tmp_path / "flowship.toml").write_text(OVERLAYS)
    new, gpu, own = loading.load(tmp_path, environment="other", environ={}).per_image()
    assert [each.label for each in (new, gpu, own)] == ["new", "gpu", "taxi"]
    assert new.apt == ("git",)
    assert line_of(new, "apt") == 'apt = ["git"]'
    assert line_of(new, "deployments", 0, "cron") == 'cron = "0 9 * * *"'


def test_a_misspelled_key_of_an_image_is_refused_in_every_environment(tmp_path):
    error = failure(tmp_path, OVERLAYS.replace('base-image = "r', 'base-imge = "r'))
    assert error.message == 'unknown key "env.staging.images.gpu.base-imge"'
    assert error.hint == 'did you mean "base-image"?'


def test_a_variable_sets_a_key_of_an_image(tmp_path):
    environ = {"FLOWSHIP_IMAGES__GPU__BASE_IMAGE": "x:1", "FLOWSHIP_IMAGES__GPU__APT": "git,curl"}
    _, gpu = load(tmp_path, PROJECT, environ).per_image()
    assert (gpu.base_image, gpu.apt) == ("x:1", ("git", "curl"))
    assert gpu.place("base-image") == "FLOWSHIP_IMAGES__GPU__BASE_IMAGE"
    settings = load(tmp_path, PROJECT, {"FLOWSHIP_IMAGES__GPU__BASE_IMGE": "x:1"})
    (warning,) = settings.warnings
    assert "did you mean FLOWSHIP_IMAGES__GPU__BASE_IMAGE?" in warning


def test_the_places_of_deployments_that_a_variable_sets_are_the_variable(tmp_path):
    value = '[{"name": "x", "image": "gpu"}, {"name": "y"}]'
    gpu, own = load(tmp_path, PROJECT, {"FLOWSHIP_DEPLOYMENTS": value}).per_image()
    for each in (gpu, own):
        assert each.place("deployments", 0, "name") == "FLOWSHIP_DEPLOYMENTS"


def test_a_key_may_be_spelled_with_underscores(tmp_path):
    text = PROJECT.replace('base-image = "registry', 'base_image = "registry')
    assert load(tmp_path, text).per_image()[1].base_image == "registry.example.com/cuda:12"
    error = failure(tmp_path, text.replace("[images.gpu]", '[images.gpu]\nbase-image = "x"'))
    assert error.code == "duplicate-key"


# --- what is refused -----------------------------------------------------------------------------


def test_an_unknown_image_names_the_nearest_at_the_line_of_the_deployment(tmp_path):
    error = failure(tmp_path, PROJECT.replace('image = "gpu"', 'image = "gpus"'))
    assert error.code == "image-unknown"
    assert error.message == 'deployment "train": the configuration has no image "gpus"'
    assert error.hint == 'did you mean "gpu"?'
    number = PROJECT.splitlines().index('image = "gpu"') + 1
    assert error.where == f"{tmp_path}/flowship.toml:{number}:1"


def test_without_any_image_the_hint_says_how_to_add_one(tmp_path):
    text = 'entrypoint = "a.py:f"\n[[deployments]]\nname = "x"\nimage = "gpu"\n'
    assert "add [images.gpu]" in failure(tmp_path, text).hint


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("GPU", 'such as "gpu"'),
        ("a_b", 'such as "a-b"'),
        ("taxi", "the project has this name"),
        ("x" * 101, "at most 100 characters"),
        ("x" * 90, 'its block would be "taxi-docker-'),
    ],
)
def test_a_name_that_an_image_or_a_block_cannot_have_is_refused(tmp_path, name, words):
    text = f'name = "taxi"\nentrypoint = "a.py:f"\n[images.first]\n[images.{name}]\n'
    error = failure(tmp_path, text)
    assert (error.code, words in error.message) == ("invalid-value", True), error.message
    assert error.where == f"{tmp_path}/flowship.toml:4:2"


def test_two_images_cannot_have_the_same_name_in_the_registry(tmp_path):
    text = PROJECT.replace("[images.gpu]\n", '[images.gpu]\nrepo = "user/de-repo:v1"\n')
    error = failure(tmp_path, text)
    assert error.code == "image-repo-shared"
    assert "taxi and taxi-gpu would both be pushed as user/de-repo:v1" in error.message
    number = text.splitlines().index("[images.gpu]") + 2
    assert error.where == f"{tmp_path}/flowship.toml:{number}:1"
    without_tag = text.replace('repo = "user/de-repo:v1"', 'repo = "user/de-repo"')
    load(tmp_path, without_tag)  # the tags are then the hashes of the inputs


def test_the_image_folder_of_an_image_must_have_its_flows(tmp_path):
    text = PROJECT.replace("[images.gpu]\n", '[images.gpu]\nimage-folder = "acme"\n')
    error = failure(tmp_path, text)
    assert "entrypoint must start with image-folder" in error.message
    assert error.message.startswith("images.gpu: ")


# --- files ---------------------------------------------------------------------------------------


def test_files_that_only_other_images_are_made_of_are_foreign(both):
    own, gpu = both
    usual = ("docker-requirements.txt",)
    assert images.foreign_files(own, usual) == {"requirements/gpu.txt", "gpu-constraints.txt"}
    assert images.foreign_files(gpu, usual) == {"requirements/light.txt"}


def test_the_list_that_is_found_by_itself_is_foreign_where_another_is_named(tmp_path):
    text = PROJECT.replace('requirements = "requirements/light.txt"\n', "")
    own, gpu = load(tmp_path, text).per_image()
    usual = ("requirements.txt",)
    assert "requirements.txt" in images.foreign_files(gpu, usual)
    assert "requirements.txt" not in images.foreign_files(own, usual)


def test_a_name_in_capitals_is_reported_where_it_is_defined(tmp_path):
    (tmp_path / "flowship.toml").write_text(
        'entrypoint = "a.py:f"\n[images.Report]\napt = ["curl"]\n'
        '[[deployments]]\nname = "a"\nimage = "report"\n'
    )
    with pytest.raises(ConfigError, match='such as "report"') as caught:
        loading.load(tmp_path, environ={})
    assert caught.value.where.endswith("flowship.toml:2:2")
