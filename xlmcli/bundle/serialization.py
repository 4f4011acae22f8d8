"""The text of ``xlm.json``: writing a manifest, and reading it with every value checked."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import get_args

from xlmcli.bundle.consistency import check_manifest
from xlmcli.bundle.fields import Fields
from xlmcli.bundle.manifest import (
    FORMAT_VERSION,
    MAX_DIM,
    MAX_LAYERS,
    MAX_PARAMETERS,
    MAX_PIECES,
    MAX_POSITIONS,
    MAX_TEMPERATURE,
    MIN_TEMPERATURE,
    Activation,
    AlignmentHead,
    Architecture,
    ClassifierPart,
    DecodingDefaults,
    Framing,
    LanguageInput,
    Limits,
    Manifest,
    MeasuredScore,
    Pooling,
    PositionTable,
    PositionTables,
    Provenance,
    Quantization,
    SpecialTokens,
    TableType,
    Task,
    TokenizerKind,
    TranslationPart,
)
from xlmcli.errors import ModelError, UsageError
from xlmcli.records import MAX_BEAM_SIZE, MAX_LENGTH_PENALTY, Direction

_TASKS: tuple[Task, ...] = get_args(Task)
_TABLE_TYPES: tuple[TableType, ...] = get_args(TableType)
_LANGUAGE_INPUTS: dict[Task, tuple[LanguageInput, ...]] = {
    "translate": ("embedding", "token", "none"),
    "classify": ("token_types", "none"),
    "encode": ("token_types", "none"),
}
_QUANTIZATIONS: tuple[Quantization, ...] = get_args(Quantization)
_TOKENIZERS: tuple[TokenizerKind, ...] = get_args(TokenizerKind)
_POOLINGS: tuple[Pooling, ...] = get_args(Pooling)
_ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)


def format_manifest(manifest: Manifest) -> str:
    """Returns the text of ``xlm.json``."""
    document = asdict(manifest)
    document["provenance"]["scores"] = [
        {**asdict(score), "direction": None if score.direction is None else str(score.direction)}
        for score in manifest.provenance.scores
    ]
    if manifest.translation is not None:
        document["translation"] = _document(manifest.translation, document["translation"])
    if not manifest.tokens.separator:
        del document["tokens"]["separator"]
    order = ["format_version", *(name for name in document if name not in ("format_version", "files")), "files"]
    absent = [name for name in ("translation", "classifier") if document[name] is None]
    kept = {name: document[name] for name in order if name not in absent}
    return json.dumps(kept, ensure_ascii=False, indent=2) + "\n"


def _document(part: TranslationPart, values: dict[str, object]) -> dict[str, object]:
    """Returns what is written of a translation model; what it has not got is left out."""
    values["directions"] = [str(direction) for direction in part.directions]
    optional = ("position_tables", "sources", "targets", "framing", "protects_spans", "alignment_head")
    return {name: value for name, value in values.items() if value or name not in optional}


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
    check_manifest(manifest, place)
    return manifest


def read_score(fields: Fields) -> MeasuredScore:
    """Reads one measured score; ``direction``, ``lang`` and ``signature`` may be left out."""
    direction = fields.optional_text("direction")
    return MeasuredScore(
        direction=None if direction is None else _direction(direction, fields.place),
        test_set=fields.text("test_set"),
        metric=fields.text("metric"),
        value=fields.number("value"),
        signature=fields.optional_text("signature"),
        lang=fields.optional_text("lang"),
    )


def _manifest(fields: Fields, version: int) -> Manifest:
    task, languages, hashes = fields.choice("task", _TASKS), fields.child("languages"), fields.child("files")
    return Manifest(
        format_version=version,
        task=task,
        languages={code: languages.whole(code) for code in languages.keys},
        language_input=fields.choice("language_input", _LANGUAGE_INPUTS[task]),
        limits=_limits(fields.child("limits")),
        architecture=_architecture(fields.child("architecture")),
        quantization=fields.choice("quantization", _QUANTIZATIONS),
        provenance=_provenance(fields.child("provenance")),
        tokenizer=fields.choice("tokenizer", _TOKENIZERS),
        tokens=_tokens(fields.child("tokens")),
        translation=_translation(fields.child("translation")) if task == "translate" else None,
        classifier=_classifier(fields.child("classifier")) if task == "classify" else None,
        files={name: hashes.text(name) for name in hashes.keys},
    )


def _translation(fields: Fields) -> TranslationPart:
    decoding = fields.child("decoding")
    return TranslationPart(
        directions=tuple(_direction(text, fields.place) for text in fields.texts("directions")),
        max_target_positions=fields.whole("max_target_positions", 2, MAX_POSITIONS),
        position_tables=_tables(fields.child("position_tables")) if "position_tables" in fields.values else None,
        decoder_start=fields.text("decoder_start"),
        decoding=DecodingDefaults(
            decoding.whole("beam_size", 1, MAX_BEAM_SIZE), decoding.number("length_penalty", 0, MAX_LENGTH_PENALTY)
        ),
        sources=fields.texts("sources") if "sources" in fields.values else (),
        targets=fields.texts("targets") if "targets" in fields.values else (),
        framing=_framing(fields.child("framing")) if "framing" in fields.values else None,
        protects_spans="protects_spans" in fields.values and fields.truth("protects_spans"),
        alignment_head=_alignment_head(fields.child("alignment_head")) if "alignment_head" in fields.values else None,
    )


def _alignment_head(fields: Fields) -> AlignmentHead:
    return AlignmentHead(
        layer=fields.whole("layer", 1, MAX_LAYERS),
        head=fields.whole("head", 1, MAX_DIM),
        when_read=fields.truth("when_read"),
        agreement=fields.number("agreement", 0, 1),
    )


def _tables(fields: Fields) -> PositionTables:
    return PositionTables(_table(fields.child("encoder")), _table(fields.child("decoder")))


def _framing(fields: Fields) -> Framing:
    tokens = fields.child("languages")
    return Framing(
        before=fields.texts("before"),
        after=fields.texts("after"),
        target=fields.texts("target"),
        languages={code: tokens.text(code) for code in tokens.keys},
    )


def _classifier(fields: Fields) -> ClassifierPart:
    return ClassifierPart(
        labels=fields.names("labels"),
        pooling=fields.choice("pooling", _POOLINGS),
        activation=None if fields.optional_text("activation") is None else fields.choice("activation", _ACTIVATIONS),
        multi_label=fields.truth("multi_label"),
        temperature=fields.number("temperature", MIN_TEMPERATURE, MAX_TEMPERATURE),
        trained_langs=fields.texts("trained_langs"),
    )


def _direction(text: str, place: str) -> Direction:
    try:
        return Direction.parse(text)
    except UsageError as error:
        raise ModelError(f"{place}: {error.message}") from None


def _tokens(fields: Fields) -> SpecialTokens:
    return SpecialTokens(
        bos=fields.text("bos"),
        eos=fields.text("eos"),
        pad=fields.text("pad"),
        unk=fields.text("unk"),
        separator=fields.texts("separator") if "separator" in fields.values else (),
    )


def _limits(fields: Fields) -> Limits:
    return Limits(
        max_source_tokens=fields.whole("max_source_tokens", 1),
        max_source_positions=fields.whole("max_source_positions", 3, MAX_POSITIONS),
    )


def _table(fields: Fields) -> PositionTable:
    return PositionTable(
        offset=fields.whole("offset", most=sys.maxsize),
        rows=fields.whole("rows", 1, MAX_POSITIONS),
        dim=fields.whole("dim", 1, MAX_DIM),
        dtype=fields.choice("dtype", _TABLE_TYPES),
    )


def _architecture(fields: Fields) -> Architecture:
    return Architecture(
        dim=fields.whole("dim", 1, MAX_DIM),
        num_heads=fields.whole("num_heads", 1, MAX_DIM),
        encoder_layers=fields.whole("encoder_layers", 1, MAX_LAYERS),
        decoder_layers=fields.whole("decoder_layers", 0, MAX_LAYERS),
        vocab_size=fields.whole("vocab_size", 1, MAX_PIECES),
        num_parameters=fields.whole("num_parameters", 1, MAX_PARAMETERS),
    )


def _provenance(fields: Fields) -> Provenance:
    return Provenance(
        source=fields.text("source"),
        converter=fields.text("converter"),
        licence=fields.optional_text("licence"),
        trained_on=fields.texts("trained_on"),
        scores=tuple(read_score(item) for item in fields.children("scores")),
    )
