"""The language of translations: whether it is the one that was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.quality.answers import Answers, Request
from benchmarks.quality.parts import ALL_SETS, ParallelSet, Part, iter_requests_of, join_by_direction
from benchmarks.quality.records import Layout, Record, percentage
from xlmcli.infer.languages import IdentifiedLanguages

# A line of fewer is the same in several languages, or identified wrongly, too often to tell anything.
MIN_WORDS = 5


@dataclass(frozen=True, slots=True)
class LanguagePart(Part):
    """Counts the lines in the target's language among the longer ones, beside the human translations."""

    test_sets: Sequence[ParallelSet]

    title = "Language of the output"
    note = (
        f"Lines of {MIN_WORDS} words and more: how many translations are identified as the target's language, by "
        "fastText among those of these directions, and how many of the references."
    )
    layout = Layout({"direction": "direction"}, ("metric",))
    matrix = Layout({"metric": "figure", "src": "from \\ into"}, ("tgt",))

    def iter_requests(self) -> Iterator[Request]:
        return iter_requests_of(self.test_sets)

    def measure(self, answers: Answers) -> list[Record]:
        languages = self._languages()
        records = []
        for test_set in join_by_direction(self.test_sets, ALL_SETS):
            direction = test_set.direction
            outputs = _long(answers.texts(direction, test_set.sources))
            for lines, metric in (
                (outputs, "in the target's language (%)"),
                (_long(test_set.references), "references (%)"),
            ):
                num_right = sum(languages.choose(line) == direction.tgt for line in lines)
                records.append(Record(direction, ALL_SETS, metric, percentage(num_right, len(lines))))
            records.append(Record(direction, ALL_SETS, "lines", len(outputs)))
        return records

    def iter_misses(self, answers: Answers) -> Iterator[str]:
        languages = self._languages()
        for test_set in self.test_sets:
            direction = test_set.direction
            for line in _long(answers.texts(direction, test_set.sources)):
                if (found := languages.choose(line)) != direction.tgt:
                    yield f"{direction} language: {found}: {line}"

    def _languages(self) -> IdentifiedLanguages:
        directions = [test_set.direction for test_set in self.test_sets]
        return IdentifiedLanguages(sorted({lang for each in directions for lang in (each.src, each.tgt)}))


def _long(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if len(line.split()) >= MIN_WORDS]
