"""The command line: options, one call, one rendering per command, and the one error boundary.

Nothing heavy is imported at the top: a command pays only for what it uses.
"""

from __future__ import annotations

import functools
import gc
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flowship import __version__
from flowship.errors import ExitCode, FlowshipError, RunFailedError, UsageError

if TYPE_CHECKING:
    from flowship.config import Settings
    from flowship.console import Screen
    from flowship.engine import Engine
    from flowship.image import BuiltImage
    from flowship.plan import Plan

# What Typer's parser raises; its Click is its own, and this is the way to the class.
CLICK_ERROR: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "UsageError")

app = typer.Typer(
    name="flowship",
    help="Take a Python flow to a container image, a registry and a scheduled Prefect deployment.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
profile_app = typer.Typer(
    help="Which Prefect API is used: Prefect's own profiles, the same file.",
    no_args_is_help=True,
)
app.add_typer(profile_app, name="profile")
etl_app = typer.Typer(
    help="The shipped ETL pipeline: New York taxi trips from the web to Parquet.",
    no_args_is_help=True,
)
app.add_typer(etl_app, name="etl")


# --- the boundary --------------------------------------------------------------------------------


def command(to: typer.Typer, name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command; expected failures leave as one message and their exit code."""

    def register(body: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(body)
        def run(*args: Any, **options: Any) -> None:  # noqa: ANN401 - whatever the body takes
            from flowship.console import Screen

            screen = Screen(as_json=bool(options.get("as_json")))
            try:
                body(*args, **options)
            except FlowshipError as exc:
                screen.error(exc)
                raise typer.Exit(int(exc.exit_code)) from exc
            except KeyboardInterrupt as exc:
                raise typer.Exit(screen.interrupted()) from exc
            except (typer.Exit, typer.Abort, typer.BadParameter):
                raise
            except Exception as exc:
                raise typer.Exit(screen.bug(exc)) from exc

        to.command(name)(run)
        return run

    return register


def main() -> None:
    """The console script."""
    # Imports make many objects and no garbage: looking for it every 700 of them takes a tenth
    # of a short command's time. Collected it still is, where a command runs on and makes some.
    gc.set_threshold(200_000, 10, 10)
    # A CI job that is cancelled, or `kill`: what was begun is tidied up as at Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    from flowship.console import Screen, lasting_streams

    code = 0
    try:
        with lasting_streams():
            code = _run()
    except UsageError as exc:  # the result did not get out; a failure's own code says more
        Screen().tell(exc)
        code = code or int(exc.exit_code)
    sys.exit(code)


def _run() -> int:
    """Run the command of the command line; its exit code."""
    as_json = "--json" in sys.argv
    try:
        return int(app(standalone_mode=not as_json) or 0)
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else 0
    except CLICK_ERROR as exc:  # an option that there is not: the parser's own words, as JSON
        from flowship.console import Screen

        command = exc.ctx.command_path if exc.ctx else "flowship"
        error = UsageError(exc.format_message(), hint=f"`{command} --help` lists what it takes")
        Screen(as_json=True).error(error)
        return int(error.exit_code)


# --- options that several commands share ---------------------------------------------------------


def _not_empty(value: str | None) -> str | None:
    """An empty value is a script's variable that was not set, and no wish for the default."""
    if value is not None and not value.strip():
        raise typer.BadParameter("is empty; leave the option out for the default")
    return value


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Repo = Annotated[
    str | None,
    typer.Option(
        "--repo",
        callback=_not_empty,
        help="Where the image goes: user/de-repo:tag, host:port/repo, …",
    ),
]
Image = Annotated[
    str | None,
    typer.Option(
        "--image",
        callback=_not_empty,
        help="An image that flowship built, instead of the present files'.",
    ),
]
Platform = Annotated[
    str | None,
    typer.Option(
        "--platform",
        callback=_not_empty,
        help="Build for this platform: linux/amd64, linux/arm64.",
    ),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Build every step anew.")]
NoProbe = Annotated[
    bool, typer.Option("--no-probe", help="Do not load the flow inside the image. At your risk.")
]
BuildArg = Annotated[
    list[str] | None,
    typer.Option("--build-arg", help="KEY=VALUE for an ARG of the Dockerfile; repeatable."),
]
Cron = Annotated[
    str | None,
    typer.Option("--cron", help='Run at these times: "0 5 * * *" is every day at 05:00.'),
]
Interval = Annotated[
    str | None,
    typer.Option("--interval", help="Run every so often: 15m, 1h30m, 1d, or seconds."),
]
Rrule = Annotated[
    str | None,
    typer.Option("--rrule", help="Run by an iCalendar recurrence rule (RFC 5545)."),
]
Timezone = Annotated[
    str | None,
    typer.Option(
        "--timezone",
        callback=_not_empty,
        help="The schedule's timezone: Pacific/Auckland; else UTC.",
    ),
]
Param = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", help="key=value for the flow; JSON is understood; repeatable."),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name", callback=_not_empty, help="Which deployment, where several are configured."
    ),
]
Paused = Annotated[
    bool | None,
    typer.Option("--paused/--no-paused", help="Pause or resume; left as it is when not given."),
]
NoSchedule = Annotated[
    bool, typer.Option("--no-schedule", help="Remove the schedules that flowship made.")
]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"flowship {__version__}")
        raise typer.Exit


@app.callback()
def common(
    folder: Annotated[
        Path | None,
        typer.Option("--folder", "-C", help="Work in this folder instead of the current one."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What holds for every command."""
    if folder is None:
        try:
            Path.cwd()
        except FileNotFoundError as exc:
            raise typer.BadParameter("the current folder does not exist any more") from exc
    else:
        if not folder.is_dir():
            what = "is no folder" if folder.exists() else "does not exist"
            raise typer.BadParameter(f"{folder} {what}", param_hint="--folder")
        os.chdir(folder)


def _settings(screen: Screen, **overrides: object) -> Settings:
    from flowship import config, cycle

    settings = config.load(Path.cwd(), overrides=overrides)
    cycle.judge_names(settings)
    for warning in settings.warnings:
        screen.warn(warning)
    if settings.shipped:
        screen.say("no project here: this is the shipped ETL flow (New York taxi trips)")
    return settings


def _pairs(items: list[str] | None, option: str) -> dict[str, str]:
    pairs = {}
    for item in items or ():
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise UsageError(f"{option} takes key=value, not {item!r}", where=option)
        pairs[key] = value
    return pairs


# --- check, build, push --------------------------------------------------------------------------


@command(app, "check")
def check(
    dockerfile: Annotated[
        Path | None,
        typer.Argument(help="A Dockerfile; without it, the project's."),
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be mended safely.")] = False,
    as_json: Json = False,
) -> None:
    """Look for what would make the scheduled run fail, before anything is built.

    COPY destinations must be absolute; the flow's file must land where the
    deployment looks for it; nothing secret may enter the image.
    Exit code 3 when there are errors.
    """
    from flowship import cycle, views
    from flowship.console import Screen

    screen = Screen(as_json=as_json)
    here = Path.cwd()
    if dockerfile:
        checked = cycle.check_file(dockerfile, cycle.settings_or_none(here))
    else:
        checked = cycle.check_project(here)
    checked, fixed = cycle.fix(checked) if fix else (checked, 0)
    checked = cycle.with_hadolint(checked)
    for warning in checked.warnings:
        screen.warn(warning)
    screen.say(*views.findings(checked, fixed))
    screen.result(views.findings_json(checked, fixed))
    if checked.errors:
        raise typer.Exit(int(ExitCode.CONFIG))


@command(app, "build")
def build(
    no_cache: NoCache = False,
    no_probe: NoProbe = False,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", "-t", help="A further name for the image; repeatable."),
    ] = None,
    platform: Platform = None,
    build_arg: BuildArg = None,
    print_dockerfile: Annotated[
        bool, typer.Option("--print-dockerfile", help="Print the Dockerfile and stop.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check, build the image, and load the flow inside it.

    The image's name is a hash of everything that goes into it: an unchanged
    project is not built again. An image whose flow does not load gets no name.
    Exit codes 3, 4, 5, 6.
    """
    from flowship import cycle, views
    from flowship.console import Screen

    screen = Screen(as_json=as_json)
    names = cycle.further_names(tag)
    plan = _plan(screen, platform, build_arg)
    if print_dockerfile:
        screen.result({"dockerfile": plan.dockerfile}, plan.dockerfile)
        return
    image = _build(screen, plan, no_cache=no_cache, no_probe=no_probe, tags=names)
    screen.result(views.built_json(image), image.reference)


def _plan(screen: Screen, platform: str | None, build_arg: list[str] | None) -> Plan:
    from flowship.plan import plan as make_plan

    settings = _settings(screen, platform=platform)
    arguments = {**settings.build_args, **_pairs(build_arg, "--build-arg")}
    return make_plan(settings.model_copy(update={"build_args": arguments}))


def _build(
    screen: Screen,
    plan: Plan,
    *,
    no_cache: bool = False,
    no_probe: bool = False,
    tags: tuple[str, ...] = (),
    engine: Engine | None = None,
    elsewhere: Callable[[str], BuiltImage | None] = lambda inputs: None,
) -> BuiltImage:
    from flowship import cycle, image, views
    from flowship.engine import connect

    checked = cycle.check_plan(plan)
    cycle.refuse_missing_flow(checked, plan.settings)
    if checked.findings:
        screen.say(*views.findings(checked))
    cycle.refuse_errors(checked)
    options = image.BuildOptions(no_cache=no_cache, probe=not no_probe, tags=tags)
    engine = engine or connect()
    with screen.progress() as report:
        built = image.build(engine, plan, options, report, elsewhere)
    screen.say(*views.built(built, engine.platform))
    return built


@command(app, "push")
def push(repo: Repo = None, image: Image = None, as_json: Json = False) -> None:
    """Push the image of the present files to a registry, and check that it arrived.

    Prints user/de-repo:tag@sha256:… on stdout.
    Files changed since the build: exit code 3.
    A registry that refuses or does not answer: exit code 6.
    """
    from flowship import cycle, views
    from flowship.console import Screen
    from flowship.engine import connect
    from flowship.push import push as push_image

    screen = Screen(as_json=as_json)
    settings = _settings(screen) if image is None else cycle.settings_or_none(Path.cwd())
    target = cycle.push_target(repo, settings)
    credentials = cycle.credentials(target)
    engine = connect()
    with screen.progress() as report:
        built = cycle.image_to_push(engine, image, settings)
        pushed = push_image(engine, built, target, credentials=credentials, report=report)
    screen.say(*views.pushed(pushed))
    screen.result(pushed, pushed.reference)


@command(app, "login")
def login(
    registry: Annotated[
        str, typer.Argument(help="The registry's host, with port if any; Docker Hub by default.")
    ] = "",
    username: Annotated[
        str | None,
        typer.Option("--username", "-u", help="The user; asked for on a terminal."),
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password or token from stdin.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Log in to a registry, and keep the credentials the way docker does."""
    from flowship import cycle, views
    from flowship.console import Screen, ask_credentials

    screen = Screen(as_json=as_json)
    user, password = ask_credentials(username, from_stdin=password_stdin)
    done = cycle.login(registry, user, password)
    screen.say(*views.logged_in(done))
    screen.result(done)


# --- deploy, ship --------------------------------------------------------------------------------


@command(app, "deploy")
def deploy(
    cron: Cron = None,
    interval: Interval = None,
    rrule: Rrule = None,
    timezone: Timezone = None,
    param: Param = None,
    name: Name = None,
    image: Image = None,
    paused: Paused = None,
    no_schedule: NoSchedule = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be deployed; change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Register the block, the work pool and the scheduled deployment; again and again.

    Re-running converges: what a person did in the UI stays, what the
    configuration dropped goes. Everything is judged before anything changes.
    Exit codes 2, 3, 4, 7; 6 for an --image that only a registry has.
    """
    from flowship import cycle, views
    from flowship.console import Screen
    from flowship.deploy import Flags, apply, preflight, validate_early

    screen = Screen(as_json=as_json)
    settings = _settings(screen)
    flags = Flags(
        cron, interval, rrule, timezone, _pairs(param, "--param"), name, paused, no_schedule
    )
    validate_early(settings, flags)
    if dry_run:
        specs = cycle.specs_of(image, settings, flags)
        screen.say(*views.specs(specs))
        screen.result({"deployments": [spec.to_json() for spec in specs]})
        return
    with cycle.open_api() as api:
        ground = preflight(settings, flags, api)
        specs = cycle.specs_of(image, settings, flags)
        with screen.progress() as report:
            deployed = apply(specs, ground, api, settings, report)
    screen.say(*views.deployed(deployed))
    screen.result(deployed.to_json(), views.deployment_names(deployed))


@command(app, "ship")
def ship(
    repo: Repo = None,
    cron: Cron = None,
    interval: Interval = None,
    rrule: Rrule = None,
    timezone: Timezone = None,
    param: Param = None,
    name: Name = None,
    paused: Paused = None,
    no_schedule: NoSchedule = False,
    no_cache: NoCache = False,
    no_probe: NoProbe = False,
    platform: Platform = None,
    build_arg: BuildArg = None,
    as_json: Json = False,
) -> None:
    """Check, build, probe, push and deploy, stopping at the first step that fails.

    Nothing unprobed is pushed (but with --no-probe), nothing unpushed is deployed.
    """
    from flowship import cycle, views
    from flowship.console import Screen
    from flowship.deploy import Flags, apply, judge_kept, preflight, validate_early
    from flowship.engine import connect
    from flowship.push import published
    from flowship.push import push as push_image

    screen = Screen(as_json=as_json)
    plan = _plan(screen, platform, build_arg)
    settings = plan.settings
    flags = Flags(
        cron, interval, rrule, timezone, _pairs(param, "--param"), name, paused, no_schedule
    )
    target = cycle.push_target(repo, settings)
    credentials = cycle.credentials(target)
    validate_early(settings, flags)
    with cycle.open_api() as api:
        ground = preflight(settings, flags, api)
        engine = connect()
        built = _build(
            screen,
            plan,
            no_cache=no_cache,
            no_probe=no_probe,
            engine=engine,
            elsewhere=lambda inputs: published(engine, target, inputs, credentials),
        )
        judge_kept(cycle.specs(settings, built, flags), api)  # parameters, before the push
        with screen.progress() as report:
            pushed = push_image(engine, built, target, credentials=credentials, report=report)
        screen.say(*views.pushed(pushed))
        specs = cycle.specs(settings, built, flags, pushed.reference)
        with screen.progress() as report:
            deployed = apply(specs, ground, api, settings, report)
    screen.say(*views.deployed(deployed))
    result = {"build": views.built_json(built), "push": pushed, "deploy": deployed.to_json()}
    screen.result(result, pushed.reference)


# --- run, up, down -------------------------------------------------------------------------------


@command(app, "run")
def run(
    deployment: Annotated[
        str | None,
        typer.Argument(
            callback=_not_empty,
            help="flow/deployment, or the deployment's name; else the project's.",
        ),
    ] = None,
    param: Param = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Stream the logs; end with the run's outcome.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Start a run of a deployment.

    With --watch the exit code is the run's outcome: 8 when it did not complete.
    """
    from flowship import cycle, runs, views
    from flowship.console import Screen

    screen = Screen(as_json=as_json)
    given = _pairs(param, "--param")
    settings = None if deployment else _settings(screen)
    name = cycle.only_deployment(settings) if settings else str(deployment)
    with cycle.open_api() as api:
        found = runs.find(api, name, project=lambda: settings or cycle.known_project(Path.cwd()))
        started = runs.start(api, found, given)
        screen.say(*views.started(started))
        if not watch:
            screen.result(started.to_json(), started.id)
            return
        try:
            ended = runs.watch(
                api,
                started,
                lambda record: screen.say(views.log(record)),
                on_state=lambda state: screen.say(views.state(state)),
                warn=screen.warn,
            )
        except KeyboardInterrupt:
            screen.say("no longer watching; the run goes on", *views.hints(started))
            raise typer.Exit(screen.interrupted(started.to_json())) from None
    screen.say(*views.ended(ended))
    screen.result(ended.to_json(), ended.state_type)
    try:
        runs.ensure_completed(ended)
    except RunFailedError as exc:  # the result is on stdout already
        screen.tell(exc)
        raise typer.Exit(int(exc.exit_code)) from exc


@command(app, "up")
def up(
    port: Annotated[int, typer.Option("--port", help="The local server's port.")] = 4200,
    pool: Annotated[
        str | None,
        typer.Option("--pool", help="The worker's pool; else the configured one."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Start a local Prefect server and a docker worker, and wait until both really answer.

    Safe to repeat. Where an API is set already, only the worker is started.
    """
    from flowship import cycle, views
    from flowship.console import Screen

    screen = Screen(as_json=as_json)
    with screen.progress() as report:
        stack = cycle.up(pool or cycle.work_pool(Path.cwd()), port, report)
    screen.say(*views.stack(stack))
    screen.result(stack, stack.api_url or "")


@command(app, "down")
def down(as_json: Json = False) -> None:
    """Stop what `flowship up` started. Safe to repeat."""
    from flowship import stack as stacks
    from flowship import views
    from flowship.console import Screen

    screen = Screen(as_json=as_json)
    with screen.progress() as report:
        stopped = stacks.down(report)
    screen.say(*views.stack(stopped))
    screen.result(stopped)


# --- etl -----------------------------------------------------------------------------------------


@command(etl_app, "run")
def etl_run(
    to: Annotated[
        str,
        typer.Option("--to", help="A folder, or a Prefect block such as gcs-bucket/taxi."),
    ],
    year: Annotated[int, typer.Option("--year", help="The year of the trips.")] = 2021,
    months: Annotated[
        str, typer.Option("--months", help="Which months: 1, 1-3, or 1-3,12.")
    ] = "1-2",
    colour: Annotated[
        str, typer.Option("--colour", help="Which taxis: yellow, green or fhv.")
    ] = "yellow",
    source: Annotated[
        str,
        typer.Option(
            "--source",
            help="mirror, official, a folder, or an address with {colour} {year} {month:02}.",
        ),
    ] = "mirror",
    force: Annotated[
        bool, typer.Option("--force", help="Load months again though nothing changed.")
    ] = False,
    max_rejects: Annotated[
        int, typer.Option("--max-rejects", min=0, help="Bad rows a month may have.")
    ] = 100,
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, max=64, help="Months loaded at a time.")
    ] = 2,
    as_json: Json = False,
) -> None:
    """Load months in this process: the pipeline of the shipped flow, without a Prefect server.

    A month whose source and code did not change is left as it is. A month that fails does not
    stop the others; exit code 8 then.
    """
    from flowship import months as loading
    from flowship import views
    from flowship.console import Screen

    screen = Screen(as_json=as_json)
    results = loading.load(
        year,
        loading.parse(months),
        colour,
        source,
        to,
        force=force,
        max_rejects=max_rejects,
        concurrency=concurrency,
        story=screen.story,
    )
    screen.say(*views.months(results))
    screen.result(loading.as_json(results), "\n".join(r.where for r in results if r.where))
    try:
        loading.ensure_loaded(results)
    except RunFailedError as exc:  # the result is on stdout already
        screen.tell(exc)
        raise typer.Exit(int(exc.exit_code)) from exc


# --- init, profile -------------------------------------------------------------------------------


@command(app, "init")
def init(as_json: Json = False) -> None:
    """Write a small working project into an empty folder; never over anything.

    In a folder with flows already, only flowship.toml is written.
    """
    from flowship import config, scaffold, views
    from flowship.console import Screen

    screen = Screen(as_json=as_json)
    folder = Path.cwd()
    config.refuse_inside_project(folder)
    name, warnings = config.default_name(folder)
    written = scaffold.init(
        folder,
        name=name,
        base_image=os.environ.get("FLOWSHIP_BASE_IMAGE") or config.default_base_image(),
    )
    for warning in warnings:
        screen.warn(warning)
    screen.say(*views.scaffold(written))
    screen.result(written, "\n".join(written.written))


@command(profile_app, "set-api")
def profile_set_api(
    url: Annotated[
        str | None,
        typer.Argument(help="The API's address; without it, the local server's."),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option("--profile", help="The profile to write; else the active one."),
    ] = None,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Do not ask whether a server answers there.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Store the Prefect API's address in a profile, after checking that it answers."""
    from flowship import profiles, views
    from flowship.console import Screen

    screen = Screen(as_json=as_json)
    change = profiles.set_api(url, profile, check=not no_check)
    screen.say(*views.profile_change(change))
    screen.result(change, change.url or "")


@command(profile_app, "ls")
def profile_ls(as_json: Json = False) -> None:
    """List the profiles; the active one is marked."""
    from flowship import profiles, views
    from flowship.console import Screen

    screen = Screen(as_json=as_json)
    found = profiles.list_profiles()
    screen.result({"profiles": found}, views.profile_list(found))


@command(profile_app, "use")
def profile_use(
    name: Annotated[str, typer.Argument(help="The profile to make active.")],
    as_json: Json = False,
) -> None:
    """Make a profile the active one."""
    from flowship import profiles, views
    from flowship.console import Screen

    screen = Screen(as_json=as_json)
    change = profiles.use(name)
    screen.say(*views.profile_change(change))
    screen.result(change)


@command(profile_app, "show")
def profile_show(
    name: Annotated[
        str | None,
        typer.Argument(help="The profile; without it, the active one."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show a profile's settings, secrets masked, and where the API address comes from."""
    from flowship import profiles, views
    from flowship.console import Screen

    screen = Screen(as_json=as_json)
    shown = profiles.show(name)
    target = profiles.resolve()
    for warning in target.warnings:
        screen.warn(warning)
    screen.result(views.profile_json(shown, target), views.profile_text(shown, target))


if __name__ == "__main__":
    main()
