"""Labelled text in memory: token ids as the training data of other objectives, and a matrix of labels beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from xlmcli.errors import DataError
from xlmcli.sources import Source
from xlmcli.text import Tokenizer
from xlmcli.text.sampling import language_shares
from xlmcli.text.special import EOS_ID
from xlmcli.train.classification.files import Columns, Example, iter_examples
from xlmcli.train.data.corpus import Corpus, TextData, join

_SWAPPED = "are the columns swapped? --label-column and --text-column choose them"


@dataclass(frozen=True, slots=True)
class LabelledText:
    """Labelled text in one language.

    Attributes:
        text: One side; a pair is one sequence there, ``</s>`` between its texts.
        labels: The probability of each label, float32 (texts, labels): 0 or 1 where it is certain.
    """

    text: TextData
    labels: NDArray[np.float32]

    @property
    def lang(self) -> str:
        return self.text.langs[0]

    @property
    def beginning(self) -> str:
        """A hash of the first texts and of all labels."""
        return _hash(self.text, self.labels)


@dataclass(frozen=True, slots=True)
class MixedText:
    """Labelled text in any number of languages.

    Attributes:
        text: One side, all languages end to end; its repeats balance them.
        labels: The probability of each label, float32 (texts, labels).
        lang_ids: The language of each text, int64 (texts,).
    """

    text: TextData
    labels: NDArray[np.float32]
    lang_ids: NDArray[np.int64]

    @property
    def beginning(self) -> str:
        """See ``LabelledText``."""
        return _hash(self.text, self.labels)


def _hash(text: TextData, labels: NDArray[np.float32]) -> str:
    return blake2b(text.beginning.encode() + labels.tobytes(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class SourceExamples:
    """A file's examples."""

    source: Source
    examples: list[Example]


def read_by_lang(sources: Sequence[Source], columns: Columns) -> dict[str, list[SourceExamples]]:
    """Reads files, those of the same language together.

    Raises:
        DataError: As for ``iter_examples``.
    """
    groups: dict[str, list[SourceExamples]] = {}
    for source in sources:
        groups.setdefault(source.langs[0], []).append(SourceExamples(source, list(iter_examples(source, columns))))
    return groups


def names_of_labels(groups: Iterable[list[SourceExamples]]) -> tuple[str, ...]:
    """All labels, sorted.

    Raises:
        DataError: There are more of them than there are texts, as where columns are swapped.
    """
    examples = [example for files in groups for file in files for example in file.examples]
    answers = {frozenset(example.labels) for example in examples}
    texts = {example.texts for example in examples}
    if len(answers) > len(texts):
        raise DataError(
            f"{examples[0].place}: {len(answers):,} different labels of {len(texts):,} different texts", hint=_SWAPPED
        )
    return tuple(sorted({label for example in examples for label in example.labels}))


def check_certain(groups: dict[str, list[SourceExamples]]) -> None:
    """Finds labels that a classifier gave, where those of people are needed.

    Raises:
        DataError: A label has a probability between 0 and 1; the message names ``path:line``.
    """
    for example in (example for files in groups.values() for file in files for example in file.examples):
        if any(0 < probability < 1 for probability in example.labels.values()):
            raise DataError(
                f"{example.place}: validation text has labels, not probabilities of them",
                hint="--label-column label takes the likeliest label for the right one",
            )


def encode_labelled(
    lang: str, files: Sequence[SourceExamples], labels: tuple[str, ...], tokenizer: Tokenizer, max_len: int
) -> LabelledText:
    """Tokenises the examples of one language; those without text are left out and counted, long ones cut and counted.

    Args:
        lang: Their language code.
        files: One or more.
        labels: Names, in the order of their ids.
        tokenizer: Turns text to ids.
        max_len: Tokens that are kept of a text, or of both texts of a pair.

    Raises:
        DataError: A label is none of ``labels``, or no example is left.
    """
    ids: list[list[int]] = []
    rows: list[dict[int, float]] = []
    repeats: list[float] = []
    num_cut = 0
    label_ids = {label: index for index, label in enumerate(labels)}
    for file in files:
        sides = zip(*(example.texts for example in file.examples), strict=True)
        encoded = [tokenizer.encode_batch(side, lang) for side in sides]
        for example, texts in zip(file.examples, zip(*encoded, strict=True), strict=True):
            if not all(texts):
                continue
            cut = cut_to(list(texts), max_len)
            num_cut += sum(map(len, cut)) < sum(map(len, texts))
            ids.append(join_pair(cut))
            rows.append(_by_id(example, label_ids))
            repeats.append(file.source.repeat)
    if not ids:
        raise DataError(f"no usable line in {', '.join(str(file.source.path) for file in files)}")
    matrix = np.zeros((len(rows), len(labels)), dtype=np.float32)
    for row, wanted in zip(matrix, rows, strict=True):
        row[list(wanted)] = list(wanted.values())
    num_skipped = sum(len(file.examples) for file in files) - len(ids)
    text = TextData(
        (lang,), (Corpus.from_sequences(ids),), np.array(repeats, dtype=np.float32), num_skipped, num_cut=num_cut
    )
    return LabelledText(text, matrix)


def mix_languages(texts: Sequence[LabelledText], lang2id: Mapping[str, int], alpha: float) -> MixedText:
    """Puts languages together, each with the share p ∝ n^alpha of an epoch, which stays as long as all n together."""
    sizes = [labelled.text.epoch_size for labelled in texts]
    scales = [share * sum(sizes) / size for share, size in zip(language_shares(sizes, alpha), sizes, strict=True)]
    parts = [
        replace(labelled.text, repeats=labelled.text.repeats * np.float32(scale))
        for labelled, scale in zip(texts, scales, strict=True)
    ]
    lang_ids = np.repeat([lang2id[labelled.lang] for labelled in texts], [len(part) for part in parts])
    return MixedText(join(parts), np.concatenate([labelled.labels for labelled in texts]), lang_ids)


def cut_to(texts: list[list[int]], max_len: int) -> list[list[int]]:
    """Cuts a text, or the longer of a pair first, so that all have ``max_len`` tokens together."""
    if len(texts) == 1:
        return [texts[0][:max_len]]
    shorter = min(len(texts[0]), len(texts[1]))
    longest = max(max_len - shorter, (max_len + 1) // 2)
    first = texts[0][:longest]
    return [first, texts[1][: max_len - len(first)]]


def join_pair(texts: list[list[int]]) -> list[int]:
    """A text as it is, a pair with ``</s>`` between: ``x`` or ``x </s> y``."""
    return texts[0] if len(texts) == 1 else [*texts[0], EOS_ID, *texts[1]]


def _by_id(example: Example, label_ids: dict[str, int]) -> dict[int, float]:
    for label in example.labels:
        if label not in label_ids:
            is_swapped = any(text in label_ids for text in example.texts)
            hint = _SWAPPED if is_swapped else f"known are {', '.join(label_ids)}"
            raise DataError(f"{example.place}: unknown label {label!r}", hint=hint)
    return {label_ids[label]: probability for label, probability in example.labels.items()}
