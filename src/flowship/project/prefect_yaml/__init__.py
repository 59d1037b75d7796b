"""Imports an existing ``prefect.yaml``: its deployments, schedules and steps."""

from flowship.project.prefect_yaml.document import Left
from flowship.project.prefect_yaml.translation import Translation, translate

__all__ = ["Left", "Translation", "translate"]
