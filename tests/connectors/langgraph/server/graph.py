"""Graphs that ask in every way the connector knows; each keeps what it was told in ``outcome``."""

import operator
import time
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel, Field


class State(TypedDict, total=False):
    order: str
    outcome: Annotated[list[Any], operator.add]


Step = Callable[[State], dict[str, Any]]


def steps(*named: tuple[str, Any], beside: bool = False, **compiling: Any) -> Any:
    """A graph of these steps, one after the other or all beside each other."""
    builder = StateGraph(State)
    before = START
    for name, step in named:
        builder.add_node(name, step)
        builder.add_edge(START if beside else before, name)
        if beside:
            builder.add_edge(name, END)
        before = name
    if not beside:
        builder.add_edge(before, END)
    return builder.compile(**compiling)


def request(state: State, action: str = "ship", **allowed: bool) -> dict[str, Any]:
    """What the agent inbox shows."""
    names = ("accept", "edit", "respond", "ignore")
    return {
        "action_request": {"action": action, "args": {"order": state["order"], "weight": 12.5}},
        "config": {f"allow_{name}": allowed.get(name, True) for name in names},
        "description": f"Ship **{state['order']}**?",
    }


def told(answer: Any) -> dict[str, Any]:
    return {"outcome": [answer]}


def in_a_list(state: State) -> dict[str, Any]:
    return told(interrupt([request(state)])[0])


def bare(state: State) -> dict[str, Any]:
    return told(interrupt(request(state))[0])


def narrow(state: State) -> dict[str, Any]:
    return told(interrupt([request(state, edit=False, respond=False)])[0])


def javascript(state: State) -> dict[str, Any]:
    """As langchain's middleware for JavaScript asks, and as it refuses."""
    asked = {
        "actionRequests": [
            {"name": "send_email", "args": {"to": state["order"]}, "description": "Send it?"},
            {"name": "delete_rows", "args": {"table": "users"}},
        ],
        "reviewConfigs": [
            {"actionName": "send_email", "allowedDecisions": ["approve", "edit", "reject"]},
            {"actionName": "delete_rows", "allowedDecisions": ["approve", "reject"]},
        ],
    }
    decisions = interrupt(asked)["decisions"]
    if len(decisions) != 2:
        raise ValueError(f"2 decisions wanted, {len(decisions)} came")
    return {"outcome": decisions}


def text(state: State) -> dict[str, Any]:
    return told(interrupt(f"What name should go on {state['order']}?"))


def choice(state: State) -> dict[str, Any]:
    options = ["red", {"label": "Green", "value": {"rgb": "0f0"}}]
    return told(interrupt({"question": "Which colour?", "options": options}))


def listed(state: State) -> dict[str, Any]:
    return told(interrupt(["first", {"second": 2}]))


class Budget(BaseModel):
    amount: int = Field(ge=0, le=1000)
    approved: bool


def typed(state: State) -> dict[str, Any]:
    answer = interrupt({"question": "What may it cost?"}, response_schema=Budget)
    return told(answer.model_dump())


def unchecked(state: State) -> dict[str, Any]:
    """A schema that is shown and not held to by the server."""
    return told(10 // interrupt("How many?", response_schema={"type": "integer", "minimum": 1}))


def picky(state: State) -> dict[str, Any]:
    answer = interrupt("Say yes or no")
    if answer not in ("yes", "no"):
        raise ValueError(f"what does {answer!r} mean?")
    return told(answer)


def twice(state: State) -> dict[str, Any]:
    first = interrupt("First?")
    second = interrupt("Second?")
    return {"outcome": [first, second]}


def slow(state: State) -> dict[str, Any]:
    answer = interrupt("Slowly?")
    time.sleep(1.5)
    return told(answer)


def fails(state: State) -> dict[str, Any]:
    raise RuntimeError("the printer is on fire")


def review(name: str) -> Step:
    return lambda state: told([name, interrupt([request(state, name)])[0]])


def ship(state: State) -> dict[str, Any]:
    return told(f"shipped {state['order']}")


graphs = {
    "inbox": steps(("gate", in_a_list)),
    "bare": steps(("gate", bare)),
    "narrow": steps(("gate", narrow)),
    "javascript": steps(("gate", javascript)),
    "text": steps(("gate", text)),
    "choice": steps(("gate", choice)),
    "listed": steps(("gate", listed)),
    "typed": steps(("gate", typed)),
    "unchecked": steps(("gate", unchecked)),
    "picky": steps(("gate", picky)),
    "twice": steps(("gate", twice)),
    "slow": steps(("gate", slow)),
    "again": steps(("gate", text), ("after", in_a_list)),
    "nested": steps(("inner", steps(("gate", in_a_list)))),
    "parallel": steps(("finance", review("finance")), ("legal", review("legal")), beside=True),
    "mixed": steps(("finance", review("finance")), ("picky", picky), beside=True),
    "breakpoint": steps(("gate", ship), interrupt_before=["gate"]),
    "breakpoint_ask": steps(("gate", text), interrupt_before=["gate"]),
    "breakpoint_fail": steps(("gate", fails), interrupt_before=["gate"]),
    "crash": steps(("gate", fails)),
    "aftermath": steps(("gate", text), ("print", fails)),
}
globals().update({f"{name}_graph": graph for name, graph in graphs.items()})


@tool
def send_email(to: str, copies: int) -> str:
    """Send an email."""
    return f"sent {copies} to {to}"


@tool
def delete_rows(table: str) -> str:
    """Delete rows."""
    return f"deleted {table}"


@tool
def look_up(name: str) -> str:
    """Look somebody up."""
    return f"found {name}"


CALLS = {
    "send_email": {"to": "ann@example.com", "copies": 2},
    "delete_rows": {"table": "users"},
    "look_up": {"name": "ann"},
}


class Scripted(BaseChatModel):
    """Calls the tools that the last person's message names, then says what came of it."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        results = [message for message in messages if isinstance(message, ToolMessage)]
        if results:
            said = AIMessage("done: " + "; ".join(str(message.content) for message in results))
        else:
            wanted = str(next(m for m in reversed(messages) if isinstance(m, HumanMessage)).content)
            calls = [{"name": n, "args": a, "id": f"call_{n}"} for n, a in CALLS.items() if n in wanted]
            said = AIMessage("", tool_calls=calls)
        return ChatResult(generations=[ChatGeneration(message=said)])


def agent(mode: Any) -> Any:
    review = HumanInTheLoopMiddleware(
        interrupt_on={
            "send_email": True,
            "delete_rows": {"allowed_decisions": ["approve", "reject"], "description": "Rows go for good"},
            "look_up": {"allowed_decisions": ["approve"]},
        },
        interrupt_mode=mode,
    )
    return create_agent(Scripted(), [send_email, delete_rows, look_up], middleware=[review])


tools_graph = agent("batched")
tools_per_call_graph = agent("per_call")
