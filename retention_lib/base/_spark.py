"""Tables of Spark: what its own functions do where no expression of Narwhals does it.

Functions take and give Spark's own data frames; of a remote Spark (Spark Connect) too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from retention_lib.base._raw import BLANKS
from retention_lib.base._sql import NOTHINGS

if TYPE_CHECKING:
    import pyarrow as pa


def worked_out(table: Any) -> Any:
    """The rows worked out at once and kept by Spark, without the plan they were made by.

    Spark looks through the whole plan again for every step put on it and for every question, so
    that long plans cost far more than the rows they are about; a plain ``cache()`` keeps the rows
    and the plan. What is kept fills memory first, then disk, and goes when nobody holds it.
    """
    return table.localCheckpoint(eager=True)


def handed_over(handed: pa.Table, lead: Any) -> Any:
    """A small table from outside, where ``lead`` lives."""
    return lead.sparkSession.createDataFrame(handed)


def without_dots(names: Sequence[str]) -> list[str]:
    """Names that Spark takes for names: to it ``a.b`` is the field ``b`` of the column ``a``.

    >>> without_dots(["price.net", "price_net", "date"])
    ['price_net_2', 'price_net', 'date']
    """
    taken = {name.lower() for name in names}
    new = []
    for name in names:
        plain, number = name.replace(".", "_").replace("`", "_"), 2
        stem = plain
        while plain != name and plain.lower() in taken:
            plain, number = f"{stem}_{number}", number + 1
        taken.add(plain.lower())
        new.append(plain)
    return new


def on_the_clock(table: Any, zoned: Sequence[str]) -> Any:
    """Instants as what the clock of the session shows, which may be set to another zone."""
    from pyspark.sql import functions as spark

    return table.withColumns({name: spark.col(name).cast("timestamp_ntz") for name in zoned})


def with_clean_texts(table: Any, columns: Sequence[str]) -> Any:
    """Columns of texts without blanks around them, what says nothing missing, in one step.

    What Spark spends on a small table is nearly all spent on looking through the plan, step by
    step; a text it reads as SQL is one step where the same in expressions is thirty.
    """
    from pyspark.sql import functions as spark

    def text(value: str) -> str:
        return "'" + "".join(f"\\u{ord(sign):04x}" for sign in value) + "'"

    nothings = ", ".join(text(nothing) for nothing in ("", *NOTHINGS))
    cleaned = {}
    for name in columns:
        trimmed = f"trim(BOTH {text(BLANKS)} FROM `{name}`)"
        cleaned[name] = spark.expr(
            f"CASE WHEN lower({trimmed}) NOT IN ({nothings}) THEN {trimmed} END"
        )
    return table.withColumns(cleaned)


def with_iso_dates(table: Any, column: str) -> Any:
    """Texts that begin like 2025-12-31 as dates; a day that no calendar has is missing."""
    from pyspark.sql import functions as spark

    first_ten = spark.substring(spark.col(column), 1, 10)
    moment = spark.try_to_timestamp(first_ten, spark.lit("yyyy-MM-dd"))
    return table.withColumn(column, spark.to_date(moment))


def with_day_number(table: Any, column: str, name: str) -> Any:
    """Add ``name``: the integer day number of the date or moment in ``column``."""
    from pyspark.sql import functions as spark

    day = spark.unix_date(spark.to_date(spark.col(column))).cast("bigint")
    return table.withColumn(name, day)
