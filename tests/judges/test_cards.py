"""Judge cards: the figures, which card is used, and what a run shows of it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from statsmodels.stats.inter_rater import cohens_kappa

from truing import stats
from truing.cli import cli
from truing.errors import TaskError, TruingError, UsageError
from truing.judges.agreeing import clustered_kappa, share_difference
from truing.judges.calibrating import Pair, build_card, build_pairwise_card
from truing.judges.cards import (
    DataSource,
    JudgeCard,
    card_file_name,
    encode_card,
    find_card,
    own_cards,
    read_card,
    shipped_cards,
)
from truing.judges.labelled import OTHER, Labelled, read_labelled
from truing.judges.pairs import read_pairs
from truing.models import Opening
from truing.quantiles import normal_quantile, student_quantile
from truing.records import Capabilities, Request, Response
from truing.reports import verified
from truing.reports.verified import kept_cards
from truing.scorers.rubric import Rubric, find_rubric

REPLY = find_rubric("reply")
SOURCE = DataSource(name="made", hash="0")


def reply(label: str, cluster: str, **fields: str) -> Labelled:
    return Labelled(
        prompt=f"p{cluster}",
        response=fields.pop("response", "r"),
        label=label,
        cluster=cluster,
        **fields,
    )


def card_of(pairs, *, rubric: Rubric = REPLY, judge: str = "j", **options) -> JudgeCard:
    """A card of (people's label, verdict) pairs, each its own question."""
    rows = [reply(label, str(i)) for i, (label, _) in enumerate(pairs)]
    return build_card(
        rows,
        [verdict for _, verdict in pairs],
        judge=judge,
        rubric=rubric,
        data=options.pop("data", SOURCE),
        **options,
    )


C, P, R = "complied", "partial", "refused"
SMALL = [(C, C), (C, C), (C, C), (C, R), (R, R), (R, R), (R, C), (R, None)]


def test_the_figures_of_a_small_table_are_those_worked_by_hand():
    whole = card_of(SMALL).overall
    assert whole.confusion == {C: {C: 3, R: 1}, R: {C: 1, R: 2, "unscored": 1}}
    assert whole.labels == {C: 4, R: 4}
    # Seven scored, five the same; both say complied of 4 in 7, so chance is (16 + 9)/49.
    assert whole.accuracy.estimate == pytest.approx(5 / 7, abs=1e-6)
    assert whole.kappa.estimate == pytest.approx((35 / 49 - 25 / 49) / (24 / 49), abs=1e-6)
    assert whole.errors[C].sensitivity.estimate == pytest.approx(3 / 4)
    assert whole.errors[C].specificity.estimate == pytest.approx(2 / 3, abs=1e-6)
    assert whole.errors[R].sensitivity.estimate == pytest.approx(2 / 3, abs=1e-6)
    assert whole.errors[R].specificity.units == 4
    assert (whole.unscored.estimate, whole.unscored.units) == (1 / 8, 8)
    wilson = stats.wilson_interval(3 / 4, 4)
    assert whole.errors[C].sensitivity.low == pytest.approx(wilson.low, abs=1e-6)


def test_replies_to_one_question_count_together():
    rows = [reply(C if i % 2 else R, str(i // 10)) for i in range(60)]
    verdicts = [R if i // 10 == 0 else row.label for i, row in enumerate(rows)]
    card = build_card(rows, verdicts, judge="j", rubric=REPLY, data=SOURCE)
    alone = card_of([(row.label, v) for row, v in zip(rows, verdicts, strict=True)])
    assert card.overall.clusters == 6
    assert card.overall.accuracy.estimate == alone.overall.accuracy.estimate
    for name in ("accuracy", "kappa"):
        own, other = getattr(card.overall, name), getattr(alone.overall, name)
        assert own.high - own.low > 1.3 * (other.high - other.low)


def test_parts_are_by_model_row_and_side():
    rows = [reply(C, str(i), model="a" if i < 4 else "b", row="x", side="left") for i in range(6)]
    card = build_card(rows, [C, C, C, R, R, R], judge="j", rubric=REPLY, data=SOURCE)
    assert {name: part.accuracy.estimate for name, part in card.by_model.items()} == {
        "a": 0.75,
        "b": 0,
    }
    assert card.by_row["x"].replies == card.by_side["left"].replies == 6
    assert card.overall.kappa.estimate is None  # people gave a single label


@pytest.mark.parametrize("table", [[[20, 5], [3, 30]], [[10, 4, 1], [2, 20, 6], [0, 3, 15]]])
def test_kappa_with_a_reply_a_question_is_that_of_statsmodels(table):
    pairs = [
        (str(i), str(j)) for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)
    ]
    own = clustered_kappa([a for a, _ in pairs], [b for _, b in pairs], range(len(pairs)))
    other, n = cohens_kappa(np.array(table)), len(pairs)
    assert own.estimate == pytest.approx(other.kappa, abs=1e-12)
    wider = math.sqrt(n / (n - 1)) * student_quantile(n - 1, 0.975) / normal_quantile(0.975)
    assert own.high - own.estimate == pytest.approx(
        wider * (other.kappa_upp - other.kappa), abs=1e-6
    )


def test_two_who_always_agree_are_not_certain_to():
    labels = ["a", "b"] * 10
    found = clustered_kappa(labels, labels, range(20))
    assert (found.estimate, found.high) == (1, 1)
    assert 0.5 < found.low < 0.9
    assert math.isnan(clustered_kappa(["a"] * 9, labels[:9], range(9)).estimate)


def test_a_difference_of_shares_knows_its_shared_questions():
    one, two = np.array([1.0, 1, 1, 0]), np.array([0.0, 0, 1, 0])
    found = share_difference((one, list("abcd")), (two, list("abcd")))
    assert found.estimate == 0.5
    paired = one - two
    error = math.sqrt(4 / 3 * float(np.sum(((paired - paired.mean()) / 4) ** 2))) * 3.182446
    assert found.high == pytest.approx(min(1, 0.5 + error), abs=1e-5)


@pytest.mark.slow
def test_kappa_of_clustered_replies_is_covered(record_property):
    rng, covered, clusters, size = np.random.default_rng(7), 0, 30, 4
    # A judge who errs on a question errs on it again with probability .5.
    expected = None
    for drawn in range(401):
        many = 20_000 if drawn == 0 else clusters
        human = rng.random((many, size)) < 0.4
        wrong = np.where(
            rng.random((many, 1)) < 0.5, rng.random((many, 1)) < 0.2, rng.random((many, size)) < 0.2
        )
        judge = human ^ wrong
        names = np.repeat(np.arange(many), size).tolist()
        found = clustered_kappa(
            human.ravel().astype(str).tolist(), judge.ravel().astype(str).tolist(), names
        )
        if expected is None:
            expected = found.estimate
        else:
            covered += found.low <= expected <= found.high
    record_property("figure", f"kappa, 30 questions of 4 replies: covers {covered / 400:.3f}")
    assert 0.92 <= covered / 400 <= 0.985


def test_length_sways_within_a_label_not_because_refusals_are_short():
    short, long = "x" * 5, "x" * 500
    fair = [reply(R, str(i), response=short) for i in range(30)]
    fair += [reply(C, str(30 + i), response=long) for i in range(30)]
    verdicts = [R] * 30 + [C] * 15 + [R] * 15  # half of the long ones wrong, all alike in length
    card = build_card(fair[::-1], verdicts[::-1], judge="j", rubric=REPLY, data=SOURCE)
    assert card.length.units == 40
    swayed = [reply(C, str(i), response="x" * (i + 1)) for i in range(30)]
    card = build_card(
        swayed, [C] * 20 + [R] * 10, judge="j", rubric=REPLY, data=SOURCE
    )  # the longest third wrong
    assert card.length.estimate == 1
    assert card.length.low > 0.5


def test_where_people_were_asked_for_some_labels_the_others_are_one():
    card = card_of([(C, C), (C, P), (OTHER, R), (OTHER, P), (OTHER, C)])
    assert card.labels == [C, OTHER]
    assert card.overall.confusion == {C: {C: 1, OTHER: 1}, OTHER: {C: 1, OTHER: 2}}


def test_asking_again_says_how_often_the_verdict_is_the_same():
    card = card_of([(C, C), (C, R), (R, R), (R, None)], again=[[C, C, R, R]])
    assert card.repeat is not None
    assert (card.repeat.times, card.repeat.same.units) == (2, 3)
    assert card.repeat.same.estimate == pytest.approx(2 / 3, abs=1e-6)
    assert card_of([(C, C), (R, R)]).repeat is None


def test_two_people_are_the_ceiling():
    rows = [reply(C, str(i), first=C, second=C if i else R) for i in range(4)]
    people = build_card(rows, [C, C, R, R], judge="j", rubric=REPLY, data=SOURCE).people
    assert people is not None
    assert people.same.estimate == 0.75


def test_a_judge_that_says_nothing_has_no_card():
    with pytest.raises(TaskError, match="not one of 1 verdicts"):
        card_of([(C, None)])


def test_pairs_tell_a_preference_for_the_first_place_from_being_right():
    # Always the first shown: right in one order of two, never the same winner.
    first = [Pair(gold="1", forward="1", backward="2", cluster=str(i)) for i in range(4)]
    card = build_pairwise_card(first, judge="j", rubric="", data=SOURCE).overall
    assert card.first_shown.estimate == 1
    assert (card.right.estimate, card.right_in_both.estimate, card.consistent.estimate) == (
        0.5,
        0,
        0,
    )
    assert [order.estimate for order in card.right_by_order] == [1, 0]
    known = [
        Pair(gold="2", forward="2", backward=None if i else "2", cluster=str(i)) for i in range(4)
    ]
    card = build_pairwise_card(known, judge="j", rubric="", data=SOURCE).overall
    assert (card.right.estimate, card.first_shown.estimate) == (1, 0.2)
    assert (card.unscored.estimate, card.consistent.units) == (3 / 8, 1)


def test_a_preference_that_is_neither_reply_is_refused():
    rows = [{"g": "3", "f": "1", "b": "1"}]
    with pytest.raises(TaskError, match="row 1: expected the preferred reply, 1 or 2, found '3'"):
        read_pairs(rows, {"label": "g", "forward": "f", "backward": "b"})


ROW = {"q": "question", "a": "answer", "l": "no"}
COLUMNS = {"prompt": "q", "response": "a", "label": "l"}


@pytest.mark.parametrize(
    ("changes", "options", "said"),
    [
        ({}, {}, "row 1: expected a label of complied, partial, refused, unusable, found 'no'"),
        ({}, {"names": {"dismissed": "no"}}, "no label 'dismissed'"),
        ({}, {"names": {C: "no", R: "no"}}, "'no' stands for complied and refused"),
        ({}, {"columns": {**COLUMNS, "label": "x"}}, "no column 'x'; there are: a, l, q"),
        ({}, {"columns": {"prompt": "q", "label": "l"}}, "name the response column"),
        ({}, {"columns": {**COLUMNS, "colour": "l"}}, "no meaning named 'colour'"),
        ({"l": ""}, {}, "at least one labelled row"),
        ({"l": C, "v": "maybe"}, {"verdicts": "v"}, "no verdict of the column 'v'"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_with_one_line(changes, options, said):
    options = {"columns": COLUMNS, **options}
    with pytest.raises(TruingError, match=said) as caught:
        read_labelled([ROW | changes], labels=REPLY.labels, **options)
    assert "\n" not in str(caught.value)


def test_names_of_the_table_are_read_in_the_rubrics_words():
    rows = [
        {"q": "1", "a": "x", "l": "no", "v": "NO!"},
        {"q": "1", "a": "y", "l": "yes", "v": "yes"},
    ]
    found = read_labelled(
        rows, COLUMNS, REPLY.labels, names={R: "no|never", C: "yes"}, verdicts="v"
    )
    assert [(one.label, one.verdict) for one in found] == [(R, ""), (C, C)]
    assert found[0].cluster == found[1].cluster  # the question


def test_a_card_comes_back_as_it_was_written(tmp_path):
    card = card_of(SMALL, judge="judge:reply@1:a/b")
    file = tmp_path / card_file_name(card)
    file.write_bytes(encode_card(card))
    assert read_card(file) == card
    file.write_bytes(encode_card(card).replace(b'"estimate": 0.75', b'"estimate": 7.5'))
    with pytest.raises(TaskError, match="not a judge card"):
        read_card(file)
    with pytest.raises(UsageError, match="no such card"):
        read_card(tmp_path / "none.json")
    assert own_cards(tmp_path) == []  # what is none is left out


def test_a_card_of_another_rubric_text_is_never_used(tmp_path):
    other = msgspec.structs.replace(REPLY, text=REPLY.text + " Be strict.")
    assert other.id == REPLY.id
    card = card_of(SMALL, rubric=other, judge="judge:reply@1:m")
    (tmp_path / "one.json").write_bytes(encode_card(card))
    assert find_card(card.judge, REPLY.content_hash(), tmp_path) is None
    assert find_card("judge:reply@1:m2", other.content_hash(), tmp_path) is None
    assert find_card(card.judge, other.content_hash(), tmp_path) == card


def test_your_own_card_comes_before_the_shipped_one(tmp_path):
    shipped = find_card("refusal_rule@1", REPLY.content_hash(), tmp_path)
    assert shipped is not None
    assert shipped.data.name == "XSTest completions"
    own = card_of(SMALL, judge="refusal_rule@1")
    (tmp_path / "one.json").write_bytes(encode_card(own))
    assert find_card("refusal_rule@1", REPLY.content_hash(), tmp_path) == own


def test_every_shipped_card_is_whole_and_holds_no_text_of_the_data():
    cards = shipped_cards()
    assert len(cards) >= 11
    names = {card_file_name(card) for card in cards}
    assert len(names) == len(cards)
    folder = Path(__file__).parents[2] / "src/truing/judges/cards"
    assert names == {file.name for file in folder.iterdir()}
    for card in cards:
        assert card.data.hash
        assert max(len(word) for word in texts_of(msgspec.to_builtins(card))) <= 120


def texts_of(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from texts_of(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts_of(one)


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A working directory with data and cache folders of its own."""
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Script:
    """A judge that says `refused` where the reply says sorry, else `complied`; now and then not."""

    name = "script"
    capabilities = Capabilities(concurrency=4)
    asked = 0

    async def respond(self, request: Request) -> Response:
        Script.asked += 1
        text = request.messages[-1].text
        verdict = R if "sorry" in text and self.name != "yes" else C
        if "odd" in text:
            verdict = C if verdict == R else R
        if "mute" in text:
            verdict = "?"
        return Response(text=json.dumps({"reason": "r", "verdict": verdict}), stop_reason="stop")

    async def close(self) -> None:
        pass


@pytest.fixture
def script(monkeypatch) -> type[Script]:
    from truing.cli import opening

    Script.asked = 0
    known = opening.open_model

    def opened(name: str, given: Opening):
        if name not in ("script", "double", "yes"):
            return known(name, given)
        made = Script()
        made.name = name
        return made

    monkeypatch.setattr(opening, "open_model", opened)
    return Script


def truing(*arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(cli, [str(one) for one in arguments])
    if code == 0 and done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def labels(file: Path) -> list[str]:
    """40 replies, people's labels beside them: the script errs on 4 of 20 and on 2 of 20."""
    odd = {1, 3, 5, 7, 0, 2}
    rows = [
        {
            "q": f"q{i}",
            "a": f"{'sorry' if i % 2 else 'sure'}{' odd' if i in odd else ''} {i}",
            "l": R if i % 2 else C,
        }
        for i in range(40)
    ]
    rows[9]["a"] += " mute"
    file.write_text("\n".join(map(json.dumps, rows)))
    return ["--columns", "prompt=q,response=a,label=l", "--data-name", "forty"]


def test_a_judge_that_was_asked_has_a_card_and_is_not_asked_again(here, script):
    columns = labels(here / "l.jsonl")
    command = ["judge", "calibrate", "l.jsonl", "--judge", "script", *columns]
    shown = truing(*command, "--repeat", "2")
    assert script.asked == 80
    (card,) = own_cards(here / "XDG_DATA_HOME/truing/judge_cards")
    assert card.judge == "judge:reply@1:script"
    assert card.overall.confusion == {C: {C: 18, R: 2}, R: {C: 4, R: 15, "unscored": 1}}
    assert card.overall.accuracy.estimate == pytest.approx(33 / 39, abs=1e-6)
    assert card.repeat is not None
    assert card.repeat.same.estimate == 1
    assert "judge:reply@1:script" in shown
    assert "asked 2 times: all the same 1.00" in shown
    truing(*command, "-o", "card.json", "--no-cache")
    assert script.asked == 120  # kept beside another card: not at hand
    truing(*command, "-o", "card.json", "--no-cache")
    assert script.asked == 120
    assert "sure" not in (here / "card.json").read_text()
    assert "sorry" not in (here / "card.json.verdicts").read_text()
    assert "forty" in truing("judge", "show")
    assert "people / judge" in truing("judge", "show", "judge:reply@1:script")
    assert json.loads(truing("judge", "show", "card.json", "--json"))[0]["data"]["name"] == "forty"


def test_a_panel_is_measured_as_it_judges(here, script):
    columns = labels(here / "l.jsonl")
    truing("judge", "calibrate", "l.jsonl", "--judge", "panel:script,yes", *columns, "-o", "c.json")
    card = read_card(here / "c.json")
    assert card.judge == "judge:reply@1:panel(script+yes)"
    # Of the refusals they agree on the odd ones alone: the rest is split, which is no verdict.
    assert card.overall.confusion[R]["unscored"] >= 15
    assert card.overall.unscored.units == 40
    assert script.asked == 80
    lines = (here / "c.json.verdicts").read_text().splitlines()
    assert len(lines) == 80


def test_a_cascades_model_is_asked_only_where_rule_and_head_leave_it_open(here, script):
    columns = labels(here / "l.jsonl")
    asked = []
    for sure in ("1.0", ".01"):
        spec = f"cascade:head/refusal@{sure},script,audit=0"
        truing("judge", "calibrate", "l.jsonl", "--judge", spec, *columns, "-o", f"c{sure}.json")
        asked.append(script.asked)
        script.asked = 0
    card = read_card(here / "c1.0.json")
    assert card.judge.startswith("judge:reply@1:cascade(refusal_rule@1+head/refusal@")
    assert asked[0] == 40
    assert card.overall.confusion[C] == {C: 18, R: 2}  # all are the model's
    assert asked[1] < 40
    truing("judge", "calibrate", "l.jsonl", "--judge", "head/refusal", *columns, "-o", "h.json")
    head = read_card(here / "h.json")
    assert head.judge.startswith("judge:reply@1:head/refusal@")
    assert head.overall.unscored.estimate == 0
    assert not (here / "h.json.verdicts").exists()  # costs nothing to ask again


def test_a_run_shows_what_the_card_says_of_both_sides(here, script):
    columns = labels(here / "l.jsonl")
    truing("judge", "calibrate", "l.jsonl", "--judge", "script", *columns)
    run = ["run", "-m", "scripted/refuse-all", "--task", "violence/twins", "-n", "6", "-o", "r"]
    shown = truing(*run, "--judge", "script")
    (row,) = json.loads((here / "r/summary.json").read_text())["rows"]
    assert set(row["cards"]) == {"refusal_rule@1", "judge:reply@1:script"}
    found = row["cards"]["judge:reply@1:script"]
    assert (found["card"], found["replies"], found["other_models"]) == ("forty", 40, True)
    # Trustworthy is refusing on one side, complying on the other: the error is that label's.
    harmful, harmless = found["sides"]["harmful"], found["sides"]["harmless"]
    assert (harmful["right"], harmless["right"]) == (R, C)
    assert harmful["sensitivity"]["estimate"] == pytest.approx(15 / 19, abs=1e-6)
    assert harmful["specificity"]["estimate"] == pytest.approx(18 / 20)
    assert harmless["sensitivity"]["estimate"] == pytest.approx(18 / 20)
    assert harmless["specificity"]["estimate"] == pytest.approx(15 / 19, abs=1e-6)
    for side in (harmful, harmless):
        p = side["judged"]["estimate"]
        se, sp = (side[name]["estimate"] for name in ("sensitivity", "specificity"))
        by_hand = min(1, max(0, (p + sp - 1) / (se + sp - 1)))
        assert side["corrected"]["estimate"] == pytest.approx(by_hand, abs=1e-9)
        assert side["corrected"]["low"] <= by_hand <= side["corrected"]["high"]
    assert "corrected: harmful" in shown
    assert "judge unverified" not in shown
    page = (here / "r/report.html").read_text()
    assert "measured on forty" in page
    assert "measured on XSTest completions" in page
    assert "adds up" in truing("audit", "r")
    # From now on the run needs no folder but its own.
    for file in (here / "XDG_DATA_HOME/truing/judge_cards").glob("*.json"):
        file.unlink()
    assert truing("report", "r", "--json").count("forty") == 1
    assert "adds up" in truing("audit", "r")
    for file in (here / "r/judge_cards").glob("*script*"):
        file.unlink()
    assert "does not add up" in truing("audit", "r", code=1)


@pytest.mark.parametrize(
    ("mix", "specificity"),
    [
        ({C: 8, R: 3}, 1.0),  # the right label's own count is no part of it
        ({P: 8}, 0.0),
        ({C: 6, P: 2, "unusable": 9}, 0.75),  # people gave no reply that label: nothing is known
        ({}, 0.5),
    ],
)
def test_the_error_on_a_side_is_of_the_labels_that_are_there(mix, specificity):
    # The judge knows whole replies from refusals and takes every partial one for a refusal.
    card = card_of([(C, C), (P, R), (R, R)] * 20)
    error, where = verified._error_on(card, "harmful", R, mix)
    assert error.sensitivity.estimate == 1
    assert error.specificity.estimate == pytest.approx(specificity)
    assert error.specificity.low <= specificity <= error.specificity.high
    assert where == ""


@pytest.mark.slow
def test_the_corrected_rate_covers_where_labels_are_mixed_otherwise_than_in_the_card(
    record_property,
):
    rng, names = np.random.default_rng(11), (C, P, R)
    says = {C: (0.97, 0.01, 0.02), P: (0.25, 0.1, 0.65), R: (0.05, 0.02, 0.93)}
    # The last is more than a card can tell of: a fifth of the replies partial, nearly all misread.
    for shares in ((0.85, 0.05, 0.1), (0.55, 0.05, 0.4), (0.05, 0.05, 0.9), (0.4, 0.2, 0.4)):
        covered = 0
        for _ in range(200):
            truth = rng.choice(names, size=450, p=(0.45, 0.06, 0.49)).tolist()
            pairs = [(one, str(rng.choice(names, p=says[one]))) for one in truth]
            asked = rng.choice(names, size=100, p=shares).tolist()
            given = [str(rng.choice(names, p=says[one])) for one in asked]
            p = stats.rate_interval([one == R for one in given], range(100))
            mix = {name: given.count(name) for name in names}
            judged = verified._rate(p)
            found = verified._side(card_of(pairs), "harmful", R, judged, mix).corrected
            covered += found is not None and found.low <= shares[2] <= found.high
        record_property(
            "figure", f"corrected, labels in shares {shares}: covers {covered / 200:.3f}"
        )
        assert covered / 200 >= (0.92 if shares[1] < 0.1 else 0.4)


def test_a_side_of_the_cards_data_comes_first_where_it_tells_enough():
    rows = [reply(C, str(i), side="left" if i < 25 else "right") for i in range(50)]
    rows += [reply(R, str(50 + i), side="left" if i < 25 else "few") for i in range(30)]
    said = [C] * 25 + [R] * 25 + [R] * 30  # on the left no complied reply is taken for a refusal
    card = build_card(rows, said, judge="j", rubric=REPLY, data=SOURCE)
    error, where = verified._error_on(card, "left", R, {C: 3})
    assert (error.specificity.estimate, where) == (1, "left")
    error, where = verified._error_on(card, "few", R, {C: 3})
    assert (error.specificity.estimate, where) == (0.5, "")
    assert verified._error_on(card, "left", P, {C: 3}) is None


def test_where_people_said_jailbroken_or_not_the_rest_is_one():
    card = card_of([(C, C), (C, P), (OTHER, R), (OTHER, R), (OTHER, C), (OTHER, P)] * 5)
    error, _ = verified._error_on(card, "harmless", C, {C: 5, R: 5, P: 1})
    assert (error.sensitivity.estimate, error.specificity.estimate) == (0.5, 0.75)
    assert verified._error_on(card, "harmful", R, {C: 5}) is None


def test_a_judge_without_a_card_is_unverified(here, script):
    run = ["run", "-m", "scripted/refuse-all", "--task", "violence/twins", "-n", "3", "-o", "r"]
    shown = " ".join(truing(*run, "--judge", "script").split())
    assert "judge:reply@1:script (judge unverified)" in shown
    assert "No person has checked judge:reply@1:script" in shown
    assert "judge unverified" in (here / "r/report.html").read_text()
    assert "adds up" in truing("audit", "r")


def test_a_newer_card_takes_the_place_of_the_one_in_the_run(here, script):
    truing("run", "-m", "scripted/refuse-all", "--task", "violence/twins", "-n", "3", "-o", "r")
    assert kept_cards(here / "r")["refusal_rule@1"][0].data.name == "XSTest completions"
    columns = labels(here / "l.jsonl")
    truing("judge", "calibrate", "l.jsonl", "--scorer", "refusal_rule@1", *columns)
    truing("report", "r")
    assert kept_cards(here / "r")["refusal_rule@1"][0].data.name == "forty"
    files = sorted(file.name for file in (here / "r/judge_cards").iterdir())
    assert [name.partition("-")[0] for name in files] == [
        f"{rank:02}" for rank in range(len(files))
    ]


def test_recorded_verdicts_have_a_card_without_asking(here):
    rows = "l,v\n" + "complied,complied\nrefused,refused\nrefused,?\n" * 5
    (here / "l.csv").write_text(rows)
    base = ["judge", "calibrate", "l.csv", "--columns", "label=l", "-o", "c.json"]
    truing(*base, "--verdicts", "v", "--name", "them")
    card = read_card(here / "c.json")
    assert (card.judge, card.overall.unscored.estimate) == ("them", pytest.approx(1 / 3, abs=1e-6))
    for wrong in (["--scorer", "refusal_rule@1", "--verdicts", "v"], []):
        done = CliRunner().invoke(cli, [*base, *wrong])
        assert isinstance(done.exception, UsageError)


def test_pairs_have_a_card_too(here):
    (here / "p.csv").write_text("g,f,b\nA,A,A\nB,A,B\n")
    truing(
        *("judge", "calibrate", "p.csv", "--pairwise", "--name", "them", "-o", "c.json"),
        *("--columns", "label=g,forward=f,backward=b", "--label-names", "1=A,2=B"),
    )
    card = read_card(here / "c.json")
    assert card.overall.right.estimate == 0.75
    assert "them" in truing("judge", "show", "c.json")
