from __future__ import annotations

from pathlib import Path

import pytest

from xlmcli.bundle import MeasuredScore
from xlmcli.convert.scores import read_scores
from xlmcli.errors import DataError
from xlmcli.records import Direction


def test_scores_are_read(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    path.write_text(
        '{"scores": [{"direction": "en-fr", "test_set": "news", "metric": "BLEU", "value": 31, "signature": "v:2"},'
        ' {"direction": "fr-en", "test_set": "news", "metric": "chrF", "value": 55.5}]}'
    )
    assert read_scores(path) == (
        MeasuredScore(Direction("en", "fr"), "news", "BLEU", 31.0, "v:2"),
        MeasuredScore(Direction("fr", "en"), "news", "chrF", 55.5),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "expected a JSON object"),
        ('{"scores": [{"direction": "en-fr"}]}', r"scores\[0\]: test_set is missing"),
        ('{"scores": [{"direction": "english"}]}', "not a direction: 'english'"),
        ("{", "not valid JSON"),
    ],
)
def test_another_form_is_an_error_that_shows_the_right_one(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "scores.json"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        read_scores(path)
    assert caught.value.message.startswith(str(path))
    assert '"test_set"' in (caught.value.hint or "")


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no such file|cannot read"):
        read_scores(tmp_path / "none.json")
