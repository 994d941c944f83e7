"""Concrete stores behind `gateway.ports.Store`. Only bootstrap names one; everybody else knows the protocol."""
