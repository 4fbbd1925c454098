"""The dealer's side: receives what agents of many sites send, and hands them their settings. It has no way to a site: agents come here."""
