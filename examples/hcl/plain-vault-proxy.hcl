# No mashery block: a plain Vault Proxy, in the words of `vault proxy`.

pid_file = "/run/mashproxy/mashproxy.pid"

vault {
  address = "https://vault.example.com:8200"
  retry {
    num_retries = 5
  }
}

auto_auth {
  method "kubernetes" {
    mount_path = "auth/kubernetes"
    config = {
      role = "app"
    }
  }

  sink "file" {
    config = {
      path = "/run/mashproxy/token"
    }
  }
}

api_proxy {
  use_auto_auth_token = true
}

cache {}

listener "tcp" {
  address     = "127.0.0.1:8100"
  tls_disable = true
}

listener "tcp" {
  address     = "127.0.0.1:9100"
  tls_disable = true
  role        = "metrics_only"
}
