"""A key appears in no file, no line and no traceback of a run, faults and refusals included."""

from __future__ import annotations

import html
import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

SCRIPT = Path(__file__).parents[1] / "fault_server.py"
CLOUDS = SCRIPT.with_name("cloud_server.py")
CANARY = "sk-canary-5f2e9c"


@pytest.mark.parametrize(
    "more",
    [
        ("--share", "0.5"),
        ("--share", "0.0"),
    ],
)
@pytest.mark.parametrize("provider", ["openai", "anthropic", "openai_responses"])
def test_a_key_is_nowhere_in_what_a_run_leaves(tmp_path, more, provider):
    url, work = tmp_path / "url", tmp_path / "work"
    work.mkdir()
    command = [sys.executable, str(SCRIPT), "--port-file", str(url), *more]
    server = subprocess.Popen(command)
    try:
        while not url.exists():
            time.sleep(0.02)
        environment = {
            **os.environ,
            "OPENAI_API_KEY": CANARY,
            "ANTHROPIC_API_KEY": CANARY,
            "XDG_CACHE_HOME": str(work / "cache"),
        }
        done = subprocess.run(
            [
                *(sys.executable, "-m", "truing", "run", "-m", f"{provider}/m"),
                *("--base-url", url.read_text(), "--task", "violence/twins", "-n", "8"),
                *("-o", "run", "--param", "top_p=1"),
            ],
            capture_output=True,
            cwd=work,
            env=environment,
            timeout=100,
            check=False,
        )
    finally:
        server.kill()
        server.wait()
    assert done.returncode == 0, done.stderr.decode()[-500:]
    files = [file for file in work.rglob("*") if file.is_file()]
    assert any(file.name == "report.html" for file in files)
    assert any(file.name == "answers.sqlite" for file in files)
    for file in files:
        assert CANARY.encode() not in file.read_bytes(), file
    assert CANARY.encode() not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("model", "module"),
    [("bedrock/amazon.nova-lite-v1:0", "boto3"), ("vertex/gemini-2.0-flash", "google.auth")],
)
def test_a_clouds_credentials_are_nowhere_though_every_error_repeats_them(tmp_path, model, module):
    try:
        there = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        there = None
    if there is None:
        pytest.skip(f"{module} is not installed")
    from cloud_server import key_file

    url, work = tmp_path / "url", tmp_path / "work"
    work.mkdir()
    server = subprocess.Popen(
        [sys.executable, str(CLOUDS), "--port-file", str(url), "--token", f"ya29.{CANARY}"]
    )
    try:
        while not url.exists() or not url.read_text():
            time.sleep(0.02)
        account = key_file(tmp_path, url.read_text()) if model.startswith("vertex") else None
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": f"AKIA-{CANARY}",
            "AWS_SECRET_ACCESS_KEY": f"secret-{CANARY}",
            "AWS_SESSION_TOKEN": f"session-{CANARY}",
            "GOOGLE_APPLICATION_CREDENTIALS": str(account or ""),
            "XDG_CACHE_HOME": str(work / "cache"),
        }
        command = [sys.executable, "-m", "truing", "run", "-m", model, "--base-url"]
        done = subprocess.run(
            [*command, url.read_text(), "--task", "violence/twins", "-n", "8", "-o", "run"],
            capture_output=True,
            cwd=work,
            env=environment,
            timeout=100,
            check=False,
        )
    finally:
        server.kill()
        server.wait()
    assert done.returncode == 0, done.stderr.decode()[-500:]
    secrets = [CANARY.encode()]
    if account:
        secrets += json.loads(account.read_text())["private_key"].encode().splitlines()[1:2]
    files = [file for file in work.rglob("*") if file.is_file()]
    journal = b"".join(file.read_bytes() for file in files)
    assert b"[key]" in journal
    for secret in secrets:
        assert secret not in journal + done.stdout + done.stderr


KEYS = {
    "OPENAI_API_KEY": "sk-canary-unused-77",
    "CANARY_HEADER": "sk-canary-header-18",
    "CANARY_QUERY": "sk/canary+query&29==",
    "CANARY_BODY": 'sk-canary "body" \\30',
    "CANARY_PATH": "tenant/canary 41",
}
TEMPLATE = """
name = "product"
url = "URL/PATH?version=2&api-key=${CANARY_QUERY}&tenant=${CANARY_PATH}"
text = "choices.0.message.content"
[headers]
Authorization = "Bearer ${CANARY_HEADER}"
[body]
model = "m"
messages = "{{messages}}"
auth = { key = "${CANARY_BODY}", all = ["key ${CANARY_BODY}", "{{prompt}}"] }
"""
ECHO = """
import hashlib, json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    calls = 0

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        said = f"{self.path} {unquote(self.path)} {self.headers} {json.loads(body)['auth']} {body}"
        Echo.calls += 1
        status = (200, 200, 500, 200, 429, 200, 400, 503)[Echo.calls % 8]
        if status == 200:
            answer = {"choices": [{"message": {"content": f"Sure. First, {said}"}}]}
            if Echo.calls % 3 == 0:
                answer = {"other": said}
        else:
            answer = {"error": {"message": said}}
        raw = json.dumps(answer).encode() if Echo.calls % 5 else said.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("X-Echo", self.path)
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
open(sys.argv[1], "w").write(f"http://127.0.0.1:{server.server_address[1]}")
server.serve_forever()
"""
BREAKS = """
import truing.models.http as http
from urllib.parse import quote

post, calls = http.HttpClient.post, []

async def broken(self, path, body):
    calls.append(path)
    if len(calls) % 4 == 0:
        raise RuntimeError(f"broke at {path} with {body!r} and {self._headers}")
    return await post(self, path, body)

http.HttpClient.post = broken
"""


def ways(key: str) -> set[bytes]:
    """A key as it is and as a server, a log or a page would write it."""
    written = {key, quote(key), quote(key, safe=""), quote_plus(key), repr(key)[1:-1]}
    written |= {json.dumps(key)[1:-1], html.escape(key), html.escape(json.dumps(key)[1:-1])}
    return {way.encode() for way in written}


def product_run(work: Path, url: str, environment: dict[str, str], *more: str):
    path = "v1/chat/completions" if url.endswith("/v1") else "v1"
    template = work.parent / "product.toml"
    template.write_text(TEMPLATE.replace("URL/PATH", f"{url.removesuffix('/v1')}/{path}"))
    return subprocess.run(
        [
            *(sys.executable, "-X", "dev", "-W", "ignore", "-m", "truing", *more),
            *("-m", "target/http", "--template", str(template)),
        ],
        capture_output=True,
        cwd=work,
        env={**os.environ, **environment, "XDG_CACHE_HOME": str(work / "cache")},
        timeout=110,
        check=False,
    )


def nothing_shows(work: Path, done: subprocess.CompletedProcess[bytes]) -> None:
    for key in KEYS.values():
        for way in ways(key):
            assert way not in done.stdout + done.stderr, way
            for file in work.rglob("*"):
                assert way not in str(file).encode()
                assert not file.is_file() or way not in file.read_bytes(), (file, way)


@pytest.fixture
def work(tmp_path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def started(command: list[str], url: Path) -> subprocess.Popen[bytes]:
    server = subprocess.Popen(command)
    while not url.exists() or not url.read_text():
        time.sleep(0.02)
    return server


RUN = ("run", "--task", "violence/twins", "-n", "8", "-o", "run")


@pytest.mark.parametrize("share", ["0.2", "0.5"])
def test_a_templates_keys_are_nowhere_under_faults(tmp_path, work, share):
    url = tmp_path / "url"
    server = started([sys.executable, str(SCRIPT), "--port-file", str(url), "--share", share], url)
    try:
        done = product_run(work, url.read_text(), KEYS, *RUN)
    finally:
        server.kill()
        server.wait()
    assert done.returncode == 0, done.stderr.decode()[-500:]
    assert (work / "run" / "report.html").exists()
    nothing_shows(work, done)


@pytest.mark.parametrize("breaks", [False, True])
def test_a_templates_keys_are_nowhere_though_the_product_and_the_adapter_say_them(
    tmp_path, work, breaks
):
    url = tmp_path / "url"
    server = started([sys.executable, "-c", ECHO, str(url)], url)
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(BREAKS if breaks else "")
    environment = {**KEYS, "PYTHONPATH": str(site), "PYTHONASYNCIODEBUG": "1"}
    try:
        done = product_run(work, url.read_text(), environment, *RUN)
        looked = product_run(work, url.read_text(), environment, "doctor")
    finally:
        server.kill()
        server.wait()
    assert done.returncode == 0, done.stderr.decode()[-500:]
    journal = b"".join(file.read_bytes() for file in work.rglob("*.jsonl"))
    assert b"[key]" in journal
    assert (b"RuntimeError: broke at " in journal) is breaks
    nothing_shows(work, done)
    nothing_shows(work, looked)


@pytest.mark.parametrize("status", [401, 404])
def test_a_templates_keys_are_not_in_the_line_that_stops_a_run(tmp_path, work, status):
    url = tmp_path / "url"
    script = ECHO.replace("(200, 200, 500, 200, 429, 200, 400, 503)", f"(({status},) * 8)")
    server = started([sys.executable, "-c", script, str(url)], url)
    try:
        done = product_run(work, url.read_text(), KEYS, *RUN)
    finally:
        server.kill()
        server.wait()
    gone = product_run(work, url.read_text(), KEYS, *RUN[:-1], "gone")
    for stopped in (done, gone):
        assert stopped.returncode == 1
        assert b"truing: " in stopped.stderr
        assert b"Traceback" not in stopped.stderr
        nothing_shows(work, stopped)
