"""Each rule on small Dockerfiles: what is said, where, and what is left alone."""

from __future__ import annotations

import json

import pytest

from flowship.dockerfile.instructions import line_of
from flowship.dockerfile.rules import RULES, Edit, Facts, Finding, check, fix
from flowship.project.context import Context, Entry
from support.paths import ROOT

PREFECT = "FROM prefecthq/prefect:3.8.8-python3.11\n"
KEY_BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj" * 2
ACCOUNT = json.dumps(
    {"type": "service_account", "private_key": f"-----BEGIN PRIVATE KEY-----\n{KEY_BODY}\n"}
)
KUBECONFIG = "apiVersion: v1\nkind: Config\nusers:\n- name: me\n  user:\n    {}\n"


def context(*paths: str, left_out: dict[str, str] | None = None) -> Context:
    """A context of small files."""
    entries = [Entry(path, size=1, data=b"#") for path in paths]
    return Context(tuple(sorted(entries, key=lambda e: e.path)), left_out or {})


def holding(files: dict[str, str]) -> Context:
    """A context of files with these contents."""
    entries = [Entry(p, size=len(t.encode()), data=t.encode()) for p, t in sorted(files.items())]
    return Context(tuple(entries))


def only(rule: str, text: str, facts: Facts | None = None) -> list[Finding]:
    return [finding for finding in check(text, facts) if finding.rule == rule]


def one(rule: str, text: str, facts: Facts | None = None) -> Finding:
    found = only(rule, text, facts)
    assert len(found) == 1, found
    return found[0]


def underlined(text: str, finding: Finding) -> str:
    return line_of(text, finding.line)[finding.column - 1 : finding.end_column - 1]


# --- relative-destination -----------------------------------------------------------------------


def test_the_missing_slash_is_found_with_its_place_its_landing_and_its_fix():
    text = PREFECT + "COPY flow.py opt/prefect/flows/\n"
    finding = one("relative-destination", text)
    assert (finding.line, finding.column, finding.end_column) == (2, 14, 32)
    assert finding.severity == "error"
    assert "lands in /opt/prefect/opt/prefect/flows/" in finding.message
    assert "/opt/prefect (from the base image prefecthq/prefect:3.8.8-python3.11)" in (
        finding.message
    )
    assert finding.help == 'write "/opt/prefect/flows/"'
    assert fix(text, [finding]) == PREFECT + "COPY flow.py /opt/prefect/flows/\n"


@pytest.mark.parametrize(
    ("destination", "fixed"),
    [
        ("opt/prefect/flows/", "/opt/prefect/flows/"),  # begins with the working directory
        ("opt/prefect", "/opt/prefect"),
        ("usr/local/bin/x", "/usr/local/bin/x"),  # a standard root folder
        ("./etc/x.conf", "/etc/x.conf"),
        ("home", "/home"),
        ("flows/", "/opt/prefect/flows/"),  # else as the working directory resolves it
        ("flows", "/opt/prefect/flows"),
        ("./flows/", "/opt/prefect/flows/"),
        (".", "/opt/prefect/"),
        ("./", "/opt/prefect/"),
        ("..", "/opt/"),
        ("../x", "/opt/x"),
        ("flows/.", "/opt/prefect/flows/"),  # a file to the builder, a folder to who wrote it
        ("opt/prefect/flows/.", "/opt/prefect/flows/"),
        ("x/y/..", "/opt/prefect/x/"),
        ("lib/", "/opt/prefect/lib/"),  # as often a project's own folder
        ("optional/", "/opt/prefect/optional/"),
    ],
)
def test_the_fix_is_a_leading_slash_where_that_was_meant_else_the_resolved_path(destination, fixed):
    text = PREFECT + f"COPY a.py {destination}\n"
    assert fix(text, check(text)) == PREFECT + f"COPY a.py {fixed}\n"


@pytest.mark.parametrize(
    ("written", "fixed"),
    [
        ('COPY ["a b", "opt/x y/"]', 'COPY ["a b", "/opt/x y/"]'),
        ('COPY ["a b", "x y/"]', 'COPY ["a b", "/opt/prefect/x y/"]'),
        ('COPY a "opt/x/"', 'COPY a "/opt/x/"'),
        ('COPY a "./x/"', 'COPY a "/opt/prefect/x/"'),
        ("COPY a opt/\\\nprefect/", "COPY a /opt/\\\nprefect/"),
        ("COPY --chown=1 a \\\n # why\n opt/x", "COPY --chown=1 a \\\n # why\n /opt/x"),
        ("copy a opt/x\r", "copy a /opt/x\r"),
        ("ONBUILD ADD a opt/x", "ONBUILD ADD a /opt/x"),
        ("COPY <<EOF opt/x\nCOPY a b\nEOF", "COPY <<EOF /opt/x\nCOPY a b\nEOF"),
        ("ARG D=opt/x\nCOPY a $D/", "ARG D=opt/x\nCOPY a /$D/"),
        ("ARG D=q\nCOPY a x/$D/", "ARG D=q\nCOPY a /opt/prefect/x/$D/"),
    ],
)
def test_the_fix_touches_only_the_destination_in_every_form(written, fixed):
    text = f"{PREFECT}{written}\n"
    assert fix(text, check(text)) == f"{PREFECT}{fixed}\n"
    assert only("relative-destination", fix(text, check(text))) == []


def test_a_variable_that_may_be_absolute_elsewhere_is_not_prefixed_with_a_folder():
    finding = one("relative-destination", PREFECT + "ARG D=flows\nCOPY a $D/\n")
    assert '"$D/" (that is "flows/")' in finding.message
    assert finding.edit is None


def test_the_working_directory_comes_from_the_file_its_stages_the_engine_or_the_known_bases():
    def landing(text: str, **workdirs: str) -> str:
        return one("relative-destination", text, Facts(workdirs=workdirs)).message

    assert "lands in /a/b/x/" in landing("FROM q:1\nWORKDIR /a\nWORKDIR b\nCOPY f x/\n")
    assert "lands at /s/x" in landing("FROM q:1 AS s\nWORKDIR /s\nFROM S\nCOPY f x\n")
    assert "lands at /v/x" in landing("FROM q:1\nARG V=/v\nWORKDIR ${V}\nCOPY f x\n")
    assert "lands at /x" in landing("FROM scratch\nCOPY f x\n")
    assert "lands at /e/x" in landing("FROM q:1\nCOPY f x\n", **{"q:1": "/e"})
    assert "lands at /x" in landing("FROM q:1\nCOPY f x\n", **{"q:1": ""})
    assert "lands at /opt/prefect/x" in landing("FROM flowship/base:1\nCOPY f x\n")
    assert "lands at /opt/prefect/x" in landing(
        "FROM registry.example.com:5000/hub/prefecthq/prefect:3@sha256:ab\nCOPY f x\n"
    )
    assert "lands at /two/x" in landing("FROM q:1\nWORKDIR /one\nONBUILD COPY f x\nWORKDIR /two\n")


def test_an_unknown_base_is_called_so_and_only_a_root_folder_gets_a_fix():
    text = "FROM company/base:1\nCOPY f flows/\nCOPY f opt/x/\n"
    flows, opt = only("relative-destination", text)
    assert "the base image company/base:1, which cannot be told without the image" in flows.message
    assert flows.edit is None
    assert opt.edit == Edit(text.index("opt/"), text.index("opt/") + 6, "/opt/x/")


def test_a_mirror_that_only_looks_like_a_prefect_base_is_not_taken_for_one():
    finding = one("relative-destination", "FROM notprefecthq/prefect:1\nCOPY f x\n")
    assert "cannot be told" in finding.message


@pytest.mark.parametrize(
    "text",
    [
        "COPY a /x",
        'COPY "a" "/x"',
        'COPY ["a", "/x"]',
        "ARG D=/x\nCOPY a $D",
        "ENV D=/x\nCOPY a ${D}/y",
        "COPY a ${D:-/x}",
        "ENV E=1\nCOPY a ${E:+/x}/y",
        "COPY a /$UNKNOWN/x",
        "RUN cp a opt/prefect/flows/",
        "RUN <<EOF\nCOPY a b\nEOF",
        "LABEL x=\\\n#COPY\nCOPY",
        "COPY a",
    ],
)
def test_absolute_destinations_and_things_that_only_look_like_copies_are_left_alone(text):
    rules = {finding.rule for finding in check(f"{PREFECT}{text}\n")}
    assert not rules & {"relative-destination", "unresolved-destination"}


def test_windows_paths_are_absolute_in_windows_images():
    text = "# escape=`\nFROM windows/servercore:1\nCOPY a C:\\x\\\nCOPY a `\n  \\x\\\nCOPY a x\\\n"
    assert one("relative-destination", text).line == 6
    text = "# escape=`\nFROM q:1-nanoserver\nWORKDIR C:\\x\nCOPY a C:/x/\nCOPY a y\\\n"
    assert "at C:\\x\\y\\, because" in one("relative-destination", text).message


@pytest.mark.parametrize(
    ("written", "lands"),
    [
        ("C:/flows/", "in /opt/prefect/C:/flows/,"),
        ("C:\\flows\\", "at /opt/prefect/C:\\flows\\,"),
        ("flows\\", "at /opt/prefect/flows\\,"),
        ("\\flows", "at /opt/prefect/\\flows,"),
    ],
)
def test_in_other_images_they_are_odd_names_below_the_working_directory(written, lands):
    finding = one("relative-destination", f"# escape=`\n{PREFECT}COPY a {written}\n")
    assert lands in finding.message
    assert finding.edit is None


def test_a_build_argument_decides_where_the_file_gives_only_a_default():
    text = PREFECT + "ARG D=/x\nCOPY a $D/\n"
    assert only("relative-destination", text) == []
    finding = one("relative-destination", text, Facts(build_args={"D": "opt/x"}))
    assert '(that is "opt/x/")' in finding.message


def test_an_argument_before_from_counts_only_where_the_stage_asks_for_it():
    asked = "ARG D=x\nFROM q:1\nARG D\nCOPY a $D/\n"
    assert one("relative-destination", asked)
    not_asked = "ARG D=x\nFROM q:1\nCOPY a $D/\n"
    assert only("relative-destination", not_asked) == []
    assert one("unresolved-destination", not_asked)


# --- unresolved-destination ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "ARG D\nCOPY a $D/\n",
        "COPY a ${D}/x\n",
        "ARG TARGETARCH\nCOPY a $TARGETARCH/\n",
        "ENV D=/x\nARG D=y\nCOPY a $D/\n",  # the classic builder takes the ENV, BuildKit the ARG
        "ENV D=/x/y\nCOPY a ${D%/*}/\n",
    ],
)
def test_what_cannot_be_told_is_a_warning_and_not_silence(text):
    finding = one("unresolved-destination", PREFECT + text)
    assert finding.severity == "warning"
    assert "cannot tell" in finding.message
    assert only("relative-destination", PREFECT + text) == []


@pytest.mark.parametrize(
    ("text", "reason", "help"),
    [
        ("COPY a $D/\n", "$D is not set to a value that can be told", 'a default: "ARG D=/…"'),
        ("ENV D=/x\nCOPY a ${D%x}/\n", "$D is set, but what a pattern leaves", "without the pat"),
        ("ARG D=/x\nFROM q:1\nCOPY a $D/\n", "$D is set before FROM", '"ARG D" below FROM'),
        ("ARG D=/x\nFROM q:1\nARG D\nCOPY a ${D#/}/\n", "$D is set, but", "without the pattern"),
    ],
)
def test_it_says_what_hides_the_value(text, reason, help):
    finding = one("unresolved-destination", text if "FROM" in text else PREFECT + text)
    assert reason in finding.message
    assert help in finding.help


def test_from_scratch_an_unset_variable_is_empty_and_nothing_is_in_doubt():
    assert check("FROM scratch\nCOPY a $D/x\n") == []


def test_an_unknown_part_behind_a_relative_beginning_is_still_relative():
    finding = one("relative-destination", PREFECT + "COPY a flows/$D/\n")
    assert "lands below /opt/prefect" in finding.message
    assert finding.edit is not None
    assert finding.edit.replacement == "/opt/prefect/flows/$D/"


# --- allowing -----------------------------------------------------------------------------------


def test_a_comment_directly_above_allows_its_rules_for_that_instruction_only():
    text = (
        PREFECT
        + "# flowship: ignore=relative-destination, missing-source\nCOPY a x/\nCOPY a y/\n"
        + "# flowship: ignore=relative-destination\n\nCOPY a z/\n"
        + "# flowship: ignore=relative-destination\n# and another word on it\nCOPY a w/\n"
    )
    assert [f.line for f in only("relative-destination", text)] == [4, 7]


def test_a_project_can_allow_a_rule_everywhere():
    facts = Facts(ignore=frozenset({"relative-destination"}))
    assert check(PREFECT + "COPY a x/\nCOPY a y/\n", facts) == []


def test_every_rule_that_is_reported_is_listed_and_documented():
    page = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
    for name, rule in RULES.items():
        assert f"### `{name}`" in page, name
        assert rule.summary
        assert rule.severity in {"error", "warning"}


# --- flow-not-in-place --------------------------------------------------------------------------


def flow_findings(copies: str, *paths: str, entrypoint: str = "flows/taxi.py:etl", **facts) -> list:
    files = context(*(paths or ("flows/taxi.py", "flows/__init__.py", "requirements.txt")))
    text = copies if copies.startswith("FROM") else PREFECT + copies
    return only("flow-not-in-place", text, Facts(context=files, entrypoint=entrypoint, **facts))


@pytest.mark.parametrize(
    "copies",
    [
        "COPY . /opt/prefect/flows/\n",
        "COPY . /opt/prefect/flows\n",
        "COPY flows /opt/prefect/flows/flows\n",
        "COPY flows/ /opt/prefect/flows/flows/\n",
        "COPY flows/*.py /opt/prefect/flows/flows/\n",
        "COPY f*s /opt/prefect/flows/flows/\n",
        "COPY flows/taxi.py /opt/prefect/flows/flows/\n",
        "COPY flows/taxi.py /opt/prefect/flows/flows/taxi.py\n",
        "COPY flows/__init__.py /opt/prefect/flows/flows/taxi.py\n",
        "COPY requirements.txt flows/taxi.py /opt/prefect/flows/flows/\n",
        'COPY ["flows/taxi.py", "/opt/prefect/flows/flows/"]\n',
        "COPY --parents flows/taxi.py /opt/prefect/flows/\n",
        "WORKDIR /opt/prefect/flows/flows\nCOPY flows/taxi.py /opt/prefect/flows/flows\n",
        "RUN mkdir -p /opt/prefect/flows/flows\nCOPY flows/taxi.py /opt/prefect/flows/flows\n",
        "ARG HERE=/opt/prefect/flows\nCOPY . $HERE/\n",
        "FROM prefecthq/prefect:3 AS code\nCOPY . /opt/prefect/flows/\nFROM code\nUSER 1\n",
        "FROM scratch AS code\nCOPY . /src/\nFROM prefecthq/prefect:3\n"
        "COPY --from=code /src/ /opt/prefect/flows/\n",
        "FROM scratch AS code\nCOPY . /src/\nFROM prefecthq/prefect:3\n"
        "COPY --from=0 src/flows/taxi.py /opt/prefect/flows/flows/taxi.py\n",
        "FROM prefecthq/prefect:3 AS p\nONBUILD COPY . /opt/prefect/flows/\nFROM p\n",
    ],
)
def test_a_flow_that_ends_up_in_its_place_is_recognised(copies):
    assert flow_findings(copies) == []


@pytest.mark.parametrize(
    ("copies", "where"),
    [
        ("COPY flows/ /opt/prefect/flows/\n", "/opt/prefect/flows/taxi.py"),
        ("COPY flows/taxi.py /opt/prefect/flows\n", "/opt/prefect/flows"),
        ("COPY . /app/\n", "/app/flows/taxi.py"),
        ("COPY . /opt/prefect/flows/flows/\n", "/opt/prefect/flows/flows/flows/taxi.py"),
        ("COPY flows/*.py /app/\n", "/app/taxi.py"),
        ("COPY flows/taxi.py /opt/prefect/flows/flows/main.py\n", "/opt/prefect/flows/flows/main"),
        ("COPY --parents flows/taxi.py /app/\n", "/app/flows/taxi.py"),
        ("COPY --parents ./flows/./taxi.py /app/\n", "/app/taxi.py"),
    ],
)
def test_a_flow_that_ends_up_elsewhere_is_pointed_at_with_both_places(copies, where):
    (finding,) = flow_findings(copies)
    assert "look for the flow at /opt/prefect/flows/flows/taxi.py" in finding.message
    assert f"this puts it at {where}" in finding.message
    assert finding.line == 2
    # whoever follows the advice is done
    advised = finding.help.removeprefix('copy it to "').removesuffix('"')
    assert flow_findings(f"{copies.rpartition(' ')[0]} {advised}\n") == []


@pytest.mark.parametrize(
    "copies",
    [
        "RUN git clone https://example.com/team/flows.git /opt/prefect/flows\n",
        "COPY . /src/\nRUN cp -r /src/. /opt/prefect/flows/\n",
        "COPY . /src/\nRUN python build.py\n",
        "RUN <<EOF\ncurl example.com\nEOF\n",
        "ADD https://example.com/code.git /opt/prefect/flows\n",
        "COPY --from=company/flows:1 /flows /opt/prefect/flows\n",
        "COPY . ${UNKNOWN}\n",
        "FROM company/with-flows:1\nUSER 1\n",
        "FROM company/base:1\nCOPY . flows/\n",
        "FROM scratch AS a\nFROM prefecthq/prefect:3 AS b\nRUN make\nFROM prefecthq/prefect:3\n"
        "COPY --from=b /opt/prefect/flows /opt/prefect/flows\n",
    ],
)
def test_nothing_is_claimed_where_something_else_may_bring_the_flow(copies):
    assert flow_findings(copies) == []


def test_commands_that_only_install_raise_no_doubt():
    (finding,) = flow_findings(
        "RUN apt-get update && apt-get install -y git>=2 2>&1 >/dev/null && rm -rf /var/x\n"
        'RUN ["pip", "install", "pandas>=2"]\nRUN python -m pip install "a>1"; mkdir -p /x\n'
    )
    assert "no instruction copies flows/taxi.py into the image" in finding.message
    assert finding.help == "add COPY flows/taxi.py /opt/prefect/flows/flows/taxi.py"


def test_a_flow_that_is_ignored_says_by_which_rule():
    files = context("a.py", left_out={"flows": ".dockerignore line 2: flows"})
    (finding,) = only(
        "flow-not-in-place",
        PREFECT + "COPY . /opt/prefect/flows/\n",
        Facts(context=files, entrypoint="flows/taxi.py:etl"),
    )
    assert '"flows" is left out by .dockerignore line 2: flows' in finding.message


def test_a_destination_whose_fix_puts_the_flow_in_place_is_told_once():
    copies = "COPY . opt/prefect/flows/\n"
    facts = Facts(context=context("flows/taxi.py"), entrypoint="flows/taxi.py:etl")
    assert [f.rule for f in check(PREFECT + copies, facts)] == ["relative-destination"]


def test_an_allowed_relative_destination_still_has_to_lead_to_the_right_place():
    allowed = {"ignore": frozenset({"relative-destination"})}
    assert flow_findings("COPY . flows/\n", **allowed) == []
    (finding,) = flow_findings("COPY . opt/prefect/flows/\n", **allowed)
    assert "/opt/prefect/opt/prefect/flows/flows/taxi.py" in finding.message


def test_an_excluded_or_overlooked_flow_is_missed():
    (finding,) = flow_findings("COPY --exclude=flows . /opt/prefect/flows/\n")
    assert "no instruction copies" in finding.message
    (finding,) = flow_findings(
        "FROM prefecthq/prefect:3 AS a\nCOPY . /opt/prefect/flows/\nFROM scratch\n"
    )
    assert finding.line == 3


@pytest.mark.parametrize(
    ("exclude", "source", "excluded"),
    [
        ("flows/taxi.py", ".", True),
        ("**/taxi.py", ".", True),
        ("'**/*.py'", ".", True),
        ("flows", ".", True),
        ("taxi.py", ".", False),  # as in .dockerignore: only at the top
        ("taxi.py", "flows", True),  # the top of each source
        ("flows/taxi.py", "flows", False),
        ("**", "flows/taxi.py", False),  # named itself
        ("*.md", ".", False),
        ("[z-a]", ".", False),
    ],
)
def test_exclude_is_followed_as_buildkit_has_it(exclude, source, excluded):
    place = "/opt/prefect/flows/" if source == "." else "/opt/prefect/flows/flows/"
    found = flow_findings(f"COPY --exclude={exclude} {source} {place}\n")
    assert bool(found) == excluded


# --- missing-source -----------------------------------------------------------------------------


def test_a_source_that_is_not_there_is_named_with_the_nearest_one():
    text = PREFECT + "COPY flwo.py /x/\n"
    finding = one("missing-source", text, Facts(context=context("flow.py")))
    assert underlined(text, finding) == "flwo.py"
    assert finding.help == 'did you mean "flow.py"?'


@pytest.mark.parametrize(
    ("source", "left_out", "told"),
    [
        ("data", "data", "it is left out by .dockerignore line 3: data"),
        ("data/x.csv", "data", '"data" is left out by .dockerignore line 3: data'),
        ("data/", "data/x.csv", '"data/x.csv" is left out by .dockerignore line 3: data/x.csv'),
        ("*.csv", "a.csv", '"a.csv" is left out by .dockerignore line 3: a.csv'),
    ],
)
def test_an_ignored_source_says_which_rule_left_it_out(source, left_out, told):
    files = context("a.py", left_out={left_out: f".dockerignore line 3: {left_out}"})
    finding = one("missing-source", PREFECT + f"COPY {source} /x/\n", Facts(context=files))
    assert told in finding.message


def test_a_secret_left_out_by_default_is_not_advised_back_in():
    files = context("a.py", left_out={".env": "left out by default: secrets"})
    finding = one("missing-source", PREFECT + "COPY .env /x/\n", Facts(context=files))
    assert "left out by default: secrets" in finding.message
    assert "do not copy it" in finding.help


def test_a_pattern_that_matches_nothing_and_a_path_outside_are_told_apart():
    facts = Facts(context=context("a.py"))
    assert "matches nothing" in one("missing-source", PREFECT + "COPY *.csv /x/\n", facts).message
    assert "outside" in one("missing-source", PREFECT + "COPY ../b /x/\n", facts).message


def test_a_source_above_the_project_is_an_error_also_where_the_project_has_one_of_that_name():
    facts = Facts(context=context("a.py"))
    finding = one("missing-source", PREFECT + "COPY ../a.py /x/\n", facts)
    assert finding.severity == "error"
    assert finding.help == 'write "a.py": sources begin in the project folder'
    finding = one("missing-source", PREFECT + "COPY --link ../a.py /x/\n", facts)
    assert finding.severity == "warning"
    assert 'BuildKit takes "a.py" instead' in finding.message
    nothing = one("missing-source", PREFECT + "COPY --link ../b.py /x/\n", facts)
    assert nothing.severity == "error"


@pytest.mark.parametrize(
    "copies",
    [
        "COPY a.py /x/",
        "COPY /a.py ./b/../a.py /x/",
        "COPY b /x/",
        "COPY . /x/",
        "COPY [a-c].py /x/",
        "COPY ?.py b/*.py /x/",
        "COPY --from=other nothing /x/",
        "ADD https://example.com/x /x/",
        "ADD git@example.com:team/x.git /x/",
        "COPY <<EOF /x\nEOF",
        "COPY $UNKNOWN /x/",
        "COPY empty /x/",
        "COPY link/inside.py /x/",
        "ONBUILD COPY theirs /x/",
    ],
)
def test_sources_that_are_there_or_come_from_elsewhere_are_left_alone(copies):
    entries = (
        Entry("a.py", size=1, data=b"#"),
        Entry("b/c.py", size=1, data=b"#"),
        Entry("empty", kind="folder"),
        Entry("link", kind="link", data=b"b"),
    )
    assert only("missing-source", f"{PREFECT}{copies}\n", Facts(context=Context(entries))) == []


# --- secret -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "content", "kind"),
    [
        (".env", "A=1", "environment file"),
        ("conf/.env.production", "A=1", "environment file"),
        ("home/.aws/credentials", "x", "AWS credentials"),
        ("id_ed25519", "x", "SSH private key"),
        (".netrc", "x", "logins of a .netrc"),
        (".pypirc", "x", "package index login"),
        ("gcloud/application_default_credentials.json", "{}", "Google Cloud credentials"),
        ("store.p12", "x", "key store"),
        ("sa.json", ACCOUNT, "service account"),
        ("block.json", json.dumps({"info": ACCOUNT}), "private key"),
        ("block.json", json.dumps({"blocks": [json.dumps({"info": ACCOUNT})]}), "private key"),
        (".npmrc", "//n.example.com/:_authToken=npm_" + "a1B2" * 9, "package index token"),
        (".npmrc", "//n.example.com/:_authToken=" + "a1B2" * 9, "package index login"),
        ("kubeconfig", KUBECONFIG.format("client-key-data: LS0tLS1CRUdJTi"), "Kubernetes"),
        ("kube/kubeconfig.yaml", KUBECONFIG.format("token: eyJhbGciOiJSUzI1"), "Kubernetes"),
        ("kube.json", '{"kind":"Config","users":[{"user":{"token":"eyJhbGci"}}]}', "Kubernetes"),
        ("prod.env", "A=1\nexport DB_PASSWORD='hunter2'\n", "environment file with a password"),
        ("conf/prod.env.eu", "URL=postgres://me:hunter2@db/x", "environment file with a pass"),
        ("adc.txt", '{"type": "authorized_user", "refresh_token": "k"}', "Google Cloud cred"),
        ("tls.pem", f"-----BEGIN PRIVATE KEY-----\n{KEY_BODY}\n", "private key"),
        ("conf.yml", f'k: "-----BEGIN RSA PRIVATE KEY-----\\n{KEY_BODY}"', "private key"),
        ("flow.py", "KEY = 'AKIA" + "QYLPMN5HHHFPZAM2'", "AWS access key"),
        ("flow.py", "KEY = 'pnu_" + "a1B2" * 9 + "'", "Prefect API key"),
        (
            "requirements.txt",
            "--index-url https://me:pass" + "word@packages.example.com/x",
            "login",
        ),
        ("requirements.txt", "--index-url https://t0ken@packages.example.com/x", "login"),
    ],
)
def test_a_secret_that_a_copy_takes_along_is_pointed_at_by_name_and_by_content(path, content, kind):
    text = PREFECT + "COPY . /opt/prefect/flows/\n"
    finding = one("secret", text, Facts(context=holding({path: content, "a.py": ""})))
    assert finding.severity == "error"
    assert path in finding.message
    assert kind in finding.message
    assert underlined(text, finding) == "."
    assert KEY_BODY not in finding.message


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (".env.example", "PASSWORD=changeme"),
        ("id_rsa.pub", "ssh-rsa AAAA"),
        ("ca-bundle.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n"),
        ("scanner.py", 'HEADER = "-----BEGIN PRIVATE KEY-----"'),
        ("docs.md", "AKIAIOSFODNN7EXAMPLE"),
        ("requirements.txt", "--index-url https://${USER}:${PASSWORD}@packages.example.com/x"),
        ("requirements.txt", "x @ git+ssh://git@example.com/x.git"),
        ("package.json", '{"type": "module"}'),
        ("bad.json", "{" * 5000),
        ("data.csv", f"-----BEGIN PRIVATE KEY-----\n{KEY_BODY}\n"),
        ("sa.json", '{"type": "service_account", "private_key": "PUT YOUR KEY HERE"}'),
        ("sa.json", '{"type": "service_account", "private_key": "k"}'),
        ("adc.json", '{"type": "authorized_user", "refresh_token": "<your token>"}'),
        ("docs.md", "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj…\n"),
        ("test_keys.py", 'assert "-----BEGIN PRIVATE KEY-----\\n" in key'),
        (".npmrc", "//n.example.com/:_authToken=${NPM_TOKEN}\n# _authToken=0123456789"),
        ("kubeconfig", KUBECONFIG.format("client-key-data: DATA+OMITTED")),
        ("kubeconfig", KUBECONFIG.format("token: your-token-goes-in-here")),
        ("kubeconfig", KUBECONFIG.format("exec: {command: gke-gcloud-auth-plugin}")),
        ("map.yaml", "kind: ConfigMap\ndata:\n  token: eyJhbGciOiJSUzI1\n"),
        ("prod.env", "DB_PASSWORD=changeme\nA_TOKEN=${TOKEN}\nKEY_FILE=/k\nLOG=1\nB_SECRET=\n"),
        ("prod.env", "URL=postgres://user:password@localhost/x\n"),
        ("example.env", "DB_PASSWORD=hunter2"),
        ("prod.env.example", "DB_PASSWORD=hunter2"),
        ("flow.py", "URL = 'postgres://user:password@localhost/x'"),
        ("flow.py", "URL = 'postgres://me:hunter2@127.0.0.1:5432/x'"),
        ("flow.py", "URL = 'https://me:hunter2@api.example.com/x'"),
        ("flow.py", "URL = 'postgres://postgres:postgres@db/x'"),
        ("flow.py", "URL = f'postgres://{user}:{password}@db/x' + 'postgres://%s:%s@db/x'"),
        ("tests/urls.py", "URL = 'postgres://me:hunter2@db/x'"),
        ("README.md", "postgres://me:hunter2@db/x"),
    ],
)
def test_what_only_resembles_a_secret_is_left_alone(path, content):
    facts = Facts(context=holding({path: content}))
    assert only("secret", PREFECT + "COPY . /x/\n", facts) == []


@pytest.mark.parametrize(
    ("beginning", "secret"),
    [
        ("308204a4 020100 0282 0101 00", True),  # PKCS#1
        ("308204be 020100 300d 0609 2a864886f70d010101", True),  # PKCS#8
        ("302e 020100 3005 0603 2b6570", True),  # the same of an Ed25519 key
        ("3077 020101 0420", True),  # SEC1
        ("3082052d 3057 0609 2a864886f70d01050d", True),  # PKCS#8, encrypted
        ("308202f9 308201e1 a003020102", False),  # a certificate
        ("30820251 30820139 020100 300c", False),  # a request for one
        ("30820122 300d 0609 2a864886f70d010101", False),  # a public key
        ("3082010a 02820101 00", False),  # the same as PKCS#1
    ],
)
def test_a_private_key_in_binary_is_told_from_what_is_public(beginning, secret):
    data = bytes.fromhex(beginning) + bytes(64)
    facts = Facts(context=Context((Entry("key.der", size=len(data), data=data),)))
    found = only("secret", PREFECT + "COPY key.der /x/\n", facts)
    assert ["a private key" in f.message for f in found] == ([True] if secret else [])


def test_a_login_in_code_is_a_warning_beside_what_is_sure():
    code = {"flow.py": "URL = 'postgres://user:pw@host/db'", "conf.toml": "u = 'redis://:hu2@r:1'"}
    text = PREFECT + "COPY . /x/\n"
    finding = one("secret", text, Facts(context=holding(code)))
    assert finding.severity == "warning"
    assert "conf.toml (a login in an address), flow.py (a login in an address)" in finding.message
    assert "pw@" not in finding.message + finding.help
    both = only("secret", text, Facts(context=holding({**code, ".env": "A=1"})))
    assert sorted(f.severity for f in both) == ["error", "warning"]


def test_a_secret_that_nothing_copies_is_no_finding():
    facts = Facts(context=holding({".env": "A=1", "flow.py": ""}))
    assert only("secret", PREFECT + "COPY flow.py /x/\n", facts) == []
    assert only("secret", PREFECT + "COPY --exclude=.env . /x/\n", facts) == []


def test_a_secret_in_a_stage_that_is_left_behind_is_a_warning():
    text = "FROM q:1 AS build\nCOPY . /x/\nFROM q:1\nCOPY --from=build /x/a /a\n"
    finding = one("secret", text, Facts(context=holding({".env": "A=1"})))
    assert finding.severity == "warning"
    assert "build cache" in finding.message


def test_only_the_beginning_of_a_file_is_read_and_a_large_one_not_at_all():
    key = f"-----BEGIN PRIVATE KEY-----\n{KEY_BODY}\n"
    late, password = "x" * 70_000 + key, "A=1\n" * 20_000 + "DB_PASSWORD=hunter2"
    files = {"late.txt": late, "large.txt": key + "x" * 2**20, "late.env": password}
    facts = Facts(context=holding(files))
    assert only("secret", PREFECT + "COPY . /x/\n", facts) == []


@pytest.mark.parametrize(
    "line",
    [
        "ENV AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI",
        "ENV DB_PASSWORD hunter22",
        'ARG API_TOKEN="abcdef"',
        "ENV X=1 PREFECT_API_KEY=pnu_abc",
        "ENV URL=postgresql://me:secret@db.example.com/x",
        "ENV PGPASSWORD=hunter22",
        "ENV PIP_INDEX_URL=https://abcdef@packages.example.com/simple",
    ],
)
def test_a_password_written_into_a_variable_is_a_warning_that_does_not_repeat_it(line):
    finding = one("secret", f"{PREFECT}{line}\n")
    assert finding.severity == "warning"
    assert not any(word in finding.message for word in ("wJalr", "hunter22", "abcdef", "me:secret"))


@pytest.mark.parametrize(
    "line",
    [
        "ARG API_TOKEN",
        "ENV API_TOKEN=$TOKEN",
        "ENV API_TOKEN=",
        "ENV PASSWORD_FILE=/run/secrets/x",
        "ENV GOOGLE_APPLICATION_CREDENTIALS=/run/key.json",
        "ENV TOKENIZERS_PARALLELISM=false",
        "ENV TOKEN_LIMIT=100000",
        "ENV DB_PASSWORD=changeme",
        "ENV SECRET_TOKEN=/run/secrets/token",
        "ENV URL=https://example.com/x",
        "ENV PWD=/opt OLDPWD=/",
        "ENV AWS_ACCESS_KEY_ID=key-1",
        "ENV PIP_INDEX_URL=https://$TOKEN@packages.example.com/simple",
    ],
)
def test_variables_without_a_secret_in_them_are_left_alone(line):
    assert only("secret", f"{PREFECT}{line}\n") == []


# --- code-before-dependencies -------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "COPY . /x/\nRUN pip install -r /x/requirements.txt\n",
        "COPY flow.py /x/\nRUN set -e; pip3 --quiet install pandas\n",
        "COPY src /x/\nRUN uv pip install -r r.txt\n",
        "COPY . /x/\nRUN uv sync --frozen\n",
        "COPY . /x/\nRUN poetry install\n",
        'COPY . /x/\nRUN ["pip", "install", "pandas"]\n',
        "COPY . /x/\nRUN apt-get update && apt-get -y install libpq5\n",
        "COPY . /x/\nRUN pip install -r r.txt -e .\n",
        "COPY . /x/\nRUN pip install -r r.txt /x\n",
        "COPY . /x/\nRUN pip install /elsewhere\n",
        "COPY . /x/\nRUN pip install --target /x/lib pandas\n",
        "COPY . /x/\nRUN pip install /x/wheels/a-1.whl\n",
        "COPY . /x/\nRUN pip install --no-index /x/wheels/*\n",
    ],
)
def test_installing_after_the_code_was_copied_is_a_warning(text):
    finding = one("code-before-dependencies", PREFECT + text)
    assert finding.severity == "warning"
    assert "COPY on line 2" in finding.message


@pytest.mark.parametrize(
    "text",
    [
        "COPY requirements.txt /x/\nRUN pip install -r /x/requirements.txt\nCOPY . /x/\n",
        "COPY pyproject.toml uv.lock setup.py /x/\nRUN uv sync\n",
        "COPY requirements/ /x/\nRUN pip install -r /x/base.txt\n",
        "COPY . /x/\nRUN pip install --no-deps .\n",
        "COPY . /x/\nRUN pip install -e '.[all]'\n",
        "COPY . /x/\nRUN pip install --no-cache-dir /x\n",
        "COPY . /x/\nRUN pip install -e '/x/[all]'\n",
        "COPY . /x/\nRUN uv pip install --system /x/libs/one\n",
        "COPY src /x/src\nRUN pip install file:///x\n",
        "WORKDIR /x\nCOPY . /x/\nRUN pip install ./libs/one\n",
        "COPY . /x/\nRUN python -m compileall /x\n",
        "COPY --from=build /wheels /wheels\nRUN pip install /wheels/*\n",
        "COPY . /x/\nFROM q:1\nRUN pip install pandas\n",
    ],
)
def test_installing_first_or_installing_only_the_project_is_fine(text):
    assert only("code-before-dependencies", PREFECT + text) == []


def test_the_context_tells_a_folder_of_code_from_a_folder_of_lists():
    text = PREFECT + "COPY deps /x/\nRUN pip install -r /x/all.txt\n"
    assert only("code-before-dependencies", text, Facts(context=context("deps/all.txt"))) == []
    assert only("code-before-dependencies", text, Facts(context=context("deps/a.py")))


# --- relative-workdir, unpinned-base, syntax ----------------------------------------------------


def test_a_clear_relative_workdir_is_a_warning_and_its_fix_keeps_the_meaning():
    text = "FROM q:1\nWORKDIR /app\nWORKDIR sub\nCOPY a x/\n"
    finding = one("relative-workdir", text)
    assert finding.severity == "warning"
    assert (
        fix(text, check(text)) == "FROM q:1\nWORKDIR /app\nWORKDIR /app/sub\nCOPY a /app/sub/x/\n"
    )


def test_a_workdir_that_may_have_meant_another_place_is_an_error_without_a_fix():
    finding = one("relative-workdir", PREFECT + "WORKDIR opt/prefect/flows\n")
    assert finding.severity == "error"
    assert finding.edit is None
    assert "becomes /opt/prefect/opt/prefect/flows" in finding.message
    assert "/opt/prefect/flows was probably meant" in finding.message
    assert one("relative-workdir", "FROM q:1\nWORKDIR x\n").severity == "error"


@pytest.mark.parametrize(
    "image", ["python", "python:latest", "r.example.com:5000/a/b", "a/b:latest"]
)
def test_a_base_without_a_version_is_a_warning(image):
    text = f"FROM {image}\n"
    assert underlined(text, one("unpinned-base", text)) == image


@pytest.mark.parametrize(
    "text",
    [
        "FROM python:3.11\n",
        "FROM r.example.com:5000/a:1\n",
        "FROM python@sha256:ab\n",
        "FROM scratch\n",
        "FROM python:3.11 AS a\nFROM a\n",
        "ARG V\nFROM python:$V\n",
        "ARG V=3\nFROM python:$V\n",
    ],
)
def test_versioned_bases_stages_and_scratch_are_left_alone(text):
    assert only("unpinned-base", text) == []


@pytest.mark.parametrize(
    ("text", "place", "help"),
    [
        ("FROM q:1\nCOYP a /b\n", "COYP", "did you mean COPY?"),
        ("FROM q:1\nCOPY a\n", "COPY a", "COPY SOURCE… DESTINATION"),
        ("FROM\n", "FROM", "FROM IMAGE [AS NAME]"),
        ("FROM q:1\nRUN <<EOF\nx\n", "<<EOF", "put EOF alone on a line behind it"),
        ("FROM q:1\nWORKDIR ${X\n", "${X", "close it"),
        ("FROM q:1\nENV\n", "ENV", "write one behind ENV, or remove the line"),
        ("FROM q:1\nONBUILD ONBUILD USER 1\n", "ONBUILD USER 1", "write ONBUILD"),
        ("COPY a /b\nFROM q:1\n", "COPY a /b", "move it below FROM"),
        ("", "", "begin with FROM"),
        ("# nothing\n", "", "begin with FROM"),
    ],
)
def test_what_the_builder_would_refuse_is_an_error_at_its_place(text, place, help):
    found = only("syntax", text)
    assert found
    assert underlined(text, found[0]) == place
    assert help in found[0].help


def test_quotes_around_a_path_with_a_space_are_refused_as_the_builder_does():
    found = only("syntax", PREFECT + 'COPY a "/my folder/"\n')
    assert "a double quote is not closed" in found[0].message
    assert 'COPY ["source", "/destination with space/"]' in found[0].help


def test_a_destination_below_a_doubtful_workdir_is_not_cemented_there():
    text = PREFECT + "WORKDIR opt/prefect/flows\nCOPY . .\n"
    finding = one("relative-destination", text)
    assert finding.edit is None
    assert "WORKDIR on line 2 first" in finding.help
    mended = text.replace("WORKDIR opt", "WORKDIR /opt")
    assert "COPY . /opt/prefect/flows/" in fix(mended, check(mended))
    allowed = text.replace("WORKDIR", "# flowship: ignore=relative-workdir\nWORKDIR")
    assert one("relative-destination", allowed).edit is not None


def test_every_secret_file_is_named_in_the_advice():
    files = holding({f"{n}.pem": f"-----BEGIN PRIVATE KEY-----\n{KEY_BODY}\n" for n in "abc"})
    finding = one("secret", PREFECT + "COPY . /x/\n", Facts(context=files))
    assert 'add "a.pem", "b.pem" and "c.pem" to .dockerignore' in finding.help


@pytest.mark.parametrize(("count", "more"), [(20, ""), (23, " and 3 more")])
def test_all_are_named_at_once_and_of_very_many_twenty(count, more):
    files = holding({f"d/{n:02}/.env": "A=1" for n in range(count)})
    finding = one("secret", PREFECT + "COPY . /x/\n", Facts(context=files))
    for shown in (finding.message, finding.help):
        assert all(f"d/{n:02}/.env" in shown for n in range(20))
        assert ("d/20/.env" in shown, "more" in shown) == (False, bool(more))
        assert more in shown


# --- entrypoint ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entrypoint",
    [
        '["python"]',
        '["python3.11", "-u"]',
        '["python", "/opt/prefect/flows/flow.py"]',
        '["tini", "-g", "--", "python", "flow.py"]',
        '["uv", "run", "python", "flow.py"]',
        "python flow.py",
        'tini -- "$@"',
        '["/bin/bash"]',
        '["sh", "-c", "python flow.py"]',
        '["prefect"]',
        "['tini', '--']",
    ],
)
def test_an_entrypoint_that_swallows_the_command_is_an_error_with_its_place(entrypoint):
    text = PREFECT + f"ENTRYPOINT {entrypoint}\n"
    finding = one("entrypoint", text)
    assert (finding.severity, finding.line) == ("error", 2)
    assert underlined(text, finding) == entrypoint
    assert 'exec "$@"' in finding.help


@pytest.mark.parametrize(
    "text",
    [
        "",
        'ENTRYPOINT ["/usr/bin/tini", "-g", "--", "/opt/prefect/entrypoint.sh"]\n',
        'ENTRYPOINT ["/usr/bin/tini", "--"]\n',
        'ENTRYPOINT ["dumb-init", "--"]\n',
        'ENTRYPOINT ["start.sh"]\n',
        'ENTRYPOINT ["bash", "/srv/start.sh"]\n',
        'ENTRYPOINT ["python", "entrypoint.py"]\n',
        'ENTRYPOINT ["sh", "-c", "exec \\"$0\\" \\"$@\\""]\n',
        'ENTRYPOINT ["uv", "run", "--no-sync"]\n',
        "ENTRYPOINT []\n",
        'ENTRYPOINT ["python"]\nENTRYPOINT []\n',
        'ONBUILD ENTRYPOINT ["python"]\n',
        'ENTRYPOINT ["python"]\nFROM prefecthq/prefect:3\n',
        '# flowship: ignore=entrypoint\nENTRYPOINT ["python"]\n',
        'CMD ["python", "flow.py"]\n',
    ],
)
def test_an_entrypoint_that_runs_its_command_or_is_left_behind_is_no_finding(text):
    assert only("entrypoint", PREFECT + text) == []


@pytest.mark.parametrize("entrypoint", ['["/usr/bin/mine"]', '["python", "-m", "wrapper"]'])
def test_an_entrypoint_that_nobody_knows_is_a_warning(entrypoint):
    assert one("entrypoint", PREFECT + f"ENTRYPOINT {entrypoint}\n").severity == "warning"


def test_an_entrypoint_of_the_stage_that_the_image_is_built_from_counts():
    text = PREFECT.strip() + ' AS a\nENTRYPOINT ["python"]\nFROM a\nUSER 1\n'
    assert one("entrypoint", text).line == 2


def test_findings_come_in_the_order_of_their_places():
    text = "FROM python\nCOPY b y/\nCOPY a x/\nWORKDIR q\n"
    places = [(f.line, f.column) for f in check(text)]
    assert places == sorted(places)
    assert len(places) == 4


def test_overlapping_edits_are_applied_once():
    finding = one("relative-destination", PREFECT + "COPY a opt/x\n")
    twice = [finding, finding, Finding("x", "error", 1, 1, 1, "", "", Edit(*_inside(finding), "?"))]
    assert fix(PREFECT + "COPY a opt/x\n", twice) == PREFECT + "COPY a /opt/x\n"


def _inside(finding: Finding) -> tuple[int, int]:
    assert finding.edit is not None
    return finding.edit.start + 1, finding.edit.end
