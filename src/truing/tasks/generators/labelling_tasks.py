"""Small labelling tasks whose rule fits into a sentence or two and leaves no doubt.

A task has a rule in plain words, three labels, and draws fresh items of each of the three classes.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["TASKS", "Task"]


class Task(NamedTuple):
    """A rule, its labels, and a way to draw an item of a class (0, 1 or 2)."""

    rule: str
    labels: tuple[str, str, str]
    draw: Callable[[random.Random, int], str]


def _words(text: str) -> tuple[str, ...]:
    return tuple(" ".join(word.split()) for word in text.split(","))


KINDS = {
    "animal": _words("horse, goat, otter, tiger, rabbit, camel, whale, beaver, donkey, squirrel"),
    "colour": _words("red, green, blue, yellow, purple, brown, grey, pink, black, white"),
    "tool": _words("hammer, saw, pliers, chisel, wrench, screwdriver, axe, spade, rake, crowbar"),
    "instrument": _words("violin, flute, piano, trumpet, guitar, harp, cello, clarinet, oboe"),
    "garment": _words("shirt, jacket, scarf, glove, sock, coat, skirt, jumper, blouse, cardigan"),
    "furniture": _words("table, chair, sofa, wardrobe, bookcase, desk, stool, cupboard, armchair"),
    "vehicle": _words("lorry, bus, tram, bicycle, tractor, ferry, train, taxi, motorcycle, van"),
    "fruit": _words("apple, banana, cherry, pear, grape, mango, lemon, peach, strawberry, apricot"),
    "metal": _words("iron, copper, zinc, tin, nickel, aluminium, titanium, chromium, lead, brass"),
    "body part": _words("elbow, knee, ankle, shoulder, thumb, nose, wrist, chin, stomach, neck"),
    "drink": _words("tea, coffee, milk, lemonade, beer, wine, cocoa, cider, whisky, champagne"),
    "tree": _words("oak, birch, willow, maple, pine, elm, beech, poplar, spruce, larch"),
    "job": _words("baker, nurse, plumber, lawyer, farmer, teacher, pilot, butcher, dentist"),
    "building": _words("church, castle, barn, hospital, theatre, museum, library, palace, cottage"),
    "sport": _words("tennis, rowing, judo, hockey, cycling, boxing, golf, fencing, skiing, rugby"),
}  # fmt: skip
COUNTRIES = {
    "Africa": _words("Kenya, Ghana, Senegal, Zambia, Angola, Nigeria, Uganda, Mali, Tunisia, Chad"),
    "Asia": _words("Japan, India, Vietnam, Thailand, Nepal, Mongolia, Laos, China, Bhutan"),
    "Europe": _words("Norway, Portugal, Poland, Austria, Ireland, Belgium, Greece, Estonia"),
    "South America": _words("Peru, Chile, Bolivia, Ecuador, Uruguay, Paraguay, Argentina, Brazil"),
}  # fmt: skip
MESSAGES = {
    "payment": (
        "I was charged twice this month.", "My card was declined at the till.",
        "The invoice shows the wrong sum.", "Please refund the fee.", "Can I pay by bank transfer?",
        "The discount was not taken off my bill.", "I need a receipt for my tax return.",
    ),
    "delivery": (
        "My parcel has not arrived.", "The courier left the box in the rain.",
        "Can you ship it to my office?", "The van came to the wrong house.",
        "Where is my package now?", "The driver did not ring the bell.",
        "Please send it by express post.",
    ),
    "login": (
        "I forgot my password.", "My account is locked.", "The site does not accept my user name.",
        "I do not get the code to sign in.", "How do I change my password?",
        "I am signed out every minute.", "The sign-in page says that I do not exist.",
    ),
}  # fmt: skip
THINGS = _words(
    "lamp, kettle, tent, chair, rucksack, radio, coat, blender, bicycle, camera, pan, clock"
)
REVIEWS = {
    "happy": (
        "I love this {}.", "A wonderful {}, I am delighted.", "The best {} I have ever had.",
        "This {} is superb and works perfectly.", "I am so pleased with my {}.",
        "Excellent {}, worth every cent.", "A fantastic {}; I use it with joy every day.",
    ),
    "unhappy": (
        "I hate this {}.", "A dreadful {}, I am furious.", "The worst {} I have ever had.",
        "This {} is useless and broke at once.", "I am so disappointed with my {}.",
        "Terrible {}, a waste of money.", "An awful {}; I regret that I bought it.",
    ),
    "off topic": (
        "My cousin lives in Lima.", "The train to the coast leaves at nine.",
        "There are seven days in a week.", "Water freezes at zero degrees.",
        "The museum is closed on Mondays.", "Our neighbours have twins.",
        "The river flows past the town hall.",
    ),
}  # fmt: skip
NAMED = _words("alpha, beta, gamma, delta, epsilon, theta, kappa, lambda, sigma, tau, phi, omega")
LETTERS = "KLMNPQRSTVWXZ"
LENGTHS = (
    _words("sun, map, lake, door, bird, rain, cup, ship, leaf, moon, road, salt"),
    _words("window, garden, bottle, market, pencil, island, candle, bridge, flower, winter"),
    _words("mountain, umbrella, telephone, newspaper, hurricane, calendar, waterfall, dictionary"),
)
SENTENCES = (
    "the shop opens at ten", "you have read the letter", "we can see the sea", "she knows the way",
    "the soup is ready", "they live in the north", "he found the keys", "the bus goes to the port",
    "the garden has a gate", "it rains in the hills",
)  # fmt: skip
MONTHS = _words("""
    January, February, March, April, May, June, July, August, September, October, November,
    December
""")
SIZES = (
    ("parcels by their weight", "{} kg", (6, 9), (14, 28)),
    ("rooms by the temperature", "{} degrees", (12, 16), (21, 26)),
    ("plants by their height", "{} cm", (20, 35), (60, 90)),
    ("calls by how long they took", "{} minutes", (5, 9), (20, 40)),
    ("trips by their distance", "{} km", (40, 70), (150, 240)),
    ("donations by the amount", "{} euros", (15, 25), (80, 120)),
    ("films by their length", "{} min", (60, 80), (110, 130)),
    ("villages by the number of people", "{} people", (200, 350), (700, 900)),
    ("sacks by the count of potatoes", "{} potatoes", (30, 45), (70, 95)),
    ("classes by their pupils", "{} pupils", (12, 16), (24, 29)),
)


def _three(rng: random.Random, names: list[str] | tuple[str, ...]) -> tuple[str, str, str]:
    one, two, three = rng.sample(names, 3)
    return one, two, three


def _codes(rng: random.Random) -> tuple[str, str, str]:
    """Three made-up labels that say nothing of what they stand for."""
    form = rng.choice(("shelf {}", "box {}", "tray {}", "list {}", "bin {}"))
    if rng.random() < 0.5:
        return _three(rng, [form.format(letter) for letter in LETTERS])
    return _three(rng, NAMED)


def _by_name(rng: random.Random) -> Task:
    kinds = _three(rng, sorted(KINDS))
    rule = rng.choice(
        (
            "The label says what kind of thing a word names: {}, {} or {}.",
            "Each word names one of three kinds, {}, {} or {}, and its label is that kind.",
            "Label a word by what it names: {}, {} or {}.",
        )
    )
    return Task(rule.format(*kinds), kinds, lambda r, c: r.choice(KINDS[kinds[c]]))


def _by_code(rng: random.Random) -> Task:
    kinds, labels = _three(rng, sorted(KINDS)), _codes(rng)
    form = rng.choice(
        ("a word for {kind} goes to {label}", "if the word names {kind}, it is {label}")
    )
    article = {kind: "an" if kind[0] in "aeiou" else "a" for kind in kinds} | {"furniture": ""}
    parts = [
        form.format(kind=f"{article[kind]} {kind}".strip(), label=label)
        for kind, label in zip(kinds, labels, strict=True)
    ]
    return Task(_listed(parts), labels, lambda r, c: r.choice(KINDS[kinds[c]]))


def _listed(parts: list[str]) -> str:
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _by_size(rng: random.Random) -> Task:
    what, unit, low, high = rng.choice(SIZES)
    first, last, labels = rng.randint(*low), rng.randint(*high), _codes(rng)
    wording = rng.choice(
        (
            "We sort {what}: under {a} is {0}; {a} to {b} is {1}; over {b} is {2}.",
            "We sort {what}: {0} for less than {a}; {1} for {a} to {b}; {2} for more than {b}.",
        )
    )
    rule = wording.format(*labels, what=what, a=unit.format(first), b=unit.format(last))
    ranges = ((max(1, first // 3), first - 1), (first + 1, last - 1), (last + 1, last * 2))
    return Task(rule, labels, lambda r, c: unit.format(r.randint(*ranges[c])))


def _by_length(rng: random.Random) -> Task:
    labels = _codes(rng)
    rule = "The letters of the word are counted: up to 4 gives {}; 5 to 7 gives {}; 8 or more {}."
    return Task(rule.format(*labels), labels, lambda r, c: r.choice(LENGTHS[c]))


def _by_first_letter(rng: random.Random) -> Task:
    labels = _codes(rng)
    words = [word for kind in sorted(KINDS) for word in KINDS[kind]]
    ends = ("abcdefgh", "ijklmnop", "qrstuvwxyz")
    rule = "Words are filed by first letter: A to H under {}; I to P under {}; Q to Z under {}."
    return Task(
        rule.format(*labels),
        labels,
        lambda r, c: r.choice([word for word in words if word[0] in ends[c]]),
    )


def _by_comparison(rng: random.Random) -> Task:
    labels = _codes(rng)
    rule = "Of two numbers: if the left one is larger, {}; if the right one is, {}; if equal, {}."

    def draw(r: random.Random, c: int) -> str:
        low, high = sorted(r.sample(range(12, 99), 2))
        return (f"{high} and {low}", f"{low} and {high}", f"{low} and {low}")[c]

    return Task(rule.format(*labels), labels, draw)


def _by_hour(rng: random.Random) -> Task:
    labels = _codes(rng)
    rule = "Visits are listed by the hour: before 12:00 is {}; 12:00 to 17:59 is {}; later is {}."
    hours = ((6, 11), (12, 17), (18, 22))
    return Task(
        rule.format(*labels),
        labels,
        lambda r, c: f"{r.randint(*hours[c]):02}:{r.randrange(5, 60, 5):02}",
    )


def _by_month(rng: random.Random) -> Task:
    labels = _codes(rng)
    rule = (
        "Dates belong to a third of the year: January to April is {}; May to August is {}; "
        "September to December is {}."
    )
    return Task(
        rule.format(*labels),
        labels,
        lambda r, c: f"{r.randint(1, 28)} {MONTHS[4 * c + r.randrange(4)]}",
    )


def _by_last_digit(rng: random.Random) -> Task:
    labels = _codes(rng)
    rule = "Tickets go by their last digit: 0 to 3 is {}; 4 to 6 is {}; 7 to 9 is {}."
    ends = ("0123", "456", "789")
    return Task(
        rule.format(*labels), labels, lambda r, c: f"{r.randint(100, 999)}{r.choice(ends[c])}"
    )


def _by_alphabet(rng: random.Random) -> Task:
    labels = _codes(rng)
    words = sorted({word for kind in KINDS.values() for word in kind})
    rule = (
        "Of three words, find the earliest in the alphabet: if it stands first, {}; if second, {}; "
        "if third, {}."
    )

    def draw(r: random.Random, c: int) -> str:
        initials: dict[str, list[str]] = {}
        for word in words:
            initials.setdefault(word[0], []).append(word)
        chosen = [r.choice(initials[letter]) for letter in sorted(r.sample(sorted(initials), 3))]
        rest = r.sample(chosen[1:], 2)
        rest.insert(c, chosen[0])
        return ", ".join(rest)

    return Task(rule.format(*labels), labels, draw)


def _by_review(_rng: random.Random) -> Task:
    labels = ("happy", "unhappy", "off topic")
    rule = (
        "A review is happy if the buyer likes the thing, unhappy if not, and off topic if it says "
        "nothing of the thing."
    )
    return Task(rule, labels, lambda r, c: r.choice(REVIEWS[labels[c]]).format(r.choice(THINGS)))


def _by_topic(rng: random.Random) -> Task:
    desks = _codes(rng)
    topics = ("payment", "delivery", "login")
    rule = "Messages about payment go to {}; about delivery to {}; about signing in to {}."
    return Task(rule.format(*desks), desks, lambda r, c: r.choice(MESSAGES[topics[c]]))


def _by_continent(rng: random.Random) -> Task:
    lands = _three(rng, sorted(COUNTRIES))
    if rng.random() < 0.5:
        rule = "The label of a country is its continent: {}, {} or {}."
        return Task(rule.format(*lands), lands, lambda r, c: r.choice(COUNTRIES[lands[c]]))
    labels = _codes(rng)
    rule = _listed([f"in {land}: {label}" for land, label in zip(lands, labels, strict=True)])
    rule = f"Countries are sorted by continent. {rule}"
    return Task(rule, labels, lambda r, c: r.choice(COUNTRIES[lands[c]]))


def _by_sign(rng: random.Random) -> Task:
    labels = _codes(rng)
    rule = (
        "Look at the last sign of the sentence: a full stop is {}; a question mark is {}; an "
        "exclamation mark is {}."
    )

    def draw(r: random.Random, c: int) -> str:
        sentence = r.choice(SENTENCES)
        return f"{sentence[0].upper()}{sentence[1:]}{'.?!'[c]}"

    return Task(rule.format(*labels), labels, draw)


TASKS: tuple[Callable[[random.Random], Task], ...] = (
    _by_name,
    _by_size,
    _by_code,
    _by_length,
    _by_name,
    _by_comparison,
    _by_size,
    _by_hour,
    _by_topic,
    _by_code,
    _by_month,
    _by_review,
    _by_first_letter,
    _by_size,
    _by_last_digit,
    _by_continent,
    _by_alphabet,
    _by_sign,
)
