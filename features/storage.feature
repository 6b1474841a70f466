Feature: Storage
  The engine runs as a plugin of Vault, and keeps what it knows in Vault's storage.

  Background:
    Given the engine
    And the role "billing" with
      | explicit_num_uses | 10 |

  Scenario: Vault runs the built binary
    Then Vault runs the engine from the built binary

  Scenario: Roles, uses and tokens outlive the seal
    When I read "mash-creds/roles/billing/token"
    And I remember "access_token" as {first}
    And Vault is sealed
    And I read "mash-creds/roles/billing/token"
    Then it is refused (503): Vault is sealed
    When Vault is unsealed
    And I read "mash-creds/roles/billing/token"
    Then "access_token" is the same as {first}
    When I read "mash-creds/roles/billing"
    Then it says
      | use_remaining | 8 times (20% used) |
      | v3_capable    | true               |
    And Mashery gave 1 token
    And Vault runs the engine from the built binary

  Scenario: Key ids, by which programs tell API keys apart, outlive it too
    When I read "mash-creds/roles/billing/grant?api=2"
    And I remember "key_id" as {key}
    And Vault is sealed
    And Vault is unsealed
    And I read "mash-creds/roles/billing/grant?api=2"
    Then "key_id" is the same as {key}

  Scenario: A reload of the plugin loses nothing
    When I read "mash-creds/roles/billing/token"
    And I remember "access_token" as {first}
    And the plugin is reloaded
    And I read "mash-creds/roles/billing/token"
    Then "access_token" is the same as {first}
