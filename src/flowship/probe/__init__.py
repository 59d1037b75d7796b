"""Loads the flow inside a built image and reports what it finds."""
