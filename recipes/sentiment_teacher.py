"""What a classifier and TF-IDF together say of texts, for another classifier to learn from.

    python recipes/sentiment_teacher.py BUNDLE data translated soft

A small XLM knows better what words mean together; logistic regression on TF-IDF of words and their characters, one a
language, knows better the words of tweets. ``soft/`` has the geometric mean of their probabilities, for texts with a
label half of that, as the JSON lines of `xlm classify --all`. Tweets are told by logistic regression that has not
learned from them, and their label counts more.
"""

from __future__ import annotations

import argparse
import json
import lzma
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import FeatureUnion, make_union

LABELS = ["negative", "neutral", "positive"]
# How much a text counts beside a tweet, by the kind of text that tweets are learned with.
WEIGHTS = {"goemotions": 0.3, "brighter": 0.5, "everyday": 1.0, "reviews": 0.5, "subtitles": 0.2, "arsarcasm": 0.2}
BESIDE_TWEETS = {
    "ar": ["brighter", "everyday", "arsarcasm"],
    "de": ["brighter", "everyday"],
    "en": ["goemotions", "brighter", "everyday", "reviews", "subtitles"],
    "es": ["brighter", "everyday"],
    "fr": ["everyday", "subtitles", "goemotions", "brighter"],
    "it": ["everyday", "subtitles"],
    "pt": ["brighter", "everyday"],
}
# These teach with their labels alone.
CERTAIN = ("everyday", "reviews")
THEMES = ("everyday", "speech", "web", "scenes", "stories")
TALK = ("diabla", "cocoa-mt", "african-storybook", "tico-19")

Floats = NDArray[np.float64]
Labelled = tuple[list[str], list[str]]


def main() -> None:
    """Writes the files of every language with tweets."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("translated", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("langs", nargs="*", default=list(BESIDE_TWEETS))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for lang in arguments.langs:
        teach(arguments.bundle, arguments.data, arguments.translated, arguments.out, lang)


def teach(bundle: Path, data: Path, translated: Path, out: Path, lang: str) -> None:
    """Writes what the two say of a language's texts."""

    def read(kind: str) -> Labelled:
        name = f"{kind}.{lang}.train.tsv"
        return read_labelled(next(path for path in (translated / name, data / "sentiment" / name) if path.exists()))

    kinds = BESIDE_TWEETS[lang]
    labels, tweets = read("tweets")
    beside = {kind: read(kind) for kind in kinds}
    other_labels = [label for kind in kinds for label in beside[kind][0]]
    others = [text for kind in kinds for text in beside[kind][1]]
    weights = [WEIGHTS[kind] for kind in kinds for _ in beside[kind][0]]
    features = new_features().fit(tweets + others)
    rows, other_rows = (csr_matrix(features.transform(texts)) for texts in (tweets, others))

    def regress(learned: Sequence[int]) -> LogisticRegression:
        model = LogisticRegression(C=2.0, max_iter=200)
        known = [labels[index] for index in learned] + other_labels
        return model.fit(vstack([rows[learned], other_rows]), known, sample_weight=[1.0] * len(learned) + weights)

    unseen = np.zeros((len(tweets), len(LABELS)))
    for learned, left_out in StratifiedKFold(3, shuffle=True, random_state=1).split(tweets, labels):
        unseen[left_out] = regress(learned).predict_proba(rows[left_out])
    write(out / f"tweets.{lang}.jsonl", tweets, 0.7 * one_hot(labels) + 0.3 * unseen)

    model = regress(range(len(tweets)))

    def say(texts: list[str]) -> Floats:
        mean: Floats = np.sqrt(classify(bundle, lang, texts) * model.predict_proba(features.transform(texts)))
        mean /= mean.sum(1, keepdims=True)
        return mean

    for kind in [*kinds, *({"subtitles"} - set(kinds) if lang != "ar" else ())]:
        if kind not in CERTAIN:
            known, texts = read(kind)
            write(out / f"{kind}.{lang}.jsonl", texts, 0.5 * one_hot(known) + 0.5 * say(texts))
    texts = unlabelled(data, lang, random.Random(f"1 {lang}"))
    write(out / f"unlabelled.{lang}.jsonl", texts, say(texts))


def unlabelled(data: Path, lang: str, rng: random.Random) -> list[str]:
    """Texts without labels: of the phrasebook, and some of the sentence pairs and of Common Voice."""
    texts = []
    if lang != "ar":
        other, side = ("de", 0) if lang == "en" else (lang, 1)
        for theme in THEMES:
            texts += (data / "phrasebook" / f"{theme}.{lang}").read_text("utf-8").split("\n")
        for name, sources, count in (("", ("tatoeba",), 6000), ("open.", TALK, 4000)):
            with lzma.open(data / "parallel" / f"{name}en-{other}.tsv.xz", "rt", encoding="utf-8") as file:
                pairs = [line.rstrip("\n").split("\t") for line in file]
            found = [pair[side] for pair in pairs if pair[2].startswith(sources)]
            texts += rng.sample(found, min(count, len(found)))
    with lzma.open(data / "mono" / f"{lang}.txt.xz", "rt", encoding="utf-8") as file:
        texts += rng.sample(file.read().split("\n"), 4000)
    return [text.replace("\r", " ") for text in texts if text.strip()]


def new_features() -> FeatureUnion:
    """TF-IDF of words and pairs of words, and of the characters of words."""
    return make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2, max_features=200_000),
    )


def classify(bundle: Path, lang: str, texts: list[str]) -> Floats:
    """What `xlm classify` says of texts, (texts, labels); of one without words nothing, each label alike."""
    command = [sys.executable, "-m", "xlmcli", "classify", "-m", str(bundle), "--lang", lang, "--all", "--quiet"]
    lines = "".join(f"{text}\n" for text in texts)
    answer = subprocess.run(command, input=lines, encoding="utf-8", stdout=subprocess.PIPE, check=True)
    said = []
    for line in answer.stdout.split("\n")[:-1]:
        fields = line.split("\t")
        probabilities = dict(zip(fields[::2], map(float, fields[1::2]), strict=False))
        said.append([probabilities.get(label, 1 / len(LABELS)) for label in LABELS])
    return np.array(said)


def one_hot(labels: list[str]) -> Floats:
    """Certain labels as probabilities, (texts, labels)."""
    return np.array([[float(label == name) for name in LABELS] for label in labels])


def read_labelled(path: Path) -> Labelled:
    """Labels and texts of a file."""
    rows = [line.split("\t", 1) for line in path.read_text("utf-8").split("\n") if line]
    return [row[0] for row in rows], [row[1] for row in rows]


def write(path: Path, texts: list[str], probabilities: Floats) -> None:
    """Writes texts as `xlm classify --all --format jsonl` does."""
    with path.open("w", encoding="utf-8") as file:
        for text, row in zip(texts, probabilities, strict=True):
            said = [{"label": label, "probability": round(float(p), 4)} for label, p in zip(LABELS, row, strict=True)]
            best = LABELS[int(np.argmax(row))]
            file.write(json.dumps({"text": text, "label": best, "labels": said}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
