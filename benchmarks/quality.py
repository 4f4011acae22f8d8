"""Translation quality of a bundle, in the form that `xlm convert --scores` takes.

    python -m benchmarks.quality BUNDLE tatoeba:en-fr=data/test/tatoeba.en-fr.tsv > scores.json

Each test set is scored in every direction of the bundle that it allows, by what `xlm translate` prints for it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from xlmcli.bundle import open_bundle
from xlmcli.metrics.translation.scorer import score_translations
from xlmcli.records import Direction
from xlmcli.sources import iter_rows, parse_source


def main() -> None:
    """Prints the scores as JSON on stdout and a line for each on stderr."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__.split("\n")[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("test_sets", nargs="+", metavar="NAME:LANG-LANG=FILE.tsv")
    arguments = parser.parse_args()
    scores: list[dict[str, object]] = []
    for test_set in arguments.test_sets:
        name, _, source_text = test_set.partition(":")
        source = parse_source(source_text)
        rows = list(iter_rows(source))
        for direction in open_bundle(arguments.bundle).translation.directions:
            if set(source.langs) == {direction.src, direction.tgt}:
                sides = [[row[source.langs.index(lang)] for row in rows] for lang in (direction.src, direction.tgt)]
                scores += score(arguments.bundle, direction, name, *sides)
    json.dump({"scores": scores}, sys.stdout, indent=2, ensure_ascii=False)
    print()


def score(
    bundle: Path, direction: Direction, test_set: str, sources: list[str], references: list[str]
) -> list[dict[str, object]]:
    """BLEU and chrF of a test set, and the share of translations that repeat themselves, in percent."""
    answers = translate(bundle, direction, sources)
    hypotheses = [str(answer["text"]) for answer in answers]
    num_repeating = sum("repetition" in str(answer.get("warnings", "")) for answer in answers)
    place = {"direction": str(direction), "test_set": test_set}
    records: list[dict[str, object]] = [
        place | {"metric": metric, "value": round(result.value, 2), "signature": result.signature}
        for metric, result in score_translations(hypotheses, [references]).items()
    ]
    records.append(place | {"metric": "repeating lines (%)", "value": round(100 * num_repeating / len(answers), 2)})
    for record in records:
        print(f"{direction} {test_set} {record['metric']} {record['value']}", file=sys.stderr)
    return records


def translate(bundle: Path, direction: Direction, sources: list[str]) -> list[dict[str, object]]:
    """What `xlm translate --format jsonl` answers for each line."""
    command = [sys.executable, "-m", "xlmcli", "translate", "-m", str(bundle), "--quiet", "--format", "jsonl"]
    command += ["--src", direction.src, "--tgt", direction.tgt]
    lines = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in sources)
    result = subprocess.run(command, input=lines, encoding="utf-8", stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in result.stdout.rstrip("\n").split("\n")]


if __name__ == "__main__":
    main()
