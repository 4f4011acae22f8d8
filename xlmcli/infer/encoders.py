"""An encoder with all that stands between texts and its states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from xlmcli.bundle import Bundle
from xlmcli.errors import ModelError
from xlmcli.infer.engine import EncoderEngine, EngineOptions, PendingStates
from xlmcli.infer.languages import follows_transformers, open_languages
from xlmcli.infer.passages import PassageMaker
from xlmcli.infer.pieces import Piece
from xlmcli.text import Tokenizer, load_tokenizer
from xlmcli.text.fixed_rules import FixedRulesTokenizer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    States = list[NDArray[np.float32]]

CUT = "cut"

Reduced = TypeVar("Reduced")


class PendingReduced(Generic[Reduced]):
    """A batch in the engine's hands, of whose states something smaller is kept."""

    def __init__(self, pending: PendingStates, reduce: Callable[[States], Sequence[Reduced]]) -> None:
        self._pending = pending
        self._reduce = reduce

    def wait(self) -> Sequence[Reduced]:
        return self._reduce(self._pending.wait())


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
        self.tokenizer: Tokenizer = load_tokenizer(bundle.path)
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

    def submit(self, batch: Sequence[Piece], reduce: Callable[[States], Sequence[Reduced]]) -> PendingReduced[Reduced]:
        """Hands a batch to the engine, without waiting for it.

        Args:
            batch: The pieces.
            reduce: Makes of their states, each a view of the batch's, (length, dim), what is kept of them.
        """
        langs = [None if piece.lang is None else self._bundle.manifest.languages.get(piece.lang) for piece in batch]
        return PendingReduced(self._engine.submit([piece.ids for piece in batch], langs), reduce)
