"""Models that are in CTranslate2's format already, with their tokenizer: folders, and packages of Argos Translate."""

from __future__ import annotations

import json
import math
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO, cast

from xlmcli.bundle import Architecture, Bundle, Framing, Limits, Manifest, SpecialTokens, TranslationPart, is_bundle
from xlmcli.bundle.fields import Fields
from xlmcli.bundle.layout import (
    DECODER_POSITIONS,
    ENCODER_POSITIONS,
    StoredWeight,
    count_layers,
    read_number,
    read_weights,
)
from xlmcli.bundle.manifest import Quantization
from xlmcli.bundle.names import CONFIG_NAME, MODEL_NAME
from xlmcli.bundle.reading import check_not_folded
from xlmcli.convert.bundling import BundleOptions, copy_documents, make_provenance
from xlmcli.convert.family.languages import (
    SENTENCEPIECE_FILE,
    Family,
    FamilyLanguages,
    find_languages,
    read_tokenizer_config,
)
from xlmcli.convert.family.model import tokenizer_kind
from xlmcli.convert.options import Refusals, Say, VerificationOptions, refused_by_engine_models
from xlmcli.errors import ModelError, unreadable
from xlmcli.facts import format_bytes
from xlmcli.records import Direction
from xlmcli.text.family_tokenizers import (
    JSON_FILE,
    SOURCE_FILE,
    TARGET_FILE,
    load_family_tokenizer,
)
from xlmcli.text.moses_bpe import parse_subword_codes
from xlmcli.text.pieces import BPE_CODES_FILE
from xlmcli.text.special import EOS_PIECE, UNK_PIECE

ARGOS_SUFFIX = ".argosmodel"

_METADATA_FILE, _ARGOS_FOLDER, _ARGOS_TOKENIZER = "metadata.json", "model", "sentencepiece.model"
# subword-nmt's codes, in a few packages.
_ARGOS_BPE = "bpe.model"
# In these sacremoses leaves Chinese characters together, and our rules of Moses do not.
_UNCUT_LANGS = frozenset({"ja", "zh"})
_VOCABULARIES = ("shared_vocabulary", "source_vocabulary", "target_vocabulary")
# By the name in a bundle.
_ARGOS_TOKENIZER_FILES = ({SOURCE_FILE: _ARGOS_TOKENIZER}, {BPE_CODES_FILE: _ARGOS_BPE})
_TOKENIZER_FILES = (
    {SOURCE_FILE: SOURCE_FILE, TARGET_FILE: TARGET_FILE},
    {JSON_FILE: JSON_FILE},
    {SOURCE_FILE: SENTENCEPIECE_FILE},
)
# Weights are never packed so well.
_MAX_RATIO, _SMALL_BYTES = 20, 1 << 26
# Where a model computes its positions, the engine takes any length, but training texts were sentences.
_COMPUTED_POSITIONS = 256
# What the engine takes where an old model does not say.
_UNTOLD_NUM_HEADS = 8


@dataclass(frozen=True, slots=True)
class EngineModel:
    """A model of CTranslate2 and what stands beside it.

    Attributes:
        name: Name of its folder or file.
        files: The engine's files and the tokenizer's, by their names in a bundle.
        argos: What the metadata of a package of Argos Translate says; None for a folder.
        origin: The folder or the file that was named.
    """

    name: str
    files: Mapping[str, Path | zipfile.Path]
    argos: Fields | None
    origin: Path

    @property
    def langs(self) -> tuple[str, ...]:
        """None: it is compared with nothing."""
        return ()

    def refused_options(self) -> Refusals:
        """Options of the conversion that say nothing about it."""
        return refused_by_engine_models(self.name)

    def verify(self, bundle: Bundle, options: VerificationOptions, say: Say) -> None:
        """There is nothing to compare with: its weights stay."""

    def fill(self, folder: Path, options: BundleOptions) -> Manifest:
        """Writes every file but the manifest, and returns the manifest without hashes. Weights stay as they are.

        Raises:
            ModelError: A file cannot be read, or it is no translation model.
        """
        for name, source in self.files.items():
            if source.name.endswith(".txt"):
                (folder / name).write_bytes(_listed(_read(source), source))
            else:
                _copy(source, folder / name)
        if CONFIG_NAME not in self.files:
            (folder / CONFIG_NAME).write_text("{}\n", encoding="utf-8")
        copy_documents(folder, options)
        with (folder / MODEL_NAME).open("rb") as stream:
            weights = read_weights(stream)
            num_heads = _read_num_heads(stream, weights)
            if stream.seek(0, SEEK_END) < max((part.offset + part.num_bytes for part in weights.values()), default=0):
                raise ModelError(f"{self.origin}: {MODEL_NAME} ends early")
        if not {"encoder", "decoder"} <= {name.partition("/")[0] for name in weights}:
            raise ModelError(f"{self.origin}: not a translation model: it has no encoder or no decoder")
        tokenizer = load_family_tokenizer(folder)
        languages = self._languages(tokenizer.vocab, Fields.parse(_read(folder / CONFIG_NAME), CONFIG_NAME))
        source_positions = _num_positions(weights, ENCODER_POSITIONS)
        return Manifest(
            task="translate",
            languages={code: row for row, code in enumerate(languages.codes)},
            language_input="token" if languages.framing.languages else "none",
            limits=Limits(source_positions - 2, source_positions),
            architecture=_architecture(weights, num_heads, tokenizer.vocab_size),
            quantization=_quantization(weights),
            provenance=make_provenance(self.name, options),
            tokenizer=tokenizer_kind(tokenizer),
            tokens=SpecialTokens(bos=EOS_PIECE, eos=EOS_PIECE, unk=UNK_PIECE),
            translation=TranslationPart(
                directions=languages.directions,
                max_target_positions=_num_positions(weights, DECODER_POSITIONS),
                decoding=options.decoding,
                sources=languages.sources,
                targets=languages.targets,
                framing=languages.framing,
            ),
        )

    def _languages(self, vocab: list[str], config: Fields) -> FamilyLanguages:
        if self.argos is not None:
            src, tgt = (self.argos.name(field).replace("-", "_") for field in ("from_code", "to_code"))
            direction = Direction(src, tgt)
            prefix = self.argos.optional_text("target_prefix")
            return FamilyLanguages(Framing((), (), (prefix,) if prefix else ()), directions=(direction,))
        family: Family = "marian" if TARGET_FILE in self.files else "m2m_100"
        languages = find_languages(self.origin, family, read_tokenizer_config(self.origin), vocab, None)
        if config.values.get("add_source_eos") is True:
            framing = languages.framing
            after = tuple(piece for piece in framing.after if piece != EOS_PIECE)
            languages = replace(languages, framing=replace(framing, after=after))
        return languages


def is_engine_model(path: Path) -> bool:
    """Tells whether a path is a folder of CTranslate2 or a package of Argos Translate, packed or not."""
    if path.suffix == ARGOS_SUFFIX and path.is_file():
        return True
    return not is_bundle(path) and any((folder / MODEL_NAME).is_file() for folder in (path, path / _ARGOS_FOLDER))


def open_engine_model(path: Path) -> EngineModel:
    """Opens a folder of CTranslate2 or a package of Argos Translate.

    Raises:
        ModelError: It is neither, or lists the files that it lacks.
    """
    root = _unpack(path)
    is_argos = (root / _METADATA_FILE).is_file() and (root / _ARGOS_FOLDER / MODEL_NAME).is_file()
    engine = root / _ARGOS_FOLDER if is_argos else root
    files = {name: engine / name for name in (MODEL_NAME, CONFIG_NAME) if (engine / name).is_file()}
    for stem in _VOCABULARIES:
        for suffix in ("json", "txt"):
            if (engine / f"{stem}.{suffix}").is_file():
                files.setdefault(f"{stem}.json", engine / f"{stem}.{suffix}")
    tokenizer = _find_tokenizer(root, is_argos)
    missing = [] if MODEL_NAME in files else [MODEL_NAME]
    missing += [] if any(f"{stem}.json" in files for stem in _VOCABULARIES[:2]) else [f"{_VOCABULARIES[0]}.json"]
    if not tokenizer:
        others = f"{SOURCE_FILE} and {TARGET_FILE} or {SENTENCEPIECE_FILE} or {JSON_FILE}"
        missing.append(f"{_ARGOS_TOKENIZER} or {_ARGOS_BPE}" if is_argos else others)
    if missing:
        check_not_folded(path)
        raise ModelError(
            f"{path} is no model of CTranslate2 with its tokenizer: it has no {', no '.join(missing)}",
            hint="tokenizers of other kinds cannot be converted",
        )
    argos = None
    if is_argos:
        argos = Fields.parse(_read(root / _METADATA_FILE), f"{path}: {_METADATA_FILE}")
        if BPE_CODES_FILE in tokenizer:
            _check_bpe(tokenizer[BPE_CODES_FILE], argos, path)
    return EngineModel(path.resolve().name, files | tokenizer, argos, path)


def _unpack(path: Path) -> Path | zipfile.Path:
    """Returns the folder of a model; in a package, it is the only one at the top."""
    if path.is_dir():
        return path
    try:
        archive = zipfile.ZipFile(path)
        num_bytes = sum(entry.file_size for entry in archive.infolist())
        if num_bytes > _SMALL_BYTES + _MAX_RATIO * path.stat().st_size:
            raise ModelError(f"{path}: refused, it would take {format_bytes(num_bytes)} when it is unpacked")
        top = list(zipfile.Path(archive).iterdir())
    except (OSError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path}: not a package of Argos Translate ({error})") from None
    folders = [entry for entry in top if entry.is_dir()]
    if len(folders) != 1:
        raise ModelError(f"{path}: not a package of Argos Translate: {len(folders)} folders in it")
    return folders[0]


def _find_tokenizer(root: Path | zipfile.Path, is_argos: bool) -> dict[str, Path | zipfile.Path]:
    for kind in _ARGOS_TOKENIZER_FILES if is_argos else _TOKENIZER_FILES:
        if all((root / name).is_file() for name in kind.values()):
            return {name: root / source for name, source in kind.items()}
    return {}


def _check_bpe(codes: Path | zipfile.Path, argos: Fields, path: Path) -> None:
    parse_subword_codes(_read(codes), f"{path}: {_ARGOS_BPE}")
    lang = argos.text("from_code")
    if lang in _UNCUT_LANGS:
        raise ModelError(f"{path} cannot be converted: it translates from {lang} with {_ARGOS_BPE}")


def _num_positions(weights: Mapping[str, StoredWeight], name: str) -> int:
    return weights[name].shape[0] if name in weights else _COMPUTED_POSITIONS


def _read_num_heads(stream: BinaryIO, weights: Mapping[str, StoredWeight]) -> int:
    # Equal numbers are stored once, under the name of one side.
    stored = next((weight for name, weight in weights.items() if name.endswith("coder/num_heads")), None)
    if stored is None:
        return _UNTOLD_NUM_HEADS
    return read_number(stream, stored)


def _architecture(weights: Mapping[str, StoredWeight], num_heads: int, vocab_size: int) -> Architecture:
    dims = [weight.shape[0] for name, weight in weights.items() if name.endswith("layer_norm/gamma")]
    if not dims:
        raise ModelError(f"{MODEL_NAME}: not a Transformer")
    return Architecture(
        dim=dims[0],
        num_heads=num_heads,
        encoder_layers=count_layers(weights, "encoder"),
        decoder_layers=count_layers(weights, "decoder"),
        vocab_size=vocab_size,
        num_parameters=sum(map(_num_numbers, {weight.name: weight for weight in weights.values()}.values())),
    )


def _num_numbers(weight: StoredWeight) -> int:
    is_setting = not weight.shape or weight.name.endswith(("weight_scale", "/encodings"))
    return 0 if is_setting else math.prod(weight.shape)


def _quantization(weights: Mapping[str, StoredWeight]) -> Quantization:
    """Returns how the weights of layers are stored, from how those of the first one are."""
    name = next((name for name in weights if name.endswith("linear_0/weight")), None)
    if name is None:
        raise ModelError(f"{MODEL_NAME}: not a Transformer")
    stored, norm = weights[name].dtype, next(w.dtype for n, w in weights.items() if n.endswith("layer_norm/gamma"))
    kinds: dict[tuple[str, str], Quantization] = {
        ("int8", "float32"): "int8", ("int8", "float16"): "int8_float16", ("int8", "bfloat16"): "int8_bfloat16",
        ("int16", "float32"): "int16", ("float16", "float16"): "float16", ("bfloat16", "bfloat16"): "bfloat16",
        ("float32", "float32"): "float32",
    }  # fmt: skip
    if (stored, norm) not in kinds:
        raise ModelError(f"{MODEL_NAME}: weights in {stored} beside {norm} are not known")
    return kinds[stored, norm]


def _listed(content: bytes, source: Path | zipfile.Path) -> bytes:
    """A vocabulary with a piece on each line as a list in JSON."""
    try:
        # And not `splitlines`: pieces may hold characters that Python takes for ends of lines.
        pieces = content.decode("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise ModelError(f"{source}: not UTF-8 ({error})") from None
    return json.dumps([piece.removesuffix("\r") for piece in pieces], ensure_ascii=False).encode()


def _copy(source: Path | zipfile.Path, target: Path) -> None:
    with _reading(source), source.open("rb") as stream, target.open("wb") as copy:
        shutil.copyfileobj(cast(BinaryIO, stream), copy)


def _read(path: Path | zipfile.Path) -> bytes:
    with _reading(path):
        return path.read_bytes()


@contextmanager
def _reading(path: Path | zipfile.Path) -> Iterator[None]:
    try:
        yield
    # What a damaged or encrypted archive raises.
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        raise ModelError(unreadable(path, error)) from None
