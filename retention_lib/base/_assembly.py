"""From rows as Arrow split them to a table in which every line is accounted for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retention_lib.base._encoding import Decoded
from retention_lib.base._header import is_data_like
from retention_lib.base._layout import Layout, no_rows, separator_name, split_fields
from retention_lib.base._lines import Lines
from retention_lib.base._raw import (
    BLANKS,
    ROW,
    RawTable,
    Reading,
    example,
    headings,
    rejected_table,
    trim,
    without_number_marks,
)
from retention_lib.errors import InputError
from retention_lib.masking import said_text

if TYPE_CHECKING:
    import pyarrow as pa


_ENOUGH_TO_TELL = 5


@dataclass(frozen=True)
class Misfit:
    """A row that has not as many fields as the others: which (from 0), how many, its text."""

    record: int
    fields: int
    text: str


@dataclass(frozen=True)
class Parsed:
    """What Arrow made of the rows."""

    table: pa.Table
    misfits: list[Misfit]

    @property
    def records(self) -> int:
        return int(self.table.num_rows) + len(self.misfits)


class Assembly:
    """From rows as Arrow split them to a table in which every line is accounted for."""

    def __init__(
        self,
        name: str,
        text: Decoded,
        lines: Lines,
        layout: Layout,
        parsed: Parsed,
        emptied: Mapping[int, tuple[str, str]],
    ) -> None:
        self.name, self.text, self.lines, self.layout = name, text, lines, layout
        self.parsed = parsed
        self.rejected = [(i + 1, line, reason) for i, (reason, line) in emptied.items()]
        self.titles = {trim(line) for line in layout.before}
        self.trimmed_header = [trim(heading) for heading in layout.header or ()]
        self.blank_lines = -sum(line >= layout.first_line for line in emptied)

    def raw_table(self) -> RawTable:
        """The table, what was rejected, and how it was read."""
        table, misfit_numbers = self._numbered()
        last = table[ROW][-1].as_py() if table.num_rows else 0
        for misfit, number in zip(self.parsed.misfits, misfit_numbers, strict=True):
            if not misfit.text.strip(BLANKS + self.layout.separator):
                self.blank_lines += 1
            else:
                self.rejected.append(
                    (int(number), misfit.text, self._reason(misfit, number > last))
                )
        table = self._without_cut_number(table)
        if not table.num_rows:
            raise InputError(no_rows(self.name, self.layout.header or ()))
        self._refuse_mostly_misfits(table.num_rows)
        table, header = self._with_headings(table)
        return RawTable(
            table=table,
            header=header,
            rejected=rejected_table(self.rejected),
            reading=self._reading(),
        )

    def _numbered(self) -> tuple[pa.Table, Any]:
        """The rows that say something, with their line numbers, and those of the misfits."""
        import numpy as np
        import pyarrow.compute as pc

        misfits = self.parsed.misfits
        misfit_records = np.array([m.record for m in misfits], dtype=np.int64)
        rows = np.delete(np.arange(self.parsed.records), misfit_records)
        table = self.parsed.table
        numbers = np.arange(self.parsed.records, dtype=np.int64) + self.layout.first_line + 1
        if self.parsed.records != len(self.lines) - self.layout.first_line:
            breaks = np.zeros(self.parsed.records, dtype=np.int64)
            breaks[rows] = _line_breaks(table)
            breaks[misfit_records] = [m.text.count("\n") for m in misfits]
            numbers[1:] += np.cumsum(breaks)[:-1]
        table = table.add_column(0, ROW, [numbers[rows]])
        blank = _all_equal(table.drop([ROW]), [""] * (table.num_columns - 1))
        if blank is not None:
            self.blank_lines += pc.sum(blank).as_py()
            table = table.filter(pc.invert(blank))
        return self._without_repeated_headings(table), numbers[misfit_records]

    def _without_repeated_headings(self, table: pa.Table) -> pa.Table:
        import pyarrow.compute as pc

        header = self.layout.header
        if header is None or len(header) < self.layout.width:
            return table
        repeated = _all_equal(table.drop([ROW]), self.trimmed_header[: self.layout.width])
        if repeated is None:
            return table
        text = self.layout.separator.join(header)
        lines = table[ROW].filter(repeated).to_pylist()
        self.rejected += [(line, text, "repeated_header") for line in lines]
        return table.filter(pc.invert(repeated))

    def _without_cut_number(self, table: pa.Table) -> pa.Table:
        """Without a last line that breaks off inside its last number: 1234.5 of 1234.56.

        It is told by the missing line end and by all other numbers having more decimals.
        """
        import pyarrow.compute as pc

        whole = self.text.data.endswith(b"\n") or table[ROW][-1:].to_pylist() != [len(self.lines)]
        if whole or table.num_rows < _ENOUGH_TO_TELL:
            return table
        *_, last = table.columns
        others = last.slice(0, table.num_rows - 1)
        digits = re.search(r"\d[.,](\d+)$", others[0].as_py())
        cut = re.fullmatch(r"[-+]?\d+(?:[.,](\d*))?", last[-1].as_py())
        if not digits or not cut or len(cut[1] or "") >= len(digits[1]):
            return table
        alike = pc.match_substring_regex(others, rf"\d[.,]\d{{{len(digits[1])}}}$")
        if not pc.all(alike).as_py():
            return table
        self.rejected.append((len(self.lines), self.lines.text(len(self.lines) - 1), "cut_short"))
        return table.slice(0, table.num_rows - 1)

    def _reason(self, misfit: Misfit, after_last: bool) -> str:
        stripped = trim(misfit.text)
        if stripped in self.titles:
            return "repeated_title"
        fields = split_fields(misfit.text, self.layout.separator, self.layout.quote)
        if fields is None:
            return "unclosed_quote"
        if self.trimmed_header and [trim(field) for field in fields] == self.trimmed_header:
            return "repeated_header"
        # A last line cut short looks like data as far as it goes; "Exported on" does not.
        if after_last and not is_data_like(self.layout.kinds, fields):
            return "footer"
        return "too_few_fields" if misfit.fields < self.layout.width else "too_many_fields"

    def _refuse_mostly_misfits(self, rows: int) -> None:
        wrong = [m for m in self.parsed.misfits if m.text.strip(BLANKS)]
        if len(wrong) <= max(rows, 3):
            return
        raise InputError(
            f"{len(wrong):,} of {rows + len(wrong):,} lines of {self.name} do not have the "
            f"{self.layout.width} fields of the others (one has {wrong[0].fields}: "
            f"“{said_text(example(wrong[0].text))}”). Is "
            f"{separator_name(self.layout.separator)} the right separator? "
            "Pass separator= with the right one, or export the file again."
        )

    def _with_headings(self, table: pa.Table) -> tuple[pa.Table, list[str]]:
        import pyarrow as pa
        import pyarrow.compute as pc

        row_column, *columns = table.columns
        columns = [without_number_marks(column) for column in columns]
        texts = list(self.layout.header or ())
        texts += [""] * (len(columns) - len(texts))
        names = headings(texts)
        # Headings beyond the fields of every row: empty columns, or nothing after all.
        nothing = pa.array([""] * table.num_rows, pa.string())
        columns += [nothing] * (len(texts) - len(columns))
        kept = [
            (name, column)
            for name, text, column in zip(names, texts, columns, strict=True)
            if trim(text) or not pc.all(pc.equal(column, "")).as_py()
        ]
        header = [name for name, _ in kept]
        arrays = [row_column, *(column for _, column in kept)]
        return pa.table(arrays, names=[ROW, *header]), header

    def _reading(self) -> Reading:
        layout = self.layout
        used = layout.quote and layout.quote.encode() in self.text.data
        return Reading(
            source=self.name,
            kind="text",
            encoding=self.text.encoding,
            encoding_evidence=self.text.evidence,
            separator=layout.separator,
            quote=layout.quote if used else None,
            header_row=layout.header_line + 1,
            lines_before_header=tuple(trim(line) for line in layout.before),
            blank_lines=max(self.blank_lines, 0),
            assumptions=(*self.text.assumptions, *layout.assumptions),
        )


def _line_breaks(table: pa.Table) -> Any:
    """How many line breaks each row has inside its fields."""
    import numpy as np
    import pyarrow.compute as pc

    total = np.zeros(table.num_rows, dtype=np.int64)
    for column in table.columns:
        total += pc.count_substring(column, "\n").to_numpy()
    return total


def _all_equal(table: pa.Table, wanted: Sequence[str]) -> pa.ChunkedArray | None:
    """Which rows hold exactly these texts, blanks around them aside; ``None`` where none."""
    import pyarrow.compute as pc

    equal = None
    for column, text in zip(table.columns, wanted, strict=True):
        this = pc.equal(pc.utf8_trim(column, BLANKS), text)
        equal = this if equal is None else pc.and_(equal, this)
        if not pc.any(equal).as_py():
            return None
    return equal
