"""Pictures of a measured campaign and of the control group that the next one needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention_lib.views import theme
from retention_lib.views.drawing import finish, list_in_alt, say_only
from retention_lib.wording import with_minus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from retention_lib.decisions._campaign_segments import CampaignSegments
    from retention_lib.decisions._holdout_sizes import HoldoutSizes
    from retention_lib.decisions.campaigns import CampaignResult
    from retention_lib.decisions.holdout import HoldoutDesign
    from retention_lib.wording import Wording

_SHOWN_SEGMENTS = 10


def plot_campaign(result: CampaignResult, *, ax: Axes | None = None) -> Axes:
    """Draw the extra margin of a campaign, its cost and what is left, with their ranges."""
    w = result.wording
    if result.table.empty:
        return say_only(result.title(), ax, w)
    earnings = result.earnings().table
    rows = earnings[(earnings["earning_code"] != "roi") & earnings["likely"].notna()]
    likely, low, high = (rows[name].to_numpy(dtype=float) for name in ("likely", "low", "high"))
    own = {"extra": theme.STOCK, "cost": theme.LOSS}
    left = theme.LOSS if result.verdict_code == "lost" else theme.GAIN
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.2, 1.9 + 0.75 * len(rows))
        places = np.arange(len(rows))
        # What it cost points to the left: it is taken off.
        sign = np.where(rows["earning_code"] == "cost", -1.0, 1.0)
        proved = result.verdict_code in ("earned", "lost")
        drawn.barh(
            places,
            sign * likely,
            height=0.46,
            color=[
                own.get(code, left if proved else theme.HEAT[1]) for code in rows["earning_code"]
            ],
            edgecolor=theme.QUIET_INK,
            linewidth=0.5,
        )
        known = high > low
        _ranges(drawn, places[known], likely[known], low[known], high[known])
        for place, row in zip(places, rows.to_dict("records"), strict=True):
            drawn.annotate(
                row["said_likely"],
                (sign[place] * row["likely"], place),
                xytext=(0, 15),
                textcoords="offset points",
                ha="center",
                va="bottom",
                weight="bold",
                size=10.5,
            )
        _rows(drawn, places, list(rows["earning"]))
        drawn.xaxis.set_major_formatter(lambda money, _: with_minus(w.number(money)))
        sign_of = w.currency_symbol
        drawn.set_xlabel(
            w.say(
                "campaigns.chart.money_axis",
                days=result.days,
                unit=f" ({sign_of})" if sign_of else "",
            )
        )
        said = [
            w.say(
                f"campaigns.chart.figure{'' if row['earning_code'] == 'cost' else '_between'}",
                figure=row["earning"],
                likely=row["said_likely"],
                low=row["said_low"],
                high=row["said_high"],
            )
            for row in rows.to_dict("records")
        ]
        title = result.title()
        finish(
            drawn, title, w.say("campaigns.chart.alt", finding=title, figures=list_in_alt(said, w))
        )
    return drawn


def plot_segments(result: CampaignSegments, *, ax: Axes | None = None) -> Axes:
    """Draw the effect by segment, as measured and drawn to the effect in common."""
    from retention_lib.decisions._campaign_words import say_effect

    w, outcome = result.wording, result.outcome
    told = result.table.dropna(subset=["shrunk"]).head(_SHOWN_SEGMENTS)
    if len(told) < 2:
        return say_only(result.sentence(), ax, w)
    unit = 100.0 if outcome == "buyers" else 1.0
    measured, low, high, shrunk, shrunk_low, shrunk_high = (
        unit * told[name].to_numpy(dtype=float)
        for name in ("effect", "low", "high", "shrunk", "shrunk_low", "shrunk_high")
    )
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.2, 2.2 + 0.72 * len(told))
        places = np.arange(len(told))
        drawn.axvline(unit * result.common, color=theme.STOCK, lw=1.2, ls=(0, (5, 3)),
                      label=w.say("campaigns.chart.common"))  # fmt: skip
        _ranges(drawn, places - 0.14, measured, low, high, colour=theme.NEUTRAL)
        drawn.plot(measured, places - 0.14, "o", mfc=theme.PAPER, mec=theme.QUIET_INK, ms=7,
                   label=w.say("campaigns.chart.measured"))  # fmt: skip
        _ranges(drawn, places + 0.14, shrunk, shrunk_low, shrunk_high, colour=theme.STOCK)
        drawn.plot(shrunk, places + 0.14, "D", color=theme.STOCK, ms=7,
                   label=w.say("campaigns.chart.shrunk"))  # fmt: skip
        labels = [
            w.say(
                "campaigns.chart.segment_label",
                segment=_short(str(row["segment"])),
                treated=int(row["treated"]),
                control=int(row["control"]),
            )
            for row in told.to_dict("records")
        ]
        _rows(drawn, places, labels)
        handles, names = drawn.get_legend_handles_labels()
        drawn.legend(handles, names, loc="lower left", bbox_to_anchor=(0, 1), ncols=3,
                     borderaxespad=0.2, columnspacing=1.4)  # fmt: skip
        drawn.xaxis.set_major_formatter(lambda value, _: with_minus(w.number(value)))
        sign = w.currency_symbol
        days = result.days
        values = {"unit": f" ({sign})" if sign else ""} if outcome != "buyers" else {}
        drawn.set_xlabel(w.say(f"campaigns.chart.effect_axis.{outcome}", days=days, **values))
        said = [
            w.say(
                "campaigns.chart.figure_between",
                figure=row["segment"],
                likely=row["said_shrunk"],
                low=say_effect(row["shrunk_low"], outcome, w),
                high=say_effect(row["shrunk_high"], outcome, w),
            )
            for row in told.to_dict("records")
        ]
        title = result.sentence().rstrip(".")
        finish(
            drawn, title, w.say("campaigns.chart.alt", finding=title, figures=list_in_alt(said, w))
        )
    return drawn


_OUTCOMES = {
    "buyers": (theme.STOCK, "o", "-"),
    "revenue": (theme.LOSS, "s", (0, (6, 2))),
    "margin": (theme.GAIN, "D", (0, (2, 1.5))),
}


def plot_holdout(result: HoldoutDesign, *, ax: Axes | None = None) -> Axes:
    """Draw the smallest provable effect over the days waited, a line an outcome."""
    w, best = result.wording, result.soonest()
    if not best:
        return say_only(result.finding(), ax, w)
    of = result.table[result.table["share_held"] == best["share_held"]].dropna(subset=["points"])
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.2, 5.2)
        hoped = 100 * result.effect.likely
        drawn.axhline(hoped, color=theme.QUIET_INK, lw=1.3, ls=(0, (1.5, 1.8)),
                      label=w.say("holdout.chart.hoped", effect=_points(hoped, w)))  # fmt: skip
        said = []
        for code, part in of.groupby("outcome_code", sort=False):
            colour, mark, dashes = _OUTCOMES[str(code)]
            name = w.say(f"holdout.chart.line.{code}")
            drawn.plot(part["days"], 100 * part["points"], color=colour, marker=mark, ls=dashes,
                       lw=2.4, ms=8, label=name)  # fmt: skip
            said += [
                w.say(
                    "holdout.chart.said", outcome=name, points=row.said_points, days=int(row.days)
                )
                for row in part.itertuples()
            ]
        drawn.plot([best["days"]], [100 * best["points"]], "o", ms=16, mfc="none",
                   mec=theme.INK, mew=1.6)  # fmt: skip
        drawn.set_ylim(0, max(100 * of["points"].max(), hoped) * 1.12)
        spans = sorted(of["days"].unique())
        drawn.set_xticks(spans, [w.number(span) for span in spans])
        drawn.margins(x=0.06)
        drawn.grid(axis="y")
        drawn.yaxis.set_major_formatter(
            lambda points, _: w.number(points, decimals=0 if points == round(points) else 1)
        )
        drawn.set_xlabel(w.say("holdout.chart.days_axis"))
        drawn.set_ylabel(w.say("holdout.chart.points_axis"))
        drawn.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0.2,
                     columnspacing=1.4, handlelength=2.6)  # fmt: skip
        title = result.finding()
        finish(
            drawn, title, w.say("campaigns.chart.alt", finding=title, figures=list_in_alt(said, w))
        )
    return drawn


def plot_sizes(result: HoldoutSizes, *, ax: Axes | None = None) -> Axes:
    """Draw the smallest provable effect of control groups of several sizes."""
    w, table = result.wording, result.table.dropna(subset=["points"])
    if table.empty:
        return say_only(result.finding(), ax, w)
    points = 100 * table["points"].to_numpy(dtype=float)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.2, 2.0 + 0.62 * len(table))
        places = np.arange(len(table))
        hoped = 100 * result.of.effect.likely
        drawn.barh(places, points, height=0.5, edgecolor=theme.QUIET_INK, linewidth=0.5,
                   color=np.where(points <= hoped, theme.STOCK, theme.HEAT[1]))  # fmt: skip
        drawn.axvline(hoped, color=theme.INK, lw=1.3, ls=(0, (1.5, 1.8)),
                      label=w.say("holdout.chart.hoped", effect=_points(hoped, w)))  # fmt: skip
        labels = [
            w.say(
                "holdout.chart.size_label",
                share=w.percent(row["share_held"], decimals=0),
                control=int(row["control"]),
            )
            for row in table.to_dict("records")
        ]
        for place, row in zip(places, table.to_dict("records"), strict=True):
            drawn.annotate(
                row["said_points"],
                (points[place], place),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                weight="bold",
                size=10.5,
                bbox={"facecolor": theme.PAPER, "edgecolor": "none", "pad": 1.5},
            )
        _rows(drawn, places, labels)
        drawn.set_xlim(0, max(points.max(), hoped) * 1.18)
        drawn.xaxis.set_major_formatter(lambda value, _: w.number(value))
        drawn.set_xlabel(w.say("holdout.chart.points_axis"))
        drawn.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
        said = [f"{label.replace(chr(10), ', ')}: {row}" for label, row in
                zip(labels, table["said_points"], strict=True)]  # fmt: skip
        title = result.finding()
        finish(
            drawn, title, w.say("campaigns.chart.alt", finding=title, figures=list_in_alt(said, w))
        )
    return drawn


def _points(points: float, wording: Wording) -> str:
    return wording.say("campaigns.points", points=wording.number(points, decimals=1))


def _short(words: str, length: int = 34) -> str:
    return words if len(words) <= length else words[: length - 1].rstrip() + "…"


def _rows(ax: Axes, places: Sequence[float] | np.ndarray, labels: list[str]) -> None:
    """One row a label, the first on top, and a line where there is neither gain nor loss."""
    ax.axvline(0, color=theme.QUIET_INK, lw=1.0)
    ax.set_yticks(places, labels)
    ax.set_ylim(len(labels) - 0.4, -0.65)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x")
    ax.margins(x=0.08)


def _ranges(
    ax: Axes,
    places: np.ndarray,
    likely: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    *,
    colour: str = theme.INK,
) -> None:
    ax.errorbar(
        likely,
        places,
        xerr=np.vstack([np.maximum(likely - low, 0), np.maximum(high - likely, 0)]),
        fmt="none",
        ecolor=colour,
        elinewidth=1.5,
        capsize=4,
    )
