"""Writes the two binary sample documents, a .docx and a .pdf, the same bytes on every run.

    python scripts/make_samples.py        (needs python-docx and reportlab)

The other samples are plain text and edited by hand. Facts stand at least twice in each document: once in a sentence,
once in a table or list; `tests/datasets/sample_facts.json` lists them.
"""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from pathlib import Path

import docx
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.platypus import Flowable, PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

DOCUMENTS = Path(__file__).resolve().parent.parent / "src" / "danlu" / "samples" / "documents"
DATE = datetime(2025, 10, 24)

# department, place, phone, head, clinic hours, who should come
SURGERY = [
    ("骨科", "1号楼3层", "8866-0412", "郑国栋", "周一和周三上午", "骨折、腰痛和关节疼"),
    ("眼科", "6号楼2层", "8866-0426", "唐雨薇", "周二和周四上午", "看不清、眼睛红和眼睛干"),
    ("泌尿外科", "1号楼6层", "8866-0433", "罗建平", "周三和周五下午", "结石和前列腺不适"),
    ("口腔科", "6号楼4层", "8866-0449", "马思远", "周一和周五下午", "牙痛、缺牙和牙龈出血"),
]
SURGERY_TITLE = "云溪医院外科门诊指南"
SURGERY_OPENING = (
    "这份指南写给来云溪医院看外科的患者。每个科室只在固定的半天出诊，来之前请先看好日子，再打电话预约。"
    "下面先逐个介绍，再用一张表汇总，最后说复诊和换药要注意什么。"
)
SURGERY_CLOSING = (
    "复诊的患者请带上一次的病历和片子。换药的患者请在出诊的半天之内来，不用重新挂号。"
    "行动不便的患者请在门口借轮椅，用完请还到原处。不能来的患者，请提前一天打电话说明，把号让给别人。"
    "手术之前要签字，请带一位家属一起来。"
)

# how the fact is asked for, its value
REPORT = [
    ("revenue", "482.6 million yuan"),
    ("cost of sales", "281.3 million yuan"),
    ("gross profit", "201.3 million yuan"),
    ("gross margin", "41.7 percent"),
    ("net profit", "64.8 million yuan"),
    ("net margin", "13.4 percent"),
    ("research spending", "57.4 million yuan"),
    ("sales spending", "38.9 million yuan"),
    ("revenue growth", "9.2 percent"),
    ("cash balance", "315.7 million yuan"),
    ("total debt", "126.0 million yuan"),
    ("order backlog", "638.5 million yuan"),
    ("dividend", "0.18 yuan per share"),
]
PEOPLE = [
    ("chief executive", "Helen Zhao"),
    ("chief financial officer", "Martin Gu"),
    ("auditor", "Lanting Partners"),
]
REPORT_TITLE = "Northlake Instruments: Third Quarter 2025 Report"
REPORT_OPENING = (
    "This report covers the three months to the end of September 2025. Page one gives the results in words. "
    "Page two gives the same results in a table."
)
REPORT_CLOSING = (
    "Customers paid 482.6 million yuan; after costs of 281.3 million yuan there were 201.3 million yuan left. "
    "In the end 64.8 million yuan stayed with the company. Helen Zhao thanked the staff, Martin Gu signed the "
    "accounts, and Lanting Partners checked them."
)


def make_docx(path: Path) -> None:
    """The surgical clinics: real heading styles and one table."""
    document = docx.Document()
    document.core_properties.title = SURGERY_TITLE
    document.core_properties.author = "Danlu"
    document.core_properties.created = document.core_properties.modified = DATE
    document.add_heading(SURGERY_TITLE, level=1)
    document.add_paragraph(SURGERY_OPENING)
    for name, place, phone, head, hours, patients in SURGERY:
        document.add_heading(name, level=2)
        document.add_paragraph(
            f"{name}位于{place}。{name}的预约电话是{phone}。{name}的主任是{head}。{name}的门诊时间是{hours}。"
            f"{patients}的患者请看这个科室。"
        )
    document.add_heading("一览表", level=2)
    _fill_table(document)
    document.add_heading("给患者的提醒", level=2)
    for _, place, phone, head, hours, patients in SURGERY:
        document.add_paragraph(f"{patients}的患者，请先拨{phone}问有没有号，再在{hours}去{place}，找{head}主任的诊室。")
    document.add_paragraph(SURGERY_CLOSING)
    _save_with_fixed_dates(document, path)


def _fill_table(document: docx.document.Document) -> None:
    table = document.add_table(rows=1, cols=5)
    table.style = "Table Grid"
    rows = [("科室", "位置", "预约电话", "主任", "门诊时间"), *(row[:5] for row in SURGERY)]
    for index, row in enumerate(rows):
        cells = table.rows[0].cells if index == 0 else table.add_row().cells
        for cell, text in zip(cells, row, strict=True):
            cell.text = text


def _save_with_fixed_dates(document: docx.document.Document, path: Path) -> None:
    """python-docx stamps the parts of the archive with the current time; this gives them one date."""
    buffer = io.BytesIO()
    document.save(buffer)
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            entry = zipfile.ZipInfo(name, date_time=DATE.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, source.read(name))


def make_pdf(path: Path) -> None:
    """The quarterly report: two pages with a text layer, the second with a table."""
    styles = getSampleStyleSheet()
    body = ParagraphStyle("body", parent=styles["BodyText"], fontSize=10, leading=14, spaceAfter=6)
    sentences = [f"The {name} of Northlake was {value}." for name, value in REPORT]
    sentences += [f"The {name} of Northlake is {value}." for name, value in PEOPLE]
    story: list[Flowable] = [
        Paragraph(REPORT_TITLE, styles["Title"]),
        Paragraph(REPORT_OPENING, body),
        Paragraph("Results", styles["Heading2"]),
        *(Paragraph(sentence, body) for sentence in sentences),
        PageBreak(),
        Paragraph("Summary table", styles["Heading2"]),
        _report_table(),
        Spacer(1, 12),
        Paragraph("In short", styles["Heading2"]),
        Paragraph(REPORT_CLOSING, body),
    ]
    file = SimpleDocTemplate(str(path), pagesize=A4, invariant=1, title=REPORT_TITLE, author="Danlu")
    file.build(story)


def _report_table() -> Table:
    rows = [("Item", "Value")]
    rows += [(f"{name[0].upper()}{name[1:]} of Northlake", value) for name, value in REPORT + PEOPLE]
    return Table(rows, style=[("GRID", (0, 0), (-1, -1), 0.5, "grey"), ("FONTSIZE", (0, 0), (-1, -1), 9)])


if __name__ == "__main__":
    make_docx(DOCUMENTS / "yunxi-surgery.docx")
    make_pdf(DOCUMENTS / "northlake-quarterly-report.pdf")
