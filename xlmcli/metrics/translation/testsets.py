"""Test sets that sacreBLEU knows by name, out of its cache or downloaded into it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sacrebleu.dataset import DATASETS
from sacrebleu.utils import SACREBLEU_DIR

from xlmcli.environment import require_network
from xlmcli.errors import DataError, UsageError
from xlmcli.metrics.sides import Side, read_side
from xlmcli.records import Direction

_MAX_SHOWN = 20


def load_testset(name: str, direction: Direction) -> tuple[Side, list[Side]]:
    """Returns the source and the references of a test set.

    Raises:
        UsageError: sacreBLEU knows no such test set, or not in that direction.
        UsageError: It is not in the cache, and the network is forbidden.
        DataError: It is not in the cache and cannot be downloaded, or what is in the cache is cut short.
    """
    dataset = DATASETS.get(name)
    if dataset is None:
        if "," in name:
            raise UsageError(f"--testset {name}: one test set at a time", hint="score them one after the other")
        similar = difflib.get_close_matches(name, DATASETS, n=5, cutoff=0.5)
        raise UsageError(
            f"--testset {name}: sacreBLEU knows no such test set",
            hint=f"perhaps {', '.join(similar)}" if similar else "sacrebleu --list shows them",
        )
    if str(direction) not in dataset.langpairs:
        raise UsageError(
            f"--testset {name} does not go from {direction.src} to {direction.tgt}", hint=_pairs(dataset.langpairs)
        )
    if not _is_here(dataset, str(direction)):
        require_network(f"to download the test set {name} ({direction}), which is not in {SACREBLEU_DIR}")
    try:
        source, *references = _find_files(dataset, str(direction))
    # sacreBLEU exits where a download is damaged, and its parsers raise what they like about one.
    except (Exception, SystemExit) as error:
        raise DataError(
            f"test set {name} ({direction}) is not in {SACREBLEU_DIR} and cannot be downloaded: {error}",
            hint=f"where there is a network, run sacrebleu --download {name} -l {direction}, then copy the folder here",
        ) from error
    sides = [read_side(path) for path in (source, *references)]
    if len({len(side.lines) for side in sides}) > 1:
        counts = ", ".join(f"{side.name} {len(side.lines):,}" for side in sides)
        raise DataError(
            f"test set {name} ({direction}) has different numbers of lines: {counts}",
            hint=f"remove {source.parent}: it is downloaded again",
        )
    return sides[0], sides[1:]


def _is_here(dataset: Any, pair: str) -> bool:
    return all(Path(dataset._get_txt_file_path(pair, field)).exists() for field in dataset.fieldnames(pair))


def _find_files(dataset: Any, pair: str) -> list[Path]:
    """Returns the source file and the references, downloaded where they are not there."""
    return [Path(path) for path in (dataset.get_source_file(pair), *dataset.get_reference_files(pair))]


def _pairs(pairs: Sequence[str]) -> str:
    shown = sorted(pairs)
    rest = f" and {len(shown) - _MAX_SHOWN} more" if len(shown) > _MAX_SHOWN else ""
    return f"it has {', '.join(shown[:_MAX_SHOWN])}{rest}"
