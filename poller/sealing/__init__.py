"""Sealing: what keeps stored and travelling values from being read or altered. The one room, with snmp/usm.py, that knows cryptography."""
