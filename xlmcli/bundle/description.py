"""What a bundle is, told without torch and without the engine."""

from __future__ import annotations

import json
from collections.abc import Sequence

from xlmcli.bundle.manifest import ClassifierPart, Manifest, MeasuredScore, TranslationPart
from xlmcli.bundle.names import MANIFEST_NAME
from xlmcli.bundle.reading import Bundle, hash_file
from xlmcli.bundle.serialization import format_manifest
from xlmcli.facts import format_bytes, format_columns, format_document, format_name, format_rows
from xlmcli.text.lexicon import Lexicon

_MAX_LABELS_SHOWN = 20
_MAX_DIRECTIONS_SHOWN = 4


def format_bundle_json(bundle: Bundle) -> str:
    """Returns the manifest with the kind, the path, the size, its own sha256, and that the others were right."""
    head = {
        "kind": "bundle",
        "path": format_name(bundle.path),
        "num_bytes": _num_bytes(bundle),
        "hashes_ok": True,
        "manifest_sha256": hash_file(bundle.path / MANIFEST_NAME),
    }
    return format_document({**head, **json.loads(format_manifest(bundle.manifest))})


def format_bundle_text(bundle: Bundle) -> str:
    manifest, sizes = bundle.manifest, bundle.manifest.architecture
    depth = f"{sizes.encoder_layers} layers"
    if sizes.decoder_layers:
        depth = f"{sizes.encoder_layers} encoder and {sizes.decoder_layers} decoder layers"
    positions = str(manifest.limits.max_source_positions)
    if manifest.translation is not None:
        positions += f" source, {manifest.translation.max_target_positions} target"
    rows = [
        *_translation_rows(manifest.translation),
        *_classifier_rows(manifest.classifier),
        ("languages", _format_languages(manifest)),
        ("size", f"{format_bytes(_num_bytes(bundle))} ({manifest.quantization})"),
        ("model", f"{sizes.dim} wide, {depth}, {sizes.num_heads} heads"),
        ("vocabulary", f"{sizes.vocab_size:,} pieces ({manifest.tokenizer})"),
        ("parameters", f"{sizes.num_parameters:,}"),
        (
            "longest text" if manifest.translation is None else "splits at",
            f"{manifest.limits.max_source_tokens} tokens",
        ),
        ("positions", positions),
        *_decoding_rows(manifest.translation),
        ("lexicon", _format_lexicon(bundle)),
        ("licence", manifest.provenance.licence or "not said"),
        ("trained on", "\n".join(manifest.provenance.trained_on) or "not said"),
        ("scores", _format_scores(manifest.provenance.scores) or "none"),
        ("made from", f"{manifest.provenance.source}, by {manifest.provenance.converter}"),
        ("files", f"{len(manifest.files)}, as {MANIFEST_NAME} lists them (sha256)"),
        (MANIFEST_NAME, f"sha256 {hash_file(bundle.path / MANIFEST_NAME)}, to compare with what its maker says"),
    ]
    return format_rows(f"{bundle.path}: bundle, {manifest.task}", rows)


def _translation_rows(part: TranslationPart | None) -> list[tuple[str, str]]:
    return [] if part is None else [("directions", part.describe_directions())]


def _decoding_rows(part: TranslationPart | None) -> list[tuple[str, str]]:
    if part is None:
        return []
    head = part.alignment_head
    aligning = "" if head is None else f"layer {head.layer}, head {head.head} of the decoder"
    decoding = f"beam {part.decoding.beam_size}, length penalty {part.decoding.length_penalty:g}"
    return [
        ("decoding", decoding),
        ("protects", "spans that must not change" if part.protects_spans else ""),
        ("alignment", aligning),
    ]


def _format_lexicon(bundle: Bundle) -> str:
    """The number of words in each direction that the lexicon of a bundle has."""
    content = bundle.read_lexicon()
    if content is None:
        return ""
    directions = bundle.translation.find_directions()
    counts = {direction: len(Lexicon(content, direction)) for direction in directions}
    if len(counts) > _MAX_DIRECTIONS_SHOWN:
        return f"{sum(counts.values()):,} words in {len(counts)} directions"
    return ", ".join(f"{direction} {number:,}" for direction, number in counts.items()) + " words"


def _classifier_rows(part: ClassifierPart | None) -> list[tuple[str, str]]:
    if part is None:
        return []
    return [
        ("labels", f"{format_labels(part.labels)} ({'any number' if part.multi_label else 'one'} a text)"),
        ("pooling", part.pooling if part.activation is None else f"{part.pooling}, {part.activation} after the layer"),
        ("temperature", f"{part.temperature:g}"),
        ("labelled in", ", ".join(part.trained_langs)),
    ]


def format_labels(labels: tuple[str, ...]) -> str:
    """Returns the labels of a classifier, not too many."""
    shown = ", ".join(labels[:_MAX_LABELS_SHOWN])
    return shown if len(labels) <= _MAX_LABELS_SHOWN else f"{shown}, … {len(labels)} in all"


def _format_languages(manifest: Manifest) -> str:
    return ", ".join(manifest.languages) + (" (not told to the model)" if manifest.language_input == "none" else "")


def _format_scores(scores: Sequence[MeasuredScore]) -> str:
    """A table: a row for each test set and what it is in, a column a metric; of one metric, a column a test set."""
    if not scores:
        return ""
    metrics = list(dict.fromkeys(score.metric for score in scores))
    test_sets = list(dict.fromkeys(score.test_set for score in scores))
    if len(metrics) == 1:
        head = [metrics[0], *test_sets]
        rows = _tabulate([((_subject(score),), score.test_set, score.value) for score in scores], test_sets)
        return format_columns([head, *rows], num_left=1)
    rows = _tabulate([((score.test_set, _subject(score)), score.metric, score.value) for score in scores], metrics)
    return format_columns([["", "", *metrics], *rows], num_left=2)


def _tabulate(values: Sequence[tuple[tuple[str, ...], str, float]], columns: Sequence[str]) -> list[list[str]]:
    """Returns a row for each name in ``values`` (name, column, value), in their order; what is not there is empty."""
    cells = {(name, column): f"{value:.4g}" for name, column, value in values}
    names = dict.fromkeys(name for name, _, _ in values)
    return [[*name, *(cells.get((name, column), "") for column in columns)] for name in names]


def _subject(score: MeasuredScore) -> str:
    return (score.lang or "") if score.direction is None else str(score.direction)


def _num_bytes(bundle: Bundle) -> int:
    return sum((bundle.path / name).stat().st_size for name in bundle.manifest.files)
