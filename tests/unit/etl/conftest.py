"""The ETL's fixtures, for these tests only."""

from support.etl import _folders_are_kept, api, real_month, taxi  # noqa: F401
