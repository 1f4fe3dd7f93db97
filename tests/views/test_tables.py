"""Tables in a notebook: escaped, in the language, readable to a machine that reads aloud."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import ClassVar

import pandas as pd
import pytest

from retention_lib.base.customer_base import CustomerBase
from retention_lib.portfolio.rfm import score_rfm
from retention_lib.results import Listing, Result
from retention_lib.views.tables import mask_frame, render
from retention_lib.wording import Wording


@dataclass(frozen=True, repr=False, eq=False)
class Shown(Result):
    words: str = field(default="Ann & Co <b>lead</b>.", kw_only=True)
    formats: ClassVar = {"revenue": "money", "share": "percent", "n": "count", "rate": "decimal"}
    hidden: ClassVar = ("code",)
    shown_rows: ClassVar = 2

    def sentence(self):
        return self.words


TABLE = pd.DataFrame(
    {
        "name": ["<script>alert(1)</script>", "Ann & Co", "Bo"],
        "revenue": [1234.5, -2.0, 3.0],
        "share": [0.125, None, 0.5],
        "n": [1200, 2, 3],
        "rate": [1.234, 2.0, 3.0],
        "since": pd.to_datetime(["2025-12-31", None, "2024-01-01"]),
        "active": [True, False, True],
        "code": ["a", "b", "c"],
    }
)


def shown(language="en", **options):
    return Shown(TABLE, wording=Wording(language), **options)


def cells(text):
    """The texts of the table's cells, row by row, as a browser would have them."""

    class Reader(HTMLParser):
        rows: ClassVar[list]

        def handle_starttag(self, tag, attrs):
            if tag == "tr":
                self.rows.append([])
            self.inside = tag in ("td", "th")

        def handle_data(self, data):
            if self.inside:
                self.rows[-1].append(data)

        def handle_endtag(self, tag):
            self.inside = False

    Reader.rows = []
    reader = Reader()
    reader.inside = False
    reader.feed(text)
    return [[cell.replace("\xa0", " ").replace("\u202f", " ") for cell in r] for r in Reader.rows]


def test_names_and_sentences_are_escaped():
    text = render(shown())
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<strong>Ann &amp; Co &lt;b&gt;lead&lt;/b&gt;.</strong>" in text


def test_assumptions_are_escaped_and_said_in_the_language():
    text = render(shown("fr", assumptions={"as_of": TABLE["since"][0], "scheme": "<i>own</i>"}))
    assert "Vu du : 31 décembre 2025" in text
    assert "&lt;i&gt;own&lt;/i&gt;" in text


def test_cells_are_written_as_one_writes_them_in_english():
    head, first, second = cells(render(shown()))
    assert head[:2] == ["Name", "Revenue"]
    assert first[1:] == ["€1,235", "12.5 %", "1,200", "1.23", "31 December 2025", "yes"]
    assert second[1:] == ["-€2", "–", "2", "2.00", "–", "no"]


def test_cells_are_written_as_one_writes_them_in_french():
    head, first, _ = cells(render(shown("fr")))
    assert head[:2] == ["Nom", "Chiffre d'affaires"]
    assert first[1:] == ["1 235 €", "12,5 %", "1 200", "1,23", "31 décembre 2025", "oui"]


def test_the_rows_that_are_not_shown_are_counted():
    assert "… and 1 more row (2 of 3 shown)" in render(shown())
    assert "… et 1 autre ligne (2 sur 3 affichées)" in render(shown("fr"))


def test_columns_for_code_are_left_out_of_the_table_but_not_of_the_frame():
    assert "code" not in cells(render(shown()))[0]
    assert "code" in shown().to_frame()


def test_numbers_stand_right_and_texts_left():
    text = render(shown())
    assert 'text-align:right;white-space:nowrap">€1,235</td>' in text
    assert 'text-align:left">31 December 2025</td>' in text


def test_headings_and_rows_are_marked_for_reading_aloud():
    text = render(shown())
    assert text.count('scope="col"') == 7
    assert text.count('scope="row"') == 2
    assert "<caption" in text


def test_no_colour_is_forced_on_a_dark_notebook():
    text = render(score_rfm(base()))
    assert "color:#" not in text and "background" not in text
    assert "color:inherit" in text


def test_the_same_result_makes_the_same_bytes():
    assert render(shown()) == render(shown())


def test_an_empty_table_says_so():
    assert "No row." in render(Shown(TABLE.head(0), wording=Wording()))


def base(**options):
    rows = [("<b>evil</b>", "2024-01-01", 9.0), ("007", "2024-01-02", 4.0)]
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    frame["date"] = pd.to_datetime(frame["date"])
    return CustomerBase.from_tables(frame, **options)


def test_results_escape_what_comes_from_the_data():
    for result in (score_rfm(base()), score_rfm(base()).profile()):
        assert "<b>" not in result._repr_html_()
        assert "<table" in result._repr_html_()
    assert "&lt;b&gt;evil&lt;/b&gt;" in score_rfm(base())._repr_html_()


def test_a_table_that_cannot_be_drawn_is_still_said():
    @dataclass(frozen=True, repr=False, eq=False)
    class Broken(Result):
        formats: ClassVar = {"name": "money"}

        def sentence(self):
            return "Said <anyway>."

    assert Broken(TABLE, wording=Wording())._repr_html_() == "<p>Said &lt;anyway&gt;.</p>"


def test_the_same_customer_has_the_same_pseudonym_in_every_table():
    one = pd.DataFrame({"customer_id": ["7", "8", "7"], "revenue": [1, 2, 3]})
    other = pd.DataFrame({"customer_id": ["8"], "score": [5]})
    masked = mask_frame(one)["customer_id"]
    assert masked[0] == masked[2] != masked[1]
    assert mask_frame(other)["customer_id"][0] == masked[1]
    assert masked.str.fullmatch(r"Customer \d{4} \d{4}").all()


def test_masking_hides_every_identifying_column_and_nothing_else():
    frame = pd.DataFrame(
        {
            "name": ["Ann Lee", None],
            "email": ["ann@example.com", ""],
            "phone": ["+33 1 00 00 00 00", None],
            "sector": ["Bakery", "Bar"],
        }
    )
    masked = mask_frame(frame)
    assert "Ann" not in masked.to_csv() and "ann@" not in masked.to_csv()
    assert masked["email"][0].endswith("@masked.invalid")
    assert masked["name"].isna()[1] and masked["email"][1] == ""
    assert masked["sector"].tolist() == ["Bakery", "Bar"]
    assert frame["name"][0] == "Ann Lee"


@pytest.mark.parametrize(("language", "word"), [("en", "Customer"), ("fr", "Client")])
def test_a_room_that_must_not_read_names_sets_one_variable(monkeypatch, language, word):
    monkeypatch.setenv("RETENTION_MASK", "1")
    text = score_rfm(base(language=language))._repr_html_()
    assert "007" not in text and "evil" not in text
    assert f"{word} " in text
    assert {"en": "masked", "fr": "masqués"}[language] in text


def test_a_masked_table_shows_no_name_in_its_free_texts_either(monkeypatch):
    monkeypatch.setenv("RETENTION_MASK", "1")
    frame = pd.DataFrame(
        {"customer_id": ["C1"], "kept_id": ["C1"], "why": ["like Durand"], "example": ["Durand"]}
    )
    text = render(Listing(frame, wording=Wording("en", "EUR"), said="Found."))
    assert "Durand" not in text
    assert "C1" not in text
    assert text.count("Customer ") >= 2
