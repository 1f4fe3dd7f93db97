"""Pictures of an offer: profit over the share contacted, and the plan beside the naive choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention_lib.decisions._offer_facts import say_days
from retention_lib.scoring._lifetime_results import about
from retention_lib.views import theme
from retention_lib.views.drawing import finish, list_in_alt, say_only
from retention_lib.wording import with_minus

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from retention_lib.decisions._offer_results import Naive, OfferResult, ProfitCurve
    from retention_lib.wording import Wording

_FAR_RIGHT = 0.6
_NAIVE_LINES = {
    "riskiest": (theme.LOSS, (0, (6, 2))),
    "most_valuable": (theme.GAIN, (0, (6, 2, 1.5, 2))),
    "at_random": (theme.QUIET_INK, (0, (1.5, 1.8))),
}


def plot_offer(result: OfferResult, *, ax: Axes | None = None) -> Axes:
    """Draw the profit curve of an offer."""
    return plot_profit_curve(result.profit_curve, ax=ax)


def plot_profit_curve(result: ProfitCurve, *, ax: Axes | None = None) -> Axes:
    """Draw the expected profit over the share of customers contacted, by who comes first."""
    w, table, of = result.wording, result.table, result.of
    if of.table.empty:
        return say_only(of.sentence(), ax, w)
    share = table["share"].to_numpy(dtype=float)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.2, 5.6)
        drawn.fill_between(
            share,
            table["profit_low"],
            table["profit_high"],
            label=w.say("offers.chart.band"),
            **theme.BAND,
        )
        drawn.axhline(0, color=theme.QUIET_INK, lw=1.0, label=w.say("offers.chart.nobody"))
        for name, (colour, dashes) in _NAIVE_LINES.items():
            drawn.plot(
                share,
                table[f"profit_{name}"],
                color=colour,
                lw=2.0,
                ls=dashes,
                label=w.say(f"offers.chart.{name}"),
            )
        drawn.plot(
            share, table["profit_ours"], color=theme.STOCK, lw=2.8, label=w.say("offers.chart.ours")
        )
        best = of.best_share
        drawn.plot([best], [of.total], "o", color=theme.INK, ms=7, zorder=4, clip_on=False)
        if of.treated:
            words = w.say("offers.chart.best", total=about(of.total, w), treated=of.treated)
            drawn.annotate(
                words,
                (best, of.total),
                # Away from the nearer edge, and from the lines, which all lie below the best.
                xytext=(-4 if best > _FAR_RIGHT else 4, 9),
                textcoords="offset points",
                ha="right" if best > _FAR_RIGHT else "left",
                va="bottom",
                size=10.5,
                weight="bold",
            )
        drawn.set_xlim(0, 1)
        drawn.xaxis.set_major_formatter(lambda part, _: w.percent(part, decimals=0))
        drawn.yaxis.set_major_formatter(lambda money, _: with_minus(w.number(money)))
        drawn.set_xlabel(w.say("offers.chart.contacted_axis", customers=len(of.table)))
        drawn.set_ylabel(_profit_axis(of, w))
        handles, labels = drawn.get_legend_handles_labels()
        order = [5, 0, 1, 2, 3, 4]
        drawn.legend(
            [handles[place] for place in order],
            [labels[place] for place in order],
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=3,
            borderaxespad=0.2,
            columnspacing=1.3,
            handlelength=2.2,
            fontsize=10,
        )
        title = of.title()
        alt = w.say(
            "offers.chart.curve_alt",
            finding=title,
            everybody=about(float(table["profit_ours"].iloc[-1]), w),
            effect=of.say_effect(),
        )
        finish(drawn, title, alt)
    return drawn


def plot_naive(result: Naive, *, ax: Axes | None = None) -> Axes:
    """Draw the expected profit of the plan and of each naive choice, with their ranges."""
    w, table, of = result.wording, result.table, result.of
    if table.empty:
        return say_only(of.sentence(), ax, w)
    profit = table["plan_profit"].to_numpy(dtype=float)
    ends = table[["profit_low", "profit_high"]].to_numpy(dtype=float)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.2, 4.4)
        places = np.arange(len(table))
        own = table["plan_code"] == "ours"
        drawn.barh(
            places,
            profit,
            height=0.5,
            color=np.where(own, theme.STOCK, theme.HEAT[1]),
            edgecolor=theme.QUIET_INK,
            linewidth=0.5,
        )
        drawn.errorbar(
            profit,
            places,
            xerr=np.abs(ends.T - profit),
            fmt="none",
            ecolor=theme.INK,
            elinewidth=1.3,
            capsize=3.5,
        )
        drawn.axvline(0, color=theme.QUIET_INK, lw=1.0)
        labels = [
            w.say("offers.chart.naive_label", plan=row.plan, contacted=int(row.contacted))
            for row in table.itertuples()
        ]
        drawn.set_yticks(places, labels)
        drawn.set_ylim(len(table) - 0.45, -0.55)
        drawn.tick_params(axis="y", length=0)
        drawn.spines["left"].set_visible(False)
        drawn.grid(axis="x")
        drawn.xaxis.set_major_formatter(lambda money, _: with_minus(w.number(money)))
        drawn.set_xlabel(_profit_axis(of, w))
        said = [
            w.say(
                "offers.chart.naive_said",
                plan=row.plan,
                contacted=int(row.contacted),
                profit=about(float(row.plan_profit), w),
                low=about(float(row.profit_low), w),
                high=about(float(row.profit_high), w),
            )
            for row in table.itertuples()
        ]
        alt = w.say("offers.chart.naive_alt", plans=list_in_alt(said, w), effect=of.say_effect())
        finish(drawn, of.title(result.finding()), alt)
    return drawn


def _profit_axis(of: OfferResult, wording: Wording) -> str:
    sign = wording.currency_symbol
    return wording.say(
        "offers.chart.profit_axis",
        horizon=say_days(of.facts.horizon_days, wording),
        unit=f" ({sign})" if sign else "",
    )
