"""Alembic's entrance: the steps run on the connection, and in the transaction, they are handed.

On a store that is spread over several machines, new tables are made without their references, spread, and then get them.
"""

from __future__ import annotations

from functools import partial

from alembic import context
from sqlalchemy import Connection

from poller.central.store.distribution import spread_already, statements
from poller.central.store.schema import metadata

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=False)
is_spread = bool(spread_already(connection))
if is_spread:
    steps = context.get_context().impl
    steps.create_table = partial(steps.create_table, include_foreign_key_constraints=[])  # type: ignore[method-assign]
context.run_migrations()
if is_spread:
    for statement in statements(done=spread_already(connection)):
        connection.exec_driver_sql(statement)
