"""In which languages a picture is drawn to see that it is whole."""

from __future__ import annotations

import os
from collections.abc import Iterable

from retention_lib.wording import LANGUAGES


def in_languages(names: Iterable[str]) -> list[tuple[str, str]]:
    """Each picture in French, whose words are longer, and the first in English as well.

    ``RETENTION_ALL_LANGUAGES=1`` draws every picture in every language.
    """
    pairs = [(name, language) for language in LANGUAGES for name in names]
    if os.environ.get("RETENTION_ALL_LANGUAGES"):
        return pairs
    first = next(iter(names))
    return [(name, language) for name, language in pairs if language == "fr" or name == first]
