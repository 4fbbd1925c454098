"""From levels and pages to requests: what runs out when, and what is done about it."""
