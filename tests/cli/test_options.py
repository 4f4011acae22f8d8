from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import click
import pytest
from click.testing import CliRunner, Result

from xlmcli.cli.options import (
    BUDGET,
    DIRECTION,
    DURATION,
    FILE,
    MODEL,
    MONOLINGUAL,
    OUTPUT,
    PARALLEL,
    AugmentationType,
    FiniteRange,
    SingleOption,
    config_option,
    require_extra,
)
from xlmcli.cli.streams.options import format_as_named
from xlmcli.documents.formats import DOCUMENT_FORMATS
from xlmcli.errors import DataError, MissingExtraError, UsageError
from xlmcli.records import Direction
from xlmcli.tables import FormatName
from xlmcli.text.augmentation import Augmentation

AUGMENTATION = AugmentationType()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90m", 5400),
        ("2h", 7200),
        ("30s", 30),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("1d", 86400),
        ("1h 5s", 3605),
        (20, 20),
    ],
)
def test_durations(text: str | int, seconds: float) -> None:
    assert DURATION.convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "90", "m", "-5m", "5 minutes", "1.h", "5m3", -5, float("nan"), float("inf")])
def test_what_is_no_duration_is_said(text: str | float) -> None:
    with pytest.raises(click.BadParameter, match="is not a duration"):
        DURATION.convert(text, None, None)


@pytest.mark.parametrize("text", ["0s", "0m", "0h0s", 0])
def test_a_budget_is_some_time(text: str | int) -> None:
    assert DURATION.convert(text, None, None) == 0
    with pytest.raises(click.BadParameter, match="no time at all"):
        BUDGET.convert(text, None, None)


@pytest.mark.parametrize("kind", [FILE, OUTPUT, MODEL])
def test_an_empty_path_is_not_the_working_folder(kind: click.ParamType) -> None:
    with pytest.raises(click.BadParameter, match="it is empty"):
        kind.convert("", None, None)


TABLES = get_args(FormatName)


@pytest.mark.parametrize(
    ("names", "formats", "expected"),
    [
        ("", TABLES, "text"),
        ("a.txt b - c.md", TABLES, "text"),
        ("a.csv b.CSV.gz", TABLES, "csv"),
        ("a.tsv", TABLES, "tsv"),
        ("a.jsonl b.ndjson.zst c.json", TABLES, "jsonl"),
        ("a.parquet", TABLES, "parquet"),
        ("a.json", (*TABLES, *DOCUMENT_FORMATS), "json"),
        ("a.srt", (*TABLES, *DOCUMENT_FORMATS), "srt"),
    ],
)
def test_files_are_read_as_they_are_named(names: str, formats: Sequence[str], expected: str) -> None:
    assert format_as_named([Path(name) for name in names.split()], formats) == expected


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("a.csv b.txt", "a.csv is read as csv, and b.txt as text"),
        ("- a.tsv", "- is read as text, and a.tsv as tsv"),
        ("a.po", "a.po: po is not read here, but by xlm translate"),
        ("a.txt b.html", "b.html: html is not read here, but by xlm translate"),
    ],
)
def test_names_that_promise_something_else_are_said(names: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        format_as_named([Path(name) for name in names.split()], TABLES)
    assert "--format" in str(caught.value.hint)


def test_a_single_option_is_given_once(tmp_path: Path) -> None:
    @click.command(name="show")
    @click.option("--column", "-c", cls=SingleOption, default="1")
    @config_option
    def show(column: str) -> None:
        click.echo(column)

    config = tmp_path / "options.toml"
    config.write_text('column = "7"\n')
    for args, expected in ([], "1"), (["--column", ""], ""), (["-c", "x"], "x"), (["--config", str(config)], "7"):
        result = CliRunner().invoke(show, args)
        assert (result.exit_code, result.output) == (0, f"{expected}\n")
    result = CliRunner().invoke(show, ["-c", "a", "--column", "b"])
    assert isinstance(result.exception, UsageError)
    assert result.exception.message == "--column is given twice: a and b"


@pytest.mark.parametrize("text", ["nan", "inf", "1e999"])
def test_what_is_no_number_is_said(text: str) -> None:
    assert FiniteRange(0).convert("1e3", None, None) == 1000
    with pytest.raises(click.BadParameter, match=f"'{text}' is not a number"):
        FiniteRange(0).convert(text, None, None)


def test_sources_have_the_number_of_languages_asked_for() -> None:
    assert MONOLINGUAL.convert("en=a", None, None).langs == ("en",)
    assert PARALLEL.convert("en-fr=a", None, None).langs == ("en", "fr")
    with pytest.raises(click.BadParameter, match="LANG=FILE"):
        MONOLINGUAL.convert("en-fr=a", None, None)
    with pytest.raises(click.BadParameter, match="LANG-LANG=FILE"):
        PARALLEL.convert("en=a", None, None)


def test_augmentations() -> None:
    read = AUGMENTATION.convert("typos=0.5", None, None)
    assert read == Augmentation("typos", 0.5)
    assert AUGMENTATION.convert(read, None, None) is read
    with pytest.raises(UsageError, match="no augmentation 'noise'"):
        AUGMENTATION.convert("noise=1", None, None)


def test_directions() -> None:
    assert DIRECTION.convert("en-fr", None, None) == Direction("en", "fr")


def test_missing_extra_says_how_to_install_it() -> None:
    require_extra("train", "json")
    with pytest.raises(MissingExtraError, match="needs no_such_module") as caught:
        require_extra("train", "json", "no_such_module")
    assert caught.value.hint == "pip install 'xlmcli[train]'"


@click.group()
def root() -> None:
    """The program."""


@root.group()
def cook() -> None:
    """A group."""


@cook.command()
@click.option("--max-time", type=DURATION, default="1s")
@click.option("--egg", "-e", "eggs", multiple=True)
@click.option("--salt/--no-salt", default=False)
@click.option("--layers", type=click.IntRange(1, 9), required=True)
@config_option
def cake(max_time: float, eggs: tuple[str, ...], salt: bool, layers: int) -> None:
    """Prints its options."""
    click.echo(json.dumps([max_time, eggs, salt, layers]))


def bake(config: Path, *args: str) -> Result:
    return CliRunner().invoke(root, ["cook", "cake", "--config", str(config), *args], catch_exceptions=True)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text('[cook.cake]\nmax-time = "2m"\negg = ["a", "b"]\nsalt = true\nlayers = 3\n[cook.bread]\nx = 1\n')
    return path


def test_config_gives_defaults(config: Path) -> None:
    assert json.loads(bake(config).output) == [120, ["a", "b"], True, 3]


def test_command_line_wins(config: Path) -> None:
    done = bake(config, "--layers", "4", "-e", "c", "--no-salt", "--max-time", "3s")
    assert json.loads(done.output) == [3, ["c"], False, 4]


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("[cook.cake]\nflour = 1", UsageError, r"recipe\.toml: \[cook\.cake\] flour: xlm cook cake has no such option"),
        ("[cook.cake]\neggs = ['a']", UsageError, "eggs: xlm cook cake has no such option"),
        ("[cook.cake]\nconfig = 'x'", UsageError, "config: xlm cook cake has no such option"),
        ("[cook.cake]\nlayers = 20", UsageError, r"\[cook\.cake\] layers: 20 is not in the range 1<=x<=9"),
        ("[cook.cake]\nlayers = 'many'", UsageError, r"layers: 'many' is not a valid integer"),
        ("[cook.cake]\nlayers = 1.9", UsageError, r"layers: '1\.9' is not a valid integer"),
        ("[cook.cake]\nlayers = [1]", UsageError, r"layers: expected one value, found \[1\]"),
        ("[cook.cake]\nlayers = true", UsageError, "layers: expected a value, found True"),
        ("[cook.cake]\negg = 'a'", UsageError, "egg: expected a list, found 'a'"),
        ("[cook.cake]\nsalt = 1", UsageError, "salt: expected true or false, found 1"),
        ("[cook.cake]\nmax-time = 'soon'", UsageError, "max-time: 'soon' is not a duration"),
        ("[cook.bread]\nx = 1", UsageError, r"recipe\.toml: no table \[cook\.cake\]"),
        ("", UsageError, r"no table \[cook\.cake\]"),
        ("cook = 1", UsageError, r"no table \[cook\.cake\]"),
        ("[cook", DataError, r"recipe\.toml: not TOML"),
        (f"[cook.cake]\neggs = {'9' * 5000}", DataError, r"recipe\.toml: not TOML"),
        (f"[cook.cake]\neggs = {'[' * 9000}", DataError, r"recipe\.toml: not TOML"),
        (f"[cook.cake]\n{'a.' * 9000}a = 1", DataError, r"recipe\.toml:2: a line of over 10,000 characters"),
        ("[cook.cake]\neggs = 1979-05-27", UsageError, r"recipe\.toml: eggs is a date or a time"),
    ],
)
def test_config_errors_name_the_place(tmp_path: Path, content: str, error: type[Exception], message: str) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(content)
    done = bake(path, "--layers", "1")
    with pytest.raises(error, match=message):
        raise done.exception


def test_missing_table_lists_those_there_are(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("[pretrain]\nx = 1\n[train.translate]\ny = 1\n")
    done = bake(path)
    assert isinstance(done.exception, UsageError)
    assert done.exception.hint == "the file has [pretrain], [train.translate]"


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_unreadable_config_is_a_data_error(tmp_path: Path, name: str) -> None:
    done = bake(tmp_path / name)
    assert isinstance(done.exception, DataError)
    assert re.search("cannot read|no such file", done.exception.message)
