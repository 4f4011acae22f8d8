"""A small vocabulary of English and French, learned once."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from xlmcli.sources import Source
from xlmcli.text.sentencepiece import SentencePieceTokenizer
from xlmcli.text.sentencepiece_training import TokenizerOptions, train_sentencepiece

_ENGLISH = (
    ["The cat", "My sister", "A friend", "He"],
    ["sees", "likes", "wants", "buys"],
    ["bread", "the house", "it"],
)
_FRENCH = (["Le chat", "Ma sœur", "L'ami", "Il"], ["voit", "aime", "veut", "achète"], ["le pain", "la maison", "ça"])


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A TSV file of 48 rows: English, French, a source name."""
    path = tmp_path_factory.mktemp("corpus") / "pairs.tsv"
    pairs = zip(product(*_ENGLISH), product(*_FRENCH), strict=True)
    path.write_text("".join(f"{' '.join(en)}.\t{' '.join(fr)}.\tgenerated\n" for en, fr in pairs), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def options(corpus: Path) -> TokenizerOptions:
    return TokenizerOptions((Source(("en", "fr"), corpus),), vocab_size=310)


@pytest.fixture(scope="session")
def vocabulary(options: TokenizerOptions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tokenizer."""
    folder = tmp_path_factory.mktemp("vocabulary")
    train_sentencepiece(options, folder)
    return folder


@pytest.fixture(scope="session")
def tokenizer(vocabulary: Path) -> SentencePieceTokenizer:
    return SentencePieceTokenizer.load(vocabulary)
