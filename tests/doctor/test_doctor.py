from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from xlmcli import __version__
from xlmcli.bundle import finding
from xlmcli.doctor import machine as machine_module
from xlmcli.doctor import speed as speed_module
from xlmcli.doctor.attempt import try_translation
from xlmcli.doctor.machine import Cores, Cuda, Machine, examine_machine
from xlmcli.doctor.report import format_report_text
from xlmcli.doctor.trial import Trial, TrialSpeed
from xlmcli.errors import ExitCode, ModelError
from xlmcli.infer.engine import DeviceTypes, list_devices

Run = Callable[..., tuple[int, str, str]]
TRIAL = Trial("en-fr", "en-fr", "int8", TrialSpeed("cpu", 0.314, 1234.5, 12345.6, 2), {})


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XLM_HOME", str(tmp_path / "home"))
    for name in ("XLM_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "")
    return tmp_path / "home"


@pytest.fixture
def doctor(xlm: Run) -> Run:
    return lambda *args: xlm("doctor", *args)


@pytest.fixture
def machine() -> Machine:
    return examine_machine()


def test_the_last_line_says_that_it_translates_and_how_fast(doctor: Run) -> None:
    code, out, err = doctor()
    assert (code, err) == (ExitCode.OK, "")
    assert out.startswith(f"xlm            {__version__}\n")
    verdict = out.splitlines()[-1]
    assert verdict.startswith("This machine will translate on the ")
    assert "short lines/s" in verdict


def test_json_has_all_of_it(doctor: Run, home: Path) -> None:
    code, out, _ = doctor("--format", "json")
    document = json.loads(out)
    assert code == ExitCode.OK
    assert document["translates"] is True
    assert document["versions"]["xlm"] == __version__
    assert "int8" in document["devices"][0]["compute_types"]
    assert document["kept"] == {"home": str(home), "is_writable": True, "models_bytes": 0, "downloads_bytes": 0}
    assert document["trial"]["model"] == "en-fr"
    speed = document["trial"]["speed"]
    assert speed["tokens_per_second"] > speed["lines_per_second"] > 0
    assert speed["first_line_seconds"] > 0


def test_torch_is_looked_up_and_not_imported() -> None:
    script = (
        "import atexit, sys\n"
        "atexit.register(lambda: print({'torch', 'transformers', 'sacrebleu'} & set(sys.modules), file=sys.stderr))\n"
        "from xlmcli.cli import run\n"
        "run(['doctor'])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "set()"


def test_without_a_model_it_will_not_translate(doctor: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "_PRETRAINED", tmp_path / "none")
    code, out, err = doctor()
    assert code == ExitCode.GATE_FAILED
    assert out.splitlines()[-1] == "This machine will not translate: model: this installation embeds none"
    assert "hint: pip install --force-reinstall xlmcli, or xlm models pull OWNER/NAME" in err
    assert json.loads(doctor("--format", "json")[1])["translates"] is False


def test_a_damaged_model_is_named_and_how_to_mend_it(
    doctor: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(finding.embedded_models()["en-fr"], tmp_path / "pretrained/en-fr"))
    (folder / "model.bin").write_bytes(b"cut short")
    monkeypatch.setattr(finding, "_PRETRAINED", folder.parent)
    code, out, err = doctor()
    assert code == ExitCode.GATE_FAILED
    assert f"This machine will not translate: model: {folder}: model.bin was altered" in out.splitlines()[-1]
    assert "hint: pip install --force-reinstall xlmcli mends the embedded model" in err


@pytest.mark.parametrize("module", ["ctranslate2", "sentencepiece"])
def test_what_cannot_be_imported_is_named(module: str) -> None:
    script = f"import sys; sys.modules[{module!r}] = None; from xlmcli.cli import run; run(['doctor'])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == ExitCode.GATE_FAILED
    assert done.stdout.startswith("xlm ")
    verdict = done.stdout.splitlines()[-1]
    assert verdict.startswith(f"This machine will not translate: installation: import of {module} ")
    assert "hint: pip install --force-reinstall xlmcli" in done.stderr


def test_a_gpu_that_fails_leaves_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = speed_module.open_translation

    def fail_on_gpu(*args, **kwargs):
        if args[4].device == "cuda":
            raise ModelError("libcublas.so.12 is not found")
        return opened(*args, **kwargs)

    monkeypatch.setattr(speed_module, "open_translation", fail_on_gpu)
    monkeypatch.setattr(speed_module, "_SECONDS", 0.01)
    trial = try_translation(has_gpu=True)
    assert trial.problems == {"cuda": "libcublas.so.12 is not found"}
    assert trial.speed is not None
    assert trial.speed.device == "cpu"


def test_speed_counts_what_was_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 0.5, 10.0, 10.0, 14.0])  # Opened, first line, start, one round, end.
    monkeypatch.setattr(speed_module.time, "perf_counter", lambda: next(times))
    trial = try_translation(has_gpu=False)
    assert trial.speed is not None
    num_lines = 16 * speed_module._COPIES * trial.speed.num_workers
    assert trial.speed.first_line_seconds == 0.5
    assert trial.speed.lines_per_second == pytest.approx(num_lines / 4)


def test_the_verdict_names_figures_and_failures(machine: Machine) -> None:
    assert format_report_text(machine, TRIAL).splitlines()[-1] == (
        "This machine will translate on the CPU: 1,234 short lines/s, 12,346 tokens/s with en-fr"
        " (en-fr, int8, 2 workers); the first line takes 0.31 s"
    )
    failed = replace(TRIAL, problems={"cuda": "no cublas"})
    assert "will translate on the CPU (not on the GPU: no cublas): " in format_report_text(machine, failed)
    hopeless = replace(failed, speed=None)
    assert format_report_text(machine, hopeless).endswith("\nThis machine will not translate: GPU: no cublas")


def test_what_is_missing_is_told_with_the_way_to_get_it(machine: Machine) -> None:
    versions = {**machine.versions, "torch": None}
    text = format_report_text(replace(machine, versions=versions), TRIAL)
    assert "torch          not installed: train, pretrain and convert need it (pip install 'xlmcli[train]')\n" in text
    text = format_report_text(replace(machine, versions={**machine.versions, "sentencepiece": None}), TRIAL)
    expected = "not installed: nothing works without it (pip install --force-reinstall xlmcli)"
    assert f"sentencepiece  {expected}\n" in text


@pytest.mark.parametrize(
    ("cores", "told"),
    [
        (Cores(2, 4, None), "2 of 4 usable"),
        (Cores(1, 4, "1"), "1 of 4 usable (OMP_NUM_THREADS=1)"),
        (Cores(1, 4, "1,2"), "1 of 4 usable (OMP_NUM_THREADS=1,2)"),
        (Cores(2, 4, "64"), "2 of 4 usable (OMP_NUM_THREADS=64 asks for more than this process may use)"),
        (Cores(4, 4, "0"), "4 of 4 usable (OMP_NUM_THREADS=0 is no number of threads and is ignored)"),
        (Cores(4, 4, "all"), "4 of 4 usable (OMP_NUM_THREADS=all is no number of threads and is ignored)"),
    ],
    ids=lambda value: str(value.wanted) if isinstance(value, Cores) else "",
)
def test_what_the_number_of_threads_comes_from(machine: Machine, cores: Cores, told: str) -> None:
    assert f"cores          {told}\n" in format_report_text(replace(machine, cores=cores), TRIAL)


def test_a_home_that_cannot_be_written(doctor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLM_HOME", "/dev/null/xlm")
    code, out, _ = doctor()
    assert code == ExitCode.OK
    told = "0 bytes; cannot be written, which pulling needs: XLM_HOME names another place"
    assert f"models         /dev/null/xlm/models: {told}\n" in out


def test_a_home_that_cannot_be_read(machine: Machine) -> None:
    kept = replace(machine.kept, models_bytes=None, downloads_bytes=None)
    text = format_report_text(replace(machine, kept=kept), TRIAL)
    assert f"{machine.kept.home / 'models'}: cannot be read\n" in text


def test_gpus_and_their_libraries(machine: Machine) -> None:
    devices = (*machine.devices, DeviceTypes("cuda", 2, ("float16", "int8")))
    cuda = Cuda(has_driver=True, has_cublas=False, advice="pip install it")
    text = format_report_text(replace(machine, devices=devices, cuda=cuda), TRIAL)
    assert "GPU            2 of them, computes in float16, int8\n" in text
    assert "CUDA           driver found, libcublas.so.12 missing: pip install it\n" in text
    found = replace(machine, cuda=Cuda(has_driver=True, has_cublas=True, advice=None))
    seen = format_report_text(replace(found, devices=devices), TRIAL)
    assert "CUDA           driver and libcublas.so.12 found\n" in seen
    hidden = format_report_text(replace(found, devices=machine.devices[:1]), TRIAL)
    assert "found, but the engine sees no GPU (does CUDA_VISIBLE_DEVICES hide it?)\n" in hidden


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        (set(), Cuda(False, False, None)),
        ({"libcuda.so.1", "libcublas.so.12"}, Cuda(True, True, None)),
    ],
)
def test_cuda_libraries_are_looked_for(monkeypatch: pytest.MonkeyPatch, present: set[str], expected: Cuda) -> None:
    monkeypatch.setattr(machine_module, "_can_open", lambda library: library in present)
    assert examine_machine().cuda == expected


@pytest.mark.parametrize("is_installed", [False, True])
def test_cublas_that_is_not_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_installed: bool) -> None:
    folder = tmp_path / "nvidia/cublas/lib"
    monkeypatch.setattr(machine_module, "_can_open", lambda library: library == "libcuda.so.1")
    monkeypatch.setattr(machine_module.sysconfig, "get_path", lambda name: str(tmp_path))
    if is_installed:
        folder.mkdir(parents=True)
        (folder / "libcublas.so.12").touch()
    advice = examine_machine().cuda.advice
    assert advice is not None
    assert f'LD_LIBRARY_PATH="{folder}:' in advice
    assert advice.startswith("export" if is_installed else "pip install nvidia-cublas-cu12")


def test_what_is_kept_and_what_forbids_the_network(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, num_bytes in (("models/x/model.bin", 2000), ("downloads/y/z/model.bin.partial", 3000)):
        (home / name).parent.mkdir(parents=True)
        (home / name).write_bytes(b"x" * num_bytes)
    monkeypatch.setenv("XLM_OFFLINE", "1")
    text = format_report_text(examine_machine(), TRIAL)
    assert f"models         {home / 'models'}: 2 kB\n" in text
    assert "downloads      3 kB unfinished" in text
    assert "network        not used (XLM_OFFLINE=1)\n" in text


def test_the_processor_is_a_device() -> None:
    assert list_devices()[0].device == "cpu"
    assert {"int8", "float32"} <= set(list_devices()[0].compute_types)
