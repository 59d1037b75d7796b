"""Shows each step's progress and result as it comes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from flowship.output.tables import warning_lines

if TYPE_CHECKING:
    from flowship.check import Checked
    from flowship.events import Report
    from flowship.image import BuiltImage
    from flowship.output.console import Screen
    from flowship.push import PushedImage


class ScreenListener:
    """A `flowship.per_image.Listener` that writes to a screen's stderr.

    Args:
        screen: Where to write.
        deploys: Whether a deployment follows: it shows the flow's parameters, and the command
            shows `attention` at its end, where it is not missed.

    Attributes:
        attention: The warnings of the steps, if a deployment follows.
    """

    def __init__(self, screen: Screen, *, deploys: bool = False) -> None:
        self._screen = screen
        self._deploys = deploys
        self.attention: list[str] = []
        self._of_image: dict[str, list[str]] = {}
        self._latest = ""

    def progress(self) -> AbstractContextManager[Report]:
        """A report that draws what slow work says."""
        return self._screen.progress()

    def checked(self, checked: Checked) -> None:
        """Show the findings."""
        from flowship.output import render_check

        self._screen.info(*render_check.findings(checked))
        if self._deploys:
            self.attention += [f"the check above found: {f.message}" for f in checked.findings]

    def built(self, image: BuiltImage, engine_platform: str) -> None:
        """Show the image and its flow."""
        from flowship.output import render_image

        self._latest = image.id
        self._of_image[image.id] = []
        self._screen.info(*render_image.built(image, parameters=not self._deploys))
        for text in render_image.image_warnings(image, engine_platform):
            self.warned(text)

    def warned(self, text: str) -> None:
        """Show a warning about the image that was built last."""
        self._of_image[self._latest].append(text)
        if self._deploys:
            self.attention.append(text)
        else:
            self._screen.info(*warning_lines([text]))

    def warnings_of(self, image: BuiltImage) -> list[str]:
        """The warnings about an image that was built."""
        return self._of_image.get(image.id, [])

    def pushed(self, image: PushedImage) -> None:
        """Show what the registry has."""
        from flowship.output import render_image

        self._screen.info(*render_image.pushed(image))

    def copied(self, reference: str) -> None:
        """Show the repository, before what the server changes for it."""
        from flowship.output import render_target

        self._screen.info(render_target.copied(reference))
