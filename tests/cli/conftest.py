"""The command line as its users have it: a process of its own, a workspace in a temporary folder, ready documents."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

COMMAND = (sys.executable, "-m", "danlu.cli.main")


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        """Standard output as the one JSON object it must be."""
        return json.loads(self.out)


@pytest.fixture
def environment() -> dict[str, str]:
    """The environment of a user who set nothing of Danlu's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DANLU_", "LC_"))}
    return {**kept, "LANG": "C.UTF-8", "NO_PROXY": "127.0.0.1", "COLUMNS": "100"}


@pytest.fixture
def start(environment, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `danlu ARGUMENTS` in the temporary folder."""
    processes = []

    def begin(*arguments: str, **more: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=tmp_path,
            env={**environment, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def danlu(start) -> Callable[..., Outcome]:
    """Runs `danlu ARGUMENTS` to its end."""

    def go(*arguments: str, **more: str) -> Outcome:
        process = start(*arguments, **more)
        out, err = process.communicate(timeout=120)
        return Outcome(code=process.returncode, out=out, err=err)

    return go


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe over three short documents."""
    folder = tmp_path / "docs"
    folder.mkdir()
    for number, name in enumerate(("heart", "bones", "eyes"), start=1):
        text = f"# {name}\n\nThe {name} clinic is on floor {number}. It opens at {number + 6}:30 every morning.\n"
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    path = tmp_path / "clinic.yaml"
    path.write_text("name: clinic\ndocuments: {paths: [docs/]}\nsynthesize: {chars_per_question: 40}\n")
    return path


@dataclass(frozen=True, kw_only=True, slots=True)
class SlowTeacher:
    """A teacher on loopback that answers (no facts) only once it is told to speak."""

    url: str
    speaks: threading.Event
    asked: threading.Event


@pytest.fixture
def slow_teacher() -> Iterator[SlowTeacher]:
    """The slow teacher; it speaks at the latest when the test is over."""
    speaks, asked = threading.Event(), threading.Event()
    message = {"role": "assistant", "content": '{"facts": []}'}
    reply = {"id": "1", "object": "chat.completion", "created": 0, "model": "m"}
    reply["choices"] = [{"index": 0, "message": message, "finish_reason": "stop"}]
    body = json.dumps(reply).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.set()
            speaks.wait(60)
            self.rfile.read(int(self.headers["Content-Length"]))
            with contextlib.suppress(OSError):  # whoever asked may be gone
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield SlowTeacher(url=f"http://127.0.0.1:{server.server_port}/v1", speaks=speaks, asked=asked)
    speaks.set()
    server.shutdown()
    server.server_close()
