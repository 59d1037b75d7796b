"""The names with digests of an image, and a build with a builder that records its orders."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowship import image
from flowship.build_request import prepare_build
from flowship.config import loading
from flowship.engine.builder import BuildOptions, Finish
from flowship.errors import ConfigError
from support.projects import write

DIGEST = "sha256:" + "0" * 64
KNOWN = image.BuiltImage(
    "sha256:1",
    "p:0123456789ab",
    "p",
    "0123456789ab" + "f" * 52,
    "linux/amd64",
    1,
    (),
    "f.py:f",
    tags=("host:5000/p:0123456789ab", "host:5000/p:a-copy", "host:5000/p:prod"),
    pushed=(f"host:5000/p@{DIGEST}",),
)


def test_a_pinned_name_has_the_requested_tag_else_the_default_one():
    assert image.pinned(KNOWN, "host:5000/p:prod") == f"host:5000/p:prod@{DIGEST}"
    assert image.pinned(KNOWN, "host:5000/p") == f"host:5000/p:0123456789ab@{DIGEST}"
    assert image.pinned(KNOWN, None) == f"host:5000/p:0123456789ab@{DIGEST}"
    assert image.pinned(KNOWN, "host:5000/other") is None
    assert image.pinned(KNOWN, "f" * 64) is None


def test_every_listed_digest_has_its_name():
    other = "sha256:" + "1" * 64
    listed = replace(KNOWN, pushed=(*KNOWN.pushed, f"host:5000/p@{other}", f"ada/p@{other}"))
    assert list(image.pinned_names(listed, None)) == [
        f"host:5000/p:0123456789ab@{DIGEST}",
        f"host:5000/p:0123456789ab@{other}",
        f"ada/p@{other}",
    ]


# --- the order of a build ------------------------------------------------------------------------


class Orders:
    """A builder, and as much of an engine as it needs, that record what they are asked to do."""

    def __init__(self, bases=None):
        self.orders = []
        self.bases = bases or {}
        self.named = {}

    def identify(self, base, platform, report):
        self.orders.append("identify")
        return self.bases.get(base, "fingerprint")

    def build(self, request, report, *, no_cache=False, finish=None):
        self.orders.append("build and name" if finish else "build")
        if finish:
            self.label("sha256:built", finish, None)
            self.orders.pop()
        return "sha256:built"

    def label(self, image_id, finish: Finish, platform):
        self.orders.append("label")
        self.named[finish.name] = finish.labels


@pytest.fixture
def builder(monkeypatch):
    orders = Orders()

    def inspect(engine, reference):
        orders.orders.append("known?")
        labels = orders.named.get(reference)
        if labels is None:
            return None
        known = {"id": "sha256:built", "platform": "linux/amd64", "size": 1, "tags": (reference,)}
        return image._built(reference, labels, **known)

    def ask(engine, image_id, request, report, entrypoints):
        orders.orders.append(" ".join(["probe", *entrypoints[1:]]))
        return tuple(replace(PROBE, entrypoint=each) for each in entrypoints)

    monkeypatch.setattr(image, "inspect", inspect)
    monkeypatch.setattr(image, "probe_image", ask)
    return orders


PROBE = image.ProbeResult("f", "flow.py:hello", "3.8.8", "3.11.2", None, {})


def run(folder, builder, *, elsewhere=lambda inputs: None, **options):
    project = folder / "p"
    project.mkdir(exist_ok=True)
    request = prepare_build(loading.load(write(project, "base:1"), environ={}))
    builder.orders.clear()
    return image.build(None, request, BuildOptions(**options), elsewhere=elsewhere, builder=builder)


def test_a_build_identifies_builds_probes_and_names_last(tmp_path, builder):
    built = run(tmp_path, builder)
    assert builder.orders == ["identify", "known?", "build", "probe", "label", "known?"]
    assert not built.unchanged
    assert built.probe == PROBE


def test_an_unchanged_project_is_only_identified(tmp_path, builder):
    run(tmp_path, builder)
    assert run(tmp_path, builder).unchanged
    assert builder.orders == ["identify", "known?"]


def test_without_the_probe_one_order_builds_and_names(tmp_path, builder):
    run(tmp_path, builder, probe=False)
    assert builder.orders == ["identify", "known?", "build and name", "known?"]


def test_an_image_without_an_answer_is_probed_and_not_built(tmp_path, builder):
    run(tmp_path, builder, probe=False)
    assert run(tmp_path, builder).probe == PROBE
    assert builder.orders == ["identify", "known?", "probe", "label", "known?"]


def test_another_base_is_another_image(tmp_path, builder):
    one = run(tmp_path, builder)
    builder.bases["base:1"] = "another fingerprint"
    assert run(tmp_path, builder).inputs != one.inputs


def test_an_image_of_another_engine_is_used_unless_it_was_not_probed(tmp_path, builder):
    theirs = replace(KNOWN, flows=(PROBE,), entrypoint=PROBE.entrypoint)
    used = run(tmp_path, builder, elsewhere=lambda inputs: theirs)
    assert replace(used, files={}) == theirs
    assert builder.orders == ["identify", "known?"]
    run(tmp_path, builder, elsewhere=lambda inputs: KNOWN)
    assert "build" in builder.orders


def test_no_cache_looks_for_no_image(tmp_path, builder):
    run(tmp_path, builder)
    run(tmp_path, builder, no_cache=True, elsewhere=lambda inputs: pytest.fail("asked"))
    assert builder.orders == ["identify", "build", "probe", "label", "known?"]


def test_an_image_without_the_labels_was_not_built_by_flowship():
    with pytest.raises(ConfigError, match="was not built by flowship") as caught:
        image._built("x:1", {})
    assert caught.value.code == "image-not-built-by-flowship"
