"""`python -m poller` is `poller`."""

from poller.cli.app import main

raise SystemExit(main())
