"""The edge people and Prometheus look at: metrics, probes, service discovery and the status page over HTTP.

It shows what it is handed and decides nothing: the fleet, callables for everybody's samples, and the agent's health as `AgentStatus`.
"""

from poller.exporter.health import AgentStatus, PollHealth, SweepHealth, WireHealth
from poller.exporter.probe import UnknownCredentialError, split_target
from poller.exporter.server import Exporter

__all__ = ["AgentStatus", "Exporter", "PollHealth", "SweepHealth", "UnknownCredentialError", "WireHealth", "split_target"]
