"""Arguments in pairs, one valid and one a near miss of it, with their gold.

Three kinds: syllogisms over three classes (every mood and figure), propositional arguments over
two or three clauses, and orders of three or four things. A seed is two arguments with one and the
same conclusion whose premises differ in one edit (turned round, negated, another quantifier or
connective), so that neither the conclusion nor believing it tells which is which. Gold is found
by enumeration: inhabited Venn regions, truth tables, linear orders. Where existential import
would decide, the argument is not used: gold is the same whether or not classes may be empty.

A pair is drawn again where it would let the words of valid and invalid premises drift apart.
"""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from truing.tasks.generators import argument_words as words
from truing.tasks.generators.argument_worlds import (
    Argument,
    Space,
    Statement,
    classes,
    clauses,
    order_holds,
    orders,
)

__all__ = ["KINDS", "WORDINGS", "seeds"]

KINDS = ("syllogism", "propositional", "order")
WORDINGS = ("neutral", "invented", "believable", "unbelievable")
"""Of the conclusion: it could be either (real or invented words), it is true, or it is false."""
DRAWS = 8
LEAN = 2
"""How many more of a cue the premises of one side may hold, over the set."""
TURNED = 0.75
"""Share of near misses that keep the kinds of the premises and change what they are said of."""
QUANTIFIERS = ("all", "no", "some", "some_not")
CUES = frozenset(
    re.findall(
        r"\w+",
        "all no some not if then only exactly when least most one either or both true these is are "
        "than between and",
    )
)

ASKED = (
    "Does the conclusion follow from the premises?",
    "Could the premises all be true and the conclusion still be false?",
    "If the premises are all true, must the conclusion be true as well?",
    "Is there any possible case in which the premises are all true and the conclusion is false?",
)
IF_VALID = ("yes", "no", "yes", "no")
IF_INVALID = ("no", "yes", "no", "yes")


Pair = tuple[Argument, Argument]
Teller = Callable[[Statement], str]


def seeds(edition: int, count: int) -> list[dict[str, Any]]:
    """`count` seeds of an edition; kinds take turns, then wordings."""
    made: list[dict[str, Any]] = []
    lean: Counter[str] = Counter()
    told: set[str] = set()
    for number in range(count):
        rng = random.Random(f"arguments/{edition}/{number}")  # noqa: S311 - a test set
        kind = KINDS[number % len(KINDS)]
        wording = WORDINGS[(number // len(KINDS)) % len(WORDINGS)]
        drawn = [_draw(rng, kind, wording) for _ in range(DRAWS)]
        fresh = [texts for texts in drawn if not {texts[0], texts[1]} & told]
        apart = [_furthest(lean, texts) for texts in fresh]
        valid, invalid, conclusion = fresh[
            next((i for i, far in enumerate(apart) if far <= LEAN), apart.index(min(apart)))
        ]
        told |= {valid, invalid}
        lean.update(_cues(valid))
        lean.subtract(_cues(invalid))
        made.append(
            {
                "id": f"{kind}-{wording}-{edition}-{number}",
                "kind": kind,
                "wording": wording,
                "valid": valid,
                "invalid": invalid,
                "conclusion": conclusion,
                "asked": list(ASKED),
                "gold_valid": list(IF_VALID),
                "gold_invalid": list(IF_INVALID),
            }
        )
    return made


def _cues(text: str) -> Counter[str]:
    """Words that occur whatever the subject, each direction of a comparison as one, and length."""
    found = Counter(word for word in re.findall(r"\w+", text.casefold()) if word in CUES)
    for dimension in words.DIMENSIONS.values():
        for end in ("more", "less", "top", "bottom"):
            found[end] += text.count(getattr(dimension, end))
    found["words"] = len(text.split())
    return found


def _furthest(lean: Counter[str], texts: tuple[str, str, str]) -> int:
    """How far the most uneven cue would be from even with these texts."""
    after = Counter(lean)
    after.update(_cues(texts[0]))
    after.subtract(_cues(texts[1]))
    return max(map(abs, after.values()))


def _draw(rng: random.Random, kind: str, wording: str) -> tuple[str, str, str]:
    """Premises of the valid and of the invalid argument, and the conclusion of both."""
    while True:
        if kind == "syllogism":
            pair = _near_pair(rng, _syllogism(rng), classes(), _turn_classes)
            tell = _tell_classes(rng, wording, pair[0].conclusion) if pair else None
        elif kind == "propositional":
            pair = _near_pair(rng, _form(rng, wording), clauses(), _turn_clauses)
            tell = _tell_clauses(rng, wording, pair[0].conclusion) if pair else None
        else:
            size = rng.choice((3, 3, 4))
            pair = _near_pair(rng, _order(rng, size), orders(size), _turn_order)
            tell = _tell_order(rng, wording, pair[0].conclusion, size) if pair else None
        if pair and tell:
            break
    valid, invalid = pair
    places = rng.sample(range(len(valid.premises)), len(valid.premises))
    both = [
        " ".join(_sentence(tell(argument.premises[place])) for place in places)
        for argument in (valid, invalid)
    ]
    if kind == "order":
        both = [f"{tell(Statement('apart', ()))} {text}" for text in both]
    return both[0], both[1], _sentence(tell(valid.conclusion))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


# Near misses.


def _near_pair(
    rng: random.Random,
    valid: Argument,
    space: Space,
    turn: Callable[[Statement], Iterator[Statement]],
) -> Pair | None:
    """The argument, if it is valid and needs every premise, with a near miss of it."""
    if not space.entails(valid, space.every) or not space.allows(valid):
        return None
    for left_out in valid.premises:
        fewer = tuple(premise for premise in valid.premises if premise is not left_out)
        if space.entails(valid._replace(premises=fewer), space.usual):
            return None
    misses = [
        miss
        for miss in _edited(valid, turn)
        if not space.entails(miss, space.usual) and space.allows(miss)
    ]
    # Which kinds of premises there are must seldom tell: no two negative premises are ever valid.
    alike = [miss for miss in misses if _kinds(miss) == _kinds(valid)]
    if alike and rng.random() < TURNED:
        misses = alike
    return (valid, rng.choice(misses)) if misses else None


def _kinds(argument: Argument) -> list[str]:
    return sorted(premise.kind for premise in argument.premises)


def _edited(
    argument: Argument, turn: Callable[[Statement], Iterator[Statement]]
) -> Iterator[Argument]:
    """The argument with one premise changed, or with the kinds of two premises exchanged."""
    given = argument.premises
    for place, premise in enumerate(given):
        for other in turn(premise):
            if other not in given and other[:2] != argument.conclusion[:2]:
                yield argument._replace(premises=(*given[:place], other, *given[place + 1 :]))
    for one, two in itertools.combinations(range(len(given)), 2):
        first, second = given[one], given[two]
        if first.kind != second.kind and len(first.terms) == len(second.terms):
            swapped = list(given)
            swapped[one] = first._replace(kind=second.kind, style=second.style)
            swapped[two] = second._replace(kind=first.kind, style=first.style)
            if all(_tellable(statement) for statement in swapped):
                yield argument._replace(premises=tuple(swapped))


def _tellable(statement: Statement) -> bool:
    """What holds `only if` something does is not told of negated clauses: few read it right."""
    negative = any(term.startswith("-") for term in statement.terms)
    return not (statement.kind == "if" and statement.style == 1 and negative)


# Syllogisms.


def _syllogism(rng: random.Random) -> Argument:
    major, minor = rng.choice((("M", "P"), ("P", "M"))), rng.choice((("S", "M"), ("M", "S")))
    return Argument(
        (Statement(rng.choice(QUANTIFIERS), major), Statement(rng.choice(QUANTIFIERS), minor)),
        Statement(rng.choice(QUANTIFIERS), ("S", "P")),
    )


def _turn_classes(statement: Statement) -> Iterator[Statement]:
    yield statement._replace(terms=statement.terms[::-1])
    for kind in QUANTIFIERS:
        if kind != statement.kind:
            yield statement._replace(kind=kind)


def _tell_classes(rng: random.Random, wording: str, conclusion: Statement) -> Teller | None:
    named = _named_classes(rng, wording, conclusion.kind)
    if named is None:
        return None

    def tell(statement: Statement) -> str:
        one, other = (named[term] for term in statement.terms)
        return {
            "all": f"all {one} are {other}",
            "no": f"no {one} are {other}",
            "some": f"some {one} are {other}",
            "some_not": f"some {one} are not {other}",
        }[statement.kind]

    return tell


def _named_classes(rng: random.Random, wording: str, kind: str) -> dict[str, str] | None:
    if wording == "invented":
        return dict(zip("SMP", (f"{w}s" for w in rng.sample(words.INVENTED, 3)), strict=True))
    if wording == "neutral":
        return dict(zip("SMP", rng.sample(rng.choice(words.NEUTRAL_CLASSES), 3), strict=True))
    narrow, wide, apart = rng.choice(words.BELIEVED_CLASSES)
    true = {
        "all": [(narrow, wide)],
        "no": [(narrow, apart), (apart, narrow), (wide, apart), (apart, wide)],
        "some": [(wide, narrow)],
        "some_not": [(wide, narrow)],
    }
    false = {
        "all": [(narrow, apart), (wide, narrow), (wide, apart)],
        "no": [(narrow, wide), (wide, narrow)],
        "some": [(narrow, apart), (apart, narrow), (wide, apart)],
        "some_not": [(narrow, wide)],
    }
    subject, predicate = rng.choice((true if wording == "believable" else false)[kind])
    return {"S": subject, "M": rng.choice(words.MIDDLES), "P": predicate}


# Propositional arguments: a minus negates a clause.

FORMS = (
    ("if p q, p", "q"),
    ("if p q, -q", "-p"),
    ("or p q, -p", "q"),
    ("nand p q, p", "-q"),
    ("xor p q, p", "-q"),
    ("xor p q, -p", "q"),
    ("iff p q, -p", "-q"),
    ("iff p q, q", "p"),
    ("if p q, if q r", "if p r"),
    ("or p q, if q r", "if -p r"),
    ("if p q, nand q r", "if p -r"),
    ("if p q, if q r, p", "r"),
    ("if p q, if q r, -r", "-p"),
    ("or p q, if p r, if q r", "r"),
    ("or p q, if q r, -p", "r"),
    ("nand p q, if r p, r", "-q"),
    ("iff p q, or q r, -p", "r"),
    ("xor p q, if q r, -p", "r"),
)


def _form(rng: random.Random, wording: str) -> Argument:
    """A form with one clause negated throughout at times, and wordings drawn."""
    known = wording in ("believable", "unbelievable")
    premises, conclusion = rng.choice([f for f in FORMS if not (known and " " in f[1])])
    flipped = rng.choice("pqr---")

    def signed(term: str) -> str:
        return _negated(term) if term[-1] == flipped else term

    def read(text: str, *, plain: bool = False) -> Statement:
        kind, *terms = text.split()
        if not terms:
            return Statement("clause", (signed(kind),))
        style = 0 if plain else rng.choice((0, 0, 1))
        statement = Statement(kind, tuple(map(signed, terms)), style)
        return statement if _tellable(statement) else statement._replace(style=0)

    return Argument(tuple(map(read, premises.split(", "))), read(conclusion, plain=True))


def _negated(term: str) -> str:
    return term[1:] if term.startswith("-") else f"-{term}"


def _turn_clauses(statement: Statement) -> Iterator[Statement]:
    kind, terms, _ = statement
    if kind == "clause":
        yield statement._replace(terms=(_negated(terms[0]),))
    elif kind == "if":
        yield statement._replace(terms=terms[::-1])
    elif kind == "iff":
        yield Statement("if", terms)
        yield Statement("if", terms[::-1])
    else:
        for other in ("or", "nand", "xor"):
            if other != kind:
                yield statement._replace(kind=other)


def _tell_clauses(rng: random.Random, wording: str, conclusion: Statement) -> Teller | None:
    said = _said_clauses(rng, wording, conclusion)

    def tell(statement: Statement) -> str:
        told = [said[term] for term in statement.terms]
        one, other = told[0], told[-1]
        return {
            "clause": (one, one),
            "if": (f"if {one}, then {other}", f"{one} only if {other}"),
            "iff": (f"{one} exactly when {other}",) * 2,
            "or": (
                f"at least one of these is true: {one}; {other}",
                f"either {one}, or {other}, or both",
            ),
            "nand": (f"at most one of these is true: {one}; {other}",) * 2,
            "xor": (
                f"exactly one of these is true: {one}; {other}",
                f"either {one}, or {other}, but not both",
            ),
        }[statement.kind][statement.style]

    return tell


def _said_clauses(rng: random.Random, wording: str, conclusion: Statement) -> dict[str, str]:
    """Each of p, q and r and their negations in words."""
    if wording == "invented":
        things, acts = rng.sample(words.INVENTED, 3), rng.sample(words.ACTS, 3)
        said = {}
        for name, thing, act in zip("pqr", things, acts, strict=True):
            said[name] = f"the {thing} {act}"
            said[f"-{name}"] = f"the {thing} does not {act.removesuffix('s')}"
        return said
    if wording == "neutral":
        clauses = rng.sample(rng.choice(words.NEUTRAL_CLAUSES), 3)
        return _both_ways(dict(zip("pqr", clauses, strict=True)))
    term = conclusion.terms[0]
    clauses = rng.sample(rng.choice(words.BELIEVED_CLAUSES), 5)
    is_true = (wording == "believable") != term.startswith("-")
    about = next(c for c in clauses if c.startswith("-") != is_true)
    rest = iter([c for c in clauses if c != about])
    named = {name: about if name == term[-1] else next(rest) for name in "pqr"}
    return _both_ways({name: clause.removeprefix("-") for name, clause in named.items()})


def _both_ways(clauses: dict[str, str]) -> dict[str, str]:
    said = dict(clauses)
    for name, clause in clauses.items():
        said[f"-{name}"] = re.sub(r" (is|are) ", r" \1 not ", clause, count=1)
    return said


# Orders.


def _order(rng: random.Random, size: int) -> Argument:
    def draw(kinds: str) -> Statement:
        kind = rng.choice(kinds.split())
        count = {"top": 1, "bottom": 1, "between": 3}.get(kind, 2)
        return Statement(kind, tuple(rng.sample("wxyz"[:size], count)), rng.choice((0, 1)))

    kinds = "more more more not_more top bottom between"
    while True:
        premises = tuple(draw(kinds) for _ in range(size - 1))
        if len({term for premise in premises for term in premise.terms}) == size:
            return Argument(premises, draw(kinds))


def _turn_order(statement: Statement) -> Iterator[Statement]:
    kind, terms, style = statement
    if kind in ("more", "not_more"):
        yield statement._replace(terms=terms[::-1])
        yield Statement(kind, terms[::-1], 1 - style)
        yield statement._replace(kind="more" if kind == "not_more" else "not_more")
    elif kind == "between":
        yield statement._replace(terms=(terms[1], terms[0], terms[2]))
        yield statement._replace(terms=(terms[2], terms[1], terms[0]))
    else:
        yield statement._replace(kind="top" if kind == "bottom" else "bottom")


def _tell_order(
    rng: random.Random, wording: str, conclusion: Statement, size: int
) -> Teller | None:
    name, things = _ordered_things(rng, wording, conclusion, size)
    dimension = words.DIMENSIONS[name]
    named = dict(zip("wxyz", things, strict=False))
    many = {3: "three", 4: "four"}[size]

    def tell(statement: Statement) -> str:
        told = [named[term] for term in statement.terms]
        match statement.kind:
            case "apart":
                return dimension.apart
            case "top" | "bottom":
                return f"{told[0]} {getattr(dimension, statement.kind)} of the {many}"
            case "between":
                return f"{told[0]} {dimension.between.format(*told[1:])}"
            case _:
                verb = dimension.verb if statement.kind == "more" else dimension.verb_not
                if statement.style == 0:
                    return f"{told[0]} {verb} {dimension.more} {told[1]}"
                return f"{told[1]} {verb} {dimension.less} {told[0]}"

    return tell


def _ordered_things(
    rng: random.Random, wording: str, conclusion: Statement, size: int
) -> tuple[str, list[str]]:
    """A dimension and what stands for w, x, y and z."""
    if wording == "invented":
        name = rng.choice(list(words.DIMENSIONS))
        return name, [f"the {word}" for word in rng.sample(words.INVENTED, size)]
    if wording == "neutral":
        people = ("height", "age", "weight", "wealth", "speed", "row", "arrival", "floor", "queue")
        return rng.choice(people), rng.sample(words.NAMES, size)
    while True:
        name, known = rng.choice(words.BELIEVED_ORDERS)
        things = rng.sample(known, size)
        most_first = sorted(things, key=known.index, reverse=True)
        named = dict(zip("wxyz", things, strict=False))
        world = tuple(next(k for k, v in named.items() if v == thing) for thing in most_first)
        if order_holds(*conclusion[:2], world) == (wording == "believable"):
            return name, things
