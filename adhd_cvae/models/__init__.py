"""Contrastive models: the linear ones, the network that starts from them, and their weights."""
