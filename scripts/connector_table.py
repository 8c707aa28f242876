"""Write docs/connectors.md: every kind of endpoint, what it takes, how, and what proves the effect.

python scripts/connector_table.py            write it
python scripts/connector_table.py --check    exit 1 when it is stale
"""

from __future__ import annotations

import sys

from generated import ROOT, keep

from triage import connectors
from triage.connectors.base import Connector
from triage.model.item import Verb

PAGE = ROOT / "docs" / "connectors.md"

_INTRODUCTION = """# Kinds of endpoints

`triage add URL` finds out which kind a server is. Each takes only what is marked here; `triage show ID` says why an
item does not take a verb. A decision is *confirmed* when the proof below was seen, and not because the server said yes.

This page is made from the connectors themselves."""


def page() -> str:
    """The whole page."""
    kinds = [connectors.load(kind) for kind in connectors.kinds()]
    verbs = list(Verb)
    rows = [
        "| kind | tested with | " + " | ".join(verbs) + " |",
        "| --- | --- |" + " :-: |" * len(verbs),
        *(_row(kind, verbs) for kind in kinds),
    ]
    return "\n\n".join([_INTRODUCTION, "\n".join(rows), *(_section(kind) for kind in kinds)]) + "\n"


def _row(kind: type[Connector], verbs: list[Verb]) -> str:
    marks = " | ".join("yes" if verb in kind.verbs else "–" for verb in verbs)
    return f"| [`{kind.kind}`](#{kind.kind}) | {kind.tested} | {marks} |"


def _section(kind: type[Connector]) -> str:
    told = (sys.modules[kind.__module__].__doc__ or "").strip().split("\n\n")[0]
    rows = [f"| {verb} | {how} |".replace("``", "`") for verb, how in kind.verbs.items()]
    table = "\n".join(["| verb | how it is carried |", "| --- | --- |", *rows])
    return f"## {kind.kind}\n\n{' '.join(told.split())}\n\n{table}\n\n**Proof.** {kind.proof}"


if __name__ == "__main__":
    sys.exit(keep({PAGE: page()}, sys.argv[1:]))
