"""Macro-F1 of a classifier in cross-validation, beside two baselines that learn from the same kind of text alone.

    python -m benchmarks.labels data/sentiment folds > scores.json

``folds/N/`` has ``bundle``, and what that has not learned from as ``valid/NAME.LANG.tsv``; ``more/NAME.LANG.tsv`` is
what it has besides ``data/sentiment/NAME.LANG.train.tsv``. Rows are label, text. The baselines are the most frequent
label and logistic regression on TF-IDF, as scikit-learn has it; its features (words and pairs of words, or also the
characters of words) and its regularisation are chosen by cross-validation of the text that it learns from. Each line is
scored by the models of the fold that holds it out. The classifier's scores go to stdout in the form that `xlm convert
--scores` takes, a table with all of them to stderr: with what the paired bootstrap says of the difference to TF-IDF,
the spread of the folds and the calibration error.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline

from xlmcli.lines import iter_file_lines
from xlmcli.metrics.labels.calibration import expected_calibration_error
from xlmcli.metrics.significance import DEFAULT_RESAMPLES, DEFAULT_SEED, interval_of, iter_resamples, paired_bootstrap_p

_WORDS = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
_CHARACTERS = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, max_features=200_000)
_FEATURES = [FeatureUnion([("words", _WORDS)]), FeatureUnion([("words", _WORDS), ("characters", _CHARACTERS)])]
_COLUMNS = (
    *("test set", "language", "lines", "majority", "TF-IDF", "classifier", "difference, 95 %"),
    *("p", "spread", "calibration error"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of a text that a fold holds out.

    Attributes:
        gold: The right label.
        majority: The most frequent label of the training text.
        tfidf: What logistic regression says.
        classifier: What the bundle says.
        probability: How sure it is, 0-1.
    """

    gold: str
    majority: str
    tfidf: str
    classifier: str
    probability: float


def main() -> None:
    """Prints the scores as JSON on stdout and a table on stderr."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.labels", description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("folds", type=Path)
    arguments = parser.parse_args()
    folds = sorted(path.parent for path in arguments.folds.glob("*/bundle"))
    if len(folds) < 2:
        parser.error(f"{arguments.folds} has fewer than two folds with a bundle")
    names = sorted(path.name.removesuffix(".tsv") for path in (folds[0] / "valid").glob("*.tsv"))
    print(f"| {' | '.join(_COLUMNS)} |\n|{' --- |' * len(_COLUMNS)}", file=sys.stderr)
    scores = []
    by_lang: dict[str, list[list[list[Answer]]]] = {}
    for name in names:
        test_set, lang = name.split(".")
        train = read_labelled(arguments.data / f"{name}.train.tsv")
        baseline = choose_baseline(*train)
        answers = [answer(fold, name, train, baseline) for fold in folds]
        by_lang.setdefault(lang, []).append(answers)
        scores.append(report(test_set, lang, answers))
    for lang, test_sets in sorted(by_lang.items()):
        if len(test_sets) > 1:
            joined = [list(chain.from_iterable(parts)) for parts in zip(*test_sets, strict=True)]
            scores.append(report("all", lang, joined))
    json.dump({"scores": scores}, sys.stdout, indent=2, ensure_ascii=False)
    print()


def answer(fold: Path, name: str, train: tuple[list[str], list[str]], baseline: Pipeline) -> list[Answer]:
    """What the fold's bundle and the baselines say of a test set's texts that the fold holds out."""
    gold, texts = read_labelled(fold / "valid" / f"{name}.tsv")
    more_labels, more_texts = read_labelled(fold / "more" / f"{name}.tsv")
    labels, known = train[0] + more_labels, train[1] + more_texts
    majority = Counter(labels).most_common(1)[0][0]
    tfidf = regress(baseline, labels, known, texts)
    said = classify(fold / "bundle", name.split(".")[1], texts)
    return [
        Answer(wanted, majority, regressed, label, probability)
        for wanted, regressed, (label, probability) in zip(gold, tfidf, said, strict=True)
    ]


def report(test_set: str, lang: str, folds: list[list[Answer]]) -> dict[str, str | float]:
    """Prints a row of the table; returns the classifier's score."""
    answers = list(chain.from_iterable(folds))
    gold = [each.gold for each in answers]
    classifier = [each.classifier for each in answers]
    tfidf = [each.tfidf for each in answers]
    ours, base = macro_f1(gold, classifier), macro_f1(gold, tfidf)
    samples, base_samples = resample(gold, classifier), resample(gold, tfidf)
    interval = interval_of(samples - base_samples)
    p_value = paired_bootstrap_p(samples, base_samples, ours - base)
    spread = np.std(
        [macro_f1([each.gold for each in fold], [each.classifier for each in fold]) for fold in folds], ddof=1
    )
    is_right = np.array([each.classifier == each.gold for each in answers])
    error = 100 * expected_calibration_error(np.array([each.probability for each in answers]), is_right)
    majority = macro_f1(gold, [each.majority for each in answers])
    cells = [
        *(test_set, lang, str(len(gold)), f"{majority:.1f}", f"{base:.1f}", f"{ours:.1f}"),
        *(f"{interval.low:+.1f} to {interval.high:+.1f}", f"{p_value:.3f}", f"{spread:.1f}", f"{error:.1f}"),
    ]
    print(f"| {' | '.join(cells)} |", file=sys.stderr, flush=True)
    return {"lang": lang, "test_set": test_set, "metric": "macro-F1", "value": round(ours, 2)}


def read_labelled(path: Path) -> tuple[list[str], list[str]]:
    """Labels and texts of a file."""
    rows = [line.split("\t", 1) for line in iter_file_lines(path)]
    return [row[0] for row in rows], [row[1] for row in rows]


def choose_baseline(labels: list[str], texts: list[str]) -> Pipeline:
    """Logistic regression on TF-IDF with the features and the regularisation that suit texts best."""
    pipeline = Pipeline([("features", _FEATURES[0]), ("regression", LogisticRegression(max_iter=300))])
    choices = {"features": _FEATURES, "regression__C": [1.0, 5.0]}
    search = GridSearchCV(pipeline, choices, scoring="f1_macro", cv=5, n_jobs=2, refit=False)
    return pipeline.set_params(**search.fit(texts, labels).best_params_)


def regress(baseline: Pipeline, labels: list[str], known: list[str], texts: list[str]) -> list[str]:
    """What the baseline, learned from ``known``, says of ``texts``."""
    return list(map(str, clone(baseline).fit(known, labels).predict(texts)))


def classify(bundle: Path, lang: str, texts: list[str]) -> list[tuple[str, float]]:
    """What `xlm classify` says of ``texts``, and how sure it is."""
    command = [sys.executable, "-m", "xlmcli", "classify", "-m", str(bundle), "--lang", lang, "--quiet"]
    lines = "".join(f"{text}\n" for text in texts)
    result = subprocess.run(command, input=lines, encoding="utf-8", stdout=subprocess.PIPE, check=True)
    rows = [line.split("\t") for line in result.stdout.split("\n")[:-1]]
    return [(row[0], float(row[1])) for row in rows]


def macro_f1(gold: list[str], predicted: list[str]) -> float:
    """Mean F1, in percent, over the labels that ``gold`` has."""
    return float(100 * _f1_of_labels(*_as_ids(gold, predicted), len(set(gold))).mean())


def resample(gold: list[str], predicted: list[str]) -> NDArray[np.float64]:
    """`macro_f1` of bootstrap resamples of the texts; the same ones for all that were asked about the same texts.

    `xlmcli.metrics.labels` has labels that ``gold`` lacks, too; reviews are never neutral, and it is no class there.
    """
    wanted, said = _as_ids(gold, predicted)
    num_labels = len(set(gold))
    drawn = (row for rows in iter_resamples(len(gold), DEFAULT_RESAMPLES, DEFAULT_SEED) for row in rows)
    return np.array([100 * _f1_of_labels(wanted[row], said[row], num_labels).mean() for row in drawn])


def _as_ids(gold: list[str], predicted: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of the labels that ``gold`` has, -1 for others."""
    ids = {label: number for number, label in enumerate(sorted(set(gold)))}
    return np.array([ids[label] for label in gold]), np.array([ids.get(label, -1) for label in predicted])


def _f1_of_labels(gold: NDArray[np.int64], predicted: NDArray[np.int64], num_labels: int) -> NDArray[np.float64]:
    right, wanted, said = (
        np.bincount(ids[ids >= 0], minlength=num_labels) for ids in (gold[gold == predicted], gold, predicted)
    )
    f1: NDArray[np.float64] = 2 * right / np.maximum(wanted + said, 1)
    return f1


if __name__ == "__main__":
    main()
