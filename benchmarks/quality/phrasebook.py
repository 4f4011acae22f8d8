"""A phrasebook in several languages, by theme and in all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.quality.answers import Answers, Request
from benchmarks.quality.parts import ParallelSet, Part, iter_requests_of, join_by_direction, score
from benchmarks.quality.records import Layout, Record
from benchmarks.quality.rows import iter_columns
from xlmcli.records import Direction

PHRASEBOOK_LANGS = ("en", "fr", "de", "es", "it", "pt")


@dataclass(frozen=True, slots=True)
class Theme:
    """The rows of a theme in one direction."""

    name: str
    test_set: ParallelSet


@dataclass(frozen=True, slots=True)
class Phrasebook(Part):
    """Scores each theme, and each direction as a whole.

    Attributes:
        themes: Those of a direction one after another.
    """

    themes: Sequence[Theme]

    title = "Phrasebook"
    note = "In each direction that the bundle serves; of few, by theme."
    layout = Layout({"variant": "theme"}, ("direction", "metric"))
    matrix = Layout({"metric": "figure", "src": "from \\ into"}, ("tgt",))

    def iter_requests(self) -> Iterator[Request]:
        return iter_requests_of(theme.test_set for theme in self.themes)

    def whole(self) -> list[ParallelSet]:
        """All themes together, in each direction."""
        return join_by_direction((theme.test_set for theme in self.themes), "phrasebook")

    def measure(self, answers: Answers) -> list[Record]:
        parts = [(theme.test_set, theme.name) for theme in self.themes] + [(whole, "") for whole in self.whole()]
        return [
            record
            for test_set, variant in parts
            for record in score(test_set, answers.texts(test_set.direction, test_set.sources), variant)
        ]


def read_phrasebook(path: Path, directions: Sequence[Direction]) -> Phrasebook:
    """Reads a theme and a text in each of `PHRASEBOOK_LANGS` a line; directions between other languages are left out.

    Raises:
        DataError: The file cannot be read, or a line has too few columns.
    """
    rows: dict[str, list[dict[str, str]]] = {}
    for _, (theme, *texts) in iter_columns(path, 1 + len(PHRASEBOOK_LANGS)):
        rows.setdefault(theme, []).append(dict(zip(PHRASEBOOK_LANGS, texts, strict=False)))
    served = [direction for direction in directions if {direction.src, direction.tgt} <= set(PHRASEBOOK_LANGS)]
    return Phrasebook([Theme(name, _test_set(direction, rows[name])) for direction in served for name in rows])


def _test_set(direction: Direction, rows: Sequence[dict[str, str]]) -> ParallelSet:
    return ParallelSet(
        "phrasebook", direction, [row[direction.src] for row in rows], [row[direction.tgt] for row in rows]
    )
