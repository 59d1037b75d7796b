"""What of the probe's facts is lost with the container, and how that is said."""

from __future__ import annotations

import pytest

from flowship.config import loading
from flowship.errors import ConfigError
from flowship.probe import losses
from flowship.probe.result import ProbeResult, Stored, StoredKind

HOME = "/root/.prefect/storage"


def stored(kind, name, storage="", line=3):
    return Stored(StoredKind(kind), name, f"flow.py:{line}", storage)


RESULT = stored("result", "flow nightly")
CACHE = stored("cache", "task load", line=8)
BY_DEFAULT = stored("default", "flow nightly")
FILE = stored("file", "data/x.csv", "/opt/prefect/flows/data", 12)
NO_FOLDER = stored("no-folder", "data", "/opt/prefect/flows/data", 12)
IN_ROOT = stored("file", "out.csv", "/opt/prefect/flows", 14)


def load(folder, more=""):
    (folder / "flowship.toml").write_text(
        f'name = "trips"\nentrypoint = "flow.py:f"\nbase-image = "python:3.11"\n{more}'
    )
    return loading.load(folder, environ={})


def flow(*entries, entrypoint="flow.py:f", block=""):
    return ProbeResult(
        "nightly", entrypoint, "3.8.8", "3.11", stored=entries, default_storage=block,
        default_folder=HOME,
    )  # fmt: skip


@pytest.fixture
def warning(tmp_path):
    def of(*entries, more="", block=""):
        return losses.of_runs([flow(*entries, block=block)], load(tmp_path, more))

    return of


def test_each_loss_is_named_with_what_keeps_it(warning):
    assert warning(RESULT, CACHE, FILE) == (
        "each run has a new container, and with it these are lost: the results of the flow nightly"
        " (flow.py:3), the cache of the task load (flow.py:8), data/x.csv (flow.py:12)."
        ' Keep results and caches in a storage block: result_storage="gcs-bucket/NAME" in the code,'
        " or PREFECT_DEFAULT_RESULT_STORAGE_BLOCK in env of [block], or mount a folder: volumes ="
        f' ["trips-results:{HOME}"] in [block].'
        ' Keep files in a mounted folder: volumes = ["trips-data:/opt/prefect/flows/data"] in'
        ' [block]. To accept this, add ignore = ["lost-output"] to [check]'
    )


def test_a_folder_that_the_image_lacks_is_named_with_what_creates_it(warning):
    assert warning(NO_FOLDER, stored("no-folder", "data", NO_FOLDER.storage, 14)) == (
        "runs fail where they write into a folder that the image does not have and the code does"
        " not create: data (flow.py:12). Create it in the code:"
        ' Path("data").mkdir(parents=True, exist_ok=True); or mount one: volumes ='
        ' ["trips-data:/opt/prefect/flows/data"] in [block]. To accept this, add ignore ='
        ' ["lost-output"] to [check]'
    )
    both = warning(FILE, NO_FOLDER)
    assert "data/x.csv (flow.py:12). Runs fail where they write into a folder" in both
    assert "exist_ok=True). Keep files in a mounted folder" in both
    assert both.count("volumes = ") == 1


def test_a_flow_that_stores_nothing_has_no_warning(warning):
    assert warning() is None
    assert warning(BY_DEFAULT) is None


def test_files_of_one_folder_are_named_once_and_many_losses_are_counted(warning):
    more = [stored("file", f"data/{n}.csv", FILE.storage) for n in range(3)]
    text = warning(stored("file", "data/…", FILE.storage), FILE, *more)
    assert (text.count("flow.py:"), "data/x.csv (flow.py:12)." in text) == (1, True)
    only = warning(stored("file", "data/…", FILE.storage))
    assert "files in data/ (flow.py:3)." in only
    tasks = [stored("cache", f"task t{n}", line=n) for n in range(9)]
    assert "the cache of the task t4 (flow.py:4), 4 more." in warning(*tasks)


def test_the_working_directory_itself_cannot_be_mounted(warning):
    text = warning(IN_ROOT)
    advice = "Write files to a folder of their own, and keep them in a mounted folder: volumes"
    assert advice in text
    assert "results" not in text.partition(":")[2].partition("[check]")[0]


@pytest.mark.parametrize(
    ("entry", "more"),
    [
        (FILE, '[block]\nvolumes = ["/srv/data:/opt/prefect/flows/data"]'),
        (FILE, '[block]\nvolumes = ["/srv:/opt/prefect/flows:rw"]'),
        (NO_FOLDER, '[block]\nvolumes = ["/srv/data:/opt/prefect/flows/data"]'),
        (RESULT, f'[block]\nvolumes = ["results:{HOME}"]'),
        (RESULT, '[block]\nvolumes = ["r:/r"]\nenv = { PREFECT_LOCAL_STORAGE_PATH = "/r/x" }'),
        (CACHE, '[block]\nenv = { PREFECT_DEFAULT_RESULT_STORAGE_BLOCK = "gcs-bucket/x" }'),
        (CACHE, '[block]\nenv = { PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK = "s3-bucket/x" }'),
        (stored("result", "task a", "gcs-bucket/x"), ""),
        (stored("result", "task a", "/kept/x"), '[block]\nvolumes = ["/srv:/kept"]'),
        (stored("result", "task a", "local-file-system/x"), '[block]\nvolumes = ["/srv:/kept"]'),
        (
            FILE,
            '[[deployments]]\nname = "d"\n'
            'job-variables = { volumes = ["d:/opt/prefect/flows/data"] }',
        ),
        (
            CACHE,
            '[[deployments]]\nname = "d"\n'
            'job-variables.env = { PREFECT_DEFAULT_RESULT_STORAGE_BLOCK = "gcs-bucket/x" }',
        ),
        (CACHE, '[check]\nignore = ["lost-output"]'),
        (FILE, '[check]\nignore = ["lost-output"]'),
    ],
)
def test_what_is_kept_or_accepted_has_no_warning(warning, entry, more):
    assert warning(entry) or entry.storage.startswith("gcs")
    assert warning(entry, more=more) is None


@pytest.mark.parametrize(
    ("entry", "more"),
    [
        (FILE, '[block]\nvolumes = ["/srv:/data"]'),
        (FILE, '[block]\nenv = { PREFECT_DEFAULT_RESULT_STORAGE_BLOCK = "gcs-bucket/x" }'),
        (CACHE, '[block]\nenv = { PREFECT_DEFAULT_RESULT_STORAGE_BLOCK = "local-file-system/x" }'),
        (BY_DEFAULT, '[block]\nenv = { PREFECT_RESULTS_PERSIST_BY_DEFAULT = "true" }'),
        (
            FILE,  # a deployment replaces the volumes of the block
            '[block]\nvolumes = ["/srv:/opt/prefect/flows/data"]\n'
            '[[deployments]]\nname = "d"\njob-variables = { volumes = [] }',
        ),
        (FILE, '[check]\nwarn = ["lost-output"]'),
    ],
)
def test_what_is_not_kept_has_one(warning, entry, more):
    assert warning(entry, more=more)


def test_the_image_s_own_settings_count(warning):
    assert warning(RESULT, block="gcs-bucket/x") is None
    assert warning(RESULT, block="local-file-system/x")


def test_only_the_deployments_of_a_flow_keep_what_it_stores(tmp_path):
    settings = load(
        tmp_path,
        '[[deployments]]\nname = "a"\njob-variables.volumes = ["d:/opt/prefect/flows/data"]\n'
        '[[deployments]]\nname = "b"\nentrypoint = "other.py:f"\n',
    )
    assert losses.of_runs([flow(FILE)], settings) is None
    text = losses.of_runs([flow(FILE), flow(FILE, entrypoint="other.py:f")], settings)
    assert text.count("data/x.csv") == 1


def test_a_project_can_make_it_an_error(warning):
    with pytest.raises(ConfigError, match=r"data/x\.csv") as caught:
        warning(FILE, more='[check]\nerror = ["lost-output"]')
    assert caught.value.code == "lost-output"
    assert caught.value.where.endswith("flowship.toml:5:1")


def test_output_without_a_mount_or_a_destination_is_lost(tmp_path):
    text = 'output-parameter = "to"\n'
    settings = load(tmp_path, text)
    assert "--param to=" in losses.of_parameter({"months": [1]}, settings)
    assert losses.of_parameter({"to": "gcs-bucket/trips"}, settings) is None
    for more in ('[block]\nvolumes = ["/data:/data"]\n', '[check]\nignore = ["lost-output"]\n'):
        assert losses.of_parameter({}, load(tmp_path, text + more)) is None
    assert losses.of_parameter({}, load(tmp_path)) is None
