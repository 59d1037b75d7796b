"""How the code serves its flows, read without running it."""

from __future__ import annotations

import pytest

from flowship.config.discovery import FoundFlow
from flowship.project.served import Served, served


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ('f.serve(name="n", cron="0 5 * * *")', Served("n", "cron", "0 5 * * *")),
        ('f.deploy("n", interval=3600, work_pool_name="p")', Served("n", "interval", 3600)),
        ('serve(f.to_deployment("n", rrule="FREQ=DAILY"))', Served("n", "rrule", "FREQ=DAILY")),
        ("f.serve(name=NAME, cron=CRON)", Served()),
        ("g.serve(cron='0 5 * * *')", Served()),
        ("f.serve(", Served()),
        ("f()", Served()),
    ],
)
def test_names_and_schedules_that_are_written_out_are_found(tmp_path, call, found):
    (tmp_path / "a.py").write_text(f'if __name__ == "__main__":\n    {call}\n')
    assert served(tmp_path, FoundFlow("a.py", "f", 1)) == found


def test_a_file_that_is_gone_has_nothing(tmp_path):
    assert served(tmp_path, FoundFlow("a.py", "f", 1)) == Served()
