"""What the scenario tests share. Only the standard library, and no code of Penstock: this side is the witness."""
