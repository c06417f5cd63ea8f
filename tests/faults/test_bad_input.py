"""What a user can get wrong: one message with what, where and what to do; the right exit code; nothing half-written.

Each mistake is made twice through the real command: with --json, and in Chinese.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loopback import LoopbackTeacher, failed
from small_path import Outcome, Place, leftovers

from danlu.artifacts import read_card, sha256_folder
from danlu.workspace.runs import open_run


def complains(
    place: Place,
    *arguments: str,
    code: int,
    says: tuple[str, ...],
    chinese: tuple[str, ...],
    preexec: Callable[[], None] | None = None,
    **environment: str,
) -> dict:
    """Runs the command with --json and in Chinese; checks both, and returns the JSON object."""
    outcome = place.danlu(*arguments, "--json", preexec=preexec, **environment)
    found = check(place, outcome, code, "error:", says)
    again = place.danlu(*arguments, "--lang", "zh", preexec=preexec, **environment)
    assert again.out == ""
    check(place, again, code, "错误：", chinese)
    return found


def complains_in_chinese(
    place: Place,
    *arguments: str,
    code: int,
    says: tuple[str, ...],
    preexec: Callable[[], None] | None = None,
    **environment: str,
) -> dict:
    """The same in one command, with --json and in Chinese, for stages that take seconds to start."""
    outcome = place.danlu(*arguments, "--json", "--lang", "zh", preexec=preexec, **environment)
    return check(place, outcome, code, "错误：", says)


def check(place: Place, outcome: Outcome, code: int, title: str, says: tuple[str, ...]) -> dict:
    """One message with what it must say, no traceback, nothing half-written; the JSON object if there is one."""
    assert outcome.code == code, outcome.err
    assert len(re.findall(f"^{title}", outcome.err, re.MULTILINE)) == 1 and "Traceback" not in outcome.err, outcome.err
    for text in says:
        assert text in outcome.err, outcome.err
    if place.workspace.exists():
        assert leftovers(place) == []
    if not outcome.out:
        return {}
    assert len(outcome.out.splitlines()) == 1
    error = outcome.json["error"]
    assert error["what"] and error["what"] in outcome.err
    return outcome.json


def rows(place: Place) -> dict[str, int]:
    """How many rows each table of the workspace holds."""
    with sqlite3.connect(place.workspace / "danlu.db") as database:
        names = ("documents", "chunks", "questions", "answers", "taught_chunks", "teacher_calls")
        return {name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}


def change(place: Place, old: str, new: str) -> None:
    text = place.recipe.read_text(encoding="utf-8")
    assert old in text
    place.recipe.write_text(text.replace(old, new), encoding="utf-8")


# The recipe


def test_an_unknown_key_is_named_with_its_line_and_the_nearest(place):
    change(place, "  steps: 12\n", "  step: 12\n")
    says = ("clinic.yaml:13: unknown key train.step", "did you mean steps?")
    complains(place, "run", "clinic.yaml", code=2, says=says, chinese=("clinic.yaml:13: 未知的键", "是不是 steps？"))
    assert not place.workspace.exists()


def test_a_value_of_the_wrong_type_is_named_with_its_line(place):
    change(place, "  steps: 12\n", "  steps: twelve\n")
    says = ("clinic.yaml:13: train.steps cannot be", "twelve", "danlu knobs train.steps")
    complains(place, "run", "clinic.yaml", code=2, says=says, chinese=("clinic.yaml:13: train.steps 不能是",))
    assert not place.workspace.exists()


def test_a_wrong_override_is_named_as_it_was_typed(place):
    says = ("train.stepps=3: unknown key train.stepps", "did you mean steps?")
    complains(place, "run", "clinic.yaml", "train.stepps=3", code=2, says=says, chinese=("是不是 steps？",))


def test_a_recipe_that_is_not_there_names_the_path_tried_and_the_nearest(place):
    says = (str(place.folder / "clinik.yaml"), "did you mean", "clinic.yaml?")
    complains(place, "run", "clinik.yaml", code=2, says=says, chinese=("找不到这个配方文件",))
    assert not place.workspace.exists()


# Paths


def test_a_path_in_the_recipe_counts_from_the_recipes_folder(place):
    (place.folder / "recipes").mkdir()
    shutil.move(place.recipe, place.folder / "recipes" / "clinic.yaml")
    shutil.copytree(place.folder / "documents", place.folder / "recipes" / "dokuments")
    tried, near = place.folder / "recipes" / "documents", place.folder / "recipes" / "dokuments"
    says = ("recipes/clinic.yaml:3: there is no", str(tried), f"did you mean {near}?")
    complains(place, "run", "recipes/clinic.yaml", code=2, says=says, chinese=(f"是不是 {near}？",))
    assert not place.workspace.exists()


def test_a_path_in_an_override_counts_from_the_working_directory(place):
    (place.folder / "recipes").mkdir()
    shutil.move(place.recipe, place.folder / "recipes" / "clinic.yaml")
    override = "documents.paths=[documnts]"
    says = (override, str(place.folder / "documnts"), f"did you mean {place.folder / 'documents'}?")
    complains(place, "ingest", "recipes/clinic.yaml", override, code=2, says=says, chinese=("不存在",))
    place.done("ingest", "recipes/clinic.yaml", "documents.paths=[documents]")


def test_the_home_of_an_unknown_user_is_a_path_that_is_missing(place):
    override = "documents.paths=[~nobody-of-this-name/x]"
    complains_in_chinese(place, "ingest", "clinic.yaml", override, code=2, says=("~nobody-of-this-name/x", "不存在"))


def test_a_workspace_that_cannot_be_made_is_said_so(place):
    arguments = ("ingest", "clinic.yaml", "--workspace", "clinic.yaml")
    complains_in_chinese(place, *arguments, code=2, says=(str(place.recipe), "--workspace"))


# Documents


def test_an_empty_folder_says_which_files_are_read(place):
    (place.folder / "empty").mkdir()
    says = (str(place.folder / "empty"), ".docx")
    complains(place, "ingest", "clinic.yaml", "documents.paths=[empty]", code=2, says=says, chinese=(".docx",))
    assert not (place.workspace / "danlu.db").exists()


def gbk(path: Path) -> None:
    path.write_bytes("心内科在三号楼二层，每周三上午出诊。\n".encode("gbk") * 20)


def scanned(path: Path) -> None:
    """A page that is a picture: what a scanner leaves."""
    from PIL import Image
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    page = Canvas(str(path))
    page.drawImage(ImageReader(Image.new("RGB", (200, 280), "white")), 0, 0, 590, 840)
    page.save()


def broken(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04 this was a document once")


BAD_DOCUMENTS = [
    ("old.txt", gbk, ("GB18030", "iconv -f GB18030 -t UTF-8"), ("GB18030", "iconv")),
    ("scan.pdf", scanned, ("text",), ("OCR",)),
    ("broken.docx", broken, (), ()),
]


@pytest.mark.parametrize(("name", "write", "says", "chinese"), BAD_DOCUMENTS, ids=[one[0] for one in BAD_DOCUMENTS])
def test_a_document_that_cannot_be_read_is_named_and_none_is_kept(place, name, write, says, chinese):
    path = place.folder / "documents" / name
    write(path)
    complains(place, "run", "clinic.yaml", code=2, says=(str(path), "Hint:", *says), chinese=(str(path), *chinese))
    assert rows(place)["documents"] == 0
    path.unlink()
    place.done("ingest", "clinic.yaml")


def test_too_few_documents_to_split_say_what_to_choose(place):
    for extra in sorted((place.folder / "documents").iterdir())[2:]:
        extra.unlink()
    arguments = ("run", "clinic.yaml", "--to", "freeze")
    complains(place, *arguments, code=2, says=("dataset.split", "by"), chinese=("dataset.split",))
    assert list((place.workspace / "datasets").iterdir()) == []


# The teacher


def teacher(base_url: str) -> str:
    return f"synthesize.teacher={{base_url: '{base_url}', model: m, retries: 0, concurrency: 1}}"


def closed_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_a_teacher_that_is_not_there_is_named_with_its_address(place):
    address = f"http://127.0.0.1:{closed_port()}/v1"
    arguments = ("run", "clinic.yaml", teacher(address), "--to", "freeze")
    complains(place, *arguments, code=1, says=(address, "Hint:"), chinese=(address, "建议："))
    assert rows(place)["questions"] == rows(place)["taught_chunks"] == 0


@pytest.fixture
def refusing() -> Iterator[LoopbackTeacher]:
    with LoopbackTeacher() as server:
        server.script = lambda request, number: failed(401, "no such key: sk-secret")
        yield server


def test_a_teacher_that_refuses_the_key_is_asked_once_and_the_key_is_not_shown(place, refusing):
    knobs = f"base_url: '{refusing.base_url}', model: m, api_key_env: TEACHER_KEY, concurrency: 1"
    arguments = ("run", "clinic.yaml", f"synthesize.teacher={{{knobs}}}", "--to", "freeze")
    says = (refusing.base_url, "key")
    found = complains(place, *arguments, code=1, says=says, chinese=(refusing.base_url,), TEACHER_KEY="sk-secret")
    assert len(refusing.requests) == 2  # one for each of the two commands
    assert "sk-secret" not in json.dumps(found)
    told = [path.read_text(encoding="utf-8") for path in place.run().rglob("*") if path.is_file()]
    assert not any("sk-secret" in text for text in told)
    assert rows(place)["taught_chunks"] == 0


def test_a_key_that_is_not_set_is_said_before_anyone_is_asked(place, refusing):
    knobs = f"base_url: '{refusing.base_url}', model: m, api_key_env: TEACHER_KEY"
    arguments = ("run", "clinic.yaml", f"synthesize.teacher={{{knobs}}}", "--to", "freeze")
    complains(place, *arguments, code=2, says=("TEACHER_KEY",), chinese=("TEACHER_KEY",))
    assert refusing.requests == []


# The same run twice


def test_a_run_at_work_is_not_started_twice_while_others_proceed(place):
    place.done("ingest", "clinic.yaml")
    with open_run(place.workspace / "runs", "clinic-1").at_work():
        says = ("clinic-1 is at work already", str(os.getpid()), "danlu runs stop clinic-1")
        for more in ((), ("--background",)):
            complains(place, "ingest", "clinic.yaml", *more, code=2, says=says, chinese=("clinic-1 正在运行",))
        place.done("ingest", "clinic.yaml", "dataset.seed=7")


# Training


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.long)])
def test_a_sample_longer_than_max_length_is_counted_and_nothing_is_trained(copy, processes):
    arguments = ("train", "clinic.yaml", "train.max_length=16", f"train.processes={processes}")
    found = complains_in_chinese(copy, *arguments, code=2, says=("clinic@1/train", "16", "train.too_long=drop"))
    assert "adapter" not in found["artifacts"]
    assert not (copy.run(found["run"]) / "adapter").exists()


def test_a_folder_that_holds_no_adapter_is_said_so(copy):
    arguments = ("train", "clinic.yaml", "train.adapter.from=documents")
    says = (str(copy.folder / "documents"), "train.adapter.from", "adapter_config.json", "danlu runs list")
    complains_in_chinese(copy, *arguments, code=2, says=says)


def test_a_base_without_safetensors_is_said_so(copy):
    arguments = ("train", "clinic.yaml", "model.base=documents")
    where = str(copy.folder / "documents")
    complains(copy, *arguments, code=2, says=(where, "safetensors"), chinese=(where, "safetensors"))
    assert len(list((copy.workspace / "models").iterdir())) == 1


def test_a_hub_that_cannot_be_reached_is_said_with_the_ways_out(copy):
    arguments = ("train", "clinic.yaml", "model.base=deepseek-ai/no-such-model")
    says = ("deepseek-ai/no-such-model", "HF_ENDPOINT")
    complains(copy, *arguments, code=2, says=says, chinese=says, HF_HUB_OFFLINE="1")


def test_a_dataset_edited_after_freezing_is_not_trained(copy, finished):
    file = copy.workspace / "datasets" / "clinic@1" / "train.jsonl"
    file.write_text(file.read_text(encoding="utf-8").replace("号楼", "号栋"), encoding="utf-8")
    arguments = ("train", "clinic.yaml", "train.seed=7")
    complains_in_chinese(copy, *arguments, code=1, says=(str(file.parent), "clinic@1 与它的卡片不符", "请删除该文件夹"))
    shutil.rmtree(file.parent)  # what the hint says
    copy.done("run", "clinic.yaml", "--to", "freeze")
    assert dataset_sha256(copy) == dataset_sha256(finished[0])


def dataset_sha256(place: Place) -> str:
    folder = place.workspace / "datasets" / "clinic@1"
    assert read_card(folder).sha256 == sha256_folder(folder)
    return read_card(folder).sha256


# The disk


def no_file_above(size_bytes: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))


# What is written by each stage at this setting: a database of 200 kB in pages, checkpoints and models of 400 kB,
# an optimizer of 160 kB.
FULL_DISKS = [
    ("synthesize", ("synthesize.wordings=2",), 48_000),
    ("base", ("model.tiny.seed=7",), 200_000),
    ("train", ("train.seed=7",), 120_000),
    ("export", ("export.max_shard_gb=4",), 300_000),
]


@pytest.mark.parametrize(("stage", "override", "size_bytes"), FULL_DISKS, ids=[one[0] for one in FULL_DISKS])
def test_a_full_disk_is_said_in_one_message_and_nothing_half_written_stays(copy, stage, override, size_bytes):
    arguments = ("run", "clinic.yaml", *override)
    says = (str(copy.workspace), "写入失败：", "会从中断处继续")
    found = complains_in_chinese(copy, *arguments, code=1, says=says, preexec=no_file_above(size_bytes))
    assert found["state"] == "failed"
    assert copy.card("clinic-2")["stage"] == stage and stage not in found["stages"]
    assert not (copy.workspace / "exports" / "clinic-2").exists()


@pytest.fixture
def small_disk(place) -> Iterator[Callable[[str], None]]:
    """A disk of its own under the place's workspace; called with a size, it grows or shrinks to it."""
    place.workspace.mkdir()

    def mount(*options: str) -> int:
        command = ("mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(place.workspace))
        return subprocess.run(command, capture_output=True).returncode if shutil.which("mount") else 1

    if mount("size=100k"):
        pytest.skip("a small disk needs the right to mount one")
    yield lambda size: mount("remount", f"size={size}")
    subprocess.run(("umount", str(place.workspace)), check=True)


def test_on_a_disk_that_is_really_full_the_same_command_carries_on_once_there_is_room(place, small_disk, finished):
    arguments = ("run", "clinic.yaml", "--to", "freeze")
    says, chinese = ("writing failed:", str(place.workspace)), ("写入失败：", str(place.workspace))
    complains(place, *arguments, code=1, says=says, chinese=chinese)
    small_disk("20m")
    place.done(*arguments)
    assert dataset_sha256(place) == dataset_sha256(finished[0])
