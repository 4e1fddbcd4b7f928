"""What is owed to whom: catalogue, outbox, delivery, receipts. Knows nothing of cases."""
