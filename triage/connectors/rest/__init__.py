"""Connector for agents that serve triage's own contract, and for any JSON API mapped onto it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from triage.connectors.base import Connector, Match, Poll
from triage.connectors.http import Declined, Denied, Garbled, Wire
from triage.connectors.rest import contract
from triage.connectors.rest.mapped import Mapped
from triage.connectors.rest.mapping import Mapping
from triage.connectors.rest.mapping_faults import faults_of_mapping
from triage.connectors.rest.speaking import Speaking
from triage.model.decision import Decision, Outcome, Receipt
from triage.model.endpoint import EndpointConfig
from triage.model.item import Context, Gone, Item

__all__ = ["Rest", "RestConfig"]


class RestConfig(EndpointConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a ``rest`` endpoint."""

    page_size: int = 100
    """Items asked for at a time."""
    map: Mapping | None = None
    """How a JSON API other than the contract is asked and answered (``docs/mapping.md``)."""

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """What is wrong although each setting has its type."""
        if self.page_size < 1:
            yield ("page_size",), "must be 1 or more"
        if self.map is not None:
            for where, message in faults_of_mapping(self.map):
                yield ("map", *where), message


class Rest(Connector):
    """An agent that serves the contract (``docs/contract.md``), or an API that is mapped onto it."""

    kind: ClassVar[str] = "rest"
    Config: ClassVar[type[EndpointConfig]] = RestConfig
    tested: ClassVar[str] = "contract 1"
    verbs: ClassVar[dict[str, str]] = {
        verb: "POST items/{id}/decision, or the request mapped for it"
        for verb in ("approve", "edit", "reject", "respond", "ignore", "close")
    }
    proof: ClassVar[str] = (
        "The item, read again, carries our decision's id and says it is done, with its result; "
        "for a mapped API: the state that the mapping names, as its proof request shows it."
    )

    def __init__(self, config: EndpointConfig, wire: Wire) -> None:
        super().__init__(config, wire)
        mapping: Mapping | None = self.config.map
        self._speaking: Speaking | Mapped = (
            Speaking(config.name, wire, self.config.page_size)
            if mapping is None
            else Mapped(config.name, wire, mapping, self.config.page_size)
        )

    @classmethod
    async def recognise(cls, wire: Wire) -> Match | None:
        """A root document that names the contract. Raises EndpointError where the root is not to be had."""
        try:
            body = (await wire.get("")).json
        except Denied:
            raise
        except (Declined, Garbled):
            return None
        if not isinstance(body, dict) or "triage_contract" not in body:
            return None
        try:
            root = msgspec.convert(body, contract.Root)
        except msgspec.ValidationError as error:
            raise Garbled(f"the contract's root document cannot be read: {error}") from error
        spoken = root.triage_contract == contract.CONTRACT
        return Match(
            kind=cls.kind,
            version=root.version,
            detail=f"{root.name or 'an agent'}, serving the contract {root.triage_contract}",
            warning="" if spoken else f"contract {root.triage_contract} is not spoken here; 1 is",
        )

    async def about(self) -> Match:
        """What the agent says of itself; a mapped API is not asked."""
        return await super().about() if self.config.map is None else Match(self.kind, "")

    async def poll(self) -> Poll:
        return await self._speaking.poll()

    async def context(self, item: Item) -> Context:
        return await self._speaking.context(item)

    def check(self, item: Item, decision: Decision) -> list[str]:
        return self._speaking.check(item, decision)

    async def reread(self, item: Item) -> Item | Gone:
        return await self._speaking.reread(item)

    async def send(self, item: Item, decision: Decision) -> Receipt:
        return await self._speaking.send(item, decision)

    async def settle(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        return await self._speaking.settle(item, decision, receipt)
