"""The project's hooks during one command, shown on its screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowship.output.listener import ScreenListener
from flowship.project.hooks import Hooks, Point

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowship.config.settings import Settings
    from flowship.deployment.report import DeployReport
    from flowship.image import BuiltImage
    from flowship.output.console import Screen
    from flowship.push import PushedImage


def hooks_of(screen: Screen, settings: Settings, command: str) -> Hooks:
    """The hooks that a command runs, with their output on stderr."""
    from rich.text import Text

    def starts(point: Point, line: str) -> None:
        screen.info(Text(f"{point.value} hook: {line}"))

    return Hooks(settings, command, starts, lambda line: screen.info(Text(f"  {line}")))


class HookedListener(ScreenListener):
    """Runs ``post-build`` and ``post-push`` after each image is built and pushed."""

    def __init__(self, screen: Screen, hooks: Hooks, *, deploys: bool = False) -> None:
        super().__init__(screen, deploys=deploys)
        self._hooks = hooks

    def built(self, image: BuiltImage, engine_platform: str) -> None:
        """Show the image, then run the hook."""
        super().built(image, engine_platform)
        changed = flag(not image.unchanged)
        self._hooks.run(Point.POST_BUILD, image=image.reference, changed=changed)

    def pushed(self, image: PushedImage) -> None:
        """Show what the registry has, then run the hook."""
        super().pushed(image)
        changed = flag(not image.already)
        self._hooks.run(Point.POST_PUSH, image=image.reference, changed=changed)


def after_deploy(hooks: Hooks, reports: Sequence[DeployReport]) -> None:
    """Run ``post-deploy``."""
    hooks.run(
        Point.POST_DEPLOY,
        image="\n".join(dict.fromkeys(report.image for report in reports)),
        deployments="\n".join(
            f"{deployment.flow_name}/{deployment.name}"
            for report in reports
            for deployment in report.deployments
        ),
        changed=flag(any(report.operations for report in reports)),
    )


def flag(value: bool) -> str:
    """``true`` or ``false``, as shells compare it."""
    return str(value).lower()
