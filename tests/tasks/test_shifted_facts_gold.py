"""Gold of facts in context re-derived from the prompt: each form is read back, then asked by date.

Nothing of the generator but its text is used: a prompt is parsed by one pattern a form, into three
cases with a value each; the question's case is looked up, or its date laid on the time line.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import pytest

from truing.tasks import find_task
from truing.tasks.generators.shifted_facts import FAMILIES, FORMS, seeds

TASK = "distribution_shift/facts_in_context"
PROMPT = re.compile(
    r"Answer the question by the text alone, whatever you know\.\n\n"
    r"Text \([\w -]+\):\n(?P<text>.+)\n\n"
    r"Question: (?P<case>[^\n]+?), (?:what|who) is (?P<thing>[^\n]+)\?\n(?P<options>.+)\n"
    r"Answer with the letter",
    re.DOTALL,
)
MONTHS = dict(
    zip(
        re.findall(
            r"\w+",
            "january february march april may june july august september october november december",
        ),
        range(12),
        strict=True,
    )
)
L = r"((?:until|from|in|on|outside|before|between|after)\b[^,:;.?|\"]*?)"
V = r"([^,;.?|\"]+?)"
T = "THING"
SENTENCES = {
    "sentences": rf"{L}, {T} is {V}\. {L}, it is {V}\. {L}, it is {V}\.",
    "one sentence": rf"{T} is {V} {L}, {V} {L} and {V} {L}\.",
    "e-mail": rf"hi \w+,\n.*about {T}, .*: {L} it's {V}, {L} it's {V}, and {L} it's {V}\. easy.*",
    "text message": rf"hey!! so re {T}: its {V} {L}, {V} {L} n {V} {L}\. pls.*",
    "notice": rf"notice\..* that {T} shall .*\(a\) {V}, {L}; \(b\) {V}, {L}; and \(c\) {V}, {L}\. signed.*",
    "telegram": rf"re {T} stop {L} it is {V} stop {L} it is {V} stop {L} it is {V} stop regards",
    "dialogue": rf"(?:\w+): who|what is {T}\?\n\w+: {L}, {V}\.\n\w+: and {L}\?\n\w+: {V} then\. but {L}, {V}\.",
    "Scots": rf"aye.*: {L}, {T} is {V}\. but {L} it's {V}, ye ken, an' {L} it's {V}, nae bother\.",
    "Yorkshire": rf"nah then, love\. {L}, {T} is {V}, sithee\. {L} it's {V}, an' {L} it's {V}, an' that's that\.",
    "Southern": rf"well,.*: {L}, {T} is {V}\. now {L} it's {V}, and {L} it's {V}, sure as sunrise\.",
    "older English": rf"hear ye.*: {L}, {T} is {V}; {L}, it shall be {V}; and {L}, 'tis {V}\. let none.*",
    "table": rf"\| case \| {T} \|\n\| --- \| --- \|\n\| {L} \| {V} \|\n\| {L} \| {V} \|\n\| {L} \| {V} \|",
    "list": rf"{T}\n- {L}: {V}\n- {L}: {V}\n- {L}: {V}",
    "log": rf"1 topic=\"{T}\"\n2 case=\"{L}\" value=\"{V}\"\n3 case=\"{L}\" value=\"{V}\"\n4 case=\"{L}\" value=\"{V}\"",
    "csv": rf"# {T}\nvalue;case\n{V};{L}\n{V};{L}\n{V};{L}",
}
SENTENCES["dialogue"] = SENTENCES["dialogue"].replace(r"who|what", r"(?:who|what)")


def read_told(text, thing):
    """(form, [(case, value), ...]) of a text about a thing."""
    found = []
    for form, pattern in SENTENCES.items():
        match = re.fullmatch(pattern.replace(T, re.escape(thing)), text, re.DOTALL)
        if match:
            cells = [cell.strip() for cell in match.groups()]
            pairs = list(zip(cells[::2], cells[1::2], strict=True))
            cases = [bool(re.fullmatch(L, one)) for one, _ in pairs]
            if not all(cases):
                pairs = [(two, one) for one, two in pairs]
            if form == "dialogue":
                pairs = list(zip((cells[0], cells[2], cells[4]), (cells[1], cells[3], cells[5]), strict=True))  # fmt: skip
            found.append((form, pairs))
    assert len(found) == 1, (text, [form for form, _ in found])
    return found[0]


def months_since_zero(year, month):
    return int(year) * 12 + month


def span(case):
    """First and last month of a stretch of time, or None."""
    month = rf"(?:({'|'.join(MONTHS)}) )?"
    if match := re.fullmatch(rf"until {month}(\d{{4}})", case):
        return 0, months_since_zero(match[2], MONTHS.get(match[1], 11))
    if match := re.fullmatch(rf"from {month}(\d{{4}}) on", case):
        return months_since_zero(match[2], MONTHS.get(match[1], 0)), 12 * 9999
    if match := re.fullmatch(r"from (\d{4}) to (\d{4})", case):
        return months_since_zero(match[1], 0), months_since_zero(match[2], 11)
    if match := re.fullmatch(r"from (\w+) to (\w+) (\d{4})", case):
        return tuple(months_since_zero(match[3], MONTHS[match[n]]) for n in (1, 2))
    return None


def answer(prompt):
    """The form of a prompt's text and the letter of the option that the text gives."""
    found = PROMPT.search(prompt)
    assert found, prompt
    text, asked, thing = (found[name].casefold() for name in ("text", "case", "thing"))
    form, told = read_told(text, thing)
    date = re.fullmatch(rf"in (?:({'|'.join(MONTHS)}) )?(\d{{4}})", asked)
    if date:
        first, last = (months_since_zero(date[2], MONTHS.get(date[1], m)) for m in (0, 11))
        values = [v for case, v in told if span(case)[0] <= first and last <= span(case)[1]]
    else:
        values = [v for case, v in told if case == asked]
    options = re.findall(
        r"^([A-C])\) (.+)$", found["options"].casefold(), re.MULTILINE | re.IGNORECASE
    )
    assert sorted(text for _, text in options) == sorted(value for _, value in told)
    (letter,) = [letter for letter, text in options if [text] == values]
    return form, letter.upper(), [value for _, value in told].index(values[0])


@pytest.mark.parametrize("edition", [61, 62])
def test_fresh_samples_have_the_gold_that_another_reader_finds(edition, record_property):
    wrong, asked = [], 0
    for sample in find_task(TASK).samples(edition=edition):
        asked += 1
        if answer(sample.messages[-1].text)[1] != sample.target:
            wrong.append(sample.messages[-1].text)
    assert asked == 800
    record_property("figure", f"shifted gold, edition {edition}: {len(wrong)} of {asked} disagree")
    assert wrong == []


def test_the_shipped_samples_too_in_every_form():
    forms = Counter()
    places = Counter()
    for sample in find_task(TASK).samples():
        form, letter, place = answer(sample.messages[-1].text)
        assert letter == sample.target
        assert (form in ("sentences", "one sentence")) == (sample.side == "usual_form")
        forms[form] += 1
        places[place] += 1
    assert set(forms) == set(FORMS)
    assert min(forms.values()) >= 20
    assert max(places.values()) <= 0.37 * places.total()  # first, middle and last told alike


def test_the_check_can_fail():
    prompt = (
        "Answer the question by the text alone, whatever you know.\n\n"
        "Text (from a novel set in the future):\n"
        "Until 2040, the capital of France is Paris. From 2041 to 2050, it is Lyon. "
        "From 2051 on, it is Lille.\n\n"
        "Question: In {}, what is the capital of France?\n"
        "A) Lille\nB) Paris\nC) Lyon\nAnswer with the letter of one option: A, B or C."
    )
    assert answer(prompt.format(2039))[1] == "B"
    assert answer(prompt.format(2045))[1] == "C"
    assert answer(prompt.format(2053))[1] == "A"


def test_half_of_the_seeds_clash_with_what_everybody_remembers_and_none_repeats():
    made = seeds(0, 160)
    kinds = Counter(seed["id"].partition("-")[0] for seed in made)
    assert kinds == {"familiar": 80, "invented": 80}
    things = Counter(re.sub(r".*(?:what|who) is ", "", seed["question_first"]) for seed in made)
    assert max(things.values()) == 1
    assert len({seed["id"] for seed in made}) == 160


def test_every_value_is_right_for_one_question_and_memory_for_one_in_three():
    roles = Counter(seed["remembered"] for seed in seeds(0, 160))
    assert max(roles.values()) - min(roles.values()) <= 4
    right = defaultdict(Counter)
    for sample in find_task(TASK).samples():
        by_label = {choice.label: choice.role for choice in sample.choices}
        right[sample.cluster][by_label[sample.target]] += 1
    assert all(counts == {"first": 2, "second": 2, "third": 1} for counts in right.values())


def test_a_question_or_a_form_does_not_tell_the_role():
    families = {form: family for family, forms in FAMILIES.items() for form in forms}
    pairs, cases = Counter(), Counter()
    for seed in seeds(0, 160):
        for role in ("first", "second", "third"):
            pairs[(families[seed[f"form_{role}"]], role)] += 1
            cases[(seed["question_" + role].split()[0], role)] += 1
    assert max(pairs.values()) - min(pairs.values()) <= 12
    for word in ("Until", "Outside", "On", "In"):
        counts = [cases[(word, role)] for role in ("first", "second", "third")]
        assert max(counts) - min(counts) <= 0.35 * sum(counts) + 3


def test_the_three_values_are_told_in_every_form_and_differ():
    for seed in seeds(1, 160):
        values = [seed[f"value_{role}"].casefold() for role in ("first", "second", "third")]
        assert len(set(values)) == 3
        for part in ("plain", "first", "second", "third"):
            told = seed[f"told_{part}"].casefold()
            for value in values:
                assert len(re.findall(rf"(?<![\w:]){re.escape(value)}(?![\w:])", told)) >= 1


def test_prompts_are_short():
    lengths = [len(sample.messages[-1].text) for sample in find_task(TASK).samples()]
    assert max(lengths) <= 560
    assert sum(lengths) / len(lengths) <= 450
