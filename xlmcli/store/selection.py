"""Which files of a repository are wanted: those that a conversion can read, and no others."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from xlmcli.bundle.names import CHECKPOINT_WEIGHTS_NAME, CONFIG_NAME, MODEL_NAME, PYTORCH_WEIGHTS_NAME
from xlmcli.bundle.weight_files import INDEX_SUFFIX
from xlmcli.errors import ModelError

CARD_FILE = "README.md"
CODES_FILE = "codes"

_DOCUMENTS = (CARD_FILE, "LICENSE", "LICENSE.txt", "LICENSE.md")
_TOKENIZER = (
    "tokenizer.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "target_vocab.json", "merges.txt", "sentencepiece.bpe.model", "source.spm", "target.spm",
)  # fmt: skip
_SETTINGS = frozenset({CONFIG_NAME, "generation_config.json", *_DOCUMENTS, *_TOKENIZER})
# In order of preference; each is one file, or an index and several. Only the second can hold code.
_WEIGHTS = (CHECKPOINT_WEIGHTS_NAME, PYTORCH_WEIGHTS_NAME)
_SHARD = re.compile(r"(.+)-\d+-of-(\d+)(\.[a-z]+)")

_ENGINE_VOCABULARY = re.compile(r"(shared|source|target)_vocabulary\.(json|txt)")
_ENGINE_TOKENIZERS = (("source.spm", "target.spm"), ("tokenizer.json",), ("sentencepiece.bpe.model",))
_ARGOS_SUFFIX, _ORIGINAL_SUFFIX = ".argosmodel", ".pth"


@dataclass(frozen=True, slots=True)
class Selection:
    """The files of a checkpoint that are wanted.

    Attributes:
        settings: Small files, which say what it is: configuration, tokenizer, card.
        weights: The others.
        main: The file that is to be opened; None where it is the folder.
        codes: fastBPE's codes of a file of the original code.
        has_kind: Whether config.json says what it is, as transformers writes it.
        of_engine: Whether it is in CTranslate2's format already, so that its weights stay as they are.
    """

    settings: tuple[str, ...]
    weights: tuple[str, ...]
    main: str | None = None
    codes: str | None = None
    has_kind: bool = False
    of_engine: bool = False


def select_checkpoint_files(names: Collection[str], repository: str) -> Selection:
    """Chooses the files of a checkpoint, with one kind of weights; files in subfolders are never wanted.

    Args:
        names: All files of the repository.
        repository: Its name, for errors.

    Raises:
        ModelError: There is no checkpoint of a kind that can be converted, or a file of it is missing.
    """
    if CONFIG_NAME in names and (weights := _find_weights(names)):
        return Selection(_settings(names), weights, has_kind=True)
    if MODEL_NAME in names:
        return _select_engine_files(names, repository)
    if argos := _only_one(names, _ARGOS_SUFFIX, repository):
        return Selection(_documents(names), (argos,), main=argos, of_engine=True)
    if original := _only_one(names, _ORIGINAL_SUFFIX, repository):
        return _select_original_files(names, original, repository)
    missing = CONFIG_NAME if _find_weights(names) else " and no ".join(_WEIGHTS)
    raise ModelError(f"{repository} holds no model that xlm can read: it has no {missing}", hint=_listed(names))


def _find_weights(names: Collection[str]) -> tuple[str, ...]:
    """The weights of transformers: one file, or an index and all that it stands for."""
    for name in _WEIGHTS:
        if name in names:
            return (name,)
        index = f"{name}{INDEX_SUFFIX}"
        shards = [match for match in map(_SHARD.fullmatch, sorted(names)) if match and match[1] + match[3] == name]
        if index in names and shards and len(shards) == int(shards[0][2]):
            return (index, *(shard[0] for shard in shards))
    return ()


def _select_engine_files(names: Collection[str], repository: str) -> Selection:
    """The files of CTranslate2's own format; its tokenizer must be there too."""
    vocabularies = [name for name in names if _ENGINE_VOCABULARY.fullmatch(name)]
    missing = []
    if not vocabularies:
        missing.append("no shared_vocabulary.json, so that it does not translate")
    if not any(set(kind) <= set(names) for kind in _ENGINE_TOKENIZERS):
        kinds = " or ".join(" and ".join(kind) for kind in _ENGINE_TOKENIZERS)
        missing.append(f"no tokenizer ({kinds})")
    if missing:
        raise ModelError(
            f"{repository} is a model of CTranslate2 that cannot be converted: it has {' and '.join(missing)}",
            hint=_listed(names),
        )
    return Selection((*_settings(names), *sorted(vocabularies)), (MODEL_NAME,), of_engine=True)


def _select_original_files(names: Collection[str], checkpoint: str, repository: str) -> Selection:
    codes = [name for name in sorted(names) if name.startswith(CODES_FILE) and "/" not in name]
    if len(codes) != 1:
        found = f"{len(codes)} files that may be them ({', '.join(codes)})" if codes else "none"
        raise ModelError(
            f"{repository}: {checkpoint} needs fastBPE's codes, and there are {found}",
            hint=f"download them and give both: xlm convert {checkpoint} BUNDLE --codes FILE",
        )
    return Selection((*_documents(names), *codes), (checkpoint,), main=checkpoint, codes=codes[0])


def _only_one(names: Collection[str], suffix: str, repository: str) -> str | None:
    found = [name for name in sorted(names) if name.endswith(suffix) and "/" not in name]
    if len(found) > 1:
        raise ModelError(
            f"{repository} holds {len(found)} models: {', '.join(found[:8])}{', …' if len(found) > 8 else ''}",
            hint=f"download one of them, then xlm convert FILE{suffix} BUNDLE",
        )
    return found[0] if found else None


def _settings(names: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(_SETTINGS & set(names)))


def _documents(names: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name in _DOCUMENTS if name in names)


def _listed(names: Collection[str]) -> str:
    shown = sorted(names)[:8]
    return f"it holds {', '.join(shown) or 'nothing'}{', …' if len(names) > len(shown) else ''}"
