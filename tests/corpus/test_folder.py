"""What is kept of a corpus that is not done."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from xlmcli.corpus.files import CorpusFile
from xlmcli.corpus.folder import CorpusFolder, Failures
from xlmcli.corpus.pieces import FilePiece
from xlmcli.corpus.shards import Sharding
from xlmcli.errors import DataError, UsageError

JOB = {"--lang": "en", "model": "abc"}


@pytest.fixture
def folder(tmp_path: Path) -> CorpusFolder:
    return CorpusFolder(tmp_path / "out")


def file(name: str, time: int = 1) -> CorpusFile:
    return CorpusFile(Path("/in", name), name, 10, time)


def piece(name: str, start: int = 0, end: int = 10) -> FilePiece:
    return FilePiece(f"/in/{name}", name, start, end, is_whole=False)


def do(folder: CorpusFolder, piece: FilePiece) -> None:
    folder.begin_try(piece)
    folder.piece_path(piece).write_text(f"{piece.start}\n")


def begin(folder: CorpusFolder, *files: CorpusFile) -> None:
    with folder.locked():
        folder.begin(JOB, files)


def test_pieces_are_put_together_in_their_order(folder: CorpusFolder) -> None:
    begin(folder, file("sub/a.txt"))
    pieces = [piece("sub/a.txt", start, start + 5) for start in (0, 5, 100)]
    for one in reversed(pieces):
        assert not folder.is_piece_done(one)
        do(folder, one)
        assert folder.is_piece_done(one)
    assert not folder.is_done(file("sub/a.txt"))
    folder.finish(pieces)
    assert folder.is_done(file("sub/a.txt"))
    assert (folder.path / "sub/a.txt").read_text() == "0\n5\n100\n"
    assert not list((folder.path / ".xlm-corpus").rglob("0*"))


@pytest.mark.parametrize("name", ["failed.jsonl", ".xlm-corpus"])
def test_an_output_is_not_called_as_what_is_kept(folder: CorpusFolder, name: str) -> None:
    with pytest.raises(UsageError, match="another use"):
        folder.check(JOB, [file(name)])
    folder.check(JOB, [file(f"sub/{name}")])


def test_shards_are_there_once_all_are(folder: CorpusFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    sharded = CorpusFolder(folder.path, Sharding(2))
    begin(sharded, file("sub/a.txt"))
    pieces = [piece("sub/a.txt", start, start + 5) for start in (0, 5, 100)]
    for one in pieces:
        do(sharded, one)
    with monkeypatch.context() as context:
        replace, first = Path.replace, folder.path / "sub/a-00000.txt"

        def interrupted(path: Path, target: Path) -> Path:
            if target == first:
                raise KeyboardInterrupt
            return replace(path, target)

        context.setattr(Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sharded.finish(pieces)
    assert not sharded.is_done(file("sub/a.txt"))
    sharded.finish(pieces)
    assert sharded.is_done(file("sub/a.txt"))
    shards = {path.name: path.read_text() for path in (folder.path / "sub").iterdir()}
    assert shards == {"a-00000.txt": "0\n5\n", "a-00001.txt": "100\n"}
    assert not list((folder.path / ".xlm-corpus/pieces").rglob("*.txt"))


def test_tries_are_counted_in_one_run(folder: CorpusFolder) -> None:
    begin(folder, file("a.txt"))
    assert [folder.begin_try(piece("a.txt")) for _ in range(3)] == [1, 2, 3]
    begin(folder, file("a.txt"))
    assert folder.begin_try(piece("a.txt")) == 1


def test_another_job_is_refused(folder: CorpusFolder) -> None:
    begin(folder, file("a.txt"))
    folder.check(JOB, [file("a.txt"), file("b.txt")])
    with pytest.raises(UsageError, match=r"has the outputs of another job: --lang was en, is fr$"):
        folder.check({**JOB, "--lang": "fr"}, [file("a.txt")])


def test_a_changed_file_is_refused_where_something_is_done(folder: CorpusFolder) -> None:
    begin(folder, file("a.txt"))
    folder.check(JOB, [file("a.txt", time=2)])
    do(folder, piece("a.txt"))
    for _ in range(2):
        with pytest.raises(UsageError, match=r"^/in/a\.txt has changed since it was answered"):
            folder.check(JOB, [file("a.txt", time=2)])
        if not folder.is_done(file("a.txt")):
            folder.finish([piece("a.txt")])


def test_files_of_others_are_not_overwritten(folder: CorpusFolder) -> None:
    folder.path.mkdir()
    (folder.path / "a.txt").write_text("mine\n")
    with pytest.raises(DataError, match="is there already"):
        folder.check(JOB, [file("a.txt")])


def test_a_damaged_job_is_refused(folder: CorpusFolder) -> None:
    begin(folder, file("a.txt"))
    (folder.path / ".xlm-corpus/job.json").write_text("[]")
    with pytest.raises(DataError, match=r"job\.json is damaged"):
        folder.check(JOB, [file("a.txt")])


def test_a_second_process_is_kept_off(folder: CorpusFolder) -> None:
    with folder.locked(), pytest.raises(DataError, match="is writing into"), CorpusFolder(folder.path).locked():
        pass


def test_failures_are_listed_at_once(folder: CorpusFolder) -> None:
    begin(folder, file("a.txt"))
    with folder.failures() as failures:
        failures.add(piece("a.txt", 5), "no\nUTF-8")
        (line,) = failures.path.read_text().splitlines()
        assert json.loads(line) == {
            "input": "/in/a.txt", "output": "a.txt", "start": 5, "end": 10, "error": "no\nUTF-8",
        }  # fmt: skip
    with folder.failures() as failures:
        assert not failures.path.exists()


def test_names_that_are_no_utf8_are_told(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9 \xc3\xa9.txt")
    failures = Failures(tmp_path / "failed.jsonl")
    failures.add(piece(name), "not read")
    failures.close()
    (told,) = map(json.loads, (tmp_path / "failed.jsonl").read_text(encoding="utf-8").splitlines())
    assert os.fsencode(told["input"]) == os.fsencode(f"/in/{name}")
