"""Turns what went wrong on the wire into one sentence: which address, which cause, what to do."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

from danlu.errors import TeacherError

_LONGEST_PROBLEM = 300
_BY_STATUS = {
    400: "teacher_rejected",
    401: "teacher_key_rejected",
    403: "teacher_key_rejected",
    404: "teacher_not_found",
    422: "teacher_rejected",
    429: "teacher_too_busy",
}


def explain(error: Exception, *, base_url: str, model: str, key: str) -> TeacherError:
    """The TeacherError for a failed request. The API key is struck out wherever the server repeats it."""
    import openai

    problem = " ".join(str(error).split())
    problem = (problem.replace(key, "***") if key else problem)[:_LONGEST_PROBLEM]
    if isinstance(error, openai.APIStatusError):
        fallback = "teacher_broken" if error.status_code >= 500 else "teacher_rejected"
        name = _BY_STATUS.get(error.status_code, fallback)
        return TeacherError(name, where=base_url, model=model, status=error.status_code, problem=problem)
    if isinstance(error, openai.APITimeoutError):
        return TeacherError("teacher_timeout", where=base_url)
    if isinstance(error, openai.APIConnectionError):
        return _connection(error, base_url)
    return TeacherError("teacher_not_compatible", where=base_url, reply=problem)


def _connection(error: Exception, base_url: str) -> TeacherError:
    """DNS, refused and TLS by the system's own exception, which the client keeps as the cause."""
    causes = list(_causes(error))
    problem = str(causes[-1]) or type(causes[-1]).__name__
    for kind, name in (
        (socket.gaierror, "teacher_host_unknown"),
        (ConnectionRefusedError, "teacher_refused"),
        (ssl.SSLError, "teacher_tls"),
    ):
        if any(isinstance(cause, kind) for cause in causes):
            return TeacherError(name, where=base_url, problem=problem)
    return TeacherError("teacher_unreachable", where=base_url, problem=problem)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
