"""Macro-F1 of a classifier, beside two baselines that learn from labelled text in the same language alone.

    python -m benchmarks.labels BUNDLE tweets:en=data/sentiment/tweets.en.{}.tsv … > scores.json

``{}`` stands for ``train``, which the baselines read, and for ``valid``, which everyone is scored on; rows are label,
text. The baselines are the most frequent label and logistic regression on TF-IDF of words and pairs of words, as
scikit-learn has it. A language with several test sets gets a row for all of them together as well. The classifier's
scores go to stdout in the form that `xlm convert --scores` takes, a table with all of them to stderr.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline

from xlmcli.lines import iter_file_lines


@dataclass(frozen=True, slots=True)
class TestSet:
    """Texts of one language to score on, with those to learn from; each side is labels and texts."""

    name: str
    lang: str
    train: tuple[list[str], list[str]]
    valid: tuple[list[str], list[str]]


def main() -> None:
    """Prints the scores as JSON on stdout and a table on stderr."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.labels", description=__doc__.split("\n")[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("test_sets", nargs="+", metavar="NAME:LANG=FILE.{}.tsv")
    arguments = parser.parse_args()
    scores = []
    print(
        "| test set | language | lines | majority | TF-IDF | classifier |\n| --- | --- | --- | --- | --- | --- |",
        file=sys.stderr,
    )
    for test_set in with_languages([read_test_set(text) for text in arguments.test_sets]):
        gold, texts = test_set.valid
        columns = [
            [Counter(test_set.train[0]).most_common(1)[0][0]] * len(gold),
            fit_and_predict(test_set.train, texts),
            classify(arguments.bundle, test_set.lang, texts),
        ]
        values = [macro_f1(gold, predicted) for predicted in columns]
        cells = [test_set.name, test_set.lang, str(len(gold)), *(f"{value:.1f}" for value in values)]
        print(f"| {' | '.join(cells)} |", file=sys.stderr, flush=True)
        scores.append(
            {"lang": test_set.lang, "test_set": test_set.name, "metric": "macro-F1", "value": round(values[-1], 2)}
        )
    json.dump({"scores": scores}, sys.stdout, indent=2, ensure_ascii=False)
    print()


def read_test_set(description: str) -> TestSet:
    """Opens ``NAME:LANG=FILE.{}.tsv``."""
    place, _, path = description.partition("=")
    name, _, lang = place.partition(":")
    train, valid = (read_labelled(Path(path.replace("{}", part))) for part in ("train", "valid"))
    return TestSet(name, lang, train, valid)


def with_languages(test_sets: list[TestSet]) -> list[TestSet]:
    """The test sets, and for each language with several of them all of these as one, named ``all``."""
    joined = []
    for lang in sorted({test_set.lang for test_set in test_sets}):
        parts = [test_set for test_set in test_sets if test_set.lang == lang]
        if len(parts) > 1:
            train = ([label for part in parts for label in part.train[0]], [x for part in parts for x in part.train[1]])
            valid = ([label for part in parts for label in part.valid[0]], [x for part in parts for x in part.valid[1]])
            joined.append(TestSet("all", lang, train, valid))
    return test_sets + joined


def read_labelled(path: Path) -> tuple[list[str], list[str]]:
    """Labels and texts of a file."""
    rows = [line.split("\t", 1) for line in iter_file_lines(path)]
    return [row[0] for row in rows], [row[1] for row in rows]


def fit_and_predict(train: tuple[list[str], list[str]], texts: list[str]) -> list[str]:
    """What logistic regression on TF-IDF, learned from ``train``, says of ``texts``."""
    labels, train_texts = train
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=5.0, max_iter=2000)
    )
    model.fit(train_texts, labels)
    return list(map(str, model.predict(texts)))


def classify(bundle: Path, lang: str, texts: list[str]) -> list[str]:
    """What `xlm classify` says of ``texts``."""
    command = [sys.executable, "-m", "xlmcli", "classify", "-m", str(bundle), "--lang", lang, "--quiet"]
    lines = "".join(f"{text}\n" for text in texts)
    result = subprocess.run(command, input=lines, encoding="utf-8", stdout=subprocess.PIPE, check=True)
    return [line.split("\t")[0] for line in result.stdout.split("\n")[:-1]]


def macro_f1(gold: list[str], predicted: list[str]) -> float:
    """Mean F1, in percent, over the labels that ``gold`` has."""
    return 100 * float(f1_score(gold, predicted, labels=sorted(set(gold)), average="macro", zero_division=0))


if __name__ == "__main__":
    main()
