"""The ledger of programmes: what each campaign on file has proved, and which ones to stop.

Nothing is given away without thinking: a programme that cannot prove that it earns more than it
costs is stopped, or proved with a control group drawn by lot. Whoever looks at twenty campaigns
that do nothing finds one that looks like a success; what counts as proved allows for that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from retention_lib import progress
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.decisions import _campaign_facts as facts
from retention_lib.decisions._campaign_none import NoCampaignResult
from retention_lib.decisions._campaign_not_drawn import NotDrawnResult
from retention_lib.decisions._campaign_statistics import chance_of, corrected
from retention_lib.decisions.campaigns import measure_campaign
from retention_lib.decisions.past_campaigns import check_days
from retention_lib.results import Result
from retention_lib.wording import with_minus

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.decisions.campaigns import CampaignResult
    from retention_lib.wording import Wording

LEVEL = 0.05
"""Proved is what chance alone would do in at most one ledger of twenty."""

_NAMED = 3
_MISSING = float("nan")
_TO_DO = {
    "earned": "go_on",
    "lost": "stop",
    "not_proved": "prove_or_stop",
    "not_randomised": "hold_back",
}
_TO_DO_BECAUSE = {
    "no_control": "hold_back",
    "too_recent": "wait",
    "no_cost": "record_cost",
    "no_margin": "record_margin",
}


def weigh_programmes(base: CustomerBase, *, days: int | None = None) -> ProgrammesResult:
    """List every campaign on file with what it has proved to earn, and what to do with it.

    One row a campaign, oldest first. Extra margin (revenue where no margins are known), cost and
    what is left over are told only where a lot decided who was contacted. The trap: among many
    campaigns one looks like a success by luck; a verdict here is corrected for their number
    (Holm's method), so that a campaign proved by itself need not be proved in the ledger.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    days
        Purchases of so many days after a campaign count (1 or more); ``None`` is what
        ``measure_campaign`` takes.

    Raises
    ------
    InputError
        Where ``days`` is no whole number of at least 1.

    Examples
    --------
    >>> from retention_lib import simulate_base
    >>> base, truth = simulate_base(60, seed=1, language="en")
    >>> weigh_programmes(base).to_frame()["verdict_code"].tolist()
    ['cannot_tell', 'cannot_tell']

    References
    ----------
    Holm 1979, "A simple sequentially rejective multiple test procedure", by statsmodels.
    """
    require_base(base)
    if days is not None:
        days = check_days("days", days)
    ids = facts.campaign_ids(base) if base.has("campaigns", "group") else []
    with progress.steps(base.wording, "programmes", total=max(len(ids), 1)) as step:
        measured: list[CampaignResult | NotDrawnResult] = []
        for name in ids:
            step("programme", campaign=name)
            one = measure_campaign(base, name, days=days)
            assert not isinstance(one, NoCampaignResult)  # a campaign that was named is on file
            measured.append(one)
    measured.sort(key=lambda one: (one.date, one.campaign_id))
    return ProgrammesResult(
        _table(measured, base.wording),
        wording=base.wording,
        assumptions=_assumptions(base, measured),
        asked=base.has("campaigns", "group"),
        measure=_measure(measured),
        compared=tuple(one for one in measured if isinstance(one, NotDrawnResult)),
    )


@dataclass(frozen=True, repr=False, eq=False)
class ProgrammesResult(Result):
    """The ledger, one row a campaign, oldest first.

    Columns: ``campaign_id, offer, date, treated`` (customers contacted), ``cost`` (in all);
    ``extra_margin`` (likely, in all; revenue where no margins are known) with ``extra_low,
    extra_high`` (95 % sure), ``net`` (less the cost) and ``net_range`` in words; ``proved_to_date``
    (net of this and the earlier campaigns that have proved one, gains and losses); ``verdict``,
    ``what_to_do``; for code ``net_low, net_high, chance`` (of so large a net where there is none,
    corrected for the number of campaigns), ``verdict_code`` (``earned``, ``lost``,
    ``not_proved``, ``not_randomised``, ``cannot_tell``), ``reason_code`` and ``to_do_code``
    (``go_on``, ``stop``, ``prove_or_stop``, ``hold_back``, ``wait``, ``record_cost``,
    ``record_margin``). Money is missing where nothing can be told.
    """

    chart: ClassVar[str] = "uplift_charts.plot_programmes"
    hidden: ClassVar[tuple[str, ...]] = (
        # These stand in the picture or in the file; the verdict must not fall off the page.
        "offer",
        "date",
        "extra_margin",
        "extra_low",
        "extra_high",
        "net_low",
        "net_high",
        "chance",
        "verdict_code",
        "reason_code",
        "to_do_code",
    )
    formats: ClassVar[Mapping[str, str]] = {
        "treated": "count",
        "cost": "money",
        "extra_margin": "money",
        "net": "money",
        "proved_to_date": "money",
    }

    asked: bool = field(kw_only=True)
    measure: str = field(kw_only=True)
    """``margin``, or ``revenue`` where the base knows no margins."""
    compared: tuple[NotDrawnResult, ...] = field(kw_only=True)
    """The campaigns whose groups no lot has drawn, oldest first."""

    @property
    def proved(self) -> tuple[float, float, float]:
        """What all proved campaigns earned together, less what proved ones lost: low, likely, high.

        95 % sure; nothing three times where none has proved anything.
        """
        told = self.table[self.table["verdict_code"].isin(["earned", "lost"])]
        likely = float(told["net"].sum())
        # Campaigns err apart from one another.
        down = float(np.sqrt(((told["net"] - told["net_low"]) ** 2).sum()))
        up = float(np.sqrt(((told["net_high"] - told["net"]) ** 2).sum()))
        return likely - down, likely, likely + up

    def to_stop(self) -> list[str]:
        """Codes of the campaigns that lost money, or have proved nothing."""
        stop = self.table["to_do_code"].isin(["stop", "prove_or_stop", "hold_back"])
        return [str(name) for name in self.table.loc[stop, "campaign_id"]]

    def not_drawn(self) -> NotDrawnResult | NoCampaignResult:
        """The campaign that was compared without lots and is quoted for most, and why it is not so.

        Where there is none, that is what the result says.
        """
        told = [one for one in self.compared if len(one.table)] or list(self.compared)
        if told:
            return max(told, key=lambda one: one.quoted)
        key = "programmes.all_drawn" if len(self.table) else "programmes.none_compared"
        return NoCampaignResult(
            self.table.iloc[:0, :0], wording=self.wording, said=self.wording.say(key)
        )

    def sentence(self) -> str:
        """What is proved to date, and which programmes to stop unless they prove something."""
        if self.table.empty:
            return self.finding()
        w, stop = self.wording, self.to_stop()
        if not stop:
            return self.finding()
        named = stop[:_NAMED]
        if len(stop) > _NAMED:
            named.append(w.say("programmes.others", others=len(stop) - _NAMED))
        cost = float(self.table.loc[self.table["campaign_id"].isin(stop), "cost"].sum())
        said = w.say("programmes.stop", names=w.listing(named), cost=w.money(cost))
        return f"{self.finding()} {said}"

    def finding(self) -> str:
        """The first half of the sentence, for a title."""
        w, count = self.wording, len(self.table)
        if not self.asked:
            return w.say("programmes.no_table")
        if not count:
            return w.say("programmes.no_campaign")
        codes = self.table["verdict_code"]
        proved = int(codes.isin(["earned", "lost"]).sum())
        if not proved:
            return w.say("programmes.none_proved", campaigns=count)
        low, likely, high = (with_minus(w.money(value)) for value in self.proved)
        return w.say(
            "programmes.proved",
            campaigns=count,
            earned=int((codes == "earned").sum()),
            lost=int((codes == "lost").sum()),
            net=likely,
            low=low,
            high=high,
        )

    def axis(self) -> str:
        """What the figures of the picture are."""
        w, sign = self.wording, self.wording.currency_symbol
        measure = w.say(f"programmes.chart.measure.{self.measure}")
        return w.say("programmes.chart.axis", measure=measure, unit=f" ({sign})" if sign else "")


_COLUMNS: Mapping[str, str] = {
    "campaign_id": "object",
    "offer": "object",
    "date": "object",
    "treated": "int64",
    "cost": "float64",
    "extra_margin": "float64",
    "extra_low": "float64",
    "extra_high": "float64",
    "net": "float64",
    "net_range": "object",
    "proved_to_date": "float64",
    "verdict": "object",
    "what_to_do": "object",
    "net_low": "float64",
    "net_high": "float64",
    "chance": "float64",
    "verdict_code": "object",
    "reason_code": "object",
    "to_do_code": "object",
}


def _table(measured: Sequence[CampaignResult | NotDrawnResult], w: Wording) -> pd.DataFrame:
    import pandas as pd

    rows = [_row(one) for one in measured]
    _correct(rows)
    total = 0.0
    for row in rows:
        total += row["net"] if row["verdict_code"] in ("earned", "lost") else 0.0
        row["proved_to_date"] = total
        row["verdict"] = w.say(f"programmes.verdict.{_shown(row)}")
        row["to_do_code"] = _to_do(row)
        row["what_to_do"] = w.say(f"programmes.to_do.{row['to_do_code']}")
        known = row["net_low"] == row["net_low"]
        ends = {end: with_minus(w.money(row[f"net_{end}"])) for end in ("low", "high")}
        row["net_range"] = w.say("programmes.range", **ends) if known else ""
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(dict(_COLUMNS))


def _row(one: CampaignResult | NotDrawnResult) -> dict[str, Any]:
    """A campaign as it stands by itself."""
    row: dict[str, Any] = {
        "campaign_id": one.campaign_id,
        "offer": one.offer,
        "date": one.date,
        "treated": one.treated,
        "verdict_code": one.verdict_code,
        "reason_code": one.reason_code,
        "chance": _MISSING,
        **dict.fromkeys(
            ("extra_margin", "extra_low", "extra_high", "net", "net_low", "net_high"), _MISSING
        ),
    }
    if isinstance(one, NotDrawnResult):
        return row | {"cost": one.cost}
    extra, net = one.money.extra, one.money.net
    row["cost"] = one.money.cost
    row |= {"extra_margin": extra.value, "extra_low": extra.low, "extra_high": extra.high}
    row |= {"net": net.value, "net_low": net.low, "net_high": net.high}
    if one.verdict_code in ("earned", "lost", "not_proved") and net.low == net.low:
        row["chance"] = chance_of(net)
    return row


def _correct(rows: list[dict[str, Any]]) -> None:
    """Whoever looks many times finds something: chances and verdicts corrected for that."""
    looked = [row for row in rows if row["chance"] == row["chance"]]
    if not looked:
        return
    for row, chance in zip(looked, corrected([r["chance"] for r in looked]), strict=True):
        row["chance"] = float(chance)
        if row["verdict_code"] in ("earned", "lost") and chance >= LEVEL:
            row["verdict_code"], row["reason_code"] = "not_proved", "many_looks"


def _shown(row: Mapping[str, Any]) -> str:
    own = row["reason_code"] in ("no_control", "too_recent", "no_cost", "no_margin", "many_looks")
    return str(row["reason_code"] if own else row["verdict_code"])


def _to_do(row: Mapping[str, Any]) -> str:
    by_verdict = _TO_DO.get(row["verdict_code"])
    return by_verdict or _TO_DO_BECAUSE.get(row["reason_code"], "prove_or_stop")


def _assumptions(
    base: CustomerBase, measured: Sequence[CampaignResult | NotDrawnResult]
) -> dict[str, object]:
    w = base.wording
    return {
        "as_of": base.as_of,
        "programmes_rule": w.say("programmes.rule"),
        "programmes_looks": w.say("programmes.looks", campaigns=len(measured)),
        "programmes_money": w.say(f"programmes.money.{_measure(measured)}"),
    }


def _measure(measured: Sequence[CampaignResult | NotDrawnResult]) -> str:
    told = [one.money.measure for one in measured if not isinstance(one, NotDrawnResult)]
    return told[0] if told else "margin"
