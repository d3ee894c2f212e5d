"""PostgreSQL and the broker: connections, schema and migrations, audit trail, queue tables."""
