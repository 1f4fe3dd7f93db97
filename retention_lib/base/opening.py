"""Opening a base: a workbook folder, its ``workbook.toml``, or one file of transactions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import narwhals as nw
import pandas as pd

from retention_lib.base import engine
from retention_lib.base._remembered import content_of, open_once
from retention_lib.base.contract import TABLES
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.base.importing import import_export, import_raw
from retention_lib.base.known_names import shown_name
from retention_lib.base.workbooks import (
    FILE_NAME,
    Workbook,
    as_path,
    is_workbook,
    loaded_path,
    read_workbook,
)
from retention_lib.errors import ChoiceError, InputError
from retention_lib.messages import hear
from retention_lib.results import Result
from retention_lib.wording import LANGUAGES, Sentence, spoken


def open_base(
    path: str | Path | None = None,
    *,
    as_of: date | str | None = None,
    activity_window_days: int | None = None,
) -> CustomerBase:
    """Open a customer base from a workbook folder, its ``workbook.toml``, or one file.

    Without a path: the loaded workbook, at first ``data/sample/b2b``. A foreign export (CSV,
    Excel) is imported on the way, as :func:`retention_lib.import_export` does. ``as_of`` and
    ``activity_window_days`` (days) go before what the workbook says.

    Raises ``InputError`` where there is nothing to open, ``QuestionError`` where a file can be
    read in more than one way.

    >>> base = open_base("data/sample/cdnow")
    >>> base.as_of
    datetime.date(1998, 6, 30)
    """
    place = loaded_path() if path is None else as_path(path)
    if not place.exists():
        raise InputError(f"There is nothing at {place}. Give a workbook folder or a file.")
    key = _key_of(place, as_of, activity_window_days)
    return open_once(key, lambda: _opened(place, as_of, activity_window_days))


def _key_of(place: Path, *chosen: object) -> tuple[object, ...] | None:
    """What the base at a place is known by, where it may be remembered at all."""
    if is_workbook(place):
        book = read_workbook(place)
        if book.settings.language in LANGUAGES:
            # Messages follow the base opened last, remembered or not.
            hear(book.settings.language)
        # The folder's own file last: read_workbook has just said whatever is wrong with it.
        toml = place if place.name == FILE_NAME else place / FILE_NAME
        files = [*(entry.file for entry in book.tables.values()), toml]
    elif place.is_file():
        hear("en")
        files = [place]
    else:
        return None
    content = content_of(files)
    if content is None:
        return None
    said = tuple(repr(each) for each in chosen)
    # Both, because the session may have chosen a language or left it to the workbook.
    return (content, *said, spoken("en"), spoken("fr"))


def _opened(
    place: Path, as_of: date | str | None, activity_window_days: int | None
) -> CustomerBase:
    if is_workbook(place):
        base = _open_workbook(read_workbook(place))
    elif place.suffix == ".parquet":
        base = CustomerBase.from_tables(place, name=place.stem, made_from={"path": place.name})
    else:
        base = import_export(_single_file(place)).to_base(name=_plain_name(place))
    if as_of is not None:
        base = base.at(as_of)
    if activity_window_days is not None:
        base = base.with_window(activity_window_days)
    return base


def open_raw_base(path: str | Path | None = None) -> CustomerBase:
    """The loaded workbook's base made afresh from its raw exports.

    Tables with an export on file are imported anew; the others come as they were saved. What
    the import set aside is in the base's account, where :func:`check_quality` looks for it.
    """
    place = loaded_path() if path is None else as_path(path)
    if not is_workbook(place):
        return open_base(place)
    book = read_workbook(place)
    with_raw = [name for name, entry in book.tables.items() if entry.raw and entry.raw.exists()]
    imports = {name: import_raw(name, path=place) for name in with_raw}
    tables = {name: done.reader.connection.table("kept") for name, done in imports.items()}
    outcome = {name: done.outcome() for name, done in imports.items()}
    return _open_workbook(book, tables, outcome)


def _open_workbook(
    workbook: Workbook,
    imported: Mapping[str, Any] | None = None,
    outcomes: Mapping[str, Any] | None = None,
) -> CustomerBase:
    settings = workbook.settings
    if settings.language not in LANGUAGES:
        raise ChoiceError("language", settings.language, LANGUAGES)
    language = spoken(settings.language)
    hear(settings.language)
    unknown = sorted(set(workbook.tables) - set(TABLES))
    if unknown:
        raise ChoiceError("table", unknown[0], TABLES)
    readings = {name: dict(entry.reading) for name, entry in workbook.tables.items()}
    remembered = {
        name: reading["outcome"] for name, reading in readings.items() if "outcome" in reading
    }
    remembered |= dict(outcomes or {})
    tables = {name: entry.file for name, entry in workbook.tables.items()} | dict(imported or {})
    base = CustomerBase.from_tables(
        **tables,
        activity_window_days=settings.activity_window_days,
        currency=settings.currency,
        language=language,
        margin_rate=settings.margin_rate,
        name=settings.called(language) or workbook.folder.name,
        made_from={
            "path": workbook.folder.name,
            "readings": readings,
            "import": remembered.get("transactions", {}),
            "imports": remembered,
        },
    )
    return base.at(settings.as_of) if settings.as_of else base


def _single_file(place: Path) -> Path:
    """A file as it is; a folder without ``workbook.toml`` is a folder of exports."""
    if place.is_file() or any(place.iterdir()):
        return place
    raise InputError(
        f"The folder {place} is empty. Put your export (CSV or Excel) there, or give its path."
    )


def _plain_name(place: Path) -> str:
    return place.name.split(".")[0].replace("_", " ")


@dataclass(frozen=True, repr=False, eq=False)
class BaseDescription(Result):
    """What is loaded: one row a table, present or not.

    Columns: ``table``, ``rows``, ``customers``, ``first``, ``last`` (dates), ``unlocks``.
    ``months``: one row a calendar month, silent ones included: ``month`` (its first day),
    ``revenue`` (net), ``purchases``, ``complete`` (false where the base covers a part of it).
    """

    customers: int = field(kw_only=True)
    active: int = field(kw_only=True)
    purchases: int = field(kw_only=True)
    first: date | None = field(kw_only=True)
    last: date | None = field(kw_only=True)
    as_of: date = field(kw_only=True)
    activity_window_days: int = field(kw_only=True)
    name: str = field(kw_only=True)
    months: pd.DataFrame = field(kw_only=True)

    chart: ClassVar[str] = "plot_months"
    formats: ClassVar[Mapping[str, str]] = {"rows": "count", "customers": "count"}

    def sentence(self) -> str:
        """Which base is loaded, how large it is, from when to when."""
        say, day = self.wording.say, self.wording.date
        if self.first is None or self.last is None:
            return say("base.described_empty", name=self.name)
        return say(
            "base.described",
            name=self.name,
            customers=self.customers,
            purchases=self.purchases,
            first=day(self.first),
            last=day(self.last),
        )

    def active_sentence(self) -> Sentence:
        """From when the base is seen, and how many customers are active then."""
        return Sentence(
            self.wording.say(
                "base.active",
                as_of=self.wording.date(self.as_of),
                active=self.active,
                window=self.activity_window_days,
            )
        )

    def finding(self) -> str:
        """What the picture of the months shows: the average complete month and the best one."""
        whole = self.months[self.months["complete"]]
        if whole.empty:
            return self.wording.say("base.months_none")
        best = whole.loc[whole["revenue"].idxmax()]
        return self.wording.say(
            "base.months",
            average=self.wording.money(float(whole["revenue"].mean())),
            best=self.wording.month(best["month"]),
            most=self.wording.money(float(best["revenue"])),
        )


def describe_base(base: CustomerBase) -> BaseDescription:
    """What is loaded and what is not: tables, rows, customers, dates.

    >>> describe_base(open_base("data/sample/cdnow")).to_frame()["table"].head(2).tolist()
    ['transactions', 'customers']
    """
    require_base(base)
    rows = [_describe_table(base, name) for name in TABLES]
    bought = (
        base.purchases()
        .group_by("customer_id")
        .agg(
            nw.len().alias("purchases"),
            nw.col("day").min().alias("first"),
            nw.col("day").max().alias("last"),
        )
    )
    recent = nw.col("last") > base.as_of_day - base.activity_window_days
    totals = engine.one_row(
        bought.select(
            nw.len().alias("customers"),
            engine.ones(recent).sum().alias("recent"),
            nw.col("purchases").sum(),
            nw.col("first").min(),
            nw.col("last").max(),
        )
    )
    has_purchases = totals["customers"] > 0
    return BaseDescription(
        pd.DataFrame(rows),
        wording=base.wording,
        assumptions={
            "as_of": base.as_of,
            "activity_window_days": base.activity_window_days,
            "engine": base.engine,
        },
        customers=int(totals["customers"]),
        active=int(totals["recent"] or 0) - _closed_among(base, bought.filter(recent)),
        purchases=int(totals["purchases"] or 0),
        first=engine.day_of(totals["first"]) if has_purchases else None,
        last=engine.day_of(totals["last"]) if has_purchases else None,
        as_of=base.as_of,
        activity_window_days=base.activity_window_days,
        name=shown_name(base),
        months=_months(base),
    )


def _closed_among(base: CustomerBase, recent: nw.LazyFrame[Any]) -> int:
    """How many of the customers that bought in the window have closed their account."""
    if not base.has("customers", "closed_on"):
        return 0
    closed = base.visible("customers").filter(~nw.col("closed_on_day").is_null())
    joined = recent.join(closed.select("customer_id").unique(), on="customer_id", how="inner")
    return int(engine.one_row(joined.select(nw.len().alias("closed")))["closed"])


def _months(base: CustomerBase) -> pd.DataFrame:
    days = engine.collect(
        base.customer_days()
        .group_by("day")
        .agg(
            nw.col("net").sum().alias("revenue"),
            engine.ones(nw.col("net") > 0).sum().alias("purchases"),
        )
    )
    if days.empty:
        return pd.DataFrame(columns=["month", "revenue", "purchases", "complete"])
    dates = pd.to_datetime(days["day"], unit="D")
    months = days.set_index(dates)[["revenue", "purchases"]].resample("MS").sum()
    months["revenue"] = months["revenue"].round(2)
    starts = months.index
    ends = starts + pd.offsets.MonthEnd(0)
    first, last = dates.min(), pd.Timestamp(base.as_of)
    # A business closed on New Year's Day or the last Sunday still has its whole month.
    slack = pd.Timedelta(days=3)
    months["complete"] = (starts >= first - slack) & (ends <= last + slack)
    return months.rename_axis("month").reset_index()


def _describe_table(base: CustomerBase, name: str) -> dict[str, object]:
    table = TABLES[name]
    unlocks = base.wording.say(f"unlocks.{name}")
    if not base.has(name):
        return {"table": name, "rows": 0, "customers": 0, "unlocks": unlocks}
    frame = base.visible(name)
    found = engine.one_row(frame.select(nw.len().alias("rows")))
    if "customer_id" in base.columns(name):
        # Grouped, for PostgreSQL does not take Narwhals' count of what differs.
        ids = frame.group_by("customer_id").agg(nw.len().alias("rows"))
        found |= engine.one_row(ids.select(nw.len().alias("customers")))
    if "date" in table.required_names:
        first, last = nw.col("day").min().alias("first"), nw.col("day").max().alias("last")
        found |= engine.one_row(frame.select(first, last))
    for key in ("first", "last"):
        if found.get(key) is not None:
            found[key] = engine.day_of(found[key])
    return {"table": name, **found, "unlocks": unlocks}
