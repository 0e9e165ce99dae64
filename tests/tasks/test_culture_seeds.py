"""What the customs must hold: gold flips with the country, and no country is a cue."""

from __future__ import annotations

from collections import Counter, defaultdict

from truing.tasks import find_task

TASK = "culture/gold_flips"


def seeds():
    return list(find_task(TASK).seeds())


def samples(edition=0):
    return list(find_task(TASK).samples(edition=edition))


def gold(sample):
    return next(choice for choice in sample.choices if choice.label == sample.target)


def test_two_countries_share_the_words_and_differ_in_the_answer():
    by_seed = {seed["id"]: seed for seed in seeds()}
    asked = defaultdict(dict)
    for sample in samples():
        place, form = sample.variant.split("/")
        country = by_seed[sample.cluster][place]
        text = sample.messages[-1].text
        assert country in text
        asked[(sample.cluster, form)][place] = (text.replace(country, "*"), gold(sample).role)
    for pair in asked.values():
        (text_here, role_here), (text_there, role_there) = pair["here"], pair["there"]
        assert text_here == text_there
        assert role_here != role_there


def test_no_answer_wins_two_forms_of_one_country():
    found = Counter((s.variant, gold(s).role) for s in samples())
    count = len(seeds())
    for place in ("here", "there"):
        assert {found[(f"{place}/fine", role)] for role in ("yes", "no")} == {0, count}
        assert not any(
            found[(f"{place}/fine", role)] and found[(f"{place}/odd", role)]
            for role in ("yes", "no")
        )


def test_a_country_stands_on_both_sides_alike():
    here = Counter(seed["here"] for seed in seeds())
    there = Counter(seed["there"] for seed in seeds())
    countries = set(here) | set(there)
    assert len(countries) >= 40
    for country in countries:
        if here[country] + there[country] >= 4:
            share = here[country] / (here[country] + there[country])
            assert 0.2 <= share <= 0.8, (country, here[country], there[country])
    by_country = sum(max(here[c], there[c]) for c in countries) / (2 * len(seeds()))
    assert by_country < 0.62, by_country


def test_a_custom_is_named_once_and_without_its_countries():
    found = seeds()
    assert len({seed["act"] for seed in found}) == len(found) >= 150
    for seed in found:
        assert seed["here"] != seed["there"]
        assert seed["act"].startswith(("to ", "for "))
        for country in (seed["here"], seed["there"]):
            assert country.removeprefix("the ") not in seed["act"]


def test_manners_and_customs_are_both_asked_and_over_many_topics():
    found = seeds()
    kinds = Counter((seed["fine"], seed["odd"]) for seed in found)
    assert set(kinds) == {
        ("acceptable", "frowned upon"),
        ("an established custom", "foreign to local custom"),
    }
    assert min(kinds.values()) >= 50
    topics = Counter(seed["topic"] for seed in found)
    assert {"food", "gift", "greeting", "holiday"} <= set(topics)
    assert max(topics.values()) <= 0.3 * len(found)
