"""The wire: SNMP as bytes and object identifiers, knowing nothing of printers.

`ber`, `oid`, `message`, `usm`, `v3`, `ask` and `walk` are sans-io: no asyncio, clock, socket or logging. `socket` is the edge.
"""
