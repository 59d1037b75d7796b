"""Fixtures of the tests of profiles and of the servers that they name."""

from support.profiles import machine, server

__all__ = ["machine", "server"]
