"""The commands in the pages: they print what is shown below them."""

from __future__ import annotations

import html
import json
import re
import shlex
from collections.abc import Iterator

import pytest
from parts.night import Night
from parts.night import night as deployed
from parts.ports import free_port

from flowship.errors import ExitCode
from parts import session
from support import night
from support.commands import world
from support.pages import (
    TYPED,
    agree,
    blocks,
    read,
    section,
    shown,
    targets,
    without_fences,
)

NIGHT = "docs/guides/the-0500-run.md"
FIRST_FLOW = "docs/guides/first-flow.md"
OWN_FLOW = "docs/guides/your-own-flow.md"


def test_an_output_that_differs_from_its_page_would_be_seen():
    page = "✓ built a:6e475e67812b (524 MB)\n…\nnext: `flowship build`\n"
    assert agree(page, "✓ built a:aaaabbbbcccc (1.2 GB)\n  more\nnext: `flowship build`")
    assert not agree(page, "✓ built b:aaaabbbbcccc (1.2 GB)\n  more\nnext: `flowship build`")
    assert not agree(page, "✓ built a:aaaabbbbcccc (1.2 GB)\n  more\nnext: `flowship ship`")
    assert not agree(page, "✓ built a:aaaabbbbcccc (1.2 GB)\nnext: `flowship build`\nmore")


@pytest.mark.parametrize(
    ("name", "configuration"),
    [
        ("README.md", ""),
        ("docs/check.md", 'entrypoint = "flow.py:taxi"\ndockerfile = "Dockerfile"\n'),
    ],
)
def test_the_check_finds_what_the_page_shows(name, configuration, tmp_path, cli):
    [dockerfile] = blocks(section(read("README.md"), "Why flowship"), "dockerfile")
    (tmp_path / "Dockerfile").write_text(dockerfile)
    (tmp_path / "flow.py").write_text("from prefect import flow\n\n\n@flow\ndef taxi(): ...\n")
    if configuration:
        (tmp_path / "flowship.toml").write_text(configuration)
    example = next(e for e in shown(read(name)) if e.command.startswith("flowship check"))
    done = cli(*shlex.split(example.command)[1:])
    assert done.code == ExitCode.CONFIG
    assert agree(example.output, done.stderr), done.stderr
    done = cli(*shlex.split(example.command)[1:], "--fix")
    assert done.code == 0
    assert "COPY flow.py /opt/prefect/flows/" in (tmp_path / "Dockerfile").read_text()


def test_the_sample_of_an_own_dockerfile_has_no_problems(tmp_path, cli):
    [dockerfile] = blocks(read(OWN_FLOW), "dockerfile")
    (tmp_path / "Dockerfile").write_text(dockerfile)
    (tmp_path / "requirements.txt").write_text("pandas\n")
    (tmp_path / "flow.py").touch()
    (tmp_path / "flowship.toml").write_text(
        'entrypoint = "flow.py:taxi"\ndockerfile = "Dockerfile"\n'
    )
    done = cli("check", "--json")
    assert done.code == 0, done.stderr
    assert json.loads(done.stdout)["findings"] == []


def test_init_writes_only_the_configuration_into_a_folder_with_python_files(tmp_path, cli):
    (tmp_path / "trips.py").write_text("from prefect import flow\n\n\n@flow\ndef nightly(): ...\n")
    assert cli("init").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *(".dockerignore", "flowship.toml", "trips.py")
    ]


def test_init_prints_what_its_page_shows(tmp_path, cli):
    folder = tmp_path / "hello"
    folder.mkdir()
    [example] = shown(read("docs/init.md"))
    done = cli(*shlex.split(example.command)[1:], cwd=folder)
    assert agree(example.output, done.stderr + done.stdout), done.stderr


@pytest.mark.engine
def test_a_missing_module_is_reported_as_the_guide_shows(tmp_path, cli, base_image):
    own = read(OWN_FLOW)
    (tmp_path / "flowship.toml").write_text(blocks(own, "toml")[0])
    (tmp_path / "docker-requirements.txt").touch()
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows/trips.py").write_text(
        "from prefect import flow\nimport pandas\n\n\n@flow\ndef nightly(): ...\n"
    )
    example = next(e for e in shown(own) if e.command == "flowship build")
    done = cli("build", env={"FLOWSHIP_BASE_IMAGE": base_image})
    assert done.code == ExitCode.BUILD
    assert agree(example.output, done.stderr), done.stderr


def in_the_picture() -> dict[str, str]:
    """Each command in the picture of a session, and the output that is drawn below it."""
    drawn = re.findall(r"<text[^>]*>(.*)</text>", session.PICTURE.read_text(encoding="utf-8"))
    lines = "\n".join(html.unescape(line) for line in drawn)
    return dict(shown(f"```console\n{lines}\n```"))


def test_the_picture_has_the_commands_of_the_readme():
    assert tuple(in_the_picture()) == session.TOUR
    in_readme = re.findall(r"^ {4}(flowship .*?)  ", read("README.md"), flags=re.MULTILINE)
    assert in_readme == [*session.TOUR, "flowship down"]
    assert "](docs/images/session.svg)" in read("README.md")


@pytest.mark.engine
@pytest.mark.server
def test_the_first_flow_runs_as_its_guide_and_the_picture_show(
    tmp_path, cli, engine, base_image, registry
):
    folder = tmp_path / "hello"
    folder.mkdir()
    env = {"FLOWSHIP_BASE_IMAGE": base_image, "FLOWSHIP_STATE_DIR": str(tmp_path / "state")}
    examples = shown(read(FIRST_FLOW))
    picture = in_the_picture()
    assert [e.command for e in examples if e.command in picture] == list(session.TOUR)
    # The pages of these commands show the same project; its repository is in the configuration.
    examples[-1:-1] = [shown(read(f"docs/{page}.md"))[0] for page in ("deploy", "run")]
    try:
        for example in examples:
            if example.command.startswith("flowship deploy"):
                env["FLOWSHIP_REPO"] = f"{registry.address}/hello"
            words = shlex.split(example.command.replace("localhost:5000", registry.address))[1:]
            words += ["--port", str(free_port())] if words == ["up"] else []
            done = cli(*words, cwd=folder, env=env)
            assert done.code == 0, done.stderr
            for output in (example.output, picture.get(example.command, "…")):
                assert agree(output, done.stderr + done.stdout), (
                    f"{example.command} prints\n{done.stderr}{done.stdout}"
                )
            if words == ["init"]:  # the image of an earlier test must not be found
                with (folder / "docker-requirements.txt").open("a") as file:
                    file.write(f"# {tmp_path}\n")
    finally:
        cli("down", cwd=folder, env=env)
        name = cli("build", cwd=folder, env=env).stdout.strip()
        tags = [tag for image in engine.api.images() for tag in image["RepoTags"] or ()]
        for tag in tags:
            if tag in (name, f"{registry.address}/{name}"):
                engine.api.remove_image(tag, force=True)


# --- the guide "The 05:00 run did not happen" ----------------------------------------------------


@pytest.fixture
def trips(tmp_path, engine, base_image, registry) -> Iterator[Night]:
    """A project that runs every night."""
    env = world(
        tmp_path / "home",
        FLOWSHIP_BASE_IMAGE=base_image,
        FLOWSHIP_STATE_DIR=str(tmp_path / "state"),
    )
    (tmp_path / "home" / ".prefect").mkdir(parents=True)
    with deployed(tmp_path, env, registry.address, engine) as found:
        yield found


@pytest.mark.engine
@pytest.mark.server
def test_every_step_of_the_guide_leads_to_what_it_shows(trips):
    examples = shown(read(NIGHT))
    assert len(examples) == len(night.BEFORE)
    for example, event in zip(examples, night.BEFORE, strict=True):
        if event:
            event(trips)
        words = shlex.split(example.command)[1:]
        typed = "y\n" if TYPED in example.output else ""
        done = trips.run(*words, ok=words != ["doctor"], typed=typed)  # doctor found a problem
        assert agree(example.output, done.stderr + done.stdout), (
            f"{example.command} prints\n{done.stderr}{done.stdout}"
        )


def test_each_cause_has_its_section():
    text = read(NIGHT)
    headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert len(headings) > 6
    linked = [target[1:] for target in targets(text) if target.startswith("#")]
    assert linked == [heading.lower().replace(" ", "-") for heading in headings]


def test_the_guide_runs_each_command_that_it_names():
    text = read(NIGHT)
    run = {example.command.split()[1] for example in shown(text)}
    named = set(re.findall(r"`flowship ([a-z]+)", without_fences(text)))
    assert named - run == {"up", "down", "ship"}  # which start and deploy what is there
    assert {"plan", "deploy", "history", "rollback", "unlock"} <= run
