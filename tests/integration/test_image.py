"""Build, probe and name images with a real engine."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flowship import image
from flowship.build_request import prepare_build
from flowship.config import loading
from flowship.engine import builder
from flowship.engine.client import connect
from flowship.errors import BuildError, ConfigError, RegistryError
from flowship.events import Output, Phase, Step
from support.projects import FLOW, build, write

pytestmark = pytest.mark.engine


def layers(engine, built):
    return engine.images.get(built.id).attrs["RootFS"]["Layers"]


def test_the_labels_of_an_image_describe_its_flow(project, base_image, engine):
    built = build(write(project, base_image))
    assert built.reference == f"{project.name}:{built.inputs[:12]}"
    assert built.probe.flow_name == "hello"
    assert built.probe.parameters["properties"]["months"]["default"] == [1, 2]
    labels = engine.images.get(built.reference).labels
    assert labels["org.opencontainers.image.title"] == project.name
    assert labels["io.flowship.inputs"] == built.inputs
    # another process, another laptop: the labels are enough
    assert image.inspect(connect(), built.reference).probe == built.probe


def test_an_unchanged_project_is_not_sent_again(project, base_image):
    first = build(write(project, base_image))
    events = []
    second = build(project, events.append)
    assert second.unchanged
    assert (second.id, second.inputs) == (first.id, first.inputs)
    assert not [e for e in events if isinstance(e, Step)]


def test_no_cache_builds_every_step_again(project, base_image):
    build(write(project, base_image))
    events = []
    again = build(project, events.append, no_cache=True)
    assert not again.unchanged
    assert [e for e in events if isinstance(e, Step)]
    assert not [e for e in events if isinstance(e, Step) and e.cached]


def test_a_change_of_code_keeps_the_dependency_layer(project, base_image, engine):
    files = {"docker-requirements.txt": "six\n"}
    first = build(write(project, base_image, files))
    (project / "flow.py").write_text(FLOW + "\n# changed\n")
    second = build(project)
    assert second.inputs != first.inputs
    one, two = layers(engine, first), layers(engine, second)
    base = len(engine.images.get(base_image).attrs["RootFS"]["Layers"])
    assert len(one) == len(two)
    assert one[base : base + 2] == two[base : base + 2]  # the list, and what it installs
    assert one[-1] != two[-1] or one[-2] != two[-2]


def test_dependencies_are_compiled_and_leave_no_download_cache(project, base_image, engine):
    built = build(write(project, base_image, {"docker-requirements.txt": "six\n"}))
    script = (
        "import six, pathlib, sys;"
        "print(pathlib.Path(six.__cached__).exists(),"
        "any(pathlib.Path('/root/.cache').glob('*/**/*.whl')))"
    )
    output = engine.containers.run(
        built.id, ["-c", script], entrypoint="python", remove=True, network_mode="none"
    )
    assert output.decode().split() == ["True", "False"]


def test_siblings_subfolders_and_a_src_layout_import_as_on_the_laptop(project, base_image):
    files = {
        "flows/main.py": "import sibling, common, mypackage.deep\n" + FLOW,
        "flows/sibling.py": "",
        "common.py": "",
        "src/mypackage/__init__.py": "",
        "src/mypackage/deep.py": "",
    }
    write(project, base_image, files)
    toml = project / "flowship.toml"
    toml.write_text(toml.read_text().replace("flow.py:hello", "flows/main.py:hello"))
    assert build(project).probe.flow_name == "hello"


@pytest.mark.parametrize(
    ("files", "entrypoint", "words"),
    [
        ({"flow.py": "import not_there\n" + FLOW}, "flow.py:hello", "module not_there"),
        ({"flow.py": "def broken(:\n"}, "flow.py:hello", "SyntaxError"),
        ({}, "flow.py:renamed", "no flow named renamed"),
        ({}, "flows/flow.py:hello", "/opt/prefect/flows/flows/flow.py"),
    ],
    ids=["missing module", "syntax error", "renamed flow", "wrong path"],
)
def test_an_image_whose_flow_does_not_load_gets_no_name(
    project, base_image, engine, files, entrypoint, words
):
    write(project, base_image, files)
    # The check would stop the wrong path before; here the probe alone has to.
    settings = loading.load(project, overrides={"entrypoint": entrypoint}, environ={})
    with pytest.raises(BuildError, match=words) as caught:
        image.build(connect(), prepare_build(settings), builder.BuildOptions())
    assert caught.value.hint
    assert not [tag for i in engine.images.list(project.name) for tag in i.tags]


OWN = """FROM {base}
COPY flow.py /opt/prefect/flows/
{more}
"""


def with_entrypoint(project, base_image, more, script='exec "$@"\n'):
    """A project with a Dockerfile of its own, and a script that may be its ENTRYPOINT."""
    files = {
        "Dockerfile": OWN.format(base=base_image, more=more),
        "start.sh": f"#!/bin/sh\n{script}",
    }
    write(project, base_image, files, 'dockerfile = "Dockerfile"\n')
    (project / "start.sh").chmod(0o755)
    return project


@pytest.mark.parametrize(
    "entrypoint",
    [
        '["python"]',
        '["python", "/opt/prefect/flows/flow.py"]',
        '["python", "-c", "import time; time.sleep(600)"]',
        "exec python /opt/prefect/flows/flow.py",
        '["/opt/prefect/not-there.sh"]',
    ],
)
def test_an_entrypoint_that_swallows_the_workers_command_fails_the_build(
    project, base_image, engine, entrypoint
):
    with_entrypoint(project, base_image, f"ENTRYPOINT {entrypoint}")
    with (project / "flowship.toml").open("a") as file:
        file.write("[probe]\ntimeout = 20\n")
    with pytest.raises(BuildError) as caught:
        build(project)
    assert "ENTRYPOINT" in caught.value.message
    assert "every run would crash" in caught.value.message
    assert 'exec "$@"' in caught.value.hint
    assert not engine.images.list(project.name)
    assert not engine.containers.list(
        all=True,
        ignore_removed=True,
        filters={"label": f"io.flowship.probe-of={project.name}"},
    )


@pytest.mark.parametrize(
    ("more", "script"),
    [
        ('COPY start.sh /usr/bin/\nENTRYPOINT ["start.sh"]', 'echo hello; exec "$@"\n'),
        # Prefect's own: tini, and a script below it; the script prints without ending its line
        (
            'COPY start.sh /srv/\nENTRYPOINT ["sh", "-c", "exec \\"$@\\"", "--", "/srv/start.sh"]',
            'printf "{half a line"; exec "$@"\n',
        ),
        ('WORKDIR /srv\nCOPY start.sh /srv/\nENTRYPOINT ["./start.sh"]', '"$@"\necho "{}"\n'),
        ('ENTRYPOINT ["env", "A=1"]', ""),
        ("ENTRYPOINT []", ""),
    ],
)
def test_the_probe_goes_through_an_entrypoint_that_runs_its_command(
    project, base_image, more, script
):
    assert build(with_entrypoint(project, base_image, more, script)).probe.flow_name == "hello"


def test_a_broken_image_behind_an_entrypoint_is_not_reported_as_the_entrypoints_fault(
    project, base_image
):
    with_entrypoint(project, base_image, 'ENTRYPOINT ["env"]\nENV PATH=/usr/bin:/bin')
    with pytest.raises(BuildError, match="no `python` on its PATH"):
        build(project)


def test_the_probe_has_no_network_unless_it_is_given_one(project, base_image):
    reach = "import socket\nsocket.create_connection(('127.0.0.1', 9))\n"
    write(project, base_image, {"flow.py": reach + FLOW})
    with pytest.raises(BuildError, match="network"):
        build(project)
    interfaces = "import os\nassert len(os.listdir('/sys/class/net')) > 1, 'only lo'\n"
    write(project, base_image, {"flow.py": interfaces + FLOW}, "[probe]\nnetwork = true\n")
    assert build(project).probe


def test_the_probe_gets_its_environment_and_the_image_does_not(project, base_image, engine):
    needs = "import os\nos.environ['WANTED']\n"
    more = '[probe]\nenv = { WANTED = "only-here" }\n'
    built = build(write(project, base_image, {"flow.py": needs + FLOW}, more))
    assert "only-here" not in str(engine.images.get(built.id).attrs["Config"]["Env"])


def test_a_flow_that_never_loads_ends_with_the_timeout(project, base_image, engine):
    hang = "import time\nprint('before the nap')\ntime.sleep(600)\n"
    write(project, base_image, {"flow.py": hang + FLOW}, "[probe]\ntimeout = 20\n")
    with pytest.raises(BuildError, match="within 20 s") as caught:
        build(project)
    assert caught.value.where == "flow.py:3"
    label = {"label": f"io.flowship.probe-of={project.name}"}
    assert not engine.containers.list(all=True, ignore_removed=True, filters=label)


def test_an_image_built_without_the_probe_is_probed_later_not_rebuilt(project, base_image):
    write(project, base_image)
    first = build(project, probe=False)
    assert first.probe is None
    events = []
    second = build(project, events.append)
    assert second.probe
    assert second.reference == first.reference
    assert not [e for e in events if isinstance(e, Step)]


def test_the_error_for_a_failed_step_has_its_output(project, base_image):
    text = f"FROM {base_image}\nRUN echo the reason && exit 7\nCOPY . /opt/prefect/flows/\n"
    write(project, base_image, {"Dockerfile": text}, 'dockerfile = "Dockerfile"\n')
    with pytest.raises(BuildError, match="exit code 7") as caught:
        build(project)
    assert "the reason" in caught.value.details


def test_a_dockerfile_that_needs_buildkit_is_built_with_it(project, base_image):
    mark = f"mounted-{project.name}"  # another one each time: BuildKit's cache outlives the test
    text = (
        f"FROM {base_image}\nRUN --mount=type=cache,target=/tmp/c echo {mark}\n"
        "COPY . /opt/prefect/flows/\n"
    )
    write(project, base_image, {"Dockerfile": text}, 'dockerfile = "Dockerfile"\n')
    events = []
    assert build(project, events.append).probe
    assert mark in [e.text for e in events if isinstance(e, Output)]


def test_build_arguments_and_other_tags_are_used(project, base_image, engine):
    text = "ARG BASE\nFROM ${BASE}\nCOPY . /opt/prefect/flows/\n"
    more = f'dockerfile = "Dockerfile"\nbuild-args = {{ BASE = "{base_image}" }}\n'
    write(project, base_image, {"Dockerfile": text}, more)
    built = build(project, tags=(f"{project.name}:latest",))
    assert f"{project.name}:latest" in engine.images.get(built.id).tags


def test_an_image_that_flowship_did_not_build_is_refused(base_image):
    with pytest.raises(ConfigError, match="not built by flowship"):
        image.inspect(connect(), base_image)


def test_a_base_that_cannot_be_pulled_is_a_registry_error(project):
    write(project, "127.0.0.1:9/nowhere/base:1")
    with pytest.raises(RegistryError) as caught:
        build(project)
    assert caught.value.exit_code == 6


def test_an_interrupted_build_leaves_no_container_and_no_name(project, base_image, engine):
    begun = f"begun-{project.name}"  # another step each time, which no cache knows
    text = f"FROM {base_image}\nRUN echo {begun} && sleep 300\nCOPY . /opt/prefect/flows/\n"
    write(project, base_image, {"Dockerfile": text}, 'dockerfile = "Dockerfile"\n')
    program = Path(sys.executable).with_name("flowship")
    running = subprocess.Popen(
        [program, "build"], cwd=project, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    for line in running.stderr:
        if line.strip() == begun:
            break
    running.send_signal(signal.SIGINT)
    _, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    deadline = time.monotonic() + 30
    while [c for c in engine.api.containers(all=True) if begun in c["Command"]]:
        assert time.monotonic() < deadline, "the step's container is still there"
        time.sleep(0.2)
    assert not engine.images.list(project.name)


def test_the_phases_of_a_build_are_reported_in_order(project, base_image):
    events = []
    build(write(project, base_image), events.append)
    phases = [e.text for e in events if isinstance(e, Phase)]
    assert phases[0].startswith("sending 2 files")
    assert phases[-1].startswith("loading flow.py:hello")


def test_an_edit_during_a_build_is_in_the_image_and_in_its_hash(project, base_image):
    write(project, base_image)
    events = []

    def edits(inputs):  # called when the hash is known and nothing was sent
        (project / "flow.py").write_text(FLOW + "# edited meanwhile\n")

    built = build(project, events.append, edits)
    phases = [e.text for e in events if isinstance(e, Phase)]
    assert phases[0] == "flow.py changed while it was read: reading it again"
    again = build(project)
    assert again.unchanged
    assert again.reference == built.reference


def test_a_log_in_the_project_that_gets_every_message_does_not_stop_a_build(project, base_image):
    write(project, base_image, {"ship.log": ""})

    def tee(event):
        with (project / "ship.log").open("a") as log:
            log.write(f"{event}\n")

    assert build(project, tee).probe is not None


@pytest.mark.parametrize("ignored", ["Dockerfile\n.dockerignore", "*\n!flow.py"])
def test_a_dockerfile_that_the_ignore_file_names_is_not_in_the_image(project, base_image, ignored):
    text = (
        f"FROM {base_image}\nWORKDIR /opt/prefect/flows\nCOPY . /opt/prefect/flows/\n"
        "RUN test -e flow.py && test ! -e Dockerfile && test ! -e .dockerignore\n"
    )
    files = {"Dockerfile": text, ".dockerignore": f"{ignored}\n"}
    write(project, base_image, files, more='dockerfile = "Dockerfile"\n')
    assert build(project).probe is not None


def test_an_image_that_was_not_probed_inherits_no_answer_from_its_base(project, base_image):
    base = build(write(project, base_image))
    flow = FLOW.replace("name: str", "other: str").replace("{name}", "{other}")
    image_of_other = build(write(project, base.reference, {"flow.py": flow}), probe=False)
    assert image_of_other.probe is None


def test_an_image_that_only_has_another_name_is_known_by_that(project, base_image, engine):
    built = build(write(project, base_image))
    engine.images.get(built.id).tag("flowship-test/other", project.name)
    engine.images.remove(built.reference)
    other = f"flowship-test/other:{project.name}"
    assert image.inspect(connect(), other).reference == other


def test_a_file_that_the_user_of_the_image_may_not_read_is_named(project, base_image):
    text = (
        f"FROM {base_image}\nCOPY . /opt/prefect/flows/\n"
        "RUN chmod 600 /opt/prefect/flows/flow.py && useradd app\nUSER app\n"
    )
    write(project, base_image, {"Dockerfile": text}, 'dockerfile = "Dockerfile"\n')
    with pytest.raises(BuildError, match="app, may not read") as caught:
        build(project)
    assert caught.value.code == "flow-file-unreadable"


def test_the_list_of_processes_shows_neither_the_script_nor_the_environment(project, base_image):
    shown = (
        "command = open('/proc/self/cmdline').read().split('\\0')\n"
        "assert max(map(len, command)) < 60, command\n"
        "assert 'very-secret' not in str(command)\n"
    )
    more = '[probe]\nenv = { WANTED = "very-secret" }\n'
    assert build(write(project, base_image, {"flow.py": shown + FLOW}, more)).probe


def test_a_very_long_docstring_and_half_a_character_can_be_built(project, base_image):
    flow = 'from prefect import flow\n@flow\ndef hello(a: str = "\\ud800"):\n    """X"""\n'
    write(project, base_image, {"flow.py": flow.replace("X", "x" * 3_000_000)})
    built = build(project)
    assert 1000 < len(built.probe.description) < 20_000
