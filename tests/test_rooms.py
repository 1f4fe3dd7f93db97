"""Imports go one way only, from a room to those above it."""

import ast
import subprocess
import sys
from pathlib import Path

LIBRARY = Path(__file__).parents[1] / "retention_lib"
# From the top down; a room may import those before it.
ROOMS = ["", "base", "portfolio", "scoring", "decisions", "views", "commands"]


def room_of(parts: tuple[str, ...]) -> str:
    return parts[0] if parts[0] in ROOMS else ""


def imported_rooms(file: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if name.startswith("retention_lib."):
                rooms.add(room_of(tuple(name.split(".")[1:])))
    return rooms


def test_no_room_imports_a_room_below_it():
    wrong = []
    for file in LIBRARY.rglob("*.py"):
        parts = file.relative_to(LIBRARY).with_suffix("").parts
        if parts in (("__init__",), ("__main__",)):
            continue  # the public names come from every room, and the way in leads to the last
        here = ROOMS.index(room_of(parts))
        wrong += [
            f"{'/'.join(parts)} imports {room}"
            for room in imported_rooms(file)
            if ROOMS.index(room) > here
        ]
    assert not wrong


def test_the_test_would_see_a_wrong_import(tmp_path):
    file = tmp_path / "bad.py"
    file.write_text("from retention_lib.views import charts\n")
    assert imported_rooms(file) == {"views"}


def test_importing_the_library_loads_nothing_heavy():
    code = (
        "import sys, retention_lib; "
        "heavy = {'pandas', 'duckdb', 'narwhals', 'matplotlib', 'sklearn', 'ipywidgets'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there():
    import retention_lib as rl

    for name in rl.__all__:
        assert getattr(rl, name).__doc__, name
