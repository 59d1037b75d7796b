"""The benchmarks' calculations and files; `benchmarks/run` does the measurements."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.paths import ROOT


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


def sample(*walls):
    from benchmarks.measure import Sample

    return tuple(Sample(wall, wall / 2) for wall in walls)


def test_help_lists_the_benchmarks():
    path = os.pathsep.join([str(ROOT), str(ROOT / "scripts")])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"],
        env={**os.environ, "PYTHONPATH": path},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "{help,ship,flows,commands,second-day,layers}" in done.stdout


@pytest.mark.parametrize(
    "words", [(), ("ship",), ("deploy",), ("check",), ("profile",), ("profile", "set-api")]
)
def test_the_bare_app_has_the_same_help_as_flowship_and_does_not_import_it(tmp_path, words):
    from benchmarks import bare_app

    from flowship.cli import app

    bare = bare_app.install(app, tmp_path)
    text = (tmp_path / f"{bare_app.MODULE}.py").read_text()
    assert "import flowship" not in text
    assert "from flowship" not in text
    ours = Path(sys.executable).with_name("flowship")
    results = [
        subprocess.run([program, *words, "--help"], cwd=tmp_path, capture_output=True, check=True)
        for program in (ours, bare)
    ]
    assert results[0].stdout == results[1].stdout
    assert b"--help" in results[0].stdout


def test_commands_take_turns_and_the_first_round_is_not_counted():
    from benchmarks.measure import Sample, in_turns

    order = []

    def run(name):
        order.append(name)
        return Sample(float(len(order)))

    measured = in_turns({"a": lambda: run("a"), "b": lambda: run("b")}, 2)
    assert order == ["a", "b"] * 3
    assert measured.walls("a") == [3.0, 5.0]
    assert measured.walls("b") == [4.0, 6.0]


def test_one_slow_round_changes_the_ratio_of_medians_but_not_the_median_of_ratios():
    from benchmarks.measure import Measured

    measured = Measured({"ours": sample(1.0, 1.0, 9.0), "peer": sample(4.0, 2.0, 18.0)})
    ratio = measured.compare("ours", "peer")
    assert ratio.of_medians == 0.25
    assert ratio.of_pairs == 0.5


def test_a_command_that_fails_raises_an_error_with_its_output(tmp_path):
    from benchmarks.measure import CommandFailed, command

    words = [sys.executable, "-c", "import sys; print('why'); sys.exit(3)"]
    with pytest.raises(CommandFailed, match=r"exited with 3:\nwhy"):
        command(words, cwd=tmp_path, env=os.environ, log=tmp_path / "log")


def test_a_missed_target_is_in_the_table():
    from benchmarks.measure import Measured
    from benchmarks.table import markdown, row

    measured = Measured({"ours": sample(1.0), "peer": sample(2.0)})
    met = row("quick", measured, "ours", "peer", 0.5)
    missed = row("slow", measured, "ours", "peer", 0.4)
    alone = row("alone", measured, "ours")
    assert [r.missed for r in (met, missed, alone)] == [False, True, False]
    lines = markdown([met, missed, alone]).splitlines()
    assert "0.50" in lines[2]
    assert "met" in lines[2]
    assert "MISSED" in lines[3]
    assert len({line.count("|") for line in lines}) == 1


def test_the_layers_differ_only_in_how_they_install():
    from benchmarks import layers

    files = layers.dockerfiles("base:1")
    assert all(text.startswith("FROM base:1\n") for text in files.values())
    assert all(layers.CONSTRAINTS in text for text in files.values())
    assert files[layers.PIP].endswith(" pandas pyarrow prefect-gcp\n")
    compiling = set(files[layers.OURS].splitlines()) - set(files[layers.PLAIN].splitlines())
    assert ["compileall" in line for line in compiling] == [True]
    assert "project/" not in files[layers.OURS]


def test_the_constraints_are_the_versions_of_the_lock():
    from benchmarks import layers

    lines = layers.constraints().splitlines()
    lock = (ROOT / "requirements.lock").read_text()
    assert len(lines) == sum("==" in line and line[0] not in " #" for line in lock.splitlines())
    assert any(line.startswith("prefect==3.") for line in lines)
    assert not any("hash" in line or "\\" in line for line in lines)


def test_every_flow_has_a_deployment_in_both_configurations_and_a_function():
    from benchmarks import many_flows

    files = many_flows.flows(25, "flow")
    assert len([name for name in files if name.startswith("group_")]) == many_flows.FILES
    ours = many_flows.configuration("base:1", "registry/image:1", 25)["flowship.toml"]
    theirs = many_flows.peer_configuration("registry/peer:1", 25)
    for number in range(25):
        path = f"group_{number % many_flows.FILES}.py"
        assert f"def flow_{number}(" in files[path]
        assert f'entrypoint = "{path}:flow_{number}"\n' in ours
        assert f"entrypoint: {path}:flow_{number}\n" in theirs


def test_the_proxy_lists_the_requests_and_passes_them_on():
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread
    from urllib.request import urlopen

    from benchmarks.counting import counted

    class Echo(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.path.encode() + b" " + body)

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with counted(f"http://127.0.0.1:{server.server_port}/api") as (api, requests):
            with urlopen(f"{api}/flows/filter", b"x", timeout=10) as response:
                assert response.read() == b"/api/flows/filter x"
            assert requests == ["POST /api/flows/filter"]
        server.shutdown()
