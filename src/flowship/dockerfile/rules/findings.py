"""What a rule is given and what it answers: facts in, findings out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from flowship.dockerfile.copies import Index
from flowship.dockerfile.instructions import Dockerfile, Lines, Problem, Word, parse
from flowship.dockerfile.stages import Stage, Step, Trace, trace

if TYPE_CHECKING:
    from flowship.project.context import Context


Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Edit:
    """A replacement of the text between two character offsets."""

    start: int
    end: int
    replacement: str


@dataclass(frozen=True)
class Finding:
    """Something wrong, with its place and what to do.

    Attributes:
        rule: Its name, as comments and configuration spell it.
        line: Counted from 1.
        column: Of the first offending character on its line, counted from 1.
        end_column: Of the character behind the offending text, on the same line.
        message: The reason, saying what would really happen.
        help: What to do.
        edit: A safe fix, when there is one.
        source: Who found it.
    """

    rule: str
    severity: Severity
    line: int
    column: int
    end_column: int
    message: str
    help: str
    edit: Edit | None = None
    source: str = "flowship"


@dataclass(frozen=True)
class Facts:
    """What the check knows of the world; every field may be left out.

    Attributes:
        context: The files that would be sent to the engine.
        workdirs: Base image reference → its working directory, as the engine tells it.
        entrypoint: ``flows/taxi.py:etl``, relative to `flows_dir` in the image.
        flows_dir: Where the deployment runs from, in the image.
        build_args: The build's ``--build-arg`` values.
        ignore: Rules that the project allows everywhere.
    """

    context: Context | None = None
    workdirs: Mapping[str, str] = field(default_factory=dict)
    entrypoint: str | None = None
    flows_dir: str = "/opt/prefect/flows"
    build_args: Mapping[str, str] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rule:
    """A rule's place in the documentation: one line, and how much it usually weighs."""

    summary: str
    severity: Severity


RULES: Mapping[str, Rule] = {
    "relative-destination": Rule(
        "a COPY or ADD destination that is not absolute lands below the working directory", "error"
    ),
    "unresolved-destination": Rule(
        "a COPY or ADD destination begins with a variable that cannot be told", "warning"
    ),
    "flow-not-in-place": Rule(
        "the flow's file does not end up where the deployment looks for it", "error"
    ),
    "missing-source": Rule(
        "a COPY or ADD source is not in the build context, or left out of it", "error"
    ),
    "secret": Rule("a secret is about to enter the image", "error"),
    "code-before-dependencies": Rule(
        "dependencies are installed after the code was copied, so every edit reinstalls them",
        "warning",
    ),
    "relative-workdir": Rule(
        "a WORKDIR that is not absolute; an error when it may have meant another place", "warning"
    ),
    "entrypoint": Rule(
        "an ENTRYPOINT that does not run the command it is given, so that every run crashes",
        "error",
    ),
    "unpinned-base": Rule("a base image without a version", "warning"),
    "syntax": Rule("something that the builder would refuse", "error"),
    "unknown-rule": Rule("a comment allows a rule that does not exist", "warning"),
}
"""Every rule by name; ``[check] ignore`` and comments accept exactly these names."""


@dataclass(frozen=True)
class View:
    """One Dockerfile under examination."""

    text: str
    facts: Facts
    lines: Lines
    dockerfile: Dockerfile
    trace: Trace
    index: Index | None

    @classmethod
    def of(cls, text: str, facts: Facts) -> View:
        """Read `text`, and follow its variables and working directories."""
        dockerfile = parse(text)
        walked = trace(dockerfile, workdirs=facts.workdirs, build_args=facts.build_args)
        index = Index(facts.context) if facts.context is not None else None
        return cls(text, facts, Lines(text), dockerfile, walked, index)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was in the way while it was read."""
        return (*self.dockerfile.problems, *self.trace.problems)

    def instructions(self) -> Iterator[Step]:
        """Every instruction from the first FROM on, the FROMs as well."""
        for stage in self.trace.stages:
            _, step = beginning(stage)
            yield from [step] if step else []
            yield from (step for step in stage.steps if not step.replayed)

    def copies(self) -> Iterator[Step]:
        """Every COPY and ADD that names a destination."""
        for step in self.trace.steps:
            if step.instruction.keyword in {"COPY", "ADD"} and len(step.instruction.words) >= 2:
                yield step

    def finding(
        self,
        rule: str,
        place: tuple[int, int],
        message: str,
        help: str,
        *,
        severity: Severity | None = None,
        edit: Edit | None = None,
        step: Step | None = None,
    ) -> Iterator[Finding]:
        """The finding, unless the project or a comment allows the rule."""
        allowed = self.facts.ignore | (step.instruction.allowed if step else frozenset())
        if rule not in allowed:
            line, column, end_column = self.lines.place(*place)
            yield Finding(
                rule,
                severity or RULES[rule].severity,
                line,
                column,
                end_column,
                message,
                help,
                edit,
            )


def span(word: Word) -> tuple[int, int]:
    """The place to underline: in JSON form without the quotes."""
    return (word.start + 1, word.end - 1) if word.quoted else (word.start, word.end)


def unquoted(raw: str) -> str:
    """A word without the pair of quotes around it."""
    return raw[1:-1] if re.fullmatch(r"\"[^\"]*\"|'[^']*'", raw) else raw


def beginning(stage: Stage) -> tuple[tuple[int, int], Step | None]:
    """The stage's FROM: where something is missing, that is the only place to point at."""
    origin = stage.origin
    if origin is None:
        return (0, 0), None
    return (origin.start, origin.end), Step(origin, stage, {}, stage.workdir, "\\")
