"""Alembic's entrance: the steps run on the connection, and in the transaction, they are handed."""

from __future__ import annotations

from alembic import context

from poller.central.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
