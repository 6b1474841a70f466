# An engine mounted deep in a namespace of Vault Enterprise. Callers use
# /v1/team/a/mash/roles/… with the header X-Vault-Namespace: division, or
# /v1/division/team/a/mash/roles/… without it.

vault {
  address = "https://vault.example.com:8200"
}

auto_auth {
  method "approle" {
    namespace = "division"
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

listener "unix" {
  address     = "/run/mashproxy/team-a.sock"
  socket_mode = "0600"
}

mashery "team/a/mash" {
  namespace = "division"

  # This Vault decides about the mount by ACL policies alone: no MFA, no
  # control groups, no Sentinel. Without this line Vault is asked every time.
  enterprise = "acl-only"
}
