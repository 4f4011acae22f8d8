"""README, changelog, help texts and completions say what the program does."""

from __future__ import annotations

import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.shell_completion import BashComplete

from docs.pages import iter_pages
from xlmcli import __version__
from xlmcli.cli import COMMANDS, main
from xlmcli.errors import ExitCode

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
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


def test_readme_exit_codes_are_the_exit_codes() -> None:
    section = README.split("## Exit codes", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", section, re.MULTILINE)
    assert [int(code) for code, _ in rows] == [int(code) for code in ExitCode]


def test_readme_begins_with_the_two_commands() -> None:
    blocks = re.findall(r"```sh\n(.+?)```", README, re.DOTALL)
    assert blocks[0] == 'pip install . && echo "Where is the station?" | xlm translate --src en --tgt fr\n'
    assert blocks[1] == "make test\n"


def test_readme_names_commands_and_options_that_exist() -> None:
    for line in re.findall(
        r"\bxlm (?:[a-z-]+ ?)+(?:[^`\n|]*)", "\n".join(re.findall(r"```sh\n(.+?)```", README, re.DOTALL))
    ):
        words = line.split()[1:]
        command: click.Command = main
        while isinstance(command, click.Group):
            name = words.pop(0)
            child = command.get_command(click.Context(command), name)
            assert child is not None, f"README: {line}"
            command = child
        known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)} | {"--help"}
        used = {word.split("=")[0] for word in words if word.startswith("--")}
        assert used <= known, f"README: {line}"


ENGLISH = ["Good morning.", "Where is the station?", "I like this film."]
FRENCH = ["Bonjour.", "Où est la gare ?", "J'aime ce film."]
LABELS = ["neutral", "neutral", "positive"]
# What the commands of the README read, by the names that it uses.
FILES = {
    "letter.en": ENGLISH,
    "app.log": ENGLISH,
    "manual.md": ["The [red car](https://example.org/car) is **very** fast."],
    "corpus.en": ENGLISH,
    "test.en": ENGLISH,
    "test.fr": FRENCH,
    "old.fr": FRENCH[::-1],
    "new.fr": FRENCH,
    "test.txt": ENGLISH,
    "test.labels": LABELS,
    "reviews.txt": ["I hate it.", *ENGLISH],
    "reviews.csv": ["comment,stars", *(f"{text},3" for text in FRENCH)],
    "terms.tsv": ["station\tstation-service"],
    "old.tsv": ["\t".join(pair) for pair in zip(ENGLISH, FRENCH, strict=True)],
    "posts.jsonl": [json.dumps({"title": text, "id": number}) for number, text in enumerate(ENGLISH)],
}


def readme_commands() -> list[str]:
    """The commands that need no model but those inside and no file but those above."""
    blocks = "\n".join(re.findall(r"```sh\n(.+?)```", README, re.DOTALL))
    lines = [line.removeprefix("$ ").split("  #")[0].strip() for line in blocks.splitlines()]
    commands = [line for line in lines if re.match(r"(tail -f app\.log \| )?xlm (translate|classify|eval)\b", line)]
    return [line for line in commands if not re.search(r"-m \S+\.bundle|\.parquet", line)]


@pytest.mark.parametrize("line", readme_commands())
def test_commands_of_the_readme_run(line: str, tmp_path: Path) -> None:
    for name, lines in FILES.items():
        (tmp_path / name).write_text("".join(f"{text}\n" for text in lines), encoding="utf-8")
    program = f"{shlex.quote(sys.executable)} -m xlmcli"
    # Of `tail -f`, the beginning: it never ends.
    script = re.sub(r"\bxlm (?=[a-z])", f"{program} ", line.replace("tail -f", "cat"))
    done = subprocess.run(["bash", "-o", "pipefail", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    written = [path for path in tmp_path.iterdir() if path.name not in FILES and path.stat().st_size > 0]
    assert done.stdout or written


def test_the_readme_has_commands_that_run() -> None:
    assert len(readme_commands()) >= 12


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
