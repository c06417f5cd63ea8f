"""Reads facts off Chinese sentences by rule: "S的A是V", "S位于V", "营收823亿元，同比增长21%", "S推出了V".

    sentence -> clauses (parentheses masked, time adverbials set aside) -> Finding

The rules are tables of patterns; the first that reads a clause wins. A clause whose subject cannot be named by itself
(a pronoun, an open quotation, half a phrase) gives nothing.
"""

# ruff: noqa: E501  (a pattern is easier to read on one line than in pieces)

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from danlu.datasets.teachers.findings import Finding, Shape

_UNITS = (
    r"亿?美元|港元|港币|欧元|日元|元|个百分点|[%％]|平方米|公里|千米|米|吨|公斤|千克|毫克|克|毫升|升|度|"
    r"个工作日|个季度|个月|个|家|款|单|项|次|天|年|月|周|小时|分钟|人次|人|名|位|张|台|间|套|件|倍|笔|所|座|条|门|种|岁|股|户|辆|亩"
)
_NUMBER = rf"(?:人民币|港币)?\d[\d,]*(?:\.\d+)?(?:[多余])?(?:千|百)?(?:(?:万|亿)?(?:[多余])?(?:{_UNITS})(?!\d)|(?:万|亿)(?![多余]?(?:{_UNITS})))"
_ABOUT = r"(?:了|超过|超|逾|近|约为?|大约|接近|高达|多达)*"
_CHANGE = r"(?:同比|环比)?(?:大幅)?(?:大增|增长|增加|上升|上涨|提升|下降|下滑|减少|上调|下调|收窄|下跌)(?:幅度|率)?"

_CLAUSE = re.compile(r"(?:[^，,；;：]|(?<=\d),(?=\d{3}))+")
_PARENTHESES = re.compile(r"（[^（）]*）|\([^()]*\)")
_LEAD = re.compile(
    r"(?:此外|另外|同时|其中|尤其是|特别是|而且|而|但是?|并且?|因此|所以|据悉|据统计|财报显示|数据显示|当前|目前|近日|日前|"
    r"值得一提的是|与此同时|一方面|另一方面|总的来说|例如|比如|也就是说|如今)[，,]?"
)
_PERIOD = re.compile(
    r"(?:截至|截止到?|自|在)?(?P<when>(?:(?:19|20)\d\d年)?(?:第?[一二三四]季度|Q[1-4]|上半年|下半年|全年|\d{1,2}月份?(?:\d{1,2}日)?)|"
    r"(?:19|20)\d\d年)(?:止(?:季度|年度|六个月)?)?(?:期间|以来|底|末|初|中|内|收盘)?[，,]?"
)
_DEICTIC = re.compile(
    r"(?:截至|自)?(?:今年|去年|本年度?|本季度?|本期|近[一两三]?年|过去[一两三]?年)(?:第?[一二三四]季度|上半年|下半年|\d{1,2}月)?(?:以来|内|中)?[，,]?"
)
_TAIL_ADVERBS = re.compile(
    r"(?:也|还|已经?|均|都|将|进一步|持续|共同|再|则|仍|又|正在?|更|全面|不断|累计|合计|预计|总计|首次|成功|稳步|积极|同比|环比|约|实现|录得|"
    r"整体|一次|最多|不仅|迅速|主要|现在|今年|本季度?|第?[一二三四]季度|[上下]半年|全年)+$"
)
# Words that no noun phrase begins with; a look-ahead spares the nouns that only look so (自由现金流, 即时配送, 应用).
_BAD_START = re.compile(
    r"通过|在|对(?!外)|随着|由|因(?!素)|为|以|从(?!业)|将|把|被|与|和(?!睦)|及|并(?!购)|等|是|有(?!限|机)|使(?!用)|让|向(?!日)|按(?!摩)|"
    r"当(?!地|前|归)|若|如|请|先(?!进|天)|再(?!生)|又|也|还|就|都(?!市)|不(?!动|良|同|锈)|没|可以|需|应(?!用|收|付)|得益于|受[益惠]于|凭借|根据|围绕|"
    r"结合|基于|超过|相比|相较|较|至|到(?!店|期)|比(?!例|率|亚)|所以|想|要(?!素)|花(?!费|生|园)|过(?!敏|程|滤|氧)|只|即(?!时)|最(?!高|低|大|小|新)|凡|"
    r"第[一二三四五六七八九十]|其|该|此|这|那|它|他|她|某|各|每(?!股)|去|来(?!源)|下面|上述|以上|如何|怎么|什么|的|了|着|或|自(?!由|动|研|营|主|助|然|来)|本(?!土|科|地|金|报)|一位|"
    r"推动|带动|促进|提升|满足|增强|帮助|助力|体现|反映|展现|显示|说明|表明|扩展|拓展|共同|显著|成功|用(?!户|电|水)|双方|强劲|一项|更|包括|执行|接近|作为|三分之|丰富|巩固"
)
_NOT_A_SUBJECT = frozenset("路线 计划 报告 业绩 产品 用户 平台 企业 服务 项目 患者 医生 总结 目前 同时".split())
# The document's own subject: its title names it.
_OWN_NAMES = frozenset("公司 集团 本公司 本集团 本院 我院 医院 本行".split())
_FOUNDING = frozenset("创建 成立 建成 始建 创办 创立 生效 出版 诞生 落成 投产 上市".split())
_VERBAL = frozenset("参与 新增 使用 累计 上线 覆盖 注册".split())  # "参与的商家数" is one attribute, not a subject's
_BAD_IN_SUBJECT = re.compile(r"通过|由|在(?!线)|[^可所]以(?!上)|将|更|向|对|从|把|被|可以|不|也|\s|所$|已有|\d月")
_BAD_INSIDE = re.compile(
    r"我们|他们|它们|她们|大家|自己|这[个些一种是]|那[个些一种]|什么|哪|吗|呢|请|如果|因为|相比|[|#*_<>=]|[\x00]"
)
_BAD_VALUE_START = re.compile(r"(?:[的了由到着其另]|和(?!平)|出(?!院|生|发|口|版)|过(?!敏|程|滤|氧)|费(?!用))")
_BAD_END = re.compile(r"(?:[的、和在对等是为分成作改认因称视被将]|(?<!参)与)$")
_VERBS = (
    r"推出|发布|覆盖|支持|提供|拥有|采用|包括|包含|具备|签署|建立|成立|设有|开设|举办|获得|带动|推动|促进|提升|满足|"
    r"增强|巩固|丰富|降低|扩大|拓展|升级|专注于|致力于|负责|分为|属于|需要|适用于|用于|导致|引起|治疗|预防|反映|体现|"
    r"展现|帮助|助力|吸引|接入|加入|发布于|依托|构建|持有|名列|荣获|完成|启动|上线|开通"
)
_TITLES = r"首席\w{2,4}官|董事会主席|董事长|总裁|总经理|CEO|CFO|CTO|COO|主席|院长|主任"
_METRIC = re.compile(
    r"(?:数量?|量|额|收入|营收|利润|毛利|成本|支出|开支|费用?|价格?|售价|率|比例|占比|市值|面积|人数|规模|资产|负债|现金流|净额|收益|亏损|"
    r"EBITA|EBITDA|GMV|GTV|流水|订单|目标|预算|产能|产量|销量|股数|股本|普通股|涨幅|增幅|时长|时间|薪酬|总数|总价|重量|剂量|长度|高度|温度|距离|年龄|寿命|人口|规格|容量|水平|血压|血糖|浓度|指数|含量|得分|评分|次数|销售额|份额)$"
)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A pattern over one clause; groups: s subject, a attribute, v answer, n the counted noun."""

    shape: Shape | Literal["cause"]
    pattern: re.Pattern[str]
    score: float
    attribute: str = ""


_LIMIT = r"(?:应当?|须|必须)?(?P<v>(?:不?低于|不?高于|不超过|不得[早晚低高少多超大小][于过]|不[少多晚早]于|大于|小于|控制在).{1,20})$"
_NP = r"[^，的\x00]{2,24}?"
_RULES: tuple[_Rule, ...] = (
    _Rule("attribute", re.compile(r"(?P<s>.{2,24})的(?P<a>[^的是为]{1,14}?)(?:约?为|是|达到?|等于|共有|包括|包含)(?P<v>[^，]{1,40})$"), 4.0),
    _Rule("attribute", re.compile(rf"(?P<s>.{{2,24}})的(?P<a>[^的]{{1,14}}?){_LIMIT}"), 3.6),
    _Rule("attribute", re.compile(rf"(?P<a>[^的\d][^的]{{1,23}}?){_LIMIT}"), 3.0),
    _Rule("attribute", re.compile(r"(?P<s>.{2,24}?)(?P<a>创建|成立|建成|始建|创办|创立|生效|出版|诞生|落成|投产|上市)于(?P<v>[^，]{0,4}(?:\d{3,4}年|\d+月|\d+世纪)[^，]{0,8})$"), 3.6),
    _Rule("attribute", re.compile(r"(?P<s>(?:.{2,24}?)?)(?:位于|坐落[于在]|地处|设在)(?P<v>.{2,30})$"), 4.0, "位置"),
    _Rule("attribute", re.compile(rf"(?P<s>[^，“”]{{2,16}}?)(?:公司)?(?P<a>(?:{_TITLES})(?:兼(?:{_TITLES}))?)(?P<v>[一-鿿]{{2,3}})(?=表示|说|指出|认为|在|称)"), 3.5),
    _Rule("change", re.compile(rf"(?P<s>.*?)(?:实现|录得)(?P<v>{_NUMBER})的?(?P<a>{_CHANGE})"), 3.0),
    _Rule("change", re.compile(rf"(?P<s>.*?)(?P<a>{_CHANGE}){_ABOUT}(?P<v>{_NUMBER})(?:至(?P<w>{_NUMBER}))?"), 3.0),
    _Rule("attribute", re.compile(rf"(?P<s>.{{2,16}}?)(?:实现|录得|取得|达成)了?(?P<a>[^\d，]{{2,14}}?)(?:约?为|达到?|至)?{_ABOUT}(?P<v>{_NUMBER})"), 3.4),
    _Rule("attribute", re.compile(rf"(?P<s>.{{2,24}})的(?P<a>[^的\d]{{2,14}}?)(?:约?为|达到?了?|增至|升至|共有?)?{_ABOUT}(?P<v>{_NUMBER})"), 3.3),
    _Rule("attribute", re.compile(rf"(?P<a>[^的\d][^的]{{1,23}}?)(?:约?为|达到?了?|是|进一步增至|增至|升至|降至|共有?)?{_ABOUT}(?P<v>{_NUMBER})"), 3.1),
    _Rule("count", re.compile(rf"(?P<s>[^，的]{{2,20}}?)(?P<a>{_VERBS}|共有|有|开出){_ABOUT}(?P<v>(?:\d[\d,.]*|[两二三四五六七八九十]{{1,3}})[多余]?(?:万|亿)?[多余]?(?P<n>个|家|款|种|名|位|项|座|所|间|台|张|余国|国|余城|城)(?P<m>[^\d，、的]{{0,10}}?))(?:$|上线|提供)"), 2.8),
    _Rule("cause", re.compile(r"(?:主要)?(?:是?由|受惠于|受益于|得益于)(?P<v>[^，]{4,40}?)所?(?:带动|推动|驱动)?$"), 1.8),
    _Rule("define", re.compile(r"(?P<s>[^，是]{2,20}?)(?:是|指的是|是指)(?!由|因|为了)(?P<v>[^，\x00]{4,40})$"), 1.6),
    _Rule("act", re.compile(rf"(?P<s>{_NP})(?P<a>{_VERBS})(?P<le>了)?(?P<v>[^，\x00]{{3,40}})$"), 1.2),
)  # fmt: skip
_MEANS = re.compile(
    rf"(?P<s>[^，]{{2,20}}?)通过(?P<v>[^，\x00]{{4,40}})，(?:成功|进一步|不断|有效|并)?(?P<a>(?:{_VERBS})了?[^，\x00]{{2,30}})"
)
_DESCRIBE = re.compile(
    rf"(?P<s>[^，\x00]{{2,20}}?)(?:{_VERBS}|表示|反映|受惠|已|将|可以|能够?|持续|进一步|成为|有望|通过|不仅|也是|(?<!现)在|现在|为|从|按|不断)"
)


def read_chinese(text: str, start: int, end: int, heading: str) -> Iterator[Finding]:
    """All findings of the sentence `text[start:end]`, in order; one filler only where there is nothing better."""
    masked = _PARENTHESES.sub(lambda match: "\x00" * len(match.group()), text[start:end].rstrip("。！？!?；;"))
    quote = (start, start + len(masked))
    found = list(_read_clauses(masked, quote, heading))
    yield from found or _describe(masked, quote, heading)


def _read_clauses(sentence: str, quote: tuple[int, int], heading: str) -> Iterator[Finding]:
    period, subject, metric = "", "", ("", "")
    for match in _CLAUSE.finditer(sentence):
        position, when = _skip_adverbials(match.group())
        period = when or period
        for finding in _read_clause(match.group()[position:], quote[0] + match.start() + position, metric):
            subject = finding.subject if finding.subject and finding.shape == "attribute" else subject
            if finding.shape == "attribute":
                metric = (finding.subject or subject, finding.attribute)
            whole = replace(finding, period=period, heading=heading, quote_start=quote[0], quote_end=quote[1])
            yield replace(whole, subject=subject) if not whole.subject and subject != whole.attribute else whole


def _skip_adverbials(clause: str) -> tuple[int, str]:
    """Where the clause proper begins, and the absolute time that was passed over ("2024年第二季度")."""
    position, period = 0, ""
    while position < len(clause):
        step = _LEAD.match(clause, position) or _DEICTIC.match(clause, position) or _PERIOD.match(clause, position)
        if step is None or step.end() == position:
            break
        when = step.groupdict().get("when") or ""
        when = step.group().rstrip("，,") if when and step.group().startswith("截至") else when
        if when and clause[step.end() : step.end() + 1] in ("的", "至", "到"):
            break
        period = when if re.search(r"(?:19|20)\d\d年", when) else period
        position = step.end()
    return position, period


def _read_clause(clause: str, offset: int, metric: tuple[str, str]) -> Iterator[Finding]:
    for rule in _RULES:
        match = rule.pattern.match(clause)
        finding = _finding(rule, match, offset, metric) if match else None
        if match and finding:
            yield finding
            if "w" in match.groupdict() and match["w"]:
                yield _reached(finding, match, offset)
            return


def _finding(rule: _Rule, match: re.Match[str], offset: int, metric: tuple[str, str]) -> Finding | None:
    subject, attribute = _named(rule, match, metric)
    value = match["v"].strip("\x00 ")
    if not _fits(rule, subject, attribute, value):
        return None
    start = offset + match.start("v") + match["v"].index(value)
    return Finding(
        language="zh",
        shape="act" if rule.shape == "cause" else rule.shape,
        subject="" if subject in _OWN_NAMES else subject,
        attribute=attribute,
        answer_start=start,
        answer_end=start + len(value),
        quote_start=start,
        quote_end=start + len(value),
        score=rule.score + (0.2 if re.search(r"\d", value) else 0.0),
        asked=_asked(rule, match),
    )


def _named(rule: _Rule, match: re.Match[str], metric: tuple[str, str]) -> tuple[str, str]:
    """Subject and attribute without adverbs; "同比增长21%" alone speaks of the figure before it."""
    groups = match.groupdict()
    subject, attribute = ((groups.get(name) or "").replace("\x00", "") for name in ("s", "a"))
    subject = _TAIL_ADVERBS.sub("", subject)
    if subject in _VERBAL:
        return "", f"{subject}的{_TAIL_ADVERBS.sub('', attribute)}"
    if rule.shape in ("change", "cause"):
        return subject or "的".join(part for part in metric if part), attribute
    attribute = _TAIL_ADVERBS.sub("", attribute) or rule.attribute
    return subject, f"{attribute}时间" if attribute in _FOUNDING else attribute


def _asked(rule: _Rule, match: re.Match[str]) -> str:
    """The words that stand for the answer: "多少个城市", "由什么带动"."""
    if rule.shape == "count":
        return f"多少{match['n']}{match['m'] or ''}"
    return "由什么带动" if rule.shape == "cause" else ""


def _reached(finding: Finding, match: re.Match[str], offset: int) -> Finding:
    """ "S增长12%至162亿元" says two things: by how much, and what S then was."""
    head, _, tail = finding.subject.rpartition("的")
    subject, attribute = (head, tail) if head else ("", finding.subject)
    start, end = offset + match.start("w"), offset + match.end("w")
    return replace(finding, shape="attribute", subject=subject, attribute=attribute, answer_start=start, answer_end=end)


def _fits(rule: _Rule, subject: str, attribute: str, value: str) -> bool:
    if not value or "\n" in value or "\x00" in value:
        return False
    if ("s" in rule.pattern.groupindex or rule.shape == "cause") and subject and not is_noun(subject):
        return False
    if not subject and rule.shape != "attribute":
        return False
    if rule.shape != "attribute":
        is_loose = rule.shape in ("define", "act", "count", "cause")
        return not (is_loose and _BAD_IN_SUBJECT.search(subject)) and (not is_loose or _is_whole(value))
    if not is_noun(attribute, shortest=1) or (rule.score < 3.5 and not _METRIC.search(attribute)):
        return False
    return bool(re.match(_NUMBER, value)) or _is_whole(value)


def _describe(sentence: str, quote: tuple[int, int], heading: str) -> Iterator[Finding]:
    """The last resort: a clause that opens with its subject, asked as "by what means" or "what does the text say"."""
    for clause in list(_CLAUSE.finditer(sentence))[:2]:
        skipped, period = _skip_adverbials(clause.group())
        start = clause.start() + skipped
        match = _MEANS.match(sentence, start) or _DESCRIBE.match(sentence, start)
        if match is None or not is_noun(match["s"]) or match["s"] in _OWN_NAMES:
            continue
        if _BAD_IN_SUBJECT.search(_TAIL_ADVERBS.sub("", match["s"])):
            continue
        is_means = "a" in match.groupdict()
        span = match.span("v") if is_means else (start, len(sentence))
        if _is_quotable(sentence[slice(*span)], shortest=4 if is_means else 12):
            yield _filler(match, span, quote, heading, period)
        return


def _filler(match: re.Match[str], span: tuple[int, int], quote: tuple[int, int], heading: str, period: str) -> Finding:
    means = match.groupdict().get("a")
    return Finding(
        language="zh",
        shape="act" if means else "describe",
        subject=_TAIL_ADVERBS.sub("", match["s"]),
        attribute="",
        answer_start=quote[0] + span[0],
        answer_end=quote[0] + span[1],
        quote_start=quote[0],
        quote_end=quote[1],
        score=1.0 if means else 0.5,
        heading=heading,
        period=period,
        asked=f"通过什么{means}" if means else "",
    )


def _is_quotable(text: str, *, shortest: int) -> bool:
    """Whether a stretch of a sentence can be an answer: not too long, whole quotations, nothing masked or wrapped."""
    is_plain = "\x00" not in text and "\n" not in text
    return shortest <= len(text) <= 90 and is_plain and text.count("“") == text.count("”")


def is_noun(text: str, *, shortest: int = 2) -> bool:
    """Whether a text can stand as a subject by itself: no pronoun, open quotation, half phrase or number alone."""
    if text in _NOT_A_SUBJECT or not shortest <= len(text) <= 26 or _BAD_START.match(text) or _BAD_INSIDE.search(text):
        return False
    if text.count("“") != text.count("”") or text.count("《") != text.count("》"):
        return False
    return bool(re.search(r"[一-鿿A-Za-z]", text)) and not _BAD_END.search(text)


def _is_whole(value: str) -> bool:
    is_closed = value.count("“") == value.count("”") and value.count("《") == value.count("》")
    return is_closed and not _BAD_INSIDE.search(value) and not _BAD_VALUE_START.match(value)
