"""Pages of the providers' feeds: how far they reach, uploads and previews."""
