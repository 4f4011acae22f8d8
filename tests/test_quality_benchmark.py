"""``python -m benchmarks.quality``: what its figures count, and one run over every part."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.quality.__main__ import main, measure
from benchmarks.quality.answers import Answer, Answers, Request, Translator
from benchmarks.quality.languages import LanguagePart
from benchmarks.quality.lengths import bucket_names, bucket_of, count_words, split_by_length
from benchmarks.quality.numbers import NumberPart
from benchmarks.quality.options import parse_options
from benchmarks.quality.parts import ParallelSet
from benchmarks.quality.phrasebook import read_phrasebook
from benchmarks.quality.phrases import Phrase, PhrasePart, read_phrases
from benchmarks.quality.records import Layout, Record
from benchmarks.quality.robustness import RobustnessPart, join_pairs, spoil_sources, strip_final_mark
from benchmarks.quality.rows import read_test_sets
from benchmarks.quality.spans import SpanLine, SpanPart, lost_spans, read_span_lines
from benchmarks.quality.speed import first_of_each_direction, net_words_per_second
from benchmarks.quality.tables import format_part, format_signatures, format_table
from xlmcli.bundle import open_bundle, seal
from xlmcli.convert.scores import read_scores
from xlmcli.errors import DataError, ExitCode, UsageError
from xlmcli.records import Direction

REPOSITORY = Path(__file__).parent.parent
EMBEDDED = REPOSITORY / "xlmcli" / "pretrained" / "en-fr"
EN_FR, FR_EN = Direction("en", "fr"), Direction("fr", "en")


def answer(direction: Direction, translations: dict[str, str]) -> Answers:
    return Answers({(direction, source): Answer(text, False) for source, text in translations.items()})


def values(records: list[Record]) -> dict[str, float]:
    return {f"{record.full_name}: {record.metric}": record.value for record in records}


def test_lines_with_numbers_are_counted_beside_their_references() -> None:
    first = ParallelSet(
        "a", EN_FR, ["No digits.", "It is 3 pm.", "1,000 men"], ["Rien.", "Il est 15 h.", "1 000 hommes"]
    )
    second = ParallelSet("b", EN_FR, ["5 and 5"], ["5 et 5"])
    part = NumberPart([first, second])
    outputs = {"It is 3 pm.": "Il est 3 h.", "1,000 men": "1000 hommes", "5 and 5": "5"}
    answers = answer(EN_FR, outputs)
    assert [list(sources) for _, sources in part.iter_requests()] == [["It is 3 pm.", "1,000 men"], ["5 and 5"]]
    assert values(part.measure(answers)) == {
        "a: lines that keep their numbers (%)": 100,
        "a: references that do (%)": 50,
        "a: lines with numbers": 2,
        "b: lines that keep their numbers (%)": 0,
        "b: references that do (%)": 100,
        "b: lines with numbers": 1,
        "all of them: lines that keep their numbers (%)": pytest.approx(200 / 3),
        "all of them: references that do (%)": pytest.approx(200 / 3),
        "all of them: lines with numbers": 3,
    }
    assert list(part.iter_misses(answers)) == ["en-fr numbers: 5 and 5 -> 5"]


def test_longer_lines_in_the_language_of_the_target_are_counted() -> None:
    english = ["The cat sleeps on the warm roof.", "Where did you buy that coat?", "Good morning."]
    french = ["Le chat dort sur le toit chaud.", "Where did you buy that coat?", "Good morning."]
    part = LanguagePart(
        [ParallelSet("a", EN_FR, english[:1], french[:1]), ParallelSet("b", EN_FR, english[1:], french[1:])]
    )
    answers = answer(EN_FR, dict(zip(english, french, strict=True)))
    assert values(part.measure(answers)) == {
        "all of them: in the target's language (%)": 50,
        "all of them: references (%)": 50,
        "all of them: lines": 2,
    }
    assert list(part.iter_misses(answers)) == ["en-fr language: en: Where did you buy that coat?"]


@pytest.mark.parametrize(
    ("output", "accepted"),
    [
        ("Bonjour !", True),
        ("SALUT", True),
        ("« bon jour »", True),
        ("E\u0301te\u0301", True),
        ("", False),
        ("ete", False),
        ("Bonjour à tous", False),
    ],
)
def test_a_phrase_is_accepted_but_for_case_punctuation_and_spaces(output: str, accepted: bool) -> None:
    assert Phrase(EN_FR, "Hello", ("Bonjour", "Salut !", "\u00c9t\u00e9")).accepts(output) is accepted


def test_phrases_of_other_directions_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "phrases.tsv"
    path.write_text("en-fr\tHello\tBonjour / Salut\nfr-en\tOui\tYes\n", encoding="utf-8")
    phrases = read_phrases(path, [EN_FR])
    assert phrases == [Phrase(EN_FR, "Hello", ("Bonjour", "Salut"))]
    part, answers = PhrasePart(phrases), answer(EN_FR, {"Hello": "Allô"})
    assert values(part.measure(answers)) == {"phrases: accepted (%)": 0, "phrases: lines": 1}
    assert list(part.iter_misses(answers)) == ["en-fr phrases: Hello -> Allô (not Bonjour)"]


@pytest.mark.parametrize(
    ("output", "lost"),
    [
        ("Un <b>{n}</b> {n}", []),
        ("Un <b>{n}</b>", ["{n}"]),
        ("Un <b>{n}</b> {n} {n}", ["{n}"]),
        ("Un <B>{n}</b> {n}", ["<b>"]),
        ("", ["<b>", "{n}"]),
    ],
)
def test_a_span_stands_there_as_often_as_in_the_input(output: str, lost: list[str]) -> None:
    assert lost_spans(SpanLine("A <b>{n}</b> {n}", ("<b>", "{n}")), output) == lost


def test_spans_are_counted_by_span_and_by_line() -> None:
    part = SpanPart([SpanLine("a {x} {y}", ("{x}", "{y}")), SpanLine("b {x}", ("{x}",))], [EN_FR])
    figures = values(part.measure(answer(EN_FR, {"a {x} {y}": "{y}", "b {x}": "{x}"})))
    assert list(figures.values()) == [pytest.approx(200 / 3), 50, 2]


@pytest.mark.parametrize(
    ("line", "message"),
    [("no span", "expected 2 columns, found 1"), ("a {x}\t{y}", r"the span '{y}' is not in the sentence")],
)
def test_a_line_without_its_spans_is_named(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "spans.tsv"
    path.write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(DataError, match=f"spans.tsv:1: {message}"):
        read_span_lines(path)


def test_a_mark_alone_is_no_word() -> None:
    assert count_words("Où est-il ? « Là-bas, à 9 h ! »") == 6


def test_every_length_has_one_bucket() -> None:
    names = [bucket_names()[bucket_of(number)] for number in (0, 1, 5, 6, 10, 11, 15, 16, 25, 26, 99)]
    assert names == [
        *["1-5 words"] * 3,
        *["6-10 words"] * 2,
        *["11-15 words"] * 2,
        *["16-25 words"] * 2,
        *["26 and more words"] * 2,
    ]
    short, middle, *others = split_by_length(
        ParallelSet("a", EN_FR, ["one two three four five six", "one"], ["1", "2"])
    )
    assert (short.references, middle.references) == (["2"], ["1"])
    assert not any(bucket.sources for bucket in others)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is late.", "It is late"),
        ("Où es-tu ?", "Où es-tu"),
        ("« Quoi ?! »", "« Quoi »"),
        ('He said "no..."', 'He said "no"'),
        ("Mr. Smith", "Mr. Smith"),
        ("Wait…", "Wait"),
    ],
)
def test_only_the_mark_at_the_end_goes(text: str, expected: str) -> None:
    assert strip_final_mark(text) == expected


def test_robustness_is_a_ratio_to_the_set_as_it_is() -> None:
    source, reference = "The Cat sleeps on the roof.", "Le Chat dort sur le toit."
    part = RobustnessPart([ParallelSet("a", EN_FR, [source], [reference])])
    asked = {text: reference for _, texts in part.iter_requests() for text in texts}
    outputs = {source.upper(): "NON", source.lower(): reference.lower(), source[:-1]: reference[:-1]}
    figures = values(part.measure(answer(EN_FR, asked | outputs)))
    assert figures["a, lower case: BLEU"] == pytest.approx(100)
    assert figures["a, lower case: BLEU ratio (%)"] == pytest.approx(100)
    assert figures["a, capitals: BLEU ratio (%)"] < 5
    assert figures["a, no final mark: BLEU"] == pytest.approx(100)
    assert figures["a, typing errors: BLEU"] == pytest.approx(100)


def test_errors_are_in_the_sources_alone_and_the_same_each_time() -> None:
    test_set = ParallelSet(
        "a", FR_EN, ["Où dort le garçon de cette chambre ?", "Où ?"], ["Where is the café?", "Where?"]
    )
    spoilt, again = (spoil_sources("typos", test_set) for _ in range(2))
    assert spoilt == again
    assert spoilt.references == test_set.references
    assert spoilt.sources[0] != test_set.sources[0]
    assert spoilt.sources[1] == "Où ?"
    assert spoil_sources("unaccented", test_set).sources == ["Ou dort le garcon de cette chambre ?", "Ou ?"]


def test_two_rows_become_one() -> None:
    joined = join_pairs(ParallelSet("a", EN_FR, ["A.", "B.", "C."], ["a.", "b.", "c."]))
    assert (joined.sources, joined.references) == (["A. B.", "C."], ["a. b.", "c."])


def test_a_phrasebook_is_read_in_all_directions_between_its_languages(tmp_path: Path) -> None:
    path = tmp_path / "phrasebook.tsv"
    path.write_text("web\ta\tb\tc\td\te\tf\nwork\tA\tB\tC\tD\tE\tF\n", encoding="utf-8")
    book = read_phrasebook(path, [EN_FR, Direction("pt", "de"), Direction("en", "ru")])
    assert [(theme.name, str(theme.test_set.direction), *theme.test_set.sources) for theme in book.themes] == [
        ("web", "en-fr", "a"),
        ("work", "en-fr", "A"),
        ("web", "pt-de", "f"),
        ("work", "pt-de", "F"),
    ]
    assert [list(whole.references) for whole in book.whole()] == [["b", "B"], ["c", "C"]]


def test_start_up_is_taken_off_the_time() -> None:
    assert net_words_per_second(300, [3.0, 2.5, 9.0], [1.0, 0.5, 1.5]) == pytest.approx(150)


def test_speed_takes_the_first_set_of_each_direction() -> None:
    sets = [ParallelSet(name, direction, [], []) for name in "ab" for direction in (EN_FR, FR_EN)]
    assert first_of_each_direction(sets) == sets[:2]


def test_tables_have_a_column_for_each_metric() -> None:
    records = [
        Record(EN_FR, "a", "BLEU", 31.26, "nrefs:1"),
        Record(EN_FR, "a", "lines", 1000),
        Record(FR_EN, "a", "BLEU", 40.0, "nrefs:1"),
    ]
    layout = Layout({"test_set": "test set", "direction": "direction"}, ("metric",))
    assert format_table(layout, records).splitlines() == [
        "| test set | direction | BLEU | lines |",
        "| --- | --- | --- | --- |",
        "| a | en-fr | 31.3 | 1,000 |",
        "| a | fr-en | 40.0 |  |",
    ]
    assert format_signatures(records) == "BLEU: `nrefs:1`."


def test_many_directions_are_laid_out_as_a_matrix(tmp_path: Path) -> None:
    (tmp_path / "book.tsv").write_text("food\ta\tb\tc\td\te\tf\n", encoding="utf-8")
    directions = [Direction(src, tgt) for src in ("en", "fr", "de") for tgt in ("en", "fr", "de") if src != tgt]
    records = [
        record
        for number, direction in enumerate(directions)
        for record in (
            Record(direction, "phrasebook", "BLEU", float(number), variant="food"),
            Record(direction, "phrasebook", "BLEU", 10.0 + number),
            Record(direction, "phrasebook", "chrF2", 20.0 + number),
        )
    ]
    part = read_phrasebook(tmp_path / "book.tsv", directions)
    assert format_part(part, records).splitlines()[4:] == [
        "| figure | from \\ into | en | fr | de |",
        "| --- | --- | --- | --- | --- |",
        "| BLEU | en |  | 10.0 | 11.0 |",
        "| BLEU | fr | 12.0 |  | 13.0 |",
        "| BLEU | de | 14.0 | 15.0 |  |",
        "| chrF2 | en |  | 20.0 | 21.0 |",
        "| chrF2 | fr | 22.0 |  | 23.0 |",
        "| chrF2 | de | 24.0 | 25.0 |  |",
    ]
    few = [record for record in records if record.direction in (EN_FR, FR_EN)]
    assert format_part(part, few).splitlines()[4] == "| theme | en-fr BLEU | en-fr chrF2 | fr-en BLEU | fr-en chrF2 |"


@pytest.mark.parametrize("text", ["a.tsv", "a:en=a.txt", "a:en-fr"])
def test_a_test_set_is_named_in_one_form(text: str) -> None:
    with pytest.raises(UsageError):
        read_test_sets(text, [EN_FR])


@pytest.fixture
def many_to_many(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A bundle that translates between any two of its languages."""
    folder = Path(shutil.copytree(tiny_bundle, tmp_path / "many"))
    manifest = open_bundle(folder).manifest
    assert manifest.translation is not None
    langs = tuple(manifest.languages)
    seal(
        folder,
        replace(manifest, translation=replace(manifest.translation, directions=(), sources=langs, targets=langs)),
    )
    return folder


def test_a_bundle_of_many_languages_is_measured_in_the_directions_of_the_test_sets(
    many_to_many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def collect(_translator: Translator, requests: Iterable[Request]) -> Answers:
        return Answers({(direction, text): Answer(text, False) for direction, texts in requests for text in texts})

    monkeypatch.setattr(Answers, "collect", collect)
    (tmp_path / "pairs.tsv").write_text("It is late.\tIl est tard.\n", encoding="utf-8")
    (tmp_path / "spans.tsv").write_text("See a.org.\ta.org\n", encoding="utf-8")
    options = parse_options(
        [str(many_to_many), f"tiny:en-fr={tmp_path / 'pairs.tsv'}", "--spans", str(tmp_path / "spans.tsv")]
    )
    scores = [record for _, records in measure(options) for record in records]
    assert {record.direction for record in scores if record.metric == "BLEU"} == {EN_FR, FR_EN}
    assert {record.direction for record in scores if record.metric == "spans kept (%)"} == {EN_FR}


@pytest.mark.parametrize("bundle", [EMBEDDED, "many_to_many"])
def test_a_test_set_that_no_direction_serves_is_refused(
    bundle: Path | str, tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = request.getfixturevalue(bundle) if isinstance(bundle, str) else bundle
    (tmp_path / "pairs.tsv").write_text("It is late.\tEste târziu.\n", encoding="utf-8")
    assert main([str(folder), f"tiny:en-ro={tmp_path / 'pairs.tsv'}"]) == ExitCode.USAGE
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "the bundle does not translate between en and ro" in printed.err


def test_options_that_lack_a_test_set_say_so() -> None:
    with pytest.raises(UsageError, match="need a test set"):
        parse_options(["bundle", "--beams", "1,2"])
    options = parse_options(["bundle", "--beams", "1,2", "a:en-fr=a.tsv", "--numbers", "b:en-fr=b.tsv"])
    assert (options.beams, options.test_sets) == ((1, 2), ["a:en-fr=a.tsv", "b:en-fr=b.tsv"])


def test_one_call_measures_every_part(tmp_path: Path, sentences: dict[str, list[str]]) -> None:
    files = {
        "pairs": "".join(f"{en}\t{fr}\n" for en, fr in zip(sentences["en"][:4], sentences["fr"][:4], strict=True))
        + "It is 7 o'clock.\tIl est 7 heures.\n",
        "spans": "See www.example.org today.\twww.example.org\n",
        "phrases": "en-fr\tHello\tBonjour\nfr-en\tOui\tYes\n",
        "phrasebook": "web\tGood morning.\tBonjour.\tGuten Morgen.\tBuenos días.\tBuongiorno.\tBom dia.\n",
    }
    paths = {name: tmp_path / f"{name}.tsv" for name in files}
    for name, path in paths.items():
        path.write_text(files[name], encoding="utf-8")
    output, markdown = tmp_path / "scores.json", tmp_path / "card.md"
    parts = [part for name in ("spans", "phrases", "phrasebook") for part in (f"--{name}", str(paths[name]))]
    parts += ["--by-length", "--robustness", "--numbers", "--languages", "--show-misses"]
    parts += ["--beams", "1", "--threads", "1", "--markdown", str(markdown)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.quality", str(EMBEDDED), f"tiny:en-fr={paths['pairs']}", *parts],
        cwd=REPOSITORY,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    output.write_text(done.stdout, encoding="utf-8")
    scores = read_scores(output)
    assert {score.direction for score in scores} == {EN_FR, FR_EN}
    assert {(score.test_set, score.metric) for score in scores if score.direction == EN_FR} >= {
        ("tiny", "BLEU"),
        ("tiny", "chrF2"),
        ("tiny", "repeating lines (%)"),
        ("tiny, 1-5 words", "BLEU"),
        ("tiny, capitals", "BLEU ratio (%)"),
        ("tiny, two in one", "BLEU"),
        ("spans", "spans kept (%)"),
        ("tiny", "lines with numbers"),
        ("phrases", "accepted (%)"),
        ("phrasebook, web", "chrF2"),
        ("phrasebook", "BLEU"),
        ("tiny, beam 1", "words/s per core (1 core)"),
    }
    assert all(score.signature for score in scores if score.metric in ("BLEU", "chrF2"))
    assert [line for line in markdown.read_text(encoding="utf-8").splitlines() if line.startswith("#")] == [
        "### Test sets",
        "### BLEU by words of the source",
        "### Robustness",
        "### Protected spans",
        "### Numbers",
        "### Language of the output",
        "### Short phrases",
        "### Phrasebook",
        "### Speed",
    ]


def test_a_missing_file_is_one_clear_error() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.quality", str(EMBEDDED), "--spans", "nowhere.tsv"],
        cwd=REPOSITORY,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "error: no such file: nowhere.tsv\n")
