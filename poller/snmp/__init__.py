"""The wire: SNMP as bytes and object identifiers, knowing nothing of printers.

`ber`, `oid`, `message`, `ask` and `walk` are sans-io: no asyncio, clock, socket or logging. `socket` is the edge.
"""
