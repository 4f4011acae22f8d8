"""Words joined to lines, and lines that come back."""

from __future__ import annotations

import pytest

from xlmcli.text.detokenization import detokenize
from xlmcli.text.words import MosesSplitter


@pytest.mark.parametrize(
    ("lang", "line"),
    [
        ("en", "He said: \"It's the dogs' bone (not mine), 50% at 5:30...\""),
        ("en", "Write to a.b@c.org or https://x.org/y."),
        ("en", "Thanks to @ann and @bob!"),
        ("fr", "L'ami d'enfance, c'est \"lui\" !"),
        ("fr", "Qu'est-ce que tu as ?"),
        ("de", 'Wie geht\'s? Er sagte: "Gut."'),
        ("es", "¿Qué tal? ¡Bien! (Gracias.)"),
        ("pt", "Um copo d'água."),
        ("ru", "Он сказал: да; и ушёл!"),
        ("ar", "أليس كذلك؟ نعم، هذا صحيح."),
        ("hi", "यह दुनिया बनी रहे।"),
        ("ko", "한국어 문장입니다. 네!"),
    ],
)
def test_lines_come_back(lang: str, line: str) -> None:
    assert detokenize(MosesSplitter(lang).split(line), lang) == line


@pytest.mark.parametrize(
    ("lang", "words", "line"),
    [
        ("zh", '他 说: " 好 ." 我 , 3 本 书 !', "他说：“好。”我，3本书！"),
        ("zh", "OK , Python 3", "OK, Python 3"),
        ("ja", "彼 は , 来 た .", "彼は、来た。"),
        ("th", "คุณ ซื้อ อะไร ? Python 3", "คุณซื้ออะไร? Python 3"),
        ("th", "โควิด - 19", "โควิด-19"),
        ("en", "", ""),
    ],
)
def test_languages_without_spaces_get_none(lang: str, words: str, line: str) -> None:
    assert detokenize(words.split(), lang) == line
