"""Files of torch.save, against torch.load."""

from __future__ import annotations

import io
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from xlmcli.checkpoint.stand_ins import StorageKind, StorageReference, TensorReference
from xlmcli.checkpoint.torch_file import StreamedWeights, TorchFile
from xlmcli.errors import ModelError

Save = Callable[[Any], Path]


@pytest.fixture(params=[True, False], ids=["zip", "legacy"])
def save(request: pytest.FixtureRequest, tmp_path: Path) -> Save:
    def write(content: Any) -> Path:
        path = tmp_path / "model.pth"
        torch.save(content, path, _use_new_zipfile_serialization=request.param)
        return path

    return write


TENSORS = {
    "float32": torch.randn(3, 5),
    "float16": torch.randn(7).half(),
    "bfloat16": torch.randn(2, 2).bfloat16(),
    "float64": torch.randn(4).double(),
    "int64": torch.arange(6).reshape(2, 3),
    "int32": torch.arange(5, dtype=torch.int32),
    "int16": torch.arange(5, dtype=torch.int16),
    "int8": torch.arange(5, dtype=torch.int8),
    "uint8": torch.arange(5, dtype=torch.uint8),
    "bool": torch.tensor([True, False, True]),
    "scalar": torch.tensor(2.5),
    "empty": torch.empty(0, 4),
    "transposed": torch.arange(12.0).reshape(3, 4).T,
    "slice": torch.arange(12.0)[3:7],
    "expanded": torch.ones(1).expand(4),
}


@pytest.mark.parametrize("name", TENSORS)
def test_tensors_equal_those_of_torch(name: str, save: Save) -> None:
    wanted = TENSORS[name]
    file = TorchFile(save({"other": torch.zeros(3, dtype=torch.uint8), name: wanted}))
    tensor = file.tensor(file.content[name])
    assert tensor.dtype == wanted.dtype
    assert tensor.shape == wanted.shape
    assert torch.equal(tensor, wanted)


def test_all_of_a_state_dict_equals_that_of_torch(save: Save) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.LayerNorm(6), torch.nn.Embedding(9, 4))
    path = save(
        {
            "model": model.state_dict(),
            "params": {"n_words": 9},
            "optimizer": torch.optim.Adam(model.parameters()).state_dict(),
        }
    )
    file, wanted = TorchFile(path), torch.load(path, weights_only=True)
    assert list(file.content["model"]) == list(wanted["model"])
    assert all(torch.equal(file.tensor(ref), wanted["model"][name]) for name, ref in file.content["model"].items())
    assert file.content["params"] == wanted["params"]
    assert file.content["optimizer"] == wanted["optimizer"]


def test_tensors_that_share_numbers_refer_to_the_same_ones(save: Save) -> None:
    table = torch.randn(3, 2)
    content = TorchFile(save(OrderedDict(table=table, output=table, copy=table.clone()))).content
    assert content["table"] == content["output"]
    assert content["table"] != content["copy"]


def test_parameters_are_tensors(save: Save) -> None:
    parameter = torch.nn.Parameter(torch.randn(3))
    file = TorchFile(save({"w": parameter}))
    assert torch.equal(file.tensor(file.content["w"]), parameter.detach())


def test_writing_to_a_tensor_leaves_the_file_alone(save: Save) -> None:
    path = save({"w": torch.ones(1000)})
    before = path.read_bytes()
    file = TorchFile(path)
    file.tensor(file.content["w"]).zero_()
    assert path.read_bytes() == before


# In a process of its own: training, which other tests do, lets the C library keep what is freed.
READ_AND_RELEASE = """
import re, sys
from pathlib import Path
from xlmcli.checkpoint.torch_file import TorchFile

def memory(kind):
    return int(re.search(rf"^{kind}:\\s+(\\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)[1]) * 1024

before = memory("RssAnon")
file = TorchFile(Path(sys.argv[1]))
assert file.tensor(file.content["w"]).sum() == 0
assert memory("RssAnon") - before < 10 * 2**20
read = memory("RssFile")
file.release()
assert read - memory("RssFile") > 30 * 2**20
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_numbers_are_not_copied_and_their_memory_is_given_back(save: Save) -> None:
    path = save({"w": torch.zeros(40 * 2**20 // 4)})
    done = subprocess.run([sys.executable, "-c", READ_AND_RELEASE, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_file_with_storages_on_a_gpu_is_read(save: Save) -> None:
    path = save({"w": torch.arange(3.0)})
    path.write_bytes(path.read_bytes().replace(b"X\x03\x00\x00\x00cpu", b"X\x03\x00\x00\x00gpu"))
    file = TorchFile(path)
    assert file.tensor(file.content["w"]).tolist() == [0, 1, 2]


def test_every_way_of_cutting_a_file_short_is_an_error(save: Save) -> None:
    path = save({"w": torch.randn(50), "params": {"emb_dim": 4}})
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, max(1, len(whole) // 97)):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError, match=r"model\.pth"):
            file = TorchFile(path)
            file.tensor(file.content["w"])


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", b"\x80\x02", b"\x80\x02}.", os.urandom(300)])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.pth"):
        TorchFile(path)


def test_other_archives_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ModelError, match="a zip archive, but not one of torch"):
        TorchFile(path)


def test_a_missing_file_and_a_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no such file: .*nothing.pth"):
        TorchFile(tmp_path / "nothing.pth")
    with pytest.raises(ModelError, match=r"cannot read .*: is a directory"):
        TorchFile(tmp_path)


def test_an_archive_of_a_big_endian_machine_is_refused(tmp_path: Path) -> None:
    path, target = tmp_path / "model.pth", tmp_path / "big.pth"
    torch.save({"w": torch.ones(2)}, path)
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(target, "w") as big:
        for entry in archive.infolist():
            big.writestr(entry, b"big" if entry.filename.endswith("byteorder") else archive.read(entry))
    with pytest.raises(ModelError, match="big-endian"):
        TorchFile(target)


def test_archives_without_checksums_are_read(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({"w": torch.ones(2)}, path)
    finally:
        torch.serialization.set_crc32_options(True)
    file = TorchFile(path)
    assert file.tensor(file.content["w"]).tolist() == [1, 1]


REFERENCE = TensorReference(StorageReference(StorageKind("FloatStorage"), "0", 0, 4), 0, (2, 2), (2, 1))


@pytest.mark.parametrize(
    "changes",
    [
        {"offset": 1}, {"offset": -1}, {"size": (3, 2)}, {"stride": (3, 1)}, {"stride": (-2, 1)}, {"stride": (2,)},
        {"size": (2**62, 2**62)}, {"size": ("2", "2")}, {"offset": None},
        {"storage": StorageReference(StorageKind("FloatStorage"), "0", 0, 5)},
        {"storage": StorageReference(StorageKind("FloatStorage"), "0", 1, 4)},
        {"storage": StorageReference(StorageKind("FloatStorage"), "0", -1, 4)},
        {"storage": StorageReference(StorageKind("FloatStorage"), "0", 0, -4)},
        {"storage": StorageReference(StorageKind("DoubleStorage"), "0", 0, 4)},
        {"storage": StorageReference(StorageKind("FloatStorage"), "9", 0, 4)},
    ],
    ids=str,
)  # fmt: skip
def test_tensors_that_reach_beyond_their_numbers_are_errors(changes: dict[str, Any], save: Save) -> None:
    path = save({"w": torch.arange(4.0).reshape(2, 2)})
    file = TorchFile(path)
    key = file.content["w"].storage.key
    storage = changes.get("storage", REFERENCE.storage)
    storage = storage._replace(key=key if storage.key == "0" else storage.key)
    assert file.tensor(REFERENCE._replace(storage=REFERENCE.storage._replace(key=key))).tolist() == [[0, 1], [2, 3]]
    with pytest.raises(ModelError, match=r"model\.pth"):
        file.tensor(REFERENCE._replace(**{**changes, "storage": storage}))


def test_tensors_that_repeat_few_numbers_are_refused(save: Save) -> None:
    file = TorchFile(save({"w": torch.zeros(1000).expand(10**7, 1000)}))
    with pytest.raises(ModelError, match="its tensors have more numbers than the file has bytes"):
        file.tensor(file.content["w"])
    with pytest.raises(ModelError, match="more numbers than the file has bytes"):
        StreamedWeights(file, file.content)


def test_many_tensors_of_the_same_numbers_are_refused(save: Save) -> None:
    table = torch.zeros(1000, 10)
    file = TorchFile(save({str(number): table for number in range(100)}))
    assert file.tensor(file.content["0"]).shape == (1000, 10)
    with pytest.raises(ModelError, match="its tensors have more numbers than the file has bytes"):
        StreamedWeights(file, file.content)


@pytest.mark.parametrize("name", ["data.pkl", "byteorder"])
def test_an_archive_whose_parts_are_no_weights_and_large_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    with zipfile.ZipFile(path, "w") as archive:
        for part, content in (("data.pkl", b"N."), ("byteorder", b"little")):
            archive.writestr(f"model/{part}", bytes(70 << 20) if part == name else content)
    with pytest.raises(ModelError, match=f"model/{name} takes 73,400,320 bytes"):
        TorchFile(path)


def test_a_legacy_file_that_counts_beyond_its_end_is_an_error(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"w": torch.ones(4)}, buffer, _use_new_zipfile_serialization=False)
    path = tmp_path / "model.pth"
    path.write_bytes(buffer.getvalue().replace(struct.pack("<q", 4), struct.pack("<q", 2**60)))
    with pytest.raises(ModelError, match=r"model\.pth"):
        file = TorchFile(path)
        file.tensor(file.content["w"])


def test_a_file_of_another_version_of_the_legacy_form_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    path.write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2) + pickle.dumps(1002, protocol=2))
    with pytest.raises(ModelError, match=r"not a file of torch\.save"):
        TorchFile(path)
