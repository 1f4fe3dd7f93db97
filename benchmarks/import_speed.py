"""How long a large foreign export takes to import, and in how much memory.

python benchmarks/import_speed.py FILE        an export of your own
python benchmarks/import_speed.py             half a million French lines made here
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import retention_lib as rl


def peak_megabytes() -> float:
    """Peak memory of this process; not a number where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def french_export(folder: Path, rows: int = 500_000) -> Path:
    """A French export: semicolons, decimal commas, days first."""
    file = folder / "ventes.csv"
    with file.open("w", encoding="cp1252") as out:
        out.write("Code client;Date facture;Désignation;Montant HT\n")
        for n in range(rows):
            day = f"{1 + n % 28:02d}/{1 + n % 12:02d}/{2022 + n % 3}"
            out.write(f"C{n * 7919 % 40_000:05d};{day};Écran;{n % 900},{n % 100:02d}\n")
    return file


def main() -> None:
    """Import once and print seconds, rows and memory."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(sys.argv[1]) if len(sys.argv) > 1 else french_export(Path(folder))
        began = time.perf_counter()
        done = rl.import_export(file)
        seconds = time.perf_counter() - began
        print(done.sentence())
        print(f"{seconds:.1f} s, {peak_megabytes():,.0f} MB at the peak")


if __name__ == "__main__":
    main()
