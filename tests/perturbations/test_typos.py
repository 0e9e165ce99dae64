"""What typos may and may not do to a text."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truing.perturbations.typos import edit_rate, typos

ROOT = Path(__file__).parents[2]
COMMON = set((ROOT / "src/truing/perturbations/words.txt").read_text(encoding="utf-8").split())
SEEDS = [
    json.loads(line)
    for line in (ROOT / "src/truing/tasks/prompt_attacks/typos/seeds.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]
SENTENCE = "Yesterday Bettina carved a walnut cabinet; her 2 brothers didn't notice, nobody did."
GOLDEN = "Yestedday Beettina carved a wwlnut cabinet; her 2 brotthers didn't notiec, nobody did."
NEGATIONS = [
    "not",
    "never",
    "without",
    "neither",
    "none",
    "nobody",
    "nothing",
    "cannot",
    "no",
    "nowhere",
    "don't",
    "isn’t",
]

long_words = st.sampled_from(
    [
        "walnut",
        "cabinet",
        "Bettina",
        "brothers",
        "umbrella",
        "lantern",
        "harbour",
        "carpenter",
        "yesterday",
        "painted",
        "Orrendale",
        "whistling",
        "machine",
        "purple",
        "quietly",
        "marmalade",
        "because",
        "February",
    ]
)
fixed_words = st.sampled_from([*NEGATIONS, "a", "the", "is", "1871", "B12x", "café", "NASA"])
gaps = st.sampled_from([" ", "  ", ", ", ". ", "\n", " - ", "; ", ' "'])
rates = st.floats(0, 1)
whole = st.integers(0, 2**48)


@st.composite
def texts(draw, words=long_words | fixed_words):
    parts = []
    for word in draw(st.lists(words, max_size=25)):
        parts += [word, draw(gaps)]
    return "".join(parts)


def words_of(text):
    return re.findall(r"\w+(?:['’]\w+)*", text)


def long_count(text):
    """Words of four ASCII letters or more before any apostrophe."""
    stems = [re.split("['’]", word)[0] for word in words_of(text)]
    return sum(re.fullmatch(r"[A-Za-z]{4,}", stem) is not None for stem in stems)


def distance(one, other):
    """Damerau-Levenshtein distance, with swaps of neighbours only."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and (a, one[i - 2]) == (other[j - 2], b):
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]


def changed(before, after):
    return round(edit_rate(before, after) * len(words_of(before)))


def produced(before, after):
    return {word.lower() for word in words_of(after)} - {word.lower() for word in words_of(before)}


def test_a_known_output_stays_the_same():
    assert typos(SENTENCE, 0.5, seed=7) == GOLDEN


def test_seeds_give_different_typos():
    assert len({typos(SENTENCE, 0.25, seed=seed) for seed in range(30)}) > 20


@pytest.mark.parametrize("rate", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_rate_outside_its_range_is_refused(rate):
    with pytest.raises(ValueError, match="rate"):
        typos("walnut", rate, seed=0)


def test_every_kind_of_slip_happens():
    words = ["umbrella"] * 2000
    slips = {typos(" ".join(words[:2]), 1, seed=seed) for seed in range(400)}
    assert "umbrellaumbrella" in slips
    singles = {word for slip in slips for word in slip.split("  ")[0].split()}
    assert {"umrbella", "ubrella", "ummbrella", "umvrella"} <= singles
    assert any(len(slip.split()) > 2 for slip in slips)


@pytest.mark.parametrize("word", NEGATIONS)
def test_negations_stay(word):
    assert all(typos(word, 1, seed=seed) == word for seed in range(20))


@pytest.mark.parametrize("text", ["", "a an the", "1234", "NASA", "naïveté", "B1234", "the 12th"])
def test_nothing_to_edit_leaves_the_text(text):
    assert typos(text, 1, seed=3) == text


def test_protected_phrases_stay_in_any_case_and_possessive():
    text = "Tessa's clock and TESSA and tessa, the Copper kettle"
    for seed in range(50):
        after = typos(text, 1, seed=seed, protect=["Tessa", "copper kettle"])
        assert words_of(after)[0] == "Tessa's"
        assert "Copper kettle" in after
        assert "tessa" in after


def test_a_single_string_may_be_protected():
    assert all(typos("walnut", 1, seed=seed, protect="walnut") == "walnut" for seed in range(20))


def test_a_slip_is_never_a_word_of_the_text_or_of_protect():
    for seed in range(300):
        after = typos("spruce sprucee", 1, seed=seed, protect=["spurce"])
        assert "spurce" not in after.split()
        assert after.split().count("spruce") + after.split().count("sprucee") == 0


def test_at_least_one_word_where_the_rate_is_above_zero():
    for seed in range(20):
        assert changed(SENTENCE, typos(SENTENCE, 1e-9, seed=seed)) == 1


def test_edit_rate():
    assert edit_rate("", "anything") == 0
    assert edit_rate("one two three four", "one two three four") == 0
    assert edit_rate("one two three four", "one tow three, four") == 0.25
    assert edit_rate("one two three four", "one twothree four") == 0.5
    assert edit_rate("one two", "completely different") == 1


@given(texts(), rates, whole)
def test_same_arguments_same_output(text, rate, seed):
    assert typos(text, rate, seed=seed) == typos(text, rate, seed=seed)


@given(st.text(), whole)
def test_rate_zero_is_the_identity(text, seed):
    assert typos(text, 0, seed=seed) == text


@given(texts(words=long_words), rates, whole)
def test_the_rate_is_honoured(text, rate, seed):
    count = long_count(text)
    wanted = max(1, int(rate * count + 0.5)) if rate and count else 0
    assert changed(text, typos(text, rate, seed=seed)) == wanted


@given(texts(), rates, whole)
def test_no_more_words_than_the_rate_says(text, rate, seed):
    count = long_count(text)
    after = typos(text, rate, seed=seed)
    assert changed(text, after) <= max(1, int(rate * count + 0.5))


@given(texts(), rates, whole)
def test_digits_negations_and_short_words_stay(text, rate, seed):
    def fixed(text):
        return [w for w in words_of(text) if len(w) < 4 or w in NEGATIONS or not w.isalpha()]

    assert fixed(typos(text, rate, seed=seed)) == fixed(text)


@given(texts(), rates, whole, st.sets(long_words, max_size=6))
def test_protected_words_stay(text, rate, seed, protect):
    after = words_of(typos(text, rate, seed=seed, protect=protect))
    kept = [word for word in words_of(text) if word in protect]
    assert [word for word in after if word in protect] == kept


@given(texts(), rates, whole)
def test_punctuation_stays(text, rate, seed):
    def rest(text):
        return re.sub(r"[\w'’ ]", "", text)

    assert rest(typos(text, rate, seed=seed)) == rest(text)


@given(st.text(), whole)
def test_any_text_keeps_all_but_its_ascii_letters_and_spaces(text, seed):
    def rest(text):
        return re.sub(r"[A-Za-z ]", "", text)

    assert rest(typos(text, 1, seed=seed)) == rest(text)


@given(texts() | st.text("abdelnorst ", max_size=60), rates, whole)
def test_no_slip_is_a_common_word(text, rate, seed):
    assert not produced(text, typos(text, rate, seed=seed)) & COMMON


@given(long_words, whole)
def test_one_edit_a_word(word, seed):
    after = typos(word, 1, seed=seed)
    assert distance(word, after) == 1
    assert after[0] == word[0]


@given(texts(words=long_words), rates, whole)
def test_one_edit_a_word_in_a_text(text, rate, seed):
    after = typos(text, rate, seed=seed)
    assert distance(text, after) <= changed(text, after)


@pytest.mark.parametrize("rate", [0.1, 0.25])
@pytest.mark.parametrize("protected", [True, False])
def test_no_option_of_a_seed_turns_into_another(rate, protected):
    for seed in SEEDS:
        options = [seed[role] for role in ("right_1", "right_2", "other")]
        option_words = {word.lower() for option in options for word in words_of(option)}
        for text in (seed["context"], seed["question_1"], seed["question_2"]):
            for draw in range(5):
                after = typos(text, rate, seed=draw, protect=options if protected else ())
                assert after != text
                if protected:
                    assert not produced(text, after) & option_words
                    for option in options:
                        assert after.count(option) >= text.count(option)
                else:
                    in_text = {word.lower() for word in words_of(text)}
                    assert not produced(text, after) & option_words & in_text
