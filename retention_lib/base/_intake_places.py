"""Where a person's exports lie and where their workbooks are kept: ``data/mine``, and no sample."""

from __future__ import annotations

from pathlib import Path

from retention_lib import filing
from retention_lib.base import contract, workbooks
from retention_lib.base.saving import set_aside_file
from retention_lib.base.sources import SUFFIXES
from retention_lib.errors import InputError


def mine() -> Path:
    """The folder ``data/mine`` of the project: exports, and the workbooks made of them."""
    folder = workbooks.project_folder() / "data" / "mine"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be made ({error.strerror}). Make it yourself, or copy "
            f"the project to a place where you may write."
        ) from error
    return folder


def find_exports(folder: str | Path | None = None) -> list[Path]:
    """Exports that lie in a folder (default: ``data/mine``), the newest first.

    Files of a saved workbook, hidden files and what Excel leaves while a file is open are none.

    >>> [path.name for path in find_exports("data/sample/cdnow/raw")]
    ['cdnow_sample.csv']
    """
    place = mine() if folder is None else workbooks.from_here(folder)
    if not place.is_dir():
        raise InputError(f"There is no folder {place}. Give the folder in which your export lies.")
    own = _own_files(place)
    found = [path for path in place.iterdir() if _is_export(path) and path.name not in own]
    return sorted(found, key=lambda path: (-modified(path), path.name))


def _own_files(folder: Path) -> set[str]:
    """Names of the files that belong to a workbook saved in that very folder."""
    names = (
        {f"{table}.parquet" for table in contract.TABLES}
        if workbooks.is_workbook(folder)
        else set()
    )
    return names | {set_aside_file(folder, table).name for table in contract.TABLES}


def _is_export(path: Path) -> bool:
    name = path.name.lower()
    hidden = name.startswith((".", "~", "_")) or name.startswith(("readme", "set_aside_"))
    return not hidden and name.endswith(SUFFIXES) and path.is_file()


def modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def folder_for(path: str | Path, name: str = "") -> Path:
    """Where the workbook of an export is kept: a folder of ``data/mine`` with a safe name.

    A workbook whose name differs by nothing but capital letters is the same one.
    """
    said = name or Path(str(path)).name.split(".")[0].replace("_", " ")
    wanted = filing.safe_name(said, "workbook")
    taken = filing.taken_by(mine(), wanted)
    folder = taken or mine() / wanted
    if folder.exists() and not folder.is_dir():
        raise InputError(
            f"{folder} is a file, so no workbook can be kept there. Give it another name with "
            f"name=."
        )
    return not_the_sample(folder)


def not_the_sample(folder: Path) -> Path:
    samples = (workbooks.project_folder() / "data" / "sample").resolve()
    resolved = folder.resolve()
    for place in (resolved, *resolved.parents):
        if place == samples or (place.exists() and samples.exists() and place.samefile(samples)):
            raise InputError(
                f"{folder} is among the samples, which are never changed. Leave the folder out, "
                f"and your workbook is kept in data/mine."
            )
    return folder


def own_workbook() -> Path | None:
    """The loaded workbook where it is one of the person's own, in ``data/mine``; else ``None``."""
    try:
        place = workbooks.loaded_path().resolve()
    except InputError:
        return None
    folder = place.parent if place.name == workbooks.FILE_NAME else place
    return (
        folder
        if workbooks.is_workbook(folder) and folder.is_relative_to(mine().resolve())
        else None
    )
