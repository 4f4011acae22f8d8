"""Translation quality by sacreBLEU; see `xlmcli.metrics.translation.testsets` for its test sets.

Figures and signatures are sacreBLEU's own: its code splits lines into tokens and computes every score from sums of
statistics. What is done here is to count the statistics once, as arrays, and to sum them as arrays.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.base import Metric
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER
from sacrebleu.tokenizers.tokenizer_spm import SPM_MODELS
from sacrebleu.utils import SACREBLEU_DIR

from xlmcli.environment import require_network
from xlmcli.errors import DataError, MissingExtraError, UsageError
from xlmcli.metrics.translation.statistics import count_statistics
from xlmcli.text.language_tokens import base_language, language_code

MetricName = Literal["bleu", "chrf", "ter"]

# Of tokenisers that need further packages, what brings them.
_EXTRAS = {"ja-mecab": "sacrebleu[ja]", "ko-mecab": "sacrebleu[ko]"}
# Lines whose n-grams are held at once; those of a large corpus would fill the memory.
_LINES_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class MetricOptions:
    """What to compute.

    Attributes:
        names: Metrics, in the order wanted.
        tgt: Language of the text, which chooses BLEU's tokeniser (zh, ja, ko have their own).
        tokenize: BLEU's tokeniser, by sacreBLEU's name; None leaves it to ``tgt``.
        chrf_word_order: Longest word n-grams of chrF; 2 makes it chrF++.
        lowercase: Whether BLEU and chrF ignore case; TER always does.
    """

    names: tuple[MetricName, ...] = ("bleu", "chrf")
    tgt: str | None = None
    tokenize: str | None = None
    chrf_word_order: int = 0
    lowercase: bool = False

    def __post_init__(self) -> None:
        if self.tokenize is not None and self.tokenize not in BLEU.TOKENIZERS:
            raise UsageError(
                f"--tokenize {self.tokenize}: no such tokeniser", hint=f"sacreBLEU has {', '.join(BLEU.TOKENIZERS)}"
            )


class Scorer:
    """One metric of sacreBLEU for one set of references.

    Attributes:
        name: As sacreBLEU writes it: ``BLEU``, ``chrF2``, ``chrF2++``, ``TER``.
        higher_is_better: Whether more is better.
    """

    def __init__(self, metric: Metric, num_references: int) -> None:
        metric.num_refs = num_references
        self._metric = metric
        self.higher_is_better = not isinstance(metric, TER)
        self.name = str(metric._compute_score_from_stats([0] * self._num_stats).name)

    @property
    def _num_stats(self) -> int:
        if isinstance(self._metric, BLEU):
            return 2 + 2 * int(self._metric.max_ngram_order)
        return 3 * int(self._metric.order) if isinstance(self._metric, CHRF) else 2

    def count(self, systems: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> list[NDArray[np.float64]]:
        """Counts the statistics of each line.

        Args:
            systems: Lines of each system.
            references: Lines of each reference.

        Returns:
            (num_lines, num_stats) for each system; whole numbers, but for TER against several references.
        """
        parts: list[list[NDArray[np.float64]]] = [[] for _ in systems]
        for start in range(0, len(references[0]), _LINES_AT_ONCE):
            lines = slice(start, start + _LINES_AT_ONCE)
            sides = [side[lines] for side in references]
            for system, counted in zip(systems, parts, strict=True):
                counted.append(count_statistics(self._metric, system[lines], sides))
        return [np.concatenate(counted) for counted in parts]

    def score(self, stats: NDArray[np.float64]) -> float:
        """Returns the score of a corpus from the statistics of its lines."""
        # In the order of the lines, as sacreBLEU adds: numpy would round differently.
        return self.score_sums([reduce(operator.add, column) for column in stats.T.tolist()])

    def score_sums(self, sums: Any) -> float:
        """Returns the score of statistics that are summed; the type of their numbers sets the precision."""
        return self._metric._compute_score_from_stats(sums).score  # type: ignore[no-any-return]

    def score_each(self, stats: NDArray[np.float64]) -> list[float]:
        """Returns the score of each line; for BLEU the scorer must be one for sentences."""
        return [float(self.score_sums(row)) for row in stats.tolist()]

    def signature(self, *, num_resamples: int = 0, num_trials: int = 0, seed: int | None = None) -> str:
        """Returns sacreBLEU's signature.

        Args:
            num_resamples: Of bootstrap resampling, if it was done.
            num_trials: Of approximate randomization, if it was done.
            seed: Of either.
        """
        signature = self._metric.get_signature()
        if num_resamples:
            signature.update("bs", num_resamples)
        if num_trials:
            signature.update("ar", num_trials)
        if num_resamples or num_trials:
            signature.update("seed", str(seed))
        return str(signature)


def open_scorers(options: MetricOptions, num_references: int, *, for_sentences: bool = False) -> list[Scorer]:
    """Returns the metrics asked for.

    Args:
        options: Which, and how.
        num_references: Of every line.
        for_sentences: Whether lines are scored one by one, for which BLEU leaves out orders that a line is too short
            for.

    Raises:
        MissingExtraError: A tokeniser needs a package that is not installed.
        UsageError: A tokeniser needs a model that is not in sacreBLEU's cache, and the network is forbidden.
        DataError: It cannot be downloaded, or what is in the cache is damaged.
    """
    return [Scorer(_open_metric(name, options, for_sentences), num_references) for name in options.names]


def corpus_bleu(hypotheses: Sequence[str], references: Sequence[Sequence[str]], tgt: str | None = None) -> float:
    """BLEU in 0-100 with sacreBLEU's defaults, but of characters where these for the language need further packages.

    Args:
        hypotheses: Translations.
        references: One list of lines a reference.
        tgt: Their language.
    """
    tokenize = _default_tokenizer(tgt)
    options = MetricOptions(tokenize="char" if tokenize in _EXTRAS else tokenize)
    return float(_open_metric("bleu", options, for_sentences=False).corpus_score(hypotheses, references).score)


def _open_metric(name: MetricName, options: MetricOptions, for_sentences: bool) -> Metric:
    if name == "ter":
        return TER()
    if name == "chrf":
        return CHRF(word_order=options.chrf_word_order, lowercase=options.lowercase)
    tokenize = options.tokenize or _default_tokenizer(options.tgt)
    model = _tokenizer_model(tokenize)
    if model is not None and not model.exists():
        require_network(f"to download BLEU's tokeniser {tokenize}, or choose another: --tokenize 13a")
    try:
        # force: sacreBLEU would print its own warning of text that looks tokenised.
        return BLEU(lowercase=options.lowercase, force=True, tokenize=tokenize, effective_order=for_sentences)
    except (ImportError, RuntimeError) as error:
        if model is not None and isinstance(error, RuntimeError):
            raise DataError(
                f"BLEU's tokeniser {tokenize}: {model} is damaged", hint="remove it: it is downloaded again"
            ) from error
        package = _EXTRAS.get(tokenize)
        if package is None:
            raise
        raise MissingExtraError(
            f"BLEU's tokeniser {tokenize} needs packages that are not installed",
            hint=f"pip install '{package}', or choose another: --tokenize char",
        ) from error
    except (OSError, SystemExit) as error:
        raise DataError(
            f"BLEU's tokeniser {tokenize} needs a model that cannot be downloaded: {error}",
            hint="run once with a network, or choose another: --tokenize 13a",
        ) from error


def _tokenizer_model(tokenize: str) -> Path | None:
    """Returns where sacreBLEU keeps, or would put, the model that a tokeniser needs; None if it needs none."""
    model = SPM_MODELS.get(tokenize)
    return None if model is None else Path(SACREBLEU_DIR, "models", model["url"].rpartition("/")[2])


def _default_tokenizer(tgt: str | None) -> str:
    """Returns the tokeniser for a language, with whatever script or region its code goes on."""
    lang = language_code(base_language(tgt or ""))
    # Given by name: told the language, sacreBLEU would print advice.
    return str(BLEU._TOKENIZER_MAP.get(lang, BLEU.TOKENIZER_DEFAULT))
