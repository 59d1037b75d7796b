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
        ("f.serve('n', interval=timedelta(hours=6))", Served("n", "interval", 21600)),
        ("f.serve('n', interval=datetime.timedelta(0, 90))", Served("n", "interval", 90)),
        (
            'f.deploy("n", schedule=Cron("0 5 * * *", timezone="Europe/Paris"))',
            Served("n", "cron", "0 5 * * *", "Europe/Paris"),
        ),
        (
            'f.deploy("n", schedules=[IntervalSchedule(interval=timedelta(minutes=1))])',
            Served("n", "interval", 60),
        ),
        ('f.deploy("n", schedule=RRule("FREQ=DAILY"))', Served("n", "rrule", "FREQ=DAILY")),
        ('f.deploy("n", schedules=[Cron("0 5 * * *"), Cron("0 6 * * *")])', Served("n")),
        ('f.deploy("n", schedule=Cron(CRON))', Served("n")),
        ('f.deploy("n", schedule=other("0 5 * * *"))', Served("n")),
        ('f.serve("n", interval=timedelta(hours=H))', Served("n")),
        ('f.serve("n", interval=timedelta(**PAUSE))', Served("n")),
        ('f.serve("n", **OPTIONS)', Served("n")),
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
