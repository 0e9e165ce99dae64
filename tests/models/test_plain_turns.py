"""A conversation with tools in plain turns: nothing is lost, and the roles are those all know."""

from __future__ import annotations

from truing.models.embedded import body_of
from truing.models.plain_turns import from_the_question, plain_turns
from truing.records import Message, Request, Role, ToolCall

CALL = ToolCall(id="c1", name="look", arguments='{"at": "x"}')
SPOKEN = (
    Message(role=Role.SYSTEM, text="Be brief."),
    Message(role=Role.USER, text="Hello."),
    Message(role=Role.ASSISTANT, text="Yes?"),
    Message(role=Role.USER, text="How long?\nA) 5\nB) 8"),
    Message(role=Role.ASSISTANT, text="", tool_calls=(CALL,)),
    Message(role=Role.TOOL, text="8 minutes", tool_call_id="c1"),
)


def test_what_has_no_tools_stays_as_it_is():
    assert plain_turns(SPOKEN[:4]) == SPOKEN[:4]
    assert from_the_question(SPOKEN[:4]) == SPOKEN[3].text
    assert from_the_question(SPOKEN[:1]) == ""


def test_a_call_is_the_assistants_and_its_result_the_users_turn():
    assert plain_turns(SPOKEN)[4:] == (
        Message(role=Role.ASSISTANT, text='[Calls look with {"at": "x"}]'),
        Message(role=Role.USER, text="[Result of look]\n8 minutes"),
    )
    spoken = Message(role=Role.ASSISTANT, text="Let me see.", tool_calls=(CALL,))
    assert plain_turns([spoken])[0].text == 'Let me see.\n[Calls look with {"at": "x"}]'
    assert plain_turns(SPOKEN[5:])[0].text == "[Result of the tool]\n8 minutes"


def test_the_prompt_of_a_target_holds_the_question_and_what_follows_it():
    assert from_the_question(SPOKEN) == (
        'How long?\nA) 5\nB) 8\n\n[Calls look with {"at": "x"}]\n\n[Result of look]\n8 minutes'
    )


def test_the_embedded_model_gets_plain_turns():
    messages = body_of(Request(messages=SPOKEN))["messages"]
    roles = ["system", "user", "assistant", "user", "assistant", "user"]
    assert [message["role"] for message in messages] == roles
    assert messages[-1]["content"] == "[Result of look]\n8 minutes"


def test_the_full_text_of_a_message_shows_its_calls():
    assert SPOKEN[4].full_text == 'look {"at": "x"}'
    assert SPOKEN[5].full_text == "8 minutes"
    assert Message(role=Role.ASSISTANT, text="", tool_calls=()).full_text == ""
    both = Message(role=Role.ASSISTANT, text="Let me see.", tool_calls=(CALL,))
    assert both.full_text == 'Let me see.\nlook {"at": "x"}'
