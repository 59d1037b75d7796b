"""The real parts of the tests and the demo: container engine, base image, registry, servers."""
