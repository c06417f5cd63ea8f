"""Holds every reader to its promises: readable text, exact heading spans, every dropped character counted."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from danlu.documents.readers import READERS, ReadResult, read_document
from danlu.documents.readers.docx_numbering import written
from danlu.documents.readers.line_wraps import join_lines
from danlu.documents.readers.text_writer import Cell, laid_out
from danlu.errors import InputError
from danlu.messages import catalog, set_language

Write = Callable[[str, str | bytes], ReadResult]


@pytest.fixture
def read(tmp_path: Path) -> Write:
    """Writes a file and reads it as a document."""

    def write_and_read(name: str, content: str | bytes) -> ReadResult:
        path = tmp_path / name
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        return read_document(path, source=f"folder/{name}")

    return write_and_read


def headings(result: ReadResult) -> list[tuple[int, str, str]]:
    """(level, title, the text at its span) of each heading."""
    text = result.document.text
    return [(h.level, h.text, text[h.start_char : h.end_char]) for h in result.document.headings]


def refusal(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        read_document(path, source=path.name)
    for language in ("en", "zh"):
        set_language(language)
        assert str(path) in str(caught.value)
        assert caught.value.hint
    set_language("en")
    return caught.value


@pytest.fixture(autouse=True)
def english() -> object:
    set_language("en")
    yield
    set_language(None)


# Text


def test_text_keeps_everything_but_line_ends_mark_and_controls(read: Write) -> None:
    result = read("a.txt", "\ufeff甲\r\n乙\x00\x07丙\t丁\r戊　 ")
    assert result.document.text == "甲\n乙丙\t丁\n戊　 "
    assert result.coverage.dropped == {"control_characters": 2}
    assert (result.coverage.characters_read, result.coverage.characters_kept) == (7, 5)


def test_the_same_file_has_the_same_id_wherever_it_lies(read: Write, tmp_path: Path) -> None:
    first = read("a.txt", "甲").document
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.txt").write_text("甲", encoding="utf-8")
    assert read_document(tmp_path / "other" / "a.txt", source="other/a.txt").document.id == first.id
    assert read("b.txt", "甲").document.id != first.id
    assert read("a.txt", "乙").document.id != first.id


def test_numbered_lines_of_a_text_are_headings(read: Write) -> None:
    text = (
        "\n某某制度\n第一章 总则\n第一条 为了规范管理，制定本制度。\n一、目的\n本制度如下。\n1.2 范围\n"
        "一、不是标题，因为它是一句话。\n"
    )
    assert headings(read("a.txt", text)) == [
        (1, "某某制度", "某某制度"),
        (2, "第一章 总则", "第一章 总则"),
        (3, "一、目的", "一、目的"),
        (4, "1.2 范围", "1.2 范围"),
    ]


def test_a_short_first_line_that_stands_alone_is_the_title_of_a_text(read: Write) -> None:
    assert read("a.txt", "二季度报告\n\n收入增长。\n").document.title == "二季度报告"
    assert read("a.txt", "二季度报告\n收入增长。\n").document.title == "a"
    assert read("a.txt", "收入增长。\n\n利润下降。\n").document.title == "a"


def test_a_table_of_contents_and_decimals_are_no_headings(read: Write) -> None:
    assert headings(read("a.txt", "1.2 Scope ........ 5\n3.5 million people\n第一章 总则……………3\n")) == []


# Markdown


def test_markdown_headings_have_exact_spans(read: Write) -> None:
    text = "# 标题 #\n\n正文\n\n##无空格\n#标签\n\n副题\n---\n\n```\n# 代码\n```\n\n大题\n===\n\n多行\n段落\n---\n"
    assert headings(read("a.md", text)) == [
        (1, "标题", "# 标题 #"),
        (2, "无空格", "##无空格"),
        (2, "副题", "副题\n---"),
        (1, "大题", "大题\n==="),
    ]


def test_front_matter_is_no_heading_but_may_give_the_title(read: Write) -> None:
    result = read("a.md", '---\ntitle: "年报"\n---\n\n正文。\n')
    assert (result.document.title, headings(result)) == ("年报", [])


def test_the_title_is_the_first_level_one_heading_else_the_file_name(read: Write) -> None:
    assert read("a.md", "## 乙\n# 甲\n").document.title == "甲"
    assert read("名字.md", "## 乙\n").document.title == "名字"


# HTML

PAGE = """<!doctype html><html><head><title>网页</title><style>p{}</style><script>var a=1</script></head><body>
<header>站点</header><nav><a href="/">首页</a></nav>
<main><article><header><h1>季度 <b>报告</b></h1></header><p>收入为1,611
亿元，<br>同比增长。</p><ul><li>甲<ul><li>子项</li></ul></li><li>乙</li></ul><ol start=3><li>丙<li>丁</ol>
<table><caption>表一</caption><tr><th>项目<th>2023<th>2024</tr><tr><td rowspan=2>收入<td>1|2<td>3</tr>
<tr><td colspan=2>合计</td></tr></table><h2>代码</h2><pre>x = 1
y = 2</pre><img src="http://127.0.0.1/x.png"><p>&lt;b&gt; &amp; &copy;</p></article></main>
<aside>广告</aside><footer>版权</footer></body></html>"""


def test_html_becomes_readable_text(read: Write) -> None:
    result = read("a.html", PAGE)
    assert result.document.text == (
        "# 季度 报告\n\n收入为1,611亿元，\n同比增长。\n\n- 甲\n  - 子项\n- 乙\n3. 丙\n4. 丁\n\n表一\n\n"
        "| 项目 | 2023 | 2024 |\n| --- | --- | --- |\n| 收入 | 1\\|2 | 3 |\n|  | 合计 |  |\n\n"
        "## 代码\n\n```\nx = 1\ny = 2\n```\n\n<b> & ©\n"
    )
    assert headings(result) == [(1, "季度 报告", "# 季度 报告"), (2, "代码", "## 代码")]
    assert result.document.title == "季度 报告"


def test_html_counts_every_character_it_leaves_out(read: Write) -> None:
    coverage = read("a.html", PAGE).coverage
    assert coverage.dropped == {
        "script_characters": len("p{}vara=1"),
        "navigation_characters": len("站点首页广告版权"),
        "images": 1,
    }
    shown = re.sub(r"<title>.*?</title>|<[^>]*>", "", PAGE)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"), ("&copy;", "©")):
        shown = shown.replace(entity, character)
    assert coverage.characters_read == len("".join(shown.split()))


def test_a_page_laid_out_by_a_table_is_read_as_paragraphs(read: Write) -> None:
    page = "<table><tr><td><h1>甲</h1><p>乙</p></td><td><table><tr><td>1</td><td>2</td></tr></table></td></tr></table>"
    assert read("a.htm", page).document.text == "# 甲\n\n乙\n\n| 1 | 2 |\n| --- | --- |\n"


def test_html_entities_and_depth_are_harmless(read: Write, tmp_path: Path) -> None:
    bomb = '<!DOCTYPE html [<!ENTITY a "aaaaaaaaaa"><!ENTITY b SYSTEM "file:///etc/passwd">]><p>甲&a;&b;</p>'
    assert "aaaa" not in read("a.html", bomb).document.text
    assert "root:" not in read("a.html", bomb).document.text
    assert read("b.html", "<div>" * 1000 + "底" + "</div>" * 1000 + "尾").document.text == "底\n\n尾\n"
    (tmp_path / "c.html").write_text("前\n" + "<div>" * 5000 + "底" + "</div>" * 5000 + "尾", encoding="utf-8")
    assert refusal(tmp_path / "c.html").key == "html_damaged"


# DOCX


def word(tmp_path: Path, fill: Callable[[docx.document.Document], None]) -> Path:
    document = docx.Document()
    fill(document)
    path = tmp_path / "a.docx"
    document.save(str(path))
    return path


def test_docx_keeps_headings_lists_and_tables_in_order(tmp_path: Path) -> None:
    def fill(document: docx.document.Document) -> None:
        document.add_heading("年度报告", 0)
        document.add_heading("概况", 1)
        document.add_paragraph("收入增长。")
        document.add_paragraph("第一点", style="List Bullet")
        document.add_paragraph("步骤", style="List Number")
        document.add_paragraph("又一步", style="List Number")
        table = document.add_table(rows=2, cols=3)
        for cell, value in zip(table._cells, ["项目", "2023", "2024", "收入", "", "1|611"], strict=True):
            cell.text = value
        table.cell(1, 0).merge(table.cell(1, 1))
        document.add_heading("风险", 2)
        document.add_paragraph("利率。")

    result = read_document(word(tmp_path, fill), source="a.docx")
    assert result.document.text == (
        "# 年度报告\n\n# 概况\n\n收入增长。\n\n- 第一点\n1. 步骤\n2. 又一步\n\n"
        "| 项目 | 2023 | 2024 |\n| --- | --- | --- |\n| 收入 |  | 1\\|611 |\n\n## 风险\n\n利率。\n"
    )
    assert [(level, line) for level, _, line in headings(result)] == [
        (1, "# 年度报告"),
        (1, "# 概况"),
        (2, "## 风险"),
    ]
    assert result.document.title == "年度报告"


def test_docx_counts_page_headers_and_keeps_insertions_and_text_boxes(tmp_path: Path) -> None:
    def fill(document: docx.document.Document) -> None:
        document.core_properties.title = "属性标题"
        document.sections[0].header.paragraphs[0].text = "页眉文字"
        paragraph = document.add_paragraph("原文")._p
        paragraph.append(parse_xml(f'<w:ins {nsdecls("w")} w:id="1" w:author="a"><w:r><w:t>插入</w:t></w:r></w:ins>'))
        paragraph.append(
            parse_xml(f'<w:del {nsdecls("w")} w:id="2" w:author="a"><w:r><w:delText>删除</w:delText></w:r></w:del>')
        )
        box = "<w:txbxContent><w:p><w:r><w:t>框内</w:t></w:r></w:p></w:txbxContent>"
        paragraph.append(parse_xml(f"<w:r {nsdecls('w')}><w:pict>{box}</w:pict></w:r>"))

    result = read_document(word(tmp_path, fill), source="a.docx")
    assert result.document.text == "原文插入\n\n框内\n"
    assert result.coverage.dropped == {"page_header_characters": 4}
    assert result.document.title == "属性标题"


def test_docx_shows_the_numbers_that_word_computes(tmp_path: Path) -> None:
    def fill(document: docx.document.Document) -> None:
        root = document.part.numbering_part.element
        form = '<w:start w:val="1"/><w:numFmt w:val="chineseCounting"/><w:lvlText w:val="第%1条"/>'
        levels = f'<w:lvl w:ilvl="0">{form}</w:lvl>'
        root.insert(0, parse_xml(f'<w:abstractNum {nsdecls("w")} w:abstractNumId="99">{levels}</w:abstractNum>'))
        root.append(parse_xml(f'<w:num {nsdecls("w")} w:numId="99"><w:abstractNumId w:val="99"/></w:num>'))
        for text in ("应当遵守。", "不得违反。"):
            properties = document.add_paragraph(text)._p.get_or_add_pPr()
            properties.append(parse_xml(f'<w:numPr {nsdecls("w")}><w:ilvl w:val="0"/><w:numId w:val="99"/></w:numPr>'))

    assert read_document(word(tmp_path, fill), source="a").document.text == "第一条 应当遵守。\n第二条 不得违反。\n"


@pytest.mark.parametrize(
    ("number", "form", "text"),
    [
        (10, "chineseCounting", "十"), (21, "chineseCounting", "二十一"), (105, "japaneseCounting", "一百零五"),
        (4, "lowerRoman", "iv"), (28, "upperLetter", "BB"), (3, "decimalEnclosedCircle", "③"), (7, "ordinal", "7"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_word_writes_them(number: int, form: str, text: str) -> None:
    assert written(number, form) == text


# PDF


def draw(path: Path, *pages: list[tuple[float, float, float, str]], **options: str) -> Path:
    """Each page is (x, y, size, text); y counts from the bottom."""
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    canvas = Canvas(str(path), pagesize=A4, **options)
    for page in pages:
        for x, y, size, text in page:
            canvas.setFont("Helvetica" if text.isascii() else "STSong-Light", size)
            canvas.drawString(x, y, text)
        canvas.rect(20, 20, 10, 10)
        canvas.showPage()
    canvas.save()
    return path


LINES = [
    (72, 780, 20, "Annual Report"),
    (72, 740, 11, "The first line of a paragraph that ends with a hyphen-"),
    (72, 726, 11, "ated word, and goes on over the margin of this page"),
    (72, 712, 11, "until it ends."),
    (72, 680, 11, "　　二零二四年第二季度，公司按照国际会计准则实现营业收入一千"),
    (72, 666, 11, "六百一十一亿元，同比增长。"),
    (72, 630, 11, "Item"), (192, 630, 11, "2023"), (312, 630, 11, "2024"),
    (72, 614, 11, "Revenue"), (192, 614, 11, "1,491"), (312, 614, 11, "1,611"),
]  # fmt: skip


def test_pdf_lines_become_paragraphs_headings_and_tables(tmp_path: Path) -> None:
    result = read_document(draw(tmp_path / "a.pdf", LINES), source="a.pdf")
    assert result.document.text == (
        "Annual Report\n\nThe first line of a paragraph that ends with a hyphenated word, and goes on over the margin "
        "of this page until it ends.\n\n"
        "　　二零二四年第二季度，公司按照国际会计准则实现营业收入一千六百一十一亿元，同比增长。\n\n"
        "| Item | 2023 | 2024 |\n| --- | --- | --- |\n| Revenue | 1,491 | 1,611 |\n"
    )
    assert headings(result) == [(1, "Annual Report", "Annual Report")]
    assert result.document.title == "Annual Report"


def test_every_character_of_a_pdf_knows_its_page(tmp_path: Path) -> None:
    pages = [[(72, 700, 11, f"Page text number {word}.")] for word in ("one", "two", "three")]
    document = read_document(draw(tmp_path / "a.pdf", *pages), source="a.pdf").document
    for number, word in enumerate(("one", "two", "three"), start=1):
        assert document.page_of(document.text.index(word)) == number
        assert document.text[document.page_starts[number - 1] :].startswith("Page text")


def test_a_sentence_that_runs_over_to_the_next_page_is_whole(tmp_path: Path) -> None:
    first = [
        (72, 114, 11, "本公司主营业务收入来自云计算与人工智能等新兴业务"),
        (72, 100, 11, "并且在报告期内持续增长，董事会对未来发展充满信心"),
    ]
    second = [(72, 780, 11, "同时也注意到风险。"), (72, 700, 11, "　　新的一段。")]
    document = read_document(draw(tmp_path / "a.pdf", first, second), source="a.pdf").document
    assert "充满信心同时也注意到风险。" in document.text
    assert document.text[document.page_starts[1] :].startswith("同时也")


def test_repeated_page_headers_and_numbers_are_left_out_and_counted(tmp_path: Path) -> None:
    pages = [
        [(72, 800, 9, "ACME Annual Report"), (72, 500, 11, f"Body {word}."), (300, 30, 9, f"- {number} -")]
        for number, word in enumerate(("one", "two", "three", "four"), start=1)
    ]
    result = read_document(draw(tmp_path / "a.pdf", *pages), source="a.pdf")
    assert result.document.text == "Body one.\n\nBody two.\n\nBody three.\n\nBody four.\n"
    assert result.coverage.dropped == {"page_header_characters": 4 * (len("ACMEAnnualReport") + len("-1-"))}


def test_pages_without_text_are_counted_by_number(tmp_path: Path) -> None:
    result = read_document(draw(tmp_path / "a.pdf", [], [(72, 700, 11, "Text.")], []), source="a.pdf")
    assert result.coverage.pages_without_text == (1, 3)
    assert result.coverage.dropped == {"pages_without_text": 2}
    assert result.document.page_of(0) == 2


def test_columns_are_not_taken_for_short_lines(tmp_path: Path) -> None:
    left = [(72, 700 - 14 * n, 10, "left column text that fills its lines") for n in range(5)]
    right = [(320, 700 - 14 * n, 10, "right column text that fills lines too") for n in range(5)]
    text = read_document(draw(tmp_path / "a.pdf", left + right), source="a.pdf").document.text
    assert text.count("\n\n") <= 1


# Joining lines


@pytest.mark.parametrize(
    ("lines", "joined"),
    [
        (["one", "two"], "one two"),
        (["二零", "二四"], "二零二四"),
        (["使用 Danlu", "训练"], "使用 Danlu训练"),
        (["hyphen-", "ated"], "hyphenated"),
        (["state-of-", "the-art"], "state-of-the-art"),
        (["pre-", "2020"], "pre-2020"),
        (["soft\u00ad", "ware"], "software"),
    ],
)
def test_lines_are_joined_as_they_were_written(lines: list[str], joined: str) -> None:
    assert join_lines(lines) == joined


def test_spans_of_rows_and_columns_keep_a_table_rectangular() -> None:
    rows = [[Cell("a", rows=2), Cell("b", columns=2)], [Cell("c"), Cell("d")], [Cell("e"), Cell("f"), Cell("g")]]
    assert laid_out(rows) == [["a", "b", ""], ["", "c", "d"], ["e", "f", "g"]]


# Refusals


@pytest.mark.parametrize("suffix", sorted(READERS))
def test_an_empty_file_of_any_format_is_refused(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"a{suffix}").write_bytes(b"")
    assert refusal(tmp_path / f"a{suffix}").key in ("document_empty", "docx_damaged", "pdf_damaged")


@pytest.mark.parametrize("encoding", ["GB18030", "UTF-16", "UTF-16LE"])
@pytest.mark.parametrize("suffix", [".txt", ".md", ".html"])
def test_another_encoding_is_named_with_offset_and_command(encoding: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"年 报{suffix}"
    path.write_bytes("ok\n公司二季度收入增长\n".encode(encoding))
    error = refusal(path)
    assert error.key == "document_not_utf8"
    assert f"iconv -f {encoding} -t UTF-8 '{path}' > '{tmp_path}/年 报.utf8{suffix}'" in error.hint
    expected = {"GB18030": "offset 3 (line 2)", "UTF-16": "offset 0"}.get(encoding, "offset ")
    assert expected in error.what


def test_bytes_of_no_known_encoding_are_shown_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"ok\nbad \xff byte")
    error = refusal(tmp_path / "a.txt")
    assert "byte 0xFF at offset 7 (line 2)" in error.what


def test_an_unsupported_suffix_lists_those_supported(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text("甲", encoding="utf-8")
    error = refusal(tmp_path / "a.xyz")
    assert ".xyz" in error.what
    assert all(suffix in error.hint for suffix in READERS)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.txt").key == "document_unreadable"


def test_a_scan_says_how_many_pages_have_no_text(tmp_path: Path) -> None:
    error = refusal(draw(tmp_path / "a.pdf", [], [], []))
    assert error.key == "pdf_without_text"
    assert "3 pages" in error.what
    assert "OCR" in error.hint


def test_an_encrypted_pdf_is_refused(tmp_path: Path) -> None:
    assert refusal(draw(tmp_path / "a.pdf", LINES, encrypt="secret")).key == "pdf_encrypted"


def test_a_damaged_pdf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7\nnothing")
    assert refusal(tmp_path / "a.pdf").key == "pdf_damaged"


def test_a_damaged_docx_is_refused(tmp_path: Path) -> None:
    path = word(tmp_path, lambda document: document.add_paragraph("甲" * 5000))
    whole = path.read_bytes()
    for damaged in (b"junk", whole[: len(whole) // 2], whole[:400] + b"\x00" * 300 + whole[700:]):
        path.write_bytes(damaged)
        assert refusal(path).key == "docx_damaged"


def test_a_zip_that_is_no_word_file_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as package:
        package.writestr("readme.txt", "no")
    assert refusal(tmp_path / "a.docx").key == "docx_damaged"


def test_an_old_word_file_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600)
    assert refusal(tmp_path / "a.docx").key == "docx_old_or_protected"


def test_an_archive_that_unpacks_to_too_much_is_refused_unopened(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(tmp_path / "a.docx", "w", zipfile.ZIP_DEFLATED) as package,
        package.open("word/document.xml", "w") as file,
    ):
        for _ in range(101):
            file.write(b" " * 1024 * 1024)
    assert refusal(tmp_path / "a.docx").key == "document_too_large"


def test_a_page_of_nothing_but_menus_says_what_was_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<nav>首页</nav>", encoding="utf-8")
    error = refusal(tmp_path / "a.html")
    assert error.key == "document_without_text"
    assert "navigation_characters 2" in error.what


def test_every_dropped_reason_has_its_sentence() -> None:
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in (Path(__file__).parents[2] / "src/danlu/documents/readers").glob("*.py")
    )
    reasons = set(re.findall(r'"([a-z_]+_characters|images|pages_without_text)"', source))
    assert reasons and all(f"warning.{reason}" in catalog() for reason in reasons)
