Feature: Roles
  A role keeps the credentials of a Mashery area under a name. They go in and never come out.

  Background:
    Given the engine

  Scenario: A role tells what it can do, and no credential
    Given the role "billing"
    When I read "mash-creds/roles/billing"
    Then it says
      | v2_capable        | true          |
      | v3_capable        | true          |
      | qps               | 100           |
      | exportable        | true          |
      | forced_proxy_mode | false         |
      | term              | ∞             |
      | term_remaining    | ∞             |
      | use_remaining     | ∞             |
      | v3_token          | ---NOT-SET--- |
    And it tells no credential

  Scenario: A role may have the credentials of one API only
    Given the role "billing" for V2 alone
    When I read "mash-creds/roles/billing"
    Then it says
      | v2_capable | true  |
      | v3_capable | false |

  Scenario: A change keeps what it does not name
    Given the role "billing"
    When I write to "mash-creds/roles/billing"
      | qps | 7 |
    And I read "mash-creds/roles/billing"
    Then it says
      | qps        | 7    |
      | v3_capable | true |
    When I read "mash-creds/roles/billing/token"
    Then it works

  Scenario: A change is seen by the next call
    Given the role "billing"
    When I read "mash-creds/roles/billing/grant?api=2"
    Then it says
      | area_nid | 712 |
    When I write to "mash-creds/roles/billing"
      | area_nid | 713 |
    And I read "mash-creds/roles/billing/grant?api=2"
    Then it says
      | area_nid | 713 |

  Scenario: A role made again has nothing of the old
    Given the role "billing" with
      | explicit_num_uses | 1 |
    When I read "mash-creds/roles/billing/token"
    And I remember "access_token" as {first}
    And I delete "mash-creds/roles/billing"
    Given the role "billing"
    When I read "mash-creds/roles/billing/token"
    Then "access_token" is another than {first}
    When I read "mash-creds/roles/billing"
    Then it says
      | use_remaining | ∞ |

  Scenario: Whatever is asked of a role that does not exist, it is not found
    When I write to "mash-creds/roles/billing/v3/services"
      | name | x |
    Then it is refused (404): role "billing" does not exist; write roles/billing first
    When I delete "mash-creds/roles/billing/token"
    Then it is refused (404): role "billing" does not exist; write roles/billing first

  Scenario: Roles are listed by name
    Given the role "reports"
    And the role "billing"
    When I list "mash-creds/roles"
    Then it says
      | keys | ["billing","reports"] |

  Scenario: A deleted role is gone
    Given the role "billing"
    When I delete "mash-creds/roles/billing"
    And I read "mash-creds/roles/billing"
    Then its status is 404
    When I read "mash-creds/roles/billing/grant"
    Then it is refused (404): role "billing" does not exist; write roles/billing first

  Scenario: A number that is not whole is an error
    When a program sends PUT "mash-creds/roles/billing" with {"area_nid":7.5}
    Then it is refused (400): area_nid must be a whole number, *

  Scenario: A credential of a wrong type is an error that does not repeat it
    When a program sends PUT "mash-creds/roles/billing" with {"password":["planted-password"]}
    Then it is refused (400): password must be one text; no list and no object

  Scenario: A mistyped field is an error, not passed over
    When I write to "mash-creds/roles/billing"
      | api_secret | x |
    Then it is refused (400): there is no field "api_secret" here; the fields are *
    When I read "mash-creds/roles/billing"
    Then its status is 404
