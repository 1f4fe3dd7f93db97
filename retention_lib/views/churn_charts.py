"""Pictures of who leaves next: the gains curve, calibration, a leak, customers by risk."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from retention_lib.scoring._evaluation_bands import risk_bands
from retention_lib.scoring._evaluation_words import method_name
from retention_lib.views import theme
from retention_lib.views.drawing import (
    draw_bars,
    finish,
    key_above,
    list_in_alt,
    only_horizontal_bars,
    short_share,
    write_at_ends,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from retention_lib.results import Result
    from retention_lib.scoring._evaluation_results import CalibrationResult, GainsResult
    from retention_lib.scoring.evaluation import Scorecard
    from retention_lib.scoring.leak import LeakResult
    from retention_lib.wording import Wording

_BOXED: dict[str, Any] = {
    "frameon": True,
    "facecolor": theme.PAPER,
    "framealpha": 1.0,
    "edgecolor": theme.RULE,
    "fontsize": 9.5,
}


_CASE_COLOURS = {
    "leak_seen": theme.LOSS,
    "leak_used": theme.LOSS,
    "honest_seen": theme.KEPT,
    "honest_used": theme.KEPT,
}


def plot_gains(result: Scorecard | GainsResult, *, ax: Axes | None = None) -> Axes:
    """Draw the leavers reached by contacting the riskiest customers: model, rule, chance, best."""
    from retention_lib.scoring.evaluation import Scorecard

    card = result if isinstance(result, Scorecard) else result.card
    w, curve, rule = card.wording, card.curve, card.comparison.rule
    if "found_by_model" not in curve:
        return _say_only(card.finding(), ax)
    x, name = curve["share_contacted"], method_name(w, rule)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(8.6, 5.4)
        low, high = curve["found_by_model_low"], curve["found_by_model_high"]
        drawn.fill_between(x, low, high, label=w.say("chart.gains.range"), **theme.BAND)
        best = w.say("chart.gains.best")
        drawn.plot(
            x, curve["found_at_best"], color=theme.NEUTRAL, lw=1.2, ls=(0, (1, 2)), label=best
        )
        drawn.plot(
            x,
            curve["found_at_random"],
            color=theme.QUIET_INK,
            lw=1.2,
            ls=(0, (4, 3)),
            label=w.say("chart.gains.random"),
        )
        drawn.plot(x, curve["found_by_rule"], color=theme.LOSS, lw=2.2, ls=(0, (6, 2)), label=name)
        drawn.plot(
            x,
            curve["found_by_model"],
            color=theme.KEPT,
            lw=2.8,
            label=method_name(w, card.main),
        )
        _mark_told(drawn, card)
        drawn.set_xlim(0, 1)
        drawn.set_ylim(0, 1.02)
        _percent_axes(drawn, w)
        drawn.grid(color=theme.RULE, lw=0.6)
        drawn.set_xlabel(w.say("chart.gains.contacted"))
        drawn.set_ylabel(w.say("chart.gains.found"))
        handles, labels = drawn.get_legend_handles_labels()
        labels = [textwrap.fill(label, 34) for label in labels]
        drawn.legend(handles[::-1], labels[::-1], loc="lower right", **_BOXED)
        half = curve.iloc[50]
        alt = w.say(
            "chart.gains.alt",
            finding=card.finding(),
            model=short_share(w, float(half["found_by_model"])),
            rule=short_share(w, float(half["found_by_rule"])),
        )
        finish(drawn, card.finding(), alt)
    return drawn


def plot_calibration(result: CalibrationResult, *, ax: Axes | None = None) -> Axes:
    """Draw the share that left against the probability said, with ranges and the line of truth."""
    w, table = result.wording, result.table
    if table.empty:
        return _say_only(result.finding(), ax)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(8.0, 5.4)
        top = min(1.0, 1.08 * float(table[["predicted", "observed_high"]].max().max()))
        right = w.say("chart.calibration.right")
        drawn.plot([0, 1], [0, 1], color=theme.QUIET_INK, lw=1.2, ls=(0, (4, 3)), label=right)
        seen = table["observed"]
        label = _say_sizes(w, int(table["customers"].min()), int(table["customers"].max()))
        drawn.errorbar(
            table["predicted"],
            seen,
            yerr=[seen - table["observed_low"], table["observed_high"] - seen],
            fmt="o",
            ms=7,
            color=theme.KEPT,
            ecolor=theme.KEPT,
            elinewidth=1.6,
            capsize=4,
            label=label,
        )
        drawn.set_xlim(0, top)
        drawn.set_ylim(-0.02 * top, 1.02 * top)
        _percent_axes(drawn, w)
        drawn.grid(color=theme.RULE, lw=0.6)
        drawn.set_xlabel(w.say("chart.calibration.predicted"))
        drawn.set_ylabel(w.say("chart.calibration.observed"))
        drawn.legend(loc="upper left", **_BOXED)
        said = [
            w.say(
                "chart.calibration.one",
                predicted=short_share(w, float(row.predicted)),
                observed=short_share(w, float(row.observed)),
                customers=int(row.customers),
            )
            for row in table.itertuples()
        ]
        alt = w.say("chart.calibration.alt", groups=list_in_alt(said, w), finding=result.sentence())
        finish(drawn, result.finding(), alt)
    return drawn


def plot_leak(result: LeakResult, *, ax: Axes | None = None) -> Axes:
    """Draw the leavers' revenue that each case finds, with its range: promised and real."""
    w, table = result.wording, result.table
    if table.empty:
        return _say_only(result.finding(), ax)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 4.2)
        found = table["revenue_found"]
        places = [0.0, 1.0, 2.3, 3.3]
        drawn.barh(
            places,
            found,
            height=0.7,
            color=[_CASE_COLOURS[code] for code in table["case_code"]],
            hatch=["//" if code.endswith("_seen") else "" for code in table["case_code"]],
            edgecolor=theme.PAPER,
            linewidth=0,
        )
        drawn.errorbar(
            found,
            places,
            xerr=[found - table["revenue_found_low"], table["revenue_found_high"] - found],
            fmt="none",
            ecolor=theme.INK,
            elinewidth=1.4,
            capsize=4,
        )
        labels = [
            w.say(
                "chart.leak.label",
                revenue=w.money(float(row.revenue_found)),
                auc=w.percent(float(row.auc), decimals=0),
            )
            for row in table.itertuples()
        ]
        for place, label, high in zip(places, labels, table["revenue_found_high"], strict=True):
            drawn.annotate(
                label,
                (high, place),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                size=9.5,
            )
        drawn.set_yticks(places, list(table["case"]))
        drawn.set_ylim(3.9, -0.6)
        drawn.tick_params(axis="y", length=0)
        drawn.set_xticks([])
        drawn.set_xlim(0, float(table["revenue_found_high"].max()) * 1.02 or 1.0)
        drawn.spines[["top", "right", "bottom"]].set_visible(False)
        drawn.set_xlabel(w.say("chart.leak.found"), loc="left")
        said = [f"{name}: {label}" for name, label in zip(table["case"], labels, strict=True)]
        alt = w.say("chart.leak.alt", cases=list_in_alt(said, w), finding=result.sentence())
        finish(drawn, result.finding(), alt)
    return drawn


def plot_scores(result: Result, *, ax: Axes | None = None) -> Axes:
    """Draw how many customers, and how much of the annual revenue, lie in each band of risk.

    Takes a result whose table has ``churn_probability`` and ``annual_revenue``.
    """
    from matplotlib.patches import Patch

    w, bands = result.wording, risk_bands(result.table)
    if not len(result.table):
        return _say_only(w.say("chart.risk.empty"), ax)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 4.6)
        places = range(len(bands))
        crowd, money = bands["share_of_customers"], bands["share_of_revenue"].fillna(0.0)
        draw_bars(drawn, [p - 0.19 for p in places], crowd, theme.KEPT)
        draw_bars(drawn, [p + 0.19 for p in places], money, theme.SERIES[3])
        counts, amounts = zip(*(_band_labels(w, row) for row in bands.itertuples()), strict=True)
        write_at_ends(drawn, crowd, counts, offset=-0.19)
        write_at_ends(drawn, money, amounts, offset=0.19)
        names = [_band_name(w, row) for row in bands.itertuples()]
        drawn.set_yticks(list(places), names)
        only_horizontal_bars(drawn, len(bands))
        drawn.set_ylabel(w.say("chart.risk.axis"))
        key_above(
            drawn,
            [
                Patch(facecolor=theme.KEPT, label=w.say("chart.risk.customers")),
                Patch(
                    facecolor=theme.SERIES[3],
                    edgecolor=theme.QUIET_INK,
                    lw=0.5,
                    label=w.say("chart.risk.revenue"),
                ),
            ],
        )
        said = [
            ", ".join(filter(None, (f"{name}: {count}", amount)))
            for name, count, amount in zip(names, counts, amounts, strict=True)
        ]
        title = _risk_title(result, w)
        alt = w.say("chart.risk.alt", bands=list_in_alt(said, w), finding=title)
        finish(drawn, title, alt)
    return drawn


def _mark_told(drawn: Axes, card: Scorecard) -> None:
    """A line at the share of customers that the title speaks of, and the points it is about."""
    share = card.told_share
    row = card.curve.iloc[round(100 * share)]
    top = max(row["found_by_model"], row["found_by_rule"])
    drawn.plot([share, share], [0, top], color=theme.QUIET_INK, lw=1.0, zorder=1)
    for column, colour in (("found_by_rule", theme.LOSS), ("found_by_model", theme.KEPT)):
        drawn.plot([share], [row[column]], "o", ms=7, color=colour, mec=theme.PAPER, zorder=5)


def _say_sizes(wording: Wording, smallest: int, largest: int) -> str:
    """How many customers a point of the calibration chart stands for."""
    key = "alike" if largest - smallest < 2 else "groups"
    return wording.say(f"chart.calibration.{key}", smallest=smallest, largest=largest)


def _band_labels(wording: Wording, row: Any) -> tuple[str, str]:
    """Customers and revenue of a band of risk in words."""
    if not row.customers:
        return wording.say("chart.risk.nobody"), ""
    customers = wording.say(
        "chart.risk.customers_label",
        customers=int(row.customers),
        share=short_share(wording, float(row.share_of_customers)),
        leavers=round(row.expected_leavers),
    )
    revenue = wording.say(
        "chart.risk.revenue_label",
        revenue=wording.money(float(row.revenue)),
        share=short_share(wording, float(row.share_of_revenue)),
    )
    return customers, revenue


def _risk_title(result: Result, wording: Wording) -> str:
    risk = result.table["churn_probability"]
    likely = risk > 0.5
    key = "chart.risk.title" if likely.any() else "chart.risk.title_none"
    return wording.say(
        key,
        expected=round(float(risk.sum())),
        customers=len(risk),
        many=int(likely.sum()),
        revenue=wording.money(float(result.table.loc[likely, "annual_revenue"].sum())),
    )


def _band_name(wording: Wording, row: Any) -> str:
    low = wording.percent(row.from_probability, decimals=0)
    if row.to_probability == 1:
        return wording.say("chart.risk.above", low=low)
    high = wording.percent(row.to_probability, decimals=0)
    return wording.say("chart.risk.band", low=low, high=high)


def _percent_axes(drawn: Axes, wording: Wording) -> None:
    for axis in (drawn.xaxis, drawn.yaxis):
        axis.set_major_formatter(lambda value, _: wording.percent(value, decimals=0))


def plot_nothing(result: Result, *, ax: Axes | None = None) -> Axes:
    """A figure that says why there is no forecast to draw."""
    return _say_only(result.sentence(), ax)


def _say_only(words: str, ax: Axes | None) -> Axes:
    """A figure that says in words why there is nothing to draw."""
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(8.6, 1.2 + 0.3 * (1 + len(words) // 70))
        drawn.set_axis_off()
        finish(drawn, words, words)
    return drawn
