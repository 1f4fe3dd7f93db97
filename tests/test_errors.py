"""Errors say what, how many, one example and the remedy, and show no traceback to a marketer."""

import warnings

import pytest

from retention_lib.errors import (
    ChoiceError,
    DataWarning,
    InputError,
    QuestionError,
    RetentionError,
)


def test_a_bad_choice_lists_the_choices_and_the_nearest():
    error = ChoiceError("scheme", "clasic", ["classic", "six"])
    assert str(error) == (
        "scheme must be one of 'classic', 'six'; got 'clasic'. Did you mean 'classic'?"
    )


def test_questions_come_all_at_once():
    error = QuestionError(["Which date?", "Which amount?"])
    assert error.questions == ["Which date?", "Which amount?"]
    assert "Which amount?" in str(error)


@pytest.mark.parametrize("kind", [RetentionError, InputError, QuestionError])
def test_a_notebook_shows_the_message_without_a_traceback(kind):
    shown = kind(["One file, two readings."] if kind is QuestionError else "One file.")
    lines = shown._render_traceback_()
    assert len(lines) == 1
    assert "One file" in lines[0]
    assert "Traceback" not in lines[0]


def test_a_notebook_really_uses_it():
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output
    from traitlets.config import Config

    # Without a history, which would be written into the person's own.
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    with capture_output() as shown:
        shell.run_cell(
            "from retention_lib.errors import InputError\nraise InputError('3 rows, see row 2')"
        )
    assert "Your data needs a hand: 3 rows, see row 2" in shown.stdout + shown.stderr
    assert "Traceback" not in shown.stdout + shown.stderr


def test_a_warning_about_the_data_names_no_file_of_the_library():
    said = warnings.formatwarning("3 rows have no date.", DataWarning, "/somewhere/base.py", 7)
    assert said == "Please note: 3 rows have no date.\n"
    usual = warnings.formatwarning("old", DeprecationWarning, "/somewhere/other.py", 7)
    assert "/somewhere/other.py:7: DeprecationWarning: old" in usual
