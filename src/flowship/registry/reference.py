"""Names of images and of registries: docker's grammar, and errors that say what is wrong.

Pure: takes text, and returns a valid `Reference` or raises an error with the place and a
suggestion.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from flowship.errors import UsageError

DOCKER_HUB = "docker.io"
DOCKER_HUB_KEY = "https://index.docker.io/v1/"
"""What docker's configuration and its credential helpers call Docker Hub."""

# https://github.com/distribution/reference/blob/main/reference.go, with its rule for the
# implied registry from normalize.go. There is one difference: newer versions read "User/repo"
# as repository "repo" at a host "User", older engines refuse it, and the person who typed it
# meant a lowercase user; so flowship refuses it.
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REGISTRY = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
DIGEST = r"sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}"
_REST = re.compile(rf"(?P<path>{_PATH})(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{DIGEST}))?")
_IMAGE_ID = re.compile(r"[a-f0-9]{64}")
_LONGEST_NAME = 255  # registry, slash and path together


@dataclass(frozen=True)
class Reference:
    """A valid name of an image: ``[registry/]path[:tag][@digest]``.

    Attributes:
        registry: The host with its port; ``docker.io`` if the text names none.
        path: The repository at that registry; ``library/x`` for Docker Hub's own images.
        tag: As given, None if there is none.
        digest: ``sha256:…``, None if there is none.
        place: Where a file of the project names it; empty if the user does, with an option or a
            variable. A downloaded folder must not choose where secrets go.
    """

    registry: str
    path: str
    tag: str | None = None
    digest: str | None = None
    place: str = field(default="", compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Parse `text` as docker does.

        Raises:
            UsageError: It is not a reference; says where, why, and what was probably meant.
        """
        found = _match(text)
        if found is None:
            raise _not_a_reference(text)
        return found

    @property
    def repository(self) -> str:
        """The name without tag and digest, in its short form: ``user/de-repo``."""
        if self.registry != DOCKER_HUB:
            return f"{self.registry}/{self.path}"
        short = self.path.removeprefix("library/")
        short = self.path if "/" in short else short
        # A first part that looks like a host would be read as one.
        host, rest = _split_registry(short)
        return (
            short
            if (host, rest) == (None, short) and not _IMAGE_ID.fullmatch(short)
            else (f"{DOCKER_HUB}/{self.path}")
        )

    def with_tag(self, tag: str | None) -> Reference:
        """The same image under another tag."""
        return replace(Reference.parse(str(replace(self, tag=tag))), place=self.place)

    def with_digest(self, digest: str | None) -> Reference:
        """The same image pinned to `digest` (or no longer pinned)."""
        return replace(Reference.parse(str(replace(self, digest=digest))), place=self.place)

    def __str__(self) -> str:
        tag = "" if self.tag is None else f":{self.tag}"
        digest = "" if self.digest is None else f"@{self.digest}"
        return f"{self.repository}{tag}{digest}"


def push_target(text: str) -> Reference:
    """The reference that ``--repo`` asks to push to.

    Raises:
        UsageError: Not a reference, one with a digest (the registry computes that), or the
            address of a web page.
    """
    reference = Reference.parse(text)
    if _is_host_alone(text):
        raise UsageError(
            f'"{text}" is a registry without a repository',
            code="invalid-image-reference",
            hint=f'add the repository: "{text}/user/de-repo"',
            where="--repo",
        )
    if reference.digest:
        raise UsageError(
            f'"{_shown(text)}" has a digest, which a push cannot set',
            code="invalid-image-reference",
            hint=f'remove it: "{replace(reference, digest=None)}"',
            where="--repo",
        )
    if reference.registry.lower() in {"hub.docker.com", "www.docker.com"}:
        raise UsageError(
            f"{reference.registry} is Docker Hub's website, not its registry",
            code="invalid-image-reference",
            hint=f'did you mean "{_repair(text)}"?',
            where="--repo",
        )
    return reference


def _is_host_alone(text: str) -> bool:
    """Whether `text` is only a host, which docker reads as one of Docker Hub's own images."""
    if re.fullmatch(r"localhost(:\d+)?|\d+(\.\d+){3}(:\d+)?", text):
        return True
    if "/" in text:
        return False
    host, _, port = text.partition(":")
    dots = host.count(".")
    ends = dots > 1 or host.endswith((".io", ".com", ".org", ".net", ".dev"))  # ghcr.io
    return bool(dots and ends and not text.endswith(":") and (not port or port.isdigit()))


def registry_host(text: str | None) -> str:
    """The registry that ``flowship login [REGISTRY]`` means; Docker Hub if nothing is given.

    Accepts what people paste: ``https://ghcr.io/``, ``ghcr.io/user``, the old Docker Hub URL.

    Raises:
        UsageError: It is not a host name.
    """
    host = re.sub(r"^[a-zA-Z][\w+.-]*://", "", (text or "").strip()).split("/", 1)[0]
    if host.lower() in {"", DOCKER_HUB, "index.docker.io", "registry-1.docker.io"} | _HUB_SITES:
        return DOCKER_HUB
    if not re.fullmatch(_REGISTRY, host):
        raise UsageError(
            f'"{_shown(text or "")}" is not a registry',
            code="invalid-registry",
            hint='a registry is a host, with a port if it needs one: "ghcr.io"',
            where="REGISTRY",
        )
    return host


def is_loopback(registry: str) -> bool:
    """Whether a registry's host is this machine, where docker accepts plain HTTP."""
    return re.fullmatch(r"(localhost|127(\.\d+){3}|\[::1\])(:\d+)?", registry) is not None


def server_address(registry: str) -> str:
    """The key of `registry` in docker's configuration, helpers, and the engine's login."""
    return DOCKER_HUB_KEY if registry == DOCKER_HUB else registry


_HUB_SITES = {"hub.docker.com", "www.docker.com", "docker.com"}


def _match(text: str) -> Reference | None:
    if _IMAGE_ID.fullmatch(text):
        return None
    host, rest = _split_registry(text)
    found = _REST.fullmatch(rest)
    if found is None or (host is not None and not re.fullmatch(_REGISTRY, host)):
        return None
    registry, path = host or DOCKER_HUB, found["path"]
    if registry == "index.docker.io":
        registry = DOCKER_HUB
    if registry == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    if len(f"{registry}/{path}") > _LONGEST_NAME:
        return None
    return Reference(registry, path, found["tag"], found["digest"])


def _split_registry(text: str) -> tuple[str | None, str]:
    """The host at the start of `text`, if its first part can only be a host, and the rest."""
    first, slash, rest = text.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return None, text


def _shown(text: str, longest: int = 100) -> str:
    text = text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _not_a_reference(text: str) -> UsageError:
    position, why = _diagnose(text)
    meant = _repair(text)
    hint = f'did you mean "{meant}"?' if meant else "a reference is [registry/]user/name[:tag]"
    caret = ""
    if text and text.isprintable() and len(text) <= 160:
        caret = f"{text}\n{' ' * position}^"
    return UsageError(
        f'"{_shown(text)}" is not an image reference: {why}',
        code="invalid-image-reference",
        hint=hint,
        where=f"character {position + 1}",
        details=caret,
    )


def _diagnose(text: str) -> tuple[int, str]:
    """The position (from 0) at which `text` stops being a reference, and why."""
    general = _diagnose_whole(text)
    if general:
        return general
    name, at, digest = text.partition("@")
    if at and not re.fullmatch(DIGEST, digest):
        return len(name) + 1, "a digest is sha256: and 64 lowercase hexadecimal digits"
    host, rest = _split_registry(name)
    if host is not None and not re.fullmatch(_REGISTRY, host):
        misfit = _first_misfit(host, r"[a-zA-Z0-9.:-]")
        return misfit if misfit < len(host) else 0, f'"{_shown(host)}" is not a registry'
    start = len(name) - len(rest)
    path, colon, tag = rest.partition(":")
    bad = _diagnose_path(path, start)
    if bad:
        return bad
    if colon:
        bad = _diagnose_tag(tag, start + len(path) + 1)
        if bad:
            return bad
    longest = f"a name has at most {_LONGEST_NAME} characters, registry included"
    return min(len(text), _LONGEST_NAME), f"{longest}; this one has {len(name)}"


def _diagnose_whole(text: str) -> tuple[int, str] | None:
    if not text:
        return 0, "it is empty"
    if space := re.search(r"\s", text):
        return space.start(), "it contains a space"
    if scheme := re.match(r"[a-zA-Z][\w+.-]*://", text):
        return 0, f'a reference does not start with "{scheme[0]}"'
    if _IMAGE_ID.fullmatch(text):
        return 0, "it is an image ID, which registries do not accept"
    return None


def _diagnose_path(path: str, start: int) -> tuple[int, str] | None:
    if not path:
        return start, "the repository is missing"
    if re.fullmatch(_PATH, path):
        return None
    empty = re.search(r"^/|//|/$", path)
    if empty:
        return start + empty.end() - 1, "a part between slashes is empty"
    if upper := re.search(r"[A-Z]", path):
        return start + upper.start(), "a repository name is lowercase"
    if strange := re.search(r"[^a-z0-9._/-]", path):
        return start + strange.start(), f'"{_shown(strange[0])}" is not allowed in a repository'
    edge = re.search(r"(?:^|/)([._-])|([._-])(?=/|$)", path)
    if edge:
        at = edge.start(1) if edge[1] else edge.start(2)
        return start + at, f'a part starts and ends with a letter or digit, not "{path[at]}"'
    row = re.search(r"[._-]*[._][._-]+|-+[._][._-]*", re.sub(r"(?<![._-])__(?![._-])", "aa", path))
    at = row.start() if row else 0
    return start + at, 'letters may be separated by ".", "_", "__" or dashes, but not by a mixture'


def _diagnose_tag(tag: str, start: int) -> tuple[int, str] | None:
    if re.fullmatch(_TAG, tag):
        return None
    if not tag:
        return start - 1, 'the tag after the ":" is missing'
    if tag[0] in ".-":
        return start, f'a tag cannot start with "{tag[0]}"'
    at = _first_misfit(tag, r"[A-Za-z0-9_.-]")
    if at < len(tag):
        return start + at, f'"{_shown(tag[at])}" is not allowed in a tag'
    return start + 128, f"a tag has at most 128 characters; this one has {len(tag)}"


def _first_misfit(text: str, allowed: str) -> int:
    found = re.match(f"{allowed}*", text, re.ASCII)
    return found.end() if found else 0


def _repair(text: str) -> str:
    """The reference that `text` was probably meant to be; empty if there is no good guess."""
    if not text.isascii():
        return ""  # without those letters it would be a different name
    bare = re.sub(r"^\s*[a-zA-Z][\w+.-]*://", "", text).strip().strip("/")
    bare = re.sub(r"^(?:www\.|hub\.)?docker\.com/(?:r/|_/|repository/docker/)?", "", bare)
    name, at, digest = bare.partition("@")
    host, rest = _split_registry(name)
    path, _, tag = rest.partition(":")
    path = re.sub(r"[^a-z0-9._/-]+", "-", path.lower(), flags=re.ASCII)
    path = re.sub(r"[._-]*(/)[._/-]*", r"\1", path).strip("._-/")
    path = re.sub(r"([._-])[._]+-*|-+[._]+-*", r"\1", path) if "__" not in path else path
    tag = re.sub(r"[^\w.-]+", "-", tag, flags=re.ASCII).lstrip(".-")[:128].rstrip("-")
    meant = (f"{host}/" if host else "") + path + (f":{tag}" if tag else "") + at + digest
    if _is_host_alone(meant):
        meant += "/user/de-repo"
    return meant if meant != text and _match(meant) else ""
