"""What a bundle or a checkpoint is, told without torch and without the engine."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path

from xlmcli.bundle.fields import Fields
from xlmcli.bundle.manifest import Score, format_manifest
from xlmcli.bundle.names import CHECKPOINT_WEIGHTS_NAME, CONFIG_NAME
from xlmcli.bundle.reading import Bundle
from xlmcli.errors import ModelError


@dataclass(frozen=True, slots=True)
class CheckpointDescription:
    """What config.json and the header of model.safetensors say.

    Attributes:
        task: "pretrained" for an XLM, "translate" for an encoder-decoder.
        languages: Code of every language and its id.
        directions: What it translates; empty for a pretrained XLM.
        decoder_layers: None for a pretrained XLM.
        num_parameters: Numbers stored.
        dtypes: Types they are stored in.
        num_bytes: Size of the weights' file.
    """

    task: str
    languages: dict[str, int]
    directions: tuple[str, ...]
    dim: int
    num_heads: int
    encoder_layers: int
    decoder_layers: int | None
    vocab_size: int
    num_positions: int
    num_parameters: int
    dtypes: tuple[str, ...]
    num_bytes: int


def describe_checkpoint(path: Path) -> CheckpointDescription:
    """Reads a checkpoint's description.

    Raises:
        ModelError: A file is damaged, or the configuration is not an XLM's.
    """
    config = Fields.parse((path / CONFIG_NAME).read_bytes(), str(path / CONFIG_NAME))
    languages, translates = config.child("lang2id"), "decoder_layers" in config.values
    num_parameters, dtypes = _count_weights(path / CHECKPOINT_WEIGHTS_NAME)
    return CheckpointDescription(
        task="translate" if translates else "pretrained",
        languages={code: languages.whole(code) for code in languages.values},
        directions=config.texts("xlm_directions") if translates else (),
        dim=config.whole("emb_dim"),
        num_heads=config.whole("n_heads"),
        encoder_layers=config.whole("n_layers"),
        decoder_layers=config.whole("decoder_layers") if translates else None,
        vocab_size=config.whole("vocab_size"),
        num_positions=config.whole("max_position_embeddings"),
        num_parameters=num_parameters,
        dtypes=dtypes,
        num_bytes=(path / CHECKPOINT_WEIGHTS_NAME).stat().st_size,
    )


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
            ("languages", ", ".join(description.languages)),
            ("size", f"{_megabytes(description.num_bytes)} ({', '.join(description.dtypes)})"),
            ("model", f"{description.dim} wide, {depth}, {description.num_heads} heads"),
            ("vocabulary", f"{description.vocab_size:,} pieces"),
            ("parameters", f"{description.num_parameters:,}"),
            ("positions", str(description.num_positions)),
        ],
    )


def format_bundle_json(bundle: Bundle) -> str:
    """Returns the manifest with the kind, the path, the size in bytes, and that the hashes were right."""
    head = {"kind": "bundle", "path": str(bundle.path), "num_bytes": _num_bytes(bundle), "hashes_ok": True}
    return json.dumps({**head, **json.loads(format_manifest(bundle.manifest))}, ensure_ascii=False, indent=2)


def format_bundle_text(bundle: Bundle) -> str:
    manifest, sizes = bundle.manifest, bundle.manifest.architecture
    depth = f"{sizes.encoder_layers} encoder and {sizes.decoder_layers} decoder layers"
    rows = [
        ("directions", ", ".join(map(str, manifest.directions))),
        ("languages", ", ".join(manifest.languages)),
        ("size", f"{_megabytes(_num_bytes(bundle))} ({manifest.quantization})"),
        ("model", f"{sizes.dim} wide, {depth}, {sizes.num_heads} heads"),
        ("vocabulary", f"{sizes.vocab_size:,} pieces ({manifest.tokenizer})"),
        ("parameters", f"{sizes.num_parameters:,}"),
        ("splits at", f"{manifest.limits.max_source_tokens} tokens"),
        ("positions", f"{manifest.limits.max_source_positions} source, {manifest.limits.max_target_positions} target"),
        ("decoding", f"beam {manifest.decoding.beam_size}, length penalty {manifest.decoding.length_penalty:g}"),
        ("licence", manifest.provenance.licence or "not said"),
        ("trained on", "\n".join(manifest.provenance.trained_on) or "not said"),
        ("scores", "\n".join(map(_format_score, manifest.provenance.scores)) or "none"),
        ("made from", f"{manifest.provenance.source}, by {manifest.provenance.converter}"),
        ("files", f"{len(manifest.files)}, all unaltered (sha256)"),
    ]
    return _format_rows(f"{bundle.path}: bundle, {manifest.task}", rows)


def _format_score(score: Score) -> str:
    signature = f" ({score.signature})" if score.signature else ""
    return f"{score.direction} {score.test_set}: {score.metric} {score.value:g}{signature}"


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


def _count_weights(path: Path) -> tuple[int, tuple[str, ...]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as weights:
            slices = [weights.get_slice(name) for name in weights.keys()]  # noqa: SIM118 (not a mapping)
            dtypes = sorted({str(part.get_dtype()).lower() for part in slices})
            return sum(prod(part.get_shape()) for part in slices), tuple(dtypes)
    except SafetensorError as error:
        raise ModelError(f"{path}: not a safetensors file ({error})") from None
