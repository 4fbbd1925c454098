"""Simulated printers on loopback, served from recordings: for the demo, for tests and for development.

A *recording* is what a device holds; its *individual* gives one address its own serial, name and MAC; its *life* lets it print and age;
the *agent* answers SNMP from the result; the *server* is the only file with a socket. *Misbehaviour* is for tests.
"""
