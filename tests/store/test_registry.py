"""What ``xlm models`` says and does with models that are here."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xlmcli.bundle import embedded_models, find_model, finding, open_bundle
from xlmcli.bundle.choosing import find_translator
from xlmcli.errors import DataError, ExitCode, ModelError
from xlmcli.records import Direction
from xlmcli.store.origin import Origin, read_origin, write_origin
from xlmcli.store.registry import get_model
from xlmcli.store.report import format_bytes, format_models_json, format_models_text

Run = Callable[..., tuple[int, str, str]]
ORIGIN = Origin(
    repository="team/other",
    endpoint="https://hub.example",
    revision="main",
    commit="c0ffee" * 6 + "c0ff",
    licence="cc-by-nc-4.0",
    pulled_at="2026-01-02T03:04:05+00:00",
    kind="bundle",
)
HERE = [*embedded_models(), "other"]


@pytest.fixture
def other(home: Path) -> Path:
    """A pulled model named "other"."""
    folder = Path(shutil.copytree(embedded_models()["en-fr"], home / "models/other"))
    write_origin(ORIGIN, folder)
    return folder


def test_an_origin_is_read_as_it_was_written(tmp_path: Path) -> None:
    for origin in (ORIGIN, replace(ORIGIN, licence=None, kind="checkpoint")):
        write_origin(origin, tmp_path)
        assert read_origin(tmp_path) == origin


def test_list_is_a_table(xlm: Run, other: Path) -> None:
    code, out, err = xlm("models", "list")
    assert (code, err) == (ExitCode.OK, "")
    assert [line.split()[0] for line in out.splitlines()] == ["NAME", *HERE]
    assert out.splitlines()[1].endswith("  embedded")
    assert "  en-fr,fr-en  " in out
    assert out.splitlines()[-1].endswith("  team/other")


def test_list_of_directions(xlm: Run, other: Path) -> None:
    code, out, err = xlm("models", "list", "--directions")
    assert (code, err) == (ExitCode.OK, "")
    assert out.startswith("en-fr\ten-fr\nfr-en\ten-fr\n")
    found = dict(line.split("\t") for line in out.splitlines())
    assert len(found) == len(out.splitlines())
    assert {(name, find_translator(None, *direction.split("-"))) for direction, name in found.items()} == {
        (name, embedded_models()[name]) for name in ("en-fr", "six")
    }
    assert xlm("models", "list", "--directions", "--format", "json")[0] == ExitCode.USAGE


def test_list_as_json(xlm: Run, other: Path) -> None:
    embedded, *_, pulled = json.loads(xlm("models", "list", "--format", "json")[1])
    assert (embedded["name"], embedded["embedded"], embedded["origin"]) == ("en-fr", True, None)
    assert (pulled["name"], pulled["embedded"], pulled["path"]) == ("other", False, str(other))
    assert pulled["directions"] == ["en-fr", "fr-en"]
    assert pulled["origin"]["commit"] == ORIGIN.commit
    assert pulled["num_bytes"] == sum(path.stat().st_size for path in other.iterdir())


def test_a_damaged_manifest_is_listed_as_such(xlm: Run, other: Path) -> None:
    (other / "xlm.json").write_text("{")
    code, out, _ = xlm("models", "list")
    assert code == ExitCode.OK
    assert out.splitlines()[-1].startswith("other      damaged")
    assert "not valid JSON" in json.loads(xlm("models", "list", "--format", "json")[1])[-1]["problem"]


def test_a_model_whose_origin_is_damaged_is_listed_as_pulled(xlm: Run, other: Path) -> None:
    (other / "origin.json").write_text("{")
    assert xlm("models", "list")[1].splitlines()[-1].endswith("  ?")
    model = json.loads(xlm("models", "list", "--format", "json")[1])[-1]
    assert (model["embedded"], model["origin"], model["task"]) == (False, None, "translate")
    assert "origin.json: not valid JSON" in model["problem"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"directions": (Direction("en", "fr"),)}, "en-fr"),
        ({"directions": tuple(Direction("en", code) for code in "abcde")}, "5 directions"),
        ({"sources": ("en", "fr"), "targets": ("en", "fr")}, "between en,fr"),
        ({"sources": tuple("abcdef"), "targets": tuple("abcdef")}, "between 6 languages"),
        ({"sources": ("en",), "targets": tuple("abcdef")}, "en to 6 languages"),
        ({"sources": tuple("abcdef"), "targets": ("en", "fr")}, "6 languages to en,fr"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_directions_of_all_kinds(changes: dict[str, Any], told: str) -> None:
    model = get_model("en-fr")
    assert model.manifest is not None
    assert model.manifest.translation is not None
    part = replace(model.manifest.translation, **{"directions": (), **changes})
    many = replace(model, manifest=replace(model.manifest, translation=part))
    assert f"  translate  {told}  " in format_models_text([many])
    [document] = json.loads(format_models_json([many]))
    assert document["directions"] == list(map(str, part.directions))
    assert (document["sources"], document["targets"]) == (list(part.sources), list(part.targets))


@pytest.mark.parametrize(("languages", "told"), [({}, "not said"), ({"en": 0, "fr": 1}, "en,fr")])
def test_languages_of_an_encoder(languages: dict[str, int], told: str) -> None:
    model = get_model("en-fr")
    assert model.manifest is not None
    manifest = replace(model.manifest, task="encode", translation=None, languages=languages)
    assert f"  encode  {told}  " in format_models_text([replace(model, manifest=manifest)])


def test_what_is_half_written_is_not_there(xlm: Run, other: Path) -> None:
    other.rename(other.with_name(".other.12345678.partial"))
    (other.parent / "empty").mkdir()
    assert "other" not in xlm("models", "list")[1]
    with pytest.raises(ModelError, match="no model named 'other'"):
        find_model("other")


def test_show_tells_what_it_is_and_where_it_came_from(xlm: Run, other: Path) -> None:
    code, out, _ = xlm("models", "show", "other")
    assert code == ExitCode.OK
    assert out.startswith(f"{other}: bundle, translate\n")
    assert f"  pulled from https://hub.example/team/other, main (commit {ORIGIN.commit})\n" in out
    document = json.loads(xlm("models", "show", "other", "--format", "json")[1])
    assert document["origin"]["repository"] == "team/other"
    assert document["bundle"]["hashes_ok"] is True


def test_show_of_an_altered_model_is_an_error(xlm: Run, other: Path) -> None:
    (other / "config.json").write_text("{}")
    code, out, err = xlm("models", "show", "other")
    assert (code, out) == (ExitCode.MODEL, "")
    assert "config.json was altered" in err


@pytest.mark.parametrize("command", ["show", "verify", "remove", "path"])
def test_an_unknown_name_lists_what_is_here(xlm: Run, other: Path, command: str) -> None:
    code, out, err = xlm("models", command, "nothing")
    assert (code, out) == (ExitCode.MODEL, "")
    assert "no model named 'nothing' is here" in err
    assert f"here are {', '.join(HERE)}" in err


@pytest.mark.parametrize(("name", "near"), [("othr", "other"), ("EN-FR", "en-fr"), ("team/other", "other")])
def test_the_nearest_name_is_suggested(xlm: Run, other: Path, name: str, near: str) -> None:
    assert f"hint: did you mean {near}? here are {', '.join(HERE)}" in xlm("models", "path", name)[2]
    assert f"hint: did you mean {near}? embedded models: " in xlm("info", name)[2]


@pytest.mark.parametrize(
    ("command", "typed", "offered"),
    [
        ("show", "", HERE),
        ("path", "o", ["other"]),
        ("verify", "e", ["en-fr"]),
        ("remove", "", ["other"]),
    ],
)
def test_names_are_completed(
    xlm: Run, other: Path, monkeypatch: pytest.MonkeyPatch, command: str, typed: str, offered: list[str]
) -> None:
    monkeypatch.setenv("_XLM_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"xlm models {command} {typed}")
    monkeypatch.setenv("COMP_CWORD", "3")
    assert xlm()[1].splitlines() == [f"plain,{name}" for name in offered]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("translate -m o", ["plain,other"]),
        ("classify --model ", [f"plain,{name}" for name in HERE]),
        ("eval translate -m e", ["plain,en-fr"]),
        ("info runs/", ["file,runs/"]),
    ],
)
def test_models_are_completed_by_name_and_else_by_path(
    xlm: Run, other: Path, monkeypatch: pytest.MonkeyPatch, words: str, offered: list[str]
) -> None:
    monkeypatch.setenv("_XLM_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"xlm {words}")
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ") + 1))
    assert xlm()[1].splitlines() == offered


def test_a_folder_that_this_user_may_not_look_into(xlm: Run, other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> Iterator[Path]:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    monkeypatch.setattr(Path, "iterdir", refuse)
    monkeypatch.setattr(finding, "embedded_models", dict)
    with pytest.raises(DataError, match=f"{other.parent}: the folder of pulled models cannot be read") as caught:
        find_model("other")
    assert caught.value.hint == "XLM_HOME names another place"


def test_verify_says_it_of_each(xlm: Run, other: Path) -> None:
    assert xlm("models", "verify") == (ExitCode.OK, "".join(f"{name}\tunaltered\n" for name in HERE), "")
    (other / "model.bin").unlink()
    code, out, err = xlm("models", "verify", "--format", "json")
    first, *_, last = json.loads(out)
    assert code == ExitCode.MODEL
    assert first == {"name": "en-fr", "path": str(embedded_models()["en-fr"]), "ok": True, "problem": None}
    assert (last["name"], last["ok"]) == ("other", False)
    assert "model.bin is missing" in last["problem"]
    assert "damaged: other" in err


@pytest.mark.parametrize("name", embedded_models())
def test_a_pulled_model_with_the_name_of_an_embedded_one_is_looked_at_itself(xlm: Run, other: Path, name: str) -> None:
    pulled = other.rename(other.with_name(name))
    (pulled / "model.bin").unlink()
    for names in ((), (name,)):
        code, out, err = xlm("models", "verify", *names, "--format", "json")
        found = {item["path"]: item["ok"] for item in json.loads(out) if item["name"] == name}
        assert (code, found) == (ExitCode.MODEL, {str(embedded_models()[name]): True, str(pulled): False})
        assert f"damaged: {name}" in err
    assert json.loads(xlm("models", "show", name, "--format", "json")[1])["path"] == str(find_model(name))
    assert xlm("models", "remove", name)[0] == ExitCode.OK
    assert not pulled.exists()
    assert xlm("models", "verify", name) == (ExitCode.OK, f"{name}\tunaltered\n", "")


def test_remove(xlm: Run, other: Path) -> None:
    code, out, err = xlm("models", "remove", "other", "other")
    assert (code, out) == (ExitCode.OK, "")
    assert err == "removed other: 16 MB\n"
    assert not any(other.parent.iterdir())


def test_remove_as_json(xlm: Run, other: Path) -> None:
    num_bytes = sum(path.stat().st_size for path in other.iterdir())
    _, out, _ = xlm("models", "remove", "other", "--format", "json")
    assert json.loads(out) == {"removed": ["other"], "num_bytes": num_bytes}


def test_remove_takes_all_or_none(xlm: Run, other: Path) -> None:
    assert xlm("models", "remove", "other", "nothing")[0] == ExitCode.MODEL
    code, _, err = xlm("models", "remove", "other", "en-fr")
    assert code == ExitCode.USAGE
    assert "en-fr is part of the program" in err
    assert other.is_dir()
    assert xlm("models", "remove")[0] == ExitCode.USAGE


def test_remove_unfinished(xlm: Run, other: Path, home: Path) -> None:
    left = (home / "downloads/team--x/abc/model.bin.partial", home / "models/.x.12.partial/model.bin")
    for path in left:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x" * 500)
    code, _, err = xlm("models", "remove", "--unfinished")
    assert (code, err) == (ExitCode.OK, "removed unfinished downloads: 1 kB\n")
    assert not any(path.exists() for path in left)
    assert other.is_dir()


def test_what_a_killed_pull_left_aside_is_put_back_unless_there_is_a_new_one(xlm: Run, other: Path) -> None:
    shutil.copytree(other, other.with_name(".lost.xlm-old"))
    shutil.copytree(other, other.with_name(".other.xlm-old"))
    assert xlm("models", "remove", "--unfinished")[0] == ExitCode.OK
    assert sorted(path.name for path in other.parent.iterdir()) == ["lost", "other"]


def test_path(xlm: Run, other: Path, home: Path) -> None:
    assert xlm("models", "path", "other") == (ExitCode.OK, f"{other}\n", "")
    assert xlm("models", "path") == (ExitCode.OK, f"{home / 'models'}\n", "")
    document = json.loads(xlm("models", "path", "en-fr", "--format", "json")[1])
    assert document == {"name": "en-fr", "path": str(embedded_models()["en-fr"])}


def test_models_are_found_in_order(other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = tmp_path / "work"
    (work / "other").mkdir(parents=True)
    monkeypatch.chdir(work)
    assert find_model("other") == other  # A folder that merely has its name does not hide it.
    (work / "other/config.json").write_text("{}")
    (work / "other/model.safetensors").write_text("")
    assert find_model("other") == Path("other")  # A checkpoint does,
    (work / "other/xlm.json").write_text("{}")
    assert find_model("other") == Path("other")  # and so does a bundle.
    shutil.copytree(other, other.with_name("en-fr"))
    assert find_model("en-fr") == embedded_models()["en-fr"]
    assert open_bundle(other).name == "other"


@pytest.mark.parametrize(("name", "told"), [("team/x", "xlm models pull team/x"), ("x", "a bundle's path will do too")])
def test_an_unknown_model_is_told_how_to_get_it(other: Path, name: str, told: str) -> None:
    with pytest.raises(ModelError, match="no model named") as caught:
        find_model(name)
    assert caught.value.hint is not None
    assert "pulled models: other" in caught.value.hint
    assert told in caught.value.hint


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (999_600, "1 MB"),
        (13_400_000, "13 MB"),
        (2_660_000_000, "2.7 GB"),
    ],
)
def test_sizes_are_read_by_people(num_bytes: int, text: str) -> None:
    assert format_bytes(num_bytes) == text
