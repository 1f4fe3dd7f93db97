"""The scorecard counts what is wrong, points at an example and says what to do."""

import warnings
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.duplicates import find_duplicates, merge_duplicates
from retention_lib.base.quality import Scorecard, check_quality
from retention_lib.base.quality_checks import CHECKS
from retention_lib.base.quality_facts import Facts, bulk_of_days
from retention_lib.base.simulate import simulate_base
from retention_lib.errors import ChoiceError, InputError
from retention_lib.wording import LANGUAGES, Wording, texts

ENGINES: dict[str, Any] = {
    "polars": pl.from_pandas,
    # A connection a table: tables need not share an engine.
    "duckdb": lambda frame: duckdb.connect().from_df(frame),
}
EMPTY_DAY = "2024-01-05"


def lines(*rows: tuple[Any, ...], **columns: Any) -> pd.DataFrame:
    """Lines of customer, date, amount; further columns by name."""
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"], format="ISO8601"), **columns)


def scored(transactions: pd.DataFrame, kind: str = "polars", **rest: Any) -> Scorecard:
    tables = {name: rest.pop(name) for name in list(rest) if isinstance(rest[name], pd.DataFrame)}
    rest.setdefault("currency", "EUR")
    moved = {name: ENGINES[kind](frame) for name, frame in tables.items()}
    return check_quality(CustomerBase.from_tables(ENGINES[kind](transactions), **moved, **rest))


def row(scorecard: Scorecard, check: str) -> pd.Series:
    table = scorecard.to_frame().set_index("check")
    return table.loc[check]


def counts(scorecard: Scorecard, check: str) -> tuple[int, int]:
    found = row(scorecard, check)
    return int(found["rows"]), int(found["of"])


THREE = lines(("A", "2024-01-05", 10.0), ("A", "2024-02-05", 20.0), ("B", "2024-03-05", 5.0))


# --- The lines -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ENGINES)
def test_equal_lines_are_counted_once_each_beyond_the_first(kind):
    twice = lines(*[("A", "2024-01-05", 10.0)] * 3, ("A", "2024-01-05", 11.0), order_id="F1")
    found = row(scored(twice, kind), "exact_copies")
    assert (found["rows"], found["of"], found["amount"]) == (2, 4, 20.0)
    assert found["severity"] == "act"
    assert found["example"] == "customer A, 5 January 2024, €10.00, invoice F1: 3 times"
    assert 'duplicates="set_aside"' in found["remedy"]


def test_without_invoice_numbers_equal_lines_are_only_worth_a_look():
    twice = lines(("A", "2024-01-05", 10.0), ("A", "2024-01-05", 10.0))
    assert row(scored(twice), "exact_copies")["severity"] == "look"


@pytest.mark.parametrize("kind", ENGINES)
def test_cancelled_invoices_are_refunds_whose_number_begins_with_c(kind):
    frame = lines(
        ("A", "2024-01-05", 10.0),
        ("A", "2024-01-06", -10.0),
        ("B", "2024-01-06", -3.0),
        ("B", "2024-01-07", 8.0),
        order_id=["489434", "C489449", "489450", "C1"],
    )
    scorecard = scored(frame, kind)
    found = row(scorecard, "cancelled_invoices")
    assert (found["rows"], found["amount"]) == (1, -10.0)
    refunds = row(scorecard, "refunds")
    assert (refunds["rows"], refunds["amount"]) == (2, -13.0)
    assert "72.2 % of sales" in refunds["remedy"]  # 13 of 18


@pytest.mark.parametrize("kind", ENGINES)
def test_a_refund_mirrors_a_sale_of_the_same_customer_product_and_amount(kind):
    frame = lines(
        ("A", "2024-01-05", 10.0),
        ("A", "2024-01-06", -10.0),  # the mirror
        ("B", "2024-01-06", -10.0),  # another customer
        ("A", "2024-01-07", -10.0),  # another product
        ("A", "2024-01-08", -9.99),  # another amount
        product=["pen", "pen", "pen", "ink", "pen"],
    )
    found = row(scored(frame, kind), "mirrored_refunds")
    assert (found["rows"], found["amount"]) == (1, -10.0)


def test_lines_of_nothing_are_counted():
    frame = lines(("A", "2024-01-05", 0.0), ("A", "2024-01-06", 5.0))
    assert counts(scored(frame), "zero_amounts") == (1, 2)


SERVICES = [
    "POSTAGE", "POST", "DOT", "M", "Manual", "BANK CHARGES", "AMAZONFEE", "AMAZON FEE", "ADJUST",
    "ADJUST2", "Frais de port", "FRAIS DE LIVRAISON", "remise", "Remise exceptionnelle", "acompte",
    "Échantillon", "échantillons gratuits", "Bank charge", "Eco-participation",
]  # fmt: skip
MERCHANDISE = [
    "Postcard", "Remise en forme, 10 séances", "Test de grossesse", "Port USB-C", "Mug", "Dots",
    "Manuel de gestion", "Timbres poste", "Banking for beginners", "Transporteur jouet",
    "Sample book",
]  # fmt: skip
TESTS = ["TEST", "test", "TEST001", "This is a test product.", "Test article"]


@pytest.mark.parametrize("kind", ENGINES)
def test_service_and_test_lines_are_told_from_merchandise(kind):
    products = [*SERVICES, *MERCHANDISE, *TESTS]
    frame = lines(*[("A", "2024-01-05", 10.0)] * len(products), product=products)
    facts = Facts(CustomerBase.from_tables(ENGINES[kind](frame)), retention_years=3,
                  phone_region=None, duplicates=None)  # fmt: skip
    assert sorted(facts.products_like("service")["product"]) == sorted(SERVICES)
    assert sorted(facts.products_like("test")["product"]) == sorted(TESTS)


def test_the_remedy_for_service_lines_names_them_and_their_money():
    frame = lines(("A", "2024-01-05", 90.0), ("A", "2024-01-06", 10.0), product=["Stylo", "POST"])
    found = row(scored(frame), "service_lines")
    assert (found["rows"], found["amount"]) == (1, 10.0)
    assert found["example"] == "POST (1 line, €10)"
    assert 'leave_out={"product": ["POST"]}' in found["remedy"]
    assert "10.0 % of sales" in found["remedy"]


@pytest.mark.parametrize("kind", ENGINES)
def test_an_amount_a_hundred_times_the_others_is_out_of_the_ordinary(kind):
    usual = [("A", "2024-01-05", amount) for amount in (9.0, 10.0, 11.0, 12.0, 10.0)]
    found = row(scored(lines(*usual, ("B", "2024-01-06", 1040.0)), kind), "outliers")
    assert (found["rows"], found["of"], found["amount"]) == (1, 6, 1040.0)
    assert found["example"] == "customer B, 6 January 2024, €1,040.00"
    # Ten times the median of 10.
    assert "above €105" in found["remedy"]


@pytest.mark.parametrize("kind", ENGINES)
def test_a_lost_decimal_comma_stands_out_against_the_price_of_its_product(kind):
    frame = lines(
        *[("A", f"2024-01-{day:02d}", 2.0 * day) for day in range(1, 11)],
        ("B", "2024-01-11", 200.0),
        *[("C", f"2024-01-{day:02d}", 500.0) for day in range(1, 11)],
        product=["pen"] * 11 + ["desk"] * 10,
        quantity=[*range(1, 11), 1, *[1] * 10],
    )
    found = row(scored(frame, kind), "odd_prices")
    assert (found["rows"], found["of"], found["amount"]) == (1, 21, 200.0)
    assert found["example"].endswith("pen: €200.00 a piece, usually €2.00")


def test_a_customer_carried_by_one_line_is_listed():
    rows = [("A", f"2024-01-{day:02d}", 10.0) for day in range(1, 9)]
    scorecard = scored(lines(*rows, ("A", "2024-01-09", 1000.0), ("B", "2024-01-09", 10.0)))
    assert counts(scorecard, "dominated_customers") == (1, 1)
    listed = scorecard.concerned("dominated_customers")
    assert listed.to_numpy().tolist() == [["A", 1000.0, 1080.0]]


# --- Dates, and never the clock ------------------------------------------------------------------


def daily(first: str, days: int) -> list[tuple[str, str, float]]:
    start = date.fromisoformat(first)
    return [("A", str(start + timedelta(days=i)), 10.0 + i) for i in range(days)]


@pytest.mark.parametrize("kind", ENGINES)
def test_dates_before_1970_and_far_behind_all_others_are_impossible(kind):
    frame = lines(
        *daily("2024-01-01", 200), ("B", "1900-01-01", 1.0), ("C", "2099-12-31", 2.0)
    )  # fmt: skip
    scorecard = scored(frame, kind)
    assert counts(scorecard, "impossible_date") == (2, 202)
    found = row(scorecard, "impossible_date")
    assert found["example"] == "customer C, 31 December 2099, €2.00"
    assert "18 July 2024" in found["remedy"]


def test_a_base_seen_from_an_isolated_date_is_told_where_to_look_from():
    found = row(scored(lines(*daily("2024-01-01", 200), ("C", "2099-12-31", 2.0))), "as_of")
    assert (found["rows"], found["severity"]) == (1, "act")
    assert 'base.at("2024-07-18")' in found["remedy"]


def test_dates_in_the_future_of_the_clock_are_fine_where_the_file_lies_there():
    scorecard = scored(lines(*daily("2091-01-01", 200)))
    assert counts(scorecard, "impossible_date") == (0, 200)
    assert counts(scorecard, "as_of") == (0, 1)


def test_a_file_seen_from_the_past_is_not_blamed_for_its_future():
    base = CustomerBase.from_tables(lines(*daily("2024-01-01", 400))).at("2024-06-30")
    scorecard = check_quality(base)
    assert row(scorecard, "impossible_date")["rows"] == 0
    assert row(scorecard, "as_of")["rows"] == 0
    assert row(scorecard, "gaps")["of"] == 182


@pytest.mark.parametrize("kind", ENGINES)
def test_a_month_missing_from_the_file_is_seen_and_weekends_are_not(kind):
    working = [
        line for line in daily("2024-01-01", 365) if date.fromisoformat(line[1]).weekday() < 5
    ]
    assert row(scored(lines(*working), kind), "gaps")["rows"] == 0
    holed = [line for line in working if not line[1].startswith("2024-03")]
    found = row(scored(lines(*holed), kind), "gaps")
    assert (found["rows"], found["of"]) == (31, 366 - 1)
    assert found["example"] == "nothing from 1 March 2024 to 31 March 2024 (31 days)"


def test_the_bulk_of_the_days_leaves_a_few_stragglers_out_on_either_side():
    frame = pd.DataFrame({"day": [-9000, 10, 11, 12, 400], "lines": [1, 50, 50, 50, 2]})
    span = bulk_of_days(frame)
    assert (span.first, span.last) == (10, 12)
    assert (span.before["day"].tolist(), span.after["day"].tolist()) == ([-9000], [400])


def test_half_the_file_after_a_long_pause_is_no_straggler():
    frame = pd.DataFrame({"day": [10, 11, 800, 801], "lines": [50, 50, 50, 50]})
    assert bulk_of_days(frame).last == 801


# --- What the import set aside -------------------------------------------------------------------

IMPORTED = {
    "import": {
        "file": "ventes.csv",
        "rows_read": 10,
        "rows_kept": 3,
        "set_aside": {"missing_customer": 4, "unreadable_date": 1, "isolated_date": 1,
                      "unreadable_amount": 1},
        "examples": {"missing_customer": [7, "12/01/2024 · 12,50 · Stylo"]},
    }
}  # fmt: skip


def test_rows_set_aside_by_the_import_are_in_the_scorecard_with_their_example():
    scorecard = scored(THREE, made_from=IMPORTED)
    found = row(scorecard, "missing_customer")
    assert (found["rows"], found["of"], found["severity"]) == (4, 10, "act")
    assert found["example"] == "row 7: 12/01/2024 · 12,50 · Stylo"
    assert counts(scorecard, "missing_date") == (1, 10)
    assert counts(scorecard, "impossible_date") == (1, 10)
    assert counts(scorecard, "unreadable_amount") == (1, 10)


@pytest.mark.filterwarnings("ignore::retention_lib.errors.DataWarning")
def test_rows_set_aside_by_the_base_itself_are_in_the_scorecard():
    frame = lines(("A", "2024-01-05", 1.0), (None, "2024-01-05", 1.0), ("B", None, 1.0),
                  ("B", "2024-01-06", None))  # fmt: skip
    scorecard = scored(frame)
    for check in ("missing_customer", "missing_date", "unreadable_amount"):
        assert counts(scorecard, check) == (1, 4)


# --- The customers -------------------------------------------------------------------------------

CUSTOMERS = pd.DataFrame(
    {
        "customer_id": ["A", "B", "C", "D", "E"],
        "name": ["Kowalski", "Wozniak", "Durand", "Petit", "Martin"],
        "siret": ["73282932000074", "73282932000075", None, None, None],
        "email": ["a@ex.test", "b at ex.test", None, "", None],
        "contactable": [True, False, None, None, True],
    }
)


@pytest.mark.parametrize("kind", ENGINES)
def test_customers_in_one_table_only_are_listed(kind):
    frame = lines(("A", "2024-01-05", 10.0), ("X", "2024-01-06", 7.0), ("X", "2024-01-07", 1.0))
    scorecard = scored(frame, kind, customers=CUSTOMERS)
    found = row(scorecard, "no_customer_row")
    assert (found["rows"], found["of"], found["amount"]) == (1, 2, 8.0)
    assert scorecard.concerned("no_customer_row").to_numpy().tolist() == [["X", 8.0]]
    assert counts(scorecard, "no_purchase") == (4, 5)
    assert scorecard.concerned("no_purchase")["customer_id"].tolist() == ["B", "C", "D", "E"]


@pytest.mark.parametrize("kind", ENGINES)
def test_rows_about_unknown_customers_are_counted_table_by_table(kind):
    people = pd.DataFrame({"customer_id": ["A", "Z", "Z"], "person_id": ["1", "2", "3"]})
    scorecard = scored(THREE, kind, customers=CUSTOMERS, people=people)
    assert counts(scorecard, "unknown_in_people") == (2, 3)


def test_numbers_that_differ_by_zeros_blanks_or_case_are_put_side_by_side():
    frame = lines(*[(number, "2024-01-05", 1.0) for number in
                    ("007", "7", "7.0", "c 12", "C12", "C012", "13", "1.30")])  # fmt: skip
    scorecard = scored(frame)
    assert counts(scorecard, "lookalike_ids") == (6, 8)
    found = row(scorecard, "lookalike_ids")
    assert found["example"] == "“007”, “7” and “7.0”"


def test_a_customer_with_two_rows_is_an_error():
    doubled = pd.concat([CUSTOMERS, CUSTOMERS.iloc[[0]]])
    found = row(scored(THREE, customers=doubled), "repeated_customers")
    assert (found["rows"], found["severity"]) == (1, "act")


@pytest.mark.parametrize("kind", ENGINES)
def test_broken_identifiers_are_listed_with_their_reason_and_empty_ones_are_not(kind):
    scorecard = scored(THREE, kind, customers=CUSTOMERS)
    assert counts(scorecard, "invalid_siret") == (1, 2)
    assert counts(scorecard, "invalid_email") == (1, 2)
    listed = scorecard.concerned("invalid_siret")
    assert listed["customer_id"].tolist() == ["B"]
    found = row(scorecard, "invalid_email")
    assert found["example"] == "B (Wozniak): “b at ex.test” has no @"


def test_probable_duplicates_are_counted_as_customers_too_many():
    frame = CUSTOMERS.assign(name=["Kowalski", "KOWALSKI SARL", "Durand", "Petit", "Martin"])
    frame = frame.drop(columns="siret")
    base = CustomerBase.from_tables(THREE, customers=frame, currency="EUR")
    found = row(check_quality(base), "probable_duplicates")
    assert (found["rows"], found["of"], found["amount"]) == (1, 5, 35.0)
    assert found["example"] == "A (Kowalski) and B (KOWALSKI SARL)"
    merged = merge_duplicates(base, find_duplicates(base))
    assert row(check_quality(merged), "probable_duplicates")["rows"] == 0


def test_consent_that_is_not_known_is_not_consent():
    scorecard = scored(THREE, customers=CUSTOMERS)
    assert counts(scorecard, "consent_unknown") == (2, 5)
    assert counts(scorecard, "consent_refused") == (1, 5)
    assert row(scorecard, "consent_refused")["severity"] == "fine"


@pytest.mark.parametrize("kind", ENGINES)
def test_completeness_counts_what_is_filled_in_column_by_column(kind):
    found = scored(THREE, kind, customers=CUSTOMERS).completeness
    filled = found[found["table"] == "customers"].set_index("column")["filled"]
    assert filled.to_dict() == {
        "customer_id": 5,
        "name": 5,
        "siret": 2,
        "email": 2,
        "contactable": 3,
    }
    assert found["share"].between(0, 1).all()


def test_columns_less_than_half_filled_are_named():
    scorecard = scored(THREE, customers=CUSTOMERS)
    assert counts(scorecard, "sparse_columns") == (2, 5)
    assert "siret (40.0 %)" in row(scorecard, "sparse_columns")["example"]


# --- Three years without contact -----------------------------------------------------------------


def silent(kind: str = "polars", **tables: Any) -> list[str]:
    """Who is without contact for three years on 31 December 2025; A bought in 2021, B in 2025."""
    frame = lines(("A", "2021-06-01", 10.0), ("B", "2025-06-01", 10.0), ("C", "2021-01-01", 5.0),
                  ("C", "2025-01-01", -5.0))  # fmt: skip
    scorecard = scored(frame, kind, as_of="2025-12-31", **tables)
    if row(scorecard, "no_contact")["rows"] == 0:
        return []
    return sorted(scorecard.concerned("no_contact")["customer_id"])


@pytest.mark.parametrize("kind", ENGINES)
def test_a_purchase_is_a_contact_and_a_refund_is_none(kind):
    assert silent(kind) == ["A", "C"]


CONTACTS = (
    # channel, kind, direction, whether it is one
    ("email", None, "in", True),
    ("call", None, "out", True),
    ("visit", "follow_up", "out", True),
    ("appel", "relance", "out", True),
    ("letter", "cancellation_request", "in", True),
    ("call", "no_answer", "out", False),
    ("call", "sans réponse", "out", False),
    ("email", "newsletter", "out", False),
    ("email", "opened", "in", False),
    ("email", "ouverture", "in", False),
    ("letter", None, "out", False),
)


@pytest.mark.parametrize("kind", ENGINES)
def test_only_what_the_customer_answered_is_a_contact(kind):
    ids = [f"{i:02d}" for i in range(len(CONTACTS))]
    frame = lines(*[(i, "2020-01-05", 1.0) for i in ids], ("Z", "2025-12-31", 1.0))
    contacts = pd.DataFrame(CONTACTS, columns=["channel", "kind", "direction", "contact"])
    contacts.insert(0, "customer_id", ids)
    contacts.insert(1, "date", "2024-05-05")
    found = scored(frame, kind, interactions=contacts.drop(columns="contact"))
    expected = contacts.loc[~contacts["contact"], "customer_id"]
    assert sorted(found.concerned("no_contact")["customer_id"]) == expected.tolist()


def test_a_call_that_the_table_says_was_not_answered_is_none():
    frame = lines(("A", "2020-01-05", 1.0), ("B", "2020-01-05", 1.0), ("Z", "2025-12-31", 1.0))
    calls = pd.DataFrame({"customer_id": ["A", "B"], "date": "2024-05-05", "channel": "call",
                          "answered": [True, False]})  # fmt: skip
    assert scored(frame, interactions=calls).concerned("no_contact")["customer_id"].tolist() == [
        "B"
    ]


def test_a_complaint_is_a_contact_and_so_is_the_end_of_a_contract():
    feedback = pd.DataFrame({"customer_id": ["A"], "date": ["2023-05-05"]})
    assert silent(feedback=feedback) == ["C"]
    ended = pd.DataFrame({"customer_id": ["A", "B", "C"],
                          "closed_on": pd.to_datetime([None, None, "2023-01-01"])})  # fmt: skip
    assert silent(customers=ended) == ["A"]


def test_a_customer_without_any_contact_counts_from_the_day_it_became_one():
    since = pd.to_datetime([None, None, None, "2024-01-01", "2020-01-01"])
    rows = pd.DataFrame({"customer_id": ["A", "B", "C", "D", "E"], "acquired_on": since})
    assert silent(customers=rows) == ["A", "C", "E"]


def test_three_years_end_on_the_same_day_of_the_calendar():
    for last, found in (("2022-12-31", []), ("2022-12-30", ["A"])):
        frame = lines(("A", last, 1.0), ("B", "2025-12-31", 1.0))
        scorecard = scored(frame)
        assert (
            list(scorecard.lists.get("no_contact", pd.DataFrame()).get("customer_id", [])) == found
        )


def test_nobody_is_silent_for_years_in_a_file_of_months():
    scorecard = scored(THREE, customers=CUSTOMERS)
    assert counts(scorecard, "no_contact") == (0, 5)


# --- The whole -----------------------------------------------------------------------------------


def test_checks_whose_columns_are_absent_are_named_and_not_counted_as_zero():
    scorecard = scored(THREE)
    missing = scorecard.not_checked.set_index("check")["needs"]
    assert missing["invalid_siret"] == "the table customers"
    assert missing["cancelled_invoices"] == "the column order_id in transactions"
    assert missing["odd_prices"] == "the columns product, quantity in transactions"
    assert not set(missing.index) & set(scorecard.to_frame()["check"])
    assert set(missing.index) | set(scorecard.to_frame()["check"]) == {c.code for c in CHECKS}


def test_a_clean_base_is_called_sound():
    assert scored(lines(("A", "2024-01-05", 1.0), ("B", "2024-01-06", 2.0))).sentence() == (
        "This base is sound: all 12 checks are fine."
    )


def test_the_sentence_names_the_biggest_problem_first():
    scorecard = scored(THREE, made_from=IMPORTED)
    assert scorecard.sentence().endswith(
        "first of all “Lines without a customer: 4 of 10 (40.0 %)”."
    )
    assert scorecard.to_frame()["check"].iloc[0] == "missing_customer"


def test_a_file_that_lacks_most_of_its_customers_is_not_to_be_relied_on():
    account = {"import": {"rows_read": 10, "set_aside": {"missing_customer": 7}}}
    assert "not to be relied on" in scored(THREE, made_from=account).sentence()


def test_the_most_urgent_stands_first(_dirty):
    base, _ = _dirty
    order = check_quality(base).to_frame()["severity"].map({"act": 0, "look": 1, "fine": 2})
    assert order.is_monotonic_increasing


def test_every_check_has_its_words_in_both_languages_and_can_say_its_remedy():
    known = texts()
    for check in CHECKS:
        for part in ("label", "remedy"):
            assert set(known[f"quality.check.{check.code}.{part}"]) == set(LANGUAGES)


def test_a_list_that_does_not_exist_names_those_that_do():
    scorecard = scored(THREE, customers=CUSTOMERS)
    with pytest.raises(ChoiceError, match="'consent_unknown'"):
        scorecard.concerned("refunds")
    with pytest.raises(InputError, match="from 1; got 0"):
        check_quality(CustomerBase.from_tables(THREE), retention_years=0)


@pytest.fixture(scope="module")
def _dirty() -> tuple[CustomerBase, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return simulate_base(250, seed=8, dirt=True, language="en")


def test_what_the_simulator_planted_is_what_the_scorecard_counts(_dirty):
    base, truth = _dirty
    table = check_quality(base).to_frame().set_index("check")["rows"]
    planted = truth.dirt["kind"].value_counts()
    for kind in ("siret", "vat", "email", "phone"):
        assert table[f"invalid_{kind}"] == planted[f"bad_{kind}"]
    assert table["consent_unknown"] == planted["unknown_consent"]
    assert table["missing_customer"] == planted["missing_customer"]
    assert table["unreadable_amount"] == planted["unreadable_amount"]
    assert table["missing_date"] + table["impossible_date"] == planted["impossible_date"]
    assert table["odd_prices"] == planted["outliers"]
    assert table["probable_duplicates"] == planted["duplicate_customer"]
    assert table["cancelled_invoices"] == planted["cancelled_invoices"] / 2
    assert table["service_lines"] + table["test_lines"] == planted["service_lines"]
    # Two equal lines of one invoice happen without being planted.
    assert planted["exact_duplicate"] <= table["exact_copies"] <= planted["exact_duplicate"] + 2


@pytest.mark.filterwarnings("ignore::retention_lib.errors.DataWarning")
def test_duckdb_and_polars_give_equal_scorecards(_dirty):
    base, _ = _dirty
    tables = {name: base.to_pandas(name) for name in base.tables}
    bases = [
        CustomerBase.from_tables(
            **{n: ENGINES[kind](t) for n, t in tables.items()}, as_of=base.as_of
        )
        for kind in ENGINES
    ]
    first, *others = [check_quality(one) for one in bases]
    for other in others:
        pd.testing.assert_frame_equal(first.to_frame(), other.to_frame())
        pd.testing.assert_frame_equal(first.completeness, other.completeness)
        assert first.lists.keys() == other.lists.keys()
        for check in first.lists:
            pd.testing.assert_frame_equal(first.concerned(check), other.concerned(check))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_filled_in(_dirty, language):
    base = replace(_dirty[0], wording=Wording(language, "EUR"))
    table = check_quality(base).to_frame()
    for column in ("label", "judgement", "example", "remedy"):
        assert not table[column].str.contains(r"\{\w*\}", regex=True).any()
    assert (table.loc[table["rows"] > 0, "remedy"] != "").all()
    assert (table.loc[table["rows"] == 0, ["remedy", "example"]] == "").all().all()


def test_unknown_columns_in_any_case_do_no_harm():
    frame = lines(("A", "2024-01-05", 1.0), ("B", "2024-02-05", 2.0))
    names = ("Price", "price2", "Size", "COPIES", "usual", "Times", "rows", "Lines")
    odd = dict.fromkeys(names, 1)
    frame = pd.concat([frame] * 5).assign(product="pen", quantity=1.0, order_id="1", **odd)
    for kind in ENGINES:
        assert counts(scored(frame, kind), "odd_prices") == (0, 10)


hostile = st.sampled_from(
    ["<script>alert(1)</script>", "=cmd|'/C calc'!A0", "🙂", "x" * 10_000, "{rows}", "a\x00b\nc"]
)  # fmt: skip


@settings(max_examples=5, deadline=None)
@given(st.lists(st.tuples(hostile, hostile, st.floats(-1e9, 1e9)), min_size=1, max_size=6))
def test_hostile_texts_survive(rows):
    frame = lines(*[(who, "2024-01-05", amount) for who, _, amount in rows])
    frame["product"] = [product for _, product, _ in rows]
    frame["order_id"] = frame["product"]
    owners = pd.DataFrame({"customer_id": frame["customer_id"].unique()})
    for column in ("name", "email", "phone", "siret", "vat"):
        owners[column] = rows[0][1]
    for kind in ENGINES:
        scorecard = scored(frame, kind, customers=owners)
        assert scorecard.sentence()
        assert (scorecard.to_frame()["rows"] <= scorecard.to_frame()["of"]).all()
        assert scorecard.to_frame()["example"].str.len().max() < 500
