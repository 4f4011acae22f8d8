"""Rows of files with labels: text, TSV, CSV and JSON lines, as people and ``xlm classify`` write them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from xlmcli.errors import DataError, UsageError
from xlmcli.tables import FormatName, join_labels, split_labels

HINT = "--column, --gold-column, --probability-column and --lang-column choose the columns"


@dataclass(frozen=True, slots=True)
class LabelColumns:
    """Where in a file the labels are.

    Columns of a table are given by number from 1, where it has no header, or by name in its header. Without any, a
    table whose first row has a column ``label`` is taken to have a header, and the first column of others is read.

    Attributes:
        format: Of the file.
        label: Column or field of the label; None is ``label``.
        probability: Column or field of its probability; None is ``probability``, if there is one.
        lang: Column or field of the line's language; None reads none.
    """

    format: FormatName = "text"
    label: str | None = None
    probability: str | None = None
    lang: str | None = None

    def __post_init__(self) -> None:
        chosen = [name for name in (self.label, self.probability, self.lang) if name is not None]
        if self.format == "text" and chosen:
            raise UsageError(
                f"plain text has no column or field {chosen[0]!r}", hint="name the format: tsv, csv or jsonl"
            )


class LabelRow(NamedTuple):
    """What a file says of one line.

    Attributes:
        number: Of the line in the file, from 1.
        label: The only or the likeliest one; in multi-label data all, joined by commas; empty if there is none.
        probability: Of the label, 0-1; None where the file tells none, and in multi-label data.
        lang: Language of the line.
    """

    number: int
    label: str
    probability: float | None
    lang: str | None


@dataclass(frozen=True, slots=True)
class LabelFile:
    """What readers of all formats need to know of a file.

    Attributes:
        source: Its name, for messages.
        options: Where its labels are.
        is_predicted: Whether probabilities may stand beside the labels.
        multi_label: Whether a line may have several labels, or none.
    """

    source: str
    options: LabelColumns
    is_predicted: bool
    multi_label: bool

    def place(self, number: int) -> str:
        """Names a line, for messages."""
        return f"{self.source}:{number}"

    def error(self, number: int, message: str, hint: str | None = None) -> DataError:
        """Returns an error that names a line."""
        return DataError(f"{self.place(number)}: {message}", hint=hint)

    def split(self, answer: str) -> list[str]:
        """Returns the labels of a column."""
        return split_labels(answer) if self.multi_label else [answer]

    def row(
        self, number: int, labels: Sequence[str], probabilities: Sequence[object] = (), lang: str | None = None
    ) -> LabelRow:
        """Returns a row of the labels that a line gets, the likeliest first, and of their probabilities, if any.

        Raises:
            DataError: A probability is not from 0 to 1.
        """
        parsed = [self._parse_probability(value, number) for value in probabilities]
        if self.multi_label:
            return LabelRow(number, join_labels(labels), None, lang)
        return LabelRow(number, labels[0] if labels else "", parsed[0] if parsed else None, lang)

    def _parse_probability(self, value: object, number: int) -> float:
        try:
            probability = float(value) if isinstance(value, str | int | float) else None
        except ValueError:
            probability = None
        # What is not a number (NaN) is in no range.
        if probability is None or isinstance(value, bool) or not 0 <= probability <= 1:
            shown = value if isinstance(value, str) else json.dumps(value)
            raise self.error(number, f"expected a probability from 0 to 1, found {shown[:40]!r}")
        return probability


def read_text_row(number: int, text: str, file: LabelFile) -> LabelRow:
    """Reads a line of plain text.

    Raises:
        DataError: It is neither a label nor labels and probabilities in turn.
    """
    columns = text.split("\t")
    if not file.is_predicted or len(columns) == 1:
        return file.row(number, file.split(columns[0]))
    if len(columns) % 2:
        raise file.error(
            number,
            f"expected label and probability in turn, found {len(columns)} columns",
            "that is what xlm classify writes without --echo; of other tables, name the format and the label's column",
        )
    return file.row(number, columns[::2], columns[1::2])
