"""From stored lines to the devices and jobs they tell of."""
