"""A teacher's server on loopback: answers from the passage it is given, or by a test's own script."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = tuple[int, dict[str, str], object]
_PASSAGE = re.compile(r"BEGIN =====\n.*?\n\n(.*)\n===== \w+ END", re.DOTALL)


def said(content: str, *, finish_reason: str = "stop") -> Answer:
    """A reply with this content."""
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    body = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}
    return 200, {}, body


def failed(status: int, message: str = "no") -> Answer:
    """An error that may be tried again after a millisecond."""
    return status, {"retry-after-ms": "1"}, {"error": {"message": message}}


def facts_of(request: dict) -> Answer:
    """One fact per sentence of the passage, each asked in three ways, quoted to the letter."""
    found = _PASSAGE.search(request["messages"][1]["content"])
    assert found
    sentences = [part.strip() for part in re.findall(r"[^。.\n]+[。.]", found[1])]
    facts = [
        {"questions": [f"{way}: {one[:12]}" for way in ("what", "which", "say")], "answer": one[-9:-1], "quote": one}
        for one in sentences
    ]
    return said(json.dumps({"facts": facts}, ensure_ascii=False))


class LoopbackTeacher:
    """The server; `requests` holds what was asked, `answered` what got its reply in full, errors left out."""

    def __init__(self) -> None:
        self.script: Callable[[dict, int], Answer] = lambda request, number: facts_of(request)
        self.requests: list[dict] = []
        self.answered: list[dict] = []
        self.keys: list[str] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> LoopbackTeacher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _take(self, request: dict, key: str) -> int:
        with self._lock:
            self.requests.append(request)
            self.keys.append(key)
            return len(self.requests)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        teacher = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["content-length"])))
                number = teacher._take(request, self.headers["authorization"])
                status, headers, body = teacher.script(request, number)
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                try:
                    self.send_response(status)
                    for name, value in {"content-type": "application/json", **headers}.items():
                        self.send_header(name, value)
                    self.send_header("content-length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)
                except OSError:
                    return  # the asker is gone
                if status == 200:
                    teacher.answered.append(request)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
