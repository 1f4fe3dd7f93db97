"""``retention doctor``: what is installed, what is loaded, what is missing and what it would give.

Nothing in here may fail: whoever calls the doctor has a machine on which something does.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from retention_lib.commands import console
from retention_lib.commands.parsing import Parser, add_common
from retention_lib.errors import RetentionError
from retention_lib.masking import MASK_VARIABLE
from retention_lib.wording import LANGUAGE_VARIABLE, Wording, spoken

EXAMPLES = (("cli.doctor.example", ""),)

Verdict = Literal["fine", "mend", "optional", "note"]

PROJECT = "retention-workbook"
LEAST_GIGABYTES = 1.0
"""Less free space than this is said: an import writes a copy, and a browser needs a cache."""

_SHOWN = ("duckdb", "jupyterlab", "matplotlib", "pandas", "scikit-learn", "voila")
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_CHROMIUM_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
)


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what it is, how it is, and what to do where that is needed."""

    what: str
    verdict: Verdict
    said: str
    remedy: str = ""


def add_arguments(parser: Parser, wording: Wording) -> None:
    """Which base to look at."""
    add_common(parser)


def run(options: argparse.Namespace) -> int:
    """Print what was found; 0 where all is ready, 1 where something has to be mended."""
    wording = Wording(spoken())
    found = list(examine(wording, options.data))
    print(as_text(found, wording))
    return 1 if any(finding.verdict == "mend" for finding in found) else 0


def as_text(found: list[Finding], wording: Wording) -> str:
    """The findings in columns, each with its verdict in a word, and the last word under them."""
    rows = []
    for finding in found:
        mark = wording.say(f"cli.doctor.verdict.{finding.verdict}")
        remedy = f" → {finding.remedy}" if finding.remedy else ""
        rows.append((mark, finding.what, finding.said + remedy))
    mend = sum(finding.verdict == "mend" for finding in found)
    last = (
        wording.say("cli.doctor.to_mend", count=mend) if mend else wording.say("cli.doctor.ready")
    )
    return console.columns(rows, indent="") + "\n\n" + console.wrapped(last)


def examine(wording: Wording, data: str | None = None) -> Iterator[Finding]:
    """Look at everything, one thing after the other; what cannot be looked at is said, too."""
    looks: tuple[Callable[[Wording], Iterator[Finding]], ...] = (
        _python,
        _packages,
        _project,
        _space,
        lambda w: _loaded(w, data),
        _settings,
        _optional,
    )
    for look in looks:
        try:
            yield from look(wording)
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            yield Finding(wording.say("cli.doctor.what.itself"), "note", why)


def _python(w: Wording) -> Iterator[Finding]:
    said = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    yield Finding(w.say("cli.doctor.what.python"), "fine", f"{said} ({sys.executable})")


def _packages(w: Wording) -> Iterator[Finding]:
    from retention_lib import __version__

    needed = core_packages()
    versions = {name: _version(name) for name in needed}
    missing = sorted(name for name, version in versions.items() if version is None)
    what = w.say("cli.doctor.what.packages")
    if missing:
        yield Finding(
            what,
            "mend",
            w.say("cli.doctor.packages_missing", count=len(missing), listed=", ".join(missing)),
            w.say("cli.doctor.set_up"),
        )
    else:
        shown = [f"{name} {versions.get(name) or _version(name)}" for name in _SHOWN]
        said = w.say("cli.doctor.packages", count=len(needed), listed=", ".join(shown))
        yield Finding(what, "fine", f"Retention Workbook {__version__}, {said}")


def core_packages() -> list[str]:
    """The packages without which the workbook does not run, as it was installed."""
    try:
        required = importlib.metadata.requires(PROJECT) or []
    except importlib.metadata.PackageNotFoundError:
        return list(_SHOWN)
    core = [line for line in required if "extra ==" not in line]
    return [found[0] for line in core if (found := re.match(r"[A-Za-z0-9._-]+", line))]


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _project(w: Wording) -> Iterator[Finding]:
    from retention_lib.base import workbooks

    project = workbooks.project_folder()
    what = w.say("cli.doctor.what.project")
    if not (project / "data" / "sample" / "b2b").is_dir():
        yield Finding(what, "mend", str(project), w.say("cli.doctor.no_sample"))
        return
    yield Finding(what, "fine", str(project))
    mine = project / "data" / "mine"
    yield _writable(w, w.say("cli.doctor.what.mine"), mine)
    yield _writable(w, w.say("cli.doctor.what.temporary"), Path(tempfile.gettempdir()))


def _writable(w: Wording, what: str, folder: Path) -> Finding:
    """Whether a file can be written there: asked by writing one, for rights alone say little."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".retention-"):
            pass
    except OSError as error:
        said = w.say("cli.doctor.not_writable", folder=str(folder), why=error.strerror or error)
        return Finding(what, "mend", said, w.say("cli.doctor.make_writable"))
    return Finding(what, "fine", w.say("cli.doctor.writable", folder=str(folder)))


def _space(w: Wording) -> Iterator[Finding]:
    from retention_lib.base import workbooks

    free = shutil.disk_usage(workbooks.project_folder()).free / 1e9
    said = w.say("cli.doctor.free", gigabytes=w.number(free, decimals=1))
    what = w.say("cli.doctor.what.space")
    if free < LEAST_GIGABYTES:
        yield Finding(what, "mend", said, w.say("cli.doctor.free_some"))
    else:
        yield Finding(what, "fine", said)


def _loaded(w: Wording, data: str | None) -> Iterator[Finding]:
    from retention_lib.base import workbooks
    from retention_lib.commands.line import name

    what = w.say("cli.doctor.what.loaded")
    try:
        place = workbooks.as_path(data) if data else workbooks.loaded_path()
        if place.exists():  # otherwise the next line says that there is nothing
            yield Finding(what, "fine", str(place))
        # Reading takes seconds and needs every package: only where those are there.
        from retention_lib.base.opening import describe_base, open_base

        described = describe_base(open_base(place))
        absent = described.table.loc[described.table["rows"] == 0, ["table", "unlocks"]]
        yield Finding(w.say("cli.doctor.what.base"), "fine", described.sentence())
        for row in absent.to_dict("records"):
            said = w.say("cli.doctor.no_table", table=w.table(row["table"]), unlocks=row["unlocks"])
            yield Finding(w.say("cli.doctor.what.table"), "optional", said)
    except RetentionError as error:
        remedy = w.say("cli.doctor.back_to_sample", command=f"{name()} use sample")
        yield Finding(what, "mend", str(error), remedy)


def _settings(w: Wording) -> Iterator[Finding]:
    from retention_lib.base import workbooks
    from retention_lib.base._typed import is_database_url, without_secrets

    chosen = w.say(f"cli.doctor.language.{w.language}")
    yield Finding(w.say("cli.doctor.what.language"), "fine", chosen)
    encoding = getattr(sys.stdout, "encoding", None) or "?"
    yield Finding(w.say("cli.doctor.what.console"), "fine", encoding)
    for variable in (workbooks.ENVIRONMENT, LANGUAGE_VARIABLE, MASK_VARIABLE):
        if os.environ.get(variable):
            value = os.environ[variable]
            said = f"{variable}={without_secrets(value) if is_database_url(value) else value}"
            yield Finding(w.say("cli.doctor.what.variable"), "note", said)


def _optional(w: Wording) -> Iterator[Finding]:
    """What is not needed, what it would give, and how to get it."""
    java = _java()
    parts: tuple[tuple[str, str | None, str], ...] = (
        ("chromium", chromium(), ""),
        ("polars", _version("polars"), _pip("polars")),
        ("ibis", _version("ibis-framework"), _pip("warehouse")),
        ("spark", _version("pyspark"), "python workbook.py setup --spark"),
        ("java", java, ""),
    )
    for part, found, command in parts:
        gives = w.say(f"cli.doctor.gives.{part}")
        title = w.say(f"cli.doctor.part.{part}")
        if found:
            yield Finding(title, "fine", f"{found} ({gives})")
        else:
            how = w.say(f"cli.doctor.get.{part}", command=command)
            said = w.say("cli.doctor.absent", gives=gives)
            yield Finding(title, "optional", said, how)


def _java() -> str | None:
    """The Java that Spark would start; a ``JAVA_HOME`` that leads nowhere is none."""
    home = os.environ.get("JAVA_HOME")
    if home:
        return shutil.which("java", path=str(Path(home) / "bin"))
    return shutil.which("java")


def _pip(extra: str) -> str:
    return f'"{sys.executable}" -m pip install "{PROJECT}[{extra}]"'


def chromium() -> str | None:
    """Where Chromium or Chrome is; ``None`` where there is none."""
    on_path = next((found for name in _CHROMIUM if (found := shutil.which(name))), None)
    return on_path or next((place for place in _CHROMIUM_PLACES if Path(place).is_file()), None)
