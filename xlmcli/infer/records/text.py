"""Plain text: a line is a record, or a pair of texts with a tab between them."""

from __future__ import annotations

from dataclasses import dataclass

from xlmcli.errors import DataError
from xlmcli.infer.reading import Line
from xlmcli.infer.records.protocols import Answer, without_newlines


@dataclass(frozen=True, slots=True)
class TextRecord:
    """A line of plain text."""

    line: Line
    index: int
    text: str
    pair: str | None = None

    @property
    def num_bytes(self) -> int:
        return self.line.num_bytes

    @property
    def raw(self) -> bytes:
        return self.line.raw

    def format(self, answer: Answer) -> str:
        lines = answer.lines(self.line.text, self.index)
        return "".join(without_newlines(line) + self.line.ending for line in lines)


class TextReader:
    """Every line is a record.

    Args:
        has_pairs: Whether a line is two texts with a tab between them.
    """

    def __init__(self, has_pairs: bool) -> None:
        self._has_pairs = has_pairs
        self._index = 0

    def read(self, line: Line) -> tuple[TextRecord]:
        text, pair = self._split(line) if self._has_pairs and line.text else (line.text, None)
        record = TextRecord(line, self._index, text, pair)
        self._index += 1
        return (record,)

    def end_file(self) -> tuple[()]:
        return ()

    def _split(self, line: Line) -> tuple[str, str]:
        texts = line.text.split("\t")
        if len(texts) != 2:
            raise DataError(
                f"{line.place}: expected two texts with a tab between them, found {len(texts) - 1} tabs",
                hint="--format tsv reads tables with further columns",
            )
        return texts[0], texts[1]
