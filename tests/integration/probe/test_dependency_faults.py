"""Dependencies that cannot work, installed for real in one image, and what the user reads."""

from __future__ import annotations

import io
import tarfile

import pytest

from flowship.build_request import prepare_build
from flowship.config import loading
from flowship.engine.client import connect
from flowship.errors import BuildError
from flowship.probe.container import probe_image
from flowship.probe.system_libraries import SYSTEM_LIBRARIES
from support.projects import project, write

__all__ = ["project"]

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("dependency-faults")]

NAME = "flowship-tests/dependency-faults:1"

DOCKERFILE = """\
FROM {base}
RUN python -m pip install -q --root-user-action=ignore --no-deps pandas==2.0.3 numpy==2.0.2 \
    python-dateutil pytz six tzdata psycopg2-binary==2.9.9
RUN python -m pip install -q --root-user-action=ignore prefect-gcp==0.2.4
COPY damage.py /
RUN python /damage.py
COPY flows/ /opt/prefect/flows/
"""

# Makes of an installed extension module what a build on another machine gives.
DAMAGE = '''
import platform, re, struct, sysconfig
from pathlib import Path

site = Path(sysconfig.get_path("platlib"))
other = b"\\xb7\\0" if platform.machine() == "x86_64" else b"\\x3e\\0"


def elf_hash(name):
    value = 0
    for char in name:
        value = (value << 4) + char
        high = value & 0xF0000000
        value = (value ^ (high >> 24)) & ~high & 0xFFFFFFFF
    return struct.pack("<I", value)


def package(name, file, content):
    folder = site / name
    folder.mkdir()
    (folder / "__init__.py").write_text(f"from {name}._core import x\\n")
    (folder / file).write_bytes(content)


# psycopg2 as it is when it was built with the libpq of the build stage.
extension = next(site.glob("psycopg2/_psycopg*.so"))
data = extension.read_bytes()
bundled = re.search(rb"libpq-[0-9a-f]+\\.so[.\\d]*", data)[0]
extension.write_bytes(data.replace(bundled, b"libpq.so.5".ljust(len(bundled), b"\\0")))

good = next(site.glob("pandas/_libs/lib*.so")).read_bytes()
old = sorted(set(re.findall(rb"GLIBC_2\\.\\d\\d(?=\\0)", good)))[0]
new = b"GLIBC_2.94"
newer = good.replace(old + b"\\0", new + b"\\0").replace(elf_hash(old), elf_hash(new))
package("newer_glibc", "_core.so", newer)
package("other_machine", "_core.so", good[:18] + other + good[20:])
package("other_class", "_core.so", good[:4] + b"\\1" + good[5:])
package("from_mac", "_core.so", b"\\xcf\\xfa\\xed\\xfe" + bytes(4096))
package("from_windows", "_core.cp311-win_amd64.pyd", b"MZ" + bytes(4096))
package("other_python", "_core.cpython-39-x86_64-linux-gnu.so", good)
(site / "illegal.py").write_text("""
import ctypes, mmap, platform
code = mmap.mmap(-1, 4096, prot=7)
code.write(b"\\\\x0f\\\\x0b" if platform.machine() == "x86_64" else bytes(4))
ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
""")
(site / "crashing.py").write_text("import ctypes; ctypes.string_at(0)")
program = Path("/opt/other-machine")
true = Path("/bin/true").read_bytes()
program.write_bytes(true[:18] + other + true[20:])
program.chmod(0o755)
'''

# The second line of a flow's file → code, place, and words of the message and the hint.
FAULTS = {
    "import pandas": (
        "packages-incompatible",
        "2",
        "pandas was built for another version of numpy",
        'add "numpy<2" to requirements.txt, or use a newer version of pandas',
    ),
    "from prefect_gcp.cloud_storage import GcsBucket": (
        "prefect-2-code",
        "2",
        "this version of prefect-gcp is made for Prefect 2, but the image has Prefect 3",
        "write prefect-gcp>=0.6.0 in requirements.txt",
    ),
    "import psycopg2": (
        "system-library-missing",
        "2",
        "the system library libpq.so.5 is not in the image",
        'apt = ["libpq5"]',
    ),
    "from pydantic import BaseSettings": (
        "pydantic-1-code",
        "2",
        "written for pydantic 1, but Prefect 3 needs pydantic 2: `BaseSettings` has been moved",
        "add pydantic-settings to requirements.txt",
    ),
    "from pydantic import BaseModel, Field\nclass M(BaseModel):\n  a: str = Field(regex='x')": (
        "pydantic-1-code",
        "4",
        "`regex` is removed",
        "change that line for pydantic 2",
    ),
    "from pydantic import conlist\nx = conlist(int, min_items=1)": (
        "pydantic-1-code",
        "3",
        "unexpected keyword argument 'min_items'",
        "change that line for pydantic 2",
    ),
    "import newer_glibc": (
        "system-too-old",
        "2",
        "newer-glibc needs GLIBC_2.94, which is newer",
        "base image with a newer Linux",
    ),
    "import other_machine": (
        "package-for-other-platform",
        "2",
        "other_machine/_core.so is compiled for another platform",
        "add other-machine to requirements.txt",
    ),
    "import other_class": (
        "package-for-other-platform",
        "2",
        "other_class/_core.so is compiled for another platform",
        "add other-class to requirements.txt",
    ),
    "import from_mac": (
        "package-for-other-platform",
        "2",
        "from_mac/_core.so is compiled for another platform",
        "add from-mac to requirements.txt",
    ),
    "import from_windows": (
        "package-for-other-platform",
        "2",
        "_core.cp311-win_amd64.pyd is compiled for",
        "add from-windows to requirements.txt",
    ),
    "import other_python": (
        "package-for-other-platform",
        "2",
        "is compiled for Python 3.9",
        "add other-python to requirements.txt",
    ),
    "import subprocess; subprocess.run(['/opt/other-machine'])": (
        "package-for-other-platform",
        "2",
        "/opt/other-machine is compiled for another platform",
        "install it in the Dockerfile",
    ),
    "import illegal": (
        "processor-unsupported",
        "2",
        "an instruction that this machine's processor does not have",
        "older processors",
    ),
    "import crashing": (
        "flow-ended-process",
        "2",
        "by signal 11 (SIGSEGV)",
        "crashing crashed: use another version of it",
    ),
}


def text_of(line):
    return (
        f"import os\n{line}\nfrom prefect import flow\n\n\n@flow\ndef hello() -> None:\n    pass\n"
    )


@pytest.fixture(scope="module")
def image_with_faults(base_image, engine):
    """One image with all the faults, and a flow for each of them."""
    files = {"Dockerfile": DOCKERFILE.format(base=base_image), "damage.py": DAMAGE}
    files |= {f"flows/{number}.py": text_of(line) for number, line in enumerate(FAULTS)}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    buffer.seek(0)
    engine.images.build(fileobj=buffer, custom_context=True, tag=NAME, rm=True)
    yield NAME
    engine.images.remove(NAME, force=True)


@pytest.mark.parametrize("line", FAULTS, ids=[line.split("\n")[0][:40] for line in FAULTS])
def test_a_fault_is_reported_at_the_users_own_line_with_the_cure(line, image_with_faults, tmp_path):
    code, number, message, hint = FAULTS[line]
    file = f"{list(FAULTS).index(line)}.py"
    folder = write(tmp_path / "trips", "x:1", {file: "", "requirements.txt": "pandas\n"})
    settings = loading.load(folder, overrides={"entrypoint": f"{file}:hello"}, environ={})
    with pytest.raises(BuildError) as caught:
        probe_image(connect(), image_with_faults, prepare_build(settings))
    assert (caught.value.code, caught.value.where) == (code, f"{file}:{number}"), caught.value
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_flowship_build_says_it_and_gives_the_image_no_name(
    cli, project, engine, image_with_faults
):
    write(project, image_with_faults, {"flow.py": text_of("import pandas")})
    (project / "requirements.txt").write_text("")
    code, stdout, stderr = cli("build", cwd=project)
    assert (code, stdout) == (5, "")
    assert "flow.py:2: error: " in stderr
    assert "pandas was built for another version of numpy than the image has" in stderr
    assert 'add "numpy<2" to' in stderr
    assert not engine.images.list(project.name)


DEBIAN = {
    "12": {"libaio1", "libgdal32", "libhdf5-103-1", "libldap-2.5-0", "libnetcdf19",
           "libpoppler-cpp0v5", "libspatialindex6"},
    "13": {"libgdal36", "libhdf5-310", "libldap2", "libnetcdf22", "libpoppler-cpp2",
           "libspatialindex8"},
}  # fmt: skip
"""Debian's version → the packages that only it has."""


def test_the_debian_packages_of_the_libraries_exist(base_image, engine):
    def run(script):
        options = {"entrypoint": "sh", "user": "root", "remove": True}
        return engine.containers.run(base_image, ["-ec", script], **options).decode().strip()

    version = run(". /etc/os-release; echo $VERSION_ID")
    others = set().union(*(only for other, only in DEBIAN.items() if other != version))
    wanted = sorted(set(SYSTEM_LIBRARIES.values()) - others)
    simulated = f"apt-get -qq install --simulate {' '.join(wanted)} | grep -c ^Inst"
    assert int(run(f"apt-get -qq update >/dev/null; {simulated}")) > len(wanted) / 2
