"""The project's hooks during one command, shown on its screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowship.commands.boundary import after_failure
from flowship.output.listener import ScreenListener
from flowship.project.hooks import Hooks, Point

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowship.config.settings import Settings
    from flowship.deployment.report import DeployReport
    from flowship.image import BuiltImage
    from flowship.output.console import Screen
    from flowship.push import PushedImage


def begin(screen: Screen, settings: Settings, command: str) -> Hooks:
    """The hooks of a command that is about to do its work; its failure runs ``on-failure``."""
    from rich.text import Text

    def starts(point: Point, line: str) -> None:
        screen.log(Text(f"{point.value} hook: {line}"))

    hooks = Hooks(settings, command, starts, lambda line: screen.log(Text(f"  {line}")))
    after_failure(lambda exc: hooks.failed(exc, screen.warn))
    return hooks


class HookedListener(ScreenListener):
    """Runs ``post-build`` and ``post-push`` after each image is built and pushed."""

    def __init__(self, screen: Screen, hooks: Hooks | None, *, deploys: bool = False) -> None:
        super().__init__(screen, deploys=deploys)
        self._hooks = hooks

    def built(self, image: BuiltImage, engine_platform: str) -> None:
        """Show the image, then run the hook."""
        super().built(image, engine_platform)
        changed = flag(not image.unchanged)
        self._run(Point.POST_BUILD, image=image.reference, changed=changed)

    def pushed(self, image: PushedImage) -> None:
        """Show what the registry has, then run the hook."""
        super().pushed(image)
        changed = flag(not image.already)
        self._run(Point.POST_PUSH, image=image.reference, changed=changed)

    def _run(self, point: Point, **facts: str) -> None:
        if self._hooks:
            self._hooks.run(point, **facts)


def after_deploy(screen: Screen, hooks: Hooks | None, reports: Sequence[DeployReport]) -> None:
    """Run ``post-deploy``; without `hooks`, in a dry run, nothing.

    An interruption is that of the hook alone, which the screen says.
    """
    if hooks is None:
        return
    deployments = "\n".join(
        f"{deployment.flow_name}/{deployment.name}"
        for report in reports
        for deployment in report.deployments
    )
    images = "\n".join(dict.fromkeys(report.image for report in reports))
    changed = flag(any(report.operations for report in reports))
    try:
        hooks.run(Point.POST_DEPLOY, image=images, deployments=deployments, changed=changed)
    except KeyboardInterrupt:
        screen.info("everything is deployed; only the post-deploy hook did not end")
        raise


def flag(value: bool) -> str:
    """``true`` or ``false``, as shells compare it."""
    return str(value).lower()
