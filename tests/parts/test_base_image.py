from __future__ import annotations

import pytest
from parts.base_image import NoBaseImage, ensure, prefect_version


@pytest.mark.engine
def test_it_contains_the_locked_prefect_and_starts_in_prefects_folder(engine, prefect_image):
    program = "import os, prefect; print(prefect.__version__, os.getcwd())"
    output = engine.containers.run(prefect_image, ["python", "-c", program], remove=True)
    assert output.decode().split() == [prefect_version(), "/opt/prefect"]


@pytest.mark.engine
def test_a_second_call_does_nothing(engine, prefect_image):
    before = engine.images.get(prefect_image).id
    messages: list[str] = []
    assert ensure(engine, messages.append) == prefect_image
    assert messages == []
    assert engine.images.get(prefect_image).id == before


def test_a_lock_without_prefect_is_refused(tmp_path):
    lock = tmp_path / "requirements.lock"
    lock.write_text("prefect-docker==0.7.4 \\\n    --hash=sha256:00\n")
    with pytest.raises(NoBaseImage, match="pins no prefect"):
        prefect_version(lock)
