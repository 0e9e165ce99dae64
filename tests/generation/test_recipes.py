"""The recipes that ship: templates and topics of every row whose seeds are written."""

from __future__ import annotations

import asyncio
from functools import cache

import pytest

from truing.generation.forms import recipe_of_task
from truing.generation.making import fates, make_drafts
from truing.generation.sets import seeds_of
from truing.tasks import Task, find_suite, find_task
from truing.validation.checks import check_form, check_policies

WRITTEN = [name for name in find_suite("core").tasks if find_task(name).card.generator is None]
FEWEST_TOPICS, FEWEST_TEMPLATES, LEAST_KEPT = 20, 3, 0.95


@cache
def drafts_of(name):
    recipe = recipe_of_task(find_task(name))
    everything = len(recipe.topics) * len(recipe.templates)
    drafts = make_drafts(recipe, recipe.topics, None, None, wanted=everything, seed=0)
    return recipe, asyncio.run(drafts)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_written_row_has_a_recipe_of_many_topics_nearly_all_of_which_are_kept(name):
    recipe, drafts = drafts_of(name)
    assert len({topic.name for topic in recipe.topics}) == len(recipe.topics) >= FEWEST_TOPICS
    assert len(recipe.templates) >= FEWEST_TEMPLATES
    kept = [draft for draft in drafts if draft.fate == "kept"]
    assert len(kept) >= LEAST_KEPT * len(drafts), fates(drafts)
    assert len({draft.topic for draft in kept}) == len(recipe.topics)


@pytest.mark.parametrize("name", WRITTEN)
def test_topics_of_a_recipe_are_clusters_of_their_own(name):
    recipe, drafts = drafts_of(name)
    clusters = {draft.cluster for draft in drafts if draft.fate == "kept"}
    assert len(clusters) >= 0.9 * len(recipe.topics)


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.slow
def test_a_set_of_templates_is_a_sound_task_but_for_its_size_and_its_repeats(name):
    recipe, drafts = drafts_of(name)
    task = Task(recipe.card, seeds_of(drafts))
    found = [*check_form(task), *asyncio.run(check_policies(task))]
    failed = {finding.check for finding in found if finding.ok is False}
    expected = {"seeds", "near-duplicates across seeds", "canary string", "position of gold"}
    assert failed <= expected, [f for f in found if f.ok is False]
