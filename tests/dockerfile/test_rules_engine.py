"""What the check says beforehand, held against what a real engine then does."""

from __future__ import annotations

import io
import re
import tarfile
import uuid
from typing import TYPE_CHECKING

import pytest
from docker.errors import APIError

from flowship.config import Settings
from flowship.context import Context, Entry
from flowship.dockerfile import render
from flowship.dockerfile.rules import Facts, check, fix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

pytestmark = pytest.mark.engine

FILES = {"flow.py": "1", "src/a.py": "2", "src/deep/b.py": "3", "data/my file.csv": "4"}
CONTEXT = Context(tuple(Entry(p, size=len(t), data=t.encode()) for p, t in sorted(FILES.items())))


class Builder:
    """Builds small images with the classic builder and lists what they hold."""

    def __init__(self, engine: DockerClient) -> None:
        self.engine = engine
        self.images: list[str] = []

    def build(self, dockerfile: str, files: dict[str, str] = FILES) -> tuple[str, str]:
        """The image's id, or "" and the engine's error."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for path, content in {**files, "Dockerfile": dockerfile}.items():
                member = tarfile.TarInfo(path)
                member.size = len(content.encode())
                tar.addfile(member, io.BytesIO(content.encode()))
        archive.seek(0)
        tag = f"flowship-check-test:{uuid.uuid4().hex}"
        try:
            events = self.engine.api.build(
                fileobj=archive, custom_context=True, rm=True, forcerm=True, tag=tag, decode=True
            )
            error = next((e["error"] for e in events if "error" in e), "")
        except APIError as exc:  # a file it cannot even parse
            return "", str(exc)
        if error:
            return "", error
        self.images.append(tag)
        return tag, ""

    def holds(self, image: str, folder: str = "") -> set[str]:
        """The absolute paths of our files in the image, or only in `folder` of it."""
        container = self.engine.containers.create(image, command="x")
        try:
            stream = container.get_archive(folder)[0] if folder else container.export()
            exported = io.BytesIO(b"".join(stream))
        finally:
            container.remove()
        above = folder.rpartition("/")[0]
        with tarfile.open(fileobj=exported) as tar:
            names = {f"{above}/{member.name}" for member in tar if member.isfile()}
        return {name for name in names if name.endswith((".py", ".csv", "renamed"))}


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
]


@pytest.mark.parametrize("body", RELATIVE)
def test_a_relative_destination_lands_where_the_finding_says(builder, body):
    text = f"FROM scratch AS made\n{body}\n"
    (finding,) = [f for f in check(text) if f.rule == "relative-destination"]
    landing = re.search(r"it lands (in|at) (.+), because", finding.message)
    assert landing is not None
    image, error = builder.build(text + ("FROM made\n" if "ONBUILD" in body else ""))
    assert not error
    (real,) = builder.holds(image)
    expected = landing[2] if landing[1] == "at" else real.rpartition("/")[0] + "/"
    assert landing[2] == expected
    assert real.startswith(landing[2])


def test_the_flow_lands_below_the_bases_working_directory_and_the_fix_mends_it(builder, base_image):
    text = f"FROM {base_image}\nCOPY flow.py opt/prefect/flows/\n"
    facts = Facts(context=CONTEXT, entrypoint="flow.py:etl")
    (finding,) = check(text, facts)
    assert "lands in /opt/prefect/opt/prefect/flows/" in finding.message
    image, _ = builder.build(text)
    assert builder.holds(image, "/opt/prefect") == {"/opt/prefect/opt/prefect/flows/flow.py"}
    image, _ = builder.build(fix(text, [finding]))
    assert builder.holds(image, "/opt/prefect") == {"/opt/prefect/flows/flow.py"}


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
    ("COPY src /x\nCOPY flow.py /x", "flow.py"),
    ("COPY src/a.py /x/flow.py", "flow.py"),
    ("COPY [a-f]*.py /x/", "flow.py"),
    ("FROM scratch\nCOPY --from=0 / /", "flow.py"),
    ("COPY . /y/\nFROM scratch\nCOPY --from=made y/src /x/", "a.py"),
    ("COPY . /y/\nFROM scratch\nCOPY --from=made /y/flow.py /x", "flow.py"),
    ("COPY . /y/\nFROM made\nCOPY flow.py /x/", "flow.py"),
]


@pytest.mark.parametrize(("body", "file"), PLACED)
def test_the_flow_is_called_in_place_exactly_when_the_image_holds_it(builder, body, file):
    text = f"FROM scratch AS made\n{body}\n"
    facts = Facts(context=CONTEXT, entrypoint=f"{file}:etl", flows_dir="/x")
    missed = [f for f in check(text, facts) if f.rule == "flow-not-in-place"]
    image, error = builder.build(text)
    assert not error
    assert (f"/x/{file}" in builder.holds(image)) == (not missed)


@pytest.mark.parametrize(
    "line", ['COPY flow.py "/with space/"', "COPY nothing.py /x/", "COPY flow.py", "COYP a /b"]
)
def test_what_the_check_calls_an_error_the_engine_refuses(builder, line):
    text = f"FROM scratch\n{line}\n"
    assert "error" in {f.severity for f in check(text, Facts(context=CONTEXT))}
    image, error = builder.build(text)
    assert not image
    assert error


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
    # Nothing to fetch: the index of this test does not exist, but the options must be understood.
    files |= {".flowship/requirements.txt": "\n", ".flowship/constraints.txt": "pandas<99\n"}
    image, error = builder.build(render(settings, dependencies=True), files)
    assert not error
    assert builder.holds(image, "/opt/prefect") == {
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
