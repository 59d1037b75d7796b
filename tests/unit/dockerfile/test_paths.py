"""Paths in an image, joined and cleaned as in the builder."""

from __future__ import annotations

import pytest

from flowship.dockerfile.paths import clean, is_absolute, is_within, join


@pytest.mark.parametrize(
    ("workdir", "path", "joined"),
    [
        ("/a", "b", "/a/b"),
        ("/a", "b/", "/a/b/"),
        ("/a", "/b", "/b"),
        ("/a", ".", "/a/"),
        ("/a/b", "..", "/a/"),
        ("/a/b", "../c", "/a/c"),
        ("/a", "b/.", "/a/b"),
        ("/", "..", "/"),
        ("/", "a//b", "/a/b"),
        ("C:\\a", "b", "C:\\a\\b"),
        ("C:\\a", "b\\", "C:\\a\\b\\"),
        ("C:\\a", "D:\\b", "D:\\b"),
    ],
)
def test_a_path_is_joined_with_the_working_directory(workdir, path, joined):
    assert join(workdir, path) == joined


@pytest.mark.parametrize(
    ("path", "linux", "windows"),
    [("/a", True, True), ("a", False, False), ("C:/a", False, True), ("\\a", False, True)],
)
def test_windows_paths_are_absolute_only_in_windows_images(path, linux, windows):
    assert is_absolute(path) == linux
    assert is_absolute(path, windows=True) == windows


def test_a_path_is_cleaned():
    assert clean("a/../b/./c//") == "/b/c"
    assert clean("..") == "/"


def test_a_path_is_within_its_folder_and_not_within_one_with_a_similar_name():
    assert is_within("/a/b", "/a")
    assert is_within("/a", "/a")
    assert is_within("/a", "")
    assert is_within("/a/b", "/a/")
    assert not is_within("/ab", "/a")
