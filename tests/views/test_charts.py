"""Charts: they say the finding, in both languages, and nothing is cut off."""

from dataclasses import dataclass
from functools import cache

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from retention_lib.base.customer_base import CustomerBase
from retention_lib.portfolio.rfm import score_rfm
from retention_lib.portfolio.schemes import SegmentScheme
from retention_lib.results import Result
from retention_lib.views import charts, theme
from retention_lib.wording import LANGUAGES, Wording
from tests.views.in_languages import in_languages


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@cache
def scored(language="en", *, customers=60, currency="EUR", scheme="classic"):
    return score_rfm(shop(language, customers=customers, currency=currency), scheme=scheme)


def shop(language="en", *, customers=60, currency="EUR"):
    """Customers who differ in how lately, how often and how much they buy."""
    rows = [
        (f"c{i:03}", pd.Timestamp("2025-12-31") - pd.Timedelta(days=i * 11 + 40 * visit), 10.0 * i)
        for i in range(1, customers + 1)
        for visit in range(1 + (i * 7) % 6)
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return CustomerBase.from_tables(frame, language=language, currency=currency)


@dataclass(frozen=True, repr=False, eq=False)
class Said(Result):
    words: str = "3 of 5 checks found something."

    def sentence(self):
        return self.words


def scorecard(language="en"):
    table = pd.DataFrame(
        {
            "label": [
                "No customer",
                "A telephone number that nobody can have " * 2,
                "Copies",
                "ok",
            ],
            "share": [0.205, 0.031, 0.0001, 0.0],
            "rows": [107927, 16000, 2, 0],
            "severity": ["act", "look", "look", "fine"],
        }
    )
    return Said(table, wording=Wording(language))


def account(language="en"):
    table = pd.DataFrame(
        {
            "reason": ["", "missing_customer", "totals_line"],
            "label": ["kept", "no customer", "a line of totals, and not a sale at all " * 3],
            "rows": [900, 99, 1],
            "share": [0.9, 0.099, 0.001],
        }
    )
    return Said(table, wording=Wording(language))


def own_scheme(*rows):
    return SegmentScheme.from_table(pd.DataFrame(rows, columns=["r", "fm", "segment"]))


LONG_NAMES = own_scheme(
    ("1", "1-5", "Incomprehensibilities of the first kind"),
    ("5", "1,5", "Corners"),
    ("5", "2-4", "Very important purchasers"),
    ("2-4", "1-5", "Everybody else whom we could not put anywhere better"),
)
EIGHT_LEVELS = own_scheme(("1-4", "1-8", "Away"), ("5-8", "1-8", "Here"))
PICTURES = {
    "map": lambda lang: scored(lang).plot(),
    "map of six, in dollars": lambda lang: scored(lang, currency="USD", scheme="six").plot(),
    "map of one customer": lambda lang: scored(lang, customers=1).plot(),
    "map of long names": lambda lang: scored(lang, scheme=LONG_NAMES).plot(),
    "map of eight levels": lambda lang: scored(lang, scheme=EIGHT_LEVELS).plot(),
    "shares": lambda lang: scored(lang).profile().plot(),
    "shares of three customers": lambda lang: scored(lang, customers=3).profile().plot(),
    "quality": lambda lang: charts.plot_quality(scorecard(lang)),
    "set aside": lambda lang: charts.plot_set_aside(account(lang)),
}


@pytest.mark.parametrize(("name", "language"), in_languages(PICTURES))
def test_a_picture_is_whole_small_and_has_a_text_alternative(name, language):
    ax = PICTURES[name](language)
    figure, box = ax.figure, ax.get_tightbbox()
    assert min(box.x0, box.y0) >= -0.5, "cut off at the left or below"
    assert box.x1 <= figure.bbox.width + 0.5, "cut off at the right"
    assert box.y1 <= figure.bbox.height + 0.5, "cut off above"
    text = theme.alt_text(figure)
    assert text.startswith({"en": ("Map", "Bar"), "fr": ("Carte", "Barre")}[language])
    assert any(letter.isdigit() for letter in text)
    if language == "fr":
        assert len(theme.png_bytes(figure)) < 80_000


def plain(text):
    return text.replace("\n", " ").replace("\xa0", " ").replace("\u202f", " ")


TITLES = {
    "en": "Customers you cannot afford to lose are 13 % of customers and bring 34 % of revenue",
    "fr": "Les clients à ne pas perdre représentent 13 % des clients et apportent 34 % "
    "du chiffre d'affaires",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_title_of_the_map_is_the_finding_in_the_bases_language(language):
    assert plain(scored(language).plot().get_title(loc="left")) == TITLES[language]


def test_the_title_of_the_shares_is_the_profiles_sentence():
    profile = scored("fr").profile()
    title = plain(profile.plot().get_title(loc="left"))
    assert title == plain(profile.sentence()).rstrip(".")


def test_axes_carry_their_units():
    ax = scored().plot()
    assert ax.get_ylabel() == "R: days since last purchase (5 = lately)"
    assert ax.get_yticklabels()[0].get_text().endswith("days")
    assert scored("fr").profile().plot().get_xlabel() == "part du total (%)"


def written(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def test_the_map_names_every_segment_with_its_customers_and_share():
    texts = written(scored().plot())
    for row in scored().profile().table.itertuples():
        assert " ".join(texts).count(row.segment.split()[0])
    counts = [text.split()[0] for text in texts if text.endswith((" customer", " customers"))]
    assert sum(int(count) for count in counts if count.isdigit()) == 60
    held = scored().profile().table["customers"] > 0
    assert len([text for text in texts if text.endswith("of revenue")]) == held.sum()


def test_a_segment_in_two_pieces_is_named_twice_and_counted_once():
    scheme = own_scheme(("1-2", "1,3", "Ends"), ("1-2", "2", "Middle"), ("3", "1-3", "Top"))
    texts = written(scored(scheme=scheme).plot())
    assert texts.count("Ends") == 2
    assert len([text for text in texts if "of revenue" in text]) <= 3


def test_each_segment_has_its_colour_in_the_map_and_in_the_bars():
    profile = scored().profile()
    ax = profile.plot()
    from matplotlib.colors import to_hex

    held = profile.table[profile.table["customers"] > 0]
    bars = [to_hex(bar.get_facecolor()).upper() for bar in ax.containers[0]]
    assert bars == [theme.SEGMENT_COLOURS[code] for code in held["segment_code"]]


def test_bars_show_the_shares_of_the_profile_and_nothing_else():
    profile = scored().profile()
    held = profile.table[profile.table["customers"] > 0]
    ax = profile.plot()
    assert [bar.get_width() for bar in ax.containers[0]] == held["share_of_revenue"].tolist()
    assert [bar.get_width() for bar in ax.containers[1]] == held["share_of_customers"].tolist()


def test_money_is_never_taken_for_a_formula():
    result = scored(currency="USD", scheme="six")
    assert not any(text.get_parse_math() for text in result.plot().texts)


def test_charts_draw_on_the_axes_they_are_given():
    figure, axes = plt.subplots(1, 2, figsize=(14, 5))
    result = scored()
    assert result.plot(ax=axes[0]) is axes[0]
    assert result.profile().plot(ax=axes[1]) is axes[1]
    assert theme.alt_text(figure).startswith("Bars")


def test_drawing_changes_no_setting_of_matplotlib():
    before = dict(plt.rcParams)
    scored().plot()
    assert dict(plt.rcParams) == before


def test_what_has_to_be_mended_stands_above_what_is_only_frequent():
    card = scorecard()
    card.table["severity"] = ["fine", "look", "act", "fine"]
    labels = [label.get_text() for label in charts.plot_quality(card).get_yticklabels()]
    assert (labels[0], labels[-1]) == ("Copies", "No customer")


def test_checks_that_found_nothing_are_left_out_of_the_picture():
    labels = [label.get_text() for label in charts.plot_quality(scorecard()).get_yticklabels()]
    assert labels[0] == "No customer"
    assert "ok" not in labels


def test_the_bar_of_what_became_of_the_rows_adds_up_to_all_of_them():
    ax = charts.plot_set_aside(account())
    widths = [bar.get_width() for container in ax.containers[:3] for bar in container]
    assert sum(widths) == pytest.approx(1)
