"""A service as `up` and `down` report it."""

from __future__ import annotations

import json
from pathlib import Path

from flowship.local.records import Record
from flowship.local.services import State, service
from flowship.output.console import to_json


def test_the_report_of_an_old_record_does_not_show_its_login():
    record = Record("server", 7, "x", "http://ada:hunter2@127.0.0.1:4200/api", "/s/server.log")
    found = service(record, State.RUNNING, "3.8.8")
    assert found.address == "http://ada:********@127.0.0.1:4200/api"
    assert (found.pid, found.log, found.detail) == (7, Path("/s/server.log"), "3.8.8")


def test_the_detail_of_a_worker_is_its_name():
    record = Record("worker", 7, "x", "http://127.0.0.1:4200/api", "log", "pool", "flowship-1")
    assert service(record, State.STOPPED).detail == "flowship-1"


def test_states_are_plain_text_in_json():
    record = Record("server", 7, "x", "http://127.0.0.1:4200/api", "log")
    text = json.dumps(to_json(service(record, State.EXTERNAL)))
    assert json.loads(text)["state"] == "external"
