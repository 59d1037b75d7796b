"""Fixtures of the tests of the local stack."""

from support.profiles import server
from support.stack import machine, sleeper

__all__ = ["machine", "server", "sleeper"]
