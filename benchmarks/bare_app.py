"""A Typer application with flowship's commands and options but empty functions.

It is generated from flowship's own app, so it always has the same names, help texts and options.
It is installed into a folder the way pip installs a program: a module with bytecode and a small
launcher.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import typer
from typer.models import (
    ArgumentInfo,
    CommandInfo,
    DefaultPlaceholder,
    OptionInfo,
    ParameterInfo,
    TyperInfo,
)

MODULE = "bare_flowship"

HEAD = '''\
"""The commands and options of another application, with empty functions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
'''

LAUNCHER = """\
#!{python}
import sys
sys.path.insert(0, {folder!r})
from {module} import app
if __name__ == "__main__":
    sys.exit(app())
"""


def install(app: typer.Typer, folder: Path) -> Path:
    """Write the module and its launcher into `folder`, and return the launcher."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{MODULE}.py").write_text(source(app), encoding="utf-8")
    launcher = folder / "flowship"
    text = LAUNCHER.format(python=sys.executable, folder=str(folder), module=MODULE)
    launcher.write_text(text, encoding="utf-8")
    launcher.chmod(0o755)
    return launcher


def source(app: typer.Typer) -> str:
    """Return the source of the module."""
    return HEAD + "\n" + "\n".join(_application(app, "app"))


def _application(app: typer.Typer, variable: str) -> list[str]:
    lines = [f"{variable} = typer.Typer({_keywords(app.info)})\n"]
    if app.registered_callback and app.registered_callback.callback:
        lines.append(f"\n@{variable}.callback()\n" + _function(app.registered_callback.callback))
    for number, group in enumerate(app.registered_groups):
        assert group.typer_instance is not None
        inner = f"{variable}_{number}"
        lines += _application(group.typer_instance, inner)
        lines.append(f"{variable}.add_typer({inner}, name={group.name!r}{_panel(group)})\n")
    for command in app.registered_commands:
        lines.append(_command(command, variable))
    return lines


def _keywords(info: object) -> str:
    """Return the arguments of ``typer.Typer()`` that change the output of ``--help``."""
    given = {
        name: getattr(info, name)
        for name in ("name", "help", "epilog", "no_args_is_help", "rich_markup_mode")
        if hasattr(info, name) and not isinstance(getattr(info, name), DefaultPlaceholder)
    }
    return ", ".join(f"{name}={value!r}" for name, value in given.items())


def _command(command: CommandInfo, variable: str) -> str:
    assert command.callback is not None
    epilog = f", epilog={command.epilog!r}" if command.epilog else ""
    head = f"\n@{variable}.command({command.name!r}{epilog}{_panel(command)})\n"
    return head + _function(command.callback)


def _panel(info: CommandInfo | TyperInfo) -> str:
    """Return the argument for the heading under which ``--help`` lists a command or a group."""
    named = isinstance(info.rich_help_panel, str)
    return f", rich_help_panel={info.rich_help_panel!r}" if named else ""


def _function(body: Any) -> str:  # noqa: ANN401 - any callable
    body = inspect.unwrap(body)
    hints = get_type_hints(body, include_extras=True)
    parameters = [
        f"    {name}: {_annotation(hints[name])} = {parameter.default!r},"
        if parameter.default is not parameter.empty
        else f"    {name}: {_annotation(hints[name])},"
        for name, parameter in inspect.signature(body).parameters.items()
    ]
    doc = inspect.getdoc(body) or ""
    return "\n".join([f"def {body.__name__}(", *parameters, ") -> None:", f"    {doc!r}", ""])


def _annotation(hint: Any) -> str:  # noqa: ANN401 - any annotation
    if get_origin(hint) is Union:  # Python 3.10 adds "or None" if the default is None
        hint = next((part for part in get_args(hint) if get_origin(part) is Annotated), hint)
    if get_origin(hint) is not Annotated:
        return _type(hint)
    kind, *rest = get_args(hint)
    infos = [_info(item) for item in rest if isinstance(item, ParameterInfo)]
    return f"Annotated[{', '.join([_type(kind), *infos])}]"


def _type(kind: Any) -> str:  # noqa: ANN401 - any type
    if get_origin(kind) in (Union, UnionType):
        return " | ".join(_type(part) for part in get_args(kind))
    if get_origin(kind) is list:
        return f"list[{_type(get_args(kind)[0])}]"
    if kind is typer.Context:
        return "typer.Context"
    return "None" if kind is type(None) else str(kind.__name__)


def _info(info: ParameterInfo) -> str:
    # In Annotated, the first name is in `default`.
    first = [info.default] if isinstance(info.default, str) else []
    words = [repr(word) for word in (*first, *(info.param_decls or ()))]
    if info.help:
        words.append(f"help={info.help!r}")
    if info.metavar is not None:
        words.append(f"metavar={info.metavar!r}")
    if isinstance(info, OptionInfo) and info.is_eager:
        words.append("is_eager=True")
    kind = "Argument" if isinstance(info, ArgumentInfo) else "Option"
    return f"typer.{kind}({', '.join(words)})"
