"""Fixtures of the tests of the local stack."""

from support.stack import machine, sleeper

__all__ = ["machine", "sleeper"]
