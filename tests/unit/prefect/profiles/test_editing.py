"""Prefect's profiles: shown, edited, and given an API address that was judged first."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowship.errors import ApiError, ConfigError, UsageError
from flowship.prefect import address, profiles
from flowship.prefect.profiles import editing, resolution

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

COMMENTED = """# my servers
active = "staging"  # for now

[profiles.staging]
# the team's
PREFECT_API_URL = "http://old:4200/api"  # ask Ann
PREFECT_API_KEY = "pnu_secret"

[profiles.other]
PREFECT_LOGGING_LEVEL = "DEBUG"
"""


@pytest.fixture
def machine(tmp_path):
    """A home of its own: (folder, environ, the profiles file)."""
    folder = tmp_path / "work"
    folder.mkdir()
    base = {k: os.environ[k] for k in ("PATH", "LANG") if k in os.environ}
    environ = {**base, "HOME": str(tmp_path), "NO_COLOR": "1", "COLUMNS": "200"}
    return folder, environ, tmp_path / ".prefect" / "profiles.toml"


def written(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def set_api(machine, url=None, profile=None, check=False):
    folder, environ, _ = machine
    return editing.set_api(url, profile, check=check, folder=folder, environ=environ)


def prefect(machine, *arguments):
    folder, environ, _ = machine
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture
def server():
    """Start small HTTP servers: ``server({path: (status, json)})`` gives their address."""
    running = []

    def start(answers):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, body = answers.get(self.path, (404, {"detail": "Not Found"}))
                status, body = body(self.headers) if callable(body) else (status, body)
                data = json.dumps(body).encode()
                self.send_response(status)
                if status in (301, 307):
                    self.send_header("location", body)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        running.append(httpd)
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{httpd.server_port}"

    yield start
    for httpd in running:
        httpd.shutdown()
        httpd.server_close()


# --- importing ---------------------------------------------------------------------------------


def test_resolving_imports_nothing_heavy(machine):
    folder, environ, path = machine
    written(path, COMMENTED)
    code = (
        "import sys; from flowship.prefect.profiles.resolution import resolve; resolve();"
        "heavy = ('prefect', 'pandas', 'docker', 'typer', 'rich', 'httpx', 'toml', 'dotenv');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environ, capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr


# --- what resolve tells besides the values -----------------------------------------------------


def test_the_source_names_where_the_address_was_found(machine):
    folder, environ, path = machine
    assert "nowhere" in resolution.resolve(folder, environ).source
    written(path, COMMENTED)
    assert resolution.resolve(folder, environ).source == "profile staging"
    (folder / "pyproject.toml").write_text('[tool.prefect.api]\nurl = "http://py/api"\n')
    assert "pyproject.toml [tool.prefect.api]" in resolution.resolve(folder, environ).source
    (folder / "prefect.toml").write_text('[api]\nurl = "http://toml/api"\n')
    assert "prefect.toml [api]" in resolution.resolve(folder, environ).source
    (folder / ".env").write_text("PREFECT_API_URL=http://dotenv/api\n")
    assert resolution.resolve(folder, environ).source == "the .env file's PREFECT_API_URL"
    environ["PREFECT_API_URL"] = "http://env/api"
    assert resolution.resolve(folder, environ).source == "environment variable PREFECT_API_URL"
    environ["PREFECT_API_URL"] = ""
    assert resolution.resolve(folder, environ).source.endswith("PREFECT_API_URL, which is empty")


def test_a_missing_profile_is_said_aloud(machine):
    folder, environ, path = machine
    written(path, COMMENTED)
    target = resolution.resolve(folder, {**environ, "PREFECT_PROFILE": "gone"})
    assert target.profile == "ephemeral"
    assert '"gone", named by the environment variable PREFECT_PROFILE' in target.warnings[0]


def test_a_tilde_that_prefect_does_not_expand_is_said_aloud(machine):
    folder, environ, _ = machine
    environ["PREFECT_HOME"] = "~/own"
    assert "expands neither" in resolution.resolve(folder, environ).warnings[0]
    with pytest.raises(ConfigError, match="does not expand"):
        editing.use("local", folder, environ)


def test_secrets_do_not_show_in_the_target(machine):
    folder, environ, _ = machine
    environ |= {
        "PREFECT_API_KEY": "pnu_hidden",
        "PREFECT_API_AUTH_STRING": "admin:hidden",
        "PREFECT_CLIENT_CUSTOM_HEADERS": '{"Authorization": "hidden"}',
    }
    assert "hidden" not in repr(resolution.resolve(folder, environ))


# --- showing -----------------------------------------------------------------------------------


def test_profiles_are_listed_with_those_that_only_ship_with_prefect(machine):
    folder, environ, path = machine
    written(path, COMMENTED)
    found = {p.name: p for p in editing.list_profiles(folder, environ)}
    assert {n for n, p in found.items() if p.written} == {"staging", "other"}
    assert {n for n, p in found.items() if p.active} == {"staging"}
    assert found["local"].url == "http://127.0.0.1:4200/api"


def test_showing_a_profile_masks_its_secrets(machine):
    folder, environ, path = machine
    written(path, COMMENTED.replace("http://old", "http://ann:word@old"))
    shown = editing.show(None, folder, environ)
    assert shown.name == "staging"
    assert shown.settings == {
        "PREFECT_API_URL": "http://ann:********@old:4200/api",
        "PREFECT_API_KEY": "********",
    }


def test_a_section_that_holds_a_secret_is_masked_whole(machine):
    folder, environ, path = machine
    written(path, "[profiles.x]\nPREFECT_API = '{\"key\": \"pnu_secret\"}'\nPREFECT_HOME = '/h'\n")
    shown = editing.show("x", folder, environ)
    assert shown.settings == {"PREFECT_API": "********", "PREFECT_HOME": "/h"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('profiles = "x"\n', "profiles is not a table"),
        ('profiles = ["x"]\nactive = "x"\n', "profiles is not a table"),
        ('active = ["local"]\n', "active is not the name"),
        ("[profiles]\nb = 5\n[profiles.a]\n", r"\[profiles.b\] is not a table"),
    ],
)
def test_a_profiles_file_of_another_shape_is_told_and_left_alone(machine, text, fault):
    folder, environ, path = machine
    written(path, text)
    for command in (
        lambda: resolution.resolve(folder, environ),
        lambda: editing.list_profiles(folder, environ),
        lambda: editing.use("local", folder, environ),
        lambda: set_api(machine, profile="b"),
    ):
        with pytest.raises(ConfigError, match=fault) as error:
            command()
        assert error.value.where == str(path)
    assert path.read_text() == text


def test_an_unknown_profile_names_the_nearest_one(machine):
    folder, environ, path = machine
    written(path, COMMENTED)
    with pytest.raises(UsageError) as error:
        editing.show("stagin", folder, environ)
    assert error.value.hint == 'did you mean "staging"?'
    with pytest.raises(UsageError):
        editing.use("nothing-like-it", folder, environ)


# --- editing -----------------------------------------------------------------------------------


def test_only_the_lines_that_must_change_do(machine):
    *_, path = machine
    written(path, COMMENTED)
    done = set_api(machine, "http://new:4200/api")
    assert path.read_text() == COMMENTED.replace("http://old", "http://new")
    assert (done.profile, done.previous_url) == ("staging", "http://old:4200/api")
    assert done.changed
    assert not done.switched_from


def test_setting_the_same_address_again_changes_nothing(machine):
    *_, path = machine
    set_api(machine, "http://new:4200/api")
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    assert not set_api(machine, "http://new:4200/api/").changed
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_a_link_stays_a_link_and_a_mode_stays_a_mode(machine, tmp_path):
    *_, path = machine
    dotfiles = tmp_path / "dotfiles.toml"
    written(dotfiles, COMMENTED)
    dotfiles.chmod(0o640)
    path.parent.mkdir()
    path.symlink_to(dotfiles)
    set_api(machine, "http://new:4200/api")
    assert path.is_symlink()
    assert "http://new" in dotfiles.read_text()
    assert dotfiles.stat().st_mode & 0o777 == 0o640


def test_a_new_file_is_private(machine):
    *_, path = machine
    set_api(machine)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text",
    [
        'active = "a"\nprofiles.a.PREFECT_API_URL = "http://old/api"\n',
        'active = "a"\nprofiles = { a = { PREFECT_API_URL = "http://old/api" } }\n',
        "active = \"a\"\n[profiles.'a']\n'PREFECT_API_URL' = 'http://old/api'\n",
        'active = "a"\r\n[profiles.a]\r\nPREFECT_API_URL = "http://old/api"\r\n',
        'active = "a"\n[profiles.a]\nX = """\n[profiles.a]\nPREFECT_API_URL = "no"\n"""\n',
        '[profiles.a]\nPREFECT_API_URL = "http://old/api"',
        '[profiles]\n[profiles.a]\n[profiles.b]\nY = "1"\n',
    ],
)
def test_any_spelling_of_the_file_is_edited(machine, text):
    *_, path = machine
    written(path, "")
    path.write_bytes(text.encode())
    expected = tomllib.loads(text)
    set_api(machine, "http://new:4200/api", profile="a")
    expected["profiles"]["a"]["PREFECT_API_URL"] = "http://new:4200/api"
    assert tomllib.loads(path.read_bytes().decode()) == expected


NAMES = st.text(min_size=1, max_size=8).filter(lambda n: n.strip() and n != "ephemeral")


@settings(max_examples=150, deadline=None)
@given(
    document=st.dictionaries(
        NAMES, st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=3)
    ),
    name=NAMES,
    noise=st.text(alphabet="# \n\ta", max_size=10),
)
def test_an_edit_changes_one_value_and_no_other(tmp_path_factory, document, name, noise):
    home = tmp_path_factory.mktemp("home")
    path = home / "profiles.toml"
    text = profiles.editing._dumped({"active": "x", "profiles": document})
    assert tomllib.loads(text) == {"active": "x", "profiles": document} or not document
    noisy = "".join(f"{line}\n# {noise!r}\n" for line in text.split("\n"))
    path.write_bytes(noisy.encode())
    environ = {"PREFECT_PROFILES_PATH": str(path), "HOME": str(home)}
    editing.set_api("http://new/api", name, check=False, folder=home, environ=environ)
    expected = {"active": "x", "profiles": {k: dict(v) for k, v in document.items()}}
    expected["profiles"].setdefault(name, {})["PREFECT_API_URL"] = "http://new/api"
    assert tomllib.loads(path.read_bytes().decode()) == expected
    assert f"# {noise!r}" in path.read_bytes().decode()


def test_broken_toml_is_not_written_over(machine):
    *_, path = machine
    written(path, "active = \n")
    with pytest.raises(ConfigError) as error:
        set_api(machine)
    assert error.value.where.endswith("profiles.toml:1:10")
    assert path.read_text() == "active = \n"


# --- prefect agrees ----------------------------------------------------------------------------


def test_on_a_fresh_home_prefect_sees_the_local_profile_as_if_it_had_written_it(machine):
    *_, path = machine
    done = set_api(machine)
    assert (done.profile, done.switched_from) == ("local", "ephemeral")
    ours = path.read_text()
    assert "http://127.0.0.1:4200/api" in prefect(machine, "config", "view")
    assert "* local" in prefect(machine, "profile", "ls")
    prefect(machine, "config", "set", "PREFECT_API_URL=http://127.0.0.1:4200/api")
    assert path.read_text() == ours


def test_prefect_sees_the_profile_switched_to(machine):
    folder, environ, path = machine
    written(path, COMMENTED)
    done = editing.use("local", folder, environ)
    assert (done.url, done.switched_from) == ("http://127.0.0.1:4200/api", "staging")
    listed = prefect(machine, "profile", "ls", "-o", "json")
    theirs = {p["name"]: p["active"] for p in json.loads(listed)}
    mine = {p.name: p.active for p in editing.list_profiles(folder, environ) if p.written}
    assert theirs == mine == {"staging": False, "other": False, "local": True}
    assert "http://127.0.0.1:4200/api" in prefect(machine, "config", "view")


# --- which profile -----------------------------------------------------------------------------


def test_the_ephemeral_profile_never_gets_an_address(machine):
    with pytest.raises(UsageError, match="ephemeral"):
        set_api(machine, profile="ephemeral")
    *_, path = machine
    written(path, 'active = "ephemeral"\n\n[profiles.ephemeral]\nPREFECT_X = "1"\n')
    assert set_api(machine).profile == "local"
    assert tomllib.loads(path.read_text())["profiles"]["ephemeral"] == {"PREFECT_X": "1"}


def test_a_profile_given_by_name_is_made_and_not_switched_to(machine):
    folder, environ, path = machine
    written(path, COMMENTED)
    done = set_api(machine, "http://prod:4200/api", profile="prod")
    assert resolution.resolve(folder, environ).profile == "staging"
    assert "`flowship profile use prod`" in done.warnings[0]
    assert editing.show("prod", folder, environ).url == "http://prod:4200/api"


def test_the_profile_that_the_environment_names_is_the_one_written(machine):
    folder, environ, path = machine
    written(path, COMMENTED)
    environ["PREFECT_PROFILE"] = "mine"
    assert set_api(machine, "http://mine:4200/api").profile == "mine"
    assert resolution.resolve(folder, environ).url == "http://mine:4200/api"
    assert tomllib.loads(path.read_text())["active"] == "staging"


@pytest.mark.parametrize(
    ("place", "named"),
    [("environment", "PREFECT_API_URL"), (".env", ".env"), ("prefect.toml", "prefect.toml")],
)
def test_an_override_that_still_decides_is_named(machine, place, named):
    folder, environ, _ = machine
    if place == "environment":
        environ["PREFECT_API_URL"] = "http://over:4200/api"
    elif place == ".env":
        (folder / ".env").write_text("PREFECT_API_URL=http://over:4200/api\n")
    else:
        (folder / "prefect.toml").write_text('[api]\nurl = "http://over:4200/api"\n')
    done = set_api(machine, "http://new:4200/api")
    assert len(done.warnings) == 1
    assert named in done.warnings[0]
    assert "http://over:4200/api" in done.warnings[0]


# --- the address -------------------------------------------------------------------------------

CLOUD = "https://api.prefect.cloud/api/accounts/a-1/workspaces/w-2"


@pytest.mark.parametrize(
    ("url", "right"),
    [
        ("localhost:4200/api", "http://localhost:4200/api"),
        ("server", "http://server"),
        ("ftp://server/api", address.LOCAL_URL),
        ("http://", address.LOCAL_URL),
        ("http://0.0.0.0:4200/api", "http://127.0.0.1:4200/api"),
        ("http://[::]:4200/api", "http://127.0.0.1:4200/api"),
        ("http://server:4200/dashboard", "http://server:4200/api"),
        ("http://server:4200/flow-runs/flow-run/1-2", "http://server:4200/api"),
        ("https://server/runs?page=1", "https://server/api"),
        ("http://server:4200/#top", "http://server:4200/api"),
        ("http://server:4200/api?x=1", "http://server:4200/api"),
        ("https://server/team/api/?x=1", "https://server/team/api"),
        ("not a url", address.LOCAL_URL),
        ("https://app.prefect.cloud/account/a-1/workspace/w-2/dashboard", CLOUD),
        ("https://app.prefect.cloud/account/a-1/workspace/w-2", CLOUD),
        ("https://api.prefect.cloud/accounts/a-1/workspaces/w-2", CLOUD),
        ("https://api.prefect.cloud/api/account/a-1/workspace/w-2", CLOUD),
        (
            "https://api.prefect.cloud/api",
            "https://api.prefect.cloud/api/accounts/ACCOUNT-ID/workspaces/WORKSPACE-ID",
        ),
    ],
)
def test_an_address_that_cannot_be_right_is_answered_with_the_right_one(machine, url, right):
    with pytest.raises(UsageError) as error:
        set_api(machine, url)
    assert error.value.hint == f"flowship profile set-api {right}"


def test_a_right_address_passes():
    for url in ("http://server:4200/api", "https://prefect.example.com/team/api", CLOUD):
        assert address.check_url(url + "/") == url


def test_without_asking_the_server_a_missing_api_is_an_error(machine):
    with pytest.raises(UsageError) as error:
        set_api(machine, "http://server:4200")
    assert error.value.hint == "flowship profile set-api http://server:4200/api"


@pytest.mark.parametrize(
    "url",
    [
        "http://a b/api",
        "http://[::1/api",
        "http://a:port/api",
        "http://x{/api",
        "http://a:99999/api",
    ],
)
def test_what_is_no_address_is_refused(machine, url):
    with pytest.raises(UsageError):
        set_api(machine, url)


@pytest.mark.parametrize(
    "url",
    [
        *("ada:hunter2@host:4200", "ada:hunter2@host:port", "ada:hun ter2@host"),
        *("http://ada:hunter2@host:4200", "http://ada:hunter2@host:port/api", "hunter2@host"),
        *("http://ada:hun ter2@host/api", "http://ada:hun/ter2@host/api", "ftp://ada:hunter2@host"),
        *("http://ada:p@hunter2@host/dashboard", "https://ada:hunter2@api.prefect.cloud/api"),
        "http://hunter2@host:4200/api?x",
    ],
)
def test_a_login_is_not_repeated_in_the_error_about_its_address(machine, url):
    with pytest.raises(UsageError) as error:
        set_api(machine, url)
    told = f"{error.value.message} {error.value.hint} {error.value.where}"
    assert not any(part in told for part in ("hunter2", "hun", "ter2"))


def test_a_login_is_stored_and_not_shown(machine):
    folder, environ, path = machine
    done = set_api(machine, "http://ada:p@ssw0rd@localhost:4200/api")
    assert "ada:p@ssw0rd@localhost" in path.read_text()
    environ["DOCKER_HOST"] = "tcp://ada:p@ssw0rd@10.0.0.9:2376"
    done = (done, set_api(machine, "http://ada:p@ssw0rd@localhost:4201/api"))
    assert "http://ada:********@localhost:4200/api" in str(done)
    assert "tcp://ada:********@10.0.0.9" in str(done)
    assert "ssw0rd" not in str(done)
    assert "ssw0rd" not in str(editing.list_profiles(folder, environ))


def test_an_engines_address_that_is_none_is_no_hindrance(machine):
    _, environ, _ = machine
    environ["DOCKER_HOST"] = "tcp://[::1:2375"
    assert set_api(machine, "http://localhost:4200/api").url


# --- asking the server -------------------------------------------------------------------------


def test_a_prefect_3_server_is_accepted_and_a_missing_api_filled_in(machine, server):
    root = server({"/api/admin/version": (200, "3.8.8")})
    done = set_api(machine, root, check=True)
    assert (done.url, done.corrected_from) == (f"{root}/api", root)
    assert (done.server.kind, done.server.version) == ("prefect", "3.8.8")
    assert not set_api(machine, f"{root}/api", check=True).corrected_from


@pytest.mark.parametrize("below", ["api/v2", "api/health"])
def test_a_page_below_the_api_is_taken_for_the_api(machine, server, below):
    root = server({"/api/admin/version": (200, "3.8.8")})
    assert set_api(machine, f"{root}/{below}", check=True).url == f"{root}/api"


def test_the_address_that_was_typed_is_the_one_in_the_error(machine, server):
    root = server({"/": (404, {})})
    with pytest.raises(ApiError) as error:
        set_api(machine, f"{root}/team", check=True)
    assert f"{root}/team is no" in error.value.message
    with pytest.raises(ApiError) as error:
        set_api(machine, root.replace("http:", "https:") + "/api", check=True)
    assert error.value.hint == f"flowship profile set-api {root}/api"


def test_an_api_behind_a_proxy_may_live_elsewhere(machine, server):
    root = server({"/admin/version": (200, "3.8.8")})
    assert set_api(machine, root, check=True).url == root


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, "2.20.1"), "Prefect 2.20.1"),
        ((401, {}), "refuses the credentials"),
        ((200, {"hello": 1}), "no Prefect API"),
        ((404, {}), "no Prefect API"),
        ((307, "https://elsewhere/api"), "redirects to https://elsewhere/api"),
    ],
)
def test_whoever_else_answers_is_told_apart_and_nothing_is_written(machine, server, answer, said):
    *_, path = machine
    url = server({"/api/admin/version": answer}) + "/api"
    with pytest.raises(ApiError, match=said):
        set_api(machine, url, check=True)
    assert not path.exists()


def test_a_silent_address_is_refused_and_can_be_set_unasked(machine, server):
    with pytest.raises(ApiError, match="connection refused"):
        set_api(machine, "http://127.0.0.1:9/api", check=True)
    assert set_api(machine, "http://127.0.0.1:9/api").url == "http://127.0.0.1:9/api"


def test_credentials_and_headers_are_sent(machine, server):
    _, environ, _ = machine
    seen = []

    def answer(headers):
        seen.append((headers.get("authorization"), headers.get("x-team")))
        return 200, "3.8.8"

    url = server({"/api/admin/version": (0, answer)}) + "/api"
    environ["PREFECT_API_AUTH_STRING"] = "admin:pass"
    environ["PREFECT_CLIENT_CUSTOM_HEADERS"] = '{"X-Team": "data"}'
    set_api(machine, url, check=True)
    environ["PREFECT_API_KEY"] = "pnu_1"
    done = set_api(machine, url, check=True)
    assert seen == [("Basic YWRtaW46cGFzcw==", "data"), ("Bearer pnu_1", "data")]
    assert any("API key" in w for w in done.warnings)


def test_a_ca_file_that_does_not_exist_is_named(machine):
    _, environ, _ = machine
    environ["PREFECT_API_SSL_CERT_FILE"] = "/no/ca.pem"
    with pytest.raises(ConfigError, match=r"/no/ca\.pem"):
        set_api(machine, "https://127.0.0.1:9/api", check=True)


# --- what containers can reach -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "engine", "expected"),
    [
        ("http://127.0.0.1:4200/api", "", ""),
        ("http://localhost:4200/api", "unix:///run/docker.sock", ""),
        ("http://localhost:4200/api", "tcp://127.0.0.1:2375", ""),
        ("http://localhost:4200/api", "ssh://builder", "container engine is ssh://builder"),
        ("http://127.0.0.1:4200/api", "tcp://10.0.0.9:2376", "container engine is tcp://10.0.0.9"),
        ("http://[::1]:4200/api", "", "takes only localhost and 127.0.0.1"),
        ("http://server:4200/api", "ssh://builder", ""),
    ],
)
def test_a_container_that_could_not_reach_the_api_is_warned_of(machine, url, engine, expected):
    _, environ, _ = machine
    environ |= {"DOCKER_HOST": engine} if engine else {}
    warnings = set_api(machine, url).warnings
    assert (expected in warnings[0]) if expected else not warnings


def test_a_docker_context_counts_as_the_engine(machine):
    _, environ, path = machine
    digest = hashlib.sha256(b"far").hexdigest()
    config = path.parent.parent / ".docker"
    meta = config / "contexts" / "meta" / digest / "meta.json"
    written(config / "config.json", '{"currentContext": "far"}')
    written(meta, '{"Endpoints": {"docker": {"Host": "ssh://far.example.com"}}}')
    assert "ssh://far.example.com" in address.container_warnings(address.LOCAL_URL, environ)[0]
