"""What searches mean by Splunk's manuals: what is expected comes from their pages, which the tests name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest

from unissued.engines.spl import Reading, Row, SplError, Splunk, SplunkEvent, Value, parse
from unissued.errors import UnsupportedError

NOW = 1_772_467_200.0  # 2026-03-02 16:00:00 UTC, a Monday
TEXT, NUMBERS = Reading.TEXT, Reading.NUMBERS
Fields = Mapping[str, str | tuple[str, ...]]


def event(
    time: float = NOW, raw: str = "", given: Fields | None = None, **fields: str | tuple[str, ...]
) -> SplunkEvent:
    return SplunkEvent(raw, time, time + 60, {"index": "main", **(given or {}), **fields})


def run(
    search: str,
    events: Sequence[SplunkEvent] = (),
    lookups: Mapping[str, Sequence[Mapping[str, str]]] | None = None,
    reading: Reading = TEXT,
) -> list[Row]:
    return Splunk(events, lookups or {}, now=NOW, reading=reading).run(parse(search))


def value(
    expression: str,
    reading: Reading = TEXT,
    raw: str = "",
    given: Fields | None = None,
    **fields: str | tuple[str, ...],
) -> Value | None:
    """The value of an expression on one event."""
    events = [event(NOW, raw, given, **fields)]
    (row,) = run(f"index=* | eval r={expression} | table r", events, reading=reading)
    return row.get("r")


def truth(
    test: str, reading: Reading = TEXT, given: Fields | None = None, **fields: str | tuple[str, ...]
) -> Value | None:
    """``true``, ``false`` or ``null``."""
    return value(f'case({test},"true",NOT ({test}),"false",true(),"null")', reading, "", given, **fields)


def both(expression: str, expected: object, **fields: str | tuple[str, ...]) -> None:
    """The same under both readings."""
    assert [value(expression, reading, "", fields) for reading in Reading] == [expected, expected]


def column(rows: Sequence[Row], name: str) -> list[Value | None]:
    return [row.get(name) for row in rows]


# --- eval: null, comparison, Boolean operators ---


@pytest.mark.parametrize("reading", Reading)
@pytest.mark.parametrize("test", ["n=1", "n!=1", "n<1", "n=n", "1>n", 'in(n,"a")', 'match(n,"a")', 'n LIKE "%"'])
def test_a_comparison_with_null_is_null_and_so_is_its_inverse(test: str, reading: Reading) -> None:
    assert truth(test, reading) == "null"
    assert run(f"index=* | where {test}", [event()], reading=reading) == []
    assert run(f"index=* | where NOT ({test})", [event()], reading=reading) == []


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        *[("n=1 AND a=1", "null"), ("n=1 AND a=2", "false"), ("n=1 OR a=1", "true"), ("n=1 OR a=2", "null")],
        *[("a=1 XOR a=2", "true"), ("a=1 XOR a=1", "false"), ("n=1 XOR a=1", "null"), ("NOT n=1", "null")],
        *[("isnull(n)", "true"), ("isnotnull(n)", "false"), ("isnull(a)", "false"), ('isnull("")', "false")],
        *[("true()", "true"), ("false()", "false"), ("!isnull(a)", "true")],
        # AND binds before OR, OR before XOR.
        *[("a=2 AND a=1 OR a=1", "true"), ("a=1 OR a=1 AND a=2", "true"), ("a=1 XOR a=1 OR a=1", "false")],
        ("NOT a=2 AND a=1", "true"),
    ],
)
def test_boolean_operators(test: str, expected: str) -> None:
    assert [truth(test, reading, a="1") for reading in Reading] == [expected, expected]


@pytest.mark.parametrize(
    ("test", "as_text", "as_numbers"),
    [
        # A number and a text that looks like one are numbers: status==404 in the manual's examples.
        *[("x=404", "true", "true"), ("x==404.0", "true", "true"), ("x<1000", "true", "true"), ("9<x", "true", "true")],
        # Two texts: open.
        *[('x="404.0"', "false", "true"), ('x<"5"', "true", "false"), ('x!="0404"', "true", "false")],
        *[('in(x,"404.0","5")', "false", "true"), ("x<y", "true", "false")],
        # A text that looks like no number.
        *[
            ('w="Ab"', "true", "true"),
            ('w="ab"', "false", "false"),
            ('w<"b"', "true", "true"),
            ("w=5", "false", "false"),
        ],
        *[("w!=5", "true", "true"), ("w>5", "true", "null"), ('w<="Ab"', "true", "true"), ('w>=""', "true", "true")],
        # Blanks around digits do not make a number.
        *[('b="404"', "false", "false"), ("b=404", "false", "false")],
    ],
)
def test_comparisons(test: str, as_text: str, as_numbers: str) -> None:
    fields = {"x": "404", "y": "5", "w": "Ab", "b": " 404"}
    assert (truth(test, TEXT, fields), truth(test, NUMBERS, fields)) == (as_text, as_numbers)


def test_several_values_in_a_comparison_are_open() -> None:
    for test in ('m="a"', 'm="b"', 'in(m,"b")', 'match(m,"^b")', 'm LIKE "b%"', 'cidrmatch("10.0.0.0/8",ip)'):
        fields: Fields = {"m": ("a", "b"), "ip": ("1.1.1.1", "10.1.1.1")}
        assert (truth(test, TEXT, fields), truth(test, NUMBERS, fields)) == ("true", "null")
    assert (truth('m="c"', TEXT, m=("a", "b")), truth('m="c"', NUMBERS, m=("a", "b"))) == ("false", "null")


def test_names_of_fields_are_case_sensitive() -> None:
    assert value("a", A="x") is None
    assert value("'a b'", given={"a b": "x"}) == "x"


# --- eval: operators ---


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        *[("1+2*3", 7), ("(1+2)*3", 9), ("7-2-1", 4), ("7%3", 1), ("-7%3", -1), ("7/2", 3.5), ("-a", -5), ("a-1", 4)],
        *[("1/0", None), ("1%0", None), ("n+1", None), ("a*n", None), ('"x"-1', None), ("7.5-7", 0.5)],
        *[
            ('a."x"', "5x"),
            ("a.b", "56"),
            ('n."x"', None),
            ('1.5."x"', "1.5x"),
            ('(1+1)."x"', "2x"),
            ('(7/2).""', "3.5"),
        ],
        *[('(10/5).""', "2"), ('(1000000*1000000).""', "1000000000000"), ('(1/3).""', "0.3333333333333333")],
        *[("a+1", 6), ("floor(7/2)", 3), ("9007199254740993-1", 9007199254740992)],
    ],
)
def test_operators(expression: str, expected: object) -> None:
    both(expression, expected, a="5", b="6")


def test_plus_of_texts_is_open() -> None:
    assert (value('a+"6"', TEXT, a="5"), value('a+"6"', NUMBERS, a="5")) == ("56", 11)
    assert (value('"x"+a', TEXT, a="5"), value('"x"+a', NUMBERS, a="5")) == ("x5", "x5")
    assert (value('"x"+5', TEXT), value('"x"+5', NUMBERS)) == ("x5", None)


@pytest.mark.parametrize(("factor", "rounded"), [("0.2", 2), ("0.20", 1.7), ("0.200", 1.65)])
def test_rounding_is_the_manuals_table_or_none(factor: str, rounded: float) -> None:
    """eval, Rounding: 8.250 * 0.2 is 2, * 0.20 is 1.7, * 0.200 is 1.65."""
    assert value(f"8.250*{factor}") == rounded
    assert value(f"x*{factor}", x="8.250") == rounded
    assert value(f"8.250*{factor}", NUMBERS) == pytest.approx(1.65)
    assert (value("0.8*55", TEXT), value("0.8*55", NUMBERS)) == (40, 44)
    assert (value("7/2", TEXT), value("8*55", TEXT)) == (3.5, 440)  # whole numbers are exact


def test_eval_goes_from_left_to_right_and_null_clears() -> None:
    (row,) = run("index=* | eval a=1, b=a+1, a=b+1, c=null() | table a b c", [event(c="x")])
    assert row == {"a": 3, "b": 2}


def test_values_that_nothing_is_said_about_are_refused() -> None:
    many: Fields = {"m": ("a", "b")}
    for expression in ('m."x"', "m+1", "m*2", "-m", "len(m)", 'replace(m,"a","b")', "substr(m,1)", 'spath(m,"a")'):
        with pytest.raises(UnsupportedError, match="line 1, column"):
            value(expression, given=many)
    for expression in ("trim(m)", "tonumber(m)", "tostring(m)", 'strftime(m,"%Y")', 'split(m,"a")', "substr(a,1,-1)"):
        with pytest.raises(UnsupportedError):
            value(expression, given=many, a="x")


# --- eval: Comparison and Conditional functions ---


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        *[
            ('if(a="5","y","z")', "y"),
            ('if(a="6","y","z")', "z"),
            ('if(n="6","y","z")', "z"),
            ("if(a=5,null(),1)", None),
        ],
        *[('case(a=4,"x",a=5,"y",true(),"z")', "y"), ('case(a=4,"x")', None), ('case(n=1,"x",true(),"z")', "z")],
        *[("coalesce(n,a)", "5"), ('coalesce(n,"")', ""), ("coalesce(n,null())", None), ("coalesce(a,n)", "5")],
        *[('nullif(a,"5")', None), ('nullif(a,"6")', "5"), ('nullif(n,"6")', None), ("nullif(a,n)", "5")],
        ("null()", None),
    ],
)
def test_conditional_functions(expression: str, expected: object) -> None:
    both(expression, expected, a="5")


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        *[('in(s,"404","500")', "true"), ('in(s,"40*")', "false"), ('s in("404")', "true"), ('"404" IN (s,t)', "true")],
        *[('in(s,"400",n)', "null"), ('in(s,"404",n)', "true"), ('in(w,"ABC")', "false")],
        # like: % for any number of characters, _ for one, all of the text, with its case.
        *[('like(w,"a%")', "true"), ('like(w,"%c")', "true"), ('like(w,"a_c")', "true"), ('like(w,"b")', "false")],
        *[('like(w,"A%")', "false"), ('w LIKE "abc"', "true"), ('like(l,"a%b")', "true"), ('like(w,"a.c")', "false")],
        # match: anywhere in the text, PCRE, with its case.
        *[
            ('match(w,"b")', "true"),
            ('match(w,"^b")', "false"),
            ('match(w,"B")', "false"),
            ('match(w,"(?i)B")', "true"),
        ],
        *[('match(d,"^\\d{3}$")', "true"), ('match(e,"x$")', "true"), ('match(e,"x\\z")', "false")],
        *[('match(q,"^\\"yes\\"$")', "true"), ('match(w,"^a(?=bc)")', "true"), ('match(s,"^4")', "true")],
        *[('cidrmatch("123.132.32.0/25",ip)', "true"), ('cidrmatch("123.132.33.0/25",ip)', "false")],
        *[
            ('cidrmatch("2001:db8:ffff:ffff:ffff:ffff:ffff:ff00/120",six)', "true"),
            ('cidrmatch("10.0.0.0/8",w)', "false"),
        ],
        *[('cidrmatch("10.0.0.0/8",six)', "false"), ('cidrmatch("10.0.0.0/8",n)', "null")],
    ],
)
def test_tests(test: str, expected: str) -> None:
    fields: dict[str, str] = {"s": "404", "t": "1", "w": "abc", "l": "a\nb", "d": "123", "e": "x\n", "q": '"yes"'}
    fields |= {"ip": "123.132.32.5", "six": "2001:db8:ffff:ffff:ffff:ffff:ffff:ff99"}
    assert [truth(test, reading, fields) for reading in Reading] == [expected, expected]


# --- eval: Text functions ---


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        *[('len("abc")', 3), ('len("")', 0), ('len("äö")', 2), ("len(n)", None), ("len(12345)", 5)],
        *[('lower("AbC")', "abc"), ('upper("AbC")', "ABC"), ("lower(n)", None), ("lower(m)", ("a", "b"))],
        # The manual's examples trim " ZZZZabcZZ " of " Z".
        *[('trim(" ZZZZabcZZ "," Z")', "abc"), ('ltrim(" ZZZZabcZZ "," Z")', "abcZZ ")],
        *[('rtrim(" ZZZZabcZZ "," Z")', " ZZZZabc"), ("trim(t)", "x\n"), ('trim("  x ")', "x")],
        # substr: from 1, negative from the end, as in SQLite.
        *[('substr("string",1,3)', "str"), ('substr("string",-3)', "ing"), ('substr("string",3)', "ring")],
        *[('substr("abc",1,19)', "abc"), ('substr("",1,19)', ""), ('substr("abc",4)', ""), ('substr("abc",-5,3)', "a")],
        *[('substr("abc",0,2)', "a"), ('substr("abc",0)', "abc"), ('substr("abc",-5)', "abc"), ("substr(n,1)", None)],
        *[('substr("abcdef","2",3)', "bcd"), ('substr("abc",2,0)', "")],
        # replace: the manual's example turns month and day round; every occurrence.
        *[
            ('replace("1/14/2023","^(\\d{1,2})/(\\d{1,2})/","\\2/\\1/")', "14/1/2023"),
            ('replace("aXbX","X","-")', "a-b-"),
        ],
        *[('replace("abc","(x)?b","[\\1]")', "a[]c"), ('replace("abc","b","<\\0>")', "a<b>c")],
        *[
            ('replace("ab","b","\\\\\\\\")', "a\\"),
            ('replace("ab","b","\\d")', "a\\d"),
            ('replace("abc","B","x")', "abc"),
        ],
        *[('replace("a.b",".","x")', "xxx"), ('replace("a.b","[.]","x")', "axb"), ('replace(n,"a","b")', None)],
        *[('replace(" x ","^[ \\t\\r\\n]+|[ \\t\\r\\n]+\\z","")', "x"), ('replace("a;b","(?s);.*\\z","")', "a")],
        *[('split("a|b|c","|")', ("a", "b", "c")), ('split("a","|")', "a"), ('split("a||b","|")', ("a", "", "b"))],
        *[('split("","|")', ""), ('split(n,"|")', None)],
    ],
)
def test_text_functions(expression: str, expected: object) -> None:
    both(expression, expected, m=("A", "B"), t=" \tx\n")


# --- eval: Multivalue functions ---


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        *[
            ("mvcount(m)", 3),
            ("mvcount(s)", 1),
            ("mvcount(n)", None),
            ('mvjoin(m,";")', "b;a;b"),
            ('mvjoin(s,";")', "x"),
        ],
        *[("mvindex(m,0)", "b"), ("mvindex(m,-1)", "b"), ("mvindex(m,1,2)", ("a", "b")), ("mvindex(m,3)", None)],
        *[("mvindex(m,0,5)", None), ("mvindex(m,2,1)", None), ("mvindex(s,0)", "x"), ("mvindex(n,0)", None)],
        *[("mvindex(m,-3,-2)", ("b", "a")), ("mvindex(m,-4)", None)],
        *[("mvsort(m)", ("a", "b", "b")), ("mvsort(d)", ("10", "100", "70", "9")), ("mvsort(n)", None)],
        *[("mvdedup(m)", ("b", "a")), ("mvdedup(s)", "x"), ("mvappend(s,m,n)", ("x", "b", "a", "b"))],
        *[("mvappend(n)", None), ("mvappend(n,s)", "x"), ("mvappend(1,2)", ("1", "2"))],
        *[('mvfilter(match(m,"a"))', "a"), ('mvfilter(m="c")', None), ("mvfilter(len(m)>0)", ("b", "a", "b"))],
        *[
            ("mvfilter(isnotnull(n))", None),
            ('mvfilter(s="x")', "x"),
            ('mvfilter(match(m,"a") OR m="b")', ("b", "a", "b")),
        ],
        # mvmap: the field stands for each value, other fields for themselves; null results are no values.
        *[
            ("mvmap(m,m.s)", ("bx", "ax", "bx")),
            ("mvmap(s,s.s)", "xx"),
            ("mvmap(n,1)", None),
            ("mvmap(d,d*2)", ("20", "18", "140", "200")),
        ],
        *[
            ('mvmap(m,if(m="a",m,null()))', "a"),
            ('mvmap(m,if(m="c",m,null()))', None),
            ("mvmap(mvindex(m,0,1),m.s)", ("bx", "ax")),
        ],
        *[('mvmap(m,split("p|q","|"))', ("p", "q") * 3)],
        # mvrange: the end is not included; the manual's examples.
        *[("mvrange(1,11,2)", ("1", "3", "5", "7", "9")), ("mvrange(1,6)", ("1", "2", "3", "4", "5"))],
        *[("mvrange(1,2)", "1"), ("mvrange(1,1)", None), ("mvrange(3,0,-1)", ("3", "2", "1"))],
        *[('mvrange(1514834731,1516044131,"7d")', ("1514834731", "1515439531")), ("mvrange(n,1)", None)],
        *[('mvfind(m,"a")', 1), ('mvfind(m,"^c")', None), ('mvfind(s,"x")', 0)],
    ],
)
def test_multivalue_functions(expression: str, expected: object) -> None:
    both(expression, expected, m=("b", "a", "b"), s="x", d=("10", "9", "70", "100"))


def test_regular_expressions_are_pcre_with_its_limit() -> None:
    assert truth(r'match(x,"^.$")', x="ä") == "true"
    assert truth(r'match(x,"^\w$")', x="ä") == "false"
    assert truth(r'match(x,"(?i)^Ä$")', x="ä") == "true"
    for expression in ('if(match(x,"^(a+)+$"),1,0)', 'replace(x,"^(a+)+$","")', 'if(match("a",y),1,0)'):
        with pytest.raises(UnsupportedError, match="regular expression"):
            value(expression, x="a" * 40 + "b", y="(")


def test_mvmap_leaves_the_field_as_it_was() -> None:
    (row,) = run('index=* | eval r=mvmap(m,m."x"), q=mvfilter(m="a") | table m r q n', [event(m=("a", "b"))])
    assert row == {"m": ("a", "b"), "r": ("ax", "bx"), "q": "a"}
    assert run("index=* | eval r=mvmap(n,1) | table n", [event()]) == [{}]


# --- eval: numbers and times ---


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        *[('tonumber("0A4",16)', 164), ("tonumber(t)", 12), ("tonumber(b)", None), ("tonumber(w)", None)],
        *[('tonumber("1.5")', 1.5), ("tonumber(7)", 7), ("tonumber(w,16)", 10), ('tonumber("zz",36)', 1295)],
        *[('tonumber("g",16)', None), ('tonumber("",16)', None), ("tonumber(n)", None), ('tonumber("-3")', -3)],
        *[
            ("tostring(1+0.5)", "1.5"),
            ("tostring(true())", "True"),
            ("tostring(1=2)", "False"),
            ("tostring(n=1)", None),
        ],
        *[('tostring("x")', "x"), ("floor(1.7)", 1), ("floor(-1.2)", -2), ("ceil(1.2)", 2), ("ceiling(-1.2)", -1)],
        *[("tostring(9999999999999999*2)", "20000000000000000"), ("tostring(1/100000)", "0.00001")],
        *[("abs(-3)", 3), ("abs(t)", 12), ("abs(w)", None), ("floor(n)", None)],
        *[
            ("round(2.5)", 3),
            ("round(-2.5)", -3),
            ("round(2.555,2)", 2.56),
            ("round(3.5,0)", 4),
            ("round(1234,-2)", 1200),
        ],
        *[
            ("min(3,1,2)", 1),
            ("max(3,1,2)", 3),
            ('max(1,3,"foo")', "foo"),
            ('min(3,"maria")', 3),
            ('max("baz","foo")', "foo"),
        ],
        *[("max(m)", "9"), ("now()", 1772467200), ("time()", 1772467200)],
    ],
)
def test_numbers(expression: str, expected: object) -> None:
    both(expression, expected, t="12", b=" 12", w="a", m=("3", "9", "5"))


def test_min_and_max_of_texts_and_nulls_are_open() -> None:
    assert (value('min("10","9")'), value('min("10","9")', NUMBERS)) == ("10", "9")
    assert (value("max(1,n)"), value("max(1,n)", NUMBERS)) == (None, 1)
    assert (value("max(n)"), value("max(n)", NUMBERS)) == (None, None)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        *[('strptime("2026-03-02T16:00:00+0000","%Y-%m-%dT%H:%M:%S%z")', 1772467200), ('strptime(n,"%F")', None)],
        *[('strptime("2026-03-02T18:00:00+0200","%Y-%m-%dT%H:%M:%S%z")', 1772467200)],
        *[('strptime("2026-03-02 16:00:00","%F %T")', 1772467200), ('strptime("2026-13-02","%F")', None)],
        *[('strptime("2026-02-30","%F")', None), ('strptime("x","%F")', None), ('strptime("+0000","%F%z")', None)],
        *[
            ('strptime("2026-03-02 16:00:00.250","%F %T.%3N")', 1772467200.25),
            ('strptime("1772467200","%s")', 1772467200),
        ],
        *[('strftime(1772467200,"%F %T %z")', "2026-03-02 16:00:00 +0000"), ('strftime(n,"%F")', None)],
        *[
            ('strftime("1772467200.5","%Y%m%d %H:%M:%S.%3N %%")', "20260302 16:00:00.500 %"),
            ('strftime("x","%F")', None),
        ],
        *[('relative_time(now(),"-1d@d")', 1772323200), ('relative_time(now(),"@h")', 1772467200)],
        *[('relative_time(now(),"+5m")', 1772467500), ('relative_time(now(),"-7d@w0")', 1771718400)],
        *[('relative_time(now(),"@d+2h")', 1772416800), ('relative_time(now(),"@w1")', 1772409600)],
    ],
)
def test_times(expression: str, expected: object) -> None:
    both(expression, expected)


def test_a_time_as_text_is_open() -> None:
    """Results of strptime are often seen with six decimals; the manual does not say so."""
    made = 'strptime("2026-03-02","%F")'
    assert (value(f'{made}."|"'), value(f'{made}."|"', NUMBERS)) == ("1772409600.000000|", "1772409600|")
    both(f'({made}+1)."|"', "1772409601|")
    assert (value('strptime("2026-03-02x","%F")'), value('strptime("2026-03-02x","%F")', NUMBERS)) == (1772409600, None)
    rows = run(f"index=* | eval t={made} | stats min(t) AS m by t", [event()])
    assert rows == [{"t": "1772409600.000000", "m": 1772409600.0}]


# --- spath ---


RAW = json.dumps(
    {
        "a": {"b": "x", "n": None, "t": True, "f": False, "e": "", "o": {"k": "v v", "é": 1}, "B": "upper"},
        "l": [1, 2, 3],
        "p": [{"Name": "N1", "Value": "V1"}, {"Name": "N2", "Value": {"d": [1.0]}}, {"Other": 1}],
        "deep": [{"i": [{"j": 1}, {"j": 2}]}, {"i": [{"j": 3}]}],
        "empty": [],
        "s": '{"inner":"y"}',
    }
)
NUMBERED = '{"i":12345678901234567890,"d":1.50,"e":1e3,"z":-0.0,"dup":1,"dup":"two"}'


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        *[
            ("a.b", "x"),
            ("a.B", "upper"),
            ("A.b", None),
            ("a.x", None),
            ("a.t", "true"),
            ("a.f", "false"),
            ("s", '{"inner":"y"}'),
        ],
        *[("l{}", ("1", "2", "3")), ("l{0}", "1"), ("l{2}", "3"), ("l{3}", None), ("l", "[1,2,3]"), ("l.x", None)],
        *[
            ("p{}.Name", ("N1", "N2")),
            ("p{1}.Value.d{}", "1.0"),
            ("p{}.Value", ("V1", '{"d":[1.0]}')),
            ("p.Name", None),
        ],
        *[("deep{}.i{}.j", ("1", "2", "3")), ("deep{}.i{0}.j", ("1", "3")), ("empty{}", None), ("empty", "[]")],
        *[
            ("a.o", '{"k":"v v","é":1}'),
            ("a.b.c", None),
            ("p{}", ('{"Name":"N1","Value":"V1"}', '{"Name":"N2","Value":{"d":[1.0]}}', '{"Other":1}')),
        ],
    ],
)
def test_spath(path: str, expected: object) -> None:
    """spath: keys with their case; {} is all elements, {0} the first; nested values are JSON text."""
    assert [value(f'spath(_raw,"{path}")', reading, RAW) for reading in Reading] == [expected, expected]


@pytest.mark.parametrize(
    ("path", "as_text", "as_numbers"),
    [("a.n", "null", None), ("a.e", "", None), ("dup", ("1", "two"), "two")],
)
def test_what_spath_leaves_open(path: str, as_text: object, as_numbers: object) -> None:
    raw = NUMBERED if path == "dup" else RAW
    assert value(f'spath(_raw,"{path}")', TEXT, raw) == as_text
    assert value(f'spath(_raw,"{path}")', NUMBERS, raw) == as_numbers


def test_numbers_come_out_as_they_are_written() -> None:
    for path, expected in (("i", "12345678901234567890"), ("d", "1.50"), ("e", "1e3"), ("z", "-0.0")):
        assert value(f'spath(_raw,"{path}")', raw=NUMBERED) == expected


def test_spath_of_fields_and_of_what_is_no_json() -> None:
    both('spath(spath(x,"a"),"b")', "y", x='{"a":{"b":"y"}}')
    both('spath(x,"b")', None, x='{"a":1,')
    both('spath(x,"a")', None, x="a=1")
    both('spath(x,"a")', None, x='{"a":NaN}')
    both('spath(n,"a")', None)
    both("spath(x,p)", "1", x='{"a":{"b":1}}', p="a.b")
    both("spath(x,p)", None, x='{"a":1}', p="a..b")
    both('spath(x,"{}.a")', ("1", "2"), x='[{"a":1},{"a":2}]')
    both('mvmap(l,spath(l,"Name"))', ("N1", "N2"), l=('{"Name":"N1"}', '{"x":1}', '{"Name":"N2"}'))


# --- search ---


MAILS = [
    event(NOW - 30, a="Alpha", n="10", m=("x", "y"), i="1", ip="10.0.0.9"),
    event(NOW - 20, a="alphabet", n="9", i="2"),
    event(NOW - 10, a="beta", n="1.0", i="3", ip="2001:db8::1"),
    event(NOW - 5, n="z", i="4"),
    event(NOW - 1, index="_internal", i="5"),
]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        # Newest first; a wildcard does not reach internal indexes.
        *[("index=*", "4321"), ("index=_*", "5"), ("index=main", "4321"), ("i=*", "4321"), ("INDEX=main", "")],
        # Values without regard to case, with wildcards, also in quotation marks; names of fields with their case.
        *[("a=alpha", "1"), ('a="ALPHA*"', "21"), ("a=*a*", "321"), ("A=alpha", ""), ("a=*", "321"), ('a="*bet"', "2")],
        # "=" and "!=" compare texts: "1" does not match "1.0". The others compare two numbers as numbers.
        *[("n=1", ""), ("n=1.0", "3"), ("n>9", "41"), ("n>=9", "421"), ("n<10", "32"), ("n<=10", "321"), ("n>a", "4")],
        # != wants the field to be there, NOT does not.
        *[
            ("a!=alpha", "32"),
            ("NOT a=alpha", "432"),
            ("NOT a=*", "4"),
            ("m=y", "1"),
            ("m!=y", "1"),
            ("NOT m=y", "432"),
        ],
        *[("a IN (alpha, beta)", "31"), ('a IN ("alpha*")', "21"), ("NOT a IN (alpha*)", "43")],
        # OR before AND, which is understood.
        *[("i=1 OR i=2 n=9", "2"), ("(i=1) OR (i=2 n=10)", "1"), ("i=1 OR i=2 AND n=10", "1"), ("NOT i=1 i=2", "2")],
        *[("ip=10.0.0.0/8", "1"), ("ip=2001:db8::/32", "3"), ('a="al\\"p"', ""), ("i=1 AND a=alpha", "1")],
        # Times: earliest is included, latest is not.
        *[("index=* earliest=-20s", "432"), ("index=* latest=-10s", "21"), ("index=* earliest=-20s latest=-5s", "32")],
        *[
            ("index=* _index_earliest=+50s", "43"),
            ("index=* _index_latest=+50s", "21"),
            ("index=* earliest=1772467170", "4321"),
        ],
        *[("index=* earliest=-1m@m latest=now", "4321"), ("index=* earliest=now", "")],
    ],
)
def test_search(condition: str, expected: str) -> None:
    for reading in Reading:
        assert "".join(str(row["i"]) for row in run(condition, MAILS, reading=reading)) == expected
        assert "".join(str(row["i"]) for row in run(f"search {condition}", MAILS, reading=reading)) == expected


def test_search_later_in_the_pipeline_sees_computed_fields() -> None:
    rows = run('index=* | eval k=a."!" | search k="BETA!" OR k="alpha!"', MAILS)
    assert column(rows, "i") == ["3", "1"]
    assert run("| makeresults | search x=1") == []


def test_earliest_alone_ends_now() -> None:
    events = [event(NOW - 5, i="past"), event(NOW + 5, i="future")]
    assert column(run("index=* earliest=-1h", events), "i") == ["past"]
    assert column(run("index=* earliest=-1h latest=+1h", events), "i") == ["future", "past"]
    assert column(run("index=*", events), "i") == ["future", "past"]


def test_an_event_has_its_fields_and_the_internal_ones() -> None:
    (row,) = run("index=*", [SplunkEvent("raw", 10.0, 20.5, {"index": "main", "m": ("a", "b")})])
    assert row == {"index": "main", "m": ("a", "b"), "_raw": "raw", "_time": 10, "_indextime": 20.5}


def test_events_of_one_second_come_in_either_order() -> None:
    events = [event(i="1"), event(i="2"), event(NOW + 1, i="3")]
    assert column(run("index=*", events), "i") == ["3", "1", "2"]
    assert column(run("index=*", events, reading=NUMBERS), "i") == ["3", "2", "1"]


def test_a_search_can_run_again() -> None:
    splunk = Splunk(MAILS, {}, now=NOW)
    search = parse("index=* | eval i=1 | stats count")
    assert splunk.run(search) == splunk.run(search) == [{"count": 4}]
    assert len(splunk.run(parse("index=* i=1"))) == 1


# --- fields, table, rename, mvexpand, dedup, sort ---


def test_fields_keep_raw_and_time_unless_removed_by_name() -> None:
    (row,) = run("index=* | fields a", [event(a="1", b="2", raw="r")])
    assert row == {"a": "1", "_raw": "r", "_time": 1772467200}
    assert run("index=* | fields a | fields - _raw", [event(a="1")]) == [{"a": "1", "_time": 1772467200}]
    assert run("index=* | fields + a | fields - _*", [event(a="1")]) == [{"a": "1"}]
    assert run("index=* | fields a* | fields - ab, _time _raw", [event(aa="1", ab="2", b="3")]) == [{"aa": "1"}]


def test_table_keeps_exactly_its_fields_in_order() -> None:
    (row,) = run("index=* | table b a x", [event(a="1", b="2")])
    assert list(row.items()) == [("b", "2"), ("a", "1")]
    assert run("index=* | table a*", [event(ab="1", ac="2", b="3")]) == [{"ab": "1", "ac": "2"}]


def test_rename_of_a_missing_field_removes_the_one_that_has_the_name() -> None:
    """rename, Renaming a field that does not exist."""
    assert run("index=* | rename a AS b | table a b", [event(a="1", b="2")]) == [{"b": "1"}]
    assert run("index=* | rename x AS b | table b", [event(b="2")]) == [{}]
    assert run("index=* | rename x AS y | table b", [event(b="2")]) == [{"b": "2"}]


def test_mvexpand_makes_a_row_for_each_value_and_keeps_what_has_none() -> None:
    events = [event(NOW, m=("a", "b"), i="1"), event(NOW - 1, m="c", i="2"), event(NOW - 2, i="3")]
    rows = run("index=* | mvexpand m | table m i", events)
    assert rows == [{"m": "a", "i": "1"}, {"m": "b", "i": "1"}, {"m": "c", "i": "2"}, {"i": "3"}]
    assert column(run("index=* | mvexpand m limit=1", events), "m") == ["a", "c", None]


def test_dedup_keeps_the_first_and_drops_rows_that_lack_the_field() -> None:
    keys: list[Fields] = [{"k": "a"}, {"k": "b"}, {"k": "a"}, {}, {"k": "A"}]
    events = [event(NOW - n, "", fields, i=str(n)) for n, fields in enumerate(keys)]
    assert column(run("index=* | dedup k", events), "i") == ["0", "1", "4"]
    assert column(run("index=* | dedup 2 k", events), "i") == ["0", "1", "2", "4"]
    assert column(run("index=* | dedup k keepempty=t", events), "i") == ["0", "1", "3", "4"]
    assert column(run("index=* | dedup consecutive=t k", events), "i") == ["0", "1", "2", "4"]
    assert column(run("index=* | dedup k i", events), "i") == ["0", "1", "2", "4"]
    many = [event(NOW, m=("a", "b"), i="0"), event(NOW - 1, m="a", i="1"), event(NOW - 2, m=("a", "b"), i="2")]
    assert column(run("index=* | dedup m", many), "i") == ["0", "1"]


def _sorted(by: str, values: Sequence[str | None], reading: Reading = TEXT) -> list[Value | None]:
    events = [event(NOW - n, "", {} if v is None else {"v": v}) for n, v in enumerate(values)]
    return column(run(f"index=* | sort 0 {by}", events, reading=reading), "v")


def test_sort_orders_numbers_as_numbers_and_texts_as_texts() -> None:
    """sort: what lacks the field is smallest in descending and largest in ascending order, so it is last in both."""
    for reading in Reading:
        assert _sorted("v", ["10", "9", None, "100"], reading) == ["9", "10", "100", None]
        assert _sorted("-v", ["10", "9", None, "100"], reading) == ["100", "10", "9", None]
        assert _sorted("v", ["b", "B", "a", "10"], reading) == ["10", "B", "a", "b"]
        assert _sorted("-v", ["9.1.a", "10.1.a"], reading) == ["9.1.a", "10.1.a"]
        assert _sorted("-v", ["9.1", "10.1"], reading) == ["10.1", "9.1"]
        assert _sorted("v", ["10.0.0.9", "9.0.0.9"], reading) == ["9.0.0.9", "10.0.0.9"]
        assert _sorted("str(v)", ["10", "9", "100"], reading) == ["10", "100", "9"]
        assert _sorted("num(v)", ["10", "9", "x"], reading) == ["9", "10", "x"]


def test_sort_by_several_fields_and_ties() -> None:
    rows = [("a", "2"), ("b", "1"), ("a", "1"), ("b", "1")]
    events = [event(NOW - n, k=k, v=v, i=str(n)) for n, (k, v) in enumerate(rows)]
    assert column(run("index=* | sort 0 k, -v", events), "i") == ["0", "2", "1", "3"]
    assert column(run("index=* | sort 0 k, -v", events, reading=NUMBERS), "i") == ["0", "2", "3", "1"]
    assert column(run("index=* | sort 0 _time", events), "i") == ["3", "2", "1", "0"]


def test_sort_keeps_ten_thousand_rows_and_says_so() -> None:
    splunk = Splunk([], {}, now=NOW)
    assert len(splunk.run(parse("| makeresults count=10001 | sort _time"))) == 10_000
    assert splunk.cuts == ["line 1, column 29: sort kept 10000 of 10001 rows"]
    assert len(splunk.run(parse("| makeresults count=10001 | sort 0 _time"))) == 10_001
    assert splunk.cuts == []
    assert len(splunk.run(parse("| makeresults count=3 | sort 2 _time"))) == 2


def test_sort_by_several_values_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="sort"):
        run("index=* | sort m", [event(m=("a", "b"))])


# --- stats, eventstats ---


SALES = [
    event(NOW - 0, k="a", v="10", w="x"),
    event(NOW - 1, k="b", v="9", w="Y", m=("p", "q")),
    event(NOW - 2, k="a", v="oops", w="x"),
    event(NOW - 3, v="1", w="z"),
    event(NOW - 4, k="a", v="2.5"),
]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        *[("count", 5), ("count(k)", 4), ("count(m)", 2), ('count(eval(k="a"))', 3), ("count(eval(n))", 0)],
        # Alphabetic values are treated like null values.
        *[("sum(v)", 22.5), ("avg(v)", 5.625), ("sum(w)", None), ("sum(n)", None), ("sum(eval(v*2))", 45)],
        *[("dc(w)", 3), ("distinct_count(k)", 2), ("dc(n)", 0), ("values(w)", ("Y", "x", "z")), ("values(n)", None)],
        *[("values(m)", ("p", "q")), ("list(k)", ("a", "b", "a", "a")), ("values(v)", ("1", "10", "2.5", "9", "oops"))],
        *[("first(v)", "10"), ("last(v)", "2.5"), ("first(m)", "p"), ("first(n)", None), ("last(w)", "z")],
        *[("earliest(v)", "2.5"), ("latest(v)", "10"), ("earliest(w)", "z"), ("min(w)", "Y"), ("max(w)", "z")],
        *[("min(eval(tonumber(v)))", 1), ("max(eval(tonumber(v)))", 10), ("min(n)", None), ("max(_time)", 1772467200)],
    ],
)
def test_statistics(function: str, expected: object) -> None:
    for reading in Reading:
        (row,) = run(f"index=* | stats {function} AS r", SALES, reading=reading)
        assert row.get("r") == expected


def test_min_and_max_over_numbers_and_texts_are_open() -> None:
    (as_text,) = run("index=* | stats min(v) max(v)", SALES)
    (as_numbers,) = run("index=* | stats min(v) max(v)", SALES, reading=NUMBERS)
    assert as_text == {"min(v)": "1", "max(v)": "oops"}
    assert as_numbers == {"min(v)": 1, "max(v)": "oops"}
    numbers = [event(n=one) for one in ("10", "9", "100")]
    assert run("index=* | stats min(n) max(n)", numbers) == [{"min(n)": 9, "max(n)": 100}]


def test_stats_by_drops_rows_with_a_null_key_and_splits_several_values() -> None:
    assert run("index=* | stats count sum(v) AS s by k", SALES) == [
        {"k": "a", "count": 3, "s": 12.5},
        {"k": "b", "count": 1, "s": 9},
    ]
    assert run("index=* | stats count by m", SALES) == [{"m": "p", "count": 1}, {"m": "q", "count": 1}]
    assert run("index=* | stats count by k w", SALES) == [
        {"k": "a", "w": "x", "count": 2},
        {"k": "b", "w": "Y", "count": 1},
    ]
    assert column(run("index=* | stats count by w", SALES, reading=NUMBERS), "w") == ["x", "Y", "z"]


def test_stats_of_nothing() -> None:
    assert run("index=* | stats count sum(x) AS s dc(y) AS d") == [{"count": 0, "d": 0}]
    assert run("index=* | stats count by a") == []


def test_list_keeps_a_hundred_values_and_says_so() -> None:
    splunk = Splunk([], {}, now=NOW)
    (row,) = splunk.run(parse("| makeresults count=101 | streamstats count AS n | stats list(n) AS l values(n) AS v"))
    assert row["l"] == tuple(str(n) for n in range(1, 101))
    assert isinstance(row["v"], tuple)
    assert (len(row["v"]), row["v"][:4]) == (101, ("1", "10", "100", "101"))
    assert splunk.cuts == ["list() kept its first 100 values"]


def test_eventstats_is_the_manuals_example() -> None:
    """eventstats, Extended example: average age by city, of four events one of which has no age."""
    search = (
        "| makeresults count=4 | streamstats count"
        " | eval age=case(count=1, 25, count=2, 39, count=3, 31, count=4, null())"
        ' | eval city=case(count=1 OR count=3, "San Francisco", count=2 OR count=4, "Seattle")'
        ' | eventstats avg(age) AS "average age by city" BY city'
    )
    rows = run(search)
    assert column(rows, "average age by city") == [28, 39, 28, 39]
    assert column(rows, "age") == [25, 39, 31, None]


def test_eventstats_keeps_all_rows_and_leaves_those_without_a_group() -> None:
    rows = run("index=* | eventstats count by k | eventstats sum(v) AS s", SALES)
    assert column(rows, "count") == [3, 1, 3, None, 3]
    assert column(rows, "s") == [22.5] * 5
    with pytest.raises(UnsupportedError, match="several values of m"):
        run("index=* | eventstats count by m", SALES)


# --- streamstats ---


STREAM = [event(NOW - n, k=k, v=str(n)) for n, k in enumerate("aabab")] + [event(NOW - 9, v="9")]


def _stream(options: str, name: str = "r", reading: Reading = TEXT) -> list[Value | None]:
    return column(run(f"index=* | streamstats {options}", STREAM, reading=reading), name)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        *[
            ("count AS r", [1, 2, 3, 4, 5, 6]),
            ("current=f count AS r", [0, 1, 2, 3, 4, 5]),
            ("sum(v) AS r", [0, 1, 3, 6, 10, 19]),
        ],
        # A row without the group passes and gets nothing.
        *[
            ("count AS r by k", [1, 2, 1, 3, 2, None]),
            ("current=f last(v) AS r by k", [None, "0", None, "1", "2", None]),
        ],
        # One window for all groups unless global=f.
        *[("window=2 count AS r", [1, 2, 2, 2, 2, 2]), ("window=2 sum(v) AS r", [0, 1, 3, 5, 7, 13])],
        *[
            ("window=2 count AS r by k", [1, 2, 1, 1, 1, None]),
            ("window=2 global=f count AS r by k", [1, 2, 1, 2, 2, None]),
        ],
        *[("window=2 global=f min(v) AS r by k", [0, 0, 2, 1, 2, None])],
        *[("current=f window=1 last(v) AS r", [None, "0", "1", "2", "3", "4"])],
        *[("current=f window=1 global=f last(v) AS r by k", [None, "0", None, "1", "2", None])],
        *[("dc(k) AS r", [1, 1, 2, 2, 2, 2]), ("max(v) AS r", [0, 1, 2, 3, 4, 9])],
    ],
)
def test_streamstats(options: str, expected: list[Value | None]) -> None:
    assert _stream(options) == expected
    assert _stream(options, reading=NUMBERS) == expected


def test_streamstats_over_time_slides_or_starts_anew() -> None:
    """The page says both: "the count field represents the number of events in the previous 5 minutes", and "reset"."""
    assert _stream("time_window=2s count AS r") == [1, 2, 3, 3, 3, 1]
    assert _stream("time_window=2s count AS r", reading=NUMBERS) == [1, 2, 1, 2, 1, 1]
    assert _stream("time_window=2s window=2 count AS r") == [1, 2, 2, 2, 2, 1]
    with pytest.raises(UnsupportedError, match="not sorted by time"):
        run("index=* | sort 0 k | streamstats time_window=2s count", STREAM)


def test_streamstats_without_a_window_sees_ten_thousand_rows_or_all() -> None:
    """The page says both: "the default of 10,000 events applies", and window 0 "means that all ... events are used"."""
    search = parse("| makeresults count=10002 | eval n=1 | streamstats sum(n) AS r | stats max(r) AS m")
    limited = Splunk([], {}, now=NOW)
    assert limited.run(search) == [{"m": 10_000}]
    assert limited.cuts == ["line 1, column 40: streamstats looked at the last 10000 of 10002 rows"]
    said = parse("| makeresults count=10002 | eval n=1 | streamstats window=0 sum(n) AS r | stats max(r) AS m")
    assert limited.run(said) == [{"m": 10_002}]
    assert limited.cuts == []
    unlimited = Splunk([], {}, now=NOW, reading=NUMBERS)
    assert unlimited.run(search) == [{"m": 10_002}]
    assert unlimited.cuts == []


# --- lookups, append, multisearch, makeresults ---


TABLE = {
    "t": [
        {"key": "a", "v": "1", "w": "x"},
        {"key": "b", "v": "2", "w": ""},
        {"key": "b", "v": "3", "w": "y"},
    ]
}


def _looked_up(clause: str, reading: Reading = TEXT, **fields: str | tuple[str, ...]) -> Row:
    (row,) = run(f"index=* | lookup t {clause} | fields - _* | fields - index", [event(given=fields)], TABLE, reading)
    return row


def test_lookup_matches_with_case_and_gives_all_matches() -> None:
    for reading in Reading:
        assert _looked_up("key AS f OUTPUT v AS r", reading, f="a") == {"f": "a", "r": "1"}
        assert _looked_up("key AS f OUTPUT v AS r", reading, f="A") == {"f": "A"}
        assert _looked_up("key AS f OUTPUT v AS r", reading, f="b") == {"f": "b", "r": ("2", "3")}
        assert _looked_up("key AS f OUTPUT v AS r", reading) == {}
        assert _looked_up("key OUTPUT key AS hit, v", reading, key="a") == {"key": "a", "hit": "a", "v": "1"}
        assert _looked_up("key AS f, v AS g OUTPUT w AS r", reading, f="b", g="3") == {"f": "b", "g": "3", "r": "y"}
        assert _looked_up("key AS f OUTPUTNEW v AS r", reading, f="a", r="old") == {"f": "a", "r": "old"}
        assert _looked_up("key AS f OUTPUTNEW v AS r", reading, f="a") == {"f": "a", "r": "1"}
        assert _looked_up("key AS f OUTPUT v AS r", reading, f="a", r="old") == {"f": "a", "r": "1"}


def test_what_lookups_leave_open() -> None:
    assert _looked_up("key AS f OUTPUT v AS r", f="zz", r="old") == {"f": "zz"}
    assert _looked_up("key AS f OUTPUT v AS r", NUMBERS, f="zz", r="old") == {"f": "zz", "r": "old"}
    assert _looked_up("key AS f OUTPUT w AS r", f="b") == {"f": "b", "r": ("", "y")}
    assert _looked_up("key AS f OUTPUT w AS r", NUMBERS, f="b") == {"f": "b", "r": "y"}
    assert column(run("| inputlookup t", lookups=TABLE), "w") == ["x", "", "y"]
    assert column(run("| inputlookup t", lookups=TABLE, reading=NUMBERS), "w") == ["x", None, "y"]


def test_a_missing_table_and_several_keys_are_refused() -> None:
    with pytest.raises(SplError, match="line 1, column 11: there is no lookup table nope"):
        run("index=* | lookup nope k AS a OUTPUT v", [event()])
    with pytest.raises(SplError, match="there is no lookup table nope"):
        run("| inputlookup nope")
    with pytest.raises(UnsupportedError, match="lookup"):
        _looked_up("key AS f OUTPUT v", f=("a", "b"))


def test_a_lookup_takes_a_hundred_matches_and_says_so() -> None:
    splunk = Splunk([event(f="a")], {"t": [{"key": "a", "v": str(n)} for n in range(101)]}, now=NOW)
    (row,) = splunk.run(parse("index=* | lookup t key AS f OUTPUT v AS r"))
    assert isinstance(row["r"], tuple)
    assert len(row["r"]) == 100
    assert splunk.cuts == ["line 1, column 11: lookup took 100 of 101 matches"]


def test_append_adds_the_rows_of_a_search_of_its_own() -> None:
    rows = run(
        "index=* | where i=1 | fields i | append [| inputlookup t | where len(key)>0 | stats count AS n]", MAILS, TABLE
    )
    assert [(row.get("i"), row.get("n")) for row in rows] == [("1", None), (None, 3)]
    assert run("index=none | append [| inputlookup t | stats count AS n]", lookups={"t": []}) == [{"n": 0}]
    assert column(run("index=none | append [search i=2 | append [search i=1]]", MAILS), "i") == ["2", "1"]


def test_append_takes_fifty_thousand_rows_and_says_so() -> None:
    splunk = Splunk([], {}, now=NOW)
    assert len(splunk.run(parse("| makeresults | append [| makeresults count=50001]"))) == 50_001
    assert splunk.cuts == ["line 1, column 17: append took 50000 of 50001 rows of its subsearch"]


def test_multisearch_interleaves_newest_first() -> None:
    text = "| multisearch [search i IN (1,3) | eval s=1] [search i IN (2,4) | fields i | eval s=2]"
    for reading in Reading:
        rows = run(text, MAILS, reading=reading)
        assert [(row["i"], row["s"]) for row in rows] == [("4", 2), ("3", 1), ("2", 2), ("1", 1)]
        assert all(not name.startswith("\0") for row in rows for name in row)


def test_multisearch_leaves_the_order_of_ties_open() -> None:
    events = [event(i="1", k="a"), event(i="2", k="a"), event(i="3", k="b")]
    text = "| multisearch [search k=a] [search k=b]"
    assert column(run(text, events), "i") == ["1", "2", "3"]
    assert column(run(text, events, reading=NUMBERS), "i") == ["3", "2", "1"]


def test_by_which_time_multisearch_interleaves_is_open() -> None:
    text = '| multisearch [search i=1 | eval _time=_time+100, m=split("a,b",",") | mvexpand m] [search i=3]'
    assert column(run(text, MAILS), "i") == ["3", "1", "1"]
    assert column(run(text, MAILS, reading=NUMBERS), "i") == ["1", "1", "3"]


def test_makeresults_makes_rows_with_the_time_of_the_search() -> None:
    assert run("| makeresults") == [{"_time": 1772467200}]
    assert run("| makeresults count=2 | eval x=1 | fields - _time") == [{"x": 1}, {"x": 1}]


# --- whole searches ---


def test_a_sliding_count_of_the_manuals_parts() -> None:
    """Three events of one key within an hour, both ends included."""
    search = (
        "index=* | sort 0 _time | streamstats window=3 global=f count AS n min(_time) AS t by k"
        " | where n=3 AND _time-t<=3600 | table k _time"
    )
    times = {"hit": (0, 1800, 3600), "slow": (0, 1800, 3601), "few": (0, 1)}
    events = [event(NOW + offset, k=key) for key, offsets in times.items() for offset in offsets]
    for reading in Reading:
        assert run(search, events, reading=reading) == [{"k": "hit", "_time": 1772470800}]


def test_a_list_that_must_not_be_empty() -> None:
    search = (
        "index=* | lookup t key AS f OUTPUT key AS listed | where isnull(listed) | eval row=f"
        " | append [| inputlookup t | where len(key)>0 | stats count AS entries] | eventstats max(entries) AS listed"
        " | eval keep=case(isnotnull(row),if(listed>0,1,0),entries=0,1,true(),0) | where keep=1 | table f entries"
    )
    for reading in Reading:
        assert run(search, [event(f="a"), event(NOW - 1, f="zz")], TABLE, reading) == [{"f": "zz"}]
        assert run(search, [event(f="zz")], {"t": [{"key": ""}]}, reading) == [{"entries": 0}]


# xyseries, search *


@pytest.mark.parametrize("reading", Reading)
def test_xyseries_makes_a_column_of_each_value_of_the_second_field(reading: Reading) -> None:
    events = [event(x="a", y="p", n="1"), event(x="a", y="q", n="2"), event(x="b", y="p", n="3"), event(x="b", y="r")]
    rows = run("index=* | xyseries x y n | sort 0 x", events, reading=reading)
    assert rows == [{"x": "a", "p": "1", "q": "2"}, {"x": "b", "p": "3"}]


def test_the_order_of_a_series_is_open() -> None:
    events = [event(NOW, x="b", y="p", n="1"), event(NOW - 1, x="a", y="p", n="2")]
    orders = [column(run("index=* | xyseries x y n", events, reading=one), "x") for one in (TEXT, NUMBERS)]
    assert orders == [["a", "b"], ["b", "a"]]


@pytest.mark.parametrize("other", [event(x="a", y="p", n="2"), event(x="a", n="2"), event(y="p", n="2")])
def test_cells_that_two_rows_want_and_rows_without_a_key_are_refused(other: SplunkEvent) -> None:
    with pytest.raises(UnsupportedError, match="line 1"):
        run("index=* | xyseries x y n", [event(x="a", y="p", n="1"), other])


def test_search_for_everything_keeps_every_row() -> None:
    assert len(run("index=* | stats count by x | search *", [event(x="a"), event(x="b"), event()])) == 2
    assert len(run("index=* | append [| makeresults | search *] | table x", [event(x="a")])) == 2
    with pytest.raises(SplError, match="unexpected"):
        parse("index=* | search * a=b")
    with pytest.raises(SplError, match="three fields"):
        parse("index=* | xyseries x x n")
