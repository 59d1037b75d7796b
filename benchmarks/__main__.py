"""``benchmarks/run``: compare flowship with other tools and print a table.

The table goes to stdout, progress to stderr. Exit code 1 if a target is missed, 2 for wrong
usage, 4 without a container engine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from statistics import median

from docker import DockerClient
from parts.engine import connect, say, warn

from benchmarks import bare_app, layers, many_flows, second_day, stage
from benchmarks.measure import CommandFailed, Run, command, in_turns
from benchmarks.table import Row, markdown, row, seconds
from flowship.cli import app
from parts import base_image

PARTS = ("help", "ship", "flows", "commands", "second-day", "layers")
OTHERS = (500, 5000)
"""Deployments and runs of others on the server of the part second-day; a tenth with --quick."""


@dataclass(frozen=True)
class Rounds:
    """The number of rounds of each measurement."""

    help: int = 15
    unchanged: int = 9
    edited: int = 7
    layers: int = 3
    imports: int = 7
    commands: int = 9
    flows: int = 3


QUICK = Rounds(help=5, unchanged=3, edited=3, layers=1, imports=3, commands=3, flows=1)


@dataclass(frozen=True)
class Bench:
    """The engine, base image, folder, rounds and number of flows of a measurement."""

    client: DockerClient
    base: str
    folder: Path
    rounds: Rounds
    flows: int


def measure_help(bench: Bench) -> list[Row]:
    """Compare ``flowship --help`` with a Typer app with the same commands and options."""
    bare = bare_app.install(app, bench.folder / "bare")
    env = stage.environment(bench.folder / "prefect-of-help")

    def run(name: str, program: Path) -> Run:
        log = bench.folder / f"help-{name}.txt"
        return lambda: command([program, "--help"], cwd=bench.folder, env=env, log=log)

    runs = {"ours": run("ours", stage.program("flowship")), "bare": run("bare", bare)}
    measured = in_turns(runs, bench.rounds.help)
    texts = [(bench.folder / f"help-{name}.txt").read_text() for name in runs]
    if texts[0] != texts[1]:
        warn("the help of the bare app differs from flowship's, so the comparison is not fair")
    return [row("`--help` / bare Typer app", measured, "ours", "bare", 1.2)]


def measure_ship(bench: Bench) -> list[Row]:
    """Compare ``flowship ship`` with ``prefect deploy`` with build and push steps."""
    with stage.ready(bench.folder / "ship", bench.client, bench.base) as ready:
        say("first run of both (not measured)")
        ready.flowship("ship")
        ready.peer()
        say("unchanged")
        unchanged = in_turns(
            {"ours": lambda: ready.flowship("ship"), "peer": ready.peer}, bench.rounds.unchanged
        )
        say("after an edit of the code")
        edited = in_turns(
            {
                "probed": lambda: ready.edited("ship"),
                "peer": ready.peer_edited,
                "unprobed": lambda: ready.edited("ship", "--no-probe"),
            },
            bench.rounds.edited,
        )
    return [
        row("`ship`, unchanged / `prefect deploy`", unchanged, "ours", "peer", 0.35),
        row("`ship`, code changed / `prefect deploy`", edited, "probed", "peer", 1.0),
        row("`ship --no-probe`, code changed / same", edited, "unprobed", "peer", 0.4),
    ]


def measure_flows(bench: Bench) -> list[Row]:
    """Compare ``flowship ship`` of many flows with docker's commands and ``prefect deploy``."""
    with many_flows.ready(bench.folder / "flows", bench.client, bench.base, bench.flows) as ready:
        say(f"{bench.flows} flows: first run of both")
        cold = in_turns({"ours": ready.ship, "peer": ready.build_and_deploy_all}, 1, warm_up=False)
        say("unchanged")
        unchanged = in_turns(
            {"ours": ready.ship, "peer": ready.deploy_all}, bench.rounds.flows, warm_up=False
        )
        requests = ready.requests_of_ship()
        requests_edited = ready.requests_of_ship(edited=True)
        say("after an edit of one flow")
        edited = in_turns(
            {"ours": ready.ship_edited, "peer": ready.build_edited},
            bench.rounds.flows,
            warm_up=False,
        )
    say("requests of an unchanged `ship` to the Prefect server:\n" + "\n".join(requests))
    say("requests after an edit of one flow:\n" + "\n".join(requests_edited))
    what = f"`ship` of {bench.flows} flows"
    return [
        row(f"{what}, cold / build, push, `deploy --all`", cold, "ours", "peer"),
        row(f"{what}, one changed / the same", edited, "ours", "peer", 0.1),
        row(f"{what}, unchanged / `deploy --all`", unchanged, "ours", "peer", 0.05),
    ]


def measure_commands(bench: Bench) -> list[Row]:
    """Measure ``flowship check`` and ``flowship deploy``."""
    with stage.ready(bench.folder / "commands", bench.client, bench.base) as ready:
        ready.flowship("ship")
        measured = in_turns(
            {
                "check": lambda: ready.flowship("check"),
                "deploy": lambda: ready.flowship("deploy"),
            },
            bench.rounds.commands,
        )
    return [
        row("`check`, clean", measured, "check"),
        row("`deploy`, unchanged", measured, "deploy"),
    ]


def measure_second_day(bench: Bench) -> list[Row]:
    """Compare status, plan, history, logs and doctor with the nearest command of Prefect."""
    share = 10 if bench.rounds == QUICK else 1
    deployments, runs = (number // share for number in OTHERS)
    folder = bench.folder / "second-day"
    with second_day.ready(folder, bench.client, bench.base, say) as ready:
        alone = {each.name: ready.requests(each.ours) for each in ready.compared}
        say(f"{deployments} deployments and {runs} runs of others")
        second_day.fill(ready.stage.env["PREFECT_API_URL"], deployments, runs)
        rows = []
        for each in ready.compared:
            say(each.name)
            count = len(ready.requests(each.ours))
            if count != len(alone[each.name]):
                warn(f"{each.name}: {len(alone[each.name])} requests alone, {count} with others")
            say(f"{each.name} sends:\n" + "\n".join(alone[each.name]))
            turns = {
                "ours": partial(ready.ours, each.ours),
                "peer": partial(ready.theirs, each.theirs),
            }
            measured = in_turns(turns, bench.rounds.commands)
            what = f"`{each.name}` ({count} requests) / `prefect {each.theirs[0]}`"
            rows.append(row(what, measured, "ours", "peer", 0.3))
    return rows


def measure_layers(bench: Bench) -> list[Row]:
    """Compare the dependency layer with ``pip install --no-cache-dir``."""
    found = layers.measure(bench.client, bench.base, bench.rounds.layers, bench.rounds.imports)
    for name, size in found.sizes.items():
        walls = seconds(found.imports.walls(name))
        say(f"layer of {name}: {size / 1e6:.0f} MB; import in a fresh container {walls} s")
    sizes = {name: f"{size / 1e6:.0f} MB" for name, size in found.sizes.items()}
    ours, pip, plain = layers.OURS, layers.PIP, layers.PLAIN
    against = f"({sizes[ours]}) / `pip install` ({sizes[pip]})"
    return [
        row(f"dependency layer, cold {against}", found.built, ours, pip, 0.5),
        row(f"the same, without bytecode ({sizes[plain]})", found.built, plain, pip),
        row("import in a fresh container / pip's", found.imports, ours, pip),
        row("import, with bytecode / without", found.imports, ours, plain),
    ]


MEASURES = dict(
    zip(
        PARTS,
        (
            *(measure_help, measure_ship, measure_flows, measure_commands),
            *(measure_second_day, measure_layers),
        ),
        strict=True,
    )
)


def machine(client: DockerClient) -> str:
    """Return a line about the machine and the versions."""
    about = client.version()
    names = ("flowship", "prefect", "prefect-docker", "typer", "docker")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), Linux {platform.release()}, "
        f"Python {platform.python_version()}, engine {about['Version']}; {versions}; "
        f"load {load}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the selected measurements."""
    parser = argparse.ArgumentParser(prog="benchmarks/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, for a first impression")
    parser.add_argument("--only", choices=PARTS, action="append", help="only this part; repeatable")
    parser.add_argument(
        "--flows", type=int, metavar="N", help="number of flows of the part flows (100; quick: 20)"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the seconds of every round"
    )
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    client = connect()
    if client is None:
        warn("no container engine is running: start Docker, then run this again")
        return 4
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="flowship-benchmark-") as folder:
        rounds = QUICK if options.quick else Rounds()
        base = base_image.ensure(client, say)
        flows = options.flows or (20 if options.quick else 100)
        bench = Bench(client, base, Path(folder), rounds, flows)
        print(f"{machine(client)}\n", flush=True)
        try:
            for part in options.only or PARTS:
                say(f"measuring: {part}")
                rows += MEASURES[part](bench)
                say(f"so far:\n{markdown(rows)}")
        except CommandFailed as exc:
            warn(str(exc))
            return 1
    client.close()
    print(markdown(rows))
    if options.json:
        options.json.write_text(json.dumps([_plain(r) for r in rows], indent=1) + "\n")
    return int(any(r.missed for r in rows))


def _plain(r: Row) -> dict[str, object]:
    return {
        "what": r.what,
        "ours": list(r.ours),
        "theirs": list(r.theirs),
        "cpu": list(r.cpu),
        "median": median(r.ours),
        "ratio": r.ratio and r.ratio.of_medians,
        "ratio_of_pairs": r.ratio and r.ratio.of_pairs,
        "target": r.target,
    }


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
