"""What a trained model says of maps: codes, decoded maps, distances from those trained on."""
