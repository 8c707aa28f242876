"""Every run that waits, each with its form: the pages of the list, and what is read beside it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec

from triage.connectors.few_at_a_time import few_at_a_time
from triage.connectors.http import Busy, Declined, Denied, Garbled
from triage.connectors.prefect.api import PAGE, Api, FlowRun, Form, as_run

__all__ = ["Reader", "Waiting"]

_OVERLAP = 20
_STEPS_BACK = 10
_FORM_COMES_S = 10.0
"""A run can be paused a moment before its form, and that a moment before its description, is stored."""


class Waiting(msgspec.Struct, frozen=True):
    """One paused run."""

    run: FlowRun
    raw: Any
    """Its row as it came."""
    flow: str
    """Its flow's name; empty when that is no longer there."""
    form: Form | None
    """None: it takes no input."""


class _Unshown(Exception):
    """A run that cannot be shown, or not yet; the text says why, if that is worth saying."""


class Reader:
    """Reads one server. Keeps the names of flows, and forms as long as their question waits."""

    def __init__(self, api: Api, tags: Sequence[str]) -> None:
        self.api = api
        self.tags = tags
        self._flows: dict[UUID, str] = {}
        self._forms: dict[str, Form] = {}
        self._first_seen: dict[str, float] = {}

    async def all(self) -> tuple[list[Waiting], list[str]]:
        """All that waits, and what could not be read, a sentence each."""
        runs, problems = await self._listed()
        await self._learn_flows(run for run, _ in runs.values())
        forms = await self._read_forms([run for run, _ in runs.values()])
        waiting = []
        for run, raw in runs.values():
            form = forms[run.id]
            if isinstance(form, _Unshown):
                problems += [str(form)] if str(form) else []
            else:
                waiting.append(Waiting(run, raw, self._flow_of(run), form))
        return waiting, problems

    async def one(self, run: FlowRun, raw: Any) -> Waiting:
        """A run that was read by itself, with its form as it is stored now."""
        await self._learn_flows([run])
        keyset = run.state.state_details.run_input_keyset
        form = await self.api.form(str(run.id), keyset) if keyset else None
        if keyset and form is None:
            raise Garbled(f"flow run {run.name} waits for input, but its form is gone")
        return Waiting(run, raw, self._flow_of(run), form)

    async def _listed(self) -> tuple[dict[UUID, tuple[FlowRun, Any]], list[str]]:
        """Every paused run with its row. Pages overlap, so that rows that move up between two are not
        missed: a page that begins after the last row seen is asked for again, further back."""
        runs: dict[UUID, tuple[FlowRun, Any]] = {}
        problems: list[str] = []
        last, offset, steps_back = "", 0, 0
        while True:
            page = await self.api.page(self.tags, offset)
            ids = [row["id"] for row in page if _has_id(row)]
            if offset and (not ids or ids[0] < last):
                steps_back += 1
                if steps_back > _STEPS_BACK:
                    problems.append("the list of runs moves faster than it can be read; some may be missing")
                    return runs, problems
                offset = max(0, offset - PAGE)
                continue
            for row in page:
                self._take(row, runs, problems)
            if len(page) < PAGE:
                return runs, problems
            last, offset = ids[-1] if ids else last, offset + PAGE - _OVERLAP

    def _take(self, row: Any, runs: dict[UUID, tuple[FlowRun, Any]], problems: list[str]) -> None:
        try:
            run = as_run(row)
        except Garbled as error:
            problems.append(str(error))
            return
        if run.waits and set(self.tags) <= set(run.tags or ()):
            runs[run.id] = (run, row)

    async def _learn_flows(self, runs: Iterable[FlowRun]) -> None:
        """Ask for the names of flows not met before."""
        unknown = {run.flow_id for run in runs if run.flow_id} - self._flows.keys()
        if unknown:
            self._flows.update(await self.api.flow_names(sorted(unknown)))

    def _flow_of(self, run: FlowRun) -> str:
        return self._flows.get(run.flow_id, "") if run.flow_id else ""

    async def _read_forms(self, runs: Sequence[FlowRun]) -> dict[UUID, Form | _Unshown | None]:
        """The runs' forms, a few asked for at a time."""
        now = time.monotonic()
        states = {run.state.id for run in runs}
        self._forms = {state: form for state, form in self._forms.items() if state in states}
        self._first_seen = {state: self._first_seen.get(state, now) for state in states}

        async def one(run: FlowRun) -> Form | _Unshown | None:
            try:
                return await self._form(run)
            except _Unshown as why:
                return why

        return dict(zip((run.id for run in runs), await few_at_a_time(one, runs), strict=True))

    async def _form(self, run: FlowRun) -> Form | None:
        """One run's form; kept once it is sure to be whole."""
        keyset = run.state.state_details.run_input_keyset
        if keyset is None:
            return None
        if run.state.id in self._forms:
            return self._forms[run.state.id]
        try:
            form = await self.api.form(str(run.id), keyset)
        except (Denied, Busy):
            raise
        except (Declined, Garbled) as error:
            raise _Unshown(f"flow run {run.name} cannot be shown: {error}") from error
        settled = time.monotonic() - self._first_seen[run.state.id] >= _FORM_COMES_S
        if form is None:
            raise _Unshown(f"flow run {run.name} waits for input but stores no form" if settled else "")
        if form.description is not None or settled:
            self._forms[run.state.id] = form
        return form


def _has_id(row: Any) -> bool:
    try:
        return isinstance(row, dict) and bool(UUID(row["id"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
