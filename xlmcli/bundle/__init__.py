"""The bundle: the folder that inference opens, and all that it opens.

    model.bin, config.json, *_vocabulary.json   as CTranslate2 writes them
    tokenizer.model, or vocab.json, merges.txt  the vocabulary's rules; of other families source.spm, target.spm
                                                or tokenizer.json
    languages.safetensors                       to translate: language vectors "encoder" and "decoder", (num_langs, dim)
    classifier.safetensors                      to classify: the layer, "weight" (num_labels, dim), "bias" (num_labels)
    xlm.json                                    the manifest, with a sha256 of every other file
    MODEL_CARD.md, recipe.toml                  where the maker wrote them

Nothing here imports torch, ctranslate2 or rich, so that a bundle opens fast anywhere.
"""

from __future__ import annotations

from xlmcli.bundle.finding import DEFAULT_CLASSIFIER, DEFAULT_MODEL, embedded_models, find_model, pulled_models, suggest
from xlmcli.bundle.manifest import (
    FORMAT_VERSION,
    AlignmentHead,
    Architecture,
    ClassifierPart,
    DecodingDefaults,
    Frame,
    Framing,
    Limits,
    Manifest,
    MeasuredScore,
    PositionTable,
    PositionTables,
    Provenance,
    SpecialTokens,
    TranslationPart,
)
from xlmcli.bundle.names import CARD_NAME, HEAD_NAME, LANGUAGES_NAME, MANIFEST_NAME, MODEL_NAME, RECIPE_NAME
from xlmcli.bundle.reading import Bundle, is_bundle, is_checkpoint, open_bundle, read_manifest
from xlmcli.bundle.writing import check_free, new_bundle, recover_all, seal

__all__ = [
    "CARD_NAME",
    "DEFAULT_CLASSIFIER",
    "DEFAULT_MODEL",
    "FORMAT_VERSION",
    "HEAD_NAME",
    "LANGUAGES_NAME",
    "MANIFEST_NAME",
    "MODEL_NAME",
    "RECIPE_NAME",
    "AlignmentHead",
    "Architecture",
    "Bundle",
    "ClassifierPart",
    "DecodingDefaults",
    "Frame",
    "Framing",
    "Limits",
    "Manifest",
    "MeasuredScore",
    "PositionTable",
    "PositionTables",
    "Provenance",
    "SpecialTokens",
    "TranslationPart",
    "check_free",
    "embedded_models",
    "find_model",
    "is_bundle",
    "is_checkpoint",
    "new_bundle",
    "open_bundle",
    "pulled_models",
    "read_manifest",
    "recover_all",
    "seal",
    "suggest",
]
