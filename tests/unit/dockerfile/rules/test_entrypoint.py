"""ENTRYPOINTs that run the command they receive, and others."""

from __future__ import annotations

import pytest

from support.dockerfiles import PREFECT, one, only, underlined


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
def test_an_entrypoint_that_does_not_run_the_command_is_an_error(entrypoint):
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
def test_an_entrypoint_that_runs_the_command_or_is_not_in_the_image_is_not_reported(text):
    assert only("entrypoint", PREFECT + text) == []


@pytest.mark.parametrize("entrypoint", ['["/usr/bin/mine"]', '["python", "-m", "wrapper"]'])
def test_an_unknown_entrypoint_is_a_warning(entrypoint):
    assert one("entrypoint", PREFECT + f"ENTRYPOINT {entrypoint}\n").severity == "warning"


def test_the_entrypoint_of_the_parent_stage_counts():
    text = PREFECT.strip() + ' AS a\nENTRYPOINT ["python"]\nFROM a\nUSER 1\n'
    assert one("entrypoint", text).line == 2
