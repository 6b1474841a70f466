# For Postman on a developer's machine: its pre-request script reads the grant
# of one role and signs the call itself. Everything else stays inside.

vault {
  address = "https://vault.example.com:8200"
}

auto_auth {
  method "token_file" {
    config = {
      token_file_path = "/home/me/.vault-token"
    }
  }
}

api_proxy {
  use_auto_auth_token = "force"
}

listener "tcp" {
  address     = "127.0.0.1:8300"
  tls_disable = true
}

mashery "mash-creds" {
  # Whoever reaches the listener can read grant and token of this role, and
  # with them step around policy and pacing. Name as few roles as possible.
  reveal = ["demo"]

  # Leave some of the key's calls per second to Postman.
  qps = 1
}
