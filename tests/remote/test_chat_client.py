"""One request and its reply, against a real server on loopback."""

from __future__ import annotations

import socket
import threading

import pytest
from loopback import LoopbackTeacher, failed, said

from danlu.errors import InputError, TeacherError
from danlu.remote.chat import ChatClient, Turn, is_loopback

ASK = [Turn(role="user", content="hello")]


def client(base_url: str, **knobs) -> ChatClient:
    return ChatClient(base_url=base_url, model="m", **{"retries": 2, "timeout_seconds": 5, **knobs})


def complete(base_url: str, **knobs):
    return client(base_url, **knobs).complete(ASK, temperature=0.5, max_tokens=64)


def test_a_reply_comes_with_its_text_its_end_and_its_tokens(teacher_server: LoopbackTeacher):
    teacher_server.script = lambda request, number: said("你好")
    reply = complete(teacher_server.base_url)
    assert (reply.text, reply.finish_reason, reply.prompt_tokens, reply.completion_tokens) == ("你好", "stop", 11, 7)
    assert teacher_server.requests[0]["max_tokens"] == 64
    assert teacher_server.requests[0]["messages"] == [{"role": "user", "content": "hello"}]


def test_a_busy_and_then_a_broken_server_are_asked_again(teacher_server: LoopbackTeacher):
    script = [failed(429), failed(503), said("at last")]
    teacher_server.script = lambda request, number: script[number - 1]
    assert complete(teacher_server.base_url).text == "at last"
    assert len(teacher_server.requests) == 3


@pytest.mark.parametrize(("status", "key"), [(429, "teacher_too_busy"), (500, "teacher_broken")])
def test_a_failure_that_lasts_is_an_error_after_the_last_try(teacher_server: LoopbackTeacher, status: int, key: str):
    teacher_server.script = lambda request, number: failed(status, "come back later")
    with pytest.raises(TeacherError, match="come back later") as caught:
        complete(teacher_server.base_url)
    assert caught.value.key == key
    assert caught.value.where == teacher_server.base_url
    assert len(teacher_server.requests) == 3


@pytest.mark.parametrize(
    ("status", "key"),
    [
        (400, "teacher_rejected"),
        (401, "teacher_key_rejected"),
        (403, "teacher_key_rejected"),
        (404, "teacher_not_found"),
    ],
)
def test_a_failure_that_cannot_pass_is_not_tried_again(teacher_server: LoopbackTeacher, status: int, key: str):
    teacher_server.script = lambda request, number: failed(status)
    with pytest.raises(TeacherError) as caught:
        complete(teacher_server.base_url)
    assert caught.value.key == key
    assert len(teacher_server.requests) == 1


def test_the_api_key_is_sent_and_never_repeated(teacher_server: LoopbackTeacher, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOME_KEY", "sk-secret")
    teacher_server.script = lambda request, number: failed(401, "bad key sk-secret")
    with pytest.raises(TeacherError) as caught:
        complete(teacher_server.base_url, api_key_env="SOME_KEY")
    assert teacher_server.keys == ["Bearer sk-secret"]
    assert "sk-secret" not in str(caught.value)


def test_a_missing_api_key_is_named_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SOME_KEY", raising=False)
    with pytest.raises(InputError, match="SOME_KEY"):
        client("https://teacher.invalid/v1", api_key_env="SOME_KEY")


def test_a_refused_connection_names_the_address():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
    with pytest.raises(TeacherError) as caught:
        complete(base_url, retries=0)
    assert (caught.value.key, caught.value.where) == ("teacher_refused", base_url)


def test_an_unknown_host_is_told_from_a_refused_connection(monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with pytest.raises(TeacherError) as caught:
        complete("http://teacher.invalid/v1", retries=0)  # .invalid never resolves (RFC 2606)
    assert caught.value.key == "teacher_host_unknown"


def test_plain_http_behind_https_is_a_tls_error(teacher_server: LoopbackTeacher):
    with pytest.raises(TeacherError) as caught:
        complete(teacher_server.base_url.replace("http:", "https:"), retries=0)
    assert caught.value.key == "teacher_tls"


def test_a_server_that_hangs_is_a_timeout(teacher_server: LoopbackTeacher):
    released = threading.Event()
    teacher_server.script = lambda request, number: said("late") if released.wait(5) else failed(500)
    with pytest.raises(TeacherError) as caught:
        complete(teacher_server.base_url, retries=0, timeout_seconds=0.2)
    released.set()
    assert caught.value.key == "teacher_timeout"


def test_a_cut_off_reply_is_an_error_that_names_max_tokens(teacher_server: LoopbackTeacher):
    teacher_server.script = lambda request, number: said('{"facts": [', finish_reason="length")
    with pytest.raises(TeacherError, match=r"synthesize\.teacher\.max_tokens") as caught:
        complete(teacher_server.base_url)
    assert caught.value.key == "teacher_cut_off"


@pytest.mark.parametrize("body", [b"<html>a page</html>", {"hello": 1}, {"choices": []}])
def test_what_is_no_chat_server_is_told_so(teacher_server: LoopbackTeacher, body: object):
    headers = {"content-type": "text/html"} if isinstance(body, bytes) else {}
    teacher_server.script = lambda request, number: (200, headers, body)
    with pytest.raises(TeacherError) as caught:
        complete(teacher_server.base_url)
    assert caught.value.key == "teacher_not_compatible"


def test_this_machine_is_reached_without_the_proxy(teacher_server: LoopbackTeacher, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    teacher_server.script = lambda request, number: said("here")
    assert complete(teacher_server.base_url).text == "here"
    assert [is_loopback(f"http://{host}/v1") for host in ("localhost:1", "[::1]:1", "127.8.0.1", "example.org")] == [
        True, True, True, False,
    ]  # fmt: skip
