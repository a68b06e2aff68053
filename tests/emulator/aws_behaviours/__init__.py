"""The corrections of moto: each module restores behaviours that AWS documents and that kaphost depends on.

A module registers its corrections with `@restores("name", "what AWS does", "where that is documented")`; the decorated
function is called once, at start, and patches moto. `KAPHOST_EMULATOR_WITHOUT=name,name` leaves some out, which is how the
checks prove that each is still needed: moto may have caught up.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

import accounts_by_key


@dataclass(frozen=True)
class Behaviour:
    name: str
    does: str
    source: str
    install: Callable[[], None]


_BEHAVIOURS: dict[str, Behaviour] = {}


def restores(name: str, does: str, source: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Registers a correction. Corrections are installed in the order of their modules and, in a module, of the text."""

    def register(install: Callable[[], None]) -> Callable[[], None]:
        if name in _BEHAVIOURS:
            raise ValueError(f"two corrections are called {name}")
        _BEHAVIOURS[name] = Behaviour(name, does, source, install)
        return install

    return register


def load() -> None:
    """Registers every correction, and installs none."""
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__) if info.name != "wrapping"):
        importlib.import_module(f"{__name__}.{module}")


def names() -> list[str]:
    return list(_BEHAVIOURS)


def install(without: list[str]) -> list[dict]:
    """Installs all but those named. Returns what each restores and whether it is on."""
    accounts_by_key.install()
    load()
    if unknown := sorted(set(without) - set(_BEHAVIOURS)):
        raise SystemExit(f"KAPHOST_EMULATOR_WITHOUT names {', '.join(unknown)}: there are {', '.join(sorted(_BEHAVIOURS))}")
    for behaviour in _BEHAVIOURS.values():
        if behaviour.name not in without:
            behaviour.install()
    return [
        {"name": b.name, "does": b.does, "source": b.source, "on": b.name not in without} for b in _BEHAVIOURS.values()
    ]
