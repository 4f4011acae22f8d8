"""What ``xlm doctor`` writes."""

from __future__ import annotations

from dataclasses import asdict

from xlmcli.doctor.machine import Cores, Kept, Machine
from xlmcli.doctor.trial import REINSTALL, Trial
from xlmcli.facts import format_bytes, format_document, visible

_FORMAT_VERSION = 1
_OPTIONAL = {"torch": "train, pretrain and convert need it", "transformers": "it is for training and conversion"}
_LABELS = {"cpu": "CPU", "cuda": "GPU"}


def format_report_text(machine: Machine, trial: Trial) -> str:
    """Returns a line for each thing that a user may have to know; the last one says whether it will translate."""
    rows = [(name, _format_version(name, version)) for name, version in machine.versions.items()]
    rows += [
        ("system", machine.system),
        ("cores", _format_cores(machine)),
        *((_LABELS[item.device], _format_types(item.count, item.compute_types)) for item in machine.devices),
        ("CUDA", _format_cuda(machine)),
        ("models", _format_models(machine.kept)),
    ]
    if machine.kept.downloads_bytes:
        unfinished = format_bytes(machine.kept.downloads_bytes)
        rows.append(
            ("downloads", f"{unfinished} unfinished; a pull goes on, xlm models remove --unfinished removes it")
        )
    users = "xlm models pull, xlm convert OWNER/NAME and xlm eval translate (--testset, --tokenize)"
    network = f"not used ({machine.offline})" if machine.offline else f"for {users}"
    rows.append(("network", network))
    width = max(len(label) for label, _ in rows) + 2
    return "\n".join([*(f"{label:{width}}{visible(value)}" for label, value in rows), visible(_format_verdict(trial))])


def format_report_json(machine: Machine, trial: Trial) -> str:
    machine_json = asdict(machine)
    machine_json["kept"]["home"] = str(machine.kept.home)
    head = {"format_version": _FORMAT_VERSION, "translates": trial.speed is not None}
    return format_document({**head, **machine_json, "trial": asdict(trial)})


def _format_version(name: str, version: str | None) -> str:
    if version:
        return version
    if name in _OPTIONAL:
        return f"not installed: {_OPTIONAL[name]} (pip install 'xlmcli[train]')"
    return f"not installed: nothing works without it ({REINSTALL})"


def _format_cores(machine: Machine) -> str:
    cores = machine.cores
    return f"{cores.num_usable} of {cores.num_total} usable{_format_wanted(cores)}"


def _format_wanted(cores: Cores) -> str:
    wanted = (cores.wanted or "").partition(",")[0].strip()
    if not wanted:
        return ""
    if not wanted.isdecimal() or int(wanted) == 0:
        return f" (OMP_NUM_THREADS={cores.wanted} is no number of threads and is ignored)"
    if int(wanted) > cores.num_usable:
        return f" (OMP_NUM_THREADS={cores.wanted} asks for more than this process may use)"
    return f" (OMP_NUM_THREADS={cores.wanted})"


def _format_models(kept: Kept) -> str:
    size = "cannot be read" if kept.models_bytes is None else format_bytes(kept.models_bytes)
    advice = "" if kept.is_writable else "; cannot be written, which pulling needs: XLM_HOME names another place"
    return f"{kept.home / 'models'}: {size}{advice}"


def _format_types(count: int, compute_types: tuple[str, ...]) -> str:
    number = f"{count} of them, " if count > 1 else ""
    return f"{number}computes in {', '.join(compute_types)}"


def _format_cuda(machine: Machine) -> str:
    cuda = machine.cuda
    if not cuda.has_driver:
        return "no NVIDIA driver: everything runs on the CPU"
    if not cuda.has_cublas:
        return f"driver found, libcublas.so.12 missing: {cuda.advice}"
    if all(item.device != "cuda" for item in machine.devices):
        return "driver and libcublas.so.12 found, but the engine sees no GPU (does CUDA_VISIBLE_DEVICES hide it?)"
    return "driver and libcublas.so.12 found"


def _format_verdict(trial: Trial) -> str:
    problems = "; ".join(f"{_LABELS.get(place, place)}: {problem}" for place, problem in trial.problems.items())
    speed = trial.speed
    if speed is None:
        return f"This machine will not translate: {problems}"
    failed = f" (not on the {problems})" if problems else ""
    workers = f"{speed.num_workers} {'worker' if speed.num_workers == 1 else 'workers'}"
    return (
        f"This machine will translate on the {_LABELS[speed.device]}{failed}:"
        f" {speed.lines_per_second:,.0f} short lines/s, {speed.tokens_per_second:,.0f} tokens/s"
        f" with {trial.model} ({trial.direction}, {trial.quantization}, {workers});"
        f" the first line takes {speed.first_line_seconds:.2f} s"
    )
