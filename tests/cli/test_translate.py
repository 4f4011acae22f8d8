"""``xlm translate`` as a shell sees it: real processes, pipes and signals."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from xlmcli.errors import ExitCode
from xlmcli.lines import iter_file_lines

XLM = [sys.executable, "-m", "xlmcli"]
TIMEOUT_SECONDS = 60

Translate = Callable[..., subprocess.CompletedProcess[bytes]]
RunXlm = Callable[..., tuple[int, str, str]]
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def command(tiny_bundle: Path) -> list[str]:
    return [*XLM, "translate", "-m", str(tiny_bundle), "--src", "en", "--tgt", "fr"]


@pytest.fixture
def translate(command: list[str]) -> Translate:
    """Runs to the end: ``translate(input, option, …)``."""

    def run(content: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([*command, *options], input=content, capture_output=True, timeout=TIMEOUT_SECONDS)

    return run


@pytest.fixture
def start(command: list[str]) -> Iterator[Start]:
    """Starts and leaves the pipes open: ``start(option, …)``."""
    processes: list[subprocess.Popen[bytes]] = []

    def popen(*options: str) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        processes.append(subprocess.Popen([*command, *options], stdin=pipe, stdout=pipe, stderr=pipe))
        return processes[-1]

    yield popen
    for process in processes:
        process.kill()
        process.wait(TIMEOUT_SECONDS)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def shell(line: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["bash", "-c", line], capture_output=True, timeout=TIMEOUT_SECONDS)


def test_lines_in_lines_out(translate: Translate) -> None:
    done = translate("Good morning.\n\n \t\nHow are\ryou?\r\n\0\x01\N{PILE OF POO}\u2028\u0085x\nno end".encode())
    assert (done.returncode, done.stdout.count(b"\n"), done.stdout[-1:]) == (0, 6, b"\n")
    lines = done.stdout.split(b"\n")
    assert lines[1:3] == [b"", b" \t"]
    assert [line.count(b"\r") for line in lines] == [0, 0, 0, 1, 0, 0, 0]
    assert lines[3].endswith(b"\r")
    assert all(lines[number].strip() for number in (0, 3, 4, 5))


def test_nothing_in_nothing_out(translate: Translate) -> None:
    done = translate(b"")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_order_is_kept_over_many_lines(translate: Translate, sentences: dict[str, list[str]]) -> None:
    lines = [line.encode() for line in sentences["en"]]
    alone = translate(b"\n".join(lines)).stdout.splitlines()
    together = translate(b"\n".join(lines * 20), "--max-batch-tokens", "300").stdout.splitlines()
    assert together == alone * 20


def test_the_first_answer_comes_before_the_second_line(start: Start) -> None:
    process = start()
    assert process.stdin
    assert process.stdout
    for line in (b"Good morning.\n", b"How are you today?\n"):
        process.stdin.write(line)
        process.stdin.flush()
        assert process.stdout.readline().strip()
    process.stdin.close()
    assert process.wait(TIMEOUT_SECONDS) == 0


def test_a_closed_pipe_ends_quietly(command: list[str]) -> None:
    done = shell(f"yes Good morning. | {shlex.join(command)} | head -n 1; echo ${{PIPESTATUS[1]}} >&2")
    assert done.stdout.count(b"\n") == 1
    assert done.stderr == b"0\n"


def test_ctrl_c_ends_quietly_while_waiting_for_input(start: Start) -> None:
    process = start()
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"Good morning.\n")
    process.stdin.flush()
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(TIMEOUT_SECONDS) == ExitCode.INTERRUPTED
    assert process.stderr
    assert process.stderr.read() == b""


@pytest.mark.parametrize(
    ("number", "exit_code"), [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_signals_leave_no_half_written_file(
    start: Start, tmp_path: Path, number: signal.Signals, exit_code: int
) -> None:
    out = tmp_path / "out" / "fr.txt"
    out.parent.mkdir()
    text = tmp_path / "en.txt"
    text.write_text("The cat sleeps on the warm roof.\n" * 200_000)
    process = start(str(text), "-o", str(out))
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not any(path.stat().st_size for path in out.parent.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    assert process.wait(TIMEOUT_SECONDS) == exit_code
    assert list(out.parent.iterdir()) == []
    assert process.stderr
    assert b"Traceback" not in process.stderr.read()


def test_closed_standard_streams_are_errors(command: list[str]) -> None:
    done = shell(f"{shlex.join(command)} <&-")
    assert (done.returncode, done.stdout) == (ExitCode.DATA, b"")
    assert b"standard input is closed" in done.stderr
    done = shell(f"echo hello | {shlex.join(command)} >&-")
    assert done.returncode == ExitCode.DATA
    assert b"cannot write standard output: it is closed" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full here")
@pytest.mark.parametrize(("option", "name"), [(">", "standard output"), ("-o", "/dev/full")])
def test_a_full_disk_is_an_error_that_names_the_file(command: list[str], option: str, name: str) -> None:
    done = shell(f"echo Hello. | {shlex.join(command)} {option} /dev/full")
    assert done.returncode == ExitCode.DATA
    assert done.stderr.decode().endswith(f"cannot write {name}: no space left on device\n")


def test_a_model_in_the_working_folder_has_a_name(command: list[str], tiny_bundle: Path) -> None:
    line = shlex.join([*command, "-m", ".", "--tgt", "de", "--text", "a"])
    done = shell(f"cd {shlex.quote(str(tiny_bundle))} && PYTHONPATH={shlex.quote(str(Path.cwd()))} {line}")
    assert f"error: {tiny_bundle.name} does not translate" in done.stderr.decode()


def test_invalid_utf8_names_the_line_after_writing_those_before(translate: Translate) -> None:
    done = translate(b"Good morning.\nHello.\nbad \xff\nnever\n")
    assert done.returncode == ExitCode.DATA
    assert done.stdout.count(b"\n") == 2
    assert b"<stdin>:3: invalid UTF-8" in done.stderr


def test_invalid_utf8_can_be_replaced_and_is_counted(translate: Translate) -> None:
    done = translate(b"Good morning.\nbad \xff\n", "--errors", "replace")
    assert (done.returncode, done.stdout.count(b"\n")) == (0, 2)
    assert b"1 line with invalid UTF-8" in done.stderr
    assert translate(b"bad \xff\n", "--errors", "replace", "--quiet").stderr == b""


def test_output_appears_complete_or_not_at_all(translate: Translate, tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    out.write_text("old\n")
    done = translate(b"Hello.\nbad \xff\n", "-o", str(out))
    assert done.returncode == ExitCode.DATA
    assert out.read_text() == "old\n"
    done = translate(b"Hello.\n", "-o", str(out))
    assert (done.returncode, done.stdout) == (0, b"")
    assert out.read_text() != "old\n"
    assert out.read_bytes() == translate(b"Hello.\n").stdout
    assert os.listdir(tmp_path) == ["out.txt"]


@pytest.mark.parametrize(
    ("options", "exit_code", "messages"),
    [
        (["--tgt", "de"], ExitCode.MODEL, ["does not translate from 'en' to 'de'", "hint: it translates en-fr, fr-en"]),
        (["-m", "nowhere"], ExitCode.MODEL, ["nowhere", "embed"]),
        (["missing.txt"], ExitCode.DATA, ["no such file: missing.txt"]),
        (["-o", "missing/out.txt"], ExitCode.DATA, ["cannot write"]),
        (["--text", "a", "b.txt"], ExitCode.USAGE, ["--text and files"]),
        (["-", "-"], ExitCode.USAGE, ["once"]),
        (["--n-best", "9", "--beam-size", "2"], ExitCode.USAGE, ["--n-best 9"]),
        (["--compute-type", "int7"], ExitCode.USAGE, ["int7", "hint: --compute-type"]),
        (["--column", "2"], ExitCode.USAGE, ["--format"]),
        (["--terms-missing", "warn"], ExitCode.USAGE, ["--terms-missing is for --terms"]),
    ],
)
def test_mistakes_are_one_clear_error(
    translate: Translate, options: list[str], exit_code: int, messages: list[str]
) -> None:
    done = translate(b"Hello.\n", *options)
    assert (done.returncode, done.stdout) == (exit_code, b"")
    error = done.stderr.decode()
    assert error.startswith("error: ")
    assert all(message in error for message in messages)


def test_files_and_stdin_follow_each_other(translate: Translate, tmp_path: Path) -> None:
    first = tmp_path / "first.txt"
    first.write_bytes(b"Good morning.")
    done = translate(b"Hello.\n", str(first), "-", str(first))
    assert done.stdout == translate(b"Good morning.\nHello.\nGood morning.\n").stdout


def test_text_is_translated(translate: Translate) -> None:
    assert translate(b"", "--text", "Good morning.").stdout == translate(b"Good morning.\n").stdout
    assert translate(b"", "--text", "").stdout == b"\n"


def test_line_buffered_gives_the_same(translate: Translate, sentences: dict[str, list[str]]) -> None:
    content = "\n".join(sentences["en"][:6]).encode()
    assert translate(content, "--line-buffered", "--workers", "2").stdout == translate(content).stdout


def test_n_best_and_scores(translate: Translate) -> None:
    done = translate(b"Good morning.\n\n", "--n-best", "2", "--beam-size", "3")
    rows = [line.split(" ||| ") for line in done.stdout.decode().splitlines()]
    assert [row[0] for row in rows] == ["0", "0", "1", "1"]
    assert float(rows[0][2]) >= float(rows[1][2])
    score, _, text = translate(b"Good morning.\n", "--with-scores").stdout.decode().partition("\t")
    assert float(score) < 0
    assert text.encode() == translate(b"Good morning.\n").stdout
    assert translate(b"\n", "--with-scores").stdout == b"\n"


def test_spaces_around_text_are_kept_in_every_format(translate: Translate) -> None:
    plain = translate(b"Good morning.\nIt rains.\n").stdout.decode().splitlines()
    assert [line.strip() for line in plain] == plain
    first, second = plain
    content = "  Good morning.\n\tIt rains. \u00a0\r\n \r \n\t\n"
    expected = content.replace("Good morning.", first).replace("It rains.", second)
    assert translate(content.encode()).stdout.decode() == expected
    for options in (["--line-buffered"], ["--n-best", "2"], ["--with-scores"]):
        lines = translate(content.encode(), *options).stdout.decode().splitlines()
        assert any(f"  {first}" in line for line in lines)
        assert any(f"\t{second} \u00a0" in line for line in lines)
    rows = "1\t Good morning. \n2\tIt rains.\u2003\n3\t \n"
    done = translate(rows.encode(), "--format", "tsv", "--column", "2")
    assert done.stdout.decode() == rows.replace("Good morning.", first).replace("It rains.", second)
    cells = '" Good morning.\n\t- It rains. ", x\n'
    done = translate(cells.encode(), "--format", "csv")
    assert re.fullmatch(r'" [^\s].*[^\s]\n\t[^\s].*[^\s] ", x\n', done.stdout.decode())
    done = translate(b'{"text": "  Good morning.\\t"}\n{"text": " \\u00a0"}\n', "--format", "jsonl")
    assert done.stdout.decode() == f'{{"text": "  {first}\\t"}}\n{{"text": " \\u00a0"}}\n'


def test_a_long_text_keeps_the_spaces_around_it(translate: Translate, sentences: dict[str, list[str]]) -> None:
    done = translate(f"\t {' '.join(sentences['en'])} \n".encode())
    assert re.fullmatch(r"\t [^\s].*[^\s] \n", done.stdout.decode())


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst", ".fr", ".tsv.gz"])
def test_output_is_compressed_as_its_name_says(translate: Translate, tmp_path: Path, suffix: str) -> None:
    content = b"Good morning.\nIt rains.\n" * 20
    out = tmp_path / f"out{suffix}"
    assert translate(content, "-o", str(out)).returncode == 0
    assert "".join(f"{line}\n" for line in iter_file_lines(out)).encode() == translate(content).stdout
    assert (b"\n" * 5 in out.read_bytes() or out.stat().st_size < 200) == (suffix != ".fr")
    assert translate(b"", "-o", str(out)).returncode == 0
    assert list(iter_file_lines(out)) == []


@pytest.mark.parametrize("name", ["x.npz", "x.npy", "x.ZIP", "x.bz2", "x.tar.gz", "x.csv.parquet"])
def test_formats_that_are_not_written_are_refused(translate: Translate, tmp_path: Path, name: str) -> None:
    done = translate(b"Hello.\n", "-o", str(tmp_path / name))
    assert done.returncode == ExitCode.USAGE
    ending = Path(name.removesuffix(".gz")).suffix.lower()
    assert f"{name}: {ending} is a format that is not written" in done.stderr.decode()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("format_name", "output"),
    [
        ("text", "x.csv"),
        ("text", "x.jsonl.gz"),
        ("text", "x.json"),
        ("csv", "x.tsv"),
        ("jsonl", "x.csv"),
        ("tsv", "x.csv"),
    ],
)
def test_an_output_that_is_named_as_another_format_is_refused(
    translate: Translate, tmp_path: Path, format_name: str, output: str
) -> None:
    done = translate(b"Hello.\n", "--format", format_name, "-o", str(tmp_path / output))
    assert done.returncode == ExitCode.USAGE
    assert (
        f"{output}: .{output.split('.')[1]} is a format that is not written from {format_name}" in done.stderr.decode()
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("format_name", "output"), [("jsonl", "x.json"), ("csv", "x.csv.gz"), ("csv", "x.txt"), ("tsv", "x")]
)
def test_other_names_of_an_output_are_not(translate: Translate, tmp_path: Path, format_name: str, output: str) -> None:
    assert translate(b"", "--format", format_name, "-o", str(tmp_path / output)).returncode == 0
    (tmp_path / "in.json").write_text("")
    for options in (
        ["--format", "text", tmp_path / "in.json", "-o", tmp_path / "x.json"],
        ["--format", "csv", "--delimiter", "\t", "-o", tmp_path / "x.tsv"],
    ):
        assert translate(b"", *map(str, options)).returncode == 0


def test_other_delimiters_are_served_or_told_of(translate: Translate) -> None:
    first = translate(b"Good morning.\n").stdout.decode().strip()
    content = '"id";"note"\r\n1;"Good morning."\r\n'
    expected = content.replace("Good morning.", first)
    for options in (["--delimiter", ";"], []):
        done = translate(content.encode(), "--format", "csv", "--column", "note", *options)
        assert (done.stdout.decode(), done.stderr) == (expected, b"")
    done = translate(b"Good morning.;1\n", "--format", "csv", "--delimiter", ";")
    assert (done.stdout.decode(), done.stderr) == (f"{first};1\n", b"")
    done = translate(b"Good morning.;1\n", "--format", "csv")
    assert done.stderr == b"note: the first row has no comma, but ';': --delimiter says if that separates columns\n"
    assert translate(b"a\n", "--delimiter", ";").returncode == ExitCode.USAGE


@pytest.mark.parametrize("option", ["--column", "--field"])
def test_a_column_is_given_once(translate: Translate, option: str) -> None:
    done = translate(b"a,b\n", "--format", "csv", option, "1", option, "2")
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, b"")
    assert f"error: {option} is given twice: 1 and 2" in done.stderr.decode()


def test_tables_and_json_pass_the_rest(translate: Translate) -> None:
    plain = translate(b"Good morning.\n").stdout.decode().strip()
    assert translate(b"7\tGood morning.\tx\n", "--format", "tsv", "--column", "2").stdout.decode() == f"7\t{plain}\tx\n"
    done = translate(b'id,note\n7,"Good morning."\n', "--format", "csv", "--column", "note")
    assert done.stdout.decode().replace('"', "") == f"id,note\n7,{plain}\n"
    done = translate(b'{"id": 7, "note": "Good morning."}\n', "--format", "jsonl", "--field", "note")
    assert json.loads(done.stdout) == {"id": 7, "note": plain}


def test_malformed_rows_are_named_after_the_rows_before(translate: Translate, tmp_path: Path) -> None:
    table = tmp_path / "table.tsv"
    table.write_text("1\tHello.\n2\n")
    done = translate(b"", str(table), "--format", "tsv", "--column", "2")
    assert (done.returncode, done.stdout.count(b"\n")) == (ExitCode.DATA, 1)
    assert f"{table}:2: expected at least 2 columns, found 1" in done.stderr.decode()


def test_long_lines_are_split_and_what_was_cut_is_said(translate: Translate, sentences: dict[str, list[str]]) -> None:
    long = " ".join(sentences["en"])
    done = translate(f"{long}\n{'the cat sleeps ' * 60}\nHello.\n".encode())
    assert (done.returncode, done.stdout.count(b"\n")) == (0, 3)
    assert b"1 line with a sentence longer than the model" in done.stderr
    done = translate(json.dumps({"text": "the cat sleeps " * 60}).encode(), "--format", "jsonl")
    assert "cut" in json.loads(done.stdout)["warnings"]


@pytest.fixture
def protecting(tiny_bundle: Path, tmp_path: Path) -> Path:
    """The tiny bundle, said to have learned the marks of protected spans, which its model never writes."""
    path = tmp_path / "protecting"
    shutil.copytree(tiny_bundle, path)
    document = json.loads((path / "xlm.json").read_text(encoding="utf-8"))
    document["translation"]["protects_spans"] = True
    (path / "xlm.json").write_text(json.dumps(document), encoding="utf-8")
    return path


def test_protected_spans_come_out_as_they_went_in(protecting: Path, xlm: RunXlm) -> None:
    model = ("translate", "-m", protecting, "--src", "en", "--tgt", "fr", "--beam-size", 1)
    text = "Good morning {name}, the cat sleeps at https://x.org/Été now."
    exit_code, stdout, stderr = xlm(*model, "--text", text)
    assert exit_code == 0
    assert re.fullmatch(r"[^{}]+ \{name\}[^{}]+ https://x\.org/Été [^{}]+\n", stdout)
    assert "1 line where the text around protected spans was translated in parts" in stderr
    assert xlm(*model, "--text", "{name}: 👍 <b>!") == (0, "{name}: 👍 <b>!\n", "")
    exit_code, stdout, stderr = xlm(*model, "--text", text, "--no-protect")
    assert (exit_code, "{name}" in stdout, "protected" in stderr) == (0, False, False)


def test_parts_are_warned_of_in_json(protecting: Path, xlm: RunXlm, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "Hello {a}.\\nSee {b} {a} soon."}\n{"text": "Hello."}\n')
    model = ("translate", "-m", protecting, "--src", "en", "--tgt", "fr", "--beam-size", 2, "--n-best", 2)
    exit_code, stdout, _ = xlm(*model, "--format", "jsonl", tmp_path / "in.jsonl")
    assert exit_code == 0
    first, second = map(json.loads, stdout.splitlines())
    assert "parted" in first["warnings"]
    assert "parted" not in second.get("warnings", [])
    assert [re.findall(r"\{.\}|\n", item["text"]) for item in first["nbest"]] == [["{a}", "\n", "{b}", "{a}"]] * 2


def test_a_model_that_has_learned_no_marks_protects_nothing(tiny_bundle: Path, xlm: RunXlm) -> None:
    model = ("translate", "-m", tiny_bundle, "--src", "en", "--tgt", "fr", "--beam-size", 1, "--text", "Go {name}.")
    code, out, err = xlm(*model)
    assert "{name}" not in out
    unprotected = xlm(*model, "--no-protect")
    assert (unprotected[0], unprotected[1].capitalize(), unprotected[2]) == (code, out, err)


def test_training_libraries_are_never_loaded(tiny_bundle: Path) -> None:
    program = (
        "import sys\nfrom xlmcli.cli import main\n"
        f"main(['translate', '-m', {str(tiny_bundle)!r}, '--src', 'en', '--tgt', 'fr', '--text', 'Hello.'],"
        " standalone_mode=False)\nprint(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=TIMEOUT_SECONDS, text=True)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "ctranslate2" in loaded
    assert loaded.isdisjoint(
        {"torch", "transformers", "accelerate", "huggingface_hub", "sacrebleu", "rich", "sentencex"}
    )
