"""What `poller bench` measures: the goals of speed and size, each against a peer or a limit, in one run.

A row is a file with a `run`, which gives the results of that row. What a row measures of ours it measures in a fresh process, so that CPU
seconds and memory are its own; the simulated printers are another process again. Everything stays on loopback and ends in bounded time.
"""
