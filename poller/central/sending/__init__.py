"""Parcels told to whoever packs them: by mail, by a signed webhook, as CSV; each once, kept and tried again until it is there."""
