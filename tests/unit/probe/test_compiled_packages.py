"""Compiled packages that do not fit the image. The texts are those of the real faults, which
tests/integration/probe/test_dependency_faults.py produces."""

from __future__ import annotations

import pytest

from flowship.probe.compiled_packages import find

SITE = "/opt/venv/lib/python3.11/site-packages"
OWN = ".cpython-311-x86_64-linux-gnu.so"


def found(kind, message, *, files=(), **facts):
    frames = "".join(f'  File "{file}", line 1, in x\n' for file in files)
    return find({"type": kind, "message": message, "traceback": frames, **facts}, "r.txt")


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header,"
         " got 88 from PyObject", 'add "numpy<2" to r.txt, or use a newer version of pandas'),
        ("numpy.dtype size changed, may indicate binary incompatibility. Expected 88 from C header,"
         " got 96 from PyObject", "raise numpy in r.txt, or pin an older version of pandas"),
        ("numpy.core.multiarray failed to import", 'add "numpy<2"'),
        ("A module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.0.2", '"numpy<2"'),
        ("module compiled against ABI version 0x1000009 but this version of numpy is 0x2000000",
         'add "numpy<2"'),
        ("module compiled against API version 0x10 but this version of numpy is 0xe",
         "raise numpy"),
    ],
)  # fmt: skip
def test_a_package_for_another_numpy_says_what_to_pin(message, hint):
    cause = found("ValueError", message, files=[f"{SITE}/pandas/__init__.py", f"{SITE}/numpy/x.py"])
    assert cause.code == "packages-incompatible"
    assert cause.message.startswith("pandas was built for another version of numpy")
    assert hint in cause.hint


def test_a_name_that_numpy_2_has_removed_is_a_fault_of_the_package_that_uses_it():
    message = "`np.float_` was removed in the NumPy 2.0 release. Use `np.float64` instead."
    cause = found("AttributeError", message, files=[f"{SITE}/seaborn/x.py", f"{SITE}/numpy/x.py"])
    assert "seaborn was built for another version of numpy" in cause.message
    assert '"numpy<2"' in cause.hint
    assert found("AttributeError", message, files=["/opt/prefect/flows/flow.py"]) is None


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("_psycopg.cpython-311-aarch64-linux-gnu.so", "Linux on arm64"),
        ("_psycopg.cpython-311-darwin.so", "macOS"),
        ("_psycopg.cp311-win_amd64.pyd", "Windows"),
        ("_psycopg.cpython-312-x86_64-linux-gnu.so", "Python 3.12"),
        ("_psycopg.cpython-312-darwin.so", "Python 3.12 on macOS"),
        ("_psycopg.cpython-311-x86_64-linux-musl.so", "Alpine Linux"),
    ],
)
def test_a_module_that_is_there_for_another_platform_says_for_which(name, target):
    file = f"/opt/prefect/flows/vendor/psycopg2/{name}"
    message = "No module named 'psycopg2._psycopg'"
    cause = found("ModuleNotFoundError", message, builds=[file], suffix=OWN)
    assert cause.code == "package-for-other-platform"
    assert cause.message == f"vendor/psycopg2/{name} is compiled for {target}, not for the image"
    assert "add psycopg2-binary to r.txt" in cause.hint


def test_an_extension_that_the_loader_does_not_find_although_it_is_there_is_foreign():
    file = f"{SITE}/arm/_core.so"
    message = f"{file}: cannot open shared object file: No such file or directory"
    assert found("ImportError", message, path=file).code == "package-for-other-platform"
    assert found("OSError", message) is None, "a library of this path may really be missing"


@pytest.mark.parametrize("reason", ["wrong ELF class: ELFCLASS32", "invalid ELF header"])
def test_a_file_in_another_format_is_foreign(reason):
    cause = found("ImportError", f"{SITE}/mac/_core.so: {reason}")
    assert cause.code == "package-for-other-platform"
    assert "add mac to r.txt" in cause.hint


def test_a_newer_glibc_names_the_package_and_the_version():
    message = "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by"
    cause = found("ImportError", f"{message} {SITE}/duckdb/duckdb.so)")
    assert cause.code == "system-too-old"
    assert cause.message.startswith("duckdb needs GLIBC_2.38")
    other = "libstdc++.so.6: version `GLIBCXX_3.4.32' not found"
    assert found("ImportError", other).message.startswith("a compiled file needs GLIBCXX_3.4.32")


def test_a_newer_processor_is_named_by_the_package():
    message = "NumPy was built with baseline optimizations: \n(X86_V2) but your machine doesn't"
    cause = found("RuntimeError", f"{message} support:\n(X86_V2).", files=[f"{SITE}/numpy/x.py"])
    assert cause.code == "processor-unsupported"
    assert "older version of numpy" in cause.hint


def test_a_missing_library_of_an_unknown_package_says_where_to_add_it():
    cause = found("ImportError", "libother.so.3: cannot open shared object file")
    assert cause.code == "system-library-missing"
    assert "apt = […]" in cause.hint


@pytest.mark.parametrize("message", ["No module named 'pandas'", "cannot import name 'x' from 'y'"])
def test_other_faults_are_not_known(message):
    assert found("ImportError", message) is None
