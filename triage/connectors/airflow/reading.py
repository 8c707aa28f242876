"""Every question that waits: the pages of the list, and the item each row makes."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from triage.connectors.airflow import asking
from triage.connectors.airflow.api import PAGE, WAITING, Api, Detail, Page, as_detail, utc
from triage.connectors.http import Declined, Garbled, segment
from triage.model.item import Item, Verb

__all__ = ["item_of", "listed"]

_OVERLAP = 10
_STEPS_BACK = 10
_IGNORE = "Airflow has no way to pass over a question: answer it, or close it, which fails the DAG run."
_CLOSE = "Fails the whole DAG run, with every other task and question of it."


async def listed(api: Api) -> tuple[list[tuple[Detail, Any]], list[str]]:
    """All that waits, each with its row, and what could not be read, a sentence each.

    Pages overlap, so that rows that move up between two are not missed: a page that begins after the
    last row seen is asked for again, further back.
    """
    found: dict[tuple[Any, ...], tuple[Detail, Any]] = {}
    problems: list[str] = []
    states, page = await _first_page(api)
    last, offset, steps_back = None, 0, 0
    while True:
        times = [time for row in page.hitl_details if (time := _created_at(row))]
        if offset and (not times or (last and times[0] > last)):
            steps_back += 1
            if steps_back > _STEPS_BACK:
                problems.append("the list moves faster than it can be read; some may be missing")
                break
            offset = max(0, offset - PAGE)
        else:
            for row in page.hitl_details:
                _take(row, found, problems)
            if len(page.hitl_details) < PAGE:
                break
            last, offset = times[-1] if times else last, offset + PAGE - _OVERLAP
        page = await api.page(states, offset)
    return list(found.values()), problems


def item_of(endpoint: str, base: str, detail: Detail, row: Any, subject: str | None) -> Item:
    """A question as an item; ``subject``: who we are to the server, where that is known."""
    task, asked = detail.task_instance, asking.read(detail)
    return Item(
        endpoint=endpoint,
        key=msgspec.json.encode(_key(detail)).decode(),
        kind=asked.kind,
        title=asking.title_of(detail),
        verbs=asked.verbs,
        agent=task.dag_display_name or task.dag_id,
        description=_description(detail),
        actions=asked.actions,
        options=asked.options,
        many=asked.many,
        answer_schema=asked.answer_schema,
        created_at=_asked_at(detail),
        url=_page_of(base, detail),
        refusals={Verb.IGNORE.value: _IGNORE, **asked.refusals},
        warnings=_warnings(detail, asked.verbs, subject),
        locator={
            "dag_id": task.dag_id,
            "dag_run_id": task.dag_run_id,
            "task_id": task.task_id,
            "map_index": task.map_index,
            "ti_id": task.id,
            "try_number": task.try_number,
            "created_at": row.get("created_at"),
            **asked.locator,
        },
        raw=row,
    )


async def _first_page(api: Api) -> tuple[tuple[str, ...], Page]:
    """The first page, and the states that this server knows: before 3.3 the newer one is an error."""
    try:
        return WAITING, await api.page(WAITING, 0)
    except Declined as error:
        if error.reply.status != 422:
            raise
    return WAITING[:1], await api.page(WAITING[:1], 0)


def _take(row: Any, found: dict[tuple[Any, ...], tuple[Detail, Any]], problems: list[str]) -> None:
    try:
        detail = as_detail(row)
    except Garbled as error:
        problems.append(str(error))
        return
    if detail.asks:
        found[_key(detail)] = (detail, row)


def _key(detail: Detail) -> tuple[Any, ...]:
    """What names a question for good: its path, and which try of the task asks it."""
    task = detail.task_instance
    return (task.dag_id, task.dag_run_id, task.task_id, task.map_index, task.id, task.try_number)


def _created_at(row: Any) -> datetime | None:
    try:
        return utc(msgspec.convert(row["created_at"], datetime))
    except (msgspec.ValidationError, KeyError, TypeError):
        return None


def _asked_at(detail: Detail) -> datetime | None:
    """When this very question was asked: a question asked anew keeps the first one's ``created_at``."""
    times = [time for time in (utc(detail.created_at), utc(detail.task_instance.start_date)) if time]
    return max(times, default=None)


def _description(detail: Detail) -> str:
    task = detail.task_instance
    where = f"DAG {task.dag_display_name or task.dag_id}, run {task.dag_run_id}, task {task.task_id}"
    if task.map_index >= 0:
        where += f", mapped {task.rendered_map_index or task.map_index}"
    if task.try_number > 1:
        where += f", try {task.try_number}"
    title = asking.title_of(detail)
    parts = [
        "" if detail.subject.strip() == title else detail.subject,
        detail.body or "",
        where,
        f"Only {_names(detail)} may answer." if detail.assigned_users else "",
        f"Without an answer in time: {', '.join(detail.defaults)}." if detail.defaults else "",
        f"Note on the task: {task.note}" if task.note else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _warnings(detail: Detail, verbs: tuple[Verb, ...], subject: str | None) -> dict[str, str]:
    warnings = {Verb.CLOSE.value: _CLOSE}
    if detail.assigned_users and subject not in {user.id for user in detail.assigned_users}:
        others = [verb.value for verb in verbs if verb is not Verb.CLOSE]
        warnings |= dict.fromkeys(others, f"Only {_names(detail)} may answer; Airflow refuses anyone else.")
    return warnings


def _names(detail: Detail) -> str:
    return ", ".join(user.name or user.id for user in detail.assigned_users or ())


def _page_of(base: str, detail: Detail) -> str | None:
    """The question's page in Airflow's own interface."""
    task = detail.task_instance
    try:
        steps = [segment(step) for step in (task.dag_id, task.dag_run_id, task.task_id)]
    except Garbled:
        return None
    dag, run, name = steps
    query = urlencode({"map_index": task.map_index})
    return f"{base}/dags/{dag}/runs/{run}/tasks/{name}/required_actions?{query}"
