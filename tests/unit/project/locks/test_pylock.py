"""pylock.toml, read without a tool."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowship.errors import ConfigError
from flowship.project.locks.exporter import Selection
from flowship.project.locks.pylock import PylockExporter

HEAD = (
    'lock-version = "1.0"\ncreated-by = "test"\nextras = ["gcs"]\ndependency-groups = ["flows"]\n'
)
FILES = "https://files.example.com"
WHEEL = f'wheels = [{{ url = "{FILES}/six-1-py3-none-any.whl", hashes = {{ sha256 = "aa" }} }}]\n'
SIX = f'[[packages]]\nname = "six"\nversion = "1"\n{WHEEL}'


def export(folder: Path, text: str, **selection: tuple[str, ...]) -> str:
    path = folder / "pylock.toml"
    path.write_text(text)
    return PylockExporter().export(path, Selection(**selection)).text


def test_a_package_has_its_version_and_all_its_hashes(tmp_path):
    hashes = '{ md5 = "x", sha512 = "bb" }'
    sdist = f'sdist = {{ url = "{FILES}/six-1.tar.gz", hashes = {hashes} }}\n'
    assert export(tmp_path, HEAD + SIX + sdist) == "six==1 --hash=sha512:bb --hash=sha256:aa\n"


def test_the_index_of_a_package_is_kept(tmp_path):
    (tmp_path / "pylock.toml").write_text(
        f'{HEAD}{SIX}index = "https://packages.example.com/simple"\n'
    )
    found = PylockExporter().export(tmp_path / "pylock.toml", Selection())
    assert found.indexes == ("https://packages.example.com/simple",)


@pytest.mark.parametrize(
    ("package", "line"),
    [
        (
            'vcs = { type = "git", url = "https://example.com/m.git", commit-id = "abc" }',
            "mine @ git+https://example.com/m.git@abc",
        ),
        (
            'vcs = { type = "git", url = "https://example.com/m.git", commit-id = "abc",'
            ' subdirectory = "py" }',
            "mine @ git+https://example.com/m.git@abc#subdirectory=py",
        ),
        ('directory = { path = "libs/mine" }', "./libs/mine"),
        (
            'archive = { url = "https://example.com/m.zip", hashes = { sha256 = "cc" } }',
            "mine @ https://example.com/m.zip --hash=sha256:cc",
        ),
    ],
)
def test_a_package_from_elsewhere_has_its_address(tmp_path, package, line):
    assert export(tmp_path, f'{HEAD}[[packages]]\nname = "mine"\n{package}\n') == f"{line}\n"


@pytest.mark.parametrize(
    ("marker", "selection", "installed"),
    [
        ("'flows' in dependency_groups", {}, False),
        ("'flows' in dependency_groups", {"groups": ("flows",)}, True),
        ("'gcs' not in extras", {}, True),
        ("'gcs' in extras or 'flows' in dependency_groups", {"extras": ("gcs",)}, True),
        ("'gcs' in extras and python_version < '3'", {"extras": ("gcs",)}, False),
        ("sys_platform != 'nowhere'", {}, True),
    ],
)
def test_groups_and_extras_of_markers_are_decided(tmp_path, marker, selection, installed):
    from packaging.requirements import Requirement

    text = export(tmp_path, f'{HEAD}{SIX}marker = "{marker}"\n', **selection)
    requirement = Requirement(text.partition(" --hash")[0])
    assert requirement.marker.evaluate() is installed


@pytest.mark.parametrize(
    ("text", "selection", "words"),
    [
        (HEAD + SIX, {"groups": ("nope",)}, 'without "nope" of groups'),
        (HEAD + SIX, {"extras": ("nope",)}, 'without "nope" of extras'),
        ('lock-version = "9.0"\ncreated-by = "x"\npackages = []\n', {}, "cannot be exported"),
        ("packages = 1\n", {}, "cannot be exported"),
        (f'{HEAD}[[packages]]\nname = "six"\n{WHEEL}', {}, "no version and no address"),
    ],
)
def test_what_cannot_be_read_is_an_error(tmp_path, text, selection, words):
    with pytest.raises(ConfigError, match=words) as caught:
        export(tmp_path, text, **selection)
    assert caught.value.code == "lock-export-failed"
    assert caught.value.hint
