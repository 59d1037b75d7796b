"""The picture of the architecture: which arrows are drawn, and how circles are found."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from parts import architecture


def test_an_arrow_that_follows_from_others_is_left_out():
    edges = {("cli", "check"), ("check", "config"), ("cli", "config")}
    assert architecture.reduced(edges) == {("cli", "check"), ("check", "config")}


def test_of_a_circle_the_import_that_fewer_modules_make_is_reported():
    weights = {("project", "config"): 5, ("config", "project"): 1, ("cli", "project"): 1}
    kept, closing = architecture.without_circles(weights)
    assert closing == {("config", "project")}
    assert kept == {("project", "config"), ("cli", "project")}


def test_a_circle_over_several_folders_is_found():
    weights = {("a", "b"): 2, ("b", "c"): 2, ("c", "a"): 1}
    assert architecture.without_circles(weights)[1] == {("c", "a")}


def test_a_folder_that_is_in_no_layer_stops_the_command():
    with pytest.raises(SystemExit, match="add it to LAYERS"):
        architecture.layer_of("helpers")


def test_every_folder_and_root_module_is_in_the_picture_once():
    root = ElementTree.fromstring(architecture.picture())
    drawn = [e.text or "" for e in root.iter() if e.get("class") == "room"]
    assert sorted(n.rstrip("/").removesuffix(".py") for n in drawn) == sorted(architecture.rooms())


def test_imports_within_functions_count():
    assert ("pipeline", "image") in architecture.imports()
