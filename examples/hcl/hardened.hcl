# As narrow as it gets: two applications, each with a socket of its own and with
# local rules for what it needs and no more. Vault's policies decide as well: a
# rule here forbids, and allows nothing that they do not.

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

# Billing reads and changes services and their endpoints; it makes no new ones
# and deletes nothing. Each rule stands for itself: which of these paths may be
# written is for Vault's policies to say. Of Vault it may ask how it is, and
# look at its own roles.
listener "unix" {
  address      = "/run/mashproxy/billing.sock"
  socket_mode  = "0660"
  socket_group = "billing"

  roles       = ["billing-*"]
  methods     = ["GET", "HEAD", "LIST", "PUT"]
  v3_paths    = ["services", "services/+", "services/+/endpoints*"]
  v2_methods  = []
  vault_paths = ["mash-creds/roles/+", "sys/health"]
}

# The portal creates OAuth tokens for two services, and looks up applications.
# It has nothing to ask of V3, nor of Vault.
listener "unix" {
  address     = "/run/mashproxy/portal.sock"
  socket_mode = "0600"

  roles      = ["portal"]
  methods    = ["POST"]
  v3_paths   = []
  v2_methods = ["oauth2.createAccessToken", "oauth2.fetchApplication", "test.echo"]
  v2_arguments = {
    "oauth2.createAccessToken" = {
      service_key = ["3wh56tphn3e87eshyjgjeqrp", "7fk2*"]
    }
  }
  vault_paths = []
}

mashery "mash-creds" {
  # What no listener of this file may do, whatever its own rules say.
  roles   = ["billing-*", "portal"]
  methods = ["GET", "HEAD", "LIST", "POST", "PUT"]

  # Vault's policies are kept, and not for long where Vault is away.
  policy           = "enforce"
  policy_max_stale = "5m"

  # Calls do not pile up.
  max_wait  = "5s"
  max_queue = 64

  # Mashery must show one of these keys: the present one and the next. How to
  # find them: docs/configuration.md, "tls".
  # tls {
  #   pin_sha256 = [
  #     "LXEWQrcmsEQBYnyp2knXQ1lkQaFLTyMIc6dVHKPkPbY=",
  #     "a0:a1:a2:a3:a4:a5:a6:a7:a8:a9:aa:ab:ac:ad:ae:af:b0:b1:b2:b3:b4:b5:b6:b7:b8:b9:ba:bb:bc:bd:be:bf",
  #   ]
  # }
}
