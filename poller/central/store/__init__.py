"""What central keeps, on SQLite or PostgreSQL: `tables` say what there is, `database` opens it, the others ask it and tell it."""

from poller.central.store import inventory as inventory  # their tables are of the same schema, whoever asks for it first
from poller.central.store import standings as standings
