"""Models of other families than XLM: Marian, M2M-100, NLLB, mBART-50, XLM-R."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors.numpy import save

from xlmcli.bundle import (
    HEAD_NAME,
    Architecture,
    Bundle,
    Limits,
    Manifest,
    SpecialTokens,
    TranslationPart,
)
from xlmcli.bundle.fields import Fields
from xlmcli.bundle.manifest import TokenizerKind
from xlmcli.convert.bundling import BundleOptions, copy_documents, make_provenance
from xlmcli.convert.family.languages import (
    FamilyLanguages,
    FamilyTokenizer,
    find_languages,
    open_tokenizer,
    read_tokenizer_config,
)
from xlmcli.convert.family.settings import FamilySettings, read_family_settings
from xlmcli.convert.family.specs import build_roberta_spec, build_translation_spec
from xlmcli.convert.family.weights import count_parameters, make_skeleton, open_family_weights
from xlmcli.convert.layers import Weights
from xlmcli.convert.options import (
    REFUSED_BY_TRANSLATORS,
    Refusals,
    Say,
    VerificationOptions,
    no_folding,
    refused_by_encoders,
)
from xlmcli.errors import ModelError
from xlmcli.text import Tokenizer
from xlmcli.text.family_tokenizers import FamilySentencePiece, JsonTokenizer
from xlmcli.text.moses_bpe import MosesBPETokenizer
from xlmcli.text.special import BOS_PIECE, EOS_PIECE, UNK_PIECE

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    from xlmcli.convert.family.reference import EncoderReference

# transformers writes this number where a tokenizer has no limit.
_NO_LIMIT = 10**9
# A classifier's layers by their names in classifier.safetensors.
_HEAD = {"hidden_": "classifier.dense.", "": "classifier.out_proj."}


@dataclass(frozen=True, slots=True)
class FamilyModel:
    """A folder of transformers, opened; its weights are read when they are converted.

    Attributes:
        folder: The folder.
        settings: What config.json says.
        skeleton: The model of transformers without numbers.
        weights: The weights by its names.
        tokenizer: Its tokenizer.
        max_tokens: Longest text to put through at once, special tokens not counted.
        languages: How it is told languages; None if it does not translate.
    """

    folder: Path
    settings: FamilySettings
    skeleton: PreTrainedModel
    weights: Mapping[str, Tensor]
    tokenizer: FamilyTokenizer
    max_tokens: int
    languages: FamilyLanguages | None

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.resolve().name

    @property
    def tokens(self) -> SpecialTokens:
        """The special pieces of its sequences."""
        if self.languages is not None:
            return SpecialTokens(bos=EOS_PIECE, eos=EOS_PIECE, unk=UNK_PIECE)
        return SpecialTokens(bos=BOS_PIECE, eos=EOS_PIECE, unk=UNK_PIECE, separator=(EOS_PIECE, EOS_PIECE))

    @property
    def langs(self) -> tuple[str, ...]:
        """The languages that it translates; none of an encoder, which is not told languages."""
        return () if self.languages is None else self.languages.codes

    @property
    def text_tokenizer(self) -> Tokenizer:
        """Its tokenizer."""
        return self.tokenizer.tokenizer

    def open_reference(self) -> EncoderReference:
        """Opens an encoder as transformers runs it."""
        from xlmcli.convert.family.reference import EncoderReference

        return EncoderReference(self)

    def refused_options(self) -> Refusals:
        """Options of the conversion that say nothing about it."""
        if self.languages is None:
            return refused_by_encoders(self.name, has_labels=self.settings.classifier is not None)
        return {**REFUSED_BY_TRANSLATORS, "direction": no_folding(self.name)}

    def verify(self, bundle: Bundle, options: VerificationOptions, say: Say) -> None:
        """Compares states and labels of an encoder, greedy translations of a translator."""
        if self.languages is None:
            from xlmcli.convert.verify.states import report_closeness, verify_encoder

            report_closeness(verify_encoder(self, bundle, options.sentences), options, say)
        else:
            from xlmcli.convert.verify.family_translations import verify_family
            from xlmcli.convert.verify.translations import report_agreements

            report_agreements(verify_family(self, bundle, options.sentences), options, say)

    def fill(self, folder: Path, options: BundleOptions) -> Manifest:
        """Writes every file but the manifest, and returns the manifest without hashes."""
        settings, languages, tokenizer = self.settings, self.languages, self.tokenizer.tokenizer
        if languages is None:
            spec = build_roberta_spec(self.weights, settings.config, self.tokenizer.source, options.quantization)
        else:
            vocabularies = (self.tokenizer.source, self.tokenizer.target)
            spec = build_translation_spec(
                self.weights, settings.config, settings.family, vocabularies, options.quantization
            )
        spec.save(str(folder))
        tokenizer.save(folder)
        if settings.classifier is not None:
            weights = Weights(self.weights)
            ends = ("weight", "bias")
            head = {f"{new}{end}": weights[f"{old}{end}"].numpy() for new, old in _HEAD.items() for end in ends}
            (folder / HEAD_NAME).write_bytes(save(head))
        copy_documents(folder, options)
        return Manifest(
            task="translate" if languages else "encode" if settings.classifier is None else "classify",
            languages={} if languages is None else {code: row for row, code in enumerate(languages.codes)},
            language_input="token" if languages is not None and languages.framing.languages else "none",
            limits=Limits(self.max_tokens, settings.num_positions),
            architecture=self._architecture(),
            quantization=options.quantization,
            provenance=make_provenance(self.name, options),
            tokenizer=tokenizer_kind(tokenizer),
            tokens=self.tokens,
            translation=None if languages is None else self._translation(languages, options),
            classifier=settings.classifier,
        )

    def _translation(self, languages: FamilyLanguages, options: BundleOptions) -> TranslationPart:
        return TranslationPart(
            directions=languages.directions,
            max_target_positions=self.settings.num_positions,
            decoder_start=EOS_PIECE,
            decoding=options.decoding,
            sources=languages.sources,
            targets=languages.targets,
            framing=languages.framing,
        )

    def _architecture(self) -> Architecture:
        sizes, translates = self.settings.config, self.languages is not None
        return Architecture(
            dim=sizes.hidden_size,
            num_heads=sizes.encoder_attention_heads if translates else sizes.num_attention_heads,
            encoder_layers=sizes.encoder_layers if translates else sizes.num_hidden_layers,
            decoder_layers=sizes.decoder_layers if translates else 0,
            vocab_size=self.tokenizer.tokenizer.vocab_size,
            num_parameters=count_parameters(self.skeleton, self.settings.family),
        )


def tokenizer_kind(tokenizer: FamilySentencePiece | JsonTokenizer | MosesBPETokenizer) -> TokenizerKind:
    if isinstance(tokenizer, MosesBPETokenizer):
        return "moses_bpe"
    return "tokenizer_json" if isinstance(tokenizer, JsonTokenizer) else "family_sentencepiece"


def open_family(folder: Path) -> FamilyModel:
    """Opens a folder of transformers.

    Raises:
        ModelError: Lists all that is missing, damaged or cannot be converted.
    """
    settings, errors = _read_settings(folder)
    tokenizer, languages = _read_texts(folder, settings, errors)
    skeleton = weights = None
    with _noting(errors):
        skeleton = _make_skeleton(settings)
        weights = open_family_weights(folder, settings.family, skeleton)
    if errors or tokenizer is None or skeleton is None or weights is None:
        raise _refusal(folder, errors)
    max_tokens = _max_tokens(read_tokenizer_config(folder), settings.num_positions)
    return FamilyModel(
        folder=folder,
        settings=settings,
        skeleton=skeleton,
        weights=weights,
        tokenizer=tokenizer,
        max_tokens=max_tokens,
        languages=languages,
    )


def check_family_folder(folder: Path) -> None:
    """Checks all of a folder of transformers but its weights, which need not be there yet.

    Raises:
        ModelError: As for ``open_family``.
    """
    settings, errors = _read_settings(folder)
    _read_texts(folder, settings, errors)
    if errors:
        raise _refusal(folder, errors)


def _read_settings(folder: Path) -> tuple[FamilySettings, list[ModelError]]:
    settings, faults = read_family_settings(folder)
    return settings, [ModelError(fault) for fault in faults]


def _read_texts(
    folder: Path, settings: FamilySettings, errors: list[ModelError]
) -> tuple[FamilyTokenizer | None, FamilyLanguages | None]:
    """Opens the tokenizer and finds out about languages; adds what is wrong to ``errors``."""
    tokenizer = languages = None
    with _noting(errors):
        config = read_tokenizer_config(folder)
        tokenizer = open_tokenizer(folder, settings.family, config, settings.sizes)
        if settings.family != "xlm-roberta":
            vocab = tokenizer.tokenizer.vocab
            languages = find_languages(folder, settings.family, config, vocab, settings.forced_bos)
    return tokenizer, languages


def _make_skeleton(settings: FamilySettings) -> PreTrainedModel:
    try:
        return make_skeleton(settings.family, settings.config, is_classifier=settings.classifier is not None)
    except Exception as error:  # torch and transformers check sizes with whatever they raise
        raise ModelError(f"its settings contradict each other ({' '.join(str(error).split())})") from None


@contextmanager
def _noting(errors: list[ModelError]) -> Iterator[None]:
    """Goes on after an error, which is told with the others."""
    try:
        yield
    except ModelError as error:
        errors.append(error)


def _refusal(folder: Path, errors: list[ModelError]) -> ModelError:
    hint = next((error.hint for error in errors if error.hint), None)
    return ModelError(f"{folder} cannot be converted: {'; '.join(error.message for error in errors)}", hint=hint)


def _max_tokens(tokenizer_config: Fields, num_positions: int) -> int:
    """The longest text of the tokenizer, but no longer than there are positions for, with two special tokens."""
    stated = tokenizer_config.values.get("model_max_length")
    limit = stated if isinstance(stated, int) and 2 < stated < _NO_LIMIT else num_positions
    return min(limit, num_positions) - 2
