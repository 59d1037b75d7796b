"""The project's configuration: found, read, overridden by the environment, explained when wrong."""
