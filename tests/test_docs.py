"""README, guides, changelog, help texts, man pages and completions say what the program does."""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.shell_completion import BashComplete

from docs import blocks, curves, picture
from docs.pages import iter_pages
from xlmcli import __version__
from xlmcli.bundle import find_model, read_manifest
from xlmcli.cli import COMMANDS, main
from xlmcli.errors import ExitCode

REPOSITORY = Path(__file__).parent.parent
PAGES = {page.stem: page.read_text(encoding="utf-8") for page in blocks.PAGES}
CHANGELOG = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")


def iter_commands(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from iter_commands(child, (*words, name))


@pytest.fixture(
    scope="module", params=[(), *((name,) for name in COMMANDS)], ids=lambda words: " ".join(("xlm", *words))
)
def commands(request: pytest.FixtureRequest) -> list[tuple[tuple[str, ...], click.Command]]:
    """A command of ``xlm`` with its subcommands, or ``xlm`` itself alone."""
    if not request.param:
        return [(("xlm",), main)]
    command = main.get_command(click.Context(main), request.param[0])
    assert command is not None
    return list(iter_commands(command, ("xlm", *request.param)))


def test_every_command_has_help_with_an_example(commands: list[tuple[tuple[str, ...], click.Command]]) -> None:
    for words, command in commands:
        help_text = inspect.cleandoc(command.help or "")
        assert re.search(r"^Examples?:$", help_text, re.MULTILINE), words
        examples = help_text[help_text.index("Example") :]
        assert " ".join(words) in examples, words


def test_every_option_has_help(commands: list[tuple[tuple[str, ...], click.Command]]) -> None:
    for words, command in commands:
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, f"{' '.join(words)} {option.opts[0]}"


def test_no_whole_number_is_without_bounds(commands: list[tuple[tuple[str, ...], click.Command]]) -> None:
    """Absurd numbers of anything are refused before they fill the memory."""
    for words, command in commands:
        for option in command.params:
            kind = option.type
            assert type(kind) is not type(click.INT), f"{words}: {option.name}"
            if isinstance(kind, click.IntRange):
                assert None not in (kind.min, kind.max), f"{words}: {option.name}"


def test_the_table_of_commands_names_them_as_they_name_themselves() -> None:
    assert list(COMMANDS) == main.list_commands(click.Context(main))
    assert all(entry.summary.endswith(".") for entry in COMMANDS.values())


def test_exit_codes_are_the_exit_codes() -> None:
    section = PAGES["formats-and-exit-codes"].split("## Exit codes", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", section, re.MULTILINE)
    assert [int(code) for code, _ in rows] == [int(code) for code in ExitCode]


def test_readme_begins_with_the_two_commands() -> None:
    first, second, *_ = blocks.read_blocks(REPOSITORY / "README.md")
    assert first.text == 'pip install . && echo "Where is the station?" | xlm translate --src en --tgt fr\n'
    assert second.text == "make test\n"


def test_readme_is_short() -> None:
    assert PAGES["README"].count("\n") <= 160


def test_readme_figures_are_those_of_the_embedded_models() -> None:
    scores = read_manifest(find_model("en-fr")).provenance.scores
    for name, test_set in (("Tatoeba", "tatoeba"), ("Multi30k 2016", "multi30k-2016")):
        values = {(str(item.direction), item.metric): item.value for item in scores if item.test_set == test_set}
        cells = [f"{values[lang, 'BLEU']:.1f} / {values[lang, 'chrF2']:.1f}" for lang in ("en-fr", "fr-en")]
        row = next(line for line in PAGES["README"].splitlines() if line.startswith(f"| {name},"))
        assert row.endswith(f" | {cells[0]} | {cells[1]} |")
    scores = read_manifest(find_model("six")).provenance.scores
    values = {(str(item.direction), item.metric): item.value for item in scores if item.test_set == "tatoeba"}
    for name, direction in (("from English", "en-{}"), ("into English", "{}-en")):
        directions = [direction.format(lang) for lang in ("de", "es", "it", "pt")]
        cells = [f"{values[lang, 'BLEU']:.1f} / {values[lang, 'chrF2']:.1f}" for lang in directions]
        assert f"| {name} | {' | '.join(cells)} |" in PAGES["README"].splitlines()


@pytest.mark.parametrize("page", blocks.PAGES, ids=lambda page: page.stem)
def test_pages_name_commands_and_options_that_exist(page: Path) -> None:
    """In blocks that do not run, too."""
    script = "\n".join(block.text for block in blocks.read_blocks(page) if block.language == "sh").replace("\\\n", " ")
    for line in re.findall(r"\bxlm (?:[a-z-]+ ?)+(?:[^`\n|]*)", script):
        words = line.split("  #")[0].split()[1:]
        command: click.Command = main
        while isinstance(command, click.Group):
            name = words.pop(0)
            child = command.get_command(click.Context(command), name)
            assert child is not None, line
            command = child
        known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)} | {"--help"}
        used = {word.split("=")[0] for word in words if word.startswith("--")}
        assert used <= known, line


@pytest.mark.parametrize("page", blocks.PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(((?!https?:)[^)#]*)(#[^)]+)?\)", page.read_text(encoding="utf-8")):
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor[1:] in [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles], anchor


@pytest.mark.parametrize("page", blocks.PAGES, ids=lambda page: page.stem)
def test_commands_of_the_pages_run(page: Path, tmp_path: Path) -> None:
    for step, output in blocks.iter_runs(page, tmp_path):
        assert step.agrees(output), f"{step.script}{output}\nmake outputs writes what is shown anew"


@pytest.mark.parametrize("page", blocks.PAGES, ids=lambda page: page.stem)
def test_blocks_that_do_not_run_have_a_reason(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    found = blocks.read_blocks(page)
    assert len(found) == text.count("```") / 2
    assert text.count("<!-- ") == sum(block.why_not is not None or block.options != "" for block in found)
    assert {block.language for block in found if not block.runs and block.why_not is None} <= {"text", "toml"}


def test_the_picture_shows_what_the_commands_write() -> None:
    drawn = (REPOSITORY / "docs" / "terminal.svg").read_text(encoding="utf-8")
    assert blocks.without_digits(drawn) == blocks.without_digits(picture.draw()), "make picture draws it anew"


def test_the_curves_are_of_the_tables(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    tables = curves.read_curves(PAGES["results"])
    assert [table.direction for table in tables] == ["en-it", "it-en"]
    assert all(len(bleu) == len(table.pairs) == 3 for table in tables for bleu in table.bleu.values())
    curves.draw(tables, tmp_path / "curves.svg")
    pictures = (curves.PICTURE, tmp_path / "curves.svg")
    words, drawn = (re.findall("<!-- (.*) -->", path.read_text(encoding="utf-8")) for path in pictures)
    assert set(tables[0].bleu) < set(words)
    assert words == drawn, "make picture draws it anew"


def test_what_is_shown_is_compared() -> None:
    step = blocks.Step("xlm\n", "a 1.5\n…\nz\n")
    assert step.agrees("a 2.25\nb\nc\nz\n")
    assert not step.agrees("a 2.25\nb\n")
    assert not step.agrees("b 1.5\nz\n")


def test_newest_version_of_the_changelog_is_the_package_version() -> None:
    versions = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", CHANGELOG, re.MULTILINE)
    assert versions[0] == __version__


def test_what_follows_from_the_commands_is_current() -> None:
    """Completions, man pages and the reference."""
    pages = dict(iter_pages())
    for path, text in pages.items():
        assert (REPOSITORY / path).read_text(encoding="utf-8") == text, f"{path}: make docs writes it anew"
    assert {path.name for path in (REPOSITORY / "man").iterdir()} == {
        path.name for path in pages if path.parent.name == "man"
    }


@pytest.mark.skipif(shutil.which("man") is None, reason="there is no man")
def test_man_pages_are_read_without_complaint(commands: list[tuple[tuple[str, ...], click.Command]]) -> None:
    for words, command in commands:
        path = REPOSITORY / "man" / f"{'-'.join(words)}.1"
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "100"}
        done = subprocess.run(["man", "--warnings", "-l", str(path)], capture_output=True, text=True, env=environment)
        assert done.returncode == 0
        assert done.stderr == ""
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.opts[-1] in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_writes_the_script(shell: str, xlm: Callable[..., Any]) -> None:
    file_name = {"bash": "xlm.bash", "zsh": "_xlm", "fish": "xlm.fish"}[shell]
    assert xlm("completion", shell).out == (REPOSITORY / "completions" / file_name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("words", "expected"), [("xlm tok", "tokenizer"), ("xlm tokenizer enc", "encode")])
def test_commands_complete(words: str, expected: str) -> None:
    *before, incomplete = words.split()
    completions = BashComplete(main, {}, "xlm", "_XLM_COMPLETE").get_completions(before[1:], incomplete)
    assert [item.value for item in completions] == [expected]
