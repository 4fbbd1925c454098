"""Poller: how the agents fare. One group of panels per room of the agent; the next room adds a function and a line in `build`.

From the notification on, what an agent keeps and hands on is in `agent_keeping.py`.
"""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from grafana import agent_keeping, names
from grafana.boards import add_agents, board
from grafana.panels import GREEN, ORANGE, RED, Column, Panel, Query, bands, lines, number, rows
from grafana.queries import CHOSEN_AGENTS, agents, rate, where_any
from poller import exposition as e

_HOUR = 3600.0


def build() -> dashboard.Dashboard:
    """Return the dashboard."""
    made = add_agents(
        board("poller-agent", "How the agents fare: sweeps, polls, packets, what they keep, send and use.", since="now-6h", refresh="1m")
    )
    for title, panels in (
        ("Now", _now()),
        ("Sweep", _sweep()),
        ("Polls", _polls()),
        ("SNMP", _packets()),
        *agent_keeping.groups(),
        ("Metrics and state", _exporter()),
        ("Process", _process()),
    ):
        made.with_row(dashboard.Row(title))
        for panel in panels:
            made.with_panel(panel)
    return made


def _now() -> tuple[Panel, ...]:
    failed = agents(e.POLLER_POLLS, 'result!="ok"')
    newer = f'label_replace({agents(e.POLLER_UPDATE_AVAILABLE)} == 1, "newer", "$1", "version", "(.+)")'
    never_late = ((None, GREEN), (60.0, ORANGE), (600.0, RED))
    return (
        rows(
            "Agents",
            "Every agent Prometheus knows, and when it last found something and was last heard by central. An agent without `[central]`"
            " shows nothing of central.",
            Query(agents(e.POLLER_BUILD_INFO)),
            Query("sum by (job, instance) (" + agents(e.POLLER_PRINTERS, 'state="up"') + ")"),
            Query("sum by (job, instance) (" + agents(e.POLLER_PRINTERS, 'state="silent"') + ")"),
            Query(f"{agents(e.POLLER_SWEEP_LAST_COMPLETED)} * 1000"),
            Query(f"{names.STARTED} * 1000 and on (job, instance) {agents(e.POLLER_BUILD_INFO)}"),
            Query(f"{names.UP} and on (job, instance) {agents(e.POLLER_BUILD_INFO)}"),
            Query(f"max by (job, instance, newer) ({newer})"),
            Query(f"max by (job, instance) ({agents(e.POLLER_UPLOAD_ENROLLED)})"),
            Query(f"max by (job, instance) ({agents(e.POLLER_UPLOAD_LAST_SUCCESS)}) * 1000"),
            columns=(
                Column("instance", "Agent"),
                Column("Value #F", "Scraped", unit="none", width=90, meanings={"0": ("no", RED), "1": ("yes", GREEN)}),
                Column("version", "Version", width=110),
                Column("newer", "Newer version", width=120),
                Column("Value #B", "Printers that answer", unit="none", width=160),
                Column("Value #C", "Silent", unit="none", width=80),
                Column("Value #D", "Last sweep", unit="dateTimeFromNow", width=130),
                Column("Value #E", "Running since", unit="dateTimeFromNow", width=130),
                Column("Value #H", "Enrolled", unit="none", width=90, meanings={"0": ("no", RED), "1": ("yes", GREEN)}),
                Column("Value #I", "Heard by central", unit="dateTimeFromNow", width=150),
            ),
            sort_by="Agent",
            height=5,
        ),
        number(
            "Polls late",
            "How long the most overdue poll has been due. More than a poll's own length: too few workers, or a slow network.",
            "s",
            Query(f"max({agents(e.POLLER_POLL_LAG)})"),
            colours=never_late,
            width=6,
        ),
        number(
            "Polls that failed",
            "Of all polls of the last hour. A silent printer is one; so is every one behind a broken link.",
            "percentunit",
            Query(f"sum(rate({failed}[1h])) / (sum(rate({agents(e.POLLER_POLLS)}[1h])) > 0)"),
            colours=((None, GREEN), (0.2, ORANGE), (0.5, RED)),
            width=6,
            decimals=1,
        ),
        number(
            "95 of 100 answers within",
            "Of the SNMP answers of the last hour, from the last datagram of the question to the answer.",
            "s",
            Query(f"histogram_quantile(0.95, sum by (le) (rate({_bucket()}[1h])))"),
            width=6,
        ),
        number(
            "Since the last sweep",
            "The oldest last sweep of the chosen agents. A day is usual.",
            "s",
            Query(f"max(time() - {agents(e.POLLER_SWEEP_LAST_COMPLETED)})"),
            colours=((None, GREEN), (30 * _HOUR, ORANGE), (50 * _HOUR, RED)),
            width=6,
        ),
        *agent_keeping.now(),
    )


def _bucket() -> str:
    return f"{e.POLLER_SNMP_ROUND_TRIP.name}_bucket{{{CHOSEN_AGENTS}}}"


def _sweep() -> tuple[Panel, ...]:
    return (
        bands(
            "Sweeping",
            "When an agent was looking for printers.",
            Query(agents(e.POLLER_SWEEP_RUNNING), "{{instance}}"),
            {"1": ("sweeping", GREEN), "0": ("", "transparent")},
            width=12,
            height=5,
        ),
        lines(
            "Found by the last sweep",
            "Printers, and other devices, of which only the count is kept.",
            "none",
            Query(agents(e.POLLER_SWEEP_DEVICES), "{{instance}} {{kind}}"),
            width=12,
            height=5,
        ),
        lines(
            "Probes and answers",
            "Datagrams of sweeps, and addresses that answered one.",
            "pps",
            Query(rate(e.POLLER_SWEEP_PROBES_SENT), "{{instance}} probes"),
            Query(rate(e.POLLER_SWEEP_ANSWERS), "{{instance}} answers"),
        ),
        lines(
            "How long a sweep takes",
            "Seconds, of the last completed sweep.",
            "s",
            Query(agents(e.POLLER_SWEEP_DURATION), "{{instance}}"),
            width=6,
        ),
        lines(
            "Addresses",
            "Of the running sweep, or of the last one.",
            "none",
            Query(agents(e.POLLER_SWEEP_ADDRESSES), "{{instance}}"),
            width=6,
        ),
    )


def _polls() -> tuple[Panel, ...]:
    silent = agents(e.POLLER_RANGE_SILENT)
    return (
        lines(
            "Polls by result",
            "Polls a minute: ok, no_answer, garbled, agent (SNMP against its own rules), access (SNMPv3), value_range.",
            "opm",
            Query(f"60 * {rate(e.POLLER_POLLS, 'result')}", "{{instance}} {{result}}"),
        ),
        lines(
            "Polls late",
            "How long the most overdue poll has been due. It should come back to 0.",
            "s",
            Query(agents(e.POLLER_POLL_LAG), "{{instance}}"),
            width=6,
        ),
        lines(
            "Polls overdue",
            "Printers whose poll is due and waits for a worker. Always some: too few workers for so many printers.",
            "none",
            Query(agents(e.POLLER_POLLS_OVERDUE), "{{instance}}"),
            width=6,
        ),
        lines(
            "Workers",
            "Printers polled at the same time, and how many may be.",
            "none",
            Query(agents(e.POLLER_POLL_WORKERS_BUSY), "{{instance}} busy"),
            Query(agents(e.POLLER_POLL_WORKERS), "{{instance}} at most"),
            width=6,
        ),
        lines(
            "Printers",
            "Printers known to each agent: up, or silent.",
            "none",
            Query(agents(e.POLLER_PRINTERS), "{{instance}} {{state}}"),
            width=6,
        ),
        lines(
            "What happened to printers",
            "In the hour before: new, moved to another address, gone, back, replaced by another at its address. A line at 0: nothing.",
            "none",
            Query(where_any(e.POLLER_PRINTER_EVENTS, "event"), "{{instance}} {{event}}"),
            width=6,
        ),
        lines(
            "Silent ranges",
            "1 while most printers of a range are silent together: then it is the network. A line at 0 without a range: none is.",
            "none",
            Query(f"({silent} == 1) or on (instance) 0 * sum by (instance) ({silent})", "{{instance}} {{range}}"),
            width=6,
            most=1,
        ),
    )


def _packets() -> tuple[Panel, ...]:
    def within(share: float) -> Query:
        return Query(
            f"histogram_quantile({share}, sum by (instance, le) (rate({_bucket()}[$__rate_interval])))", f"{{{{instance}}}} {share:.0%}"
        )

    return (
        lines(
            "Questions and answers",
            "SNMP questions asked and answered; a sweep's probes are not among them.",
            "reqps",
            Query(rate(e.POLLER_SNMP_REQUESTS), "{{instance}} asked"),
            Query(rate(e.POLLER_SNMP_ANSWERS), "{{instance}} answered"),
        ),
        lines(
            "Sent again, given up",
            "Datagrams repeated because no answer came in time, and questions given up after the last try.",
            "pps",
            Query(rate(e.POLLER_SNMP_RETRIES), "{{instance}} sent again"),
            Query(rate(e.POLLER_SNMP_TIMEOUTS), "{{instance}} given up"),
        ),
        lines("Time to the answer", "Half, and 95 of 100, of the answers came within this.", "s", within(0.5), within(0.95)),
        lines(
            "In flight", "Questions that wait for their answer.", "none", Query(agents(e.POLLER_SNMP_IN_FLIGHT), "{{instance}}"), width=6
        ),
        lines(
            "Not sent, not wanted",
            "Datagrams this host refused to send, by errno, and received ones that were no answer, by reason.",
            "pps",
            Query(rate(e.POLLER_SNMP_SEND_FAILURES, "reason"), "{{instance}} not sent {{reason}}"),
            Query(rate(e.POLLER_SNMP_DISCARDED, "reason"), "{{instance}} discarded {{reason}}"),
            width=6,
        ),
    )


def _exporter() -> tuple[Panel, ...]:
    return (
        lines(
            "A scrape takes",
            "Seconds to render and send the last answer to /metrics.",
            "s",
            Query(agents(e.POLLER_SCRAPE_DURATION), "{{instance}}"),
            width=6,
        ),
        lines(
            "A scrape weighs",
            "Bytes of the last answer to /metrics, before compression.",
            "bytes",
            Query(agents(e.POLLER_SCRAPE_BYTES), "{{instance}}"),
            width=6,
        ),
        lines(
            "Left out, probed",
            "Samples refused because their series was there already; requests to /probe by result.",
            "cpm",
            Query(f"60 * {rate(e.POLLER_SERIES_REFUSED, 'source')}", "{{instance}} refused {{source}}"),
            Query(f"60 * {rate(e.POLLER_PROBES, 'result')}", "{{instance}} /probe {{result}}"),
            width=6,
        ),
        lines(
            "Log-ins refused",
            "Requests that were not let in, in the hour before. A line at 0: all were.",
            "none",
            Query(where_any(e.POLLER_LOGINS_REFUSED, "reason"), "{{instance}} {{reason}}"),
            width=6,
        ),
        lines("state.db", "Its size with the write-ahead log.", "bytes", Query(agents(e.POLLER_STATE_BYTES), "{{instance}}"), width=6),
        lines(
            "Rows in state.db",
            "Printers, and the shapes that printers of one model share.",
            "none",
            Query(agents(e.POLLER_STATE_ROWS), "{{instance}} {{kind}}"),
            width=6,
        ),
        lines(
            "A save takes",
            "Seconds of the last transaction, and how long ago something was last saved.",
            "s",
            Query(agents(e.POLLER_STATE_SAVE_DURATION), "{{instance}} takes"),
            Query(f"time() - {agents(e.POLLER_STATE_LAST_SAVED)}", "{{instance}} ago"),
            width=6,
        ),
        lines(
            "Saved, failed, dropped",
            "Transactions of state.db a minute: committed, refused by SQLite, and values it could not keep.",
            "cpm",
            Query(f"60 * {rate(e.POLLER_STATE_WRITES)}", "{{instance}} saved"),
            Query(f"60 * {rate(e.POLLER_STATE_WRITE_FAILURES, 'reason')}", "{{instance}} failed {{reason}}"),
            Query(f"60 * {rate(e.POLLER_STATE_DROPPED, 'what')}", "{{instance}} dropped {{what}}"),
            width=6,
        ),
    )


def _process() -> tuple[Panel, ...]:
    ours = f"and on (job, instance) {agents(e.POLLER_BUILD_INFO)}"
    return (
        lines(
            "CPU",
            "Share of one core.",
            "percentunit",
            Query(f"rate({names.CPU_SECONDS}{{{CHOSEN_AGENTS}}}[$__rate_interval]) {ours}", "{{instance}}"),
            width=8,
        ),
        lines("Memory", "Resident memory of the process.", "bytes", Query(f"{names.MEMORY_BYTES} {ours}", "{{instance}}"), width=8),
        lines(
            "Open files",
            "File descriptors: one per socket; and how many there may be.",
            "none",
            Query(f"{names.OPEN_FILES} {ours}", "{{instance}} open"),
            Query(f"{names.OPEN_FILES_MAX} {ours}", "{{instance}} at most"),
            width=8,
        ),
    )
