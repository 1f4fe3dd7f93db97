"""Campaigns whose groups no lot has drawn: what people quote of them, and why it says nothing.

Those contacted are compared with the others twice: in the days after the campaign, which is what
people quote, and in as many days before it, when it cannot have done anything (the placebo). What
the second comparison shows was there before; what it does not show may still be anything else
that tells the groups apart, so no effect is told, no profit and no return.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._campaign_facts import campaign_customers
from retention_lib.portfolio.intervals import Values
from retention_lib.results import Listing, Result
from retention_lib.wording import Sentence, Wording, with_minus

if TYPE_CHECKING:
    import pandas as pd

MEASURES = ("bought", "revenue", "margin")
_GROUPS = ("treated", "control")
_PROFILE = ("purchases_before", "revenue_before", "silence_before")
_Z = 1.959963984540054


class NotToBeQuoted(Sentence):
    """A figure that people quote and that nobody should: struck through in a notebook."""

    __slots__ = ("_mark",)

    _mark: str

    def __new__(cls, said: str, mark: str) -> NotToBeQuoted:
        """The sentence, and the words that mark it where nothing can be struck through."""
        one = super().__new__(cls, f"{said} ({mark})")
        one._mark = mark
        return one

    def _repr_html_(self) -> str:
        said = str(self).removesuffix(f" ({self._mark})")
        return f"<p><s>{html.escape(said)}</s> ({html.escape(self._mark)})</p>"


@dataclass(frozen=True, repr=False, eq=False)
class NotDrawnResult(Result):
    """What people quote of a campaign without a control group drawn by lot: one row a measure.

    Columns, in words: ``measure``; ``naive`` (not to be quoted: what those contacted did more in
    the days after than the others, a customer), ``placebo`` (what they did more in as many days
    before, when the campaign cannot have done anything) and ``unexplained`` (the one less the
    other, with what 95 % of draws would give: still no effect). For code: ``measure_code``
    (``bought``, ``revenue``, ``margin``), ``naive_value, placebo_value, unexplained_value,
    unexplained_low, unexplained_high``, and ``naive_low, naive_high, placebo_low, placebo_high``.
    No rows where there is nobody to compare with. ``cost`` is that of all contacts (missing where
    none is on file), ``verdict_code`` is ``not_randomised``.
    """

    chart: ClassVar[str] = "uplift_charts.plot_placebo"
    hidden: ClassVar[tuple[str, ...]] = (
        "measure_code",
        *(
            f"{name}_{end}"
            for name in ("naive", "placebo", "unexplained")
            for end in ("value", "low", "high")
        ),
    )
    verdict_code: ClassVar[str] = "not_randomised"

    reason_code: ClassVar[str] = "not_drawn"

    campaign_id: str = field(kw_only=True)
    offer: str = field(kw_only=True)
    date: date = field(kw_only=True)
    days: int = field(kw_only=True)
    treated: int = field(kw_only=True)
    control: int = field(kw_only=True)
    cost: float = field(kw_only=True)
    profile: pd.DataFrame = field(kw_only=True)
    found: Listing | None = field(kw_only=True)

    @property
    def quoted(self) -> float:
        """What is quoted in all, in the base's currency: not what the campaign has changed."""
        row = self._money()
        return 0.0 if row is None else float(row["naive_value"]) * self.treated

    def naive_sentence(self) -> NotToBeQuoted:
        """The figure that people quote, struck through."""
        w, row = self.wording, self._money()
        if row is None:
            said = w.say("not_drawn.no_naive", campaign=self.campaign_id)
        else:
            said = w.say(
                "not_drawn.naive",
                campaign=self.campaign_id,
                treated=self.treated,
                days=self.days,
                more=self._apart(row, "naive"),
                total=w.money(self.quoted),
            )
        return NotToBeQuoted(said, w.say("not_drawn.mark"))

    def sentence(self) -> str:
        """That nobody can tell from these data, why, and how to find out next time."""
        return f"{self.finding()} {self.wording.say('not_drawn.next_time')}"

    def finding(self) -> str:
        """The first half of the sentence, for a title."""
        w, row = self.wording, self._money()
        if row is None:
            return w.say("not_drawn.nobody", campaign=self.campaign_id)
        low, high = float(row["unexplained_low"]), float(row["unexplained_high"])
        there = low <= 0 <= high or float(row["unexplained_value"]) < 0
        known = np.isfinite(low)
        key = "placebo" if there and known else "placebo_less" if known else "placebo_unsure"
        return w.say(
            f"not_drawn.{key}",
            campaign=self.campaign_id,
            days=self.days,
            after=self._apart(row, "naive"),
            before=self._apart(row, "placebo"),
        )

    def title(self) -> str:
        """The finding as short as the title of a picture."""
        w, row = self.wording, self._money()
        if row is None:
            return self.finding()
        return w.say(
            "not_drawn.chart.title",
            campaign=self.campaign_id,
            before=self._apart(row, "placebo"),
            after=self._apart(row, "naive"),
        )

    def _apart(self, row: Mapping[str, Any], name: str) -> str:
        value = float(row[f"{name}_value"])
        key = "less" if value < 0 else "more"
        amount = self.wording.money(abs(value))
        return self.wording.say(f"not_drawn.{key}", amount=amount, measure=str(row["measure"]))

    def before(self) -> Listing:
        """What is wrong with the figure: what both groups were like in the year before.

        Columns: ``measure, mean_treated, mean_control``.
        """
        said = self.wording.say("not_drawn.before", campaign=self.campaign_id)
        return _Before(self.profile, wording=self.wording, assumptions=self.assumptions, said=said)

    def checks(self) -> Listing:
        """What showed that no lot has drawn the groups, check by check."""
        return self.before() if self.found is None else self.found

    def earnings(self) -> Listing:
        """No profit and no return are told of groups that no lot has drawn."""
        return self._untold("not_drawn.no_earnings")

    def segments(self, by: str | None = None) -> Listing:
        """Nor an effect by segment, whatever ``by``."""
        return self._untold("not_drawn.no_segments")

    def verdict(self) -> str:
        """That it cannot be told, in one sentence, without the campaign's name."""
        return self.wording.say("not_drawn.verdict")

    def _untold(self, key: str) -> Listing:
        said = self.wording.say(key, campaign=self.campaign_id)
        empty = self.table.iloc[:0, :0]
        return Listing(empty, wording=self.wording, assumptions=self.assumptions, said=said)

    def _money(self) -> Mapping[str, Any] | None:
        """The row that the sentences are about: margin where it is known, else revenue."""
        if self.table.empty:
            return None
        return dict(self.table.iloc[-1])

    def _repr_html_(self) -> str:
        shown: str = super()._repr_html_()
        return self.naive_sentence()._repr_html_() + shown


class _Before(Listing):
    formats: ClassVar[Mapping[str, str]] = {"mean_treated": "decimal", "mean_control": "decimal"}


def not_drawn(
    base: CustomerBase,
    customers: pd.DataFrame,
    *,
    campaign_id: str,
    days: int,
    outcome: str = "margin",
    checks: Listing | None = None,
) -> NotDrawnResult:
    """What people quote of a campaign, beside the same comparison before it.

    ``customers``: what :func:`campaign_customers` gives of the campaign, with the year before;
    the ``days`` days after the campaign are compared with as many before it. ``outcome`` is what
    the sentences speak of (``revenue``, else margin where it is known), ``checks`` what showed
    that no lot has drawn the groups.
    """
    import pandas as pd

    w = base.wording
    span = max(days, 1)
    both = campaign_customers(base, campaign_id, days=span, before=span)
    yes, no = (both["group"] == name for name in _GROUPS)
    rows = []
    if yes.any() and no.any() and days >= 1:
        for measure in MEASURES:
            if both[measure].notna().any() and (measure, outcome) != ("margin", "revenue"):
                rows.append(_row(both, yes.to_numpy(), no.to_numpy(), measure, w))
    offers = customers["offer"].dropna().astype(str)
    costs = customers.loc[customers["group"] == "treated", "cost"].astype(float)
    return NotDrawnResult(
        pd.DataFrame(rows, columns=list(_COLUMNS)),
        wording=w,
        assumptions={
            "as_of": base.as_of,
            "placebo_days": w.say("not_drawn.days", days=span),
            "placebo_groups": w.say(
                "not_drawn.groups", treated=int(yes.sum()), others=int(no.sum())
            ),
        },
        campaign_id=str(campaign_id),
        offer=max(offers, default=""),
        date=engine.day_of(int(customers["sent_day"].min())),
        days=span,
        treated=int(yes.sum()),
        control=int(no.sum()),
        # What a contact cost where nobody noted it: as much as the others, or nobody knows.
        cost=float(costs.mean() * len(costs)),
        profile=_profile(customers, w),
        found=checks,
    )


_COLUMNS = ("measure", "naive", "placebo", "unexplained", *NotDrawnResult.hidden)


def _row(
    customers: pd.DataFrame, yes: Values, no: Values, measure: str, w: Wording
) -> dict[str, object]:
    after = customers[measure].to_numpy(dtype=float)
    before = customers[f"{measure}_before"].to_numpy(dtype=float)
    row: dict[str, object] = {"measure": w.say(f"not_drawn.measure.{measure}")}
    row["measure_code"] = measure
    for name, values in (("naive", after), ("placebo", before), ("unexplained", after - before)):
        value, low, high = _difference(values[yes], values[no])
        row |= {f"{name}_value": value, f"{name}_low": low, f"{name}_high": high}
        row[name] = _said(value, measure, w)
        if name == "unexplained" and np.isfinite(low):
            ends = {"low": _said(low, measure, w), "high": _said(high, measure, w)}
            row[name] = w.say("not_drawn.between", value=_said(value, measure, w), **ends)
    return row


def _difference(one: Values, other: Values) -> tuple[float, float, float]:
    """How much larger the first mean is, with its interval (Welch); missing for single ones."""
    value = float(one.mean() - other.mean())
    if min(len(one), len(other)) < 2:
        return value, float("nan"), float("nan")
    error = float(np.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other)))
    return value, value - _Z * error, value + _Z * error


def _said(value: float, measure: str, w: Wording) -> str:
    if measure == "bought":
        return w.say("not_drawn.points", points=with_minus(w.number(100 * value, decimals=1)))
    return with_minus(w.money(value))


def _profile(year: pd.DataFrame, w: Wording) -> pd.DataFrame:
    import pandas as pd

    rows = [
        (
            w.say(f"not_drawn.profile.{name}"),
            *(float(year.loc[year["group"] == group, name].mean()) for group in _GROUPS),
        )
        for name in _PROFILE
    ]
    return pd.DataFrame(rows, columns=["measure", "mean_treated", "mean_control"])
