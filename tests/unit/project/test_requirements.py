"""The dependency list that is copied into the image."""

from __future__ import annotations

import pytest

from flowship.config import loading
from flowship.errors import ConfigError, UsageError
from flowship.project import requirements
from support.lock_tools import pylock


def read(folder, **overrides):
    (folder / "flowship.toml").write_text('entrypoint = "flow.py:f"\n')
    return requirements.read(loading.load(folder, overrides=overrides, environ={}))


def test_a_project_without_a_list_has_no_requirements(tmp_path):
    assert read(tmp_path) is None


def test_the_usual_files_are_found(tmp_path):
    (tmp_path / "requirements.txt").write_text("pandas\n")
    found = read(tmp_path)
    assert found == requirements.Requirements("pandas\n", "requirements.txt", "requirements.txt", 1)


def test_the_pyproject_s_dependencies_come_before_a_requirements_file(tmp_path):
    (tmp_path / "requirements.txt").write_text("pandas\n")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["httpx>=1"]\n')
    assert read(tmp_path).text == "httpx>=1\n"


def test_includes_are_inserted_and_comments_removed(tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base/common.txt").write_text("pyarrow  # fast\n")
    (tmp_path / "r.txt").write_text("-r base/common.txt\n\n# more\npandas\n")
    assert read(tmp_path, requirements="r.txt").text == "pyarrow\npandas\n"


def test_an_include_of_itself_is_refused(tmp_path):
    (tmp_path / "r.txt").write_text("-r r.txt\n")
    with pytest.raises(ConfigError, match="includes itself"):
        read(tmp_path, requirements="r.txt")


@pytest.mark.parametrize(
    "line",
    [
        "-e .",
        "./libs/mine",
        "mine @ file:///home/me/mine",
        "-c constraints.txt",
        "x @ https://user:t0ken@example.com/x.whl",
        "--extra-index-url https://t0ken@example.com/simple",
        "mine @ git+https://t0ken@example.com/x/y.git",
        "-c https://user:t0ken@example.com/constraints.txt",
        "--find-links ./wheels",
        "/srv/wheels/mine.whl",
        "--pre",
        "panda s",
        "pandas >= ",
        "pip install pandas",
    ],
)
def test_a_line_that_cannot_be_installed_in_the_image_is_refused_with_its_place(tmp_path, line):
    (tmp_path / "r.txt").write_text(f"pandas\n{line}\n")
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, requirements="r.txt")
    assert caught.value.where.endswith("r.txt:2:1")
    assert caught.value.hint
    assert "t0ken" not in caught.value.message


def test_a_configured_list_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r"docker-requirements\.txt does not exist"):
        read(tmp_path, requirements="docker-requirements.txt")


def test_dynamic_dependencies_are_an_error(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\ndynamic = ["dependencies"]\n')
    with pytest.raises(ConfigError, match="no \\[project\\] dependencies"):
        read(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "pandas[parquet]>=2.2,<3; python_version >= '3.10'",
        "x @ https://example.com/x.whl",
        "https://example.com/x-1-py3-none-any.whl",
        "mine @ git+https://example.com/mine.git@main",
        "git+https://example.com/mine.git@main#egg=mine",
        "mine @ git+ssh://git@example.com/mine.git",
        "x @ https://${TOKEN}@example.com/x.whl",
        "--find-links https://example.com/wheels",
        "--extra-index-url https://example.com/simple",
        "x==1 --hash=sha256:aa --hash=sha256:bb",
    ],
)
def test_valid_lines_are_kept(tmp_path, line):
    (tmp_path / "r.txt").write_text(f"{line}\n")
    assert read(tmp_path, requirements="r.txt").text == f"{line}\n"


def test_a_requirement_over_several_lines_is_one(tmp_path):
    (tmp_path / "r.txt").write_text(
        "x==1 \\\n    --hash=sha256:aa \\\n  # via y\npandas\nbad one\n"
    )
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, requirements="r.txt")
    assert caught.value.where.endswith("r.txt:5:1")
    (tmp_path / "r.txt").write_text("x==1 \\\n    --hash=sha256:aa \\\n  # via y\npandas\n")
    assert read(tmp_path, requirements="r.txt").text == "x==1 --hash=sha256:aa\npandas\n"


def test_a_missing_include_is_reported_at_the_line_that_includes_it(tmp_path):
    (tmp_path / "r.txt").write_text("pandas\n-r nope.txt\n")
    with pytest.raises(ConfigError, match=r"nope\.txt") as caught:
        read(tmp_path, requirements="r.txt")
    assert caught.value.where.endswith("r.txt:2:1")


def test_an_invalid_dependency_in_pyproject_is_an_error(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["a b"]\n')
    with pytest.raises(ConfigError, match="a b"):
        read(tmp_path)


# --- includes without an end, and secrets --------------------------------------------------------


def test_files_that_include_each_other_in_a_long_chain_are_refused(tmp_path):
    for number in range(1500):
        (tmp_path / f"r{number}.txt").write_text(f"-r r{number + 1}.txt\n")
    (tmp_path / "r1500.txt").write_text("pandas\n")
    with pytest.raises(ConfigError, match="more than 50 levels deep") as caught:
        read(tmp_path, requirements="r0.txt")
    assert caught.value.code == "includes-too-deep"


def test_includes_that_double_are_read_once(tmp_path):
    for number in range(40):
        include = f"-r r{number + 1}.txt\n"
        (tmp_path / f"r{number}.txt").write_text(include * 2)
    (tmp_path / "r40.txt").write_text("pandas\n")
    assert read(tmp_path, requirements="r0.txt").text == "pandas\n"


@pytest.mark.parametrize("depth", [50, 5000])
def test_a_marker_is_valid_or_too_deep(tmp_path, depth):
    marker = "(" * depth + "python_version > '3'" + ")" * depth
    (tmp_path / "r.txt").write_text(f"x; {marker}\n")
    if depth == 50:
        assert read(tmp_path, requirements="r.txt").text.startswith("x; ((")
        return
    with pytest.raises(ConfigError, match="nested too deeply") as caught:
        read(tmp_path, requirements="r.txt")
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "link.txt"])
def test_an_include_outside_the_project_is_refused_and_never_quoted(tmp_path, name):
    (tmp_path / "p").mkdir()
    (tmp_path / "secret").write_text("machine x password hunter2\n")
    (tmp_path / "p" / "link.txt").symlink_to("../secret")
    (tmp_path / "p" / "r.txt").write_text(f"pandas\n-r {name}\n")
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / "p", requirements="r.txt")
    assert caught.value.code == "outside-project"
    assert caught.value.where.endswith("r.txt:2:1")
    assert "hunter2" not in str(vars(caught.value))


@pytest.mark.parametrize(
    "line", ["DB_PASSWORD=hunter2 x", "machine x login y password hunter2", "API_KEY: hunter2"]
)
def test_a_line_that_looks_like_a_secret_is_not_quoted(tmp_path, line):
    (tmp_path / ".env").write_text(f"{line}\n")
    with pytest.raises(ConfigError, match="is not a requirement") as caught:
        read(tmp_path, requirements=".env")
    assert "hunter2" not in str(vars(caught.value))


# --- lists of other tools ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (
            "pyproject.toml",
            '[tool.poetry]\nname = "x"\n[tool.poetry.dependencies]\npandas = "2"\n',
            "[tool.poetry] in pyproject.toml are not installed",
        ),
        ("pyproject.toml", '[tool.pixi.dependencies]\npandas = "2"\n', "[tool.pixi] in pyproject"),
        (
            "Pipfile",
            '[packages]\npandas = "*"\n',
            "run `pipenv lock`",
        ),
        ("pixi.toml", '[dependencies]\npandas = "2"\n', "dependencies of pixi.toml"),
        ("setup.cfg", "[options]\ninstall_requires = pandas\n", "dependencies of setup.cfg"),
        ("setup.py", 'setup(install_requires=["pandas"])\n', "dependencies of setup.py"),
    ],
)
def test_a_list_of_another_tool_is_reported_as_unused(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    (tmp_path / "flowship.toml").write_text('entrypoint = "flow.py:f"\n')
    settings = loading.load(tmp_path, environ={})
    (warning,) = requirements.unused(settings, requirements.read(settings))
    assert words in warning
    (tmp_path / "docker-requirements.txt").write_text("pandas\n")
    assert requirements.unused(settings, requirements.read(settings)) == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[tool.ruff]\nline-length = 100\n"),
        ("pyproject.toml", '[build-system]\nrequires = ["poetry-core"]\n'),
        ("setup.cfg", "[flake8]\nmax-line-length = 100\n"),
    ],
)
def test_files_without_dependencies_are_not_mentioned(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    (tmp_path / "flowship.toml").write_text('entrypoint = "flow.py:f"\n')
    assert requirements.unused(loading.load(tmp_path, environ={}), None) == ()


def test_a_conda_environment_alone_is_an_error_that_says_what_is_possible(tmp_path):
    (tmp_path / "environment.yml").write_text("dependencies:\n  - pandas\n")
    with pytest.raises(ConfigError, match=r"environment\.yml lists conda packages") as caught:
        read(tmp_path)
    assert caught.value.code == "conda-environment"
    assert "docker-requirements.txt" in caught.value.hint
    assert 'dockerfile = "Dockerfile"' in caught.value.hint
    (tmp_path / "docker-requirements.txt").write_text("# nothing else\n")
    assert read(tmp_path) is None


# --- which of several lists ----------------------------------------------------------------------

PYLOCK = pylock("six", "1.17.0")


def test_of_several_lists_the_most_explicit_is_used_and_the_others_are_named(tmp_path):
    (tmp_path / "flowship.toml").write_text('entrypoint = "flow.py:f"\n')
    (tmp_path / "requirements.txt").write_text("pandas\nsix\n")

    def used(**overrides):
        settings = loading.load(tmp_path, overrides=overrides, environ={})
        found = requirements.read(settings)
        return found.source, requirements.notes(settings, found)

    assert used() == ("requirements.txt", ())
    (tmp_path / "environment.yml").write_text("dependencies:\n  - pandas\n")
    note = "dependencies: requirements.txt, 2 packages; not used: environment.yml"
    assert used() == ("requirements.txt", (note,))
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["six"]\n')
    assert used()[0] == "pyproject.toml"
    (tmp_path / "pylock.toml").write_text(PYLOCK)
    note = (
        "dependencies: pylock.toml (PEP 751), 1 package; not used: requirements.txt,"
        " environment.yml"
    )
    assert used() == ("pylock.toml", (note,))
    (tmp_path / "docker-requirements.txt").write_text("toolz\n")
    assert used()[0] == "docker-requirements.txt"
    assert used(lock="pylock.toml")[0] == "pylock.toml"
    assert used(requirements="requirements.txt")[0] == "requirements.txt"


def test_a_list_and_a_lockfile_cannot_both_be_named(tmp_path):
    with pytest.raises((ConfigError, UsageError), match="requirements and lock"):
        read(tmp_path, requirements="r.txt", lock="uv.lock")


def test_a_lockfile_named_as_requirements_is_an_error_that_names_the_key(tmp_path):
    (tmp_path / "pylock.toml").write_text(PYLOCK)
    with pytest.raises(ConfigError, match="is a lockfile") as caught:
        read(tmp_path, requirements="pylock.toml")
    assert caught.value.hint == 'set lock = "pylock.toml" instead'


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("prefect==3.6.13 ; python_version < '4' --hash=sha256:aa\n", "3.6.13"),
        ("six==1\nPrefect[aws] == 3.6.13\n", "3.6.13"),
        ("prefect>=3\n", None),
        ("prefect==3.*\n", None),
        ("prefect-docker==0.6.6\n", None),
    ],
)
def test_the_version_that_a_package_is_pinned_to(text, version):
    assert requirements.Requirements(text, "x").version_of("prefect") == version


def test_a_missing_list_is_reported_where_it_is_named(tmp_path):
    (tmp_path / "flowship.toml").write_text('entrypoint = "a.py:f"\nrequirements = "r.txt"\n')
    with pytest.raises(ConfigError, match=r"r\.txt does not exist") as caught:
        requirements.read(loading.load(tmp_path, environ={}))
    assert caught.value.where.endswith("flowship.toml:2:1")


def test_of_several_images_the_note_names_the_one_with_the_dependencies(tmp_path):
    (tmp_path / "flowship.toml").write_text(
        'entrypoint = "a.py:f"\n[images.heavy]\nextras = ["x"]\n'
        '[[deployments]]\nname = "a"\n[[deployments]]\nname = "b"\nimage = "heavy"\n'
    )
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "p"\ndependencies = ["six"]\n[project.optional-dependencies]\n'
        'x = ["toolz"]\n'
    )
    heavy = loading.load(tmp_path, environ={}).for_image("heavy")
    assert requirements.notes(heavy, requirements.read(heavy)) == (
        "dependencies of the image heavy: pyproject.toml (extras x), 2 packages",
    )
