"""Names of the files in a bundle, and of those that tell a checkpoint from one."""

from __future__ import annotations

MANIFEST_NAME = "xlm.json"
MODEL_NAME = "model.bin"
CONFIG_NAME = "config.json"
LANGUAGES_NAME = "languages.safetensors"
HEAD_NAME = "classifier.safetensors"
LEXICON_NAME = "lexicon.tsv"
TOKENIZER_NAMES = frozenset(
    {
        "tokenizer.model",
        "vocab.json",
        "merges.txt",
        "tokenizer_config.json",
        "source.spm",
        "target.spm",
        "tokenizer.json",
        "bpe.codes",
    }
)
"""What the tokenizers of all kinds write."""

CARD_NAME = "MODEL_CARD.md"
RECIPE_NAME = "recipe.toml"
ORIGIN_NAME = "origin.json"

CHECKPOINT_WEIGHTS_NAME = "model.safetensors"
PYTORCH_WEIGHTS_NAME = "pytorch_model.bin"

ENGINE_NAMES = frozenset(
    {
        MODEL_NAME,
        CONFIG_NAME,
        "vocabulary.json",
        "shared_vocabulary.json",
        "source_vocabulary.json",
        "target_vocabulary.json",
    }
)
"""What CTranslate2 writes and opens."""

BUNDLE_NAMES = (
    ENGINE_NAMES
    | TOKENIZER_NAMES
    | {MANIFEST_NAME, LANGUAGES_NAME, HEAD_NAME, LEXICON_NAME, CARD_NAME, RECIPE_NAME, ORIGIN_NAME}
)
"""All that a bundle can hold, and a folder for one direction too."""
