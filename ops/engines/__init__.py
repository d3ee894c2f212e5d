"""The engines: database and broker, external servers or embedded ones in the data directory."""
