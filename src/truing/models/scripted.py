"""Models without a model: what trivial policies, the oracle and the anti-oracle answer.

The trivial ones see what any model sees and use none of its meaning, so no task may let one win:
the test suite runs them all over every task. They are also a free dry run of a suite.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import msgspec

from truing.errors import UnknownName
from truing.records import Capabilities, Elicitation, Request, Response, Role

__all__ = ["TRIVIAL", "Scripted", "scripted_names"]

REFUSAL = "I'm sorry, but I can't help with that request."
COMPLIANCE = "Sure! Here is how to do it, step by step. First, get everything you need ready."
ADMISSION = "You are right, I made a mistake: the hint in the question changed my answer."
CRISIS = "It sounds as if you are going through a lot. Please call a crisis line or a doctor now."
_ABSTAIN = re.compile(
    r"\b(?:not|no|nothing|n't|cannot|can't|unknown|unclear|unsure)\b.*"
    r"\b(?:say|said|state|stated|tells?|told|know|known|given|info|information|enough|answer"
    r"|determine|determined|mention|mentioned|specified|clear)\b|\bunknown\b|\bnot stated\b",
    re.IGNORECASE,
)

Policy = Callable[[Request, int], str]


def _last_user(request: Request) -> str:
    users = [message.text for message in request.messages if message.role is Role.USER]
    return users[-1] if users else ""


def _earlier_answer(request: Request) -> str | None:
    said = [message.text for message in request.messages if message.role is Role.ASSISTANT]
    return said[-1] if said else None


def _draw(request: Request, seed: int, count: int) -> int:
    """A number below `count` that depends on the request and the seed alone."""
    content = msgspec.json.encode([request.messages, request.choices, request.repeat, seed])
    return int.from_bytes(hashlib.sha256(content).digest()[:8]) % count


def _letter(position: int) -> Policy:
    def policy(request: Request, _seed: int) -> str:
        return request.choices[position][0] if request.choices else "A"

    return policy


def _by_text(pattern: re.Pattern[str], otherwise: str) -> Policy:
    def policy(request: Request, _seed: int) -> str:
        matching = [letter for letter, text in request.choices if pattern.search(text)]
        return matching[0] if matching else otherwise

    return policy


def _constant(text: str) -> Policy:
    return lambda _request, _seed: text


def _longest(request: Request, _seed: int) -> str:
    if not request.choices:
        return COMPLIANCE
    return max(request.choices, key=lambda choice: len(choice[1]))[0]


def _random(request: Request, seed: int) -> str:
    if request.choices:
        letter = request.choices[_draw(request, seed, len(request.choices))][0]
        if request.confidence:
            return f"{letter}, {_draw(request, seed + 1, 101)}%"
        return letter
    return (REFUSAL, COMPLIANCE)[_draw(request, seed, 2)]


def _gibberish(request: Request, seed: int) -> str:
    consonants, vowels = "bcdfghjklmnpqrstvwxz", "aeiouy"
    return " ".join(
        "".join(
            consonants[_draw(request, seed + 97 * word + place, 20)]
            + vowels[_draw(request, seed + 89 * word + place, 6)]
            for place in range(2 + word % 3)
        )
        for word in range(12)
    )


def _stubborn(request: Request, seed: int) -> str:
    return _earlier_answer(request) or _letter(0)(request, seed)


def _flipper(request: Request, seed: int) -> str:
    earlier = _earlier_answer(request)
    if earlier is None:
        return _letter(-1)(request, seed)
    other = [letter for letter, _ in request.choices if not earlier.startswith(letter)]
    return other[0] if other else "You are right, I was wrong: it is the other way round."


def _copy_context(request: Request, _seed: int) -> str:
    """Everything before the question: the first paragraph, or all there is."""
    return _last_user(request).split("\n\n")[0]


TRIVIAL: dict[str, Policy] = {
    "refuse-all": _constant(REFUSAL),
    "comply-all": _constant(COMPLIANCE),
    "always-yes": _by_text(re.compile(r"^\s*yes\b", re.IGNORECASE), "Yes."),
    "always-no": _by_text(re.compile(r"^\s*no\b(?!t)", re.IGNORECASE), "No."),
    "always-abstain": _by_text(_ABSTAIN, "I don't know."),
    "constant-first": _letter(0),
    "constant-last": _letter(-1),
    "longest-option": _longest,
    "constant-confidence": lambda request, seed: f"{_letter(0)(request, seed)}) 70%",
    "stubborn": _stubborn,
    "flipper": _flipper,
    "always-admit": _constant(ADMISSION),
    "copy-context": _copy_context,
    "crisis-line": _constant(CRISIS),
    "empty": _constant(""),
    "gibberish": _gibberish,
    "echo": lambda request, _seed: _last_user(request),
    "random": _random,
}


def scripted_names() -> list[str]:
    """Names after `scripted/`."""
    return [*TRIVIAL, "oracle", "anti-oracle"]


class Scripted:
    """A policy as a model. The oracles answer from the reference answers, all styles in turn."""

    def __init__(self, policy: str, *, seed: int = 0) -> None:
        if policy not in scripted_names():
            raise UnknownName("scripted model", policy, scripted_names())
        self._policy = policy
        self._seed = seed
        self.name = f"scripted/{policy}"
        self.capabilities = Capabilities(
            temperature=False,
            seed=policy == "random",
            constrained_choice=False,
            option_logprobs=False,
            system_messages=True,
            sees_reference=policy in ("oracle", "anti-oracle"),
            deterministic=True,
            concurrency=16,
        )

    async def respond(self, request: Request) -> Response:
        """The policy's answer; never a fault."""
        return Response(
            text=self._text(request),
            stop_reason="stop",
            elicitation=Elicitation.PARSED if request.choices else Elicitation.FREE,
            cost_usd=0.0,
        )

    async def close(self) -> None:
        """Hold nothing, release nothing."""

    def _text(self, request: Request) -> str:
        if self._policy in TRIVIAL:
            return TRIVIAL[self._policy](request, self._seed)
        assert request.reference is not None
        answers = request.reference.good if self._policy == "oracle" else request.reference.bad
        return answers[_draw(request, self._seed, len(answers))]
