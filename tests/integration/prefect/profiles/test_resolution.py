"""`profiles.resolve` against `prefect.settings`: a table of cases, and arbitrary ones."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flowship.errors import ConfigError
from flowship.prefect.profiles.resolution import resolve

ORACLE = Path(__file__).with_name("oracle.py")
FILES = {"dotenv": ".env", "toml": "prefect.toml", "pyproject": "pyproject.toml"}
PROFILE_URL = """active = "mine"
[profiles.mine]
PREFECT_API_URL = "http://profile:1/api"
PREFECT_API_KEY = "profile-key"
[profiles.other]
PREFECT_API_URL = "http://other:2/api"
PREFECT_API_TLS_INSECURE_SKIP_VERIFY = true
"""


def lay_out(root, *, profiles=None, at="home/.prefect/profiles.toml", **files):
    """A folder with its own HOME, and the files of one case in it."""
    (root / "home").mkdir(parents=True)
    (root / "work").mkdir()
    for name, text in files.items():
        (root / "work" / FILES[name]).write_text(text, encoding="utf-8")
    if profiles is not None:
        path = root / at
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(profiles, encoding="utf-8")
    return root / "work"


def environment(root, **variables):
    base = {k: os.environ[k] for k in ("PATH", "LANG", "SYSTEMROOT") if k in os.environ}
    return {**base, "HOME": str(root / "home"), **variables}


def ours(folder, env):
    try:
        target = resolve(folder, env)
    except ConfigError as exc:
        return {"error": str(exc)}
    return {
        "url": target.url,
        "key": target.key.get_secret_value() if target.key else None,
        "auth_string": target.auth_string.get_secret_value() if target.auth_string else None,
        "ca_file": target.ca_file,
        "verify": target.verify,
        "headers": dict(target.headers),
    }


def assert_same(mine, prefects):
    if "error" in prefects or "error" in mine:
        assert "error" in prefects, f"Prefect reads this: {prefects}; flowship: {mine}"
        assert "error" in mine, f"Prefect does not read this: {prefects}; flowship: {mine}"
        return
    assert mine == {k: prefects[k] for k in mine}


@pytest.fixture(scope="module")
def prefect():
    """Ask one long-lived process, which starts every case from nothing."""
    process = subprocess.Popen(
        [sys.executable, str(ORACLE)],
        env={k: v for k, v in os.environ.items() if k != "SSL_CERT_FILE"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"

    def ask(folder, env):
        process.stdin.write(json.dumps({"cwd": str(folder), "env": env}) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    yield ask
    process.stdin.close()
    process.wait(timeout=30)
    process.stdout.close()


def fresh_prefect(folder, env):
    """Ask a new process: slow, and beyond doubt."""
    done = subprocess.run(
        [sys.executable, str(ORACLE), "--once"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


HEADERS = "PREFECT_CLIENT_CUSTOM_HEADERS"
CASES = {
    "nothing at all": ({}, {}),
    "environment": ({"PREFECT_API_URL": "http://env:1/api"}, {}),
    "environment, lower case": ({"prefect_api_url": "http://env:1/api"}, {}),
    "environment, mixed case": ({"Prefect_Api_Url": "http://env:1/api"}, {}),
    "both cases, the later one counts": (
        {"PREFECT_API_URL": "http://a/api", "prefect_api_url": "http://b/api"},
        {},
    ),
    "empty in the environment hides the profile": (
        {"PREFECT_API_URL": ""},
        {"profiles": PROFILE_URL},
    ),
    ".env": ({}, {"dotenv": "PREFECT_API_URL=http://dotenv:1/api\n"}),
    ".env, lower case": ({}, {"dotenv": "prefect_api_url=http://dotenv:1/api\n"}),
    ".env, export and quotes": ({}, {"dotenv": "export PREFECT_API_URL='http://dotenv:1/api' # x"}),
    ".env, no value": ({}, {"dotenv": "PREFECT_API_URL\n", "profiles": PROFILE_URL}),
    ".env, interpolated from the environment": (
        {"SERVER": "http://here:1"},
        {"dotenv": "PREFECT_API_URL=${SERVER}/api\n"},
    ),
    ".env, interpolated from itself, with a default": (
        {},
        {"dotenv": "A=http://x\nPREFECT_API_URL=${A}${B:-:9}/api\nA=late\n"},
    ),
    ".env, a line that cannot be read": (
        {},
        {"dotenv": "what is this = 'x\nPREFECT_API_URL=http://dotenv:1/api\n"},
    ),
    "environment before .env": (
        {"PREFECT_API_URL": "http://env:1/api"},
        {"dotenv": "PREFECT_API_URL=http://dotenv:1/api\n"},
    ),
    "prefect.toml": ({}, {"toml": '[api]\nurl = "http://toml:1/api"\nkey = "k"\n'}),
    "prefect.toml, upper case is not read": ({}, {"toml": '[api]\nURL = "http://toml:1/api"\n'}),
    "prefect.toml, the variable's name is not read": ({}, {"toml": 'PREFECT_API_URL = "http://t"'}),
    "prefect.toml, wrong type": ({}, {"toml": "[api]\nurl = 5\n"}),
    "prefect.toml, section of the wrong type": ({}, {"toml": 'api = "http://x"\n'}),
    "prefect.toml, url is a table": ({}, {"toml": '[api.url]\nx = "y"\n'}),
    "prefect.toml, broken": ({}, {"toml": "[api\n"}),
    "pyproject.toml": ({}, {"pyproject": '[tool.prefect.api]\nurl = "http://py:1/api"\n'}),
    "pyproject.toml without us": ({}, {"pyproject": '[project]\nname = "x"\n'}),
    "prefect.toml before pyproject.toml": (
        {},
        {
            "toml": '[api]\nurl = "http://toml:1/api"\n',
            "pyproject": '[tool.prefect.api]\nurl = "http://py:1/api"\nkey = "py-key"\n',
        },
    ),
    ".env before prefect.toml": (
        {},
        {
            "toml": '[api]\nurl = "http://toml:1/api"\nkey = "toml-key"\n',
            "dotenv": "PREFECT_API_URL=http://dotenv:1/api\n",
        },
    ),
    "pyproject.toml before the profile": (
        {},
        {
            "pyproject": '[tool.prefect.api]\nurl = "http://py:1/api"\n',
            "profiles": PROFILE_URL,
        },
    ),
    "the active profile": ({}, {"profiles": PROFILE_URL}),
    "PREFECT_PROFILE": ({"PREFECT_PROFILE": "other"}, {"profiles": PROFILE_URL}),
    "PREFECT_PROFILE, lower case is not read": (
        {"prefect_profile": "other"},
        {"profiles": PROFILE_URL},
    ),
    "PREFECT_PROFILE in .env is not read": (
        {},
        {"profiles": PROFILE_URL, "dotenv": "PREFECT_PROFILE=other\n"},
    ),
    "PREFECT_PROFILE empty": ({"PREFECT_PROFILE": ""}, {"profiles": PROFILE_URL}),
    "a missing profile": ({"PREFECT_PROFILE": "gone"}, {"profiles": PROFILE_URL}),
    "the active profile is missing": ({}, {"profiles": 'active = "gone"\n[profiles.mine]\n'}),
    "no active profile": ({}, {"profiles": '[profiles.mine]\nPREFECT_API_URL = "http://m/api"\n'}),
    "a shipped profile that is not in the file": (
        {"PREFECT_PROFILE": "local"},
        {"profiles": PROFILE_URL},
    ),
    "a shipped profile with no file at all": ({"PREFECT_PROFILE": "local"}, {}),
    "the same, with PREFECT_HOME": (
        {"PREFECT_PROFILE": "local", "PREFECT_HOME": "{root}/elsewhere"},
        {},
    ),
    "an empty profiles file": ({}, {"profiles": ""}),
    "a profile of the wrong type": ({}, {"profiles": 'active = "a"\n[profiles]\na = 5\n'}),
    "profiles that are no table": ({}, {"profiles": 'profiles = "x"\n'}),
    "an active profile among profiles that are no table": (
        {},
        {"profiles": 'active = "x"\nprofiles = "x"\n'},
    ),
    "another profile of the wrong type": (
        {},
        {"profiles": 'active = "a"\n[profiles]\nb = 5\n[profiles.a]\n'},
    ),
    "an active profile that is a list": ({}, {"profiles": 'active = ["a"]\n[profiles.a]\n'}),
    "an active profile that is a number": ({}, {"profiles": "active = 5\n[profiles.a]\n"}),
    "an active profile that is an empty list": ({}, {"profiles": "active = []\n[profiles.a]\n"}),
    "a value of the wrong type in the profile": (
        {},
        {"profiles": 'active = "a"\n[profiles.a]\nPREFECT_API_URL = 5\n'},
    ),
    "lower case in the profile is not read": (
        {},
        {"profiles": 'active = "a"\n[profiles.a]\nprefect_api_url = "http://a/api"\n'},
    ),
    "PREFECT_HOME": (
        {"PREFECT_HOME": "{root}/other"},
        {"profiles": PROFILE_URL, "at": "other/profiles.toml"},
    ),
    "PREFECT_HOME with a tilde": (
        {"PREFECT_HOME": "~/other"},
        {"profiles": PROFILE_URL, "at": "home/other/profiles.toml"},
    ),
    "PREFECT_HOME, lower case is not read": (
        {"prefect_home": "{root}/other"},
        {"profiles": PROFILE_URL, "at": "other/profiles.toml"},
    ),
    "PREFECT_HOME in .env does not move the profiles": (
        {},
        {
            "dotenv": "PREFECT_HOME={root}/other\n",
            "profiles": PROFILE_URL,
            "at": "other/profiles.toml",
        },
    ),
    "PREFECT_PROFILES_PATH": (
        {"PREFECT_PROFILES_PATH": "{root}/p.toml", "PREFECT_HOME": "{root}/nothing"},
        {"profiles": PROFILE_URL, "at": "p.toml"},
    ),
    "PREFECT_PROFILES_PATH, relative": (
        {"PREFECT_PROFILES_PATH": "p.toml"},
        {"profiles": PROFILE_URL, "at": "work/p.toml"},
    ),
    "PREFECT_PROFILES_PATH with $PREFECT_HOME": (
        {"PREFECT_PROFILES_PATH": "$PREFECT_HOME/p.toml", "PREFECT_HOME": "{root}/other"},
        {"profiles": PROFILE_URL, "at": "other/p.toml"},
    ),
    "PREFECT_PROFILES_PATH in .env": (
        {"PREFECT_HOME": "{root}/nothing"},
        {
            "dotenv": "PREFECT_PROFILES_PATH={root}/p.toml\n",
            "profiles": PROFILE_URL,
            "at": "p.toml",
        },
    ),
    "profiles_path in prefect.toml": (
        {},
        {"toml": 'profiles_path = "p.toml"\n', "profiles": PROFILE_URL, "at": "work/p.toml"},
    ),
    "profiles_path in pyproject.toml": (
        {},
        {
            "pyproject": '[tool.prefect]\nprofiles_path = "p.toml"\n',
            "profiles": PROFILE_URL,
            "at": "work/p.toml",
        },
    ),
    "PREFECT_PROFILES_PATH that does not exist": (
        {"PREFECT_PROFILES_PATH": "{root}/none.toml"},
        {"profiles": PROFILE_URL},
    ),
    "test mode ignores the profiles": ({"PREFECT_TEST_MODE": "1"}, {"profiles": PROFILE_URL}),
    "key and auth string": (
        {"PREFECT_API_KEY": "pnu_1", "PREFECT_API_AUTH_STRING": "admin:pass"},
        {},
    ),
    "TLS settings": (
        {"PREFECT_API_SSL_CERT_FILE": "/ca.pem", "PREFECT_API_TLS_INSECURE_SKIP_VERIFY": "True"},
        {},
    ),
    "SSL_CERT_FILE is the default": ({"SSL_CERT_FILE": "/default.pem"}, {}),
    "SSL_CERT_FILE in .env is not": ({}, {"dotenv": "SSL_CERT_FILE=/default.pem\n"}),
    "PREFECT_API_SSL_CERT_FILE before SSL_CERT_FILE": (
        {"SSL_CERT_FILE": "/default.pem", "PREFECT_API_SSL_CERT_FILE": "/own.pem"},
        {},
    ),
    "PREFECT_API_SSL_CERT_FILE empty": (
        {"SSL_CERT_FILE": "/default.pem", "PREFECT_API_SSL_CERT_FILE": ""},
        {},
    ),
    "a flag that is none": ({"PREFECT_API_TLS_INSECURE_SKIP_VERIFY": "perhaps"}, {}),
    "headers": ({HEADERS: '{"X-A": "1"}'}, {}),
    "headers, twice encoded": ({HEADERS: json.dumps('{"X-A": "1"}')}, {}),
    "headers, no JSON": ({HEADERS: "X-A: 1"}, {}),
    "headers, not of texts": ({HEADERS: '{"X-A": 1}'}, {}),
    "headers, a list": ({HEADERS: '["X-A"]'}, {}),
    "headers of all sources are merged": (
        {HEADERS: '{"X-A": "env"}'},
        {
            "dotenv": HEADERS + '=\'{"X-A": "dotenv", "X-B": "dotenv"}\'\n',
            "toml": '[client]\ncustom_headers = { X-C = "toml", X-A = "toml" }\n',
            "pyproject": '[tool.prefect.client]\ncustom_headers = \'{"X-C": "py", "X-D": "py"}\'\n',
            "profiles": "active = 'a'\n[profiles.a]\n" + HEADERS + ' = \'{"X-E": "profile"}\'\n',
        },
    ),
    "PREFECT_API as JSON beats all": (
        {"PREFECT_API": '{"URL": "http://group/api"}', "PREFECT_API_URL": "http://env/api"},
        {},
    ),
    "PREFECT_API in a profile beats even the environment": (
        {"PREFECT_API_URL": "http://env/api"},
        {"profiles": "active='a'\n[profiles.a]\nPREFECT_API = '{\"url\": \"http://group/api\"}'\n"},
    ),
    "PREFECT_API, no JSON": ({"PREFECT_API": "http://env/api"}, {}),
    "PREFECT_CLIENT as JSON": (
        {"PREFECT_CLIENT": '{"custom_headers": {"X-A": "group"}}', HEADERS: '{"X-B": "env"}'},
        {},
    ),
}


def prepared(root, case):
    variables, files = CASES[case]
    fill = lambda text: text.replace("{root}", str(root))  # noqa: E731
    folder = lay_out(root, **{k: fill(v) for k, v in files.items()})
    return folder, environment(root, **{k: fill(v) for k, v in variables.items()})


# Prefect reads SSL_CERT_FILE once per process, and all profiles only as it starts: those cases
# are among the fresh starts below.
AT_START = {"profiles that are no table", "another profile of the wrong type"}


@pytest.mark.parametrize(
    "case",
    [c for c, (env, _) in CASES.items() if "SSL_CERT_FILE" not in env and c not in AT_START],
)
def test_the_answer_is_prefects(case, tmp_path, prefect):
    folder, env = prepared(tmp_path, case)
    assert_same(ours(folder, env), prefect(folder, env))


@pytest.mark.parametrize(
    "case",
    [
        "nothing at all",
        "PREFECT_PROFILE",
        "a missing profile",
        "a shipped profile with no file at all",
        "SSL_CERT_FILE is the default",
        "PREFECT_API_SSL_CERT_FILE before SSL_CERT_FILE",
        "PREFECT_API_SSL_CERT_FILE empty",
        "headers of all sources are merged",
        "an active profile that is a number",
        *sorted(AT_START),
    ],
)
def test_the_answer_is_that_of_a_freshly_started_prefect(case, tmp_path):
    folder, env = prepared(tmp_path, case)
    prefects = fresh_prefect(folder, env)
    assert_same(ours(folder, env), prefects)
    if "error" in prefects:
        return
    target = resolve(folder, env)
    assert target.profile == prefects["profile"]
    assert bool(target.warnings) == ("WARNING" in prefects["said"])


# --- arbitrary cases -----------------------------------------------------------------------------

URLS = st.sampled_from(["http://a:1/api", "https://b/api", "", "${X}/api", "http://c # d", "  "])
TEXTS = st.sampled_from(["k1", "user:pass", "", "'quoted'", "ünï", "${X:-y}"])
FLAGS = st.sampled_from(["true", "0", "YES", "off", "", "perhaps", " true"])
JSONS = st.sampled_from(
    ["{}", '{"X-A": "1"}', '{"X-A": "2", "X-B": "3"}', "null", "", "x", '{"X": 1}', '"{}"', '"no"']
)
GROUPS = st.sampled_from(
    ['{"url": "http://g/api"}', '{"Key": "g"}', "{}", '{"url": null}', "null", "[]", "x"]
)
VALUES = {
    "PREFECT_API_URL": URLS,
    "PREFECT_API_KEY": TEXTS,
    "PREFECT_API_AUTH_STRING": TEXTS,
    "PREFECT_API_SSL_CERT_FILE": TEXTS,
    "PREFECT_API_TLS_INSECURE_SKIP_VERIFY": FLAGS,
    "PREFECT_CLIENT_CUSTOM_HEADERS": JSONS,
}
SELDOM = st.integers(0, 5).map(lambda n: n == 0)


@st.composite
def variables(draw, cases=True):
    chosen = draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=3, unique=True))
    found = {name: draw(VALUES[name]) for name in chosen}
    if draw(SELDOM):
        found["PREFECT_API"] = draw(GROUPS)
    if cases:
        spellings = st.sampled_from([str.upper, str.lower, str.title])
        found = {draw(spellings)(name): value for name, value in found.items()}
    return found


def toml_value(value):
    return value if isinstance(value, str) and value in ("true", "5") else json.dumps(value)


@st.composite
def toml_tables(draw, prefix=""):
    lines = []
    for section, names in (
        ("api", {"url": URLS, "key": TEXTS, "tls_insecure_skip_verify": FLAGS}),
        ("client", {"custom_headers": JSONS}),
    ):
        chosen = draw(st.lists(st.sampled_from(sorted(names)), max_size=2, unique=True))
        if chosen:
            lines.append(f"[{prefix}{section}]")
            lines += [f"{name} = {toml_value(draw(names[name]))}" for name in chosen]
    return "\n".join(lines)


@st.composite
def profile_files(draw):
    names = draw(st.lists(st.sampled_from(["local", "mine", "ephemeral", "a b"]), unique=True))
    lines = []
    active = draw(st.sampled_from(["mine", "local", "ephemeral", "gone", "", None]))
    if active is not None:
        lines.append(f'active = "{active}"')
    for name in names:
        lines.append(f'[profiles."{name}"]')
        settings_ = draw(variables(cases=draw(SELDOM)))
        lines += [f"{key} = {toml_value(value)}" for key, value in settings_.items()]
    return "\n".join(lines)


@st.composite
def machines(draw):
    env = draw(variables())
    for name in ("PREFECT_PROFILE", "prefect_profile"):
        if draw(SELDOM):
            env[name] = draw(st.sampled_from(["local", "mine", "gone", "", "a b"]))
    if draw(SELDOM):
        env["X"] = "from-env"
    if draw(SELDOM):
        env["PREFECT_HOME"] = draw(st.sampled_from(["{root}/home/.prefect", "{root}/no", ""]))
    if draw(SELDOM):
        env["PREFECT_PROFILES_PATH"] = draw(st.sampled_from(["{root}/home/.prefect", "no", ""]))
    files = {}
    if draw(st.booleans()):
        values = draw(variables())
        quote = draw(st.sampled_from(["", '"', "'"]))
        files["dotenv"] = "".join(f"{k}={quote}{v}{quote}\n" for k, v in values.items())
    if draw(st.booleans()):
        files["toml"] = draw(toml_tables())
    if draw(st.booleans()):
        files["pyproject"] = draw(toml_tables(prefix="tool.prefect."))
    if draw(st.booleans()):
        files["profiles"] = draw(profile_files())
    return env, files


@settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(
    machine=(
        {"PREFECT_CLIENT_CUSTOM_HEADERS": "{}"},
        {
            "dotenv": "PREFECT_CLIENT_CUSTOM_HEADERS='\"{}\"'\n",
            "toml": '[client]\ncustom_headers = "{\\"X-A\\": \\"1\\"}"',
        },
    )
)
@given(machine=machines())
def test_the_answer_is_prefects_on_any_machine(machine, prefect):
    variables_, files = machine
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        folder = lay_out(root, **files)
        env = environment(root, **{k: v.replace("{root}", name) for k, v in variables_.items()})
        assert_same(ours(folder, env), prefect(folder, env))
