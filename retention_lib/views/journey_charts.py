"""Pictures of journeys: who is in each, what each contact earns, how retention is steered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention_lib.views import theme
from retention_lib.views.drawing import (
    finish,
    key_above,
    list_in_alt,
    only_horizontal_bars,
    say_only,
    write_at_ends,
)
from retention_lib.wording import with_minus

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from retention_lib.decisions._journey_results import JourneyCounts, StepsResult
    from retention_lib.decisions._journey_steering import KeptResult, SteeringResult
    from retention_lib.decisions.journeys import JourneysResult
    from retention_lib.wording import Wording

_MOST_STEPS = 14
_COLOURS = {
    "welcome": theme.GAIN,
    "prevention": theme.STOCK,
    "hot": theme.LOSS,
    "cold": theme.LOSS,
    "win_back": theme.GAIN,
    "develop": theme.STOCK,
    "nurture": theme.STOCK,
    "rest": theme.NEUTRAL,
}


def _tick(money: float, w: Wording) -> str:
    """An amount at an axis, with cents where the axis is that fine."""
    return with_minus(w.number(money, decimals=0 if float(money).is_integer() else 2))


def plot_journeys(result: JourneysResult | JourneyCounts, *, ax: Axes | None = None) -> Axes:
    """Draw how many customers are in each journey, with what is at stake beside each bar."""
    counts: JourneyCounts = result.counts() if hasattr(result, "counts") else result
    w, table = counts.wording, counts.table
    if not table["customers"].sum():
        return say_only(counts.of.finding(), ax, w)
    names, customers = table["journey"].tolist(), table["customers"]
    stakes = [w.money(float(value)) for value in table["at_stake"]]
    labels = [
        w.say("journeys.chart.bar", customers=int(many), stake=stake)
        if many and code != "rest"
        else w.number(int(many))
        for many, stake, code in zip(customers, stakes, table["journey_code"], strict=True)
    ]
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.2, 4.6)
        drawn.barh(
            range(len(table)),
            customers,
            height=0.62,
            color=[_COLOURS[code] for code in table["journey_code"]],
        )
        write_at_ends(drawn, customers, labels)
        drawn.set_yticks(range(len(table)), names)
        only_horizontal_bars(drawn, len(table))
        measure = w.say(f"journeys.chart.measure.{counts.of.facts.measure}")
        drawn.set_xlabel(w.say("journeys.chart.axis", horizon=counts.of.horizon, measure=measure))
        title = counts.title()
        parts = [
            w.say("journeys.chart.alt_part", journey=name, customers=int(many), stake=stake)
            for name, many, stake in zip(names, customers, stakes, strict=True)
        ]
        finish(drawn, title, w.say("journeys.chart.alt", title=title, parts=list_in_alt(parts, w)))
    return drawn


def plot_steps(result: StepsResult, *, ax: Axes | None = None) -> Axes:
    """Draw what each contact earns on average, with the range of its rate, the best first."""
    from matplotlib.lines import Line2D

    w, contacts = result.wording, result.contacts
    if contacts.empty:
        return say_only(result.finding(), ax, w)
    shown = contacts.nlargest(_MOST_STEPS, "step_profit", keep="first").reset_index(drop=True)
    profit = shown["step_profit"].to_numpy(dtype=float)
    ends = shown[["profit_low", "profit_high"]].to_numpy(dtype=float)
    measured = shown["is_measured"].to_numpy(dtype=bool)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.4, 1.9 + 0.34 * len(shown))
        places = np.arange(len(shown))
        colours = np.where(profit > 0, theme.GAIN, theme.LOSS)
        drawn.axvline(0, color=theme.QUIET_INK, lw=1.0)
        drawn.hlines(places, ends[:, 0], ends[:, 1], colors=list(colours), lw=2.0)
        for own, face in ((True, None), (False, theme.PAPER)):
            some = measured == own
            drawn.scatter(
                profit[some],
                places[some],
                s=54,
                zorder=3,
                facecolors=list(colours[some]) if face is None else face,
                edgecolors=list(colours[some]),
                linewidths=1.8,
            )
        drawn.set_yticks(
            places,
            [
                w.say("journeys.steps.chart.row", step=row.journey_step, journey=row.journey)
                for row in shown.itertuples()
            ],
        )
        drawn.set_ylim(len(shown) - 0.4, -0.6)
        drawn.xaxis.set_major_formatter(lambda money, _: _tick(money, w))
        unit = f" ({w.currency_symbol})" if w.currency_symbol else ""
        drawn.set_xlabel(w.say("journeys.steps.chart.axis", unit=unit))
        handles = [
            Line2D(
                [],
                [],
                marker="o",
                ls="",
                ms=7.5,
                mec=theme.QUIET_INK,
                mew=1.8,
                mfc=face,
                label=w.say(f"journeys.steps.chart.{name}"),
            )
            for own, face, name in (
                (True, theme.QUIET_INK, "measured"),
                (False, theme.PAPER, "assumed"),
            )
            if bool((measured == own).any())
        ]
        key_above(drawn, handles)  # type: ignore[arg-type]
        title = result.title()
        parts = [
            w.say(
                "journeys.steps.chart.alt_part",
                step=row.journey_step,
                profit=w.money(float(row.step_profit), decimals=2),
                low=w.money(float(row.profit_low), decimals=2),
                high=w.money(float(row.profit_high), decimals=2),
            )
            for row in shown.itertuples()
        ]
        alt = w.say("journeys.steps.chart.alt", title=title, parts=list_in_alt(parts, w))
        finish(drawn, _with_number_shown(title, len(shown), len(contacts), w), alt)
    return drawn


def _with_number_shown(title: str, shown: int, steps: int, w: Any) -> str:
    if shown == steps:
        return title
    return f"{title} ({w.say('journeys.steps.chart.shown', shown=shown, steps=steps)})"


def plot_steering(result: SteeringResult, *, ax: Axes | None = None) -> Axes:
    """Draw the share of active customers lost month by month, with its range."""
    w, table = result.wording, result.table
    known = table[table["lost_rate"].notna()]
    if known.empty:
        return say_only(result.finding(), ax, w)
    places = np.arange(len(known))
    rate = known["lost_rate"].to_numpy(dtype=float)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.2, 5.0)
        drawn.errorbar(
            places,
            rate,
            yerr=np.abs(known[["lost_low", "lost_high"]].to_numpy(dtype=float).T - rate),
            fmt="none",
            ecolor=theme.NEUTRAL,
            elinewidth=3.0,
            label=w.say("steering.chart.band"),
        )
        drawn.plot(
            places,
            rate,
            color=theme.LOSS,
            lw=2.4,
            marker="o",
            ms=5,
            label=w.say("steering.chart.lost"),
        )
        closed = known["closing_rate"].to_numpy(dtype=float)
        if np.isfinite(closed).any():
            drawn.plot(
                places,
                closed,
                color=theme.INK,
                lw=1.6,
                ls=(0, (5, 2)),
                label=w.say("steering.chart.closed"),
            )
        mean = result.mean_rate
        drawn.axhline(
            mean,
            color=theme.QUIET_INK,
            lw=1.0,
            ls=(0, (1.5, 1.8)),
            label=w.say("steering.chart.mean", rate=w.percent(mean)),
        )
        every = max(1, -(-len(known) // 8))
        said = [w.short_month(_first(number)) for number in known["number"]]
        drawn.set_xticks(places[::every], said[::every])
        drawn.set_xlim(-0.6, len(known) - 0.4)
        drawn.set_ylim(bottom=0)
        drawn.yaxis.set_major_formatter(lambda part, _: w.percent(part))
        drawn.set_ylabel(w.say("steering.chart.axis"))
        drawn.legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2, fontsize=10
        )
        title = result.title()
        parts = [f"{month} {w.percent(float(one))}" for month, one in zip(said, rate, strict=True)]
        finish(drawn, title, w.say("steering.chart.alt", title=title, parts=list_in_alt(parts, w)))
    return drawn


def _first(number: int) -> Any:
    """The first day of a month, from its number."""
    from datetime import date

    return date(int(number) // 12, int(number) % 12 + 1, 1)


def plot_kept(result: KeptResult, *, ax: Axes | None = None) -> Axes:
    """Draw who is still a customer, of those spoken with and of the others."""
    w, table = result.wording, result.table
    if table.empty or not table["customers"].sum():
        return say_only(result.finding(), ax, w)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.2, 1.7 + 0.5 * len(table))
        said = []
        for place, row in enumerate(table.itertuples()):
            colour = theme.STOCK if row.reached else theme.NEUTRAL
            if row.kept_share == row.kept_share:
                drawn.plot([row.kept_low, row.kept_high], [place, place], color=colour, lw=3.4)
                drawn.plot([row.kept_share], [place], "o", color=colour, ms=9)
                share = w.percent(float(row.kept_share), decimals=0)
                words = w.say("steering.kept.of", share=share, customers=int(row.customers))
                at = float(row.kept_high)
            else:
                words = w.say(
                    "steering.kept.few", kept=int(row.still_there), customers=int(row.customers)
                )
                at = 0.0
            drawn.annotate(
                words, (at, place), xytext=(7, 0), textcoords="offset points", va="center", size=10
            )
            name = w.say("steering.kept.row", journey=row.journey, reached=row.was_reached)
            said.append((name, words))
        drawn.set_yticks(range(len(table)), [name for name, _ in said])
        drawn.set_ylim(len(table) - 0.4, -0.6)
        drawn.set_xlim(0, 1)
        drawn.xaxis.set_major_formatter(lambda part, _: w.percent(part, decimals=0))
        drawn.set_xlabel(w.say("steering.kept.axis", days=result.judged_after))
        title = w.say("steering.kept.title")
        parts = list_in_alt([f"{name} {words}" for name, words in said], w)
        finish(drawn, title, w.say("steering.kept.alt", title=title, parts=parts))
    return drawn
