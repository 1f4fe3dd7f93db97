"""Pictures of the customers lost: when, why, after which signs, and what replaces them."""

from __future__ import annotations

import math
import textwrap
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from retention_lib.views import theme
from retention_lib.views.drawing import (
    draw_bars,
    finish,
    key_above,
    list_in_alt,
    only_horizontal_bars,
    write_at_ends,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.patches import Patch

    from retention_lib.portfolio.lost import LostReasons, LostResult, LostSignals
    from retention_lib.portfolio.replacement import ReplacementResult
    from retention_lib.wording import Wording

_UNKNOWN = "#E4E4E4"
_SILENT = theme.SERIES[3]
_LATER = theme.HEAT[1]
_MOST_BLOCKS = 60
_MOST_COUNTS = 24  # over so many bars there is room for a number each


def plot_lost_months(result: LostResult, *, ax: Axes | None = None) -> Axes:
    """Draw what a year of the customers lost was worth, by the month in which they were lost."""
    if result.table.empty:
        return _draw_nothing(result.finding(), result.wording, ax)
    w, months = result.wording, result.by_month
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 4.4)
        places, both = range(len(months)), months["closed"].sum() * months["silent"].sum() > 0
        silent, closed = months["value_silent"], months["value_closed"]
        drawn.bar(places, closed, width=0.78, color=theme.LOSS, **theme.EDGE)
        drawn.bar(places, silent, bottom=closed.clip(lower=0), width=0.78, color=_SILENT,
                  **theme.EDGE)  # fmt: skip
        top = silent.clip(lower=0) + closed.clip(lower=0)
        for place, (height, count) in enumerate(zip(top, months["customers"], strict=True)):
            if count and len(months) <= _MOST_COUNTS:
                drawn.annotate(w.number(int(count)), (place, height), xytext=(0, 3),
                               textcoords="offset points", ha="center", size=10)  # fmt: skip
        drawn.axhline(0, color=theme.QUIET_INK, linewidth=0.8)
        drawn.set_ylim(top=1.1 * max(float(top.max()), 1.0))
        _label_months(drawn, months, w)
        drawn.set_ylabel(w.say("chart.lost_months.axis", unit=_unit(w, result.unit)))
        drawn.yaxis.set_major_formatter(lambda value, _: w.number(value))
        drawn.grid(axis="y")
        for place in [p for p in places if months["unseen"].iloc[p]]:
            drawn.axvspan(place - 0.5, place + 0.5, facecolor=theme.PAPER, edgecolor=_UNKNOWN,
                          hatch="///", linewidth=0, zorder=0)  # fmt: skip
        key = list(_months_key(result)) if both else []
        if months["unseen"].any():
            key.append(_patch(theme.PAPER, w.say("chart.lost_months.unseen"), "///"))
        if key:
            key_above(drawn, key)
        said = [
            w.say("chart.lost_months.one", month=w.month(row.month_end), customers=row.customers,
                  value=w.money(row.value_closed + row.value_silent))
            for row in months.itertuples()
        ]  # fmt: skip
        finding = result.finding()
        alt = w.say("chart.lost_months.alt", finding=finding, months=list_in_alt(said, w))
        finish(drawn, finding, alt)
    return drawn


def plot_lost_reasons(result: LostReasons, *, ax: Axes | None = None) -> Axes:
    """Draw value lost by recorded reason: avoidable, unavoidable, and what nobody can say."""
    if result.table.empty:
        return _draw_nothing(result.finding(), result.wording, ax)
    w, table = result.wording, result.table
    named = table["avoidable"].map({True: "avoidable", False: "unavoidable"})
    kinds = named.astype("object").fillna("unknown").tolist()
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 1.7 + 0.42 * max(len(table), 2))
        draw_bars(drawn, range(len(table)), table["value_lost"], [_fill(k) for k in kinds],
                  height=0.7)  # fmt: skip
        for bar, kind in zip(drawn.patches, kinds, strict=True):
            bar.set_hatch(_hatch(kind))
        labels = [_value_and_count(w, row) for row in table.itertuples()]
        write_at_ends(drawn, table["value_lost"], labels)
        drawn.set_yticks(range(len(table)), [textwrap.fill(n, 32) for n in table["cause_name"]])
        only_horizontal_bars(drawn, len(table))
        drawn.set_xlabel(w.say(f"chart.lost_reasons.axis.{result.lost.unit}"), loc="left")
        met = [kind for kind in ("avoidable", "unavoidable", "unknown") if kind in kinds]
        key_above(
            drawn, [_patch(_fill(k), w.say(f"chart.lost_reasons.{k}"), _hatch(k)) for k in met]
        )
        said = [f"{row.cause_name}: {_value_and_count(w, row)}" for row in table.itertuples()]
        alt = w.say(
            "chart.lost_reasons.alt", finding=result.finding(), reasons=list_in_alt(said, w)
        )
        finish(drawn, result.finding(), alt)
    return drawn


def plot_lost_signals(result: LostSignals, *, ax: Axes | None = None) -> Axes:
    """Draw how many of the lost had shown each sign before, and how many while still buying."""
    if result.table.empty:
        return _draw_nothing(result.finding(), result.wording, ax)
    w, table = result.wording, result.table
    colours = [theme.NEUTRAL if code == "none" else _LATER for code in table["signal"]]
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 1.7 + 0.42 * max(len(table), 2))
        draw_bars(drawn, range(len(table)), table["customers"], colours, height=0.7)
        draw_bars(drawn, range(len(table)), table["still_buying"], theme.STOCK, height=0.7)
        labels = [_count_and_lead(w, row) for row in table.itertuples()]
        write_at_ends(drawn, table["customers"], labels)
        drawn.set_yticks(range(len(table)), [textwrap.fill(n, 32) for n in table["signal_name"]])
        only_horizontal_bars(drawn, len(table))
        total = len(result.lost.table)
        drawn.set_xlabel(w.say("chart.lost_signals.axis", lost=total), loc="left")
        key = [(theme.STOCK, "early"), (_LATER, "later")]
        key_above(drawn, [_patch(c, w.say(f"chart.lost_signals.{name}")) for c, name in key])
        said = [f"{row.signal_name}: {_count_and_lead(w, row)}" for row in table.itertuples()]
        alt = w.say(
            "chart.lost_signals.alt", finding=result.finding(), signals=list_in_alt(said, w)
        )
        finish(drawn, result.finding(), alt)
    return drawn


def plot_replacement(result: ReplacementResult, *, ax: Axes | None = None) -> Axes:
    """Draw one lost customer above the new customers it takes to replace it, in money."""
    if result.missing:
        return _draw_nothing(result.finding(), result.wording, ax)
    w = result.wording
    lost, new, each = (result.value(code) for code in ("value_each", "value_new", "new_each"))
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 3.1)
        drawn.barh(0, lost, height=0.62, color=theme.LOSS, edgecolor=theme.PAPER)
        _draw_blocks(drawn, lost, new)
        drawn.annotate(result.said("value_each"), (lost, 0), xytext=(5, 0),
                       textcoords="offset points", va="center", size=10)  # fmt: skip
        drawn.annotate(result.said("value_new"), (math.ceil(each) * new, 1), xytext=(5, 0),
                       textcoords="offset points", va="center", size=10)  # fmt: skip
        count = w.number(each, decimals=1)
        names = [w.say("chart.replacement.lost"), w.say("chart.replacement.new", new=count)]
        drawn.set_yticks([0, 1], names)
        only_horizontal_bars(drawn, 2)
        axis = w.say("chart.replacement.axis", unit=_unit(w, result.unit))
        drawn.set_xlabel(axis, loc="left")
        cost = w.say("chart.replacement.cost", cost=result.said("cost_total"))
        alt = w.say("chart.replacement.alt", finding=result.finding(), cost=cost,
                    each=result.said("value_each"), new=result.said("value_new"))  # fmt: skip
        finish(drawn, result.finding(), alt)
    return drawn


# --- parts -----------------------------------------------------------------------------------


def _draw_nothing(finding: str, wording: Wording, ax: Axes | None) -> Axes:
    """A figure that says in words why it is empty."""
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 1.5)
        drawn.set_axis_off()
        finish(drawn, finding, wording.say("chart.lost_nothing", finding=finding))
    return drawn


def _label_months(ax: Axes, months: pd.DataFrame, wording: Wording) -> None:
    """Name as many months as fit; where they do not end with a calendar month, say on which day."""
    step = max(1, math.ceil(len(months) / 9))
    step = next((even for even in (1, 2, 3, 6, 12) if even >= step), math.ceil(step / 12) * 12)
    # Counted from the last one, which is the one people look at.
    places = range((len(months) - 1) % step, len(months), step)
    ends = months["month_end"]
    ax.set_xticks(list(places), [wording.short_month(ends.iloc[p]) for p in places])
    last = ends.iloc[-1]
    at_month_end = (last + timedelta(days=1)).day == 1
    words = {} if at_month_end else {"day": int(last.day)}
    axis = wording.say(f"chart.lost_months.{'calendar' if at_month_end else 'month'}", **words)
    if len(months) <= _MOST_COUNTS:
        axis = wording.say("chart.lost_months.counted", axis=axis)
    ax.set_xlabel(axis, loc="left")


def _unit(wording: Wording, unit: str) -> str:
    """What values are in, with the sign of the currency where it is known."""
    named = wording.say(f"replacement.unit.{unit}")
    return f"{named} ({wording.currency_symbol})" if wording.currency else named


def _months_key(result: LostResult) -> Sequence[Patch]:
    w = result.wording
    silent = w.say("chart.lost_months.silent", days=result.losses.window)
    return [_patch(theme.LOSS, w.say("chart.lost_months.closed")), _patch(_SILENT, silent)]


def _patch(colour: str, label: str, hatch: str = "") -> Patch:
    from matplotlib.patches import Patch

    return Patch(facecolor=colour, edgecolor=theme.QUIET_INK, linewidth=0.5, label=label,
                 hatch=hatch)  # fmt: skip


def _fill(kind: str) -> str:
    return {"avoidable": theme.LOSS, "unavoidable": theme.RULE}.get(kind, _UNKNOWN)


def _hatch(kind: str) -> str:
    return "///" if kind == "unknown" else ""


def _value_and_count(wording: Wording, row: Any) -> str:
    money = wording.money(row.value_lost)
    return wording.say("chart.lost_reasons.bar", value=money, customers=int(row.customers))


def _count_and_lead(wording: Wording, row: Any) -> str:
    if row.median_days_before != row.median_days_before:
        return wording.number(int(row.customers))
    days = round(row.median_days_before)
    return wording.say("chart.lost_signals.bar", customers=int(row.customers), days=days)


def _draw_blocks(ax: Axes, lost: float, new: float) -> None:
    """New customers side by side until they cover the lost one; what is over is pale."""
    whole = int(lost // new)
    if whole > _MOST_BLOCKS:
        ax.barh(1, lost, height=0.62, color=theme.GAIN, edgecolor=theme.PAPER)
        return
    ax.barh([1] * whole, new, left=[new * place for place in range(whole)], height=0.62,
            color=theme.GAIN, edgecolor=theme.PAPER, linewidth=1.5)  # fmt: skip
    rest = lost - whole * new
    ax.barh(1, new, left=whole * new, height=0.62, color=theme.PAPER, edgecolor=theme.GAIN,
            linestyle=":", linewidth=1.2)  # fmt: skip
    ax.barh(1, rest, left=whole * new, height=0.62, color=theme.GAIN, edgecolor=theme.PAPER)
