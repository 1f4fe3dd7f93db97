"""The look: colours that everybody can tell apart, pictures that are the same everywhere."""

import io
import subprocess
import sys
from itertools import combinations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from retention_lib.portfolio.schemes import SEGMENT_CODES
from retention_lib.views import theme

# Full colour blindness after Machado, Oliveira and Fernandes (2009), on linear light.
SIGHTS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def seen_as(colour, sight):
    """A colour as that sight sees it, in CIELAB."""
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(SIGHTS[sight] @ linear, 0, 1) / TO_XYZ.sum(axis=1)
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHTS)
def test_no_two_segments_look_alike_to_any_sight(sight):
    seen = {code: seen_as(colour, sight) for code, colour in theme.SEGMENT_COLOURS.items()}
    nearest = min(
        (float(np.linalg.norm(seen[one] - seen[other])), one, other)
        for one, other in combinations(seen, 2)
    )
    assert nearest[0] > 18, nearest  # 2 can just be told apart side by side


def test_every_segment_of_the_shipped_schemes_has_its_colour():
    assert set(theme.SEGMENT_COLOURS) == set(SEGMENT_CODES)


def test_writing_on_any_colour_is_readable():
    colours = [
        *theme.SEGMENT_COLOURS.values(),
        *theme.SEVERITY_COLOURS.values(),
        *theme.SET_ASIDE_COLOURS,
    ]
    assert min(theme.contrast(theme.ink_on(colour), colour) for colour in colours) >= 4.5


def test_labels_on_paper_are_readable():
    assert theme.contrast(theme.INK, theme.PAPER) >= 7
    assert theme.contrast(theme.QUIET_INK, theme.PAPER) >= 4.5


def test_black_on_white_has_the_greatest_contrast():
    assert theme.contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert theme.contrast("#777777", "#777777") == 1


def test_a_teams_own_segments_get_free_colours_and_known_ones_keep_theirs():
    colours = theme.segment_colours(["vip", "lost", "others"])
    assert colours["lost"] == theme.SEGMENT_COLOURS["lost"]
    assert len(set(colours.values())) == 3


def test_more_segments_than_colours_still_get_one_each():
    assert len(theme.segment_colours([f"s{i}" for i in range(30)])) == 30


def test_the_theme_leaves_no_trace():
    before = dict(mpl.rcParams)
    with theme.use_theme():
        assert mpl.rcParams["font.family"] == ["DejaVu Sans"]
    assert dict(mpl.rcParams) == before


def test_importing_the_views_changes_no_setting_of_matplotlib():
    code = (
        "import matplotlib as m; before = dict(m.rcParams); "
        "import retention_lib.views.theme, retention_lib.views.charts, retention_lib.views.tables; "
        "import sys; print(dict(m.rcParams) == before, 'seaborn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_pictures_are_the_same_bytes_each_time_with_neither_date_nor_software():
    def picture():
        with theme.use_theme():
            ax = theme.new_axes(4, 3)
            ax.bar([1, 2], [3, 4])
        data = theme.png_bytes(ax.figure)
        plt.close(ax.figure)
        return data

    one, other = picture(), picture()
    assert one == other
    image = Image.open(io.BytesIO(one))
    assert image.size == (4 * theme.DPI, 3 * theme.DPI)
    assert not image.info.keys() & {"Software", "Creation Time", "date:create"}


def test_a_figure_has_a_text_alternative_once_it_is_described():
    figure = theme.new_axes().figure
    assert theme.alt_text(figure) == ""
    theme.describe(figure, "Two bars.")
    assert theme.alt_text(figure) == "Two bars."
    assert repr(figure) == "<Picture. Two bars.>"
    plt.close(figure)


def test_a_notebook_keeps_the_text_alternative_beside_the_picture():
    """As matplotlib's inline backend shows figures: after ``%matplotlib inline``, twice."""
    code = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
from matplotlib_inline.backend_inline import configure_inline_support
configure_inline_support(shell, "inline")
from retention_lib.views import theme
with theme.use_theme():
    figure = theme.new_axes(3, 2).figure
theme.describe(figure, "Two bars & more.")
configure_inline_support(shell, "other")
configure_inline_support(shell, "inline")
import matplotlib.pyplot as plt
data, about = shell.display_formatter.format(figure)
plain, none = shell.display_formatter.format(plt.subplots(figsize=(1, 1))[0])
print(about["image/png"], data["text/plain"], type(data["image/png"]).__name__)
print(none, sorted(plain))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = done.stdout.strip().splitlines()
    assert first == "{'alt': 'Two bars & more.'} <Picture. Two bars & more.> bytes"
    assert second == "{} ['image/png', 'text/plain']"


def test_a_notebook_draws_a_picture_once_when_it_shows_it(monkeypatch):
    drawn = []
    monkeypatch.setattr(theme.WorkbookFigure, "draw", lambda *args: drawn.append(args))
    for backend, times in (("module://matplotlib_inline.backend_inline", 0), ("agg", 1)):
        monkeypatch.setattr(mpl, "get_backend", lambda named=backend: named)
        canvas = theme.new_axes().figure.canvas
        drawn.clear()
        canvas.draw_idle()  # as pyplot does after each cell
        assert len(drawn) == times
