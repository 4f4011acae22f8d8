"""How well a model aligns words: ``python -m benchmarks.alignment [MODEL]``.

It is held against 100 sentence pairs that were aligned by hand, through the engine as ``xlm translate --alignment``
runs it: by the head that the bundle names, by both directions, and by the best head of the last layer.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from xlmcli.bundle import AlignmentHead, Bundle, find_model, open_bundle
from xlmcli.infer.alignment import Alignment, Attention, WordAligner
from xlmcli.infer.decoding import Translated
from xlmcli.infer.directions import open_engine
from xlmcli.infer.engine import EngineOptions
from xlmcli.infer.guards import PieceTranslation
from xlmcli.infer.pieces import Piece
from xlmcli.records import Direction

PAIRS = Path(__file__).with_name("aligned.en-fr.tsv")
FORTH, BACK = Direction("en", "fr"), Direction("fr", "en")


class Pair(NamedTuple):
    """A pair of sentences and their links: all that are possible, and those that are sure."""

    en: str
    fr: str
    possible: frozenset[tuple[int, int]]
    sure: frozenset[tuple[int, int]]

    def sides(self, direction: Direction) -> tuple[str, str]:
        return (self.en, self.fr) if direction == FORTH else (self.fr, self.en)


def read_pairs() -> Iterator[Pair]:
    """Yields the pairs that were aligned by hand."""
    for line in PAIRS.read_text(encoding="utf-8").splitlines()[1:]:
        en, fr, links = line.split("\t")
        sure, possible = _read_links(links, "-"), _read_links(links, "p")
        yield Pair(en, fr, sure | possible, sure)


def _read_links(links: str, mark: str) -> frozenset[tuple[int, int]]:
    parts = [link.partition(mark) for link in links.split() if mark in link]
    return frozenset((int(one), int(other)) for one, _, other in parts)


def look(bundle: Bundle, direction: Direction, head: AlignmentHead) -> list[Attention]:
    """Returns where the pieces of each pair's translation look, by one head."""
    part = replace(bundle.translation, alignment_head=head)
    bundle = Bundle(bundle.path, replace(bundle.manifest, translation=part))
    tokenizer = bundle.open_tokenizer()
    engine = open_engine(bundle, direction, tokenizer, EngineOptions("cpu"), aligns=True)
    pairs = [pair.sides(direction) for pair in read_pairs()]
    texts, translations = (
        [tokenizer.encode(pair[side], lang) for pair in pairs]
        for side, lang in enumerate((direction.src, direction.tgt))
    )
    return engine.force(texts, translations)


def align(bundle: Bundle, direction: Direction, seen: Sequence[Attention]) -> list[Alignment]:
    """Returns the links of each pair's words, by where the pieces of its translation looked."""
    tokenizer = bundle.open_tokenizer()
    aligner, found = WordAligner(tokenizer, direction), []
    for pair, attention in zip(read_pairs(), seen, strict=True):
        text, translation = pair.sides(direction)
        ids, said = tokenizer.encode(text, direction.src), tokenizer.encode(translation, direction.tgt)
        result = PieceTranslation(Piece(ids), [Translated([said], [0.0], False, attention=[attention])], order=[ids])
        found.append(aligner.align(text, translation, [result], 0))
    return found


def error_rate(alignments: Sequence[Alignment], direction: Direction) -> float:
    """Returns the alignment error rate.

    Source: Och & Ney 2003, "A Systematic Comparison of Various Statistical Alignment Models".
    """
    good = total = 0
    for pair, alignment in zip(read_pairs(), alignments, strict=True):
        links = set(alignment.links) if direction == FORTH else {(one, other) for other, one in alignment.links}
        good += len(links & pair.sure) + len(links & pair.possible)
        total += len(links) + len(pair.sure)
    return 1 - good / total


def measure(bundle: Bundle, direction: Direction) -> dict[str, float]:
    """Returns the error rate of each way to align."""
    head = bundle.translation.alignment_head
    assert head is not None, "the bundle names no head"
    sizes = bundle.manifest.architecture
    last = [AlignmentHead(sizes.decoder_layers, number, False, 0) for number in range(1, sizes.num_heads + 1)]
    seen, back = (look(bundle, way, head) for way in (direction, direction.opposite))
    both = [one * other.T for one, other in zip(seen, back, strict=True)]
    rates = [error_rate(align(bundle, direction, look(bundle, direction, other)), direction) for other in last]
    return {
        "--alignment": error_rate(align(bundle, direction, seen), direction),
        "--symmetric": error_rate(align(bundle, direction, both), direction),
        "the best head of the last layer": min(rates),
    }


def main() -> None:
    bundle = open_bundle(find_model(sys.argv[1] if len(sys.argv) > 1 else None))
    forth, back = (measure(bundle, direction) for direction in (FORTH, BACK))
    print("| alignment error rate | en-fr | fr-en |\n| --- | --- | --- |")
    for name, rate in forth.items():
        print(f"| {name} | {rate:.3f} | {back[name]:.3f} |")


if __name__ == "__main__":
    main()
