"""The manifest of a bundle, ``xlm.json``, as records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Literal

from xlmcli.records import Direction

FORMAT_VERSION = 1

# Far above any model of ours or anybody's; what is larger is a mistake, or there to fill the memory.
MAX_POSITIONS, MAX_DIM, MAX_LAYERS, MAX_PIECES, MAX_PARAMETERS = 1 << 16, 1 << 16, 1000, 1 << 21, 10**12
MAX_LANGS, MAX_LABELS, MAX_EPSILON = 10_000, 10_000, 0.1
MIN_TEMPERATURE, MAX_TEMPERATURE = 1e-4, 1e4

Task = Literal["translate", "classify", "encode"]
TableType = Literal["float32", "float16", "bfloat16"]
LanguageInput = Literal["embedding", "token_types", "token", "none"]
Quantization = Literal[
    "int8", "int8_float32", "int8_float16", "int8_bfloat16", "int16", "float16", "bfloat16", "float32"
]
TokenizerKind = Literal["sentencepiece", "xlm_bpe", "family_sentencepiece", "tokenizer_json", "moses_bpe"]
# Of bundles made from XLMs.
XLM_TOKENIZERS: tuple[TokenizerKind, ...] = ("sentencepiece", "xlm_bpe")
Pooling = Literal["first", "mean", "last"]
Activation = Literal["tanh"]


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """The pieces that the caller of the engine adds or has to know.

    Attributes:
        bos: In front of every sequence that the encoder reads.
        eos: After every sequence, between the two texts of a pair, and what ends a translation.
        pad: Padding.
        unk: Whatever the vocabulary cannot write.
        separator: Between the two texts of a pair, where it is not ``eos`` alone.
    """

    bos: str = "</s>"
    eos: str = "</s>"
    pad: str = "<pad>"
    unk: str = "<unk>"
    separator: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a text can be.

    Attributes:
        max_source_tokens: Longest text to put through the model at once, without special tokens: as long as those that
            it was trained on. Longer ones are split or cut.
        max_source_positions: Longest source that the engine takes, ``</s> w … </s>``; it fails beyond.
    """

    max_source_tokens: int
    max_source_positions: int


@dataclass(frozen=True, slots=True)
class PositionTable:
    """Where a table of position vectors lies in model.bin.

    Attributes:
        offset: Its first byte.
        rows: How many positions.
        dim: Width of a vector.
        dtype: Type of its numbers.
    """

    offset: int
    rows: int
    dim: int
    dtype: TableType


@dataclass(frozen=True, slots=True)
class PositionTables:
    encoder: PositionTable
    decoder: PositionTable


@dataclass(frozen=True, slots=True)
class DecodingDefaults:
    """How the maker of the model says to decode.

    Attributes:
        beam_size: Hypotheses kept; 1 is greedy.
        length_penalty: Exponent of the length by which a hypothesis' score is divided; 0 does not normalise.
    """

    beam_size: int = 4
    length_penalty: float = 1.0


SOURCE_PLACE, TARGET_PLACE = "{src}", "{tgt}"


@dataclass(frozen=True, slots=True)
class Framing:
    """The pieces around a text, where they are others than ``bos`` and ``eos``.

    ``{src}`` and ``{tgt}`` in place of a piece stand for the tokens of the two languages.

    Attributes:
        before: In front of the source.
        after: Behind the source.
        target: What a translation is made to start with, after what the decoder starts from.
        languages: The token of every language, by its code.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    target: tuple[str, ...] = ()
    languages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Frame:
    """The pieces around a text in one direction; see `Framing`."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    target: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AlignmentHead:
    """Whose attention tells which words stand for which; see ``xlmcli/convert/alignment.py``.

    Attributes:
        layer: Layer of the decoder, from 1.
        head: Head of it, from 1.
        when_read: Whether it looks at what a piece stands for when the decoder reads the piece, to choose the next one,
            rather than when it chooses it.
        agreement: How well it did when it was chosen, from 0 to 1.
    """

    layer: int
    head: int
    when_read: bool
    agreement: float


@dataclass(frozen=True, slots=True)
class TranslationPart:
    """What only a translation model has.

    Attributes:
        directions: What it was trained to translate; empty where it translates from any of ``sources`` into any of
            ``targets``.
        max_target_positions: Longest target that the engine writes, ``</s> w …``; it fails beyond.
        position_tables: Where the language vectors are added, to a model that has such vectors.
        decoder_start: What the decoder starts from.
        decoding: How to decode.
        sources: Languages from which it translates into every one of ``targets`` but itself.
        targets: See ``sources``.
        framing: The pieces around a text; None for the manifest's ``bos`` and ``eos``.
        protects_spans: Whether the model has learned to carry the marks of protected spans (see ``xlmcli.text.marks``).
        alignment_head: Whose attention aligns words; None where that was not measured.
    """

    directions: tuple[Direction, ...]
    max_target_positions: int
    position_tables: PositionTables | None = None
    decoder_start: str = "</s>"
    decoding: DecodingDefaults = field(default_factory=DecodingDefaults)
    sources: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    framing: Framing | None = None
    protects_spans: bool = False
    alignment_head: AlignmentHead | None = None

    def translates(self, direction: Direction) -> bool:
        """Tells whether the model was trained to translate in a direction."""
        if direction in self.directions:
            return True
        return direction.src in self.sources and direction.tgt in self.targets and direction.src != direction.tgt

    def find_directions(self, src: str | None = None, tgt: str | None = None) -> list[Direction]:
        """Returns all directions from and into the languages given; of many languages these are very many."""
        sources = [code for code in self.sources if src in (None, code)]
        targets = [code for code in self.targets if tgt in (None, code)]
        paired = [Direction(one, other) for one in sources for other in targets if one != other]
        return [item for item in self.directions if src in (None, item.src) and tgt in (None, item.tgt)] + paired

    def describe_directions(self) -> str:
        """Returns the directions for people to read, those between many languages in a few words."""
        sources = self.sources or tuple(dict.fromkeys(item.src for item in self.directions))
        targets = self.targets or tuple(dict.fromkeys(item.tgt for item in self.directions))
        pairs = (
            {Direction(*pair) for pair in product(sources, targets) if pair[0] != pair[1]} if self.directions else set()
        )
        is_complete = pairs <= set(self.directions)
        if not is_complete or len(sources) * len(targets) <= len(sources) + len(targets):
            return ", ".join(map(str, self.find_directions()))
        if set(sources) == set(targets):
            return f"between any two of {', '.join(sources)}"
        return f"from any of {', '.join(sources)} into any of {', '.join(targets)}"

    def language_code(self, name: str) -> str:
        """Returns the code of a language that is named by its code, or by its token, with or without its marks."""
        tokens = {} if self.framing is None else self.framing.languages
        if name in tokens:
            return name
        return next((code for code, token in tokens.items() if name in (token, token.strip("_<>"))), name)


@dataclass(frozen=True, slots=True)
class ClassifierPart:
    """What only a classifier has; its layer's numbers lie in classifier.safetensors.

    Attributes:
        labels: Names, in the order of the layer's outputs.
        pooling: The vector of a text: its first state, the mean of its states, or its last; special tokens count.
        activation: What the layer's outputs go through; None leaves them as they are.
        multi_label: Whether a text may have any number of labels, each with a probability of its own.
        temperature: What outputs are divided by before they become probabilities; 1 when not calibrated.
        trained_langs: Languages of the labelled text that it learned from, where that is known; others are zero-shot.
    """

    labels: tuple[str, ...]
    pooling: Pooling = "first"
    activation: Activation | None = None
    multi_label: bool = False
    temperature: float = 1.0
    trained_langs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Architecture:
    """Sizes of the model.

    Attributes:
        decoder_layers: 0 where there is no decoder.
        num_parameters: Distinct numbers learned, tied weights counted once.
    """

    dim: int
    num_heads: int
    encoder_layers: int
    decoder_layers: int
    vocab_size: int
    num_parameters: int


@dataclass(frozen=True, slots=True)
class MeasuredScore:
    """One measured quality.

    Attributes:
        direction: What was translated; None where nothing was.
        test_set: What it was measured on.
        metric: For example BLEU.
        value: The score, on the metric's own scale.
        signature: How it was computed, as the metric's program writes it.
        lang: Language of a test set that is in one; None where it is in several.
    """

    direction: Direction | None
    test_set: str
    metric: str
    value: float
    signature: str | None = None
    lang: str | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a model came from.

    Attributes:
        source: Name of the checkpoint.
        converter: The programs that wrote the bundle, with their versions.
        licence: Under which the model may be used, or None where nobody said.
        trained_on: The texts it saw, one line each.
        scores: What was measured, on these files or on the checkpoint.
    """

    source: str
    converter: str
    licence: str | None = None
    trained_on: tuple[str, ...] = ()
    scores: tuple[MeasuredScore, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What ``xlm.json`` says about the bundle that it lies in.

    Attributes:
        languages: Code of every language and its id: its row among the language vectors.
        language_input: How the language is told. "embedding": a vector of languages.safetensors is added to every
            position of each side. "token_types": the engine takes language ids as token types. "none": the model has
            no such input.
        quantization: How the weights are stored, as CTranslate2 names it.
        translation: The rest of a bundle for translation; None for others.
        classifier: The rest of a bundle for classification; None for others.
        files: sha256, in hexadecimal, of every other file.
    """

    task: Task
    languages: Mapping[str, int]
    language_input: LanguageInput
    limits: Limits
    architecture: Architecture
    quantization: Quantization
    provenance: Provenance
    tokenizer: TokenizerKind = "sentencepiece"
    tokens: SpecialTokens = field(default_factory=SpecialTokens)
    translation: TranslationPart | None = None
    classifier: ClassifierPart | None = None
    format_version: int = FORMAT_VERSION
    files: Mapping[str, str] = field(default_factory=dict)
