"""How the result of `init` looks."""

from __future__ import annotations

from flowship.output import render_init
from flowship.project.scaffold import Scaffold
from support.rendering import shown


def test_the_files_the_entrypoint_and_the_next_step_are_shown():
    text = shown(render_init.scaffold(Scaffold(("flow.py", "flowship.toml"), "flow.py:hello")))
    assert text.splitlines() == [
        "✓ wrote flow.py, flowship.toml",
        "  entrypoint: flow.py:hello",
        "  next: `flowship build`",
    ]


def test_other_flows_and_notes_are_shown_unchanged():
    text = shown(render_init.scaffold(Scaffold((), "a.py:f", ("[b].py:g",), ("note [x]",))))
    assert "  other flows: [b].py:g\n  note [x]\n" in text
