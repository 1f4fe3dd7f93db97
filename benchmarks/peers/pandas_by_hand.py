"""Pandas by hand: vectorised throughout, texts in Arrow, days collapsed once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from peers import _figures as figures

EPOCH = pd.Timestamp("1970-01-01")


def _days(given: Any, clock: Any) -> pd.DataFrame:
    """One row a customer and day: ``customer_id, day, net``."""
    with clock("opening"):
        lines = pd.read_parquet(given.lines, columns=["customer_id", "date", "amount"])
    with clock("question"):
        day = pd.to_datetime(lines["date"]).to_numpy().astype("datetime64[D]").astype(np.int64)
        code, names = pd.factorize(lines["customer_id"], sort=True)
        # One whole number a customer and day is far quicker to group by than the two.
        key = code.astype(np.int64) * 100_000 + day
        net = lines["amount"].groupby(key, sort=True).sum().round(2)
        place = net.index.to_numpy()
        table = pd.DataFrame(
            {"code": place // 100_000, "day": place % 100_000, "net": net.to_numpy()}
        )
        table.attrs["names"] = names
    return table


def _ids(days: pd.DataFrame, codes: Any) -> Any:
    return days.attrs["names"].take(np.asarray(codes))


def rfm(given: Any, clock: Any) -> dict[str, float]:
    """Measures, cut points by ``np.quantile``, scores by ``searchsorted``, segments by a merge."""
    days = _days(given, clock)
    with clock("question"):
        bought = days[days["net"] > 0].groupby("code")["day"].agg(["max", "size"])
        spent = days.groupby("code")["net"].sum().round(2).reindex(bought.index)
        table = pd.DataFrame(
            {
                "customer_id": _ids(days, bought.index),
                "recency_days": days["day"].max() - bought["max"].to_numpy(),
                "frequency": bought["size"].to_numpy(),
                "monetary": spent.to_numpy(),
            }
        )
        for measure, score in (("recency_days", "r"), ("frequency", "f"), ("monetary", "m")):
            cuts = np.quantile(table[measure], [0.2, 0.4, 0.6, 0.8])
            level = 1 + np.searchsorted(cuts, table[measure])
            table[score] = 6 - level if score == "r" else level
        cells = pd.read_parquet(given.cells)
        table = table.merge(cells, on=["r", "f", "m"], how="left")
    return figures.of_rfm(table)


def summary(given: Any, clock: Any) -> dict[str, float]:
    """Two group-bys."""
    days = _days(given, clock)
    with clock("question"):
        last = days["day"].max()
        good = days[days["net"] > 0]
        table = good.groupby("code").agg(
            first=("day", "min"), last=("day", "max"), n=("day", "size"), gross=("net", "sum")
        )
        recent = days["day"] > last - 365
        table["revenue"] = days.groupby("code")["net"].sum()
        table["year_revenue"] = days[recent].groupby("code")["net"].sum()
        table["year_purchases"] = good[good["day"] > last - 365].groupby("code").size()
        table = table.fillna({"year_revenue": 0.0, "year_purchases": 0})
        table["customer_id"] = _ids(days, table.index)
        table["repeat_purchases"] = table["n"] - 1
        table["purchase_span_days"] = table["last"] - table["first"]
        table["age_days"] = last - table["first"]
    return figures.of_summary(table)


def cohorts(given: Any, clock: Any) -> dict[str, float]:
    """Months of each customer, then cohorts and ages."""
    days = _days(given, clock)
    with clock("question"):
        month = days["day"].to_numpy().astype("datetime64[D]").astype("datetime64[M]")
        days["at"] = month.astype(np.int64)
        days["bought"] = days["net"] > 0
        months = days.groupby(["code", "at"], sort=False).agg(
            bought=("bought", "any"), revenue=("net", "sum")
        )
        months = months.reset_index()
        first = months[months["bought"]].groupby("code")["at"].min().rename("cohort")
        months = months.join(first, on="code", how="inner")
        months["age"] = months["at"] - months["cohort"]
        placed = months[months["age"] >= 0]
        table = placed.groupby(["cohort", "age"], as_index=False).agg(
            customers=("bought", "sum"), revenue=("revenue", "sum")
        )
    return figures.of_cohorts(table)


def snapshots(given: Any, clock: Any) -> dict[str, float]:
    """The days once, then each date from those up to it."""
    days = _days(given, clock)
    with clock("question"):
        panel = panel_of(days, given.dates, given.horizon)
    return figures.of_snapshots(panel)


def panel_of(days: pd.DataFrame, dates: list[str], horizon: int) -> pd.DataFrame:
    """The features of several dates, one below the other."""
    days["gap"] = days["day"].where(days["net"] > 0)
    good = days["net"] > 0
    days.loc[good, "gap"] = days[good].groupby("code")["day"].diff()
    days.loc[~good, "gap"] = np.nan
    parts = [one_date(days, (pd.Timestamp(said) - EPOCH).days, horizon) for said in dates]
    return pd.concat(parts, ignore_index=True)


def one_date(days: pd.DataFrame, t: int, horizon: int) -> pd.DataFrame:
    """The features of one date, all but those of a purchase model."""
    known = days[days["day"] <= t]
    good, bad = known[known["net"] > 0], known[known["net"] < 0]
    table = good.groupby("code").agg(
        first=("day", "min"),
        last=("day", "max"),
        purchases_total=("day", "size"),
        ever=("net", "sum"),
        mean_gap_days=("gap", "mean"),
        gap_sd=("gap", "std"),
    )
    gross = {}
    for window in figures.WINDOWS:
        recent = good[good["day"] > t - window].groupby("code")["net"].agg(["size", "sum"])
        back = bad[bad["day"] > t - window].groupby("code")["net"].sum()
        recent = recent.reindex(table.index, fill_value=0)
        gross[window] = recent["sum"]
        table[f"purchases_{window}"] = recent["size"]
        table[f"refunds_{window}"] = -back.reindex(table.index, fill_value=0.0)
        table[f"spend_{window}"] = (gross[window] - table[f"refunds_{window}"]).round(2)
    season = good[(good["day"] > t - 365) & (good["day"] <= t - 365 + horizon)]
    table["purchases_same_season"] = (
        season.groupby("code").size().reindex(table.index, fill_value=0)
    )
    return _ratios(days, table, gross, t, horizon)


def _ratios(days: Any, table: Any, gross: dict[int, Any], t: int, horizon: int) -> Any:
    nothing = np.nan
    table["recency_days"] = t - table["last"]
    table["tenure_days"] = t - table["first"]
    table["eligible"] = table["last"] > t - 365
    table["refund_share"] = table["refunds_365"] / gross[365].replace(0, nothing)
    table["gap_spread"] = table["gap_sd"] / table["mean_gap_days"]
    base_gap = round(table["mean_gap_days"].mean(), 6)
    usual = (table["last"] - table["first"] + 2 * base_gap) / (table["purchases_total"] + 1)
    table["overdue_ratio"] = table["recency_days"] / usual
    bought, lately = table["purchases_365"], table["purchases_90"]
    ever = table["ever"] / table["purchases_total"]
    table["basket"] = (gross[365] / bought.replace(0, nothing)).fillna(ever)
    lived = (t - table["first"] + 1).clip(upper=365) - 90
    before = lived.where(lived >= 30)
    refunded = table["refunds_365"] - table["refunds_90"]
    spent = (gross[90] - table["refunds_90"]).clip(lower=0).round(2)
    spent_before = (gross[365] - gross[90] - refunded).round(2).clip(lower=0)
    sides = {
        "purchases_trend": (lately / 90, (bought - lately) / before),
        "spend_trend": (spent / 90, spent_before / before),
        "basket_trend": (
            gross[90] / lately.replace(0, nothing),
            (gross[365] - gross[90]) / (bought - lately).replace(0, nothing),
        ),
    }
    for name, (now, then) in sides.items():
        table[name] = (now - then) / (now + then).replace(0, nothing)
    table["churned"] = nothing
    if t + horizon <= days["day"].max():
        after = days[(days["day"] > t) & (days["day"] <= t + horizon) & (days["net"] > 0)]
        gone = ~table.index.isin(after["code"].unique())
        table["churned"] = pd.Series(gone.astype(float), table.index).where(table["eligible"])
    table["customer_id"] = _ids(days, table.index)
    table["date"] = EPOCH + pd.Timedelta(days=t)
    return table.drop(columns=["first", "last", "ever", "gap_sd"])


def import_csv(given: Any, clock: Any) -> dict[str, float]:
    """``read_csv`` told everything, dates by their format, rows without a key dropped."""
    with clock("question"):
        lines = pd.read_csv(
            given.export, sep=";", decimal=",", encoding="cp1252", dtype={"Code client": "str"}
        )
        lines = lines.rename(
            columns={"Code client": "customer_id", "Date facture": "date", "Montant HT": "amount"}
        )
        lines["date"] = pd.to_datetime(lines["date"], format="%d/%m/%Y", errors="coerce")
        lines["customer_id"] = lines["customer_id"].str.strip()
        lines = lines.dropna(subset=["customer_id", "date", "amount"])
    return figures.of_import(lines)


def churn(given: Any, clock: Any) -> dict[str, float]:
    """Scikit-learn by hand on these features: tried on the last date, then fitted to all."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    days = _days(given, clock)
    names = [name for name in figures.COUNTED if name not in ("churned", "tenure_days")]
    with clock("training"):
        last = int(days["day"].max())
        test = last - given.horizon
        back = [test - given.horizon - 30 * n for n in range(14)][::-1]
        shown = [str((EPOCH + pd.Timedelta(days=day)).date()) for day in (*back, test)]
        panel = panel_of(days, shown, given.horizon)
        panel = panel[panel["eligible"] & panel["churned"].notna()]
        held = panel["date"] == EPOCH + pd.Timedelta(days=test)
        before, after = panel[~held], panel[held]
        tried = HistGradientBoostingClassifier(random_state=0).fit(before[names], before["churned"])
        told = tried.predict_proba(after[names])[:, 1]
        auc = roc_auc_score(after["churned"], told)
        model = HistGradientBoostingClassifier(random_state=0).fit(panel[names], panel["churned"])
    with clock("scoring"):
        now = one_date(days, last, given.horizon)
        now = now[now["eligible"]]
        now["churn_probability"] = model.predict_proba(now[names])[:, 1]
    return {"customers scored": float(len(now)), "auc of the test date": float(auc)}
