"""The requests about automations.

Each one that flowship makes has an owner, which the server calls a resource: a name of our own, by
which all of a project's are found in one request, however many others the server has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from flowship.prefect.wire import Wire, path_part

if TYPE_CHECKING:
    from flowship.prefect.types import Automation


class AutomationRequests(Wire):
    """The endpoints of automations."""

    def automations_of(self, owner: str) -> list[Automation]:
        """The automations that were created for this owner."""
        path = f"/automations/related-to/{path_part(owner)}"
        return cast("list[Automation]", self._list("GET", path))

    def create_automation(self, body: Mapping[str, Any]) -> Automation:
        """Create an automation; ``owner_resource`` in the body is its owner."""
        return cast("Automation", self._must("POST", "/automations/", body))

    def update_automation(self, automation_id: str, body: Mapping[str, Any]) -> None:
        """Replace an automation. It keeps its id and its owner, and starts counting again."""
        assert "enabled" in body, "left out, a server may enable what a person disabled"
        self._request("PUT", f"/automations/{automation_id}", body)

    def delete_automation(self, automation_id: str) -> None:
        """Delete an automation, if it still exists."""
        self._request("DELETE", f"/automations/{automation_id}", missing=True)
