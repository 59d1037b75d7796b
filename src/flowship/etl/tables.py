"""The results of months as tables, for Prefect artifacts."""

from __future__ import annotations

from flowship.etl.manifest import MonthResult

Row = dict[str, str]


def summary(results: list[MonthResult]) -> list[Row]:
    """One row for each month."""
    return [
        {
            "month": result.label,
            "outcome": result.outcome,
            "rows": "" if result.outcome == "failed" else f"{result.rows:,}",
            "rejected": "" if result.outcome == "failed" else f"{result.rejected:,}",
            "first pickup": _time(result.first_pickup),
            "last pickup": _time(result.last_pickup),
            "MB": "" if result.outcome == "failed" else f"{result.size / 1e6:,.1f}",
            "seconds": f"{result.seconds:,.1f}",
            "location or reason": result.reason if result.outcome == "failed" else result.where,
        }
        for result in results
    ]


def month(result: MonthResult) -> list[Row]:
    """All facts about one month, one in each row."""
    facts = {
        "outcome": result.outcome,
        "reason": result.reason,
        "source": result.source,
        "location": result.where,
        "rows read": f"{result.rows_read:,}",
        "rows written": f"{result.rows:,}",
        "rows rejected": f"{result.rejected:,}",
        "rejected rows in": result.rejects,
        "first pickup": _time(result.first_pickup),
        "last pickup": _time(result.last_pickup),
        "bytes read": f"{result.source_bytes:,}",
        "bytes written": f"{result.size:,}",
        "row groups": f"{result.row_groups:,}",
        "seconds": f"{result.seconds:,.2f}",
        "columns not in the source": ", ".join(result.missing),
        "columns not in the schema": ", ".join(result.unknown),
    }
    rows = [{"fact": fact, "value": value} for fact, value in facts.items() if value]
    nulls = (result.nulls or {}).items()
    return rows + [{"fact": f"nulls in {name}", "value": f"{count:,}"} for name, count in nulls]


def _time(text: str) -> str:
    return text[:19].replace("T", " ")
