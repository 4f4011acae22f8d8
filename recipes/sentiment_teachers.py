"""Soft labels for recipes/sentiment.toml: what two logistic regressions a language say of its text.

    python recipes/sentiment_teachers.py data teachers

One reads words and pairs of words, the other runs of two to five characters, both by TF-IDF; their mean is written to
teachers/LANG.jsonl in the form of `xlm classify --all --format jsonl`. They label their training text in three parts,
each by regressions that did not see it; pairs of pieces of that text; and Tatoeba sentences, where there are any.
"""

from __future__ import annotations

import argparse
import json
import lzma
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

LANGS = ("ar", "de", "en", "es", "fi", "fr", "hi", "it", "nl", "pl", "pt", "ro")
LABELS = ("negative", "neutral", "positive")
NUM_PARTS = 3
NUM_PAIRS = 8000
NUM_SENTENCES = 8000

Probabilities = NDArray[np.float64]


def main() -> None:
    """Writes a file a language."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="folder with sentiment/ and parallel/")
    parser.add_argument("out", type=Path, help="folder for the soft labels")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for lang in LANGS:
        labels, texts = read_labelled(sorted((arguments.data / "sentiment").glob(f"*.{lang}.train.tsv")))
        rng = random.Random(1)
        others = list(pairs_of_pieces(texts, rng)) + tatoeba_sentences(arguments.data / "parallel", lang, rng)
        with (arguments.out / f"{lang}.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json_lines(texts, label_unseen(labels, texts)))
            file.writelines(json_lines(others, label(fit(labels, texts), others)))


def read_labelled(paths: Iterable[Path]) -> tuple[list[str], list[str]]:
    """Labels and texts of all the files."""
    rows = [line.split("\t", 1) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    return [row[0] for row in rows], [row[1] for row in rows]


def pairs_of_pieces(texts: list[str], rng: random.Random) -> Iterator[str]:
    """Texts that nobody wrote: a piece of one, then a piece of another."""
    for _ in range(NUM_PAIRS):
        yield f"{piece(rng.choice(texts), rng)} {piece(rng.choice(texts), rng)}"


def piece(text: str, rng: random.Random) -> str:
    """Three to eight tenths of a text's words, in a row."""
    words = text.split()
    size = max(1, round(len(words) * rng.uniform(0.3, 0.8)))
    start = rng.randint(0, len(words) - size)
    return " ".join(words[start : start + size])


def tatoeba_sentences(folder: Path, lang: str, rng: random.Random) -> list[str]:
    """Some sentences of the pairs with English; none where a language has no pairs."""
    path = folder / ("en-fr.tsv.xz" if lang == "en" else f"en-{lang}.tsv.xz")
    if not path.exists():
        return []
    with lzma.open(path, "rt", encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    sentences = sorted({row[lang != "en"] for row in rows if row[2].startswith("tatoeba")})
    rng.shuffle(sentences)
    return sentences[:NUM_SENTENCES]


def fit(labels: list[str], texts: list[str]) -> list[Pipeline]:
    """The two regressions."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2)
    return [
        make_pipeline(each, LogisticRegression(C=5.0, max_iter=300)).fit(texts, labels) for each in (words, characters)
    ]


def label(models: list[Pipeline], texts: list[str]) -> Probabilities:
    """The models' mean, (texts, labels); a label that a language has no text for gets 0."""
    probabilities = np.zeros((len(texts), len(LABELS)))
    for model in models:
        columns = [LABELS.index(name) for name in model.classes_]
        probabilities[:, columns] += model.predict_proba(texts) / len(models)
    return probabilities


def label_unseen(labels: list[str], texts: list[str]) -> Probabilities:
    """Labels every text by models of the other parts."""
    probabilities = np.zeros((len(texts), len(LABELS)))
    part = np.random.default_rng(1).permutation(len(texts)) % NUM_PARTS
    for number in range(NUM_PARTS):
        seen, unseen = np.flatnonzero(part != number), np.flatnonzero(part == number)
        models = fit([labels[i] for i in seen], [texts[i] for i in seen])
        probabilities[unseen] = label(models, [texts[i] for i in unseen])
    return probabilities


def json_lines(texts: list[str], probabilities: Probabilities) -> Iterator[str]:
    """The texts and their labels, a JSON object a line."""
    for text, row in zip(texts, probabilities.tolist(), strict=True):
        labels = [{"label": name, "probability": round(value, 4)} for name, value in zip(LABELS, row, strict=True)]
        yield json.dumps({"text": text, "labels": labels}, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
