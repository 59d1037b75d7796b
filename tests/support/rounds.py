"""How long the attacks in ``tests/attacks`` go on: short in CI, long by hand."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

ROUNDS = int(os.environ.get("FLOWSHIP_ATTACK_ROUNDS", "1"))
"""The number of random attempts is a multiple of it."""


def attempts(name: str, each: int = 1) -> Iterator[random.Random]:
    """A source of chance for each attempt; the same ones in each run with as many rounds.

    Args:
        name: What is attacked.
        each: The number of attempts in one round.
    """
    for number in range(ROUNDS * each):
        yield random.Random(f"{name} {number}")
