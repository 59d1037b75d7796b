"""The container engine: the only folder that knows docker-py."""
