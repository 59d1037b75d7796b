"""What a person does on the server, in the UI or with Prefect's own commands."""

from __future__ import annotations

from collections.abc import Callable

from support.deploying import Project

Act = Callable[[Project], object]


def edited_block(**data) -> Act:
    return lambda p: p.raw("PATCH", f"/block_documents/{p.block()['id']}", {"data": data})


def edited(**fields) -> Act:
    return lambda p: p.raw("PATCH", f"/deployments/{p.stored()['id']}", fields)


def pause_schedule(p: Project) -> None:
    p.pause(p.schedules()[0])


def add_schedule(p: Project) -> None:
    p.add_schedule({"schedule": {"cron": "0 12 * * *", "timezone": "UTC"}})


def edit_cron(p: Project) -> None:
    (schedule,) = p.schedules()
    path = f"/deployments/{p.stored()['id']}/schedules/{schedule['id']}"
    body = {"schedule": {"cron": "0 9 * * *", "timezone": "Pacific/Auckland"}, "parameters": {}}
    p.raw("PATCH", path, body)


def delete_schedule(p: Project) -> None:
    p.api.delete_schedule(p.stored()["id"], p.schedules()[0]["id"])


def delete_deployment(p: Project) -> None:
    p.api.delete_deployment(p.stored()["id"])


def delete_block(p: Project) -> None:
    p.raw("DELETE", f"/block_documents/{p.block()['id']}")


def recreate(p: Project) -> None:
    """Delete the deployment, and create one of the name by hand."""
    stored = p.stored()
    p.api.delete_deployment(stored["id"])
    same = ("name", "flow_id", "entrypoint", "path", "work_pool_name", "parameter_openapi_schema")
    p.raw("POST", "/deployments/", {name: stored[name] for name in same})


def swap_pool(p: Project) -> None:
    other = f"other-{p.tag}"
    if p.api.work_pool(other) is None:
        p.raw("POST", "/work_pools/", {"name": other, "type": "process"})
    p.raw("PATCH", f"/deployments/{p.stored()['id']}", {"work_pool_name": other})


def pause_pool(p: Project) -> None:
    p.raw("PATCH", f"/work_pools/{p.values['work-pool']}", {"is_paused": True})


def both(*made: Act) -> Act:
    return lambda p: [make(p) for make in made]
