"""The shapes of `--json`, which scripts rely on.

A change of these tables is a change for everybody who reads the output: it goes into CHANGELOG.md.
"""

from __future__ import annotations

from support.commands import Any_, Maybe

ERROR = {
    "error": {
        "code": str,
        "message": str,
        "hint": str,
        "where": str,
        "details": str,
        "exit_code": int,
    },
}
CHECK = {
    "dockerfile": str,
    "findings": [
        {
            "rule": str,
            "severity": str,
            "line": int,
            "column": int,
            "end_column": int,
            "message": str,
            "help": str,
            "fixable": bool,
            "source": str,
        }
    ],
    "environments": [{"environment": str, **ERROR["error"]}],
    "errors": int,
    "warnings": int,
    "fixed": int,
}
PROBE = {
    "flow_name": str,
    "entrypoint": str,
    "prefect": str,
    "python": str,
    "description": Maybe(str),
    "parameters": dict,  # the flow's own JSON schema
}
BUILD = {
    "image": str,
    "id": str,
    "inputs": str,
    "platform": str,
    "size": int,
    "unchanged": bool,
    "tags": [str],
    "entrypoint": str,
    "probe": Maybe(PROBE),
    "flows": [PROBE],
    "warnings": Any_(str),
}
PUSH = {
    "reference": str,
    "repository": str,
    "tag": str,
    "digest": str,
    "size": int,
    "already": bool,
    "verified": bool,
}
LOGIN = {"registry": str, "username": str, "stored": {"place": str, "warning": str}}
PARAMETERS = [{"name": str, "value": object, "source": str, "expected": str}]
CHANGES = Any_({"field": str, "was": object, "now": object})
SCHEDULE = {
    "id": Maybe(str),
    "outcome": str,
    "source": str,
    "words": str,
    "timezone": str,
    "active": bool,
    "next_runs": [{"local": str, "utc": str}],
    "parameters": dict,
}
OPERATIONS = Any_(
    {
        "action": str,
        "resource": str,
        "name": str,
        "reason": str,
        "changes": Any_(
            {
                "field": str,
                "before": object,
                "after": object,
                "reason": str,
                "edited_by": str,
            }
        ),
        "edited": Maybe({"at": Maybe(str), "by": Maybe(str)}),
    }
)
KEPT = Any_(
    {
        "resource": str,
        "name": str,
        "field": str,
        "value": object,
        "reason": str,
        "edited": Maybe({"at": Maybe(str), "by": Maybe(str)}),
    }
)
LEFT = Any_(
    {
        "name": str,
        "id": str,
        "block": str,
        "runs": Any_(str),
        "paused": bool,
        "added": Any_(str),
        "renamed_to": Maybe(str),
    }
)
DEPLOY = {
    "image": str,
    "platform": str,
    "pushed": bool,
    "api_url": str,
    "block": {"name": str, "id": str, "outcome": str, "edits": CHANGES, "kept": dict, "url": str},
    "pool": {
        "name": str,
        "outcome": str,
        "widened": bool,
        "live": Any_(str),
        "copied": Any_(str),
        "paused": bool,
        "worker_online": Maybe(bool),
        "start_command": str,
        "url": str,
    },
    "deployments": [
        {
            "id": str,
            "name": str,
            "flow_name": str,
            "outcome": str,
            "paused": bool,
            "schedules": [SCHEDULE],
            "removed_schedules": Any_(str),
            "parameters": PARAMETERS,
            "changes": CHANGES,
            "url": str,
            "warnings": Any_(str),
        }
    ],
    "moved": Any_(str),
    "warnings": Any_(str),
    "alerts": Any_({"id": str, "name": str, "outcome": str, "enabled": bool, "url": str}),
    "operations": OPERATIONS,
    "kept": KEPT,
    "left": LEFT,
    "dry_run": bool,
    "release": Maybe(int),
}
PLAN = {
    "project": str,
    "environment": Maybe(str),
    "api_url": str,
    "release": int,
    "changes": bool,
    "images": [
        {
            "name": str,
            "action": str,
            "reasons": Any_(str),
            "inputs": str,
            "image": str,
            "platform": str,
            "operations": OPERATIONS,
            "kept": KEPT,
            "left": LEFT,
            "moved": Any_(str),
            "warnings": Any_(str),
        }
    ],
}
SHIP_DRY_RUN = {**DEPLOY, "image_action": str}
SHIP = {"build": BUILD, "push": PUSH, "deploy": DEPLOY}
RUN = {
    "id": str,
    "name": str,
    "deployment": str,
    "url": str,
    "parameters": PARAMETERS,
    "warnings": Any_(str),
    "hints": [str],
}
RUN_WATCHED = {
    "id": str,
    "name": str,
    "deployment": str,
    "state_type": str,
    "state_name": str,
    "message": str,
    "url": str,
    "seconds": float,
    "worker_log": str,
    "completed": bool,
}
RUN_STATE = {
    "id": str,
    "name": str,
    "deployment": str,
    "state_type": str,
    "state_name": str,
    "message": str,
    "url": str,
}
LOGS = {
    "run": RUN_STATE,
    "records": Any_({"moment": str, "level": str, "run": str, "message": str}),
    "container": Maybe(
        {
            "name": str,
            "image": str,
            "status": str,
            "exit_code": Maybe(int),
            "out_of_memory": Maybe(bool),
            "message": str,
            "hint": str,
            "origin": str,
            "worker_log": str,
            "lines": Any_(str),
        }
    ),
    "warnings": Any_(str),
}
PS = {
    "runs": Any_(
        {
            "id": str,
            "name": str,
            "deployment": str,
            "state": str,
            "started": str,
            "place": str,
            "container": Maybe(
                {
                    "id": str,
                    "name": str,
                    "image": str,
                    "status": str,
                    "message": str,
                    "started": str,
                    "exit_code": Maybe(int),
                    "out_of_memory": bool,
                    "cpu_percent": Maybe(float),
                    "memory": Maybe(int),
                    "memory_limit": Maybe(int),
                    "shell": str,
                }
            ),
        }
    ),
    "warnings": Any_(str),
}
CANCEL = {"run": RUN_STATE, "outcome": str, "container": str}
INIT = {
    "written": [str],
    "entrypoint": str,
    "others": Any_(str),
    "notes": Any_(str),
    "deployments": Any_(str),
    "left": Any_({"line": int, "key": str, "reason": str}),
}
PROFILE_CHANGE = {
    "profile": str,
    "url": Maybe(str),
    "path": str,
    "previous_url": Maybe(str),
    "switched_from": Maybe(str),
    "corrected_from": Maybe(str),
    "server": Maybe({"kind": str, "version": Maybe(str), "detail": str}),
    "changed": bool,
    "warnings": Any_(str),
    "used_by": Any_(str),
}
SECRET_CHANGE = {
    "name": str,
    "block": str,
    "deployments": Any_(str),
    "outcome": str,
    "api_url": str,
}
SECRETS = {
    "secrets": [{"name": str, "block": str, "deployments": [str], "state": str}],
    "api_url": str,
}
DOCTOR = {
    "healthy": bool,
    "errors": int,
    "warnings": int,
    "project": Maybe(str),
    "api_url": Maybe(str),
    "fixed": Any_(str),
    "checks": [
        {
            "code": str,
            "severity": str,
            "found": str,
            "meaning": str,
            "remedy": str,
            "details": str,
        }
    ],
}
UNLOCK = {
    "lock": Maybe(
        {
            "id": str,
            "name": str,
            "holder": {"who": str, "since": str, "pid": int},
            "renewed": str,
            "silent": float,
            "expired": bool,
            "abandoned": bool,
        }
    ),
    "outcome": str,
    "api_url": str,
}
PROFILE_LS = {"profiles": [{"name": str, "active": bool, "written": bool, "settings": dict}]}
PROFILE_SHOW = {
    "name": str,
    "active": bool,
    "settings": dict,
    "api": {"url": Maybe(str), "source": str},
}
SERVICE = {
    "name": str,
    "state": str,
    "address": str,
    "pool": Maybe(str),
    "pid": Maybe(int),
    "log": Maybe(str),
    "detail": str,
}
STACK = {  # up and down
    "api_url": Maybe(str),
    "services": [SERVICE],
    "profile": Maybe(PROFILE_CHANGE),
    "scheduler": str,
    "warnings": Any_(str),
    "restored_profile": Maybe(str),
}
PAUSE = {
    "deployments": [
        {
            "name": str,
            "schedule": Maybe(str),
            "words": str,
            "paused": bool,
            "changed": bool,
            "deployment_paused": bool,
            "paused_schedules": Any_(str),
            "next_run": Maybe(str),
            "going_on": Any_(str),
        }
    ],
    "api_url": str,
}
SCHEDULE_PREVIEW = {
    "words": str,
    "slug": str,
    "timezone": str,
    "start": str,
    "runs": [
        {
            "local": str,
            "utc": str,
            "change": Maybe({"before": str, "after": str}),
            "note": str,
        }
    ],
}
STATUS = {
    "project": Maybe(str),
    "environment": Maybe(str),
    "api_url": str,
    "checked": str,
    "release": Maybe({"number": int, "created": Maybe(str), "who": str, "made_by": str}),
    "lock": Maybe({"who": str, "since": str, "expired": bool}),
    "deployments": [
        {
            "name": str,
            "url": str,
            "paused": bool,
            "schedules": Any_({"slug": str, "words": str, "active": bool}),
            "next_run": Maybe({"at": str, "planned": bool, "by_schedule": bool}),
            "runs": Any_(
                {
                    "id": str,
                    "name": str,
                    "state_type": str,
                    "state_name": str,
                    "expected": Maybe(str),
                    "started": Maybe(str),
                    "ended": Maybe(str),
                    "seconds": float,
                }
            ),
            "late": Maybe({"count": int, "since": str}),
            "waiting": int,
            "stuck": Any_(
                {"id": str, "name": str, "state_name": str, "since": Maybe(str), "reason": str}
            ),
            "block": str,
            "image": str,
            "pool": str,
            "alerts": Any_({"name": str, "enabled": bool}),
        }
    ],
    "images": Any_(
        {
            "reference": str,
            "block": str,
            "released": Maybe(bool),
            "source": str,
            "changed": Any_(str),
        }
    ),
    "pools": Any_(
        {
            "name": str,
            "exists": bool,
            "paused": bool,
            "workers": Any_({"name": str, "online": bool, "heard": Maybe(str)}),
            "start_command": str,
        }
    ),
    "attention": Any_({"problem": str, "about": str, "message": str}),
}
RELEASE = {
    "number": int,
    "id": str,
    "created": Maybe(str),
    "project": str,
    "environment": Maybe(str),
    "made_by": str,
    "who": str,
    "flowship": str,
    "format": int,
    "incomplete": str,
    "changes": [str],
    "images": [
        {
            "label": str,
            "reference": str,
            "pushed": bool,
            "platform": str,
            "prefect": Maybe(str),
            "inputs": str,
            "revision": str,
            "probed": bool,
            "files": dict,
            "block": str,
            "fields": dict,
            "references": dict,
            "credentials": Maybe(str),
            "secrets": Any_(str),
            "blocks": Any_(str),
            "configured": dict,
            "hidden": dict,
            "alerts": dict,
            "digest": str,
            "dirty": bool,
            "entrypoints": Any_(str),
        }
    ],
    "deployments": [
        {
            "flow": str,
            "name": str,
            "image": str,
            "entrypoint": str,
            "path": str,
            "description": Maybe(str),
            "tags": Any_(str),
            "parameters": dict,
            "schedules": Any_({"slug": str, "times": dict, "parameters": dict, "active": bool}),
            "job_variables": dict,
            "concurrency_limit": Maybe(int),
            "on_conflict": Maybe(str),
            "work_pool": str,
            "work_queue": Maybe(str),
            "version": Maybe(str),
            "enforce_parameters": Maybe(bool),
            "labels": dict,
            "secrets": dict,
            "paused": bool,
            "configured": str,
            "hidden": dict,
        }
    ],
    "operations": OPERATIONS,
}
HISTORY = {"project": str, "releases": [RELEASE]}
ROLLBACK = {
    "project": str,
    "from": int,
    "to": int,
    "release": Maybe(int),
    "added": Any_(str),
    "kept": Any_(str),
    "images": [{"name": str, **DEPLOY}],
}
DELETE = {
    "project": Maybe(str),
    "deployments": [str],
    "operations": OPERATIONS,
    "kept_blocks": dict,
    "configured": dict,
    "release": Maybe(int),
    "warnings": Any_(str),
    "dry_run": bool,
}
PRUNED = {"id": str, "names": Any_(str), "size": int, "kept": str}
PRUNE = {
    "project": str,
    "removed": Any_(PRUNED),
    "kept": Any_(PRUNED),
    "freed": Maybe(int),
    "dry_run": bool,
}
