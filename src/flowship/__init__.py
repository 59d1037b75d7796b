"""flowship: from a Python flow to a scheduled, containerised Prefect deployment."""

__version__ = "0.1.0"
