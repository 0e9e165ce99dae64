"""The shapes that travel: message, sample, request, response, judgement.

Frozen records that encode to JSON as they are (msgspec). A journal line holds them whole, so a
run is readable with nothing but a JSON parser. Adding an optional field keeps old lines readable;
anything else raises `SCHEMA_VERSION`.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any, Literal

import msgspec

__all__ = [
    "JUDGE_PREFIX",
    "RECORDED_LABEL",
    "SCHEMA_VERSION",
    "Attempt",
    "Capabilities",
    "Choice",
    "Elicitation",
    "Fault",
    "FaultKind",
    "Judgement",
    "Message",
    "Outcome",
    "Reference",
    "Request",
    "Response",
    "Role",
    "Sample",
    "Settings",
    "ToolCall",
    "ToolSpec",
    "canonical_json",
    "content_hash",
    "judged_hash",
]

SCHEMA_VERSION = 1
RECORDED_LABEL = "recorded_label@1"
"""The scorer's name where a label came with the answer."""
JUDGE_PREFIX = "judge:"
"""Begins the scorer's name of an LLM judge's verdict, which stands beside the rule's."""


class Role(StrEnum):
    """Who says a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Outcome(StrEnum):
    """What a judgement says of the model."""

    TRUSTWORTHY = "trustworthy"
    UNTRUSTWORTHY = "untrustworthy"
    UNSCORED = "unscored"
    """The instrument failed (provider error, unreadable judge): outside every denominator."""


class Elicitation(StrEnum):
    """How the answer was drawn out; rows of different modes are not compared."""

    FREE = "free"
    """Text as the model writes it."""
    CONSTRAINED = "constrained"
    """The engine let the model write nothing but one of the option letters."""
    PARSED = "parsed"
    """Free text from which the option letter is read."""


class FaultKind(StrEnum):
    """Why a call gave no answer."""

    RATE_LIMIT = "rate_limit"
    OVERLOADED = "overloaded"
    """The server has no room now (503, 529)."""
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    MALFORMED = "malformed"
    REFUSED_REQUEST = "refused_request"
    """The server rejects this one request (too long, not allowed), others may pass."""
    CONTENT_FILTER = "content_filter"
    THINKING_CUT = "thinking_cut"
    """Reasoning used up all tokens before a word of the answer: paid for, and not asked again."""
    INTERNAL = "internal"
    """An exception inside a model adapter: a defect, kept as data so that nothing is lost."""


class _Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


class ToolCall(_Record, frozen=True):
    """A call that the assistant made; `arguments` is the JSON text it wrote."""

    id: str
    name: str
    arguments: str


class ToolSpec(_Record, frozen=True):
    """A tool offered to the model, with the result a call gets (tools are mocked, never run)."""

    name: str
    description: str
    parameters: dict[str, Any]
    mocked_result: str = ""


class Message(_Record, frozen=True):
    """One turn of a conversation."""

    role: Role
    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    reasoning: str | None = None

    @property
    def full_text(self) -> str:
        """The text and, a line each, the tools it calls: `look_up {"order": 114}`."""
        calls = (f"{call.name} {call.arguments}" for call in self.tool_calls)
        return "\n".join([*([self.text] if self.text or not self.tool_calls else []), *calls])


class Choice(_Record, frozen=True):
    """An option as shown: its letter, its text, and what it stands for in the task."""

    label: str
    text: str
    role: str = ""
    """Meaning for the scorer (`right`, `wrong`, `abstain`, `stereotyped`...); hidden from models"""


class Reference(_Record, frozen=True):
    """Answers known to be good and bad: what the oracle and the anti-oracle say."""

    good: tuple[str, ...]
    bad: tuple[str, ...]


class Sample(_Record, frozen=True):
    """One thing asked. `id` is the hash of everything else."""

    id: str
    task: str
    messages: tuple[Message, ...]
    target: str
    """The right option's letter, or the reply label that is right (`refused`, `complied`)."""
    side: str
    cluster: str
    """The seed it came from: samples of one seed are not independent."""
    seed: str | None = None
    """The seed, where several make one cluster; else it is the cluster."""
    group: str | None = None
    """Samples judged together, where the task's unit is the group."""
    variant: str = ""
    control: bool = False
    """A repeat arm: measured beside the row, never part of it."""
    choices: tuple[Choice, ...] = ()
    tools: tuple[ToolSpec, ...] = ()
    reference: Reference = Reference(good=(), bad=())
    max_tokens: int = 64
    confidence: bool = False
    """A probability of being right is asked for beside the choice; sides follow the outcome."""
    history: tuple[str, ...] = ()
    """Labels of the answers to the earlier rounds that this question was made of."""
    cues: tuple[str, ...] = ()
    """Words by which a reason names the planted hint: the reply is a letter and a reason."""
    passage: str | None = None
    """The text whose reproduction is measured, or withheld from the model and asked for."""

    @property
    def own_seed(self) -> str:
        """The seed it came from."""
        return self.seed or self.cluster


class Settings(_Record, frozen=True):
    """How a run asks: part of its identity, so that unlike runs are not compared."""

    temperature: float = 0.0
    seed: int = 0
    system: str | None = None
    epochs: int = 1
    max_tokens: int | None = None
    """Cap on open replies, where it is below the task's own."""
    thinking_tokens: int | None = None
    """Tokens a reasoning model may think before it answers, on top of the answer's own."""
    parameters: dict[str, Any] = {}
    """Extra fields for the provider, as given with --param."""


class Request(_Record, frozen=True):
    """All that a model sees. `reference` is filled for the oracles only."""

    messages: tuple[Message, ...]
    choices: tuple[tuple[str, str], ...] = ()
    """(letter, text) of each option, in the order shown."""
    max_tokens: int = 64
    temperature: float = 0.0
    seed: int = 0
    want_logprobs: bool = False
    confidence: bool = False
    """A percentage follows the letter."""
    json_schema: dict[str, Any] | None = None
    """The reply is one JSON object of this schema, where the server can hold the model to it."""
    tools: tuple[ToolSpec, ...] = ()
    thinking_tokens: int | None = None
    parameters: dict[str, Any] = {}
    repeat: int = 0
    """Which repeat of the same question this is (epoch, control arm): never shared by a cache."""
    reference: Reference | None = None


class Attempt(_Record, frozen=True):
    """One try at a call: nothing when it worked, else the kind of fault, and how long it took."""

    seconds: float
    fault: FaultKind | None = None
    detail: str = ""


class Fault(_Record, frozen=True):
    """The reason there is no answer, after all tries."""

    kind: FaultKind
    detail: str
    wait_seconds: float | None = None
    """How long the server asked to be left alone."""


class Response(_Record, frozen=True):
    """What came back. With a `fault` there is no text to judge."""

    text: str = ""
    message: Message | None = None
    """The whole message where it holds more than text (tool calls, reasoning)."""
    stop_reason: Literal["stop", "length", "tool", "filter", "unknown"] = "unknown"
    truncated: bool = False
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    option_logprobs: dict[str, float] | None = None
    """Log-probability of each option's letter as the first token, before any constraint."""
    elicitation: Elicitation = Elicitation.FREE
    attempts: tuple[Attempt, ...] = ()
    latency_seconds: float = 0.0
    cost_usd: float | None = None
    cached: bool = False
    """The answer was given before, to the same request: nothing was paid for it again."""
    unsent: tuple[str, ...] = ()
    """Settings that the server rejects and that it was therefore not sent."""
    context: tuple[str, ...] = ()
    """Passages that the target says it retrieved for this answer."""
    fault: Fault | None = None

    @property
    def settled(self) -> bool:
        """Whether there is nothing more to ask: an answer, or a fault that was paid for."""
        return self.fault is None or self.fault.kind is FaultKind.THINKING_CUT


class Judgement(_Record, frozen=True):
    """A scorer's verdict on one response."""

    outcome: Outcome
    label: str
    scorer: str
    """Name and version, e.g. `refusal_rule@1`."""
    judged: str
    """Hash of the judged text: a judgement cannot drift from the answer it is about."""
    probability: float | None = None
    """Calibration: the probability that the model states its answer has of being right."""
    value: float | None = None
    """What the scorer measured, in its own unit (`verbatim_run`: words)."""
    reason: str = ""
    tokens: int | None = None
    """What a judge read and wrote for this verdict; None where no model was asked."""
    cost_usd: float | None = None
    cached: bool = False
    """The verdict was given before, on the same text: nothing was paid for it again."""


class Capabilities(_Record, frozen=True):
    """What a model is known to take. `None` is not known."""

    temperature: bool | None = None
    seed: bool | None = None
    constrained_choice: bool | None = None
    option_logprobs: bool | None = None
    system_messages: bool | None = None
    chat: bool = True
    """False: a base model, asked to continue a transcript."""
    sees_reference: bool = False
    """The oracles: handed the reference answers, and labelled so on every report."""
    deterministic: bool | None = None
    thinks: bool = False
    """It reasons before it answers, within the tokens it is allowed."""
    json_schema: bool | None = None
    """Whether a reply can be held to a JSON schema."""
    concurrency: int | None = 16
    """How many calls are worth having in flight; None: to be found out by calling."""


def canonical_json(value: object) -> bytes:
    """The one JSON form of a value: keys sorted, no blanks."""
    return msgspec.json.encode(value, order="sorted")


def content_hash(value: object) -> str:
    """16 hexadecimal digits (64 bits) of the SHA-256 of the value's canonical JSON."""
    return hashlib.sha256(canonical_json(value)).hexdigest()[:16]


def judged_hash(text: str) -> str:
    """Hash that binds a judgement to the text it judged."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
