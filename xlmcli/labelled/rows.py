"""Rows of files with labels, as people and ``xlm classify`` write them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from xlmcli.errors import DataError
from xlmcli.tables import FormatName, split_labels

Role = Literal["gold", "predicted", "training"]

_COLUMNS_OF_EVALUATION = "--column, --gold-column, --probability-column and --lang-column choose the columns"
_HINTS: dict[Role, str] = {
    "gold": _COLUMNS_OF_EVALUATION,
    "predicted": _COLUMNS_OF_EVALUATION,
    "training": "--label-column, --text-column and --pair-column choose the columns",
}


class LabelledRow(NamedTuple):
    """What a file says of a text.

    Attributes:
        number: Of the line in the file, from 1.
        labels: The likeliest first; none, one or several.
        probabilities: Of the labels, 0-1; empty where the file tells none.
        others: What stands in the other columns that are wanted.
    """

    number: int
    labels: Sequence[str]
    probabilities: Sequence[float]
    others: Sequence[str]


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """A file, and what is wanted of it.

    Columns of a table are given by number from 1, where it has no header, or by name in its header. Without any, a
    table whose first row has a column ``label`` is taken to have a header, and the first column of others is read.

    Attributes:
        source: Its name, for messages.
        format: Of the file.
        role: What it is read for. Probabilities stand beside predictions, and in the list that ``xlm classify --all``
            writes; training text has the same number of columns in every row.
        label: Column or field of the label; None is ``label``.
        probability: Column or field of its probability; None is ``probability``, if there is one.
        others: What else is wanted; None is ``text``, or the second column.
        multi_label: Whether a text may have several labels, or none.
    """

    source: str
    format: FormatName
    role: Role
    label: str | None = None
    probability: str | None = None
    others: tuple[str | None, ...] = ()
    multi_label: bool = False

    @property
    def hint(self) -> str:
        """How the user chooses columns."""
        return _HINTS[self.role]

    @property
    def is_predicted(self) -> bool:
        return self.role == "predicted"

    @property
    def chooses_columns(self) -> bool:
        """Whether the user names any."""
        return any(column is not None for column in (self.label, self.probability, *self.others))

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
        self, number: int, labels: Sequence[str], probabilities: Sequence[object] = (), others: Sequence[str] = ()
    ) -> LabelledRow:
        """Returns a row.

        Raises:
            DataError: A probability is not from 0 to 1.
        """
        return LabelledRow(number, labels, [self._parse_probability(value, number) for value in probabilities], others)

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


def read_text_row(number: int, text: str, file: LabelledFile) -> LabelledRow:
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
