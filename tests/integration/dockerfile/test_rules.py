"""What the check reports, compared with what a real engine does."""

from __future__ import annotations

import io
import re
import tarfile
import uuid
from typing import TYPE_CHECKING

import pytest

from flowship.config.settings import Settings
from flowship.dockerfile import render
from flowship.dockerfile.rules import Facts, check, fix
from flowship.project.context import Context, Entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

# Builds from scratch share the classic builder's cache: an image that one worker removes may be
# a step of another worker's build. So one worker runs all of them.
pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("scratch")]

FILES = {"flow.py": "1", "src/a.py": "2", "src/deep/b.py": "3", "data/my file.csv": "4"}
CONTEXT = Context(tuple(Entry(p, size=len(t), data=t.encode()) for p, t in sorted(FILES.items())))


class Builder:
    """Builds small images, and lists their files."""

    def __init__(self, engine: DockerClient) -> None:
        self.engine = engine
        self.images: list[str] = []

    def build(
        self, dockerfile: str, files: dict[str, str] = FILES, *, buildkit: bool = False
    ) -> tuple[str, str]:
        """The image and "", or "" and the engine's error."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for path, content in {**files, "Dockerfile": dockerfile}.items():
                member = tarfile.TarInfo(path)
                member.size = len(content.encode())
                tar.addfile(member, io.BytesIO(content.encode()))
        archive.seek(0)
        tag = f"flowship-check-test:{uuid.uuid4().hex}"
        params = {"t": tag, "rm": True, "forcerm": True, "version": "2" if buildkit else "1"}
        api = self.engine.api
        answer = api._post(api._url("/build"), data=archive, params=params, stream=True)
        if not answer.ok:  # a file that it cannot parse
            return "", answer.text
        events = api._stream_helper(answer, decode=True)
        error = next((e["error"] for e in events if "error" in e), "")
        if error:
            return "", error
        self.images.append(tag)
        return tag, ""

    def files(self, image: str, folder: str = "") -> set[str]:
        """The absolute paths of our files in the image, or only in its `folder`."""
        container = self.engine.containers.create(image, command="x")
        try:
            stream = container.get_archive(folder)[0] if folder else container.export()
            exported = io.BytesIO(b"".join(stream))
        finally:
            container.remove()
        above = folder.rpartition("/")[0]
        with tarfile.open(fileobj=exported) as tar:
            names = {f"{above}/{member.name}" for member in tar if member.isfile()}
        return {name for name in names if name.endswith((".py", ".csv", "renamed", "renamed\\"))}


@pytest.fixture
def builder(engine: DockerClient) -> Iterator[Builder]:
    made = Builder(engine)
    yield made
    for image in made.images:
        engine.images.remove(image, force=True)


RELATIVE = [
    "WORKDIR /opt/prefect\nCOPY flow.py opt/prefect/flows/",
    "COPY flow.py opt/prefect/flows/",
    "WORKDIR /a\nWORKDIR b\nCOPY flow.py .",
    "WORKDIR /a/b\nCOPY flow.py ..",
    "WORKDIR /a/b\nCOPY flow.py ../c/",
    "WORKDIR /w\nCOPY flow.py renamed",
    'WORKDIR /w\nCOPY ["data/my file.csv", "in here/"]',
    'WORKDIR /w\nCOPY flow.py "quoted"/',
    "WORKDIR /w\nCOPY flow.py pa\\\nrts/",
    "WORKDIR /w\nARG D=x\nENV E=$D/y\nCOPY flow.py ${E}/",
    "WORKDIR /w\nENV E=x\nCOPY flow.py '$E'/",
    "WORKDIR /w\nCOPY flow.py ${E:-z}/${E:+no}",
    "WORKDIR /w\nARG A=q B=$A\nCOPY flow.py x$B/",
    "WORKDIR /w  x\nADD flow.py y/",
    "WORKDIR /one\nONBUILD COPY flow.py x/\nWORKDIR /two",
    "WORKDIR /w\nCOPY flow.py renamed/.",
    "WORKDIR /w\nCOPY flow.py x/../renamed/.",
    "WORKDIR /w\nCOPY flow.py x/..",
    "WORKDIR /w\nCOPY flow.py ../renamed/x/..",
    "WORKDIR /w\nCOPY flow.py C:/x/",
    "WORKDIR C:/w\nCOPY flow.py ./",
]


@pytest.mark.parametrize("buildkit", [False, True], ids=["classic", "buildkit"])
@pytest.mark.parametrize("body", RELATIVE)
def test_a_relative_destination_resolves_as_the_finding_says(builder, body, buildkit):
    text = f"FROM scratch AS made\n{body}\n"
    (finding,) = [f for f in check(text) if f.rule == "relative-destination"]
    resolved = re.search(r"it resolves to (.+), because", finding.message)
    assert resolved is not None
    whole = text + ("FROM made\n" if "ONBUILD" in body else "")
    image, error = builder.build(whole, buildkit=buildkit)
    assert not error
    (real,) = builder.files(image)
    is_folder = resolved[1].endswith("/")
    assert resolved[1] == (real.rpartition("/")[0] + "/" if is_folder else real)


def test_the_flow_goes_below_the_working_directory_and_the_fix_corrects_that(builder, base_image):
    text = f"FROM {base_image}\nCOPY flow.py opt/prefect/flows/\n"
    facts = Facts(context=CONTEXT, entrypoints=("flow.py:etl",))
    (finding,) = check(text, facts)
    assert "resolves to /opt/prefect/opt/prefect/flows/" in finding.message
    image, _ = builder.build(text)
    assert builder.files(image, "/opt/prefect") == {"/opt/prefect/opt/prefect/flows/flow.py"}
    image, _ = builder.build(fix(text, [finding]))
    assert builder.files(image, "/opt/prefect") == {"/opt/prefect/flows/flow.py"}


def test_a_backslash_at_the_end_is_part_of_a_files_name(builder):
    text = "# escape=`\nFROM scratch\nWORKDIR /w\nCOPY flow.py renamed\\\nCOPY flow.py \\renamed\n"
    at_the_end, at_the_start = (f.message for f in check(text) if f.rule == "relative-destination")
    assert "it resolves to /w/renamed\\, because" in at_the_end
    assert "it resolves to /w/\\renamed, because" in at_the_start
    image, _ = builder.build(text)
    assert builder.files(image, "/w") == {"/w/\\renamed", "/w/renamed\\"}


PLACED = [
    ("COPY . /x/", "src/a.py"),
    ("COPY src /x", "a.py"),
    ("COPY src /x/", "deep/b.py"),
    ("COPY s* /x", "a.py"),
    ("COPY src/*.py /x", "a.py"),
    ("COPY flow.py src /x/", "a.py"),
    ("COPY src/d* /x/", "b.py"),
    ("COPY flow.py /x", "flow.py"),
    ("WORKDIR /x\nCOPY flow.py /x", "flow.py"),
    ("WORKDIR /x\nCOPY flow.py /x/.", "flow.py"),
    ("COPY flow.py /x/.", "flow.py"),
    ("COPY flow.py /x/y/..", "flow.py"),
    ("COPY src /x\nCOPY flow.py /x", "flow.py"),
    ("COPY src/a.py /x/flow.py", "flow.py"),
    ("COPY [a-f]*.py /x/", "flow.py"),
    ("FROM scratch\nCOPY --from=0 / /", "flow.py"),
    ("COPY . /y/\nFROM scratch\nCOPY --from=made y/src /x/", "a.py"),
    ("COPY . /y/\nFROM scratch\nCOPY --from=made /y/flow.py /x", "flow.py"),
    ("COPY . /y/\nFROM made\nCOPY flow.py /x/", "flow.py"),
]


PLACED_BY_BUILDKIT = [
    ("COPY --chmod=644 flow.py src/a.py /x/", "flow.py"),
    ("COPY --chmod=644 src/a.py flow.py /x", "flow.py"),
    ("COPY --chmod=644 src/*.py src/a.py /x", "a.py"),
    ("COPY --chmod=644 ?l*.py src /x", "flow.py"),
    ("WORKDIR /x\nCOPY --chmod=644 src/a.py flow.py .", "flow.py"),
    ("COPY --chmod=644 src flow.py /x", "flow.py"),
    ("COPY --chmod=644 ../flow.py /x/", "flow.py"),
]


@pytest.mark.parametrize(("body", "file"), PLACED_BY_BUILDKIT)
def test_copies_that_only_buildkit_accepts_are_followed_as_in_buildkit(builder, body, file):
    text = f"FROM scratch\n{body}\n"
    facts = Facts(context=CONTEXT, entrypoints=(f"{file}:etl",), flows_dir="/x")
    missed = [f for f in check(text, facts) if f.rule == "flow-not-in-place"]
    image, error = builder.build(text, buildkit=True)
    assert (f"/x/{file}" in (builder.files(image) if not error else ())) == (not missed)


@pytest.mark.parametrize(("body", "file"), PLACED)
def test_the_flow_is_in_place_exactly_if_the_image_contains_it(builder, body, file):
    text = f"FROM scratch AS made\n{body}\n"
    facts = Facts(context=CONTEXT, entrypoints=(f"{file}:etl",), flows_dir="/x")
    missed = [f for f in check(text, facts) if f.rule == "flow-not-in-place"]
    image, error = builder.build(text)
    assert not error
    assert (f"/x/{file}" in builder.files(image)) == (not missed)


REJECTED = [
    'COPY flow.py "/with space/"',
    "COPY nothing.py /x/",
    "COPY flow.py",
    "COYP a /b",
    "COPY --frobnicate flow.py /x/",
    "COPY --CHOWN=1 flow.py /x/",
    "COPY --chown flow.py /x/",
    "COPY --chown=1 --chown=1 flow.py /x/",
    "ADD --from=0 flow.py /x/",
    "CMD --version",
    "USER --x 1",
    "HEALTHCHECK --frobnicate=1 CMD x",
    "COPY --from=3 flow.py /x/",
    "COPY --from=0 flow.py /x/",
    "COPY --from=-1 flow.py /x/",
    "COPY --from=me flow.py /x/",
    "COPY --from=Other flow.py /x/",
    "ARG S=me\nCOPY --from=$S flow.py /x/",
    "FROM Scratch",
    "FROM flowship/Base:1",
    "FROM scratch AS 1st",
    "ENV A=b c",
    "ENV A= b",
    "ENV A=b # why",
    "ENV FOO",
    "ENV =b",
    "ENV A=it's",
    'ENV "A B" c',
    "LABEL a=b c",
    "LABEL a",
    "ARG =b",
    "EXPOSE abc",
    "EXPOSE 80 # the port",
    "EXPOSE 80,81",
    "EXPOSE 90-80",
    "EXPOSE 80/http",
    "EXPOSE 70000",
    "ENV P=abc\nEXPOSE $P",
    "HEALTHCHECK FOO",
    "HEALTHCHECK CMD",
    "HEALTHCHECK NONE x",
    "HEALTHCHECK --interval=30 CMD x",
    "HEALTHCHECK --timeout=1d CMD x",
    "ONBUILD FROM scratch",
    "ONBUILD MAINTAINER me",
]


@pytest.mark.parametrize("buildkit", [False, True], ids=["classic", "buildkit"])
@pytest.mark.parametrize("line", REJECTED)
def test_the_engine_rejects_what_the_check_reports_as_an_error(builder, line, buildkit):
    text = f"FROM scratch AS me\n{line}\n"
    assert "error" in {f.severity for f in check(text, Facts(context=CONTEXT))}
    image, error = builder.build(text, buildkit=buildkit)
    assert not image
    assert error


ONLY_BUILDKIT_ACCEPTS = [
    "COPY flow.py src/a.py /x",
    "COPY flow.py src/a.py /x/.",
    "ADD flow.py src/a.py /x",
    "COPY f*.py src/*.py /x",
    "WORKDIR /w\n# flowship: ignore=relative-destination\nCOPY flow.py src/a.py .",
    "COPY ../flow.py /x/",
    "COPY src/../../flow.py /x/",
    "COPY .. /x/",
    "ADD /../flow.py /x/",
    "FROM scratch AS me\nCOPY flow.py /x/",
    "FROM scratch AS ME\nCOPY flow.py /x/",
]


@pytest.mark.parametrize("body", ONLY_BUILDKIT_ACCEPTS)
def test_what_only_the_classic_builder_rejects_is_an_error_if_it_builds(builder, body):
    text = f"FROM scratch AS me\n{body}\n"
    assert "error" in {f.severity for f in check(text, Facts(context=CONTEXT))}
    image, error = builder.build(text)
    assert not image
    assert error
    needing = text + "COPY --chmod=644 flow.py /needs-buildkit\n"
    assert "error" not in {f.severity for f in check(needing, Facts(context=CONTEXT))}
    _, error = builder.build(needing, buildkit=True)
    assert not error


ACCEPTED = [
    "COPY --chown= flow.py /x/",
    'COPY --"chown"=1 flow.py /x/',
    "COPY --chown=\\\n1 flow.py /x/",
    "COPY -- flow.py /x/",
    "COPY flow.py src/a.py /x/",
    "COPY flow.py nothing*.py /x/",
    "COPY src/*.py /x",
    "ENV D=/x/\nCOPY flow.py src/a.py $D",
    "ENV D=/\nCOPY flow.py src/a.py /x$D",
    "COPY src/../flow.py /x/",
    "ARG --x A",
    "HEALTHCHECK --x NONE",
    "HEALTHCHECK none",
    "HEALTHCHECK --interval=1h1.5s --timeout=.5m CMD --x",
    "HEALTHCHECK --interval= CMD x",
    "FROM scratch AS two\nCOPY --from=00 / /x/",
    "FROM scratch AS two\nCOPY --from=ME / /x/",
    "FROM scratch AS two\nFROM two",
    "ENV A b # c",
    "ENV A =b",
    'ENV "A"=b "C D"=e F=g\\ h',
    "ENV A=b \\\n\n # c\n D=e",
    "ENV A=\"it's\" B='\"'",
    "LABEL a b c",
    "ARG A=b c d",
    "EXPOSE 80 81/TCP 82-84 85-85/udp 86/ 87:88 127.0.0.1:89:90 '91' 0",
    "EXPOSE $UNSET",
    'ENV P="80 81"\nEXPOSE $P $P/tcp',
    "ONBUILD ARG A",
]


@pytest.mark.parametrize("buildkit", [False, True], ids=["classic", "buildkit"])
@pytest.mark.parametrize("body", ACCEPTED)
def test_what_the_builders_accept_is_not_a_syntax_error(builder, body, buildkit):
    text = f"FROM scratch AS me\nCOPY flow.py /\n{body}\nCOPY flow.py /last\n"
    assert [f for f in check(text, Facts(context=CONTEXT)) if f.rule == "syntax"] == []
    _, error = builder.build(text, buildkit=buildkit)
    assert not error


@pytest.mark.parametrize("with_uv", [True, False], ids=["uv", "pip"])
def test_the_template_builds_with_the_classic_builder(builder, base_image, tmp_path, with_uv):
    if not with_uv:
        base_image, error = builder.build(
            f'FROM {base_image}\nRUN rm -f "$(command -v uv)" && ! command -v uv\n'
        )
        assert not error
    (tmp_path / "src" / "taxi").mkdir(parents=True)
    settings = Settings(
        root=tmp_path,
        name="taxi",
        entrypoint="flow.py:etl",
        base_image=base_image,
        copy_={"data": "/opt/prefect/data", "data/my file.csv": "/opt/prefect/flows/its $place/"},
        packages={
            "index-url": "https://packages.example.com/simple?a=1&b=2",
            "trusted-hosts": ["packages.example.com"],
            "constraints": "constraints.txt",
        },
    )
    files = {f"project/{path}": content for path, content in FILES.items()}
    # The index of this test does not exist. pip and uv fetch nothing, but must accept the options.
    files |= {".flowship/requirements.txt": "\n", ".flowship/constraints.txt": "pandas<99\n"}
    image, error = builder.build(render(settings, dependencies=True), files)
    assert not error
    assert builder.files(image, "/opt/prefect") == {
        "/opt/prefect/flows/flow.py",
        "/opt/prefect/flows/src/a.py",
        "/opt/prefect/flows/src/deep/b.py",
        "/opt/prefect/flows/data/my file.csv",
        "/opt/prefect/flows/its $place/my file.csv",
        "/opt/prefect/data/my file.csv",
    }
    config = builder.engine.images.get(image).attrs["Config"]
    assert config["WorkingDir"] == "/opt/prefect/flows"
    assert "PYTHONPATH=/opt/prefect/flows/src" in config["Env"]


@pytest.mark.parametrize("buildkit", [False, True], ids=["classic", "buildkit"])
@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("USER root # why", "User", "root # why"),
        ("WORKDIR /app # why", "WorkingDir", "/app # why"),
        ("VOLUME /data # why", "Volumes", {"#": {}, "/data": {}, "why": {}}),
    ],
)
def test_what_looks_like_a_comment_is_an_error_where_the_builder_takes_it_as_a_value(
    builder, line, key, value, buildkit
):
    text = f"FROM scratch\nCOPY flow.py /\n{line}\n"
    image, error = builder.build(text, buildkit=buildkit)
    assert not error
    assert builder.engine.images.get(image).attrs["Config"][key] == value
    assert [f.severity for f in check(text) if f.rule == "syntax"] == ["error"]


@pytest.mark.parametrize("body", ["COPY flow.py no*.py /x/", "COPY no*.py flow.py /x/"])
def test_the_classic_builder_accepts_a_glob_without_matches_next_to_another_source(builder, body):
    text = f"FROM scratch\n{body}\n"
    image, error = builder.build(text)
    assert not error
    assert builder.files(image) == {"/x/flow.py"}
    assert check(text, Facts(context=CONTEXT)) == []


@pytest.mark.parametrize("text", ["ARG V\nFROM image:$V\n", "FROM image:$V\n", "ARG V\nFROM $V\n"])
def test_the_builder_rejects_an_image_name_that_an_empty_variable_spoils(builder, text):
    assert builder.build(text)[1]
    assert [f.rule for f in check(text)] == ["syntax"]
