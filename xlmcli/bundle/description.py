"""What a bundle or a checkpoint is, told without torch and without the engine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path

from xlmcli.bundle.fields import Fields
from xlmcli.bundle.manifest import ClassifierPart, Manifest, MeasuredScore, Task, TranslationPart
from xlmcli.bundle.names import CHECKPOINT_WEIGHTS_NAME, CONFIG_NAME, PYTORCH_WEIGHTS_NAME
from xlmcli.bundle.reading import Bundle
from xlmcli.bundle.serialization import format_manifest
from xlmcli.bundle.weight_files import find_weight_files
from xlmcli.errors import ModelError

_CLASSIFIER = "XLMForSequenceClassification"
_MAX_LABELS_SHOWN = 20
# Of transformers' XLMConfig, which leaves them out of config.json.
DEFAULT_SIZES = {"vocab_size": 30145, "emb_dim": 2048, "n_layers": 12, "n_heads": 16, "max_position_embeddings": 512}


@dataclass(frozen=True, slots=True)
class CheckpointDescription:
    """What config.json and the header of model.safetensors say.

    Attributes:
        task: What it was trained to do: "translate", "classify", or "pretrained" for an encoder.
        languages: Code of every language and its id.
        directions: What it translates; empty for an encoder.
        labels: What it tells apart; empty where it is no classifier.
        decoder_layers: None for an encoder.
        num_parameters: Numbers stored; None in a file that only torch can read.
        dtypes: Types they are stored in; none likewise.
        num_bytes: Size of the weights' files.
    """

    task: str
    languages: dict[str, int]
    directions: tuple[str, ...]
    labels: tuple[str, ...]
    dim: int
    num_heads: int
    encoder_layers: int
    decoder_layers: int | None
    vocab_size: int
    num_positions: int
    num_parameters: int | None
    dtypes: tuple[str, ...]
    num_bytes: int


def describe_checkpoint(path: Path) -> CheckpointDescription:
    """Reads a checkpoint's description.

    Raises:
        ModelError: A file is damaged, or the configuration is not an XLM's.
    """
    config = _read_config(path)
    task = _task(config)
    translates = task == "translate"
    languages = config.child("lang2id").values if config.values.get("lang2id") is not None else {}
    weights = find_weight_files(path)
    num_parameters, dtypes = _count_weights(weights)
    return CheckpointDescription(
        task="pretrained" if task == "encode" else task,
        languages={code: config.child("lang2id").whole(code) for code in languages},
        directions=config.texts("xlm_directions") if translates else (),
        labels=_labels(config) if task == "classify" else (),
        dim=_size(config, "emb_dim"),
        num_heads=_size(config, "n_heads"),
        encoder_layers=_size(config, "n_layers"),
        decoder_layers=config.whole("decoder_layers") if translates else None,
        # As the first published models name it, or as transformers does now.
        vocab_size=_size(config, "n_words" if "n_words" in config.values else "vocab_size"),
        num_positions=_size(config, "max_position_embeddings"),
        num_parameters=num_parameters,
        dtypes=dtypes,
        num_bytes=sum(file.stat().st_size for file in weights),
    )


def checkpoint_task(path: Path) -> Task:
    """Tells what a bundle made of a checkpoint does.

    Raises:
        ModelError: Its config.json cannot be read.
    """
    return _task(_read_config(path))


def _read_config(path: Path) -> Fields:
    try:
        return Fields.parse((path / CONFIG_NAME).read_bytes(), str(path / CONFIG_NAME))
    except FileNotFoundError:
        raise ModelError(f"{path}: not a checkpoint, it has no {CONFIG_NAME}") from None
    except OSError as error:
        raise ModelError(f"{path / CONFIG_NAME}: cannot be read ({error.strerror or error})") from None


def _size(config: Fields, key: str) -> int:
    return DEFAULT_SIZES[key] if key in DEFAULT_SIZES and key not in config.values else config.whole(key)


def _task(config: Fields) -> Task:
    if "decoder_layers" in config.values:
        return "translate"
    named = config.values.get("architectures") is not None and _CLASSIFIER in config.texts("architectures")
    return "classify" if named else "encode"


def _labels(config: Fields) -> tuple[str, ...]:
    """The names of the labels; transformers leaves out the two that it gives where nobody names any."""
    if config.values.get("id2label") is None:
        return ("LABEL_0", "LABEL_1")
    names = config.child("id2label")
    return tuple(names.text(key) for key in sorted(names.values, key=lambda key: (len(key), key)))


def format_checkpoint_json(path: Path, description: CheckpointDescription) -> str:
    return json.dumps({"kind": "checkpoint", "path": str(path), **asdict(description)}, ensure_ascii=False, indent=2)


def format_checkpoint_text(path: Path, description: CheckpointDescription) -> str:
    depth = f"{description.encoder_layers} layers"
    if description.decoder_layers is not None:
        depth = f"{description.encoder_layers} encoder and {description.decoder_layers} decoder layers"
    return _format_rows(
        f"{path}: checkpoint, {description.task}",
        [
            ("directions", ", ".join(description.directions)),
            ("labels", _format_labels(description.labels)),
            ("languages", ", ".join(description.languages)),
            ("size", f"{_megabytes(description.num_bytes)} ({', '.join(description.dtypes) or PYTORCH_WEIGHTS_NAME})"),
            ("model", f"{description.dim} wide, {depth}, {description.num_heads} heads"),
            ("vocabulary", f"{description.vocab_size:,} pieces"),
            ("parameters", "" if description.num_parameters is None else f"{description.num_parameters:,}"),
            ("positions", str(description.num_positions)),
        ],
    )


def format_bundle_json(bundle: Bundle) -> str:
    """Returns the manifest with the kind, the path, the size in bytes, and that the hashes were right."""
    head = {"kind": "bundle", "path": str(bundle.path), "num_bytes": _num_bytes(bundle), "hashes_ok": True}
    return json.dumps({**head, **json.loads(format_manifest(bundle.manifest))}, ensure_ascii=False, indent=2)


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
        ("size", f"{_megabytes(_num_bytes(bundle))} ({manifest.quantization})"),
        ("model", f"{sizes.dim} wide, {depth}, {sizes.num_heads} heads"),
        ("vocabulary", f"{sizes.vocab_size:,} pieces ({manifest.tokenizer})"),
        ("parameters", f"{sizes.num_parameters:,}"),
        (
            "longest text" if manifest.translation is None else "splits at",
            f"{manifest.limits.max_source_tokens} tokens",
        ),
        ("positions", positions),
        *_decoding_rows(manifest.translation),
        ("licence", manifest.provenance.licence or "not said"),
        ("trained on", "\n".join(manifest.provenance.trained_on) or "not said"),
        ("scores", "\n".join(map(_format_score, manifest.provenance.scores)) or "none"),
        ("made from", f"{manifest.provenance.source}, by {manifest.provenance.converter}"),
        ("files", f"{len(manifest.files)}, all unaltered (sha256)"),
    ]
    return _format_rows(f"{bundle.path}: bundle, {manifest.task}", rows)


def _translation_rows(part: TranslationPart | None) -> list[tuple[str, str]]:
    return [] if part is None else [("directions", part.describe_directions())]


def _decoding_rows(part: TranslationPart | None) -> list[tuple[str, str]]:
    if part is None:
        return []
    decoding = f"beam {part.decoding.beam_size}, length penalty {part.decoding.length_penalty:g}"
    return [("decoding", decoding), ("protects spans", "yes" if part.protects_spans else "no")]


def _classifier_rows(part: ClassifierPart | None) -> list[tuple[str, str]]:
    if part is None:
        return []
    return [
        ("labels", f"{_format_labels(part.labels)} ({'any number' if part.multi_label else 'one'} a text)"),
        ("pooling", part.pooling if part.activation is None else f"{part.pooling}, {part.activation} after the layer"),
        ("temperature", f"{part.temperature:g}"),
        ("labelled in", ", ".join(part.trained_langs)),
    ]


def _format_labels(labels: tuple[str, ...]) -> str:
    shown = ", ".join(labels[:_MAX_LABELS_SHOWN])
    return shown if len(labels) <= _MAX_LABELS_SHOWN else f"{shown}, … {len(labels)} in all"


def _format_languages(manifest: Manifest) -> str:
    return ", ".join(manifest.languages) + (" (not told to the model)" if manifest.language_input == "none" else "")


def _format_score(score: MeasuredScore) -> str:
    signature = f" ({score.signature})" if score.signature else ""
    subject = score.lang if score.direction is None else str(score.direction)
    test_set = score.test_set if subject is None else f"{subject} {score.test_set}"
    return f"{test_set}: {score.metric} {score.value:g}{signature}"


def _format_rows(title: str, rows: list[tuple[str, str]]) -> str:
    """Returns the title, then a line a row; further lines of a value stand below its first."""
    width = max(len(label) for label, _ in rows) + 2
    lines = [title]
    for label, value in rows:
        if value:
            lines.append(f"  {label:{width}}" + f"\n{'':{width + 2}}".join(value.splitlines()))
    return "\n".join(lines)


def _num_bytes(bundle: Bundle) -> int:
    return sum((bundle.path / name).stat().st_size for name in bundle.manifest.files)


def _megabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:.1f} MB"


def _count_weights(files: Sequence[Path]) -> tuple[int | None, tuple[str, ...]]:
    from safetensors import SafetensorError, safe_open

    num_parameters, dtypes = 0, set()
    for path in files:
        if path.suffix != Path(CHECKPOINT_WEIGHTS_NAME).suffix:
            return None, ()
        try:
            with safe_open(path, framework="numpy") as weights:
                slices = [weights.get_slice(name) for name in weights.keys()]  # noqa: SIM118 (not a mapping)
        except SafetensorError as error:
            raise ModelError(f"{path}: not a safetensors file ({error})") from None
        num_parameters += sum(prod(part.get_shape()) for part in slices)
        dtypes |= {str(part.get_dtype()).lower() for part in slices}
    return num_parameters, tuple(sorted(dtypes))
