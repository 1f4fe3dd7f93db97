"""Pictures that everybody can read: in grey, colour-blind, on a weak projector, read out loud."""

import pytest
from matplotlib import pyplot
from matplotlib.patches import Patch

import retention_lib as rl
from retention_lib.views import theme
from tests.views.seeing import READABLE, VISIBLE, on_paper, problems_of

# One picture of each kind: bars, bars on bars, lines in bands, points with ranges, cells, dots.
PICTURES = {
    "months": rl.describe_base,
    "quality": rl.check_quality,
    "lost by month": rl.list_lost,
    "value": rl.measure_value,
    "how concentrated": lambda base: rl.measure_value(base).concentration(),
    "segments": rl.score_rfm,
}


@pytest.fixture(scope="module")
def base():
    """In French, whose labels are the longer ones."""
    made, _ = rl.simulate_base(60, seed=15, years=2, language="fr")
    return made


def test_everybody_can_read_the_pictures_of_a_small_base(base):
    found = {}
    for name, make in PICTURES.items():
        axes = make(base).plot()
        found[name] = problems_of(axes)
        pyplot.close(axes.figure)
    assert not {name: said for name, said in found.items() if said}


@pytest.mark.parametrize("band", [theme.BAND, theme.LOSS_BAND])
def test_a_band_has_an_edge_that_shows_and_letters_on_it_can_be_read(band):
    assert theme.contrast(band["edgecolor"], theme.PAPER) >= VISIBLE
    assert theme.contrast(theme.QUIET_INK, band["facecolor"]) >= READABLE


def test_severities_differ_without_colours():
    assert len(set(theme.SEVERITY_HATCHES.values())) == len(theme.SEVERITY_COLOURS)
    assert set(theme.SEVERITY_HATCHES) == set(theme.SEVERITY_COLOURS)


def drawn(**given):
    axes = theme.new_axes(4, 3)
    theme.describe(axes.figure, given.pop("alt", "words"))
    axes.set_axis_off()
    return axes


def test_what_somebody_could_not_see_is_found():
    axes = drawn(alt="")
    axes.bar([0, 1], [2, 2], color=[theme.HEAT[1], theme.KEPT])
    axes.text(0.9, 1, "grey on blue", color=theme.QUIET_INK)
    axes.text(0.5, 1.8, "one"), axes.text(0.51, 1.8, "other"), axes.text(9, 1, "far away")
    axes.hlines([1.9], 0, 1, color=theme.STOCK, alpha=0.45)
    axes.legend(handles=[Patch(color=theme.GAIN, label="up"), Patch(color=theme.LOSS, label="no")])
    said = " | ".join(problems_of(axes))
    pyplot.close(axes.figure)
    for words in ("no text", "pale area", "hard to read: 'grey", "over the other", "cut off: 'far"):
        assert words in said
    assert "pale LineCollection" in said
    assert "alike in grey: 'up' and 'no'" in said


def test_a_hatch_or_an_edge_is_enough():
    axes = drawn()
    axes.bar([0], [2], color=theme.HEAT[1], **theme.EDGE)
    axes.legend(
        handles=[
            Patch(facecolor=theme.GAIN, label="up"),
            Patch(facecolor=theme.LOSS, hatch="///", label="no"),
        ]
    )
    assert problems_of(axes) == []
    pyplot.close(axes.figure)


def test_a_half_transparent_colour_is_judged_as_it_stands_on_paper():
    assert on_paper("#000000", 0.5) == "#808080"
