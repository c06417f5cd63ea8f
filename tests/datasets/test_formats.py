"""Files of ready rows: every format read, every bad row named with its line, field and rule."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from danlu.datasets.formats import FORMATS, find_files, read_file
from danlu.errors import InputError

GOOD: dict[str, dict] = {
    "sharegpt": {"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]},
    "messages": {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]},
    "huatuo": {"data": ["问：Q", "答: A"]},
    "medical-o1": {"Question": "Q", "Complex_CoT": "because", "Response": "A"},
    "input-target": {"input_text": "Q", "target_text": "A"},
    "alpaca": {"instruction": "Q", "input": "", "output": "A"},
}


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", GOOD)
def test_every_format_is_detected_by_its_fields_and_read(tmp_path: Path, name: str):
    found = read_file(write(tmp_path / "rows.jsonl", GOOD[name], GOOD[name]))
    assert (found.format, found.detected_by) == (name, ", ".join(FORMATS[name].required))
    assert [[(m.role, m.content) for m in sample.messages] for sample in found.samples] == [
        [("user", "Q"), ("assistant", "A")]
    ] * 2
    assert [sample.provenance.row for sample in found.samples] == [1, 2]


def test_reasoning_is_kept_apart_from_the_answer(tmp_path: Path):
    [sample] = read_file(write(tmp_path / "rows.jsonl", GOOD["medical-o1"])).samples
    assert (sample.messages[1].content, sample.messages[1].reasoning) == ("A", "because")


def test_system_history_and_input_have_their_places(tmp_path: Path):
    row = {"instruction": "Q2", "input": "about X", "output": "A2", "system": "S", "history": [["Q1", "A1"]]}
    [sample] = read_file(write(tmp_path / "rows.jsonl", row)).samples
    assert [m.content for m in sample.messages] == ["S", "Q1", "A1", "Q2\nabout X", "A2"]


def test_csv_json_and_text_are_read_with_and_without_a_mark(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes('\ufeffinput_text,target_text\r\n"Q, ""so""\nthen",A\r\n'.encode())
    assert read_file(tmp_path / "a.csv").samples[0].messages[0].content == 'Q, "so"\nthen'
    (tmp_path / "b.json").write_text(json.dumps([GOOD["alpaca"], GOOD["alpaca"]], indent=2), encoding="utf-8")
    assert len(read_file(tmp_path / "b.json").samples) == 2
    (tmp_path / "lines.json").write_text(json.dumps(GOOD["huatuo"]) + "\n" + json.dumps(GOOD["huatuo"]) + "\n")
    assert len(read_file(tmp_path / "lines.json").samples) == 2
    (tmp_path / "c.txt").write_text("one\ntwo\n\n\nthree\n", encoding="utf-8")
    assert [sample.text for sample in read_file(tmp_path / "c.txt").samples] == ["one\ntwo", "three"]


def test_a_line_separator_within_a_row_is_no_line_end(tmp_path: Path):
    row = {"input_text": "Q\u2028\x85", "target_text": "A"}
    assert len(read_file(write(tmp_path / "rows.jsonl", row, row)).samples) == 2


def test_fields_that_nothing_reads_are_counted(tmp_path: Path):
    row = {**GOOD["sharegpt"], "id": 7}
    row["conversations"] = [{**turn, "weight": 0} for turn in row["conversations"]]
    assert read_file(write(tmp_path / "rows.jsonl", row)).unused_fields == {"id": 1, "conversations[].weight": 2}


BAD: list[tuple[str, dict, str]] = [
    ("sharegpt", {"conversations": [{"from": "human", "value": "Q"}]}, "does not end with an answer"),
    ("sharegpt", {"conversations": [{"from": "gpt", "value": "A"}]}, r"conversations\[0\] is spoken by assistant"),
    ("sharegpt", {"conversations": [{"from": "bot", "value": "A"}]}, r"conversations\[0\]\.from is bot"),
    ("sharegpt", {"conversations": [{"from": "human"}]}, r"conversations\[0\]\.value is missing"),
    ("sharegpt", {"conversations": "Q"}, "conversations must be of type list, not str"),
    ("sharegpt", {"conversations": []}, "conversations is empty"),
    ("sharegpt", {"turns": []}, "conversations is missing; found: turns"),
    ("messages", {"messages": [{"role": "user", "content": None}]}, r"messages\[0\]\.content must be of type str"),
    ("huatuo", {"data": ["问：Q", "答：A", "问：Q"]}, "3 lines"),
    ("huatuo", {"data": ["问：Q", "A"]}, r"data\[1\] must begin with 答："),
    ("huatuo", {"data": ["问：Q", "答： "]}, r"data\[1\] is empty"),
    ("medical-o1", {"Question": "Q", "Complex_CoT": "c", "Response": "  "}, "Response is empty"),
    ("input-target", {"input_text": "Q", "target_text": 5}, "target_text must be of type str, not int"),
    ("alpaca", {"instruction": "Q", "output": ""}, "output is empty"),
    ("alpaca", {"instruction": "Q", "output": "A", "history": [["Q"]]}, r"history\[0\] must be a pair"),
    ("text", {"text": "\n"}, "text is empty"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "row", "rule"), BAD)
def test_a_bad_row_is_named_by_line_field_and_rule(tmp_path: Path, name: str, row: dict, rule: str):
    good = GOOD.get(name, {"text": "fine"})
    path = write(tmp_path / "rows.jsonl", good, good, row)
    with pytest.raises(InputError, match=rule) as caught:
        read_file(path, name)
    assert caught.value.where == f"{path}:3"
    assert caught.value.hint


@pytest.mark.parametrize(
    ("file", "content", "line", "rule"),
    [
        ("a.jsonl", '{"text": "x"}\n{"text": \n', 2, "not JSON"),
        ("a.json", '[\n {"text": "x"},\n {"text" "x"}\n]', 3, "not JSON"),
        ("a.json", '[\n {"text": "x"},\n 5\n]', 3, "must be an object with fields, not int"),
        ("a.csv", 'text,b\nx,y\nx\n', 3, "1 cells, the header has 2"),
        ("a.csv", 'text,b\n"x\ny",z\nx\n', 4, "1 cells, the header has 2"),
        ("a.csv", 'text\n"x" y\n', 2, "not CSV"),
    ],
)  # fmt: skip
def test_a_broken_file_is_named_by_line(tmp_path: Path, file: str, content: str, line: int, rule: str):
    (tmp_path / file).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=rule) as caught:
        read_file(tmp_path / file)
    assert caught.value.where == f"{tmp_path / file}:{line}"


def test_a_file_in_gb18030_is_told_with_the_command_that_converts_it(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes("input_text,target_text\n门诊几点开门？,八点\n".encode("gb18030"))
    with pytest.raises(InputError, match="iconv -f GB18030") as caught:
        read_file(tmp_path / "a.csv")
    assert caught.value.where.endswith("a.csv:2")


def test_unknown_shapes_empty_files_and_other_suffixes_are_errors(tmp_path: Path):
    with pytest.raises(InputError, match=r"their fields: answer, query(?s:.*)input-target: input_text \+ target_text"):
        read_file(write(tmp_path / "rows.jsonl", {"query": "Q", "answer": "A"}))
    with pytest.raises(InputError, match="holds no rows"):
        read_file(write(tmp_path / "empty.jsonl"))
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"\.parquet"):
        read_file(tmp_path / "a.parquet")


def test_a_folder_gives_its_files_of_rows_and_names_the_others(tmp_path: Path):
    write(tmp_path / "b.jsonl", GOOD["alpaca"])
    write(tmp_path / "a.json", GOOD["alpaca"])
    (tmp_path / "README.md").write_text("hello")
    files, skipped = find_files([str(tmp_path)])
    assert [path.name for path in files] == ["a.json", "b.jsonl"]
    assert skipped == ["README.md"]


def test_a_column_that_the_header_names_twice_is_an_error(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("input_text,target_text,input_text\na,b,c\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"rows\.csv:1: .*input_text"):
        read_file(path)
