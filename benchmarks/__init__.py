"""Speed and memory of tradewright beside other engines, on equal work."""
