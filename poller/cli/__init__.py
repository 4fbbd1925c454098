"""The verbs: the only place that prints or exits. One file per verb, named like it; `app.py` finds them by name."""
