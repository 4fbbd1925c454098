"""All tables of central in one `metadata`: whoever goes through them has to have asked for them here.

A piece of work with tables of its own has them in a module beside `tables.py`, built with its `metadata`, `account_column`, `by_month` and
`COPIED`, named here, and made by a migration of its own.
"""

from __future__ import annotations

from poller.central.store import agreements, cursors, inventory, jobs, messages, requests, standings, stock, tables, watched

MODULES = (tables, inventory, cursors, standings, jobs, messages, watched, requests, stock, agreements)

metadata = tables.metadata
