"""A hunt as JUnit XML: a suite for each rule, a failed case for each finding, and a suite for the input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
from junitparser.junitparser import FinalResult

from unissued.hunt import Finding, visible
from unissued.hunt.text import lines_of
from unissued.report.facts import Facts
from unissued.report.report import Report
from unissued.report.sums import equation, extent, missing, plural


def as_junit(report: Report) -> Iterator[str]:
    """Yield one XML document. A rule that could not judge everything has a skipped case that says why."""
    hunt = report.hunt
    document = JUnitXml("unissued hunt")
    document.add_testsuite(_input(report))
    findings: dict[str, list[Finding]] = {}
    for finding in hunt.findings:
        findings.setdefault(finding.rule.name, []).append(finding)
    for name, outcome in sorted(hunt.outcomes.items()):
        cases = [_failed(finding) for finding in findings.get(name, ())]
        for question in outcome.unjudged:
            said = f"{question.reason}: {visible(question.detail, 500)} {extent(question)}".strip()
            cases.append(_case(f"not evaluated: {question.reason}", name, Skipped(said)))
        document.add_testsuite(_suite(name, cases or [_case("no finding", name)]))
    written: bytes = document.tostring()  # type: ignore[no-untyped-call]
    yield written.decode("utf-8") + "\n"


def _input(report: Report) -> TestSuite:
    """Return the suite that fails where the input is incomplete."""
    reading = report.hunt.reading
    cases = [
        _case(
            f"read {visible(file.file)}",
            "input",
            *(Error(visible(reason, 500), "partial") for reason in file.partial),
            output=equation(file.count),
        )
        for file in reading.files
    ]
    cases.append(_case("sum", "input", output=equation(reading.count)))
    suite = _suite("input", cases)
    for number, (kind, text) in enumerate(missing(report.hunt), 1):
        suite.add_property(f"{kind} {number}", text)
    return suite


def _failed(finding: Finding) -> TestCase:
    facts = Facts(finding)
    failure = Failure(visible(finding.why, 600), facts.level)
    failure.text = f"{facts.span}, {plural(len(finding.events), 'record')}\n{lines_of(finding)}"
    return _case(visible(f"{facts.data['first']} {'; '.join(facts.about)}", 300), finding.rule.name, failure)


def _suite(name: str, cases: Sequence[TestCase]) -> TestSuite:
    suite = TestSuite(name)
    for case in cases:
        suite.add_testcase(case)
    return suite


def _case(name: str, group: str, *results: FinalResult, output: str = "") -> TestCase:
    case = TestCase(name, group)
    if results:
        case.result = list(results)
    if output:
        case.system_out = output
    return case
