"""A project that tries to run code on the laptop: code run 0.

Commands that only read a project must not execute it: neither its template, nor its git
configuration, nor Python files that are named like modules.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.commands import flowship
from support.rounds import attempts

FLOW = "from prefect import flow\n\n\n@flow\ndef etl():\n    pass\n"
CONFIGURATION = 'name = "trips"\nentrypoint = "flow.py:etl"\ntemplate = "my.j2"\n'
TEMPLATES = [
    "{{ cycler.__init__.__globals__.os.system('touch ran') }}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "FROM {{ base_image }}\nCOPY project/ {{ flows_dir }}/\n",
]
STARTS = [
    "cycler",
    "joiner",
    "namespace",
    "lipsum",
    "self",
    "range",
    "dict",
    "''",
    "()",
    "base_image",
]
STEPS = [
    ".__init__",
    ".__globals__",
    ".__class__",
    ".__base__",
    ".__mro__[-1]",
    ".__subclasses__()",
]
STEPS += [
    "|attr('__class__')",
    "['__globals__']",
    "['os']",
    ".os",
    ".__builtins__",
    "|first",
    "|list",
]
STEPS += [".format", "|map(attribute='__class__')", "[:1]", "._TemplateReference__context"]
ENDS = [".system('touch ran')", "['__import__']('os').system('touch ran')", "()", "", "|tojson"]
ENDS += [
    ".popen('touch ran').read()",
    "(['touch', 'ran'])",
    " ~ ('x' * 9999999999)",
    " ** 99 ** 99",
]
MODULES = ("sitecustomize", "usercustomize", "jinja2", "json", "rich", "flowship", "docker", "site")
COMMANDS = [
    ("check",),
    ("build", "--print-dockerfile"),
    ("deploy", "--dry-run"),
    ("ship", "--dry-run"),
    ("push",),
    ("profile", "show"),
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "flow.py").write_text("open('ran', 'w')\n" + FLOW)
    (root / "flowship.toml").write_text(CONFIGURATION)
    for name in MODULES:
        (root / f"{name}.py").write_text("open('ran', 'w')\n")
    script = root / "script.sh"
    script.write_text(f"#!/bin/sh\ntouch {root}/ran\n")
    script.chmod(0o755)
    for program in ("git", "docker", "hadolint"):
        (root / program).symlink_to(script)
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com"]
    for arguments in (
        ["init", "--quiet"],
        ["add", "flow.py"],
        ["commit", "--quiet", "-m", "x"],
        ["config", "core.fsmonitor", str(script)],
        ["config", "filter.x.clean", str(script)],
        ["config", "core.hooksPath", str(root)],
    ):
        subprocess.run([*git, *arguments], cwd=root, check=True)
    (root / ".gitattributes").write_text("* filter=x\n")
    return root


@pytest.mark.slow
@pytest.mark.parametrize("template", TEMPLATES, ids=["globals", "subclasses", "plain"])
def test_no_command_runs_what_a_project_contains(project, tmp_path, template):
    (project / "my.j2").write_text(template)
    environment = {
        "HOME": str(tmp_path),
        "DOCKER_HOST": "tcp://127.0.0.1:9",
        "PREFECT_API_URL": "http://127.0.0.1:9/api",
    }
    for command in COMMANDS:
        done = flowship(*command, cwd=project, env=environment)
        assert "Traceback" not in done.stderr, command
        assert done.code != 70, command
        assert not (project / "ran").exists(), command


@pytest.mark.slow
def test_no_random_template_runs_code_or_hangs(project, tmp_path):
    for chance in attempts("templates", each=2):
        steps = "".join(chance.choices(STEPS, k=chance.randint(1, 6)))
        expression = chance.choice(STARTS) + steps + chance.choice(ENDS)
        (project / "my.j2").write_text(f"FROM {{{{ base_image }}}}\nRUN {{{{ {expression} }}}}\n")
        done = flowship("check", cwd=project, env={"HOME": str(tmp_path)})
        assert "Traceback" not in done.stderr, expression
        assert done.code not in (70, -9), expression
        assert not (project / "ran").exists(), expression
