"""Compare the ETL pipeline with other libraries: seconds, memory, file size.

    python -m benchmarks.etl                     1.37 and 7.7 million rows; about half an hour
    python -m benchmarks.etl --rows 200000       for a first impression only
    python -m benchmarks.etl --write docs        also writes docs/etl-benchmarks.{json,svg}

Requires duckdb and polars. Every contender runs in a separate process. They take turns
(A B C A B C …), so that other load on the machine affects all of them. Seconds and peak memory
are those of the whole process, including imports. Exit code 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
SMALL, LARGE = 1_370_000, 7_700_000
EVERY = 0.02  # seconds between two measurements of a process's memory


@dataclass(frozen=True)
class Contender:
    """An implementation, and the source it reads.

    Attributes:
        title: Its name in the table.
        name: Its function in `benchmarks.etl_contenders`.
        http: Read from the local web server instead of from the file.
    """

    title: str
    name: str
    http: bool = False


CONTENDERS = (
    Contender("reference steps (HTTP)", "reference", http=True),
    Contender("flowship.etl (HTTP)", "flowship", http=True),
    Contender("flowship.etl (file)", "flowship"),
    Contender("duckdb COPY (file)", "duckdb"),
    Contender("polars sink_parquet (file)", "polars"),
)


@dataclass
class Sample:
    """A run of a contender: seconds, peak MB, MB of output, memory over time."""

    wall: float
    cpu: float
    peak: float
    size: float
    memory: list[tuple[float, float]] = field(default_factory=list)


def run(contender: Contender, month: Path, server: str, target: Path) -> Sample:
    """Run a contender once, in a separate process."""
    source = f"{server}/{month.name}" if contender.http else str(month)
    command = [sys.executable, "-m", "benchmarks.etl_contenders", contender.name, source]
    began = time.perf_counter()
    process = subprocess.Popen([*command, str(target)], cwd=ROOT, env=environment())
    memory: list[tuple[float, float]] = []
    watcher = threading.Thread(target=watch, args=(process.pid, began, memory), daemon=True)
    watcher.start()
    _pid, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{contender.title} failed")
    size = target.stat().st_size / 1e6 if target.exists() else 0.0
    return Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, size, memory)


def watch(pid: int, began: float, memory: list[tuple[float, float]]) -> None:
    """Record a process's resident memory until it exits."""
    statm = Path(f"/proc/{pid}/statm")
    page = os.sysconf("SC_PAGE_SIZE") / 1e6
    while True:
        try:
            pages = int(statm.read_text().split()[1])
        except (OSError, IndexError):
            return
        if not pages:  # a zombie process
            return
        memory.append((round(time.perf_counter() - began, 3), round(pages * page, 1)))
        time.sleep(EVERY)


def environment() -> dict[str, str]:
    """Return the environment of a contender, which must not use a proxy for loopback."""
    return os.environ | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Run a web server for a folder, in a separate process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    process = subprocess.Popen([*command, "--directory", str(folder)], stderr=subprocess.DEVNULL)
    try:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def generated(folder: Path, rows: int) -> Path:
    """Return a month of `rows` yellow trips, generated on first use by another process."""
    month = folder / f"yellow-{rows}.csv.gz"
    if not month.exists():
        print(f"generating {rows:,} trips", file=sys.stderr, flush=True)
        part = month.with_suffix(".part")
        code = "import sys, pathlib; from parts.taxi_server import write_month as w;"
        code += f"w(pathlib.Path(sys.argv[1]), 'yellow', 2021, 1, {rows})"
        env = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
        subprocess.run([sys.executable, "-c", code, str(part)], check=True, env=env)
        part.replace(month)
    return month


def measure(month: Path, server: str, repeat: int) -> dict[str, list[Sample]]:
    """Measure all contenders in turns."""
    samples: dict[str, list[Sample]] = {contender.title: [] for contender in CONTENDERS}
    with tempfile.TemporaryDirectory(prefix="etl-benchmark-") as temporary:
        for turn in range(repeat):
            for contender in CONTENDERS:
                target = Path(temporary) / f"{contender.name}.parquet"
                sample = run(contender, month, server, target)
                samples[contender.title].append(sample)
                result = f"{sample.wall:6.2f} s {sample.peak:6.0f} MB {sample.size:6.1f} MB"
                print(f"  {turn + 1} {contender.title:<28}{result}", file=sys.stderr, flush=True)
    return samples


def middle(samples: list[Sample]) -> Sample:
    """Return the medians, and the memory of the run nearest to the median wall time."""
    wall = median(s.wall for s in samples)
    typical = min(samples, key=lambda s: abs(s.wall - wall))
    return Sample(
        wall=wall,
        cpu=median(s.cpu for s in samples),
        peak=median(s.peak for s in samples),
        size=samples[0].size,
        memory=typical.memory,
    )


def paired(samples: dict[str, list[Sample]], ours: str, other: str) -> float:
    """Return the median of ours ÷ other within each turn."""
    pairs = zip(samples[ours], samples[other], strict=True)
    return median(a.wall / b.wall for a, b in pairs)


def table(rows: int, found: dict[str, Sample]) -> str:
    """Return the results as Markdown."""
    ours = found[CONTENDERS[2].title]
    lines = [
        f"\n{rows:,} rows\n",
        "| | wall | × flowship (file) | CPU | peak memory | Parquet |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {title} | {s.wall:.2f} s | {s.wall / ours.wall:.2f} | {s.cpu:.2f} s"
        f" | {s.peak:.0f} MB | {s.size:.1f} MB |"
        for title, s in found.items()
    ]
    return "\n".join(lines)


def targets(
    all_samples: dict[int, dict[str, list[Sample]]], floor: float
) -> list[tuple[str, bool]]:
    """Return each target, and whether it is reached."""
    reference, http, file, duck = (c.title for c in CONTENDERS[:4])
    checked = []
    for rows, samples in all_samples.items():
        faster = 1 / paired(samples, http, reference)
        checked.append((f"{rows:,}: {faster:.1f} × faster than the reference (≥ 8)", faster >= 8))
        ratio = paired(samples, file, duck)
        checked.append((f"{rows:,}: {ratio:.2f} × duckdb's time (≤ 1.3)", ratio <= 1.3))
        size, most = middle(samples[file]).size, middle(samples[reference]).size
        text = f"{rows:,}: {size:.1f} MB of Parquet, the reference's {most:.1f} MB (no larger)"
        checked.append((text, size <= most))
        above = middle(samples[file]).peak - floor
        checked.append((f"{rows:,}: {above:.0f} MB above the import floor (< 300)", above < 300))
    if len(all_samples) == 2:
        few, many = (middle(samples[file]).peak for samples in all_samples.values())
        checked.append((f"peak memory grows by {many / few - 1:+.0%} (≤ 15 %)", many / few <= 1.15))
    return checked


def main() -> int:
    """Measure, print the tables, and compare with the targets."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.etl")
    parser.add_argument("--rows", type=int, nargs="+", default=[SMALL, LARGE])
    parser.add_argument("--repeat", type=int, default=5, help="runs with the first size")
    parser.add_argument("--repeat-more", type=int, default=3, help="runs with the other sizes")
    parser.add_argument("--data", type=Path, default=ROOT / ".cache" / "etl-benchmark")
    parser.add_argument("--write", type=Path, help="write etl-benchmarks.{json,svg} to this folder")
    options = parser.parse_args()
    options.data.mkdir(parents=True, exist_ok=True)
    months = {rows: generated(options.data, rows) for rows in options.rows}
    all_samples: dict[int, dict[str, list[Sample]]] = {}
    with served(options.data) as server:
        imports = Contender("import floor", "floor")
        floor = median(
            run(imports, options.data, server, options.data / "none").peak for _ in range(3)
        )
        for number, (rows, month) in enumerate(months.items()):
            print(f"{rows:,} rows", file=sys.stderr, flush=True)
            repeat = options.repeat_more if number else options.repeat
            all_samples[rows] = measure(month, server, repeat)
    found = {
        rows: {title: middle(runs) for title, runs in samples.items()}
        for rows, samples in all_samples.items()
    }
    for rows, medians in found.items():
        print(table(rows, medians))
    print(f"\nimport floor of flowship.etl: {floor:.0f} MB\n")
    results = targets(all_samples, floor)
    for text, reached in results:
        print(f"- {'reached' if reached else 'MISSED'}: {text}")
    if options.write:
        write(options.write, found, floor)
    return 0 if all(reached for _, reached in results) else 1


def write(folder: Path, found: dict[int, dict[str, Sample]], floor: float) -> None:
    """Write the medians and the plot."""
    from benchmarks.etl_plot import plot

    plain: dict[str, Any] = {"floor": floor}
    for rows, medians in found.items():
        plain[str(rows)] = {
            title: {k: v for k, v in asdict(s).items() if k != "memory"}
            for title, s in medians.items()
        }
    (folder / "etl-benchmarks.json").write_text(json.dumps(plain, indent=1) + "\n")
    memory = {rows: {t: s.memory for t, s in medians.items()} for rows, medians in found.items()}
    (folder / "etl-benchmarks.svg").write_text(plot(memory))


if __name__ == "__main__":
    sys.exit(main())
