"""Pictures of what keeping is worth: how sure it is, what matters most, five points, the mix.

Nothing is worked out here; results bring their figures.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from retention_lib.scoring._lifetime_results import about
from retention_lib.views import theme
from retention_lib.views.drawing import finish, list_in_alt, say_only
from retention_lib.wording import with_minus

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from retention_lib.decisions._risk import RiskResult, TornadoResult
    from retention_lib.decisions.five_points import FivePointsResult
    from retention_lib.decisions.win_or_keep import WinOrKeepResult
    from retention_lib.wording import Wording

_EDGE: dict[str, Any] = {"edgecolor": theme.PAPER, "linewidth": 0.6}
_ON_PAPER: dict[str, Any] = {"facecolor": theme.PAPER, "edgecolor": "none", "pad": 0.8}
_SMALL = 9.5
_MOST_INPUTS = 8
_GAINS = ("share_more", "multiple_more", "published")


def plot_risk(risk: RiskResult, *, ax: Axes | None = None) -> Axes:
    """Draw how often each result comes out, losses and gains in their own colours."""
    w, bars = risk.wording, risk.bars()
    if bars.empty:
        return say_only(risk.sentence(), ax, w)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(8.8, 4.6)
        middles = (bars["start"] + bars["end"]) / 2
        drawn.bar(
            bars["start"],
            bars["share"],
            width=bars["end"] - bars["start"],
            align="edge",
            color=[theme.LOSS if middle < 0 else theme.GAIN for middle in middles],
            **_EDGE,
        )
        top = float(bars["share"].max())
        drawn.set_ylim(0, top * 1.34)
        drawn.plot([risk.low, risk.high], [top * 1.08] * 2, color=theme.INK, lw=2, marker="|", ms=9)
        drawn.annotate(
            w.say("keeping.chart.nine_in_ten"),
            ((risk.low + risk.high) / 2, top * 1.08),
            xytext=(0, 5),
            textcoords="offset points",
            ha="center",
            size=_SMALL,
            color=theme.INK,
            bbox=_ON_PAPER,
        )
        drawn.axvline(risk.likely, ymax=1.03 / 1.34, color=theme.INK, lw=1.4, ls=(0, (4, 3)))
        if bars["start"].min() <= 0 <= bars["end"].max():
            drawn.axvline(0, color=theme.INK, lw=1.2)
        _money_ticks(drawn, w, "x")
        drawn.set_xlabel(_with_unit("keeping.chart.risk_axis", w, years=risk.after.years))
        drawn.yaxis.set_visible(False)
        drawn.spines["left"].set_visible(False)
        sentence = risk.sentence()
        finish(drawn, sentence, w.say("keeping.chart.risk_alt", sentence=sentence))
    return drawn


def plot_tornado(tornado: TornadoResult, *, ax: Axes | None = None) -> Axes:
    """Draw what each input does alone, from its low end to its high one, the widest on top."""
    w, table = tornado.wording, tornado.table.head(_MOST_INPUTS)
    if table.empty:
        return say_only(tornado.sentence(), ax, w)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.4, 1.7 + 0.62 * len(table))
        likely, places = tornado.risk.likely, range(len(table))
        for place, row in zip(places, table.itertuples(), strict=True):
            ends = (
                (row.profit_at_low, row.low_input, theme.SERIES[3]),
                (row.profit_at_high, row.high_input, theme.STOCK),
            )
            highest = max(row.profit_at_low, row.profit_at_high)
            for end, said, colour in ends:
                drawn.barh(place, end - likely, left=likely, height=0.5, color=colour, **theme.EDGE)
                right = end == highest
                drawn.annotate(
                    str(said),
                    (float(end), place),
                    xytext=(4 if right else -4, 0),
                    textcoords="offset points",
                    ha="left" if right else "right",
                    va="center",
                    size=_SMALL,
                    bbox=_ON_PAPER,
                )
        drawn.axvline(likely, color=theme.INK, lw=1.2)
        low = min(table[["profit_at_low", "profit_at_high"]].min())
        high = max(table[["profit_at_low", "profit_at_high"]].max())
        room = (high - low) or 1.0
        drawn.set_xlim(low - 0.16 * room, high + 0.16 * room)
        if low < 0 < high:
            drawn.axvline(0, color=theme.LOSS, lw=1.2, ls=(0, (4, 3)))
        names = [textwrap.fill(str(name), 26) for name in table["input"]]
        drawn.set_yticks(list(places), names)
        drawn.set_ylim(len(table) - 0.45, -0.55)
        drawn.tick_params(axis="y", length=0)
        drawn.spines["left"].set_visible(False)
        _money_ticks(drawn, w, "x")
        drawn.set_xlabel(_with_unit("keeping.chart.risk_axis", w, years=tornado.risk.after.years))
        _two_keys(drawn, w)
        said_rows = [
            w.say(
                "keeping.chart.tornado_row",
                input=row.input,
                low=row.low_input,
                high=row.high_input,
                at_low=about(float(row.profit_at_low), w),
                at_high=about(float(row.profit_at_high), w),
            )
            for row in table.itertuples()
        ]
        alt = w.say("keeping.chart.tornado_alt", rows=list_in_alt(said_rows, w))
        finish(drawn, tornado.finding(), alt)
    return drawn


def _two_keys(ax: Axes, wording: Wording) -> None:
    from matplotlib.patches import Patch

    colours = (("low", theme.SERIES[3]), ("high", theme.STOCK))
    ax.legend(
        handles=[
            Patch(facecolor=colour, label=wording.say(f"keeping.chart.at_{end}"), **theme.EDGE)
            for end, colour in colours
        ],
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=2,
        borderaxespad=0.1,
    )


def plot_five_points(result: FivePointsResult, *, ax: Axes | None = None) -> Axes:
    """Draw how much more the points are worth here, in per cent, beside what is published."""
    w = result.wording
    if result.missing:
        return say_only(result.sentence(), ax, w)
    rows = result.table.set_index("code").loc[list(_GAINS)]
    shown = rows[rows["low"].notna() | rows["value"].notna()]
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.4, 1.9 + 0.8 * len(shown))
        for place, row in enumerate(shown.itertuples()):
            _draw_gain(drawn, place, row, result)
        top = float(shown[["value", "high"]].max().max())
        drawn.set_xlim(min(0.0, float(shown["low"].min())), top * 1.16 or 1.0)
        names = [textwrap.fill(str(name), 30) for name in shown["measure"]]
        drawn.set_yticks(range(len(shown)), names)
        drawn.set_ylim(len(shown) - 0.45, -0.6)
        drawn.tick_params(axis="y", length=0)
        drawn.spines["left"].set_visible(False)
        drawn.axvline(0, color=theme.QUIET_INK, lw=0.8)
        drawn.xaxis.set_major_formatter(lambda share, _: w.percent(share, decimals=0))
        drawn.grid(axis="x")
        drawn.set_xlabel(w.say("keeping.chart.gain_axis"))
        said = [
            w.say(
                "keeping.chart.gain_row",
                measure=row.measure,
                figure=" ".join(filter(None, (row.figure, row.range))),
            )
            for row in shown.itertuples()
        ]
        alt = w.say("keeping.chart.five_alt", rows=list_in_alt(said, w))
        finish(drawn, result.finding(), alt)
    return drawn


def _draw_gain(ax: Axes, place: int, row: Any, result: FivePointsResult) -> None:
    from retention_lib.decisions.five_points import CASES

    w, published = result.wording, row.Index == "published"
    if published:
        ax.barh(
            place, row.high - row.low, left=row.low, height=0.34, color=theme.RULE, **theme.EDGE
        )
        ends = [(share, theme.QUIET_INK) for share in CASES.values()]
    else:
        ax.barh(place, row.value, height=0.34, color=theme.HEAT[1], **theme.EDGE)
        if row.low == row.low:
            ax.plot([row.low, row.high], [place] * 2, color=theme.INK, lw=2, marker="|", ms=9)
        ends = [(row.value, theme.STOCK)]
    for share, colour in ends:
        ax.plot([share], [place], "D" if published else "o", color=colour, ms=8, zorder=3)
        ax.annotate(
            "+" + w.percent(share, decimals=0 if share >= 0.1 else 1),
            (share, place),
            xytext=(0, 13),
            textcoords="offset points",
            ha="center",
            size=10,
            bbox=_ON_PAPER,
            weight="normal" if published else "bold",
        )


def plot_win_or_keep(result: WinOrKeepResult, *, ax: Axes | None = None) -> Axes:
    """Draw what each split of the budget earns, its range, and the best mix."""
    w, table = result.wording, result.table
    if result.missing or not result.budget:
        return say_only(result.sentence(), ax, w)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 5.0)
        shares = table["share_to_keep"]
        drawn.fill_between(shares, table["profit_low"], table["profit_high"], **theme.BAND)
        drawn.plot(shares, table["profit"], color=theme.STOCK, lw=2.4)
        drawn.axhline(0, color=theme.INK, lw=1.0)
        bottom = min(float(table["profit_low"].min()), 0.0)
        top = max(float(table["profit_high"].max()), result.best.profit, 0.0)
        room = (top - bottom) or 1.0
        drawn.set_ylim(bottom - 0.06 * room, top + 0.20 * room)
        drawn.set_xlim(-0.02, 1.02)
        _mark_best(drawn, result)
        drawn.xaxis.set_major_formatter(lambda share, _: w.percent(share, decimals=0))
        _money_ticks(drawn, w, "y")
        drawn.set_xlabel(w.say("keeping.chart.share_axis", budget=w.money(result.budget)))
        drawn.set_ylabel(_with_unit("keeping.chart.mix_axis", w, years=result.scenario.years))
        drawn.annotate(
            w.say("keeping.chart.spend_nothing"),
            (1.0, 0.0),
            xytext=(-2, -4),
            textcoords="offset points",
            ha="right",
            va="top",
            size=_SMALL,
            color=theme.QUIET_INK,
        )
        ends = [
            w.say("keeping.chart.mix_row", choice=w.say(f"keeping.naive.{code}"),
                  profit=about(result.mixes[code].profit, w))
            for code in ("all_winning", "half", "all_keeping", "nothing")
        ]  # fmt: skip
        title = result.finding()
        if result.assumed:
            title = w.say("keeping.chart.assumed", finding=title[0].lower() + title[1:])
        alt = w.say("keeping.chart.mix_alt", finding=result.finding(), rows=list_in_alt(ends, w))
        finish(drawn, title, alt)
    return drawn


def _mark_best(ax: Axes, result: WinOrKeepResult) -> None:
    """A mark on the best mix where it is on the curve; it is not where less is spent."""
    w, best = result.wording, result.best
    whole = best.spent >= result.budget * (1 - 0.005)
    if not whole:
        level = ax.axhline(best.profit, color=theme.GAIN, lw=1.4, ls=(0, (4, 3)))
        level.set_visible(best.profit > 0)
    share = best.share_to_keep if best.spent else 0.0
    ax.plot([share], [best.profit], "o", color=theme.GAIN, ms=9, zorder=4)
    near_left = share < 0.5
    ax.annotate(
        w.say(
            "keeping.chart.best" if whole else "keeping.chart.best_less",
            profit=about(best.profit, w),
            spent=about(best.spent, w),
        ),
        (share, best.profit),
        xytext=(10 if near_left else -10, 12),
        textcoords="offset points",
        ha="left" if near_left else "right",
        va="bottom",
        weight="bold",
        size=10.5,
    )


def _money_ticks(ax: Axes, wording: Wording, side: str) -> None:
    axis = ax.xaxis if side == "x" else ax.yaxis
    axis.set_major_formatter(lambda value, _: with_minus(wording.number(value)))
    ax.grid(axis="x" if side == "x" else "y")
    if side == "x":
        from matplotlib.ticker import MaxNLocator

        axis.set_major_locator(MaxNLocator(6))


def _with_unit(key: str, wording: Wording, **values: Any) -> str:
    """An axis with the sign of the currency behind it, where one is known."""
    said = wording.say(key, **values)
    return f"{said} ({wording.currency_symbol})" if wording.currency else said
