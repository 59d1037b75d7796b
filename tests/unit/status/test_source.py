"""Whether the project's files are still those of its last release."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flowship.build_request import prepare_build
from flowship.releases.record import Release, ReleasedImage
from flowship.status.record import Compared, Source
from flowship.status.source import compare
from support.configuring import load

CONFIG = 'name = "trips"\nentrypoint = "flow.py:main"\nbase-image = "python:3.11"\n'
FLOW = "from prefect import flow\n\n\n@flow\ndef main(): ...\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "table.sql").write_text("select 1\n")
    return tmp_path


def released(folder: Path, **values: object) -> Release:
    """The release of the files as they are."""
    files = prepare_build(load(folder, CONFIG)).input_hashes({"python:3.11": "sha256:1"})
    known = {"label": "trips", "reference": "user/de-repo:1@sha256:ab", "files": files}
    image = ReleasedImage(**{**known, **values})  # type: ignore[arg-type]
    return Release(1, "trips", "ship", "ada@laptop", images=(image,))


def test_files_that_did_not_change_are_the_same_whatever_the_base_image(folder):
    found = compare(load(folder, CONFIG), released(folder))
    assert found == {"trips": Compared(Source.SAME)}


def test_what_was_edited_added_or_removed_is_named(folder):
    release = released(folder)
    (folder / "flow.py").write_text(FLOW + "\n# edited\n")
    (folder / "new.py").write_text("")
    (folder / "table.sql").unlink()
    found = compare(load(folder, CONFIG), release)["trips"]
    assert found.source is Source.EDITED
    assert found.changed == ("flow.py", "new.py", "table.sql")


def test_without_hashes_of_that_image_nothing_is_known(folder):
    settings = load(folder, CONFIG)
    for release in (released(folder, files={}), released(folder, label="other")):
        assert compare(settings, release) == {"trips": Compared(Source.UNKNOWN)}


def test_a_project_that_cannot_be_built_is_compared_with_nothing(folder):
    release = released(folder)
    broken = load(folder, f'{CONFIG}requirements = "absent.txt"\n')
    assert compare(broken, release) == {"trips": Compared(Source.UNKNOWN)}


def test_each_image_is_compared_by_its_own_name(folder):
    text = (
        f'{CONFIG}[images.gpu]\nbase-image = "python:3.12"\n[[deployments]]\nname = "a"\n'
        '[[deployments]]\nname = "b"\nimage = "gpu"\n'
    )
    settings = load(folder, text)
    images = tuple(
        replace(
            released(folder).images[0],
            label=each.label,
            files=prepare_build(each).input_hashes({}),
        )
        for each in settings.per_image()
    )
    release = replace(released(folder), images=images)
    assert {k: v.source for k, v in compare(settings, release).items()} == {
        "trips": Source.SAME,
        "gpu": Source.SAME,
    }
