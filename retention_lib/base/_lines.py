"""The physical lines of a text file, and those of them that no table can have."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from retention_lib.base._encoding import Decoded
from retention_lib.errors import InputError

if TYPE_CHECKING:
    import numpy as np

MAX_LINE = 1_000_000
"""Bytes of the longest line that can be a row."""
_NO_BREAK = re.compile(rb"\r(?!\n)")
_MARKUP = re.compile(rb"\s*<(?:!doctype|html|head|body|table|\?xml|div|meta)", re.IGNORECASE)
_JSON = re.compile(rb"\s*(?:\{\s*[\"}]|\[\s*[\[{])")


class Lines:
    """The physical lines of a text whose line ends are newlines."""

    def __init__(self, text: Decoded) -> None:
        import numpy as np

        self.data, self.codec = text.data, text.codec
        ends = _newlines(self.data)
        if not self.data.endswith(b"\n"):
            ends = np.append(ends, len(self.data))
        self.ends = ends
        self.starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else ends

    def __len__(self) -> int:
        return len(self.ends)

    def text(self, line: int) -> str:
        """A line, decoded, without its end."""
        raw = self.data[int(self.starts[line]) : int(self.ends[line])]
        return raw.decode(self.codec, "replace").removesuffix("\r")

    def block(self, first: int, count: int) -> list[str]:
        """Consecutive lines, as many as there are."""
        return [self.text(i) for i in range(first, min(first + count, len(self)))]

    def with_blanked(self, lines: Sequence[int]) -> bytes:
        """The text with some lines emptied, so that the others keep their numbers."""
        pieces, position = [], 0
        for line in sorted(lines):
            pieces.append(self.data[position : int(self.starts[line])])
            position = int(self.ends[line])
        pieces.append(self.data[position:])
        return b"".join(pieces)

    def at(self, positions: Sequence[int]) -> list[int]:
        """The lines that hold these bytes, each once."""
        import numpy as np

        found = np.searchsorted(self.ends, np.asarray(positions, dtype=np.int64))
        return [int(line) for line in np.unique(found)]


def plain_lines(text: Decoded) -> Decoded:
    """Line ends as newlines, and without the mark that DOS put at the end of a file."""
    data = text.data.rstrip(b"\x1a") if text.data.endswith(b"\x1a") else text.data
    returns = data.count(b"\r")
    if returns and returns != data.count(b"\r\n"):
        if b"\n" not in data:
            return replace(text, data=data.replace(b"\r", b"\n"))
        data, count = _NO_BREAK.subn(b" ", data)
        sentence = f"{count:,} carriage returns inside lines were read as blanks."
        return replace(text, data=data, assumptions=(*text.assumptions, sentence))
    return replace(text, data=data)


def refuse_other_formats(data: bytes, name: str) -> None:
    if _MARKUP.match(data):
        raise InputError(
            f"{name} is a web page or XML, whatever its name says. Open it in Excel or "
            "LibreOffice and save it as xlsx."
        )
    if _JSON.match(data):
        raise InputError(f"{name} is JSON, not a table. Export it as CSV, Excel or Parquet.")


def _newlines(data: bytes) -> np.ndarray[Any, np.dtype[np.int64]]:
    import numpy as np

    step = 16 << 20
    found = []
    for start in range(0, len(data), step):
        block = np.frombuffer(data, np.uint8, min(step, len(data) - start), start)
        found.append(np.flatnonzero(block == 10) + start)
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def bad_lines(lines: Lines, name: str) -> dict[int, tuple[str, str]]:
    """Lines that cannot be rows whatever the layout: line to (reason, text)."""
    import numpy as np

    bad = {int(i): "too_long" for i in np.flatnonzero(lines.ends - lines.starts > MAX_LINE)}
    if b"\0" in lines.data:
        nulls = [match.start() for match in re.finditer(b"\0", lines.data)]
        bad |= dict.fromkeys(lines.at(nulls), "null_bytes")
    if len(bad) > max(10, 0.01 * len(lines)) or len(bad) == len(lines):
        raise InputError(
            f"{name} is damaged or not a text file: {len(bad):,} of its {len(lines):,} lines "
            f"hold null bytes or more than {MAX_LINE:,} characters (first: line "
            f"{min(bad) + 1:,}). Export it again."
        )
    return {line: (reason, lines.text(line)) for line, reason in bad.items()}


def without(emptied: Mapping[int, object], text: Decoded, lines: Lines) -> tuple[Decoded, Lines]:
    """The text with these lines emptied, so that the others keep their numbers."""
    if not emptied:
        return text, lines
    text = replace(text, data=lines.with_blanked(list(emptied)))
    return text, Lines(text)
