"""The channels that central.toml sets up, each with what it needs."""

from __future__ import annotations

from poller.central.sending.folder import FolderChannel
from poller.central.sending.mail import MailChannel
from poller.central.sending.sender import ChannelOf
from poller.central.sending.webhook import WebhookChannel
from poller.central.store.messages import Channel
from poller.central.values import Config
from poller.clock import Clock


def ways_of(config: Config, clock: Clock) -> dict[Channel, ChannelOf]:
    """Return by channel what sends. Raises HostError when certificates cannot be read."""
    ways: dict[Channel, ChannelOf] = {}
    if config.mail is not None:
        ways["mail"] = MailChannel(config.mail)
    if config.webhook is not None:
        ways["webhook"] = WebhookChannel(config.webhook, clock)
    if config.csv_folder is not None:
        ways["csv"] = FolderChannel(config.csv_folder)
    return ways
