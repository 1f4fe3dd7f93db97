"""What the checks of the scorecard need to know of a base, each thing asked for once.

Everything that grows with the number of lines is counted inside the engine; what comes to pandas
has one row a customer, a day or a product at most. Tables are compared in pandas by customer, not
joined: they may well live in different engines.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import narwhals as nw
import pandas as pd

from retention_lib.base import engine
from retention_lib.base.contract import TABLES
from retention_lib.base.customer_base import NET_DECIMALS, CustomerBase
from retention_lib.base.duplicate_evidence import CheckedCustomers, read_customers
from retention_lib.base.duplicates import Duplicates, propose_among
from retention_lib.base.identifiers import IdentifierKind, check_identifiers

# A few days, far behind all others, are a slip in a year; as the import judges.
ISOLATED_DAYS = 180
ISOLATED_SHARE = 0.0005

# A line is out of the ordinary from so many robust standard deviations on a log scale, but never
# below ten times the usual line, nor above ten thousand times, however wide the amounts spread.
OUTLIER_SCALES = 5.0
OUTLIER_TIMES = 10.0
OUTLIER_MOST_TIMES = 10_000.0
# A price is out of the ordinary at so many times the product's median, or that much below it,
# where the product was sold often enough to have a usual price.
PRICE_TIMES = 8.0
PRICE_SALES = 8

_CANCELLED = r"(?i)^(C|AV|AVOIR|CN|CR)[-_ ]?\d"
_TEST = r"(?i)^(this is a )?test([-_ ]?(product|produit|article|line|ligne)|\d{0,4})\.?$"
# Codes and words that a line of carriage, fees or corrections is booked under. Whole texts, or
# words at the beginning that no merchandise is called by.
_SERVICE = (
    r"(?i)^\s*("
    r"(post|postage|dot|dotcom postage|m|manual|carriage|shipping|freight|delivery( charges?)?|"
    r"bank charges|amazon ?fee|adjust\d*|discount|rebate|deposit|samples?|commission|"
    r"cruk( commission)?|port|ports|transport|livraison|emballages?|remise|rabais|ristourne|"
    r"avoir|acompte|arrhes|consigne|arrondi|escompte|participation|éco-?participation|eco-?participation|éco-?taxe|"
    r"eco-?taxe|échantillons?|echantillons?|c2)"
    r"|(frais|remise|rabais|ristourne|acompte|avoir|escompte|participation aux frais|"
    r"port et emballage|échantillons?|echantillons?|adjustment|adjust bad debt|"
    r"(shipping|delivery|handling|service|bank) (fee|fees|charge|charges|cost|costs))\b.*"
    r")\s*$"
)
# These begin the name of merchandise too: a remedy in gymnastics, a sample book.
_MERCHANDISE = r"(?i)^\s*(remise en |acompte d'exercice|avoirs? du |sample book|samples? book)"

_UNANSWERED = (
    r"(?i)no.?answer|unanswered|voice.?mail|missed|not.?reached|absent|sans.r[ée]ponse|"
    r"injoignable|messagerie|r[ée]pondeur"
)
_ONLY_OPENED = r"(?i)^(open|opened|e?mail.?open|read|ouvert|ouverture|lu|lecture|impression|bounce)"
_SPOKEN = r"(?i)^(call|phone|t[ée]l|appel|visit|visite|meeting|rdv|rendez|event|salon)"
_INBOUND = r"(?i)^(in|inbound|incoming|entrant|entrante|re[çc]u)$"


def text_is(column: str, pattern: str) -> nw.Expr:
    """Whether a text matches a pattern; a missing one does not."""
    return nw.col(column).str.contains(pattern).fill_null(False)


def clean(text: object, most: int = 60) -> str:
    """A text from the data as one short line: no line breaks, no control signs."""
    line = " ".join(re.sub(r"[\x00-\x1f\x7f\u2028\u2029]", " ", str(text)[: 4 * most]).split())
    return line if len(line) <= most else line[: most - 1] + "…"


@dataclass(frozen=True)
class DaySpan:
    """The days of the lines: ``first`` to ``last`` of the bulk, and the days far off it."""

    first: int
    last: int
    before: pd.DataFrame
    after: pd.DataFrame


def bulk_of_days(days: pd.DataFrame) -> DaySpan:
    """Where the bulk of the lines lies; ``days`` has ``day`` and ``lines``, in order.

    The clock is never asked: a date is in the future where a handful of lines lie more than
    half a year behind all others.

    >>> span = bulk_of_days(pd.DataFrame({"day": [0, 1, 2, 60000], "lines": [9, 9, 9, 1]}))
    >>> span.last, span.after["day"].tolist()
    (2, [60000])
    """
    lines = days["lines"].sum()
    few = max(min(3, lines / 20), lines * ISOLATED_SHARE)
    after_gap = days["day"].diff() > ISOLATED_DAYS
    later = days["lines"][::-1].cumsum()[::-1]
    earlier = days["lines"].cumsum() - days["lines"]
    # Ten years are no gap in a file, however few lines it has.
    decade = days["day"].diff() > 10 * 365
    ends = days.index[(after_gap & (later <= few)) | (decade & (later < lines / 2))]
    begins = days.index[(after_gap & (earlier <= few)) | (decade & (earlier < lines / 2))]
    last = int(ends.min()) if len(ends) else len(days)
    first = int(begins.max()) if len(begins) else 0
    bulk = days.iloc[first:last]
    return DaySpan(
        int(bulk["day"].iloc[0]), int(bulk["day"].iloc[-1]), days.iloc[:first], days.iloc[last:]
    )


class Facts:
    """A base under examination."""

    def __init__(
        self,
        base: CustomerBase,
        *,
        retention_years: int,
        phone_region: str | None,
        duplicates: Duplicates | None,
    ) -> None:
        self.base = base
        self._proposed = duplicates
        self.say = base.wording.say
        self.retention_years = retention_years
        self.phone_region = phone_region

    # --- lines ---------------------------------------------------------------------------------

    @cached_property
    def lines(self) -> nw.LazyFrame[Any]:
        """The transactions known on ``as_of``."""
        return self.base.visible("transactions")

    @property
    def cancelled(self) -> nw.Expr:
        """Whether a line belongs to a cancelled invoice: a number such as C489449, and negative."""
        return (nw.col("amount") < 0) & text_is("order_id", _CANCELLED)

    @cached_property
    def totals(self) -> dict[str, Any]:
        """Counts and sums over all lines, in one pass."""
        amount = nw.col("amount")
        wanted = [
            nw.len().alias("lines"),
            *_counted("sales", amount > 0),
            *_counted("refunds", amount < 0),
            *_counted("zero", amount == 0),
        ]
        if self.base.has("transactions", "order_id"):
            wanted += _counted("cancelled", self.cancelled)
        found = engine.one_row(self.lines.select(*wanted))
        return {name: value or 0 for name, value in found.items()}

    @cached_property
    def outlier_cut(self) -> float | None:
        """The amount above which a line is out of the ordinary; ``None`` without sales."""
        amount = nw.col("amount")
        sales = self.lines.filter(amount > 0)
        middle = engine.one_row(sales.select(amount.median().alias("middle")))["middle"]
        if not middle:
            return None
        spread = (amount / middle).log().abs().median().alias("spread")
        mad = float(engine.one_row(sales.select(spread))["spread"])
        # 1.4826 makes a median deviation the standard deviation where the logs are normal.
        scales = min(OUTLIER_SCALES * 1.4826 * mad, math.log(OUTLIER_MOST_TIMES))
        times = max(OUTLIER_TIMES, math.exp(scales))
        return round(float(middle) * times, 2)

    @cached_property
    def prices(self) -> dict[str, Any]:
        """Lines whose price a piece is far from what the product usually costs; the farthest.

        The lost decimal comma on a small line: nothing beside the large lines of a base, a
        hundred times the price of its own product.
        """
        price = nw.col("amount") / nw.col("quantity")
        both = (nw.col("amount") > 0) & (nw.col("quantity") > 0) & ~nw.col("product").is_null()
        extra = ["order_id"] if self.base.has("transactions", "order_id") else []
        columns = ["day", "customer_id", *extra, "product", "amount"]
        priced = self.lines.filter(both.fill_null(False)).select(*columns, price.alias("price"))
        usual = (
            priced.group_by("product")
            .agg(nw.col("price").median().alias("usual"), nw.len().alias("sales"))
            .filter(nw.col("sales") >= PRICE_SALES)
        )
        # Carriage and fees have no price of their own.
        services = self._odd_products["product"].tolist()
        if services:
            usual = usual.filter(~nw.col("product").is_in(services))
        times = nw.col("price") / nw.col("usual")
        far = (times >= PRICE_TIMES) | (times <= 1 / PRICE_TIMES)
        compared = priced.join(usual, on="product", how="inner").with_columns(
            far.alias("far"), times.log().abs().round(6).alias("size")
        )
        judged = compared.group_by("product", "usual").agg(
            nw.len().alias("of"),
            nw.col("size").max().alias("size"),
            *_counted("rows", nw.col("far")),
        )
        products = engine.collect(judged).sort_values(["size", "product"], ascending=[False, True])
        found: dict[str, Any] = {c: products[c].sum() for c in ("of", "rows", "rows_amount")}
        if found["rows"]:
            worst = products.iloc[0]
            distance = (nw.col("price") / float(worst["usual"])).log().abs().alias("size")
            of_product = priced.filter(nw.col("product") == worst["product"])
            shown = of_product.select(distance, *columns, "price")
            order = [True] + [False] * len(columns)
            top = shown.sort(["size", *columns], descending=order).head(1)
            found["first"] = engine.collect(top).iloc[0]
            found["usual"] = float(worst["usual"])
        return found

    @cached_property
    def largest(self) -> float:
        """The largest amount of a line."""
        return float(self.buyers["largest"].max())

    def count(self, condition: nw.Expr) -> tuple[int, float]:
        """How many lines, and what they come to."""
        found = engine.one_row(self.lines.select(*_counted("found", condition)))
        return int(found["found"] or 0), float(found["found_amount"] or 0.0)

    def example_line(self, condition: nw.Expr) -> str:
        """The first line by date of those that meet a condition, in words."""
        extra = [c for c in ("order_id", "product") if self.base.has("transactions", c)]
        columns = ["day", "customer_id", *extra, "amount"]
        first = engine.collect(self.lines.filter(condition).select(*columns).sort(columns).head(1))
        return self.line_in_words(first.iloc[0]) if len(first) else ""

    def example_day(self, day: int) -> str:
        """A line of that day in words, wherever it lies beside ``as_of``."""
        frame = self.base.tables["transactions"].filter(nw.col("day") == day)
        columns = ["day", "customer_id", "amount"]
        first = engine.collect(frame.select(*columns).sort(columns).head(1))
        return self.line_in_words(first.iloc[0])

    def line_in_words(self, line: pd.Series) -> str:
        """A line as one would point at it: customer, day, amount, invoice, product."""
        told = [
            self.say("quality.line.customer", customer=clean(line["customer_id"], 40)),
            self.base.wording.date(engine.day_of(line["day"])),
            self.base.wording.money(float(line["amount"]), decimals=2),
        ]
        if isinstance(line.get("order_id"), str):
            told.append(self.say("quality.line.order", order=clean(line["order_id"], 40)))
        if isinstance(line.get("product"), str):
            told.append(clean(line["product"], 40))
        return ", ".join(told)

    @cached_property
    def days(self) -> pd.DataFrame:
        """Lines of each day, of the whole file: what lies behind ``as_of`` may be a slip."""
        counted = self.base.tables["transactions"].group_by("day").agg(nw.len().alias("lines"))
        return engine.collect(counted).sort_values("day", ignore_index=True)

    @cached_property
    def span(self) -> DaySpan:
        """Where the bulk of the lines lies, up to ``as_of``."""
        span = bulk_of_days(self.days)
        known = self.days[self.days["day"] <= self.base.as_of_day]
        if self.base.as_of_day >= span.last or known.empty:
            return span
        return bulk_of_days(known.reset_index(drop=True))

    @cached_property
    def copies(self) -> pd.DataFrame:
        """The line there are most copies of, none where all lines differ.

        ``rl_copies`` is how often it is there; ``rl_rows`` counts the lines beyond the first of
        all equal ones, ``rl_amount`` is what those come to.
        """
        columns = self.base.columns("transactions")
        more = nw.col("rl_copies") - 1
        # Totals and example in one pass: grouping by every column is the dearest thing done here.
        whole = (more.sum(), (more * nw.col("amount")).sum())
        found = self._equal_lines().filter(more > 0).with_columns(nw.lit(1).alias("rl_all"))
        found = found.with_columns(
            whole[0].over("rl_all").alias("rl_rows"),
            whole[1].over("rl_all").round(2).alias("rl_amount"),
        )
        shown = [c for c in ("customer_id", "order_id", "product", "amount") if c in columns]
        order = ["rl_copies", "day", *shown]
        top = found.sort(order, descending=[True] + [False] * (len(order) - 1)).head(1)
        return engine.collect(top.select(*order, "rl_rows", "rl_amount"))

    def _equal_lines(self) -> nw.LazyFrame[Any]:
        """Lines grouped by every column; foreign ones under plain names.

        An export's "P.U. HT" is no name that every engine can group by: it has a point.
        """
        known = TABLES["transactions"].column_names
        columns = self.base.columns("transactions")
        plain = {c: c if c in known else f"rl_other_{n}" for n, c in enumerate(columns)}
        lines = self.lines.select("day", *(nw.col(c).alias(name) for c, name in plain.items()))
        return lines.group_by("day", *plain.values()).agg(nw.len().alias("rl_copies"))

    @cached_property
    def mirrors(self) -> dict[str, Any]:
        """Refunds, outside cancelled invoices, that take back a line of the same customer whole."""
        keys = ["customer_id"]
        if self.base.has("transactions", "product"):
            keys.append("product")
        lines = self.lines
        if self.base.has("transactions", "order_id"):
            lines = lines.filter(~self.cancelled)
        amount = nw.col("amount")
        # Columns of the file that this base does not know could be called anything, in any case:
        # helper columns stand beside the contract's own only.
        sized = lines.filter(amount != 0).select(
            *keys, "amount", amount.abs().round(2).alias("size")
        )
        pairs = sized.group_by(*keys, "size").agg(
            engine.ones(amount < 0).sum().alias("down"),
            engine.ones(amount > 0).sum().alias("up"),
        )
        both = nw.min_horizontal("down", "up")
        found = engine.one_row(
            pairs.filter(nw.col("down") > 0, nw.col("up") > 0).select(
                both.sum().alias("rows"), (both * nw.col("size")).sum().round(2).alias("amount")
            )
        )
        return {name: value or 0 for name, value in found.items()}

    @cached_property
    def _odd_products(self) -> pd.DataFrame:
        service = text_is("product", _SERVICE) & ~text_is("product", _MERCHANDISE)
        kind = nw.when(text_is("product", _TEST)).then(nw.lit("test"))
        products = self.lines.group_by("product").agg(
            nw.len().alias("lines"), nw.col("amount").sum().round(2).alias("amount")
        )
        judged = products.with_columns(
            kind.otherwise(nw.when(service).then(nw.lit("service"))).alias("kind")
        )
        frame = engine.collect(judged.filter(~nw.col("kind").is_null()))
        return frame.sort_values(["lines", "product"], ascending=[False, True])

    def products_like(self, kind: str) -> pd.DataFrame:
        """Products that look like ``test`` or ``service`` lines: product, lines, amount."""
        found = self._odd_products
        return found[found["kind"] == kind].reset_index(drop=True)

    # --- customers -----------------------------------------------------------------------------

    @cached_property
    def buyers(self) -> pd.DataFrame:
        """One row a customer with transactions, by id: lines, sales, largest line, last sale."""
        amount = nw.col("amount")
        sold = nw.when(amount > 0)
        grouped = self.lines.group_by("customer_id").agg(
            nw.len().alias("lines"),
            amount.sum().round(NET_DECIMALS).alias("net"),
            sold.then(amount).sum().round(NET_DECIMALS).alias("sales"),
            engine.ones(amount > 0).sum().cast(nw.Int64).alias("sold_lines"),
            amount.max().alias("largest"),
            sold.then(nw.col("day")).max().alias("last_sale"),
        )
        return engine.collect(grouped).set_index("customer_id").sort_index()

    @cached_property
    def customers(self) -> CheckedCustomers:
        """The customers table with its identifiers checked."""
        return read_customers(self.base, phone_region=self.phone_region)

    @cached_property
    def duplicates(self) -> Duplicates:
        """The customers that are probably the same; made here unless they were given."""
        if self._proposed is not None:
            return self._proposed
        return propose_among(self.customers, self.base)

    @cached_property
    def _names(self) -> dict[str, str]:
        if not self.base.has("customers", "name"):
            return {}
        frame = self.customers.frame
        return dict(zip(frame["customer_id"], frame["name"].fillna(""), strict=True))

    def name_of(self, customer_id: str) -> str:
        """The name of a customer; an empty text where it is not known."""
        return self._names.get(customer_id, "")

    @cached_property
    def people(self) -> pd.DataFrame:
        """The people, by customer and person."""
        wanted = [c for c in ("name", "email", "phone") if self.base.has("people", c)]
        frame = engine.collect(
            self.base.visible("people").select("customer_id", "person_id", *wanted)
        )
        return frame.sort_values(["customer_id", "person_id"], ignore_index=True)

    def people_checked(self, kind: IdentifierKind) -> pd.DataFrame:
        """What is wrong with the e-mail addresses or telephones of the people."""
        region = self.phone_region or (self.customers.region if self._has_phones else "FR")
        return check_identifiers(self.people[kind], kind, region=region, wording=self.base.wording)

    @property
    def _has_phones(self) -> bool:
        return self.base.has("customers", "phone")

    def rows_by_customer(self, table: str) -> pd.Series:
        """How many rows of a table each customer has."""
        counted = self.base.visible(table).group_by("customer_id").agg(nw.len().alias("rows"))
        frame = engine.collect(counted).dropna(subset="customer_id")
        return frame.set_index("customer_id")["rows"].sort_index()

    @cached_property
    def known_ids(self) -> set[str]:
        """The ids of all customers that buy or have a row of their own."""
        ids = set(self.buyers.index)
        return ids | (
            set(self.customers.frame["customer_id"]) if self.base.has("customers") else ids
        )

    @cached_property
    def last_contacts(self) -> pd.DataFrame:
        """One row a customer: ``last`` contact as a day number, ``since`` the start of relations.

        A contact is a purchase, anything inbound, an answered call or a visit, a complaint or a
        survey answer. An e-mail received or opened is none. The end of a contract counts as the
        last contact; ``since`` stands in where no contact is on file.
        """
        last = [self.buyers["last_sale"]]
        if self.base.has("interactions"):
            last.append(self._last_spoken())
        if self.base.has("feedback"):
            last.append(self._last_day("feedback", self.base.visible("feedback")))
        since = pd.Series(float("nan"), index=self.buyers.index)
        if self.base.has("customers"):
            frame = self.customers.frame.set_index("customer_id")
            if "closed_on_day" in frame:
                last.append(frame["closed_on_day"])
            since = frame.get("acquired_on_day", pd.Series(float("nan"), index=frame.index))
        days = pd.concat([*last, since.rename("since")], axis=1).astype("float64")
        # Rows about customers that the base does not have are another check's business.
        days = days[days.index.isin(self.known_ids)].sort_index()
        latest = days.drop(columns="since").max(axis=1)
        return pd.DataFrame({"last": latest, "since": days["since"]})

    def _last_spoken(self) -> pd.Series:
        interactions = self.base.visible("interactions")
        columns = self.base.columns("interactions")
        no = nw.lit(False)
        opened = text_is("kind", _ONLY_OPENED) if "kind" in columns else no
        missed = text_is("kind", _UNANSWERED) if "kind" in columns else no
        inbound = text_is("direction", _INBOUND) if "direction" in columns else no
        spoken = text_is("channel", _SPOKEN) if "channel" in columns else no
        if interactions.collect_schema().get("answered") == nw.Boolean:
            missed = missed | ~nw.col("answered").fill_null(True)
        contact = (inbound & ~opened) | (spoken & ~missed)
        return self._last_day("interactions", interactions.filter(contact))

    def _last_day(self, name: str, frame: nw.LazyFrame[Any]) -> pd.Series:
        last = frame.group_by("customer_id").agg(nw.col("day").max().alias(name))
        return engine.collect(last).dropna(subset="customer_id").set_index("customer_id")[name]

    @property
    def retention_limit(self) -> int:
        """The day number before which a last contact is too long ago."""
        as_of = self.base.as_of
        year = as_of.year - self.retention_years
        last = 28 if (as_of.month, as_of.day) == (2, 29) else as_of.day
        return engine.day_number(date(year, as_of.month, last))

    # --- the file ------------------------------------------------------------------------------

    @property
    def account(self) -> Mapping[str, Any]:
        """What the import of the transactions kept and set aside; empty without one."""
        made = self.base.made_from
        found: Mapping[str, Any] = made.get("imports", {}).get("transactions") or made.get(
            "import", {}
        )
        return found

    @property
    def file(self) -> str:
        """The name of the file the transactions came from, for the call that mends it."""
        return str(self.account.get("file") or self.base.made_from.get("path") or "export.csv")

    @property
    def rows_read(self) -> int:
        """Rows of the file the transactions came from."""
        tables = self.base.made_from.get("tables", {})
        read = self.account.get("rows_read") or tables.get("transactions", {}).get("rows_read")
        return int(read or self.totals["lines"])

    def set_aside(self, *codes: str, column: str = "") -> tuple[int, str]:
        """Rows set aside for these reasons, and an example of one of them in words."""
        counts = self.account.get("set_aside", {})
        rows = sum(int(counts.get(code, 0)) for code in codes)
        tables = self.base.made_from.get("tables", {})
        rows += int(tables.get("transactions", {}).get(f"no usable {column}", 0))
        examples = self.account.get("examples", {})
        for code in codes:
            if counts.get(code) and code in examples:
                row, text = examples[code]
                return rows, self.say("quality.line.row", row=int(row), text=clean(text, 90))
        return rows, ""

    @cached_property
    def completeness(self) -> pd.DataFrame:
        """One row a column of each table: ``table, column, filled, rows, share``."""
        found = []
        for name in self.base.tables:
            frame = self.base.visible(name)
            schema = frame.collect_schema()
            columns = self.base.columns(name)
            known = TABLES[name].column_names
            filled = [
                _filled(c, schema[c], c in known).alias(f"filled_{i}")
                for i, c in enumerate(columns)
            ]
            row = engine.one_row(frame.select(nw.len().alias("rows"), *filled))
            for i, column in enumerate(columns):
                count, rows = int(row[f"filled_{i}"] or 0), int(row["rows"])
                found.append((name, column, count, rows, count / rows if rows else float("nan")))
        frame = pd.DataFrame(found, columns=["table", "column", "filled", "rows", "share"])
        order = {name: place for place, name in enumerate(TABLES)}
        return frame.sort_values("table", key=lambda t: t.map(order), kind="stable").reset_index(
            drop=True
        )


def _counted(name: str, condition: nw.Expr) -> list[nw.Expr]:
    return [
        engine.ones(condition).sum().alias(name),
        nw.when(condition).then(nw.col("amount")).sum().round(2).alias(f"{name}_amount"),
    ]


def _filled(column: str, dtype: nw.dtypes.DType, known: bool) -> nw.Expr:
    value = nw.col(column)
    # In the contract's own columns the base has made blank texts missing ones.
    if dtype == nw.String and not known:
        return engine.ones((value.str.strip_chars() != "").fill_null(False)).sum()
    if dtype.is_float():
        return engine.ones(~value.is_null() & ~value.is_nan().fill_null(True)).sum()
    return engine.ones(~value.is_null()).sum()
