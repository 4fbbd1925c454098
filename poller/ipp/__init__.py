"""The Internet Printing Protocol, for reading: `message` knows the bytes (RFC 8010), `client` asks one device over HTTP.

One operation is spoken, Get-Printer-Attributes. Nothing in here can build any other, so nothing in here can send a job.
"""
