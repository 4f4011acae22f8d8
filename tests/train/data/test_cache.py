from __future__ import annotations

import json
import os
import shutil
import tracemalloc
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from xlmcli.errors import DataError
from xlmcli.sources import Source
from xlmcli.text import Tokenizer
from xlmcli.text.augmentation import Augmentation
from xlmcli.train.core.options import LoopOptions
from xlmcli.train.core.setup import sentences_of
from xlmcli.train.data import cache as text_cache
from xlmcli.train.data import loading
from xlmcli.train.data.cache import TextCache
from xlmcli.train.data.corpus import Corpus, LengthFilter, TextData, TextOptions, join
from xlmcli.train.data.loading import load_text
from xlmcli.train.pretraining.run import pretrain
from xlmcli.train.translation.run import train_translation

PAIRS = "The cat sleeps.\tLe chat dort.\nTurn left.\tTournez à gauche.\nFresh bread.\tDu pain frais.\n"


@pytest.fixture
def source(tmp_path: Path) -> Source:
    path = tmp_path / "pairs.tsv"
    path.write_text(PAIRS, encoding="utf-8")
    return Source(("en", "fr"), path)


@pytest.fixture
def options(tmp_path: Path) -> TextOptions:
    return TextOptions(cache=tmp_path / "cache")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Source]:
    """The sources that are read instead of opened, as they come."""
    read_parts, sources = loading.read_parts, []

    def read(source: Source, *args: Any) -> TextData:
        sources.append(source)
        return read_parts(source, *args)

    monkeypatch.setattr(loading, "read_parts", read)
    return sources


def entries(options: TextOptions) -> list[Path]:
    assert options.cache is not None
    return sorted(options.cache.iterdir())


def contents(text: TextData) -> list[Any]:
    noisy_sides = None if text.noisy_sides is None else text.noisy_sides.tolist()
    sides = [side.to_sequences() for side in text.sides]
    return [text.langs, sides, text.repeats.tolist(), text.num_skipped, noisy_sides]


def is_mapped(array: np.ndarray[Any, Any]) -> bool:
    while array.base is not None and not isinstance(array, np.memmap):
        array = array.base
    return isinstance(array, np.memmap)


def test_a_second_load_opens_what_the_first_one_kept(
    source: Source, options: TextOptions, tokenizer: Tokenizer, reads: list[Source]
) -> None:
    options = replace(options, limits=LengthFilter(max_len=12), augmentations=(Augmentation("typos", 1.0),))
    expected = contents(load_text([source], tokenizer, replace(options, cache=None)))
    first, second = (load_text([source], tokenizer, options) for _ in range(2))
    assert contents(first) == contents(second) == expected
    assert expected[-1] is not None
    assert len(reads) == 2
    for text in (first, second):
        assert all(is_mapped(ids) for side in text.sides for ids in (*side.segments, side.starts))


def test_joined_text_stays_mapped(source: Source, options: TextOptions, tokenizer: Tokenizer, tmp_path: Path) -> None:
    mono = Source(("en",), tmp_path / "en.txt")
    mono.path.write_text("Good morning.\nTurn right.\n", encoding="utf-8")
    texts = [load_text([part], tokenizer, options) for part in (source, mono)]
    turned = join([texts[0].direction("fr", "en"), texts[0].direction("fr", "en")])
    sides = (*sentences_of("en", texts).sides, *turned.sides)
    assert all(is_mapped(ids) for side in sides for ids in side.segments)
    assert [len(side.segments) for side in sides] == [2, 2, 2]


def test_how_often_a_source_counts_is_no_part_of_its_entry(
    source: Source, options: TextOptions, tokenizer: Tokenizer, reads: list[Source]
) -> None:
    options = replace(options, augmentations=(Augmentation("capitals", 0.5),))
    once, often = (load_text([replace(source, repeat=repeat)], tokenizer, options) for repeat in (1, 2.5))
    assert len(reads) == 1
    assert once.repeats.tolist() == [1] * len(once)
    assert often.repeats.tolist() == [2.5] * len(once)
    plain = load_text([replace(source, repeat=2.5)], tokenizer, replace(options, cache=None))
    assert contents(often) == contents(plain)


def test_all_that_decides_ids_decides_the_entry(
    source: Source, options: TextOptions, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copy(source.path, tmp_path / "copy.tsv")
    capitals = replace(options, augmentations=(Augmentation("capitals", 0.5),))
    for count, (part, how) in enumerate(
        [
            (source, options),
            (replace(source, langs=("fr", "en")), options),
            (replace(source, path=tmp_path / "copy.tsv"), options),
            (source, replace(options, limits=LengthFilter(max_len=99))),
            (source, replace(options, limits=LengthFilter(max_ratio=2))),
            (source, capitals),
            (source, replace(capitals, seed=1)),
        ],
        start=1,
    ):
        load_text([part], tokenizer, how)
        assert len(entries(options)) == count
    load_text([source], tokenizer, replace(options, seed=1))  # which draws nothing
    assert len(entries(options)) == count
    monkeypatch.setattr(text_cache, "_FORMAT", 2)
    load_text([source], tokenizer, options)
    assert len(entries(options)) == count + 1


def test_another_vocabulary_has_entries_of_its_own(
    source: Source, options: TextOptions, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    class Other:
        def __getattr__(self, name: str) -> Any:
            return getattr(tokenizer, name)

        def save(self, folder: Path) -> None:
            (folder / "tokenizer.model").write_bytes(b"other")

    for vocabulary in (tokenizer, Other()):
        load_text([source], vocabulary, options)
    assert len(entries(options)) == 2


def test_changed_text_is_read_again_whatever_its_date(
    source: Source, options: TextOptions, tokenizer: Tokenizer
) -> None:
    load_text([source], tokenizer, options)
    status = source.path.stat()
    source.path.write_text(PAIRS.replace("left", "back"), encoding="utf-8")
    os.utime(source.path, ns=(status.st_atime_ns, status.st_mtime_ns))
    text = load_text([source], tokenizer, options)
    assert tokenizer.decode(text.sides[0][1]) == "Turn back."


def test_text_that_changes_while_it_is_read_is_not_kept(
    source: Source, options: TextOptions, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_parts = loading.read_parts

    def read(source: Source, *args: Any) -> TextData:
        with source.path.open("a", encoding="utf-8") as file:
            file.write("cat\tchat\n")
        return read_parts(source, *args)

    monkeypatch.setattr(loading, "read_parts", read)
    assert len(load_text([source], tokenizer, options)) == 4
    assert entries(options) == []


@pytest.mark.parametrize("name", ["entry.json", "ids-0.npy", "ids-1.npy", "starts-0.npy", "starts-1.npy"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "swapped"])
def test_a_damaged_entry_is_made_anew(
    source: Source, options: TextOptions, tokenizer: Tokenizer, reads: list[Source], name: str, damage: str
) -> None:
    expected = contents(load_text([source], tokenizer, options))
    (entry,) = entries(options)
    path = entry / name
    if damage == "missing":
        path.unlink()
    elif damage == "swapped":
        path.write_bytes((entry / ("starts-0.npy" if name.startswith("ids") else "ids-0.npy")).read_bytes())
    else:
        path.write_bytes(path.read_bytes()[: 0 if damage == "empty" else -3])
    for _ in range(2):
        assert contents(load_text([source], tokenizer, options)) == expected
    assert len(reads) == 2
    assert entries(options) == [entry]


def test_the_entry_of_another_process_that_was_faster_stays(
    source: Source, options: TextOptions, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_parts = loading.read_parts

    def read(source: Source, *args: Any) -> TextData:
        monkeypatch.setattr(loading, "read_parts", read_parts)
        load_text([source], tokenizer, options)
        (entry / "whose.txt").touch()
        return read_parts(source, *args)

    load_text([source], tokenizer, options)
    (entry,) = entries(options)
    shutil.rmtree(entry)
    monkeypatch.setattr(loading, "read_parts", read)
    text = load_text([source], tokenizer, options)
    assert entries(options) == [entry]
    assert (entry / "whose.txt").exists()
    assert is_mapped(text.sides[0].segments[0])


def test_an_entry_is_written_part_by_part(source: Source, options: TextOptions, tokenizer: Tokenizer) -> None:
    assert options.cache is not None
    num_parts, part_len = 40, 250_000

    def read() -> Generator[TextData, None, None]:
        for number in range(num_parts):
            sides = tuple(Corpus.from_sequences([[number + side] * part_len]) for side in range(2))
            noisy = np.array([1 if number == 7 else -1], dtype=np.int8)
            yield TextData(("en", "fr"), sides, np.ones(1, dtype=np.float32), 1, noisy_sides=noisy)

    cache = TextCache(options.cache, tokenizer)
    tracemalloc.start()
    text = cache.get(source, options, read)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < num_parts * part_len
    assert (len(text), text.num_skipped) == (num_parts, num_parts)
    assert [(side[0][0], len(side[39]), side[39][-1]) for side in text.sides] == [(0, part_len, 39), (1, part_len, 40)]
    assert text.noisy_sides is not None
    assert np.flatnonzero(text.noisy_sides == 1).tolist() == [7]
    assert is_mapped(text.sides[0].segments[0])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_disk_that_is_full_to_the_end_is_said(
    source: Source, options: TextOptions, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_cache, "_ids_file", lambda _side: "/dev/full")
    with pytest.raises(DataError, match=r"cannot write .*: no space left on device"):
        load_text([source], tokenizer, options)
    assert entries(options) == []


def test_an_entry_says_what_it_is(source: Source, options: TextOptions, tokenizer: Tokenizer) -> None:
    load_text([source], tokenizer, options)
    (entry,) = entries(options)
    description = json.loads((entry / "entry.json").read_text(encoding="utf-8"))
    assert (description["langs"], description["num_sentences"], description["num_skipped"]) == (["en", "fr"], 3, 0)
    assert description["made_of"]["source"] == source.name
    assert description["made_of"]["seed"] is None


def test_what_can_be_read_only_once_is_not_kept(options: TextOptions, tokenizer: Tokenizer) -> None:
    reader, writer = os.pipe()
    os.write(writer, PAIRS.encode())
    os.close(writer)
    assert len(load_text([Source(("en", "fr"), Path(f"/dev/fd/{reader}"))], tokenizer, options)) == 3
    os.close(reader)
    assert entries(options) == []


def test_errors_are_those_of_reading(source: Source, options: TextOptions, tokenizer: Tokenizer) -> None:
    with pytest.raises(DataError, match=r"no such file: .*nowhere\.tsv"):
        load_text([replace(source, path=Path("nowhere.tsv"))], tokenizer, options)
    source.path.write_text("cat\tchat\nbread\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"pairs\.tsv:2: expected 2 columns, found 1"):
        load_text([source], tokenizer, options)
    source.path.write_text("\t\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(DataError, match="no usable line"):
            load_text([source], tokenizer, options)


def test_a_folder_that_cannot_be_made_is_an_error(source: Source, tokenizer: Tokenizer) -> None:
    with pytest.raises(DataError, match=r"cannot write .*cache: ") as caught:
        load_text([source], tokenizer, TextOptions(cache=source.path / "cache"))
    assert "--cache" in str(caught.value.hint)


@pytest.mark.parametrize("is_pretraining", [True, False])
def test_a_run_takes_the_same_steps_with_and_without_a_cache(
    pretrain_options: Callable[..., Any], train_options: Callable[..., Any], tmp_path: Path, is_pretraining: bool
) -> None:
    def run(folder: Path, cache: Path | None, num_steps: int, *, resume: bool = False) -> None:
        loop = LoopOptions(max_steps=num_steps, valid_every=10, precision="fp32")
        options = (pretrain_options if is_pretraining else train_options)(folder, loop, resume=resume)
        data = replace(options.data, text=replace(options.data.text, cache=cache))
        (pretrain if is_pretraining else train_translation)(replace(options, data=data), [])

    whole, parts, cache = tmp_path / "whole", tmp_path / "parts", tmp_path / "cache"
    run(whole, None, 4)
    run(parts, cache, 2)
    run(parts, cache, 4, resume=True)
    states = [torch.load(folder / "training/state.pt", weights_only=True) for folder in (whole, parts)]
    assert states[0]["positions"] == states[1]["positions"]
    assert all(torch.equal(weight, states[1]["weights"][name]) for name, weight in states[0]["weights"].items())
