"""The people, goods and orders of Alder & Finch."""

from __future__ import annotations

import random
from typing import Any

__all__ = ["PRODUCTS", "customer", "euros", "mail_of", "object_schema", "order", "product", "said_by"]

_FIRST = (
    "Mara Jonas Aylin Tomasz Priya Élise Henrik Noor Beatriz Samuel Ingrid Kofi Yuki Dario Saoirse".split()
)
_LAST = (
    "Okafor Lindqvist Brandt Yılmaz Moreau Kowalczyk Iyer Delgado Whitfield Haugen Novák Sato Mensah Rossi "
    "Byrne Hartmann"
).split()
PRODUCTS = {
    "Kestrel 7 gravel bike, 56 cm": 1849.00,
    "Heron cargo bike with rain cover": 3290.00,
    "Swift commuter, 8 speed": 799.00,
    "Wren kids' bike, 20 inch": 349.00,
    "Lumen 900 front light": 89.90,
    "Tern pannier pair, 40 l": 124.50,
    "Finch merino jersey": 94.00,
    "Alder tubeless kit, 28 inch": 58.40,
    "Carbon seat post, 27.2 mm": 139.00,
    "Hydraulic brake set, front and rear": 214.95,
}


def customer(chance: random.Random) -> str:
    """A customer's name."""
    return f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"


def mail_of(name: str) -> str:
    """The customer's address; at a domain that cannot exist."""
    plain = name.lower().translate(str.maketrans("éıáø", "eiao")).replace(" ", ".")
    return f"{plain}@mail.example"


def product(chance: random.Random) -> tuple[str, float]:
    """Something sold, and its price in euros."""
    return chance.choice(list(PRODUCTS.items()))


def order(chance: random.Random) -> str:
    """An order number."""
    return f"AF-{chance.randrange(60_000, 99_999)}"


def euros(amount: float) -> str:
    """``€1,234.50``."""
    return f"€{amount:,.2f}"


def object_schema(required: str, /, **properties: Any) -> dict[str, Any]:
    """JSON Schema of an object; ``required`` holds the names that must be there, between spaces."""
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


def said_by(*turns: tuple[str, str]) -> dict[str, Any]:
    """A context of messages, each by its role."""
    return {"messages": [{"role": role, "text": text} for role, text in turns]}
