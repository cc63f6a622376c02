"""What no training data can do: let records that a rule matched, or the order of records, change what is normal."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mail_reads import APP, BOX, EXCHANGE, GRAPH, OTHER_BOX, feeds, read, send, sign_in
from mail_reads import whole_pack as pack
from unissued.baseline import Baseline, asks_for_learned, learn
from unissued.baseline.table import baseline_text
from unissued.evaluate import Given, Verdict, evaluate
from unissued.record import Record

NORMAL = ("baseline_mail_apps", "baseline_mailbox_apps")
# Rules that match a record by itself and ask for nothing that is learned: another rule than those on the baseline.
OTHERS = [
    rule.name
    for rule in pack().rules.values()
    if rule.level and not rule.is_correlation and not rule.lists and not asks_for_learned(pack(), rule)
]
IDS = st.sampled_from(["", APP, GRAPH, EXCHANGE])
TOKENS = st.sampled_from(["", *(f"{number:021d}A" for number in range(25))])
DAYS = st.integers(0, 24 * 14).map(lambda hours: hours / 24)
BOXES = st.sampled_from([BOX, OTHER_BOX])
KINDS = st.sampled_from(["REST", "rest", "OWA", "WebServices", ""])
ordinary = st.builds(read, DAYS, IDS, IDS, st.sampled_from(["OWA", "REST", ""]), BOXES, TOKENS)
# Every way in which one of the pack's rules on single records can be met, on keys that the training has, too.
odd = st.sampled_from(
    [{}, {"ClientIPAddress": "195.26.87.219"}, {"TokenTenantId": "9188040d-6c67-4c5b-b112-36a304b66dad"}]
)
attacks = st.builds(
    lambda day, app, client, kind, box, token, more: read(day, app, client, kind, box, token, **more),
    DAYS,
    IDS,
    IDS,
    KINDS,
    BOXES,
    TOKENS,
    odd,
)
# One key is surely normal, and the window is frozen: it ends a day before the last record.
KNOWN = [*(read(day, APP, "", "REST") for day in range(10)), send(16)]
FEW = settings(max_examples=30, deadline=None, derandomize=True, database=None, phases=[Phase.generate])


def lists_of(records: Sequence[Record]) -> dict[str, frozenset[str]]:
    return Baseline(tuple(learn(pack(), records).rows), "").lists()


def matched(records: Sequence[Record]) -> list[Record]:
    outcomes = evaluate(pack(), records, Given(), OTHERS)
    found = {id(match.event.record) for name in OTHERS for match in outcomes[name].matches if match.event}
    return [record for record in records if id(record) in found]


@FEW
@given(st.lists(ordinary, max_size=40), st.lists(attacks, min_size=10, max_size=60))
def test_what_another_rule_matches_changes_no_list(training: list[Record], attack: list[Record]) -> None:
    """So it removes no finding: findings are what is not on a list of what is normal, and what a gate lets through."""
    base = [*KNOWN, *training]
    assert lists_of([*base, *matched(attack)]) == lists_of(base)


def test_the_attacks_are_some() -> None:
    """Drawn attacks meet each of the rules, and teach where nothing matches them: the property can fail."""
    met: set[str] = set()
    taught = False

    @FEW
    @given(st.lists(attacks, min_size=40, max_size=60))
    def look(attack: list[Record]) -> None:
        nonlocal taught
        outcomes = evaluate(pack(), attack, Given(), OTHERS)
        met.update(name for name in OTHERS if outcomes[name].verdict is Verdict.MATCH)
        found = {id(one) for one in matched(attack)}
        left = [one for one in attack if id(one) not in found]
        taught = taught or lists_of([*KNOWN, *left]) != lists_of(KNOWN)

    look()
    assert met >= {
        "mail_owa_identity_scripted_client",
        "mail_read_from_storm0558_address",
        "mail_token_from_consumer_tenant",
    }
    assert taught


FEEDS = feeds()


@settings(FEW, max_examples=8)
@given(st.lists(ordinary, max_size=20), st.lists(attacks, min_size=5, max_size=40), st.sets(TOKENS, max_size=5))
def test_tokens_that_were_never_issued_make_nothing_normal(
    training: list[Record], attack: list[Record], issued: set[str]
) -> None:
    """They move the gate of their own rule (docs/poisoning.md), and never the lists of what is normal."""
    base = [*KNOWN, *training, *FEEDS, *(sign_in(1, token) for token in issued if token)]
    rule = "mail_token_never_issued"
    outcome = evaluate(pack(), [*base, *attack], Given(measured=True), [rule])[rule]
    found = {id(event.record) for match in outcome.matches for event in match.events()}
    unexplained = [record for record in attack if id(record) in found]
    before, after = lists_of(base), lists_of([*base, *unexplained])
    assert all(after[name] <= before[name] for name in NORMAL)


@FEW
@given(
    st.lists(st.one_of(ordinary, attacks), max_size=30).flatmap(
        lambda one: st.tuples(st.just(one), st.permutations(one))
    )
)
def test_order_of_records_does_not_matter(both: tuple[list[Record], list[Record]]) -> None:
    first, second = (learn(pack(), records) for records in ([*KNOWN, *both[0]], [*both[1], *KNOWN[::-1]]))
    assert baseline_text(first.rows) == baseline_text(second.rows)
    assert first.refused == second.refused
