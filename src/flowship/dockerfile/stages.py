"""The stages of a Dockerfile: variables and working directory at each instruction.

`trace` walks a Dockerfile once, as a build would, and returns a `Step` for each instruction.
Nothing is run; what only the engine or a base image knows stays unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from flowship.dockerfile.bases import known_workdir
from flowship.dockerfile.builders import uses_buildkit
from flowship.dockerfile.instructions import Dockerfile, Instruction, Lines, Problem, Word
from flowship.dockerfile.parser import pairs, parse
from flowship.dockerfile.paths import is_absolute, join, join_written
from flowship.dockerfile.variables import Env, Value, expand

# Build arguments that the builder sets itself, so that their value is not in the file.
_PREDEFINED = frozenset(
    f"{side}{part}"
    for side in ("BUILD", "TARGET")
    for part in ("PLATFORM", "OS", "OSVERSION", "ARCH", "VARIANT", "STAGE")
)


# An image name as far as an empty variable can spoil it: "image:", ":1", "a//b", "python:-slim".
_IMAGE = re.compile(r"[^:@/-][^:@/]*(/[^:@/]+)*(:\d+(/[^:@/]+)+)?(:\w[^:@/]*)?(@[^@]+)?")


@dataclass(frozen=True)
class Workdir:
    """The working directory at one point of the file.

    Attributes:
        path: None if it is unknown.
        origin: What sets it, for messages: an instruction or the base image.
        written: The path with its variables as written, where they still have the same values;
            otherwise None.
    """

    path: str | None
    origin: str
    written: str | None = None

    def elsewhere(self) -> Workdir:
        """The same folder at a place where its variables may have other values."""
        return replace(self, written=None) if "$" in (self.written or "") else self


@dataclass
class Stage:
    """One ``FROM`` and what follows it.

    Attributes:
        base: The image it starts from, with variables expanded; None if it is unknown.
        parent: The stage of this file that it starts from, if any.
        steps: Its instructions in order; the ONBUILD instructions of its parent come first.
    """

    index: int
    name: str
    origin: Instruction | None
    base: str | None = None
    parent: Stage | None = None
    steps: list[Step] = field(default_factory=list)
    env: Env = field(default_factory=dict)
    workdir: Workdir = Workdir(None, "")
    triggers: list[Instruction] = field(default_factory=list)

    @property
    def lineage(self) -> tuple[Stage, ...]:
        """This stage and the stages it is built from, oldest first."""
        line = [self]
        while line[0].parent:
            line.insert(0, line[0].parent)
        return tuple(line)

    @cached_property
    def root(self) -> str | None:
        """The external image that the first stage of the lineage starts from."""
        stage = self
        while stage.parent:
            stage = stage.parent
        return stage.base

    @property
    def is_windows(self) -> bool:
        """Whether it is a Windows image, by the name of its base image."""
        return bool(re.search(r"windows|nanoserver", self.root or ""))


@dataclass(frozen=True)
class Step:
    """An instruction with its variables and working directory.

    Attributes:
        stored: Whether ONBUILD stores it for images that are built from this one.
        replayed: Whether it is an ONBUILD instruction of the parent stage, executed here.
    """

    instruction: Instruction
    stage: Stage
    env: Env
    workdir: Workdir
    escape: str
    stored: bool = False
    replayed: bool = False

    def expand(self, word: Word | str) -> Value:
        """Expand `word` with the variables that are set here."""
        return expand(word, self.env, self.escape, missing_is_empty=self.stage.root == "scratch")

    def is_absolute(self, value: Value) -> bool:
        """Whether an expanded path is absolute, as far as its known beginning shows."""
        return is_absolute(value.leading, windows=self.stage.is_windows)


@dataclass(frozen=True)
class Trace:
    """The stages of a Dockerfile.

    Attributes:
        arguments: The names set by ARG before the first FROM.
        buildkit: Whether it needs BuildKit; otherwise the classic builder builds it.
    """

    stages: tuple[Stage, ...]
    problems: tuple[Problem, ...]
    arguments: frozenset[str] = frozenset()
    buildkit: bool = False

    @property
    def steps(self) -> list[Step]:
        """Every instruction after a FROM once, including those that ONBUILD stores."""
        return [step for stage in self.stages for step in stage.steps if not step.replayed]

    @property
    def final_lineage(self) -> tuple[Stage, ...]:
        """The last stage and the stages it is built from: the content of the image."""
        return self.stages[-1].lineage if self.stages else ()

    def stage(self, reference: str) -> Stage | None:
        """The stage that ``--from=`` refers to, by name or by number."""
        for stage in reversed(self.stages):
            if stage.name == reference.lower() or str(stage.index) == reference:
                return stage
        return None


def trace(
    dockerfile: Dockerfile,
    *,
    workdirs: Mapping[str, str] | None = None,
    build_args: Mapping[str, str] | None = None,
    any_arguments: bool = False,
) -> Trace:
    """Follow variables and working directories through `dockerfile`.

    Args:
        dockerfile: The result of `flowship.dockerfile.parser.parse`.
        workdirs: Base image reference → its working directory, as reported by the engine.
        build_args: The ``--build-arg`` values of the build.
        any_arguments: Treat every ARG of a stage as unknown. What is known nevertheless is the
            same in every build.
    """
    walker = _Walker(dockerfile, workdirs or {}, build_args or {}, any_arguments=any_arguments)
    return walker.walk()


def base_images(text: str, build_args: Mapping[str, str] | None = None) -> list[str]:
    """The external images that the stages start from, each once, in order.

    Args:
        text: The Dockerfile.
        build_args: The ``--build-arg`` values, for a ``FROM`` with variables. An image whose name
            stays unresolved is left out, and so is ``scratch``.
    """
    stages = trace(parse(text), build_args=build_args).stages
    bases = [s.base for s in stages if s.parent is None and s.base and s.base != "scratch"]
    return list(dict.fromkeys(bases))


def final_base(text: str, build_args: Mapping[str, str] | None = None) -> str | None:
    """The external image that the last stage is built from; None if it is not known."""
    lineage = trace(parse(text), build_args=build_args).final_lineage
    return lineage[0].base if lineage else None


class _Walker:
    def __init__(
        self,
        dockerfile: Dockerfile,
        workdirs: Mapping[str, str],
        build_args: Mapping[str, str],
        *,
        any_arguments: bool,
    ) -> None:
        self.dockerfile = dockerfile
        self.any_arguments = any_arguments
        self.workdirs = workdirs
        self.build_args = build_args
        self.globals: dict[str, str | None] = dict.fromkeys(_PREDEFINED)
        self.stages: list[Stage] = []
        self.problems: list[Problem] = []

    def walk(self) -> Trace:
        for instruction in self.dockerfile.instructions:
            if instruction.keyword == "FROM":
                self._finish()
                self.stages.append(self._begin(instruction))
                self._replay(self.stages[-1])
            elif self.stages:
                self._execute(self.stages[-1], instruction)
            elif instruction.keyword == "ARG":
                self._global_arg(instruction)
            else:
                self._before_from(instruction)
        self._finish()
        if not self.stages:
            self.problems.append(Problem("no FROM instruction", 0, 0, "start with FROM IMAGE"))
        return Trace(
            tuple(self.stages),
            tuple(self.problems),
            frozenset(self.globals) - _PREDEFINED,
            uses_buildkit(self.dockerfile),
        )

    def _before_from(self, instruction: Instruction) -> None:
        if any(i.keyword == "FROM" for i in self.dockerfile.instructions):
            self.problems.append(
                Problem(
                    f"{instruction.keyword} is not allowed before the first FROM",
                    instruction.start,
                    instruction.end,
                    "move it below FROM; only ARG may come first",
                )
            )

    def _global_arg(self, instruction: Instruction) -> None:
        for name, raw, _, _ in pairs(instruction, self.dockerfile.escape):
            if name in self.build_args:
                self.globals[name] = self.build_args[name]
            elif raw is not None:
                value = expand(raw, self.globals, self.dockerfile.escape, missing_is_empty=True)
                self.globals[name] = value.variable

    def _begin(self, instruction: Instruction) -> Stage:
        words = instruction.words
        index = len(self.stages)
        name = words[2].raw.lower() if len(words) == 3 else ""
        if not words:
            return Stage(index, name, instruction)
        value = expand(words[0], self.globals, self.dockerfile.escape)
        self._require_image(words[0], value)
        base = value.text if value.known else None
        parent = self._named(base)
        if parent:
            return Stage(
                index,
                name,
                instruction,
                base,
                parent,
                env=parent.env,
                workdir=parent.workdir.elsewhere(),
            )
        workdir = self._base_workdir(base, words[0].raw)
        return Stage(index, name, instruction, base, workdir=workdir)

    def _require_image(self, word: Word, value: Value) -> None:
        """Record an image name that is invalid because a variable in it has no value."""
        escape = self.dockerfile.escape
        built = expand(word, self.globals, escape, missing_is_empty=True)
        if value.known or not built.known or _IMAGE.fullmatch(built.text):
            return
        name = value.unknown[0] if value.unknown else ""
        declared = [
            i
            for i in self.dockerfile.instructions[: self._index_of_from()]
            if name in {pair.name for pair in pairs(i, escape)}
        ]
        if declared:
            line = Lines(self.dockerfile.text).place(declared[0].start, declared[0].end)[0]
            reason = f"ARG {name} on line {line} has no value"
            advice = f'give it a default, "ARG {name}=…", or set {name} in build-args'
        else:
            reason = f"${name} is not set, because no ARG {name} is above the first FROM"
            advice = f'add "ARG {name}=…" above the first FROM'
        message = f'"{word.raw}" is not a valid image name: {reason}'
        self.problems.append(Problem(message, word.start, word.end, advice))

    def _index_of_from(self) -> int:
        keywords = [i.keyword for i in self.dockerfile.instructions]
        return keywords.index("FROM")

    def _named(self, name: str | None) -> Stage | None:
        if not name:
            return None
        return next((s for s in reversed(self.stages) if s.name == name.lower()), None)

    def _base_workdir(self, base: str | None, written: str) -> Workdir:
        if base is None:
            return Workdir(None, f"the base image {written}")
        if base in self.workdirs:
            path = self.workdirs[base] or "/"
            return Workdir(path, f"the base image {base}", path)
        return Workdir(known_workdir(base), f"the base image {base}", known_workdir(base))

    def _replay(self, stage: Stage) -> None:
        for instruction in stage.parent.triggers if stage.parent else ():
            self._apply(stage, instruction, replayed=True)

    def _execute(self, stage: Stage, instruction: Instruction) -> None:
        if instruction.trigger is not None:
            stage.triggers.append(replace(instruction.trigger, ignored=instruction.ignored))
        else:
            self._apply(stage, instruction)

    def _apply(self, stage: Stage, instruction: Instruction, *, replayed: bool = False) -> None:
        step = Step(
            instruction,
            stage,
            stage.env,
            stage.workdir,
            self.dockerfile.escape,
            replayed=replayed,
        )
        stage.steps.append(step)
        stage.env, stage.workdir = self._after(step)

    def _finish(self) -> None:
        """Add the ONBUILD instructions as steps: they run on top of the finished stage."""
        if not self.stages:
            return
        stage = self.stages[-1]
        env, workdir = stage.env, stage.workdir.elsewhere()
        for instruction in stage.triggers:
            step = Step(instruction, stage, env, workdir, self.dockerfile.escape, stored=True)
            stage.steps.append(step)
            env, workdir = self._after(step)

    def _after(self, step: Step) -> tuple[Env, Workdir]:
        """The variables and the working directory after `step`."""
        instruction = step.instruction
        if instruction.keyword == "ENV":
            return self._with_env(step), step.workdir.elsewhere()
        if instruction.keyword == "ARG":
            return self._with_args(step), step.workdir.elsewhere()
        if instruction.keyword == "WORKDIR" and instruction.words:
            return step.env, self._moved(step)
        return step.env, step.workdir

    def _with_env(self, step: Step) -> Env:
        env = dict(step.env)
        for name, raw, _, _ in pairs(step.instruction, step.escape):
            value = step.expand(raw or "")
            env[name] = value.variable
        return env

    def _with_args(self, step: Step) -> Env:
        env = dict(step.env)
        for name, raw, _, _ in pairs(step.instruction, step.escape):
            value: str | None
            if self.any_arguments:
                value = None
            elif name in self.build_args:
                value = self.build_args[name]
            elif raw is not None:
                value = step.expand(raw).variable
            elif name in self.globals:
                value = self.globals[name]
            else:
                continue
            # Builders disagree on whether an ARG overrides an earlier ENV of the same name.
            env[name] = value if env.get(name, value) == value else None
        return env

    def _moved(self, step: Step) -> Workdir:
        word = step.instruction.words[0]
        value = step.expand(word)
        origin = f"WORKDIR {word.raw}"
        plain = re.fullmatch(r"[\w./${}:+-]+", word.raw)
        if step.is_absolute(value):
            top = "\\" if step.stage.is_windows else "/"
            written = word.raw if plain else None
            return Workdir(join(top, value.text) if value.known else None, origin, written)
        if not value.known or step.workdir.path is None:
            return Workdir(None, origin if not value.known else step.workdir.origin)
        named = plain and not word.raw.startswith("$")
        written = join_written(step.workdir.written, word.raw) if named else None
        return Workdir(join(step.workdir.path, value.text), origin, written)
