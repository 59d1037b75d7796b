"""Where a file of the context ends up; the rule's own cases are in rules/test_flow.py."""

from __future__ import annotations

from flowship.dockerfile.copies import Index
from flowship.dockerfile.parser import parse
from flowship.dockerfile.placement import find_file
from flowship.dockerfile.stages import trace
from support.dockerfiles import context

FILES = ("flows/taxi.py", "flows/helpers.py")


def find(text, target="/srv/taxi.py", **options):
    traced = trace(parse(text))
    return find_file(target, "flows/taxi.py", traced, Index(context(*FILES)), **options)


def test_a_file_is_found_with_its_path_in_the_context():
    placement = find("FROM scratch\nCOPY flows /srv\n")
    assert (placement.found, placement.doubtful) == ("flows/taxi.py", False)


def test_a_file_that_is_copied_elsewhere_is_reported_with_its_instruction():
    placement = find("FROM scratch\nUSER 1\nCOPY flows /app/\n")
    assert placement.found is None
    ((path, step),) = placement.elsewhere
    assert path == "/app/taxi.py"
    assert step.instruction.keyword == "COPY"


def test_a_later_copy_replaces_an_earlier_one():
    text = "FROM scratch\nCOPY flows/taxi.py /srv/\nCOPY flows/helpers.py /srv/taxi.py\n"
    assert find(text).found == "flows/helpers.py"
    assert find(text).elsewhere == ()


def test_a_command_that_may_add_files_is_a_doubt():
    placement = find("FROM scratch\nCOPY flows /app/\nRUN make install\n")
    assert placement.doubtful


def test_an_unknown_base_is_a_doubt_only_if_the_file_is_copied_nowhere():
    assert find("FROM company/base:1\n").doubtful
    assert not find("FROM company/base:1\nCOPY flows /app/\n").doubtful
    assert not find("FROM python:3.11\n").doubtful


def test_a_doubt_is_limited_to_the_folder_that_is_copied_into():
    text = "FROM scratch\nCOPY --from=company/x:1 / {}\n"
    assert find(text.format("/srv/")).doubtful
    assert not find(text.format("/other/")).doubtful


def test_a_stage_passes_its_files_on():
    text = "FROM scratch AS a\nCOPY flows /x/\nFROM scratch\nCOPY --from=a /x /srv/\n"
    assert find(text).found == "flows/taxi.py"


def test_a_corrected_destination_can_be_tried_out():
    text = "FROM scratch\nCOPY flows /app/\n"
    (instruction,) = [i for i in parse(text).instructions if i.keyword == "COPY"]
    assert find(text, moved={instruction.start: "/srv/"}).found == "flows/taxi.py"
