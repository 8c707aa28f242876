"""The filter language: which items a line of words, fields and comparisons means, and in what order.

    refund                     the word in title, action, agent or arguments
    "two words"                both together
    endpoint:support agent:bot action:refund_* title:order id:4k
    kind:approval,question verb:edit risk:high risk>=medium state:unknown
    age>1h due<10m             since it was made; until its deadline
    is:claimed mine snoozed escalated new changed gone decided waiting, each after ``is:``
    amount>100 args.customer.name:ann args.force=true
    -word, not word, a or b, (a or b) c, filter:NAME

Terms beside each other must all hold. ``:`` is "contains" for text (``*`` stands for anything, then of
the whole text) and "is" for numbers and fixed words; ``=`` is "is"; ``!=`` is "is not". Letters' case
does not matter.
"""

from triage.model.filtering.completion import Suggestion, complete
from triage.model.filtering.faults import FilterError
from triage.model.filtering.ordering import ORDERS, Order, Ordered
from triage.model.filtering.parsing import Filter, compile
from triage.model.filtering.subject import Subject, haystack, rank_of
from triage.model.filtering.terms import OF_DECISION

__all__ = [
    "OF_DECISION",
    "ORDERS",
    "Filter",
    "FilterError",
    "Order",
    "Ordered",
    "Subject",
    "Suggestion",
    "compile",
    "complete",
    "haystack",
    "rank_of",
]
