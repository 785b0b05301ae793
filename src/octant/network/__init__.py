"""The network: the trainer that ships, from its vocabulary to its data sets."""
