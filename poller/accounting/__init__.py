"""Job accounting of production presses: reading, checking, converting and writing their job logs. docs/accounting.md is its page."""
