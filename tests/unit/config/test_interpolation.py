"""References to variables in values, and the file with the variables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowship.build_request import prepare_build
from flowship.config import loading
from flowship.config.interpolation import Variables, escape, expand, parse
from flowship.errors import ConfigError

BASE = 'entrypoint = "a.py:f"\n'


def load(folder, more, environ=None, environment=None):
    (folder / "flowship.toml").write_text(BASE + more)
    return loading.load(folder, environ=environ or {}, environment=environment)


def failure(*arguments, **options):
    with pytest.raises(ConfigError) as caught:
        load(*arguments, **options)
    return caught.value


VALUES = {
    "${HOST}/trips": "example.com/trips",
    "${HOST:-other}": "example.com",
    "${ABSENT:-other}": "other",
    "${EMPTY:-other}": "other",
    "x${ABSENT:-}y": "xy",
    "${HOST}:${PORT}": "example.com:5000",
    "$${HOST}": "${HOST}",
    "pa$$word $HOST $(HOST) $1": "pa$$word $HOST $(HOST) $1",
    "${TWICE}": "${HOST}",
}


@pytest.mark.parametrize("text", VALUES)
def test_a_reference_is_replaced_and_other_dollars_stay(text):
    environ = {"HOST": "example.com", "PORT": "5000", "EMPTY": "", "TWICE": "${HOST}"}
    assert expand(text, Variables(environ), lambda path: "") == VALUES[text]


@given(st.text(alphabet=st.sampled_from("${}A:-x \n") | st.characters()))
def test_escaped_text_comes_back(text):
    assert expand(escape(text), Variables({}), lambda path: "") == text


@given(st.text(min_size=1))
def test_a_value_arrives_unchanged(value):
    assert expand("${A}", Variables({"A": value}), lambda path: "") == value


def test_numbers_and_switches_can_come_from_variables_and_keys_stay(tmp_path):
    more = '[block]\nprivileged = "${P}"\nenv = { "${P}" = "x" }\n'
    more += '[[deployments]]\nname = "n"\nconcurrency-limit = "${LIMIT}"\ntags = ["${P}", "b"]\n'
    settings = load(tmp_path, more, {"P": "true", "LIMIT": "3"})
    assert settings.block.privileged is True
    assert settings.block.env == {"${P}": "x"}
    assert settings.deployments[0].concurrency_limit == 3
    assert settings.deployments[0].tags == ("true", "b")


def test_only_the_chosen_environment_needs_its_variables(tmp_path):
    more = '[env.a]\nrepo = "${A}/x"\n[env.b]\nrepo = "${B}/x"\n'
    assert load(tmp_path, more, {"B": "example.com"}, "b").repo == "example.com/x"
    assert failure(tmp_path, more, {}, "a").where.endswith("flowship.toml:3:1")


def test_flowships_own_variables_are_not_expanded(tmp_path):
    settings = load(tmp_path, "", {"FLOWSHIP_BLOCK__ENV": '{"A": "${HOME}"}'})
    assert settings.block.env == {"A": "${HOME}"}


# --- the file ------------------------------------------------------------------------------------


def test_the_environment_comes_before_the_file(tmp_path):
    (tmp_path / ".env.production").write_text(
        "# a comment\nexport HOST=file\nPORT='5000' # ours\nURL=\"http://${HOST}:${PORT}\"\n"
    )
    more = 'env-file = ".env.production"\n[block]\nenv = { H = "${HOST}", U = "${URL}" }\n'
    assert load(tmp_path, more).block.env == {"H": "file", "U": "http://file:5000"}
    settings = load(tmp_path, more, {"HOST": "shell"})
    assert settings.block.env == {"H": "shell", "U": "http://shell:5000"}


def test_each_environment_can_have_its_file(tmp_path):
    (tmp_path / ".env.a").write_text("POOL=pool-a\n")
    more = 'work-pool = "${POOL:-none}"\n[env.a]\nenv-file = ".env.a"\n'
    assert load(tmp_path, more).work_pool == "none"
    assert load(tmp_path, more, environment="a").work_pool == "pool-a"


def test_a_variable_names_a_file_anywhere_and_the_configuration_only_inside(tmp_path):
    (tmp_path / "elsewhere").write_text("POOL=outside\n")
    (tmp_path / ".env").write_text("POOL=outside\n")
    folder = tmp_path / "project"
    folder.mkdir()
    more = 'work-pool = "${POOL}"\n'
    environ = {"FLOWSHIP_ENV_FILE": str(tmp_path / "elsewhere")}
    assert load(folder, more, environ).work_pool == "outside"
    error = failure(folder, more + 'env-file = "../.env"\n')
    assert (error.code, error.where.rpartition("/")[2]) == ("outside-project", "flowship.toml:3:1")


def test_a_file_that_could_be_in_the_image_is_refused(tmp_path):
    error = failure(tmp_path, 'env-file = "production.env"\n')
    assert (error.code, error.where) == ("env-file-name", f"{tmp_path}/flowship.toml:2:1")


def test_the_file_is_not_in_the_image(tmp_path):
    (tmp_path / "a.py").write_text("")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / ".env.production").write_text("POOL=x\n")
    (tmp_path / ".dockerignore").write_text("# nothing\n")
    more = 'env-file = "conf/.env.production"\nwork-pool = "${POOL}"\n'
    settings = load(tmp_path, more)
    assert settings.work_pool == "x"
    sent = prepare_build(settings).context.paths
    assert [path for path in sent if ".env" in path] == []
    assert any(path.endswith("a.py") for path in sent)


# --- mistakes ------------------------------------------------------------------------------------


def test_a_variable_without_a_value_is_named_with_its_place(tmp_path):
    error = failure(tmp_path, 'work-pool = "${POOL}"\n')
    assert (error.code, error.where) == ("variable-not-set", f"{tmp_path}/flowship.toml:2:1")
    assert error.message == "${POOL} has no value: the environment does not set POOL"
    error = failure(tmp_path, 'env-file = ".env"\nwork-pool = "${POOL}"\n')
    assert error.message.endswith("does not set POOL, and .env does not exist")
    (tmp_path / ".env").write_text("POOL=\n")
    error = failure(tmp_path, 'env-file = ".env"\nwork-pool = "${POOL}"\n')
    assert error.message.endswith("neither the environment nor .env sets POOL")


@pytest.mark.parametrize("text", ["${}", "${1A}", "${A:?x}", "${A", "${a.b}", "${{ A }}"])
def test_a_malformed_reference_is_an_error(tmp_path, text):
    error = failure(tmp_path, f'work-pool = "{text}"\n', {"A": "1"})
    assert (error.code, error.where) == ("variable-invalid", f"{tmp_path}/flowship.toml:2:1")


@pytest.mark.parametrize("name", ["API_TOKEN", "DB_PASSWORD", "AWS_SECRET_ACCESS_KEY"])
def test_a_secret_is_never_written_into_a_value(tmp_path, name):
    error = failure(tmp_path, f'repo = "example.com/${{{name}}}"\n', {name: "hunter2"})
    assert error.code == "variable-is-secret"
    assert "hunter2" not in error.message + error.hint + error.details


def test_a_wrong_line_of_the_file_is_named_and_not_quoted(tmp_path):
    path = tmp_path / ".env"
    path.write_text("A=1\nhunter2 'x\n")
    with pytest.raises(ConfigError) as caught:
        parse(path, {})
    assert (caught.value.code, caught.value.where) == ("env-file-invalid", f"{path}:2")
    assert "hunter2" not in caught.value.message + caught.value.hint
