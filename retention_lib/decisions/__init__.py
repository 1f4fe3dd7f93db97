"""What to do about it, and whether it paid: what-ifs, offers, claims on trial."""
