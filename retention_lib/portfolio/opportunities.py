"""Open quotes: which wait for a follow-up, how old they are, what such quotes proved to be worth.

Everything is told as it was known on ``as_of``: a quote closed later was open then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.errors import InputError
from retention_lib.portfolio._cross_quotes import (
    Book,
    follow_up_outcomes,
    past_by_age,
    read_book,
)
from retention_lib.portfolio.intervals import DRAWS, SEED, Values, middle, share_interval
from retention_lib.results import Result
from retention_lib.wording import Wording

SKETCH_BELOW = 30
"""With fewer past quotes than this, counts are told instead of shares."""

BANDS: tuple[tuple[int, int | None], ...] = (
    (0, 30),
    (31, 60),
    (61, 90),
    (91, 180),
    (181, 365),
    (366, None),
)
"""Ages of quotes in days, both ends included."""

STATUSES = ("never", "long_ago", "unrecorded", "recent")
"""How an open quote stands; all but ``recent`` wait for a follow-up."""


def check_opportunities(base: CustomerBase, *, follow_up_days: int = 30) -> OpportunitiesResult:
    """Find the open quotes that nobody followed up for more than ``follow_up_days``.

    One row such a quote. The trap: amounts are those of the quotes; what they are worth at the
    share of quotes of their age that were won is in ``.by_age()``.

    Parameters
    ----------
    base
        The customer base, seen from its ``as_of``.
    follow_up_days
        How many days after the quote, or after its last follow-up, a quote waits too long.

    Raises
    ------
    InputError
        Where ``follow_up_days`` cannot be.

    Examples
    --------
    >>> lines = pd.DataFrame({"customer_id": ["a"], "date": pd.to_datetime(["2025-03-31"]),
    ...     "amount": [10.0]})
    >>> quotes = pd.DataFrame({"opportunity_id": ["q1", "q2"], "customer_id": ["a", "a"],
    ...     "opened_on": pd.to_datetime(["2025-01-30", "2025-03-25"]), "amount": [500.0, 70.0]})
    >>> found = check_opportunities(CustomerBase.from_tables(lines, opportunities=quotes))
    >>> found.to_frame()[["opportunity_id", "age_days", "amount"]]
      opportunity_id  age_days  amount
    0             q1        60   500.0
    """
    require_base(base)
    days = _days("follow_up_days", follow_up_days)
    book = read_book(base)
    opened = _with_status(book, days, base.wording)
    listed = opened[(opened["status"] != "recent") & ~opened["banned"] & ~opened["closed"]]
    listed = listed.sort_values(
        ["amount", "days_without", "opportunity_id"], ascending=[False, False, True]
    )
    return OpportunitiesResult(
        listed[list(_COLUMNS)].reset_index(drop=True),
        wording=base.wording,
        assumptions=_assumptions(base, book, opened, days),
        base=base,
        book=book,
        opened=opened,
        follow_up_days=days,
    )


_COLUMNS = (
    "opportunity_id",
    "customer_id",
    "name",
    "prospect",
    "opened_on",
    "age_days",
    "last_follow_up_on",
    "days_without",
    "amount",
    "stage",
    "follow_up",
    "status",
)


@dataclass(frozen=True, repr=False, eq=False)
class OpportunitiesResult(Result):
    """Open quotes that wait for a follow-up, the largest first.

    Columns: ``opportunity_id, customer_id, name`` (of the customer), ``prospect, opened_on,
    age_days, last_follow_up_on, days_without`` (since the last follow-up, or since the quote),
    ``amount`` (as quoted), ``stage, follow_up`` in words and its code ``status``: ``never``,
    ``long_ago`` or, where follow-ups are not recorded, ``unrecorded``. Quotes to customers who
    must not be contacted or have closed their account are counted, not listed.

    ``.ages``: all open quotes by age and status: ``band, quote_age, status, quotes, amount``.
    """

    chart: ClassVar[str] = "contact_charts.plot_quotes"
    hidden: ClassVar[tuple[str, ...]] = ("status", "opened_on", "last_follow_up_on")
    formats: ClassVar[Mapping[str, str]] = {
        "age_days": "count",
        "days_without": "count",
        "amount": "money",
    }

    base: CustomerBase = field(kw_only=True)
    book: Book = field(kw_only=True)
    opened: pd.DataFrame = field(kw_only=True)
    follow_up_days: int = field(kw_only=True)

    @property
    def ages(self) -> pd.DataFrame:
        """All open quotes by age and status, oldest last: one row a band and status that occurs."""
        held = self.opened.groupby(["band", "status"])["amount"].agg(["size", "sum"]).reset_index()
        held.columns = ["band", "status", "quotes", "amount"]
        held.insert(1, "quote_age", [_band_name(int(b), self.wording) for b in held["band"]])
        held["amount"] = held["amount"].round(2)
        return held

    def sentence(self) -> str:
        """How many open quotes wait, and what they come to."""
        return self.finding() + "."

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        w, opened = self.wording, self.opened
        nothing = _nothing(self.book, opened, w, self.base)
        if nothing:
            return nothing
        ageless = int(opened["days_without"].isna().sum())
        if ageless == len(opened):
            return w.say("quotes.all_ageless", open=ageless)
        said = self._waiting(opened[opened["days_without"].notna()])
        return w.say("quotes.and_ageless", finding=said, ageless=ageless) if ageless else said

    def _waiting(self, dated: pd.DataFrame) -> str:
        """How many of the quotes whose age is known wait, and what they come to if that is."""
        w, late = self.wording, dated[dated["status"] != "recent"]
        bare = "_bare" if self.opened["amount"].isna().all() else ""
        figures: dict[str, object] = {"open": len(dated), "days": self.follow_up_days}
        if late.empty:
            return w.say(f"quotes.all_followed{bare}", **figures, amount=w.money(_total(dated)))
        figures |= {
            "late": len(late),
            "amount": w.money(_total(late)),
            "total": w.money(_total(dated)),
        }
        if not self.book.follow_ups:
            return w.say(f"quotes.finding_unrecorded{bare}", **figures)
        never = int((late["status"] == "never").sum())
        return w.say(f"quotes.finding{bare}", **figures, never=never)

    def by_age(self, *, within_days: int = 180) -> QuoteAges:
        """What open quotes are worth at the share of past quotes of their age that were won.

        For every age the past quotes that were still open at that age and could be watched for
        ``within_days`` after it, won or not by then: those too young to tell are left out, so
        that quotes decided fast do not count twice. Fewer than 30: counts only.
        """
        within = _days("within_days", within_days)
        w, nothing = self.wording, _nothing(self.book, self.opened, self.wording, self.base)
        counted = past_by_age(self.base, self.book, _LANDMARKS, within)
        table, worth_range = _by_age(self.opened, counted, w)
        past = w.say("quotes.past", days=within, as_of=w.date(self.base.as_of))
        drawn = w.say("quotes.range_rule", draws=DRAWS)
        if not nothing and self.opened["amount"].isna().all():
            nothing = w.say("quotes.ages_bare", quotes=len(self.opened))
        return QuoteAges(
            table,
            wording=w,
            assumptions={**self.assumptions, "past_quotes": past, "range": drawn},
            within_days=within,
            worth_range=worth_range,
            why_none=nothing,
        )

    def follow_up(self, *, within_days: int = 180) -> FollowUpResult:
        """How past quotes with and without a follow-up ended: an association, not an effect.

        Quotes opened at least ``within_days`` before ``as_of``, won or not within that time.
        """
        within = _days("within_days", within_days)
        w, table = self.wording, follow_up_outcomes(self.base, self.book, within)
        table["followed_up"] = [w.say(f"quotes.group.{code}") for code in table["group_code"]]
        bounds = [
            share_interval(int(row.won), int(row.quotes)) if row.quotes >= SKETCH_BELOW else _NONE
            for row in table.itertuples()
        ]
        enough = table["quotes"] >= SKETCH_BELOW
        table["won_share"] = (table["won"] / table["quotes"].where(enough)).astype(float)
        table[["won_low", "won_high"]] = np.array(bounds, dtype=float).reshape(-1, 2)
        past = w.say("quotes.past_outcomes", days=within, as_of=w.date(self.base.as_of))
        return FollowUpResult(
            table[list(_OUTCOMES)],
            wording=w,
            assumptions={**self.assumptions, "past_quotes": past},
            within_days=within,
            why_none=w.say("quotes.absent") if not self.book.present else "",
        )


_NONE = (float("nan"), float("nan"))
_OUTCOMES = (
    "followed_up",
    "quotes",
    "won",
    "lost",
    "still_open",
    "won_share",
    "won_low",
    "won_high",
    "group_code",
)
# Quotes of a band are likened to past ones still open at its middle; of the last, at its start.
_LANDMARKS = tuple(low if high is None else (low + high) // 2 for low, high in BANDS)


@dataclass(frozen=True, repr=False, eq=False)
class QuoteAges(Result):
    """Open quotes by age, and what became of past quotes that were open at that age.

    Columns: ``quote_age, quotes, amount`` (open now, as quoted), ``open_at_days`` (the age at
    which past quotes are looked at), ``past_quotes, later_won, won_share, won_low, won_high`` (95
    % sure; missing below 30 past quotes), ``worth`` (amount times that share), ``worth_low,
    worth_high`` (what these quotes may bring, each won or not), ``band``. ``worth_range``: the
    same of all bands together.
    """

    chart: ClassVar[str] = "contact_charts.plot_quote_ages"
    hidden: ClassVar[tuple[str, ...]] = ("band",)
    formats: ClassVar[Mapping[str, str]] = {
        "quotes": "count",
        "amount": "money",
        "open_at_days": "count",
        "past_quotes": "count",
        "later_won": "count",
        "won_share": "percent",
        "won_low": "percent",
        "won_high": "percent",
        "worth": "money",
        "worth_low": "money",
        "worth_high": "money",
    }

    within_days: int = field(kw_only=True)
    worth_range: tuple[float, float] = field(kw_only=True)
    why_none: str = field(kw_only=True)

    def sentence(self) -> str:
        """What open quotes come to, and what they are worth at the shares of the past."""
        return self.finding() + "."

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        w, table = self.wording, self.table
        if self.why_none:
            return self.why_none
        amount, known = w.money(_total(table)), table[table["worth"].notna()]
        if known.empty:
            return w.say(
                "quotes.ages_cannot", amount=amount, cases=SKETCH_BELOW, days=self.within_days
            )
        worth = {
            "worth": w.money(float(known["worth"].sum())),
            "low": w.money(self.worth_range[0]),
            "high": w.money(self.worth_range[1]),
        }
        if len(known) == len(table):
            return w.say("quotes.ages", amount=amount, **worth)
        covered = w.money(_total(known))
        return w.say("quotes.ages_partly", amount=amount, covered=covered, **worth)


@dataclass(frozen=True, repr=False, eq=False)
class FollowUpResult(Result):
    """How past quotes with and without a follow-up ended; one row each.

    Columns: ``followed_up, quotes, won, lost, still_open`` (undecided after the time given),
    ``won_share`` (won / quotes), ``won_low, won_high`` (95 % sure; missing below 30 quotes),
    ``group_code`` (``with``, ``without``).
    """

    chart: ClassVar[str] = "contact_charts.plot_follow_up"
    hidden: ClassVar[tuple[str, ...]] = ("group_code",)
    formats: ClassVar[Mapping[str, str]] = {
        "quotes": "count",
        "won": "count",
        "lost": "count",
        "still_open": "count",
        "won_share": "percent",
        "won_low": "percent",
        "won_high": "percent",
    }

    within_days: int = field(kw_only=True)
    why_none: str = field(kw_only=True)

    def sentence(self) -> str:
        """Both shares, and why they must not be read as the work of the follow-up."""
        if self.why_none or not self.table["quotes"].sum():
            return self.finding() + "."
        return self.wording.say("quotes.follow_up_why", finding=self.finding())

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        w, rows = self.wording, self.table.set_index("group_code")
        if self.why_none:
            return self.why_none
        if rows.empty or not rows["quotes"].sum():
            return w.say("quotes.follow_up_cannot")
        words: dict[str, object] = {
            f"{code}_quotes": int(rows.at[code, "quotes"]) for code in rows.index
        }
        if rows["won_share"].isna().any():
            words |= {f"{code}_won": int(rows.at[code, "won"]) for code in rows.index}
            return w.say("quotes.follow_up_few", **words)
        for code in rows.index:
            words[f"{code}_rate"] = w.percent(float(rows.at[code, "won_share"]), decimals=0)
        return w.say("quotes.follow_up", **words)


def _days(name: str, value: object) -> int:
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= 1:
        return int(value)
    raise InputError(f"{name} is a whole number of days, 1 or more, such as 30; got {value!r}.")


def _total(table: pd.DataFrame) -> float:
    return round(float(table["amount"].sum()), 2)


def _nothing(book: Book, opened: pd.DataFrame, w: Wording, base: CustomerBase) -> str:
    """Why there is nothing to tell of open quotes; empty where there is."""
    if not book.present:
        return w.say("quotes.absent")
    if not book.closings_known:
        return w.say("quotes.past_unknown", as_of=w.date(base.as_of))
    return w.say("quotes.none_open", as_of=w.date(base.as_of)) if opened.empty else ""


def _with_status(book: Book, days: int, w: Wording) -> pd.DataFrame:
    """Open quotes with their status, its words, and the band of their age."""
    opened = book.opened.copy()
    # Of unknown age and never followed up: nobody can say that it does not wait.
    late = (opened["days_without"] > days).fillna(True).to_numpy(dtype=bool)
    followed = opened["last_follow_up_on"].notna().to_numpy(dtype=bool)
    states = [~late, np.full(len(opened), not book.follow_ups), followed]
    opened["status"] = np.select(states, ["recent", "unrecorded", "long_ago"], "never")
    opened["follow_up"] = opened["status"].map({c: w.say(f"quotes.status.{c}") for c in STATUSES})
    starts = [low for low, _ in BANDS]
    age = opened["age_days"].astype(float).to_numpy()
    band = np.searchsorted(starts, np.nan_to_num(age), side="right") - 1
    opened["band"] = np.where(np.isnan(age), len(BANDS), band)
    return opened


def _band_name(band: int, w: Wording) -> str:
    if band == len(BANDS):
        return w.say("quotes.band.unknown")
    low, high = BANDS[band]
    if high is None:
        return w.say("quotes.band.more", low=low - 1)
    return w.say("quotes.band.days", low=low, high=high)


def _drawn(amounts: Values, won: int, quotes: int, rng: np.random.Generator) -> Values:
    """What quotes bring in each of the draws: a share the past allows, then each won or not.

    The share is drawn from Jeffreys' posterior, as Brown, Cai and DasGupta 2001 recommend.
    """
    shares = rng.beta(won + 0.5, quotes - won + 0.5, DRAWS)
    brought: Values = (rng.random((DRAWS, len(amounts))) < shares[:, None]) @ amounts
    return brought


def _bounds(drawn: Values, worth: float) -> tuple[float, float]:
    """The middle of what was drawn, widened to what is expected where few quotes are open."""
    low, high = middle(drawn)
    return round(min(low, worth), 2), round(max(high, worth), 2)


def _by_age(
    opened: pd.DataFrame, past: pd.DataFrame, w: Wording
) -> tuple[pd.DataFrame, tuple[float, float]]:
    """Open quotes of each band beside the past quotes of its age; the range of them together."""
    held = opened.groupby("band")["amount"].agg(["size", "sum"])
    bands = [*range(len(BANDS)), *([len(BANDS)] if len(BANDS) in held.index else [])]
    rows: list[dict[str, Any]] = []
    rng, total, expected = np.random.default_rng(SEED), np.zeros(DRAWS), 0.0
    for band in bands if len(opened) else []:
        known = past.loc[band] if band in past.index else None
        quotes, won = (
            (int(known["past_quotes"]), int(known["later_won"])) if known is not None else (0, 0)
        )
        enough = quotes >= SKETCH_BELOW
        low, high = share_interval(won, quotes) if enough else _NONE
        share = won / quotes if enough else np.nan
        amount = float(held["sum"].get(band, 0.0))
        worth_low, worth_high = _NONE
        if enough:
            amounts = opened.loc[opened["band"] == band, "amount"].fillna(0.0)
            drawn = _drawn(amounts.to_numpy(dtype=float), won, quotes, rng)
            worth_low, worth_high = _bounds(drawn, share * amount)
            total, expected = total + drawn, expected + share * amount
        rows.append(
            {
                "quote_age": _band_name(band, w),
                "quotes": int(held["size"].get(band, 0)),
                "amount": round(amount, 2),
                "open_at_days": _LANDMARKS[band] if band < len(BANDS) else None,
                "past_quotes": quotes,
                "later_won": won,
                "won_share": share,
                "won_low": low,
                "won_high": high,
                "worth": round(share * amount, 2),
                "worth_low": worth_low,
                "worth_high": worth_high,
                "band": band,
            }
        )
    table = pd.DataFrame(rows, columns=_AGE_COLUMNS)
    return table.astype({"open_at_days": "Int64"}), _bounds(total, expected)


_AGE_COLUMNS = [
    "quote_age",
    "quotes",
    "amount",
    "open_at_days",
    "past_quotes",
    "later_won",
    "won_share",
    "won_low",
    "won_high",
    "worth",
    "worth_low",
    "worth_high",
    "band",
]


def _assumptions(
    base: CustomerBase, book: Book, opened: pd.DataFrame, days: int
) -> dict[str, object]:
    w = base.wording
    said: dict[str, object] = {
        "as_of": w.date(base.as_of),
        "late_after": w.say("quotes.late_after", days=days),
    }
    out = opened[(opened["status"] != "recent") & (opened["banned"] | opened["closed"])]
    if len(out):
        said["quotes_left_out"] = w.say(
            "quotes.left_out", quotes=len(out), amount=w.money(_total(out))
        )
    if book.undated:
        said["quotes_undated"] = w.say("quotes.undated", quotes=book.undated)
    without = int(opened["amount"].isna().sum())
    if without:
        said["quotes_no_amount"] = w.say("quotes.no_amount", quotes=without)
    ageless = int(opened["age_days"].isna().sum())
    if ageless:
        said["quotes_no_age"] = w.say("quotes.no_age", quotes=ageless)
    if book.follow_ups and base.last_day is not None and base.as_of < base.last_day:
        said["past_follow_ups"] = w.say("quotes.past_follow_ups", as_of=w.date(base.as_of))
    return said
