"""``[[alerts]]`` as automations of the Prefect server: plain bodies without any id. Pure.

One alert becomes several automations, since each reacts to one kind of event:

- ``failed`` and ``crashed`` react to the type of a state, since its name is free: "TimedOut".
- ``late`` fires if nothing happens to a run within ``after`` since Prefect marked it late.
- ``stuck`` is one automation that ends a run whose heartbeat stopped, one that reports what it
  ended, and one that reports runs that stay in a state before or after "Running".
- ``retry-crashed`` is one automation for each start. Each fires once for a run, and so the number
  of starts is limited without anything that counts them.

That a run was ended is reported by an automation of its own: the one that ends it also fires for
runs that are over, whose first heartbeat arrived after their last state, and the server refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flowship.deployment import block_users
from flowship.deployment.schedule_rules import parse_interval
from flowship.deployment.schedule_words import duration_in_words
from flowship.errors import ConfigError
from flowship.prefect.versions import numbers

if TYPE_CHECKING:
    from flowship.config.settings import Settings
    from flowship.config.tables import Alert
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.types import Automation

OWNER = "flowship.alerts"
"""The beginning of what the server calls the owner of the automations of an image."""
HEARTBEATS = ("PREFECT_FLOWS_HEARTBEAT_FREQUENCY", "PREFECT_RUNNER_HEARTBEAT_FREQUENCY")
"""What makes a run send heartbeats, each so many seconds; the second is the name until 3.6.13."""

DEFAULT_AFTER = 900.0  # seconds
LEAST_AFTER = {"late": 10, "stuck": 90}  # what the server accepts; three of the fastest heartbeats
FASTEST, SLOWEST = 30, 180  # seconds between heartbeats: Prefect's minimum, and its default
MISSED = 3  # heartbeats that have to be missing
RETRY_WINDOW = 30 * 86400  # seconds in which each automation starts the same run once

_OF_PROJECT = re.compile(r"^flowship: [^:]*: ")
"""The beginning of an automation's name: which project, image and environment it is of."""
_RUN = "prefect.flow-run."
_BEFORE_RUNNING = ("Pending", "Submitting", "InfrastructurePending")
# What ends the wait for the next heartbeat. Without "Running": it comes after the first heartbeat,
# and a run that dies before the second would never be noticed. "AwaitingRetry" is left out
# for the same reason. A state with a name of its own makes the automation fire,
# and the server refuses to end what is over.
_NO_HEARTBEAT_DUE = (
    "heartbeat", "Completed", "Failed", "Crashed", "Cancelled", "TimedOut", "Paused", "Suspended",
    "Scheduled", "Late", "AwaitingConcurrencySlot", *_BEFORE_RUNNING,
)  # fmt: skip
_ENDED = "No heartbeat for "
"""The beginning of the state's message by which the report knows what was ended."""


@dataclass(frozen=True)
class DesiredAutomation:
    """One automation, without the ids of what it refers to.

    Attributes:
        name: What the UI shows.
        trigger: When it fires; the deployments are left out.
        action: What it does; the block is left out.
        deployments: The names of those whose runs it is about; None for all of the image.
        notify: The notification block, ``type/name``; empty for an action of another kind.
        where: The place of the alert in the configuration.
    """

    name: str
    trigger: Mapping[str, Any]
    action: Mapping[str, Any]
    deployments: tuple[str, ...] | None = None
    notify: str = ""
    where: str = field(default="", compare=False)

    def is_about(self, deployment: str) -> bool:
        """Whether it is about the runs of the deployment with this name."""
        return self.deployments is None or deployment in self.deployments


@dataclass(frozen=True)
class DesiredAlerts:
    """The automations of one image.

    Attributes:
        owner: What they are found by on the server; empty where nothing was configured or read.
        description: What the UI shows below the name of each.
        automations: Those wanted.
        heartbeats: Deployment → the seconds between two heartbeats of its runs.
    """

    owner: str = ""
    description: str = ""
    automations: tuple[DesiredAutomation, ...] = ()
    heartbeats: Mapping[str, int] = field(default_factory=dict)

    @property
    def notify(self) -> Mapping[str, str]:
        """The notification blocks, ``type/name``, and where each is written first."""
        found: dict[str, str] = {}
        for automation in self.automations:
            if automation.notify:
                found.setdefault(automation.notify, automation.where)
        return found

    def to_json(self) -> dict[str, Any]:
        """The alerts as JSON values only."""
        return {
            "owner": self.owner,
            "description": self.description,
            "automations": [
                {
                    "name": a.name,
                    "trigger": dict(a.trigger),
                    "action": dict(a.action),
                    "deployments": None if a.deployments is None else list(a.deployments),
                    "notify": a.notify,
                }
                for a in self.automations
            ],
            "heartbeats": dict(self.heartbeats),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> DesiredAlerts:
        """What `to_json` wrote; no alerts where it is empty.

        Raises:
            KeyError, TypeError: It is damaged.
        """
        if not document:
            return cls()
        return cls(
            owner=document["owner"],
            description=document["description"],
            automations=tuple(
                DesiredAutomation(
                    name=a["name"],
                    trigger=a["trigger"],
                    action=a["action"],
                    deployments=None if a["deployments"] is None else tuple(a["deployments"]),
                    notify=a["notify"],
                )
                for a in document["automations"]
            ),
            heartbeats=document["heartbeats"],
        )


def heartbeat_variable(prefect: str | None) -> str:
    """The environment variable that sets the heartbeat of runs with this version of Prefect."""
    current, earlier = HEARTBEATS
    return earlier if prefect and numbers(prefect) < (3, 6, 13) else current


def owner_of(project: str, block: str) -> str:
    """The owner of the alerts of a project's deployments on a block, which projects may share."""
    return f"{OWNER}.{project}.{block}"


def short_name(name: str) -> str:
    """An automation's name without its project: ``failed → slack-webhook/ops``."""
    return _OF_PROJECT.sub("", name)


def stored(api: PrefectApi, blocks: Iterable[str]) -> list[Automation]:
    """The automations that flowship made for the deployments on these blocks, of every project.

    Raises:
        ApiError: The API does not answer or refuses.
    """
    owners = {owner for block in blocks for owner in block_users.read(api, block).alerts}
    return [automation for owner in sorted(owners) for automation in api.automations_of(owner)]


# --- from the configuration ----------------------------------------------------------------------


def draft_alerts(settings: Settings) -> DesiredAlerts:
    """The automations that the configuration asks for, for one image.

    Raises:
        ConfigError: An alert names a deployment that does not exist, its ``after`` is too short,
            or two alerts ask for the same.
    """
    wanted = list(_of_image(settings))
    _refuse_two_retries(settings, wanted)
    automations = _each_once(a for one in wanted for a in _automations(one))
    return DesiredAlerts(
        owner=owner_of(settings.project.name, settings.block_name),
        description=f"Kept by flowship: [[alerts]] in the configuration of {settings.project.name}."
        " The next deploy restores what is changed here; whether it is enabled stays.",
        automations=tuple(automations),
        heartbeats=_heartbeats(settings, wanted),
    )


@dataclass(frozen=True)
class _Wanted:
    """One alert of the configuration, as far as it is about an image."""

    alert: Alert
    after: float
    deployments: tuple[str, ...] | None
    prefix: str
    suffix: str
    where: str

    def name(self, what: str) -> str:
        return f"{self.prefix}: {what}{self.suffix}"


def _of_image(settings: Settings) -> Iterator[_Wanted]:
    project = settings.project
    whose = [project.name, *([settings.image] if settings.image else [])]
    environment = f" ({project.environment})" if project.environment else ""
    for number, alert in enumerate(project.alerts):
        where = project.place("alerts", number) or f"alerts {number + 1}"
        unknown = [n for n in alert.deployments if n not in _all_names(project)]
        if unknown:
            raise ConfigError(
                f'the alert is about the deployment "{unknown[0]}", which is not configured',
                code="deployment-unknown",
                hint=f"configured: {', '.join(_all_names(project))}",
                where=project.place("alerts", number, "deployments") or where,
            )
        ours = tuple(n for n in alert.deployments if n in settings.deployment_names)
        if alert.deployments and not ours:
            continue
        yield _Wanted(
            alert=alert,
            after=_after(alert, project.place("alerts", number, "after") or where),
            deployments=ours or None,
            prefix=f"flowship: {'/'.join(whose)}{environment}",
            suffix=f" of {', '.join(ours)}" if ours else "",
            where=project.place("alerts", number, "notify") or where,
        )


def _all_names(project: Settings) -> tuple[str, ...]:
    return project.deployment_names


def _after(alert: Alert, where: str) -> float:
    after = DEFAULT_AFTER if alert.after is None else parse_interval(alert.after, where=where)
    least = max((LEAST_AFTER.get(event, 0) for event in alert.on), default=0)
    if after < least:
        event = next(e for e in ("stuck", "late") if LEAST_AFTER[e] == least)
        raise ConfigError(
            f'after = {duration_in_words(after)} is too short for "{event}"',
            code="alert-after-too-short",
            hint=f"use at least {duration_in_words(least)}",
            where=where,
        )
    return after


def _each_once(automations: Iterable[DesiredAutomation]) -> list[DesiredAutomation]:
    """The automations, with one that ends runs for two alerts that report it to different blocks.

    Raises:
        ConfigError: Two of them report the same to the same block.
    """
    found: dict[str, DesiredAutomation] = {}
    for automation in automations:
        if automation.notify and automation.name in found:
            raise ConfigError(
                f'two alerts ask for the same: "{automation.name}"',
                code="alert-duplicated",
                hint="remove one, or limit them to different deployments",
                where=automation.where,
            )
        found.setdefault(automation.name, automation)
    return list(found.values())


def _refuse_two_retries(settings: Settings, wanted: Sequence[_Wanted]) -> None:
    retrying = [one for one in wanted if one.alert.retry_crashed]
    for deployment in settings.deployment_names:
        about = [one for one in retrying if deployment in (one.deployments or (deployment,))]
        if len(about) > 1:
            raise ConfigError(
                f'two alerts have retry-crashed for the deployment "{deployment}"',
                code="alert-duplicated",
                hint="keep one, or limit them with deployments",
                where=about[1].where,
            )


def _heartbeats(settings: Settings, wanted: Sequence[_Wanted]) -> dict[str, int]:
    """How often the runs of each deployment must send one, so that some may be missed."""
    found: dict[str, int] = {}
    for one in wanted:
        if "stuck" in one.alert.on:
            seconds = int(min(SLOWEST, max(FASTEST, one.after / MISSED)))
            for name in one.deployments or settings.deployment_names:
                found[name] = min(seconds, found.get(name, seconds))
    return found


# --- the automations of an alert -----------------------------------------------------------------


def _automations(wanted: _Wanted) -> Iterator[DesiredAutomation]:
    on = wanted.alert.on
    for event, state in (("failed", "FAILED"), ("crashed", "CRASHED")):
        if event in on:
            yield _notifies(wanted, event, event, _reaching(state), _what_happened())
    if "late" in on:
        yield _late(wanted)
    if "stuck" in on:
        yield from _stuck(wanted)
    for number in range(1, wanted.alert.retry_crashed + 1):
        yield _retry(wanted, number)


def _notifies(
    wanted: _Wanted, what: str, subject: str, trigger: Mapping[str, Any], body: str
) -> DesiredAutomation:
    return DesiredAutomation(
        name=wanted.name(what) + f" → {wanted.alert.notify}",
        trigger=trigger,
        action={
            "type": "send-notification",
            "subject": f"{{{{ flow.name }}}}/{{{{ deployment.name }}}}: {subject}",
            "body": body,
        },
        deployments=wanted.deployments,
        notify=wanted.alert.notify or "",
        where=wanted.where,
    )


def _what_happened(*more: str) -> str:
    return "\n".join(
        (
            "Run {{ flow_run.name }} is {{ flow_run.state.name }}"
            "{{ ': ' ~ flow_run.state.message if flow_run.state.message else '.' }}",
            *more,
            "Logs: flowship logs {{ flow_run.id }}",
            "{{ flow_run | ui_url or '' }}",
        )
    )


def _late(wanted: _Wanted) -> DesiredAutomation:
    words = _in_words(wanted.after)
    body = _what_happened(
        "It was due at {{ flow_run.expected_start_time }}. Is a worker online? `flowship status`"
    )
    trigger = _waiting(("Late",), ("*",), wanted.after)
    return _notifies(wanted, f"late for {words}", f"late for {words}", trigger, body)


def _stuck(wanted: _Wanted) -> Iterator[DesiredAutomation]:
    words = _in_words(wanted.after)
    yield DesiredAutomation(
        name=wanted.name(f"end runs without a heartbeat for {words}"),
        trigger=_waiting(("heartbeat",), _NO_HEARTBEAT_DUE, wanted.after),
        action={
            "type": "change-flow-run-state",
            "state": "CRASHED",
            "name": "Crashed",
            "message": f"{_ENDED}{words}: its container has probably died. Ended by flowship.",
        },
        deployments=wanted.deployments,
        where=wanted.where,
    )
    if "crashed" not in wanted.alert.on:  # it reports these too
        ended = _reaching("CRASHED", **{"prefect.state-message": f"{_ENDED}*"})
        yield _notifies(wanted, "stuck", "stuck", ended, _what_happened())
    not_moving = _waiting((*_BEFORE_RUNNING, "Cancelling"), ("*",), wanted.after)
    not_moving["match"]["prefect.state-type"] = "*"  # without heartbeats, which have no state
    yield _notifies(
        wanted, f"not moving for {words}", f"stuck for {words}", not_moving, _what_happened()
    )


def _retry(wanted: _Wanted, number: int) -> DesiredAutomation:
    limit = wanted.alert.retry_crashed
    counts = {} if limit == 1 else {"prefect.run-count": _run_counts(number, limit)}
    return DesiredAutomation(
        name=wanted.name(f"start a crashed run again, {number} of {limit}"),
        trigger={
            **_reaching("CRASHED", **counts),
            "for_each": ["prefect.resource.id"],
            "within": float(RETRY_WINDOW),
        },
        action={
            "type": "change-flow-run-state",
            "state": "SCHEDULED",
            "name": "Scheduled",
            "message": f"Started again after a crash by flowship ({number} of {limit}).",
        },
        deployments=wanted.deployments,
        where=wanted.where,
    )


def _run_counts(number: int, limit: int) -> list[str]:
    """The starts of a run, as patterns, after which this automation starts it again: a run that
    crashed before it ran has none, and one that Prefect restarted itself has more."""
    counts = ["0", "1"] if number == 1 else [str(number)]
    if number == limit:
        counts += [f"[{limit + 1}-9]"] if limit < 9 else []
        counts += ["[1-9]?*"] if limit < 10 else ["1[1-9]", "[2-9]?", "[1-9]??*"]
    return counts


# --- triggers ------------------------------------------------------------------------------------


def _reaching(state: str, **labels: object) -> dict[str, Any]:
    """When a run reaches a state of this type, whatever its name."""
    return {
        "type": "event",
        "posture": "Reactive",
        "match": {"prefect.resource.id": f"{_RUN}*", "prefect.state-type": state, **labels},
        "after": [],
        "expect": [f"{_RUN}*"],
        "for_each": [],
        "threshold": 1,
        "within": 0.0,
    }


def _waiting(after: Sequence[str], expected: Sequence[str], within: float) -> dict[str, Any]:
    """When nothing that is expected of a run happens to it within a time after an event."""
    return {
        "type": "event",
        "posture": "Proactive",
        "match": {"prefect.resource.id": f"{_RUN}*"},
        "after": sorted(_RUN + name for name in after),
        "expect": sorted(_RUN + name for name in expected),
        "for_each": ["prefect.resource.id"],
        "threshold": 1,
        "within": within,
    }


def _in_words(seconds: float) -> str:
    words = duration_in_words(seconds)
    return words if words[0].isdigit() else f"1 {words}"
