"""Customers that are probably the same: proposed with reasons, merged on request, undone at will.

Two entries are weighed by what they share, in bits of evidence (Fellegi and Sunter 1969): a SIRET
shared says nearly everything, a telephone much, a rare name much, a common one little. What they
hold that cannot both be true (two valid SIRETs, a father's and a son's name) rules them out
whatever else they share. Pairs are only looked at where they share an identifier, an e-mail domain
or words of the name, so the work grows with the number of customers and not with its square.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals as nw
import numpy as np
import pandas as pd

from retention_lib.base import engine
from retention_lib.base.customer_base import NET_DECIMALS, CustomerBase
from retention_lib.base.identifiers import check_identifiers, guess_region, siren_of
from retention_lib.base.names import (
    EXCLUDED,
    Likeness,
    Name,
    Rarity,
    compare,
    read_name,
    simplify,
    words,
)
from retention_lib.errors import InputError
from retention_lib.results import Result

if TYPE_CHECKING:
    Ints = np.ndarray[Any, np.dtype[np.int64]]
    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Flags = np.ndarray[Any, np.dtype[np.bool_]]

THRESHOLD = 0.8
"""Probability from which a pair is proposed."""

# Evidence in bits. A shared identifier is worth log2(customers), which is what chance costs, and
# this much more or less: how seldom two customers share it for another reason.
_SHARED = {"siret": 12.0, "vat": 6.0, "email": 5.0, "phone": 3.0}
# A mail box of the house rather than of a person: the branches of a company share it.
_ROLE_BITS = 0.0
_ROLES = frozenset(
    (
        "accueil admin administration agence achats bonjour bureau commande commandes commercial "
        "compta comptabilite contact direction facturation factures gestion hello info infos mail "
        "magasin office orders sales secretariat service support"
    ).split(" ")
)
# Domains that say nothing about their owners, however few of them are in a base.
_FREE_MAIL = frozenset(
    (
        "aol.com bbox.fr btinternet.com club-internet.fr free.fr gmail.com gmx.de gmx.fr "
        "googlemail.com hotmail.com hotmail.fr icloud.com laposte.net live.com live.fr mail.com "
        "me.com msn.com neuf.fr numericable.fr orange.fr outlook.com outlook.fr proton.me "
        "protonmail.com sfr.fr t-online.de wanadoo.fr web.de yahoo.com yahoo.fr yahoo.co.uk"
    ).split(" ")
)
# Two valid SIRETs or VAT numbers exclude; here one of the two is broken.
_DIFFERENT = {"siret": -1.0, "vat": -1.0, "email": -2.5, "phone": -2.5}
# One sign apart: a slip, or the next number of one switchboard.
_NEARLY = {"siret": 8.0, "vat": 8.0, "email": 6.0, "phone": 3.0}
_DOMAIN_WEIGHT = 0.6  # the establishments of one company share a domain as well
_OTHER_PLACE = -4.0
_OTHER_TRAIT = {"sector": -2.0, "size": -0.5}
_TRAIT_WEIGHT = {"sector": 0.4, "size": 0.3}
# Of a hundred customers five are entered twice: before anything is compared, a pair is one
# customer with a probability of 2 x 0.05 / customers.
_PRIOR = math.log2(2 * 0.05)

_MOST_SHARING = 30  # customers with one value; more share it for another reason
_MOST_IN_BLOCK = 40  # customers that agree in two words; more agree by chance
_FEW_WITH_WORD = 30  # a word so rare is reason enough to look
_WORDS_COMPARED = 5

# Columns beyond the contract that say where a customer is, finest first. The finest that both
# entries have decides.
_PLACES = (
    ("postcode", "postal code", "code postal", "cp", "zip", "zip code"),
    ("city", "town", "ville", "commune"),
    ("region",),
)
_IDENTIFIERS = ("siret", "vat", "email", "phone")
_USED = ("name", *_IDENTIFIERS, "sector", "size")


@dataclass(frozen=True, repr=False, eq=False)
class Duplicates(Result):
    """Groups of customers that are probably one: one row a customer in a group.

    Columns: ``group`` (1 is the group with the most revenue), ``customer_id``, ``name``,
    ``kept_id`` (the customer that would stay: open before closed, then the highest revenue),
    ``score`` (probability of the closest link, 0 to 1), ``why`` in words, ``revenue`` (net, all
    time, of that entry). ``pairs`` has one row a proposed pair, ``shared`` the values that too
    many customers share to say anything: switchboards, placeholders, an accountant's address.
    """

    pairs: pd.DataFrame = field(default_factory=pd.DataFrame)
    shared: pd.DataFrame = field(default_factory=pd.DataFrame)

    formats: ClassVar[Mapping[str, str]] = {"score": "percent", "revenue": "money"}

    @property
    def group_count(self) -> int:
        """How many groups are proposed."""
        return int(self.table["group"].nunique())

    def mapping(self, *, groups: Sequence[int] | None = None) -> dict[str, str]:
        """Customers that a merge would take away, each with the one it goes to.

        Raises ``InputError`` for a group that was not proposed.
        """
        table = self.table
        if groups is not None:
            unknown = sorted(set(groups) - set(table["group"]))
            if unknown:
                raise InputError(
                    f"There is no group {unknown[0]}; {self.group_count} groups are proposed, "
                    f"numbered from 1. See .to_frame()."
                )
            table = table[table["group"].isin(list(groups))]
        gone = table[table["customer_id"] != table["kept_id"]]
        return dict(zip(gone["customer_id"], gone["kept_id"], strict=True))

    def sentence(self) -> str:  # noqa: D102
        customers = int(self.assumptions["customers"])  # type: ignore[call-overload]
        if self.table.empty:
            return self.wording.say("duplicates.none", customers=customers)
        return self.wording.say(
            "duplicates.sentence",
            groups=self.group_count,
            entries=len(self.table),
            customers=customers,
            revenue=self.wording.money(float(self.table["revenue"].sum())),
        )


def find_duplicates(
    base: CustomerBase, *, threshold: float = THRESHOLD, phone_region: str | None = None
) -> Duplicates:
    """Propose groups of customers that are probably the same; nothing is merged.

    ``threshold`` is the probability (0 to 1) from which a pair is proposed. ``phone_region``
    (two letters, such as ``FR``) is the country of telephone numbers without a prefix; without
    it the country in which most of them are valid.

    The trap: two establishments of one company have one name and two SIRETs. They are never
    proposed, nor is anybody with two valid SIRENs.

    Raises ``InputError`` where the base has no customers table, or one without a name, e-mail,
    telephone, SIRET or VAT number.

    >>> lines = pd.DataFrame({"customer_id": ["1", "2", "3"], "date": ["2024-01-05"] * 3,
    ...     "amount": [10.0, 20.0, 5.0]})
    >>> customers = pd.DataFrame({"customer_id": ["1", "2", "3"],
    ...     "name": ["SARL Kowalski", "KOWALSKI", "Durand"],
    ...     "phone": ["01 23 45 67 89", "+33123456789", None]})
    >>> found = find_duplicates(CustomerBase.from_tables(lines, customers=customers))
    >>> found.mapping()
    {'1': '2'}
    """
    if not 0 < threshold < 1:
        raise InputError(f"threshold is a probability between 0 and 1; got {threshold!r}.")
    if not base.has("customers") or not set(_USED[:5]) & set(base.columns("customers")):
        raise InputError(
            "Duplicates are found by name, email, phone, siret or vat of the customers table; "
            "this base has none of them."
        )
    entries = _Entries.read(base, phone_region)
    pairs = _propose(entries, threshold)
    groups = _group(entries, pairs)
    table = _as_table(base, entries, pairs, groups)
    return Duplicates(
        table,
        wording=base.wording,
        assumptions={
            "threshold": threshold,
            "phone_region": entries.region,
            "customers": entries.count,
            "entered_twice": 0.05,
            "as_of": base.as_of,
        },
        pairs=_pairs_table(base, entries, pairs),
        shared=_shared_values(entries),
    )


# --- What is known about each customer -----------------------------------------------------------


@dataclass(frozen=True)
class _Field:
    """One property of all customers: the number of its value, -1 where there is none."""

    codes: Ints
    values: np.ndarray[Any, Any]
    counts: Ints
    valid: Flags

    @classmethod
    def of(cls, values: pd.Series, valid: pd.Series | None = None) -> _Field:
        codes, distinct = pd.factorize(values)
        counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
        good = np.ones(len(codes), bool) if valid is None else valid.to_numpy(bool)
        return cls(
            codes.astype(np.int64), np.asarray(distinct, object), counts, good & (codes >= 0)
        )

    @property
    def known(self) -> Flags:
        return self.codes >= 0

    def text(self, entry: int) -> str | None:
        code = self.codes[entry]
        return str(self.values[code]) if code >= 0 else None

    def sharing(self, entries: Ints) -> Floats:
        """How many customers have the value of each entry."""
        return np.where(self.known[entries], self.counts[self.codes[entries]], 0).astype(float)


@dataclass(frozen=True)
class _Entries:
    """The customers, one row each, in the order of their ids."""

    frame: pd.DataFrame
    fields: Mapping[str, _Field]
    places: tuple[_Field, ...]
    names: tuple[Name, ...]  # distinct ones
    name_codes: Ints  # customer to the place of its name in names; -1 for none
    rarity: Rarity
    region: str

    @property
    def count(self) -> int:
        return len(self.frame)

    @classmethod
    def read(cls, base: CustomerBase, phone_region: str | None) -> _Entries:
        have = base.columns("customers")
        places = _place_columns(have)
        wanted = ["customer_id", *[c for c in _USED if c in have], *places]
        closed = [c for c in ("closed_on_day",) if base.has("customers", "closed_on")]
        frame = engine.collect(base.visible("customers").select(*wanted, *closed))
        # The engine hands rows over in any order; which of two rows of one customer counts must
        # not depend on it.
        frame = frame.sort_values(wanted, na_position="last", ignore_index=True)
        frame = frame.drop_duplicates("customer_id", ignore_index=True)
        region = phone_region or (
            guess_region(frame["phone"], language=base.wording.language)
            if "phone" in frame
            else "FR"
        )
        names, name_codes = _read_names(frame)
        held = [names[code] for code in name_codes if code >= 0]
        return cls(
            frame,
            {**_identifier_fields(frame, region), **_trait_fields(frame)},
            tuple(_Field.of(_simplified(frame[column])) for column in places),
            names,
            name_codes,
            Rarity(held),
            region,
        )


def _place_columns(columns: Sequence[str]) -> list[str]:
    plain = {simplify(c).replace("_", " ").replace("-", " "): c for c in columns}
    return [plain[name] for names in _PLACES for name in names if name in plain]


def _simplified(column: pd.Series) -> pd.Series:
    """Texts without case, accents and the CEDEX of French addresses."""

    def plain(text: str) -> str | None:
        return simplify(text).split(" cedex")[0].replace("-", " ") or None

    known = column.dropna().astype(str)
    return known.map({text: plain(text) for text in known.unique()}).reindex(column.index)


def _identifier_fields(frame: pd.DataFrame, region: str) -> dict[str, _Field]:
    fields = {}
    for kind in _IDENTIFIERS:
        if kind not in frame:
            continue
        checked = check_identifiers(frame[kind], kind, region=region)  # type: ignore[arg-type]
        # A broken number that two entries share is as good a trace as a whole one; it only
        # cannot tell two entries apart.
        raw = checked["value"].astype("string").str.casefold().str.replace(r"\W", "", regex=True)
        usable = (checked["status"] == "invalid") & (raw.str.len() >= 6) & _varied(raw)
        normal = checked["normal"].where(checked["normal"].notna(), raw.where(usable))
        fields[kind] = _Field.of(normal.where(~_placeholder(normal)), checked["status"] == "valid")
    if "email" in fields:
        domain = pd.Series(fields["email"].values, dtype=object).str.rpartition("@")[2]
        fields["role"] = _Field.of(_roles(fields["email"]))
        of_house = domain.where(~domain.isin(_FREE_MAIL) & (domain != ""), None)
        fields["domain"] = _Field.of(_taken(of_house, fields["email"].codes))
    sirens = [
        siren_of(_valid(fields, "siret", i), _valid(fields, "vat", i)) for i in range(len(frame))
    ]
    fields["siren"] = _Field.of(pd.Series(sirens, dtype=object))
    return fields


def _roles(email: _Field) -> pd.Series:
    """``True`` for the customers whose address is a mail box of the house, else missing."""
    local = pd.Series(email.values, dtype=object).str.partition("@")[0].isin(_ROLES)
    return _taken(local.where(local, None), email.codes)


def _taken(distinct: pd.Series, codes: Ints) -> pd.Series:
    known = np.append(distinct.to_numpy(object), None)
    return pd.Series(known[codes], dtype=object)


def _valid(fields: Mapping[str, _Field], kind: str, entry: int) -> str | None:
    found = fields.get(kind)
    return found.text(entry) if found is not None and found.valid[entry] else None


def _varied(text: pd.Series) -> pd.Series:
    several = {value: len(set(value)) > 2 for value in text.dropna().unique()}
    return text.map(several).fillna(False).astype(bool)


# Typed where an address or a number had to be typed.
_PLACEHOLDER = (
    r"^(?:no|sans|pas|aucun|not?|in|un)[-_.]?(?:mail|e-mail|email|adresse|connu|known|reply)\w*@"
    r"|^(?:test|inconnu|unknown|xxx+|aaa+|none|null|nc|na|x|a)@"
    r"|^\+33(?:123456789|102030405|1234567890?)$"
)


def _placeholder(normal: pd.Series) -> pd.Series:
    return normal.astype("string").str.contains(_PLACEHOLDER, regex=True).fillna(False).astype(bool)


def _trait_fields(frame: pd.DataFrame) -> dict[str, _Field]:
    return {
        trait: _Field.of(_simplified(frame[trait])) for trait in _TRAIT_WEIGHT if trait in frame
    }


def _read_names(frame: pd.DataFrame) -> tuple[tuple[Name, ...], Ints]:
    if "name" not in frame:
        return (), np.full(len(frame), -1, dtype=np.int64)
    codes, distinct = pd.factorize(frame["name"])
    read = [read_name(str(text)) for text in distinct]
    # Names that differ in writing only become one; one without a word is none.
    keys, firsts = pd.factorize(
        pd.Series([n.key if n.tokens else None for n in read], dtype=object)
    )
    first_of: dict[int, Name] = {}
    for key, name in zip(keys, read, strict=True):
        first_of.setdefault(int(key), name)
    names = tuple(first_of[code] for code in range(len(firsts)))
    return names, np.append(keys, -1)[codes].astype(np.int64)


# --- Which pairs are worth a look ----------------------------------------------------------------


def _candidates(entries: _Entries) -> tuple[Ints, Ints]:
    """Pairs of customers (positions, the smaller first) that share something telling."""
    blocks = [
        *_identifier_blocks(entries),
        *_name_blocks(entries),
    ]
    pairs = [_block_pairs(keys, owners, most) for keys, owners, most in blocks]
    packed = np.unique(np.concatenate([_pack(a, b, entries.count) for a, b in pairs]))
    return packed // entries.count, packed % entries.count


def _pack(a: Ints, b: Ints, count: int) -> Ints:
    return np.minimum(a, b) * count + np.maximum(a, b)


def _identifier_blocks(entries: _Entries) -> Iterator[tuple[Ints, Ints, int]]:
    for kind in (*_IDENTIFIERS, "domain", "siren"):
        if kind in entries.fields:
            found = entries.fields[kind]
            owners = np.flatnonzero(found.known)
            yield found.codes[owners], owners, _MOST_SHARING


def _name_blocks(entries: _Entries) -> Iterator[tuple[Ints, Ints, int]]:
    owners = np.flatnonzero(entries.name_codes >= 0)
    codes = entries.name_codes[owners]
    if not len(owners):
        return
    for written in ([n.bag for n in entries.names], [n.joined for n in entries.names]):
        whole = pd.factorize(pd.Series(written, dtype=object))[0].astype(np.int64)
        yield whole[codes], owners, _MOST_IN_BLOCK
    keys, of_name = _word_keys(entries)
    yield *_spread_to_customers(keys, of_name, codes, owners), _MOST_IN_BLOCK


def _spread_to_customers(
    keys: Ints, of_name: Ints, codes: Ints, owners: Ints
) -> tuple[Ints, Ints]:
    """Keys of distinct names as keys of the customers that have them."""
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], of_name, side="left")
    lengths = np.searchsorted(codes[order], of_name, side="right") - starts
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return np.repeat(keys, lengths), owners[order[np.repeat(starts, lengths) + within]]


def _word_keys(entries: _Entries) -> tuple[Ints, Ints]:
    """Keys under which names meet: a word, give or take a sign, beside another word.

    A word less one of its signs is the same for two spellings that differ by one slip
    (Garbe's symmetric deletes), so two misspelt words meet without being compared.
    """
    counts = entries.rarity.counts
    numbers: dict[str, int] = {}
    spellings: dict[str, list[int]] = {}
    keys: list[int] = []
    owners: list[int] = []
    for position, name in enumerate(entries.names):
        chosen = _telling(name, entries.rarity)
        for word in chosen:
            if word not in spellings:
                spellings[word] = [
                    numbers.setdefault(spelling, len(numbers)) for spelling in _spellings(word)
                ]
        for word in chosen:
            partners = [numbers[other] for other in chosen if other != word]
            if counts[word] <= _FEW_WITH_WORD:
                partners.append(_ALONE)
            for spelling in spellings[word]:
                keys += [(spelling << 32) + partner for partner in partners]
            owners += [position] * (len(partners) * len(spellings[word]))
    return np.array(keys, dtype=np.int64), np.array(owners, dtype=np.int64)


_ALONE = (1 << 32) - 1


def _telling(name: Name, rarity: Rarity) -> list[str]:
    return sorted(set(name.tokens), key=lambda word: (-rarity.bits(word), word))[:_WORDS_COMPARED]


def _spellings(word: str) -> list[str]:
    """The word itself first, then the word less one sign; of a first name also the initial."""
    found = [word]
    if word.isalpha() and len(word) >= 4:
        found += sorted({word[:i] + word[i + 1 :] for i in range(len(word))})
    if word in words().first_names:
        found.append(word[0])
    return found


def _block_pairs(keys: Ints, owners: Ints, most: int) -> tuple[Ints, Ints]:
    """All pairs of owners that share a key, but for keys that more than ``most`` have."""
    order = np.lexsort((owners, keys))
    keys, owners = keys[order], owners[order]
    fresh = np.ones(len(keys), bool)
    fresh[1:] = (keys[1:] != keys[:-1]) | (owners[1:] != owners[:-1])
    keys, owners = keys[fresh], owners[fresh]
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else keys
    lengths = np.diff(np.append(starts, len(keys)))
    first, second = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for length in range(2, most + 1):
        members = owners[starts[lengths == length][:, None] + np.arange(length)]
        i, j = np.triu_indices(length, 1)
        first.append(members[:, i].ravel())
        second.append(members[:, j].ravel())
    return np.concatenate(first), np.concatenate(second)


# --- How much the two entries of a pair have in common -------------------------------------------


@dataclass(frozen=True)
class _Pairs:
    """Pairs of customers with their evidence; every array has one value a pair."""

    a: Ints
    b: Ints
    bits: Floats
    signs: Mapping[str, Flags]
    """What was found, such as ``same_email``: the code of the words for it, and where."""

    def where(self, kept: Flags) -> _Pairs:
        return _Pairs(
            self.a[kept],
            self.b[kept],
            self.bits[kept],
            {name: found[kept] for name, found in self.signs.items()},
        )

    @property
    def probability(self) -> Floats:
        share: Floats = 1 / (1 + np.exp2(-self.bits))
        return share

    def found(self, *signs: str) -> Flags:
        """Where at least one of these was found."""
        none = np.zeros(len(self.a), bool)
        return np.logical_or.reduce([none, *(self.signs[s] for s in signs if s in self.signs)])


def _propose(entries: _Entries, threshold: float) -> _Pairs:
    """The pairs at least so probable, whatever their groups."""
    if entries.count < 2:
        nothing = np.empty(0, np.int64)
        return _Pairs(nothing, nothing, nothing.astype(float), {})
    a, b = _candidates(entries)
    kept = ~_excluded_by_number(entries, a, b)
    pairs = _without_names(entries, a[kept], b[kept])
    least = math.log2(threshold / (1 - threshold))
    # No name can add more than all it says, so most pairs need not be compared word by word.
    pairs = pairs.where(pairs.bits + _most_by_name(entries, pairs) >= least)
    pairs = _with_names(entries, pairs)
    return pairs.where((pairs.bits >= least) & _allowed(pairs))


def _allowed(pairs: _Pairs) -> Flags:
    """Whatever the evidence: a name alone says nothing about two places."""
    own = [f"{how}_{kind}" for how in ("same", "near") for kind in ("siret", "vat", "phone")]
    email = pairs.found("same_email", "near_email")
    identified = pairs.found(*own) | (email & ~pairs.found("house_email"))
    named = pairs.found("same_name", "like_name")
    return identified | (named & ~pairs.found("other_place"))


def _excluded_by_number(entries: _Entries, a: Ints, b: Ints) -> Flags:
    """Pairs with two valid SIRETs, SIRENs or VAT numbers: two establishments, two companies."""
    excluded = np.zeros(len(a), bool)
    for kind in ("siret", "siren", "vat"):
        if kind in entries.fields:
            found = entries.fields[kind]
            both = found.valid[a] & found.valid[b]
            excluded |= both & (found.codes[a] != found.codes[b])
    return excluded


def _without_names(entries: _Entries, a: Ints, b: Ints) -> _Pairs:
    chance = math.log2(entries.count)
    bits = np.full(len(a), _PRIOR - chance)
    signs: dict[str, Flags] = {}
    for kind in _IDENTIFIERS:
        if kind in entries.fields:
            found = entries.fields[kind]
            both = found.known[a] & found.known[b]
            same = both & (found.codes[a] == found.codes[b])
            near = _one_sign_apart(found, a, b, both & ~same)
            others = np.log2(np.maximum(found.sharing(a) - 1, 1))
            bits += np.where(same, chance + _SHARED[kind] - others, 0.0)
            if kind == "email":
                of_house = same & entries.fields["role"].known[a]
                bits += np.where(of_house, _ROLE_BITS - _SHARED[kind], 0.0)
                signs["house_email"] = of_house
            bits += np.where(near, _NEARLY[kind], 0.0)
            apart = both & ~same & ~near
            if kind == "email":
                domain = entries.fields["domain"]
                alike = apart & domain.known[a] & (domain.codes[a] == domain.codes[b])
                alike &= domain.sharing(a) <= _MOST_SHARING
                common = np.log2(np.maximum(domain.sharing(a) - 1, 1))
                bits += np.where(alike, _DOMAIN_WEIGHT * (chance - common), 0.0)
                signs["same_domain"] = alike
                apart &= ~alike
            bits += np.where(apart, _DIFFERENT[kind], 0.0)
            signs[f"same_{kind}"], signs[f"near_{kind}"] = same, near
    pairs = _Pairs(a, b, bits, signs)
    return _with_traits(entries, _with_places(entries, pairs))


def _one_sign_apart(found: _Field, a: Ints, b: Ints, look: Flags) -> Flags:
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import cpdist

    near = np.zeros(len(a), bool)
    where = np.flatnonzero(look)
    if len(where):
        left, right = found.values[found.codes[a[where]]], found.values[found.codes[b[where]]]
        near[where] = (
            cpdist(list(left), list(right), scorer=OSA.distance, score_cutoff=1, dtype=np.uint8)
            <= 1
        )
    return near


def _with_places(entries: _Entries, pairs: _Pairs) -> _Pairs:
    bits = pairs.bits.copy()
    undecided = np.ones(len(bits), bool)
    signs = {"same_place": np.zeros(len(bits), bool), "other_place": np.zeros(len(bits), bool)}
    for place in entries.places:
        both = undecided & place.known[pairs.a] & place.known[pairs.b]
        same = both & (place.codes[pairs.a] == place.codes[pairs.b])
        bits += np.where(same, _agreement(place, pairs.a), 0.0)
        bits += np.where(both & ~same, _OTHER_PLACE, 0.0)
        signs["same_place"] |= same
        signs["other_place"] |= both & ~same
        undecided &= ~both
    return replace(pairs, bits=bits, signs={**pairs.signs, **signs})


def _with_traits(entries: _Entries, pairs: _Pairs) -> _Pairs:
    bits = pairs.bits.copy()
    for trait, weight in _TRAIT_WEIGHT.items():
        if trait in entries.fields:
            found = entries.fields[trait]
            both = found.known[pairs.a] & found.known[pairs.b]
            same = both & (found.codes[pairs.a] == found.codes[pairs.b])
            bits += np.where(same, weight * _agreement(found, pairs.a), 0.0)
            bits += np.where(both & ~same, _OTHER_TRAIT[trait], 0.0)
    return replace(pairs, bits=bits)


def _agreement(found: _Field, entries: Ints) -> Floats:
    """Evidence of two entries sharing a value: the more, the fewer have it; at most 7 bits."""
    known = max(int(found.known.sum()), 1)
    bits: Floats = -np.log2(np.maximum(found.sharing(entries), 1) / known)
    return np.clip(bits, 0, 7)


def _name_totals(entries: _Entries) -> Floats:
    totals = [entries.rarity.total(name) for name in entries.names]
    return np.array([*totals, 0.0])  # -1, no name, is the last place


def _most_by_name(entries: _Entries, pairs: _Pairs) -> Floats:
    totals = _name_totals(entries)
    codes_a, codes_b = entries.name_codes[pairs.a], entries.name_codes[pairs.b]
    return np.minimum(totals[codes_a], totals[codes_b])


def _with_names(entries: _Entries, pairs: _Pairs) -> _Pairs:
    """Add what the names say, each two distinct names compared once."""
    codes_a, codes_b = entries.name_codes[pairs.a], entries.name_codes[pairs.b]
    size = len(entries.names) + 1
    packed, places = np.unique(_pack(codes_a + 1, codes_b + 1, size), return_inverse=True)
    found = [_compare_codes(entries, int(p // size) - 1, int(p % size) - 1) for p in packed]
    kinds = np.array([one.kind for one in found], dtype=object)[places]
    excluded = np.array([one.excluded for one in found], dtype=bool)[places]
    gained = np.array([one.bits for one in found], dtype=float)[places]
    named = replace(
        pairs,
        bits=pairs.bits + gained,
        signs={**pairs.signs, "same_name": kinds == "same", "like_name": kinds == "alike"},
    )
    # One SIRET is one establishment, whatever the two entries call it.
    return named.where(~excluded | named.found("same_siret"))


def _compare_codes(entries: _Entries, a: int, b: int) -> Likeness:
    if a < 0 or b < 0:
        return Likeness("unknown", 0.0)
    return compare(entries.names[a], entries.names[b], entries.rarity)


# --- From pairs to groups ------------------------------------------------------------------------


def _group(entries: _Entries, pairs: _Pairs) -> list[list[int]]:
    """Groups of entries linked by proposed pairs, the surest links first.

    A link that would bring together two entries that exclude each other is not made: the group
    of one SIREN never reaches another by way of an entry without a SIREN.
    """
    member_of: dict[int, list[int]] = {}
    for place in np.lexsort((pairs.b, pairs.a, -pairs.bits)):
        a, b = int(pairs.a[place]), int(pairs.b[place])
        group_a, group_b = member_of.get(a, [a]), member_of.get(b, [b])
        if group_a is group_b or _any_excluded(entries, group_a, group_b):
            continue
        merged = [*group_a, *group_b]
        member_of.update(dict.fromkeys(merged, merged))
    distinct = {id(group): sorted(group) for group in member_of.values()}
    return sorted(distinct.values())


def _any_excluded(entries: _Entries, left: list[int], right: list[int]) -> bool:
    a = np.repeat(np.array(left), len(right))
    b = np.tile(np.array(right), len(left))
    if _excluded_by_number(entries, a, b).any():
        return True
    siret = entries.fields.get("siret")
    for i, j in zip(a.tolist(), b.tolist(), strict=True):
        same_siret = siret is not None and siret.known[i] and siret.codes[i] == siret.codes[j]
        likeness = _compare_codes(entries, int(entries.name_codes[i]), int(entries.name_codes[j]))
        if likeness == EXCLUDED and not same_siret:
            return True
    return False


# --- What a person sees --------------------------------------------------------------------------


def _as_table(
    base: CustomerBase, entries: _Entries, pairs: _Pairs, groups: list[list[int]]
) -> pd.DataFrame:
    revenue = _revenue(base, entries)
    best = _best_links(pairs)
    rows = []
    for group in groups:
        kept = min(group, key=lambda entry: _staying(entries, revenue, entry))
        total = sum(revenue[entry] for entry in group)
        for entry in sorted(group, key=lambda entry: (entry != kept, entry)):
            link = best[entry]
            other = int(pairs.b[link] if pairs.a[link] == entry else pairs.a[link])
            rows.append((total, kept, entry, other, link))
    rows.sort(key=lambda row: (-row[0], row[1]))
    ids = entries.frame["customer_id"].to_numpy(object)
    kept_ids = [ids[row[1]] for row in rows]
    probability = pairs.probability
    return pd.DataFrame(
        {
            "group": pd.factorize(pd.Series(kept_ids, dtype=object))[0] + 1,
            "customer_id": [ids[row[2]] for row in rows],
            "name": [_shown_name(entries, row[2]) for row in rows],
            "kept_id": kept_ids,
            "score": np.round([probability[row[4]] for row in rows], 4),
            "why": [
                base.wording.say(
                    "duplicates.why", other=_short(ids[row[3]]), signs=_said(base, pairs, row[4])
                )
                for row in rows
            ],
            "revenue": [revenue[row[2]] for row in rows],
        }
    )


def _revenue(base: CustomerBase, entries: _Entries) -> Floats:
    sums = (
        base.visible("transactions")
        .group_by("customer_id")
        .agg(nw.col("amount").sum().round(NET_DECIMALS).alias("revenue"))
    )
    by_id = engine.collect(sums).set_index("customer_id")["revenue"]
    revenue: Floats = by_id.reindex(entries.frame["customer_id"]).fillna(0.0).to_numpy(float)
    return revenue


def _best_links(pairs: _Pairs) -> dict[int, int]:
    best: dict[int, int] = {}
    for place in np.lexsort((pairs.b, pairs.a, -pairs.bits)).tolist():
        best.setdefault(int(pairs.a[place]), place)
        best.setdefault(int(pairs.b[place]), place)
    return best


def _staying(entries: _Entries, revenue: Floats, entry: int) -> tuple[bool, float, int, int]:
    """Sorts first the entry that should stay: open, then most revenue, then best filled in."""
    row = entries.frame.iloc[entry]
    closed = "closed_on_day" in row.index and bool(pd.notna(row["closed_on_day"]))
    return (closed, -revenue[entry], -int(row.notna().sum()), entry)


_SIGNS = (
    *(f"same_{kind}" for kind in _IDENTIFIERS),
    "same_name",
    "like_name",
    *(f"near_{kind}" for kind in _IDENTIFIERS),
    "same_domain",
    "same_place",
    "other_place",
)


def _said(base: CustomerBase, pairs: _Pairs, place: int) -> str:
    found = [name for name in _SIGNS if name in pairs.signs and pairs.signs[name][place]]
    return base.wording.listing([base.wording.say(f"duplicates.sign.{name}") for name in found])


def _shown_name(entries: _Entries, entry: int) -> str | None:
    if "name" not in entries.frame:
        return None
    name = entries.frame["name"].iat[entry]
    return _short(name) if isinstance(name, str) else None


def _short(text: str, most: int = 80) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _pairs_table(base: CustomerBase, entries: _Entries, pairs: _Pairs) -> pd.DataFrame:
    ids = entries.frame["customer_id"].to_numpy(object)
    order = np.lexsort((pairs.b, pairs.a, -pairs.bits))
    return pd.DataFrame(
        {
            "customer_id": ids[pairs.a[order]],
            "other_id": ids[pairs.b[order]],
            "score": np.round(pairs.probability[order], 4),
            "why": [_said(base, pairs, int(place)) for place in order],
        }
    )


def _shared_values(entries: _Entries) -> pd.DataFrame:
    rows = []
    for kind in _IDENTIFIERS:
        if kind in entries.fields:
            found = entries.fields[kind]
            for code in np.flatnonzero(found.counts > _MOST_SHARING):
                rows.append((kind, str(found.values[code]), int(found.counts[code])))
    rows.sort(key=lambda row: (-row[2], row[0], row[1]))
    return pd.DataFrame(rows, columns=["column", "value", "customers"])
