"""Near-duplicates are found, whatever the template; other texts are not."""

from __future__ import annotations

from truing.similarity import near_duplicates, shingles, similarity_groups

WORDS = [
    "amber",
    "birch",
    "cedar",
    "delta",
    "ember",
    "flint",
    "grove",
    "heath",
    "inlet",
    "jetty",
    "knoll",
    "ledge",
]


def sentence(number: int) -> str:
    return " ".join(WORDS[(number + place * 5) % 12] + str(number) for place in range(9))


def test_a_pair_with_one_word_changed_is_found_with_its_similarity():
    one = "the old mill by the river was sold to a baker in spring"
    other = "the old mill by the river was sold to a baker in autumn"
    # 13 words make 11 trigrams, 10 of them shared: 10 / (11 + 11 - 10).
    assert list(near_duplicates([one, other])) == [(0, 1, 10 / 12)]


def test_a_short_text_is_compared_as_a_whole():
    assert shingles("Yes, please") == {("yes", "please")}
    assert list(near_duplicates(["Yes, please", "yes please!", "no"])) == [(0, 1, 1.0)]


def test_the_words_of_a_template_make_no_duplicates():
    template = "Read the following text with great care and then answer the question below: "
    texts = [template + sentence(n) for n in range(40)]
    assert not list(near_duplicates(texts))
    texts.append(texts[7] + " indeed")
    assert [(one, other) for one, other, _ in near_duplicates(texts)] == [(7, 40)]


def test_texts_here_are_held_against_texts_there():
    here, there = [sentence(1), sentence(2)], [sentence(3), sentence(2)]
    assert [(i, j) for i, j, _ in near_duplicates(here, against=there)] == [(1, 1)]


def test_chains_of_near_duplicates_are_one_group():
    middle = sentence(4).split()
    # The ends each share 5 of 9 trigrams with the middle, and 3 of 11 with each other.
    start, end = ["a", "b", *middle[2:]], [*middle[:-2], "y", "z"]
    texts = [" ".join(words) for words in (sentence(9).split(), start, middle, end)]
    assert [(i, j) for i, j, _ in near_duplicates(texts)] == [(1, 2), (2, 3)]
    assert similarity_groups(texts) == [0, 1, 1, 1]
