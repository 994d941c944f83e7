"""Traces (OpenTelemetry): one declaration through all stages, for who wants to see where its time goes."""
