"""The message broker: Valkey, Redis or RabbitMQ; transport only."""
