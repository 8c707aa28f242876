"""The payments agent: refunds, credits, invoices and payouts, each with an amount."""

from __future__ import annotations

import random
from typing import Any

from triage.demo.content.company import customer, euros, mail_of, object_schema, order, product, said_by
from triage.demo.proposal import Act, Failed, Proposal, Template, World, action

__all__ = ["ACTS", "TEMPLATES", "WORLD"]

WORLD: World = {
    "balance": 184_250.40,
    "refunds": {},
    "credits": {},
    "invoices": {},
    "limits": {},
    "cases": {},
}

_AMOUNT = {"type": "number", "exclusiveMinimum": 0, "maximum": 5000, "description": "Euros"}
_TEXT = {"type": "string", "minLength": 1, "maxLength": 300}
_REFUND = object_schema(
    "order customer amount reason",
    order={"type": "string", "pattern": "^AF-[0-9]{5}$"},
    customer=_TEXT,
    amount=_AMOUNT,
    reason=_TEXT,
    restock={"type": "boolean", "description": "Put the goods back on the shelf"},
)
_CREDIT = object_schema("customer amount note", customer=_TEXT, amount=_AMOUNT, note=_TEXT)
_INVOICE = object_schema(
    "supplier invoice amount iban due",
    supplier=_TEXT,
    invoice=_TEXT,
    amount={"type": "number", "exclusiveMinimum": 0},
    iban={"type": "string", "pattern": "^[A-Z]{2}[0-9]{2} ?[0-9A-Z ]{8,34}$"},
    due={"enum": ["today", "end of week", "end of month"]},
)


def damaged_goods(chance: random.Random) -> Proposal:
    """A full refund for something that arrived broken."""
    name, number, (goods, price) = customer(chance), order(chance), product(chance)
    fault = chance.choice(("a bent derailleur hanger", "a cracked mount", "scratches down to the metal"))

    def smaller() -> Proposal:
        amount = round(price * 0.3, 2)
        return Proposal(
            title=f"Refund {euros(amount)} of {euros(price)} to {name}, who keeps the goods",
            description=f"The full refund for {number} was turned down. {name} would keep the {goods} "
            f"for 30 % off.",
            actions=[
                action(
                    "issue_refund",
                    _REFUND,
                    order=number,
                    customer=name,
                    amount=amount,
                    reason="discount for damage, goods kept",
                    restock=False,
                )
            ],
            risk="low",
        )

    return Proposal(
        title=f"Refund {euros(price)} to {name} for a damaged {goods}",
        description=f"Order {number}: the {goods} arrived with {fault}. Three photos were sent and "
        "match the serial number. The carrier's claim period is still open.",
        actions=[
            action(
                "issue_refund",
                _REFUND,
                order=number,
                customer=name,
                amount=price,
                reason=f"arrived with {fault}",
                restock=False,
            )
        ],
        risk="high" if price > 1000 else "medium",
        context=said_by(
            ("customer", f"It came today with {fault}. I would like my money back, please."),
            ("agent", "Could you send three photos, one with the serial number?"),
            ("customer", "Attached. The box was open on one side."),
        ),
        again=smaller,
    )


def late_parcel(chance: random.Random) -> Proposal:
    """The postage back for a parcel that came late."""
    name, number, days = customer(chance), order(chance), chance.randint(4, 11)
    return Proposal(
        title=f"Refund €6.90 postage on {number}, {days} days late",
        description=f"{name} paid for two-day delivery. The carrier's own record shows {days} days.",
        actions=[
            action(
                "issue_refund",
                _REFUND,
                order=number,
                customer=name,
                amount=6.9,
                reason=f"delivered {days} days late",
            )
        ],
        risk="low",
        scopes=[
            {
                "name": "late-postage",
                "description": "refund postage of up to €10 without asking, whenever the carrier's record "
                "shows a late delivery",
            }
        ],
    )


def charged_twice(chance: random.Random) -> Proposal:
    """One of two equal charges given back."""
    name, number, (goods, price) = customer(chance), order(chance), product(chance)
    return Proposal(
        title=f"{name} was charged twice for {number}: refund {euros(price)}",
        description=f"Two captures of {euros(price)} within 40 seconds, one shipment ({goods}). "
        "The checkout was retried after a time-out.",
        actions=[
            action(
                "issue_refund",
                _REFUND,
                order=number,
                customer=name,
                amount=price,
                reason="second capture of the same order",
            )
        ],
        risk="medium",
        slow=True,
    )


def expired_card(chance: random.Random) -> Proposal:
    """A refund that the card's bank will turn away."""
    name, number, amount = customer(chance), order(chance), chance.choice((94.0, 139.0, 58.4))
    return Proposal(
        title=f"Refund {euros(amount)} to {name}'s card ending {chance.randrange(1000, 9999)}",
        description=f"Return for {number} is checked in. The card it was paid with expired last month; "
        "some banks still take the money, some do not.",
        actions=[action("refund_to_expired_card", order=number, customer=name, amount=amount)],
        verbs=(
            "approve",
            "reject",
        ),
        risk="low",
        slow=True,
    )


def goodwill_batch(chance: random.Random) -> Proposal:
    """Several credits at once, each to be judged by itself."""
    reasons = (
        "waited three weeks for a back order",
        "got the wrong size twice",
        "workshop missed the promised day",
        "was told two different prices on the phone",
    )
    picked = chance.sample(reasons, chance.choice((3, 4)))
    credits = [(customer(chance), float(chance.choice((10, 15, 20, 25, 40))), why) for why in picked]
    total = sum(amount for _, amount, _ in credits)
    return Proposal(
        title=f"{len(credits)} goodwill credits, {euros(total)} in all",
        description="From this morning's complaints. Each can be taken, changed or turned down by itself.",
        actions=[
            action("give_credit", _CREDIT, customer=name, amount=amount, note=why)
            for name, amount, why in credits
        ],
        risk="low",
        slow=True,
    )


def supplier_invoice(chance: random.Random) -> Proposal:
    """A supplier's bill that fits its delivery."""
    supplier = chance.choice(("Nordrad Components", "Velo Atelier Lyon", "Brooks & Daughters", "Ruota SpA"))
    amount, number = round(chance.uniform(900, 8200), 2), f"{chance.randrange(2000, 9999)}-B"
    return Proposal(
        title=f"Pay {supplier} {euros(amount)}, invoice {number}",
        description="Delivery note, purchase order and invoice agree on quantities and prices. "
        "2 % discount when paid this week.",
        actions=[
            action(
                "pay_invoice",
                _INVOICE,
                supplier=supplier,
                invoice=number,
                amount=amount,
                iban="DE12 5001 0517 0648 4898 90",
                due="end of week",
            )
        ],
        risk="high" if amount > 5000 else "medium",
        deadline_s=chance.randint(3, 9) * 3600,
    )


def changed_account(chance: random.Random) -> Proposal:
    """A bill whose bank account is not the one on file: to be looked at twice."""
    amount = round(chance.uniform(11_000, 19_000), 2)
    return Proposal(
        title=f"Pay Ruota SpA {euros(amount)} to a NEW bank account",
        description="The invoice itself fits the delivery. But the account differs from the one on file, and "
        "the change was announced by e-mail only, from ruota-spa.example instead of ruota.example.\n\n"
        "I would not pay this without calling them.",
        actions=[
            action(
                "pay_invoice",
                _INVOICE,
                "The account on file is IT60 X054 2811 1010 0000 0123 456.",
                supplier="Ruota SpA",
                invoice="7719-A",
                amount=amount,
                iban="LT12 1000 0111 0100 1000",
                due="today",
            )
        ],
        risk="high",
        deadline_s=2 * 3600,
    )


def raise_limit(chance: random.Random) -> Proposal:
    """More on account for a club that pays on time."""
    club = chance.choice(("RC Fernhill", "Canal Street Couriers", "Lakeside Women's Cycling"))
    return Proposal(
        title=f"Raise the credit limit of {club} to €5,000",
        description="They paid 14 of the last 14 invoices on time, on average 6 days early. Now: €2,000.",
        actions=[
            action(
                "set_credit_limit",
                object_schema(
                    "account limit",
                    account=_TEXT,
                    limit={"type": "integer", "minimum": 0, "maximum": 10_000},
                ),
                account=club,
                limit=5000,
            )
        ],
        risk="medium",
    )


def contest_chargeback(chance: random.Random) -> Proposal:
    """A disputed payment, with the evidence that would be sent."""
    name, number, (goods, price) = customer(chance), order(chance), product(chance)
    return Proposal(
        title=f"Contest the chargeback of {euros(price)} on {number}",
        description=f"{name}'s bank says the {goods} never came. We hold a signature and a GPS stamp at the "
        "door. If we stay silent we lose by default.",
        actions=[
            action(
                "contest_chargeback",
                order=number,
                amount=price,
                evidence=["delivery-signature.pdf", "gps-stamp.json", f"mail-thread-{mail_of(name)}.eml"],
                statement=f"The goods were handed over and signed for at the address {name} gave.",
            )
        ],
        risk="medium",
        deadline_s=chance.randint(20, 50) * 60,
    )


def _issue_refund(world: World, arguments: Any) -> str:
    amount = float(arguments["amount"])
    if amount > world["balance"]:
        raise Failed(f"the balance of {euros(world['balance'])} does not cover {euros(amount)}")
    world["balance"] = round(world["balance"] - amount, 2)
    before = world["refunds"].get(arguments["order"], 0)
    world["refunds"][arguments["order"]] = round(before + amount, 2)
    return (
        f"Refunded {euros(amount)} to {arguments['customer']} for {arguments['order']}; "
        f"the balance is {euros(world['balance'])}."
    )


def _refund_to_expired_card(world: World, arguments: Any) -> str:
    raise Failed(
        f"the bank turned {euros(arguments['amount'])} for {arguments['order']} away: card expired. "
        "Nothing was booked"
    )


def _give_credit(world: World, arguments: Any) -> str:
    held = world["credits"].get(arguments["customer"], 0.0) + float(arguments["amount"])
    world["credits"][arguments["customer"]] = held
    return f"{arguments['customer']} now has {euros(held)} of credit."


def _pay_invoice(world: World, arguments: Any) -> str:
    amount = float(arguments["amount"])
    if amount > world["balance"]:
        raise Failed(f"the balance of {euros(world['balance'])} does not cover {euros(amount)}")
    world["balance"] = round(world["balance"] - amount, 2)
    world["invoices"][arguments["invoice"]] = {"paid": amount, "iban": arguments["iban"]}
    return f"Paid {euros(amount)} to {arguments['supplier']}; the balance is {euros(world['balance'])}."


def _set_credit_limit(world: World, arguments: Any) -> str:
    world["limits"][arguments["account"]] = arguments["limit"]
    return f"{arguments['account']} may now owe up to {euros(arguments['limit'])}."


def _contest_chargeback(world: World, arguments: Any) -> str:
    world["cases"][arguments["order"]] = "contested"
    return f"Sent {len(arguments['evidence'])} documents to the bank; it answers within 10 days."


TEMPLATES: tuple[Template, ...] = (
    damaged_goods,
    late_parcel,
    charged_twice,
    expired_card,
    goodwill_batch,
    supplier_invoice,
    changed_account,
    raise_limit,
    contest_chargeback,
)
ACTS: dict[str, Act] = {
    "issue_refund": _issue_refund,
    "refund_to_expired_card": _refund_to_expired_card,
    "give_credit": _give_credit,
    "pay_invoice": _pay_invoice,
    "set_credit_limit": _set_credit_limit,
    "contest_chargeback": _contest_chargeback,
}
