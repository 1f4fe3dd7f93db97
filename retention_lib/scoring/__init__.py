"""What is likely to happen: who leaves next, why, and what each customer is worth."""
