"""Releases: what each deploy made of a project, recorded on the Prefect server."""
