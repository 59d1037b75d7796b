"""The script that runs a flow once inside a built image, and says how it ended.

`flowship.trial.container` copies this file into the container. flowship itself is not installed
there, so the script uses the standard library and the image's Prefect, and keeps to Python 3.9
syntax. On stdout it prints `RUN` and the run's id when the run is created, and `RESULT` and a JSON
object as its last line.

Called as ``python <this file> <folder> <arguments.json>``.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Any

RESULT = "flowship-try-result "
"""The beginning of the last line on stdout."""

RUN = "flowship-try-run "
"""The beginning of the line with the id of the run."""

TAG = "flowship-try"
"""The tag of the run on the server."""


def run(entrypoint: str, parameters: dict[str, Any]) -> Any:  # noqa: ANN401 - a Prefect state
    """Load the flow as a deployment's run does, run it, and return its final state."""
    from prefect import tags
    from prefect.flows import load_flow_from_entrypoint

    flow: Any = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
    with tags(TAG):
        if flow.isgenerator:  # it has no state of its own, and an error ends this script
            return finished(flow(**parameters))
        state = flow(**parameters, return_state=True)
        return asyncio.run(state) if inspect.iscoroutine(state) else state


def print_first_run(client: type) -> None:
    """Have a class of Prefect's clients print the id of the first run that it creates.

    flowship needs it where this process is killed before it can print its result.
    """
    create: Callable[..., Any] = client.create_flow_run  # type: ignore[attr-defined]

    def print_id(run: Any) -> Any:  # noqa: ANN401 - a Prefect run
        client.create_flow_run = create  # type: ignore[attr-defined]
        say(RUN + str(run.id))
        return run

    async def print_later(created: Awaitable[Any]) -> Any:  # noqa: ANN401 - a Prefect run
        return print_id(await created)

    @wraps(create)
    def create_and_print(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - Prefect's arguments
        created = create(*args, **options)
        return print_later(created) if inspect.isawaitable(created) else print_id(created)

    client.create_flow_run = create_and_print  # type: ignore[attr-defined]


def say(line: str) -> None:
    """Print a line for flowship. The flow may have left a line open, so it starts on a new one."""
    sys.stdout.write(f"\n{line}\n")
    sys.stdout.flush()


def finished(results: Any) -> None:  # noqa: ANN401 - a generator of either kind
    """Consume what a flow yields."""
    if hasattr(results, "__aiter__"):
        asyncio.run(consumed(results))
    else:
        for _ in results:
            pass


async def consumed(results: Any) -> None:  # noqa: ANN401 - an asynchronous generator
    """Consume what an asynchronous flow yields."""
    async for _ in results:
        pass


def describe(state: Any) -> dict[str, Any]:  # noqa: ANN401 - a Prefect state
    """The final state as flowship reads it."""
    if state is None:
        return {"type": "COMPLETED", "name": "Completed", "message": "", "run": ""}
    run_id = state.state_details.flow_run_id if state.state_details else None
    return {
        "type": state.type.value,
        "name": state.name or state.type.value.title(),
        "message": state.message or "",
        "run": str(run_id or ""),
    }


def main(folder: str, arguments: str) -> int:
    """Run the flow, print the result, and return the exit code: 0 if it completed."""
    given = json.loads(Path(arguments).read_text(encoding="utf-8"))
    # A run does not have this file's folder on its path, and has these arguments.
    if sys.path and sys.path[0] == str(Path(__file__).parent):
        del sys.path[0]
    sys.argv[:] = ["prefect", "flow-run", "execute"]
    if given["offline"]:  # the image may name a server
        os.environ.pop("PREFECT_API_URL", None)
    os.chdir(folder)
    from prefect.client.orchestration import PrefectClient, SyncPrefectClient

    print_first_run(PrefectClient)
    print_first_run(SyncPrefectClient)
    answer = describe(run(given["entrypoint"], given["parameters"]))
    say(RESULT + json.dumps(answer))
    return 0 if answer["type"] == "COMPLETED" else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
