"""A teacher behind any OpenAI-compatible address: asks for facts, keeps every reply, and checks every quote.

    chunk -> request -> reply, kept in `teacher_calls` before it is read -> JSON -> facts whose quotes are in the chunk

What cannot be used is dropped and counted in a `Tally`. A reply of a request made before is taken from the database.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from danlu.artifacts import key_of
from danlu.datasets.teachers import prompts
from danlu.recipe.synthesize import TeacherKnobs
from danlu.remote.chat import ChatClient, Turn
from danlu.types import Chunk, Document, Fact
from danlu.workspace.rows import Rows, TeacherCall

_THINKING = re.compile(r"^.*</think>", re.DOTALL)


class Tally:
    """Counts what happens in several threads, such as replies paid for and facts dropped."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, name: str, count: int = 1) -> None:
        """Adds to a count."""
        with self._lock:
            self._counts[name] += count

    def counts(self) -> dict[str, int]:
        """All counts that are not zero, by name."""
        with self._lock:
            return {name: count for name, count in sorted(self._counts.items()) if count}


class ReplyFact(BaseModel):
    """One fact as a teacher writes it."""

    model_config = ConfigDict(coerce_numbers_to_str=True, str_strip_whitespace=True)

    questions: list[str] = Field(min_length=1)
    answer: str = Field(min_length=1)
    quote: str = Field(min_length=1)


def identity(knobs: TeacherKnobs) -> str:
    """Names what decides the replies. `max_tokens` does not: a reply that was cut off there is never kept."""
    return f"{prompts.VERSION} {knobs.model} at {knobs.base_url} temperature={knobs.temperature}"


class ChatTeacher:
    """A `Teacher` that asks a model. Safe for several threads."""

    def __init__(self, knobs: TeacherKnobs, rows: Rows, tally: Tally) -> None:
        """Raises InputError where the API key is missing."""
        self.identity = identity(knobs)
        self._knobs = knobs
        self._rows = rows
        self._tally = tally
        self._client = ChatClient(
            base_url=knobs.base_url,
            model=knobs.model,
            api_key_env=knobs.api_key_env,
            timeout_seconds=knobs.timeout_seconds,
            retries=knobs.retries,
        )

    def teach(self, chunk: Chunk, document: Document, *, count: int, wordings: int) -> list[Fact]:
        """At most `count` facts of this chunk, each asked in up to `wordings` ways. Raises TeacherError."""
        turns = prompts.ask(chunk, document, count=count, wordings=wordings)
        reply = self._reply(turns)
        found, problem = read_reply(reply, self._tally)
        if problem:
            self._tally.add("replies_asked_again")
            found, problem = read_reply(self._reply(prompts.ask_again(turns, reply, problem, chunk)), self._tally)
        if problem:
            self._tally.add("replies_unusable")
        facts = [fact for one in found if (fact := self._fact(one, chunk, wordings))]
        self._tally.add("facts_beyond_count", max(0, len(facts) - count))
        return facts[:count]

    def _reply(self, turns: Sequence[Turn]) -> str:
        """What was said to this very request before, else a new reply, kept at once."""
        knobs = self._knobs
        messages = [[turn.role, turn.content] for turn in turns]
        request = key_of(knobs.base_url, knobs.model, knobs.temperature, messages)
        known = self._rows.teacher_call(request)
        if known:
            return known.reply
        reply = self._client.complete(turns, temperature=knobs.temperature, max_tokens=knobs.max_tokens)
        call = TeacherCall(
            request_sha256=request,
            model=knobs.model,
            reply=reply.text,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
        )
        self._rows.save_teacher_call(call)
        self._tally.add("calls")
        return reply.text

    def _fact(self, found: ReplyFact, chunk: Chunk, wordings: int) -> Fact | None:
        span = locate(found.quote, chunk.text)
        if span is None:
            self._tally.add("quotes_not_found")
            return None
        distinct = tuple(dict.fromkeys(question for question in found.questions if question))
        if not distinct:
            self._tally.add("facts_malformed")
            return None
        self._tally.add("wordings_beyond_count", max(0, len(distinct) - wordings))
        return Fact(wordings=distinct[:wordings], answer=found.answer, quote_start=span[0], quote_end=span[1])


def read_reply(reply: str, tally: Tally) -> tuple[list[ReplyFact], str]:
    """The facts of a reply, and what is wrong with it where it cannot be used at all; single bad facts are counted."""
    import json_repair

    text = _THINKING.sub("", reply)
    start = min((at for mark in "{[" if (at := text.find(mark)) >= 0), default=-1)
    data = json_repair.loads(text[start:]) if start >= 0 else None
    listed = data.get("facts") if isinstance(data, dict) else data
    if not isinstance(listed, list):
        return [], 'no JSON object with a list "facts"'
    facts, problems = [], []
    for item in listed:
        try:
            facts.append(ReplyFact.model_validate(item))
        except ValidationError as error:
            problems.append(_problem(error))
    if problems and not facts:
        return [], problems[0]
    tally.add("facts_malformed", len(problems))
    return facts, ""


def _problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return json.dumps(f"{place}: {first['msg']}" if place else str(first["msg"]), ensure_ascii=False)


def locate(quote: str, text: str) -> tuple[int, int] | None:
    """The span of a quote in a text, to the letter or else with white space ignored; None where it is not there."""
    start = text.find(quote)
    if start >= 0:
        return start, start + len(quote)
    places = [index for index, char in enumerate(text) if not char.isspace()]
    bare = "".join(text[index] for index in places)
    wanted = "".join(quote.split())
    start = bare.find(wanted) if wanted else -1
    if start < 0:
        return None
    return places[start], places[start + len(wanted) - 1] + 1
