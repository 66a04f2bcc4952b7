"""What no form says: functions of the facts of an order, each named by one rule."""
