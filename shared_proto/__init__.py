"""The contract between the services: messages, RPCs, and what both ends of a call agree on."""
