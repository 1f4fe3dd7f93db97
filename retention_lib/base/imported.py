"""What became of an export: the account of its rows, and what can be done with it."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import pandas as pd

from retention_lib.base import workbooks
from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.judging import REASON, Reader
from retention_lib.base.matching import Matching
from retention_lib.base.mending import mended_reader, shown_headings
from retention_lib.base.saving import save_table
from retention_lib.base.sources import FILE, NUMBER_MARK, ROW
from retention_lib.base.values import quoted
from retention_lib.errors import DataWarning, InputError
from retention_lib.masking import said_text
from retention_lib.messages import told
from retention_lib.results import Listing, Result
from retention_lib.wording import Sentence, Wording

_ROUNDED = r"\d[.,]\d+[Ee]\+\d+"
"""How a spreadsheet writes a long number that it has no room for: ``1,23457E+12``."""


def reason_label(wording: Wording, reason: str) -> str:
    """A reason for setting rows aside, in words; the empty reason is ``kept``."""
    return wording.say(f"import.reason.{reason.split(':')[0]}" if reason else "import.kept")


@dataclass(frozen=True, repr=False, eq=False)
class Import(Result):
    """What became of an export: one row a fate of its rows.

    Columns: ``reason`` (a code, empty for the rows kept), ``label``, ``rows``, ``share`` of the
    rows read, ``amount`` (their money). ``rows_read`` = ``rows_kept`` + rows of ``set_aside``.
    """

    matching: Matching = field(kw_only=True)
    rows_read: int = field(kw_only=True)
    rows_kept: int = field(kw_only=True)
    reader: Reader = field(kw_only=True)
    path: str = field(default="", kw_only=True)
    language_told: bool = field(default=False, kw_only=True)
    taken_in: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    """The account of the exports behind a table that was read back from a workbook."""

    chart: ClassVar[str] = "plot_set_aside"
    formats: ClassVar[Mapping[str, str]] = {"rows": "count", "share": "percent", "amount": "money"}
    hidden: ClassVar[tuple[str, ...]] = ("reason",)

    @classmethod
    def of(
        cls,
        reader: Reader,
        wording: Wording,
        *,
        currency: str | None = None,
        usual: str = "",
        known: Sequence[str] = (),
        path: str = "",
        language_told: bool = False,
    ) -> Self:
        """Judge the rows of a reader and account for every one of them.

        ``usual`` and ``known`` are the workbook's currency and those that its files have named,
        where its last import is repeated. Raises ``InputError`` where not a single row can be
        used, ``QuestionError`` where the amounts are in several currencies and ``currency`` does
        not say which.
        """
        reader.judge()
        wording = replace(wording, currency=reader.currency(currency, usual, known))
        account = reader.account()
        kept = account.get("", (0, None))[0]
        rows_read = sum(rows for rows, _ in account.values())
        if kept == 0:
            said = ", ".join(f"{rows:,} × {reason}" for reason, (rows, _) in account.items())
            raise InputError(
                f"No row of {reader.raw.reading.source} could be used ({said}). Look at the "
                f"matching with rl.propose_matching() and correct it with matching={{…}}."
            )
        ranked = sorted(account.items(), key=lambda item: (item[0] != "", -item[1][0], item[0]))
        frame = pd.DataFrame(
            {
                "reason": [reason for reason, _ in ranked],
                "label": [reason_label(wording, reason) for reason, _ in ranked],
                "rows": [rows for _, (rows, _) in ranked],
                "share": [rows / rows_read for _, (rows, _) in ranked],
                "amount": [amount for _, (_, amount) in ranked],
            }
        )
        _warn_of_unread(reader)
        _warn_of_documents(reader)
        _warn_of_rounded(reader)
        return cls(
            frame,
            path=path,
            language_told=language_told,
            wording=wording,
            assumptions={"table": reader.contract.name, **reader.answers.given()},
            matching=reader.matching,
            rows_read=rows_read,
            rows_kept=kept,
            reader=reader,
        )

    @property
    def file(self) -> str:
        """The name of what was read."""
        return self.reader.raw.reading.source

    @cached_property
    def set_aside(self) -> pd.DataFrame:
        """Every row that was not kept, as it stood, with its row number and the reason.

        Columns: ``row``, ``reason`` (in words), ``reason_code``, then those of the export, and
        ``line`` with the text of lines that are no rows at all.
        """
        return self._aside()

    def _aside(self, *, first_of_each: bool = False, rows: int | None = None) -> pd.DataFrame:
        """Rows set aside; the choice of some is made in the engine, for there may be many."""
        reader = self.reader
        texts = ", ".join(
            f"rtrim({reader.text(name)}, '{NUMBER_MARK}') AS {quoted(shown)}"
            for name, shown in shown_headings(reader.raw.header).items()
        )
        book = ", ".join(reader.book_columns())
        nth = f"row_number() OVER (PARTITION BY reason_code ORDER BY {book})"
        chosen = f"QUALIFY {nth} = 1" if first_of_each else ""
        limit = f"LIMIT {int(rows)}" if rows is not None else ""
        relation = reader.connection.sql(
            f"""
            SELECT * FROM (
                SELECT {book}, split_part({REASON}, ':', 1) AS reason_code, {texts}, NULL AS line
                FROM judged WHERE {REASON} IS NOT NULL
                UNION ALL BY NAME
                SELECT {book}, reason AS reason_code, text AS line FROM rejected
            ) {chosen} ORDER BY {book} {limit}"""
        )
        frame = relation.to_arrow_table().to_pandas()
        frame = frame.rename(columns={ROW: "row", FILE: "file"})
        labels = {code: reason_label(self.wording, code) for code in frame["reason_code"].unique()}
        frame.insert(1, "reason", frame["reason_code"].map(labels))
        return frame

    @property
    def base_revenue(self) -> float | None:
        """The sum of the amounts kept; ``None`` where the table has no amounts."""
        amount = self.table.loc[self.table["reason"] == "", "amount"].iloc[0]
        return None if pd.isna(amount) else float(amount)

    def sentence(self) -> str:
        """How many rows were read, kept and set aside."""
        say, aside = self.wording.say, self.rows_read - self.rows_kept
        words: dict[str, object] = {
            "file": self.file,
            "read": self.rows_read,
            "kept": self.rows_kept,
            "aside": aside,
            "share": self.wording.percent(aside / self.rows_read),
        }
        revenue = self.base_revenue
        if revenue is None:
            said = say("import.sentence_without_money", **words)
        else:
            said = say("import.sentence", **words, money=self.wording.money(revenue))
        earlier = sum(self.taken_in.get("set_aside", {}).values())
        if earlier:
            said += " " + say("import.earlier", aside=earlier, read=self.taken_in["rows_read"])
        return said

    def careless_sentence(self) -> Sentence:
        """What adding up the column as it stands would have said, beside the truth."""
        money = self.wording.money
        kept = self.base_revenue
        if kept is None:
            return Sentence(self.sentence())
        careless = float(self.table["amount"].sum())
        key = "import.careless_same" if round(careless - kept, 2) == 0 else "import.careless"
        gap = money(abs(careless - kept))
        return Sentence(self.wording.say(key, careless=money(careless), kept=money(kept), gap=gap))

    def what_was_done(self) -> Listing:
        """What was decided about the file, each with its evidence: ``step, decision, why``."""
        said_in = self.wording.language
        # Evidence is noted while reading, before anybody knows in which language it is asked for.
        rows = [
            (
                told(f"step: {step}", said_in).removeprefix("step: "),
                told(f"decision: {decision}", said_in).removeprefix("decision: "),
                # As a sentence of its own first: "why: 36,914" would be no number.
                told(f"why: {told(why, said_in)}", said_in).removeprefix("why: "),
            )
            for step, decision, why in _steps(self.reader)
        ]
        steps = pd.DataFrame(rows, columns=["step", "decision", "why"])
        assumed = len(self.reader.decisions.assumed())
        key = "import.decided_assumed" if assumed else "import.decided"
        said = self.wording.say(key, steps=len(steps), assumed=assumed)
        return Listing(steps, wording=self.wording, said=said)

    def first_set_aside(self, rows: int = 8) -> Listing:
        """The first rows that were not kept, for looking at: row, reason and the line itself."""
        aside = self._aside(rows=rows)
        lines = [
            textwrap.shorten(_cells_in_words(row), 90, placeholder="…")
            for _, row in aside.iterrows()
        ]
        shown = aside[["row", "reason"]].assign(row=aside["row"].astype(str), line=lines)
        count = self.rows_read - self.rows_kept
        said = self.wording.say("import.aside" if count else "import.aside_none", rows=count)
        return Listing(shown, wording=self.wording, said=said)

    def to_pandas(self) -> pd.DataFrame:
        """The rows kept, in pandas, for looking at."""
        return self.reader.connection.table("kept").to_arrow_table().to_pandas()

    def to_base(self, **options: Any) -> CustomerBase:
        """A :class:`CustomerBase` of the rows kept; ``options`` as in ``from_tables``."""
        if self.reader.contract.name != "transactions":
            raise InputError(
                f"A base needs transactions; this import holds {self.reader.contract.name}. "
                f"Save both into one folder with .save() and open that."
            )
        outcome = self.outcome()
        made = {"path": self.file, "import": outcome, "imports": {"transactions": outcome}}
        options.setdefault("language", self.wording.language)
        options.setdefault("currency", self.wording.currency)
        return CustomerBase.from_tables(
            self.reader.connection.table("kept"), made_from=made, **options
        )

    def outcome(self) -> dict[str, Any]:
        """The account of the import, for ``workbook.toml`` and the scorecard."""
        aside = self.table[self.table["reason"] != ""]
        examples = {
            str(first["reason_code"]): [int(first["row"]), _cells_in_words(first)[:200]]
            for _, first in self._aside(first_of_each=True).sort_values("reason_code").iterrows()
        }
        return {
            "file": self.file,
            "rows_read": self.rows_read,
            "rows_kept": self.rows_kept,
            "set_aside": dict(zip(aside["reason"], aside["rows"].astype(int), strict=True)),
            "examples": examples,
            "unread": {name: list(found) for name, found in self.reader.unread.items()},
        }

    def add_mended(self, path: str | Path) -> Import:
        """Take back rows that were set aside and have been mended in the saved file.

        Rows are recognised by their ``row`` number; those that still cannot be used stay set
        aside. The account stays whole: no row is read twice.
        """
        reader = mended_reader(self.reader, self.set_aside, path)
        return Import.of(
            reader,
            self.wording,
            currency=self.wording.currency,
            path=self.path,
            language_told=self.language_told,
        )

    def save(
        self,
        folder: str | Path,
        *,
        name: str | None = None,
        currency: str | None = None,
        margin_rate: float | None = None,
        as_of: date | None = None,
        activity_window_days: int | None = None,
    ) -> Path:
        """Save the table into a workbook folder that :func:`retention_lib.open_base` opens.

        Writes ``<table>.parquet``, ``workbook.toml`` with the matching and the answers, and,
        where rows were set aside, ``set_aside_<table>.xlsx`` to open and mend. A folder may
        take several tables, one import after the other. The settings left out stay as they are.
        """
        settings = {
            "name": name,
            "currency": currency or self.wording.currency or None,
            "language": self.wording.language if self.language_told else None,
            "margin_rate": margin_rate,
            "as_of": as_of,
            "activity_window_days": activity_window_days,
        }
        return save_table(
            workbooks.from_here(folder),
            self.reader.contract.name,
            self.reader.connection.table("kept"),
            self.set_aside,
            {"raw": self.path or None, "reading": self.reading()},
            settings,
            self.wording,
        )

    def reading(self) -> dict[str, Any]:
        """How the file was read, for ``workbook.toml``: next month's is read the same way."""
        return {
            "matching": self.matching.to_dict(),
            "answers": self.reader.answers.given(),
            "decided": self.reader.decisions.remembered(self.reader.source_of),
            "outcome": self.outcome(),
            # Said once to be converted already, they are not asked about every month.
            "currencies": sorted(self.reader.currencies()),
        }


def _cells_in_words(row: pd.Series[Any]) -> str:
    """What the export says in a row set aside: its cells that say something."""
    own = [name for name in ("row", "file", "reason", "reason_code") if name in row]
    return " · ".join(str(cell) for cell in row.drop(own).dropna() if str(cell).strip())


def _warn_of_unread(reader: Reader) -> None:
    for name, (rows, example) in reader.unread.items():
        warnings.warn(
            f"{rows:,} value(s) of {name} (your column {reader.source_of[name]!r}) could not be "
            f"read and were left empty, such as {said_text(example)!r}. Correct them in the "
            f"export and import it again, or leave the column out with "
            f"matching={{{name!r}: None}}.",
            DataWarning,
            stacklevel=4,
        )


def _warn_of_documents(reader: Reader) -> None:
    for heading, kinds in reader.suspicious_documents().items():
        warnings.warn(
            f"Your column {heading!r} has lines that look like no sales: {', '.join(kinds)}. They "
            f"are counted like all others. Leave them out with leave_out={{{heading!r}: [...]}}, "
            f"unless their amounts are negative already.",
            DataWarning,
            stacklevel=4,
        )


def _warn_of_rounded(reader: Reader) -> None:
    heading = reader.source_of.get("customer_id")
    if heading is None:
        return
    said = reader.text(heading)
    rows, example = reader.connection.execute(
        f"SELECT count(*), min({said}) FROM judged WHERE {REASON} IS NULL "
        f"AND regexp_full_match(trim({said}), ?)",
        [_ROUNDED],
    ).fetchall()[0]
    if rows:
        warnings.warn(
            f"{rows:,} line(s) have a customer_id that a spreadsheet rounded, such as "
            f"{said_text(example)!r}: its digits are lost, and several customers may have become "
            f"one. Export the table again and import that file before any spreadsheet saves it.",
            DataWarning,
            stacklevel=4,
        )


def _steps(reader: Reader) -> list[tuple[str, str, str]]:
    reading = reader.raw.reading
    steps = [("reading", said, "") for said in reading.assumptions if reading.parts]
    for part in reading.parts or (reading,):
        if part.encoding:
            steps.append(("encoding", part.encoding, part.encoding_evidence))
        if part.separator:
            steps.append(("separator", repr(part.separator), ""))
        if part.lines_before_header:
            said = " / ".join(part.lines_before_header)
            steps.append(("headings", f"row {part.header_row}", f"before them: {said}"))
        if part.blank_lines:
            steps.append(("blank lines", "skipped", f"{part.blank_lines:,} of them"))
        steps += [("reading", assumption, "") for assumption in part.assumptions]
    for group in reader.decisions.groups:
        where = f" of {', '.join(group.files)}" if group.files else ""
        for column, amount in group.amounts.items():
            how = f"decimal mark {amount.decimal!r}"
            steps.append((f"numbers in {column!r}{where}", how, amount.evidence))
        for column, day in group.dates.items():
            how = (day.order or "only one reading").replace("_", " ")
            change = f"; to change it, {day.how_to_change}" if day.assumed else ""
            steps.append((f"dates in {column!r}{where}", how, day.evidence + change))
    for name, (rows, example) in reader.unread.items():
        said = f"{rows:,} could not be read, such as {said_text(example)!r}"
        steps.append((f"values of {name}", "left empty", said))
    if "amount" not in reader.source_of and "amount" in reader.typed_columns:
        steps.append(("amount", "quantity × unit price", "the file has no amount of its own"))
    if reader.matching.unknown:
        kept = ", ".join(reader.matching.unknown)
        steps.append(("other columns", "kept as they are", kept))
    return steps
