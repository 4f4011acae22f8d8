from __future__ import annotations

import io
import re
import sys

import click
import pytest

from xlmcli import console
from xlmcli.console import Shader, print_error, print_grids, print_note, show_download_progress, show_line_progress
from xlmcli.metrics.report.grids import Cell, Grid

COLOR = re.compile(r"\x1b\[[\d;]*3[0-8][\d;]*m")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _color_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "_SECONDS_BEFORE_SHOWING", 0.0)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)


def shown(
    monkeypatch: pytest.MonkeyPatch,
    *,
    terminals: str = "stderr",
    is_wanted: bool = True,
    total_bytes: int | None = 200,
    used: str = "stdin stdout",
) -> str:
    """What stderr gets to see of some progress; ``terminals`` names the standard streams that are terminals."""
    # Set here, not in a fixture: pytest puts its own streams in place before a test is called.
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, Terminal() if name in terminals else io.StringIO())
    stderr = sys.stderr
    with show_line_progress(
        is_wanted, total_bytes, reads_stdin="stdin" in used, writes_stdout="stdout" in used
    ) as progress:
        progress.advance(1234, 5678, 100)
    assert isinstance(stderr, io.StringIO)
    return stderr.getvalue()


def test_progress_tells_lines_and_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch)
    assert all(part in text for part in ("1,234 lines", "lines/s", "tokens/s", "50%"))
    assert COLOR.search(text)


def test_progress_without_a_known_size_has_no_share(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, total_bytes=None)
    assert "1,234 lines" in text
    assert "%" not in text


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    text = shown(monkeypatch)
    assert "1,234 lines" in text
    assert not COLOR.search(text)


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb"), ("TERM", "xterm")])
def test_errors_are_plain_where_there_is_no_colour(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setenv(variable, value)
    console.print_error("what happened", "the way out")
    assert bool(COLOR.search(stderr.getvalue())) == (value == "xterm")
    assert click.unstyle(stderr.getvalue()) == "error: what happened\n\nhint: the way out\n"


@pytest.mark.parametrize("terminals", ["stdin stderr", "stdout stderr", ""])
def test_no_bar_in_a_file_nor_where_lines_share_the_terminal(monkeypatch: pytest.MonkeyPatch, terminals: str) -> None:
    assert shown(monkeypatch, terminals=terminals) == ""


@pytest.mark.parametrize(("terminals", "used"), [("stdin stderr", "stdout"), ("stdin stdout stderr", "")])
def test_a_terminal_that_no_lines_use_is_not_shared(monkeypatch: pytest.MonkeyPatch, terminals: str, used: str) -> None:
    assert "1,234 lines" in shown(monkeypatch, terminals=terminals, used=used)


def test_no_bar_when_unwanted_or_when_a_run_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, is_wanted=False) == ""
    monkeypatch.setattr(console, "_SECONDS_BEFORE_SHOWING", 60.0)
    assert shown(monkeypatch) == ""


def test_notes_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    print_note("all is well")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "note: all is well\n")


@pytest.mark.parametrize(
    ("terminals", "is_wanted", "is_shown"), [("stderr", True, True), ("", True, False), ("stderr", False, False)]
)
def test_downloads_tell_file_and_bytes(
    monkeypatch: pytest.MonkeyPatch, terminals: str, is_wanted: bool, is_shown: bool
) -> None:
    stderr = Terminal() if terminals else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    with show_download_progress(is_wanted) as progress:
        progress.expect(1_000_000)
        progress.advance("[bold]config.json", 500_000)
        progress.expect(3_000_000)
        progress.advance("model.bin", 1_500_000)
    text = stderr.getvalue()
    assert bool(text) == is_shown
    if is_shown:
        assert "2.0/4.0 MB" in text
        assert "model.bin" in text


def test_a_download_of_nothing_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    with show_download_progress(True) as progress:
        progress.expect(0)
    assert stderr.getvalue() == ""


def test_tables_show_names_of_others_spelt_out(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = Terminal()
    monkeypatch.setattr(sys, "stdout", stdout)
    monkeypatch.setenv("NO_COLOR", "1")
    odd = "x\x1b]0;owned\x07\u202e"
    print_grids([Grid(odd, ("system", odd), ((Cell(odd, odd), Cell("1", is_best=True)),))], [odd])
    text = re.sub(r"\x1b\[\d*m", "", stdout.getvalue())
    assert text.count(r"x\x1b]0;owned\x07\u202e") == 5
    assert not {"\x1b", "\x07", "\u202e"} & set(text)


PARTS = [("good\t0.9\t", None), ("not", 0.4), (" ", None), ("so", 0.05), (" ", None), ("[b]", 0.049), ("-bad", -0.2)]


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        (PARTS, "good    0.9     ++not +so [b]---bad"),
        ([("a", -0.011), (" ", None), ("b", 0.009)], "--a b"),
        ([("a", 0.009), (" ", None), ("b", None)], "a b"),
        ([("a\x1b[2J\n", 0.5)], r"++a\x1b[2J\n"),
        ([("word " * 100, None)], "word " * 100),
        ([], ""),
    ],
)
def test_words_are_marked_where_there_is_no_colour(
    monkeypatch: pytest.MonkeyPatch, parts: list[tuple[str, float | None]], shown: str
) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert Shader().shade(parts) == shown
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert Shader().shade(parts) == shown


def test_words_are_shaded_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    shades = {"not": "1;7;32", "so": "32", "-bad": "4;7;31"}
    shown = "".join(f"\x1b[{shades[part]}m{part}\x1b[0m" if part in shades else part for part, _ in PARTS)
    assert Shader().shade(PARTS) == shown.expandtabs(8)


def test_errors_are_a_line_each_and_end(capsys: pytest.CaptureFixture[str]) -> None:
    print_error("a\nerror: b" + "x" * 1_000_000, "c\x1b[2J" + "y" * 1_000_000)
    error, blank, hint, rest = capsys.readouterr().err.split("\n")
    assert error.startswith(r"error: a\nerror: bxxx")
    assert hint.startswith(r"hint: c\x1b[2Jyyy")
    assert re.search(r"x… \(99\d,\d{3} characters more\)$", error)
    assert (blank, rest) == ("", "")
    assert len(error) + len(hint) < 6000
