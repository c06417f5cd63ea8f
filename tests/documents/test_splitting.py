"""Holds chunks to what they promise: an exact partition, sizes, whole rows, headings with their text."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path

import pytest

from danlu.documents.readers import read_document
from danlu.documents.readers.markdown import read_markdown
from danlu.documents.splitting import oversized, split
from danlu.types import Chunk, Document, Heading

FINANCE = Path(__file__).parents[3] / "shared" / "data" / "finance"
CHINESE = "公司本季度实现营业收入同比增长毛利率提升现金流稳健患者血压升高需要复查肾功能合同双方应当遵守约定"
ENGLISH = ["the", "quick", "model", "reads", "page", "and", "answers", "questions", "revenue", "dosage", "contract"]


def document(text: str, headings: tuple[Heading, ...] = ()) -> Document:
    return Document(id="d", title="t", source="s", sha256="", media_type="text/markdown", text=text, headings=headings)


def sentence(rng: random.Random) -> str:
    if rng.random() < 0.5:
        words = "".join(rng.choice(CHINESE) for _ in range(rng.randint(5, 45)))
        return words[: len(words) // 2] + "，" + words[len(words) // 2 :] + rng.choice("。。！？；")
    return " ".join(rng.choice(ENGLISH) for _ in range(rng.randint(4, 18))).capitalize() + ". "


def paragraph(rng: random.Random) -> str:
    joint = rng.choice(["", "\n"])
    return joint.join(sentence(rng) for _ in range(rng.randint(1, 12)))


def table(rng: random.Random) -> str:
    columns = rng.randint(2, 4)
    rows = [[str(rng.randint(0, 10**6)) for _ in range(columns)] for _ in range(rng.randint(1, 25))]
    lines = ["| " + " | ".join(row) + " |" for row in [["列"] * columns, ["---"] * columns, *rows]]
    return "\n".join(lines)


def block(rng: random.Random) -> str:
    kind = rng.choices(["heading", "paragraph", "table", "list", "code", "formula"], [3, 6, 1, 1, 1, 1])[0]
    match kind:
        case "heading":
            return "#" * rng.randint(1, 4) + " " + "".join(rng.choice(CHINESE) for _ in range(rng.randint(2, 12)))
        case "table":
            return table(rng)
        case "list":
            return "\n".join(f"- {sentence(rng)}" for _ in range(rng.randint(1, 8)))
        case "code":
            return "```python\n" + "\n".join(f"# {n} = {rng.random()}" for n in range(rng.randint(1, 8))) + "\n```"
        case "formula":
            return "$$\nE = mc^2\n$$"
    return paragraph(rng)


def random_document(seed: int, tmp_path: Path) -> Document:
    rng = random.Random(seed)
    text = rng.choice(["", "\n", " \n\n"])
    for _ in range(rng.randint(1, 25)):
        text += block(rng) + rng.choice(["\n\n", "\n\n", "\n \n", "\n\n\n"])
    path = tmp_path / "random.md"
    path.write_text(text, encoding="utf-8", newline="")
    read = read_markdown(path)
    return document(read.text, read.headings)


def assert_partition(chunks: list[Chunk], source: Document) -> None:
    assert "".join(chunk.text for chunk in chunks) == source.text
    end = 0
    for position, chunk in enumerate(chunks):
        assert (chunk.start_char, chunk.position, chunk.document_id) == (end, position, source.id)
        assert chunk.text == source.text[chunk.start_char : chunk.end_char]
        end = chunk.end_char
    assert len({chunk.id for chunk in chunks}) == len(chunks)


def assert_whole_rows_and_fences(chunks: list[Chunk], source: Document, max_chars: int) -> None:
    starts = [chunk.start_char for chunk in chunks]
    whole = [found.span() for found in re.finditer(r"^\|.*\|\n", source.text, re.MULTILINE)]
    for found in re.finditer(r"^(```|\$\$).*?^\1$", source.text, re.MULTILINE | re.DOTALL):
        if len(found[0]) <= max_chars:
            whole.append(found.span())
    assert not [start for start in starts for begin, end in whole if begin < start < end]


def assert_headings(chunks: list[Chunk], source: Document) -> None:
    """The path that a plain walk over the lines gives at each chunk's first text; none ends with a heading."""
    by_line = {heading.start_char: heading for heading in source.headings}
    lines: list[tuple[int, str, tuple[str, ...]]] = []
    path: list[Heading] = []
    for found in re.finditer(r"[^\n]*\S[^\n]*", source.text):
        heading = by_line.get(found.start())
        if heading:
            path = [above for above in path if above.level < heading.level] + [heading]
        lines.append((found.start(), "heading" if heading else "text", tuple(above.text for above in path)))
    for chunk in chunks:
        inside = [line for line in lines if chunk.start_char < line[0] < chunk.end_char]
        shown = [line for line in lines if line[0] <= chunk.start_char][-1:] + inside
        first = next((line for line in shown if line[1] == "text"), shown[-1])
        assert chunk.headings == first[2]
        assert shown[-1][1] == "text" or chunk is chunks[-1]


@pytest.mark.parametrize("part", range(10))
def test_any_document_is_cut_into_exact_whole_and_titled_chunks(part: int, tmp_path: Path) -> None:
    for seed in range(part * 100, part * 100 + 100):
        source = random_document(seed, tmp_path)
        min_chars, max_chars = random.Random(seed).choice([(800, 1500), (200, 500), (100, 1000), (300, 600)])
        chunks = split(source, min_chars=min_chars, max_chars=max_chars)
        assert_partition(chunks, source)
        assert_whole_rows_and_fences(chunks, source, max_chars)
        assert_headings(chunks, source)
        assert oversized(chunks, max_chars) == []


def test_prose_keeps_every_chunk_within_the_sizes() -> None:
    for seed in range(200):
        rng = random.Random(seed)
        text = "\n\n".join(paragraph(rng) for _ in range(rng.randint(10, 40)))
        sizes = [len(chunk.text) for chunk in split(document(text))]
        assert len(text) < 1600 or all(800 <= size <= 1500 for size in sizes), (seed, sizes)


def test_a_short_document_is_one_chunk() -> None:
    assert [chunk.text for chunk in split(document("# 甲\n\n短。\n"))] == ["# 甲\n\n短。\n"]


def test_an_empty_document_has_no_chunks() -> None:
    assert split(document("")) == []


def test_a_cut_before_a_heading_is_preferred() -> None:
    parts = [("第一句话说明情况。" * 100), ("第二句话说明情况。" * 100)]
    text = f"{parts[0]}\n\n## 乙\n\n{parts[1]}"
    start = text.index("## 乙")
    chunks = split(document(text, (Heading(level=2, text="乙", start_char=start, end_char=start + 4),)))
    assert [chunk.start_char for chunk in chunks] == [0, start]
    assert [chunk.headings for chunk in chunks] == [(), ("乙",)]


def test_blank_lines_end_the_chunk_before_them() -> None:
    text = "\n\n \n".join("这是一个完整的句子。" * 90 for _ in range(3))
    assert all(not chunk.text[0].isspace() for chunk in split(document(text)))


def test_indentation_stays_with_its_line() -> None:
    text = "\n\n".join("　　" + "这是一个完整的句子。" * 90 for _ in range(3))
    assert all(chunk.text.startswith("　　这") for chunk in split(document(text)))


def test_a_sentence_is_not_cut_where_its_end_is_near() -> None:
    text = "这句话，有一个逗号，也有句号。" * 400
    assert all(chunk.text.endswith("。") for chunk in split(document(text)))


def test_decimals_abbreviations_and_addresses_do_not_end_sentences() -> None:
    text = "Dr. Smith paid 3.5 dollars at http://a.example/?q=1 to J. Doe and went home. " * 60
    assert all(chunk.text.startswith("Dr. Smith") for chunk in split(document(text)))


def test_a_word_is_cut_only_where_nothing_else_is_left() -> None:
    assert max(len(chunk.text) for chunk in split(document("a" * 10_000))) <= 1500
    words = split(document("internationalization " * 500))
    assert all(chunk.text.startswith("internationalization") for chunk in words)


def test_a_row_longer_than_the_maximum_stays_whole_and_is_reported() -> None:
    text = f"| a | b |\n| --- | --- |\n| {'x' * 3000} | y |\n| 1 | 2 |\n"
    chunks = split(document(text))
    assert [len(chunk.text) > 3000 for chunk in chunks].count(True) == 1
    assert len(oversized(chunks, 1500)) == 1


def test_a_table_header_keeps_its_rule_and_first_row() -> None:
    """Cutting after the rule would give chunks of 815 and 1,305 characters, both within the sizes."""
    text = "前言。" * 263 + "。\n" + f"| 甲 | 乙 |\n| --- | --- |\n| {'长' * 1000} | 二 |\n" + "| 一 | 二 |\n" * 30
    assert [chunk.text[:7] for chunk in split(document(text))] == ["前言。前言。前", "| 甲 | 乙"]


def test_an_html_table_is_cut_between_rows() -> None:
    text = "<table>" + "<tr><td>营业收入</td><td>一千亿元</td></tr>" * 200 + "</table>\n"
    assert all(chunk.text.startswith(("<tr>", "<table>")) for chunk in split(document(text)))


def test_a_number_sign_in_code_is_no_heading(tmp_path: Path) -> None:
    path = tmp_path / "code.md"
    path.write_text("# 真\n\n```sh\n# 假\n```\n\n正文。\n", encoding="utf-8")
    assert [heading.text for heading in read_markdown(path).headings] == ["真"]


def test_headings_without_text_between_them_stay_together() -> None:
    text = "正文。" * 400 + "\n\n# 甲\n## 乙\n" + "正文。" * 400
    first, second = text.index("# 甲"), text.index("## 乙")
    source = document(
        text,
        (
            Heading(level=1, text="甲", start_char=first, end_char=first + 3),
            Heading(level=2, text="乙", start_char=second, end_char=second + 4),
        ),
    )
    assert [(c.start_char, c.headings) for c in split(source)] == [(0, ()), (first, ("甲", "乙"))]


def test_sizes_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="min_chars"):
        split(document("a"), min_chars=10, max_chars=5)


def test_a_megabyte_takes_about_eight_times_as_long_as_an_eighth_of_it() -> None:
    rng = random.Random(1)
    text = "\n\n".join(paragraph(rng) for _ in range(6000))[:1_000_000]
    seconds = []
    for size in (125_000, 1_000_000):
        began = time.process_time()
        split(document(text[:size]))
        seconds.append(time.process_time() - began)
    assert seconds[1] < 8 * 3 * seconds[0] + 0.5


@pytest.mark.skipif(not FINANCE.is_dir(), reason="the finance reports are not beside this checkout")
def test_finance_reports_lose_no_character() -> None:
    for path in sorted(FINANCE.iterdir()):
        result = read_document(path, source=path.name)
        chunks = split(result.document)
        assert_partition(chunks, result.document)
        assert all(800 <= len(chunk.text) <= 1500 for chunk in chunks)
        assert result.coverage.characters_kept == result.coverage.characters_read
