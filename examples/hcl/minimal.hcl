# The least that serves Mashery calls: log in by AppRole, listen on a unix
# socket for one application and on loopback TCP, serve one mount here.

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

# Calls to Mashery are made with the login's token, whatever a caller sends.
api_proxy {
  use_auto_auth_token = "force"
}

listener "unix" {
  address      = "/run/mashproxy/billing.sock"
  socket_mode  = "0660"
  socket_group = "billing"
}

listener "tcp" {
  address     = "127.0.0.1:8300"
  tls_disable = true
}

# The label is where the Mashery secrets engine is mounted.
mashery "mash-creds" {}
