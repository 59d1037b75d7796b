"""The container engine: the client, and building."""
