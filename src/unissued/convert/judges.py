"""How judges are written: tests of two records that a key has brought together.

The columns of the first rule's record are ``First1`` and so on, those of the second's ``Second1`` and so on, in the
order of ``pack.judges``: canonical, in small letters, never null.
"""

from __future__ import annotations

from unissued.convert.kusto import quoted
from unissued.pack import ListSpec

_CLIENT_KQL = "iff(isempty(First3), First4, First3)"
_KQL = {
    "issued_to_another": (
        "(isnotempty(First1) and isnotempty(Second1) and First1 != Second1)\n"
        "    or (isempty(First1) and isnotempty(First2) and isnotempty(Second2) and First2 != Second2)\n"
        f"    or (isnotempty({_CLIENT_KQL}) and isnotempty(Second3) and {_CLIENT_KQL} != Second3\n"
        f'        and not(strcat(Second3, "|", {_CLIENT_KQL}) in (on_behalf_of_pairs)))'
    )
}
_CLIENT_SPL = 'if(First3="",First4,First3)'
# With a sign in front no value looks like a number.
_SPL = {
    "issued_to_another": (
        f'eval client={_CLIENT_SPL}, pair=Second3."|".client',
        'where (len(First1)>0 AND len(Second1)>0 AND NOT ("=".First1)=("=".Second1))\n'
        '    OR (len(First1)=0 AND len(First2)>0 AND len(Second2)>0 AND NOT ("=".First2)=("=".Second2))\n'
        '    OR (len(client)>0 AND len(Second3)>0 AND NOT ("=".client)=("=".Second3) AND NOT {pair})',
    )
}


def kql_judge(name: str) -> str:
    """Return the condition of a judge in KQL; it asks for the lists of the judge by their names."""
    return _KQL[name]


def spl_judge(name: str, spec: ListSpec) -> list[str]:
    """Return the commands that keep the pairs which meet a judge in SPL.

    Args:
        name: of the judge.
        spec: the list of pairs that it asks for.
    """
    prepare, test = _SPL[name]
    if spec.given is not None:
        listed = f"in(pair,{','.join(map(quoted, spec.given))})" if spec.given else "false()"
        return [prepare, test.format(pair=listed)]
    return [
        prepare,
        'eval lookup_key=if(substr(pair,1,1)="#","#",lower(pair))',
        f"lookup unissued_{spec.name} key AS lookup_key OUTPUT key AS listed_pair",
        test.format(pair="isnotnull(listed_pair)"),
    ]
