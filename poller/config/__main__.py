"""`python -m poller.config > docs/settings.md`"""

import sys

from poller.config.document import settings_page

sys.stdout.write(settings_page())
