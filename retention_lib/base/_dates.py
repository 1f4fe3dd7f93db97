"""The SQL that reads dates, in two steps.

First every text becomes a canonical form that needs no decision: ``y2024-12-31`` where the year
is plain to see, ``n31-12-2024`` where three numbers stand in an order yet to be decided,
``s45657`` for an Excel day number, NULL for what is no date. Then, with the order known, the
canonical form becomes a DATE, NULL where there is no such day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from retention_lib.base._sql import clean_text_sql, let, normalised, text, unaccented

DateOrder = Literal["day_first", "month_first", "year_first"]
ORDERS: tuple[DateOrder, ...] = ("day_first", "month_first", "year_first")
FIRST_YEAR, LAST_YEAR = 1970, 2100
"""Dates outside are impossible: nobody's customer bought then."""
PIVOT = 69
"""Two-digit years from here on are of the last century: 69 is 1969, 68 is 2068."""

_MONTHS = (
    ("janvier", "january", "janv", "jan"),
    ("fevrier", "february", "fevr", "febr", "fev", "feb"),
    ("mars", "march", "mar"),
    ("avril", "april", "avr", "apr"),
    ("mai", "may"),
    ("juin", "june", "jun"),
    ("juillet", "july", "juil", "jul"),
    ("aout", "august", "aou", "aug"),
    ("septembre", "september", "sept", "sep"),
    ("octobre", "october", "oct"),
    ("novembre", "november", "nov"),
    ("decembre", "december", "dec"),
)
_WEEKDAYS = (
    "lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lun|mar|mer|jeu|ven|sam|dim|"
    "monday|tuesday|wednesday|thursday|friday|saturday|sunday|mon|tues?|wed|thurs?|thu|fri|sat|sun"
)
# A weekday is what stands before a date that is complete without it: "mar. 12 mars 2024", but
# not the "mar" of "mar 12, 2024".
_WEEKDAY = (
    rf"^(?:{_WEEKDAYS})\.?,? +"
    r"([0-9]{1,2}(?:er|st|nd|rd|th|e)?\.?[ -]+(?:of |de |du )?[a-z].*|[0-9]+ ?[-/.].*"
    r"|[a-z]{3,9}\.? .*)$"
)
_ZONE = r"(?: ?(?:z|utc|gmt|[a-z]{3,4}|(?:utc|gmt)?[-+][0-9]{2}:?(?:[0-9]{2})?))?"
_CLOCK = (
    r"(?:[0-2]?[0-9] ?[:h] ?(?:[0-5][0-9](?: ?[:m.] ?[0-5][0-9](?:[.,][0-9]{1,9})?)? ?(?:s|mn?)?)?"
    r"|[0-2]?[0-9]\.[0-5][0-9]\.[0-5][0-9]"
    r"|[01]?[0-9](?: ?[ap]\.? ?m\.?))"
)
_ISO_CLOCK = r"[0-2][0-9][0-5][0-9](?:[0-5][0-9](?:[.,][0-9]{1,9})?)?"
_TIME = rf"(?:(?:,? +(?:(?:a|at|-) +)?|t|:){_CLOCK}(?: ?[ap]\.? ?m\.?)?|t{_ISO_CLOCK}){_ZONE}$"
_SEP = r"(?: ?[-/.] ?| +)"
_YEAR_FIRST = rf"^([0-9]{{4}}){_SEP}([0-9]{{1,2}}){_SEP}([0-9]{{1,2}})$"
_THREE_NUMBERS = rf"^([0-9]{{1,2}}){_SEP}([0-9]{{1,2}}){_SEP}([0-9]{{4}}|[0-9]{{2}})$"
_COMPACT = r"^([0-9]{4})([0-9]{2})([0-9]{2})(?:[0-9]{6})?$"
_SERIAL = r"^([0-9]{5})(?:[.,][0-9]+)?$"
_GAP = r"(?: ?[-/.,] ?| *)"
_DAY_NAME_YEAR = (
    rf"^(?:le |the )?([0-9]{{1,2}})(?:er|st|nd|rd|th|e)?{_GAP}"
    rf"(?:of |de |du )?([a-z]{{3,9}})\.?{_GAP}"
    r"(?:of |de )?'?([0-9]{4}|[0-9]{2})$"
)
_NAME_DAY_YEAR = (
    rf"^([a-z]{{3,9}})\.?{_GAP}([0-9]{{1,2}})(?:er|st|nd|rd|th|e)?(?: ?[-/.,] ?| +)"
    r"'?([0-9]{4}|[0-9]{2})$"
)
_YEAR_NAME_DAY = rf"^([0-9]{{4}}){_GAP}([a-z]{{3,9}})\.?{_GAP}([0-9]{{1,2}})$"


@dataclass(frozen=True)
class DateFormat:
    """How the dates of a column are written.

    ``order``: of numeric dates that do not begin with a four-digit year; ``None`` where the
    column has none. ``assumed``: whether the column could not decide it. ``evidence``: a
    sentence saying why, or what was assumed and what it means for an example.
    ``how_to_change``: the argument that overrules it. ``serials``: whether five-digit Excel
    day numbers occur; ``excel_epoch``: 1900 or 1904. ``values``: cells that are not empty;
    ``unreadable`` and ``impossible``: those :func:`date_reason_sql` says so of, with up to
    three ``examples``.
    """

    order: DateOrder | None
    assumed: bool
    evidence: str
    how_to_change: str = ""
    serials: bool = False
    excel_epoch: Literal[1900, 1904] = 1900
    values: int = 0
    unreadable: int = 0
    impossible: int = 0
    examples: tuple[str, ...] = ()


def date_sql(expr: str, fmt: DateFormat, clean: str = "") -> str:
    """DuckDB expression (DATE) of the day written in ``expr``; NULL where there is none.

    The time of day is dropped and a time zone ignored: the day is the one written. Reads
    2024-12-31T10:30:00Z, 20241231, 31/12/2024, 31.12.24, 12/31/2024 10:30 PM, 45657 (Excel),
    "3 févr. 2024", "mardi 12 mars 2024", "12-déc-23", "March 3, 2024". Of two-digit years 69
    to 99 are 1969 to 1999. Days before 1970 and after 2100 are impossible, hence NULL.

    >>> import duckdb
    >>> fmt = DateFormat("day_first", False, "told")
    >>> values = ["31/12/2024 10:30", "3 févr. 2024", "31/02/2024", "soon"]
    >>> duckdb.execute(f"SELECT {date_sql('v', fmt)} FROM unnest(?) t(v)", [values]).fetchall()
    [(datetime.date(2024, 12, 31),), (datetime.date(2024, 2, 3),), (None,), (None,)]
    """
    return let("__c", canonical_sql(expr, clean), day_sql("__c", fmt.order, fmt.excel_epoch))


def date_reason_sql(expr: str, fmt: DateFormat, clean: str = "") -> str:
    """Why there is no date, NULL where there is one.

    ``missing_date``, ``unreadable_date`` (not written like a date), ``impossible_date``
    (31/02/2024, or outside 1970 to 2100).
    """
    reason = (
        "CASE WHEN __c IS NULL THEN 'unreadable_date' "
        f"WHEN {day_sql('__c', fmt.order, fmt.excel_epoch)} IS NULL THEN 'impossible_date' END"
    )
    return (
        f"CASE WHEN {clean or clean_text_sql(expr)} IS NULL THEN 'missing_date' "
        f"ELSE {let('__c', canonical_sql(expr, clean), reason)} END"
    )


def canonical_sql(expr: str, clean: str = "") -> str:
    """DuckDB expression (VARCHAR) of the canonical form of a date; NULL where it is none."""
    small = unaccented(f"lower(nfc_normalize({normalised('__d')}))")
    plain = f"regexp_replace({small}, ' +', ' ', 'g')"
    slow = let("__d", clean or clean_text_sql(expr), let("__w", plain, _without_time_sql("__w")))
    # The two commonest forms, without the detour, and outside of lambdas: in there DuckDB prepares
    # a regular expression anew for every two thousand values.
    return (
        f"CASE WHEN regexp_full_match({expr}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:[ T][0-9]{{2}}:"
        "[0-9]{2}(?::[0-9]{2}(?:\\.[0-9]+)?)?Z?)?') "
        f"THEN 'y' || left({expr}, 10) "
        f"WHEN regexp_full_match({expr}, '[0-9]{{2}}/[0-9]{{2}}/[0-9]{{4}}') "
        f"THEN 'n' || replace({expr}, '/', '-') ELSE {slow} END"
    )


def _without_time_sql(name: str) -> str:
    without_weekday = f"regexp_replace({name}, {text(_WEEKDAY)}, '\\1')"
    without_time = f"regexp_replace({without_weekday}, {text(_TIME)}, '')"
    return let("__x", f"trim({without_time}, ' ,')", _shapes_sql("__x"))


def _shapes_sql(name: str) -> str:
    numeric = " ".join(
        f"WHEN regexp_matches({name}, {text(pattern)}) "
        f"THEN regexp_replace({name}, {text(pattern)}, {text(form)})"
        for pattern, form in (
            (_YEAR_FIRST, r"y\1-\2-\3"),
            (_COMPACT, r"y\1-\2-\3"),
            (_THREE_NUMBERS, r"n\1-\2-\3"),
            (_SERIAL, r"s\1"),
        )
    )
    return f"CASE {numeric} WHEN regexp_matches({name}, '[a-z]{{3}}') THEN {_named_sql(name)} END"


def _named_sql(name: str) -> str:
    parts = " ".join(
        f"WHEN regexp_matches({name}, {text(pattern)}) "
        f"THEN regexp_extract({name}, {text(pattern)}, {groups})"
        for pattern, groups in (
            (_DAY_NAME_YEAR, "['d', 'm', 'y']"),
            (_NAME_DAY_YEAR, "['m', 'd', 'y']"),
            (_YEAR_NAME_DAY, "['y', 'm', 'd']"),
        )
    )
    # The three structs have their fields in different orders; DuckDB matches them by name.
    form = f"'y' || {_full_year_sql('__m.y')} || '-' || {_month_sql('__m.m')} || '-' || __m.d"
    return let("__m", f"CASE {parts} END", form)


def _month_sql(name: str) -> str:
    keys = ", ".join(text(word) for words in _MONTHS for word in words)
    numbers = ", ".join(text(f"{i:02d}") for i, words in enumerate(_MONTHS, 1) for _ in words)
    return f"list_extract([{numbers}], list_position([{keys}], {name}))"


def _full_year_sql(name: str) -> str:
    return (
        f"CASE WHEN length({name}) = 4 THEN {name} "
        f"WHEN {name} >= '{PIVOT}' THEN '19' || {name} ELSE '20' || {name} END"
    )


def day_sql(name: str, order: DateOrder | None, excel_epoch: int) -> str:
    """DuckDB expression (DATE) of the canonical form in ``name``, which must be a name."""
    first = "DATE '1899-12-30'" if excel_epoch == 1900 else "DATE '1904-01-01'"
    numbers = "NULL::DATE" if order is None else _ordered_sql(name, order)
    day = (
        f"CASE left({name}, 1) WHEN 'y' THEN TRY_CAST(substr({name}, 2) AS DATE) "
        f"WHEN 'n' THEN {numbers} WHEN 's' THEN {first} + TRY_CAST(substr({name}, 2) AS INT) END"
    )
    possible = f"BETWEEN DATE '{FIRST_YEAR}-01-01' AND DATE '{LAST_YEAR}-12-31'"
    return let("__y", day, f"CASE WHEN __y {possible} THEN __y END")


def _ordered_sql(name: str, order: DateOrder) -> str:
    """The day of three numbers; with ``year_first`` only where the first can be a year."""
    position = {"day_first": (3, 2, 1), "month_first": (3, 1, 2), "year_first": (1, 2, 3)}[order]
    year, month, day = (f"__n[{i}]" for i in position)
    iso = f"{_full_year_sql(year)} || '-' || {month} || '-' || {day}"
    if order == "year_first":
        iso = f"CASE WHEN length(__n[1]) = 2 AND length(__n[3]) <= 2 THEN {iso} END"
    return let("__n", f"string_split(substr({name}, 2), '-')", f"TRY_CAST({iso} AS DATE)")
