"""What central keeps, on SQLite or PostgreSQL: `tables` say what there is, `database` opens it, the others ask it and tell it."""
