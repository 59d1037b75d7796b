"""Refuses to carry out what is not the plan that was reviewed, and says what moved since."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowship.deployment.desired import Flags
from flowship.errors import ApiError, ConfigError
from flowship.planning.inputs import changed
from flowship.planning.project_plan import without_repeated
from flowship.planning.reviewed import ReviewedImage, ReviewedPlan, differences

if TYPE_CHECKING:
    from flowship.config.settings import Settings
    from flowship.deployment.report import DeployReport


@dataclass(frozen=True)
class Review:
    """A plan that was reviewed, against which everything is checked before it is done.

    Attributes:
        plan: The plan.
        file: Where it was read from.
    """

    plan: ReviewedPlan
    file: str = "plan.json"

    @property
    def flags(self) -> Flags:
        """The options that the plan was made with."""
        return Flags(name=self.plan.name, prune=self.plan.prune)

    def _make_new(self, environment: str | None) -> str:
        """The hint with the command that makes a plan with the same options, in the same file."""
        plan = self.plan
        values = {"env": environment, "only": plan.only, "name": plan.name, "repo": plan.repo}
        options = [f"--{option} {shlex.quote(value)}" for option, value in values.items() if value]
        options += ["--prune"] if plan.prune else []
        command = " ".join(["flowship plan", *options, "--out", shlex.quote(self.file)])
        return f"make a new plan, and review it: `{command}`"

    def image(self, label: str) -> ReviewedImage:
        """The plan of an image.

        Raises:
            ConfigError: The configuration has another image than the plan.
        """
        found = next((each for each in self.plan.images if each.name == label), None)
        if found is None:
            raise ConfigError(
                f"the plan has no image {label}: the configuration changed",
                code="plan-files-changed",
                hint=self._make_new(self.plan.environment),
            )
        return found

    def reference(self, label: str) -> str | None:
        """The pinned image, if the registry had it when the plan was made."""
        image = self.image(label)
        return image.reference if image.action == "nothing" else None

    @contextmanager
    def image_present(self, label: str) -> Iterator[None]:
        """Says how the image of this plan is made, where it does not exist.

        Raises:
            ConfigError: It does not.
        """
        try:
            yield
        except ConfigError as exc:
            if exc.code == "image-not-built":
                builds = self.image(label).action == "build"
                exc.message += "; the plan says that it is built first" if builds else ""
                exc.hint = f"run `flowship ship --plan {shlex.quote(self.file)}`, which builds it"
            raise

    def require_same_place(self, settings: Settings, url: str) -> None:
        """Refuse the plan of another project, environment or server.

        Raises:
            ConfigError: It is one.
        """
        for what, planned, here in (
            ("project", self.plan.project, settings.name),
            ("environment", self.plan.environment, settings.environment),
            ("server", self.plan.api_url, url),
        ):
            if planned != here:
                raise ConfigError(
                    f"the plan is for the {what} {planned or '(none)'}, but this is"
                    f" {here or '(none)'}",
                    code="plan-for-another",
                    hint=f"add --env {planned}"
                    if what == "environment" and planned
                    else self._make_new(settings.environment),
                    where="--plan",
                )

    def require_same_files(self, label: str, inputs: str, files: Mapping[str, str]) -> None:
        """Refuse to build or deploy other files than those of the plan.

        Args:
            label: The image's name.
            inputs: The hash of its inputs now; empty where it is not known.
            files: The short hash of each input.

        Raises:
            ConfigError: They changed.
        """
        was = self.image(label)
        if was.inputs and inputs and was.inputs != inputs:
            raise ConfigError(
                f"the files of the image {label} changed since the plan was made",
                code="plan-files-changed",
                hint=self._make_new(self.plan.environment),
                details="\n".join(changed(was.files, files)),
            )

    def require_same_changes(
        self, labels: Sequence[str], reports: Sequence[DeployReport], release: int, who: str = ""
    ) -> None:
        """Refuse to change the server otherwise than the plan says.

        Args:
            labels: The name of each image.
            reports: What would be done of each.
            release: The number of the last release.
            who: Who made it.

        Raises:
            ApiError: Something else would be done, or the server has something else that stays.
        """
        moved = [
            words
            for label, report in zip(labels, without_repeated(reports), strict=True)
            for was in [self.image(label)]
            for words in differences(was, report, image_known=was.action == "nothing")
        ]
        if not moved:
            return
        by = f" by {who}" if who else ""
        since = f" (release {release}{by} was made since)" if release > self.plan.release else ""
        raise ApiError(
            f"the server is not as it was when the plan was made{since}: nothing was changed",
            code="plan-outdated",
            hint=self._make_new(self.plan.environment),
            details="\n".join(moved),
        )
