"""Has a teacher make questions with answers of every chunk, several at once, and keeps them chunk by chunk.

    chunks not taught yet -> teacher, `concurrency` under way -> facts -> questions and answers, one transaction a chunk

Ids are hashes of contents, so the order in which replies come in changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from danlu.datasets.selection import Selection, facts_wanted, select
from danlu.datasets.teachers import Tally, make_teacher, teacher_identity
from danlu.errors import InputError, TeacherError
from danlu.events import Done, Event, Progress, Warned
from danlu.recipe import Recipe
from danlu.types import Chunk, Fact, Question, Teacher, content_id
from danlu.workspace import Workspace
from danlu.workspace.plans import synthesis_plan
from danlu.workspace.rows import Answer
from danlu.workspace.runs import Run


@dataclass(slots=True)
class _Work:
    """What is to be done, what is under way, and the failure that ends it, if any."""

    recipe: Recipe
    workspace: Workspace
    plan: str
    teacher: Teacher
    waiting: list[Chunk]
    under_way: dict[Future[list[Fact]], Chunk] = field(default_factory=dict)
    failure: TeacherError | None = None


def synthesize(run: Run, workspace: Workspace, stop: Callable[[], bool]) -> Iterator[Event]:
    """Questions and answers of every chosen chunk. Raises TeacherError once all that was under way is kept."""
    recipe = run.recipe
    if recipe.documents is None:
        raise InputError("recipe_without_documents", where=str(run.folder / "recipe.yaml"))
    selection = select(recipe, workspace)
    plan = synthesis_plan(recipe, teacher_identity(recipe.synthesize.teacher))
    taught = workspace.rows.taught([chunk.id for chunk in selection.chosen], plan)
    new = [chunk for chunk in selection.chosen if chunk.id not in taught]
    tally = Tally()
    if new:
        teacher = make_teacher(recipe.synthesize.teacher, workspace.rows, tally)
        work = _Work(recipe=recipe, workspace=workspace, plan=plan, teacher=teacher, waiting=new[::-1])
        yield from _teach(work, stop, done=len(taught), total=len(selection.chosen))
        yield from _problems(tally)
        if work.failure:
            raise _stopped(work, len(selection.chosen))
        if work.waiting:
            return
    yield from _report(recipe, workspace, plan, selection, tally, reused=not new)


def _teach(work: _Work, stop: Callable[[], bool], *, done: int, total: int) -> Iterator[Event]:
    """Keeps `concurrency` chunks with the teacher; after a failure or a stop, what is under way is still kept."""
    width = work.recipe.synthesize.teacher.concurrency if work.recipe.synthesize.teacher.base_url else 1
    ids = list(dict.fromkeys(chunk.document_id for chunk in work.waiting))
    documents = {document.id: document for document in work.workspace.rows.documents(ids)}
    knobs = work.recipe.synthesize
    yield Progress(done=done, total=total, unit="chunks")
    with ThreadPoolExecutor(max_workers=width) as pool:
        while True:
            while work.waiting and len(work.under_way) < width and not work.failure and not stop():
                chunk = work.waiting.pop()
                count = facts_wanted(chunk, work.recipe)
                document = documents[chunk.document_id]
                future = pool.submit(work.teacher.teach, chunk, document, count=count, wordings=knobs.wordings)
                work.under_way[future] = chunk
            if not work.under_way:
                return
            for future in wait(work.under_way, return_when=FIRST_COMPLETED).done:
                done += _keep(work, future)
                yield Progress(done=done, total=total, unit="chunks")


def _keep(work: _Work, future: Future[list[Fact]]) -> int:
    """Saves what came of one chunk; a failure puts the chunk back. Returns how many chunks are finished by it."""
    chunk = work.under_way.pop(future)
    try:
        facts = future.result()
    except TeacherError as error:
        work.failure = work.failure or error
        work.waiting.append(chunk)
        return 0
    questions, answers = _rows(chunk, facts, work.teacher.identity, work.recipe.synthesize.wordings)
    asked = facts_wanted(chunk, work.recipe)
    work.workspace.rows.save_taught(work.plan, chunk.id, questions, answers, num_asked=asked)
    return 1


def _rows(chunk: Chunk, facts: list[Fact], teacher: str, wordings: int) -> tuple[list[Question], list[Answer]]:
    """Questions and answers of a chunk. One of two or more wordings is held out; a fact said twice counts once."""
    questions: list[Question] = []
    answers: dict[str, Answer] = {}
    for fact in facts:
        start, end = chunk.start_char + fact.quote_start, chunk.start_char + fact.quote_end
        fact_id = content_id(chunk.id, str(start), str(end), fact.wordings[0], fact.answer)
        if fact_id in answers:
            continue
        answers[fact_id] = Answer(
            fact_id=fact_id,
            text=fact.answer,
            reasoning=fact.reasoning,
            quote_start=start,
            quote_end=end,
            teacher=teacher,
        )
        distinct = list(dict.fromkeys(fact.wordings))[:wordings]
        kept = _kept_for_evaluation(fact_id, len(distinct))
        for index, text in enumerate(distinct):
            id = content_id(fact_id, text)
            held_out = index == kept
            row = Question(id=id, chunk_id=chunk.id, fact_id=fact_id, text=text, tag=fact.tag, held_out=held_out)
            questions.append(row)
    return questions, list(answers.values())


def _kept_for_evaluation(fact_id: str, num_wordings: int) -> int | None:
    """Which wording of a fact is never trained: none of a single one, else any but the plainest, drawn by the fact.

    Were it always the last, the figure would say how a model takes to one way of asking, not to other words.
    """
    return 1 + int(fact_id, 16) % (num_wordings - 1) if num_wordings >= 2 else None


def _stopped(work: _Work, total: int) -> TeacherError:
    error = work.failure
    assert error is not None
    done = total - len(work.waiting)
    return TeacherError("teacher_stopped", where=error.where, what=error.what, cause=error.hint, done=done, total=total)


def _problems(tally: Tally) -> Iterator[Event]:
    """What the teacher's replies lost on the way, by kind."""
    for reason, count in tally.counts().items():
        if reason != "calls":
            yield Warned(reason=reason, count=count)


def _report(
    recipe: Recipe, workspace: Workspace, plan: str, selection: Selection, tally: Tally, *, reused: bool
) -> Iterator[Event]:
    ids = [chunk.id for chunk in selection.chosen]
    counts = workspace.rows.taught(ids, plan).values()
    asked, found = sum(one[0] for one in counts), sum(one[1] for one in counts)
    questions = workspace.rows.questions(ids, plan)
    if asked > found:
        yield Warned(reason="fewer_facts", count=asked - found, params={"asked": str(asked), "found": str(found)})
    missing = found * recipe.synthesize.wordings - len(questions)
    if missing:
        yield Warned(reason="fewer_wordings", count=missing, params={"wordings": str(recipe.synthesize.wordings)})
    if selection.facts_left_alone:
        yield Warned(reason="samples_left_alone", count=selection.facts_left_alone)
    summary: dict[str, object] = {"questions": len(questions), "facts": found}
    teacher = teacher_identity(recipe.synthesize.teacher)
    summary |= {"teacher": teacher, "calls": tally.counts().get("calls", 0), "chunks": len(ids)}
    yield Done(stage="synthesize", reused=reused, summary=summary)
