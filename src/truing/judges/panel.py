"""A panel's verdict, from those of its members: the label that more than half of them give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from truing.judges.specs import judge_name
from truing.records import Judgement, Outcome, Response, Sample, judged_hash

__all__ = ["NO_QUORUM", "SPLIT", "panel_label", "panel_name", "panel_verdict"]

SPLIT = "split"
"""Every member gave a label, and none has more than half of them."""
NO_QUORUM = "no_quorum"
"""A member gave no label, and no label has more than half of all members without it."""


def panel_name(rubric: str, members: Sequence[str]) -> str:
    """The scorer's name of a panel, `members` as they are called in names of verdicts."""
    return judge_name(rubric, f"panel({'+'.join(members)})")


def panel_verdict(
    name: str,
    members: Mapping[str, str],
    verdicts: Mapping[str, Judgement],
    sample: Sample,
    response: Response,
) -> Judgement | None:
    """The panel's verdict on a reply; None until every member has been asked.

    `members` maps what a member is called to its scorer's name, `verdicts` those names to the
    verdicts. More than half of all members must give a label, those that failed or could not be
    read included: a missing vote never makes a majority easier. Otherwise the panel abstains: the
    outcome is unscored, the label `split` or `no_quorum`. The reason says who gave which label.
    """
    if not all(scorer in verdicts for scorer in members.values()):
        return None
    given = {who: verdicts[scorer] for who, scorer in members.items()}
    label = panel_label(list(given.values()))
    if label in (SPLIT, NO_QUORUM):
        outcome = Outcome.UNSCORED
    else:
        outcome = Outcome.TRUSTWORTHY if label == sample.target else Outcome.UNTRUSTWORTHY
    return Judgement(
        outcome=outcome,
        label=label,
        scorer=name,
        judged=judged_hash(response.text),
        reason="; ".join(f"{who}: {verdict.label}" for who, verdict in given.items()),
    )


def panel_label(given: Sequence[Judgement]) -> str:
    """The label that more than half of the members gave, or why there is none."""
    votes = Counter(v.label for v in given if v.outcome is not Outcome.UNSCORED)
    label, most = votes.most_common(1)[0] if votes else ("", 0)
    if 2 * most > len(given):
        return label
    return SPLIT if votes.total() == len(given) else NO_QUORUM
