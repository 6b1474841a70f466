Feature: Exchanging roles
  A role goes from one Vault to another, encrypted for one role there, with the limits it is given.

  Background:
    Given the engine
    And the role "billing"
    And the engine at "partner"
    And I write the empty role "partner/roles/billing"
    And I take the certificate of "partner/roles/billing"

  Scenario: A role is exported with limits, which the recipient cannot lift
    When I export "mash-creds/roles/billing" to it with
      | explicit_term     | 30d  |
      | explicit_num_uses | 5    |
      | explicit_qps      | 3    |
      | force_proxy_mode  | true |
    Then it tells no credential
    When I import the block to "partner/roles/billing"
    Then it works
    When I read "partner/roles/billing"
    Then it says
      | qps               | 3                 |
      | use_remaining     | 5 times (0% used) |
      | term_remaining    | 7*h*s             |
      | forced_proxy_mode | true              |
      | exportable        | false             |
      | v2_capable        | true              |
      | v3_capable        | true              |
    When a program sends GET "partner/roles/billing/proxy/v3/services?limit=1"
    Then it is a list of 1
    When I write to "partner/roles/billing"
      | explicit_num_uses | 500 |
    Then it is refused (400): operation is not permitted on an imported role; *
    When I export "partner/roles/billing" to it
    Then it is refused (400): this role is not exportable; *

  Scenario: Nobody else can read the block, or change what it says
    When I export "mash-creds/roles/billing" to it with
      | explicit_num_uses | 5 |
    And I import the block to "mash-creds/roles/billing"
    Then it is refused (400): nothing was exported to role "billing" yet; *
    When somebody changes "max 5 uses" to "max 500 uses" in the block
    And I import the block to "partner/roles/billing"
    Then it is refused (400): *its header says "max 500 uses" of Uses, its data "max 5 uses"; it was tampered with
    When I read "partner/roles/billing"
    Then it says
      | v2_capable | false |
      | v3_capable | false |

  Scenario: A role is kept to this Vault
    Given I write to "mash-creds/roles/billing"
      | exportable | false |
    When I export "mash-creds/roles/billing" to it
    Then it is refused (400): this role is not exportable; to allow it write exportable=true to roles/billing
