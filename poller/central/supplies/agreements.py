"""What is agreed with an account and its sites, as it is kept: rules by name, and the policies they come to. Pure.

A site has its account's rules, except what is said of itself; an account has the defaults of a fresh one: parcels take along what falls due
within ten days, approval is automatic, and everything is in trial, so that nothing is sent before a person says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from poller.central.supplies.policy import Policy
from poller.central.supplies.replay_settings import read_setting
from poller.config.kinds import suggest

FRESH = Policy(bundle_days=10.0, is_live=False)
OF_SITE = ("lead_days", "threshold", "bundle_days", "approval", "state", "language")
OF_ACCOUNT = (*OF_SITE, "zone", "quiet_days")
LANGUAGES = ("de", "en")

Rules = Mapping[str, Any]


class Agreements:
    """The policies of an account. *rules* by site, those of the account under the empty name; *zones* are those of its sites."""

    def __init__(self, rules: Mapping[str, Rules], zones: Mapping[str, str]) -> None:
        self._rules = rules
        common = Counter(zones.values()).most_common(1)
        zone = ZoneInfo(common[0][0]) if common else FRESH.zone
        self.of_account = changed(replace(FRESH, zone=zone), rules.get("", {}))
        """Where no zone is said, its days are those of the zone most of its sites are in."""
        self._sites: dict[str, Policy] = {}

    def of_site(self, site: str) -> Policy:
        policy = self._sites.get(site)
        if policy is None:
            policy = self._sites[site] = changed(self.of_account, self._rules.get(site, {}))
        return policy


def changed(policy: Policy, rules: Rules) -> Policy:
    """Return *policy* with what *rules* say. Raises ValueError."""
    changes: dict[str, Any] = {}
    for name, value in rules.items():
        changes |= _field(name, value)
    return replace(policy, **changes)


def check(name: str, value: object, *, is_site: bool) -> None:
    """Raise ValueError(what is wanted) for a rule that cannot be set."""
    known = OF_SITE if is_site else OF_ACCOUNT
    if name not in known:
        raise ValueError(f"{name}: no such rule{suggest(name, list(known))}")
    try:
        _field(name, value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def shown(policy: Policy) -> dict[str, Any]:
    """Return a policy as its rules."""
    return {
        "lead_days": policy.lead_days,
        "threshold": policy.threshold,
        "bundle_days": policy.bundle_days,
        "approval": policy.approval,
        "state": "live" if policy.is_live else "trial",
        "language": policy.language,
        "zone": str(policy.zone),
        "quiet_days": sorted(day.isoformat() for day in policy.quiet),
    }


def _field(name: str, value: object) -> dict[str, Any]:
    if name == "threshold" and value is None:
        return {"threshold": None}
    if name == "language":
        if value not in LANGUAGES:
            raise ValueError(f"want {' or '.join(LANGUAGES)}, got {value!r}")
        return {"language": value}
    return read_setting(name, value)
