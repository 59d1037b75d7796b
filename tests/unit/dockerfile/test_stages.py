"""Stages, their variables and their working directories."""

from __future__ import annotations

from flowship.dockerfile.stages import base_images


def test_base_images_are_the_external_ones_with_variables_expanded():
    text = (
        "ARG V=3.11\nARG R\nFROM python:${V}-slim AS a\nFROM a AS b\nFROM scratch\n"
        "FROM ${R:-hub}/x:1\nFROM $R/y\nFROM python:$V-slim\nFROM A\n"
    )
    assert base_images(text) == ["python:3.11-slim", "hub/x:1"]
    assert base_images(text, {"V": "3.12", "R": "r.example.com"}) == [
        "python:3.12-slim",
        "r.example.com/x:1",
        "r.example.com/y",
    ]
