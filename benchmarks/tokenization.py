"""Speed of the tokenizer of published XLM vocabularies, against transformers' XLMTokenizer.

    python -m benchmarks.tokenization ar=ar.txt en-fr=pairs.tsv.xz es=labelled.tsv,column=2 …

Texts are named as for `xlm pretrain`. The vocabulary is that of ``--checkpoint``, or byte-pair merges are learned from
the texts. Every contender begins with a new tokenizer that has seen nothing, takes its turn in each round, and is
measured in processor time. XLMTokenizer runs once by its ``encode``, which takes every text for English, and once by
what is inside, ``_tokenize(text, lang=…)`` and the conversion to ids; ours runs line by line and by ``encode_batch``.
Ratios are XLMTokenizer's time over ours, the median over the rounds. Lines are equal where both ways of ours give the
ids of ``_tokenize``. The last column is ours, line by line.
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import XLMTokenizer

from benchmarks.comparison import alternate
from benchmarks.processes import spend_call
from xlmcli.errors import XlmError
from xlmcli.sources import iter_rows, parse_source
from xlmcli.text.bpe import WORD_END
from xlmcli.text.moses_normalization import lowercase_and_strip_accents
from xlmcli.text.special import RESERVED_PIECES, UNK_PIECE
from xlmcli.text.word_segmenters import SEGMENTED_LANGS
from xlmcli.text.words import MosesSplitter, SegmentingSplitter
from xlmcli.text.xlm_bpe import LOWERCASES_KEY, XLMBPETokenizer, XLMVocabulary

_HEAD = ("language", "lines", "equal", "`_tokenize`", "`encode`", "batch, `_tokenize`", "ms a 1,000 lines")

Encode = Callable[[list[str]], list[list[int]]]


@dataclass(slots=True)
class Contender:
    """A way to encode lines.

    Attributes:
        start: Returns the way with a new tokenizer.
        ids: What it gave last.
    """

    start: Callable[[], Encode]
    ids: list[list[int]] = field(default_factory=list)

    def spend(self, lines: list[str]) -> float:
        """Encodes lines from a cold start; returns the processor time, in seconds."""
        encode = self.start()
        self.ids.clear()
        gc.collect()
        return spend_call(lambda: self.ids.extend(encode(lines))).processor_seconds


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tokenization", description=__doc__.split("\n")[0])
    parser.add_argument("texts", nargs="+", metavar="LANG=FILE")
    parser.add_argument("--checkpoint", type=Path, help="folder with vocab.json and merges.txt")
    parser.add_argument("--cased", action="store_true", help="without a checkpoint: keep case and accents")
    parser.add_argument("--vocab-size", type=int, default=40_000, help="without a checkpoint: pieces to learn")
    parser.add_argument("--lines", type=int, default=10_000, help="lines of each language")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each contender")
    arguments = parser.parse_args()
    try:
        texts = read_texts(arguments.texts, arguments.lines)
    except XlmError as error:
        parser.error(error.message)
    print(f"| {' | '.join(_HEAD)} |\n|{' --- |' * len(_HEAD)}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.checkpoint or Path(temporary)
        if arguments.checkpoint is None:
            learn_vocabulary(texts, arguments.vocab_size, lowercases=not arguments.cased).save(folder)
        for lang, lines in texts.items():
            print(f"| {' | '.join(compare(folder, lang, lines, arguments.rounds))} |", flush=True)


def read_texts(sources: Iterable[str], num_lines: int) -> dict[str, list[str]]:
    """The first lines of each language, over all sources that have it."""
    texts: dict[str, list[str]] = defaultdict(list)
    for text in sources:
        source = parse_source(text)
        for row in islice(iter_rows(source), num_lines):
            for lang, line in zip(source.langs, row, strict=True):
                if len(texts[lang]) < num_lines:
                    texts[lang].append(line)
    return texts


def learn_vocabulary(texts: Mapping[str, list[str]], size: int, *, lowercases: bool) -> XLMVocabulary:
    """A vocabulary of pieces learned from the words of all languages together."""
    learner = Tokenizer(models.BPE(unk_token=UNK_PIECE, end_of_word_suffix=WORD_END))
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=size, end_of_word_suffix=WORD_END, special_tokens=list(RESERVED_PIECES), show_progress=False
    )
    lines = _iter_tokenized(texts)
    learner.train_from_iterator(map(lowercase_and_strip_accents, lines) if lowercases else lines, trainer)
    model = json.loads(learner.to_str())["model"]
    config = {"tokenizer_class": "XLMTokenizer", LOWERCASES_KEY: lowercases}
    return XLMVocabulary(model["vocab"], [(left, right) for left, right in model["merges"]], config)


def _iter_tokenized(texts: Mapping[str, list[str]]) -> Iterator[str]:
    for lang, lines in texts.items():
        try:
            splitter = SegmentingSplitter(lang) if lang in SEGMENTED_LANGS else MosesSplitter(lang)
        except XlmError:
            continue  # The segmenter is not there; the language is skipped in the table, too.
        for line in lines:
            yield " ".join(splitter.split(line))


def compare(folder: Path, lang: str, lines: list[str], rounds: int) -> tuple[str, ...]:
    """The cells of a row."""
    contenders = [Contender(partial(start, folder, lang)) for start in (_tokenize, _encode, _each, _batch)]
    try:
        costs = alternate(rounds, *(partial(contender.spend, lines) for contender in contenders))
    except XlmError as error:
        return (lang, str(len(lines)), f"skipped: {error.message}", *[""] * (len(_HEAD) - 3))
    inner, outer, each, batch = costs
    expected, _, *ours = (contender.ids for contender in contenders)
    num_equal = sum(one == two == right for one, two, right in zip(*ours, expected, strict=True))
    ratios = [
        median(their / our for our, their in zip(*pair, strict=True))
        for pair in ((each, inner), (each, outer), (batch, inner))
    ]
    milliseconds = 1e6 * median(each) / len(lines)
    return (lang, str(len(lines)), str(num_equal), *(f"{ratio:.1f}" for ratio in ratios), f"{milliseconds:.1f}")


def _tokenize(folder: Path, lang: str) -> Encode:
    theirs = XLMTokenizer.from_pretrained(folder)
    # `tokenize` does not hand the language on.
    return lambda lines: [theirs.convert_tokens_to_ids(theirs._tokenize(line, lang=lang)) for line in lines]


def _encode(folder: Path, _: str) -> Encode:
    theirs = XLMTokenizer.from_pretrained(folder)
    return lambda lines: [theirs.encode(line) for line in lines]


def _each(folder: Path, lang: str) -> Encode:
    ours = XLMBPETokenizer.load(folder)
    return lambda lines: [ours.encode(line, lang) for line in lines]


def _batch(folder: Path, lang: str) -> Encode:
    ours = XLMBPETokenizer.load(folder)
    return lambda lines: ours.encode_batch(lines, lang)


if __name__ == "__main__":
    main()
