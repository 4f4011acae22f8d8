"""What a checkpoint is, told without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path

from xlmcli.bundle.description import format_labels
from xlmcli.bundle.fields import Fields
from xlmcli.bundle.manifest import Task
from xlmcli.bundle.names import CHECKPOINT_WEIGHTS_NAME, CONFIG_NAME, PYTORCH_WEIGHTS_NAME
from xlmcli.bundle.weight_files import find_weight_files
from xlmcli.errors import ModelError, unreadable
from xlmcli.facts import format_bytes, format_document, format_name, format_rows
from xlmcli.model.classifier_config import CLASSIFIER

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
    config = read_fields(path)
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
    return _task(read_fields(path))


def read_fields(folder: Path) -> Fields:
    """Reads a checkpoint's config.json as it is.

    Raises:
        ModelError: There is none, or it is not a JSON object.
    """
    path = folder / CONFIG_NAME
    try:
        return Fields.parse(path.read_bytes(), str(path))
    except (FileNotFoundError, NotADirectoryError):
        why = f"it has no {CONFIG_NAME}" if folder.exists() else "nothing is there"
        raise ModelError(f"{folder}: not a checkpoint, {why}") from None
    except OSError as error:
        raise ModelError(unreadable(path, error)) from None


def _size(config: Fields, key: str) -> int:
    return DEFAULT_SIZES[key] if key in DEFAULT_SIZES and key not in config.values else config.whole(key)


def _task(config: Fields) -> Task:
    if "decoder_layers" in config.values:
        return "translate"
    named = config.values.get("architectures") is not None and CLASSIFIER in config.texts("architectures")
    return "classify" if named else "encode"


def _labels(config: Fields) -> tuple[str, ...]:
    """The names of the labels; transformers leaves out the two that it gives where nobody names any."""
    if config.values.get("id2label") is None:
        return ("LABEL_0", "LABEL_1")
    names = config.child("id2label")
    return tuple(names.text(key) for key in sorted(names.values, key=lambda key: (len(key), key)))


def format_checkpoint_json(path: Path, description: CheckpointDescription) -> str:
    return format_document({"kind": "checkpoint", "path": format_name(path), **asdict(description)})


def format_checkpoint_text(path: Path, description: CheckpointDescription) -> str:
    depth = f"{description.encoder_layers} layers"
    if description.decoder_layers is not None:
        depth = f"{description.encoder_layers} encoder and {description.decoder_layers} decoder layers"
    dtypes = ", ".join(description.dtypes)
    return format_rows(
        f"{path}: checkpoint, {description.task}",
        [
            ("directions", ", ".join(description.directions)),
            ("labels", format_labels(description.labels)),
            ("languages", ", ".join(description.languages)),
            ("size", f"{format_bytes(description.num_bytes)} ({dtypes or PYTORCH_WEIGHTS_NAME})"),
            ("model", f"{description.dim} wide, {depth}, {description.num_heads} heads"),
            ("vocabulary", f"{description.vocab_size:,} pieces"),
            ("parameters", "" if description.num_parameters is None else f"{description.num_parameters:,}"),
            ("positions", str(description.num_positions)),
        ],
    )


def _count_weights(files: Sequence[Path]) -> tuple[int | None, tuple[str, ...]]:
    from safetensors import SafetensorError

    from xlmcli.checkpoint.safetensors_file import open_safetensors

    num_parameters, dtypes = 0, set()
    for path in files:
        if path.suffix != Path(CHECKPOINT_WEIGHTS_NAME).suffix:
            return None, ()
        try:
            with open_safetensors(path, "numpy") as weights:
                slices = [weights.get_slice(name) for name in weights.keys()]  # noqa: SIM118 (not a mapping)
        except SafetensorError as error:
            raise ModelError(f"{path}: not a safetensors file ({error})") from None
        num_parameters += sum(prod(part.get_shape()) for part in slices)
        dtypes |= {str(part.get_dtype()).lower() for part in slices}
    return num_parameters, tuple(sorted(dtypes))
