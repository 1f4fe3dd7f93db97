"""Tables written as an old French back-office program would write them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from retention_lib.base.simulate_dirt import Dirt, Tables, plant_dirt
from retention_lib.base.simulate_world import Streams
from retention_lib.errors import InputError

SALES_HEADINGS = ("Code client", "Date facture", "N° facture", "Désignation", "Famille", "Qté",
                  "P.U. HT", "Montant HT", "Marge", "Canal")  # fmt: skip
CUSTOMER_HEADINGS = {
    "Code client": "customer_id",
    "Raison sociale": "name",
    "Date création": "acquired_on",
    "Date clôture": "closed_on",
    "Motif clôture": "closure_reason",
    "Secteur": "sector",
    "Taille": "size",
    "Région": "region",
    "Ville": "city",
    "E-mail": "email",
    "Téléphone": "phone",
    "SIRET": "siret",
    "N° TVA": "vat",
    "Commercial": "account_manager",
    "Accord contact": "contactable",
    "Coût acquisition": "acquisition_cost",
}
_AMOUNT, _DATE, _CUSTOMER = 7, 1, 0
_PLACES = {"amount": _AMOUNT, "date": _DATE, "customer_id": _CUSTOMER}


def write_raw_export(
    tables: Tables,
    folder: str | Path,
    *,
    seed: int,
    dirt: bool | Dirt = True,
    encoding: str = "cp1252",
    software: str = "GESTIMAG Négoce 4.2",
) -> dict[str, Any]:
    """Write transactions and customers as an old program's export; say what was planted.

    ``export_ventes_<year>.csv``: a title line, headings, semicolons, decimal commas, day-first
    dates, blanks between thousands that do not break (narrow ones where the encoding has them),
    a totals line at the end; ``export_clients.csv`` likewise. ``dirt`` plants the faults of
    :class:`Dirt` in the tables first and broken lines in the file; ``planted.json`` counts them
    and gives their line numbers (1 is the title). Returns what ``planted.json`` holds.

    Raises ``InputError`` where the encoding cannot write a letter of the tables.
    """
    amount = Dirt() if dirt is True else Dirt.none() if dirt is False else dirt
    dirty, duplicates, faults = plant_dirt(tables, amount, seed=seed)
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    narrow = "\u202f" if encoding.lower().startswith("utf") else "\xa0"
    lines = dirty["transactions"]
    first, last = tables["transactions"]["date"].min(), tables["transactions"]["date"].max()
    title = f"{software} - Ventes du {first:%d/%m/%Y} au {last:%d/%m/%Y}"
    sales = f"export_ventes_{last:%Y}.csv"
    text, numbers = _sales_text(lines, faults, amount, title, narrow, Streams(seed).of("file"))
    _write(place / sales, text, encoding)
    found = {sales: numbers}
    if "customers" in dirty:
        title = f"{software} - Fichier clients au {last:%d/%m/%Y}"
        text = _customers_text(dirty["customers"], title, narrow)
        _write(place / "export_clients.csv", text, encoding)
        found["export_clients.csv"] = _by_kind(faults[faults["table"] == "customers"], 3)
    planted = {
        "clean_rows": len(tables["transactions"]),
        "rows_written": len(lines),
        "counts": {
            file: {kind: len(rows) for kind, rows in kinds.items()} for file, kinds in found.items()
        },
        "duplicates": dict(zip(duplicates["duplicate_id"], duplicates["original_id"], strict=True)),
        "lines": found,
    }
    text = json.dumps(planted, ensure_ascii=False, indent=1)
    # A list of line numbers reads better on one line.
    text = re.sub(r"\[[\d,\s]*\]", lambda found: re.sub(r"\s+", " ", found.group()), text)
    (place / "planted.json").write_text(text + "\n", encoding="utf-8", newline="\n")
    return planted


def _write(path: Path, text: str, encoding: str) -> None:
    try:
        path.write_bytes(text.encode(encoding))
    except UnicodeEncodeError as error:
        letter = text[error.start]
        raise InputError(
            f"{encoding} cannot write {letter!r}, which {path.name} needs; use utf-8 or cp1252."
        ) from None


def _money(values: Iterable[float], blank: str) -> list[str]:
    swap = str.maketrans(",.", f"{blank},")
    return ["" if value != value else f"{value:,.2f}".translate(swap) for value in values]


def _days(values: pd.Series[Any]) -> list[str]:
    texts: list[str] = values.dt.strftime("%d/%m/%Y").fillna("").tolist()
    return texts


def _texts(values: pd.Series[Any]) -> list[str]:
    texts: list[str] = values.astype(object).where(values.notna(), "").astype(str).tolist()
    return texts


def _sales_rows(lines: pd.DataFrame, faults: pd.DataFrame, blank: str) -> list[list[str]]:
    quantity = lines["quantity"]
    columns = [
        _texts(lines["customer_id"]),
        _days(lines["date"]),
        _texts(lines["order_id"]),
        _texts(lines["product"]),
        _texts(lines["product_range"]),
        [f"{value:.0f}" for value in quantity],
        _money((lines["amount"] / quantity).round(2), blank),
        _money(lines["amount"], blank),
        _money(lines["margin"], blank),
        _texts(lines["channel"]),
    ]
    rows = [list(row) for row in zip(*columns, strict=True)]
    planted = faults[(faults["table"] == "transactions") & faults["column"].notna()]
    for row, kind, column, text in planted[["row", "kind", "column", "planted"]].itertuples(
        index=False
    ):
        # A fault that the typed table cannot hold is written as a clerk typed it.
        if kind in ("impossible_date", "unreadable_amount"):
            rows[row][_PLACES[column]] = text
    return rows


def _sales_text(
    lines: pd.DataFrame,
    faults: pd.DataFrame,
    dirt: Dirt,
    title: str,
    blank: str,
    rng: np.random.Generator,
) -> tuple[str, dict[str, list[int]]]:
    """The file, and the numbers of its lines that something was planted in, by kind."""
    rows = _sales_rows(lines, faults, blank)
    spoiled = faults[faults["table"] == "transactions"]
    sound = np.setdiff1d(np.arange(len(rows)), spoiled["row"].to_numpy())
    wanted = round(dirt.broken_rows * len(rows))
    broken = rng.permutation(sound)[:wanted].tolist()
    short, split = set(broken[::2]), set(broken[1::2])
    breaks = set(rng.permutation(sound)[: dirt.page_breaks].tolist())
    out, at = _Lines(), list[int]()
    where: dict[str, list[int]] = {"short_row": [], "split_row": [], "repeated_heading": []}
    out.add([title])
    out.add(SALES_HEADINGS)
    for number, row in enumerate(rows):
        if number in breaks:
            where["repeated_heading"].append(out.add(SALES_HEADINGS))
        at.append(out.count + 1)
        if number in short:
            where["short_row"].append(out.add(row[:4]))
        elif number in split:
            # A line feed typed into the description: the row goes on where it should end.
            head, _, tail = row[3].partition(" ")
            where["split_row"].append(out.add([*row[:3], head]))
            out.add([tail, *row[4:]])
        else:
            out.add(row)
    out.add(["TOTAL GÉNÉRAL", *[""] * 6, _money([lines["amount"].sum()], blank)[0], "", ""])
    kinds = _by_kind(spoiled.assign(row=np.array(at, dtype=int)[spoiled["row"]]), 0)
    return out.text(), {**kinds, **{kind: rows for kind, rows in where.items() if rows}}


class _Lines:
    """The lines of a file, counted as an editor counts them."""

    def __init__(self) -> None:
        self._buffer = io.StringIO()
        self._writer = csv.writer(self._buffer, delimiter=";", lineterminator="\r\n")
        self.count = 0

    def add(self, cells: Iterable[str]) -> int:
        self._writer.writerow(cells)
        self.count += 1
        return self.count

    def text(self) -> str:
        return self._buffer.getvalue()


def _by_kind(faults: pd.DataFrame, first_line: int) -> dict[str, list[int]]:
    return {
        str(kind): sorted((rows + first_line).tolist())
        for kind, rows in faults.groupby("kind")["row"]
    }


def _customers_text(customers: pd.DataFrame, title: str, blank: str) -> str:
    out = _Lines()
    out.add([title])
    present = {head: name for head, name in CUSTOMER_HEADINGS.items() if name in customers}
    out.add(present)
    for row in zip(*(_customer_cells(customers, name, blank) for name in present.values()),
                   strict=True):  # fmt: skip
        out.add(row)
    out.add([f"Nombre de fiches : {len(customers)}"])
    return out.text()


def _customer_cells(customers: pd.DataFrame, name: str, blank: str) -> list[str]:
    values = customers[name]
    if name in ("acquired_on", "closed_on"):
        return _days(values)
    if name == "acquisition_cost":
        return _money(values, blank)
    if name == "contactable":
        said: Mapping[object, str] = {True: "Oui", False: "Non"}
        return ["" if pd.isna(value) else said[bool(value)] for value in values]
    return _texts(values)
