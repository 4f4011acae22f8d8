"""Translation of lines in several languages, each of which is identified."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from xlmcli.bundle import Bundle, TranslationPart, read_manifest
from xlmcli.errors import LateModelError, ModelError, UsageError
from xlmcli.facts import format_name
from xlmcli.infer.directions import DirectionEngines, SearchOptions, check_links, open_direction
from xlmcli.infer.engine import EngineOptions
from xlmcli.infer.guards import PieceTranslation
from xlmcli.infer.hypotheses import Translations
from xlmcli.infer.languages import IdentifiedLanguages, Languages, OneLanguage
from xlmcli.infer.opening import open_model
from xlmcli.infer.pieces import Piece, Prepared
from xlmcli.infer.pipeline import Pending
from xlmcli.infer.records.protocols import Record
from xlmcli.infer.translation import Translation
from xlmcli.records import Direction
from xlmcli.text import Tokenizer


class IdentifiedTranslation:
    """The work of translating into one language from several, for a `Pipeline`.

    A line in the language that is wanted passes through as it is.

    Args:
        sources: Languages that lines may be in.
        tgt: The language that is wanted.
        open_from: Opens the translation from a language; called when the first line in it comes.
        passes_target: Whether lines may be in ``tgt`` too.
    """

    def __init__(
        self, sources: Sequence[str], tgt: str, open_from: Callable[[str], Translation], *, passes_target: bool = True
    ) -> None:
        langs = [*sources, tgt] if passes_target else list(sources)
        self._languages: Languages = IdentifiedLanguages(langs) if len(langs) > 1 else OneLanguage(langs[0])
        self._first, self._tgt, self._open = sources[0], tgt, open_from
        self._opened: dict[str, Translation] = {}
        self.num_workers = self._from(self._first).num_workers

    def prepare(self, records: Sequence[Record]) -> list[Prepared]:
        prepared = [Prepared([])] * len(records)
        langs = [self._choose(record) for record in records]
        for lang in dict.fromkeys(langs):
            if lang not in (None, self._tgt):
                rows = [row for row, other in enumerate(langs) if other == lang]
                for row, item in zip(rows, self._from(lang).prepare([records[row] for row in rows]), strict=True):
                    prepared[row] = replace(item, pieces=[replace(piece, lang=lang) for piece in item.pieces])
        return prepared

    def submit(self, batch: Sequence[Piece]) -> _PendingOfSeveral:
        langs = [piece.lang or self._first for piece in batch]
        rows = {lang: [row for row, other in enumerate(langs) if other == lang] for lang in dict.fromkeys(langs)}
        parts = [(places, self._from(lang).submit([batch[row] for row in places])) for lang, places in rows.items()]
        return _PendingOfSeveral(parts, len(batch))

    def finish(self, record: Record, prepared: Prepared, results: Sequence[PieceTranslation]) -> Translations:
        lang = prepared.pieces[0].lang if prepared.pieces else self._choose(record)
        translation = self._from(self._first if lang in (None, self._tgt) else lang)
        return replace(translation.finish(record, prepared, results), language=lang)

    def _choose(self, record: Record) -> str | None:
        text = record.text or ""
        return self._languages.choose(text) if text.strip() else None

    def _from(self, lang: str | None) -> Translation:
        lang = lang or self._first
        if lang not in self._opened:
            try:
                self._opened[lang] = self._open(lang)
            except ModelError as error:
                raise LateModelError(error.message, hint=error.hint) from error
        return self._opened[lang]


@dataclass(frozen=True, slots=True)
class _PendingOfSeveral:
    """A batch in the hands of several engines: places in it, and what each has there."""

    parts: Sequence[tuple[Sequence[int], Pending[PieceTranslation]]]
    size: int

    def wait(self) -> list[PieceTranslation]:
        found: dict[int, PieceTranslation] = {}
        for rows, pending in self.parts:
            found.update(zip(rows, pending.wait(), strict=True))
        return [found[row] for row in range(self.size)]


def open_identified(
    paths: Sequence[Path], tgt: str | None, search: SearchOptions, options: EngineOptions, *, passes_target: bool
) -> IdentifiedTranslation:
    """Opens bundles for translating lines in any language that one of them translates into ``tgt``.

    What several translate, the first does. But for the first, they are opened when a line needs them, and what is wrong
    with one is a `LateModelError` then, but for what their manifests tell before.

    Args:
        paths: The bundles, at least one.
        tgt: See `IdentifiedTranslation`; None where the only bundle translates into a single language.
        search: How to search.
        options: Where and how to compute.
        passes_target: See `IdentifiedTranslation`.

    Raises:
        UsageError: The first bundle translates into several languages.
        ModelError: It cannot be opened or does not translate into ``tgt``, or links between words are wanted and one
            of the bundles has none.
    """

    @cache
    def open_engines(path: Path) -> tuple[Bundle, Tokenizer, DirectionEngines]:
        bundle = open_model(path)
        tokenizer = bundle.open_tokenizer()
        return bundle, tokenizer, DirectionEngines(bundle, tokenizer, options)

    first, *_ = open_engines(paths[0])
    directions = _find_directions(first.translation, tgt)
    targets = sorted({direction.tgt for direction in directions})
    if len(targets) > 1:
        raise UsageError(f"{first.name} translates into several languages", hint=f"--tgt {', '.join(targets)}")
    if not targets:
        raise ModelError(f"{first.name} does not translate into {tgt!r}", hint="xlm info shows what it does")
    routes: dict[str, tuple[Path, Direction]] = {}
    others = ((path, read_manifest(path).translation) for path in paths[1:])
    for path, part in ((paths[0], first.translation), *others):
        for direction in _find_directions(part, tgt):
            if direction.src not in routes:
                if part is not None and search.with_alignment:
                    check_links(format_name(path.name), part, direction, is_symmetric=search.is_symmetric)
                routes[direction.src] = path, direction

    def open_from(src: str) -> Translation:
        path, direction = routes[src]
        bundle, tokenizer, engines = open_engines(path)
        return open_direction(bundle, direction, tokenizer, search, options, engines)

    return IdentifiedTranslation(list(routes), targets[0], open_from, passes_target=passes_target)


def _find_directions(part: TranslationPart | None, tgt: str | None) -> list[Direction]:
    if part is None:
        return []
    return part.find_directions(None, None if tgt is None else part.language_code(tgt))
