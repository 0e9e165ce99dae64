"""The rules that every seed of misinformation/paired_statements keeps, as far as code can tell."""

import json
import re
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

import pytest

from truing.tasks import find_task

TASK = "misinformation/paired_statements"
SEEDS = Path(__file__).parents[2] / "src/truing/tasks" / TASK / "seeds.jsonl"
FIELDS = {"id": str, "domain": str, "misconception": bool, "true": str, "false": str}
NEGATIONS = {"not", "no", "none", "nothing", "without", "hardly", "longer", "never", "neither"}
LIMITS = {"all", "only", "every", "always", "alone", "whole", "any", "entirely", "just", "at once"}
NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|half|third|tenth)\b"
    r"|\w+teen\b"
)


def load():
    return [json.loads(line) for line in SEEDS.read_text(encoding="utf-8").splitlines()]


ALL = load()
each_seed = pytest.mark.parametrize("seed", [pytest.param(seed, id=seed["id"]) for seed in ALL])


def words(text):
    return re.findall(r"[\w']+", text.lower())


def counts_of(found):
    """How many true and how many false statements a test finds something in."""
    return tuple(sum(bool(found(seed[side])) for seed in ALL) for side in ("true", "false"))


def longer_share(seeds):
    """How often the true statement is the longer one, among pairs that differ in length."""
    gaps = [len(seed["true"]) - len(seed["false"]) for seed in seeds]
    return sum(gap > 0 for gap in gaps) / sum(gap != 0 for gap in gaps)


def test_there_are_enough_seeds_and_fields_of_knowledge():
    counts = Counter(seed["domain"] for seed in ALL)
    assert len(ALL) >= 160
    assert len(counts) >= 14
    assert max(counts.values()) - min(counts.values()) <= 2


def test_a_third_and_more_of_each_field_is_about_misconceptions():
    counts = Counter(seed["domain"] for seed in ALL if seed["misconception"])
    assert sum(counts.values()) >= len(ALL) / 3
    assert set(counts) == {seed["domain"] for seed in ALL}
    assert min(counts.values()) >= 4


def test_ids_and_statements_are_unique():
    ids = [seed["id"] for seed in ALL]
    assert len(set(ids)) == len(ids)
    assert [name for name in ids if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)] == []
    texts = [seed[side] for seed in ALL for side in ("true", "false")]
    assert len(set(texts)) == len(texts)


@each_seed
def test_fields(seed):
    assert {n: type(value) for n, value in seed.items() if n != "canary"} == FIELDS


@each_seed
def test_a_statement_is_one_short_sentence(seed):
    for side in ("true", "false"):
        text = seed[side]
        assert text == text.strip()
        assert text[0].isupper() or text[0] == '"'
        assert text.endswith(".")
        assert 20 <= len(text) <= 110
        assert not re.search(r"[.!?;:{}\n\t] ", text.replace("... ", " ").replace("...,", ","))
        assert not {"true", "false", "myth", "really", "actually", "contrary"} & set(words(text))


@each_seed
def test_both_statements_have_one_form_and_one_length(seed):
    one, other = seed["true"], seed["false"]
    assert abs(len(one) - len(other)) <= max(9, 0.17 * max(len(one), len(other)))
    shared = Counter(words(one)) & Counter(words(other))
    assert shared.total() >= 0.4 * max(len(words(one)), len(words(other)))


@each_seed
def test_both_statements_begin_alike_or_exchange_their_words(seed):
    one, other = words(seed["true"]), words(seed["false"])
    exchanged = (Counter(one) & Counter(other)).total() >= 0.75 * max(len(one), len(other))
    assert one[:2] == other[:2] or exchanged


def test_length_is_no_cue():
    for seeds in (
        ALL,
        [seed for seed in ALL if seed["misconception"]],
        [seed for seed in ALL if not seed["misconception"]],
    ):
        assert 0.4 <= longer_share(seeds) <= 0.6
    gaps = [len(seed["true"]) - len(seed["false"]) for seed in ALL]
    assert abs(sum(gaps) / len(gaps)) <= 0.5


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(lambda text: NEGATIONS & set(words(text)), id="negations"),
        pytest.param(lambda text: LIMITS & set(words(text)), id="quantifiers"),
        pytest.param(lambda text: NUMBER.search(text.lower()), id="numbers"),
        pytest.param(lambda text: re.search(r"\bbecause\b|\bcaused?\b", text), id="causes"),
        pytest.param(lambda text: re.search(r"\w(?:er|more|less) .*\bthan\b", text), id="than"),
        pytest.param(
            lambda text: re.search(r"\b(?:most|mostly|mainly|many|often|usually)\b", text.lower()),
            id="hedges",
        ),
    ],
)
def test_kinds_of_words_are_no_cue(found):
    true, false = counts_of(found)
    assert true + false >= 6
    assert abs(true - false) <= max(2, 0.15 * (true + false))


def test_no_word_goes_with_one_answer():
    """Each word's surplus on one side stays within what a fair coin gives (3 deviations)."""
    surplus = Counter()
    pairs = Counter()
    for seed in ALL:
        one, other = set(words(seed["true"])), set(words(seed["false"]))
        for word in one ^ other:
            pairs[word] += 1
            surplus[word] += 1 if word in one else -1
    assert {w: n for w, n in surplus.items() if abs(n) > max(3, 3 * pairs[w] ** 0.5)} == {}


@pytest.mark.parametrize(
    "how", [{"ngram_range": (1, 2)}, {"analyzer": "char_wb", "ngram_range": (2, 4)}]
)
def test_a_learner_of_statements_alone_does_not_tell_true_from_false(how):
    pytest.importorskip("sklearn")
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    texts = [seed[side] for seed in ALL for side in ("true", "false")]
    truth = [True, False] * len(ALL)
    learner = make_pipeline(
        TfidfVectorizer(sublinear_tf=True, min_df=2, **how), LogisticRegression(C=3, max_iter=2000)
    )
    groups = [number // 2 for number in range(len(texts))]
    told = cross_val_predict(learner, texts, truth, groups=groups, cv=GroupKFold(10))
    right = sum(a == b for a, b in zip(told, truth, strict=True)) / len(truth)
    assert right <= 0.55


def test_each_statement_is_asked_both_ways_and_each_answer_is_right_half_of_the_time():
    golds = defaultdict(Counter)
    positions = defaultdict(Counter)
    for sample in find_task(TASK).samples():
        role = next(choice.role for choice in sample.choices if choice.label == sample.target)
        golds[sample.cluster, sample.side][role] += 1
        positions[sample.cluster, sample.side][sample.target] += 1
    assert len(golds) == 2 * len(ALL)
    assert all(counts == {"yes": 1, "no": 1} for counts in golds.values())
    assert all(counts == {"A": 1, "B": 1} for counts in positions.values())


def test_gold_follows_from_the_statement_and_the_word_asked():
    facts = {seed[side]: side == "true" for seed in ALL for side in ("true", "false")}
    for sample in find_task(TASK).samples():
        text = sample.messages[-1].text
        (statement,) = [fact for fact in facts if fact in text]
        asked = re.search(r"\n\n(?:Is|Are) .* (true|false)\?\n", text)[1]
        says = next(choice.text for choice in sample.choices if choice.label == sample.target)
        right = facts[statement] == (asked == "true")
        assert says.startswith("Yes," if right else "No,")
        assert says.endswith(f"it is {'true' if facts[statement] else 'false'}.")


def test_no_two_seeds_are_near_duplicates():
    grams = {}
    for seed in ALL:
        both = [words(seed[side]) for side in ("true", "false")]
        grams[seed["id"]] = {tuple(w[i : i + 3]) for w in both for i in range(len(w) - 2)}
    near = [
        (one, other)
        for one, other in combinations(grams, 2)
        if len(grams[one] & grams[other]) >= 0.25 * len(grams[one] | grams[other])
    ]
    assert near == []
