"""Output that is gone on with: what lies beside it meanwhile, and what is refused."""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from xlmcli import journal as journal_module
from xlmcli.errors import DataError, UsageError, XlmError
from xlmcli.journal import Done, Journal, resumed_write
from xlmcli.lines import open_bytes

JOB = {"--beam-size": "4"}


class InterruptionError(Exception):
    pass


@pytest.fixture(autouse=True)
def small_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "_FRAME_BYTES", 10)


@contextmanager
def interrupted(path: Path) -> Iterator[Journal]:
    with pytest.raises(InterruptionError), resumed_write(path) as journal:
        journal.check(JOB)
        yield journal
        raise InterruptionError


def write(journal: Journal, text: bytes, num_records: int = 1) -> None:
    journal.file.write(text)
    journal.counts["cut"] += 1
    journal.advance(num_records)


@pytest.mark.parametrize("name", ["out", "out.gz", "out.xz", "out.zst"])
def test_the_file_does_not_depend_on_interruptions(tmp_path: Path, name: str) -> None:
    texts = [f"line {number}\n".encode() * (number % 5) for number in range(12)]
    with resumed_write(tmp_path / name) as journal:
        for text in texts:
            write(journal, text)
    for_itself = (tmp_path / name).read_bytes()
    with open_bytes(tmp_path / name) as file:
        assert file.read() == b"".join(texts)
    for number in range(12):
        with interrupted(tmp_path / name) as journal:
            assert journal.done.num_records == number
            assert journal.counts["cut"] == number
            write(journal, texts[number])
            journal.save()
            journal.file.write(b"half"[: number % 5])
            journal.save()
    assert sorted(os.listdir(tmp_path)) == [name, f"{name}.part", f"{name}.part.json"]
    with resumed_write(tmp_path / name) as journal:
        assert journal.done.num_records == 12
    assert (tmp_path / name).read_bytes() == for_itself
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", ["out", "out.gz", "out.xz", "out.zst"])
def test_no_records_make_an_empty_file(tmp_path: Path, name: str) -> None:
    with resumed_write(tmp_path / name):
        pass
    with open_bytes(tmp_path / name) as file:
        assert file.read() == b""


def test_records_are_saved_every_few_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(journal_module.time, "monotonic", lambda: now)
    with interrupted(tmp_path / "out") as journal:
        saved = []
        for seconds in (0.5, 1, 1, 1, 1):
            now += seconds
            write(journal, b"x")
            saved.append(json.loads((tmp_path / "out.part.json").read_text())["done"]["num_records"])
    assert saved == [0, 0, 3, 3, 5]


class _InterruptedCounter(Counter[str]):
    """Counts that a signal arrives at while they are read."""

    def __iter__(self) -> Iterator[str]:
        raise InterruptionError

    keys = __iter__  # type: ignore[assignment]


def test_a_signal_between_two_records_loses_none(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(InterruptionError), resumed_write(out) as journal:
        journal.check(JOB)
        write(journal, b"one\n")
        journal.counts = _InterruptedCounter(cut=1)
        try:
            write(journal, b"two\n")
        finally:
            journal.save()  # As the signal's handler does.
    with resumed_write(out) as journal:
        journal.check(JOB)
        assert journal.done.num_records == 1
        write(journal, b"two\n")
    assert out.read_text() == "one\ntwo\n"


def test_a_failure_before_the_first_record_leaves_nothing(tmp_path: Path) -> None:
    with interrupted(tmp_path / "out"):
        pass
    assert os.listdir(tmp_path) == []


def test_permissions_are_kept_and_links_followed(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("old")
    (tmp_path / "out").chmod(0o600)
    (tmp_path / "link").symlink_to("out")
    with resumed_write(tmp_path / "link") as journal:
        write(journal, b"new")
        assert (tmp_path / "out").read_text() == "old"
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "out").read_text() == "new"
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o600


def refusal(path: Path, job: dict[str, str] = JOB) -> XlmError:
    with pytest.raises(XlmError) as caught, resumed_write(path) as journal:
        journal.check(job)
    return caught.value


def test_what_has_changed_is_named(tmp_path: Path) -> None:
    with interrupted(tmp_path / "out") as journal:
        write(journal, b"x")
        journal.save()
    before = (tmp_path / "out.part").read_bytes()
    error = refusal(tmp_path / "out", {"--beam-size": "5", "--src": "en"})
    assert isinstance(error, UsageError)
    assert error.message == (
        "--resume: what was interrupted is another job: --beam-size was 4, is 5; --src was none, is en"
    )
    assert error.hint == f"to begin anew: rm {tmp_path / 'out.part'} {tmp_path / 'out.part.json'}"
    assert (tmp_path / "out.part").read_bytes() == before


def test_another_job_takes_the_place_of_one_that_did_nothing(tmp_path: Path) -> None:
    (tmp_path / "out.part").write_bytes(b"half")
    (tmp_path / "out.part.json").write_text(json.dumps({"job": {"--beam-size": "5"}, "done": {}}))
    with resumed_write(tmp_path / "out") as journal:
        assert journal.done == Done()
        write(journal, b"x")
    assert (tmp_path / "out").read_bytes() == b"x"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"job": {}, "done": {"num_records": 1, "x": 2}}'])
def test_what_is_no_journal(tmp_path: Path, content: str) -> None:
    (tmp_path / "out.part").write_text("text")
    (tmp_path / "out.part.json").write_text(content)
    error = refusal(tmp_path / "out")
    assert (type(error), error.message) == (DataError, f"{tmp_path / 'out.part.json'} is no journal")


def test_a_part_without_a_journal_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "out.part").write_text("mine")
    assert "is there without its journal" in refusal(tmp_path / "out").message
    assert (tmp_path / "out.part").read_text() == "mine"


def test_a_part_that_was_cut_short(tmp_path: Path) -> None:
    with interrupted(tmp_path / "out") as journal:
        write(journal, b"text")
        journal.save()
    os.truncate(tmp_path / "out.part", 2)
    assert "is shorter than" in refusal(tmp_path / "out").message


def test_two_processes_do_not_write_one_file(tmp_path: Path) -> None:
    with resumed_write(tmp_path / "out") as journal:
        write(journal, b"text")
        assert "another process is writing" in refusal(tmp_path / "out").message
    assert (tmp_path / "out").read_bytes() == b"text"


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "out")
    assert "is no regular file" in refusal(tmp_path / "out").message
    assert refusal(tmp_path / "missing" / "out").message.endswith("missing/out: no such file or directory")
    assert os.listdir(tmp_path) == ["out"]
