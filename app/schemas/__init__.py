"""The wire: request and response bodies of the HTTP API, exactly as the contract names them."""
