"""Shows each step's progress and result as it comes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowship.check import Checked
    from flowship.events import Report
    from flowship.image import BuiltImage
    from flowship.output.console import Screen
    from flowship.push import PushedImage


class ScreenListener:
    """A `flowship.pipeline.Listener` that writes to a screen's stderr."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def progress(self) -> AbstractContextManager[Report]:
        """A report that draws what slow work says."""
        return self._screen.progress()

    def checked(self, checked: Checked) -> None:
        """Show the findings."""
        from flowship.output import render_check

        self._screen.info(*render_check.findings(checked))

    def built(self, image: BuiltImage, engine_platform: str) -> None:
        """Show the image and its flow."""
        from flowship.output import render_image

        self._screen.info(*render_image.built(image, engine_platform))

    def pushed(self, image: PushedImage) -> None:
        """Show what the registry has."""
        from flowship.output import render_image

        self._screen.info(*render_image.pushed(image))
