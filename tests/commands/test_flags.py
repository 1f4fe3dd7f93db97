"""Messages of the library name arguments of Python; a prompt wants options."""

import pytest

from retention_lib.commands.flags import (
    as_flags,
    in_quotes,
    read_left_out,
    read_matching,
    read_separator,
)
from retention_lib.errors import InputError
from retention_lib.wording import Wording


@pytest.mark.parametrize(
    ("message", "typed"),
    [
        ('Pass decimal="," or decimal=".".', 'Pass --decimal "," or --decimal ".".'),
        ("Pass decimal=',' to read 1.", 'Pass --decimal "," to read 1.'),
        ("hold_out must be a share", "--hold-out must be a share"),
        ("budget doit être un montant", "--budget doit être un montant"),
        ("matching['date'] doit être", "--match date doit être"),
        ("such as out='rapport'.", "such as --out rapport."),
        ("with rl.load_workbook('data/x').", "with retention use data/x."),
        ('Pass date_order="year_first".', "Pass --date-order year_first."),
        ("Pass header_row=0 to name", "Pass --header-row 0 to name"),
        ("or header_row= with the row", "or --header-row with the row"),
        ("Pass sheet= and header_row= if", "Pass --sheet and --header-row if"),
        (
            'pass encoding="cp1252" or encoding="cp850"',
            "pass --encoding cp1252 or --encoding cp850",
        ),
        ("Pass separator=';' or", 'Pass --separator ";" or'),
        (
            'Answer with matching={"customer_id": "Code client", "amount": None}.',
            'Answer with --match "customer_id=Code client" --match amount=.',
        ),
        ("correct it with matching={…}.", "correct it with --match COLUMN=HEADING."),
        (
            'rl.import_export("ventes.csv", leave_out={"product": ["PORT", "FRAIS DE"]}).',
            'retention import ventes.csv --leave-out product=PORT --leave-out "product=FRAIS DE".',
        ),
        (
            'rl.import_export("ventes.csv", duplicates="set_aside").',
            "retention import ventes.csv --duplicates set_aside.",
        ),
        ('Ajoutez currency="EUR".', "Ajoutez --currency EUR."),
        ("Load it with rl.load_workbook(path).", "Load it with retention use PATH."),
        ("A rename=3 stays.", "A rename=3 stays."),
    ],
)
def test_arguments_become_options(message, typed):
    assert as_flags(message) == typed


def test_the_command_is_named_as_it_was_typed():
    assert as_flags('rl.import_export("a.csv")', "python workbook.py") == (
        "python workbook.py import a.csv"
    )


def test_quotation_marks_are_put_where_a_prompt_needs_them():
    assert [in_quotes(text) for text in ("EUR", "a b", "-1", "$HOME", "")] == [
        "EUR",
        '"a b"',
        '"-1"',
        '"$HOME"',
        '""',
    ]


def test_headings_may_hold_anything_but_must_be_given():
    w = Wording("en")
    assert read_matching(["amount=Prix = total", "margin="], w) == {
        "amount": "Prix = total",
        "margin": None,
    }
    with pytest.raises(InputError, match="--match takes a column, an equals sign"):
        read_matching(["Code client"], w)
    with pytest.raises(InputError, match="--leave-out"):
        read_left_out(["=PORT"], w)


def test_a_tab_can_be_typed():
    assert [read_separator(told) for told in ("tab", r"\t", ";", None)] == ["\t", "\t", ";", None]
