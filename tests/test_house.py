"""The house: which room may import which, and what `import truing` and `--help` may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import truing
from truing import errors

SOURCE = Path(truing.__file__).parent

# Room -> rooms it may import. Arrows go one way: downwards in this table's order.
ROOMS = {
    "errors": set(),
    "records": set(),
    "quantiles": set(),
    "similarity": set(),
    "stats": {"quantiles"},
    "forecasts": {"stats"},
    "perturbations": {"errors", "records"},
    "taxonomy": {"errors"},
    "floors": {"records"},
    "tasks": {"errors", "records", "perturbations"},
    "scorers": {"errors", "records"},
    "models": {"errors", "records"},
    "calls": {"errors", "records", "models"},
    "config": {"errors", "calls"},
    "engine": {"errors", "records", "models", "scorers"},
    "journal": {"errors", "records"},
    "runs": {"errors", "records", "journal", "tasks"},
    "labels": {"errors", "records"},
    "judges": {
        "errors",
        "records",
        "quantiles",
        "stats",
        "similarity",
        "taxonomy",
        "tasks",
        "scorers",
        "models",
        "journal",
        "runs",
        "labels",
    },
    "importers": {"errors", "records", "models", "scorers", "tasks", "runs"},
    "reports": {
        "errors",
        "records",
        "stats",
        "forecasts",
        "floors",
        "taxonomy",
        "scorers",
        "journal",
        "runs",
        "labels",
        "judges",
    },
    "trial": {
        "errors",
        "records",
        "models",
        "engine",
        "journal",
        "runs",
        "scorers",
        "tasks",
        "reports",
    },
    "validation": {
        "errors",
        "records",
        "stats",
        "similarity",
        "models",
        "scorers",
        "tasks",
        "journal",
        "runs",
        "reports",
        "trial",
    },
    "generation": {
        "errors",
        "records",
        "similarity",
        "models",
        "journal",
        "scorers",
        "tasks",
        "trial",
        "validation",
    },
    "recorded": {"errors", "records", "stats", "scorers", "models"},
    "interop": {"errors", "records"},
    "comparison": {
        "errors",
        "records",
        "stats",
        "tasks",
        "scorers",
        "journal",
        "runs",
        "reports",
        "recorded",
        "interop",
    },
    "policies": {
        "errors",
        "records",
        "quantiles",
        "stats",
        "taxonomy",
        "journal",
        "runs",
        "reports",
        "comparison",
    },
    "reproducing": {
        "errors",
        "records",
        "quantiles",
        "stats",
        "tasks",
        "journal",
        "runs",
        "reports",
        "comparison",
    },
    "study": {"errors", "quantiles", "stats", "tasks", "comparison"},
    "alignment": {
        "errors",
        "records",
        "quantiles",
        "similarity",
        "stats",
        "taxonomy",
        "tasks",
        "models",
        "scorers",
        "journal",
        "runs",
        "reports",
        "recorded",
        "comparison",
    },
    "audit": {
        "errors",
        "records",
        "scorers",
        "tasks",
        "journal",
        "runs",
        "reports",
        "policies",
    },
    "rescoring": {"errors", "records", "stats", "scorers", "journal", "runs"},
    "cli": {
        "errors",
        "records",
        "stats",
        "taxonomy",
        "config",
        "perturbations",
        "tasks",
        "scorers",
        "models",
        "calls",
        "engine",
        "journal",
        "runs",
        "reports",
        "policies",
        "recorded",
        "importers",
        "audit",
        "validation",
        "generation",
        "rescoring",
        "comparison",
        "interop",
        "study",
        "labels",
        "judges",
        "reproducing",
        "alignment",
    },
}
HEAVY = {
    "torch",
    "ray",
    "xllamacpp",
    "llama_cpp",
    "pandas",
    "transformers",
    "trl",
    "peft",
    "datasets",
    "accelerate",
    "gguf",
    "boto3",
    "botocore",
    "google",
    "requests",
}


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "truing":
                found += [(node.lineno, f"truing.{alias.name}") for alias in node.names]
            else:
                found.append((node.lineno, node.module))
    return found


FILES = [path for path in sorted(SOURCE.rglob("*.py")) if path.name != "__main__.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_room_imports_only_what_it_may(path):
    room = room_of(path)
    if room == "__init__":
        return
    assert room in ROOMS, f"{path.name} is a new room: say in ROOMS what it may import"
    for line, module in imports_of(path):
        parts = module.split(".")
        if parts[0] != "truing" or len(parts) == 1 or parts[1] == "__version__":
            continue
        target = parts[1]
        where = f"{path.relative_to(SOURCE)}:{line}"
        assert target == room or target in ROOMS[room], f"{where}: {room} may not import {target}"


def test_the_arrows_have_no_cycle():
    placed = set()
    for room, targets in ROOMS.items():
        assert targets <= placed, room
        placed.add(room)


def test_heavy_packages_are_imported_inside_functions_only():
    for path in FILES:
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = (
                    [alias.name for alias in node.names]
                    if isinstance(node, ast.Import)
                    else [node.module or ""]
                )
                assert not {name.split(".")[0] for name in names} & HEAVY, path


def loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    found = set(done.stdout.split())
    return found | {name.split(".")[0] for name in found}


def test_a_run_does_not_wait_for_scipy():
    assert "scipy" not in loaded_by("import truing.cli.run")


def test_importing_truing_loads_nothing_heavy():
    assert not loaded_by("import truing, truing.cli, truing.models, truing.scorers") & HEAVY


def test_help_loads_neither_numpy_nor_a_client():
    help_text = "try:\n    from truing.cli import main; main(['--help'])\nexcept SystemExit: pass"
    assert not loaded_by(help_text) & (HEAVY | {"numpy", "scipy", "aiohttp", "jinja2", "rich"})


def test_the_error_tree_in_the_docstring_is_the_tree():
    drawn = errors.__doc__ or ""
    tree = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, Exception)
    ]
    assert sorted(value.__name__ for value in tree) == sorted(errors.__all__)
    for value in tree:
        assert value.__name__ in drawn
        assert issubclass(value, errors.TruingError)
        assert value.__doc__


def test_modules_stay_small():
    for path in FILES:
        assert len(path.read_text("utf-8").splitlines()) <= 500, path
