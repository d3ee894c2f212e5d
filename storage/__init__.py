"""How we keep things: the engine, the migrations, the database's own guards."""
