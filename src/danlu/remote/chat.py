"""One request to any OpenAI-compatible address, and its reply; passing failures are tried again.

    messages -> POST BASE_URL/chat/completions -> Reply(text, finish_reason, tokens)

Tries again after 408, 409, 429, 5xx and lost connections, with growing pauses or the server's Retry-After; 400, 401,
403 and 404 are not tried again. Addresses of this machine are reached directly, whatever proxies are set.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from danlu.errors import InputError, TeacherError
from danlu.remote.failures import explain

if TYPE_CHECKING:
    from openai import OpenAI

_NO_KEY = "none"  # the client insists on some key; servers that need none ignore it


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """One message as the wire has it."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What was said, why it ended (`stop`, `content_filter`...), and what it took."""

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


class ChatClient:
    """A model at an address. Safe for several threads."""

    def __init__(
        self, *, base_url: str, model: str, api_key_env: str = "", timeout_seconds: float = 120, retries: int = 4
    ) -> None:
        """Raises InputError where `api_key_env` names a variable that is not set."""
        self.base_url = base_url
        self.model = model
        self._key = _key_from(api_key_env, base_url)
        self._client = _open(base_url, self._key, timeout_seconds, retries)

    def complete(self, turns: Sequence[Turn], *, temperature: float, max_tokens: int) -> Reply:
        """The reply to these messages. Raises TeacherError, which names the address and the cause."""
        import openai

        messages = [{"role": turn.role, "content": turn.content} for turn in turns]
        try:
            found = self._client.chat.completions.create(
                model=self.model,
                messages=messages,  # type: ignore[arg-type]
                temperature=temperature,
                max_tokens=max_tokens,
            )
        except (openai.OpenAIError, ValueError) as error:
            raise explain(error, base_url=self.base_url, model=self.model, key=self._key) from error
        return self._reply(found, max_tokens)

    def _reply(self, found: object, max_tokens: int) -> Reply:
        from openai.types.chat import ChatCompletion

        if not isinstance(found, ChatCompletion) or not found.choices or found.choices[0].message is None:
            raise TeacherError("teacher_not_compatible", where=self.base_url, reply=str(found)[:200])
        choice, usage = found.choices[0], found.usage
        if choice.finish_reason == "length":
            raise TeacherError("teacher_cut_off", where=self.base_url, model=self.model, max_tokens=max_tokens)
        return Reply(
            text=choice.message.content or "",
            finish_reason=choice.finish_reason or "",
            prompt_tokens=usage.prompt_tokens or 0 if usage else 0,
            completion_tokens=usage.completion_tokens or 0 if usage else 0,
        )

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()


def is_loopback(base_url: str) -> bool:
    """Whether an address is this very machine."""
    host = urlsplit(base_url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _key_from(api_key_env: str, base_url: str) -> str:
    if not api_key_env:
        return ""
    key = os.environ.get(api_key_env, "").strip()
    if not key:
        raise InputError("api_key_missing", where=base_url, name=api_key_env)
    return key


def _open(base_url: str, key: str, timeout_seconds: float, retries: int) -> OpenAI:
    import openai

    transport = openai.DefaultHttpxClient(trust_env=not is_loopback(base_url), timeout=timeout_seconds)
    return openai.OpenAI(
        base_url=base_url, api_key=key or _NO_KEY, timeout=timeout_seconds, max_retries=retries, http_client=transport
    )
