"""A French marketer reads French: sentences, tables, pictures, sheets, periods and numbers."""

from __future__ import annotations

import os

import pytest

import retention_lib as rl
from retention_lib.portfolio.calendar_periods import period_label
from retention_lib.portfolio.schemes import SegmentScheme
from retention_lib.wording import Wording
from tests import french_sweep
from tests.french_sweep import Said, english_in, english_of, sweep

# What learns or draws most takes most of the time; its words are swept by the opt-in test below.
SLOW = {
    "ChurnModel.score",
    "assign_journeys",
    "at_risk",
    "compare",
    "evaluate_offer",
    "explore_offer",
    "explore_scenario",
    "explore_segments",
    "explore_watch_list",
    "find_types",
    "fit_churn",
    "five_points",
    "learn_uplift",
    "make_plan",
    "measure_flows(month)",
    "measure_flows(year)",
    "measure_pressure",
    "project",
    "score_rfm(six)",
    "see_the_future",
    "starting_values",
    "value_customers",
    "watch_list",
    "weigh_claims",
    "weigh_programmes",
    "win_or_keep",
}
EVERYTHING = "RETENTION_SWEEP_FRENCH"
"""Set to a workbook's folder, or to ``sample``, to sweep every call on it (two minutes)."""


@pytest.fixture
def french():
    rl.speak("fr")
    yield
    rl.speak(None)


@pytest.fixture(scope="module")
def small_base():
    """All tables, some contracts: who made it speaks French, as its products do."""
    base, _ = rl.simulate_base(120, seed=15, years=2, contracts_share=0.2, language="fr")
    return base


def test_nothing_that_a_small_base_says_is_left_in_english(small_base, french):
    swept = sweep(small_base, lambda name: name not in SLOW)
    assert len(swept.said) > 100
    found = english_of(swept)
    assert not found, "\n".join(found)


@pytest.mark.skipif(not os.environ.get(EVERYTHING), reason=f"set {EVERYTHING} to sweep all calls")
def test_nothing_that_a_whole_base_says_is_left_in_english(french):
    given = os.environ[EVERYTHING]
    base = rl.open_base("data/sample/b2b" if given == "sample" else given)
    found = english_of(sweep(base))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "english",
    [
        "Contactez les 12 customers d'abord",
        "1,234 clients",
        "une hausse de 12.5 points",
        "€12 de marge",
        "le 3 March 2025",
        "le 2025-03-01",
        "days_since_last",
        "nan",
        "{count} clients",
        "12% des clients",
    ],
)
def test_the_sweep_finds_english_where_there_is_some(english):
    assert list(english_in(Said("here", english), set()))


@pytest.mark.parametrize(
    "french",
    [
        "12 clients sur 1\u202f234, soit 1,0 % (entre 0,4 % et 2,1 %)",
        "le 1er mars 2025, 12 € de marge",
        'Essayez rl.measure_flows(base, period="quarter")',
        "ou acquired_on quand il est connu",
    ],
)
def test_the_sweep_lets_french_pass(french):
    assert not list(english_in(Said("here", french), set()))


def test_a_picture_is_looked_at_letter_by_letter():
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    axes.set_xlabel("of customers")
    axes.set_xticks([0.5], ["half"])
    assert {"of customers", "half"} <= french_sweep.written_in(figure)
    axes.set_axis_off()
    assert "half" not in french_sweep.written_in(figure)
    plt.close(figure)


def test_a_quarter_is_a_trimestre_in_french():
    assert period_label(8098, "quarter", "fr") == "2024-T3"
    assert period_label(8098, "quarter") == "2024-Q3"


def test_a_french_session_names_the_tables_of_an_english_workbook(french):
    shown = rl.describe_base(rl.open_base("data/sample/cdnow"))._repr_html_()
    assert "achats" in shown
    assert "transactions" not in shown


def test_a_segment_is_called_in_the_language_spoken(french):
    segment = SegmentScheme.classic().segment(1, 4, 4)
    assert segment.name() == segment.name("fr") != segment.name("en")
    assert SegmentScheme.classic().to_frame()["segment"].tolist()[1] == "Clients fidèles"


def test_the_folded_words_of_a_picture_are_french_as_well(small_base, french):
    from retention_lib.views.theme import _picture_in_words

    drawn = rl.describe_base(small_base).plot()
    assert "<summary>Le graphique en toutes lettres</summary>" in _picture_in_words(drawn)
    assert repr(drawn.figure).startswith("<Graphique. ")


def test_what_was_done_to_a_file_is_told_in_french(tmp_path, french):
    export = tmp_path / "ventes.csv"
    export.write_text(
        "Code client;Date;Montant\nC1;13/01/2024;12,50\nC2;28/02/2024;8,00\nC1;01/03/2024;9,90\n",
        encoding="cp1252",
    )
    done = rl.import_export(export).what_was_done()
    swept = french_sweep.Sweep(None)
    swept.note("import", done._repr_html_())
    assert [p for said in swept.said for p in english_in(said, {"montant"})] == []
    assert "nombres de 'Montant'" in done.to_frame()["step"].tolist()


def test_the_rows_set_aside_are_a_french_file_that_comes_back_mended(tmp_path, french):
    import openpyxl

    export = tmp_path / "ventes.csv"
    export.write_text(
        "Code client;Date;Montant\nC1;13/01/2024;12,50\nC2;28/02/2024;8,00\nC1;01/03/2024;vide\n",
        encoding="cp1252",
    )
    done = rl.import_export(export, matching={"amount": "Montant"})
    file = done.save(tmp_path / "boutique") / "set_aside_transactions.xlsx"
    book = openpyxl.load_workbook(file)
    assert book.sheetnames == ["mises de côté"]
    headings = [cell.value for cell in book.active[1]]
    assert headings[:3] == ["ligne", "motif", "code du motif"]
    book.active.cell(2, headings.index("Montant") + 1).value = "7,00"
    book.save(file)
    assert done.add_mended(file).rows_kept == 3


def test_what_was_answered_about_a_file_is_told_in_words(tmp_path, french):
    export = tmp_path / "ventes.csv"
    export.write_text("Code client;Date;Montant\nC1;13/01/2024;12,50\nC2;28/02/2024;8,00\n")
    done = rl.import_export(export, decimal=",", leave_out={"customer_id": ["C9"]})
    shown = done._repr_html_()
    assert "Décimales marquées par : une virgule" in shown
    assert "Lignes écartées : n° client (customer_id) : C9" in shown


@pytest.mark.parametrize(
    ("hours", "said"),
    [("1,8", "1,8 heure par"), ("2,1", "2,1 heures par"), ("11", "11 heures par")],
)
def test_the_french_plural_begins_at_two(hours, said):
    assert said in Wording("fr").say("sales_time.chart.title_plan", hours=hours)


def test_a_csv_that_came_back_is_told_of_in_the_language_spoken(tmp_path, french):
    file = tmp_path / "plan.csv"
    file.write_text(
        "plan_id;date;customer_id;channel;done;result\nP-1;2026-01-05;C1;call;oui;accepté\n"
    )
    assert "action" in rl.read_outcomes(file).sentence()
    assert "row" not in rl.read_outcomes(file).reasons().sentence()


def test_french_alternatives_have_a_space_before_the_mark():
    from retention_lib.views.drawing import list_in_alt

    assert list_in_alt(["a", "b"], Wording("fr")) == "a\xa0; b"
    assert list_in_alt(["a", "b"], Wording("en")) == "a; b"
