"""The dashboards as code: `python -m grafana.build` writes grafana/dashboards/*.json, which Grafana reads. Not part of the agent."""
