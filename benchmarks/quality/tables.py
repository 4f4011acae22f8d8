"""Records as Markdown tables, one for each part of the measurements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.quality.parts import Part
from benchmarks.quality.records import Field, Layout, Record

_WHOLE = "all"
# More have no place side by side.
_MAX_DIRECTIONS = 4


def format_part(part: Part, records: Sequence[Record]) -> str:
    """Returns a heading, what the figures are, and the table."""
    if part.matrix is not None and len({record.direction for record in records}) > _MAX_DIRECTIONS:
        table = _format_matrix(part.matrix, [record for record in records if not record.variant])
    else:
        table = format_table(part.layout, records)
    return f"### {part.title}\n\n{part.note}\n\n{table}\n"


def _format_matrix(layout: Layout, records: Sequence[Record]) -> str:
    """Returns a table of a figure after another, with the languages in one order both ways."""
    metrics = list(dict.fromkeys(record.metric for record in records))
    langs = dict.fromkeys(record.direction.src for record in records)
    by_metric = sorted(records, key=lambda record: metrics.index(record.metric))
    return format_table(layout, by_metric, first_columns=[(lang,) for lang in langs])


def format_table(layout: Layout, records: Sequence[Record], first_columns: Iterable[tuple[str, ...]] = ()) -> str:
    """Returns a table with rows and columns in the order in which the records come, and figures with one decimal."""
    rows = dict.fromkeys(_cells(record, layout.rows) for record in records)
    columns = dict.fromkeys([*first_columns, *(_cells(record, layout.columns) for record in records)])
    places = {(_cells(record, layout.rows), _cells(record, layout.columns)): record.value for record in records}
    lines = [_line([*layout.rows.values(), *(" ".join(column) for column in columns)])]
    lines.append(_line(["---"] * (len(layout.rows) + len(columns))))
    lines += [_line([*row, *(_format_value(places.get((row, column))) for column in columns)]) for row in rows]
    return "\n".join(lines)


def format_signatures(records: Iterable[Record]) -> str:
    """Returns a sentence with sacreBLEU's signatures, or nothing where there are none."""
    signatures = dict.fromkeys((record.metric, record.signature) for record in records if record.signature)
    return "; ".join(f"{metric}: `{signature}`" for metric, signature in signatures) + "." if signatures else ""


def _cells(record: Record, fields: Iterable[Field]) -> tuple[str, ...]:
    values: dict[Field, str] = {
        "direction": str(record.direction),
        "src": record.direction.src,
        "tgt": record.direction.tgt,
        "test_set": record.test_set,
        "variant": record.variant or _WHOLE,
        "metric": record.metric,
    }
    return tuple(values[field] for field in fields)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _format_value(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
