"""Published models of other families than XLM, converted by CTranslate2: Marian, M2M-100, NLLB, mBART-50, XLM-R."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from ctranslate2.converters import TransformersConverter
from safetensors.torch import save

from xlmcli.bundle import (
    HEAD_NAME,
    Architecture,
    ClassifierPart,
    Limits,
    Manifest,
    SpecialTokens,
    TranslationPart,
)
from xlmcli.bundle.fields import Fields
from xlmcli.bundle.manifest import Quantization, TokenizerKind
from xlmcli.bundle.names import CONFIG_NAME
from xlmcli.convert.bundling import BundleOptions, copy_documents, make_provenance
from xlmcli.convert.families import (
    EOS,
    Family,
    Languages,
    find_languages,
    open_tokenizer,
    read_bytes,
    read_tokenizer_config,
)
from xlmcli.errors import ModelError
from xlmcli.text.published import UNK, JsonTokenizer, PublishedSentencePiece

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_FAMILIES: tuple[Family, ...] = get_args(Family)
_ARCHITECTURES: dict[Family, tuple[str, ...]] = {
    "marian": ("MarianMTModel",),
    "m2m_100": ("M2M100ForConditionalGeneration",),
    "mbart": ("MBartForConditionalGeneration",),
    "xlm-roberta": ("XLMRobertaForSequenceClassification", "XLMRobertaModel", "XLMRobertaForMaskedLM"),
}
# What CTranslate2's converter knows.
_ACTIVATIONS = (
    "gelu", "gelu_fast", "gelu_new", "gelu_python", "gelu_pytorch_tanh", "quick_gelu", "relu", "silu", "swish",
)  # fmt: skip
_CLASSIFIER = "XLMRobertaForSequenceClassification"
_SINGLE_LABEL, _MULTI_LABEL = "single_label_classification", "multi_label_classification"
# What an encoder's folder may lack, and what may be left over when one is read.
_HEAD_PREFIX = "classifier."
_NOT_NEEDED = ("pooler.", "roberta.pooler.", "lm_head.", "roberta.embeddings.position_ids", "embeddings.position_ids")
# XLM-R numbers positions from the id of padding, 1, on.
_XLMR_FIRST_POSITION = 2
# transformers writes this number where a tokenizer has no limit.
_NO_LIMIT = 10**9


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A folder of transformers with a model that CTranslate2 converts.

    Attributes:
        folder: The folder.
        family: What it is.
        tokenizer: Its tokenizer, with a piece for every row of its embedding table.
        num_positions: Longest sequence, special tokens counted, on either side.
        max_tokens: Longest text to put through at once, special tokens not counted.
        languages: How it is told languages; None if it does not translate.
        classifier: What its layer tells apart; None without one.
    """

    folder: Path
    family: Family
    tokenizer: PublishedSentencePiece | JsonTokenizer
    num_positions: int
    max_tokens: int
    languages: Languages | None
    classifier: ClassifierPart | None

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.resolve().name

    def fill(self, folder: Path, options: BundleOptions) -> Manifest:
        """Writes every file but the manifest, and returns the manifest without hashes.

        Raises:
            ModelError: The weights cannot be read, or some are missing, unexpected or of another size.
        """
        converter = _Converter(self)
        model = converter.write(folder, options.quantization)
        self.tokenizer.save(folder)
        if self.classifier is not None:
            (folder / HEAD_NAME).write_bytes(save(_head(model)))
        copy_documents(folder, options)
        is_encoder = self.languages is None
        return Manifest(
            task="translate" if not is_encoder else "encode" if self.classifier is None else "classify",
            languages={} if self.languages is None else {code: row for row, code in enumerate(self.languages.codes)},
            language_input="token" if self.languages is not None and self.languages.framing.languages else "none",
            limits=Limits(self.max_tokens, self.num_positions),
            architecture=_architecture(model, self.tokenizer.vocab_size),
            quantization=options.quantization,
            provenance=make_provenance(self.name, options),
            tokenizer=published_kind(self.tokenizer),
            tokens=SpecialTokens(
                bos="<s>" if is_encoder else EOS, eos=EOS, unk=UNK, separator=(EOS, EOS) if is_encoder else ()
            ),
            translation=None if self.languages is None else self._translation(self.languages, options),
            classifier=self.classifier,
        )

    def _translation(self, languages: Languages, options: BundleOptions) -> TranslationPart:
        return TranslationPart(
            directions=languages.directions,
            max_target_positions=self.num_positions,
            decoder_start=EOS,
            decoding=options.decoding,
            sources=languages.sources,
            targets=languages.targets,
            framing=languages.framing,
        )


def published_kind(tokenizer: PublishedSentencePiece | JsonTokenizer) -> TokenizerKind:
    return "tokenizer_json" if isinstance(tokenizer, JsonTokenizer) else "published_sentencepiece"


def is_published(folder: Path) -> bool:
    """Tells whether a folder's config.json is that of such a model."""
    path = folder / CONFIG_NAME
    return path.is_file() and Fields.parse(read_bytes(path), str(path)).values.get("model_type") in _FAMILIES


def open_published(folder: Path) -> PublishedModel:
    """Opens a folder of transformers. Weights are read when they are converted.

    Raises:
        ModelError: A file is missing or damaged, or lists all that cannot be converted.
    """
    path = folder / CONFIG_NAME
    config = Fields.parse(read_bytes(path), str(path))
    family = config.choice("model_type", _FAMILIES)
    tokenizer_config = read_tokenizer_config(folder)
    names = config.texts("architectures") if config.values.get("architectures") is not None else ()
    is_classifier = _CLASSIFIER in names
    faults = _architecture_faults(family, config, names)
    if family == "mbart" and (_class_name(tokenizer_config) or _class_name(config) or "").startswith("MBartTokenizer"):
        faults.append("tokenizer_class: MBartTokenizer (of mBARTs, mBART-50 can be converted)")
    if is_classifier:
        faults += _head_faults(config)
    if faults:
        raise ModelError(f"{folder} cannot be converted: {'; '.join(faults)}")
    vocab_size, num_positions = config.whole("vocab_size"), config.whole("max_position_embeddings")
    tokenizer = open_tokenizer(folder, family, tokenizer_config, vocab_size)
    languages = None
    if family == "xlm-roberta":
        num_positions -= _XLMR_FIRST_POSITION
    else:
        languages = find_languages(folder, family, tokenizer_config, tokenizer.vocab, _forced_bos(folder, config))
    return PublishedModel(
        folder=folder,
        family=family,
        tokenizer=tokenizer,
        num_positions=num_positions,
        max_tokens=_max_tokens(tokenizer_config, num_positions),
        languages=languages,
        classifier=_classifier(config) if is_classifier else None,
    )


class _Converter(TransformersConverter):  # type: ignore[misc]  # CTranslate2 has no types
    """CTranslate2's converter, with our vocabulary in place of transformers' tokenizer, and with weights checked."""

    def __init__(self, published: PublishedModel) -> None:
        super().__init__(str(published.folder))
        self._published = published
        self._model: PreTrainedModel | None = None

    def write(self, folder: Path, quantization: Quantization) -> PreTrainedModel:
        """Writes the engine's files in place of an empty folder; returns the model that they were made of."""
        import transformers

        logging: Any = transformers.utils.logging
        level = logging.get_verbosity()
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        try:
            self.convert(str(folder), quantization=quantization, force=True)
        except (ValueError, KeyError, OSError, RuntimeError) as error:
            raise ModelError(f"{self._published.folder} cannot be converted: {error}") from error
        finally:
            logging.set_verbosity(level)
        assert self._model is not None
        return self._model

    def load_model(self, model_class: Any, model_name_or_path: str, **kwargs: Any) -> PreTrainedModel:
        model, found = model_class.from_pretrained(
            model_name_or_path, output_loading_info=True, ignore_mismatched_sizes=True, **kwargs
        )
        head = _HEAD_PREFIX if self._published.classifier is None else "\0"
        missing = [name for name in found["missing_keys"] if not name.startswith((head, *_NOT_NEEDED))]
        unexpected = [name for name in found["unexpected_keys"] if not name.startswith(_NOT_NEEDED)]
        faults = [f"{name}: missing" for name in sorted(missing)]
        faults += [f"{name}: unexpected" for name in sorted(unexpected)]
        faults += [
            f"{name}: has shape {tuple(shape)}, expected {tuple(wanted)}"
            for name, shape, wanted in sorted(found["mismatched_keys"])
        ]
        if faults:
            raise ModelError(f"{self._published.folder} cannot be converted: {'; '.join(faults)}")
        if self._published.family == "mbart":
            # CTranslate2 4.8 asks these, which newer folders do not say: translations start from </s>, and layers are
            # transformers' only kind.
            model.config.tokenizer_class = "MBart50Tokenizer"
            model.config.normalize_before = model.config.normalize_embedding = True
        if self._published.family == "xlm-roberta":
            # transformers 5 has this kind only and does not say so; CTranslate2 4.8 asks.
            model.config.position_embedding_type = "absolute"
        self._model = cast("PreTrainedModel", model)
        return self._model

    def load_tokenizer(self, tokenizer_class: Any, model_name_or_path: str, **kwargs: Any) -> _Vocabulary:
        return _Vocabulary(self._published.tokenizer.vocab)


class _Vocabulary:
    """What CTranslate2's converters ask a tokenizer of transformers for."""

    bos_token, eos_token, unk_token = "<s>", EOS, UNK
    num_madeup_words = 0

    def __init__(self, vocab: Sequence[str]) -> None:
        self._vocab = vocab
        self.special_tokens_map: dict[str, list[str]] = {}
        self.unk_token_id = vocab.index(UNK)

    def get_vocab(self) -> dict[str, int]:
        return {piece: index for index, piece in enumerate(self._vocab)}

    def convert_ids_to_tokens(self, index: int) -> str:
        return self._vocab[index]


def _architecture_faults(family: Family, config: Fields, names: Sequence[str]) -> list[str]:
    possible, values = _ARCHITECTURES[family], config.values
    faults = [f"architectures: {name} (can be: {', '.join(possible)})" for name in names if name not in possible]
    faults += [
        f"{key}: {values[key]} (can be: {', '.join(_ACTIVATIONS)})"
        for key in ("activation_function", "hidden_act")
        if values.get(key) is not None and values[key] not in _ACTIVATIONS
    ]
    if values.get("position_embedding_type") not in (None, "absolute"):
        faults.append(f"position_embedding_type: {values['position_embedding_type']}")
    if values.get("share_encoder_decoder_embeddings") is False:
        faults.append("share_encoder_decoder_embeddings: false, with a vocabulary for each side")
    if values.get("encoder_attention_heads") != values.get("decoder_attention_heads"):
        faults.append("decoder_attention_heads: should be as many as encoder_attention_heads")
    return faults


def _head_faults(config: Fields) -> list[str]:
    labels, problem = _labels(config), config.optional_text("problem_type")
    faults = []
    if len(labels) < 2:
        faults.append(f"id2label: {len(labels)} label, which is a regression and no classification")
    if len(set(labels)) < len(labels):
        faults.append("id2label: should give every label a name of its own")
    if problem not in (None, _SINGLE_LABEL, _MULTI_LABEL):
        faults.append(f"problem_type: {problem}")
    return faults


def _classifier(config: Fields) -> ClassifierPart:
    return ClassifierPart(labels=_labels(config), multi_label=config.optional_text("problem_type") == _MULTI_LABEL)


def _labels(config: Fields) -> tuple[str, ...]:
    """The names of the labels; transformers leaves them out where they are two and have no names."""
    if config.values.get("id2label") is None:
        return ("LABEL_0", "LABEL_1")
    names = config.child("id2label")
    return tuple(names.text(key) for key in sorted(names.values, key=int))


def _class_name(fields: Fields) -> str | None:
    return fields.optional_text("tokenizer_class")


def _forced_bos(folder: Path, config: Fields) -> int | None:
    path = folder / "generation_config.json"
    for fields in (Fields.parse(read_bytes(path), str(path)) if path.is_file() else None, config):
        if fields is not None and fields.values.get("forced_bos_token_id") is not None:
            return fields.whole("forced_bos_token_id")
    return None


def _max_tokens(tokenizer_config: Fields, num_positions: int) -> int:
    """The longest text of the tokenizer, but no longer than there are positions for, with two special tokens."""
    stated = tokenizer_config.values.get("model_max_length")
    limit = stated if isinstance(stated, int) and 2 < stated < _NO_LIMIT else num_positions
    return min(limit, num_positions) - 2


def _head(model: Any) -> dict[str, Any]:
    """A classifier's layers, named as in classifier.safetensors."""
    layers = {"hidden_": model.classifier.dense, "": model.classifier.out_proj}
    arrays = {f"{name}weight": layer.weight for name, layer in layers.items()}
    arrays |= {f"{name}bias": layer.bias for name, layer in layers.items()}
    return {name: array.detach().float().contiguous() for name, array in arrays.items()}


def _architecture(model: PreTrainedModel, vocab_size: int) -> Architecture:
    sizes: Any = model.config
    has_decoder = hasattr(sizes, "decoder_layers")
    return Architecture(
        dim=sizes.hidden_size,
        num_heads=sizes.encoder_attention_heads if has_decoder else sizes.num_attention_heads,
        encoder_layers=sizes.encoder_layers if has_decoder else sizes.num_hidden_layers,
        decoder_layers=sizes.decoder_layers if has_decoder else 0,
        vocab_size=vocab_size,
        num_parameters=sum(parameter.numel() for parameter in model.parameters()),
    )
