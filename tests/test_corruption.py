"""One operator, number or name changed in a shipped query turns its check red, whichever query it is.

That the file is not what the build writes would give every change away; it does not count here.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import ROOT
from test_agreement import corrupted
from unissued.verify.shipped import Status, check_query

SENTINEL, DEFENDER, SPLUNK = "kql/sentinel/{}.kql", "kql/defender/{}.kql", "spl/searches/{}.spl"
CORRUPTIONS: list[tuple[str, str, str, str]] = [
    (SENTINEL, "app_mailbox_role_granted", "coalesce(Hits1 > 0, false)", "coalesce(Hits1 > 1, false)"),
    (SENTINEL, "app_mailbox_role_granted", 'Result =~ "success"', 'Result == "Success"'),
    (SENTINEL, "app_new_secret_then_mail_read", "Next >= T and", "Next > T + 1h and"),
    (SENTINEL, "app_new_secret_then_mail_read", "Next - Start <= 1d", "Next - Start < 1d"),
    (SENTINEL, "app_new_secret_then_mail_read", "kind=inner", "kind=leftanti"),
    (SENTINEL, "mail_app_new_to_tenant", "(not(tolower(MailAppKey)", "((tolower(MailAppKey)"),
    (SENTINEL, "mail_app_new_to_tenant", "tolower(MailAppKey) in (", "MailAppKey in ("),
    (SENTINEL, "mail_app_reads_many_mailboxes", "Values >= 10", "Values > 10"),
    (SENTINEL, "mail_app_reads_many_mailboxes", "Again - T <= 1h", "Again - T < 1h"),
    (SENTINEL, "mail_app_reads_many_mailboxes", "Begins and Fresh > 0", "Fresh > 0"),
    (SENTINEL, "mail_owa_identity_scripted_client", "AppId =~", "ClientAppId =~"),
    (SENTINEL, "mail_read_from_storm0558_address", 'ClientAddress in~ (', 'ClientIP in~ ('),
    (SENTINEL, "mail_read_from_storm0558_address_in_2023", "datetime(2023-08-01)", "datetime(2023-07-31)"),
    (SENTINEL, "mail_token_from_consumer_tenant", "canon_guid(tostring(todynamic(RawEventData).TokenTenantId))",
        "tostring(todynamic(RawEventData).TokenTenantId)"),
    (SENTINEL, "mail_token_never_issued", "[A-Za-z0-9_-]{21}", "[A-Za-z0-9_-]{22}"),
    (SENTINEL, "mail_token_never_issued", "kind=leftanti (", "kind=leftsemi ("),
    (SENTINEL, "mail_token_never_issued", "between ((T - 32h)", "between ((T - 31h)"),
    (SENTINEL, "mail_token_never_issued", "10 * Rows < 8 * Before", "10 * Rows < 9 * Before"),
    (SENTINEL, "owa_token_minted", "RecordType == 275", "RecordType >= 275"),
    (DEFENDER, "app_mailbox_role_granted", 'Element.Name) == "AppRole.Id"', 'Element.Name) != "AppRole.Id"'),
    (DEFENDER, "app_new_secret_then_mail_read", "T - prev(T) > 1d", "T - prev(T) > 1h"),
    (DEFENDER, "mail_app_new_to_tenant", "baseline_mail_apps_fault == ''", "baseline_mail_apps_fault != ''"),
    (DEFENDER, "mail_app_reads_many_mailboxes", "tolower(MailboxGuid)", "MailboxOwnerUPN"),
    (DEFENDER, "mail_owa_identity_scripted_client", "RawEventData.Workload) =~", "RawEventData.Workload) !~"),
    (DEFENDER, "mail_read_from_storm0558_address", "iff(isempty(ClientIPAddress)", "iff(isnotempty(ClientIPAddress)"),
    (DEFENDER, "mail_read_from_storm0558_address_in_2023", "CreationTime >= datetime(2023-03-01)",
        "CreationTime > datetime(2023-03-02)"),
    (DEFENDER, "mail_token_from_consumer_tenant", "TokenTenantId =~", "TokenTenantId !~"),
    (DEFENDER, "owa_token_minted", "coalesce(RecordType == 275, false)", "coalesce(RecordType != 275, false)"),
    (SPLUNK, "app_mailbox_role_granted", "isnotnull(mvfilter(", "isnull(mvfilter("),
    (SPLUNK, "app_new_secret_then_mail_read", "| sort 0 _time, rule", "| sort 0 -_time, rule"),
    (SPLUNK, "app_new_secret_then_mail_read", "_time-start2<=86400", "_time-start2<86400"),
    (SPLUNK, "mail_app_new_to_tenant", "NOT (isnotnull(listed1))", "(isnotnull(listed1))"),
    (SPLUNK, "mail_app_new_to_tenant", 'OR (isnull(row) AND NOT fault="ok")', 'OR (isnull(row) AND fault="ok")'),
    (SPLUNK, "mail_app_reads_many_mailboxes", "distinct_values>=10", "distinct_values>=9"),
    (SPLUNK, "mail_app_reads_many_mailboxes", "dedup row", "dedup V"),
    (SPLUNK, "mail_owa_identity_scripted_client", 'lower(AppId)=', 'lower(AppId)<'),
    (SPLUNK, "mail_read_from_storm0558_address", ':[0-9]*', ':[0-9]{9}'),
    (SPLUNK, "mail_read_from_storm0558_address_in_2023", '"^2023-07"', '"^2023-7"'),
    (SPLUNK, "mail_token_from_consumer_tenant", "lower(TokenTenantId)", "TokenObjectId"),
    (SPLUNK, "mail_token_never_issued", "10*block_rows<8*block_before", "10*block_rows>8*block_before"),
    (SPLUNK, "mail_token_never_issued", r"\4\3\2\1", r"\1\2\3\4"),
    (SPLUNK, "mail_token_never_issued", "<=115200,1,null()", "<=115199,1,null()"),
    (SPLUNK, "owa_token_minted", 'RecordType="275"', 'RecordType="275 "'),
    (SENTINEL, "mail_owa_client_foreign_identity", "(not(AppId in~ (", "((AppId in~ ("),
    (SENTINEL, "mail_token_id_malformed", "{48}", "{47}"),
    (SENTINEL, "mail_app_not_approved", "Rows == 0, 'is empty or missing'", "Rows < 0, 'is empty or missing'"),
    (SENTINEL, "mail_app_known_from_intrusions", "AppId in~ (", "AppId !in~ ("),
    (SENTINEL, "mail_read_by_scripted_client", 'contains "curl/"', 'contains "curl"'),
    (SENTINEL, "mail_read_by_scripted_agent", 'ActorInfoString contains "aio', 'ClientInfoString contains "aio'),
    (SENTINEL, "mail_read_throttled", 'Element.Name) == "IsThrottled"', 'Element.Name) != "MailAccessType"'),
    (SENTINEL, "mail_ews_app_without_permit", "ews_allowed_apps_fault == ''", "ews_allowed_apps_fault != ''"),
    (SENTINEL, "mail_token_from_other_tenant", "TokenTenantId =~ OrganizationId", "TokenTenantId == MailboxGuid"),
    (SENTINEL, "mail_app_new_to_mailbox", 'iff(isempty(MailboxGuid), ""', 'iff(isempty(MailboxGuid), "-"'),
    (SENTINEL, "mail_token_id_missing", "(not(isnotempty(AppAccessContext_UniqueTokenId)))", "(isempty(ClientAppId))"),
    (SENTINEL, "mail_read_through_anonymiser", "tolower(ClientAddress) in", "tolower(ClientIP) in"),
    (SENTINEL, "mail_read_from_tagged_address", 'IsAnonymousProxy =~ "true"', 'IsAnonymousProxy != "true"'),
    (SENTINEL, "mail_token_across_users", "Values >= 2", "Values >= 3"),
    (SENTINEL, "mail_token_across_networks", "2603:10a6::/32", "2603:10a6::/64"),
    (SENTINEL, "mail_read_in_bulk", "Sum >= 1000", "Sum > 1000"),
    (DEFENDER, "mail_owa_client_foreign_identity", "isnotempty(AppId)", "isempty(AppId)"),
    (DEFENDER, "mail_token_id_malformed", "[AQgw]", "[AQgwB]"),
    (DEFENDER, "mail_app_not_approved", "isnotempty(ActingAppId) and", "isempty(ActingAppId) or"),
    (DEFENDER, "mail_app_known_from_intrusions", "e9a7fea1-1cc0", "e9a7fea1-1cc1"),
    (DEFENDER, "mail_read_by_scripted_client", "(not(tolower(ClientAppId) in (", "((tolower(ClientAppId) in ("),
    (DEFENDER, "mail_read_by_scripted_agent", "RawEventData).ActorInfoString", "RawEventData).ActorInfo"),
    (DEFENDER, "mail_read_throttled", "Hits1 > 0", "Hits1 > 1"),
    (DEFENDER, "mail_ews_app_without_permit", 'startswith "Client=', 'endswith "Client='),
    (DEFENDER, "mail_token_from_other_tenant", "isnotempty(OrganizationId)", "isnotempty(UserId)"),
    (DEFENDER, "mail_app_new_to_mailbox", "baseline_mailbox_apps_fault == ''", "baseline_mailbox_apps_fault != ''"),
    (DEFENDER, "mail_token_id_missing", "tolower(MailAppKey) in", "MailAppKey in"),
    (DEFENDER, "mail_read_through_anonymiser", "isnotempty(ActingAppId) and", "isempty(ActingAppId) or"),
    (DEFENDER, "mail_read_from_tagged_address", "dynamic([\"\"])", "dynamic([])"),
    (DEFENDER, "mail_token_across_users", "Values >= 2", "Values >= 1"),
    (DEFENDER, "mail_token_across_networks", "Values >= 3", "Values >= 2"),
    (DEFENDER, "mail_read_in_bulk", "Change = -V", "Change = V"),
    (SPLUNK, "mail_owa_client_foreign_identity", "NOT (in(lower(AppId)", "(in(lower(AppId)"),
    (SPLUNK, "mail_token_id_malformed", "{48}", "{49}"),
    (SPLUNK, "mail_app_not_approved", 'entries=0,"is empty"', 'entries<0,"is empty"'),
    (SPLUNK, "mail_app_known_from_intrusions", "in(lower(ClientAppId)", "in(lower(MailboxGuid)"),
    (SPLUNK, "mail_read_by_scripted_client", "python-requests", "python-request"),
    (SPLUNK, "mail_read_by_scripted_agent", "lower(ActorInfoString)", "lower(ClientInfoString)"),
    (SPLUNK, "mail_read_throttled", '"Name"),"null"),"")="IsThrottled"', '"Value"),"null"),"")="True"'),
    (SPLUNK, "mail_ews_app_without_permit", "NOT (isnotnull(listed1))", "(isnotnull(listed1))"),
    (SPLUNK, "mail_token_from_other_tenant", '("=".lower(OrganizationId))', '("=".OrganizationId."x")'),
    (SPLUNK, "mail_app_new_to_mailbox", 'MailAppKey."|".MailboxGuid', 'MailAppKey."-".MailboxGuid'),
    (SPLUNK, "mail_token_id_missing", "isnotnull(listed1)", "isnull(listed1)"),
    (SPLUNK, "mail_read_through_anonymiser", "len(ActingAppId)>0", "len(ActingAppId)>=0"),
    (SPLUNK, "mail_token_across_users", "distinct_values>=2", "distinct_values>=1"),
    (SPLUNK, "mail_token_across_networks", 'cidrmatch("2603:10a6::/32"', 'cidrmatch("2603:10a6::/128"'),
    (SPLUNK, "mail_read_in_bulk", "total>=1000", "total>=999"),
    (SENTINEL, "app_mailbox_role_requested", "coalesce(Hits1 > 0, false)", "true"),
    (SENTINEL, "app_mailbox_scope_consented", "(write)?", ""),
    (SENTINEL, "federation_trust_changed", "coalesce(Hits1 > 0, false)", "true"),
    (SENTINEL, "audit_mailbox_auditing_disabled", "coalesce(Hits2 > 0, false)", "coalesce(Hits1 > 0, false)"),
    (SENTINEL, "audit_mail_items_accessed_removed",
        "(not(coalesce(Hits4 > 0, false)))", "(not(coalesce(Hits2 > 0, false)))"),
    (SENTINEL, "audit_licence_plan_removed", "DisabledPlans[^", "Plans[^"),
    (SENTINEL, "directory_actor_token_used",
        'OperationName =~ "Set directory', 'OperationName startswith "Set directory'),
    (SENTINEL, "user_created_then_consents", "Next - Start <= 7d", "Next - Start < 7d"),
    (SENTINEL, "app_consented_then_mail_read", "Next >= T and", "Next > T - 1h and"),
    (SENTINEL, "risk_token_then_mail_read", "ActivityDateTime, TimeGenerated)", "TimeGenerated, TimeGenerated)"),
    (SENTINEL, "federation_trust_changed_then_mail_read", "@([^@]*)$", "^([^@]*)@"),
    (DEFENDER, "app_mailbox_role_requested", "coalesce(Hits1 > 0, false)", "true"),
    (DEFENDER, "app_mailbox_scope_consented", "(write)?", ""),
    (DEFENDER, "federation_trust_changed", "coalesce(Hits1 > 0, false)", "true"),
    (DEFENDER, "audit_mailbox_auditing_disabled", "coalesce(Hits2 > 0, false)", "coalesce(Hits1 > 0, false)"),
    (DEFENDER, "audit_mail_items_accessed_removed",
        "(not(coalesce(Hits4 > 0, false)))", "(not(coalesce(Hits2 > 0, false)))"),
    (DEFENDER, "audit_licence_plan_removed", "NewValue.*", "OldValue.*"),
    (DEFENDER, "user_created_then_consents", "Next >= T and", "Next < T and"),
    (DEFENDER, "app_consented_then_mail_read", "Next >= T and", "Next < T and"),
    (SPLUNK, "app_mailbox_role_requested", 'lower(ResultStatus)="success"', 'ResultStatus="success"'),
    (SPLUNK, "app_mailbox_scope_consented", "=>[^;]*Scope:", "Scope:"),
    (SPLUNK, "federation_trust_changed", '"federated"', '"managed"'),
    (SPLUNK, "audit_mailbox_auditing_disabled", 'AuditDisabled_Value)="true"', 'AuditDisabled_Value)="false"'),
    (SPLUNK, "audit_mail_items_accessed_removed",
        "isnotnull(Parameters_AuditAdmin_Name)", "isnotnull(Parameters_AuditAdmin_Value)"),
    (SPLUNK, "audit_licence_plan_removed", "(?s)NewValue", "(?s)OldValue"),
    (SPLUNK, "directory_actor_token_used", '"dataverse"', '"dataverses"'),
    (SPLUNK, "user_created_then_consents", "<=604800", "<604800"),
    (SPLUNK, "app_consented_then_mail_read", "lower(TargetAppId)", "lower(Id)"),
    (SPLUNK, "risk_token_then_mail_read", "<=86400", "<86400"),
    (SPLUNK, "federation_trust_changed_then_mail_read", "(?s)^.*@", "(?s)^.*s@"),
    (SENTINEL, "mail_token_issued_after_use", "TokenAge < -300", "TokenAge <= -300"),
    (DEFENDER, "mail_token_issued_after_use", "TokenAge < -300", "TokenAge <= -300"),
    (SPLUNK, "mail_token_issued_after_use", "tonumber(TokenAge))<-300", "tonumber(TokenAge))<=-300"),
    (SENTINEL, "mail_token_older_than_lifetime", "TokenAge > 102600", "TokenAge >= 102600"),
    (DEFENDER, "mail_token_older_than_lifetime", "TokenAge > 102600", "TokenAge >= 102600"),
    (SPLUNK, "mail_token_older_than_lifetime", "tonumber(TokenAge))>102600", "tonumber(TokenAge))>=102600"),
    (SENTINEL, "graph_mail_token_never_issued", 'or RequestUri contains "/mailFolders"', ""),
    (SPLUNK, "graph_mail_token_never_issued", ' OR match(lower(RequestUri),"/mailfolders")', ""),
    (SENTINEL, "mail_session_never_began", "Seen between ((T - 7d) ..", "Seen between ((T - 6d) .."),
    (SPLUNK, "mail_session_never_began", "-moment)<=604800,1", "-moment)<=604799,1"),
    (SENTINEL, "owa_token_minted_unexplained", "Seen between ((T - 32h) ..", "Seen between ((T - 31h) .."),
    (SPLUNK, "owa_token_minted_unexplained", "-moment)<=115200,1", "-moment)<=115199,1"),
    (SENTINEL, "mail_token_issued_to_another", "First1 = tolower(TokenObjectId)", "First1 = ''"),
    (SPLUNK, "mail_token_issued_to_another", "eval First1=lower(TokenObjectId)", 'eval First1=""'),
    (SENTINEL, "app_consented_by_new_user_then_mail_read", ") on app\n", ") on T\n"),
    (SENTINEL, "app_consented_by_new_user_then_mail_read", ") on user\n| where Next >= T and Next - Start <= 7d",
        ") on user\n| where Next - Start <= 7d"),
    (DEFENDER, "app_consented_by_new_user_then_mail_read", "Start = max(Start)", "Start = max(Next)"),
    (SPLUNK, "app_consented_by_new_user_then_mail_read", "isnotnull(there) OR rule=3", "isnull(there) OR rule=3"),
    (SPLUNK, "app_consented_by_new_user_then_mail_read", "eval user=if(rule=3,fills,user)", "eval user=fills"),
    (SENTINEL, "app_granted_by_app_then_mail_read", "isnotempty(InitiatedBy_app_servicePrincipalId)", "true"),
    (DEFENDER, "app_granted_by_app_then_mail_read", 'UserId startswith "ServicePrincipal_"', 'UserId contains "@"'),
    (SPLUNK, "app_granted_by_app_then_mail_read", "values(fill) AS fills by record", "values(fill) AS fills by rule"),
]  # fmt: skip


# One rule of every kind; the others have the same readers, and take minutes.
OFTEN = {
    "app_mailbox_role_granted",
    "app_new_secret_then_mail_read",
    "mail_app_new_to_tenant",
    "mail_app_reads_many_mailboxes",
    "mail_owa_identity_scripted_client",
    "mail_read_from_storm0558_address_in_2023",
    "mail_token_from_consumer_tenant",
    "mail_token_issued_to_another",
    "mail_token_never_issued",
    "owa_token_minted",
}


@pytest.mark.parametrize(
    ("folder", "rule", "old", "new"),
    [pytest.param(*one, marks=() if one[1] in OFTEN else pytest.mark.full) for one in CORRUPTIONS],
)
def test_corruption_is_noticed(folder: str, rule: str, old: str, new: str, tmp_path: Path) -> None:
    target = {SENTINEL: "sentinel", DEFENDER: "defender", SPLUNK: "splunk"}[folder]
    found = check_query(corrupted(tmp_path, folder.format(rule), old, new), rule, target, all_cases=False)
    assert [check for check in found.checks if check.kind != "fresh" and check.status is not Status.AGREES]


def test_every_shipped_query_is_corrupted_at_least_once() -> None:
    """What learns and what asks for health are no rules, and have corruptions of their own."""
    shipped = {path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.kql")} | {
        path.relative_to(ROOT).as_posix() for path in ROOT.joinpath("spl").rglob("*.spl")
    }
    shipped = {path for path in shipped if "/learn/" not in path and "/health/" not in path}
    assert {folder.format(rule) for folder, rule, _, _ in CORRUPTIONS} == shipped
