"""What the checks look at, and what they learn about it for each other."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from flowship.scope import Scope

if TYPE_CHECKING:
    from flowship.config.settings import Settings
    from flowship.engine.client import Engine
    from flowship.errors import FlowshipError
    from flowship.image import BuiltImage
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.profiles.resolution import ApiTarget
    from flowship.prefect.types import BlockDocument, WorkPool
    from flowship.registry import Credentials, Reference
    from flowship.runs.find import FoundDeployment


@dataclass
class World:
    """One examination.

    Each attribute of the second part is written by one check, and read only by checks that need
    that one: `examination` starts these after it.

    Attributes:
        folder: Where the command is run.
        scope: The project and the server.
        unreadable: Why the folder's configuration does not even have an outline.
        fix: Whether to remove leftovers.
        environ: The environment variables.
        connections: The engine and the server, where they answered.
        target: The Prefect API; by `api-set`.
        server: The server's version; by `api-reachable`.
        repository: Where images are pushed, and the login there; by `registry-reachable`.
        deployments: Those of the project on the server; by `deployments`.
        pools: The work pools by name, None for one that does not exist; by `work-pool`.
        blocks: The blocks by name, None for one that does not exist; by `block`.
        images: The deployed images by their blocks, as far as they are known; by
            `deployed-image`.
    """

    folder: Path
    scope: Scope
    unreadable: FlowshipError | None = None
    fix: bool = False
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    target: ApiTarget | None = None
    server: str = ""
    repository: tuple[Reference, Credentials | None] | None = None
    deployments: tuple[FoundDeployment, ...] = ()
    pools: dict[str, WorkPool | None] = field(default_factory=dict)
    blocks: dict[str, BlockDocument | None] = field(default_factory=dict)
    images: dict[str, BuiltImage] = field(default_factory=dict)
    connected_engine: Engine | None = None
    connected_api: PrefectApi | None = None

    @property
    def engine(self) -> Engine:
        """The engine; only for checks that need `engine-reachable`."""
        assert self.connected_engine is not None, "the check needs engine-reachable"
        return self.connected_engine

    @property
    def api(self) -> PrefectApi:
        """The server; only for checks that need `api-reachable`."""
        assert self.connected_api is not None, "the check needs api-reachable"
        return self.connected_api

    @property
    def settings(self) -> Settings | None:
        """The project's settings, if all of them are valid."""
        return self.scope.settings

    @property
    def why_no_settings(self) -> str:
        """Why there are none; empty if there are."""
        if self.settings is not None:
            return ""
        if self.unreadable or self.scope.problem:
            return "not known: the configuration is not valid"
        if self.scope.project is None:
            return "no project in this folder"
        return f"not known here: only the folder of {self.scope.project} has its configuration"

    @property
    def block_names(self) -> tuple[str, ...]:
        """The blocks of the project's images."""
        if self.scope.outline is None:
            return (f"{self.scope.project}-docker",) if self.scope.project else ()
        if self.settings is None:
            return self.scope.outline.blocks
        return tuple(each.block_name for each in self.settings.per_image())
