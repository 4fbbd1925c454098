"""What an operator decides: TOML, environment and secret files, checked as a whole before anything starts.

    config = load(Path("poller.toml"), os.environ)      # or ConfigError with every fault
    config.ranges[0].credentials                        # frozen, resolved
    config.redacted()                                   # for people: every value, where it came from, secrets hidden

`catalogue` declares the settings; everything else here follows from it.
"""

from poller.config.catalogue import CREDENTIALS_PER_ADDRESS_MAX
from poller.config.credentials import versions_of
from poller.config.files import read_secret
from poller.config.kinds import Listen, duration_seconds, duration_text
from poller.config.load import load
from poller.config.proxies import Proxies, Proxy
from poller.config.received import Received
from poller.config.targets import read_targets
from poller.config.values import (
    Central,
    Config,
    Exporter,
    Log,
    Network,
    Origin,
    Outbox,
    Poll,
    Range,
    Site,
    State,
    Sweep,
    count_addresses,
    ipp_intervals,
)

__all__ = [
    "CREDENTIALS_PER_ADDRESS_MAX",
    "Central",
    "Config",
    "Exporter",
    "Listen",
    "Log",
    "Network",
    "Origin",
    "Outbox",
    "Poll",
    "Proxies",
    "Proxy",
    "Range",
    "Received",
    "Site",
    "State",
    "Sweep",
    "count_addresses",
    "duration_seconds",
    "duration_text",
    "ipp_intervals",
    "load",
    "read_secret",
    "read_targets",
    "versions_of",
]
