"""The manifest of a bundle, ``xlm.json``, as records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, get_args

from xlmcli.bundle.fields import Fields
from xlmcli.bundle.names import MANIFEST_NAME
from xlmcli.errors import ModelError, UsageError
from xlmcli.records import Direction

FORMAT_VERSION = 1

Task = Literal["translate"]
TableType = Literal["float32", "float16", "bfloat16"]
LanguageInput = Literal["embedding", "none"]
Quantization = Literal[
    "int8", "int8_float32", "int8_float16", "int8_bfloat16", "int16", "float16", "bfloat16", "float32"
]
TokenizerKind = Literal["sentencepiece"]

_TASKS: tuple[Task, ...] = get_args(Task)
_TABLE_TYPES: tuple[TableType, ...] = get_args(TableType)
_LANGUAGE_INPUTS: tuple[LanguageInput, ...] = get_args(LanguageInput)
_QUANTIZATIONS: tuple[Quantization, ...] = get_args(Quantization)
_TOKENIZERS: tuple[TokenizerKind, ...] = get_args(TokenizerKind)


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """The pieces that the caller of the engine adds or has to know.

    Attributes:
        bos: In front of every source sentence.
        eos: After every source sentence, and what ends a translation.
        decoder_start: What the decoder starts from.
        pad: Padding.
        unk: Whatever the vocabulary cannot write.
    """

    bos: str = "</s>"
    eos: str = "</s>"
    decoder_start: str = "</s>"
    pad: str = "<pad>"
    unk: str = "<unk>"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a text can be.

    Attributes:
        max_source_tokens: Longest text to put through the model at once, without special tokens: as long as those that
            it was trained on. Longer ones are split.
        max_source_positions: Longest source that the engine takes, ``</s> w … </s>``; it fails beyond.
        max_target_positions: Longest target likewise, ``</s> w …``.
    """

    max_source_tokens: int
    max_source_positions: int
    max_target_positions: int


@dataclass(frozen=True, slots=True)
class PositionTable:
    """Where a table of position vectors lies in model.bin.

    Attributes:
        offset: Its first byte.
        rows: How many positions.
        dim: Width of a vector.
        dtype: Type of its numbers.
    """

    offset: int
    rows: int
    dim: int
    dtype: TableType


@dataclass(frozen=True, slots=True)
class PositionTables:
    encoder: PositionTable
    decoder: PositionTable


@dataclass(frozen=True, slots=True)
class DecodingDefaults:
    """How the maker of the model says to decode.

    Attributes:
        beam_size: Hypotheses kept; 1 is greedy.
        length_penalty: Exponent of the length by which a hypothesis' score is divided; 0 does not normalise.
    """

    beam_size: int = 4
    length_penalty: float = 1.0


@dataclass(frozen=True, slots=True)
class Architecture:
    """Sizes of the model.

    Attributes:
        num_parameters: Distinct numbers learned, tied weights counted once.
    """

    dim: int
    num_heads: int
    encoder_layers: int
    decoder_layers: int
    vocab_size: int
    num_parameters: int


@dataclass(frozen=True, slots=True)
class Score:
    """One measured quality.

    Attributes:
        direction: What was translated.
        test_set: What it was measured on.
        metric: For example BLEU.
        value: The score, on the metric's own scale.
        signature: How it was computed, as the metric's program writes it.
    """

    direction: Direction
    test_set: str
    metric: str
    value: float
    signature: str | None = None

    @classmethod
    def read(cls, fields: Fields) -> Score:
        return cls(
            direction=_direction(fields.text("direction"), fields.place),
            test_set=fields.text("test_set"),
            metric=fields.text("metric"),
            value=fields.number("value"),
            signature=fields.optional_text("signature"),
        )


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a model came from.

    Attributes:
        source: Name of the checkpoint.
        converter: The programs that wrote the bundle, with their versions.
        licence: Under which the model may be used, or None where nobody said.
        trained_on: The texts it saw, one line each.
        scores: What was measured, on these files or on the checkpoint.
    """

    source: str
    converter: str
    licence: str | None = None
    trained_on: tuple[str, ...] = ()
    scores: tuple[Score, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What ``xlm.json`` says about the bundle that it lies in.

    Attributes:
        languages: Code of every language and its row among the language vectors.
        directions: What the model was trained to translate.
        language_input: How the language is told. "embedding": a vector of languages.safetensors is added to every
            position of each side. "none": the model has no such input.
        quantization: How the weights are stored, as CTranslate2 names it.
        files: sha256, in hexadecimal, of every other file.
    """

    languages: Mapping[str, int]
    directions: tuple[Direction, ...]
    limits: Limits
    position_tables: PositionTables
    architecture: Architecture
    quantization: Quantization
    provenance: Provenance
    language_input: LanguageInput = "embedding"
    tokens: SpecialTokens = field(default_factory=SpecialTokens)
    decoding: DecodingDefaults = field(default_factory=DecodingDefaults)
    tokenizer: TokenizerKind = "sentencepiece"
    task: Task = "translate"
    format_version: int = FORMAT_VERSION
    files: Mapping[str, str] = field(default_factory=dict)


def format_manifest(manifest: Manifest) -> str:
    """Returns the text of ``xlm.json``."""
    document = asdict(manifest)
    document["directions"] = [str(direction) for direction in manifest.directions]
    document["provenance"]["scores"] = [
        {**asdict(score), "direction": str(score.direction)} for score in manifest.provenance.scores
    ]
    order = ["format_version", "task", *(name for name in document if name not in ("format_version", "task"))]
    return json.dumps({name: document[name] for name in order}, ensure_ascii=False, indent=2) + "\n"


def parse_manifest(text: str | bytes, place: str) -> Manifest:
    """Reads the text of ``xlm.json``.

    Args:
        text: The text.
        place: Its path, for errors.

    Raises:
        ModelError: It is not a manifest, was written by a newer xlm, or contradicts itself.
    """
    fields = Fields.parse(text, place)
    version = fields.whole("format_version")
    if version > FORMAT_VERSION:
        raise ModelError(
            f"{place}: bundle format {version}, and this xlm reads up to {FORMAT_VERSION}",
            hint="pip install --upgrade xlmcli",
        )
    manifest = _manifest(fields, version)
    _check(manifest, place)
    return manifest


def _manifest(fields: Fields, version: int) -> Manifest:
    tables, languages = fields.child("position_tables"), fields.child("languages")
    hashes = fields.child("files")
    return Manifest(
        format_version=version,
        task=fields.choice("task", _TASKS),
        languages={code: languages.whole(code) for code in languages.values},
        directions=tuple(_direction(text, fields.place) for text in fields.texts("directions")),
        language_input=fields.choice("language_input", _LANGUAGE_INPUTS),
        tokens=_tokens(fields.child("tokens")),
        limits=_limits(fields.child("limits")),
        position_tables=PositionTables(_table(tables.child("encoder")), _table(tables.child("decoder"))),
        decoding=_decoding(fields.child("decoding")),
        architecture=_architecture(fields.child("architecture")),
        quantization=fields.choice("quantization", _QUANTIZATIONS),
        tokenizer=fields.choice("tokenizer", _TOKENIZERS),
        provenance=_provenance(fields.child("provenance")),
        files={name: hashes.text(name) for name in hashes.values},
    )


def _check(manifest: Manifest, place: str) -> None:
    limits = manifest.limits
    if not 0 < limits.max_source_tokens <= limits.max_source_positions - 2:
        raise ModelError(
            f"{place}: limits: max_source_tokens {limits.max_source_tokens} does not fit"
            f" max_source_positions {limits.max_source_positions}"
        )
    for direction in manifest.directions:
        for code in (direction.src, direction.tgt):
            if code not in manifest.languages:
                raise ModelError(f"{place}: direction {direction} names {code!r}, which is not among its languages")
    for name in manifest.files:
        if "/" in name or "\\" in name or name in ("", ".", "..", MANIFEST_NAME):
            raise ModelError(f"{place}: files: {name!r} is not the name of a file beside it")


def _direction(text: str, place: str) -> Direction:
    try:
        return Direction.parse(text)
    except UsageError as error:
        raise ModelError(f"{place}: {error.message}") from None


def _tokens(fields: Fields) -> SpecialTokens:
    return SpecialTokens(
        bos=fields.text("bos"),
        eos=fields.text("eos"),
        decoder_start=fields.text("decoder_start"),
        pad=fields.text("pad"),
        unk=fields.text("unk"),
    )


def _limits(fields: Fields) -> Limits:
    return Limits(
        max_source_tokens=fields.whole("max_source_tokens"),
        max_source_positions=fields.whole("max_source_positions"),
        max_target_positions=fields.whole("max_target_positions"),
    )


def _table(fields: Fields) -> PositionTable:
    return PositionTable(
        offset=fields.whole("offset"),
        rows=fields.whole("rows"),
        dim=fields.whole("dim"),
        dtype=fields.choice("dtype", _TABLE_TYPES),
    )


def _decoding(fields: Fields) -> DecodingDefaults:
    return DecodingDefaults(beam_size=fields.whole("beam_size"), length_penalty=fields.number("length_penalty"))


def _architecture(fields: Fields) -> Architecture:
    return Architecture(
        dim=fields.whole("dim"),
        num_heads=fields.whole("num_heads"),
        encoder_layers=fields.whole("encoder_layers"),
        decoder_layers=fields.whole("decoder_layers"),
        vocab_size=fields.whole("vocab_size"),
        num_parameters=fields.whole("num_parameters"),
    )


def _provenance(fields: Fields) -> Provenance:
    return Provenance(
        source=fields.text("source"),
        converter=fields.text("converter"),
        licence=fields.optional_text("licence"),
        trained_on=fields.texts("trained_on"),
        scores=tuple(Score.read(item) for item in fields.children("scores")),
    )
