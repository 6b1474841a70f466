# Some roles are served by Vault's engine as ever, the rest here. Two mounts,
# each with its own limits.

vault {
  address = "https://vault.example.com:8200"
}

auto_auth {
  method "approle" {
    config = {
      role_id_file_path                   = "/etc/mashproxy/role-id"
      secret_id_file_path                 = "/etc/mashproxy/secret-id"
      remove_secret_id_file_after_reading = false # or it could not log in again after a restart
    }
  }
}

api_proxy {
  use_auto_auth_token = "force"
}

cache {}

listener "unix" {
  address     = "/run/mashproxy/mashproxy.sock"
  socket_mode = "0600"
}

mashery "mash-creds" {
  # Never served here: Vault's engine makes these calls and paces them.
  forward_roles = ["legacy-*", "audited"]
}

mashery "mash-batch" {
  qps      = 2    # at most, even where the role has more
  max_wait = "5m" # a batch may queue
}
