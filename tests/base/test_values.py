"""A text means one thing, decided from its whole column, or somebody is asked."""

from __future__ import annotations

import datetime as dt
from datetime import date
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_lib.base.sources import NUMBER_MARK
from retention_lib.base.values import (
    AmountFormat,
    DateFormat,
    amount_reason_sql,
    amount_sql,
    clean_text_sql,
    date_reason_sql,
    date_sql,
    decide_amount_format,
    decide_amount_formats,
    decide_date_format,
    decide_date_formats,
    flag_sql,
    id_sql,
    ids_are_floats,
    quoted,
)
from retention_lib.errors import ChoiceError, QuestionError

CONNECTION = duckdb.connect()


def table(**columns: list[str | None]) -> str:
    """A table of texts, with its row numbers."""
    CONNECTION.execute("CREATE OR REPLACE TABLE t (__row__ BIGINT)")
    for name in columns:
        CONNECTION.execute(f"ALTER TABLE t ADD COLUMN {quoted(name)} VARCHAR")
    rows = list(zip(*columns.values(), strict=True))
    if rows:
        places = ", ".join("?" * (len(columns) + 1))
        values = ", ".join(f"({places})" for _ in rows)
        flat = [cell for i, row in enumerate(rows) for cell in (i, *row)]
        CONNECTION.execute(f"INSERT INTO t VALUES {values}", flat)
    return "t"


def evaluated(sql: str) -> list[Any]:
    return [v for (v,) in CONNECTION.execute(f"SELECT {sql} FROM t ORDER BY __row__").fetchall()]


def amounts(*values: str | None, **told: Any) -> list[float | None]:
    fmt = decide_amount_format(CONNECTION, table(v=list(values)), "v", **told)
    return evaluated(amount_sql("v", fmt))


def dates(*values: str | None, **told: Any) -> list[date | None]:
    fmt = decide_date_format(CONNECTION, table(v=list(values)), "v", **told)
    return evaluated(date_sql("v", fmt))


# -- amounts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 234,50", 1234.5),
        ("1\xa0234,50\xa0€", 1234.5),
        ("1\u202f234,50 €", 1234.5),
        ("1\u2009234,50", 1234.5),
        ("1'234,50", 1234.5),
        ("1\u2019234,50", 1234.5),
        ("1.234.567,89", 1234567.89),
        ("€1.234,50", 1234.5),
        ("EUR 1234,50", 1234.5),
        ("1234,50 eur", 1234.5),
        ("Fr. 12,50", 12.5),
        ("12,50 kr", 12.5),
        ("-12,50", -12.5),
        ("- 12,50", -12.5),
        ("\u221212,50", -12.5),
        ("–12,50 €", -12.5),
        ("€ -12,50", -12.5),
        ("-€12,50", -12.5),
        ("12,50-", -12.5),
        ("12,50 € -", -12.5),
        ("(12,50)", -12.5),
        ("(12,50 €)", -12.5),
        ("12,50 CR", -12.5),
        ("12,50DR", 12.5),
        ("+12,50", 12.5),
        (",50", 0.5),
        ("12.–", 12.0),
        ("12,-- €", 12.0),
        ("1,2E+03", 1200.0),
        ("5e-05", 0.00005),
        ("007", 7.0),
        ("-0,00", 0.0),
    ],
)
def test_an_amount_with_a_decimal_comma(text, value):
    assert amounts(text, "99,99") == [value, 99.99]


@pytest.mark.parametrize(
    "text",
    [
        "12 %", "1,23,4", "1 23,50", "12 34", "--5", "-5-", "(5", "5)", "(-5)", "-5 CR", "abc",
        "12abc", "0x1F", "1_000", "inf", "1e400", "9" * 16, "12,5,0", "1.23,50", "1 234.567,50",
        "12€50", "=1+1", "1,234.50", "٣,٥٠", "1..2", "", "N/A",
    ],
)  # fmt: skip
def test_what_is_no_amount_with_a_decimal_comma_is_not_read(text):
    assert amounts(text, "99,99", decimal=",") == [None, 99.99]


def test_a_zero_is_never_negative():
    assert [str(v) for v in amounts("-0,00", "(0)", "1,5")] == ["0.0", "0.0", "1.5"]


@pytest.mark.parametrize(
    ("values", "decimal"),
    [
        (["1,5"], ","),
        (["1.5"], "."),
        (["1,234.5", "1,234"], "."),
        (["1.234,5", "1.234"], ","),
        (["1,234,567"], "."),
        (["1.234.567"], ","),
        (["0,123"], ","),
        (["1234,567"], ","),
        (["12,3456"], ","),
        (["1 234,567"], ","),
        (["1,2E+03"], ","),
        (["12", "1 000"], "."),
        (["abc", "", None], "."),
        ([], "."),
    ],
)
def test_the_whole_column_decides_the_decimal_mark(values, decimal):
    assert decide_amount_format(CONNECTION, table(v=values), "v").decimal == decimal


def test_three_digits_after_every_mark_are_asked_about():
    with pytest.raises(QuestionError) as caught:
        decide_amount_format(CONNECTION, table(v=["1.234", "5"]), "v")
    assert str(caught.value) == (
        "Column “v”: “1.234” can be 1234 or 1.234, and none of the 1 values with a mark decides. "
        "Pass decimal=',' to read 1234, or decimal='.' to read 1.234."
    )
    assert amounts("1.234", "5", decimal=",") == [1234, 5]
    assert amounts("1.234", "5", decimal=".") == [1.234, 5]


def test_a_column_that_contradicts_itself_is_asked_about():
    with pytest.raises(QuestionError, match=r"2 can only .* comma .*“1,5”.* 1 only .*“1\.5”"):
        decide_amount_format(CONNECTION, table(v=["1,5", "2,5", "1.5"]), "v")
    assert amounts("1,5", "1.5", decimal=",") == [1.5, None]


def test_the_other_columns_of_the_file_decide_for_one_that_cannot():
    formats = decide_amount_formats(
        CONNECTION, table(price=["1,50", "2,50"], margin=["1.234", "2.345"]), ["price", "margin"]
    )
    assert formats["margin"].decimal == ","
    assert formats["margin"].evidence.startswith("as in price")


def test_columns_that_contradict_each_other_decide_for_themselves():
    relation = table(a=["1,5"], b=["1.5"], c=["12"])
    formats = decide_amount_formats(CONNECTION, relation, ["a", "b", "c"])
    assert [formats[name].decimal for name in "abc"] == [",", ".", "."]
    with pytest.raises(QuestionError, match="“c”"):
        relation = table(a=["1,5"], b=["1.5"], c=["1.234"])
        decide_amount_formats(CONNECTION, relation, ["a", "b", "c"])


def test_numbers_of_excel_are_never_asked_about():
    formats = decide_amount_formats(CONNECTION, table(v=["1.234", "5"]), ["v"], typed=["v"])
    assert formats["v"].decimal == "."


def test_a_marked_number_has_a_decimal_point_whatever_the_column_has():
    assert amounts("1.234" + NUMBER_MARK, "12,50", "1e-05" + NUMBER_MARK) == [1.234, 12.5, 1e-05]
    assert amounts("-0.0" + NUMBER_MARK, "5", "n/a") == [0, 5, None]
    fmt = decide_amount_format(CONNECTION, table(v=["1.5" + NUMBER_MARK, "3"]), "v")
    assert (fmt.values, fmt.unreadable) == (2, 0)
    assert fmt.evidence == "no text beside the numbers has a decimal mark"


def test_a_marked_number_is_no_evidence_for_the_other_columns():
    relation = table(a=["1.5" + NUMBER_MARK, "x"], b=["1,5", "1.234"])
    formats = decide_amount_formats(CONNECTION, relation, ["a", "b"])
    assert [formats[name].decimal for name in "ab"] == [",", ","]


def test_the_mark_of_a_number_is_no_part_of_an_identifier_a_flag_or_a_date():
    table(v=["13085.0" + NUMBER_MARK, "45657.5" + NUMBER_MARK, "1.0" + NUMBER_MARK])
    assert evaluated(clean_text_sql("v")) == ["13085.0", "45657.5", "1.0"]
    assert evaluated(id_sql("v", floats=True)) == ["13085", "45657.5", "1"]
    assert evaluated(flag_sql("v"))[2] is True
    day = evaluated(date_sql("v", DateFormat(None, False, "told")))[1]
    assert day == date(2024, 12, 31)


def test_a_format_counts_what_it_cannot_read():
    fmt = decide_amount_format(CONNECTION, table(v=["1,5", "2,5", "abc", "abc", "5 %", ""]), "v")
    assert (fmt.values, fmt.unreadable, fmt.examples) == (5, 3, ("5 %", "abc"))
    assert "2 values can only have a decimal comma, such as “1,5”" in fmt.evidence


def test_missing_and_unreadable_amounts_are_told_apart():
    table(v=["1,5", " ", None, "abc"])
    fmt = AmountFormat(",", "told")
    assert evaluated(amount_reason_sql("v", fmt)) == [
        None, "missing_amount", "missing_amount", "unreadable_amount",
    ]  # fmt: skip


def test_a_wrong_decimal_mark_is_refused():
    with pytest.raises(ChoiceError, match="decimal"):
        decide_amount_format(CONNECTION, table(v=["1"]), "v", decimal=";")  # type: ignore[arg-type]


GROUPS = st.sampled_from(["", " ", "\xa0", "\u202f", "'", "\u2019", "other"])
FORMS = st.sampled_from(
    [("-{}", "{}"), ("{}-", "{}"), ("({})", "{}"), ("\u2212{} €", "{} €"), ("€-{}", "€{}"),
     ("{} CR", "{} DR"), ("-{} EUR", "{} EUR"), ("CHF -{}", "CHF {}")]
)  # fmt: skip


# Each question to the engine is slow: many values in many conventions make one example.
@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-(10**11), 10**11), GROUPS, FORMS), min_size=1, max_size=40),
    st.sampled_from([",", "."]),
)
def test_any_money_in_any_convention_is_the_same_to_the_cent(money, mark):
    def written(value: int, group: str, forms: tuple[str, str]) -> str:
        group = {",": ".", ".": ","}[mark] if group == "other" else group
        digits = f"{abs(value) / 100:,.2f}".replace(".", "#").replace(",", group)
        return forms[0 if value < 0 else 1].format(digits.replace("#", mark))

    read = amounts(*(written(*one) for one in money))
    assert [None if value is None else round(value * 100) for value in read] == [
        cents for cents, _, _ in money
    ]


# -- dates ------------------------------------------------------------------------------------

CHRISTMAS = date(2024, 12, 24)


@pytest.mark.parametrize(
    "text",
    [
        "2024-12-24", "2024-12-24 10:30:00", "2024-12-24T10:30:00Z",
        "2024-12-24T10:30:00.123+01:00", "2024/12/24", "2024.12.24", "2024 12 24", "20241224",
        "20241224103000", "20241224T1030", "24/12/2024", "24-12-2024", "24.12.2024",
        "24 12 2024", "24. 12. 2024", "24/12/24", "24/12/2024 10:30", "24/12/2024 à 10h30",
        "24/12/2024 10:30:15,5", "24/12/2024 10.30.15", "24/12/2024 10:30 PM",
        "24/12/2024 10 p.m.", "mar. 24/12/2024", "45650", "45650.4375", "45650,5",
        "24 décembre 2024", "24 DÉCEMBRE 2024", "24 decembre 2024", "24 déc. 2024", "24-déc-24",
        "mardi 24 décembre 2024", "mar. 24 déc. 2024", "le 24 décembre 2024", "24 December 2024",
        "December 24, 2024", "Dec 24, 2024", "Tuesday, December 24, 2024",
        "Tue, 24 Dec 2024 10:30:00 GMT", "24th of December 2024", "24DEC2024", "24dec24",
        "2024-Dec-24", "Dec 24, 2024, 10:30:00 PM", "\xa024/12/2024 ",
    ],
)  # fmt: skip
def test_one_day_in_many_writings(text):
    assert dates(text, "13/01/2024") == [CHRISTMAS, date(2024, 1, 13)]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("3 févr. 2024", date(2024, 2, 3)),
        ("1er janvier 2024", date(2024, 1, 1)),
        ("12 mars 2024", date(2024, 3, 12)),
        ("mar 12, 2024", date(2024, 3, 12)),
        ("mar. 12 mars 2024", date(2024, 3, 12)),
        ("Tue Mar 12, 2024", date(2024, 3, 12)),
        ("15 mai 2024", date(2024, 5, 15)),
        ("15 juin 24", date(2024, 6, 15)),
        ("15 juil. 2024", date(2024, 7, 15)),
        ("15 août 2024", date(2024, 8, 15)),
        ("03 August 2024", date(2024, 8, 3)),
        ("15 Sept. 2024", date(2024, 9, 15)),
        ("31/12/70", date(1970, 12, 31)),
        ("31/12/68", date(2068, 12, 31)),
    ],
)
def test_months_by_name_and_short_years(text, day):
    assert dates(text, order="day_first") == [day]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "missing_date"),
        ("NULL", "missing_date"),
        ("soon", "unreadable_date"),
        ("12/2024", "unreadable_date"),
        ("May 2024", "unreadable_date"),
        ("24/12", "unreadable_date"),
        ("infinity", "unreadable_date"),
        ("15 jui 2024", "unreadable_date"),
        ("2024-12-24 (BC)", "unreadable_date"),
        ("31/02/2024", "impossible_date"),
        ("30 février 2024", "impossible_date"),
        ("2023-02-29", "impossible_date"),
        ("00/00/0000", "impossible_date"),
        ("0000-00-00", "impossible_date"),
        ("31/12/1969", "impossible_date"),
        ("31/12/69", "impossible_date"),
        ("2101-01-01", "impossible_date"),
        ("9999-12-31", "impossible_date"),
        ("99999", "impossible_date"),
    ],
)
def test_what_is_no_date_says_why(text, reason):
    fmt = DateFormat("day_first", False, "told")
    table(v=[text])
    assert evaluated(date_sql("v", fmt)) == [None]
    assert evaluated(date_reason_sql("v", fmt)) == [reason]


def test_a_first_number_above_12_proves_the_day_first():
    fmt = decide_date_format(CONNECTION, table(v=["03/02/2024", "31/12/2023"]), "v")
    assert (fmt.order, fmt.assumed) == ("day_first", False)
    assert "“31/12/2023”" in fmt.evidence
    assert dates("03/02/2024", "31/12/2023") == [date(2024, 2, 3), date(2023, 12, 31)]


def test_a_second_number_above_12_proves_the_month_first():
    assert dates("03/02/2024", "12/31/2023") == [date(2024, 3, 2), date(2023, 12, 31)]


def test_an_order_that_nothing_decides_is_assumed_and_said():
    relation = table(v=["03/02/2024", "05/06/2024"])
    fmt = decide_date_format(CONNECTION, relation, "v")
    assert (fmt.order, fmt.assumed) == ("day_first", True)
    assert fmt.evidence == (
        "no day is above 12, so “03/02/2024” can be 3 February 2024 or 2 March 2024; "
        "it was assumed that the day comes first"
    )
    assert fmt.how_to_change == 'pass date_order="month_first"'
    told = decide_date_format(CONNECTION, relation, "v", order="month_first")
    assert (told.order, told.assumed) == ("month_first", False)
    assert decide_date_format(CONNECTION, relation, "v", default_order="month_first").assumed


def test_rows_that_only_one_order_sorts_decide():
    days = [date(2024, month, day) for month in range(1, 7) for day in (2, 5, 11)]
    for pattern, order in (("%d/%m/%Y", "day_first"), ("%m/%d/%Y", "month_first")):
        for written in (days, days[::-1]):
            relation = table(v=[day.strftime(pattern) for day in written])
            fmt = decide_date_format(CONNECTION, relation, "v")
            assert (fmt.order, fmt.assumed) == (order, False)
            assert "in order of date" in fmt.evidence


def test_few_rows_in_order_prove_nothing():
    assert decide_date_format(CONNECTION, table(v=["01/02/2024", "02/02/2024"]), "v").assumed


def test_the_other_dates_of_the_file_decide_for_a_column_that_cannot():
    relation = table(opened=["31/12/2023", "01/02/2024"], closed=["03/02/2024", "04/02/2024"])
    formats = decide_date_formats(CONNECTION, relation, ["closed", "opened"])
    assert (formats["closed"].order, formats["closed"].assumed) == ("day_first", False)
    assert formats["closed"].evidence.endswith("as in opened")


def test_a_column_that_contradicts_itself_asks_for_its_order():
    relation = table(v=["31/12/2023", "12/31/2023"])
    with pytest.raises(QuestionError, match='date_order="day_first" or date_order="month_first"'):
        decide_date_format(CONNECTION, relation, "v")
    assert dates("31/12/2023", "12/31/2023", order="day_first") == [date(2023, 12, 31), None]


def test_a_few_strays_among_many_are_impossible_not_evidence():
    values = [f"{13 + i % 15}/{1 + i % 12:02d}/2023" for i in range(1000)] + ["12/31/2023"] * 3
    fmt = decide_date_format(CONNECTION, table(v=values), "v")
    assert (fmt.order, fmt.impossible, fmt.examples) == ("day_first", 3, ("12/31/2023",))
    assert "3 contradict that" in fmt.evidence


def test_short_years_come_first_where_only_so_they_are_few():
    values = [f"23-{month:02d}-{day:02d}" for month in range(1, 13) for day in (1, 9, 17, 25)]
    assert decide_date_format(CONNECTION, table(v=values), "v").order == "year_first"
    values = [f"{day:02d}-{month:02d}-23" for month in range(1, 13) for day in (1, 9, 17, 25)]
    assert decide_date_format(CONNECTION, table(v=values), "v").order == "day_first"
    with pytest.raises(QuestionError, match="24 March 2005 or 5 March 2024"):
        decide_date_format(CONNECTION, table(v=["05-03-24"]), "v")


def test_dates_that_a_spreadsheet_half_converted_are_asked_about():
    swapped = [f"2024-{day:02d}-{month:02d}" for month in range(1, 7) for day in range(1, 5)]
    kept = [f"{day}/0{month}/2024" for month in range(1, 7) for day in range(13, 17)]
    with pytest.raises(QuestionError, match="swapped day and month"):
        decide_date_format(CONNECTION, table(v=swapped + kept), "v")


def test_excel_serials_count_from_1900_unless_told():
    assert dates("45650") == [CHRISTMAS]
    assert dates("44188", excel_epoch=1904) == [CHRISTMAS]
    assert decide_date_format(CONNECTION, table(v=["45650"]), "v").serials


def test_a_wrong_order_is_refused():
    with pytest.raises(ChoiceError, match="date_order"):
        decide_date_format(CONNECTION, table(v=["1"]), "v", order="dmy")  # type: ignore[arg-type]


PATTERNS = [
    "%d/%m/%Y", "%d.%m.%Y %H:%M", "%d-%m-%Y", "%m/%d/%Y", "%m/%d/%Y %I:%M %p", "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%SZ", "%Y%m%d", "%d %B %Y", "%B %d, %Y", "%d-%b-%Y", "%A, %d %B %Y", "%Y/%m/%d",
]  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.dates(date(1970, 1, 1), date(2100, 12, 31)), min_size=1, max_size=20),
    st.sampled_from(PATTERNS),
)
def test_any_day_in_any_writing_comes_back_or_the_order_is_said_to_be_assumed(days, pattern):
    written = [dt.datetime.combine(day, dt.time(22, 5)).strftime(pattern) for day in days]
    fmt = decide_date_format(CONNECTION, table(v=written), "v")
    if not fmt.assumed:
        assert evaluated(date_sql("v", fmt)) == days
    else:
        assert all(day.day <= 12 for day in days)
        order = "month_first" if pattern.startswith("%m") else "day_first"
        assert dates(*written, order=order) == days


# -- texts, flags, identifiers ----------------------------------------------------------------


def test_every_kind_of_blank_is_trimmed_and_nothing_is_null():
    table(
        v=[
            " a ",
            "\xa0\u202fb\u200b\ufeff",
            "\t\n",
            "",
            None,
            "NULL",
            "n/a",
            "#N/A",
            "NaN",
            "NA",
            "-",
        ]
    )
    assert evaluated(clean_text_sql("v")) == [
        "a", "b", None, None, None, None, None, None, None, "NA", "-",
    ]  # fmt: skip


def test_flags_in_two_languages():
    table(
        v=[
            "Oui",
            "NON",
            "o",
            "n",
            "yes",
            "No",
            "VRAI",
            "faux",
            "1",
            "0",
            "x",
            "true",
            "",
            "peut-être",
        ]
    )
    assert evaluated(flag_sql("v")) == [
        True, False, True, False, True, False, True, False, True, False, True, True, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ids", "floats", "read"),
    [
        (["13085.0", "2.0", None], True, ["13085", "2", None]),
        (["13085.0", "007"], False, ["13085.0", "007"]),
        (["007.0", "2.0"], False, ["007.0", "2.0"]),
        (["007", "01000"], False, ["007", "01000"]),
        ([None, ""], False, [None, None]),
        (["13085.0", "13085", "0"], True, ["13085", "13085", "0"]),
        (["13085", "2"], False, ["13085", "2"]),
        (["13085.0", "C12"], False, ["13085.0", "C12"]),
        (["13085.0", "13085.5"], False, ["13085.0", "13085.5"]),
    ],
)
def test_identifiers_lose_a_decimal_only_where_all_are_whole_numbers(ids, floats, read):
    table(v=ids)
    assert ids_are_floats(CONNECTION, "t", "v") is floats
    assert evaluated(id_sql("v", floats=floats)) == read


def test_a_column_name_with_quotes_is_only_a_name():
    relation = table(**{'a"; DROP TABLE t; --': ["1,5"]})
    name = 'a"; DROP TABLE t; --'
    fmt = decide_amount_format(CONNECTION, relation, name)
    assert evaluated(amount_sql(quoted(name), fmt)) == [1.5]
