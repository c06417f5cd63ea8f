"""The house stays as drawn: floors, ceilings, names, and what may be imported where."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "danlu"
FILES = sorted(SOURCE.rglob("*.py"))

# Lower floors know nothing of higher ones. Rooms of one floor may know each other, except stages and doors.
FLOORS: dict[str, int] = {
    "types": 0, "events": 0, "errors": 0, "messages": 0, "artifacts": 0, "workspace": 0, "recipe": 0,
    "text": 1, "models": 1, "kernels": 1, "remote": 1, "hub": 1, "hardware": 1,
    "documents": 2, "datasets": 2, "training": 2, "evaluation": 2, "exporting": 2,
    "jobs": 3,
    "cli": 4,
}  # fmt: skip
STAGES = {room for room, floor in FLOORS.items() if floor == 2}
WITHOUT_TORCH = ("types", "events", "errors", "messages", "artifacts", "workspace", "recipe", "remote", "hub",
                 "documents", "datasets", "cli")  # fmt: skip
FORBIDDEN_NAMES = {"utils", "helpers", "misc", "common", "extras", "constants", "manager"}
MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_FILES_IN_FOLDER = 500, 80, 14


def _room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def _imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return found | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}


def _rooms_imported(path: Path) -> set[str]:
    return {name.split(".")[1] for name in _imports(path) if name.startswith("danlu.")}


def test_every_room_stands_on_a_floor():
    assert {_room(path) for path in FILES} - {"__init__", "samples", "quickstart"} <= set(FLOORS)


def test_lower_floors_know_nothing_of_higher_ones():
    wrong = [
        f"{path.relative_to(SOURCE)} imports {room}"
        for path in FILES
        if _room(path) in FLOORS
        for room in _rooms_imported(path)
        if FLOORS[room] > FLOORS[_room(path)]
    ]
    assert wrong == []


def test_stages_never_import_one_another():
    wrong = [
        f"{path.relative_to(SOURCE)} imports {room}"
        for path in FILES
        if _room(path) in STAGES
        for room in _rooms_imported(path) & STAGES
        if room != _room(path)
    ]
    assert wrong == []


def test_the_doors_open_only_on_jobs_and_the_ground_floor():
    wrong = [
        f"{path.relative_to(SOURCE)} imports {room}"
        for path in FILES
        if _room(path) == "cli"
        for room in _rooms_imported(path)
        if FLOORS[room] in (1, 2)
    ]
    assert wrong == []


@pytest.mark.parametrize("room", WITHOUT_TORCH)
def test_rooms_that_work_on_a_laptop_do_not_import_torch(room):
    heavy = {"torch", "transformers", "peft"}
    for path in FILES:
        if _room(path) == room:
            assert not {name.split(".")[0] for name in _imports(path)} & heavy, path


def test_files_functions_and_folders_stay_below_their_ceilings():
    wrong = []
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > MAX_FILE_LINES:
            wrong.append(f"{path}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES:
                wrong.append(f"{path}:{node.lineno} {node.name}")
    for folder in {path.parent for path in FILES}:
        if len(list(folder.glob("*.py"))) > MAX_FILES_IN_FOLDER:
            wrong.append(f"{folder}: too many files")
    assert wrong == []


def test_every_module_says_its_responsibility_in_its_first_line():
    for path in FILES:
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        assert doc and len(doc.splitlines()[0]) > 20, path


def test_every_public_function_and_class_has_a_docstring():
    wrong = []
    for path in FILES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            is_public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            if is_public and not ast.get_docstring(node):
                wrong.append(f"{path.relative_to(SOURCE)}:{node.lineno} {node.name}")
    assert wrong == []


def test_no_file_is_named_after_nothing():
    assert [path for path in FILES if path.stem in FORBIDDEN_NAMES] == []


def test_every_stage_is_found_where_its_name_says():
    from danlu.jobs.stages import STAGES as registry

    for name, target in registry.items():
        module, _, function = target.partition(":")
        path = SOURCE.parent / (module.replace(".", "/") + ".py")
        assert path.is_file() and function == name == path.stem
        assert re.search(rf"^def {name}\(", path.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_verb_has_its_door_its_test_and_its_guide():
    from danlu.cli.main import VERBS

    tests = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    for verb in VERBS:
        assert (SOURCE / "cli" / f"{verb}.py").is_file(), verb
        assert f"test_{verb}" in tests, f"no test_{verb}.py"
        for language in ("en", "zh"):
            assert (ROOT / "docs" / language / "guides" / f"{verb}.md").is_file(), f"{language}: {verb}"


def test_help_imports_neither_torch_nor_the_schema_nor_the_database():
    code = (
        "import sys; sys.argv = ['danlu', '--help']\n"
        "from danlu.cli.main import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'pydantic', 'sqlalchemy', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_the_base_install_needs_no_torch_to_read_and_ask():
    modules = "danlu.documents.ingest, danlu.documents.chunk, danlu.datasets.synthesize, danlu.datasets.freeze"
    code = f"import sys, {modules}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
