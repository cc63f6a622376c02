"""Reports as JSON, JUnit, SARIF, GitHub's workflow commands and Markdown. What stands in a report may be hostile."""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Callable, Mapping
from string import ascii_letters, digits

from junitparser import Failure, JUnitXml, TestCase, TestSuite

from unissued import __version__
from unissued.formats.remark import Check, Level, Remark, Report

MOST_MARKDOWN = 60_000
"""Characters; a comment on GitHub takes 65,536."""
_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_SAFE = frozenset(f"{ascii_letters}{digits}/._-~")
"""What stands in a URI as it is."""
_GITHUB = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+!|~@$&])")


def rendered(report: Report, form: str) -> str:
    """Return a report in one of :data:`FORMS`."""
    return FORMS[form](report)


def _json(report: Report) -> str:
    body = {
        "schema": 1,
        "tool": {"name": "unissued", "version": __version__},
        "command": report.verb,
        "summary": _summary(report),
        "results": [_result(check) for check in report.checks],
    }
    return json.dumps(body, indent=2, ensure_ascii=True) + "\n"


def _summary(report: Report) -> dict[str, int]:
    failed = sum(check.failed for check in report.checks)
    return {"checks": len(report.checks), "failed": failed, **report.summary}


def _result(check: Check) -> Mapping[str, object]:
    return {
        "suite": check.suite,
        "name": check.name,
        "passed": not check.failed,
        "remarks": [
            {
                "code": remark.code,
                "level": str(remark.level),
                "text": remark.text,
                **({"file": remark.file} if remark.file else {}),
                **({"line": remark.line} if remark.line else {}),
                **({"detail": remark.detail} if remark.detail else {}),
            }
            for remark in check.remarks
        ],
    }


def _junit(report: Report) -> str:
    document = JUnitXml(f"unissued {report.verb}")
    suites: dict[str, list[Check]] = {}
    for check in report.checks:
        suites.setdefault(check.suite, []).append(check)
    for name, checks in suites.items():
        suite = TestSuite(harmless(name))
        suite.add_testcases([_test_case(check) for check in checks])
        document.add_testsuite(suite)
    document.update_statistics()  # type: ignore[no-untyped-call]
    written: bytes = document.tostring()  # type: ignore[no-untyped-call]
    return written.decode("utf-8") + "\n"


def _test_case(check: Check) -> TestCase:
    case = TestCase(harmless(check.name), harmless(check.suite))
    if check.failed:
        case.result = [_failure(remark) for remark in check.remarks]
    elif check.remarks:
        case.system_out = harmless("\n".join(f"{_place(remark)}{remark.text}" for remark in check.remarks))
    return case


def _failure(remark: Remark) -> Failure:
    failure = Failure(harmless(f"{_place(remark)}{remark.text}"), remark.code)
    failure.text = harmless(remark.detail)
    return failure


def _place(remark: Remark) -> str:
    if not remark.file:
        return ""
    return f"{remark.file}:{remark.line}: " if remark.line else f"{remark.file}: "


def harmless(text: str) -> str:
    """Return text without what XML cannot hold and what turns a line around; each is written as its number."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _sarif(report: Report) -> str:
    codes = sorted({remark.code for remark in report.remarks})
    driver = {
        "name": "unissued",
        "version": __version__,
        "informationUri": "https://github.com/unissued/unissued",
        "rules": [{"id": code, "name": code} for code in codes],
    }
    results = [_sarif_result(remark) for remark in report.remarks]
    body = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    return json.dumps(body, indent=2, ensure_ascii=True) + "\n"


def _sarif_result(remark: Remark) -> Mapping[str, object]:
    text = f"{remark.text}\n{remark.detail}" if remark.detail else remark.text
    # Without the line: a problem that moves is the same problem.
    print_of = hashlib.sha256("\0".join((remark.code, remark.file, remark.text)).encode("utf-8", "replace")).hexdigest()
    result: dict[str, object] = {
        "ruleId": remark.code,
        "level": str(remark.level),
        "message": {"text": text},
        "partialFingerprints": {"unissued/v1": print_of[:32]},
    }
    if remark.file:
        place: dict[str, object] = {"artifactLocation": {"uri": _uri(remark.file)}}
        if remark.line:
            place["region"] = {"startLine": remark.line}
        result["locations"] = [{"physicalLocation": place}]
    return result


def _uri(file: str) -> str:
    return "".join(chr(byte) if chr(byte) in _SAFE else f"%{byte:02X}" for byte in file.encode("utf-8", "replace"))


def _github(report: Report) -> str:
    lines = []
    for remark in report.remarks:
        place = [f"file={_property(remark.file)}"] if remark.file else []
        place += [f"line={remark.line}"] if remark.line else []
        properties = ",".join([*place, f"title={_property(remark.code)}"])
        text = f"{remark.text}\n{remark.detail}" if remark.detail else remark.text
        lines.append(f"::{_GITHUB[remark.level]} {properties}::{_data(text)}\n")
    counts = ", ".join(f"{count} {name}" for name, count in _summary(report).items())
    return "".join(lines) + f"unissued {report.verb}: {counts}\n"


def _data(text: str) -> str:
    return harmless(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _markdown(report: Report) -> str:
    """Return a table of the remarks, their details folded."""
    counts = ", ".join(f"{name} {count}" for name, count in _summary(report).items())
    out = f"## unissued {report.verb}\n\n{counts}\n"
    if not report.remarks:
        return f"{out}\nNothing to report.\n"
    out += "\n| level | where | what |\n|---|---|---|\n"
    rows = [
        f"| {remark.level} | {in_cell(_place(remark).rstrip(': '))} | {in_cell(remark.text)} |\n"
        for remark in report.remarks
    ]
    rows_kept = _fitting(rows, MOST_MARKDOWN // 2)
    out += "".join(rows_kept)
    details = [folded(f"{_place(remark)}{remark.text}", remark.detail) for remark in report.remarks if remark.detail]
    details_kept = _fitting(details, MOST_MARKDOWN - len(out))
    out += "".join(["\n", *details_kept]) if details_kept else ""
    left = len(rows) - len(rows_kept) + len(details) - len(details_kept)
    return f"{out}\nAnd {left} more, left out because a comment holds no more.\n" if left else out


def _fitting(parts: list[str], most: int) -> list[str]:
    """Return the first parts that have no more than so many characters in all."""
    kept: list[str] = []
    for part in parts:
        most -= len(part)
        if most < 0:
            break
        kept.append(part)
    return kept


def in_cell(text: str) -> str:
    """Return text for a cell of a table: it stays text, on one line, and mentions nobody."""
    short = text if len(text) <= 500 else f"{text[:500]}…"
    line = harmless(" ".join(short.split()))
    return _MARKDOWN.sub(lambda found: f"&#{ord(found[0])};", line)


def folded(title: str, body: str) -> str:
    """Return lines that a reader can unfold. They stand as HTML, so that no fence of theirs ends the block."""
    shown = html.escape(harmless(body)).replace("\n\n", "\n&#8203;\n")  # a blank line would end the HTML block
    head = html.escape(harmless(" ".join(title.split()))[:200])
    return f"<details><summary>{head}</summary>\n<pre>\n{shown.rstrip()}\n</pre>\n</details>\n\n"


FORMS: Mapping[str, Callable[[Report], str]] = {
    "json": _json,
    "junit": _junit,
    "sarif": _sarif,
    "github": _github,
    "markdown": _markdown,
}
