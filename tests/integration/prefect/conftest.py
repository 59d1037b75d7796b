"""Fixtures of the tests of profiles."""

from support.profiles import machine

__all__ = ["machine"]
