"""What every SQLite file of ours has in common: made private, checked when opened, written in whole transactions.

Here is how it is done; what is done about trouble differs by what the file is worth, and each room that keeps one decides for itself.
"""
