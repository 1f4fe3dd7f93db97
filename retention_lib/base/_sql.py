"""Small pieces of DuckDB SQL that the readers of values are put together from."""

from __future__ import annotations

from collections.abc import Mapping

from retention_lib.base._raw import BLANKS, NUMBER_MARK

# Texts with which programs say that there is nothing.
NOTHINGS = ("null", "none", "n/a", "#n/a", "#n/d", "nan", "<na>", "nat", "#ref!", "#value!", "\\n")
# Blanks inside a value, the signs that mean minus, and those that stand for an apostrophe.
_LOOKALIKES: Mapping[str, str] = {
    **dict.fromkeys("\xa0\u2007\u2009\u202f\u2002\u2003\u2008\u200a\t", " "),
    **dict.fromkeys("\u2212\u2013\u2014\u2012\u2010\u2011\ufe63\uff0d", "-"),
    **dict.fromkeys("\u2019\u2018\u02bc\u2032\u00b4\u0060", "'"),
}
# Nearly all values begin and end with no blank, and begin as none of the nothings does (with n, N,
# #, < or a backslash): nothing is to be done to them, which one pattern tells.
_PLAIN_TEXT = rf"[^nN#<\\{BLANKS}](?s:.*[^{BLANKS}])?"
_PLAIN = dict(zip("àâäáãåçéèêëíìîïñóòôöõúùûüýÿ", "aaaaaaceeeeiiiinooooouuuuyy", strict=True))


def quoted(name: str) -> str:
    """A column or table name as a DuckDB identifier.

    >>> quoted("Prix net")
    '"Prix net"'
    """
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text as a SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def let(name: str, expr: str, body: str) -> str:
    """``body`` with ``name`` standing for ``expr``, computed once.

    SQL has no local variables; a lambda over a list of one serves as well, and DuckDB runs it
    on whole vectors.
    """
    return f"list_transform([{expr}], lambda {name}: {body})[1]"


def translated(expr: str, table: Mapping[str, str]) -> str:
    """``expr`` with single characters replaced."""
    return f"translate({expr}, {text(''.join(table))}, {text(''.join(table.values()))})"


def normalised(expr: str) -> str:
    """``expr`` with plain blanks, hyphens and apostrophes in place of what looks like them."""
    return _translated_where_needed(expr, _LOOKALIKES)


def unaccented(expr: str) -> str:
    """A lower-case ``expr`` without accents."""
    return _translated_where_needed(expr, _PLAIN)


def _translated_where_needed(expr: str, table: Mapping[str, str]) -> str:
    # Replacing characters one by one is slow, and few values have one to replace.
    found = f"regexp_matches(__u, {text('[' + ''.join(table) + ']')})"
    return let("__u", expr, f"CASE WHEN {found} THEN {translated('__u', table)} ELSE __u END")


def clean_text_sql(expr: str) -> str:
    """DuckDB expression (VARCHAR): trimmed of every kind of blank; NULL where it says nothing.

    Nothing is: no text, blanks, NULL, None, N/A, #N/A, NaN, NaT and the like. "NA" and "-" are
    left alone: they can be a code.
    """
    nothings = ", ".join(text(nothing) for nothing in ("", *NOTHINGS))
    trimmed = f"CASE WHEN length(__t) <= 7 AND lower(__t) IN ({nothings}) THEN NULL ELSE __t END"
    return (
        f"CASE WHEN regexp_full_match({expr}, {text(_PLAIN_TEXT)}) THEN {expr} "
        # Trimming forty kinds of blank is slow; a number may end with nothing but its mark.
        f"WHEN regexp_full_match({expr}, '[0-9.eE+-]+{NUMBER_MARK}') "
        f"THEN rtrim({expr}, {text(NUMBER_MARK)}) "
        f"ELSE {let('__t', f'trim({expr}, {text(BLANKS)})', trimmed)} END"
    )
