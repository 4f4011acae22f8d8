"""The families of models other than XLM: the tokenizer of a folder, and how the family tells languages."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xlmcli.bundle import Framing
from xlmcli.bundle.fields import Fields
from xlmcli.bundle.manifest import SOURCE_PLACE, TARGET_PLACE
from xlmcli.errors import ModelError
from xlmcli.lines import read_model_file
from xlmcli.records import Direction
from xlmcli.text.family_tokenizers import JSON_FILE, SOURCE_FILE, TARGET_FILE, FamilySentencePiece, JsonTokenizer
from xlmcli.text.language_tokens import language_code, map_language_tokens
from xlmcli.text.pieces import open_sentencepiece
from xlmcli.text.special import BOS_PIECE, EOS_PIECE, PAD_PIECE, UNK_PIECE

Family = Literal["marian", "m2m_100", "mbart", "xlm-roberta"]

SENTENCEPIECE_FILE = "sentencepiece.bpe.model"

_VOCAB_FILE, _TARGET_VOCAB_FILE = "vocab.json", "target_vocab.json"
_TOKENIZER_CONFIG_FILE = "tokenizer_config.json"
_FAIRSEQ_FIRST = (BOS_PIECE, PAD_PIECE, EOS_PIECE, UNK_PIECE)
_OPUS_NAME = re.compile(r"opus-mt-(?:tc-)?(?:tiny-|base-|big-)?([a-zA-Z_]+)-([a-zA-Z_]+)")


@dataclass(frozen=True, slots=True)
class FamilyLanguages:
    """How a translation model is told languages, and which it has.

    Attributes:
        framing: The pieces around a text.
        directions: The only directions; empty where ``sources`` and ``targets`` say them.
        sources: Languages that it translates from, each into all ``targets``.
        targets: See ``sources``.
    """

    framing: Framing
    directions: tuple[Direction, ...] = ()
    sources: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()

    @property
    def codes(self) -> tuple[str, ...]:
        """All languages."""
        ends = [code for direction in self.directions for code in (direction.src, direction.tgt)]
        return tuple(dict.fromkeys([*ends, *self.sources, *self.targets]))


@dataclass(frozen=True, slots=True)
class FamilyTokenizer:
    """The tokenizer of a folder of transformers.

    Attributes:
        tokenizer: The tokenizer, whose vocabulary holds the pieces of both sides.
        source: A piece for every row of the encoder's table.
        target: The same of the decoder.
    """

    tokenizer: FamilySentencePiece | JsonTokenizer
    source: Sequence[str]
    target: Sequence[str]


def read_tokenizer_config(folder: Path) -> Fields:
    """Reads tokenizer_config.json; nothing where there is none.

    Raises:
        ModelError: It is no JSON object.
    """
    path = folder / _TOKENIZER_CONFIG_FILE
    return Fields.parse(read_model_file(path), str(path)) if path.is_file() else Fields({}, str(path))


def open_tokenizer(folder: Path, family: Family, config: Fields, sizes: tuple[int, int]) -> FamilyTokenizer:
    """Opens the tokenizer of a folder of transformers.

    Args:
        folder: The folder.
        family: What the model is.
        config: Its tokenizer_config.json.
        sizes: Rows of the encoder's table and of the decoder's, which are the same for all families but Marian.

    Raises:
        ModelError: A file is missing or damaged, or cannot be converted.
    """
    if family == "marian":
        return _open_marian(folder, config, sizes)
    tokenizer = _open_shared(folder, family, config, sizes[0])
    return FamilyTokenizer(tokenizer, tokenizer.vocab, tokenizer.vocab)


def _open_shared(folder: Path, family: Family, config: Fields, vocab_size: int) -> FamilySentencePiece | JsonTokenizer:
    if family == "m2m_100" and (folder / _VOCAB_FILE).is_file() and (folder / SENTENCEPIECE_FILE).is_file():
        return _open_m2m(folder, config, vocab_size)
    if (folder / JSON_FILE).is_file():
        document = read_model_file(folder / JSON_FILE).decode("utf-8", "replace")
        own = JsonTokenizer(document, origin=folder / JSON_FILE).vocab
        return JsonTokenizer(document, _fit(own, vocab_size), folder / JSON_FILE)
    if (folder / SENTENCEPIECE_FILE).is_file():
        model = read_model_file(folder / SENTENCEPIECE_FILE)
        pieces = [*_FAIRSEQ_FIRST, *_text_pieces(model, folder), *_fairseq_languages(family), "<mask>"]
        return FamilySentencePiece(model, None, _fit(pieces, vocab_size), folder / SENTENCEPIECE_FILE)
    raise ModelError(f"{folder}: no tokenizer, neither {JSON_FILE} nor {SENTENCEPIECE_FILE}")


def find_languages(
    folder: Path, family: Family, config: Fields, vocab: Sequence[str], forced_bos: int | None
) -> FamilyLanguages:
    """Finds out how a translation model is told languages.

    Args:
        folder: Its folder, whose name may say the languages of a model of OPUS-MT.
        family: What the model is.
        config: Its tokenizer_config.json.
        vocab: Its pieces.
        forced_bos: The only piece that its translations begin with, where its configuration names one.

    Raises:
        ModelError: Nothing says which languages it translates.
    """
    tokens = map_language_tokens(vocab)
    if family == "marian":
        return _marian_languages(folder, config, tokens)
    if not tokens:
        raise ModelError(f"{folder}: its vocabulary has no tokens of languages")
    after: tuple[str, ...] = (EOS_PIECE,)
    before: tuple[str, ...] = (SOURCE_PLACE,)
    if config.values.get("legacy_behaviour") is True:
        before, after = (), (EOS_PIECE, SOURCE_PLACE)
    framing = Framing(before, after, (TARGET_PLACE,), tokens)
    codes = tuple(tokens)
    only = None if forced_bos is None or forced_bos >= len(vocab) else vocab[forced_bos]
    targets = tuple(code for code in codes if tokens[code] == only) or codes
    return FamilyLanguages(framing, sources=codes, targets=targets)


def _marian_languages(folder: Path, config: Fields, tokens: dict[str, str]) -> FamilyLanguages:
    if config.values.get("source_lang") is not None and config.values.get("target_lang") is not None:
        src, tgt = config.name("source_lang"), config.name("target_lang")
    else:
        named = _OPUS_NAME.search(folder.resolve().name)
        if named is None:
            raise ModelError(
                f"{folder}: nothing says which languages it translates",
                hint=f"write source_lang and target_lang into its {_TOKENIZER_CONFIG_FILE}",
            )
        src, tgt = named[1], named[2]
    src, tgt = (language_code(name).replace("-", "_") for name in (src, tgt))
    if tokens:
        framing = Framing((TARGET_PLACE,), (EOS_PIECE,), (), tokens)
        return FamilyLanguages(framing, sources=(src,), targets=tuple(code for code in tokens))
    return FamilyLanguages(Framing((), (EOS_PIECE,)), directions=(Direction(src, tgt),))


def _open_marian(folder: Path, config: Fields, sizes: tuple[int, int]) -> FamilyTokenizer:
    missing = [name for name in (_VOCAB_FILE, SOURCE_FILE, TARGET_FILE) if not (folder / name).is_file()]
    if missing:
        raise ModelError(f"{folder}: no {', no '.join(missing)}")
    is_separate = config.values.get("separate_vocabs") is True or sizes[0] != sizes[1]
    target_file = _TARGET_VOCAB_FILE if is_separate else _VOCAB_FILE
    sides = (_read_marian_vocab(folder / _VOCAB_FILE, sizes[0]), _read_marian_vocab(folder / target_file, sizes[1]))
    source, target = (read_model_file(folder / name) for name in (SOURCE_FILE, TARGET_FILE))
    pieces = list(dict.fromkeys([*sides[0], *sides[1]]))
    return FamilyTokenizer(FamilySentencePiece(source, target, pieces, folder), *sides)


def _read_marian_vocab(path: Path, size: int) -> list[str]:
    pieces = _read_vocab(path)
    if len(pieces) != size:
        raise ModelError(f"{path}: {len(pieces)} pieces, where the model has {size}")
    if pieces[-1:] != [PAD_PIECE]:
        raise ModelError(f"{path}: its last piece should be {PAD_PIECE}")
    return pieces


def _open_m2m(folder: Path, config: Fields, vocab_size: int) -> FamilySentencePiece:
    from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES

    kind = config.optional_text("language_codes") or "m2m100"
    if kind not in FAIRSEQ_LANGUAGE_CODES:
        known = ", ".join(FAIRSEQ_LANGUAGE_CODES)
        raise ModelError(f"{config.place}: language_codes is {kind!r}, expected one of {known}")
    pieces = [*_read_vocab(folder / _VOCAB_FILE), *(f"__{code}__" for code in FAIRSEQ_LANGUAGE_CODES[kind])]
    model = read_model_file(folder / SENTENCEPIECE_FILE)
    return FamilySentencePiece(model, None, _fit(pieces, vocab_size), folder)


def _fit(pieces: Sequence[str], vocab_size: int) -> list[str]:
    """Returns a piece for each row of the embedding table: rows to spare get a name, pieces to spare are left out."""
    spare = (f"<madeupword{index}>" for index in range(vocab_size - len(pieces)))
    return [*pieces[:vocab_size], *spare]


def _text_pieces(model: bytes, folder: Path) -> list[str]:
    """The pieces of a SentencePiece model but its first three, ``<unk>``, ``<s>`` and ``</s>``."""
    processor = open_sentencepiece(model, folder / SENTENCEPIECE_FILE)
    return [processor.id_to_piece(index) for index in range(3, processor.get_piece_size())]


def _fairseq_languages(family: Family) -> list[str]:
    """The tokens of languages that stand behind the pieces, where no file lists them."""
    if family == "m2m_100":
        from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES
    elif family == "mbart":
        from transformers.models.mbart50.tokenization_mbart50 import FAIRSEQ_LANGUAGE_CODES
    else:
        return []
    return list(FAIRSEQ_LANGUAGE_CODES)


def _read_vocab(path: Path) -> list[str]:
    """Reads an object of pieces and ids; the ids must be 0, 1, 2, …"""
    try:
        vocab = json.loads(read_model_file(path))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not JSON: {error}") from None
    if (
        not isinstance(vocab, dict)
        or not all(type(index) is int for index in vocab.values())
        or sorted(vocab.values()) != list(range(len(vocab)))
    ):
        raise ModelError(f"{path}: expected an object of pieces and their ids, from 0")
    return sorted(vocab, key=lambda piece: int(vocab[piece]))
