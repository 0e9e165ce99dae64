"""The taxonomy is the survey's: 7 categories, 29 sub-categories, each two-sided."""

from __future__ import annotations

import pytest

from truing import taxonomy
from truing.errors import UnknownName


def test_there_are_7_categories_and_29_subcategories():
    assert len(taxonomy.categories()) == 7
    assert len(taxonomy.subcategories()) == 29


@pytest.mark.parametrize("sub", taxonomy.subcategories().values(), ids=lambda sub: sub.id)
def test_every_subcategory_is_whole_and_two_sided(sub):
    assert len(sub.sides) == 2
    assert len({side.name for side in sub.sides}) == 2
    for text in (sub.definition, sub.failure, sub.example, sub.recommendation, sub.measured):
        assert len(text) > 20
    assert sub.headline in ("worse_side", "group_rate", "balanced")


def test_a_subcategory_is_found_by_its_short_name():
    assert taxonomy.find_subcategory("hallucination").id == "reliability.hallucination"


def test_a_misspelt_name_is_answered_with_the_near_one():
    with pytest.raises(UnknownName, match=r"reliability\.hallucination"):
        taxonomy.find_subcategory("reliability.halucination")
