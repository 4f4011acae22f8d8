"""What people see: errors, notes and bars on stderr, reports on stdout.

Here names, labels and messages of others become harmless to a terminal. The only module that imports rich, and only
when there is something to show; but for `xlmcli.attention.show`, which asks rich how wide words are.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from xlmcli.facts import visible
from xlmcli.signals import undone

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID
    from rich.table import Table

    from xlmcli.metrics.report.grids import Grid
    from xlmcli.train.core.progress import TrainingProgress
    from xlmcli.train.core.validation import Scores
    from xlmcli.train.data.corpus import TextData

_SECONDS_BEFORE_SHOWING = 1.0
# Against and for: styles of words, and signs in their place.
_SHADES = (
    (("", ""), ("red underline", "-"), ("red underline reverse", "--")),
    (("", ""), ("green", "+"), ("green bold reverse", "++")),
)
_LEAST_WEIGHT = 0.01


_MAX_MESSAGE_LEN, _MAX_HINT_LEN = 4000, 1000


def print_error(message: str, hint: str | None) -> None:
    """Says on stderr what went wrong, on one line, and the way out."""
    print_line(_shortened(message, _MAX_MESSAGE_LEN), label=_styled("error:", "red"))
    if hint:
        click.echo(err=True)
        print_line(_shortened(hint, _MAX_HINT_LEN), label=_styled("hint:", "cyan"))


def print_note(text: str) -> None:
    """Tells a person something that is no error."""
    print_line(_shortened(text, _MAX_MESSAGE_LEN), label="note:")


def print_line(text: str, *, label: str = "", err: bool = True) -> None:
    """Writes a line to stderr, or to stdout."""
    click.echo(f"{label} {visible(text)}" if label else visible(text), err=err)


def _shortened(text: str, max_len: int) -> str:
    return text if len(text) <= max_len else f"{text[:max_len]}… ({len(text) - max_len:,} characters more)"


def _styled(label: str, color: str) -> str:
    is_plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return label if is_plain else click.style(label, fg=color, bold=True)


class _Bar:
    """A bar that is there once something is known; it takes time to load.

    Args:
        make: Makes it.
        total: What is complete, where that is known.
    """

    def __init__(self, make: Callable[[], Progress], total: float | None) -> None:
        self._make, self._total = make, total
        self._shown: tuple[Progress, TaskID] | None = None

    def update(self, **fields: Any) -> None:
        """Shows how far things are, as ``rich.progress.Progress.update`` does."""
        if self._shown is None:
            bar = self._make()
            self._shown = bar, bar.add_task("", total=self._total)
            bar.start()
        bar, task = self._shown
        bar.update(task, **fields)

    def print(self, line: str) -> None:
        """Writes a line above the bar."""
        if self._shown is not None:
            self._shown[0].console.print(line, markup=False, highlight=False)

    def stop(self) -> None:
        """Leaves the terminal as it was."""
        if self._shown is not None:
            self._shown[0].stop()


class _Display(Protocol):
    def stop(self) -> None:
        """Leaves the terminal as it was."""


_AnyDisplay = TypeVar("_AnyDisplay", bound=_Display)


@contextlib.contextmanager
def _shown(display: _AnyDisplay) -> Iterator[_AnyDisplay]:
    with undone(display.stop):
        yield display
    display.stop()


def _is_seen() -> bool:
    """Whether a person sees stderr."""
    return sys.stderr is not None and sys.stderr.isatty()


class LineProgress:
    """A bar with lines/s, tokens/s and, where the size of the input is known, the time left.

    It shows itself after a second of work, so that short runs stay quiet and load nothing.

    Attributes:
        is_shown: Whether anything is shown.

    Args:
        is_shown: Whether to show anything at all.
        total_bytes: Size of the input, or None where it is not known.
    """

    def __init__(self, is_shown: bool, total_bytes: int | None) -> None:
        self.is_shown = is_shown
        self._start = time.monotonic()
        self._num_lines = self._num_tokens = self._num_bytes = self._num_failed = 0
        self._bar = _Bar(partial(_new_bar, has_total=total_bytes is not None), total_bytes)

    def advance(self, num_lines: int, num_tokens: int, num_bytes: int) -> None:
        """Counts what was done since the last call."""
        self._num_lines += num_lines
        self._num_tokens += num_tokens
        self._num_bytes += num_bytes
        seconds = time.monotonic() - self._start
        if self.is_shown and seconds >= _SECONDS_BEFORE_SHOWING:
            self._bar.update(completed=self._num_bytes, description=self._describe(seconds))

    def fail(self) -> None:
        """Counts a part of the input that could not be done."""
        self._num_failed += 1

    def stop(self) -> None:
        """Leaves the terminal as it was."""
        self._bar.stop()

    def _describe(self, seconds: float) -> str:
        lines, tokens = self._num_lines / seconds, self._num_tokens / seconds
        failed = f"  {self._num_failed:,} failed" if self._num_failed else ""
        return f"{self._num_lines:,} lines  {lines:,.0f} lines/s  {tokens:,.0f} tokens/s{failed}"


def show_line_progress(
    is_wanted: bool, total_bytes: int | None, *, reads_stdin: bool, writes_stdout: bool
) -> AbstractContextManager[LineProgress]:
    """Shows a bar on stderr if that is a terminal and neither lines typed in nor lines written out share it.

    Args:
        is_wanted: Whether to show anything at all.
        total_bytes: Size of the input, or None where it is not known.
        reads_stdin: Whether lines come from standard input.
        writes_stdout: Whether lines go to standard output while the bar is shown.
    """
    streams = (sys.stdin if reads_stdin else None, sys.stdout if writes_stdout else None)
    is_shared = any(stream is not None and stream.isatty() for stream in streams)
    return _shown(LineProgress(is_wanted and _is_seen() and not is_shared, total_bytes))


class DownloadProgress:
    """A bar with the file on its way, bytes, bytes/s and the time left.

    Args:
        is_shown: Whether to show anything at all.
    """

    def __init__(self, is_shown: bool) -> None:
        self._is_shown = is_shown
        self._bar = _Bar(_new_download_bar, 0)
        self._total_bytes = 0

    def expect(self, num_bytes: int) -> None:
        """So many bytes more are to come."""
        self._total_bytes += num_bytes
        if self._is_shown and self._total_bytes:
            self._bar.update(total=self._total_bytes)

    def advance(self, name: str, num_bytes: int) -> None:
        """So many bytes more of that file are here."""
        if self._is_shown and self._total_bytes:
            self._bar.update(advance=num_bytes, description=visible(name))

    def stop(self) -> None:
        """Leaves the terminal as it was."""
        self._bar.stop()


def show_download_progress(is_wanted: bool) -> AbstractContextManager[DownloadProgress]:
    """Shows a bar on stderr if that is a terminal."""
    return _shown(DownloadProgress(is_wanted and _is_seen()))


def _new_download_bar() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    return Progress(*columns, TextColumn("{task.description}", markup=False), console=Console(stderr=True))


def _new_bar(has_total: bool, seconds_between: float = 1.0) -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        SpinnerColumn,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column

    # Where there is little room, the bar gives way, and not the time left.
    time_left = TimeRemainingColumn(table_column=Column(min_width=7))
    known = (BarColumn(), TaskProgressColumn(), time_left) if has_total else (SpinnerColumn(),)
    return Progress(
        *known,
        TextColumn("{task.description}"),
        console=Console(stderr=True),
        speed_estimate_period=30 * seconds_between,  # The time left is judged by the last few updates.
    )


class TrainingDisplay:
    """A run's bar on a terminal, and a line for each validation; in a log file, plain lines.

    Args:
        quiet: Show nothing.
    """

    def __init__(self, quiet: bool) -> None:
        self._is_bar_shown, self._is_quiet = not quiet and _is_seen(), quiet
        self._bar: _Bar | None = None

    def stop(self) -> None:
        """Leaves the terminal as it was."""
        if self._bar is not None:
            self._bar.stop()

    def loaded(self, text: TextData) -> None:
        """Says how much text there is, and how much of it is not used."""
        skipped = f", {text.num_skipped:,} skipped (empty, too long, or too different in length)"
        cut = f", {text.num_cut:,} cut to --max-len"
        extra = (skipped if text.num_skipped else "") + (cut if text.num_cut else "")
        self._print(f"{'-'.join(text.langs)}: {len(text):,} lines{extra}")

    def progress(self, progress: TrainingProgress) -> None:
        """Shows losses, speed and time left."""
        if self._is_bar_shown and self._bar is None:  # Of several processes, only the first gets here.
            self._bar = _Bar(partial(_new_bar, has_total=progress.share > 0, seconds_between=60), 1.0)
        losses = "  ".join(f"{name} {loss:.3f}" for name, loss in progress.losses.items())
        text = f"step {progress.step:,}  {losses}  {progress.tokens_per_second:,.0f} tokens/s  lr {progress.lr:.2e}"
        if self._bar is not None:
            self._bar.update(completed=progress.share, description=text)
        else:
            self._print(f"{progress.share:4.0%}  {text}")

    def validated(self, step: int, elapsed_seconds: float, scores: Scores, is_best: bool) -> None:
        """Prints a validation's figures."""
        figures = "  ".join(f"{name} {value:.2f}" for name, value in scores.values.items())
        self._print(f"step {step:,}  {elapsed_seconds / 60:.0f} min  {figures}{'  best so far' if is_best else ''}")
        for warning in scores.warnings:
            self.warned(warning)

    def noted(self, figures: Mapping[str, float]) -> None:
        """Prints a run's figures."""
        self._print("  ".join(f"{name} {value:.4g}" for name, value in figures.items()))

    def warned(self, warning: str) -> None:
        """Prints what looks wrong."""
        self._print(f"warning: {warning}")

    def _print(self, line: str) -> None:
        if self._bar is not None:
            self._bar.print(visible(line))
        elif not self._is_quiet:
            print_line(line)


def show_training(quiet: bool) -> AbstractContextManager[TrainingDisplay]:
    """Shows a run, unless ``quiet``."""
    return _shown(TrainingDisplay(quiet))


class Shader:
    """Lines with some words shaded by their weights, for a terminal: readable on any ground, and without colour.

    What speaks for a label is green, what speaks against it red and underlined, and twice as marked if it weighs at
    least half as much as the heaviest word; without colour, ``+``, ``++``, ``-`` and ``--`` stand before such words.
    """

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(highlight=False, soft_wrap=True)
        self._has_color = self._console.color_system is not None and not self._console.no_color

    def shade(self, parts: Sequence[tuple[str, float | None]]) -> str:
        """Returns a line.

        Args:
            parts: Text, and weights of what are words to shade, -1 to 1.
        """
        from rich.text import Text

        heaviest = max((abs(weight or 0.0) for _, weight in parts), default=0.0)
        line = Text(end="")
        for part, weight in parts:
            strength = _strength(abs(weight or 0.0), heaviest)
            style, sign = _SHADES[(weight or 0.0) > 0][strength]
            line.append(visible(part) if self._has_color else sign + visible(part), style if self._has_color else "")
        with self._console.capture() as capture:
            self._console.print(line, end="")
        return capture.get()


def _strength(weight: float, heaviest: float) -> int:
    """Returns how much a word is shaded, 0 to 2."""
    return (weight >= max(_LEAST_WEIGHT, heaviest / 8)) + (weight >= max(_LEAST_WEIGHT, heaviest / 2))


def print_grids(grids: Sequence[Grid], notes: Sequence[str]) -> None:
    """Prints tables to stdout, and lines after the first of them.

    Args:
        grids: The tables; the best of a column is bold, and its note says so in words.
        notes: What explains the first table.
    """
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=False)
    with console.capture() as capture:  # Of a closed pipe, rich would make an error of its own.
        for number, grid in enumerate(grids):
            if number:
                console.print()
            console.print(visible(grid.title), markup=False, soft_wrap=True)
            console.print(_rich_table(grid))
            if number == 0:
                for note in notes:
                    console.print(visible(note), markup=False, soft_wrap=True, style="dim")
    sys.stdout.write(capture.get())


def _rich_table(grid: Grid) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for number, name in enumerate(grid.columns):
        table.add_column(Text(visible(name)), justify="right" if number else "left", overflow="fold")
    for row in grid.rows:
        cells = []
        for cell in row:
            text = Text(visible(cell.text), style="bold" if cell.is_best else "")
            cells.append(text.append(f"\n{visible(cell.note)}", style="not bold") if cell.note else text)
        table.add_row(*cells)
    return table
