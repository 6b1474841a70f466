Feature: Configuration
  A mount is told where Mashery is, and what certificates are accepted there.

  Scenario: A mount that nobody configured has Mashery's own endpoints
    Given the engine, not configured
    When I read "mash-creds/config"
    Then it says
      | v2_endpoint            | https://api.mashery.com/v2/json-rpc |
      | v3_endpoint            | https://api.mashery.com/v3/rest     |
      | v3_token_endpoint      | https://api.mashery.com/v3/token    |
      | tls_pinning            | default                             |
      | enable_cli_v3_write    | false                               |
      | proxy_server_creds_set | false                               |
    When I read "mash-creds/roles/billing/token"
    Then it is refused (404): role "billing" does not exist; *

  Scenario: A change keeps what it does not name
    Given the engine
    When I write to "mash-creds/config"
      | oaep_label | ours |
    And I write to "mash-creds/config"
      | tls_pinning | system |
    And I read "mash-creds/config"
    Then it says
      | oaep_label  | ours                    |
      | tls_pinning | system                  |
      | v3_endpoint | http://127.0.0.1:*/v3/rest |

  Scenario: The credentials of a proxy on the way are not read back
    Given the engine
    When I write to "mash-creds/config"
      | proxy_server       | proxy.example.com:3128 |
      | proxy_server_creds | me:planted-password    |
    And I read "mash-creds/config"
    Then it says
      | proxy_server           | proxy.example.com:3128 |
      | proxy_server_creds_set | true                   |
    And it tells no credential

  Scenario: An endpoint that gives credentials away is refused
    Given the engine
    When I write to "mash-creds/config"
      | v3_endpoint | http://api.mashery.example/v3/rest |
    Then it is refused (400): nothing was changed: v3_endpoint: *https*

  Scenario: A mistyped field is an error, not passed over
    Given the engine
    When I write to "mash-creds/config"
      | v3_endpiont | https://api.mashery.com/v3/rest |
    Then it is refused (400): there is no field "v3_endpiont" here; the fields are *
