"""The script that runs a flow once inside a built image, and says how it ended.

`flowship.trial.container` copies this file into the container. flowship itself is not installed
there, so the script uses the standard library and the image's Prefect, and keeps to Python 3.9
syntax. Its last line on stdout is `RESULT` and a JSON object.

Called as ``python <this file> <folder> <arguments.json>``.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
from pathlib import Path
from typing import Any

RESULT = "flowship-try-result "
"""The beginning of the last line on stdout."""

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
    answer = describe(run(given["entrypoint"], given["parameters"]))
    # The flow may have left a line open, so the answer starts on a new one.
    sys.stdout.write(f"\n{RESULT}{json.dumps(answer)}\n")
    sys.stdout.flush()
    return 0 if answer["type"] == "COMPLETED" else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
