"""Who may import whom, and what a command must not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import xlmcli

ROOT = Path(xlmcli.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py") if "pretrained" not in path.parts)

# Parts of the package by level; a part may import those of lower levels; foundations may import each other.
LEVELS = {
    "errors": 0, "facts": 0, "signals": 0, "array_files": 0,
    "records": 1, "cores": 1, "environment": 1, "named_file": 1,
    "outputs": 2, "locking": 2, "lines": 2, "config": 2, "sources": 2, "tables": 2, "json_lines": 2,
    "labelled": 2, "text": 2, "bundle": 2,
    "model": 3, "figures": 3, "documents": 3, "journal": 3,
    "checkpoint": 4, "corpus": 4,
    "console": 5, "infer": 5, "metrics": 5, "train": 5, "convert": 5, "store": 5,
    "attention": 6, "doctor": 6, "api": 6,
    "cli": 7,
    "__main__": 8,
}  # fmt: skip
FOUNDATIONS = {part for part, level in LEVELS.items() if level == 2}
SAME_LEVEL = {("convert", "infer"), ("train", "metrics"), ("store", "convert")}

# The only places where these may be imported, lazily or not.
ONLY_IN = {
    "rich": ("console", "attention"),
    "sacrebleu": ("metrics",),
    "ctranslate2": ("infer", "convert"),
    "fasttext": ("infer",),
    "torch": ("model", "checkpoint", "train", "convert"),
    "transformers": ("checkpoint", "train", "convert"),
    "accelerate": ("train",),
    "matplotlib": ("figures",),
    "pyarrow": ("infer",),
    "ray": ("corpus",),
    "huggingface_hub": ("store",),
    "filelock": ("locking",),
    "platformdirs": ("environment",),
}


def part_of(path: Path) -> str:
    relative = path.relative_to(ROOT)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(path: Path) -> set[str]:
    """Names of all modules that a file imports, also inside functions; not those for type checkers alone."""
    names = set()
    for node in ast.walk(_without_type_checking(ast.parse(path.read_text(encoding="utf-8")))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            # `from xlmcli import bundle` imports xlmcli.bundle, and `from xlmcli.bundle import reading` its module.
            names |= {
                f"{node.module}.{alias.name}" if is_module(f"{node.module}.{alias.name}") else node.module
                for alias in node.names
            }
    return names


def is_module(name: str) -> bool:
    """Whether a name is that of a module or package of ours."""
    path = ROOT.parent.joinpath(*name.split("."))
    return name.startswith("xlmcli.") and (path.with_suffix(".py").is_file() or (path / "__init__.py").is_file())


class _TypeCheckingRemover(ast.NodeTransformer):
    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        return node.orelse if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" else node


def _without_type_checking(tree: ast.Module) -> ast.Module:
    return _TypeCheckingRemover().visit(tree)


def may_import(importer: str, imported: str) -> bool:
    if importer == imported or imported == "__version__":
        return True
    if {importer, imported} <= FOUNDATIONS:
        return True
    return LEVELS[imported] < LEVELS[importer] or (importer, imported) in SAME_LEVEL


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_import_direction(path: Path) -> None:
    importer = part_of(path)
    parts = {name.split(".")[1] for name in imported_modules(path) if name.startswith("xlmcli.")}
    if importer == "__init__":
        assert not parts
        return
    wrong = {part for part in parts if not may_import(importer, part)}
    assert not wrong, f"{importer} may not import {wrong}"


def test_there_is_no_import_circle() -> None:
    """Late imports count."""
    modules = {module_name(path): path for path in FILES}
    imports = {
        name: {imported for imported in imported_modules(path) if imported in modules and imported != name}
        for name, path in modules.items()
    }
    with_circles = TopologicalSorter(imports)
    try:
        with_circles.prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_no_two_public_classes_share_a_name() -> None:
    places: dict[str, list[str]] = {}
    for path in FILES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(module_name(path))
    assert {name: modules for name, modules in places.items() if len(modules) > 1} == {}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_heavy_packages_are_imported_where_they_belong(path: Path) -> None:
    packages = {name.split(".")[0] for name in imported_modules(path)}
    wrong = {package for package in packages & ONLY_IN.keys() if part_of(path) not in ONLY_IN[package]}
    assert not wrong


def test_only_one_module_of_inference_imports_the_engine() -> None:
    importers = [path.name for path in (ROOT / "infer").rglob("*.py") if "ctranslate2" in imported_modules(path)]
    assert importers == ["engine.py"]


def test_only_a_pull_that_converts_imports_conversion() -> None:
    importers = [
        path.name
        for path in (ROOT / "store").rglob("*.py")
        if any(name.startswith("xlmcli.convert") for name in imported_modules(path))
    ]
    assert importers == ["conversion.py"]


def loaded_by(args: list[str], stdin: bytes = b"") -> set[str]:
    """Top-level names of the modules that are loaded when ``xlm ARGS`` ends."""
    script = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*{name.partition('.')[0] for name in sys.modules}, sep=',', file=sys.stderr))\n"
        "from xlmcli.cli import run\n"
        "run(sys.argv[1:])\n"
    )
    done = subprocess.run([sys.executable, "-c", script, *args], input=stdin, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return set(done.stderr.decode().strip().splitlines()[-1].split(","))


HEAVY = {
    "matplotlib",
    "torch",
    "transformers",
    "accelerate",
    "ctranslate2",
    "sacrebleu",
    "numpy",
    "rich",
    "sentencepiece",
    "zstandard",
    "fasttext",
    "huggingface_hub",
    "platformdirs",
    "ray",
}


@pytest.mark.parametrize(
    "args",
    [["--help"], ["--version"], ["tokenizer", "train", "--help"], ["translate", "--help"], ["pretrain", "--help"],
     ["train", "translate", "--help"], ["train", "classify", "--help"], ["convert", "--help"], ["info", "--help"],
     ["eval", "translate", "--help"], ["eval", "classify", "--help"],
     ["classify", "--help"], ["encode", "--help"], ["corpus", "translate", "--help"], ["models", "--help"],
     ["models", "pull", "--help"], ["doctor", "--help"], ["completion", "bash"]],
    ids=" ".join,
)  # fmt: skip
def test_help_loads_nothing_heavy(args: list[str]) -> None:
    loaded = loaded_by(args)
    assert "click" in loaded
    assert not loaded & HEAVY


def test_translating_loads_no_training_packages(tiny_bundle: Path) -> None:
    loaded = loaded_by(["translate", "--src", "en", "--tgt", "fr", "-m", str(tiny_bundle)], stdin=b"How are you?\n")
    assert "ctranslate2" in loaded
    assert not loaded & {"torch", "transformers", "accelerate", "sacrebleu"}


def test_labels_and_vectors_load_no_training_packages(tiny_classifier: Path) -> None:
    for command in ("classify", "encode"):
        loaded = loaded_by([command, "--lang", "en", "-m", str(tiny_classifier)], stdin=b"How are you?\n")
        assert "ctranslate2" in loaded
        assert not loaded & {"torch", "transformers", "accelerate", "sacrebleu", "sentencex", "fasttext", "rich"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_class_is_called_with_more_than_six_positionals(path: Path) -> None:
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    names = [node.func.id for node in calls if isinstance(node.func, ast.Name) and len(node.args) > 6]
    assert [name for name in names if name == "cls" or name.lstrip("_")[:1].isupper()] == []
