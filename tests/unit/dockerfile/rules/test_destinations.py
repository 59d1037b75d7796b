"""Relative and unresolved destinations of COPY and ADD, relative WORKDIRs, and their fixes."""

from __future__ import annotations

import pytest

from flowship.dockerfile.rules import Edit, Facts, check, fix
from support.dockerfiles import PREFECT, one, only


def test_a_missing_slash_is_reported_with_its_position_the_resolved_path_and_a_fix():
    text = PREFECT + "COPY flow.py opt/prefect/flows/\n"
    finding = one("relative-destination", text)
    assert (finding.line, finding.column, finding.end_column) == (2, 14, 32)
    assert finding.severity == "error"
    assert "resolves to /opt/prefect/opt/prefect/flows/" in finding.message
    assert "/opt/prefect (set by the base image prefecthq/prefect:3.8.8-python3.11)" in (
        finding.message
    )
    assert finding.help == 'use "/opt/prefect/flows/"'
    assert fix(text, [finding]) == PREFECT + "COPY flow.py /opt/prefect/flows/\n"


@pytest.mark.parametrize(
    ("destination", "fixed"),
    [
        ("opt/prefect/flows/", "/opt/prefect/flows/"),  # begins with the working directory
        ("opt/prefect", "/opt/prefect"),
        ("usr/local/bin/x", "/usr/local/bin/x"),  # a standard root folder
        ("./etc/x.conf", "/opt/prefect/etc/x.conf"),  # a dot is written on purpose
        ("./opt/prefect/", "/opt/prefect/opt/prefect/"),
        ("home", "/home"),
        ("flows/", "/opt/prefect/flows/"),  # otherwise as the working directory resolves it
        ("flows", "/opt/prefect/flows"),
        ("./flows/", "/opt/prefect/flows/"),
        (".", "/opt/prefect/"),
        ("./", "/opt/prefect/"),
        ("..", "/opt/"),
        ("../x", "/opt/x"),
        ("flows/.", "/opt/prefect/flows/"),  # a file for the builder, a folder for the author
        ("opt/prefect/flows/.", "/opt/prefect/flows/"),
        ("x/y/..", "/opt/prefect/x/"),
        ("lib/", "/opt/prefect/lib/"),  # usually a folder of the project
        ("optional/", "/opt/prefect/optional/"),
    ],
)
def test_the_fix_adds_a_slash_if_intended_and_otherwise_writes_the_resolved_path(
    destination, fixed
):
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
def test_the_fix_changes_only_the_destination_in_every_form(written, fixed):
    text = f"{PREFECT}{written}\n"
    assert fix(text, check(text)) == f"{PREFECT}{fixed}\n"
    assert only("relative-destination", fix(text, check(text))) == []


@pytest.mark.parametrize("destination", [".", "./", "./x", "./x/y/", "..", "../x"])
@pytest.mark.parametrize(
    "head", [PREFECT, "FROM q:1\nWORKDIR /app\n", "FROM python:3.11\n", "FROM debian\n"]
)
def test_what_begins_with_a_dot_is_a_warning_where_the_working_directory_is_known(
    head, destination
):
    finding = one("relative-destination", f"{head}COPY a {destination}\n")
    assert finding.severity == "warning"
    assert "resolves to /" in finding.message
    assert finding.edit is not None


@pytest.mark.parametrize(
    ("head", "destination"),
    [
        (PREFECT, "flows/"),
        (PREFECT, "opt/prefect/flows/"),
        ("FROM q:1\nWORKDIR /app\n", "app/"),
        ("FROM q:1\n", "."),  # the folder is unknown
        ("FROM q:1\nWORKDIR $X\n", "./x"),
        ("FROM python:3-windowsservercore\n", "."),
    ],
)
def test_every_other_relative_destination_is_an_error(head, destination):
    assert one("relative-destination", f"{head}COPY a {destination}\n").severity == "error"


LIST = "FROM python:3.11\nWORKDIR /app\nCOPY requirements.txt requirements.txt\n"


@pytest.mark.parametrize(
    "run",
    [
        "RUN pip install -r requirements.txt",
        "RUN pip install --no-cache-dir --requirement=requirements.txt",
        "RUN uv pip install --system -rrequirements.txt && rm -rf /root/.cache",
        'RUN ["pip", "install", "-r", "requirements.txt"]',
        "ENV A=b\nRUN pip install -r requirements.txt -c other.txt",
    ],
)
def test_a_list_that_a_later_run_installs_from_the_same_folder_is_a_warning(run):
    finding = one("relative-destination", f"{LIST}{run}\nCOPY . /app\n")
    assert finding.severity == "warning"
    line = 5 if run.startswith("ENV") else 4
    assert finding.message.endswith(f"; the RUN on line {line} reads it there")
    assert finding.help == 'use "/app/requirements.txt"'


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "WORKDIR /srv\nRUN pip install -r requirements.txt",
        "RUN cd /srv && pip install -r requirements.txt",
        "RUN pip install -r /app/requirements.txt",
        "RUN pip install -r dev-requirements.txt",
        "RUN cat requirements.txt",
        "FROM python:3.11\nWORKDIR /app\nRUN pip install -r requirements.txt",
    ],
)
def test_a_list_that_is_not_certainly_used_where_it_is_stays_an_error(rest):
    assert one("relative-destination", f"{LIST}{rest}\n").severity == "error"


def test_only_a_list_of_dependencies_in_the_working_directory_itself_is_a_warning():
    run = "RUN pip install -r {0}\n"
    for name in ("opt/requirements.txt", "app/requirements.txt", "flow.py"):
        text = f"FROM python:3.11\nWORKDIR /app\nCOPY x {name}\n{run.format(name)}"
        assert one("relative-destination", text).severity == "error"
    before = f"FROM python:3.11\nWORKDIR /app\n{run.format('a.txt')}COPY a.txt requirements.txt\n"
    assert one("relative-destination", before).severity == "error"


@pytest.mark.parametrize(
    ("workdir", "destination", "fixed"),
    [
        ("/app", "app", "/app/app"),  # the folder app of the project, below the folder /app
        ("/app", "app/", "/app/app/"),
        ("/app", "./app", "/app/app"),
        ("/data/app", "data/app/x", "/data/app/x"),  # a whole path is not repeated by chance
        ("/data/app", "./data/app/x", "/data/app/data/app/x"),
        ("/code", "opt/x", "/opt/x"),
    ],
)
def test_a_fix_keeps_the_meaning_where_a_folder_only_has_the_name_of_another(
    workdir, destination, fixed
):
    text = f"FROM q:1\nWORKDIR {workdir}\nCOPY app "
    assert fix(f"{text}{destination}\n", check(f"{text}{destination}\n")) == f"{text}{fixed}\n"


@pytest.mark.parametrize(
    ("lines", "fixed"),
    [
        ("WORKDIR /home/${U}\nCOPY a .", "/home/${U}/"),
        ("WORKDIR /home/${U}\nCOPY a ./x/", "/home/${U}/x/"),
        ("WORKDIR /home/$U\nWORKDIR s\nCOPY a x", "/home/$U/s/x"),
        ("ENV H=/home/$U\nWORKDIR $H\nCOPY a x", "$H/x"),
        ("WORKDIR /home/${U}\nCOPY a opt/x", "/opt/x"),
        ('WORKDIR /home/${U}\nCOPY ["a", "x/"]', "/home/${U}/x/"),
        ("WORKDIR /home/${U}\nWORKDIR /app\nCOPY a x", "/app/x"),
        ("ENV H=/srv\nWORKDIR $H\nCOPY a x", "/srv/x"),  # no build argument can move it
    ],
)
def test_a_fix_never_writes_out_what_a_build_argument_can_change(lines, fixed):
    text = f"FROM q:1\nARG U=dev\n{lines}\n"
    after = fix(text, check(text))
    assert after.splitlines()[-1].endswith((f" {fixed}", f' "{fixed}"]'))
    assert "dev" not in after.partition("U=dev")[2]
    assert only("relative-destination", after) == []


@pytest.mark.parametrize(
    "lines",
    [
        "WORKDIR /home/${U}\nARG U=you\nCOPY a x",  # another value here
        "WORKDIR /home/${U}\nENV U=you\nCOPY a x",
        "WORKDIR /home/${U}\nCOPY a ../x",
        "WORKDIR /home/${U}\nCOPY a 'x'",  # no variables in single quotes
        "WORKDIR /home/${U}\nONBUILD COPY a x",
    ],
)
def test_there_is_no_fix_where_the_variable_cannot_be_repeated(lines):
    assert one("relative-destination", f"FROM q:1\nARG U=dev\n{lines}\n").edit is None


def test_a_stage_does_not_repeat_the_variables_of_its_parent():
    text = "FROM q:1 AS a\nARG U=dev\nWORKDIR /home/$U\nFROM a\nCOPY a x\n"
    assert one("relative-destination", text).edit is None


def test_a_variable_that_may_be_absolute_elsewhere_gets_no_folder_in_front():
    finding = one("relative-destination", PREFECT + "ARG D=flows\nCOPY a $D/\n")
    assert '"$D/" (expands to "flows/")' in finding.message
    assert finding.edit is None


def test_the_working_directory_comes_from_the_file_its_stages_the_engine_or_a_known_base():
    def message(text: str, **workdirs: str) -> str:
        return one("relative-destination", text, Facts(workdirs=workdirs)).message

    assert "resolves to /a/b/x/" in message("FROM q:1\nWORKDIR /a\nWORKDIR b\nCOPY f x/\n")
    assert "resolves to /s/x" in message("FROM q:1 AS s\nWORKDIR /s\nFROM S\nCOPY f x\n")
    assert "resolves to /v/x" in message("FROM q:1\nARG V=/v\nWORKDIR ${V}\nCOPY f x\n")
    assert "resolves to /x" in message("FROM scratch\nCOPY f x\n")
    assert "resolves to /e/x" in message("FROM q:1\nCOPY f x\n", **{"q:1": "/e"})
    assert "resolves to /x" in message("FROM q:1\nCOPY f x\n", **{"q:1": ""})
    assert "resolves to /opt/prefect/x" in message("FROM flowship/base:1\nCOPY f x\n")
    assert "resolves to /opt/prefect/x" in message(
        "FROM registry.example.com:5000/hub/prefecthq/prefect:3@sha256:ab\nCOPY f x\n"
    )
    onbuild = "FROM q:1\nWORKDIR /one\nONBUILD COPY f x\nWORKDIR /two\n"
    assert "in an image built from this one, it resolves to /two/x" in message(onbuild)


def test_with_an_unknown_base_image_only_a_root_folder_gets_a_fix():
    text = "FROM company/base:1\nCOPY f flows/\nCOPY f opt/x/\n"
    flows, opt = only("relative-destination", text)
    assert "the base image company/base:1, which is unknown" in flows.message
    assert flows.edit is None
    assert opt.edit == Edit(text.index("opt/"), text.index("opt/") + 6, "/opt/x/")


def test_an_image_with_a_similar_name_is_not_a_prefect_base():
    finding = one("relative-destination", "FROM notprefecthq/prefect:1\nCOPY f x\n")
    assert "unknown" in finding.message


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
def test_absolute_destinations_and_text_that_only_looks_like_copy_are_not_reported(text):
    rules = {finding.rule for finding in check(f"{PREFECT}{text}\n")}
    assert not rules & {"relative-destination", "unresolved-destination"}


def test_windows_paths_are_absolute_in_windows_images():
    text = "# escape=`\nFROM windows/servercore:1\nCOPY a C:\\x\\\nCOPY a `\n  \\x\\\nCOPY a x\\\n"
    assert one("relative-destination", text).line == 6
    text = "# escape=`\nFROM q:1-nanoserver\nWORKDIR C:\\x\nCOPY a C:/x/\nCOPY a y\\\n"
    assert "resolves to C:\\x\\y\\, because" in one("relative-destination", text).message


@pytest.mark.parametrize(
    ("written", "resolved"),
    [
        ("C:/flows/", "resolves to /opt/prefect/C:/flows/,"),
        ("C:\\flows\\", "resolves to /opt/prefect/C:\\flows\\,"),
        ("flows\\", "resolves to /opt/prefect/flows\\,"),
        ("\\flows", "resolves to /opt/prefect/\\flows,"),
    ],
)
def test_in_other_images_windows_paths_are_names_below_the_working_directory(written, resolved):
    finding = one("relative-destination", f"# escape=`\n{PREFECT}COPY a {written}\n")
    assert resolved in finding.message
    assert finding.edit is None


def test_a_build_argument_overrides_the_default_in_the_file():
    text = PREFECT + "ARG D=/x\nCOPY a $D/\n"
    assert only("relative-destination", text) == []
    finding = one("relative-destination", text, Facts(build_args={"D": "opt/x"}))
    assert '(expands to "opt/x/")' in finding.message


def test_an_argument_before_from_counts_only_if_the_stage_declares_it():
    declared = "ARG D=x\nFROM q:1\nARG D\nCOPY a $D/\n"
    assert one("relative-destination", declared)
    undeclared = "ARG D=x\nFROM q:1\nCOPY a $D/\n"
    assert only("relative-destination", undeclared) == []
    assert one("unresolved-destination", undeclared)


@pytest.mark.parametrize(
    "text",
    [
        "ARG D\nCOPY a $D/\n",
        "COPY a ${D}/x\n",
        "ARG TARGETARCH\nCOPY a $TARGETARCH/\n",
        "ENV D=/x\nARG D=y\nCOPY a $D/\n",  # the classic builder uses ENV, BuildKit uses ARG
        "ENV D=/x/y\nCOPY a ${D%/*}/\n",
    ],
)
def test_an_unknown_value_at_the_start_is_a_warning(text):
    finding = one("unresolved-destination", PREFECT + text)
    assert finding.severity == "warning"
    assert "cannot tell" in finding.message
    assert only("relative-destination", PREFECT + text) == []


@pytest.mark.parametrize(
    ("text", "reason", "help"),
    [
        ("COPY a $D/\n", "$D has no value in this file", 'a default: "ARG D=/…"'),
        (
            "ENV D=/x\nCOPY a ${D%x}/\n",
            "$D is set, but flowship does not evaluate patterns",
            "without the pattern",
        ),
        ("ARG D=/x\nFROM q:1\nCOPY a $D/\n", "$D is set before FROM", '"ARG D" below FROM'),
        ("ARG D=/x\nFROM q:1\nARG D\nCOPY a ${D#/}/\n", "$D is set, but", "without the pattern"),
    ],
)
def test_the_warning_says_why_the_value_is_unknown(text, reason, help):
    finding = one("unresolved-destination", text if "FROM" in text else PREFECT + text)
    assert reason in finding.message
    assert help in finding.help


def test_from_scratch_an_unset_variable_is_empty():
    assert check("FROM scratch\nCOPY a $D/x\n") == []


def test_an_unknown_variable_after_a_relative_beginning_is_still_relative():
    finding = one("relative-destination", PREFECT + "COPY a flows/$D/\n")
    assert "resolves to a path below /opt/prefect, the working directory" in finding.message
    assert finding.edit is not None
    assert finding.edit.replacement == "/opt/prefect/flows/$D/"


def test_an_unambiguous_relative_workdir_is_a_warning_and_its_fix_keeps_the_meaning():
    text = "FROM q:1\nWORKDIR /app\nWORKDIR sub\nCOPY a x/\n"
    finding = one("relative-workdir", text)
    assert finding.severity == "warning"
    assert (
        fix(text, check(text)) == "FROM q:1\nWORKDIR /app\nWORKDIR /app/sub\nCOPY a /app/sub/x/\n"
    )


def test_an_ambiguous_relative_workdir_is_an_error_without_a_fix():
    finding = one("relative-workdir", PREFECT + "WORKDIR opt/prefect/flows\n")
    assert finding.severity == "error"
    assert finding.edit is None
    assert "becomes /opt/prefect/opt/prefect/flows" in finding.message
    assert "/opt/prefect/flows was probably intended" in finding.message
    assert one("relative-workdir", "FROM q:1\nWORKDIR x\n").severity == "error"


def test_a_destination_below_an_ambiguous_workdir_gets_no_fix():
    text = PREFECT + "WORKDIR opt/prefect/flows\nCOPY . .\n"
    finding = one("relative-destination", text)
    assert finding.edit is None
    assert "WORKDIR on line 2 first" in finding.help
    fixed = text.replace("WORKDIR opt", "WORKDIR /opt")
    assert "COPY . /opt/prefect/flows/" in fix(fixed, check(fixed))
    allowed = text.replace("WORKDIR", "# flowship: ignore=relative-workdir\nWORKDIR")
    assert one("relative-destination", allowed).edit is not None
