"""The scorecard: what state a customer base is in, and what to do about it.

What there is to know is counted in :mod:`quality_facts`, judged in :mod:`quality_checks`, and said
here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import pandas as pd

from retention_lib import progress
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.base.duplicates import Duplicates
from retention_lib.base.quality_checks import CHECKS, Check, Finding
from retention_lib.base.quality_facts import Facts
from retention_lib.errors import ChoiceError, InputError
from retention_lib.results import Listing, Result
from retention_lib.wording import Wording

_URGENCY = {"act": 0, "look": 1, "fine": 2}
# Of these every row has to have one; where half the rows lack it, the rest stands for nothing.
_CORE = ("missing_customer", "missing_date", "unreadable_amount")

RETENTION_YEARS = 3
"""Years without contact after which the CNIL has personal data deleted, or consent renewed."""


@dataclass(frozen=True, repr=False, eq=False)
class Scorecard(Result):
    """The state of a base: one row a check, the most urgent first.

    Columns: ``check`` (a stable code), ``label`` (in words), ``table``, ``rows`` (how many are
    concerned: rows, customers, columns or days, as the label says), ``of`` (how many were looked
    at), ``share`` (``rows`` of ``of``, 0 to 1), ``amount`` (the money of those rows; missing where
    they have none), ``severity`` (``act``, ``look`` or ``fine``), ``judgement`` (that in words),
    ``example``, ``remedy`` (what to do, with the call where there is one; both empty where nothing
    is wrong).

    ``completeness`` has one row a column of the base: ``table, column, filled, rows, share``.
    ``not_checked`` has the checks that this base does not allow: ``check, label, needs``.
    """

    completeness: pd.DataFrame = field(default_factory=pd.DataFrame)
    not_checked: pd.DataFrame = field(default_factory=pd.DataFrame)
    lists: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    chart: ClassVar[str] = "plot_quality"
    hidden: ClassVar[tuple[str, ...]] = ("check", "severity", "table", "of")
    formats: ClassVar[Mapping[str, str]] = {
        "rows": "count",
        "of": "count",
        "share": "percent",
        "amount": "money",
    }
    shown_rows: ClassVar[int] = 20

    def concerned(self, check: str) -> pd.DataFrame:
        """Everybody a check concerns, as a list to work through: one row a customer or person.

        Raises ``ChoiceError`` for a check without such a list; it names those with one.
        """
        if check not in self.lists:
            raise ChoiceError("check", check, self.lists)
        return self.lists[check].copy()

    def what_was_not_checked(self) -> Listing:
        """The checks that lack their table or column, and what each needs."""
        count = len(self.not_checked)
        key = "quality.some_not_checked" if count else "quality.all_checked"
        said = self.wording.say(key, count=count)
        return Listing(self.not_checked[["label", "needs"]], wording=self.wording, said=said)

    def how_complete(self) -> Listing:
        """Every column with the share of its rows that is filled in, the emptiest first."""
        table = self.completeness.sort_values(["share", "table"], kind="stable", ignore_index=True)
        said = self.wording.say(
            "quality.completeness",
            full=int((table["share"] >= 0.95).sum()),
            columns=len(table),
        )
        table = table.assign(share=table["share"].map(self.wording.percent))
        return Listing(table, wording=self.wording, said=said)

    def sentence(self) -> str:
        """How usable the base is, with counts and the biggest problem."""
        counts = self.table["severity"].value_counts()
        found = {name: int(counts.get(name, 0)) for name in _URGENCY}
        words: dict[str, object] = {
            "checks": len(self.table),
            **found,
            "state": self.wording.say(f"quality.state.{self._state(found)}"),
        }
        if not found["act"] and not found["look"]:
            return self.wording.say("quality.sentence_fine", **words)
        worst = self.table.iloc[0]
        return self.wording.say(
            "quality.sentence",
            **words,
            problem=self.wording.say(
                "quality.problem",
                label=worst["label"],
                rows=int(worst["rows"]),
                of=int(worst["of"]),
                share=self.wording.percent(float(worst["share"])),
            ),
        )

    def _state(self, found: Mapping[str, int]) -> str:
        core = self.table[self.table["check"].isin(_CORE)]
        if (core["share"] >= 0.5).any():
            return "unusable"
        if found["act"]:
            return "careful"
        return "usable" if found["look"] else "sound"


def check_quality(
    base: CustomerBase,
    *,
    retention_years: int = RETENTION_YEARS,
    phone_region: str | None = None,
    duplicates: Duplicates | None = None,
) -> Scorecard:
    """Check a base: what is wrong, how much of it, an example, and what to do.

    ``retention_years`` is how long a customer may be without contact before personal data have
    to go (3 years: CNIL guideline). A contact is a purchase, anything inbound, an answered call
    or a visit; receiving or opening an e-mail is none. ``phone_region`` (two letters) is the
    country of telephone numbers without a prefix. ``duplicates`` are proposals of
    :func:`find_duplicates`, where they were made already; without them they are made here.

    Checks whose table or column is absent stand in ``.not_checked``, not among the zeros. The
    clock is never asked: a date is in the future where it lies far behind all others.

    >>> lines = pd.DataFrame({"customer_id": ["1", "1", "2"], "order_id": ["7", "7", "8"],
    ...     "date": ["2024-01-05", "2024-01-05", "2024-02-01"], "amount": [10.0, 10.0, 20.0]})
    >>> scorecard = check_quality(CustomerBase.from_tables(lines))
    >>> scorecard.to_frame()[["check", "rows", "of", "amount", "severity"]].head(1)
              check  rows  of  amount severity
    0  exact_copies     1   3    10.0      act
    """
    require_base(base)
    if isinstance(retention_years, bool) or retention_years < 1:
        raise InputError(f"retention_years is a number of years from 1; got {retention_years!r}.")
    facts = Facts(
        base,
        retention_years=retention_years,
        phone_region=phone_region,
        duplicates=duplicates,
    )
    found: list[tuple[Check, Finding]] = []
    missing: list[tuple[str, str, str]] = []
    with progress.steps(base.wording, "quality", total=len(CHECKS)) as step:
        for check in CHECKS:
            step("check", check=_label(base.wording, check.code))
            lacking = check.lacks(facts)
            finding = None if lacking else check.measure(facts)
            if finding is None or not finding.of:
                needs = _needs(base.wording, check, lacking)
                missing.append((check.code, _label(base.wording, check.code), needs))
            else:
                found.append((check, finding))
    return Scorecard(
        _as_table(base.wording, found),
        wording=base.wording,
        assumptions={"as_of": base.as_of, "retention_years": retention_years},
        completeness=facts.completeness,
        not_checked=pd.DataFrame(missing, columns=["check", "label", "needs"]),
        lists={c.code: f.concerned for c, f in found if f.concerned is not None and f.rows},
    )


def _label(wording: Wording, code: str) -> str:
    return wording.say(f"quality.check.{code}.label")


def _needs(wording: Wording, check: Check, lacking: tuple[str, ...]) -> str:
    if not lacking:
        return wording.say("quality.needs.rows")
    if lacking == ("*",):
        return wording.say("quality.needs.table", table=wording.table(check.table))
    key = "quality.needs.any" if check.needs_any else "quality.needs.columns"
    table, columns = wording.table(check.table), ", ".join(lacking)
    return wording.say(key, table=table, columns=columns, count=len(lacking))


def _as_table(wording: Wording, found: list[tuple[Check, Finding]]) -> pd.DataFrame:
    rows = []
    for place, (check, finding) in enumerate(found):
        severity = check.severity(finding)
        share = finding.rows / finding.of
        # What is fine keeps the order of the list; the rest is ranked by how much it weighs.
        weight = 0.0 if severity == "fine" else -share * check.weight
        rows.append(
            {
                "rank": (_URGENCY[severity], weight, place),
                "check": check.code,
                "label": _label(wording, check.code),
                "table": check.table,
                "rows": finding.rows,
                "of": finding.of,
                "share": share,
                "amount": finding.amount if finding.rows else None,
                "severity": severity,
                "judgement": wording.say(f"quality.severity.{severity}"),
                "example": finding.example if finding.rows else "",
                "remedy": _remedy(wording, check, finding) if finding.rows else "",
            }
        )
    rows.sort(key=lambda row: row["rank"])  # type: ignore[arg-type,return-value]
    frame = pd.DataFrame(rows).drop(columns="rank")
    return frame.astype({"rows": "int64", "of": "int64", "share": "float64", "amount": "float64"})


def _remedy(wording: Wording, check: Check, finding: Finding) -> str:
    return wording.say(f"quality.check.{check.code}.remedy", rows=finding.rows, **finding.values)
