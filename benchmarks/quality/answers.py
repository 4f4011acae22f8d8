"""What `xlm translate` answers: all lines of a direction in one process, each of them once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from xlmcli.records import Direction

Request = tuple[Direction, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Translator:
    """What `xlm translate` translates with.

    Attributes:
        bundle: The model, by its folder or its name.
        threads: Cores that it may use.
        protects: Whether it looks after spans, numbers, names, capitals and accents.
    """

    bundle: str
    threads: int
    protects: bool = True

    def command(self, direction: Direction) -> list[str]:
        """The command line that translates standard input."""
        command = [sys.executable, "-m", "xlmcli", "translate", "--model", self.bundle, "--quiet"]
        command += ["--src", direction.src, "--tgt", direction.tgt]
        command += ["--threads", "1", "--workers", str(self.threads)]
        return command if self.protects else [*command, "--no-protect"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The translation of a line, and whether it repeats itself."""

    text: str
    is_repeating: bool


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers by direction and line."""

    by_line: Mapping[tuple[Direction, str], Answer]

    @classmethod
    def collect(cls, translator: Translator, requests: Iterable[Request]) -> Answers:
        """Translates all lines that are asked for.

        Raises:
            subprocess.CalledProcessError: `xlm translate` failed.
        """
        lines: dict[Direction, dict[str, None]] = {}
        for direction, sources in requests:
            lines.setdefault(direction, {}).update(dict.fromkeys(sources))
        by_line: dict[tuple[Direction, str], Answer] = {}
        for direction, distinct in lines.items():
            print(f"translating {direction}: {len(distinct):,} lines", file=sys.stderr)
            translations = _translate(translator, direction, list(distinct))
            by_line |= {(direction, source): answer for source, answer in zip(distinct, translations, strict=True)}
        return cls(by_line)

    def of(self, direction: Direction, sources: Iterable[str]) -> list[Answer]:
        """The answers to lines that were asked for."""
        return [self.by_line[direction, source] for source in sources]

    def texts(self, direction: Direction, sources: Iterable[str]) -> list[str]:
        """The translations of lines that were asked for."""
        return [answer.text for answer in self.of(direction, sources)]


def _translate(translator: Translator, direction: Direction, sources: Sequence[str]) -> list[Answer]:
    if not sources:
        return []
    command = [*translator.command(direction), "--format", "jsonl"]
    lines = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in sources)
    result = subprocess.run(command, input=lines, encoding="utf-8", stdout=subprocess.PIPE, check=True)
    replies = map(json.loads, result.stdout.rstrip("\n").split("\n"))
    return [Answer(reply["text"], "repetition" in reply.get("warnings", ())) for reply in replies]
