"""The gateway over HTTP: one route table drives registration, authorisation, negotiation and the OpenAPI document."""
