"""What commands ask for: credentials, secrets and a yes; from options, stdin or a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from flowship.errors import UsageError

if TYPE_CHECKING:
    from pydantic import SecretStr


def ask_credentials(username: str | None, *, from_stdin: bool) -> tuple[str, SecretStr]:
    """The user name and the password; what is missing is asked for on a terminal.

    Raises:
        UsageError: Something is missing and there is no terminal to ask on.
    """
    import getpass

    from pydantic import SecretStr

    terminal = sys.stdin is not None and sys.stdin.isatty()  # `<&-` leaves no stdin at all
    if not username and (from_stdin or not terminal):
        raise UsageError(
            "no user name given",
            code="missing-credentials",
            hint="add --username",
            where="--username",
        )
    if not from_stdin and not terminal:
        raise UsageError(
            "cannot ask for the password without a terminal",
            code="no-terminal",
            hint="pipe it in: `flowship login --username NAME --password-stdin < token`",
            where="--password-stdin",
        )
    try:
        if not username:
            sys.stderr.write("username: ")
            sys.stderr.flush()
            username = sys.stdin.readline().strip()
        secret = _read_password() if from_stdin else getpass.getpass("password: ")
    except EOFError:  # Ctrl-D
        secret = ""
    if not username or not secret:
        missing = "password" if username else "user name"
        raise UsageError(
            f"no {missing} given",
            code="missing-credentials",
            where="--password-stdin" if from_stdin else "",
        )
    return username, SecretStr(secret)


def _read_password() -> str:
    """The password on stdin, without the newline that `echo` adds."""
    try:
        text = sys.stdin.read() if sys.stdin else ""
        text.encode()  # invalid bytes may also arrive as lone surrogates
    except UnicodeError as exc:
        raise UsageError(
            "stdin is not valid UTF-8", code="invalid-stdin", where="--password-stdin"
        ) from exc
    return text.rstrip("\r\n")


def read_value(name: str) -> str:
    """A secret's value: typed on a terminal, without an echo; else all of stdin.

    Of a value on stdin, one line ending at the end is removed: the one that `echo` adds.

    Raises:
        UsageError: What is on stdin is not UTF-8.
    """
    import getpass

    if sys.stdin is None:  # `<&-` leaves no stdin at all
        return ""
    if sys.stdin.isatty():
        try:
            return getpass.getpass(f"value of {name}: ")
        except EOFError:  # Ctrl-D
            return ""
    try:  # As bytes: Python would make every \r\n a \n.
        text = sys.stdin.buffer.read().decode()
    except UnicodeError:
        raise UsageError("stdin is not valid UTF-8", code="invalid-stdin", where=name) from None
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text


def confirm(question: str) -> bool:
    """Ask a question that only an explicit yes answers with yes.

    Raises:
        UsageError: There is no terminal to ask on.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            "cannot ask for a confirmation without a terminal",
            code="confirmation-required",
            hint="add --yes",
            where="--yes",
        )
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
