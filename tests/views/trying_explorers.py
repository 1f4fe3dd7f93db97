"""Try every control of an explorer at its ends, and many mixtures: nothing may fail."""

from __future__ import annotations

import ast
import random
import re
import xml.etree.ElementTree as ElementTree

from retention_lib.views.widgets import Explorer, View

MIXTURES = 15
# As words of their own: a French customer may be "gagnant", and a chart hold "informations".
_NO_NUMBER = re.compile(r"(?<![^\W\d_])(nan|inf|infinity)(?![^\W\d_])", re.IGNORECASE)


def check_view(view: View) -> None:
    """A sentence, figures in words, a picture that is well-formed and says its own words."""
    assert view.said
    for figure in view.figures:
        assert figure.label and figure.value
    shown = " ".join([view.said, view.alt, *(f"{f.value} {f.note}" for f in view.figures)])
    assert not _NO_NUMBER.search(shown)
    if view.chart:
        assert view.alt
        ElementTree.fromstring(view.chart)
        assert not _NO_NUMBER.search(view.chart)
    if view.code:
        ast.parse(view.code)


def try_everything(explorer: Explorer, *, mixtures: int = MIXTURES, seed: int = 7) -> int:
    """Each control at its ends alone, all at their ends together, and mixtures: states tried."""
    states = [{}]
    states += [{c.name: value} for c in explorer.controls for value in c.trials()]
    for end in (0, -1):
        states.append({c.name: c.trials()[end] for c in explorer.controls})
    chance = random.Random(seed)
    for _ in range(mixtures if explorer.controls else 0):
        states.append({c.name: chance.choice(c.trials()) for c in explorer.controls})
    for state in states:
        explorer.reset()
        explorer.set(**state)
        for name, value in state.items():
            assert getattr(explorer.settings, name) == value
        check_view(explorer.view())
    explorer.reset()
    assert explorer.settings == explorer.measured
    return len(states)
