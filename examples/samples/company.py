"""The invented company: offices, staff, products, orders, installations. Nothing here knows a file format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

OFFICES = {"Bremen": 24, "Lyon": 14, "Leeds": 12, "Osaka": 10}
HEADCOUNT = sum(OFFICES.values())
YEAR = 2024

PRODUCTS = (
    ("00417", "Fjell 400 panel", 14900),
    ("00431", "Fjell 430 panel", 16850),
    ("00502", "Tile R2 roof tile", 5990),
    ("00618", "Havn 5 inverter", 89500),
)
"""Part number, name, price in cents."""

_FIRST_NAMES = {
    "Bremen": "Anke Bernd Carla Dirk Elif Frauke Gero Hanna".split(),
    "Lyon": "Agathe Bastien Chloé Denis Élodie Fabrice Inès".split(),
    "Leeds": "Amelia Brendan Charlotte Dev Ffion Graham".split(),
    "Osaka": "Aoi Daichi Haruka Kenji Mio".split(),
}
_LAST_NAMES = {
    "Bremen": "Ahlers Behrens Claßen Dierks Evers Focke Grübel Hinrichs Jürgens Köster Lührs".split(),
    "Lyon": "Auclair Besson Chevreul Delorme Faure".split(),
    "Leeds": "Ackroyd Barraclough Crossley Dhillon Eastwood".split(),
    "Osaka": "Arai Fujimoto Hamada Inoue Kitagawa Matsuda".split(),
}
_ROLES = (
    ("Production", "Cell technician", 39800),
    ("Production", "Line engineer", 52400),
    ("Installation", "Roof fitter", 38600),
    ("Installation", "Site lead", 47900),
    ("Sales", "Account manager", 49500),
    ("Research", "Materials scientist", 61200),
    ("Finance", "Accountant", 50300),
)
"""Department, job title, starting salary in euros."""

_SITES = (
    ("Bremen", ("Harbour Hall", "Weser School", "Town Library", "Rowing Club", "Tram Depot")),
    ("Lyon", ("Halle Perrache", "Silk Mill", "Clinique du Parc", "Lycée Ampère")),
    ("Leeds", ("Canal Wharf", "Moor Allotments", "Mill Lane School")),
    ("Osaka", ("Port Warehouse", "Tenma Market", "Yodo Ferry")),
)


@dataclass(frozen=True, slots=True)
class Order:
    number: str
    day: date
    office: str
    part: str
    product: str
    units: int
    price_cents: int

    @property
    def cents(self) -> int:
        return self.units * self.price_cents

    @property
    def quarter(self) -> int:
        return (self.day.month + 2) // 3


@cache
def orders() -> tuple[Order, ...]:
    offices = ("Bremen", "Bremen", "Lyon", "Bremen", "Leeds", "Osaka", "Lyon", "Leeds", "Bremen", "Osaka", "Lyon")
    return tuple(
        Order(
            f"SO-{YEAR}-{index + 1:04}",
            date(YEAR, 1, 2) + timedelta(days=index * 362 // 399),
            offices[index * 7 % len(offices)],
            *PRODUCTS[(index * index + index // 3) % 4][:2],
            units=4 + index * 37 % 45,
            price_cents=PRODUCTS[(index * index + index // 3) % 4][2],
        )
        for index in range(400)
    )


def sold(office: str | None = None, quarter: int | None = None) -> tuple[int, int]:
    """Units and cents of an office in a quarter; None means all of them."""
    chosen = [order for order in orders() if office in (None, order.office) and quarter in (None, order.quarter)]
    return sum(order.units for order in chosen), sum(order.cents for order in chosen)


def euros(cents: int) -> str:
    return f"€{cents / 100:,.2f}"


def staff() -> Iterator[tuple[str, str, str, str, str, date, int, float, float]]:
    """Staff id, name, office, department, job title, first day, salary in euros, working time, bonus."""
    number = 0
    for office, count in OFFICES.items():
        first, last = _FIRST_NAMES[office], _LAST_NAMES[office]
        for index in range(count):
            number += 1
            department, title, salary = _ROLES[number * 5 % len(_ROLES)]
            yield (
                f"{number * 17:05}",
                f"{first[index % len(first)]} {last[index % len(last)]}",
                office,
                department,
                title,
                date(2011, 3, 1) + timedelta(days=number * 37 % HEADCOUNT * 85),
                salary + 350 * (number * 11 % 23),
                (1.0, 1.0, 0.8, 1.0, 0.5)[number % 5],
                (0.025, 0.04, 0.0, 0.0375)[number % 4],
            )


def installations() -> Iterator[tuple[str, str, str, int, str, date]]:
    """Number, site, office, panels, peak power in kW, day handed over: forty of them."""
    sites = [(office, site) for office, names in _SITES for site in names]
    for index in range(40):
        office, site = ("Osaka", "Tidewater Pier") if index == 38 else sites[index % len(sites)]
        phase = ("", " II", " III")[index // len(sites)] if index != 38 else ""
        panels = 16 + index * 53 % 79
        day = date(YEAR, 1, 12) + timedelta(days=index * 9)
        yield f"{index + 1:04}", site + phase, office, panels, f"{panels * 0.4:.1f}", day
