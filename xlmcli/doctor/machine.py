"""What is installed, what the machine can compute with, and what is kept on it."""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import platform
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xlmcli import __version__
from xlmcli.cores import count_usable_cores
from xlmcli.environment import downloads_folder, home_folder, offline_reason, pulled_folder
from xlmcli.store.registry import folder_size

if TYPE_CHECKING:
    from xlmcli.infer.engine import DeviceTypes

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
        is_writable: Whether this user may write there.
        models_bytes: Size of the pulled models; None if this user may not look.
        downloads_bytes: Size of what interrupted pulls left; likewise.
    """

    home: Path
    is_writable: bool
    models_bytes: int | None
    downloads_bytes: int | None


@dataclass(frozen=True, slots=True)
class Machine:
    """What a machine has.

    Attributes:
        versions: Version of each program and package; None where it is not installed.
        system: Operating system and processor.
        devices: What the engine can compute on, and in which types; none where it cannot be imported.
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
        devices=_list_devices(),
        cuda=_examine_cuda(),
        kept=_examine_kept(),
        offline=offline_reason(),
    )


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _list_devices() -> tuple[DeviceTypes, ...]:
    try:
        from xlmcli.infer.engine import list_devices

        return list_devices()
    except ImportError:  # The attempt to translate tells why.
        return ()


def _examine_kept() -> Kept:
    home = home_folder()
    there = next(folder for folder in (home, *home.absolute().parents) if _exists(folder))
    is_writable = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    return Kept(home, is_writable, _size(pulled_folder()), _size(downloads_folder()))


def _exists(folder: Path) -> bool:
    try:
        return folder.exists()
    except PermissionError:  # It lies in a folder that this user may not look into; that one tells all.
        return False


def _size(folder: Path) -> int | None:
    try:
        return folder_size(folder)
    except OSError:
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
