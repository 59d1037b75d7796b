from __future__ import annotations

import pandas as pd
import pytest

from flowship.etl import read
from flowship.etl.destination import FolderDestination
from flowship.etl.errors import DestinationError
from flowship.etl.month import MonthJob, load_month


@pytest.fixture
def out(taxi, tmp_path):
    address = f"{taxi.url}/green/green_tripdata_2021-02.csv.gz"
    load_month(MonthJob("green", 2021, 2, address), FolderDestination(tmp_path))
    return str(tmp_path)


def test_whole_numbers_with_missing_values_stay_whole_numbers(out):
    frame = read(2, 2021, "green", out)
    assert len(frame) == 2_000
    assert all(isinstance(kind, pd.ArrowDtype) for kind in frame.dtypes)
    assert str(frame["passenger_count"].dtype) == "int64[pyarrow]"
    assert frame["passenger_count"].isna().any()
    assert frame["lpep_pickup_datetime"].dt.year.mode()[0] == 2021


def test_only_the_requested_columns_are_read(out):
    assert list(read(2, 2021, "green", out, columns=["fare_amount"])) == ["fare_amount"]


def test_a_missing_month_names_the_command_that_loads_it(out):
    with pytest.raises(DestinationError, match="flowship etl run --year 2021 --months 3"):
        read(3, 2021, "green", out)
