"""Plans for tests: values that no server is needed for."""

from __future__ import annotations

from dataclasses import replace

from flowship.deployment.left import Left
from flowship.deployment.plan import Action, Edit, Editor, FieldChange, Kept, Operation, Resource
from flowship.planning.project_plan import ImagePlan, ProjectPlan
from support.deploying import desired, dry_run, settings

EDITED = Edit("2026-05-01T04:12:30.5Z", "ada")
MEMORY = FieldChange("mem_limit", "8g", "1g", "configuration", edited_by=Editor.PERSON)
ENV = FieldChange("env", {"A": "1", "B": "2"}, {"A": "1", "B": "3"}, "configuration")
CRON = FieldChange("schedule", "every hour", "every day at 05:00 UTC", "configuration")
OPERATIONS = (
    Operation(Action.CREATE, Resource.WORK_POOL, "flowship", "it does not exist"),
    Operation(Action.UPDATE, Resource.BLOCK, "taxi-docker", "the configuration differs",
              changes=(MEMORY, ENV), edited=EDITED),
    Operation(Action.UPDATE, Resource.SCHEDULE, "taxi/nightly: every day at 05:00 UTC",
              "configuration", changes=(CRON,)),
    Operation(Action.DELETE, Resource.DEPLOYMENT, "taxi/old", "no longer configured"),
)  # fmt: skip
KEPT = (
    Kept(Resource.SCHEDULE, "taxi/nightly: every day at 05:00 UTC", "paused", True,
         "paused on the server", EDITED),
    Kept(Resource.BLOCK, "taxi-docker", "privileged", True, "the configuration does not set it"),
)  # fmt: skip
LEFT = (Left("taxi/weekly", "1", "taxi-docker", ("every Monday at 06:00 UTC",), paused=False),)


def report(**changes):
    """The report of a dry run, with these values."""
    whole = dry_run(desired(settings()))
    return replace(whole, **{"operations": OPERATIONS, "kept": KEPT, "left": LEFT, **changes})


def project_plan(*images, **changes):
    """The plan of a project; one image that must be built by default."""
    found = images or (ImagePlan("de-taxi", "build", report(), ("flows/taxi.py changed",)),)
    values = {"environment": "production", "api_url": "http://127.0.0.1:4200/api", "release": 3}
    return ProjectPlan("de-taxi", images=tuple(found), **{**values, **changes})
