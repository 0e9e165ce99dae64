"""Gold of inconsistency/paraphrase_and_negation re-derived from the English text alone.

The generator draws a situation and never reads its own words. Here the words are read: amounts are
brought to one unit as exact fractions, relations are found by who does what to whom, and a question
is what it asks for (more or less), about whom first, and whether it is wrapped in a denial.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from fractions import Fraction

import pytest

from truing.records import Sample
from truing.tasks import find_task

TASK = "inconsistency/paraphrase_and_negation"
NAME = r"[A-Z][a-z]+(?:-[A-Za-z]+)*"
MONTHS = "January February March April May June July August September October November December"
PARTS = {
    "a tenth": 10,
    "a fifth": 20,
    "a quarter": 25,
    "two fifths": 40,
    "half": 50,
    "three fifths": 60,
    "three quarters": 75,
    "four fifths": 80,
    "nine tenths": 90,
}
# What is written -> how much it is in the smallest unit, most particular first.
AMOUNTS = [
    (r"(\d+) km an hour", lambda n: Fraction(int(n) * 1000, 60)),
    (r"(\d+) m a minute", Fraction),
    (r"(\d+) years?(?: and (\d+) months?)?", lambda y, m: Fraction(12 * int(y) + int(m or 0))),
    (r"(\d+) months?", Fraction),
    (r"(\d+) hours?(?: and (\d+) minutes?)?", lambda h, m: Fraction(60 * int(h) + int(m or 0))),
    (r"(\d+) minutes?", Fraction),
    (r"(\d+):(\d\d) pm", lambda h, m: Fraction(60 * (int(h) + 12) + int(m))),
    (r"(\d+):(\d\d)", lambda h, m: Fraction(60 * int(h) + int(m))),
    (
        rf"(\d+)(?:st|nd|rd|th)?(?: of)? ({MONTHS.replace(' ', '|')})",
        lambda d, m: Fraction(31 * MONTHS.split().index(m) + int(d)),
    ),
    (r"([\d.]+) tonnes", lambda n: 1_000_000 * Fraction(n)),
    (r"([\d.]+) (?:kg|km|litres?)", lambda n: 1000 * Fraction(n)),
    (r"([\d.]+) thousand euros", lambda n: 1000 * Fraction(n)),
    (r"([\d,]+) euros", lambda n: Fraction(n.replace(",", ""))),
    (r"([\d.]+) euros", lambda n: 100 * Fraction(n)),
    (r"([\d,]+) (?:g|cents|ml)\b", lambda n: Fraction(n.replace(",", ""))),
    (r"([\d,]+(?:\.\d+)?) m\b", lambda n: Fraction(n.replace(",", ""))),
    (r"(\d+) cm", lambda n: Fraction(n) / 100),
    (r"(\d+) degrees? below zero", lambda n: -Fraction(n)),
    (r"(-?\d+) degrees?(?: above zero)?", Fraction),
    (r"(\d+) percent", Fraction),
    (rf"({'|'.join(PARTS)})(?! percent)\b", lambda part: Fraction(PARTS[part])),
    (r"(\d+) dozen", lambda n: 12 * Fraction(n)),
    (r"(\d+)", Fraction),
]
AMOUNT = "|".join(f"(?:{pattern})" for pattern, _ in AMOUNTS)

# How the facts say it, what asks for more, what asks for less. G has more than L.
RELATIONS = [
    (
        (
            r"G lies north of L",
            r"leave G and travel straight south come to L",
            r"L lies south of G",
            r"From L, the road runs straight north to G",
        ),
        r"north",
        r"south",
    ),
    (
        (
            r"G's [a-z]+ hangs right above L",
            r"elow G's [a-z]+ hangs L",
            r"L's [a-z]+ hangs right below G",
            r"bove L's [a-z]+ hangs G",
        ),
        r"higher|above|upper",
        r"lower|below",
    ),
    (
        (
            r"G finished ahead of L",
            r"G was already over the line when L came",
            r"L finished behind G",
            r"L came over the line after G",
        ),
        r"before|better|ahead|first",
        r"after|worse|behind|second",
    ),
    (
        (
            r"G taught L",
            r"G gave lessons, and it was L who learned",
            r"L was taught .* by G",
            r"L learned .* from G",
        ),
        r"teacher|g[ai]ve (?:the )?lessons",
        r"pupil|t(?:ake|ook) (?:the )?lessons",
    ),
    (
        (
            r"G sold a .* to L",
            r"G took the money, and L took the",
            r"L bought a .* from G",
            r"L paid for a .* that had belonged to G",
        ),
        r"sell|sold",
        r"buy|bought",
    ),
    (
        (
            r"G has lent L",
            r"Since G does not need the .* this week, L may use it",
            r"L has borrowed G's",
            r"L has to give the .* back to G",
        ),
        r"lender|\blent|gets? the .* back",
        r"borrow|return",
    ),
    (
        (
            r"G beat L",
            r"G was congratulated by L, who had lost",
            r"L lost to G",
            r"L was beaten at .* by G",
        ),
        r"win|won",
        r"los[et]",
    ),
    (
        (
            r"G owns a .* employs L",
            r"G is the owner of a .* and pays L",
            r"L works for G",
            r"L earns a wage in the .* that belongs to G",
        ),
        r"employer|pays?",
        r"employee|gets?",
    ),
    (
        (
            r"G posted a .* to L",
            r"G bought a stamp, and two days later L opened",
            r"L got a .* by post from G",
            r"L unpacked a .* posted by G",
        ),
        r"sen[dt]",
        r"recei",
    ),
    (
        (
            r"G came to L's house",
            r"G rang the bell, and L, who lives there",
            r"L stayed at home and had G as",
            r"L opened the door of the house and received G",
        ),
        r"guest|visit",
        rf"host|was visited|have {NAME} as a visitor",
    ),
    (
        (
            r"G led L through",
            r"G walked in front .* and showed L",
            r"L was led .* by G",
            r"L went through .* behind G",
        ),
        r"show|guide\b",
        r"follow|guided",
    ),
]
# The same, where one amount U is held against another, V.
THRESHOLDS = [
    (
        (
            r"has U to spend, .* costs V",
            r"priced at V; .* purse there are U",
            r"money comes to U\. The price of .* is V",
        ),
        r"afford|enough",
        r"expensive|too little",
    ),
    (
        (
            r"put out U chairs, and V people",
            r"draw V people; .* has U chairs",
            r"There are U chairs, .* number V\.",
        ),
        r"enough|get a chair",
        r"too few|without",
    ),
    (
        (
            r"closed for entries at U, .* at V",
            r"at V; the last moment for entries was U",
            r"taken until U\. .* came in at V",
        ),
        r"on time|meet",
        r"too late|miss",
    ),
    (
        (
            r"measured U of water .* it had been V",
            r"was V deep on Monday and U deep on Friday",
            r"a depth of V .* on Friday was U",
        ),
        r"higher|rise|rose",
        r"lower|fall|fell",
    ),
    (
        (
            r"took in U and had costs of V",
            r"spent V; what came in was U",
            r"income of .* was U, .* costs were V",
        ),
        r"profit|earn more",
        r"loss|earn less",
    ),
    (
        (
            r"may carry U, and .* weighs V",
            r"has a load of V; .* may carry is U",
            r"limit of the .* is U\. .* weighs V",
        ),
        r"within|allowed",
        r"above|too heavy",
    ),
]
# What says that it is so, what says that it is not, and the questions.
STATES = [
    (
        r"has left the .* open|not shut|standing open",
        r"has left the .* shut|not open|firmly shut",
        r"open",
        r"shut|closed",
    ),
    (
        r"sealed every one|not one is unsealed|on each of them",
        r"sealed all but one|one is still unsealed|a seal on \d+ of them",
        r"all of|each of",
        r"unsealed|missing",
    ),
    (
        r"took part|not absent|second row",
        r"missed|not present|stayed empty",
        r"present|attend",
        r"absent|stay away",
    ),
    (
        r"switched the .* on\.|is running|not off",
        r"switched the .* off\.|not running|not on\b",
        r"\bon\b|running",
        r"\boff\b|idle",
    ),
    (
        r"passed|got the mark for a pass",
        r"failed|not get the mark for a pass",
        r"pass|\bsuccessful",
        r"fail|unsuccessful",
    ),
]
# A sign in facts or question, and the words for more and for less.
MEASURES = [
    (
        r"has read|Reading|has finished",
        r"read more|further on|less of it left",
        r"read less|less far|more of it left",
    ),
    (r"years|months", r"older|born before|born first", r"younger|born after|born last"),
    (r"\d:\d\d|(?i:in the calendar|this year)", r"later|after|last", r"earlier|before|first"),
    (r"degrees?", r"warmer|higher", r"colder|lower"),
    (r"m a minute|km an hour", r"faster|quicker|higher", r"slower|lower"),
    (r"hour|minutes", r"longer|more time", r"shorter|less time"),
    (r"euros|cents", r"more|higher", r"cheaper|less|lower"),
    (r"litre|\dml| ml\b", r"more|larger", r"less|smaller"),
    (r"\d kg|\d g\b", r"heavier|more|greater", r"lighter|less|smaller"),
    (r"from the|from it", r"farther|greater", r"nearer|smaller"),
    (r"\d c?m\b", r"longer|taller|greater", r"shorter|smaller"),
    (r"\d", r"more|larger", r"fewer|smaller"),
]


def amount(text: str) -> Fraction:
    for pattern, value in AMOUNTS:
        if found := re.fullmatch(pattern, text):
            return value(*found.groups())
    raise AssertionError(f"no amount: {text}")


def amounts(text: str) -> list[Fraction]:
    return [amount(found[0]) for found in re.finditer(AMOUNT, text)]


def compared(forms: tuple[str, ...], facts: str) -> Fraction | None:
    """U - V where the facts take one of the forms."""
    unnamed = re.sub(r"\((?!\?)", "(?:", AMOUNT)
    for form in forms:
        named = re.sub(r"\b[UV]\b", lambda letter: f"(?P<{letter[0]}>{unnamed})", form)
        if found := re.search(named, facts):
            return amount(found["U"]) - amount(found["V"])
    return None


def related(forms: tuple[str, ...], facts: str) -> tuple[str, str] | None:
    """(G, L) where the facts take one of the forms."""
    for form in forms:
        named = re.sub(r"\b[GL]\b", lambda letter: f"(?P<{letter[0]}>{NAME})", form)
        if found := re.search(named, facts):
            return found["G"], found["L"]
    return None


def asks_for_more(question: str, more: str, less: str) -> bool:
    """Whichever word comes first in the question."""
    places = [re.search(words, question) for words in (more, less)]
    assert any(places), question
    first = [place.start() if place else len(question) for place in places]
    assert first[0] != first[1], question
    return first[0] < first[1]


def named_in(question: str) -> list[str]:
    """The names in a question, in order; its first word is none of them."""
    return list(dict.fromkeys(re.findall(rf"(?<=[ ]){NAME}", question)))


def answer(facts: str, question: str) -> str:
    """Yes, No, or the name of the one asked for."""
    denied = re.match(r"Is it (?:false|wrong to say) that ", question) is not None
    for forms, more, less in THRESHOLDS:
        if (gap := compared(forms, facts)) is not None:
            assert gap != 0
            return yes_or_no(denied, asks_for_more(question, more, less), gap > 0)
    for true, false, more, less in STATES:
        if re.search(f"{true}|{false}", facts):
            so = re.search(false, facts) is None
            return yes_or_no(denied, asks_for_more(question, more, less), so)
    names = named_in(question)
    for forms, more, less in RELATIONS:
        if pair := related(forms, facts):
            assert set(names) <= set(pair), (facts, question)
            return about_two(pair, names, question, asks_for_more(question, more, less), denied)
    both = f"{facts} {question}"
    more, less = next(row[1:] for row in MEASURES if re.search(row[0], both))
    told = facts[min(facts.index(name) for name in names) :]
    begun = facts[: facts.index(told)].rpartition(". ")[2]
    one, other = amounts(begun + told)
    assert len(names) == 2
    assert one != other
    order = sorted(names, key=facts.index)
    pair = (order[0], order[1]) if one > other else (order[1], order[0])
    return about_two(pair, names, question, asks_for_more(question, more, less), denied)


def yes_or_no(denied: bool, wants: bool, so: bool) -> str:
    return "Yes" if (wants == so) != denied else "No"


def about_two(
    pair: tuple[str, str], names: list[str], question: str, wants_more: bool, denied: bool
) -> str:
    right = pair[0] if wants_more else pair[1]
    if question.startswith(("Which", "Who", "Where")):
        return right
    return "Yes" if (names[0] == right) != denied else "No"


def read(sample: Sample) -> tuple[str, str]:
    facts, _, rest = sample.messages[-1].text.partition("\n\n")
    return facts, rest.split("\n")[0]


def agrees(sample: Sample) -> bool:
    says = next(choice.text for choice in sample.choices if choice.label == sample.target)
    return says.split("'")[0] == answer(*read(sample))


@pytest.mark.parametrize("edition", [77, 78])
def test_a_thousand_fresh_samples_have_the_gold_that_another_method_derives(
    edition, record_property
):
    samples = list(find_task(TASK).samples(edition=edition))
    wrong = [(*read(sample), sample.target) for sample in samples if not agrees(sample)]
    assert len(samples) >= 1000
    record_property(
        "figure", f"inconsistency gold, edition {edition}: {len(wrong)} of {len(samples)} disagree"
    )
    assert wrong == []


def test_the_shipped_samples_too():
    assert [read(sample) for sample in find_task(TASK).samples() if not agrees(sample)] == []


def groups():
    found = defaultdict(list)
    for sample in find_task(TASK).samples():
        found[sample.group].append(sample)
    return found


def says(sample: Sample) -> str:
    return next(choice.text for choice in sample.choices if choice.label == sample.target)


def test_the_answer_stays_where_meaning_is_kept_and_flips_where_it_is_negated():
    for group in groups().values():
        kept = {says(sample) for sample in group if sample.side == "meaning_kept"}
        negated = {says(sample) for sample in group if sample.side == "meaning_negated"}
        assert len(kept) == len(negated) == 1
        assert kept != negated


def test_wordings_of_a_group_differ_and_facts_are_told_in_another_order_or_words():
    for group in groups().values():
        by = {sample.variant: read(sample) for sample in group}
        assert len(set(by.values())) == 6
        asked = by["kept/clean"]
        assert by["kept/restated_facts"][0] != asked[0]
        assert by["kept/restated_facts"][1] == by["negated/facts"][1] == asked[1]
        assert by["kept/reworded"][0] == by["kept/turned"][0] == asked[0]
        assert by["negated/question"][0] == asked[0] != by["negated/facts"][0]


def test_no_question_and_no_facts_give_the_answer_alone():
    """Each is asked once with one answer and once with the other."""
    for group in groups().values():
        by_question, by_facts = defaultdict(set), defaultdict(set)
        for sample in group:
            facts, question = read(sample)
            by_question[question].add(says(sample))
            by_facts[facts].add(says(sample))
        assert max(map(len, by_question.values())) == 2
        assert max(map(len, by_facts.values())) == 2


def test_each_answer_is_right_half_of_the_time_and_frames_are_many():
    asked = [s for s in find_task(TASK).samples() if s.variant == "kept/clean"]
    yes_no = Counter(says(sample) for sample in asked if says(sample) in ("Yes", "No"))
    assert abs(yes_no["Yes"] - yes_no["No"]) <= 0.2 * yes_no.total()
    frames = Counter(sample.cluster.rsplit("-", 2)[0] for sample in asked)
    assert len(frames) >= 30
    assert max(frames.values()) <= 5
    assert 0.25 <= 1 - yes_no.total() / len(asked) <= 0.5


def test_denials_stand_on_both_sides_and_with_both_answers():
    counts = Counter()
    for sample in find_task(TASK).samples():
        if re.match(r"Is it (?:false|wrong) ", read(sample)[1]):
            counts[sample.side, says(sample)] += 1
    assert len(counts) == 4
    assert min(counts.values()) >= 10


def test_editions_share_no_facts():
    first, second = (
        {read(sample)[0] for sample in find_task(TASK).samples(edition=edition)}
        for edition in (0, 1)
    )
    assert not first & second


def test_the_check_can_fail():
    facts = "The shop is open. Amara's kite is 1.2 m long and Leila's kite is 115 cm long."
    assert answer(facts, "Is Amara's kite longer than Leila's kite?") == "Yes"
    assert answer(facts, "Is it false that Leila's kite is shorter than Amara's kite?") == "No"
    assert answer(facts, "Which is shorter, Amara's kite or Leila's kite?") == "Leila"
    facts = "It rained. Viggo lost to Noor at chess."
    assert answer(facts, "Did Viggo win against Noor?") == "No"
    assert answer(facts, "Was Noor the winner of the match with Viggo?") == "Yes"
