"""Missing shared libraries, and their Debian packages.

That the packages exist is tested in tests/integration/probe/test_dependency_faults.py.
"""

from __future__ import annotations

import pytest

from flowship.probe.system_libraries import debian_package, missing_library

NO_FILE = "cannot open shared object file: No such file or directory"


@pytest.mark.parametrize(
    ("message", "library", "package"),
    [
        (f"libpq.so.5: {NO_FILE}", "libpq.so.5", "libpq5"),
        (f"libGL.so.1: {NO_FILE}", "libGL.so.1", "libgl1"),
        (f"libodbc.so.2: {NO_FILE}", "libodbc.so.2", "unixodbc"),
        (f"libsnappy.so.1: {NO_FILE}", "libsnappy.so.1", "libsnappy1v5"),
        (f"libtk8.6.so: {NO_FILE}", "libtk8.6.so", "libtk8.6"),
        (f"libgdal.so.32: {NO_FILE}", "libgdal.so.32", "libgdal32"),
        (f"libgdal.so.30: {NO_FILE}", "libgdal.so.30", None),
        (f"libmysqlclient.so.21: {NO_FILE}", "libmysqlclient.so.21", None),
        (f"lib could not be loaded.\n  * libgomp.so.1: {NO_FILE}", "libgomp.so.1", "libgomp1"),
        ("failed to find libmagic.  Check your installation", "libmagic.so.1", "libmagic1"),
        ("- couldn't import psycopg 'python': libpq library not found", "libpq.so.5", "libpq5"),
        (f"cannot load library 'gobject-2.0-0': gobject-2.0-0: {NO_FILE}", "libgobject-2.0-0",
         "libglib2.0-0"),
        ("cannot load library 'libsndfile.so'", "libsndfile.so", "libsndfile1"),
    ],
)  # fmt: skip
def test_a_missing_library_names_its_package(message, library, package):
    assert missing_library(message) == library
    assert debian_package(library) == package


@pytest.mark.parametrize("message", ["", "No module named 'x'", f"/opt/x/libfoo.so: {NO_FILE}"])
def test_other_messages_name_no_library(message):
    assert missing_library(message) == ""
