"""What holds at each instruction of a Dockerfile: its stage, its variables, its working directory.

`trace` walks a Dockerfile once, as a build would, and yields a `Step` for each instruction.
Nothing is run; what only the engine or a base image knows is said to be unknown.
"""

from __future__ import annotations

import ntpath
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from flowship.dockerfile.builders import uses_buildkit
from flowship.dockerfile.instructions import Dockerfile, Instruction, Problem, Word, pairs

# Build arguments that the builder sets itself, so that their value is not in the file.
_PREDEFINED = frozenset(
    f"{side}{part}"
    for side in ("BUILD", "TARGET")
    for part in ("PLATFORM", "OS", "OSVERSION", "ARCH", "VARIANT", "STAGE")
)

# Beyond this, a value is called unknown: text like `ENV A=$A$A` doubles with every line.
_LONGEST_VALUE = 65_536
_DEEPEST_NESTING = 32

# Images known to work in /opt/prefect (also below a mirror's host and path).
_PREFECT_BASES = ("prefecthq/prefect", "flowship/base")
PREFECT_WORKDIR = "/opt/prefect"

Env = Mapping[str, "str | None"]
"""Variables by name. None: set, but to what cannot be told."""


# --- variables -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Value:
    """A word after its variables were replaced.

    Attributes:
        text: The result, with what could not be resolved left as it was written.
        leading: The part of `text` before the first unresolved variable.
        unknown: The names of the variables that could not be resolved.
        fault: Why the builder would refuse the word, or "".
        simple: Whether no variable took part.
    """

    text: str
    leading: str = ""
    unknown: tuple[str, ...] = ()
    fault: str = ""
    simple: bool = True

    @property
    def known(self) -> bool:
        """Whether everything in it was resolved."""
        return not self.unknown and not self.fault

    @property
    def variable(self) -> str | None:
        """The text as a variable keeps it; None when it cannot be told."""
        return self.text if self.known and len(self.text) <= _LONGEST_VALUE else None


class _Expander:
    """The builder's own small shell (buildkit's `shell.Lex`), where unknown stays unknown."""

    def __init__(self, word: str, env: Env, escape: str, *, missing_is_empty: bool) -> None:
        self.word = word
        self.env = env
        self.escape = escape
        self.missing_is_empty = missing_is_empty
        self.at = 0
        self.fault = ""
        self.variables = 0
        self.depth = 0

    def expand(self) -> Value:
        pieces = self._until("")
        text = "".join(piece for piece, _ in pieces)
        leading = ""
        for piece, name in pieces:
            if name:
                break
            leading += piece
        unknown = tuple(dict.fromkeys(name for _, name in pieces if name))
        return Value(text, leading, unknown, self.fault, simple=not self.variables)

    def _until(self, stop: str) -> list[tuple[str, str]]:
        """(text, "") for what is known, (as written, variable) for what is not."""
        pieces: list[tuple[str, str]] = []
        while self.at < len(self.word):
            char = self.word[self.at]
            if stop and char == stop:
                self.at += 1
                return pieces
            if char == "'":
                pieces.append((self._single(), ""))
            elif char == '"':
                pieces += self._double()
            elif char == "$":
                pieces += self._dollar()
            elif char == self.escape:
                pieces.append((self.word[self.at + 1 : self.at + 2], ""))
                self.at += 2
            else:
                pieces.append((char, ""))
                self.at += 1
        if stop:
            self.fault = self.fault or 'a "${" is not closed'
        return pieces

    def _single(self) -> str:
        end = self.word.find("'", self.at + 1)
        if end < 0:
            self.fault = self.fault or "a single quote is not closed"
            end = len(self.word)
        text = self.word[self.at + 1 : end]
        self.at = end + 1
        return text

    def _double(self) -> list[tuple[str, str]]:
        pieces: list[tuple[str, str]] = []
        self.at += 1
        while self.at < len(self.word):
            char = self.word[self.at]
            if char == '"':
                self.at += 1
                return pieces
            if char == "$":
                pieces += self._dollar()
                continue
            if char == self.escape and self.word[self.at + 1 : self.at + 2] in {
                '"',
                "$",
                self.escape,
            }:
                self.at += 1
                char = self.word[self.at]
            pieces.append((char, ""))
            self.at += 1
        self.fault = self.fault or "a double quote is not closed"
        return pieces

    def _dollar(self) -> list[tuple[str, str]]:
        start = self.at
        self.at += 1
        if self.word[self.at : self.at + 1] == "{":
            self.at += 1
            return self._braced(start)
        found = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|\d+|[@*#?!-]").match(self.word, self.at)
        if not found:
            return [("$", "")]
        self.at = found.end()
        return self._plain(found[0], start)

    def _plain(self, name: str, start: int) -> list[tuple[str, str]]:
        self.variables += 1
        value = self.env.get(name)
        if value is not None:
            return [(value, "")]
        if name not in self.env and self.missing_is_empty:
            return []
        return [(self.word[start : self.at], name)]

    def _braced(self, start: int) -> list[tuple[str, str]]:
        found = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|\d+|[@*#?!$-]").match(self.word, self.at)
        if not found:
            self.fault = self.fault or 'a "${" names no variable'
            self.at = len(self.word)
            return []
        name = found[0]
        self.at = found.end()
        operator = re.compile(r"\}|:?[-+?]").match(self.word, self.at)
        if not operator:  # a pattern: ${X#a}, ${X%b}, ${X/a/b}
            self.variables += 1
            self._nested()
            return [(self.word[start : self.at], name)]
        self.at = operator.end()
        if operator[0] == "}":
            return self._plain(name, start)
        self.variables += 1
        alternative = self._nested()
        return self._modified(name, operator[0], alternative, self.word[start : self.at])

    def _nested(self) -> list[tuple[str, str]]:
        self.depth += 1
        if self.depth > _DEEPEST_NESTING:
            self.fault = self.fault or "variables are nested too deeply"
            self.at = len(self.word)
            return []
        pieces = self._until("}")
        self.depth -= 1
        return pieces

    def _modified(
        self, name: str, operator: str, alternative: list[tuple[str, str]], written: str
    ) -> list[tuple[str, str]]:
        if name in self.env and self.env[name] is None:
            return [(written, name)]
        value = self.env.get(name)
        given = value is not None and (bool(value) or ":" not in operator)
        kind = operator[-1]
        if kind == "+":
            return alternative if given else []
        if given:
            return [(value or "", "")]
        return alternative if kind == "-" else [(written, name)]


def expand(word: Word | str, env: Env, escape: str, *, missing_is_empty: bool = False) -> Value:
    """Replace the variables in `word`.

    Args:
        word: As written, quotes included.
        env: The variables that hold there.
        escape: The escape character of the file.
        missing_is_empty: Whether a variable that the file never sets is surely empty
            (from scratch), and not perhaps set by the base image.
    """
    raw = word if isinstance(word, str) else word.raw
    return _Expander(raw, env, escape, missing_is_empty=missing_is_empty).expand()


# --- paths -----------------------------------------------------------------------------------


def is_absolute(path: str, *, windows: bool = False) -> bool:
    """Whether a path stands on its own: ``/x``.

    Only in a Windows image ``C:\\x``, ``C:/x`` and ``\\x`` do; elsewhere they are odd names.
    """
    return path.startswith("/") or (windows and bool(re.match(r"[A-Za-z]:[\\/]|\\", path)))


def join(workdir: str, path: str) -> str:
    """Where `path` is, seen from `workdir`: with a slash behind it where it surely is a folder.

    That is what is written so, and the working directory and those above it, which are there. The
    builder cleans ``flows/.`` to ``flows``, and a file that is copied there becomes it.
    """
    windows = not workdir.startswith("/")
    if is_absolute(path, windows=windows):
        return path
    if windows:
        joined = ntpath.normpath(ntpath.join(workdir, path))
        return joined + ("\\" if path.endswith(("/", "\\")) else "")
    joined = clean(posixpath.join(workdir, path))
    folder = path.endswith("/") or is_within(clean(workdir), joined)
    return joined if joined == "/" or not folder else joined + "/"


def clean(path: str) -> str:
    """A path from the root, without ``.``, ``..``, doubled slashes and one at the end."""
    return "/" + posixpath.normpath(path).lstrip("/")


def is_within(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or lies below it; everything lies below ""."""
    return not folder or path == folder or path.startswith(folder.rstrip("/") + "/")


# --- stages ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Workdir:
    """The working directory at some point: its path, None when it cannot be told, and why."""

    path: str | None
    origin: str


@dataclass
class Stage:
    """One ``FROM`` and what follows it.

    Attributes:
        base: The image it starts from, resolved; None when that cannot be told.
        parent: The stage of this file that it starts from, if any.
        steps: Its instructions in order, those that ONBUILD triggers of its parent add first.
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
        """This stage and those it is built from, the oldest first."""
        line = [self]
        while line[0].parent:
            line.insert(0, line[0].parent)
        return tuple(line)

    @cached_property
    def root(self) -> str | None:
        """The external image at the bottom of it all."""
        stage = self
        while stage.parent:
            stage = stage.parent
        return stage.base

    @property
    def is_windows(self) -> bool:
        """Whether it is a Windows image, as the names of their bases tell."""
        return bool(re.search(r"windows|nanoserver", self.root or ""))


@dataclass(frozen=True)
class Step:
    """An instruction with what holds when it is carried out.

    Attributes:
        stored: Whether it waits in an ONBUILD for an image built on this one.
        replayed: Whether it is the parent stage's ONBUILD, carried out here.
    """

    instruction: Instruction
    stage: Stage
    env: Env
    workdir: Workdir
    escape: str
    stored: bool = False
    replayed: bool = False

    def expand(self, word: Word | str) -> Value:
        """`word` with its variables replaced as they stand here."""
        return expand(word, self.env, self.escape, missing_is_empty=self.stage.root == "scratch")

    def is_absolute(self, value: Value) -> bool:
        """Whether a path that was expanded here stands on its own, as far as it can be told."""
        return is_absolute(value.leading, windows=self.stage.is_windows)


@dataclass(frozen=True)
class Trace:
    """A Dockerfile, walked.

    Attributes:
        arguments: The names that an ARG before the first FROM sets.
        buildkit: Whether BuildKit builds it, and not the classic builder.
    """

    stages: tuple[Stage, ...]
    problems: tuple[Problem, ...]
    arguments: frozenset[str] = frozenset()
    buildkit: bool = False

    @property
    def steps(self) -> list[Step]:
        """Every instruction behind a FROM once, ONBUILD's stored ones included."""
        return [step for stage in self.stages for step in stage.steps if not step.replayed]

    @property
    def final_lineage(self) -> tuple[Stage, ...]:
        """The last stage and those it is built from: what the image consists of."""
        return self.stages[-1].lineage if self.stages else ()

    def stage(self, reference: str) -> Stage | None:
        """The stage a ``--from=`` names, by name or by number."""
        for stage in reversed(self.stages):
            if stage.name == reference.lower() or str(stage.index) == reference:
                return stage
        return None


def is_prefect_base(image: str | None) -> bool:
    """Whether `image` is one of the known Prefect bases, on whatever registry."""
    if image is None:
        return False
    repository = repository_of(image)
    return any(repository == base or repository.endswith(f"/{base}") for base in _PREFECT_BASES)


def repository_of(image: str) -> str:
    """A reference without tag and digest: ``host:5000/a/b:tag@sha256:…`` → ``host:5000/a/b``."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return head + slash + last.partition(":")[0]


def trace(
    dockerfile: Dockerfile,
    *,
    workdirs: Mapping[str, str] | None = None,
    build_args: Mapping[str, str] | None = None,
) -> Trace:
    """Walk `dockerfile` from top to bottom.

    Args:
        dockerfile: As `flowship.dockerfile.instructions.parse` read it.
        workdirs: Base image reference → its working directory, where the engine told it.
        build_args: The ``--build-arg`` values of the build.
    """
    return _Walker(dockerfile, workdirs or {}, build_args or {}).walk()


class _Walker:
    def __init__(
        self, dockerfile: Dockerfile, workdirs: Mapping[str, str], build_args: Mapping[str, str]
    ) -> None:
        self.dockerfile = dockerfile
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
                self._carry_out(self.stages[-1], instruction)
            elif instruction.keyword == "ARG":
                self._global_arg(instruction)
            else:
                self._before_from(instruction)
        self._finish()
        if not self.stages:
            self.problems.append(
                Problem("there is no FROM, so there is no image to build", 0, 0, "begin with FROM")
            )
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
                    f"{instruction.keyword} stands before the first FROM",
                    instruction.start,
                    instruction.end,
                    "only ARG may; move it below FROM",
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
        base = value.text if value.known else None
        parent = self._named(base)
        if parent:
            return Stage(
                index, name, instruction, base, parent, env=parent.env, workdir=parent.workdir
            )
        workdir = self._base_workdir(base, words[0].raw)
        return Stage(index, name, instruction, base, workdir=workdir)

    def _named(self, name: str | None) -> Stage | None:
        if not name:
            return None
        return next((s for s in reversed(self.stages) if s.name == name.lower()), None)

    def _base_workdir(self, base: str | None, written: str) -> Workdir:
        if base is None:
            return Workdir(None, f"the base image {written}")
        if base in self.workdirs:
            return Workdir(self.workdirs[base] or "/", f"the base image {base}")
        if base == "scratch":
            return Workdir("/", "an empty image")
        if is_prefect_base(base):
            return Workdir(PREFECT_WORKDIR, f"the base image {base}")
        return Workdir(None, f"the base image {base}")

    def _replay(self, stage: Stage) -> None:
        for instruction in stage.parent.triggers if stage.parent else ():
            self._apply(stage, instruction, replayed=True)

    def _carry_out(self, stage: Stage, instruction: Instruction) -> None:
        if instruction.trigger is not None:
            stage.triggers.append(replace(instruction.trigger, allowed=instruction.allowed))
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
        """What ONBUILD stored runs on top of the finished stage, without its build arguments."""
        if not self.stages:
            return
        stage = self.stages[-1]
        env, workdir = stage.env, stage.workdir
        for instruction in stage.triggers:
            step = Step(instruction, stage, env, workdir, self.dockerfile.escape, stored=True)
            stage.steps.append(step)
            env, workdir = self._after(step)

    def _after(self, step: Step) -> tuple[Env, Workdir]:
        """Variables and working directory behind `step`."""
        instruction = step.instruction
        if instruction.keyword == "ENV":
            return self._with_env(step), step.workdir
        if instruction.keyword == "ARG":
            return self._with_args(step), step.workdir
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
            if name in self.build_args:
                value = self.build_args[name]
            elif raw is not None:
                value = step.expand(raw).variable
            elif name in self.globals:
                value = self.globals[name]
            else:
                continue
            # Builders differ on whether an ARG behind an ENV of the same name hides it.
            env[name] = value if env.get(name, value) == value else None
        return env

    def _moved(self, step: Step) -> Workdir:
        word = step.instruction.words[0]
        value = step.expand(word)
        origin = f"WORKDIR {word.raw}"
        if step.is_absolute(value):
            top = "\\" if step.stage.is_windows else "/"
            return Workdir(join(top, value.text) if value.known else None, origin)
        if not value.known or step.workdir.path is None:
            return Workdir(None, origin if not value.known else step.workdir.origin)
        return Workdir(join(step.workdir.path, value.text), origin)
