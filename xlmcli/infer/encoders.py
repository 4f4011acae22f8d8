"""An encoder with all that stands between texts and its states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from xlmcli.bundle import Bundle
from xlmcli.errors import ModelError
from xlmcli.infer.engine import EncoderEngine, EngineOptions, PendingStates
from xlmcli.infer.languages import follows_transformers, open_languages
from xlmcli.infer.passages import PassageMaker
from xlmcli.infer.pieces import Piece
from xlmcli.text import Tokenizer
from xlmcli.text.fixed_rules import FixedRulesTokenizer

if TYPE_CHECKING:
    from xlmcli.infer.states import States


Reduced = TypeVar("Reduced")


class TextEncoder:
    """An encoder, its tokenizer and its languages.

    Attributes:
        tokenizer: The tokenizer.
        dim: Width of a state.
        num_workers: Batches that the engine works on at once.

    Args:
        bundle: A classifier or an encoder.
        options: Where and how to compute.

    Raises:
        ModelError: The bundle is a translation model, or cannot be opened.
        UsageError: The device or the compute type is not to be had.
    """

    def __init__(self, bundle: Bundle, options: EngineOptions) -> None:
        manifest = bundle.manifest
        if manifest.translation is not None:
            raise ModelError(
                f"{bundle.name} translates, and has no encoder for itself", hint="name an encoder's bundle"
            )
        self.tokenizer: Tokenizer = bundle.open_tokenizer()
        if follows_transformers(manifest):
            self.tokenizer = FixedRulesTokenizer(self.tokenizer)
        self._engine = EncoderEngine(
            bundle.read_files(),
            self.tokenizer.vocab,
            manifest.tokens,
            manifest.limits,
            options,
            tells_languages=manifest.language_input == "token_types",
        )
        self._bundle = bundle
        self._lang_ids = manifest.languages
        self.dim = manifest.architecture.dim
        self.num_workers = self._engine.num_workers

    def passages(self, lang: str | None) -> PassageMaker:
        """Returns what makes pieces of texts.

        Args:
            lang: Language of the texts; see `open_languages`.

        Raises:
            ModelError: The model does not have this language.
        """
        languages = open_languages(self._bundle, lang)
        return PassageMaker(self.tokenizer, self._engine.max_source_tokens, self._engine.separator_ids, languages)

    def submit(
        self, batch: Sequence[Piece], reduce: Callable[[States], Sequence[Reduced]]
    ) -> PendingStates[Sequence[Reduced]]:
        """Hands a batch to the engine, without waiting for it.

        Args:
            batch: The pieces.
            reduce: Makes of their states what is kept of them.
        """
        langs = [None if piece.lang is None else self._lang_ids.get(piece.lang) for piece in batch]
        return self._engine.submit_reduced([piece.ids for piece in batch], langs, reduce)
