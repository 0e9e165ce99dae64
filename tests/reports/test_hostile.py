"""Model output is untrusted: nothing in it runs, leaves or disguises itself, anywhere it is shown."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest
from made import answered, header, sample
from rich.console import Console

from truing.records import Choice, Message, Outcome, Role, Settings
from truing.reports.evidence import gather_evidence
from truing.reports.html import render_html
from truing.reports.profile import summarise
from truing.reports.terminal import print_profile
from truing.reports.text import visible
from truing.runs import SideHeader

CHROMIUM = Path("/usr/bin/chromium")
MARK = "window.__ran=1"
CORPUS = [
    f"</script><script>{MARK}</script>",
    f"<!--<script>{MARK}//-->",
    f"<img src=x onerror='{MARK}'>",
    f'<svg onload="{MARK}"><a xlink:href="javascript:{MARK}">x</a></svg>',
    f'" onmouseover="{MARK}" x="',
    f"' autofocus onfocus='{MARK}' x='",
    f"javascript:{MARK}",
    "<a href='http://127.0.0.1:9/leak'>x</a><link rel=stylesheet href=http://127.0.0.1:9/leak>",
    "<iframe src=http://127.0.0.1:9/leak></iframe><style>@import 'http://127.0.0.1:9/leak';</style>",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/leak'>",
    "</title></style></textarea><base href=http://127.0.0.1:9/>",
    f"\u2028{MARK}\u2029",
    "{{7*7}}{% for x in y %}{{ config }}",
    "[red]markup[/red] [link=http://127.0.0.1:9]x[/link]",
    "\x1b[31mred\x1b]0;title\x07\x1b]8;;http://127.0.0.1:9\x1b\\x",
    "\u202eevil\u2066\u200b\ufeff",
    "\x00\x08\x7f\x9b",
]


def hostile_run(text: str):
    """A run with the text in every field that anyone outside may fill."""
    whole = header(
        model=text,
        id=text,
        suite=text,
        address=text,
        settings=Settings(system=text),
        packages={text: text},
        task_fields={
            "failure": text,
            "title": text,
            "subcategory": text,
            "sides": [
                SideHeader(name=text, meaning=text),
                SideHeader(name="right", meaning=text),
            ],
        },
    )
    own = sample(
        "1",
        text,
        text,
        variant=text,
        messages=(Message(role=Role.USER, text=text),),
        choices=(Choice(label="A", text=text, role=text), Choice(label="B", text=text, role="o")),
        target=text,
    )
    lines = [
        *answered(own, Outcome.UNTRUSTWORTHY, text=text, label=text, reason=text),
        *answered(sample("2", "right", text), Outcome.UNTRUSTWORTHY, text=text * 2000),
    ]
    summary = summarise(whole, lines)
    return whole, summary, gather_evidence(whole, lambda: iter(lines))


@pytest.mark.parametrize("text", CORPUS)
def test_the_page_holds_hostile_text_as_text(text):
    page = render_html(*hostile_run(text))
    assert "<script" not in page
    assert "<img" not in page
    assert "<iframe" not in page
    assert "<base" not in page
    assert "<link" not in page
    assert page.count("<meta") == 4
    assert page.count("<style>") == 1
    assert "Content-Security-Policy" in page
    for character in ("\x00", "\x1b", "\u202e", "\u2028", "\u200b"):
        assert character not in page


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed")
def test_in_a_browser_nothing_runs_and_nothing_is_fetched(tmp_path):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=str(CHROMIUM),
            args=[
                *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update"),
                "--disable-sync",
            ],
        )
        page = browser.new_page()
        asked: list[str] = []
        spoken: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: spoken.append(dialog.message))
        page.on("pageerror", lambda error: spoken.append(str(error)))
        for number, text in enumerate(CORPUS):
            file = tmp_path / f"{number}.html"
            file.write_text(render_html(*hostile_run(text)), "utf-8")
            asked.clear()
            page.goto(file.as_uri())
            page.mouse.move(200, 200)
            page.keyboard.press("Tab")
            page.wait_for_timeout(30)
            assert asked == [file.as_uri()], text
            assert page.evaluate("window.__ran") is None, text
            assert spoken == [], text
            shown = page.inner_text("body")
            plain = visible(text).split("\n")[0][:20].strip()
            assert " ".join(plain.split()) in " ".join(shown.split()), text
        browser.close()


@pytest.mark.parametrize("text", CORPUS)
def test_the_terminal_shows_control_characters_and_markup_as_text(text):
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=False)
    print_profile(hostile_run(text)[1], console)
    shown = out.getvalue()
    for character in ("\x00", "\x1b", "\x07", "\x9b", "\u202e", "\u2066", "\u200b", "\u2028"):
        assert character not in shown
    if "[red]" in text:
        assert "[red]" in shown


@pytest.mark.parametrize("text", CORPUS)
def test_a_run_with_hostile_text_encodes_and_decodes_as_it_was(text):
    whole, summary, _ = hostile_run(text)
    assert msgspec.json.decode(msgspec.json.encode(whole), type=type(whole)) == whole
    assert msgspec.json.decode(msgspec.json.encode(summary), type=type(summary)) == summary
