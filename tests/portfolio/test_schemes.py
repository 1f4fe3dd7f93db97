"""Segment schemes: a partition or an error that says why not."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention_lib.errors import ChoiceError, InputError
from retention_lib.portfolio.schemes import (
    SEGMENT_CODES,
    Segment,
    SegmentScheme,
    find_scheme,
    shipped_schemes,
)
from retention_lib.wording import LANGUAGES


def scores(levels):
    return np.array(list(product(range(1, levels + 1), repeat=3))).T


@pytest.mark.parametrize("name", ["classic", "six"])
def test_every_cell_of_a_shipped_scheme_is_in_exactly_one_segment(name):
    scheme = shipped_schemes()[name]
    named = [cell for segment in scheme.segments for cell in segment.cells]
    assert sorted(named) == sorted(scheme.cells)


def test_classic_has_eleven_segments_on_25_cells_and_six_has_six_on_27():
    classic, six = SegmentScheme.classic(), SegmentScheme.six()
    assert (len(classic.segments), len(classic.cells)) == (11, 25)
    assert (len(six.segments), len(six.cells)) == (6, 27)


@pytest.mark.parametrize(
    ("r", "f", "m", "code"),
    [
        (5, 5, 5, "champions"),
        (1, 5, 5, "cannot_lose"),
        (5, 1, 1, "new_customers"),
        (1, 1, 1, "lost"),
        (3, 3, 3, "need_attention"),
        (4, 1, 2, "promising"),
        (3, 5, 5, "loyal_customers"),
        (2, 4, 4, "at_risk"),
    ],
)
def test_corners_of_classic_are_where_a_person_expects_them(r, f, m, code):
    assert SegmentScheme.classic().segment(r, f, m).code == code


@pytest.mark.parametrize(
    ("r", "f", "m", "code"),
    [
        (3, 3, 3, "champions"),
        (1, 3, 3, "at_risk"),
        (3, 1, 3, "new_customers"),
        (1, 1, 1, "lost"),
        (2, 1, 1, "need_attention"),
        (2, 3, 3, "loyal_customers"),
    ],
)
def test_corners_of_six_are_where_a_person_expects_them(r, f, m, code):
    assert SegmentScheme.six().segment(r, f, m).code == code


@pytest.mark.parametrize("scheme", shipped_schemes().values(), ids=str)
def test_buying_more_lately_never_leads_from_champion_to_lost(scheme):
    best, worst = scheme.segments[0], scheme.segments[-1]
    assert (best.code, worst.code) == ("champions", "lost")
    assert max(cell[0] for cell in worst.cells) < min(cell[0] for cell in best.cells)


def test_the_mean_of_frequency_and_spend_rounds_halves_up():
    scheme = SegmentScheme.classic()
    means = {(f, m): scheme.cell_scores(1, f, m)[1] for f, m in [(1, 2), (2, 3), (3, 4), (4, 5)]}
    assert means == {(1, 2): 2, (2, 3): 3, (3, 4): 4, (4, 5): 5}


@pytest.mark.parametrize("scheme", shipped_schemes().values(), ids=str)
def test_looking_up_many_customers_equals_looking_up_each(scheme):
    r, f, m = scores(scheme.levels)
    found = [scheme.segments[place].code for place in scheme.positions(r, f, m)]
    assert found == [scheme.segment(*each).code for each in zip(r, f, m, strict=True)]


@pytest.mark.parametrize("scheme", shipped_schemes().values(), ids=str)
def test_each_segment_says_in_both_languages_who_it_is_and_what_to_do(scheme):
    for language in LANGUAGES:
        frame = scheme.to_frame(language)
        assert frame["segment"].is_unique
        assert (frame.astype("str") != "").all(axis=None)
    assert set(scheme.to_frame("fr")["segment_code"]) <= set(SEGMENT_CODES)
    assert not (scheme.to_frame("en")["meaning"] == scheme.to_frame("fr")["meaning"]).any()


def own_table(**changed):
    table = {"r": ["2", "1", "1"], "fm": ["1-2", "1", "2"], "segment": ["Active", "Gone", "Wake"]}
    return pd.DataFrame({**table, **changed})


def test_a_team_brings_its_own_table():
    scheme = SegmentScheme.from_table(own_table(segment_fr=["Actifs", "Partis", "À réveiller"]))
    assert scheme.levels == 2
    assert [scheme.segment(1, 2, 1).name(lang) for lang in LANGUAGES] == ["Wake", "À réveiller"]
    assert scheme.segment(2, 1, 1).subject("en") == "Customers in “Active”"


def test_a_list_of_rows_is_a_table_too():
    rows = own_table().to_dict("records")
    assert SegmentScheme.from_table(rows) == SegmentScheme.from_table(own_table())


def test_codes_of_a_teams_segments_are_plain_and_stable():
    scheme = SegmentScheme.from_table(own_table(segment=["Actifs !", "À relancer", "VIP n° 1"]))
    assert [s.code for s in scheme.segments] == ["actifs", "a_relancer", "vip_n_1"]


def test_uncovered_cells_are_counted_and_named():
    with pytest.raises(InputError, match=r"1 of 4 cells in no segment, for example r1 fm2"):
        SegmentScheme.from_table(own_table().iloc[:2])


def test_cells_covered_twice_are_counted_and_named_with_both_segments():
    with pytest.raises(InputError) as caught:
        SegmentScheme.from_table(own_table(fm=["1-2", "1-2", "2"]))
    assert "1 of 4 cells named more than once, for example r1 fm2: 'Gone' and 'Wake'" in str(
        caught.value
    )


def test_all_problems_are_told_at_once():
    with pytest.raises(InputError) as caught:
        SegmentScheme.from_table(own_table(r=["2", "2", "3"]), levels=2)
    for part in ("outside 1 to 2", "in no segment", "more than once"):
        assert part in str(caught.value)


def test_two_segments_may_not_share_a_name_or_a_code():
    one = Segment("a", ((1, 1), (1, 2)), {"name": {"en": "A"}})
    other = Segment("b", ((2, 1), (2, 2)), {"name": {"en": "A"}})
    with pytest.raises(InputError, match="stands for two segments"):
        SegmentScheme("own", "r_fm", 2, (one, other))
    with pytest.raises(InputError, match="code 'vip'"):
        SegmentScheme.from_table(own_table(segment=["VIP", "vip!", "Wake"]))


@pytest.mark.parametrize("written", ["4-5", "4–5", "4 to 5", "4 à 5", "4..5", "4,5"])
def test_ranges_and_lists_of_scores_are_understood(written):
    rows = [("1-3", "1-5", "Low"), (written, "1-5", "High")]
    scheme = SegmentScheme.from_table(pd.DataFrame(rows, columns=["r", "fm", "segment"]))
    assert scheme.segment(4, 1, 1).name() == scheme.segment(5, 5, 5).name() == "High"


@pytest.mark.parametrize("written", ["04-May", "2024-05-04", "5-4", "", "high"])
def test_a_score_that_a_spreadsheet_turned_into_a_date_is_refused_with_the_remedy(written):
    with pytest.raises(InputError, match="write 4 to 5"):
        SegmentScheme.from_table(own_table(r=["2", "1", written]))


def test_a_csv_with_semicolons_accents_and_a_byte_order_mark_is_read(tmp_path):
    text = "R;F;M;Segment\n2;1-2;1-2;Fidélisés\n1;1,2;1-2;Perdus\n"
    for encoding in ("utf-8-sig", "cp1252"):
        file = tmp_path / f"{encoding}.csv"
        file.write_text(text, encoding)
        scheme = SegmentScheme.from_table(file)
        assert scheme.on == "r_f_m"
        assert scheme.segment(2, 1, 1).name() == "Fidélisés"


def test_whole_numbers_with_gaps_below_are_scores_too():
    table = own_table(r=[2.0, 1.0, 1.0], fm=["1-2", 1, 2])
    assert len(SegmentScheme.from_table(table).cells) == 4


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame({"r": [1]}), "needs the columns"),
        (pd.DataFrame({"r": [1], "f": [1], "m": [1], "fm": [1], "segment": "A"}), "either fm"),
        (pd.DataFrame(columns=["r", "fm", "segment"]), "no row"),
        (own_table(segment=["A", None, "B"]), "Row 2 of the scheme's table has no segment"),
        (["r", "fm"], "a DataFrame, a list of rows"),
        ("nowhere.csv", "There is no file"),
    ],
)
def test_a_table_that_is_no_scheme_is_refused(table, message):
    with pytest.raises(InputError, match=message):
        SegmentScheme.from_table(table)


def test_an_unknown_scheme_is_refused_with_the_list():
    with pytest.raises(ChoiceError, match=r"'classic', 'six'.*got 'clasic'.*Did you mean"):
        find_scheme("clasic")


@st.composite
def partitions(draw):
    """A random own table that is a partition, its rows in any order."""
    axes = draw(st.sampled_from([("r", "fm"), ("r", "f", "m")]))
    levels = draw(st.integers(2, 3 if len(axes) == 3 else 6))
    cells = list(product(range(1, levels + 1), repeat=len(axes)))
    names = draw(st.lists(st.sampled_from("ABCDEF"), min_size=len(cells), max_size=len(cells)))
    rows = [(*cell, name) for cell, name in zip(cells, names, strict=True)]
    return pd.DataFrame(draw(st.permutations(rows)), columns=[*axes, "segment"]), levels


@given(partitions())
def test_any_table_that_names_each_cell_once_puts_each_customer_into_its_segment(drawn):
    table, levels = drawn
    scheme = SegmentScheme.from_table(table, levels=levels)
    r, f, m = scores(levels)
    cells = scheme.cell_scores(r, f, m)
    wanted = table.set_index(list(scheme.axes))["segment"]
    found = [scheme.segments[place].name() for place in scheme.positions(r, f, m)]
    assert found == [wanted[tuple(cell)] for cell in zip(*cells, strict=True)]


@given(partitions(), st.data())
def test_any_table_with_a_cell_missing_or_named_twice_is_refused(drawn, data):
    table, levels = drawn
    row = data.draw(st.integers(0, len(table) - 1))
    with pytest.raises(InputError):
        SegmentScheme.from_table(table.drop(index=row), levels=levels)
    twice = pd.concat([table, table.iloc[[row]]])
    with pytest.raises(InputError, match="more than once"):
        SegmentScheme.from_table(twice, levels=levels)
