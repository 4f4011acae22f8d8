from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xlmcli import sources as sources_module
from xlmcli.errors import DataError
from xlmcli.sources import Source
from xlmcli.text import Tokenizer
from xlmcli.text.augmentation import KINDS, Augmentation
from xlmcli.train.data.corpus import LengthFilter, TextData, TextOptions
from xlmcli.train.data.loading import load_text

EVERYTHING = TextOptions(LengthFilter(max_len=1000, max_ratio=1000))


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_text_is_tokenised_and_keeps_its_order(
    tokenizer: Tokenizer, tmp_path: Path, sentences: dict[str, list[str]]
) -> None:
    rows = [f"{en}\t{fr}" for en, fr in zip(sentences["en"], sentences["fr"], strict=True)]
    text = load_text([Source(("en", "fr"), write(tmp_path / "a.tsv", *rows))], tokenizer, EVERYTHING)
    assert text.langs == ("en", "fr")
    for lang, side in zip(text.langs, text.sides, strict=True):
        assert tokenizer.decode_batch([side[i] for i in range(len(side))]) == sentences[lang]
    assert text.side("fr").sides[0] is text.sides[1]


def test_rows_outside_the_limits_are_skipped_and_counted(tokenizer: Tokenizer, tmp_path: Path) -> None:
    short, long = "cat", "The cat sleeps on the warm roof. " * 5
    num_words = len(tokenizer.encode(long))
    assert num_words > 10
    path = write(tmp_path / "a.tsv", f"{short}\t{short}", f"{short}\t{long}", f"{short}\t", f"{long}\t{long}")
    source = Source(("en", "fr"), path)
    text = load_text([source], tokenizer, TextOptions(LengthFilter(num_words, 2.0)))
    assert (len(text), text.num_skipped) == (2, 2)
    text = load_text([source], tokenizer, TextOptions(LengthFilter(num_words - 1, 2.0)))
    assert (len(text), text.num_skipped) == (1, 3)


def test_the_ratio_spares_short_pairs(tokenizer: Tokenizer, tmp_path: Path) -> None:
    one = "a"
    ten = next(text for n in range(1, 30) if len(tokenizer.encode(text := " a" * n)) == 10)
    path = write(tmp_path / "a.tsv", f"{one}\t{ten}", f"{one}\t{ten} a")
    text = load_text([Source(("en", "fr"), path)], tokenizer, TextOptions(LengthFilter(100, 1.5)))
    assert len(text) == 1


def test_sources_keep_their_repeats(tokenizer: Tokenizer, tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.txt", "a", "b"), write(tmp_path / "b.txt", "c")
    text = load_text([Source(("en",), a), Source(("en",), b, repeat=0.25)], tokenizer, EVERYTHING)
    assert text.repeats.tolist() == [1, 1, 0.25]
    assert text.epoch_size == 2.25


def test_no_usable_line_is_an_error_that_names_the_files(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = write(tmp_path / "empty.txt", "", "  ")
    with pytest.raises(DataError, match=r"no usable line in .*empty\.txt") as caught:
        load_text([Source(("en",), path)], tokenizer, EVERYTHING)
    assert "--max-len" in str(caught.value.hint)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources_module, "_CHUNK_ROWS", 3)


def pairs(path: Path, sentences: dict[str, list[str]]) -> Source:
    rows = (f"{en}\t{fr}" for en, fr in zip(sentences["en"], sentences["fr"], strict=True))
    return Source(("en", "fr"), write(path, *rows, "\tnothing"))


@pytest.mark.usefixtures("small_chunks")
def test_any_number_of_workers_gives_the_same_text(
    tokenizer: Tokenizer, tmp_path: Path, sentences: dict[str, list[str]]
) -> None:
    sources = [pairs(tmp_path / "a.tsv", sentences), Source(("en", "fr"), write(tmp_path / "b.tsv", "cat\tchat"))]
    augmentations = tuple(Augmentation(kind, 0.4) for kind in KINDS)
    options = TextOptions(LengthFilter(max_len=40), augmentations, seed=3)

    def load(num_workers: int) -> TextData:
        return load_text(sources, tokenizer, options, num_workers)

    alone, together = load(1), load(2)
    assert len(alone) > len(sentences["en"])
    assert alone.num_skipped > 0
    assert (together.langs, together.num_skipped) == (alone.langs, alone.num_skipped)
    assert [side.to_sequences() for side in together.sides] == [side.to_sequences() for side in alone.sides]
    assert together.repeats.tolist() == alone.repeats.tolist()
    assert alone.noisy_sides is not None
    assert together.noisy_sides.tolist() == alone.noisy_sides.tolist()


@pytest.mark.usefixtures("small_chunks")
def test_an_error_names_the_line_while_workers_run(
    tokenizer: Tokenizer, tmp_path: Path, sentences: dict[str, list[str]]
) -> None:
    source = pairs(tmp_path / "a.tsv", sentences)
    with source.path.open("a", encoding="utf-8") as file:
        file.write("one column\n")
    with pytest.raises(DataError, match=rf"a\.tsv:{len(sentences['en']) + 2}: expected 2 columns, found 1"):
        load_text([source], tokenizer, EVERYTHING, num_workers=2)


def test_workers_need_no_torch() -> None:
    code = "import sys, xlmcli.train.data.loading; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


LOAD_FOR_EVER = """
import itertools, sys
from pathlib import Path
from xlmcli.sources import Source
from xlmcli.text import load_tokenizer
from xlmcli.train.data import loading
from xlmcli.train.data.corpus import TextOptions

if __name__ == "__main__":
    def iter_chunks(source):
        for number in itertools.count():
            if number == 8:
                print("started", flush=True)
            yield [("The cat sleeps on the warm roof.",)] * 1000
    loading.iter_chunks = iter_chunks
    tokenizer = load_tokenizer(Path(sys.argv[1]))
    loading.load_text([Source(("en",), Path("text"))], tokenizer, TextOptions(), num_workers=2)
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_its_parent(tiny_tokenizer: Path, tmp_path: Path, number: int) -> None:
    script = tmp_path / "load.py"
    script.write_text(LOAD_FOR_EVER, encoding="utf-8")
    command = [sys.executable, str(script), str(tiny_tokenizer)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        workers = workers_of(process.pid)
        assert len(workers) == 2
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does
        else:
            process.send_signal(number)
        try:
            process.wait(timeout=60)
        finally:
            process.kill()  # Else leaving the block would wait for it.
    deadline = time.monotonic() + 20
    while any(map(is_alive, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def workers_of(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        pid, ppid = int(status.parent.name), int(status.read_text().rpartition(")")[2].split()[1])
        if ppid == parent and b"spawn_main" in (status.parent / "cmdline").read_bytes():
            found.append(pid)
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
