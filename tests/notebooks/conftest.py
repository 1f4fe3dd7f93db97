"""What every test of the notebooks may ask for by name."""

from tests.notebooks.browsing import browser, lab, page, watched

__all__ = ["browser", "lab", "page", "watched"]
