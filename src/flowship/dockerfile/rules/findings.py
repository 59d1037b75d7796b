"""The input and the output of a rule: a `View` of the Dockerfile in, `Finding`s out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

from flowship.dockerfile.copies import Index
from flowship.dockerfile.instructions import Dockerfile, Lines, Problem, Word
from flowship.dockerfile.parser import parse
from flowship.dockerfile.stages import Stage, Step, Trace, trace

if TYPE_CHECKING:
    from flowship.project.context import Context


class Severity(str, Enum):
    """How serious a finding is."""

    ERROR = "error"
    WARNING = "warning"


class Linter(str, Enum):
    """The program that reported a finding."""

    FLOWSHIP = "flowship"
    HADOLINT = "hadolint"


@dataclass(frozen=True)
class Edit:
    """A replacement of the text between two character offsets."""

    start: int
    end: int
    replacement: str


@dataclass(frozen=True)
class Finding:
    """A problem, with its position and what to do about it.

    Attributes:
        rule: The name of the rule, as in comments and in the configuration.
        severity: Whether it is an error.
        line: Counted from 1.
        column: The first character of the affected text on its line, counted from 1.
        end_column: The column after the affected text, on the same line.
        message: What is wrong, and what would happen.
        help: What to do.
        edit: A safe fix, if there is one.
        source: The program that reported it.
    """

    rule: str
    severity: Severity
    line: int
    column: int
    end_column: int
    message: str
    help: str
    edit: Edit | None = None
    source: Linter = Linter.FLOWSHIP

    @property
    def is_blocking(self) -> bool:
        """Whether it stops a build: every error does, and hadolint's findings are warnings."""
        return self.severity is Severity.ERROR


@dataclass(frozen=True)
class Facts:
    """What the check knows besides the Dockerfile; every field is optional.

    Attributes:
        context: The files that would be sent to the engine.
        project_folder: The folder of the context that contains the project, for a rendered
            Dockerfile. Messages show paths as they are in the project.
        workdirs: Base image reference → its working directory, as reported by the engine.
        entrypoints: ``flows/taxi.py:etl``, relative to `flows_dir` in the image.
        flows_dir: The folder in the image that the deployment runs from.
        build_args: The ``--build-arg`` values.
        ignore: Rules that the project turns off.
        severities: Rule → the severity that the project sets for all its findings.
    """

    context: Context | None = None
    project_folder: str = ""
    workdirs: Mapping[str, str] = field(default_factory=dict)
    entrypoints: tuple[str, ...] = ()
    flows_dir: str = "/opt/prefect/flows"
    build_args: Mapping[str, str] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()
    severities: Mapping[str, Severity] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """What a rule finds, in one line, and its usual severity."""

    summary: str
    severity: Severity


RULES: Mapping[str, Rule] = {
    "relative-destination": Rule(
        "a COPY or ADD destination is relative; a warning if it begins with a dot, or a RUN"
        " installs from the file there, and the working directory is known",
        Severity.ERROR,
    ),
    "unresolved-destination": Rule(
        "a COPY or ADD destination starts with a variable of unknown value", Severity.WARNING
    ),
    "flow-not-in-place": Rule(
        "the flow's file is not where the deployment looks for it", Severity.ERROR
    ),
    "missing-source": Rule("a COPY or ADD source is missing in the build context", Severity.ERROR),
    "secret": Rule("a secret would be copied into the image", Severity.ERROR),
    "code-before-dependencies": Rule(
        "dependencies are installed after the code is copied, so every edit reinstalls them",
        Severity.WARNING,
    ),
    "relative-workdir": Rule(
        "a WORKDIR is relative; an error if another folder may be intended", Severity.WARNING
    ),
    "entrypoint": Rule(
        "the ENTRYPOINT does not run the command that it receives, so every run crashes",
        Severity.ERROR,
    ),
    "prefect-2-base": Rule("the base image has Prefect 2, which cannot run it", Severity.ERROR),
    "prefect-2-requirement": Rule(
        "Prefect 2, or an integration made for it, is installed", Severity.ERROR
    ),
    "lost-output": Rule("runs store results or files in their container", Severity.WARNING),
    "unpinned-base": Rule("a base image has no version", Severity.WARNING),
    "syntax": Rule("the builder would reject the instruction", Severity.ERROR),
    "unknown-rule": Rule("a comment ignores a rule that does not exist", Severity.WARNING),
}
"""Every rule by name; ``[check]`` and comments accept exactly these names."""


@dataclass(frozen=True)
class View:
    """One Dockerfile and everything a rule needs to check it."""

    text: str
    facts: Facts
    lines: Lines
    dockerfile: Dockerfile
    trace: Trace
    index: Index | None

    @classmethod
    def of(cls, text: str, facts: Facts) -> View:
        """Parse `text` and follow its variables and working directories."""
        dockerfile = parse(text)
        traced = trace(dockerfile, workdirs=facts.workdirs, build_args=facts.build_args)
        index = Index(facts.context) if facts.context is not None else None
        return cls(text, facts, Lines(text), dockerfile, traced, index)

    @cached_property
    def _settled(self) -> Mapping[tuple[int, int], str | None]:
        """The working directory at each instruction, unless a build argument moves it."""
        same = trace(self.dockerfile, workdirs=self.facts.workdirs, any_arguments=True)
        return {(s.stage.index, s.instruction.start): s.workdir.path for s in same.steps}

    def written_workdir(self, step: Step) -> str | None:
        """The working directory at `step` as a fix may write it.

        Its path, or, where a build argument moves it, the path with its variables. None if it is
        unknown, or if the variables are not set here.
        """
        place = (step.stage.index, step.instruction.start)
        settled = step.workdir.path is not None and self._settled.get(place) == step.workdir.path
        path = step.workdir.path or ""
        return path if settled and "$" not in path else step.workdir.written

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What the builder would reject while it reads the file."""
        return (*self.dockerfile.problems, *self.trace.problems)

    def instructions(self) -> Iterator[Step]:
        """Every instruction from the first FROM on, including each FROM."""
        for stage in self.trace.stages:
            step = from_step(stage)
            yield from [step] if step else []
            yield from (step for step in stage.steps if not step.replayed)

    def copies(self) -> Iterator[Step]:
        """Every COPY and ADD with a destination."""
        for step in self.trace.steps:
            if step.instruction.keyword in {"COPY", "ADD"} and len(step.instruction.words) >= 2:
                yield step

    def in_project(self, path: str) -> str:
        """A path of the context as the user knows it: relative to the project folder."""
        folder = self.facts.project_folder
        return path.removeprefix(f"{folder}/") if folder else path

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
        """The finding, unless the project or a comment turns the rule off."""
        ignored = self.facts.ignore | (step.instruction.ignored if step else frozenset())
        if rule not in ignored:
            line, column, end_column = self.lines.place(*place)
            yield Finding(
                rule,
                self.facts.severities.get(rule) or severity or RULES[rule].severity,
                line,
                column,
                end_column,
                message,
                help,
                edit,
            )


def span(word: Word) -> tuple[int, int]:
    """The text to underline: a JSON string without its quotes."""
    return (word.start + 1, word.end - 1) if word.quoted else (word.start, word.end)


def unquoted(raw: str) -> str:
    """A word without the quotes around it."""
    return raw[1:-1] if re.fullmatch(r"\"[^\"]*\"|'[^']*'", raw) else raw


def from_place(stage: Stage) -> tuple[int, int]:
    """The position of the stage's FROM, where something missing is reported."""
    return (stage.origin.start, stage.origin.end) if stage.origin else (0, 0)


def from_step(stage: Stage) -> Step | None:
    """The stage's FROM as a step."""
    origin = stage.origin
    return Step(origin, stage, {}, stage.workdir, "\\") if origin else None
