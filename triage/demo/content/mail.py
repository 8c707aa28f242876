"""The mail agent: letters to customers and partners, written to be read and edited before they go."""

from __future__ import annotations

import random
from typing import Any

from triage.demo.content.company import customer, euros, mail_of, object_schema, order, product, said_by
from triage.demo.proposal import Act, Failed, Proposal, Template, World, action

__all__ = ["ACTS", "TEMPLATES", "WORLD"]

WORLD: World = {"sent": []}

_ADDRESS = {"type": "string", "format": "email", "pattern": "^[^@\\s]+@[^@\\s]+$"}
_MAIL = object_schema(
    "to subject body",
    to={"type": "array", "items": _ADDRESS, "minItems": 1},
    cc={"type": "array", "items": _ADDRESS},
    subject={"type": "string", "minLength": 1, "maxLength": 150},
    body={"type": "string", "minLength": 1},
)


def _letter(title: str, to: str, subject: str, body: str, **more: Any) -> Proposal:
    address = to if "@" in to else mail_of(to)
    draft = action("send_mail", _MAIL, to=[address], subject=subject, body=body)
    return Proposal(title=title, actions=[draft], **{"risk": "low", **more})


def apology(chance: random.Random) -> Proposal:
    """Sorry for a late back order."""
    name, number, (goods, _) = customer(chance), order(chance), product(chance)
    first = name.split()[0]
    body = (
        f"Dear {first},\n\nyour {goods} was promised for last week and is still not on its way. That is our "
        "mistake: we sold the last one in the shop while yours was being packed.\n\nA new one left the "
        "factory yesterday and will be with you within six working days. The postage is on us, and so is "
        "the first service.\n\nIf you would rather have your money back, a short answer is enough.\n\n"
        "Kind regards\nAlder & Finch"
    )

    def shorter() -> Proposal:
        return _letter(
            f"Apology to {name}, shorter",
            name,
            f"Your order {number}",
            f"Dear {first},\n\nyour {goods} is late, and that is our mistake. It will be with you within six "
            "working days, free of postage. If you would rather have your money back, just answer.\n\n"
            "Kind regards\nAlder & Finch",
            description="The first letter was turned down. This one is shorter and promises no free service.",
        )

    return _letter(
        f"Apologise to {name} for the late {goods}",
        name,
        f"Your order {number} is late, and that is our fault",
        body,
        description="Promises a free first service (worth €79).",
        context=said_by(
            ("customer", "I have now waited three weeks. Is anybody there?"),
            ("agent", "The stock system shows the bike as sold in the shop on the day it was to be sent."),
        ),
        again=shorter,
    )


def recall(chance: random.Random) -> Proposal:
    """A recall, to many: everything in it matters."""
    count = chance.randint(160, 240)
    return _letter(
        f"Recall letter: brake levers of the Swift commuter ({count} customers)",
        "recall-swift-2026@lists.alder-finch.example",
        "Please do not ride your Swift commuter until its brake lever is changed",
        "Dear customer,\n\nthe brake lever of some Swift commuters can crack at the clamp. Three have. "
        "Nobody was hurt.\n\nPlease do not ride yours until we have changed the lever. It takes ten "
        "minutes, costs nothing, and needs no appointment: any of our four workshops, Monday to "
        "Saturday. If you cannot come, we come to you.\n\nYour frame number tells whether yours "
        "is among them: "
        "it begins with SW25K or SW25L.\n\nWe are sorry.\n\nAlder & Finch",
        risk="high",
        description="Legal has read it. It goes out to all buyers of two batches at once.",
        slow=True,
    )


def price_answer(chance: random.Random) -> Proposal:
    """An answer to somebody who asks for a discount."""
    name, (goods, price) = customer(chance), product(chance)
    offer = round(price * 0.93, 2)
    return _letter(
        f"Offer {name} the {goods} at {euros(offer)}",
        name,
        f"{goods}: our offer",
        f"Dear {name.split()[0]},\n\nthank you for asking before buying elsewhere. We can let you have the "
        f"{goods} for {euros(offer)} instead of {euros(price)}, until Sunday.\n\nKind regards\nAlder & Finch",
        description=f"7 % off; the margin on this one is about 31 %. {name} found it cheaper at a "
        "competitor.",
        deadline_s=chance.randint(4, 10) * 3600,
    )


def press(chance: random.Random) -> Proposal:
    """An answer to a journalist: words that will be printed."""
    return _letter(
        "Answer the Fernhill Gazette about the closed workshop",
        "desk@gazette.example",
        "Re: Is the Mill Lane workshop closing?",
        "Hello,\n\nno. The workshop in Mill Lane is closed until the 14th because the roof is being mended. "
        "All seven people who work there are at Canal Street meanwhile.\n\nYou may quote this.\n\n"
        "Alder & Finch",
        risk="high",
        description="They print tonight at eight. The date is from the landlord's letter, not confirmed.",
        deadline_s=3 * 3600,
    )


def review_reply(chance: random.Random) -> Proposal:
    """A public reply to a bad review."""
    name = customer(chance)
    return _letter(
        f"Reply to {name}'s one-star review",
        "reviews@cycling-portal.example",
        "Reply to review 88213",
        f"Hello {name.split()[0]},\n\nthe wheel should not have left our workshop like that. We "
        "have read the "
        "job sheet: the spokes were tensioned but not checked again after an hour, which is our own rule. "
        "Please bring it in; we will build it anew and give you a loan bike.\n\nAlder & Finch",
        description="Will be public under the review. Admits the mistake plainly.",
        risk="medium",
    )


def supplier_delay(chance: random.Random) -> Proposal:
    """A firm letter to a supplier."""
    supplier = chance.choice(("Nordrad Components", "Velo Atelier Lyon"))
    weeks = chance.randint(2, 5)
    return _letter(
        f"Remind {supplier}: 40 derailleurs, {weeks} weeks late",
        "orders@supplier.example",
        f"Purchase order 4471: {weeks} weeks late",
        f"Hello,\n\nour order 4471 over 40 rear derailleurs was due {weeks} weeks ago. Please name a date by "
        "Thursday. Without one we shall order elsewhere and cancel 4471 under section 6 of our terms.\n\n"
        "Regards\nAlder & Finch, Purchasing",
        risk="medium",
    )


def newsletter(chance: random.Random) -> Proposal:
    """A newsletter, where the subject is worth a second look."""
    readers = chance.randint(31, 38)
    return _letter(
        f"Send the autumn newsletter to {readers},000 readers",
        "autumn@lists.alder-finch.example",
        "Lights on! Everything for dark mornings",
        "Dark at seven, dark at five. Four lights we ride ourselves, from €29, and how bright is bright "
        "enough.\n\nThis week in every workshop: lights fitted while you wait.\n\nTo hear less "
        "from us: {unsubscribe}",
        risk="medium",
        description="Links were checked, 0 broken. The template marker {unsubscribe} is filled "
        "in on sending.",
        slow=True,
    )


def _send_mail(world: World, arguments: Any) -> str:
    receivers = [*arguments["to"], *arguments.get("cc", [])]
    if any(address.endswith("@bounce.example") for address in receivers):
        raise Failed("the receiver's server does not take mail; nothing was sent")
    world["sent"].append(arguments)
    return f"Sent “{arguments['subject']}” to {', '.join(receivers)}."


TEMPLATES: tuple[Template, ...] = (
    apology,
    recall,
    price_answer,
    press,
    review_reply,
    supplier_delay,
    newsletter,
)
ACTS: dict[str, Act] = {"send_mail": _send_mail}
