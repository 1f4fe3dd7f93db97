"""The files beside the report: one row a customer, the actions, the key figures.

Each part is worked out on its own; what this base does not allow stays empty and is told, and the
rest is written all the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from retention_lib import filing
from retention_lib.errors import RetentionError
from retention_lib.masking import IDENTIFYING, TELLING, mask_frame, masks
from retention_lib.views import _report_kernel, _report_metrics
from retention_lib.wording import Wording, safe_cell

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.base.customer_base import CustomerBase
    from retention_lib.portfolio.calendar_periods import Period

COLUMNS = (
    "customer_id",
    "name",
    "contactable",
    "segment",
    "type",
    "signals",
    "churn_probability",
    "reasons",
    "p_alive",
    "clv",
    "clv_low",
    "clv_high",
    "value_at_risk",
    "journey",
    "why",
)
"""Columns of the list of customers, in their order."""

_KINDS = {
    "churn_probability": "percent",
    "p_alive": "percent",
    **dict.fromkeys(("clv", "clv_low", "clv_high", "value_at_risk"), "money"),
}
_DECIMALS = {"percent": 4, "money": 2}
PLAN_BUDGET = 1_000
PLAN_HOURS = 2
"""What chapter 08 plans with; its own plan is taken where the chapter has run."""

T = TypeVar("T")


@dataclass
class Results:
    """What the files are made of, each worked out once, or taken from the chapters."""

    base: CustomerBase
    kept: Mapping[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def tried(self, work: Callable[[], T]) -> T | None:
        """What ``work`` gives; nothing, and a line among the problems, where it cannot be done."""
        try:
            return work()
        except RetentionError as error:
            said = str(error)
        except Exception as error:  # the other files must still be written
            said = f"{type(error).__name__}: {error}"
        if said not in self.problems:
            self.problems.append(said)
        return None

    def _of(self, name: str, work: Callable[[], Any]) -> Any:
        return self.kept[name] if name in self.kept else self.tried(work)

    @cached_property
    def rfm(self) -> Any:
        from retention_lib.portfolio.rfm import score_rfm

        return self._of("rfm", lambda: score_rfm(self.base))

    @cached_property
    def types(self) -> Any:
        from retention_lib.portfolio.typology import find_types

        return self._of("types", lambda: find_types(self.base))

    @cached_property
    def window(self) -> Any:
        from retention_lib.portfolio.window import measure_window

        return self.tried(lambda: measure_window(self.base))

    @property
    def measured(self) -> CustomerBase:
        """The base under the window that fits it, as chapters 02 and 04 see it."""
        return self.base if self.window is None else self.window.base

    @cached_property
    def signals(self) -> Any:
        from retention_lib.portfolio.signals import find_signals

        return self._of("signals", lambda: find_signals(self.measured))

    @cached_property
    def model(self) -> Any:
        from retention_lib.scoring.churn import fit_churn

        return self._of("model", lambda: fit_churn(self.base, too_little="say"))

    @cached_property
    def scores(self) -> Any:
        return self._of("scores", lambda: self.model.score(self.base)) if self.model else None

    @cached_property
    def value(self) -> Any:
        from retention_lib.scoring.lifetime import value_customers

        return self._of("value", lambda: value_customers(self.base))

    @cached_property
    def risk(self) -> Any:
        if self.value is None or self.scores is None or self.scores.table.empty:
            return None  # without a forecast nothing is known to be at risk, which is not nothing
        return self._of("risk", lambda: self.value.at_risk(self.scores))

    @cached_property
    def journeys(self) -> Any:
        from retention_lib.decisions.journeys import assign_journeys

        return self._of("journeys", lambda: assign_journeys(self.base))

    @cached_property
    def plan(self) -> Any:
        from retention_lib.decisions.plan import make_plan

        return self._of(
            "plan",
            lambda: make_plan(
                self.base, budget=PLAN_BUDGET, hours_per_week=PLAN_HOURS, facts=self.journeys
            ),
        )

    @cached_property
    def flows(self) -> Any:
        from retention_lib.portfolio.flows import measure_flows

        period: Period = "year" if self.window is None else self.window.period
        return self._of("flows", lambda: measure_flows(self.measured, period=period))

    @cached_property
    def gain(self) -> Any:
        from retention_lib.decisions.five_points import five_points

        return self._of("gain", lambda: five_points(self.base))


def write_files(folder: str, *, masked: bool | None = None) -> str:
    """Write all files of the loaded base into ``folder``; gives their names and the problems.

    As JSON, for whoever reads it from the other side of a kernel.
    """
    from retention_lib.base.opening import open_base

    results = Results(open_base(), dict(_report_kernel.kept))
    place, written = Path(folder), list[str]()

    def put(*names: str, work: Callable[[], object]) -> None:
        if results.tried(lambda: (work(), True)):
            written.extend(names)

    customers = results.tried(lambda: customers_frame(results, masked=masked))
    wording = results.base.wording
    if customers is not None:
        put("customers.csv", work=lambda: write_csv(customers, place / "customers.csv", wording))
        put("customers.xlsx", work=lambda: write_xlsx(customers, place / "customers.xlsx", wording))
    if results.plan is not None:
        put(
            "actions.xlsx",
            work=lambda: results.plan.to_excel(place / "actions.xlsx", masked=masked),
        )
    put("metrics.json", work=lambda: _report_metrics.write(results, place / "metrics.json"))
    return json.dumps({"written": written, "problems": results.problems})


# --- one row a customer ------------------------------------------------------------------------


def customers_frame(results: Results, *, masked: bool | None = None) -> pd.DataFrame:
    """One row a customer with all that is known of it, the most valuable first.

    Columns are :data:`COLUMNS`, those that this base cannot fill left out.
    """
    frame = _everybody(results)
    for result, names in (
        (results.rfm, ("segment",)),
        (results.types, ("type",)),
        (results.scores, ("churn_probability", "reasons")),
        (results.value, ("p_alive", "clv", "clv_low", "clv_high")),
        (results.risk, ("value_at_risk",)),
    ):
        if result is not None:
            frame = _joined(frame, result.table, names)
    frame = _with_consent(_with_signals(frame, results.signals), results.base)
    # A column that nothing could fill would look like an answer.
    empty = [name for name in frame if name != "signals" and frame[name].isna().all()]
    frame = frame.drop(columns=empty)
    if "clv" in frame:
        frame = frame.sort_values(["clv", "customer_id"], ascending=[False, True])
    else:
        frame = frame.sort_values("customer_id")
    frame = frame[[name for name in COLUMNS if name in frame]].reset_index(drop=True)
    if masks(masked):
        word = results.base.wording.say("mask.customer")
        frame = mask_frame(frame, IDENTIFYING, word=word)
        frame = frame.drop(columns=[name for name in TELLING if name in frame])
    return frame


def _everybody(results: Results) -> pd.DataFrame:
    """Every customer once: those of the journeys, where everybody is in exactly one."""
    import pandas as pd

    journeys = results.journeys
    if journeys is not None:
        wanted = [name for name in COLUMNS if name in journeys.table]
        # A name and a journey are what this table knows best; whom it does not know to have
        # refused, it takes to have agreed.
        others = ("churn_probability", "reasons", "contactable")
        ours = [name for name in wanted if name not in others]
        return journeys.table[ours].copy()
    for result in (results.value, results.rfm):
        if result is not None:
            names = [name for name in ("customer_id", "name") if name in result.table]
            return result.table[names].drop_duplicates("customer_id")
    return pd.DataFrame({"customer_id": pd.Series(dtype=str)})


def _joined(frame: pd.DataFrame, table: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    there = [name for name in names if name in table]
    own = table[["customer_id", *there]].drop_duplicates("customer_id")
    return frame.merge(own, on="customer_id", how="left", validate="one_to_one")


def _with_signals(frame: pd.DataFrame, signals: Any) -> pd.DataFrame:
    """The signs each customer shows, in words, in one cell."""
    if signals is None:
        return frame
    shown = signals.table.groupby("customer_id", sort=False)["signal"].agg(
        lambda names: "; ".join(dict.fromkeys(map(str, names)))
    )
    return frame.assign(signals=frame["customer_id"].map(shown).fillna("").astype(object))


def _with_consent(frame: pd.DataFrame, base: CustomerBase) -> pd.DataFrame:
    """Who may be contacted, as the file of customers states it, which may be nothing."""
    if not base.has("customers", "contactable"):
        return frame
    told = base.to_pandas("customers")[["customer_id", "contactable"]].dropna()
    # Who is on file twice and refused once has refused.
    agreed = told.astype({"contactable": bool}).groupby("customer_id")["contactable"].min()
    said = frame["customer_id"].map(agreed).astype(object)
    return frame.assign(contactable=said.where(said.notna(), "unknown"))


def in_words(frame: pd.DataFrame, wording: Wording) -> tuple[pd.DataFrame, dict[str, str]]:
    """The table under the headings people read, and how the cells under each are written."""
    shown = frame.copy()
    if "contactable" in shown:
        words: dict[object, str] = {
            True: wording.say("table.yes"),
            False: wording.say("table.no"),
            "unknown": wording.say("report.consent_unknown"),
        }
        shown["contactable"] = shown["contactable"].map(words)
    headings = {name: wording.say(f"report.heading.{name}") for name in shown.columns}
    kinds = {headings[name]: _KINDS.get(name, "text") for name in shown.columns}
    return shown.rename(columns=headings), kinds


def write_csv(frame: pd.DataFrame, place: Path, wording: Wording) -> None:
    """The customers as CSV: UTF-8 with a byte-order mark, in French with ``;`` and ``,``."""
    shown, kinds = in_words(frame, wording)
    for name, kind in kinds.items():
        if kind in _DECIMALS:
            shown[name] = shown[name].astype(float).round(_DECIMALS[kind])
        else:
            shown[name] = shown[name].astype(object).map(safe_cell)
    shown.columns = [safe_cell(str(name)) for name in shown.columns]
    with filing.written(place) as beside:
        shown.to_csv(beside, **filing.csv_form(wording.language))


def write_xlsx(frame: pd.DataFrame, place: Path, wording: Wording) -> None:
    """The customers as an Excel sheet: texts that are never formulas, numbers that are numbers."""
    from retention_lib.decisions._plan_files_sheets import ROWS, Sheets

    shown, kinds = in_words(frame, wording)
    with filing.written(place) as beside, filing.excel_book(beside) as book:
        book.set_properties({"title": wording.say("report.sheet")})
        sheets = Sheets(book, wording)
        for start in range(0, max(len(shown), 1), ROWS):
            part = shown.iloc[start : start + ROWS]
            sheet = sheets.add(wording.say("report.sheet"))
            sheets.table(sheet, part, kinds=kinds)
            sheet.freeze_panes(1, 2)
            sheet.autofilter(0, 0, max(len(part), 1), len(shown.columns) - 1)
            sheet.repeat_rows(0)
