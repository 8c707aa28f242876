"""The deploys agent: releases, settings, migrations and scale, most with a diff to read."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from triage.demo.content.company import object_schema, said_by
from triage.demo.proposal import Act, Failed, Proposal, Template, World, action

__all__ = ["ACTS", "TEMPLATES", "WORLD"]

_TEXTS = Path(__file__).with_name("diffs")

WORLD: World = {
    "versions": {"checkout": "4.18.2", "search": "2.7.0", "storefront": "11.3.1", "stock-sync": "1.9.4"},
    "flags": {"one-page-checkout": 0, "new-search": 10},
    "replicas": {"storefront": 6, "search": 3},
    "migrations": [],
    "files": {},
    "removed": [],
}

_SERVICE = {"enum": sorted(WORLD["versions"])}
_VERSION = {"type": "string", "pattern": "^[0-9]+\\.[0-9]+\\.[0-9]+$"}
_DEPLOY = object_schema(
    "service version strategy",
    service=_SERVICE,
    version=_VERSION,
    strategy={"enum": ["rolling", "canary", "all at once"]},
    canary_percent={"type": "integer", "minimum": 1, "maximum": 50},
    diff={"type": "string"},
)


def release_checkout(chance: random.Random) -> Proposal:
    """A release that touches how totals are rounded."""
    patch = chance.randint(3, 30)

    def careful() -> Proposal:
        return Proposal(
            title=f"Release checkout 4.18.{patch} to 5 % of shops only",
            description="The release to everybody was turned down. This is the same change for 5 % of the "
            "traffic, watched for an hour.",
            actions=[
                action(
                    "deploy",
                    _DEPLOY,
                    service="checkout",
                    version=f"4.18.{patch}",
                    strategy="canary",
                    canary_percent=5,
                    diff=_text("checkout.diff"),
                )
            ],
            risk="medium",
            slow=True,
        )

    return Proposal(
        title=f"Release checkout 4.18.{patch}: totals are rounded per order, not per line",
        description="All 1,284 tests pass. The change alters what customers pay by at most one cent. "
        "Finance asked for it in March.",
        actions=[
            action(
                "deploy",
                _DEPLOY,
                service="checkout",
                version=f"4.18.{patch}",
                strategy="rolling",
                diff=_text("checkout.diff"),
            )
        ],
        risk="high",
        context=said_by(
            ("ci", f"checkout 4.18.{patch}: build green, 1,284 passed, 0 failed, 3 skipped"),
            ("agent", "The three skipped tests need the sandbox of the card provider, which is down today."),
        ),
        slow=True,
        again=careful,
    )


def release_search(chance: random.Random) -> Proposal:
    """A release with a long diff."""
    return Proposal(
        title=f"Release search 2.8.{chance.randint(0, 6)} as a canary",
        description="Typing mistakes are forgiven at up to two letters. Index size grows by 11 %.",
        actions=[
            action(
                "deploy",
                _DEPLOY,
                service="search",
                version=f"2.8.{chance.randint(0, 6)}",
                strategy="canary",
                canary_percent=10,
                diff=_text("search.diff"),
            )
        ],
        risk="medium",
        slow=True,
    )


def roll_back(chance: random.Random) -> Proposal:
    """A step back after errors rose; time presses."""
    rate = chance.choice(("3.1", "4.7", "6.2"))
    return Proposal(
        title=f"Roll storefront back to 11.3.0: errors at {rate} %",
        description=f"Since 11.3.1 went out 12 minutes ago, {rate} % of product pages answer 500 (before: "
        "0.04 %). The trace points at the new price component.",
        actions=[
            action(
                "deploy",
                _DEPLOY,
                service="storefront",
                version="11.3.0",
                strategy="all at once",
            )
        ],
        risk="high",
        deadline_s=45 * 60,
    )


def proxy_settings(chance: random.Random) -> Proposal:
    """A change of the proxy's settings."""
    return Proposal(
        title="Cache product pictures for a day at the proxy",
        description="Cuts outgoing traffic by about a third. A changed picture shows up to a day late.",
        actions=[
            action(
                "apply_patch",
                object_schema("file diff", file={"type": "string"}, diff={"type": "string"}),
                file="proxy/nginx.conf",
                diff=_text("nginx.diff"),
            )
        ],
        risk="low",
    )


def cache_settings(chance: random.Random) -> Proposal:
    """A change of settings with a number worth editing."""
    memory = chance.choice((2, 3, 4))
    return Proposal(
        title=f"Give the session cache {memory} GB",
        description="It evicted 41,000 live sessions in the last hour; people were logged out.",
        actions=[
            action(
                "apply_patch",
                object_schema("file diff", file={"type": "string"}, diff={"type": "string"}),
                file="cache/redis.conf",
                diff=_text("cache.diff").replace("SIZE", f"{memory}gb"),
            )
        ],
        risk="medium",
    )


def migrate_orders(chance: random.Random) -> Proposal:
    """A migration of the largest table."""
    rows = chance.randint(18, 24)
    return Proposal(
        title=f"Run migration 0147 on orders ({rows} million rows)",
        description="Adds an index without locking; on the copy it took 9 minutes. Cannot be "
        "undone by itself: "
        "there is a down step, but it was not tried.",
        actions=[
            action("migrate", number=147, database="orders", sql=_text("migration.sql"), timeout_s=1800)
        ],
        risk="high",
        slow=True,
    )


def more_replicas(chance: random.Random) -> Proposal:
    """More machines before a newsletter."""
    count = chance.choice((9, 10, 12))
    return Proposal(
        title=f"Scale storefront from 6 to {count} for tonight's newsletter",
        description="The last one brought 3.4 times the usual visitors for 40 minutes. About €19 a day.",
        actions=[
            action(
                "scale",
                object_schema(
                    "service replicas",
                    service=_SERVICE,
                    replicas={"type": "integer", "minimum": 1, "maximum": 20},
                ),
                service="storefront",
                replicas=count,
            )
        ],
        risk="low",
        deadline_s=chance.randint(2, 5) * 3600,
        scopes=[
            {"name": "scale-up", "description": "scale storefront between 6 and 12 replicas without asking"}
        ],
    )


def open_flag(chance: random.Random) -> Proposal:
    """A feature shown to more people."""
    percent = chance.choice((25, 50))
    return Proposal(
        title=f"Show one-page checkout to {percent} % of visitors",
        description="At 5 %: 2.1 % more orders finished (p = 0.03), no change in returns so far.",
        actions=[
            action(
                "set_flag",
                object_schema(
                    "flag percent",
                    flag={"enum": ["one-page-checkout", "new-search"]},
                    percent={"type": "integer", "minimum": 0, "maximum": 100},
                ),
                flag="one-page-checkout",
                percent=percent,
            )
        ],
        risk="medium",
    )


def remove_snapshots(chance: random.Random) -> Proposal:
    """Old backups to delete, one by one."""
    sizes = [chance.randint(80, 900) for _ in range(3)]
    names = ("orders-before-0131", "stock-2024-q1", "storefront-media-old")
    return Proposal(
        title=f"Delete 3 old snapshots, {sum(sizes)} GB",
        description="None was read in 300 days. orders-before-0131 is the only copy from before "
        "the change of "
        "tax rules, so perhaps keep that one.",
        actions=[
            action("delete_snapshot", name=name, gigabytes=size)
            for name, size in zip(names, sizes, strict=True)
        ],
        verbs=(
            "approve",
            "reject",
        ),
        risk="high",
    )


def registry_sign_in(chance: random.Random) -> Proposal:
    """Something that only a person can do, elsewhere."""
    return Proposal(
        title="Sign in to the image registry again",
        kind="external",
        description="The registry's token ran out; builds wait. Only a person can sign in, at the link. "
        "Close this once you have, or put it aside.",
        verbs=(
            "close",
            "ignore",
        ),
        url="https://registry.alder-finch.example/sign-in",
    )


def _text(name: str) -> str:
    return (_TEXTS / name).read_text(encoding="utf-8")


def _deploy(world: World, arguments: Any) -> str:
    service, version = arguments["service"], arguments["version"]
    before = world["versions"][service]
    if before == version:
        raise Failed(f"{service} {version} runs already; nothing was changed")
    world["versions"][service] = version
    return f"{service} went from {before} to {version} ({arguments['strategy']})."


def _apply_patch(world: World, arguments: Any) -> str:
    lines = arguments["diff"].splitlines()
    added = sum(row.startswith("+") and not row.startswith("+++") for row in lines)
    removed = sum(row.startswith("-") and not row.startswith("---") for row in lines)
    world["files"][arguments["file"]] = arguments["diff"]
    return f"{arguments['file']} is changed (+{added} −{removed}) and loaded."


def _migrate(world: World, arguments: Any) -> str:
    world["migrations"].append(arguments["number"])
    return f"Migration {arguments['number']:04d} ran on {arguments['database']}; the index is valid."


def _scale(world: World, arguments: Any) -> str:
    world["replicas"][arguments["service"]] = arguments["replicas"]
    return f"{arguments['service']} runs on {arguments['replicas']} replicas."


def _set_flag(world: World, arguments: Any) -> str:
    world["flags"][arguments["flag"]] = arguments["percent"]
    return f"{arguments['flag']} is shown to {arguments['percent']} % of visitors."


def _delete_snapshot(world: World, arguments: Any) -> str:
    world["removed"].append(arguments["name"])
    return f"Deleted {arguments['name']} ({arguments['gigabytes']} GB)."


TEMPLATES: tuple[Template, ...] = (
    release_checkout,
    release_search,
    roll_back,
    proxy_settings,
    cache_settings,
    migrate_orders,
    more_replicas,
    open_flag,
    remove_snapshots,
    registry_sign_in,
)
ACTS: dict[str, Act] = {
    "deploy": _deploy,
    "apply_patch": _apply_patch,
    "migrate": _migrate,
    "scale": _scale,
    "set_flag": _set_flag,
    "delete_snapshot": _delete_snapshot,
}
