"""What two entries of the customers table have in common, weighed in bits of evidence.

Two entries are weighed by what they share (Fellegi and Sunter 1969): a SIRET shared says nearly
everything, a telephone much, a rare name much, a common one little. What they hold that cannot
both be true (two valid SIRETs, a father's and a son's name) rules them out whatever else they
share. Pairs are only looked at where they share an identifier, an e-mail domain or words of the
name, so the work grows with the number of customers and not with its square.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.identifiers import (
    IdentifierKind,
    check_identifiers,
    guess_region,
    siren_of,
)
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

if TYPE_CHECKING:
    Ints = np.ndarray[Any, np.dtype[np.int64]]
    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Flags = np.ndarray[Any, np.dtype[np.bool_]]

# Evidence in bits. A shared identifier is worth log2(customers), which is what chance costs, and
# this much more or less: how seldom two customers share it for another reason.
_SHARED = {"siret": 12.0, "vat": 6.0, "email": 5.0, "phone": 3.0}
# A mail box of the house rather than of a person: the branches of a company share it.
_ROLE_BITS = 0.0
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

MOST_SHARING = 30  # customers with one value; more share it for another reason
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
IDENTIFIERS: tuple[IdentifierKind, ...] = ("siret", "vat", "email", "phone")


# --- What is known about each customer -----------------------------------------------------------


@dataclass(frozen=True)
class CheckedCustomers:
    """The customers table as it was known on ``as_of``, one row a customer, in order of the ids.

    ``identifiers`` holds, for each identifier column there is, what
    :func:`~retention_lib.base.identifiers.check_identifiers` found, row by row; ``repeated`` the
    ids of which the table has more than one row; ``region`` the country of the telephones.
    """

    frame: pd.DataFrame
    identifiers: Mapping[IdentifierKind, pd.DataFrame]
    repeated: tuple[str, ...]
    region: str


def read_customers(base: CustomerBase, *, phone_region: str | None = None) -> CheckedCustomers:
    """Read the customers table and check its identifiers, once for all that need them."""
    frame = engine.collect(base.visible("customers"))
    # The engine hands rows over in any order; which of two rows of one customer counts must
    # not depend on it.
    columns = sorted(set(base.columns("customers")) - {"customer_id"})
    frame = frame.sort_values(["customer_id", *columns], na_position="last", ignore_index=True)
    again = frame["customer_id"].duplicated()
    repeated = tuple(frame.loc[again, "customer_id"].unique())
    frame = frame[~again].reset_index(drop=True)
    region = phone_region or "FR"
    if phone_region is None and "phone" in frame:
        region = guess_region(frame["phone"], language=base.wording.language)
    identifiers = {
        kind: check_identifiers(frame[kind], kind, region=region, wording=base.wording)
        for kind in IDENTIFIERS
        if kind in frame
    }
    return CheckedCustomers(frame, identifiers, repeated, region)


@dataclass(frozen=True)
class Field:
    """One property of all customers: the number of its value, -1 where there is none."""

    codes: Ints
    values: np.ndarray[Any, Any]
    counts: Ints
    valid: Flags

    @classmethod
    def of(cls, values: pd.Series, valid: pd.Series | None = None) -> Field:
        """Number the distinct values of a column."""
        codes, distinct = pd.factorize(values)
        counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
        good = np.ones(len(codes), bool) if valid is None else valid.to_numpy(bool)
        return cls(
            codes.astype(np.int64), np.asarray(distinct, object), counts, good & (codes >= 0)
        )

    @property
    def known(self) -> Flags:
        """Which customers have a value."""
        return self.codes >= 0

    def text(self, entry: int) -> str | None:
        """The value of an entry; ``None`` where it has none."""
        code = self.codes[entry]
        return str(self.values[code]) if code >= 0 else None

    def sharing(self, entries: Ints) -> Floats:
        """How many customers have the value of each entry."""
        counts: Floats = np.append(self.counts, 0)[self.codes[entries]].astype(float)
        return counts


@dataclass(frozen=True)
class Entries:
    """The customers, one row each, in the order of their ids."""

    frame: pd.DataFrame
    fields: Mapping[str, Field]
    places: tuple[Field, ...]
    names: tuple[Name, ...]  # distinct ones
    name_codes: Ints  # customer to the place of its name in names; -1 for none
    rarity: Rarity

    @property
    def count(self) -> int:
        """How many customers there are."""
        return len(self.frame)

    @classmethod
    def of(cls, customers: CheckedCustomers) -> Entries:
        """Number everything that is compared."""
        frame = customers.frame
        names, name_codes = _read_names(frame)
        return cls(
            frame,
            {**_identifier_fields(customers.identifiers, len(frame)), **_trait_fields(frame)},
            tuple(Field.of(_simplified(frame[c])) for c in _place_columns(list(frame.columns))),
            names,
            name_codes,
            Rarity(names[code] for code in name_codes if code >= 0),
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


def _identifier_fields(
    identifiers: Mapping[IdentifierKind, pd.DataFrame], count: int
) -> dict[str, Field]:
    fields: dict[str, Field] = {}
    for kind, checked in identifiers.items():
        # A broken number that two entries share is as good a trace as a whole one; it only
        # cannot tell two entries apart.
        raw = checked["value"].astype("string").str.casefold().str.replace(r"\W", "", regex=True)
        usable = (checked["status"] == "invalid") & (raw.str.len() >= 6) & _varied(raw)
        normal = checked["normal"].where(checked["normal"].notna(), raw.where(usable))
        fields[kind] = Field.of(normal.where(~_placeholder(normal)), checked["status"] == "valid")
    if "email" in fields:
        email = fields["email"]
        halves = [str(address).rpartition("@") for address in email.values]
        house = [local in words().mail_roles or None for local, _, _ in halves]
        domains = [
            domain if domain and domain not in words().free_mail else None
            for _, _, domain in halves
        ]
        fields["role"] = Field.of(_taken(house, email.codes))
        fields["domain"] = Field.of(_taken(domains, email.codes))
    sirens = [
        siren_of(_valid(fields, "siret", entry), _valid(fields, "vat", entry))
        for entry in range(count)
    ]
    fields["siren"] = Field.of(pd.Series(sirens, dtype=object))
    return fields


def _taken(distinct: Sequence[object], codes: Ints) -> pd.Series:
    """A property of the distinct values as one of the customers; -1 takes the last, nothing."""
    known = np.array([*distinct, None], dtype=object)
    return pd.Series(known[codes], dtype=object)


def _valid(fields: Mapping[str, Field], kind: str, entry: int) -> str | None:
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


def _trait_fields(frame: pd.DataFrame) -> dict[str, Field]:
    return {trait: Field.of(_simplified(frame[trait])) for trait in _TRAIT_WEIGHT if trait in frame}


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


def _candidates(entries: Entries) -> tuple[Ints, Ints]:
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


def _identifier_blocks(entries: Entries) -> Iterator[tuple[Ints, Ints, int]]:
    for kind in (*IDENTIFIERS, "domain", "siren"):
        if kind in entries.fields:
            found = entries.fields[kind]
            owners = np.flatnonzero(found.known)
            yield found.codes[owners], owners, MOST_SHARING


def _name_blocks(entries: Entries) -> Iterator[tuple[Ints, Ints, int]]:
    owners = np.flatnonzero(entries.name_codes >= 0)
    codes = entries.name_codes[owners]
    if not len(owners):
        return
    for written in ([n.bag for n in entries.names], [n.joined for n in entries.names]):
        whole = pd.factorize(pd.Series(written, dtype=object))[0].astype(np.int64)
        yield whole[codes], owners, _MOST_IN_BLOCK
    keys, of_name = _word_keys(entries)
    yield *_spread_to_customers(keys, of_name, codes, owners), _MOST_IN_BLOCK


def _spread_to_customers(keys: Ints, of_name: Ints, codes: Ints, owners: Ints) -> tuple[Ints, Ints]:
    """Keys of distinct names as keys of the customers that have them."""
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], of_name, side="left")
    lengths = np.searchsorted(codes[order], of_name, side="right") - starts
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return np.repeat(keys, lengths), owners[order[np.repeat(starts, lengths) + within]]


def _word_keys(entries: Entries) -> tuple[Ints, Ints]:
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
    for length in np.unique(lengths[(lengths > 1) & (lengths <= most)]).tolist():
        members = owners[starts[lengths == length][:, None] + np.arange(length)]
        i, j = np.triu_indices(length, 1)
        first.append(members[:, i].ravel())
        second.append(members[:, j].ravel())
    return np.concatenate(first), np.concatenate(second)


# --- How much the two entries of a pair have in common -------------------------------------------


@dataclass(frozen=True)
class Pairs:
    """Pairs of customers with their evidence; every array has one value a pair."""

    a: Ints
    b: Ints
    bits: Floats
    signs: Mapping[str, Flags]
    """What was found, such as ``same_email``: the code of the words for it, and where."""

    def where(self, kept: Flags) -> Pairs:
        """Only the pairs marked."""
        return Pairs(
            self.a[kept],
            self.b[kept],
            self.bits[kept],
            {name: found[kept] for name, found in self.signs.items()},
        )

    @property
    def probability(self) -> Floats:
        """How probably each pair is one customer, 0 to 1."""
        share: Floats = 1 / (1 + np.exp2(-self.bits))
        return share

    def found(self, *signs: str) -> Flags:
        """Where at least one of these was found."""
        found = np.zeros(len(self.a), bool)
        for sign in signs:
            if sign in self.signs:
                found = found | self.signs[sign]
        return found


def propose_pairs(entries: Entries, threshold: float) -> Pairs:
    """The pairs at least so probable, whatever their groups."""
    if entries.count < 2:
        nothing = np.empty(0, np.int64)
        return Pairs(nothing, nothing, nothing.astype(float), {})
    a, b = _candidates(entries)
    kept = ~_excluded_by_number(entries, a, b)
    pairs = _without_names(entries, a[kept], b[kept])
    least = math.log2(threshold / (1 - threshold))
    # No name can add more than all it says, so most pairs need not be compared word by word.
    pairs = pairs.where(pairs.bits + _most_by_name(entries, pairs) >= least)
    pairs = _with_names(entries, pairs)
    return pairs.where((pairs.bits >= least) & _allowed(pairs))


def _allowed(pairs: Pairs) -> Flags:
    """Whatever the evidence: what only says which company it is does not say which branch.

    A VAT number, an e-mail domain, a mail box of the house and the name belong to the whole
    company. Where nothing else is shared, another place, or another telephone and another
    address, make two branches of it (or two people of one name).
    """
    own_email = pairs.found("same_email", "near_email") & ~pairs.found("house_email")
    identified = own_email | pairs.found("same_siret", "same_phone", "near_phone")
    otherwise = pairs.found("other_phone") & pairs.found("other_email")
    company = pairs.found("same_name", "like_name", "same_vat", "house_email")
    return identified | (company & ~pairs.found("other_place") & ~otherwise)


def _excluded_by_number(entries: Entries, a: Ints, b: Ints) -> Flags:
    """Pairs with two valid SIRETs, SIRENs or VAT numbers: two establishments, two companies."""
    excluded = np.zeros(len(a), bool)
    for kind in ("siret", "siren", "vat"):
        if kind in entries.fields:
            found = entries.fields[kind]
            both = found.valid[a] & found.valid[b]
            excluded |= both & (found.codes[a] != found.codes[b])
    return excluded


def _without_names(entries: Entries, a: Ints, b: Ints) -> Pairs:
    chance = math.log2(entries.count)
    bits = np.full(len(a), _PRIOR - chance)
    signs: dict[str, Flags] = {}
    for kind in IDENTIFIERS:
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
                alike &= domain.sharing(a) <= MOST_SHARING
                common = np.log2(np.maximum(domain.sharing(a) - 1, 1))
                bits += np.where(alike, _DOMAIN_WEIGHT * (chance - common), 0.0)
                signs["same_domain"] = alike
                bits += np.where(alike, -_DIFFERENT[kind], 0.0)
            bits += np.where(apart, _DIFFERENT[kind], 0.0)
            found_here = {"same": same, "near": near, "other": apart}
            signs |= {f"{how}_{kind}": where for how, where in found_here.items()}
    pairs = Pairs(a, b, bits, signs)
    return _with_traits(entries, _with_places(entries, pairs))


def _one_sign_apart(found: Field, a: Ints, b: Ints, look: Flags) -> Flags:
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


def _with_places(entries: Entries, pairs: Pairs) -> Pairs:
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


def _with_traits(entries: Entries, pairs: Pairs) -> Pairs:
    bits = pairs.bits.copy()
    for trait, weight in _TRAIT_WEIGHT.items():
        if trait in entries.fields:
            found = entries.fields[trait]
            both = found.known[pairs.a] & found.known[pairs.b]
            same = both & (found.codes[pairs.a] == found.codes[pairs.b])
            bits += np.where(same, weight * _agreement(found, pairs.a), 0.0)
            bits += np.where(both & ~same, _OTHER_TRAIT[trait], 0.0)
    return replace(pairs, bits=bits)


def _agreement(found: Field, entries: Ints) -> Floats:
    """Evidence of two entries sharing a value: the more, the fewer have it; at most 7 bits."""
    known = max(int(found.known.sum()), 1)
    bits: Floats = -np.log2(np.maximum(found.sharing(entries), 1) / known)
    return np.clip(bits, 0, 7)


def _name_totals(entries: Entries) -> Floats:
    totals = [entries.rarity.total(name) for name in entries.names]
    return np.array([*totals, 0.0])  # -1, no name, is the last place


def _most_by_name(entries: Entries, pairs: Pairs) -> Floats:
    totals = _name_totals(entries)
    codes_a, codes_b = entries.name_codes[pairs.a], entries.name_codes[pairs.b]
    return np.minimum(totals[codes_a], totals[codes_b])


def _with_names(entries: Entries, pairs: Pairs) -> Pairs:
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


def _compare_codes(entries: Entries, a: int, b: int) -> Likeness:
    if a < 0 or b < 0:
        return Likeness("unknown", 0.0)
    return compare(entries.names[a], entries.names[b], entries.rarity)


# --- From pairs to groups ------------------------------------------------------------------------


def group_pairs(entries: Entries, pairs: Pairs) -> list[list[int]]:
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


def _any_excluded(entries: Entries, left: list[int], right: list[int]) -> bool:
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
