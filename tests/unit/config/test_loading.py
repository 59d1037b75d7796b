"""Configuration: where it is found, what wins, and how mistakes are told."""

from __future__ import annotations

from importlib import metadata

import pytest

from flowship.config import loading
from flowship.config.settings import default_base_image
from flowship.deployment.desired import Flags
from flowship.deployment.draft import draft
from flowship.errors import ConfigError, UsageError

FULL = """\
name = "de-taxi"
entrypoint = "flows/taxi.py:etl_parent_flow"
requirements = "docker-requirements.txt"
apt = ["libpq5"]
base-image = "prefecthq/prefect:3.8.8-python3.11"
repo = "user/de-repo"
copy = { "data" = "/opt/prefect/data" }
platform = "linux/amd64"
work-pool = "flowship"

[packages]
trusted-hosts = ["index.example.com"]
index-url = "https://index.example.com/simple"
constraints = "constraints.txt"
ca-bundle = "ca.pem"

[probe]
network = true
env = { A = "1" }

[block]
name = "taxi-docker"
registry-credentials = "my-registry"
image-pull-policy = "always"
auto-remove = true
env = { TZ = "Pacific/Auckland" }
networks = ["etl"]
volumes = ["/data:/data"]
mem-limit = "2g"

[[deployments]]
name = "prefect-docker-flow"
cron = "0 5 * * *"
timezone = "Pacific/Auckland"
parameters = { months = [1, 2, 3] }
tags = ["taxi"]
concurrency-limit = 1

[[deployments]]
name = "several"
[[deployments.schedules]]
interval = "15m"
[[deployments.schedules]]
rrule = "FREQ=DAILY"
"""


def load(folder, text=None, environ=None, **overrides):
    if text is not None:
        (folder / "flowship.toml").write_text(text)
    return loading.load(folder, overrides=overrides, environ=environ or {})


def failure(folder, text=None, environ=None, **overrides) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(folder, text, environ, **overrides)
    return caught.value


def test_every_documented_key_is_read(tmp_path):
    settings = load(tmp_path, FULL)
    assert settings.copy_ == {"data": "/opt/prefect/data"}
    assert settings.block.image_pull_policy == "Always"
    assert settings.packages.trusted_hosts == ("index.example.com",)
    assert settings.deployments[0].all_schedules()[0].timezone == "Pacific/Auckland"
    assert [s.interval for s in settings.deployments[1].all_schedules()] == ["15m", None]
    assert settings.block_name == "taxi-docker"


def test_the_same_keys_are_read_from_pyproject(tmp_path):
    body = '[project]\nname = "My_Project"\n[tool.flowship]\nentrypoint = "a.py:f"\n'
    (tmp_path / "pyproject.toml").write_text(body)
    settings = load(tmp_path)
    assert settings.name == "my-project"
    assert settings.entrypoint == "a.py:f"


def test_configuration_in_both_files_is_refused(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.flowship]\nentrypoint = "a.py:f"\n')
    error = failure(tmp_path, 'entrypoint = "a.py:f"\n')
    assert "both" in error.message


def test_flags_win_over_environment_and_environment_over_file(tmp_path):
    text = 'entrypoint = "a.py:f"\nrepo = "file/x"\nwork-pool = "file"\nplatform = "linux/arm64"\n'
    environ = {"FLOWSHIP_REPO": "env/x", "FLOWSHIP_WORK_POOL": "env"}
    settings = load(tmp_path, text, environ, repo="flag/x")
    assert (settings.repo, settings.work_pool, settings.platform) == (
        "flag/x",
        "env",
        "linux/arm64",
    )


def test_the_environment_reaches_into_tables_and_lists(tmp_path):
    environ = {
        "FLOWSHIP_BLOCK__MEM_LIMIT": "1g",
        "FLOWSHIP_APT": "git, libpq5",
        "FLOWSHIP_PROBE__NETWORK": "true",
        "FLOWSHIP_BLOCK__ENV": '{"A": "b"}',
    }
    settings = load(tmp_path, 'entrypoint = "a.py:f"\n', environ)
    assert settings.block.mem_limit == "1g"
    assert settings.apt == ("git", "libpq5")
    assert settings.probe.network is True
    assert settings.block.env == {"A": "b"}


@pytest.mark.parametrize(
    "variable", ["FLOWSHIP_BASE_IMAGE", "FLOWSHIP_REPO", "FLOWSHIP_APT", "FLOWSHIP_BLOCK__ENV"]
)
def test_an_empty_variable_counts_as_not_set(tmp_path, variable):
    text = 'entrypoint = "a.py:f"\nrepo = "a/b"\napt = ["git"]\n[block]\nenv = { A = "1" }\n'
    assert load(tmp_path, text, {variable: ""}) == load(tmp_path, text)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('tags = "a"', 'deployment "d", tags takes a list: ["…", "…"]'),
        ('parameters = "a"', 'deployment "d", parameters takes a table'),
        ("concurrency-limit = 1.5", 'deployment "d", concurrency-limit takes a whole number'),
        ("interval = [1]", 'deployment "d", interval takes seconds or text such as "15m"'),
        ('paused = "perhaps"', 'deployment "d", paused takes true or false'),
        ("description = 3", 'deployment "d", description takes text, in quotes'),
    ],
)
def test_a_value_of_another_type_is_told_in_tomls_words(tmp_path, line, words):
    text = f'entrypoint = "a.py:f"\n[[deployments]]\nname = "d"\n{line}\n'
    error = failure(tmp_path, text)
    assert error.message.startswith(words)
    assert error.where.endswith("flowship.toml:4:1")


def test_a_deployments_name_with_a_slash_is_refused_in_words(tmp_path):
    error = failure(tmp_path, 'entrypoint = "a.py:f"\n[[deployments]]\nname = "a/b"\n')
    assert error.message == 'deployment "a/b", name takes none of / % & > <'


def test_a_deployment_without_a_name_points_at_its_table(tmp_path):
    error = failure(tmp_path, 'entrypoint = "a.py:f"\n[[deployments]]\ntags = ["a"]\n')
    assert error.message == "deployment 1, name is needed and not given"
    assert error.where.endswith("flowship.toml:2:3")


def test_a_table_by_variable_is_asked_for_as_json(tmp_path):
    error = failure(tmp_path, 'entrypoint = "a.py:f"\n', {"FLOWSHIP_BLOCK__ENV": "A=1"})
    assert "block.env takes a table as JSON" in error.message
    assert error.where == "FLOWSHIP_BLOCK__ENV"


def test_a_wrong_option_is_wrong_usage_and_not_the_files_fault(tmp_path):
    with pytest.raises(UsageError, match="linux/amd64") as caught:
        load(tmp_path, 'entrypoint = "a.py:f"\n', platform="x")
    assert caught.value.where == "--platform"


def test_the_place_of_a_key_is_its_line_also_in_nested_tables(tmp_path):
    settings = load(tmp_path, FULL)
    lines = FULL.splitlines()
    for key in ("cron", "timezone"):
        place = settings.place("deployments", 0, key)
        assert lines[int(place.split(":")[-2]) - 1].startswith(key)
    place = settings.place("deployments", 1, "schedules", 1, "rrule")
    assert lines[int(place.split(":")[-2]) - 1].startswith("rrule")
    assert load(tmp_path, environ={"FLOWSHIP_NAME": "x"}).place("name") == "FLOWSHIP_NAME"


def test_both_spellings_of_a_key_meet_flags_and_environment(tmp_path):
    text = 'entrypoint = "a.py:f"\nwork_pool = "file"\nbase_image = ""\n[block]\nmem_limit = "1g"\n'
    environ = {"FLOWSHIP_WORK_POOL": "env", "FLOWSHIP_BLOCK__MEM_LIMIT": "2g"}
    settings = load(tmp_path, text, environ)
    assert (settings.work_pool, settings.block.mem_limit) == ("env", "2g")
    assert settings.base_image == default_base_image()


def test_one_key_in_two_spellings_is_an_error(tmp_path):
    error = failure(tmp_path, 'entrypoint = "a.py:f"\nwork_pool = "a"\nwork-pool = "b"\n')
    assert '"work-pool" is given twice' in error.message


def test_a_wrong_value_from_the_environment_names_the_variable(tmp_path):
    environ = {"FLOWSHIP_PLATFORM": "amd64"}
    error = failure(tmp_path, 'entrypoint = "a.py:f"\n', environ)
    assert error.where == "FLOWSHIP_PLATFORM"


def test_an_unknown_variable_is_a_warning_that_names_the_nearest(tmp_path):
    settings = load(tmp_path, 'entrypoint = "a.py:f"\n', {"FLOWSHIP_REPOO": "x"})
    assert settings.warnings == (
        "FLOWSHIP_REPOO is no flowship setting; did you mean FLOWSHIP_REPO?",
    )
    settings = load(tmp_path, 'entrypoint = "a.py:f"\n', {"FLOWSHIP_BLOCK__MEM_LIMITS": "1g"})
    assert settings.warnings[0].endswith("did you mean FLOWSHIP_BLOCK__MEM_LIMIT?")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[deployments]\nname = "x"\n', 2, "[[deployments]]"),
        ('[[deployments]]\nname = "x"\n[deployments.schedules]\ncron = "* * * * *"\n', 4,
         "[[deployments.schedules]]"),
        ('[tool.flowship]\nname = "x"\n', 2, "without [tool.flowship]"),
    ],
)  # fmt: skip
def test_a_header_that_is_not_quite_right_is_told_with_the_right_one(tmp_path, text, line, words):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f'entrypoint = "a.py:f"\n{text}')
    assert words in f"{caught.value.message} {caught.value.hint}"
    assert f"flowship.toml:{line}:" in caught.value.where


def test_a_name_that_had_to_be_made_up_is_said_to_be(tmp_path):
    folder = tmp_path / "\u6570\u636e"
    folder.mkdir()
    settings = load(folder, 'entrypoint = "a.py:f"\n')
    assert (settings.name, len(settings.warnings)) == ("flow", 1)
    assert 'name = "' in settings.warnings[0]
    assert load(folder, 'entrypoint = "a.py:f"\nname = "flow"\n').warnings == ()


@pytest.mark.parametrize(
    ("text", "key", "nearest", "line"),
    [
        ('entrypoint = "a.py:f"\nrepoo = "x"\n', "repoo", "repo", 2),
        ('entrypoint = "a.py:f"\n[block]\nmem_limt = "x"\n', "block.mem_limt", "mem-limit", 3),
        (
            'entrypoint = "a.py:f"\n[[deployments]]\nname = "a"\n[[deployments]]\nname = "b"\n'
            'crun = "* * * * *"\n',
            'deployment "b", crun',
            "cron",
            6,
        ),
    ],
)
def test_an_unknown_key_names_its_line_and_the_nearest_key(tmp_path, text, key, nearest, line):
    error = failure(tmp_path, text)
    assert key in error.message
    assert nearest in error.hint
    assert f"flowship.toml:{line}:" in error.where


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ('name = "My Flow"', "my-flow"),
        ('platform = "amd64"', "linux/amd64"),
        ('copy = { "a" = "opt/a" }', "/opt/a"),
        ('apt = ["Bad Name"]', "Debian package"),
        ('dockerfile = "D"\ntemplate = "t.j2"', "exclude each other"),
    ],
)
def test_a_wrong_value_says_what_a_right_one_looks_like(tmp_path, line, word):
    assert word in failure(tmp_path, f'entrypoint = "a.py:f"\n{line}\n').message


@pytest.mark.parametrize("value", ["a.py", "a:f", "/abs.py:f", "../x.py:f", "a.py:"])
def test_an_entrypoint_that_cannot_work_is_refused(tmp_path, value):
    assert "entrypoint" in failure(tmp_path, f'entrypoint = "{value}"\n').message


@pytest.mark.parametrize(
    "schedule",
    ['cron = "0 5 * * *"\ninterval = 60', 'timezone = "UTC"', ""],
)
def test_a_schedule_takes_exactly_one_kind(tmp_path, schedule):
    head = 'entrypoint = "a.py:f"\n[[deployments]]\nname = "x"\n[[deployments.schedules]]\n'
    text = f"{head}{schedule}\n"
    assert "exactly one" in failure(tmp_path, text).message


def test_broken_toml_names_the_line(tmp_path):
    error = failure(tmp_path, 'name = "x"\nentrypoint = \n')
    assert "flowship.toml:2" in error.where


def test_without_an_entrypoint_the_flows_found_are_offered(tmp_path):
    (tmp_path / "a.py").write_text("from prefect import flow\n@flow\ndef hello():\n    pass\n")
    error = failure(tmp_path, 'name = "x"\n')
    assert 'entrypoint = "a.py:hello"' in error.hint


def test_python_files_without_configuration_list_their_flows_and_suggest_init(tmp_path):
    (tmp_path / "a.py").write_text("import prefect\n@prefect.flow(name='x')\nasync def go(): ...\n")
    error = failure(tmp_path)
    assert "a.py:go" in error.details
    assert "flowship init" in error.hint


def test_a_folder_with_neither_stands_for_the_shipped_etl(tmp_path):
    settings = load(tmp_path)
    assert settings.shipped
    assert settings.block_name == "prefect-de-docker"
    assert settings.deployments[0].name == "prefect-docker-flow"
    assert (settings.root / "flow.py").is_file()
    assert (settings.root / str(settings.requirements)).is_file()


def test_the_default_base_is_the_prefect_that_flowship_runs_on(tmp_path):
    base = load(tmp_path, 'entrypoint = "a.py:f"\n').base_image
    assert base.startswith(f"prefecthq/prefect:{metadata.version('prefect')}-python3.")


# --- below a project -----------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path):
    """A configured project with a folder deep inside it."""
    folder = tmp_path / "project"
    (folder / "data" / "raw").mkdir(parents=True)
    (folder / "flowship.toml").write_text('entrypoint = "flow.py:f"\n')
    return folder


@pytest.mark.parametrize(("inside", "way"), [("data", ".."), ("data/raw", "../..")])
def test_a_folder_of_a_project_is_not_the_shipped_flow(project, inside, way):
    error = failure(project / inside)
    assert str(project) in error.message
    assert f"flowship -C {way}" in error.hint


def test_python_files_inside_a_project_are_not_told_to_init(project):
    (project / "data" / "a.py").write_text("@flow\ndef f(): ...\n")
    assert "flowship init" not in failure(project / "data").hint


def test_a_project_in_pyproject_is_found_above_too(project):
    (project / "flowship.toml").unlink()
    (project / "pyproject.toml").write_text('[tool.flowship]\nentrypoint = "flow.py:f"\n')
    assert str(project) in failure(project / "data").message


def test_a_project_inside_a_project_is_its_own(project):
    (project / "data" / "flowship.toml").write_text('entrypoint = "own.py:f"\n')
    assert load(project / "data").entrypoint == "own.py:f"


def test_a_repository_is_not_part_of_what_lies_above_it(project):
    (project / "data" / ".git").mkdir()
    assert load(project / "data").shipped
    assert load(project / "data" / "raw").shipped


def test_the_root_of_the_repository_may_be_the_project(project):
    (project / ".git").mkdir()
    assert str(project) in failure(project / "data" / "raw").message


def test_the_home_folder_is_no_project(project, monkeypatch):
    monkeypatch.setenv("HOME", str(project))
    assert load(project / "data").shipped
    monkeypatch.setenv("HOME", str(project / "data"))
    assert load(project / "data").shipped
    assert load(project / "data" / "raw").shipped


def test_a_folder_that_everybody_may_write_to_is_no_project(project):
    project.chmod(0o1777)
    assert load(project / "data").shipped


# --- schedules, judged later, told at the same places --------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ('cron = "0 25 * * *"', 4),
        ('cron = "0 5 * * *"\ntimezone = "Mars"', 5),
        ('[[deployments.schedules]]\ncron = "0 5 * * *"\ntimezone = "Mars"', 6),
        ('timezone = "Mars"\n[[deployments.schedules]]\ncron = "0 5 * * *"', 4),
        ('[[deployments.schedules]]\ncron = "@daily"\n[[deployments.schedules]]\ninterval="x"', 7),
    ],
)
def test_a_wrong_schedule_is_told_with_its_line(tmp_path, wrong, line):
    settings = load(tmp_path, f'entrypoint = "a.py:f"\n[[deployments]]\nname = "d"\n{wrong}\n')
    with pytest.raises(ConfigError) as caught:
        draft(settings, Flags())
    assert f"flowship.toml:{line}:" in caught.value.where


def test_a_wrong_schedule_from_a_variable_names_the_variable(tmp_path):
    given = {"FLOWSHIP_DEPLOYMENTS": '[{"name": "d", "cron": "0 25 * * *"}]'}
    settings = load(tmp_path, 'entrypoint = "a.py:f"\n', given)
    with pytest.raises(ConfigError) as caught:
        draft(settings, Flags())
    assert caught.value.where == "FLOWSHIP_DEPLOYMENTS"


@pytest.mark.parametrize("key", ["root", "shipped", "prefix", "source", "warnings", "origins"])
def test_what_flowship_fills_in_itself_is_no_key(tmp_path, key):
    error = failure(tmp_path, f'entrypoint = "a.py:f"\n{key} = "x"\n')
    assert error.message == f'unknown key "{key}"'
    assert "flowship.toml:2:1" in error.where


def test_true_is_no_interval(tmp_path):
    text = 'entrypoint = "a.py:f"\n[[deployments]]\nname = "x"\ninterval = true\n'
    assert "seconds or text" in failure(tmp_path, text).message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('work-pool = "c/d"\n', "work-pool takes none of /"),
        ('[block]\nnetwork-mode = "host"\nnetworks = ["a"]\n', "exclude each other"),
    ],
)
def test_what_the_server_or_the_engine_would_refuse_is_refused_at_once(tmp_path, text, words):
    with pytest.raises(ConfigError, match=words):
        load(tmp_path, f'entrypoint = "a.py:f"\n{text}')


def test_a_byte_order_mark_does_no_harm_and_accents_leave_their_letters(tmp_path):
    folder = tmp_path / "\u00dcn\u00ef c\u00f6d\u00e9"
    folder.mkdir()
    assert load(folder, '\ufeffentrypoint = "a.py:f"\n').name == "uni-code"


# --- variables for keys of tables ----------------------------------------------------------------


def test_a_variable_for_a_key_of_what_is_no_table_is_told(tmp_path):
    (tmp_path / "flowship.toml").write_text('entrypoint = "flow.py:f"\nblock = "x"\n')
    with pytest.raises(ConfigError, match="block is no table") as caught:
        loading.load(tmp_path, environ={"FLOWSHIP_BLOCK__MEM_LIMIT": "2g"})
    assert caught.value.where.endswith("flowship.toml:2:1")


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("FLOWSHIP_BLOK__MEM_LIMIT", "FLOWSHIP_BLOCK__MEM_LIMIT"),
        ("FLOWSHIP_BLOCK__MEM_LIMT", "FLOWSHIP_BLOCK__MEM_LIMIT"),
        ("FLOWSHIP_DEPLOYMENTS__CRON", "FLOWSHIP_DEPLOYMENTS gives it as a whole"),
    ],
)
def test_a_variable_that_reaches_into_no_table_is_a_warning(tmp_path, variable, meant):
    (tmp_path / "flowship.toml").write_text('name = "p"\nentrypoint = "flow.py:f"\n')
    (warning,) = loading.load(tmp_path, environ={variable: "2g"}).warnings
    assert warning.startswith(f"{variable} is no flowship setting")
    assert meant in warning


def test_only_an_interval_of_a_schedule_is_told_as_one(tmp_path):
    text = 'name = "p"\nentrypoint = "flow.py:f"\n[block]\nenv = { interval = 5 }\n'
    (tmp_path / "flowship.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"block\.env\.interval takes text"):
        loading.load(tmp_path, environ={})


def test_a_byte_order_mark_hides_no_place(tmp_path):
    (tmp_path / "flowship.toml").write_bytes(b'\xef\xbb\xbfnam = "p"\nentrypoint = "flow.py:f"\n')
    with pytest.raises(ConfigError) as caught:
        loading.load(tmp_path, environ={})
    assert caught.value.where.endswith("flowship.toml:1:1")
