"""How a column writes its amounts, and the SQL that reads them.

Two grammars, one with a decimal comma and one with a decimal point, each strict about where
thousands are grouped. A value that only one of them reads proves it; a value that both read
("1.234") or that needs neither ("1234") proves nothing; a column with proofs of both is asked
about. So no amount is ever a thousand times what it was.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from retention_lib.base._raw import NUMBER_MARK, example
from retention_lib.base._sql import clean_text_sql, quoted, text
from retention_lib.errors import ChoiceError, QuestionError

if TYPE_CHECKING:
    import duckdb

DecimalMark = Literal[".", ","]
MARKS: tuple[DecimalMark, ...] = (".", ",")

# What stands for a blank, a minus and an apostrophe, as character classes without brackets.
_BLANK = r" \t\x{A0}\x{2002}\x{2003}\x{2007}-\x{200A}\x{202F}"
_MINUS = r"\-\x{2010}-\x{2015}\x{2212}\x{FE63}\x{FF0D}"
_APOSTROPHE = r"'\x{B4}\x{2018}\x{2019}\x{2BC}\x{2032}"
_GAP = f"[{_BLANK}]*"
_SIGN = f"[+{_MINUS}]"
_CURRENCY = (
    r"(?:US\$|CA\$|AU\$|€|\$|£|¥|EUROS?|EUR|USD|GBP|CHF|CAD|AUD|NZD|JPY|CNY|SEK|NOK|DKK|ISK|PLN|"
    r"CZK|HUF|RON|BGN|TRY|MAD|TND|DZD|XOF|XAF|KR|FRS?|FRS?\. |KR\. |F|HT|TTC)"
)
_DIGITS = f"[.,]?[0-9](?:[0-9.,{_BLANK}{_APOSTROPHE}]*[0-9])?(?:E[-+]?[0-9]{{1,2}})?"
# A minus before the digits or behind them, but not the dash of whole francs: 12.–
_NEGATIVE = f"^[^0-9]*[{_MINUS}]|^[(]|(?:[^.,{_MINUS}][{_MINUS}][^0-9]*|CR)$"
# What the pattern of an amount lets through and is none: more digits than a DOUBLE keeps with
# its cents, or as many zeros, half a pair of parentheses, two signs.
_NOT_ONE = (
    rf"^[^0-9]*[0-9]{{16}}|E[+]?(?:1[3-9]|[2-9][0-9])|^[(][^)]*$|^[^(]*[)]$|^[(].*(?:{_SIGN}|CR|DR)"
    rf"|^[^0-9(]*{_SIGN}.*(?:[^.,{_MINUS}]{_SIGN}[^0-9]*|CR|DR)$"
)
_PLAIN = "[-+]?[0-9]{1,15}"


@dataclass(frozen=True)
class AmountFormat:
    """How the amounts of a column are written.

    ``decimal``: the decimal mark; the other mark, blanks and apostrophes may group thousands.
    ``evidence``: a sentence saying why. ``values``: cells that are not empty; ``unreadable``:
    how many of them :func:`amount_sql` gives NULL for, with up to three ``examples``.
    """

    decimal: DecimalMark
    evidence: str
    values: int = 0
    unreadable: int = 0
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Column:
    """How many values of a column each grammar reads, with examples of each."""

    name: str
    values: int
    numbers: int
    comma: int
    point: int
    both: int
    unreadable: int
    comma_examples: list[str]
    point_examples: list[str]
    both_examples: list[str]
    unreadable_examples: list[str]

    @property
    def proven(self) -> DecimalMark | None:
        if bool(self.comma) == bool(self.point):
            return None
        return "," if self.comma else "."

    def read_with(self, decimal: DecimalMark, evidence: str) -> AmountFormat:
        """The format, with the values that only the other grammar reads as unreadable."""
        count, wrong = (
            (self.point, self.point_examples)
            if decimal == ","
            else (self.comma, self.comma_examples)
        )
        shown = [example(value, 30) for value in (*self.unreadable_examples, *wrong)]
        return AmountFormat(
            decimal, evidence, self.values, self.unreadable + count, tuple(shown[:3])
        )


def amount_pattern(decimal: DecimalMark) -> str:
    """Regular expression of an amount; what matches ``_NOT_ONE`` too is none after all.

    In two patterns because one would be ten times as long: the digits would stand in it once
    for every place that a sign can have.
    """
    mark, other = ("\\.", ",") if decimal == "." else (",", "\\.")
    fraction = f"(?:{mark}[0-9]+|[.,][{_MINUS}]{{1,2}})?"
    grouped = "|".join(
        f"(?:{group}[0-9]{{3}}){{1,4}}" for group in (f"[{_BLANK}]", f"[{_APOSTROPHE}]", other)
    )
    digits = (
        f"(?:(?:[0-9]+|[1-9][0-9]?[0-9]?(?:{grouped})){fraction}"
        f"|[0-9]*{mark}[0-9]+|[0-9]+(?:{mark}[0-9]+)?E[-+]?[0-9][0-9]?)"
    )
    before = f"(?:{_SIGN}|{_CURRENCY}|{_SIGN}{_GAP}{_CURRENCY}|{_CURRENCY}{_GAP}{_SIGN})?"
    after = (
        f"(?:{_SIGN}|{_CURRENCY}|{_SIGN}{_GAP}{_CURRENCY}"
        f"|{_CURRENCY}{_GAP}(?:{_SIGN}|CR|DR)|CR|DR)?"
    )
    return rf"(?i)\(?{_GAP}{before}{_GAP}{digits}{_GAP}{after}{_GAP}\)?"


# -- reading ----------------------------------------------------------------------------------


def amount_sql(expr: str, fmt: AmountFormat, clean: str = "") -> str:
    """DuckDB expression (DOUBLE) of the amount written in ``expr``; NULL where unreadable.

    A real number of Excel, Parquet or a database (its text ends with ``NUMBER_MARK``) is read
    with a decimal point whatever the format. Reads "1 234,50 €", "(12.50)", "12,50-", "−12,50",
    "12,50 CR" (a credit to the customer: negative for the seller), "12,50 DR" (positive),
    "CHF 1'234.–", "1,2E+03"; never a percentage, nor thousands grouped otherwise than by three.

    >>> import duckdb
    >>> fmt = AmountFormat(",", "told")
    >>> values = ["1 234,50 €", "(12,50)", "12,50 CR", "1.234", "1,23,4", "5 %"]
    >>> duckdb.execute(f"SELECT {amount_sql('v', fmt)} FROM unnest(?) t(v)", [values]).fetchall()
    [(1234.5,), (-12.5,), (-12.5,), (1234.0,), (None,), (None,)]
    """
    number = f"TRY_CAST(rtrim({expr}, {text(NUMBER_MARK)}) AS DOUBLE) + 0"
    return (
        f"CASE WHEN {_is_number_sql(expr)} THEN CASE WHEN abs({number}) < 1e15 THEN {number} END "
        f"ELSE {_value_sql(clean or clean_text_sql(expr), fmt.decimal)} END"
    )


def _is_number_sql(expr: str) -> str:
    return f"coalesce(ends_with({expr}, {text(NUMBER_MARK)}), false)"


def _value_sql(clean: str, decimal: DecimalMark) -> str:
    """The amount in a clean text.

    The text is repeated instead of bound by :func:`let`: inside a lambda DuckDB prepares a
    regular expression anew for every two thousand values, and these are long ones.
    """
    mark, other = ("\\.", ",") if decimal == "." else (",", "\\.")
    quick = clean if decimal == "." else f"replace({clean}, ',', '.')"
    digits = f"regexp_extract({clean}, {text('(?i)' + _DIGITS)})"
    grouping = text(f"[{_BLANK}{_APOSTROPHE}{other}]")
    number = f"replace(regexp_replace({digits}, {grouping}, '', 'g'), ',', '.')"
    # Adding zero turns the −0 of "-0,00" into 0.
    return (
        f"CASE WHEN regexp_full_match({clean}, '{_PLAIN}(?:{mark}[0-9]{{1,30}})?') "
        f"THEN TRY_CAST({quick} AS DOUBLE) + 0 "
        f"WHEN {_matches_sql(clean, decimal)} "
        f"THEN TRY_CAST({number} AS DOUBLE) "
        f"* if(regexp_matches({clean}, {text('(?i)' + _NEGATIVE)}), -1, 1) + 0 END"
    )


def _matches_sql(clean: str, decimal: DecimalMark) -> str:
    return (
        f"regexp_full_match({clean}, {text(amount_pattern(decimal))}) "
        f"AND NOT regexp_matches({clean}, {text('(?i)' + _NOT_ONE)})"
    )


def amount_reason_sql(expr: str, fmt: AmountFormat, clean: str = "") -> str:
    """Why there is no amount: ``missing_amount``, ``unreadable_amount``, NULL where there is."""
    return (
        f"CASE WHEN {clean or clean_text_sql(expr)} IS NULL THEN 'missing_amount' "
        f"WHEN {amount_sql(expr, fmt, clean)} IS NULL THEN 'unreadable_amount' END"
    )


# -- deciding ---------------------------------------------------------------------------------


def decide_amount_formats(
    connection: duckdb.DuckDBPyConnection,
    relation_name: str,
    columns: Sequence[str],
    *,
    decimal: DecimalMark | Mapping[str, DecimalMark] | None = None,
    typed: Collection[str] = (),
) -> dict[str, AmountFormat]:
    """Decide how each amount-like column of one file is written: column to format.

    A column without a proof of its own takes the mark of the others; where those contradict
    each other, each decides for itself. ``decimal`` tells it, for all columns or some;
    ``typed`` are columns that were numbers in the source (``RawTable.number_columns``). Real
    numbers among texts are read as what they are and prove nothing about the texts.

    Raises
    ------
    QuestionError
        With one question for each column that reads in two ways or contradicts itself.

    Examples
    --------
    >>> import duckdb
    >>> con = duckdb.connect()
    >>> _ = con.execute("CREATE TABLE t AS SELECT * FROM (VALUES ('12,50'), ('1.234')) v(ht)")
    >>> decide_amount_formats(con, "t", ["ht"])["ht"].decimal
    ','
    """
    told = _told(decimal, columns)
    told |= {column: "." for column in typed if column in columns}
    seen = {column: _look(connection, relation_name, column) for column in columns}
    proven = {name: column.proven for name, column in seen.items() if name not in told}
    others = {mark for name, mark in {**proven, **told}.items() if mark and name not in typed}
    questions: list[str] = []
    formats: dict[str, AmountFormat] = {}
    for name, column in seen.items():
        if name in told:
            why = "numbers in the source" if name in typed else f"told with decimal={told[name]!r}"
            formats[name] = column.read_with(told[name], why)
        elif column.comma and column.point:
            questions.append(_contradiction(column))
        elif found := _decided(column, proven, others):
            formats[name] = found
        else:
            questions.append(_ambiguity(column))
    if questions:
        raise QuestionError(questions)
    return formats


def decide_amount_format(
    connection: duckdb.DuckDBPyConnection,
    relation_name: str,
    column: str,
    *,
    decimal: DecimalMark | None = None,
) -> AmountFormat:
    """:func:`decide_amount_formats` for one column."""
    return decide_amount_formats(connection, relation_name, [column], decimal=decimal)[column]


def _told(
    decimal: DecimalMark | Mapping[str, DecimalMark] | None, columns: Sequence[str]
) -> dict[str, DecimalMark]:
    if decimal is None:
        return {}
    told = dict(decimal) if isinstance(decimal, Mapping) else dict.fromkeys(columns, decimal)
    for mark in told.values():
        if mark not in MARKS:
            raise ChoiceError("decimal", mark, MARKS)
    return {name: mark for name, mark in told.items() if name in columns}


def _look(connection: duckdb.DuckDBPyConnection, relation_name: str, column: str) -> _Column:
    classes = ("reads = 'comma'", "reads = 'point'", "reads = 'both'", "reads IS NULL")
    numbers = "coalesce(sum(n) FILTER (reads = 'number'), 0)::BIGINT"
    (row,) = connection.execute(
        f"""
        WITH found AS (
            SELECT {clean_text_sql(quoted(column))} AS v,
                {_is_number_sql(quoted(column))} AS is_number, count(*) AS n
            FROM {quoted(relation_name)} GROUP BY ALL
        ), read AS (
            SELECT v, n, CASE
                WHEN is_number THEN 'number'
                WHEN regexp_full_match(v, '{_PLAIN}') THEN 'neither'
                WHEN regexp_full_match(v, '{_PLAIN},[0-9]{{1,2}}') THEN 'comma'
                WHEN regexp_full_match(v, '{_PLAIN}\\.[0-9]{{1,2}}') THEN 'point'
                ELSE CASE ({_matches_sql("v", ",")})::INT + 2 * ({_matches_sql("v", ".")})::INT
                    WHEN 1 THEN 'comma' WHEN 2 THEN 'point'
                    WHEN 3 THEN if(regexp_matches(v, '[0-9][.,][0-9]'), 'both', 'neither')
                    END
                END AS reads
            FROM found WHERE v IS NOT NULL
        )
        SELECT coalesce(sum(n), 0)::BIGINT, {numbers},
            {", ".join(f"coalesce(sum(n) FILTER ({c}), 0)::BIGINT" for c in classes)},
            {", ".join(f"coalesce(min(v, 3) FILTER ({c}), [])" for c in classes)}
        FROM read
        """
    ).fetchall()
    return _Column(column, *row)


def _decided(
    column: _Column, proven: Mapping[str, DecimalMark | None], others: set[DecimalMark]
) -> AmountFormat | None:
    if column.proven:
        count, shown, mark = (
            (column.comma, column.comma_examples[0], "comma")
            if column.proven == ","
            else (column.point, column.point_examples[0], "point")
        )
        values = "value" if count == 1 else "values"
        why = f"{count:,} {values} can only have a decimal {mark}, such as “{example(shown, 30)}”"
        return column.read_with(column.proven, why)
    if len(others) == 1:
        (only,) = others
        neighbour = next((name for name, mark in proven.items() if mark == only), "the others")
        why = f"as in {neighbour}; nothing in the column itself decides it"
        return column.read_with(only, why)
    if not column.both:
        what = "no text beside the numbers" if column.numbers else "no value"
        return column.read_with(".", f"{what} has a decimal mark")
    return None


def _contradiction(column: _Column) -> str:
    return (
        f"Column “{column.name}” contradicts itself: {column.comma:,} can only have a decimal "
        f"comma (“{example(column.comma_examples[0], 30)}”), {column.point:,} only a decimal "
        f'point (“{example(column.point_examples[0], 30)}”). Pass decimal="," or decimal="."; '
        "the values that do not fit are then set aside."
    )


def _ambiguity(column: _Column) -> str:
    shown = example(column.both_examples[0], 30)
    comma_is_decimal = "," in shown
    bare = shown.replace(",", ".") if comma_is_decimal else shown
    whole = bare.replace(".", "")
    decimal, grouping = (",", ".") if comma_is_decimal else (".", ",")
    return (
        f"Column “{column.name}”: “{shown}” can be {whole} or {bare}, and none of the "
        f"{column.both:,} values with a mark decides. Pass decimal={grouping!r} to read "
        f"{whole}, or decimal={decimal!r} to read {bare}."
    )
