"""The service under load: the gateway as a process of its own, next to a floor and a peer, driven by our load tool."""
