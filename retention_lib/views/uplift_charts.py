"""Pictures of who responds to contact, and of what each programme has proved."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from retention_lib.views import theme
from retention_lib.views.drawing import finish, list_in_alt, say_only
from retention_lib.wording import with_minus

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from retention_lib.decisions._campaign_not_drawn import NotDrawnResult
    from retention_lib.decisions.programmes import ProgrammesResult
    from retention_lib.decisions.uplift import UpliftResult

_LINES = {
    "response": (theme.STOCK, "-", 2.8),
    "risk": (theme.LOSS, (0, (6, 2)), 2.0),
    "lot": (theme.QUIET_INK, (0, (1.5, 1.8)), 2.0),
}
_VERDICTS = {"earned": theme.GAIN, "lost": theme.LOSS}
_MOST_PROGRAMMES = 15
_LONGEST_CODE = 24


def plot_qini(result: UpliftResult, *, ax: Axes | None = None) -> Axes:
    """Draw the buyers won over the share of customers contacted, by who comes first."""
    w, curves = result.wording, result.curves
    if curves is None:
        return say_only(result.sentence(), ax, w)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.2, 5.4)
        share = curves.share["response"]
        low, high = curves.band["response"]
        drawn.fill_between(
            share,
            1000 * low,
            1000 * high,
            label=w.say("uplift.chart.band"),
            **theme.BAND,
        )
        drawn.axhline(0, color=theme.QUIET_INK, lw=0.8)
        named = dict(zip(result.table["ranking_code"], result.table["ordered_by"], strict=True))
        for code, (colour, dashes, width) in _LINES.items():
            straight = code == "lot"
            across = [0.0, 1.0] if straight else curves.share[code]
            gain = [0.0, curves.effect] if straight else curves.gain[code]
            drawn.plot(
                across,
                [1000 * value for value in gain],
                color=colour,
                ls=dashes,
                lw=width,
                label=named[code],
            )
        drawn.set_xlim(0, 1)
        drawn.xaxis.set_major_formatter(lambda part, _: w.percent(part, decimals=0))
        drawn.yaxis.set_major_formatter(lambda won, _: with_minus(w.number(won)))
        drawn.set_xlabel(w.say("uplift.chart.share_axis"))
        drawn.set_ylabel(w.say("uplift.chart.gain_axis"))
        drawn.grid(axis="y")
        handles, labels = drawn.get_legend_handles_labels()
        drawn.legend(
            [*handles[1:], handles[0]],
            [*labels[1:], labels[0]],
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=2,
            borderaxespad=0.2,
            columnspacing=1.3,
            handlelength=2.4,
        )
        finish(drawn, result.title(), result.picture_said())
    return drawn


def plot_placebo(result: NotDrawnResult, *, ax: Axes | None = None) -> Axes:
    """Draw how far apart the groups were before and after a campaign that no lot has drawn."""
    w, table = result.wording, result.table
    if table.empty:
        return say_only(result.sentence(), ax, w)
    row = table.iloc[-1]
    names = ("placebo", "naive", "unexplained")
    words = ("before", "after", "left")
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.2, 3.9)
        for place, name in enumerate(names):
            value, low, high = (float(row[f"{name}_{end}"]) for end in ("value", "low", "high"))
            drawn.barh(
                place,
                value,
                height=0.55,
                color=theme.NEUTRAL if name == "placebo" else theme.PAPER,
                edgecolor=theme.QUIET_INK,
                linewidth=0.8,
                hatch="" if name == "placebo" else "//",
            )
            if low == low:
                drawn.errorbar(
                    [value],
                    [place],
                    xerr=[[value - low], [high - value]],
                    fmt="none",
                    ecolor=theme.INK,
                    elinewidth=1.3,
                    capsize=3.5,
                )
        drawn.axvline(0, color=theme.QUIET_INK, lw=1.0)
        said = [w.say(f"not_drawn.chart.{word}", days=result.days) for word in words]
        drawn.set_yticks(range(len(names)), [textwrap.fill(label, 30) for label in said])
        drawn.set_ylim(len(names) - 0.45, -0.55)
        drawn.tick_params(axis="y", length=0)
        drawn.spines["left"].set_visible(False)
        drawn.grid(axis="x")
        drawn.xaxis.set_major_formatter(lambda money, _: with_minus(w.number(money)))
        sign = w.currency_symbol
        drawn.set_xlabel(
            w.say(
                "not_drawn.chart.axis",
                measure=str(row["measure"]),
                unit=f" ({sign})" if sign else "",
            )
        )
        finish(drawn, result.title(), result.finding())
    return drawn


def plot_programmes(result: ProgrammesResult, *, ax: Axes | None = None) -> Axes:
    """Draw what is left of each programme after its cost, as a range; untold ones are named."""
    w, table = result.wording, result.table.tail(_MOST_PROGRAMMES)
    if table.empty:
        return say_only(result.finding(), ax, w)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.2, 2.2 + 0.62 * len(table))
        for place, row in enumerate(table.itertuples()):
            told = row.net_low == row.net_low
            if told:
                colour = _VERDICTS.get(row.verdict_code, theme.NEUTRAL)
                drawn.plot([row.net_low, row.net_high], [place, place], color=colour, lw=4.5)
                drawn.plot([row.net], [place], "o", color=theme.INK, ms=7, zorder=4)
            drawn.annotate(
                row.verdict,
                (0, place),
                xycoords=drawn.get_yaxis_transform(),
                xytext=(3, 7 if told else 0),
                textcoords="offset points",
                va="bottom" if told else "center",
                size=10,
                color=theme.INK if told else theme.QUIET_INK,
                # So that no line of the grid runs through the words.
                bbox={"facecolor": theme.PAPER, "edgecolor": "none", "pad": 1.0},
            )
        drawn.axvline(0, color=theme.QUIET_INK, lw=1.0)
        labels = [
            w.say(
                "programmes.chart.label",
                campaign=_short(row.campaign_id),
                date=w.short_month(row.date),
            )
            for row in table.itertuples()
        ]
        drawn.set_yticks(range(len(table)), labels)
        drawn.set_ylim(len(table) - 0.4, -0.65)
        drawn.tick_params(axis="y", length=0)
        drawn.spines["left"].set_visible(False)
        drawn.grid(axis="x")
        drawn.xaxis.set_major_formatter(lambda money, _: with_minus(w.number(money)))
        drawn.set_xlabel(result.axis())
        said = [
            w.say("programmes.chart.row", campaign=row.campaign_id, verdict=row.verdict)
            for row in table.itertuples()
        ]
        alt = w.say("programmes.chart.alt", finding=result.finding(), rows=list_in_alt(said, w))
        finish(drawn, result.finding(), alt)
    return drawn


def _short(code: str) -> str:
    return code if len(code) <= _LONGEST_CODE else code[: _LONGEST_CODE - 1] + "…"
