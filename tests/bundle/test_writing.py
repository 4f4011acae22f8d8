from __future__ import annotations

import hashlib
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from xlmcli.bundle import new_bundle, open_bundle, seal
from xlmcli.errors import ExitCode, ModelError, UsageError


def _write(path: Path, content: str, *, force: bool = False) -> None:
    with new_bundle(path, force=force) as folder:
        (folder / "xlm.json").write_text(content)


def _tree(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


def test_a_bundle_appears_when_the_block_ends(tmp_path: Path) -> None:
    with new_bundle(tmp_path / "deep" / "b") as folder:
        (folder / "xlm.json").write_text("new")
        assert not (tmp_path / "deep" / "b").exists()
    assert _tree(tmp_path) == {"deep/b/xlm.json": "new"}
    plain = tmp_path / "plain"
    plain.mkdir()
    assert stat.S_IMODE((tmp_path / "deep" / "b").stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_what_is_there_is_not_replaced_without_force(tmp_path: Path) -> None:
    _write(tmp_path / "b", "old")
    with pytest.raises(UsageError, match="exists already") as caught:
        _write(tmp_path / "b", "new")
    assert "--force" in (caught.value.hint or "")
    assert caught.value.exit_code == ExitCode.USAGE
    assert _tree(tmp_path) == {"b/xlm.json": "old"}


def test_the_old_bundle_is_whole_until_the_new_one_is(tmp_path: Path) -> None:
    _write(tmp_path / "b", "old")
    with new_bundle(tmp_path / "b", force=True) as folder:
        (folder / "xlm.json").write_text("new")
        assert (tmp_path / "b" / "xlm.json").read_text() == "old"
    assert _tree(tmp_path) == {"b/xlm.json": "new"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["b"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, SystemExit])
@pytest.mark.parametrize("occupied", [True, False])
def test_an_interrupted_write_leaves_nothing(tmp_path: Path, error: type[BaseException], occupied: bool) -> None:
    if occupied:
        _write(tmp_path / "b", "old")

    def write_half() -> None:
        with new_bundle(tmp_path / "b", force=True) as folder:
            (folder / "xlm.json").write_text("half")
            raise error

    with pytest.raises(error):
        write_half()
    assert _tree(tmp_path) == ({"b/xlm.json": "old"} if occupied else {})
    assert [entry.name for entry in tmp_path.iterdir()] == (["b"] if occupied else [])


def test_a_failed_rename_puts_the_old_bundle_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path / "b", "old")
    rename = Path.rename

    def fail_for_the_new_one(self: Path, target: Path) -> Path:
        if self.name.endswith("-partial"):
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new_one)
    with pytest.raises(ModelError, match=r"cannot be written \(No space left on device\)"):
        _write(tmp_path / "b", "new", force=True)
    assert _tree(tmp_path) == {"b/xlm.json": "old"}


def test_someone_elses_folder_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("years of work")
    with pytest.raises(UsageError, match="is not a bundle: not replaced"):
        _write(tmp_path / "thesis", "new", force=True)
    assert _tree(tmp_path) == {"thesis/chapter1.tex": "years of work"}


@pytest.mark.parametrize("name", ["notes.txt", "sub/model.bin", "config.json/x"])
def test_a_bundle_with_other_files_in_it_is_never_replaced(tmp_path: Path, name: str) -> None:
    strange = tmp_path / "b" / name
    strange.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "b" / "xlm.json").write_text("old")
    strange.write_text("mine")
    with pytest.raises(UsageError, match=f"holds {name.split('/')[0]}, which is no part of a bundle"):
        _write(tmp_path / "b", "new", force=True)
    assert _tree(tmp_path) == {"b/xlm.json": "old", f"b/{name}": "mine"}


@pytest.mark.parametrize("name", ["NOTICE", "sentencepiece.bpe.model"])
def test_what_the_old_manifest_lists_is_a_part(tiny_bundle: Path, tmp_path: Path, name: str) -> None:
    old = Path(shutil.copytree(tiny_bundle, tmp_path / "b"))
    (old / name).write_text("as it came")
    with pytest.raises(UsageError, match=f"holds {name}, which is no part of a bundle"):
        _write(old, "new", force=True)
    seal(old, open_bundle(tiny_bundle).manifest)
    _write(old, "new", force=True)
    assert _tree(tmp_path) == {"b/xlm.json": "new"}


def test_an_engine_folder_of_others_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "ct2").mkdir()
    (tmp_path / "ct2" / "model.bin").write_text("weights")
    (tmp_path / "ct2" / "shared_vocabulary.json").write_text('["<unk>", "<s>", "</s>"]')
    before = _tree(tmp_path)
    with pytest.raises(UsageError, match="is not a bundle: not replaced"):
        _write(tmp_path / "ct2", "new", force=True)
    assert _tree(tmp_path) == before


def test_a_folder_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    def write_while_another_does() -> None:
        with new_bundle(tmp_path / "b") as folder:
            (folder / "xlm.json").write_text("mine")
            _write(tmp_path / "b", "theirs")

    with pytest.raises(UsageError, match="exists already"):
        write_while_another_does()
    assert _tree(tmp_path) == {"b/xlm.json": "theirs"}


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    _write(tmp_path / "b", "new")
    assert _tree(tmp_path) == {"b/xlm.json": "new"}


def test_the_folder_that_one_is_in_may_be_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path / "b")
    _write(Path(), "new")
    assert _tree(tmp_path) == {"b/xlm.json": "new"}


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match="cannot be written"):
        _write(tmp_path / "file" / "b", "new")


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("x")
    with pytest.raises(UsageError, match="exists"):
        _write(tmp_path / "b", "new", force=True)


def test_sealing_hashes_every_file(tiny_bundle: Path, tmp_path: Path) -> None:
    manifest = open_bundle(tiny_bundle).manifest
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "b.txt").write_text("two")
    sealed = seal(tmp_path, manifest)
    assert sealed.files == {
        "a.txt": hashlib.sha256(b"one").hexdigest(),
        "b.txt": hashlib.sha256(b"two").hexdigest(),
    }
    assert set(manifest.files) == {entry.name for entry in tiny_bundle.iterdir()} - {"xlm.json"}


@pytest.mark.parametrize("name", ["a", "a" * 44, "a" * 50, "a" * 200, "\N{GRINNING FACE}" * 50, "\udcff" * 51])
def test_a_run_that_was_killed_costs_no_bundle_of_a_similar_name(tmp_path: Path, name: str) -> None:
    _write(tmp_path / f"{name}-int8", "old")
    script = "import os, sys; from pathlib import Path; from xlmcli.bundle import new_bundle\n"
    script += "rename = Path.rename\n"
    script += "Path.rename = lambda *paths: os._exit(9) if paths[0].suffix == '.xlm-partial' else rename(*paths)\n"
    script += "with new_bundle(Path(sys.argv[1]), force=True) as folder: (folder / 'xlm.json').touch()"
    assert subprocess.run([sys.executable, "-c", script, tmp_path / f"{name}-int8"]).returncode == 9
    assert not (tmp_path / f"{name}-int8").exists()
    _write(tmp_path / f"{name}-float32", "new")
    with pytest.raises(UsageError, match="exists already"):
        _write(tmp_path / f"{name}-int8", "newer")
    assert _tree(tmp_path) == {f"{name}-int8/xlm.json": "old", f"{name}-float32/xlm.json": "new"}


@pytest.mark.parametrize("is_there", [True, False])
def test_a_run_that_was_killed_between_two_renames_costs_no_bundle(tmp_path: Path, is_there: bool) -> None:
    _write(tmp_path / ("b" if is_there else "c"), "new")
    _write(tmp_path / ".b.xlm-old", "old")
    with pytest.raises(UsageError, match="exists already"):
        _write(tmp_path / "b", "newer")
    assert (tmp_path / "b" / "xlm.json").read_text() == ("new" if is_there else "old")
    assert not (tmp_path / ".b.xlm-old").exists()
