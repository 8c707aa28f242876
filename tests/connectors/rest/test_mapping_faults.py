"""A mapping that cannot work is a fault of the configuration, told with its line and its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from triage import config
from triage.config import ConfigError

GOOD = """\
[endpoints.api]
kind = "rest"
url = "https://api.example"

[endpoints.api.map.list]
path = "orders"
query = { after = "{page.cursor}" }
items = "orders"
paging = "cursor"
next = "next"

[endpoints.api.map.fields]
id = "number"
title = "subject"
action = "tool"
arguments = "input"
state = "status"

[endpoints.api.map.read]
path = "orders/{item.id}"

[endpoints.api.map.verbs.approve]
path = "orders/{item.id}/yes"
body = { ref = "{decision.id}" }

[endpoints.api.map.verbs.edit]
path = "orders/{item.id}/yes"
body = { input = "{verdict.arguments}" }
idempotency_header = "Idempotency-Key"

[endpoints.api.map.proof]
state = "status"
decision = "ref"
done = { approve = ["approved"], edit = ["approved"] }
pending = ["running"]
"""


def parsed(text: str) -> list[str]:
    """The faults of a file with this text; none when it can be used."""
    try:
        config.parse(text, Path("c.toml"))
    except ConfigError as error:
        return str(error).splitlines()
    return []


def test_a_good_mapping_has_no_fault() -> None:
    assert parsed(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('title = "subject"', 'title = "subject["', "14: `endpoints.api.map.fields.title` is no JMESPath"),
        ('title = "subject"', 'titel = "subject"', "14: `titel` is no setting in [endpoints.api.map.fields]"),
        (
            'items = "orders"',
            'items = "lenght(@)"',
            "8: `endpoints.api.map.list.items` calls lenght(), which",
        ),
        (
            '"{page.cursor}"',
            '"{page.curser}"',
            "7: `endpoints.api.map.list.query` holds {page.curser}, which",
        ),
        ('"{page.cursor}"', '"x"', "9: `endpoints.api.map.list.paging` needs {page.cursor} in the request"),
        ('next = "next"', "", "9: `endpoints.api.map.list.paging` needs `next` beside it"),
        ('"cursor"', '"none"', "9: `endpoints.api.map.list.paging` is 'none', which makes no use of `next`"),
        ('"cursor"', '"pages"', "9: `endpoints.api.map.list.paging` must be one of "),
        (
            '"orders/{item.id}/yes"',
            '"orders/{item.nr}"',
            "23: `endpoints.api.map.verbs.approve.path` holds {",
        ),
        ('"orders"', '"orders?a=1"', "6: `endpoints.api.map.list.path` must end before the ?"),
        ('"orders"', '"http://x/orders"', "6: `endpoints.api.map.list.path` must be a path below"),
        ("{ after", '{ x = "{", after', "7: `endpoints.api.map.list.query` holds a lone brace"),
        ('path = "orders"', 'path = "orders"\nbody = 1', "7: `endpoints.api.map.list.body` cannot go with a"),
        ('state = "status"\n\n', "\n", "18: `endpoints.api.map.read` needs `fields.state`"),
        ('action = "tool"\n', "", "15: `endpoints.api.map.fields.arguments` needs `action` beside it"),
        ("{verdict.arguments}", "x", "26: `endpoints.api.map.verbs.edit` sends {verdict.arguments} nowhere"),
        ("verbs.edit]", "verbs.exit]", "26: `endpoints.api.map.verbs.exit` is no verb; there are approve,"),
        ('"Idempotency-Key"', '"a b"', "29: `endpoints.api.map.verbs.edit.idempotency_header` cannot name a"),
        ("approve = [", "reject = [", "34: `endpoints.api.map.proof.done` needs `approve`: the values that"),
        ("approve = [", "close = [], approve = [", "34: `endpoints.api.map.proof.done.close` has no request"),
        (
            '"{decision.id}"',
            "1",
            "33: `endpoints.api.map.proof.decision` cannot be ours: verbs.approve sends",
        ),
        (
            '["running"]',
            '["approved"]',
            '34: `endpoints.api.map.proof.done.approve` holds "approved", which pr',
        ),
        ('edit = ["approved"]', 'edit = ["pending"]', 'done.edit` holds "pending", which waiting holds too'),
        (
            'decision = "ref"',
            'path = "a/{receipt.reference}"',
            "verbs.approve` needs `reference`, which [….pr",
        ),
        (
            '[endpoints.api.map.read]\npath = "orders/{item.id}"',
            "",
            "proof` needs `path`, as there is no [….re",
        ),
        ('state = "status"\ndecision', "decision", "[endpoints.api.map.proof] needs `state`"),
        ('kind = "rest"', 'kind = "rest"\npage_size = 0', "3: `endpoints.api.page_size` must be 1 or more"),
        (
            'next = "next"',
            'next = "next"\nmethod = "PUT"',
            "11: `endpoints.api.map.list.method` must be one of GET, POST",
        ),
    ],
)
def test_a_fault_names_its_line_and_key(old: str, new: str, fault: str) -> None:
    assert old in GOOD
    found = parsed(GOOD.replace(old, new, 1))
    assert any(fault in sentence for sentence in found), found


def test_all_faults_are_told_at_once() -> None:
    spoilt = GOOD.replace('"subject"', '"a["').replace('items = "orders"', 'items = "b["')
    assert len(parsed(spoilt)) == 2


def test_no_verb_at_all_is_a_fault() -> None:
    before, _, rest = GOOD.partition("[endpoints.api.map.verbs.approve]")
    proof = rest.partition("[endpoints.api.map.proof]")[2]
    text = f"{before}[endpoints.api.map.verbs]\n[endpoints.api.map.proof]{proof}"
    assert any("`endpoints.api.map.verbs` needs a request for one verb" in fault for fault in parsed(text))
