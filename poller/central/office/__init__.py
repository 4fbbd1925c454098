"""What people enter, list, import, export and erase: accounts, contracts, locations, catalogue."""
