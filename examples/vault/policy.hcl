# What an application needs of the Mashery secrets engine at mash-creds/.
# One role here: billing. docs/getting-started.md explains each line.

path "mash-creds/roles/billing/proxy/*" {
  capabilities = ["read", "list", "update", "delete"]
}

path "mash-creds/roles/billing/grant" {
  capabilities = ["read"]
}

path "mash-creds/roles/billing" {
  capabilities = ["read"]
}
