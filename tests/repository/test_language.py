"""Plain English: phrases that keep coming back, and what to write instead.

The check reads messages, comments, docstrings, names and pages: every line of the source, the
scripts and the documentation, and the names of the tests. Underscores count as spaces, so
`judge_schedule` is found by `judge`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from support.paths import ROOT
from support.tracked import lines


class Phrase(NamedTuple):
    """A pattern, what to write instead, and a sample that the pattern must find."""

    pattern: str
    instead: str
    sample: str


NO = r"(?:is|are|was|were) no(?! (?:longer|more|fewer|less|better|worse|different|such)\b)(?= \w)"

PHRASES = [
    Phrase(
        r"(?<![-`\"])(?-i:cancell(?:ed|ing))\b(?![`\"])",
        "canceled, canceling; Prefect's states are Cancelled and Cancelling",
        "the run was cancelled",
    ),
    Phrase(r"\bin vain\b", "not found; without success", "would look for it in vain"),
    Phrase(r"\b(?:anew|afresh)\b", "again", "build every step anew"),
    Phrase(
        r"\bbeside\b",
        "next to (a place); as well as, in addition to; compared with",
        "a file beside yours",
    ),
    Phrase(r"\bjudg\w+\b(?! by)", "validate, check", "def judge_early():"),
    Phrase(r"\bmend(?:s|ed|ing)?\b", "fix", "mend the file"),
    Phrase(
        rf"(?<!here )\b{NO}",
        "is not a …, is not …: '\"25\" is not an hour (0-23)'",
        '"25" is no hour',
    ),
    Phrase(
        r"[\"'`|] ?(?-i:there) (?:is|are) no\b",
        "(at the start of a message) no … found; … not found; … does not exist",
        'ConfigError("there is no folder")',
    ),
    Phrase(
        r"\bpresent files\b|\bfiles as they are\b",
        "the current files",
        "the image of the present files",
    ),
    Phrase(r"\b(?:nobody|somebody)\b", "no one, someone, another …; or name who", "nobody reads"),
    Phrase(r"\bwho(?:so)?ever\b|\bwhomever\b", "anyone who, the caller, the user", "whoever asks"),
    Phrase(
        r"(?<!can )(?<!cannot )\b(?:told|tells?|telling)\b(?!\()",
        "reported, printed, shown; report, print, show, say; messages (a name)",
        "what is wrong is told",
    ),
    Phrase(r"\bput(?:s|ting)? (?:\w+ ){0,3}down\b", "create, record, write", "puts the runs down"),
    Phrase(
        r"\b(?:take|takes|taken|taking|took) over\b",
        "now owned by; replace; copy; take precedence",
        "was taken over",
    ),
    Phrase(r"\b(?:wrote|writes?|written|writing) over\b", "overwrite", "what it wrote over"),
    Phrase(
        r"\b(?:own|plain|few|network) words\b|\b(?:told|said|shown|schedules?) in words\b",
        "as text, in plain English; the registry's message",
        "told in plain words",
    ),
    Phrase(r"\bsecond opinions?\b", "hadolint; cross-check", "a second opinion"),
    Phrase(r"\bsecrecy\b", "redaction", "from flowship import secrecy"),
    Phrase(r"\baloud\b", "is a warning, is reported", "is said aloud"),
    Phrase(
        r"(?<!under)\b(?:stands|stood|(?<!to )stand)\b(?! (?:for|in for|by)\b)(?!-)",
        "is, is in, is written",
        "what stands in the file",
    ),
    Phrase(r"\blies\b|\bthat lie\b|\bmust lie\b|\bmay lie\b", "is in, is at, is below", "it lies"),
    Phrase(r"\bagain and again\b", "safe to repeat; repeatedly", "again and again"),
    Phrase(r"\bregistry agrees\b", "digest verified", "pushed; the registry agrees"),
    Phrase(r"\bcomplain", "no problems found; report", "nothing to complain about"),
    Phrase(r"\bscheduler schedules\b", "scheduler is running", "the scheduler schedules"),
    Phrase(r"\blets (?:nobody|no|it|them)\b", "does not allow, no permission", "lets no one in"),
    Phrase(r"\bsame moment\b", "at the same time; in progress", "at the same moment"),
    Phrase(
        r"(?<!who )(?<!user )(?<!you )\bwants\b",
        "needs, requires, expects; 'rejected the credentials'",
        "wants other credentials",
    ),
    Phrase(
        r"\bends? with (?:what|exit|code|the run|its outcome|an? error|its state)\b",
        "exits with …, prints …",
        "ends with what is known",
    ),
    Phrase(r"\bfaults? of its own\b|\bfaulty\b", "server error", "has a fault of its own"),
    Phrase(r"\bslips? of the pen\b", "typo", "a slip of the pen"),
    Phrase(
        r"\bpolitely\b|\bfor good\b",
        "SIGTERM, then SIGKILL; permanently",
        "ends it politely, then for good",
    ),
    Phrase(r"\bpatien(?:ce|tly)\b", "timeout, deadline, with retries", "PATIENCE = 120"),
    Phrase(r"\bseldom\b", "rarely", "seldom has accounts"),
    Phrase(
        r"\b(?:hence(?:forth)?|thereby|thereof|therein|wherein|hereby|herein|upon|ere|lest|shall"
        r"|hitherto|aught|oft|nought)\b",
        "so, by this, of it, in it, on, before, must",
        "upon which the server ends",
    ),
    Phrase(r"\b(?:is|are) said\b", "is reported", "is said to the user"),
    Phrase(r"\bmind (?:that|the)\b|\bheed", "note that", "mind that it is older"),
    Phrase(r"\basked twice\b|\bcosts? nothing\b", "(an aphorism) the reason itself", "asked twice"),
    Phrase(
        r"(?<!there )(?<!empty )\b(?-i:(?:is|are|was|were) none)\b",
        "is not one; is not valid",
        "an address that is none",
    ),
    Phrase(r"\bhangs? on\b", "depends on", "should not hang on another line"),
    Phrase(r"\b(?:puts?|putting) right\b", "fix, correct", "def _put_right():"),
    Phrase(r"\bsought\b", "looked up, wanted", "what is sought"),
    Phrase(r"\bverdicts?\b", "result", "the verdict"),
    Phrase(r"\bon trust\b", "unverified", "is taken on trust"),
    Phrase(r"\basleep\b|\bwakes?\b|\bwoken\b", "paused; resume", "pauses or wakes it"),
    Phrase(r"\banswers? for\b", "is for; responds", "must not answer for this one"),
    Phrase(r"\bbut for\b", "except (for)", "all but for the tests"),
    Phrase(r"\bstays? behind\b", "is excluded, is not sent", "what stays behind"),
    Phrase(r"\bthe very\b|\bthis very\b", "the same, exactly", "in the very file"),
    Phrase(r"\blikel?iest\b", "most likely", "the likeliest"),
    Phrase(
        r"\bwith what is known\b|\bknows? (?:nothing )?of\b",
        "is not aware of, has no",
        "the engine knows of no image",
    ),
    Phrase(r"\bborn\b", "created, comes from", "born from a fixed base"),
    Phrase(r"\bof the house\b|\bthe house'?s\b", "flowship's own", "the rules of the house"),
    Phrase(r"\bfor instance\b", "for example; such as", "for instance 512m"),
    Phrase(r"\b(?:is|are) not that\b(?=[\"'`]|$)", "is not valid", '"abc" is not that'),
    Phrase(r"\(any more\)", "has no upcoming runs", "never runs (any more)"),
    Phrase(r"\bended as\b", "ended in state", "the run ended as FAILED"),
    Phrase(
        r"\bserver answered\b|\bno container engine answers\b",
        "the server returned; is not responding; cannot connect to",
        "the server answered 404",
    ),
    Phrase(
        r"\bexclude each other\b", "cannot be combined", "--cron and --rrule exclude each other"
    ),
    Phrase(
        r"\b(?:recogni|organi|normali|initiali|seriali|containeri)s(?:e|es|ed|ing|ation)\b"
        r"|\blabelling\b",
        "American spelling: recognize, organization, labeling",
        "recognises secrets",
    ),
]

# Lines that may contain a phrase: the file, a part of the line, and why.
ALLOWED: list[tuple[str, str, str]] = [
    (
        "src/flowship/blocks.py",
        'description="',
        "a block schema's checksum covers its descriptions: new words would register a new schema",
    ),
]

CHECKED = re.compile(
    r"(?:src/flowship|scripts|benchmarks|templates|docs|\.ci)/|[A-Z]+\.md$|pyproject\.toml$"
)
NOT_TEXT = re.compile(r"\.(?:json|jsonl|svg|lock|csv)$")
NAME_OF_A_TEST = re.compile(r"^\s*def (test_\w+)")


def plain(line: str) -> str:
    """The line as words: names in snake_case and CamelCase are taken apart."""
    return re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", line.replace("_", " "))


def checked_lines() -> Iterator[tuple[str, str]]:
    for place, line in lines():
        path = place.rpartition(":")[0]
        if path.startswith("tests/"):
            found = NAME_OF_A_TEST.match(line)
            if found:
                yield place, plain(found[1])
        elif CHECKED.match(path) and not NOT_TEXT.search(path):
            yield place, plain(line)


LINES = list(checked_lines())


def allowed(place: str, line: str) -> bool:
    path = place.rpartition(":")[0]
    return any(path == file and part in line for file, part, _ in ALLOWED)


each_phrase = pytest.mark.parametrize(
    "phrase", PHRASES, ids=lambda phrase: "-".join(re.findall(r"\w+", phrase.sample))
)


@each_phrase
def test_a_phrase_that_is_not_plain_english_is_not_used(phrase):
    pattern = re.compile(phrase.pattern, re.IGNORECASE)
    found = [
        f"{place}: {line.strip()[:120]}"
        for place, line in LINES
        if pattern.search(line) and not allowed(place, line)
    ]
    assert found == [], f"instead write: {phrase.instead}"


@each_phrase
def test_the_pattern_finds_its_sample(phrase):
    assert re.search(phrase.pattern, plain(phrase.sample), re.IGNORECASE)


def test_normal_english_is_not_reported():
    text = [
        "there is no scheduler on this server, so it is no longer checked",
        "the pattern stands for any text, and you understand the standalone default",
        "mkdir --parents; apply safe fixes; the faulthandler; str.endswith('.py') ends with a dot",
        "if value is None or not value:",
        "the file is next to the Dockerfile",
    ]
    found = [(p.pattern, t) for p in PHRASES for t in text if re.search(p.pattern, plain(t), re.I)]
    assert found == []


def test_every_allowed_line_is_still_there():
    unused = [
        entry
        for entry in ALLOWED
        if not any(p.rpartition(":")[0] == entry[0] and entry[1] in line for p, line in LINES)
    ]
    assert unused == []


# --- commands in hints ---------------------------------------------------------------------------

CLI = (ROOT / "src/flowship/cli.py").read_text(encoding="utf-8")
OWN = sorted(set(re.findall(r'"([a-z]+(?:-[a-z]+)*)"', CLI)))
COMMAND = re.compile(
    rf"\b(?:flowship (?:{'|'.join(OWN)})|prefect (?:server|worker|work-pool|deployment|deploy"
    r"|flow-run|profile|config|version|cloud|block) [a-z-]+|docker (?:image|run|ps|logs|exec|login"
    r"|system|container|context|buildx|info|pull|kill|volume|network)|pip install)\b"
)
HINT = re.compile(r"hint|remedy", re.IGNORECASE)
WITH_A_HINT = ("error", "warning", "KnownFailure")
"""Functions and classes whose third argument is a hint."""


def texts(node: ast.expr) -> list[str]:
    """The texts that an expression may have, with … for what is filled in."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
        return ["".join(map(str, parts))]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = texts(node.left) or ["…"], texts(node.right) or ["…"]
        return [before + after for before in left for after in right]
    if isinstance(node, ast.IfExp):
        return texts(node.body) + texts(node.orelse)
    if isinstance(node, ast.Dict | ast.BoolOp):
        return [text for value in node.values for text in texts(value)]
    if isinstance(node, ast.Tuple):
        return [text for value in node.elts for text in texts(value)]
    return []


def hints_in(tree: ast.AST) -> Iterator[ast.expr]:
    """What is assigned or returned as a hint, or given as one."""
    for node in ast.walk(tree):
        names = [node.arg or ""] if isinstance(node, ast.keyword) else []
        names = (
            [ast.unparse(each) for each in node.targets] if isinstance(node, ast.Assign) else names
        )
        if isinstance(node, ast.keyword | ast.Assign) and HINT.search(" ".join(names)):
            yield node.value
        elif isinstance(node, ast.FunctionDef) and HINT.search(node.name):
            yield from (r.value for r in ast.walk(node) if isinstance(r, ast.Return) and r.value)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in WITH_A_HINT:
            yield from node.args[2:3]


def bare_commands(source: str) -> list[str]:
    """The hints in a module that contain a command outside of backticks."""
    found = (text for hint in hints_in(ast.parse(source)) for text in texts(hint))
    return [text for text in found if COMMAND.search(re.sub(r"`[^`]*`", "``", text))]


def test_a_command_in_a_hint_is_in_backticks():
    sources = sorted((ROOT / "src/flowship").rglob("*.py"))
    found = {
        str(path.relative_to(ROOT)): bare
        for path in sources
        if (bare := bare_commands(path.read_text(encoding="utf-8")))
    }
    assert found == {}, "write: run `flowship up`"


@pytest.mark.parametrize(
    "source",
    [
        'E("x", hint="run flowship up")',
        'E("x", hint=f"flowship up --port {port}" if free else "stop it")',
        'hints = {"--follow": "use docker logs NAME"}',
        'def fix_hint():\n    return "see `x`, then " + "prefect worker start"',
        'error("no worker", "No run starts.", "flowship up")',
        'KnownFailure("port", "in use", "flowship up --port PORT")',
    ],
)
def test_a_command_in_a_hint_without_backticks_is_found(source):
    assert bare_commands(source)


def test_a_command_in_backticks_and_a_sentence_about_a_program_are_not_found():
    source = (
        'E("x", hint=f"run `flowship up --port {port}`; flowship needs Prefect, and docker'
        ' images", where="flowship up")'
    )
    assert bare_commands(source) == []
