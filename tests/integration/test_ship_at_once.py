"""`flowship ship` several times at once: one project, different code and schedule, or the same.

``FLOWSHIP_SHIP_ROUNDS=50`` runs more rounds than CI does.
"""

from __future__ import annotations

import os
import subprocess
import uuid

import pytest

from support.commands import PROGRAM, ask, flowship, one_object, world
from support.projects import remove_images, write

pytestmark = [pytest.mark.engine, pytest.mark.server]

ROUNDS = int(os.environ.get("FLOWSHIP_SHIP_ROUNDS", "2"))
CRONS = ["0 1 * * *", "0 2 * * *", "0 3 * * *", "0 4 * * *"]


@pytest.fixture
def ships(tmp_path, base_image, engine, registry, prefect_server):
    """Runs several `ship --json` at the same time; gives each one's result."""
    name = f"t{uuid.uuid4().hex[:10]}"
    env = world(tmp_path / "home", PREFECT_API_URL=prefect_server, FLOWSHIP_WORK_POOL=name)
    env["FLOWSHIP_REPO"] = f"{registry.address}/{name}"

    def run(number: int, *, in_one_folder: bool = False) -> list[dict]:
        processes = []
        for turn in range(number):
            folder = tmp_path / ("0" if in_one_folder else str(turn)) / name
            if not folder.exists():
                folder.mkdir(parents=True)
                more = f'[[deployments]]\nname = "nightly"\ncron = "{CRONS[turn]}"\n'
                write(folder, base_image, {"version.txt": str(turn)}, more)
            arguments = [str(PROGRAM), "ship", "--json"]
            processes.append(
                subprocess.Popen(
                    arguments, cwd=folder, env=env, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, text=True,
                )
            )  # fmt: skip
        results = []
        for process in processes:
            stdout, stderr = process.communicate(timeout=600)
            assert process.returncode == 0, stderr
            results.append(one_object(stdout))
        return results

    run.history = lambda: flowship("history", "--json", cwd=tmp_path / "0" / name, env=env).json
    yield run
    remove_images(engine, name)


@pytest.mark.parametrize(("number", "rounds"), [(2, ROUNDS), (4, ROUNDS // 2)])
def test_ships_at_once_follow_each_other_in_the_history(ships, prefect_server, number, rounds):
    for _ in range(rounds):
        results = ships(number)
        (reported,) = {r["deploy"]["deployments"][0]["id"] for r in results}
        block_id = results[0]["deploy"]["block"]["id"]
        image = ask(prefect_server, f"/block_documents/{block_id}")["data"]["image"]
        deployment = ask(prefect_server, f"/deployments/{reported}")
        (schedule,) = deployment["schedules"]
        winner = CRONS.index(schedule["schedule"]["cron"])
        assert image == results[winner]["push"]["reference"]
        made = {r["deploy"]["release"]: r["push"]["reference"] for r in results}
        made.pop(None, None)  # the server had it already, since the round before
        newest_first = sorted(made, reverse=True)
        recorded = ships.history()["releases"][: len(made)]
        assert [each["number"] for each in recorded] == newest_first
        assert [each["images"][0]["reference"] for each in recorded] == [
            made[number] for number in newest_first
        ]
        assert recorded[0]["images"][0]["reference"] == image


def test_two_ships_of_the_same_edit_both_succeed(ships, tmp_path, prefect_server):
    ships(1)
    (folder,) = (tmp_path / "0").iterdir()
    (folder / "version.txt").write_text("edited")
    results = ships(2, in_one_folder=True)
    block = ask(prefect_server, f"/block_documents/{results[0]['deploy']['block']['id']}")
    assert block["data"]["image"] in {each["push"]["reference"] for each in results}
    assert len({each["build"]["inputs"] for each in results}) == 1
