"""The message broker: Valkey, Redis or RabbitMQ. It only transports."""
