"""Where one journey ends and the next begins: the settings, and their bounds."""

from __future__ import annotations

from dataclasses import dataclass, fields

from retention_lib.decisions._offer_inputs import is_number
from retention_lib.errors import InputError

_BOUNDS = {
    "welcome_days": (90, 183, True),
    "request_days": (30, 365, True),
    "complaint_days": (1, 180, True),
    "complaint_until_days": (14, 365, True),
    "complaints_many": (2, 20, True),
    "bad_score": (0, 5, False),
    "unhappy_score": (0, 8, False),
    "score_days": (30, 365, True),
    "cold_times": (1, 20, False),
    "win_back_days": (30, 1095, True),
    "win_back_share": (0, 10, False),
    "loyal_days": (90, 1825, True),
    "loyal_purchases": (2, 365, True),
    "most_in_30_days": (1, 30, True),
}


@dataclass(frozen=True, kw_only=True)
class JourneySettings:
    """What puts a customer into a journey. Days count back from ``as_of``, ends included.

    Parameters
    ----------
    welcome_days
        A customer is welcomed for so many days after its first purchase (90 to 183).
    request_days
        A request to leave counts for so many days (30 to 365) unless a purchase followed.
    complaint_days
        A complaint open for more days than that is serious (1 to 180).
    complaint_until_days
        One older than that (14 to 365 days) is probably settled and was never closed in the file:
        a matter for prevention.
    complaints_many
        So many complaints within a year, one of them open, are serious (2 to 20).
    bad_score
        An answer of at most so many points of 10 is serious (0 to 5).
    unhappy_score
        An answer of at most so many points is a matter for prevention (0 to 8).
    score_days
        An answer counts for so many days (30 to 365).
    cold_times
        Cold retention begins where the odds of leaving are so many times those of the average
        active customer (1 to 20): twice means a chance of 18 % where the average is 10 %, and of
        86 % where it is 75 %.
    cold_above
        A chance of leaving (0 to 1) to begin at instead; ``None`` for ``cold_times``.
    win_back_days
        A customer is won back for so many days after it was lost (30 to 1,095).
    win_back_share
        And only where its last year was worth at least that share of the year of the typical
        (median) active customer (0 to 10).
    loyal_days, loyal_purchases
        Loyal is who first bought at least so many days ago (90 to 1,825) and bought at least so
        often in the activity window (2 to 365), or has a contract.
    most_in_30_days
        Who had so many contacts in the last 30 days (1 to 30) rests, unless something is urgent.

    Raises
    ------
    InputError
        Where values cannot be; the message lists them all.

    Examples
    --------
    >>> JourneySettings(welcome_days=180).welcome_days
    180
    """

    welcome_days: int = 120
    request_days: int = 180
    complaint_days: int = 14
    complaint_until_days: int = 180
    complaints_many: int = 2
    bad_score: float = 2.0
    unhappy_score: float = 6.0
    score_days: int = 180
    cold_times: float = 2.0
    cold_above: float | None = None
    win_back_days: int = 365
    win_back_share: float = 0.5
    loyal_days: int = 365
    loyal_purchases: int = 4
    most_in_30_days: int = 2

    def __post_init__(self) -> None:
        wrong = [_fault(field.name, getattr(self, field.name)) for field in fields(self)]
        said = [words for words in wrong if words]
        if said:
            raise InputError(" ".join(said))

    def cold_from(self, average: float) -> float:
        """The chance of leaving from which retention is cold, where the average is that.

        >>> round(JourneySettings().cold_from(0.10), 3), round(JourneySettings().cold_from(0.75), 3)
        (0.182, 0.857)
        """
        if self.cold_above is not None:
            return float(self.cold_above)
        if not 0 < average < 1:
            return average
        odds = self.cold_times * average / (1 - average)
        return odds / (1 + odds)


def _fault(name: str, value: object) -> str:
    if name == "cold_above":
        if value is None or (is_number(value) and 0 <= float(value) <= 1):  # type: ignore[arg-type]
            return ""
        return f"cold_above must be a number from 0 to 1, such as 0.3, or None; got {value!r}."
    low, high, whole = _BOUNDS[name]
    fits = is_number(value) and low <= float(value) <= high  # type: ignore[arg-type]
    if fits and (not whole or float(value).is_integer()):  # type: ignore[arg-type]
        return ""
    kind = "a whole number" if whole else "a number"
    return f"{name} must be {kind} from {low:,} to {high:,}; got {value!r}."


def check_settings(settings: object) -> JourneySettings:
    """The settings given, or the defaults for none; ``InputError`` for anything else."""
    if settings is None:
        return JourneySettings()
    if not isinstance(settings, JourneySettings):
        raise InputError(
            f"settings must be a JourneySettings, such as JourneySettings(welcome_days=180), from "
            f"retention_lib.decisions.journeys; got {type(settings).__name__}."
        )
    return settings
