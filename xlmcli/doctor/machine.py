"""What is installed, what the machine can compute with, and what is kept on it."""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import platform
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from xlmcli import __version__
from xlmcli.cores import count_usable_cores
from xlmcli.environment import downloads_folder, home_folder, offline_reason, pulled_folder
from xlmcli.infer.engine import DeviceTypes, list_devices
from xlmcli.store.registry import folder_size

_PACKAGES = ("ctranslate2", "sentencepiece", "torch", "transformers")
_DRIVER = "libcuda.so.1"
_CUBLAS = "libcublas.so.12"  # The one that CTranslate2 4 opens when it first multiplies on a GPU.


@dataclass(frozen=True, slots=True)
class Cores:
    """Processor cores.

    Attributes:
        num_usable: How many this process may use; translation takes so many.
        num_total: How many there are.
        wanted: ``OMP_NUM_THREADS``, where it is set.
    """

    num_usable: int
    num_total: int
    wanted: str | None


@dataclass(frozen=True, slots=True)
class Cuda:
    """What a GPU needs besides itself.

    Attributes:
        has_driver: Whether NVIDIA's driver is here.
        has_cublas: Whether the library is found that the engine multiplies with.
        advice: What to do, or None where nothing is missing.
    """

    has_driver: bool
    has_cublas: bool
    advice: str | None


@dataclass(frozen=True, slots=True)
class Kept:
    """What lies in the user's cache directory.

    Attributes:
        home: The folder of it all.
        models_bytes: Size of the pulled models.
        downloads_bytes: Size of what interrupted pulls left.
    """

    home: Path
    models_bytes: int
    downloads_bytes: int


@dataclass(frozen=True, slots=True)
class Machine:
    """What a machine has.

    Attributes:
        versions: Version of each program and package; None where it is not installed.
        system: Operating system and processor.
        devices: What the engine can compute on, and in which types.
        offline: What forbids the network, or None.
    """

    versions: dict[str, str | None]
    system: str
    cores: Cores
    devices: tuple[DeviceTypes, ...]
    cuda: Cuda
    kept: Kept
    offline: str | None


def examine_machine() -> Machine:
    """Looks at everything; imports neither torch nor transformers."""
    versions = {"xlm": __version__, "python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}
    return Machine(
        versions=versions,
        system=f"{platform.system()} {platform.machine()}",
        cores=Cores(count_usable_cores(), os.cpu_count() or 1, os.environ.get("OMP_NUM_THREADS")),
        devices=list_devices(),
        cuda=_examine_cuda(),
        kept=Kept(home_folder(), folder_size(pulled_folder()), folder_size(downloads_folder())),
        offline=offline_reason(),
    )


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _examine_cuda() -> Cuda:
    if not _can_open(_DRIVER):
        return Cuda(has_driver=False, has_cublas=False, advice=None)
    if _can_open(_CUBLAS):
        return Cuda(has_driver=True, has_cublas=True, advice=None)
    folder = Path(sysconfig.get_path("purelib")) / "nvidia/cublas/lib"
    show = f'export LD_LIBRARY_PATH="{folder}:$LD_LIBRARY_PATH"'
    is_installed = (folder / _CUBLAS).is_file()
    return Cuda(True, False, advice=show if is_installed else f"pip install nvidia-cublas-cu12, then {show}")


def _can_open(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
