"""Texts to as few sequences of ids as hold them, for models that read a text as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from xlmcli.infer.languages import Languages
from xlmcli.infer.pieces import Piece, PieceMaker, Prepared
from xlmcli.text import Tokenizer

_DEFAULT_LANG = "en"


class PassageMaker:
    """Tokenises texts; those that are too long become passages of whole sentences.

    Args:
        tokenizer: The model's.
        max_tokens: Longest sequence of ids, special tokens around it not counted.
        separator_ids: What stands between the two texts of a pair.
        languages: Says the language of every text.
    """

    def __init__(
        self, tokenizer: Tokenizer, max_tokens: int, separator_ids: Sequence[int], languages: Languages
    ) -> None:
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._separator_ids = separator_ids
        self._languages = languages
        self._makers: dict[str | None, PieceMaker] = {}

    def prepare(self, texts: Sequence[str], lang: str | None = None) -> list[Prepared]:
        """Returns every text as pieces, in order; none for a blank one.

        Args:
            texts: The texts.
            lang: Language of all of them; None leaves it to ``languages``.
        """
        langs = [lang or self._languages.choose(text) if text.strip() else None for text in texts]
        return [
            Prepared([] if not ids or text.isspace() else self._passages(text, ids, lang))
            for text, lang, ids in zip(texts, langs, self._encode(texts, langs), strict=True)
        ]

    def prepare_pairs(self, pairs: Sequence[tuple[str, str]], lang: str | None = None) -> list[Prepared]:
        """Returns every pair of texts as one piece: of a pair that is too long, the longer text is cut.

        Args:
            pairs: The pairs.
            lang: As of `prepare`.
        """
        langs = [
            lang or self._languages.choose(" ".join(pair)) if any(map(str.strip, pair)) else None for pair in pairs
        ]
        firsts = self._encode([first for first, _ in pairs], langs)
        seconds = self._encode([second for _, second in pairs], langs)
        return [
            Prepared([self._join(first, second, lang)] if first or second else [])
            for first, second, lang in zip(firsts, seconds, langs, strict=True)
        ]

    def _encode(self, texts: Sequence[str], langs: Sequence[str | None]) -> list[list[int]]:
        all_ids: list[list[int]] = [[] for _ in texts]
        for lang in set(langs):
            indices = [index for index, other in enumerate(langs) if other == lang]
            encoded = self._tokenizer.encode_batch([_one_line(texts[index]) for index in indices], lang)
            for index, ids in zip(indices, encoded, strict=True):
                all_ids[index] = ids
        return all_ids

    def _passages(self, text: str, ids: list[int], lang: str | None) -> list[Piece]:
        if len(ids) <= self._max_tokens:
            return [Piece(ids, lang=lang)]
        if lang not in self._makers:
            code = lang or _DEFAULT_LANG
            self._makers[lang] = PieceMaker(self._tokenizer, self._max_tokens, code, code)
        sentences = self._makers[lang].split(_one_line(text))
        return [replace(piece, lang=lang) for piece in _gather(sentences, self._max_tokens)]

    def _join(self, first: list[int], second: list[int], lang: str | None) -> Piece:
        room = self._max_tokens - len(self._separator_ids)
        is_cut = len(first) + len(second) > room
        first = first[: max(room - len(second), room - room // 2)]
        second = second[: room - len(first)]
        return Piece([*first, *self._separator_ids, *second], is_cut=is_cut, lang=lang)


def _gather(pieces: Iterable[Piece], max_tokens: int) -> Iterator[Piece]:
    """Yields pieces that follow each other as one, as long as they fit."""
    gathered: Piece | None = None
    for piece in pieces:
        if gathered is None:
            gathered = piece
        elif len(gathered.ids) + len(piece.ids) <= max_tokens:
            gathered = Piece(gathered.ids + piece.ids, gathered.before, gathered.is_cut or piece.is_cut)
        else:
            yield gathered
            gathered = piece
    if gathered is not None:
        yield gathered


def _one_line(text: str) -> str:
    return text.replace("\r\n", " ").replace("\n", " ")
