"""Names and identifiers of simulated customers: valid by their check digits, nobody's in fact.

Telephone numbers come from the stretches that the French regulator keeps for fiction, e-mail
addresses from domains that exist for examples. SIREN numbers begin with 12, a stretch drawn from
at random here and not from any register.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retention_lib.base.simulate_profiles import Profiles
from retention_lib.base.simulate_words import (
    FIRST_NAMES,
    INVENTED_ENDS,
    INVENTED_NOUNS,
    INVENTED_STARTS,
    LEGAL_FORMS,
    MOBILE,
    REGIONS,
    SECTORS,
    SURNAMES,
)
from retention_lib.base.simulate_world import Flags, Ints, Streams, World

Texts: TypeAlias = Any
"""A pyarrow array of texts; pyarrow tells a type checker nothing."""

_DOMAINS = ("example.fr", "example.com", "example.net", "example.org")


def take(words: Sequence[str | None], index: Ints) -> Texts:
    """One word a row, by its number."""
    return pa.array(words, pa.string()).take(pa.array(index))


def join(*texts: Texts | str, by: str = "") -> Texts:
    """Texts of a row put together."""
    parts = [pa.scalar(text) if isinstance(text, str) else text for text in texts]
    return pc.binary_join_element_wise(*parts, by)


def either(condition: Flags, yes: Texts | str | None, no: Texts | str | None) -> Texts:
    """One text or the other, row by row; ``None`` is missing."""
    chosen = pc.if_else(
        pa.array(condition),
        pa.scalar(yes, pa.string()) if yes is None or isinstance(yes, str) else yes,
        pa.scalar(no, pa.string()) if no is None or isinstance(no, str) else no,
    )
    return chosen.combine_chunks() if isinstance(chosen, pa.ChunkedArray) else chosen


def codes(prefix: str, numbers: Ints, width: int) -> Texts:
    """Codes such as C00042."""
    return join(prefix, pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), width, "0"))


def slugs(names: Texts) -> Texts:
    """Names as they would stand in a web address: no accents, no blanks."""
    plain = pc.replace_substring(pc.utf8_lower(names), "œ", "oe")
    plain = pc.replace_substring_regex(pc.utf8_normalize(plain, "NFD"), r"\p{M}", "")
    plain = pc.replace_substring_regex(plain, "[^a-z0-9]+", "-")
    return pc.utf8_trim(plain, "-")


def _slug(name: str) -> str:
    letters = unicodedata.normalize("NFD", name.lower().replace("œ", "oe"))
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub("[^a-z0-9]+", "-", plain).strip("-")


def people_names(count: int, rng: np.random.Generator) -> tuple[Texts, Texts]:
    """First names and surnames."""
    return (
        take(FIRST_NAMES, rng.integers(0, len(FIRST_NAMES), count)),
        take(SURNAMES, rng.integers(0, len(SURNAMES), count)),
    )


def company_names(sector: Ints, city: Texts, rng: np.random.Generator) -> Texts:
    """Names without legal form; nearly all distinct, the city tells the others apart."""
    count = len(sector)
    trades = [trade for _, _, trades in SECTORS for trade in trades]
    sizes = np.array([len(trades) for *_, trades in SECTORS])
    begin = np.cumsum(sizes) - sizes
    trade = take(trades, begin[sector] + (rng.random(count) * sizes[sector]).astype(np.int64))
    first, surname = people_names(count, rng)
    other = take(SURNAMES, rng.integers(0, len(SURNAMES), count))
    invented = join(
        take(INVENTED_STARTS, rng.integers(0, len(INVENTED_STARTS), count)),
        take(INVENTED_ENDS, rng.integers(0, len(INVENTED_ENDS), count)),
    )
    noun = take(INVENTED_NOUNS, rng.integers(0, len(INVENTED_NOUNS), count))
    patterns = [
        join(trade, surname, by=" "),
        join(trade, surname, "&", other, by=" "),
        join(trade, first, surname, by=" "),
        join("Établissements", surname, by=" "),
        join(surname, "& Fils", by=" "),
        join(invented, noun, by=" "),
        join(trade, invented, by=" "),
    ]
    which = rng.choice(len(patterns), count, p=[0.24, 0.14, 0.12, 0.08, 0.05, 0.2, 0.17])
    names = patterns[0]
    for number, pattern in enumerate(patterns):
        names = either(which == number, pattern, names)
    names = either(_repeated(names), join(names, city, by=" "), names)
    return either(_repeated(names), join(names, first, by=" "), names)


def _repeated(texts: Texts) -> Flags:
    """Whether a text stood in an earlier row."""
    ids = pc.dictionary_encode(slugs(texts)).indices.to_numpy(zero_copy_only=False)
    _, first = np.unique(ids, return_index=True)
    repeated = np.ones(len(ids), dtype=bool)
    repeated[first] = False
    return repeated


def legal_forms(count: int, rng: np.random.Generator) -> Texts:
    """Legal forms in their usual shares."""
    names, shares = zip(*LEGAL_FORMS, strict=True)
    return take(names, rng.choice(len(names), count, p=shares))


def sirens(count: int, rng: np.random.Generator) -> Ints:
    """Nine-digit company numbers, valid by Luhn, distinct up to a million."""
    serial = rng.permutation(1_000_000)[:count] if count <= 1_000_000 else np.arange(count)
    body = 12_000_000 + serial % 1_000_000
    return body * 10 + _luhn_digit(body)


def sirets(siren: Ints, establishment: Ints) -> Ints:
    """Fourteen-digit establishment numbers: the company's, four digits, a check digit."""
    body = siren * 10_000 + establishment % 10_000
    return np.asarray(body * 10 + _luhn_digit(body))


def _luhn_digit(body: Ints) -> Ints:
    """The digit that, put behind, makes the Luhn sum a multiple of ten."""
    total, double, rest = np.zeros(len(body), dtype=np.int64), True, body.copy()
    while rest.any():
        digit = rest % 10
        total += np.where(double & (digit > 4), 2 * digit - 9, digit * (1 + double))
        rest, double = rest // 10, not double
    return np.asarray(-total % 10)


def vat_numbers(siren: Ints) -> Texts:
    """French VAT numbers: FR, a key of two digits that follows from the company number, and it."""
    return join(codes("FR", (12 + 3 * (siren % 97)) % 97, 2), codes("", siren, 9))


def phone_numbers(prefix: Texts, rng: np.random.Generator) -> Texts:
    """Ten-digit numbers kept for fiction; distinct up to 10,000 of a prefix."""
    number = np.empty(len(prefix), dtype=np.int64)
    index = pc.dictionary_encode(prefix).indices.to_numpy(zero_copy_only=False)
    for one in np.unique(index):
        mine = np.flatnonzero(index == one)
        number[mine] = rng.permutation(max(10_000, len(mine)))[: len(mine)] % 10_000
    digits = codes("", number, 4)
    pairs = [pc.utf8_slice_codeunits(digits, start, start + 2) for start in (0, 2)]
    return join(prefix, *pairs, by=" ")


def region_phones(profiles: Profiles, rng: np.random.Generator) -> Texts:
    """A number of the customer's region."""
    return phone_numbers(take([prefix for _, _, prefix, _ in REGIONS], profiles.region), rng)


def mobile_phones(count: int, rng: np.random.Generator) -> Texts:
    """Mobile numbers kept for fiction."""
    return phone_numbers(take((MOBILE,), np.zeros(count, dtype=np.int64)), rng)


def domains(slug: Texts, rng: np.random.Generator) -> Texts:
    """A host of its own under a domain that exists for examples."""
    host = pc.utf8_slice_codeunits(slug, 0, 60)
    return join(host, take(_DOMAINS, rng.integers(0, len(_DOMAINS), len(slug))), by=".")


def cities(profiles: Profiles) -> Texts:
    """The city of each customer."""
    sizes = np.array([len(places) for *_, places in REGIONS])
    flat = [city for *_, places in REGIONS for city in places]
    return take(flat, (np.cumsum(sizes) - sizes)[profiles.region] + profiles.city)


class Identities:
    """Names, numbers and addresses of the customers, and who only looks like somebody else."""

    def __init__(self, profiles: Profiles, world: World, consumers: bool, streams: Streams) -> None:
        rng = streams.of("names")
        count = profiles.count
        self.city = cities(profiles)
        if consumers:
            first, surname = people_names(count, rng)
            base = join(first, surname, by=" ")
            base = either(_repeated(base), join(base, take(SURNAMES, rng.integers(
                0, len(SURNAMES), count)), by="-"), base)  # fmt: skip
            self.name = base
        else:
            base = company_names(profiles.sector, self.city, rng)
            self.name = join(base, legal_forms(count, rng), by=" ")
        self.siren = sirens(count, rng)
        self.establishment = np.where(rng.random(count) < 0.7, 1, rng.integers(2, 9, count))
        # Where names still repeat, in very large bases, a number keeps the hosts apart.
        slug = slugs(base)
        slug = either(_repeated(slug), join(slug, codes("", np.arange(count), 1), by="-"), slug)
        self.domain = domains(slug, rng)
        mailbox = take(("contact", "achats", "accueil", "info"), rng.integers(0, 4, count))
        self.email = join(mailbox, self.domain, by="@")
        if consumers:
            provider = take(_DOMAINS, rng.integers(0, len(_DOMAINS), count))
            self.email = join(slug, provider, by="@")
        self.phone = region_phones(profiles, rng)
        self.lookalikes: list[tuple[int, int, str]] = []
        self._found_groups(base, world, streams.of("groups"))
        self._name_sons(base, world, consumers, streams.of("sons"))
        self.siret = codes("", sirets(self.siren, self.establishment), 14)
        self.vat = vat_numbers(self.siren)

    def _found_groups(self, base: Texts, world: World, rng: np.random.Generator) -> None:
        """Establishments of one company: same name and company number, another town."""
        count = len(base)
        members = rng.permutation(count)[: round(world.group_share * count)]
        name, domain = np.array(self.name, dtype=object), np.array(self.domain, dtype=object)
        email, city = np.array(self.email, dtype=object), np.array(self.city, dtype=object)
        for begin in range(0, len(members) - 1, 3):
            head, *others = (int(i) for i in members[begin : begin + 3])
            taken = {city[head]}
            for number, other in enumerate(others, start=2):
                if city[other] in taken:
                    continue
                taken.add(city[other])
                name[other], domain[other] = name[head], domain[head]
                local = _slug(city[other])
                email[other] = f"{local}@{domain[head]}"
                self.siren[other] = self.siren[head]
                self.establishment[other] = self.establishment[head] + 10 * number
                self.lookalikes.append((other, head, "establishment"))
        self.name, self.domain = pa.array(name, pa.string()), pa.array(domain, pa.string())
        self.email = pa.array(email, pa.string())

    def _name_sons(
        self, base: Texts, world: World, consumers: bool, rng: np.random.Generator
    ) -> None:
        """Father and son: the same surname and trade, a first name and numbers of their own."""
        count = len(base)
        grouped = {index for pair in self.lookalikes for index in pair[:2]}
        names, city = np.array(self.name, dtype=object), np.array(self.city, dtype=object)
        domain, email = np.array(self.domain, dtype=object), np.array(self.email, dtype=object)
        free = [i for i in rng.permutation(count).tolist() if i not in grouped]
        free = sorted(free[: round(6 * world.namesake_share * count)], key=lambda i: city[i])
        neighbours = [pair for pair in zip(free[::2], free[1::2], strict=False)
                      if city[pair[0]] == city[pair[1]]]  # fmt: skip
        for father, son in neighbours[: round(world.namesake_share * count / 2)]:
            surname = SURNAMES[int(rng.integers(0, len(SURNAMES)))]
            trade = "" if consumers else "Garage "
            form = "" if consumers else " " + names[father].rsplit(" ", 1)[1]
            one, two = rng.choice(len(FIRST_NAMES), 2, replace=False)
            for who, first in ((father, FIRST_NAMES[one]), (son, FIRST_NAMES[two])):
                called = f"{trade}{first} {surname}"
                names[who] = called + form
                host = _slug(called)
                domain[who] = f"{host}.{domain[who].split('.', 1)[1]}"
                local, provider = email[who].split("@")
                email[who] = f"{host}@{provider}" if consumers else f"{local}@{domain[who]}"
            self.lookalikes.append((son, father, "family"))
        self.name, self.domain = pa.array(names, pa.string()), pa.array(domain, pa.string())
        self.email = pa.array(email, pa.string())
