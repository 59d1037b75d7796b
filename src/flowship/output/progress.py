"""Progress of a build, a push or a deploy: lines for logs, a live display for a terminal."""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from flowship.events import Applying, Output, Phase, Step, Transfer

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from flowship.events import Event

# The engine's words for a layer whose transfer has ended.
ENDED = ("Pushed", "Layer already exists", "Already exists", "Pull complete", "Mounted from")


MANY = 20
"""Operations of a plan; of more, new deployments are only counted: the report names them."""
COUNTED = ("flow", "deployment", "schedule")


class Lines:
    """Progress as plain lines: for logs, CI and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._operations = Operations(console)

    def close(self) -> None:
        """Print what was only counted."""
        self._operations.close()

    def __call__(self, event: Event) -> None:
        """Print the event if it is worth a line."""
        if isinstance(event, Phase):
            self._print(f"• {event.text}")
        elif isinstance(event, Step):
            cached = "  (cached)" if event.cached else ""
            self._print(f"  [{event.number}/{event.total}] {event.text}{cached}")
        elif isinstance(event, Output):
            self._print(f"      {event.text}")
        elif isinstance(event, Transfer) and event.status.startswith(ENDED):
            self._print(f"  {event.layer}: {event.status}")
        elif isinstance(event, Applying):
            self._operations.add(event)

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False)


class Live:
    """Progress on a terminal: the current step, its last lines, a bar per layer, the time."""

    def __init__(self, console: Console) -> None:
        from rich.live import Live as Display
        from rich.spinner import Spinner

        self._console = console
        self._since = time.monotonic()
        self._spinner = Spinner("dots", style="cyan")
        self._step = ""
        self._output: deque[str] = deque(maxlen=5)
        self._layers: dict[str, Transfer] = {}
        self._operations = Operations(console)
        self._display = Display(
            console=console, get_renderable=self._drawing, refresh_per_second=8, transient=True
        )

    def __enter__(self) -> Live:
        self._display.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:  # noqa: ANN401 - the context manager protocol
        self._display.__exit__(*details)
        self._operations.close()

    def refresh(self) -> None:
        """Draw now, without waiting for the next refresh."""
        self._display.refresh()

    def __call__(self, event: Event) -> None:
        """Remember the event for the next refresh; print phases and cached steps."""
        if isinstance(event, Phase):
            self._step, self._since = "", time.monotonic()
            self._output.clear()
            self._layers.clear()
            self._console.print(f"• {event.text}", markup=False)
        elif isinstance(event, Step):
            self._step = f"[{event.number}/{event.total}] {event.text}"
            self._output.clear()
            if event.cached:
                self._console.print(f"  {self._step}  (cached)", markup=False, style="dim")
        elif isinstance(event, Output):
            self._output.append(event.text)
        elif isinstance(event, Applying):
            self._operations.add(event)
        else:
            self._layers[event.layer] = event

    def _drawing(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        width = max(20, self._console.width - 4)
        lines: list[RenderableType] = (
            [Text(f"  {self._step[:width]}", style="bold")] if self._step else []
        )
        lines += [Text(f"    {text[: width - 2]}", style="dim") for text in self._output]
        lines += [Text("  " + _bar(layer)[:width]) for layer in self._layers.values()]
        self._spinner.update(text=Text(f"{time.monotonic() - self._since:.0f} s", style="dim"))
        return Group(*lines, self._spinner)


class Operations:
    """The operations of a plan, as the plan shows them; see `MANY`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._counted: Counter[str] = Counter()

    def add(self, event: Applying) -> None:
        """Print an operation, or count it."""
        from flowship.output import render_plan

        operation = event.operation
        kind = operation.resource.value
        if event.total > MANY and operation.action.value == "create" and kind in COUNTED:
            self._counted[kind] += 1
            return
        for line in render_plan.operation(operation):
            self._console.print(line)

    def close(self) -> None:
        """Print how many were counted."""
        kinds = (f"{n} {kind}{'s' * (n > 1)}" for kind, n in self._counted.items())
        if self._counted:
            self._console.print(f"  [green]+[/] create {', '.join(kinds)}")
        self._counted.clear()


def _bar(layer: Transfer) -> str:
    if not layer.total:
        return f"{layer.layer}  {layer.status}"
    done = min(1.0, layer.current / layer.total)
    bar = "━" * round(done * 24)
    return f"{layer.layer}  {layer.status:<12} {bar:<24} {layer.current / 1e6:.1f} MB"
