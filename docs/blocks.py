"""The blocks of README.md and of docs/*.md: their commands run, and what is shown of their output can be renewed.

    python -m docs.blocks [PAGE...]

Blocks of sh and of python run, those of a page one after the other in a copy of docs/examples. In a block of sh with
lines that begin with ``$ ``, the other lines are output. A block may have one of these before it:

    <!-- not run: REASON -->
    <!-- with: OPTIONS -->      added to what trains in it, so that it takes seconds
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
EXAMPLES = REPOSITORY / "docs" / "examples"
PAGES = [
    REPOSITORY / "README.md",
    *sorted(path for path in REPOSITORY.glob("docs/*.md") if path.name != "reference.md"),
]
LANGUAGES = ("sh", "python")

_BLOCK = re.compile(r"(?:^<!-- (not run|with): ([^\n]+) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SCORE = re.compile(r"(?<![\w.,])-?0\.\d{2,}(?![\w.])")
_MOST_BETWEEN_MACHINES = 0.02
_XLM = """\
#!/bin/sh
case "$1 $2" in
    pretrain\\ *|train\\ translate|train\\ classify|tokenizer\\ train) set -- "$@" $XLM_EXAMPLE_OPTIONS ;;
esac
exec '{python}' -m xlmcli "$@"
"""
_PYTHON = """\
#!/bin/sh
exec '{python}' "$@"
"""


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a page.

    Attributes:
        language: What stands behind its fence.
        text: What is in it.
        why_not: Why it does not run; None if it does.
        options: Further options of the commands that train.
    """

    language: str
    text: str
    why_not: str | None = None
    options: str = ""

    @property
    def runs(self) -> bool:
        return self.language in LANGUAGES and self.why_not is None


@dataclass(frozen=True, slots=True)
class Step:
    """A command of a block.

    Attributes:
        script: What runs.
        shown: What the page shows of its output; None if it shows nothing.
    """

    script: str
    shown: str | None

    @property
    def is_cut(self) -> bool:
        """Whether not all lines are shown."""
        return "…\n" in (self.shown or "")

    def agrees(self, output: str) -> bool:
        """Whether the output is as it is shown: a line ``…`` stands for any lines, and digits may differ.

        Scores and probabilities differ by no more than from machine to machine.
        """
        if self.shown is None:
            return True
        if not self.is_cut:
            pairs = zip(*(map(float, _SCORE.findall(text)) for text in (self.shown, output)), strict=False)
            if any(abs(one - other) > _MOST_BETWEEN_MACHINES for one, other in pairs):
                return False
        parts = re.split(r"^…\n", without_digits(self.shown), flags=re.MULTILINE)
        return re.fullmatch(".*".join(map(re.escape, parts)), without_digits(output), re.DOTALL) is not None


def read_blocks(page: Path) -> list[Block]:
    """Returns the blocks of a page, in order."""
    blocks = []
    for mark, said, language, text in _BLOCK.findall(page.read_text(encoding="utf-8")):
        blocks.append(Block(language, text, said if mark == "not run" else None, said if mark == "with" else ""))
    return blocks


def read_steps(block: Block) -> list[Step]:
    """Returns what runs in a block, in order."""
    if block.language != "sh" or not block.text.startswith("$ "):
        return [Step(block.text, None)]
    parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
    return [_read_step(part) for part in parts]


def _read_step(text: str) -> Step:
    lines = text.splitlines(keepends=True)
    num_lines = next(number for number, line in enumerate(lines, 1) if not line.endswith("\\\n"))
    return Step("".join(lines[:num_lines]), "".join(lines[num_lines:]))


def without_digits(text: str) -> str:
    """Returns output without what may differ from machine to machine."""
    return re.sub(r"\d+", "0", text)


class Session:
    """A folder in which the blocks of a page run.

    Args:
        folder: An empty one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "examples"
        shutil.copytree(EXAMPLES, self._folder)
        programs = folder / "bin"
        programs.mkdir()
        for name, text in (("xlm", _XLM), ("python", _PYTHON)):
            (programs / name).write_text(text.format(python=sys.executable))
            (programs / name).chmod(0o755)
        paths = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._environment = {
            **os.environ,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(paths),
            "COLUMNS": "80",
        }

    def run(self, block: Block, step: Step) -> str:
        """Returns what a step writes to stdout.

        Raises:
            RuntimeError: It failed.
        """
        # Of `tail -f`, the beginning: it never ends.
        shell = ["bash", "-e", "-o", "pipefail", "-c", step.script.replace("tail -f", "cat")]
        done = subprocess.run(
            [sys.executable, "-c", step.script] if block.language == "python" else shell,
            check=False,
            cwd=self._folder,
            env={**self._environment, "XLM_EXAMPLE_OPTIONS": block.options},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
        )
        if done.returncode:
            raise RuntimeError(f"{step.script}exit code {done.returncode}\n{done.stderr}")
        return done.stdout


def iter_runs(page: Path, folder: Path) -> Iterator[tuple[Step, str]]:
    """Runs a page; yields its commands with their output."""
    session = Session(folder)
    for block in read_blocks(page):
        if block.runs:
            for step in read_steps(block):
                yield step, session.run(block, step)


def renew(page: Path) -> None:
    """Puts the output that there is now in place of what a page shows, where that differs."""
    text = page.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        for step, output in iter_runs(page, Path(folder)):
            if step.shown is not None and (not step.agrees(output) or not step.is_cut):
                text = text.replace(f"$ {step.script}{step.shown}", f"$ {step.script}{output}", 1)
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:] or map(str, PAGES):
        renew(Path(name))
