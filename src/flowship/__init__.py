"""flowship: from a Python flow to a scheduled, containerized Prefect deployment."""

__version__ = "0.1.0"
