"""Rows that came back, judged: what was done, whom it reached, what it came to.

Every row is kept or set aside with a reason; a refusal to be contacted is heeded either way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from retention_lib.base.sources import NUMBER_MARK
from retention_lib.base.values import (
    DateOrder,
    amount_sql,
    date_sql,
    decide_amount_format,
    decide_date_format,
    quoted,
)
from retention_lib.decisions._outcomes_files import NUMBERS
from retention_lib.decisions._plan_files_layout import (
    FILLED,
    FLAGS,
    TASK,
    channel_word,
    folded,
    results_read,
)
from retention_lib.errors import QuestionError
from retention_lib.wording import LANGUAGES, Wording, texts

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

SPOKEN = ("accepted", "declined", "call_back", "left", "unsubscribed")
"""Results that only somebody who was reached can give."""
CAME_BY_ITSELF = ("left", "unsubscribed", "call_back", "wrong_contact")
"""Results that may come to be known without the planned contact."""
_MISSED = ("no_answer", "wrong_contact")

BEFORE_DAYS, AFTER_DAYS = 31, 183
"""A day so long before the plan begins, or after it ends, is a slip of the pen."""

KEY = ("plan_id", "customer_id", "step_code", "channel_code", "planned_on")
"""What tells one planned action from another."""

_REAL = rf"(-?\d+|-?\d+\.\d+(e-?\d+)?{NUMBER_MARK})?"
"""Numbers that can be read in one way only."""

_ISO = r"(\d{4}-\d{2}-\d{2}([ T]00:00(:00)?)?)?"
"""Days that can be read in one way only."""

_TEXTS = ("plan_id", "step_code", "channel_code", "journey", "journey_code", "purpose", "note")


def judge_rows(rows: pd.DataFrame, wording: Wording) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows kept, and those set aside with ``reason`` and ``reason_code``.

    ``rows`` are the texts of all files in reading order.
    """
    rows = rows.reset_index(drop=True)
    for name in ("channel", "owner", "name", *_TEXTS, *FILLED):
        if name not in rows:
            rows[name] = ""
    read = _read_cells(rows)
    reasons = _reasons(rows, read)
    repeated = _repeated(read[reasons == ""], rows)
    reasons.loc[repeated.index] = repeated
    aside = rows.loc[reasons != ""].copy()
    codes = reasons[reasons != ""]
    aside["result_code"] = read.loc[aside.index, "result_code"]
    aside["reason"] = [_in_words(code, rows.loc[i], wording) for i, code in codes.items()]
    aside["reason_code"] = codes
    kept = read[reasons == ""].reset_index(drop=True)
    return kept, aside.reset_index(drop=True)


def _read_cells(rows: pd.DataFrame) -> pd.DataFrame:
    import duckdb
    import pandas as pd

    results = results_read()
    table = rows[["customer_id", "name", "owner", "file", *_TEXTS]].copy()
    table["channel_code"] = _channels(rows)
    written = rows[[name for name in ("date", "done_on", *NUMBERS) if name in rows]].astype(str)
    with duckdb.connect() as connection:
        connection.register("outcomes", written.assign(rl_row=np.arange(len(rows))))
        for name, column in (("planned_on", "date"), ("done_on", "done_on")):
            blank = column not in rows or rows[column].eq("").all()
            table[name] = pd.NaT if blank else _days(connection, column, rows[column])
            table[name] = table[name].astype("datetime64[us]")
        for name in NUMBERS:
            blank = name not in rows or rows[name].eq("").all()
            table[name] = np.nan if blank else _amounts(connection, name, rows[name])
    table["done_flag"] = rows["done"].map(lambda said: FLAGS.get(folded(said)))
    table["reached_flag"] = rows["reached"].map(lambda said: FLAGS.get(folded(said)))
    said = rows["result"].map(folded)
    table["result_code"] = said.map(lambda word: results.get(word, "other") if word else "")
    other = table["result_code"] == "other"
    both = rows["result"] + np.where(rows["note"] != "", " – ", "") + rows["note"]
    table["note"] = rows["note"].where(~other, both)
    return _concluded(table, rows)


def _concluded(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """What a person leaves out because the rest says it: a result means that it was done."""
    code = table["result_code"]
    told = table["done_flag"].notna()
    implied = (table["reached_flag"] == True) | code.ne("") | table["done_on"].notna()  # noqa: E712
    table["done"] = np.where(told, table["done_flag"] == True, implied).astype(bool)  # noqa: E712
    reached = table["reached_flag"].astype(object)
    silent = table["reached_flag"].isna()
    reached = reached.where(~(silent & code.isin(SPOKEN)), True)
    reached = reached.where(~(silent & code.isin(_MISSED)), False)
    reached = reached.where(table["done"] | ~silent, False)
    table["reached"] = reached.astype("boolean")
    table["date"] = table["done_on"].where(table["done_on"].notna(), table["planned_on"])
    table["blank"] = (rows[list(FILLED)] == "").all(axis=1)
    return table


def _reasons(rows: pd.DataFrame, read: pd.DataFrame) -> pd.Series[Any]:
    """Why a row cannot be used, the first reason that holds; empty where it can."""
    import pandas as pd

    code, done_on = read["result_code"], read["done_on"]
    says_done = rows["done"].ne("") & read["done_flag"].isna()
    says_reached = rows["reached"].ne("") & read["reached_flag"].isna()
    not_done = read["done_flag"].eq(False)
    not_reached = read["reached_flag"].eq(False)
    outcome = code.ne("") & ~code.isin((*CAME_BY_ITSELF, "other"))
    first, last = _span(read)
    outside = (done_on < first) | (done_on > last)
    tests = {
        "no_customer": rows["customer_id"].eq(""),
        "no_plan": rows["plan_id"].eq(""),
        "date": rows["done_on"].ne("") & done_on.isna(),
        "no_date": read["date"].isna(),
        "outside": outside.fillna(False),
        "done_word": says_done,
        "reached_word": says_reached,
        "not_done": not_done & (outcome | read["reached_flag"].eq(True)),
        "not_reached": not_reached & code.isin(("accepted", "declined")),
        "reached_nobody": read["reached_flag"].eq(True) & code.isin(_MISSED),
    }
    reasons = pd.Series("", index=rows.index, dtype=object)
    for reason, holds in reversed(tests.items()):
        reasons = reasons.mask(holds.astype(bool), reason)
    return reasons


def _span(read: pd.DataFrame) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """Between which days the actions of each row's plan can have been done."""
    import pandas as pd

    planned = read.groupby("plan_id")["planned_on"]
    first = planned.transform("min") - pd.Timedelta(days=BEFORE_DAYS)
    last = planned.transform("max") + pd.Timedelta(days=AFTER_DAYS)
    return first, last


def _repeated(read: pd.DataFrame, rows: pd.DataFrame) -> pd.Series[Any]:
    """Rows of an action that came before, by index: why each is not counted again.

    Of several the last one filled in stands; one left blank says nothing beside another.
    """
    import pandas as pd

    key = _together(read, KEY)
    order = read.assign(key=key, filled=~read["blank"]).sort_values(
        ["key", "filled"], kind="stable"
    )
    stays = order.drop_duplicates("key", keep="last").set_index("key")
    others = order[~order.index.isin(order.drop_duplicates("key", keep="last").index)]
    if others.empty:
        return pd.Series(dtype=object)
    told = _together(rows, FILLED)
    standing = pd.Series(order.drop_duplicates("key", keep="last").index, index=stays.index)
    same = told.loc[others.index].to_numpy() == told.loc[standing[others["key"]]].to_numpy()
    alike = same | ~others["filled"].to_numpy()
    return pd.Series(np.where(alike, "twice", "later"), index=others.index, dtype=object)


def _together(table: pd.DataFrame, names: Sequence[str]) -> pd.Series[Any]:
    """The cells of several columns as one text."""
    whole = table[names[0]].astype(str)
    for name in names[1:]:
        whole = whole + "\x1f" + table[name].astype(str)
    return whole


def _in_words(code: str, row: pd.Series[Any], w: Wording) -> str:
    said = {name: str(row.get(name, "")) for name in ("done", "done_on", "reached", "result")}
    return w.say(f"outcomes.aside.{code}", **said)


# --- cells -------------------------------------------------------------------------------------


def _channels(rows: pd.DataFrame) -> pd.Series[Any]:
    """The channel's code: the one in the file, else what the word for it means."""
    known = {
        folded(entry[language]): key.rsplit(".", 1)[1]
        for key, entry in texts().items()
        if key.startswith("plan_files.channel.")
        for language in LANGUAGES
    }
    known |= {code: code for code in known.values()}
    meant = rows["channel"].map(lambda word: known.get(folded(word), word))
    return rows["channel_code"].where(rows["channel_code"] != "", meant)


def _days(
    connection: duckdb.DuckDBPyConnection, column: str, written: pd.Series[Any]
) -> pd.Series[Any]:
    """A column of dates, however they are written.

    Where a column does not say whether the day or the month comes first, the order is taken in
    which the dates lie closer together: a plan runs for some weeks, not for a year.
    """
    if written.str.fullmatch(_ISO).all():
        import pandas as pd

        return pd.to_datetime(written.str[:10], format="%Y-%m-%d", errors="coerce")
    orders: tuple[DateOrder | None, ...] = ("day_first", "month_first")
    try:
        form = decide_date_format(connection, "outcomes", column)
        if not form.assumed:
            orders = (form.order,)
    except QuestionError:
        pass  # A column that contradicts itself is read the way that leaves fewest out.
    read = []
    for order in orders:
        form = decide_date_format(connection, "outcomes", column, order=order)
        found = connection.sql(
            f"SELECT {date_sql(quoted(column), form)} AS day FROM outcomes ORDER BY rl_row"
        )
        read.append(found.to_df()["day"].astype("datetime64[us]"))
    return min(read, key=lambda days: (int(days.isna().sum()), days.max() - days.min()))


def _amounts(
    connection: duckdb.DuckDBPyConnection, column: str, written: pd.Series[Any]
) -> pd.Series[Any]:
    if written.str.fullmatch(_REAL).all():
        return written.str.rstrip(NUMBER_MARK).replace("", "nan").astype(float)
    try:
        form = decide_amount_format(connection, "outcomes", column)
    except QuestionError:
        form = decide_amount_format(connection, "outcomes", column, decimal=".")
    found = connection.sql(
        f"SELECT {amount_sql(quoted(column), form)} AS amount FROM outcomes ORDER BY rl_row"
    )
    return found.to_df()["amount"].astype(float)


def shown(kept: pd.DataFrame, wording: Wording) -> pd.DataFrame:
    """The rows kept in words, by day and customer."""
    from retention_lib.decisions._plan_files_layout import result_word

    table = kept.copy()
    words = {code: result_word(wording, code) for code in table["result_code"].unique()}
    table["result"] = table["result_code"].map(words).astype(object)
    said = {code: channel_word(wording, str(code)) for code in table["channel_code"].unique()}
    table["channel"] = table["channel_code"].map(said).astype(object)
    table["date"] = table["date"].dt.date
    table["planned_on"] = table["planned_on"].dt.date
    order = ["plan_id", "date", "customer_id", "step_code"]
    return table.sort_values(order, kind="stable", ignore_index=True)


def is_contact(table: pd.DataFrame) -> pd.Series[Any]:
    """Which actions went out to a customer: done, and no task."""
    went: pd.Series[Any] = table["done"] & (table["channel_code"] != TASK)
    return went
