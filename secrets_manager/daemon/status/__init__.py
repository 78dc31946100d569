"""What a running daemon tells people about itself and its definitions: the data of the status page."""
