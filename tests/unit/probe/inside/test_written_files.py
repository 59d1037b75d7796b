"""Which files functions write below the working directory, as their code says."""

from __future__ import annotations

import importlib.util

import pytest

from flowship.probe.inside.written_files import missing_folders, written_files

HEAD = """
import os
from pathlib import Path

OUT = Path("data")
BASE = Path(__file__).parent
LOG = "log.txt"
BUCKET = "gs://trips"
"""


@pytest.fixture
def found(tmp_path, monkeypatch):
    """What the body of a function writes, relative to the working directory."""
    monkeypatch.chdir(tmp_path)

    def find(body: str, what=written_files) -> list[str]:
        lines = "".join(f"    {line}\n" for line in body.splitlines())
        file = tmp_path / "module.py"
        file.write_text(f"{HEAD}\n\ndef run(df, month, fs, path='data/given.csv'):\n{lines}")
        spec = importlib.util.spec_from_file_location("module", file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        files = what([module.run])
        return [path.removeprefix(f"{tmp_path}/") for path, _, _ in files]

    return find


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ('open("data/x.csv", "w")', "data/x.csv"),
        ('with open("x.csv", mode="a") as f: f.write("")', "x.csv"),
        ('gzip.open("data/x.gz", "wb")', "data/x.gz"),
        ('Path("data/x.txt").write_text("")', "data/x.txt"),
        ('Path("data", "x").write_bytes(b"")', "data/x"),
        ('(Path("data") / "x.csv").open("w")', "data/x.csv"),
        ('Path("data/raw").mkdir(parents=True)', "data/raw/"),
        ('os.makedirs("data")', "data/"),
        ('df.to_parquet("out.parquet")', "out.parquet"),
        ('df.to_csv(path_or_buf="./out.csv", index=False)', "out.csv"),
        ('df.to_csv(OUT / "x.csv")', "data/x.csv"),
        ('df.to_csv(os.path.join("data", "x.csv"))', "data/x.csv"),
        ('df.to_csv(f"data/{month}.csv")', "data/"),
        ('df.to_csv(f"{OUT}/{month}/x.csv")', "data/"),
        ('read(month).to_csv("data/x.csv")', "data/x.csv"),
        ('df.to_csv("data/" + month)', "data/"),
        ("df.to_csv(OUT / month)", "data/"),
        ('df.to_csv(BASE / "x.csv")', "x.csv"),
        ('target = OUT / "y.csv"\ndf.to_csv(target)', "data/y.csv"),
        ('open(LOG, "w")', "log.txt"),
        ('plt.savefig("plots/a.png")', "plots/a.png"),
        ('urlretrieve("https://example.com/x", "data/x")', "data/x"),
        ('urllib.request.urlretrieve("https://example.com/x", "data/x")', "data/x"),
    ],
)
def test_a_path_in_the_code_is_found(found, body, path):
    assert found(body) == [path]


@pytest.mark.parametrize(
    "body",
    [
        'open("data/x.csv")',
        'open("data/x.csv", "rb")',
        'open("/tmp/x.csv", "w")',
        'open("../x.csv", "w")',
        'open(month, "w")',
        'open(path, "w")',
        'open(f"{month}/x.csv", "w")',
        'open(tempfile.mkdtemp() + "/x", "w")',
        'df.to_csv("gs://trips/x.csv")',
        'df.to_csv(BUCKET + "/x.csv")',
        'df.to_csv(f"{BUCKET}/{month}")',
        'df.to_parquet("trips/x.parquet", filesystem=fs)',
        'fs.open("trips/x.csv", "w")',
        "df.to_json()",
        'df.to_csv(sep=";")',
        'df.to_sql("trips", con=None)',
        'Path("data/x.csv").read_text()',
        'Path.home().joinpath("x").write_text("")',
        'target = "data/a"\ntarget = month\nopen(target, "w")',
        'month = "data/a"\nopen(month, "w")',
        'df.to_csv("data/x.csv")\nblock.upload_from_path("data/x.csv")',
        'df.to_csv("data/x.csv")\nPath("data/x.csv").unlink()',
        'df.to_csv("data/x.csv")\nos.remove("data/x.csv")',
    ],
)
def test_everything_else_is_not(found, body):
    assert found(body) == []


@pytest.mark.parametrize(
    ("body", "folder"),
    [
        ('open("data/x.csv", "w")', "data"),
        ('(OUT / "x.csv").open("w")', "data"),
        ('(OUT / "yellow" / f"{month}.txt").write_text("")', "data/yellow"),
        ('df.to_parquet(Path(f"data/{month}/x.parquet"))', "data"),
        ('df.to_csv("data/x.csv")\nblock.upload_from_path("data/x.csv")', "data"),
        ('plt.savefig("plots/a.png")', "plots"),
    ],
)
def test_a_folder_that_is_not_there_and_is_not_created_is_missing(found, body, folder, tmp_path):
    assert found(body, missing_folders) == [folder]
    (tmp_path / folder).mkdir(parents=True)
    assert found(body, missing_folders) == []


@pytest.mark.parametrize(
    "body",
    [
        'open("x.csv", "w")',
        'Path("data").mkdir()\nopen("data/x.csv", "w")',
        'target = Path(month) / "x.csv"\ntarget.parent.mkdir()\ndf.to_csv("data/x.csv")',
        'os.makedirs(month)\nopen("data/x.csv", "w")',
        'ensure_folder("data")\nopen("data/x.csv", "w")',
        'os.system("mkdir data")\nopen("data/x.csv", "w")',
        'subprocess.run(["mkdir", "data"])\nopen("data/x.csv", "w")',
        'archive.extractall()\nopen("data/x.csv", "w")',
        'df.to_parquet("data/x", partition_cols=["month"])',
        'pq.write_table(df, "data/x.parquet")',
        'df.to_csv("gs://trips/x.csv")',
        'open("data/x.csv")',
    ],
)
def test_a_folder_that_may_be_created_is_not(found, body):
    assert found(body, missing_folders) == []
