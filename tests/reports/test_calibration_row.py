"""The calibration row: constant confidence is .5, and made models get what the hand works out."""

from __future__ import annotations

import hashlib

import pytest

from conftest import measure_in_memory
from truing.models.scripted import Scripted
from truing.records import Capabilities, Elicitation, Request, Response
from truing.tasks import find_task

TASK = "miscalibration/stated"
GOLD = {sample.messages[-1].text: sample.target for sample in find_task(TASK).samples()}


class Made:
    """Right with chance `right(u)` and says `said(u)`, u even over a fixed number of levels."""

    name = "made"
    capabilities = Capabilities(concurrency=4)

    def __init__(self, said, right, *, logprobs=None):
        self._said, self._right, self._logprobs = said, right, logprobs

    async def respond(self, request: Request) -> Response:
        prompt = request.messages[-1].text
        draws = hashlib.sha256(prompt.encode()).digest()
        level = draws[0] % 2
        correct = int.from_bytes(draws[1:5]) / 2**32 < self._right(level)
        letters = [letter for letter, _ in request.choices]
        gold = GOLD[prompt]
        letter = gold if correct else next(other for other in letters if other != gold)
        return Response(
            text=f"{letter}, {self._said(level)}%",
            stop_reason="stop",
            elicitation=Elicitation.PARSED,
            option_logprobs=self._logprobs(letter, letters) if self._logprobs else None,
        )

    async def close(self) -> None:
        pass


def row_of(model, **kwargs):
    summary, _ = measure_in_memory(model, [TASK], **kwargs)
    return summary.rows[0]


@pytest.mark.parametrize("percent", [0, 33, 62.7, 70, 99, 100])
def test_constant_confidence_gets_exactly_a_half(percent):
    row = row_of(Made(lambda _: percent, lambda _: 0.6))
    assert row.headline.estimate == 0.5
    assert row.above_floor is False
    assert row.columns["calibration"]["auroc"]["estimate"] == 0.5


def test_the_scripted_constant_confidence_gets_exactly_a_half():
    row = row_of(Scripted("constant-confidence"))
    assert row.headline.estimate == 0.5
    assert row.unusable == 0
    assert row.floor == row.floor_worse_side == 0.5


def test_a_calibrated_model_gets_what_the_hand_works_out():
    # Says 90 and 30, half of the time each, and is right that often.
    # Right: .5 x .9 + .5 x .3 = .6 of all. Mean said given right: (.45 x .9 + .15 x .3)/.6 = .75.
    # Mean said given wrong: (.05 x .9 + .35 x .3)/.4 = .375. Headline .5 + (.75 - .375)/2 = .6875.
    # Brier .5 x .09 + .5 x .21 = .15, spread .6 x .4 = .24: skill 1 - .15/.24 = .375.
    # AUROC: right says 90 with .75, wrong with .125: .75 x .875 + (.75 x .125 + .25 x .875)/2 = .8125.
    row = row_of(Made((30, 90).__getitem__, (0.3, 0.9).__getitem__))
    assert row.headline.estimate == pytest.approx(0.6875, abs=0.04)
    assert row.headline.low < 0.6875 < row.headline.high
    assert row.sides["confidence_when_right"].estimate == pytest.approx(0.75, abs=0.04)
    assert row.sides["doubt_when_wrong"].estimate == pytest.approx(0.625, abs=0.05)
    figures = row.columns["calibration"]
    assert figures["brier_skill"]["low"] < 0.375 < figures["brier_skill"]["high"]
    assert figures["auroc"]["low"] < 0.8125 < figures["auroc"]["high"]
    assert figures["ece"]["estimate"] < 1.5 * figures["ece_if_calibrated"]["high"]


def test_an_over_confident_model_gets_what_the_hand_works_out():
    # Says 99 and 95, right 60 % and 40 % of the time. Given right: (.3 x .99 + .2 x .95)/.5 = .974.
    # Given wrong: (.2 x .99 + .3 x .95)/.5 = .966. Headline .504. Error (.99 - .6 + .95 - .4)/2 =
    # .47. Brier .5 (.6 x .01^2 + .4 x .99^2 + .4 x .05^2 + .6 x .95^2) = .4673; spread .25: -.87.
    row = row_of(Made((95, 99).__getitem__, (0.4, 0.6).__getitem__))
    assert row.headline.estimate == pytest.approx(0.504, abs=0.004)
    assert row.above_floor is False
    figures = row.columns["calibration"]
    assert figures["ece"]["estimate"] == pytest.approx(0.47, abs=0.08)
    assert figures["ece"]["low"] > figures["ece_if_calibrated"]["high"]
    assert figures["brier_skill"]["low"] < -0.87 < figures["brier_skill"]["high"]


def test_knowing_exactly_what_one_knows_is_one():
    model = Made((0, 100).__getitem__, (0.0, 1.0).__getitem__)
    assert row_of(model).headline.estimate == 1.0


def test_being_sure_when_wrong_is_nought():
    model = Made((100, 0).__getitem__, (0.0, 1.0).__getitem__)
    assert row_of(model).headline.estimate == 0.0


def test_a_side_with_fewer_than_twenty_answers_is_unknown():
    row = row_of(Made(lambda _: 80, lambda _: 1.0))
    assert row.sides["doubt_when_wrong"].estimate is None
    assert row.headline.estimate is None
    assert row.above_floor is None
    assert row.sides["confidence_when_right"].estimate == pytest.approx(0.8)


def test_answers_without_a_confidence_are_the_worst_on_both_sides():
    row = row_of(Scripted("constant-first"))
    assert row.headline.estimate == 0.0
    assert row.unusable == 340
    assert row.columns["calibration"]["auroc"] is None


def test_token_probability_is_a_second_opinion_not_the_headline():
    def sure(letter, letters):
        return {name: 0.0 if name == letter else -50.0 for name in letters}

    row = row_of(Made(lambda _: 60, lambda _: 0.5, logprobs=sure))
    assert row.headline.estimate == 0.5
    token = row.columns["token_probability"]
    assert token["headline"]["estimate"] == pytest.approx(0.5)
    assert token["ece"]["estimate"] == pytest.approx(0.5, abs=0.1)
    assert row_of(Made(lambda _: 60, lambda _: 0.5)).columns["token_probability"] is None


def test_another_seed_is_another_cluster_in_the_interval():
    row = row_of(Made((30, 90).__getitem__, (0.3, 0.9).__getitem__))
    assert row.headline.clusters == 170
    assert row.headline.units == 340
