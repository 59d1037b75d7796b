"""Credentials: read from where docker stores them, and stored where docker reads them."""

import base64
import errno
import json
import stat
import sys
from dataclasses import replace
from pathlib import Path

import docker.auth
import pytest
from pydantic import SecretStr

from flowship.errors import ConfigError, ExitCode, RegistryError, UsageError
from flowship.registry.credentials import (
    TOKEN_USER,
    Credentials,
    credentials_for,
    docker_config,
    docker_folder,
    login,
    store,
)
from flowship.registry.reference import Reference

HUB_KEY = "https://index.docker.io/v1/"
HUB = Reference.parse("ada/de-repo:v1")
PRIVATE = Reference.parse("registry.example.com:5000/team/x")
ADA = Credentials("ada", SecretStr("s3cret:with colon é"), "a test")

# Speaks the protocol of docker-credential-helpers: a verb as argument, JSON on stdin and stdout,
# and on failure exit code 1 with the sentence on stdout. Its keychain is a file beside it.
HELPER = f"""#!{sys.executable}
import json, pathlib, sys
keychain = pathlib.Path(__file__).with_suffix(".json")
known = json.loads(keychain.read_text()) if keychain.exists() else {{}}
verb, given = sys.argv[1], sys.stdin.read()
if verb == "store":
    entry = json.loads(given)
    known[entry["ServerURL"]] = entry
    keychain.write_text(json.dumps(known))
elif verb == "get" and given.strip() in known:
    print(json.dumps(known[given.strip()]))
elif verb == "list":
    print(json.dumps({{url: entry["Username"] for url, entry in known.items()}}))
else:
    print("credentials not found in native keychain")
    sys.exit(1)
"""


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "docker"
    path.mkdir()
    return path


@pytest.fixture
def path_with(tmp_path):
    """Puts programs on a PATH of their own; gives the environment."""
    programs = tmp_path / "bin"
    programs.mkdir()

    def add(name, text):
        program = programs / name
        program.write_text(text)
        program.chmod(0o755)
        return {"PATH": str(programs)}

    return add


def write(folder, content):
    (folder / "config.json").write_text(
        content if isinstance(content, str) else json.dumps(content), encoding="utf-8"
    )


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def who(found):
    return found and (found.username, found.password.get_secret_value())


def test_without_any_configuration_there_are_no_credentials(folder):
    assert credentials_for(HUB, {}, folder) is None
    assert credentials_for(HUB, {}, folder / "not" / "there") is None


def test_the_environment_comes_first(folder):
    write(folder, {"auths": {HUB_KEY: {"auth": encoded("bob:docker")}}})
    environ = {"FLOWSHIP_REGISTRY_USER": "ada", "FLOWSHIP_REGISTRY_PASSWORD": "s3cret"}

    found = credentials_for(HUB, environ, folder)

    assert who(found) == ("ada", "s3cret")
    assert found.source == "FLOWSHIP_REGISTRY_USER"


def test_the_environment_is_not_sent_to_the_registry_of_a_base_image(folder):
    write(folder, {"auths": {HUB_KEY: {"auth": encoded("bob:docker")}}})
    environ = {"FLOWSHIP_REGISTRY_USER": "ada", "FLOWSHIP_REGISTRY_PASSWORD": "s3cret"}

    assert who(credentials_for(HUB, environ, folder, use_environment=False)) == ("bob", "docker")
    assert credentials_for(PRIVATE, environ, folder, use_environment=False) is None


VARIABLES = {"FLOWSHIP_REGISTRY_USER": "ada", "FLOWSHIP_REGISTRY_PASSWORD": "s3cret"}


def named_by_the_project(text):
    return replace(Reference.parse(text), place="flowship.toml:3:1")


@pytest.mark.parametrize("name", ["ghcr.io/team/x:v1", "registry.example.com:5000/x", "10.0.0.1/x"])
def test_the_variables_are_not_sent_where_only_the_project_points(folder, name):
    target = named_by_the_project(name)
    write(folder, {"auths": {target.registry: {"auth": encoded("bob:docker")}}})
    with pytest.raises(ConfigError) as caught:
        credentials_for(target, VARIABLES, folder)
    error = caught.value
    assert (error.code, error.where) == ("registry-credentials-misdirected", "flowship.toml:3:1")
    assert f"would be sent to {target.registry}" in error.message
    assert f"`export FLOWSHIP_REGISTRY_HOST={target.registry}`" in error.hint
    assert "s3cret" not in str(vars(error))
    tagged = target.with_tag("v2").with_digest(f"sha256:{'0' * 64}")
    with pytest.raises(ConfigError):
        credentials_for(tagged, VARIABLES, folder)
    assert who(credentials_for(target, {}, folder)) == ("bob", "docker")


@pytest.mark.parametrize("name", ["team/x", "docker.io/team/x", "localhost:5000/x", "127.0.0.1/x"])
def test_docker_hub_and_this_machine_get_the_variables(folder, name):
    assert who(credentials_for(named_by_the_project(name), VARIABLES, folder)) == ("ada", "s3cret")


@pytest.mark.parametrize("host", ["ghcr.io", "GHCR.io", "https://ghcr.io/", "ghcr.io/team"])
def test_a_named_host_gets_the_variables_and_no_other(folder, host):
    environ = VARIABLES | {"FLOWSHIP_REGISTRY_HOST": host}
    write(folder, {"auths": {HUB_KEY: {"auth": encoded("bob:docker")}}})
    for target in (named_by_the_project("ghcr.io/x"), Reference.parse("ghcr.io/x"), "ghcr.io"):
        assert who(credentials_for(target, environ, folder)) == ("ada", "s3cret")
    base = Reference.parse("ghcr.io/bases/prefect:3")
    assert who(credentials_for(base, environ, folder, use_environment=False)) == ("ada", "s3cret")
    assert who(credentials_for(HUB, environ, folder)) == ("bob", "docker")
    for elsewhere in ("localhost:5000/x", "ghcr.io:444/x", "ghcr.io.example.com/x"):
        assert credentials_for(named_by_the_project(elsewhere), environ, folder) is None
        assert credentials_for(Reference.parse(elsewhere), environ, folder) is None


def test_an_invalid_host_is_reported_with_its_variable(folder):
    environ = VARIABLES | {"FLOWSHIP_REGISTRY_HOST": "ghcr io"}
    with pytest.raises(ConfigError) as caught:
        credentials_for(HUB, environ, folder)
    assert (caught.value.code, caught.value.where) == ("invalid-registry", "FLOWSHIP_REGISTRY_HOST")
    assert who(credentials_for(HUB, VARIABLES | {"FLOWSHIP_REGISTRY_HOST": " "}, folder))


def test_a_host_without_credentials_changes_nothing(folder):
    """CI gives a variable to pull requests from forks, but no secrets."""
    write(folder, {"auths": {"ghcr.io": {"auth": encoded("bob:docker")}}})
    environ = {"FLOWSHIP_REGISTRY_HOST": "ghcr.io", "FLOWSHIP_REGISTRY_PASSWORD": ""}
    assert who(credentials_for("ghcr.io", environ, folder)) == ("bob", "docker")
    assert credentials_for(PRIVATE, environ, folder) is None


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        ("FLOWSHIP_REGISTRY_USER", "FLOWSHIP_REGISTRY_PASSWORD"),
        ("FLOWSHIP_REGISTRY_PASSWORD", "FLOWSHIP_REGISTRY_USER"),
    ],
)
def test_one_variable_without_the_other_is_an_error_that_shows_no_secret(folder, there, missing):
    with pytest.raises(ConfigError) as caught:
        credentials_for(HUB, {there: "s3cret", missing: ""}, folder)

    assert caught.value.message == f"the variable is set, but {missing} is not"
    assert caught.value.where == there
    assert caught.value.exit_code == ExitCode.CONFIG
    assert "s3cret" not in str(vars(caught.value))


@pytest.mark.parametrize(
    "key",
    [HUB_KEY, "index.docker.io", "docker.io", "https://index.docker.io/v2/"],
)
def test_docker_hub_is_found_under_its_old_names(folder, key):
    write(folder, {"auths": {key: {"auth": encoded("ada:pa:ss")}}})

    assert who(credentials_for(HUB, {}, folder)) == ("ada", "pa:ss")
    assert credentials_for(PRIVATE, {}, folder) is None


@pytest.mark.parametrize(
    "key",
    [
        "registry.example.com:5000",
        "https://registry.example.com:5000",
        "https://registry.example.com:5000/v1/",
        "http://registry.example.com:5000/v2/",
    ],
)
def test_a_registry_is_found_under_host_and_address(folder, key):
    write(folder, {"auths": {"registry.example.com": {}, key: {"auth": encoded("ada:x")}}})

    assert who(credentials_for(PRIVATE, {}, folder)) == ("ada", "x")
    assert who(credentials_for("registry.example.com:5000", {}, folder)) == ("ada", "x")


def test_another_port_is_another_registry(folder):
    write(folder, {"auths": {"registry.example.com": {"auth": encoded("ada:x")}}})

    assert credentials_for(PRIVATE, {}, folder) is None


def test_an_identity_token_is_passed_on_as_one(folder):
    entry = {"auth": encoded("00000000-0000-0000-0000-000000000000:"), "identitytoken": "tok"}
    write(folder, {"auths": {"example.azurecr.io": entry}})

    found = credentials_for(Reference.parse("example.azurecr.io/x"), {}, folder)

    assert who(found) == (TOKEN_USER, "tok")
    assert found.auth_config("example.azurecr.io") == {
        "identitytoken": "tok",
        "serveraddress": "example.azurecr.io",
    }
    assert "with a token" in found.described


def test_the_engine_receives_user_password_and_server():
    assert ADA.auth_config("docker.io") == {
        "username": "ada",
        "password": "s3cret:with colon é",
        "serveraddress": HUB_KEY,
    }


def test_an_empty_entry_means_no_credentials(folder):
    write(folder, {"auths": {"registry.example.com:5000": {}}})

    assert credentials_for(PRIVATE, {}, folder) is None


def test_docker_config_names_the_folder_which_is_in_the_home_by_default(tmp_path):
    assert docker_folder({"DOCKER_CONFIG": str(tmp_path), "HOME": "/home/ada"}) == tmp_path
    assert docker_folder({"HOME": "/home/ada"}) == Path("/home/ada/.docker")


def test_docker_config_is_used_if_no_folder_is_given(folder):
    write(folder, {"auths": {HUB_KEY: {"auth": encoded("ada:x")}}})

    assert who(credentials_for(HUB, {"DOCKER_CONFIG": str(folder)})) == ("ada", "x")


@pytest.mark.parametrize(
    ("content", "where", "message"),
    [
        ('{\n "auths": {,}\n}', ":2:12", "not valid JSON"),
        ("[]", "", "not a JSON object"),
        ("null", "", "not a JSON object"),
        ('{"auths": "x"}', "", '"auths" is not an object'),
        ('{"auths": {"x.io": "text"}}', "", '"auths" may only contain objects'),
        ('{"currentContext": 5}', "", '"currentContext" is not text'),
        ('{"proxies": null}', "", '"proxies" is not an object'),
        ('{"proxies": {"default": 5}}', "", '"proxies" may only contain objects'),
        ('{"HttpHeaders": {"X": 5}}', "", '"HttpHeaders" may only contain text'),
        ('{"auths": []}', None, None),  # empty: docker accepts it too
        ('{"auths": [1]}', "", "is not valid"),
        ('{"credHelpers": "gcloud"}', "", "is not valid"),
        (f'{{"auths": {{"{HUB_KEY}": {{"auth": "%%%"}}}}}}', "", "damaged"),
        (f'{{"auths": {{"{HUB_KEY}": {{"auth": "{encoded("nocolon")}"}}}}}}', "", "damaged"),
    ],
)
def test_an_unreadable_configuration_is_reported_with_its_place(folder, content, where, message):
    write(folder, content)
    if message is None:
        assert credentials_for(HUB, {}, folder) is None
        return
    with pytest.raises(ConfigError, match=message) as caught:
        credentials_for(HUB, {}, folder)

    assert caught.value.where == f"{folder / 'config.json'}{where}"
    assert "nocolon" not in str(vars(caught.value))


@pytest.mark.parametrize("auth", ["%%%", encoded("nocolon"), "", None, 5])
def test_an_entry_that_dockers_library_fails_on_is_reported_for_any_registry(folder, auth):
    write(folder, {"auths": {"x.io": {"auth": auth}, "y.io": {}}})
    assert credentials_for(PRIVATE, {}, folder) is None

    with pytest.raises(ConfigError, match=r'"x\.io".* damaged') as caught:
        docker_config({"DOCKER_CONFIG": str(folder)})

    assert caught.value.where == str(folder / "config.json")


def test_the_configuration_is_read_from_dockers_folder(folder):
    content = {"currentContext": "far", "auths": {"x.io": {"auth": encoded("a:b")}, "y.io": {}}}
    write(folder, content)

    assert docker_config({"DOCKER_CONFIG": str(folder)}) == content
    assert docker_config({"DOCKER_CONFIG": str(folder / "nowhere")}) == {}


def test_a_configuration_that_is_a_folder_is_reported(folder):
    (folder / "config.json").mkdir()

    with pytest.raises(ConfigError, match="cannot be read"):
        credentials_for(HUB, {}, folder)


# --- helpers -----------------------------------------------------------------------------------


def test_the_helper_of_a_registry_comes_before_the_default_one(folder, path_with):
    path_with("docker-credential-general", HELPER)
    environ = path_with("docker-credential-special", HELPER)
    write(folder, {"credsStore": "general"})
    store(
        Credentials("bob", SecretStr("general"), ""), "registry.example.com:5000", folder, environ
    )
    write(
        folder, {"credsStore": "general", "credHelpers": {"registry.example.com:5000": "special"}}
    )
    store(ADA, "registry.example.com:5000", folder, environ)

    found = credentials_for(PRIVATE, environ, folder)

    assert who(found) == ("ada", "s3cret:with colon é")
    assert found.source == "docker-credential-special"


def test_a_helper_is_asked_for_docker_hub_by_its_old_address(folder, path_with):
    environ = path_with("docker-credential-test", HELPER)
    write(folder, {"credsStore": "test"})
    store(ADA, "docker.io", folder, environ)

    assert who(credentials_for(HUB, environ, folder)) == ("ada", "s3cret:with colon é")
    keychain = Path(environ["PATH"], "docker-credential-test.json")
    assert list(json.loads(keychain.read_text())) == [HUB_KEY]


def test_a_helpers_identity_token_is_recognized(folder, path_with):
    environ = path_with("docker-credential-test", HELPER)
    write(folder, {"credsStore": "test"})
    store(Credentials(TOKEN_USER, SecretStr("tok"), ""), "docker.io", folder, environ)

    assert "identitytoken" in credentials_for(HUB, environ, folder).auth_config("docker.io")


def test_the_file_is_used_for_what_the_helper_does_not_know(folder, path_with):
    environ = path_with("docker-credential-test", HELPER)
    write(folder, {"credsStore": "test", "auths": {HUB_KEY: {"auth": encoded("ada:file")}}})

    assert who(credentials_for(HUB, environ, folder)) == ("ada", "file")
    assert credentials_for(PRIVATE, environ, folder) is None


def test_the_error_for_a_missing_helper_says_what_to_do(folder):
    write(folder, {"credsStore": "desktop.exe"})

    with pytest.raises(ConfigError) as caught:
        credentials_for(HUB, {"PATH": "/nonexistent"}, folder)

    assert "docker-credential-desktop.exe is not installed" in caught.value.message
    assert caught.value.where == str(folder / "config.json")
    assert 'remove "desktop.exe"' in caught.value.hint


@pytest.mark.parametrize("host", ["localhost:5000", "127.0.0.1:5000", "127.1.2.3"])
def test_a_missing_helper_is_not_an_error_for_a_local_registry(folder, host):
    write(folder, {"credsStore": "desktop.exe"})

    assert credentials_for(Reference.parse(f"{host}/x"), {"PATH": "/nonexistent"}, folder) is None


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("#!/bin/sh\necho 'keychain is locked' >&2\nexit 1\n", "get failed"),
        ("#!/bin/sh\necho 'not json'\n", "returned invalid credentials"),
        ("#!/bin/sh\necho '[]'\n", "returned invalid credentials"),
        ("no program at all\x00", "cannot run"),
    ],
)
def test_a_helper_that_fails_is_reported(folder, path_with, script, message):
    environ = path_with("docker-credential-test", script)
    write(folder, {"credsStore": "test"})

    with pytest.raises(ConfigError, match=message) as caught:
        credentials_for(HUB, environ, folder)
    assert "docker-credential-test" in caught.value.message


def test_a_helper_that_cannot_store_does_not_echo_the_password(folder, path_with):
    environ = path_with("docker-credential-test", "#!/bin/sh\ncat\nexit 1\n")
    write(folder, {"credsStore": "test"})

    with pytest.raises(ConfigError) as caught:
        store(ADA, "docker.io", folder, environ)
    assert "s3cret" not in str(vars(caught.value))


# --- storing -----------------------------------------------------------------------------------


def test_docker_py_reads_what_was_stored_in_the_file(folder):
    stored = store(ADA, "docker.io", folder, {})
    store(Credentials("bob", SecretStr("x"), ""), "registry.example.com:5000", folder, {})

    config = docker.auth.load_config(config_path=str(folder / "config.json"))

    hub = docker.auth.resolve_authconfig(config, "docker.io")
    other = docker.auth.resolve_authconfig(config, "registry.example.com:5000")
    assert (hub["username"], hub["password"]) == ("ada", "s3cret:with colon é")
    assert (other["username"], other["password"]) == ("bob", "x")
    assert stored.place == str(folder / "config.json")
    assert "not encryption" in stored.warning
    assert who(credentials_for(HUB, {}, folder)) == who(ADA)


def test_docker_py_asks_the_same_helper(folder, path_with, monkeypatch):
    environ = path_with("docker-credential-test", HELPER)
    write(folder, {"credsStore": "test", "detachKeys": "ctrl-e,e"})

    stored = store(ADA, "registry.example.com:5000", folder, environ)

    monkeypatch.setenv("PATH", environ["PATH"])
    config = docker.auth.load_config(config_path=str(folder / "config.json"))
    found = docker.auth.resolve_authconfig(config, "registry.example.com:5000")
    assert (found["Username"], found["Password"]) == ("ada", "s3cret:with colon é")
    assert stored.place == "the credential helper docker-credential-test"
    assert not stored.warning
    content = (folder / "config.json").read_text()
    assert "s3cret" not in content
    assert encoded("ada:s3cret:with colon é") not in content
    # as docker does, so that `docker logout` knows of it
    assert json.loads(content)["auths"] == {"registry.example.com:5000": {}}


def test_the_rest_of_the_configuration_stays(folder):
    before = {
        "auths": {"ghcr.io": {"auth": encoded("eve:tok")}, HUB_KEY: {"auth": encoded("old:old")}},
        "HttpHeaders": {"X": "é"},
        "proxies": {"default": {"httpProxy": "http://proxy.example.com:3128"}},
        "currentContext": "desktop",
    }
    write(folder, before)

    store(ADA, "docker.io", folder, {})

    after = json.loads((folder / "config.json").read_text("utf-8"))
    assert after["auths"].pop(HUB_KEY) == {"auth": encoded("ada:s3cret:with colon é")}
    before["auths"].pop(HUB_KEY)
    assert after == before


def test_an_identity_token_is_stored_as_docker_stores_it(folder):
    store(Credentials(TOKEN_USER, SecretStr("tok"), ""), "example.azurecr.io", folder, {})

    config = docker.auth.load_config(config_path=str(folder / "config.json"))
    assert docker.auth.resolve_authconfig(config, "example.azurecr.io") == {"IdentityToken": "tok"}
    assert who(credentials_for("example.azurecr.io", {}, folder)) == (TOKEN_USER, "tok")


def test_the_file_is_readable_by_its_owner_only_and_nothing_is_left_behind(tmp_path):
    folder = tmp_path / "new" / "docker"

    store(ADA, "docker.io", folder, {})

    assert stat.S_IMODE((folder / "config.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0
    assert [path.name for path in folder.iterdir()] == ["config.json"]


def test_a_linked_configuration_stays_a_link(folder, tmp_path):
    real = tmp_path / "dotfiles.json"
    real.write_text("{}")
    (folder / "config.json").symlink_to(real)

    store(ADA, "docker.io", folder, {})

    assert (folder / "config.json").is_symlink()
    assert HUB_KEY in json.loads(real.read_text())["auths"]


def test_a_damaged_configuration_is_not_overwritten(folder):
    write(folder, "{ not json")

    with pytest.raises(ConfigError):
        store(ADA, "docker.io", folder, {})
    assert (folder / "config.json").read_text() == "{ not json"


def test_a_folder_that_is_not_writable_is_reported(folder, monkeypatch):
    def fail(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", fail)
    with pytest.raises(ConfigError, match="cannot write the file: Permission denied") as caught:
        store(ADA, "docker.io", folder, {})
    assert (caught.value.code, "DOCKER_CONFIG" in caught.value.hint) == ("unwritable-file", True)


# --- logging in --------------------------------------------------------------------------------


def test_an_accepted_login_is_stored(folder):
    asked = []

    def verify(registry, given):
        asked.append((registry, who(given)))
        return ""

    result = login("ghcr.io", "ada", SecretStr("tok"), verify=verify, docker_config_dir=folder,
                   environ={})  # fmt: skip

    assert asked == [("ghcr.io", ("ada", "tok"))]
    assert (result.registry, result.username) == ("ghcr.io", "ada")
    assert who(credentials_for("ghcr.io", {}, folder)) == ("ada", "tok")


def test_the_identity_token_of_a_login_is_stored_instead_of_the_password(folder):
    login("ghcr.io", "ada", SecretStr("password"), verify=lambda *_: "tok",
          docker_config_dir=folder, environ={})  # fmt: skip

    assert who(credentials_for("ghcr.io", {}, folder)) == (TOKEN_USER, "tok")
    assert encoded("ada:password") not in (folder / "config.json").read_text()


def test_a_rejected_login_is_not_stored(folder):
    def refuse(registry, given):
        raise RegistryError("wrong password")

    with pytest.raises(RegistryError):
        login("ghcr.io", "ada", SecretStr("x"), verify=refuse, docker_config_dir=folder, environ={})
    assert not (folder / "config.json").exists()


@pytest.mark.parametrize(
    ("username", "password", "message"),
    [("", "x", "user name is empty"), ("a:b", "x", "colon"), ("ada", "", "password is empty")],
)
def test_a_login_without_name_or_password_is_a_usage_error(folder, username, password, message):
    with pytest.raises(UsageError, match=message):
        login("ghcr.io", username, SecretStr(password), verify=lambda *_: "",
              docker_config_dir=folder, environ={})  # fmt: skip


def test_a_password_is_in_no_repr():
    assert "s3cret" not in repr(ADA)
    assert "s3cret" not in str(ADA)
    assert "s3cret" not in ADA.described
