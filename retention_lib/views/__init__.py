"""What people see: charts and tables."""
