"""A line to the words that XLM's vocabularies are made of: normalised and tokenised."""

from __future__ import annotations

from xlmcli.text.moses_normalization import normalize_punctuation, strip_romanian_marks
from xlmcli.text.moses_tokenization import MosesTokenizer
from xlmcli.text.word_segmenters import load_segmenter

_ROMANIAN = "ro"
_CHINESE = "zh"


class MosesSplitter:
    """Splits lines of a language that is written with spaces."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self.tokenizer = MosesTokenizer(lang)

    def split(self, text: str) -> list[str]:
        """Returns the words of a line."""
        return self.tokenizer.tokenize(self.spell(normalize_punctuation(text, self.lang)))

    def spell(self, text: str) -> str:
        """Returns ``text`` with the letters that the language's models know."""
        return strip_romanian_marks(text) if self.lang == _ROMANIAN else text


class SegmentingSplitter:
    """Splits lines of a language that is written without spaces."""

    def __init__(self, lang: str) -> None:
        """Loads the language's library.

        Raises:
            MissingExtraError: It is not installed.
            ModelError: KyTea, for Japanese, has no model.
        """
        self.lang = lang
        self._segment = load_segmenter(lang)

    def split(self, text: str) -> list[str]:
        """Returns the words of a line; some are spaces."""
        if self.lang == _CHINESE:
            # As XLMTokenizer does it: full-width punctuation helps jieba.
            return normalize_punctuation(" ".join(self._segment(text)), self.lang).split()
        return self._segment(normalize_punctuation(text, self.lang))
