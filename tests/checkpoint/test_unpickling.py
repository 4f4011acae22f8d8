"""Hostile pickles are refused by name, and nothing of them runs."""

from __future__ import annotations

import argparse
import copyreg
import functools
import io
import os
import pickle
import random
import struct
import subprocess
import sys
import tracemalloc
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from xlmcli.checkpoint import unpickling
from xlmcli.checkpoint.torch_file import TorchFile
from xlmcli.checkpoint.unpickling import RefusedPickleError, RestrictedUnpickler
from xlmcli.errors import ExitCode, ModelError

SYSTEM = f"{os.system.__module__}.system"


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function: Any, *args: Any) -> None:
        self._reduced = (function, args)

    def __reduce__(self) -> Any:
        return self._reduced


def load(pickled: bytes) -> Any:
    return RestrictedUnpickler(pickled, "model.pth").load()


def attacks(marker: Path) -> dict[str, tuple[Any, str]]:
    """Content that writes a file when it is loaded, and the name that its refusal tells."""
    command, code = f"echo run > {marker}", f"__import__('pathlib').Path({str(marker)!r}).write_text('run')"
    system = Call(os.system, command)
    return {
        "system": (system, SYSTEM),
        "eval": (Call(eval, code), "builtins.eval"),
        "exec": (Call(exec, code), "builtins.exec"),
        "open": (Call(open, str(marker), "w"), f"{open.__module__}.open"),
        "run": (Call(subprocess.run, ["touch", str(marker)]), "subprocess.run"),
        "Popen": (Call(subprocess.Popen, ["touch", str(marker)]), "subprocess.Popen"),
        "popen": (Call(os.popen, command), "os.popen"),
        "partial": (Call(functools.partial(os.system, command)), "functools.partial"),
        "map": (Call(list, Call(map, os.system, [command])), "builtins.list"),
        "import": (Call(__import__, "os"), "builtins.__import__"),
        "loads": (Call(pickle.loads, pickle.dumps(system)), "pickle.loads"),
        "torch bytes": (Call(torch.storage._load_from_bytes, torch_bytes(system)), "torch.storage._load_from_bytes"),
        "in params": ({"params": {"emb_dim": 4, "langs": ["en", system]}}, SYSTEM),
        "in an ordered dict": (OrderedDict(model=[system]), SYSTEM),
        "as a key": (OrderedDict({system: 1}), SYSTEM),
    }


def torch_bytes(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


@pytest.mark.parametrize("name", attacks(Path("nowhere")))
def test_attacks_are_refused_by_name_and_run_nothing(name: str, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    content, refused = attacks(marker)[name]
    with pytest.raises(RefusedPickleError) as raised:
        load(pickle.dumps(content, protocol=2))
    assert raised.value.name == refused
    assert raised.value.message == f"model.pth: refused, its pickle tries to load {refused}"
    assert raised.value.exit_code == ExitCode.MODEL
    assert not marker.exists()


@pytest.mark.parametrize("protocol", [0, 1, 3, 4, 5])
@pytest.mark.parametrize("name", attacks(Path("nowhere")))
def test_no_protocol_is_a_way_around(name: str, protocol: int, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    with pytest.raises(RefusedPickleError):
        load(pickle.dumps(attacks(marker)[name][0], protocol=protocol))
    assert not marker.exists()


def test_the_attacks_are_real(tmp_path: Path) -> None:
    for number, name in enumerate(["system", "eval", "run", "partial", "map", "loads", "in params"]):
        marker = tmp_path / str(number)
        pickle.loads(pickle.dumps(attacks(marker)[name][0], protocol=2))
        assert marker.exists(), name


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_attacks_in_files_of_torch_are_refused(zipped: bool, tmp_path: Path) -> None:
    marker, path = tmp_path / "marker", tmp_path / "model.pth"
    content = {"model": OrderedDict(w=torch.ones(2)), "params": attacks(marker)["system"][0]}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(RefusedPickleError, match=f"{path}: refused, its pickle tries to load {SYSTEM}"):
        TorchFile(path)
    assert not marker.exists()


def test_a_bare_pickle_is_refused(tmp_path: Path) -> None:
    marker, path = tmp_path / "marker", tmp_path / "model.pth"
    path.write_bytes(pickle.dumps(attacks(marker)["system"][0]))
    with pytest.raises(RefusedPickleError, match=SYSTEM):
        TorchFile(path)
    assert not marker.exists()


def test_a_model_that_was_saved_whole_is_refused(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pth")
    with pytest.raises(RefusedPickleError, match=r"torch\.nn\.modules\.linear\.Linear"):
        TorchFile(tmp_path / "model.pth")


def named(module: str, name: str) -> bytes:
    """Opcodes that load a global, name with dots and all."""
    parts = (part.encode() for part in (module, name))
    return b"".join(b"\x8c" + bytes([len(part)]) + part for part in parts) + b"\x93"


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("collections", "OrderedDict.__init__.__globals__"),
        ("collections", "OrderedDict.fromkeys"),
        ("collections", "_sys"),
        ("torch._utils", "_rebuild_tensor_v2.__globals__"),
        ("torch._utils", "importlib.import_module"),
        ("torch._utils", "_import_dotted_name"),
        ("torch", "FloatStorage.from_file"),
        ("torch", "load"),
        ("torch", "storage"),
        ("argparse", "Namespace.__init__"),
        ("argparse", "_sys.modules"),
        ("numpy", "dtype.__class__"),
        ("numpy", "load"),
        ("numpy.core.multiarray", "fromfile"),
        ("_codecs", "decode"),
        ("xlmcli.checkpoint.unpickling", "RestrictedUnpickler"),
        ("builtins", "set.__class__"),
        ("builtins", "type"),
    ],
)
def test_names_near_the_allowed_ones_are_refused(module: str, name: str) -> None:
    with pytest.raises(RefusedPickleError) as raised:
        load(b"\x80\x04" + named(module, name) + b".")
    assert raised.value.name == f"{module}.{name}"


@pytest.mark.parametrize(
    ("module", "shown"),
    [
        ("os\nerror: fine", r"os\nerror: fine.system"),
        ("\x1b[31mos", r"\x1b[31mos.system"),
        ("\u043es", r"\u043es.system"),
        ("a" * 250, "a" * 200),
    ],
)
def test_a_name_is_shown_on_one_line_and_short(module: str, shown: str) -> None:
    with pytest.raises(RefusedPickleError) as raised:
        load(b"\x80\x04" + named(module, "system") + b".")
    assert raised.value.message == f"model.pth: refused, its pickle tries to load {shown}"
    assert raised.value.name == f"{module}.system"


@pytest.mark.parametrize(
    ("size", "stride"), [(3, (1,)), ((3,), 1), (("3",), (1,)), ((3,), (1.5,)), (((3, 3),), (1,)), (None, None)]
)
def test_the_shape_of_a_tensor_must_be_numbers(size: object, stride: object) -> None:
    with pytest.raises(pickle.UnpicklingError, match=r"expected (int|tuple), found"):
        load(pickle.dumps(Call(torch._utils._rebuild_tensor_v2, None, 0, size, stride, False, {}), protocol=2))


BUILD, STATE, SLOTS = b"b", b"}\x8c\x01xK\x01s", b"N}\x8c\x04callK\x01s\x86"
OBJECTS = [("collections", "OrderedDict"), ("torch._utils", "_rebuild_tensor_v2"), ("argparse", "Namespace"),
           ("torch", "FloatStorage"), ("numpy", "dtype"), ("numpy", "ndarray"), ("_codecs", "encode")]  # fmt: skip


@pytest.mark.parametrize("state", [STATE, SLOTS], ids=["attributes", "slots"])
@pytest.mark.parametrize(("module", "name"), OBJECTS)
def test_a_pickle_cannot_change_what_its_names_stand_for(module: str, name: str, state: bytes) -> None:
    with pytest.raises((pickle.UnpicklingError, TypeError, AttributeError)):
        load(b"\x80\x04" + named(module, name) + state + BUILD + b".")
    assert load(pickle.dumps(OrderedDict(a=1), protocol=2)) == {"a": 1}
    assert load(pickle.dumps(argparse.Namespace(a=1), protocol=2)) == {"a": 1}


@pytest.mark.parametrize(
    "pid",
    ["storage", ("module", dict, "source", "text"), ("storage", "FloatStorage", "0", "cpu", 4), ("storage",), 7],
)
def test_references_to_what_is_no_storage_are_refused(pid: object) -> None:
    with pytest.raises(ModelError, match="refers to something that is no storage"):
        RestrictedUnpickler(b"", "model.pth").persistent_load(pid)


def twice(start: bytes, times: int = 60) -> bytes:
    """Opcodes of a tuple of two equal ones, which are two equal ones in turn, and so on down to ``start``."""
    return start + b"2\x86" * times


HARD_TO_HASH = {
    "twice": twice(b"K\x01"),
    "twice, by the memo": b"K\x01" + b"q\x00h\x00\x86" * 60,
    "twice, from a mark": b"K\x01" + b"q\x000(h\x00h\x00t" * 60,
    "deep": b"K\x01" + b"\x85" * 10**6,
    "wide": b"(" + b"K\x01" * 2000 + b"t",
    "wide in two steps": b"(" + b"(" + b"K\x01" * 100 + b"tq\x00" + b"h\x00" * 100 + b"t",
    "long integer": b"\x8b" + struct.pack("<I", 10**6) + b"\x7f" * 10**6,
    "long integer in text": b"L0x" + b"f" * 10**6 + b"L\n",
    "integer in text": b"I0x" + b"f" * 10**6 + b"\n",
}
# What hashes: {x: 1}, with one key or several, {x}, frozenset({x}), and the functions.
HASHED = {
    "key": b"}%bK\x01s.",
    "keys": b"}(K\x05K\x06%bK\x01u.",
    "key of a dict in one step": b"(%bK\x01d.",
    "member": b"\x8f(%b\x90.",
    "frozen member": b"(%b\x91.",
    "member of set()": named("builtins", "set") + b"](%be\x85R.",
    "member of frozenset()": named("builtins", "frozenset") + b"](%be\x85R.",
    "key of OrderedDict()": named("collections", "OrderedDict") + b"](](%bK\x01ee\x85R.",
    "dtype": named("numpy", "dtype") + b"%b\x85R.",
    "nothing": b"%b.",
}


@pytest.mark.parametrize("use", HASHED)
@pytest.mark.parametrize("made", HARD_TO_HASH)
def test_what_takes_long_to_hash_is_refused(made: str, use: str) -> None:
    with pytest.raises(ModelError, match=r"model\.pth: refused, its pickle makes (a tuple or a set|an integer) "):
        load(b"\x80\x04" + HASHED[use].replace(b"%b", HARD_TO_HASH[made]))


def many(start: bytes, step: bytes, times: int) -> bytes:
    """Opcodes of a thing in the memo, then of a list of what a step makes of it, many times."""
    return b"\x80\x04" + start + b"](" + step * times + b"e."


NUMBERS = b"]q\x01(" + b"".join(b"J" + struct.pack("<i", number) for number in range(50_000)) + b"e0"
ITEMS = b"}q\x01(" + b"".join(b"J" + struct.pack("<i", number) + b"N" for number in range(50_000)) + b"u0"
TEXT = b"X" + struct.pack("<I", 1 << 20) + b"a" * (1 << 20) + b"q\x010"
BOMBS = {
    "byte array": (b"\x80\x05\x96" + struct.pack("<Q", 5 << 30) + b".", "makes a byte array"),
    "the same text as bytes": (
        many(TEXT + named("_codecs", "encode") + b"q\x000", b"h\x00h\x01X\x06\x00\x00\x00latin1\x86R", 3000),
        "copies more than 256 MB",
    ),
    "the same set": (
        many(NUMBERS + named("builtins", "set") + b"q\x000", b"h\x00h\x01\x85R", 300),
        "copies more than 256 MB",
    ),
    "the same dict": (
        many(ITEMS + named("collections", "OrderedDict") + b"q\x000", b"h\x00h\x01\x85R", 300),
        "copies more than 256 MB",
    ),
    "the same namespace": (
        many(ITEMS + named("argparse", "Namespace") + b"q\x000", b"h\x00)\x81h\x01b", 300),
        "copies more than 256 MB",
    ),
    "the same set as an object": (
        many(NUMBERS + named("builtins", "set") + b"q\x000", b"(h\x00h\x01o", 300),
        "makes instances in a way that no checkpoint does",
    ),
    "the same set as an instance": (
        many(NUMBERS, b"(h\x01ibuiltins\nset\n", 300),
        "makes instances in a way that no checkpoint does",
    ),
    "the same set with names": (
        many(NUMBERS + named("builtins", "set") + b"q\x000", b"h\x00h\x01\x85}\x92", 300),
        "makes instances in a way that no checkpoint does",
    ),
    "empty sets": (b"\x80\x04" + b"\x8f" * 6_000_000 + b".", "takes over 5,000,000 steps"),
    "empty sets in a frame": (
        b"\x80\x04\x95" + struct.pack("<Q", 6_000_000) + b"\x8f" * 6_000_000 + b".",
        "takes over 5,000,000 steps",
    ),
    "memos": (b"\x80\x04N" + b"\x94" * 6_000_000 + b".", "takes over 5,000,000 steps"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_short_pickle_is_no_way_to_fill_the_memory(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pickled, message = BOMBS[name]
    if "steps" in message:  # the limit is measured by hand: 5 million take a second each
        monkeypatch.setattr(unpickling, "_MAX_STEPS", 50_000)
        pickled, message = pickled[:60_000] + b".", "takes over 50,000 steps"
        pickled = pickled.replace(struct.pack("<Q", 6_000_000), struct.pack("<Q", 59_000))
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match=f"model.pth: refused, its pickle {message}"):
            load(pickled)
        assert tracemalloc.get_traced_memory()[1] < 700 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("make_set", [b"(%b%b\x91", named("builtins", "frozenset") + b"](%b%be\x85R"])
def test_sets_that_take_long_to_compare_are_refused(make_set: bytes) -> None:
    # Two equal ones that are not the same, each of a set and a tuple of that set, and so on.
    nested = b"K\x01"
    for _ in range(60):
        nested = make_set.replace(b"%b%b", nested + b"q\x00h\x00\x85")
    with pytest.raises(ModelError, match="refused, its pickle makes a tuple or a set"):
        load(b"\x80\x04}(" + nested + b"K\x01" + nested + b"K\x02u.")


def numbers_of_one_hash(count: int) -> list[bytes]:
    """Pickled, the multiples of the modulus of hashes of numbers."""
    return [pickle.dumps(index * sys.hash_info.modulus, 2)[2:-1] for index in range(1, count + 1)]


KEYS = {
    "items": lambda keys: b"}(" + b"".join(key + b"N" for key in keys) + b"u",
    "items one by one": lambda keys: b"}" + b"".join(key + b"Ns" for key in keys),
    "a dict": lambda keys: b"(" + b"".join(key + b"N" for key in keys) + b"d",
    "tuples": lambda keys: b"}(" + b"".join(key + b"\x85N" for key in keys) + b"u",
    "a set": lambda keys: b"\x8f(" + b"".join(keys) + b"\x90",
    "a frozen set": lambda keys: b"(" + b"".join(keys) + b"\x91",
    "a set that is called": lambda keys: named("builtins", "set") + b"](" + b"".join(keys) + b"e\x85R",
    "pairs": lambda keys: (
        named("collections", "OrderedDict") + b"](" + b"".join(key + b"N\x86" for key in keys) + b"e\x85R"
    ),
    "lists of two": lambda keys: (
        named("collections", "OrderedDict") + b"](" + b"".join(b"](" + key + b"Ne" for key in keys) + b"e\x85R"
    ),
}


@pytest.mark.parametrize("name", KEYS)
def test_many_keys_of_one_hash_are_refused(name: str) -> None:
    load(b"\x80\x04" + KEYS[name](numbers_of_one_hash(100)) + b".")
    with pytest.raises(ModelError, match=r"^model\.pth: refused, its pickle has over 100 keys that are no texts$"):
        load(b"\x80\x04" + KEYS[name](numbers_of_one_hash(101)) + b".")


def test_what_is_looked_at_again_and_again_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpickling, "_MAX_ITEMS_SEEN", 50_000)
    made, used = b"h\x01\x850", b"h\x01Ns"
    for item, step in ((b"K\x01", made), (b"\x8c\x01a", used)):
        start = b"\x80\x04(" + item * 1000 + b"tq\x010}"
        load(start + step * 40 + b".")
        with pytest.raises(ModelError, match="refused, its pickle looks at over 50,000 items of tuples"):
            load(start + step * 60 + b".")


def test_keys_of_checkpoints_come_through() -> None:
    langs = [f"l{index}" for index in range(30)]
    content = {
        "id2lang": dict(enumerate(langs)),
        "ids": {140_000_000_000_000 + index: index for index in range(1000)},
        "para_dataset": {(src, tgt): {"train": "x"} for src in langs for tgt in langs},
        "shares": {index / 7: None for index in range(1000)},
    }
    assert load(pickle.dumps(content, protocol=2)) == content


def test_keys_of_an_old_file_that_take_long_to_hash_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    torch.save({"w": torch.ones(2)}, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    keys = content.rindex(b"\x80\x02]")
    path.write_bytes(content[:keys] + b"\x80\x02](" + twice(b"K\x01") + b"e." + content[keys:])
    with pytest.raises(ModelError, match="refused, its pickle makes a tuple or a set"):
        TorchFile(path)


def test_tuples_of_checkpoints_come_through() -> None:
    content = {
        "random": random.Random(0).getstate(),
        "para_dataset": {("en", "fr"): {"train": ("en-fr.en.pth", "en-fr.fr.pth")}},
        "betas": ((0.9, 0.999),) * 100,
        "langs": frozenset({"en", "fr"}),
        "seed": 2**1000,
    }
    for protocol in range(6):
        assert load(pickle.dumps(content, protocol=protocol)) == content


def test_an_extension_of_the_pickle_registry_is_refused() -> None:
    copyreg.add_extension("posix", "system", 200)
    try:
        with pytest.raises(RefusedPickleError, match=r"posix\.system"):
            load(b"\x80\x02\x82\xc8.")
    finally:
        copyreg.remove_extension("posix", "system", 200)


@pytest.mark.parametrize("protocol", [2, 4])
def test_plain_content_comes_through(protocol: int) -> None:
    content = {
        "list": [1, 2.5, True, None, "é", b"\xff\x00", b""],
        "set": {1, 2},
        "tuple": (1, frozenset("a")),
        3: -(2**70),
    }
    assert load(pickle.dumps(content, protocol=protocol)) == content


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_namespace_is_read_as_a_record(protocol: int) -> None:
    params = argparse.Namespace(emb_dim=8, lang2id={"en": 0})
    assert load(pickle.dumps(params, protocol=protocol)) == {"emb_dim": 8, "lang2id": {"en": 0}}


@pytest.mark.parametrize("old_name", [True, False])
@pytest.mark.parametrize(
    "number",
    [np.float64(12.25), np.float32(-0.5), np.float16(2), np.int64(-3), np.int32(7), np.uint8(200), np.bool_(True)],
)
def test_numbers_of_numpy_become_plain_ones(number: np.generic, old_name: bool) -> None:
    pickled = pickle.dumps(number, protocol=2)
    if old_name:  # as numpy 1 wrote them
        pickled = pickled.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    loaded = load(pickled)
    assert loaded == number.item()
    assert type(loaded) is type(number.item())


def test_big_endian_numbers_of_numpy_are_read() -> None:
    assert load(pickle.dumps(np.array([1.5], dtype=">f8")[0], protocol=2)) == 1.5


@pytest.mark.parametrize("array", [np.arange(6.0), np.array(["a", None], dtype=object), np.array(["text"])])
def test_arrays_of_numpy_are_left_out(array: np.ndarray) -> None:
    loaded = load(pickle.dumps({"mask_scores": array, "n_words": 5}, protocol=2))
    assert loaded["n_words"] == 5
    assert not isinstance(loaded["mask_scores"], np.ndarray)


def test_no_object_is_made_from_the_bytes_of_a_number() -> None:
    scalar, kind = named("numpy.core.multiarray", "scalar"), named("numpy", "dtype")
    pickled = b"\x80\x04" + scalar + kind + b"\x8c\x01O\x85R" + b"C\x08" + b"A" * 8 + b"\x86R."
    with pytest.raises(KeyError):
        load(pickled)
