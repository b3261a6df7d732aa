"""Papers in packages of their own, announced by the entry point group ``tightbound.papers``."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata

from tightbound.verification.claim import Claim
from tightbound.verification.trace import told

GROUP = "tightbound.papers"


class PluginError(ValueError):
    """A paper of another package that cannot be used; everything else can."""


@dataclass(frozen=True)
class Plugin:
    """An entry point ``key = "package"``: nothing of the package is imported before it is needed.

    Parameters
    ----------
    key : str
        Of the paper.
    package : str
        Its package, which has ``PAPER`` and the modules ``claims`` and ``figures``.
    distribution : str
        Who announces it.
    """

    key: str
    package: str
    distribution: str

    def error(self, reason: str) -> PluginError:
        """Return the error that says that this paper is left out, why, and what to do."""
        return PluginError(
            f"the paper {self.key} of the package {self.distribution} is left out: {reason}; mend it, or "
            f"remove it with 'pip uninstall {self.distribution}'"
        )

    def load(self) -> tuple[Claim, ...]:
        """Return the claims.

        Raises
        ------
        PluginError
            Where the package cannot be imported, or what it holds is not a paper's claims.
        """
        try:
            module = importlib.import_module(f"{self.package}.claims")
        except Exception as error:
            raise self.error(told(error)) from error
        found = getattr(module, "CLAIMS", None)
        if not isinstance(found, (tuple, list)):
            came = "has no CLAIMS" if found is None else f"has CLAIMS of type {type(found).__name__}"
            raise self.error(f"{module.__name__} {came}: let it end in a tuple, CLAIMS = (Claim(...),)")
        found = tuple(found)
        for claim in found:
            if not isinstance(claim, Claim):
                raise self.error(f"CLAIMS holds {claim!r}, which is no Claim")
            if claim.paper != self.key:
                raise self.error(f"{claim.id} says that its paper is {claim.paper!r}: make it {self.key!r}")
        return found


def announced(own: Sequence[str]) -> tuple[tuple[Plugin, ...], tuple[PluginError, ...]]:
    """Return the papers of other packages, by name, and what is wrong with those that cannot be had.

    Parameters
    ----------
    own : sequence of str
        Keys that are taken.
    """
    plugins = {
        Plugin(entry.name, entry.value, entry.dist.name if entry.dist is not None else entry.value)
        for entry in metadata.entry_points(group=GROUP)
    }
    good: list[Plugin] = []
    bad: list[PluginError] = []
    for plugin in sorted(plugins, key=lambda plugin: (plugin.key, plugin.distribution)):
        others = [other for other in plugins if other.key.lower() == plugin.key.lower() and other != plugin]
        if plugin.key.lower() in [key.lower() for key in own]:
            bad.append(plugin.error("a paper of tightbound itself has this name"))
        elif others:
            names = ", ".join(sorted(other.distribution for other in others))
            bad.append(plugin.error(f"a paper of the package {names} has this name too"))
        elif not plugin.key.isidentifier():
            bad.append(plugin.error("its name is no identifier"))
        else:
            good.append(plugin)
    return tuple(good), tuple(bad)
