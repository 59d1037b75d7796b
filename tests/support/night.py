"""What happens in the guide "The 05:00 run did not happen", on a real server, worker and engine."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import datetime, timedelta, timezone

from parts.night import CONFIG, DAMAGE, FLOW, Night

from support.commands import until


def has_no_run_that_goes_on(trips: Night) -> bool:
    begun_or_due = {
        "state": {"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING", "CANCELLING"]}},
        "expected_start_time": {"before_": datetime.now(timezone.utc).isoformat()},
    }
    return not trips.ask("POST", "/flow_runs/filter", {"flow_runs": begun_or_due})


def has_a_lock(trips: Night) -> bool:
    found = trips.ask("POST", "/variables/filter", {"limit": 200})
    return any(each["name"].startswith("flowship_deploy_lock") for each in found)


# What happens before each command of the guide that needs it.


def a_person_pauses_it(trips: Night) -> None:
    trips.run("pause")


def the_pool_is_paused_and_a_run_is_due(trips: Night) -> None:
    trips.ask("PATCH", "/work_pools/flowship", {"is_paused": True})
    at = (datetime.now(timezone.utc) - timedelta(minutes=5)).isoformat()
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": at}}
    path = f"/deployments/{trips.deployment()['id']}/create_flow_run"
    trips.ask("POST", path, {"state": state})


def the_pool_is_resumed(trips: Night) -> None:
    command = [sys.executable, "-m", "prefect", "work-pool", "resume", "flowship"]
    subprocess.run(command, env={**trips.env, "PREFECT_API_URL": trips.url}, check=True)
    trips.until(lambda: has_no_run_that_goes_on(trips))


def a_damaged_version_is_shipped_and_fails(trips: Night) -> None:
    trips.write(DAMAGED)
    trips.run("ship")
    trips.run("run", "nightly", "--param", "month=4", "--watch", ok=False)


def a_run_does_not_end(trips: Night) -> None:
    trips.until(lambda: has_no_run_that_goes_on(trips))
    trips.until_it_is("RUNNING", trips.start(month=12))


def the_flow_is_corrected_and_a_person_moves_the_schedule(trips: Night) -> None:
    trips.write(FLOW)
    trips.a_person_moves_the_schedule()


def a_deploy_hangs(trips: Night) -> None:
    for attempt in range(10):  # one can be too fast to be stopped in time
        trips.write(config=f'{CONFIG}tags = ["attempt-{attempt}"]\n')
        deploy = trips.begin("deploy")
        until(lambda d=deploy: has_a_lock(trips) or d.poll() is not None, every=0.005)
        if deploy.poll() is None:
            deploy.send_signal(signal.SIGSTOP)
            if has_a_lock(trips):
                return
            deploy.kill()
    raise AssertionError("no deploy was stopped with its lock")


DAMAGED = FLOW.replace("    print", f"{DAMAGE}    print")
BEFORE = (
    a_person_pauses_it,
    None,
    the_pool_is_paused_and_a_run_is_due,
    None,
    the_pool_is_resumed,
    a_damaged_version_is_shipped_and_fails,
    None,
    None,
    None,
    None,
    a_run_does_not_end,
    None,
    None,
    the_flow_is_corrected_and_a_person_moves_the_schedule,
    None,
    a_deploy_hangs,
)
"""What happens before each command of the guide; None for nothing."""
