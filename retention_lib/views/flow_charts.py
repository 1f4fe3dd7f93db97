"""Pictures of the leaky tank: the waterfall, the trend, the tank itself, the activity window.

Nothing is worked out here; results bring their figures. Blue is what is there, green what came
in, orange-brown what leaked out, in every one of them.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from retention_lib.portfolio._flows_periods import say_period
from retention_lib.portfolio.window import ENOUGH_MONTHS
from retention_lib.views import theme
from retention_lib.views._flow_tank import draw_vessel
from retention_lib.views.drawing import finish, list_in_alt, short_share

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from retention_lib.portfolio._flows_tank import TankResult
    from retention_lib.portfolio._flows_trend import TrendResult, YearBeforeResult
    from retention_lib.portfolio.flows import FlowsResult
    from retention_lib.portfolio.window import WindowResult
    from retention_lib.wording import Wording

_STEPS = ("opening", "new", "won_back", "grown", "shrunk", "lost", "closing")
_LEVELS = ("opening", "closing")
_OUT = ("shrunk", "lost")
_COUNTED = ("opening", "new", "won_back", "lost", "closing")


def plot_waterfall(flows: FlowsResult, *, ax: Axes | None = None) -> Axes:
    """Draw the latest period in money: from opening to closing, gain by gain, loss by loss."""
    w = flows.wording
    if flows.table.empty:
        return _say_nothing(flows.sentence(), w, ax)
    latest = flows.table.iloc[-1]
    amounts = {step: float(latest[f"{step}_revenue"]) for step in _STEPS}
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 5.0)
        tops = _draw_steps(drawn, amounts)
        room = max(*tops, 0.0) - min(*tops, 0.0)
        for place, step in enumerate(_STEPS):
            sign = "−" if step in _OUT else "" if step in _LEVELS else "+"
            label = (sign if amounts[step] >= 0.005 else "") + w.money(amounts[step])
            drawn.annotate(
                label,
                (place, tops[place]),
                xytext=(0, 4),
                textcoords="offset points",
                ha="center",
                va="bottom",
                size=10,
                weight="bold" if step in ("lost", *_LEVELS) else "normal",
            )
        drawn.set_ylim(top=max(*tops, 0.0) + (room or 1.0) * 0.08)
        drawn.set_xticks(range(len(_STEPS)), [_step_name(step, latest, w) for step in _STEPS])
        drawn.tick_params(axis="x", length=0)
        _money_axis(drawn, w, flows.span.window_days)
        name = say_period(latest["period_start"], flows.period, w, key="name")
        said = [_step_in_words(step, amounts[step], latest, w) for step in _STEPS]
        alt = w.say("chart.waterfall.alt", period=name, steps=list_in_alt(said, w))
        finish(drawn, flows.finding(), alt)
    return drawn


def plot_trend(trend: TrendResult, *, ax: Axes | None = None) -> Axes:
    """Draw attrition of each period as a yearly rate, its range, and the trade's rate if given."""
    w, table = trend.wording, trend.table
    if table["annual_attrition"].isna().all():
        return _say_nothing(trend.sentence(), w, ax)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 4.4)
        places = list(range(len(table)))
        if len(table) <= 8:
            low = table["annual_attrition"] - table["annual_low"]
            high = table["annual_high"] - table["annual_attrition"]
            drawn.errorbar(
                places,
                table["annual_attrition"],
                yerr=[low.clip(lower=0), high.clip(lower=0)],
                color=theme.LOSS,
                ecolor=theme.NEUTRAL,
                elinewidth=2,
                capsize=6,
                marker="o",
                markersize=8,
                linewidth=2,
            )
        else:
            drawn.fill_between(places, table["annual_low"], table["annual_high"], **theme.LOSS_BAND)
            drawn.plot(places, table["annual_attrition"], color=theme.LOSS, marker="o", linewidth=2)
        _label_trend(drawn, trend)
        top = max(float(table["annual_high"].max()), trend.trade_attrition or 0.0)
        drawn.set_ylim(0, min(top * 1.12, 1.04) or 1.0)
        drawn.set_xlim(-0.5, len(table) - 0.5)
        _share_axis(drawn, w)
        drawn.set_ylabel(w.say("chart.trend.axis"))
        _name_periods(drawn, table, trend.kind, w)
        said = [
            w.say(
                "chart.trend.point",
                period=row.period,
                rate=short_share(w, row.annual_attrition),
                low=short_share(w, row.annual_low),
                high=short_share(w, row.annual_high),
            )
            for row in table.itertuples()
        ]
        finish(drawn, trend.finding(), w.say("chart.trend.alt", points=list_in_alt(said, w)))
    return drawn


def plot_year_before(result: YearBeforeResult, *, ax: Axes | None = None) -> Axes:
    """Draw each period's attrition beside that of the same period a year before."""
    w, table = result.wording, result.table[result.table["change"].notna()]
    if table.empty:
        return _say_nothing(result.sentence(), w, ax)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 4.4)
        places = list(range(len(table)))
        edge: dict[str, Any] = {"edgecolor": theme.QUIET_INK, "linewidth": 0.5, "width": 0.38}
        before, now = (w.say(f"chart.year_before.{key}") for key in ("before", "now"))
        drawn.bar(
            [p - 0.2 for p in places],
            table["attrition_before"],
            color=theme.RULE,
            label=before,
            **edge,
        )
        drawn.bar(
            [p + 0.2 for p in places], table["attrition"], color=theme.LOSS, label=now, **edge
        )
        top = max(table["attrition"].max(), table["attrition_before"].max())
        drawn.set_ylim(0, float(top) * 1.22 or 1.0)
        drawn.set_xlim(-0.7, max(len(table), 3) - 0.3)
        drawn.legend(loc="upper right", ncols=2, borderaxespad=0.1)
        _share_axis(drawn, w)
        drawn.set_ylabel(w.say("chart.year_before.axis"))
        _name_periods(drawn, table, result.kind, w)
        said = [
            w.say(
                "chart.year_before.point",
                period=row.period,
                now=short_share(w, row.attrition),
                before=short_share(w, row.attrition_before),
            )
            for row in table.itertuples()
        ]
        alt = w.say("chart.year_before.alt", points=list_in_alt(said, w))
        finish(drawn, result.finding(), alt)
    return drawn


def plot_tank(tank: TankResult, *, ax: Axes | None = None) -> Axes:
    """Draw the tank: what flows in, what leaks, the level now and where it goes if nothing changes.

    The scale on the left counts customers from the empty tank up.
    """
    w = tank.wording
    if tank.table.empty:
        return _say_nothing(tank.sentence(), w, ax)
    last = tank.table.iloc[-1]
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 5.6)
        draw_vessel(drawn, tank)
        words = {
            "now": tank.level_now,
            "inflow": round(tank.annual_inflow),
            "leak": round(float(tank.table["leak"].iloc[0])),
            "share": w.percent(float(tank.table["leak_share"].iloc[0])),
            "level": round(float(last["level"])),
            "years": len(tank.table),
            "low": round(float(last["level_low"])),
            "high": round(float(last["level_high"])),
        }
        finish(drawn, tank.finding(), w.say("chart.tank.alt", **words))
    return drawn


def plot_window(window: WindowResult, *, ax: Axes | None = None) -> Axes:
    """Draw what each window covers of the gaps, and how many customers it calls lost in a year."""
    w, table = window.wording, window.table
    if table["covered"].isna().all():
        return _say_nothing(window.sentence(), w, ax)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 5.0)
        longest = max(int(table["window_days"].max()), 60)
        curve = window.gaps.covered()[: longest + 1]
        drawn.plot(range(len(curve)), curve, color=theme.STOCK, linewidth=2.5)
        _draw_rates(drawn, table[table["annual_attrition"].notna()])
        drawn.set_ylim(0, 1.16)
        drawn.set_xlim(0, longest * 1.02)
        _share_axis(drawn, w)
        drawn.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
        _mark_windows(drawn, window, longest)
        _name_curves(drawn, window)
        drawn.set_xlabel(w.say("chart.window.axis_x"), loc="left")
        drawn.set_ylabel(w.say("chart.window.axis_y"))
        said = [
            w.say(
                "chart.window.point",
                days=int(row.window_days),
                covered=short_share(w, row.covered),
                attrition=short_share(w, row.annual_attrition),
            )
            for row in table.itertuples()
        ]
        alt = w.say("chart.window.alt", points=list_in_alt(said, w))
        finish(drawn, window.finding(), alt)
    return drawn


# --- axes and words ------------------------------------------------------------------------------


def _say_nothing(sentence: str, wording: Wording, ax: Axes | None) -> Axes:
    """A picture of nothing says in words why there is nothing."""
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 2.2)
        drawn.set_axis_off()
        drawn.text(
            0.0,
            0.95,
            textwrap.fill(sentence, 88),
            va="top",
            size=11,
            color=theme.QUIET_INK,
            transform=drawn.transAxes,
        )
        finish(drawn, wording.say("chart.flows.nothing"), sentence)
    return drawn


def _share_axis(ax: Axes, wording: Wording) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    ticks = ax.get_yticks()
    decimals = 0 if len(ticks) < 2 or ticks[1] - ticks[0] > 0.0099 else 1
    ax.yaxis.set_major_formatter(lambda value, _: wording.percent(value, decimals=decimals))
    ax.grid(axis="y")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)


def _money_axis(ax: Axes, wording: Wording, days: int) -> None:
    unit = f"({wording.currency_symbol})" if wording.currency else ""
    ax.set_ylabel(wording.say("chart.waterfall.axis", days=days, currency=unit).strip())
    ax.yaxis.set_major_formatter(lambda value, _: wording.number(value))
    ax.grid(axis="y")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)


def _name_periods(ax: Axes, table: pd.DataFrame, kind: Any, wording: Wording) -> None:
    """Name as many periods as fit, evenly, in steps that fall on the same ones every year."""
    step = max(1, math.ceil(len(table) / 8))
    step = next((even for even in (1, 2, 3, 4, 6, 12) if even >= step), step)
    places = range(0, len(table), step)
    starts = [table["period_start"].iloc[place] for place in places]
    names = [say_period(start, kind, wording, key="axis") for start in starts]
    ax.set_xticks(list(places), names)


def _label_trend(ax: Axes, trend: TrendResult) -> None:
    from matplotlib.lines import Line2D

    w = trend.wording
    handles = [Line2D([], [], color=theme.LOSS, marker="o", label=w.say("chart.trend.own"))]
    if trend.trade_attrition is not None:
        label = w.say("chart.trend.trade", share=w.percent(trend.trade_attrition))
        line: dict[str, Any] = {"color": theme.INK, "linestyle": "--", "linewidth": 1.6}
        ax.axhline(trend.trade_attrition, **line)
        handles.append(Line2D([], [], label=label, **line))
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=2,
        borderaxespad=0.1,
        borderpad=0.1,
    )


# --- the waterfall -------------------------------------------------------------------------------


def _draw_steps(ax: Axes, amounts: dict[str, float]) -> list[float]:
    """The bars, tied by lines at the level they leave behind; gives back their upper ends."""
    level, tops = 0.0, []
    for place, step in enumerate(_STEPS):
        amount = amounts[step]
        if step in _LEVELS:
            start, level = 0.0, amount
        else:
            start, level = level, level - amount if step in _OUT else level + amount
        colour = theme.STOCK if step in _LEVELS else theme.LOSS if step in _OUT else theme.GAIN
        ax.bar(
            place,
            level - start,
            bottom=start,
            width=0.64,
            color=colour,
            edgecolor=theme.QUIET_INK,
            linewidth=0.5,
            # Losses are hatched, so that a greyscale print tells them from gains.
            hatch="///" if step in _OUT else None,
        )
        if place < len(_STEPS) - 1:
            ax.plot(
                [place + 0.32, place + 0.68], [level, level], color=theme.QUIET_INK, linewidth=1
            )
        tops.append(max(start, level, 0.0 if step in _LEVELS else -math.inf))
    ax.axhline(0, color=theme.QUIET_INK, linewidth=0.8)
    return tops


def _step_name(step: str, latest: pd.Series[Any], wording: Wording) -> str:
    name = wording.say(f"chart.waterfall.{step}")
    if step not in _COUNTED:
        return name
    counted = wording.say("chart.waterfall.customers", customers=int(latest[step]))
    return "\n".join([name, *counted.rsplit(" ", 1)])


def _step_in_words(step: str, amount: float, latest: pd.Series[Any], wording: Wording) -> str:
    words: dict[str, Any] = {
        "step": wording.say(f"chart.waterfall.{step}"),
        "amount": wording.money(amount),
    }
    if step not in _COUNTED:
        return wording.say("chart.waterfall.moved", **words)
    return wording.say("chart.waterfall.step", customers=int(latest[step]), **words)


# --- the window ----------------------------------------------------------------------------------


def _mark_windows(ax: Axes, window: WindowResult, longest: int) -> None:
    """Upright lines at the window that is proposed and at the base's own."""
    w = window.wording
    marks: Sequence[tuple[str, int]] = [
        ("proposed", window.proposed_days),
        ("own", window.own_days),
    ]
    if window.proposed_days == window.own_days:
        marks = [("both", window.own_days)]
    for key, days in marks:
        if days > longest:
            continue
        ax.axvline(days, ymax=1.02 / 1.16, color=theme.INK, linewidth=1.2, linestyle=":")
        side = "right" if days > longest * 0.8 else "left" if days < longest * 0.12 else "center"
        height = 1.105 if key == "own" else 1.045
        ax.text(
            days, height, w.say(f"chart.window.{key}", days=days), ha=side, va="center", size=10.5
        )


def _draw_rates(ax: Axes, told: pd.DataFrame) -> None:
    """Attrition by window with its range; hollow where it was measured over a few months only."""
    days, rates = told["window_days"], told["annual_attrition"]
    ax.fill_between(days, told["annual_low"], told["annual_high"], **theme.LOSS_BAND)
    ax.plot(days, rates, color=theme.LOSS, linewidth=2.5, linestyle="--")
    brief = told["months"] < ENOUGH_MONTHS
    for hollow, shown in ((False, ~brief), (True, brief)):
        ax.plot(days[shown], rates[shown], **_rate_marker(hollow=hollow))


def _rate_marker(*, hollow: bool) -> dict[str, Any]:
    face = theme.PAPER if hollow else theme.LOSS
    return {"color": theme.LOSS, "marker": "o", "markersize": 7, "ls": "", "mfc": face, "mew": 1.8}


def _name_curves(ax: Axes, window: WindowResult) -> None:
    from matplotlib.lines import Line2D

    w, table = window.wording, window.table
    handles = [
        Line2D([], [], color=theme.STOCK, linewidth=2.5, label=w.say("chart.window.covered"))
    ]
    told = table[table["annual_attrition"].notna()]
    if len(told):
        name = w.say("chart.window.attrition")
        line = {**_rate_marker(hollow=False), "ls": "--", "lw": 2.5}
        handles.append(Line2D([], [], label=name, **line))
    if (told["months"] < ENOUGH_MONTHS).any():
        name = w.say("chart.window.brief")
        handles.append(Line2D([], [], label=name, **_rate_marker(hollow=True)))
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=2,
        borderaxespad=0.1,
        borderpad=0.1,
        columnspacing=1.5,
    )
