"""What benchmarks load Tieout with, and what the disk beneath takes."""
