"""Lists of the amounts that operations moved, and the search by them."""
