"""The command `tradewright`: one module a group of subcommands; heavy libraries are imported inside them."""
