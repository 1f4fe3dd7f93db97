"""Single cells: amounts, dates and customers that are read right or set aside, never bent."""

from __future__ import annotations

from tests.hostile.corpus import Case, Right, right

_COLUMNS = {"customer_id": "Customer ID", "date": "Date", "amount": "Amount"}
_SOLD = ["A;2024-01-28;10.50", "B;2024-02-14;1234.25", "C;2024-03-15;7.00"]
_CENTS = 125_175
_UNREADABLE, _MISSING = "unreadable_amount", "missing_amount"

# What stands in the amount column, and its cents; or why its row is set aside.
_AMOUNTS: list[tuple[str, int | str]] = [
    ("0", 0),
    ("-0", 0),
    ("-0.00", 0),
    ("−12.50", -1250),
    ("12.50-", -1250),
    ("(12.50)", -1250),
    ("12.50 CR", -1250),
    ("+12.50", 1250),
    ("€12.50", 1250),
    ("12.50 €", 1250),
    ("EUR 12.50", 1250),
    ("1,234.56", 123_456),
    ("1 234.56", 123_456),
    ("1\u202f234.56", 123_456),
    ("1\xa0234.56", 123_456),
    ("1'234.56", 123_456),
    ("1’234.56", 123_456),
    (".5", 50),
    ("1e3", 100_000),
    ("1.5E+02", 15_000),
    ("007.50", 750),
    ("99999999.99", 9_999_999_999),
    ("999999999999999", 99_999_999_999_999_900),
    ("12345678901234567890", _UNREADABLE),
    ("1e400", _UNREADABLE),
    ("-1e400", _UNREADABLE),
    ("1e99", _UNREADABLE),
    ("1e-99", 0),
    ("inf", _UNREADABLE),
    ("-Infinity", _UNREADABLE),
    ("∞", _UNREADABLE),
    ("NaN", _MISSING),
    ("nan", _MISSING),
    ("NULL", _MISSING),
    ("#N/A", _MISSING),
    ("#REF!", _MISSING),
    ("", _MISSING),
    ("\u200b", _MISSING),
    ("0x1F", _UNREADABLE),
    ("1_000", _UNREADABLE),
    ("1,23,4", _UNREADABLE),
    ("1.2.3", _UNREADABLE),
    ("1,2345.00", _UNREADABLE),
    ("--5", _UNREADABLE),
    ("5-5", _UNREADABLE),
    ("-(5.00)", _UNREADABLE),
    ("(5.00", _UNREADABLE),
    ("5 %", _UNREADABLE),
    ("twelve", _UNREADABLE),
    ("=1+1", _UNREADABLE),
    ("=SUM(C2:C4)", _UNREADABLE),
    ("<b>5</b>", _UNREADABLE),
    ("１２.５０", _UNREADABLE),
    ("١٢", _UNREADABLE),
    ("Ⅻ", _UNREADABLE),
    ("½", _UNREADABLE),
    ("5²", _UNREADABLE),
    ("\u202e05.21", _UNREADABLE),
    ("12.50\u2060", 1250),
    ("2024-01-01", _UNREADABLE),
]

# What stands in the date column, and whether the row is kept; or why it is set aside.
_IMPOSSIBLE, _NO_DATE = "impossible_date", "unreadable_date"
_DATES: list[tuple[str, str]] = [
    ("2024-02-29", ""),
    ("2024-02-28T23:59:59Z", ""),
    ("2024-02-28 10:00:00+14:00", ""),
    ("2024-02-28T10:00:00.123456", ""),
    ("20240228", ""),
    ("2024/2/8", ""),
    ("8 février 2024", ""),
    ("mercredi 28 fe\u0301vrier 2024", ""),
    ("45000", ""),
    ("2023-02-29", _IMPOSSIBLE),
    ("2024-02-30", _IMPOSSIBLE),
    ("2024-13-01", _IMPOSSIBLE),
    ("2024-00-10", _IMPOSSIBLE),
    ("2024-01-00", _IMPOSSIBLE),
    ("0000-00-00", _IMPOSSIBLE),
    ("0001-01-01", _IMPOSSIBLE),
    ("1899-12-31", _IMPOSSIBLE),
    ("9999-12-31", _IMPOSSIBLE),
    ("10000-01-01", _NO_DATE),
    ("-2024-01-01", _NO_DATE),
    ("2024-W05-3", _NO_DATE),
    ("2024-032", _NO_DATE),
    ("1706400000", _NO_DATE),
    ("1e5", _NO_DATE),
    ("today", _NO_DATE),
    ("=TODAY()", _NO_DATE),
    ("tomorrow; DROP"[:8], _NO_DATE),
    ("29 Brumaire 2024", _NO_DATE),
    ("２０２４-０２-２８", _NO_DATE),
    ("NaT", "missing_date"),
    ("", "missing_date"),
    ("00000000", _IMPOSSIBLE),
    ("99999999", _IMPOSSIBLE),
    ("2024-02-28 25:00", ""),
]

# Two spellings of a customer, and whether they are one.
_CUSTOMERS: list[tuple[str, str, str, bool]] = [
    ("case", "Dupont", "DUPONT", False),
    ("space around", "Dupont", " Dupont ", True),
    ("hard space around", "Dupont", "Dupont\xa0", True),
    ("space inside", "Du pont", "Du  pont", False),
    ("leading zeros", "007", "7", False),
    ("unicode form", "Caf\u00e9", "Cafe\u0301", True),
    ("zero width around", "Dupont", "\u200bDupont\ufeff", True),
    ("zero width inside", "Dupont", "Du\u200bpont", True),
    ("soft hyphen inside", "Dupont", "Du\u00adpont", True),
    ("direction mark", "Dupont", "\u200eDupont", True),
    ("float", "12", "12.0", True),
    ("float beside code", "12", "12.0;", False),
    ("full width", "A1", "Ａ１", False),
    ("look-alike letter", "A1", "А1", False),
    ("script", "<script>alert(1)</script>", "<b>", False),
    ("formula", "=1+1", "@SUM(1)", False),
    ("quote", "O'Neil", "O''Neil", False),
    ("backslash", "a\\b", "a\\\\b", False),
    ("SQL", "'; DROP TABLE kept; --", "1' OR '1'='1", False),
    ("emoji", "👍", "👍🏽", False),
    ("long digits", "12345678901234567890", "12345678901234567891", False),
    ("scientific", "1E5", "100000", False),
    ("braces", "{0}", "%s", False),
]


def cases() -> list[Case]:
    return [*_amounts(), *_dates(), *_customers(), *_marks()]


def _file(*rows: str) -> str:
    return "\n".join(["Customer ID;Date;Amount", *_SOLD, *rows]) + "\n"


def _amounts() -> list[Case]:
    made = []
    for cell, outcome in _AMOUNTS:
        good = isinstance(outcome, int)
        verdict = Right(
            kept=4 if good else 3,
            cents=_CENTS + (outcome if isinstance(outcome, int) else 0),
            customers=4 if good else 3,
            aside={} if isinstance(outcome, int) else {outcome: 1},
        )
        made.append(
            right(f"amount: {cell!r}", _file(f"D;2024-02-01;{cell}"), verdict, matching=_COLUMNS)
        )
    return made


def _dates() -> list[Case]:
    made = []
    for cell, reason in _DATES:
        verdict = Right(4, _CENTS + 100, 4) if not reason else Right(3, _CENTS, 3, {reason: 1})
        made.append(right(f"date: {cell!r}", _file(f"D;{cell};1.00"), verdict, matching=_COLUMNS))
    return made


def _customers() -> list[Case]:
    made = []
    for name, one, other, same in _CUSTOMERS:
        first, second = (f'"{cell}";2024-02-0{day};1.00' for day, cell in ((1, one), (2, other)))
        alone = name == "float"
        rows = ["Customer ID;Date;Amount", *([] if alone else _SOLD), first, second]
        others, cents = (0, 0) if alone else (3, _CENTS)
        verdict = Right(others + 2, cents + 200, others + (1 if same else 2))
        made.append(right(f"customer: {name}", "\n".join(rows) + "\n", verdict))
    return made


def _marks() -> list[Case]:
    """Whole columns that contradict themselves, or that nothing decides."""
    from tests.hostile.corpus import refused

    def column(*cells: str) -> str:
        rows = (f"K{n};2024-01-{n + 13};{cell}" for n, cell in enumerate(cells))
        return "\n".join(["Customer ID;Date;Amount", *rows]) + "\n"

    def days(*cells: str) -> str:
        return "\n".join(["Customer ID;Date;Amount", *(f"K;{cell};1.00" for cell in cells)]) + "\n"

    return [
        refused("marks: commas and points", column("1,50", "2.50", "3,25"), "contradicts itself"),
        right(
            "marks: commas told",
            column("1,50", "2.50", "3,25"),
            Right(2, 475, 2, {_UNREADABLE: 1}),
            decimal=",",
        ),
        refused("marks: thousands or decimals", column("1.234", "2.345"), "decimal="),
        right("marks: thousands told", column("1.234", "2.345"), Right(2, 357_900, 2), decimal=","),
        right(
            "marks: a comma proves the points", column("1.234,50", "2.345"), Right(2, 357_950, 2)
        ),
        right(
            "marks: Swiss", column("1'234.50", "CHF 12.–"), Right(2, 124_650, 2), matching=_COLUMNS
        ),
        refused("marks: unknown mark told", column("1,50"), "decimal must be", decimal=";"),
        refused("marks: two currencies", column("1.50 €", "2.50 £"), "several currencies"),
        refused("marks: no amount at all", column("a", "b"), "No row|match"),
        refused("marks: not a single date", days("a", "b", "c"), "No row|match|date"),
        refused(
            "marks: days and months contradict",
            days("28/01/2024", "01/28/2024"),
            "date_order|contradict",
        ),
        right(
            "marks: day first told",
            days("28/01/2024", "01/28/2024"),
            Right(1, 100, 1, {_IMPOSSIBLE: 1}),
            date_order="day_first",
        ),
        right(
            "marks: a date far after all others",
            days(*["2024-01-15"] * 50, "2091-01-01"),
            Right(50, 5_000, 1, {"isolated_date": 1}),
        ),
    ]
