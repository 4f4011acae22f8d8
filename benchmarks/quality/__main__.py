"""Measures the translations of a bundle; see ``python -m benchmarks.quality --help``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.quality.answers import Answers
from benchmarks.quality.options import Options, parse_options, read_parts
from benchmarks.quality.parts import Part
from benchmarks.quality.records import Record
from benchmarks.quality.tables import format_part, format_signatures
from xlmcli.bundle import find_model, open_bundle
from xlmcli.errors import XlmError
from xlmcli.outputs import atomic_write

Measured = list[tuple[Part, list[Record]]]


def main(arguments: Sequence[str]) -> int:
    """Prints the scores as JSON on stdout and a line for each on stderr; returns the exit code."""
    try:
        options = parse_options(arguments)
        measured = measure(options)
        scores = [record.as_json() for _, records in measured for record in records]
        print(json.dumps({"scores": scores}, indent=2, ensure_ascii=False))
        if options.markdown is not None:
            write_markdown(options.markdown, measured)
    except XlmError as error:
        print(f"error: {error.message}" + (f"\n\nhint: {error.hint}" if error.hint else ""), file=sys.stderr)
        return error.exit_code
    except subprocess.CalledProcessError as error:
        # `xlm translate` has said why.
        return error.returncode
    return 0


def measure(options: Options) -> Measured:
    """Translates everything, and then measures one part after another.

    Raises:
        XlmError: There is no such bundle, or a file cannot be read.
        subprocess.CalledProcessError: `xlm translate` failed.
    """
    parts = read_parts(options, open_bundle(find_model(options.bundle)).translation.find_directions())
    requests = (request for part in parts for request in part.iter_requests())
    answers = Answers.collect(options.translator, requests)
    measured = []
    for part in parts:
        records = part.measure(answers)
        print(*records, sep="\n", end="\n" if records else "", file=sys.stderr)
        if options.show_misses:
            for miss in part.iter_misses(answers):
                print(f"miss: {miss}", file=sys.stderr)
        measured.append((part, records))
    return measured


def write_markdown(path: Path, measured: Measured) -> None:
    """Writes a table for each part that has figures.

    Raises:
        DataError: The file cannot be written.
    """
    sections = [format_part(part, records) for part, records in measured if records]
    signatures = format_signatures(record for _, records in measured for record in records)
    with atomic_write(path) as file:
        file.write("\n".join([*sections, *([f"{signatures}\n"] if signatures else [])]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
