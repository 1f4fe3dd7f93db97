"""The picture of the claims: every sentence once, its verdict in shape and colour, nothing cut."""

from functools import cache

import matplotlib.pyplot as plt
import pytest
from matplotlib.text import Text

from retention_lib.decisions._claims_list import CODES, Evidence
from retention_lib.decisions.claims import ClaimsResult, _table
from retention_lib.views import theme
from retention_lib.wording import LANGUAGES, Wording

RICH = {
    "ten_a_year": Evidence("", 0.137, 0.117, 0.158),
    "half_in_five": Evidence("", 0.52, 0.117, 0.578),
    "same_rate": Evidence("", 0.40951, 0.40951, 0.40951),
    "five_points_worth": Evidence("", 0.341, 0.313, 0.373),
    "five_points_profit": Evidence("", 0.115, 0.113, 0.117, sure=False),
    "win_two": Evidence("", 2.349, 0.0, 10.138),
    "win_six": Evidence("", 0.8, 0.2, 1.4),
    "five_year_customer": Evidence("", 1.18, 0.83, 1.66),
    "want_of_contact": Evidence("", 0.118, 0.011, 0.851),
    "never_complain": Evidence("", 0.609, 0.534, 0.68),
    "not_the_product": Evidence("", 0.842, 0.814, 0.867),
    "longer_more": Evidence("", -0.012, -0.076, 0.052),
    "four_contacts": Evidence("", -0.074, -0.135, -0.022, sure=False),
}
BARE = {"same_rate": RICH["same_rate"]}
FLOOR = {
    "ten_a_year": Evidence("", 0.654, 0.635, 1.0),
    "half_in_five": Evidence("", low=0.635, high=1.0),
    "same_rate": RICH["same_rate"],
}
CASES = {"rich": RICH, "bare": BARE, "floor": FLOOR}


def result(name, language="en"):
    w, unknown = Wording(language), Evidence("Nothing on file.")
    found = {code: CASES[name].get(code, unknown) for code in CODES}
    return ClaimsResult(_table(found, w), wording=w)


@cache
def drawn(name, language="en"):
    ax = result(name, language).plot()
    ax.figure.canvas.draw()
    return ax


@pytest.fixture(autouse=True, scope="module")
def close_figures():
    yield
    drawn.cache_clear()
    plt.close("all")


def plain(text):
    return " ".join(text.replace("\N{NO-BREAK SPACE}", " ").split())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", CASES)
def test_the_title_is_the_finding_and_nothing_is_cut_off(name, language):
    told, ax = result(name, language), drawn(name, language)
    assert plain(ax.get_title(loc="left")) == plain(told.finding())
    assert plain(told.finding()) in plain(theme.alt_text(ax.figure))
    edge, held = ax.figure.bbox, ax.get_tightbbox()
    assert edge.x0 - 1 <= held.x0 and held.x1 <= edge.x1 + 1
    assert edge.y0 - 1 <= held.y0 and held.y1 <= edge.y1 + 1
    sizes = [text.get_fontsize() for text in ax.figure.findobj(Text) if text.get_text().strip()]
    assert min(sizes) >= 9.5


@pytest.mark.parametrize("name", CASES)
def test_every_sentence_stands_there_once_under_its_verdict(name):
    told, ax = result(name), drawn(name)
    names = [plain(label.get_text()) for label in ax.get_yticklabels()]
    assert sorted(names) == sorted(claim.rstrip(".") for claim in told.table["claim"])
    counts = told.table["verdict_code"].value_counts()
    headings = {text.get_text() for text in ax.texts if text.get_weight() == "bold"}
    for code, label in (("contradicted", "Contradicted"), ("cannot_tell", "Cannot tell")):
        assert f"{label}: {counts[code]}" in headings
    assert ("Confirmed: 2" in headings) == (name == "rich")


def test_no_two_texts_of_the_picture_overlap():
    for language in LANGUAGES:
        ax = drawn("rich", language)
        boxes = [text.get_window_extent() for text in [*ax.texts, *ax.get_yticklabels()]]
        for place, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[place + 1 :])


def test_the_verdict_is_told_by_shape_as_well_as_by_colour():
    ax = drawn("rich")
    shapes = {
        (line.get_marker(), line.get_markeredgecolor())
        for line in ax.lines
        if line.get_marker() in ("o", "X", "D")
    }
    assert shapes == {("X", theme.LOSS), ("o", theme.GAIN), ("D", theme.QUIET_INK)}


def test_figures_stand_beside_the_lines_with_their_units_and_ranges():
    texts = [text.get_text() for text in drawn("rich").texts]
    for said in (
        "13.7 % (11.7 to 15.8)",
        "41 %",
        "+34 % (+31 to +37)",
        "1.2 times (0.8 to 1.7)",
        "−1.2 % (−7.6 to +5.2)",
        "−7.4 points (−13.5 to −2.2)",
        "12 % (1 to 85)",
    ):
        assert said in texts


def test_where_the_upper_end_is_not_known_only_the_least_is_said():
    ax = drawn("floor")
    assert [text.get_text() for text in ax.texts].count("at least 63.5 %") == 2
    assert sum(line.get_marker() == ">" for line in ax.lines) == 2


def test_where_there_is_no_figure_the_picture_says_what_it_would_take():
    texts = [plain(text.get_text()) for text in drawn("bare").texts]
    told = [text for text in texts if text.startswith("It would take: ")]
    assert len(told) == 15
    assert any("closure_reason for every customer lost" in text for text in told)


def test_the_picture_in_words_names_every_sentence():
    alt = theme.alt_text(drawn("rich").figure)
    assert all(claim in alt for claim in result("rich").table["claim"])


def test_the_picture_is_small_enough_for_a_notebook():
    assert len(theme.png_bytes(drawn("rich", "fr").figure)) < 120_000


def test_it_draws_on_the_axes_it_is_given_and_changes_no_setting():
    before = dict(plt.rcParams)
    _, ax = plt.subplots(figsize=(12, 10))
    assert result("rich").plot(ax=ax) is ax
    assert dict(plt.rcParams) == before
