"""The demo: the ETL flow that comes with flowship, from nothing to a finished scheduled run.

``scripts/demo`` runs it. It uses the same commands as a user, and prints each one first.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from parts import base_image
from parts.engine import connect, say, warn
from parts.gcs import GcsEmulator, save_blocks_at
from parts.ports import free_port, is_free
from parts.prefect_server import ask
from parts.registry import Registry
from parts.taxi_server import TaxiServer

HOME = Path(__file__).parents[2] / ".cache" / "demo"
FLOWSHIP = Path(sys.executable).with_name("flowship")
DEPLOYMENT = "etl-parent-flow/prefect-docker-flow"
BUCKET = "taxi"
ROWS = 20_000
EVERY_MINUTE = "* * * * *"  # a run starts within a minute after the build, however long it takes
RUN_TIMEOUT = 300  # seconds for the scheduled run, on a slow machine
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


def environment(base: str, gcs: GcsEmulator) -> dict[str, str]:
    """Return the user's environment, with Prefect's and flowship's files in the demo's folder."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "FLOWSHIP_"))}
    return clean | {
        "PREFECT_HOME": str(HOME / "prefect"),
        "PREFECT_PROFILES_PATH": str(HOME / "prefect" / "profiles.toml"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "FLOWSHIP_STATE_DIR": str(HOME / "state"),
        "FLOWSHIP_BASE_IMAGE": base,
        # The container of the flow run gets the address of the storage emulator.
        "FLOWSHIP_BLOCK__ENV": json.dumps(gcs.env),
    }


def flowship(env: dict[str, str], *arguments: str) -> str:
    """Run a flowship command; stderr goes to the terminal, stdout is returned."""
    print(f"\n$ flowship {shlex.join(arguments)}", file=sys.stderr, flush=True)
    done = subprocess.run(
        [str(FLOWSHIP), *arguments],
        env=env,
        cwd=HOME / "empty",
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.returncode)
    return done.stdout.strip()


def scheduled_run(api_url: str, since: datetime) -> dict[str, Any]:
    """Wait until the first run that the schedule starts after `since` has ended."""
    flow, name = DEPLOYMENT.split("/")
    deployment = ask(api_url, f"/deployments/name/{flow}/{name}")["id"]
    query = {
        "deployments": {"id": {"any_": [deployment]}},
        "flow_runs": {"expected_start_time": {"after_": since.isoformat()}},
        "sort": "EXPECTED_START_TIME_ASC",
        "limit": 1,
    }
    last_state = ""
    deadline = time.monotonic() + RUN_TIMEOUT
    while time.monotonic() < deadline:
        for run in ask(api_url, "/flow_runs/filter", query):
            state = run["state"]["type"]
            if state != last_state:
                last_state = state
                at = run["expected_start_time"][:19].replace("T", " ")
                say(f"run {run['name']}, scheduled for {at} UTC: {run['state']['name']}")
            if state in ENDED:
                return dict(run)
        time.sleep(1)
    raise SystemExit(
        f"the scheduled run did not end within {RUN_TIMEOUT} s; last state: {last_state}"
    )


def show_logs(api_url: str, run: dict[str, Any]) -> None:
    """Print the logs of the run and of its subflows."""
    parents = {"flow_runs": {"parent_flow_run_id": {"any_": [run["id"]]}}}
    runs = [run["id"], *(child["id"] for child in ask(api_url, "/flow_runs/filter", parents))]
    query = {"logs": {"flow_run_id": {"any_": runs}}, "sort": "TIMESTAMP_ASC", "limit": 200}
    records: list[dict[str, Any]] = []
    for _ in range(10):  # the last lines arrive a few seconds after the run's end
        before, records = len(records), ask(api_url, "/logs/filter", query)
        if len(records) == before and any("Finished in state" in r["message"] for r in records):
            break
        time.sleep(1)
    for record in records:
        print(f"    {record['timestamp'][11:19]} {record['message']}", file=sys.stderr)


def main() -> int:
    """Run the steps of the demo in order."""
    parser = argparse.ArgumentParser(prog="scripts/demo")
    parser.add_argument("--keep", action="store_true", help="keep everything running until Ctrl-C")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    client = connect()
    if client is None:
        warn("no container engine is running: start Docker or Podman, then run this again")
        return 4
    (HOME / "empty").mkdir(parents=True, exist_ok=True)
    base = base_image.ensure(client, say)
    client.close()
    with ExitStack() as cleanup:
        say("starting a registry, a web server with generated taxi trips, and a storage emulator")
        registry = cleanup.enter_context(Registry(HOME / "registry", port=_port("registry")))
        taxis = cleanup.enter_context(TaxiServer(rows=ROWS, port=_port("taxis")))
        gcs = cleanup.enter_context(GcsEmulator(bucket=BUCKET, port=_port("gcs")))
        env = environment(base, gcs)
        cleanup.callback(subprocess.run, [str(FLOWSHIP), "down"], env=env, check=False)
        shutil.rmtree(HOME / "prefect", ignore_errors=True)  # no runs of an earlier demo
        api_url = flowship(env, "up", "--port", str(_port("prefect", 4200)))
        say(f"saving the blocks gcp-credentials/{BUCKET} and gcs-bucket/{BUCKET}")
        save_blocks_at(api_url, BUCKET, gcs)
        run = ship_and_wait(env, registry, taxis, api_url)
        show_logs(api_url, run)
        if run["state"]["type"] != "COMPLETED":
            warn(
                f"the scheduled run ended in state {run['state']['name']}:"
                f" {run['state']['message']}"
            )
            return 8
        show_result(gcs, registry, api_url, run)
        if options.keep:
            _until_interrupted()
        say("cleaning up (to keep everything running: scripts/demo --keep)")
    return 0


def ship_and_wait(
    env: dict[str, str], registry: Registry, taxis: TaxiServer, api_url: str
) -> dict[str, Any]:
    """Ship the flow with one command, then wait for its scheduled run."""
    since = datetime.now(timezone.utc)
    values = {"source": taxis.source, "destination": f"gcs-bucket/{BUCKET}", "months": "[1, 2]"}
    parameters = [word for pair in values.items() for word in ("--param", "=".join(pair))]
    flowship(
        env,
        "ship",
        "--repo",
        f"{registry.address}/user/de-repo:demo",
        "--cron",
        EVERY_MINUTE,
        *parameters,
    )
    say("waiting for the run that the schedule starts")
    return scheduled_run(api_url, since)


def show_result(gcs: GcsEmulator, registry: Registry, api_url: str, run: dict[str, Any]) -> None:
    """Print the files in the bucket, and the addresses of everything."""
    print(f"\nin the bucket gs://{BUCKET}:", file=sys.stderr)
    for name in filter(lambda name: name.endswith(".parquet"), gcs.objects()):
        size = len(gcs.read(name))
        print(f"    {name}  {gcs.rows(name):,} rows, {size:,} bytes", file=sys.stderr)
    ui = api_url.removesuffix("/api")
    print(
        f"\naddresses\n"
        f"    the run       {ui}/runs/flow-run/{run['id']}\n"
        f"    deployments   {ui}/deployments\n"
        f"    the registry  {registry.url}/v2/user/de-repo/tags/list\n"
        f"    the bucket    {gcs.url}/storage/v1/b/{BUCKET}/o\n",
        file=sys.stderr,
        flush=True,
    )


def _port(name: str, preferred: int = 0) -> int:
    """Return the port of the last demo if it is free, since the image's name contains it."""
    file = HOME / f"{name}.port"
    for port in (int(file.read_text()) if file.is_file() else 0, preferred):
        if port and is_free(port):
            break
    else:
        port = free_port()
    file.write_text(str(port))
    return port


def _until_interrupted() -> None:
    say("everything keeps running; Ctrl-C stops it")
    try:
        signal.pause()
    except KeyboardInterrupt:
        print(file=sys.stderr)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
