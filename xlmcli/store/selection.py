"""Which files of a repository are wanted: those that a conversion can read, and no others."""

from __future__ import annotations

import re
from collections.abc import Collection

from xlmcli.errors import ModelError

LICENCE_NAMES = ("LICENSE", "LICENSE.txt", "LICENSE.md")
CARD_FILE = "README.md"

_CONFIGURATION = ("config.json", "generation_config.json", CARD_FILE, *LICENCE_NAMES)
_TOKENIZER = (
    "tokenizer.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt", "codes", "vocab", "sentencepiece.bpe.model", "spiece.model", "source.spm", "target.spm",
)  # fmt: skip
_ENGINE = re.compile(r"(shared|source|target)_vocabulary\.(json|txt)")

# In order of preference: each kind alone is a whole model. A safetensors file cannot hold code, a .bin file can.
_WEIGHTS = (
    re.compile(r"model\.safetensors"),
    re.compile(r"model(-\d+-of-\d+\.safetensors|\.safetensors\.index\.json)"),
    re.compile(r"pytorch_model\.bin"),
    re.compile(r"pytorch_model(-\d+-of-\d+\.bin|\.bin\.index\.json)"),
    re.compile(r"model\.bin"),
)


def select_checkpoint_files(names: Collection[str], repository: str) -> list[str]:
    """Returns the files of a checkpoint: configuration, tokenizer, card, and one kind of weights.

    Args:
        names: All files of the repository.
        repository: Its name, for errors.

    Raises:
        ModelError: There are no weights that can be converted, or no configuration.
    """
    weights = next((found for kind in _WEIGHTS if (found := [name for name in names if kind.fullmatch(name)])), [])
    if not weights or "config.json" not in names:
        missing = "config.json" if weights else "model.safetensors and no pytorch_model.bin"
        raise ModelError(
            f"{repository} holds no model that xlm can read: it has no {missing}",
            hint=f"it holds {', '.join(sorted(names)[:8]) or 'nothing'}",
        )
    others = [name for name in names if name in _CONFIGURATION or name in _TOKENIZER or _ENGINE.fullmatch(name)]
    return sorted(others) + sorted(weights)
