"""From a signed request to what is stored, and the settings that agents fetch."""
