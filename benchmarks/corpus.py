"""English text to translate: made up from parts, the same each time, in the lengths of everyday sentences."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

from xlmcli.errors import DataError
from xlmcli.lines import iter_file_lines

_SEED = 7

_WHOLE = """\
Good morning. | Thank you. | See you tomorrow. | What time is it? | I don't know. | That's not true. | Be careful!
How are you? | Where are my keys? | It's raining again. | Who told you that? | Nothing happened. | Sit down, please.
I changed my mind. | Are you sure? | It was a mistake. | Don't forget your umbrella. | Let me think about it."""
_WHO = """\
I | We | They | My brother | The old man | Her sister | Our neighbours | The teacher | Nobody | The doctor | Tom | Mary
Most people | Two of my friends | The woman with the red hat | Everyone in the village | The children | The police"""
_DID = """\
found | bought | wanted to see | talked about | asked for | forgot | had never heard of | broke | carried | paid for
decided to sell | would rather keep | kept thinking about | painted | left | remembered | lost | laughed at | noticed"""
_WHAT = """\
the key | a second-hand car | the blue house on the corner | three cups of coffee | a letter from the bank | the train
the answer | a new pair of shoes | this book | his grandfather's watch | the meeting | the broken window | some bread
that strange film | the way to the station | an apartment near the river | it | everything | us | the truth | a dog"""
_WHEN = """\
yesterday | last summer | before the war | at seven o'clock in the evening | during the holidays | this morning | twice
every now and then | on the way home | in less than an hour | a few days after the wedding | for the first time | there
without saying a word | in front of the town hall | with a little help | because of the weather | too late | again"""
_LINK = """\
, but | and | because | , so | , although | while | after | , even though | when | , which is why"""


def read_lines(path: Path | None, num_lines: int) -> list[str]:
    """Returns lines of a file, from the start again where it is short; made-up ones without a file.

    Raises:
        DataError: The file cannot be read, or has no line with text.
    """
    lines = list(islice(_iter_sentences() if path is None else filter(str.strip, iter_file_lines(path)), num_lines))
    if not lines:
        raise DataError(f"{path}: no line with text")
    return list(islice(cycle(lines), num_lines))


def _iter_sentences() -> Iterator[str]:
    """Yields sentences without end: median 7 words, one in twenty longer than 18."""
    rng = random.Random(_SEED)
    while True:
        if rng.random() < 0.2:
            yield rng.choice(_parts(_WHOLE))
            continue
        text = _clause(rng)
        while rng.random() < 0.12:
            clause = _clause(rng)
            is_name = clause.startswith(("I ", "Tom ", "Mary "))
            text += f" {rng.choice(_parts(_LINK))} {clause if is_name else clause[0].lower() + clause[1:]}"
        yield text.replace(" ,", ",") + "."


def _clause(rng: random.Random) -> str:
    words = [rng.choice(_parts(part)) for part in (_WHO, _DID, _WHAT)]
    if rng.random() < 0.4:
        words.append(rng.choice(_parts(_WHEN)))
    return " ".join(words)


def _parts(text: str) -> list[str]:
    return [part.strip() for line in text.splitlines() for part in line.split("|")]
