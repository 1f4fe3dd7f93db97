"""An environment for each peer: found, or made in ``.venv-peers/`` as ``peers.txt`` says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from _measured import ROOT

PINS = Path(__file__).with_name("peers.txt")
HOME = ROOT / ".venv-peers"


def read_pins(text: str) -> dict[str, list[str]]:
    """The pins of each peer, by its name in square brackets."""
    found: dict[str, list[str]] = {}
    pins: list[str] = []
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            pins = found.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            pins.append(line)
    return found


def find_pythons(
    wanted: Iterable[str], given: list[str], say: Callable[[str], None]
) -> dict[str, str]:
    """By which interpreter each peer is run; where there is none, the reason in its place."""
    pins = read_pins(PINS.read_text(encoding="utf-8"))
    found = {}
    for peer in wanted:
        folder = HOME / peer
        own = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        ready = [python for python in (*given, str(own)) if _has(python, peer)]
        if ready:
            found[peer] = ready[0]
            continue
        say(f"setting up {peer} in {folder}")
        trouble = _make(folder, own, pins[peer])
        found[peer] = f"could not be installed: {trouble}" if trouble else str(own)
    return found


def _has(python: str, peer: str) -> bool:
    if not Path(python).exists():
        return False
    # Looked for, not imported: some take ten seconds to start.
    looked = f"from importlib.util import find_spec as f; assert f('{peer}') and f('pyarrow')"
    done = subprocess.run([python, "-W", "ignore", "-c", looked], capture_output=True, check=False)
    return done.returncode == 0


def _make(folder: Path, python: Path, pins: list[str]) -> str:
    """Install the pins into a new environment; nothing, or the last words of the installer."""
    # workbook.py knows how to hand the settings of pip (a company's index) over to uv.
    sys.path.insert(0, str(ROOT))
    import workbook

    env = workbook.clean_environ()
    env.update(workbook.uv_settings(env))
    uv = [sys.executable, "-m", "uv"]
    for command in (
        [*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
        [*uv, "pip", "install", "--quiet", "--python", str(python), *pins],
    ):
        done = subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", check=False, env=env
        )
        if done.returncode:
            return " ".join(done.stderr.split())[-200:] or f"uv ended with {done.returncode}"
    return ""
