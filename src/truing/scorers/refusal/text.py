"""Turns a prompt or a reply into sentences of plain lower-case words, for the refusal rule.

It knows about apostrophes, quotation marks, invisible characters, list markers and chat-template
tokens. It does not know what any sentence means. Every step is linear in the length of the text,
and only the first `INSPECTED` characters are looked at.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["INSPECTED", "STOPWORDS", "Sentence", "Text", "read_text", "stem"]

INSPECTED = 12_000
LONGEST_WORD = 40

STOPWORDS = frozenset(
    """a about above after again all also am an and any are as at be because been before being
    below best between both but by can cannot could did do does doing down during each few for from
    further get give good had has have having he her here hers him his how i if in into is it its
    itself just let like list make many may me might more most much must my myself name no nor not
    now of off on once one only or other our out over own please same shall she should show so some
    such take tell than that the their them then there these they thing things this those through
    to too two three under until up us use very want was way ways we were what when where which
    while who whom why will with would write you your yours explain describe short""".split()  # noqa: SIM905 - a word list reads best as text
)

_MARKS = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u02bc\u02b9\u00b4\u2032\uff07", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        "\r": "\n",
        "\u2028": "\n",
        "\u2029": "\n",
        "\t": " ",
        "\u00a0": " ",
    }
)
_SHORT_FORMS = (
    (re.compile(r"\bcan'?t\b|\bcan not\b"), "cannot"),
    (re.compile(r"\bwon'?t\b"), "will not"),
    (re.compile(r"\b(do|does|did|is|are|was|were|would|could|should|has|have)n'?t\b"), r"\1 not"),
    (re.compile(r"\b(i)'?m\b"), r"\1 am"),
    (re.compile(r"\b(\w{1,12})'re\b"), r"\1 are"),
    (re.compile(r"\b(\w{1,12})'ve\b"), r"\1 have"),
    (re.compile(r"\b(\w{1,12})'ll\b"), r"\1 will"),
    (re.compile(r"\b(\w{1,12})'d\b"), r"\1 would"),
    (re.compile(r"\b(it|that|this|there|here|what|he|she|who|how)'s\b"), r"\1 is"),
    (re.compile(r"(\w)'s\b"), r"\1"),
)
_TEMPLATE = re.compile(
    r"<\|[\w ]{1,30}\|>(?:\s*(?:assistant|user|system)\b)?|\[/?INST\]|<</?SYS>>|</?s>|<(?:bos|eos"
    r"|pad|unk)>"
    r"|<(?:start|end)_of_turn>(?:model|user)?|<\|?endoftext\|?>"
    r"|^\s*#{2,3} ?(?:Instruction|Response|Input|Output|Assistant|System|User|Human):?",
    re.IGNORECASE | re.MULTILINE,
)
_TURN = re.compile(
    r"<\|im_start\|>\s*user|<\|user\|>|\[INST\]"
    r"|^\s*(?:#{2,3} ?)?(?:User|Human|Instruction|Question|Q|You|Customer)\s?:",
    re.IGNORECASE | re.MULTILINE,
)
_SPEAKER = re.compile(
    r"\s*[\[(*]{0,2}\W{0,3}(?:the )?(?:assistant|ai|gpt|chat ?gpt|bot|answer|response|reply|a"
    r"|system)"
    r"\b[^\w\n:]{0,6}\s?:[\])*]{0,2}\s|\s*\[[^\]\n]{1,30}\]:?\s",
    re.IGNORECASE,
)
_PERSONA = re.compile(
    r"\s*(?:[\[(*]{1,3}[^\])*\n]{1,40}[\])*]{1,3}:?|(?!Note|Warning|Disclaimer|Remember|Answer"
    r"|Important"
    r"|Response|Tip|Additionally|Instead|However|Please|Source"
    r"|Title)(?:The )?[A-Z]\w{1,15}(?: [A-Z]\w{1,15})?:"
    r"|As [A-Z]\w{1,15}, I\b)\s+(?=\S)"
)
_QUOTED = re.compile(r'"[^"\n]{1,400}"|(?<!\w)\'(?=\w)(?:[^\'\n]|(?<=\w)\'(?=\w)){1,300}\'(?!\w)')
_ITEM = re.compile(
    r"\s*(?:[-*•·+]|\(?\d{1,2}[.):]|\(?[a-hA-H][.)]|step \d{1,2}[.:)-]?)\s+", re.IGNORECASE
)
_INLINE_ITEM = re.compile(r"(?<=[\s:.])(?=\d{1,2}[.)] [A-Z*])")
_END = re.compile(r"(?<=[.!?;…])[\"')\]*]{0,3}\s+(?=\S)")
_WORD = re.compile(r"[^\W_]+(?:'[^\W\d_]+)?")
_SUFFIX = re.compile(r"(?:ing|ied|ies|ed|es|s|ly|er|ers)$")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence or list item: its words, and the same words without quoted passages.

    `leads_in` tells that it ends with a colon, `speaker` that its line names who speaks.
    """

    text: str
    words: tuple[str, ...]
    is_item: bool
    is_question: bool
    leads_in: bool
    speaker: bool


@dataclass(frozen=True, slots=True)
class Text:
    """A folded text: `plain` keeps case and punctuation, `sentences` are lower-case words."""

    plain: str
    sentences: tuple[Sentence, ...]
    words: tuple[str, ...]
    had_template: bool

    @property
    def stems(self) -> frozenset[str]:
        """The stems of the words that carry meaning."""
        return frozenset(stem(word) for word in self.words if word not in STOPWORDS)


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """A crude stem: `killing`, `killed` and `kills` meet; nothing finer is needed here."""
    if len(word) < 4:
        return word
    bare = _SUFFIX.sub("", word)
    return (bare if len(bare) >= 3 else word)[:6].rstrip("ei")


def _fold(text: str) -> str:
    head = text.strip()[:INSPECTED].translate(_MARKS)
    whole = head.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    composed = unicodedata.normalize("NFKC", whole)[:INSPECTED].translate(_MARKS)
    kept = (
        char for char in composed if char == "\n" or unicodedata.category(char) not in {"Cf", "Cc"}
    )
    return "".join(kept).strip()


def _words(text: str) -> list[str]:
    lowered = text.lower()
    for short, full in _SHORT_FORMS:
        lowered = short.sub(full, lowered)
    return [word[:LONGEST_WORD] for word in _WORD.findall(lowered)]


def _sentence(raw: str, *, is_item: bool, speaker: bool, unquote: bool) -> Sentence | None:
    words = _words(raw)
    if not words:
        return None
    spoken = _words(_QUOTED.sub(" ", raw)) if unquote else words
    bare = raw.rstrip("\"')]* ")
    return Sentence(
        text=" ".join(spoken),
        words=tuple(words),
        is_item=is_item,
        is_question=bare.endswith("?"),
        leads_in=bare.endswith(":"),
        speaker=speaker,
    )


def _sentences(plain: str) -> tuple[Sentence, ...]:
    letters = sum(map(str.isalnum, plain))
    unquoted = sum(map(str.isalnum, _QUOTED.sub(" ", plain)))
    # A reply that stands in quotation marks as a whole is not quoting anybody.
    unquote = unquoted > letters * 0.3
    found: list[Sentence] = []
    for line in plain.split("\n"):
        for part in _INLINE_ITEM.split(line):
            marker = _ITEM.match(part)
            body = part[marker.end() :] if marker else part
            named = marker is None and _PERSONA.match(body) is not None
            for place, raw in enumerate(_END.split(body)):
                made = _sentence(
                    raw,
                    is_item=marker is not None and place == 0,
                    speaker=named and place == 0,
                    unquote=unquote,
                )
                if made is not None:
                    found.append(made)
    return tuple(found)


def read_text(text: str, *, is_reply: bool = False) -> Text:
    """The folded text; of a reply only the model's first turn, without its speaker's name."""
    plain = _fold(text)
    had_template = False
    if is_reply:
        turn = next((m for m in _TURN.finditer(plain) if plain[: m.start()].strip()), None)
        if turn is not None:
            plain = plain[: turn.start()]
        bare = _TEMPLATE.sub(" ", plain)
        had_template = bare != plain
        speaker = _SPEAKER.match(bare)
        plain = (bare[speaker.end() :] if speaker else bare).strip()
    sentences = _sentences(plain)
    words = tuple(word for sentence in sentences for word in sentence.words)
    return Text(plain=plain, sentences=sentences, words=words, had_template=had_template)
