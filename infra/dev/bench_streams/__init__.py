"""What event streams cost the gateway, beside the stock response of sse-starlette."""
