"""Names of the files in a bundle, and of those that tell a checkpoint from one."""

from __future__ import annotations

MANIFEST_NAME = "xlm.json"
MODEL_NAME = "model.bin"
CONFIG_NAME = "config.json"
LANGUAGES_NAME = "languages.safetensors"
TOKENIZER_NAME = "tokenizer.model"
CARD_NAME = "MODEL_CARD.md"
RECIPE_NAME = "recipe.toml"

CHECKPOINT_WEIGHTS_NAME = "model.safetensors"

ENGINE_NAMES = frozenset(
    {MODEL_NAME, CONFIG_NAME, "shared_vocabulary.json", "source_vocabulary.json", "target_vocabulary.json"}
)
"""What CTranslate2 writes and opens."""

BUNDLE_NAMES = ENGINE_NAMES | {MANIFEST_NAME, LANGUAGES_NAME, TOKENIZER_NAME, CARD_NAME, RECIPE_NAME}
"""All that a bundle can hold, and a folder for one direction too."""
