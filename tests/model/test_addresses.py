"""A host that is not what it looks like is named, with the host it really is; honest ones are left alone."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.model.addresses import ascii_host, host_of, suspects

DECEPTIONS = {
    "Cyrillic а in a Latin name": ("see https://pаypal.com/login", "xn--pypal-4ve.com", "Cyrillic"),
    "all Cyrillic": ("https://аррӏе.com", "xn--80ak6aa92e.com", "only looks like “apple”"),
    "Greek ο": ("http://gοοgle.com:8080/a?b", "xn--ggle-0nda.com", "Greek"),
    "in a mail address": ("pay to billing@mіcrosoft.com now", "xn--mcrosoft-thh.com", "Cyrillic"),
    "alone in a sentence": ("Transfer it on раypal.com today.", "xn--ypal-43d9g.com", "Cyrillic"),
    "its ASCII form": ("https://xn--pypal-4ve.com/x", "xn--pypal-4ve.com", "may show it as pаypal.com"),
    "no valid ASCII form": ("https://xn--99999999999.com/", "xn--99999999999.com", "no valid name"),
    "a name before the @": ("https://paypal.com@evil.example/", "evil.example", "before the @"),
    "with a port before the @": ("https://paypal.com:443@evil.example:80/a", "evil.example", "before the @"),
    "a sign like a slash": ("https://paypal.com⁄login.evil.example/", "", "looks like a slash"),
    "a sign like a dot": ("https://evil。example/", "evil.example", "is a dot"),
    "wide letters": ("https://ｐａｙｐａｌ.com/", "paypal.com", "stand for other"),
    "dotless i": ("https://mıcrosoft.com/", "xn--mcrosoft-tkb.com", "“ı”"),
    "a loose mark": ("https://paypal\u0323\u0323.com", "xn--", "mark"),
    "a subdomain": ("https://www.gооgle.com/", "www.xn--ggle-55da.com", "Cyrillic"),
}
HONEST = (
    "https://example.com/path?q=a@b.c",
    "https://user:secret@example.com/",
    "mail ann@example.com, then https://münchen.example/",
    "https://пример.рф/ and https://президент.рф",
    "https://例え.jp/ https://日本語テスト.jp https://한국.kr",
    "отчёт_v2.pdf is attached; Grüße.Danke; Привет.Hello",
    "https://παράδειγμα.gr",
    "no host at all: 3.14, e.g. this… и.т.д. и т.п.",
    "https://xn--mnchen-3ya.example/",
    "",
)


@pytest.mark.parametrize(("text", "real", "why"), DECEPTIONS.values(), ids=DECEPTIONS.keys())
def test_a_deception_is_named_with_the_real_host(text: str, real: str, why: str) -> None:
    found = suspects(text)
    assert len(found) == 1
    assert real in found[0].real
    assert found[0].real.isascii()
    assert why in found[0].why
    assert found[0].written in text


@pytest.mark.parametrize("text", HONEST)
def test_honest_hosts_are_left_alone(text: str) -> None:
    assert suspects(text) == ()


def test_each_suspect_is_named_once_and_not_too_many() -> None:
    assert len(suspects("https://pаypal.com https://pаypal.com/a pаypal.com")) == 1
    many = " ".join(f"https://pаypal{number}.com" for number in range(100))
    assert len(suspects(many)) == 20


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.COM:8443/a", "example.com"),
        ("https://a@b.example/", "b.example"),
        ("//cdn.example/x.js", "cdn.example"),
        ("mailto:ann@bücher.example", "xn--bcher-kva.example"),
        ("https://evil.example\\@good.example/", "evil.example"),
        ("/relative/path", ""),
        ("#part", ""),
        ("javascript:alert(1)", ""),
    ],
)
def test_the_host_a_link_leads_to(url: str, host: str) -> None:
    assert host_of(url) == host


def test_the_ascii_form_keeps_what_is_ascii() -> None:
    assert ascii_host("WWW.Straße.example") == "www.xn--strae-oqa.example"


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    for found in (*suspects(text), *suspects(f"https://{text}"), *suspects(f"https://xn--{text}.com")):
        assert found.real.isascii()
        assert found.why


@pytest.mark.parametrize("piece", ["é", "é.", "://", "a@é", "xn--.", "é-", "://@", "。", "а.а ", "@."])
def test_hostile_text_takes_no_time(piece: str) -> None:
    text = piece * (60_000 // len(piece))
    begun = time.process_time()
    suspects(text)
    assert time.process_time() - begun < 1.5
