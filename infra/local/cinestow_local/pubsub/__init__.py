"""A development server that speaks Pub/Sub's gRPC API on loopback; never used in production.

Schemas, snapshots and seek, IAM, exactly-once delivery, message transforms and exports answer
UNIMPLEMENTED. The identity of a push request is not emulated: an ``oidc_token`` is kept in the
configuration, no token is sent. Messages and subscriptions do not expire.
"""
