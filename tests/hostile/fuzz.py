"""Files bent at random, for as long as one likes: right or refused, whatever is in them.

    python tests/hostile/fuzz.py --minutes 60 --seed 1 --found /tmp/found

Bytes, cells, headings, encodings and the members of workbooks are changed in files that were
right. Each import runs in a child process with bounded memory and 20 seconds of work. What ends
otherwise than right or refused is kept, with a note, in the folder of ``--found``. For a table
made of known cells the money, the rows and the customers must be the known ones.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import random
import re
import signal
import subprocess
import sys
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

SECONDS_OF_WORK = 20
BYTES_OF_MEMORY = 6 << 30
BATCH = 150
Check = Callable[[object], str]

_PIECES = (
    b"\0", b"\n", b"\r", b"\r\n", b";", b",", b"\t", b'"', b'""', b"'", b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xe9", b"\xc3\xa9", b"\xc2", b"-", b"1e400", b"NaN", b"\xe2\x80\x8b", b"9999-12-31", b"=1+1",
    b"\xf0\x9f\x91\x8d", b"<", b"&", b"\x1a", b" ", b"\x80", b"0" * 30, b'\n"',
)  # fmt: skip
# Cells of a known meaning: cents, or None for a row that must not be kept.
_AMOUNTS: tuple[tuple[str, int | None], ...] = (
    ("10.50", 1050), ("-3.25", -325), ("0.00", 0), ("1234.56", 123456), ("(5.00)", -500),
    ("7.10-", -710), ("€12.00", 1200), ("12.00 €", 1200), ("1e2", 10000), ("", None), ("n/a", None),
    ("1.2.3", None), ("1e400", None), ("abc", None), ("5 %", None), ("--1", None), ("0x10", None),
)  # fmt: skip
_DATES: tuple[tuple[str, bool], ...] = (
    ("2024-01-28", True), ("2024-02-29", True), ("2024-03-15T10:00:00Z", True), ("", False),
    ("2024-02-30", False), ("9999-12-31", False), ("soon", False), ("0000-00-00", False),
)  # fmt: skip
_CUSTOMERS: tuple[tuple[str, str | None], ...] = (
    ("A", "A"), ("B", "B"), (" A ", "A"), ("007", "007"), ("7", "7"), ("é", "é"), ("e\u0301", "é"),
    ("\u200bA", "A"), ("<b>", "<b>"), ("=1", "=1"), ("", None), ("NULL", None), ("a", "a"),
)  # fmt: skip


# -- one case ---------------------------------------------------------------------------------


def made(chance: random.Random) -> tuple[str, bytes, Check, dict[str, object]]:
    """A file's name, its bytes, what must hold of its import, and how it is imported."""
    kinds = (_known_cells, _known_cells, _bent_text, _bent_text, _bent_file, _bent_member)
    return chance.choice(kinds)(chance)


def _known_cells(chance: random.Random) -> tuple[str, bytes, Check, dict[str, object]]:
    rows = [("K1", "2024-01-15", "3.25")] * chance.randrange(1, 4)
    kept = [("K1", 325)] * len(rows)
    for _ in range(chance.randrange(1, 14)):
        amount, cents = chance.choice(_AMOUNTS)
        day, good = chance.choice(_DATES)
        shown, customer = chance.choice(_CUSTOMERS)
        rows.append((shown, day, amount))
        if cents is not None and good and customer is not None:
            kept.append((customer, cents))
    separator = chance.choice(";,\t|")
    quoting = chance.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    end = chance.choice(("\n", "\r\n"))
    held = io.StringIO()
    writer = csv.writer(held, delimiter=separator, quoting=quoting, lineterminator=end)
    writer.writerow(("Customer ID", "Date", "Amount"))
    writer.writerows(rows)
    encoding = chance.choice(("utf-8", "utf-8-sig", "utf-16"))
    money, people = sum(cents for _, cents in kept), {customer for customer, _ in kept}

    def check(done: object) -> str:
        frame = done.to_pandas()  # type: ignore[attr-defined]
        got = round(float(frame["amount"].sum()) * 100), set(frame["customer_id"])
        if len(frame) == len(kept) and got == (money, people):
            return ""
        return f"should be {len(kept)} rows, {money}, {people}; got {len(frame)}, {got}"

    columns = {"customer_id": "Customer ID", "date": "Date", "amount": "Amount"}
    data = held.getvalue().encode(encoding)
    return "known.csv", data, check, {"matching": columns}


def _bent(chance: random.Random, data: bytes, times: int) -> bytes:
    for _ in range(times):
        place, how = chance.randrange(len(data) + 1), chance.randrange(6)
        if how == 0:
            data = data[:place] + chance.choice(_PIECES) + data[place:]
        elif how == 1:
            data = data[:place] + data[place + chance.randrange(1, 9) :]
        elif how == 2 and data:
            byte = bytes([chance.randrange(256)])
            data = data[:place] + byte + data[place + 1 :]
        elif how == 3:
            other = chance.randrange(len(data) + 1)
            data = data[:place] + data[other : other + 40] + data[place:]
        elif how == 4 and chance.random() < 0.2:
            data = data[:place]
        else:
            lines = data.split(b"\n")
            chance.shuffle(lines) if chance.random() < 0.1 else lines.append(chance.choice(lines))
            data = b"\n".join(lines)
    return data


def _plain(chance: random.Random) -> bytes:
    from tests.hostile.corpus import sales, text_of

    return text_of(sales(chance.randrange(10**6), chance.randrange(2, 30))).encode()


def _bent_text(chance: random.Random) -> tuple[str, bytes, Check, dict[str, object]]:
    data = _bent(chance, _plain(chance), chance.randrange(1, 8))
    expected = _by_hand(data)

    def check(done: object) -> str:
        if expected is None:
            return ""
        frame = done.to_pandas()  # type: ignore[attr-defined]
        got = len(frame), round(float(frame["amount"].sum()) * 100)
        return "" if got == expected else f"by hand {expected}, got {got}"

    return "bent.csv", data, check, {}


def _by_hand(data: bytes) -> tuple[int, int] | None:
    """Rows and cents as the csv module reads them; None where anything at all is doubtful."""
    try:
        text = data.decode("ascii")
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None
    if '"' in text or "\r" in text or not text.endswith("\n"):
        return None
    rows = [row for row in rows if row]
    if not rows or rows[0] != ["Customer ID", "Date", "Amount"]:
        return None
    cents = 0
    for row in rows[1:]:
        if len(row) != 3 or not re.fullmatch(r"C\d+", row[0]):
            return None
        if not re.fullmatch(r"2024-\d\d-\d\d", row[1]) or not re.fullmatch(
            r"-?\d{1,9}\.\d\d", row[2]
        ):
            return None
        try:
            date.fromisoformat(row[1])
        except ValueError:
            return None
        cents += round(float(row[2]) * 100)
    return len(rows) - 1, cents


def _bent_file(chance: random.Random) -> tuple[str, bytes, Check, dict[str, object]]:
    from tests.hostile import books, stores
    from tests.hostile.corpus import HEADINGS

    kinds: tuple[tuple[str, Callable[[], bytes]], ...] = (
        ("bent.xlsx", lambda: books.table([HEADINGS, *books.SOLD])),
        ("bent.xls", lambda: books.compound({"Workbook": books.xls([HEADINGS, *books.SOLD])})),
        ("bent.parquet", lambda: stores.parquet(stores.COLUMNS)),
        ("bent.csv.gz", lambda: gzip.compress(_plain(chance))),
        ("bent.zip", lambda: stores.zipped({"a.csv": _plain(chance)})),
        (
            "bent.csv",
            lambda: _plain(chance).decode().encode(chance.choice(("utf-16", "utf-32", "cp500"))),
        ),
    )
    name, make = chance.choice(kinds)
    return name, _bent(chance, make(), chance.randrange(1, 5)), lambda done: "", {}


def _bent_member(chance: random.Random) -> tuple[str, bytes, Check, dict[str, object]]:
    """One member of a workbook bent, the archive around it whole."""
    from tests.hostile import books
    from tests.hostile.corpus import HEADINGS

    whole = books.xlsx() if chance.random() < 0.5 else books.table([HEADINGS, *books.SOLD])
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(held, "w") as new:
        names = old.namelist()
        victim = chance.choice([n for n in names if "sheet" in n or "workbook" in n or "Str" in n])
        for name in names:
            data = old.read(name)
            if name == victim:
                digits = chance.random() < 0.4
                data = _other_numbers(chance, data) if digits else _bent(chance, data, 2)
            new.writestr(name, data)
    return "member.xlsx", held.getvalue(), lambda done: "", {}


def _other_numbers(chance: random.Random, data: bytes) -> bytes:
    def other(number: re.Match[bytes]) -> bytes:
        wild = str(chance.choice((0, 7, 99, 2**31, 10**12))).encode()
        return wild if chance.random() < 0.1 else number[0]

    return re.sub(rb"\d+", other, data)


# -- the child: what becomes of each ----------------------------------------------------------


def wrong(file: Path, check: Check, told: dict[str, object]) -> str:
    """What is wrong with how a file ended; empty for right or refused."""
    import numpy as np

    import retention_lib as rl
    from retention_lib.errors import RetentionError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            done = rl.import_export(file, **told)  # type: ignore[arg-type]
            aside = done.set_aside
            frame = done.to_pandas()
    except RetentionError as error:
        said = str(error.args[0])
        return f"refused at length: {said[:300]}" if len(said) > 4_000 else ""
    except Exception:
        return traceback.format_exc()
    if done.rows_read != done.rows_kept + len(aside) or len(frame) != done.rows_kept:
        return f"read {done.rows_read}, kept {done.rows_kept} ({len(frame)}), aside {len(aside)}"
    amounts = frame["amount"].to_numpy(dtype=float)
    if not np.isfinite(amounts).all() or (abs(amounts) >= 1e15).any():
        return f"amounts that are none: {amounts[:5]}"
    if frame["customer_id"].isna().any() or (frame["customer_id"].str.strip() == "").any():
        return "a customer without a name"
    return check(done)


def child(seed: int, count: int, work: Path, found: Path) -> None:
    """Try a batch; the file at hand lies in ``work``, should this process be killed."""
    import resource

    import retention_lib as rl

    rl.import_export  # noqa: B018 - what is imported once is no part of a file's time
    resource.setrlimit(resource.RLIMIT_AS, (BYTES_OF_MEMORY, BYTES_OF_MEMORY))
    for number in range(seed, seed + count):
        chance = random.Random(number)
        name, data, check, told = made(chance)
        file = work / name
        file.write_bytes(data)
        (work / "at").write_text(f"{number} {name}", "utf-8")
        signal.setitimer(signal.ITIMER_PROF, SECONDS_OF_WORK)
        said = wrong(file, check, told)
        signal.setitimer(signal.ITIMER_PROF, 0)
        if said:
            keep(found, number, name, data, said)
        file.unlink()


def keep(found: Path, number: int, name: str, data: bytes, said: str) -> None:
    """A finding: the file and what was wrong with it."""
    (found / f"{number}-{name}").write_bytes(data)
    (found / f"{number}.txt").write_text(said, "utf-8")


def main() -> int:
    """Try batch after batch until the time is over; 1 where anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--found", type=Path, default=Path("fuzz-found"))
    parser.add_argument("--child", type=int, default=0, help=argparse.SUPPRESS)
    told = parser.parse_args()
    work = told.found / "work"
    work.mkdir(parents=True, exist_ok=True)
    if told.child:
        child(told.child, BATCH, work, told.found)
        return 0
    end, number, died = time.monotonic() + 60 * told.minutes, told.seed * 10**7, 0
    while time.monotonic() < end:
        command = [sys.executable, __file__, "--child", str(number), "--found", str(told.found)]
        # A hang outside of all work is one as well: nobody waits ten minutes for a batch.
        try:
            ran = subprocess.run(
                command, capture_output=True, text=True, timeout=900, cwd=ROOT, check=False
            )
            code, said = ran.returncode, ran.stderr[-3000:]
        except subprocess.TimeoutExpired:
            code, said = -1, "the batch did not end in 15 minutes"
        number += BATCH
        if code:
            died += 1
            at, _, name = (work / "at").read_text("utf-8").partition(" ")
            file = work / name
            keep(
                told.found,
                int(at),
                name,
                file.read_bytes() if file.is_file() else b"",
                f"died with {code}\n{said}",
            )
            number = int(at) + 1
        kept = len(list(told.found.glob("*.txt")))
        print(f"{number - told.seed * 10**7:,} files, {kept} findings, {died} deaths", flush=True)
    return 1 if list(told.found.glob("*.txt")) else 0


if __name__ == "__main__":
    sys.exit(main())
