"""Names of files and folders that are not UTF-8, in every kind of place where a command takes one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NAME = os.fsdecode(b"caf\xe9")

# % stands for bytes that are not UTF-8.
COMMANDS = [
    "translate -m {translator} --src en --tgt fr en% -o out%",
    "classify -m {classifier} --lang en en% -o out%",
    "encode -m {encoder} --lang en en% -o out%.npy",
    "encode -m {encoder} --lang en --nearest en% en%",
    "tokenizer train --lang en=en% --vocab-size 312 new%",
    "tokenizer encode -m {translator}",
    "info {translator}",
    "info {checkpoint} --format json",
    "convert {checkpoint} new% --card en% --recipe en% --verify --verify-file en=en%",
    "convert {checkpoint} new% --direction en-fr --verify",
    "eval translate --ref en% en% --format json",
    "eval translate --ref en% en% --format table",
    "eval translate --ref en% en% --plot out%.svg",
    "eval translate --ref en% -m {translator} --src en --tgt fr --source en% --format latex",
    "eval classify --gold en% en%",
    "models path",
    "pretrain --config config% --tokenizer {translator} --mono en=en% --valid en=en% --cache cache% new%",
    "train translate --init {checkpoint} --config config% --parallel en-fr=pairs% --valid en-fr=pairs% new%",
]
CONFIG = """
[pretrain]
dim = 16
layers = 1
heads = 2
max-positions = 48
block-len = 16
max-len = 40
max-steps = 1

[train.translate]
max-len = 40
max-steps = 1
"""


@pytest.mark.parametrize("line", COMMANDS)
def test_names_that_are_not_utf8(
    tiny_bundle: Path,
    tiny_checkpoint: Path,
    tiny_classifier: Path,
    tiny_encoder: Path,
    sentences: dict[str, list[str]],
    tmp_path: Path,
    line: str,
) -> None:
    folder = tmp_path / NAME
    folder.mkdir()
    models = {
        "translator": tiny_bundle,
        "checkpoint": tiny_checkpoint,
        "classifier": tiny_classifier,
        "encoder": tiny_encoder,
    }
    for name, path in models.items():
        if f"{{{name}}}" in line:
            shutil.copytree(path, folder / f"{name}-{NAME}")
    pairs = zip(sentences["en"], sentences["fr"], strict=True)
    (folder / f"en{NAME}").write_text("".join(f"{text}\n" for text in sentences["en"]))
    (folder / f"pairs{NAME}").write_text("".join(f"{en}\t{fr}\n" for en, fr in pairs))
    (folder / f"config{NAME}").write_text(CONFIG)
    arguments = line.format(**{name: f"{name}-%" for name in models}).replace("%", NAME).split()
    environment = {"XLM_HOME": str(folder / "home"), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-m", "xlmcli", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        input=b"Hello.\n",
        capture_output=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    if "models path" in line:
        assert done.stdout == os.fsencode(folder / "home/models") + b"\n"
    elif "json" in line:
        done.stdout.decode("utf-8")
